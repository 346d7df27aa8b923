/**
 * Registers that hold the same constant, map or function on every way to an instruction, found before the walk. Newest kernels
 * turn jumps on such constants into plain jumps, and learn from them how many bytes a call touches on the stack.
 * Evidence: logs of 7.2.
 */
import type { Insn } from '../insn/insn';
import { calleeOf, subprogAt } from './cfg';
import type { VerifierEnv } from './env';
import type { FlowGraph } from './flowGraph';
import { mapInfo } from './mapRules';
import { constantAt } from './memoryAccessMap';
import { asS64, asU64 } from '../util/u64';
import { NEGATION, RELATIONS, type Relation } from './refine';

/** `undefined` stands for a value that is not known to be the same on all ways. */
export type Known =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'map'; readonly map: number }
  | { readonly kind: 'mapValue'; readonly map: number; readonly value: bigint }
  | { readonly kind: 'function'; readonly subprog: number };

type Registers = readonly (Known | undefined)[];

type State = 'unknown' | Known['kind'];

/**
 * A register as the analysis keeps it. Which number and map stand beside a state that they say nothing of depends on what the
 * register held before, and ways on which they differ do not agree: a map that both load is then not known behind them.
 */
interface Info {
  readonly state: State;
  /** A number, an offset into a value, or a function. */
  readonly value: bigint;
  /** In the order in which the program names its maps. */
  readonly map: number;
}

type Infos = readonly Info[];

const UNKNOWN: Info = { state: 'unknown', value: 0n, map: 0 };
const NOTHING: Infos = Array.from({ length: 11 }, () => UNKNOWN);

const same = (a: Info, b: Info): boolean =>
  a === b || (a.state === b.state && a.value === b.value && a.map === b.map);

/** The number, beside what was there. */
const number = (before: Info, value: bigint): Info => ({ ...before, state: 'number', value: asU64(value) });
const isZero = (info: Info): boolean => info.state === 'number' && info.value === 0n;

const MOV = 11;
const ADD = 0;
const SUB = 1;
const AND = 5;

function moved(source: Info, signBits: number): Info {
  if (signBits === 0) return source;
  if (source.state !== 'number' || ![8, 16, 32].includes(signBits)) return UNKNOWN;
  return number(source, BigInt.asIntN(signBits, source.value));
}

/** What an arithmetic instruction leaves in its target. Only moves, sums with constants and masks are followed. */
function arithmetic(insn: Insn, dst: Info, src: Info): Info {
  const byReg = (insn.code & 8) !== 0;
  const imm = BigInt(insn.imm);
  let result = UNKNOWN;
  switch (insn.code >> 4) {
    case MOV:
      result = byReg ? moved(src, insn.off) : number(dst, imm);
      break;
    case ADD:
    case SUB:
      if (!byReg && (dst.state === 'number' || dst.state === 'mapValue'))
        result = { ...dst, value: asU64((insn.code >> 4 === ADD ? 1n : -1n) * imm + dst.value) };
      break;
    case AND:
      if (isZero(dst) && byReg) result = dst;
      else if (byReg ? isZero(src) : imm === 0n) result = number(dst, 0n);
      else if (dst.state === 'number') {
        if (!byReg) result = number(dst, dst.value & imm);
        else if (src.state === 'number') result = number(dst, dst.value & src.value);
      }
      break;
    default:
  }
  if ((insn.code & 7) === 7) return result;
  return result.state === 'number' ? number(result, BigInt.asUintN(32, result.value)) : UNKNOWN;
}

const SIZES = [4, 2, 1, 8] as const;

/** A load from a map whose contents never change. */
function loaded(
  env: VerifierEnv,
  maps: readonly number[],
  insn: Insn,
  dst: Info,
  src: Info | undefined,
): Info {
  const mode = insn.code & 0xe0;
  if (src?.state !== 'mapValue' || (mode !== 0x60 && mode !== 0x80)) return UNKNOWN;
  const map = env.maps[maps[src.map]];
  const size = SIZES[(insn.code >> 3) & 3];
  const off = Number(BigInt.asIntN(32, src.value + BigInt(insn.off)));
  if (!mapInfo(env, map).constant || off < 0 || off + size > map.valueSizeBytes) return UNKNOWN;
  const value = constantAt(env, map, off, size, mode === 0x80);
  return value === undefined ? UNKNOWN : number(dst, value);
}

function wide(env: VerifierEnv, maps: readonly number[], at: number, insn: Insn, dst: Info): Info {
  const reference = env.program.references.get(at);
  switch (reference?.kind) {
    case undefined:
      if (insn.src === 4) break;
      return insn.src === 0
        ? number(dst, (BigInt(env.insns[at + 1].imm >>> 0) << 32n) | BigInt(insn.imm >>> 0))
        : UNKNOWN;
    case 'map':
      return { ...dst, state: 'map', map: maps.indexOf(reference.map) };
    case 'mapValue':
      return { state: 'mapValue', map: maps.indexOf(reference.map), value: BigInt(reference.offset) };
    case 'subprog':
      break;
    default:
      return UNKNOWN;
  }
  const subprog = subprogAt(env, calleeOf(env, at));
  return subprog >= 0 ? { ...dst, state: 'function', value: BigInt(subprog) } : UNKNOWN;
}

