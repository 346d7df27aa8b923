/**
 * What newer kernels compute before the walk: which registers and stack slots may still be read before each instruction, and
 * which instructions form loops. The walk then forgets what is dead and compares only what lives. Older kernels discover
 * liveness while walking (`liveness.ts`).
 */
import { isHelperCall, isKfuncCall } from './callKinds';
import type { VerifierEnv } from './env';
import { loopNumbers, postorders, successors } from './flowGraph';
import { setSlot } from './frame';
import { NOT_INIT } from './regState';
import { helperArguments } from './helperPrototypes';
import { refuseRecursion } from './cfg';
import { knownRegisters, withFoldedBranches } from './knownRegisters';
import { stackArgumentAccess } from './stackArguments';
import { stackLiveness, type StackLiveness } from './stackLiveness';
import {
  EMPTY_SLOT,
  isNullSpill,
  SLOT_DYNPTR,
  SLOT_INVALID,
  SLOT_IRQ,
  SLOT_ITER,
  SLOT_MISC,
  SLOT_SPILL,
  slotKind,
  withKind,
  type SlotKind,
  type StackSlot,
} from './stackState';
import type { VerifierState } from './verifierState';
import type { Insn } from '../insn/insn';

export interface StaticLiveness {
  readonly stack: StackLiveness;
  /** Loop number by instruction, 0 for none. */
  readonly loops: Int32Array;
}

const ARGUMENTS = 0x3e;
const CALLER_SAVED = 0x3f;
const EVERYTHING = 0x7ff;

/**
 * Computes liveness into `env.staticLiveness` and `aux.liveRegsBefore`; may replace jumps on constants in `env.insns`, and refuses
 * functions that then still reach themselves.
 */
export function analyseStatically(env: VerifierEnv): void {
  let orders = postorders(env);
  // A register that does not exist is refused where the walk meets it.
  const strange = env.insns.some(
    (insn) =>
      (insn.dst > 10 || insn.src > 10) &&
      !(env.features.stackArguments && stackArgumentAccess(insn) !== undefined),
  );
  const known = strange ? undefined : knownRegisters(env, orders);
  const folded =
    known !== undefined && env.features.constantBranchesFolded ? withFoldedBranches(env, known) : undefined;
  if (folded !== undefined) {
    env.insns = folded;
    orders = postorders(env);
  }
  refuseRecursion(env, orders);
  if (known === undefined) return;
  env.staticLiveness = { stack: stackLiveness(env, orders, known), loops: loopNumbers(env, orders) };
  liveRegisters(env, orders);
}

/** Registers that an instruction reads and writes, as bit masks. */
function accesses(env: VerifierEnv, insn: Insn): { readonly reads: number; readonly writes: number } {
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const byReg = (insn.code & 8) !== 0;
  const mode = insn.code & 0xe0;
  const op = insn.code >> 4;
  switch (insn.code & 7) {
    case 0:
      return insn.code === 0x18 ? { reads: 0, writes: dst } : { reads: EVERYTHING, writes: 0 };
    case 1:
      return { reads: src, writes: dst };
    case 2:
      return { reads: dst, writes: 0 };
    case 3: {
      if (mode !== 0xc0) return { reads: dst | src, writes: 0 };
      if (insn.imm === 0xf1) return { reads: 1 | dst | src, writes: 1 };
      if (insn.imm === 0x100) return { reads: src, writes: dst };
      return { reads: dst | src, writes: insn.imm !== 0x110 && (insn.imm & 1) !== 0 ? src : 0 };
    }
    case 4:
    case 7:
      if (op === 13) return { reads: dst, writes: dst };
      if (op === 11) return { reads: byReg ? src : 0, writes: dst };
      return { reads: byReg ? dst | src : dst, writes: dst };
    default:
      if (op === 0 && byReg) return { reads: dst, writes: 0 };
      if (op === 0 || op === 14) return { reads: 0, writes: 0 };
      if (op === 9) return { reads: 1, writes: 0 };
      if (op === 8) return { reads: argumentsRead(env, insn), writes: CALLER_SAVED };
      return { reads: byReg ? dst | src : dst, writes: 0 };
  }
}

