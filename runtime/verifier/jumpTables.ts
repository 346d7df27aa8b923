/**
 * Arrays of instructions and the jumps through them (newest kernels): what must hold of an array before a program may name
 * it, where a jump may lead as far as its function's shape is concerned, and where it leads on a path.
 * Evidence: fixtures `jumpTables` of the rule book, measured on 7.2.
 */
import type { Insn } from '../insn/insn';
import type { MapSpec } from '../loader/objectSpec';
import { OPCODES } from '../spec/opcodes';
import { assert } from '../util/assert';
import { asU64 } from '../util/u64';
import { pushBranch } from './branches';
import { regOf, reject, type VerifierEnv } from './env';
import { EINVAL, ERANGE } from './outcome';
import { changed, U32_MAX, type RegState } from './regState';
import { regTypeName } from './regText';
import { tnumAdd, tnumConst } from './tnum';

/** Bytes of an entry as programs see it: the address of an instruction. */
export const ENTRY_BYTES = 8;
const LARGEST_OFFSET = BigInt(U32_MAX) * BigInt(ENTRY_BYTES);

export const isInsnArray = (map: MapSpec): boolean => map.type === 'BPF_MAP_TYPE_INSN_ARRAY';

export const isIndirectJump = (insn: Insn): boolean => insn.code === OPCODES.gotox.code;

/** Slot that entry `index` stands for; nobody fills an array's entries but its loader. */
const targetOf = (map: MapSpec, index: number): number => map.targets?.[index] ?? 0;

/** The slots that entries `from` … `to` stand for, ascending, each once. */
function targetsBetween(map: MapSpec, from: number, to: number): number[] {
  const found = new Set<number>();
  for (let i = from; i <= to; i++) found.add(targetOf(map, i));
  return [...found].sort((a, b) => a - b);
}

const allTargets = (map: MapSpec): number[] => targetsBetween(map, 0, map.maxEntries - 1);

/** An array must be frozen, and its entries be instructions of the program. */
export function checkInsnArray(env: VerifierEnv, map: MapSpec): void {
  const { insns } = env;
  const isStart = (slot: number): boolean =>
    slot < insns.length && (slot === 0 || insns[slot - 1].code !== OPCODES.lddw.code);
  if (map.frozen && allTargets(map).every(isStart)) return;
  reject(env, {
    code: 'jump-table',
    category: 'Program Structure',
    errno: EINVAL,
    message: 'Failed to properly initialize insn array',
    insn: -1,
    facts: { map: map.name },
  });
}

/** Arrays that the program names. */
function arraysOf(env: VerifierEnv): Set<MapSpec> {
  const found = new Set<MapSpec>();
  for (const reference of env.program.references.values()) {
    if (reference.kind !== 'map' && reference.kind !== 'mapValue') continue;
    const map = env.maps[reference.map];
    if (isInsnArray(map)) found.add(map);
  }
  return found;
}

/** Everywhere that an indirect jump at `at` in the function from `start` to `end` could lead: all arrays that begin inside it. */
export function jumpTableAt(env: VerifierEnv, at: number, start: number, end: number): readonly number[] {
  const known = env.jumpTables.get(at);
  if (known !== undefined) return known;
  const refuse = (code: string, message: string): never =>
    reject(env, { code, category: 'Program Structure', errno: EINVAL, message, insn: at });
  const found = new Set<number>();
  for (const map of arraysOf(env)) {
    const targets = allTargets(map);
    if (targets[0] < start || targets[0] >= end) continue;
    for (const target of targets) found.add(target);
  }
  if (found.size === 0) {
    refuse('jump-without-table', `no jump tables found for subprog starting at ${start}`);
  }
  const table = [...found].sort((a, b) => a - b);
  if (table[0] < start || table[table.length - 1] >= end) {
    refuse('jump-table', `jump table for insn ${at} points outside of the subprog [${start},${end}]`);
  }
  env.jumpTables.set(at, table);
  return table;
}

/** What a load from an array gives: the address of an instruction, which remembers what part of the array it may be from. */
export function loadedEntry(reg: RegState, off: number): RegState {
  const moved = off + reg.off;
  if (moved === 0) return changed(reg, { type: 'insn' });
  const by = BigInt(moved);
  const narrow = reg.u32max + moved <= U32_MAX && reg.u32min + moved >= 0;
  return changed(reg, {
    type: 'insn',
    off: 0,
    bits: tnumAdd(reg.bits, tnumConst(asU64(by))),
    smin: reg.smin + by,
    smax: reg.smax + by,
    umin: reg.umin + by,
    umax: reg.umax + by,
    ...(narrow && {
      u32min: reg.u32min + moved,
      u32max: reg.u32max + moved,
      s32min: reg.s32min + moved,
      s32max: reg.s32max + moved,
    }),
  });
}

/** A jump to where a register points: every entry that it may be from is a way, the last slot is taken first. */
export function checkIndirectJump(env: VerifierEnv, insn: Insn): void {
  const reg = regOf(env, insn.dst);
  const { dst } = insn;
  const refuse = (message: string, errno = EINVAL): never =>
    reject(env, { code: 'jump-table', category: 'Program Structure', errno, message, registers: [dst] });
  if (reg.type !== 'insn') return refuse(`R${dst} has type ${regTypeName(reg)}, expected PTR_TO_INSN`);
  const { map } = reg;
  assert(map !== null, 'an instruction is of an array');
  if (reg.umin > LARGEST_OFFSET) refuse(`the sum of R${dst} umin_value ${reg.umin} is too big`, ERANGE);
  if (reg.umax > LARGEST_OFFSET) refuse(`the sum of R${dst} umax_value ${reg.umax} is too big`, ERANGE);
  const first = Number(reg.umin / BigInt(ENTRY_BYTES));
  const last = Number(reg.umax / BigInt(ENTRY_BYTES));
  if (last >= map.maxEntries) {
    refuse(`R${dst} points to outside of jump table: [${first},${last}] max_entries ${map.maxEntries}`);
  }
  const targets = targetsBetween(map, first, last);
  for (const target of targets.slice(0, -1)) pushBranch(env, target, env.insnIdx);
  env.insnIdx = targets[targets.length - 1];
}
