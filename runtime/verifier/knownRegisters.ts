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

const NOTHING: Registers = Array.from({ length: 11 }, () => undefined);

const same = (a: Known | undefined, b: Known | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.kind === b.kind &&
    ('value' in a ? a.value : 0n) === ('value' in b ? b.value : 0n) &&
    ('map' in a ? a.map : 0) === ('map' in b ? b.map : 0) &&
    ('subprog' in a ? a.subprog : 0) === ('subprog' in b ? b.subprog : 0));

const number = (value: bigint): Known => ({ kind: 'number', value: asU64(value) });
const isZero = (k: Known | undefined): boolean => k?.kind === 'number' && k.value === 0n;

const MOV = 11;
const ADD = 0;
const SUB = 1;
const AND = 5;

function moved(source: Known | undefined, signBits: number): Known | undefined {
  if (signBits === 0) return source;
  if (source?.kind !== 'number' || ![8, 16, 32].includes(signBits)) return undefined;
  return number(BigInt.asIntN(signBits, source.value));
}

/** What an arithmetic instruction leaves in its target. Only moves, sums with constants and masks are followed. */
function arithmetic(insn: Insn, dst: Known | undefined, src: Known | undefined): Known | undefined {
  const byReg = (insn.code & 8) !== 0;
  const imm = BigInt(insn.imm);
  let result: Known | undefined;
  switch (insn.code >> 4) {
    case MOV:
      result = byReg ? moved(src, insn.off) : number(imm);
      break;
    case ADD:
    case SUB:
      if (!byReg && (dst?.kind === 'number' || dst?.kind === 'mapValue')) {
        const value = asU64((insn.code >> 4 === ADD ? 1n : -1n) * imm + dst.value);
        result = { ...dst, value };
      }
      break;
    case AND:
      if (isZero(dst) && byReg) result = dst;
      else if (byReg ? isZero(src) : imm === 0n) result = number(0n);
      else if (dst?.kind === 'number') {
        if (!byReg) result = number(dst.value & imm);
        else if (src?.kind === 'number') result = number(dst.value & src.value);
      }
      break;
    default:
  }
  if ((insn.code & 7) === 7 || result === undefined) return result;
  return result.kind === 'number' ? number(BigInt.asUintN(32, result.value)) : undefined;
}

const SIZES = [4, 2, 1, 8] as const;

/** A load from a map whose contents never change. */
function loaded(env: VerifierEnv, insn: Insn, src: Known | undefined): Known | undefined {
  const mode = insn.code & 0xe0;
  if (src?.kind !== 'mapValue' || (mode !== 0x60 && mode !== 0x80)) return undefined;
  const map = env.maps[src.map];
  const size = SIZES[(insn.code >> 3) & 3];
  const off = Number(BigInt.asIntN(32, src.value + BigInt(insn.off)));
  if (!mapInfo(env, map).constant || off < 0 || off + size > map.valueSizeBytes) return undefined;
  const value = constantAt(env, map, off, size, mode === 0x80);
  return value === undefined ? undefined : number(value);
}

function wide(env: VerifierEnv, at: number, insn: Insn): Known | undefined {
  const reference = env.program.references.get(at);
  switch (reference?.kind) {
    case undefined:
      if (insn.src === 4) break;
      return insn.src === 0
        ? number((BigInt(env.insns[at + 1].imm >>> 0) << 32n) | BigInt(insn.imm >>> 0))
        : undefined;
    case 'map':
      return { kind: 'map', map: reference.map };
    case 'mapValue':
      return { kind: 'mapValue', map: reference.map, value: BigInt(reference.offset) };
    case 'subprog':
      break;
    default:
      return undefined;
  }
  const subprog = subprogAt(env, calleeOf(env, at));
  return subprog >= 0 ? { kind: 'function', subprog } : undefined;
}

function after(env: VerifierEnv, at: number, before: Registers): Registers {
  const insn = env.insns[at];
  const set = (r: number, value: Known | undefined): Registers => {
    if (before[r] === value) return before;
    const out = before.slice();
    out[r] = value;
    return out;
  };
  const called = (): Registers => before.map((k, r) => (r <= 5 ? undefined : k));
  switch (insn.code & 7) {
    case 4:
    case 7:
      return set(insn.dst, arithmetic(insn, before[insn.dst], before[insn.src]));
    case 1:
      return set(insn.dst, loaded(env, insn, before[insn.src]));
    case 0:
      if (insn.code === 0x18) return set(insn.dst, wide(env, at, insn));
      return (insn.code & 0xe0) === 0x20 || (insn.code & 0xe0) === 0x40 ? called() : before;
    case 3: {
      if ((insn.code & 0xe0) !== 0xc0) return before;
      if (insn.imm === 0xf1) return set(0, undefined);
      if (insn.imm === 0x100) return set(insn.dst, undefined);
      return (insn.imm & 1) !== 0 ? set(insn.src, undefined) : before;
    }
    case 5:
      return insn.code === 0x85 ? called() : before;
    default:
      return before;
  }
}

/** What two ways agree on: `old` itself, if it loses nothing by the other. */
function agreed(old: Registers, other: Registers): Registers {
  if (old === other) return old;
  let left: (Known | undefined)[] | undefined;
  for (let r = 0; r < old.length; r++) {
    if (old[r] === undefined || same(old[r], other[r])) continue;
    left ??= old.slice();
    left[r] = undefined;
  }
  return left ?? old;
}

/** Per instruction what its registers hold before it; `undefined` where no way leads to. */
export function knownRegisters(env: VerifierEnv, graph: FlowGraph): (Registers | undefined)[] {
  const before: (Registers | undefined)[] = env.insns.map(() => undefined);
  for (const { start } of env.subprogs) before[start] = NOTHING;
  for (let changed = true; changed;) {
    changed = false;
    for (const order of graph.orders) {
      for (let n = order.length - 1; n >= 0; n--) {
        const registers = before[order[n]];
        if (registers === undefined) continue;
        const out = after(env, order[n], registers);
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
  return before;
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