function argumentsRead(env: VerifierEnv, insn: Insn): number {
  const count = isHelperCall(insn) ? helperArguments(env, insn.imm)?.length : kfuncArgumentCount(env, insn);
  return count === undefined ? ARGUMENTS : ((1 << (count + 1)) - 1) & ARGUMENTS;
}

function kfuncArgumentCount(env: VerifierEnv, insn: Insn): number | undefined {
  if (!isKfuncCall(insn) || insn.imm === 0) return undefined;
  const func = env.kernelBtf?.types[insn.imm];
  const proto = func?.kind === 'func' ? env.kernelBtf?.types[func.type] : undefined;
  return proto?.kind === 'funcProto' ? proto.params.length : undefined;
}

function liveRegisters(env: VerifierEnv, orders: readonly (readonly number[])[]): void {
  const use = env.insns.map((insn) => accesses(env, insn));
  for (const aux of env.aux) aux.liveRegsBefore = 0;
  for (const order of orders) {
    for (let changed = true; changed;) {
      changed = false;
      for (const at of order) {
        let after = 0;
        for (const to of successors(env, at)) after |= env.aux[to]?.liveRegsBefore ?? 0;
        const before = (after & ~use[at].writes) | use[at].reads;
        if (before === env.aux[at].liveRegsBefore) continue;
        env.aux[at].liveRegsBefore = before;
        changed = true;
      }
    }
  }
}

/** Instruction that frame `n` of a state stands at: its own for the innermost one, else the call it waits for. */
export const frameInsn = (state: VerifierState, n: number, insnIdx: number): number =>
  n === state.frames.length - 1 ? insnIdx : state.frames[n + 1].callsite;

/** Halves are two bits for each slot; looked at in words of 32, because big integers are dear. */
const SLOTS_PER_WORD = 16;

/** Forgets registers and halves of slots of the current path that nothing reads any more. */
export function forgetDead(env: VerifierEnv, state: VerifierState, insnIdx: number): void {
  const { staticLiveness } = env;
  if (staticLiveness === null) return;
  for (let n = 0; n < state.frames.length; n++) {
    const frame = state.frames[n];
    const live = env.aux[frameInsn(state, n, insnIdx)].liveRegsBefore;
    for (let r = 0; r < 10; r++) if ((live & (1 << r)) === 0) frame.regs[r] = NOT_INIT;
    if (frame.stack.length === 0) continue;
    const halves = staticLiveness.stack.liveHalves(state, insnIdx, n);
    let word = 0;
    for (let s = 0; s < frame.stack.length; s++) {
      if (s % SLOTS_PER_WORD === 0) word = Number(BigInt.asUintN(32, halves >> BigInt(2 * s)));
      const slot = frame.stack[s];
      const alive = (word >>> (2 * (s % SLOTS_PER_WORD))) & 3;
      if (alive === 3 || slot === EMPTY_SLOT) continue;
      const left = withoutHalves(slot, (alive & 1) !== 0, (alive & 2) !== 0);
      if (left !== slot) setSlot(frame, s, left);
    }
  }
}

/** `upper`: the four bytes next to the frame pointer; `lower`: where the value begins. */
function withoutHalves(slot: StackSlot, upper: boolean, lower: boolean): StackSlot {
  const kind = slotKind(slot, 7);
  if (kind === SLOT_DYNPTR || kind === SLOT_ITER || kind === SLOT_IRQ) return slot;
  if (!upper && !lower) return EMPTY_SLOT;
  let { kinds } = slot;
  const set = (from: number, change: (old: SlotKind) => SlotKind): void => {
    for (let i = from; i < from + 4; i++) kinds = withKind(kinds, i, change(slotKind(slot, i)));
  };
  if (lower) {
    set(0, () => SLOT_INVALID);
    return kinds === slot.kinds ? slot : { kinds, spilled: slot.spilled };
  }
  if (kind === SLOT_SPILL) {
    // A pointer cannot be halved: loading a part of it must stay an error. A zero is one in every part.
    if (slot.spilled.type !== 'scalar' || isNullSpill(slot)) return slot;
    set(0, (old) => (old === SLOT_SPILL ? SLOT_MISC : old));
  }
  set(4, () => SLOT_INVALID);
  return { kinds, spilled: NOT_INIT };
}