function after(env: VerifierEnv, maps: readonly number[], at: number, before: Infos): Infos {
  const insn = env.insns[at];
  const set = (r: number, info: Info): Infos => {
    if (r >= before.length || same(before[r], info)) return before;
    const out = before.slice();
    out[r] = info;
    return out;
  };
  const called = (): Infos => before.map((info, r) => (r <= 5 ? UNKNOWN : info));
  switch (insn.code & 7) {
    case 4:
    case 7:
      return set(insn.dst, arithmetic(insn, before[insn.dst], before[insn.src]));
    case 1:
      return set(insn.dst, loaded(env, maps, insn, before[insn.dst], before.at(insn.src)));
    case 0:
      if (insn.code === 0x18) return set(insn.dst, wide(env, maps, at, insn, before[insn.dst]));
      return (insn.code & 0xe0) === 0x20 || (insn.code & 0xe0) === 0x40 ? called() : before;
    case 3: {
      if ((insn.code & 0xe0) !== 0xc0) return before;
      if (insn.imm === 0xf1) return set(0, UNKNOWN);
      if (insn.imm === 0x100) return set(insn.dst, UNKNOWN);
      return (insn.imm & 1) !== 0 ? set(insn.src, UNKNOWN) : before;
    }
    case 5:
      return insn.code === 0x85 ? called() : before;
    default:
      return before;
  }
}

/** What two ways agree on: `old` itself, if it loses nothing by the other. */
function agreed(old: Infos, other: Infos): Infos {
  if (old === other) return old;
  let left: Info[] | undefined;
  for (let r = 0; r < old.length; r++) {
    if (old[r].state === 'unknown' || same(old[r], other[r])) continue;
    left ??= old.slice();
    left[r] = { ...old[r], state: 'unknown' };
  }
  return left ?? old;
}

/** The object's maps that the program names, in that order. */
function mapsNamed(env: VerifierEnv): number[] {
  const maps: number[] = [];
  for (let at = 0; at < env.insns.length; at++) {
    const reference = env.insns[at].code === 0x18 ? env.program.references.get(at) : undefined;
    if (reference?.kind !== 'map' && reference?.kind !== 'mapValue') continue;
    if (!maps.includes(reference.map)) maps.push(reference.map);
  }
  return maps;
}

function knownOf(maps: readonly number[], { state, value, map }: Info): Known | undefined {
  switch (state) {
    case 'unknown':
      return undefined;
    case 'number':
      return { kind: state, value };
    case 'map':
      return { kind: state, map: maps[map] };
    case 'mapValue':
      return { kind: state, map: maps[map], value };
    case 'function':
      return { kind: state, subprog: Number(value) };
  }
}

/** Per instruction what its registers hold before it; `undefined` where no way leads to. */
export function knownRegisters(env: VerifierEnv, graph: FlowGraph): (Registers | undefined)[] {
  const maps = mapsNamed(env);
  const before: (Infos | undefined)[] = env.insns.map(() => undefined);
  for (const { start } of env.subprogs) before[start] = NOTHING;
  for (let changed = true; changed;) {
    changed = false;
    for (const order of graph.orders) {
      for (let n = order.length - 1; n >= 0; n--) {
        const infos = before[order[n]];
        if (infos === undefined) continue;
        const out = after(env, maps, order[n], infos);
        for (const to of graph.successors(order[n])) {
          const old = before[to];
          const next = old === undefined ? out : agreed(old, out);
          if (next === old) continue;
          before[to] = next;
          if (graph.isHead(to)) changed = true;
        }
      }
    }
  }
  const told = new Map<Infos, Registers>();
  return before.map((infos) => {
    if (infos === undefined) return undefined;
    let registers = told.get(infos);
    if (registers === undefined) told.set(infos, (registers = infos.map((info) => knownOf(maps, info))));
    return registers;
  });
}

const fits32 = (value: bigint): boolean => value <= 0xffff_ffffn;

/** Only constants of 32 bits are remembered. */
export const smallNumber = (k: Known | undefined): bigint | undefined =>
  k?.kind === 'number' && fits32(k.value) ? k.value : undefined;

function holds(relation: Relation, a: bigint, b: bigint): boolean {
  switch (relation) {
    case 'eq':
      return a === b;
    case 'set':
      return (a & b) !== 0n;
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
    case 'sgt':
      return asS64(a) > asS64(b);
    case 'sge':
      return asS64(a) >= asS64(b);
    default:
      return !holds(NEGATION[relation], a, b);
  }
}

/** The program with jumps on constants made plain; undefined when there is none. */
export function withFoldedBranches(
  env: VerifierEnv,
  known: readonly (Registers | undefined)[],
): Insn[] | undefined {
  let folded: Insn[] | undefined;
  env.insns.forEach((insn, at) => {
    const cls = insn.code & 7;
    const relation = cls === 5 || cls === 6 ? RELATIONS[insn.code >> 4] : undefined;
    if (relation === undefined) return;
    // Fields that should be empty are left for the walk to refuse.
    if ((insn.code & 8) !== 0 ? insn.imm !== 0 : insn.src !== 0) return;
    const registers = known[at];
    const left = smallNumber(registers?.[insn.dst]);
    const right = (insn.code & 8) !== 0 ? smallNumber(registers?.[insn.src]) : asU64(BigInt(insn.imm));
    if (left === undefined || right === undefined) return;
    const narrow = (x: bigint): bigint => (cls === 6 ? asU64(BigInt.asIntN(32, x)) : x);
    const off = holds(relation, narrow(left), narrow(right)) ? insn.off : 0;
    folded ??= env.insns.slice();
    folded[at] = { code: 0x05, dst: 0, src: 0, off, imm: 0 };
  });
  return folded;
}
