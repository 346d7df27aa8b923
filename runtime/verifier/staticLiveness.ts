/**
 * What newer kernels compute before the walk: which registers and stack slots may still be read before each instruction, and
 * which instructions form loops. The walk then forgets what is dead and compares only what lives. Older kernels discover
 * liveness while walking (`liveness.ts`).
 */
import { isHelperCall, isKfuncCall } from './callKinds';
import type { VerifierEnv } from './env';
import { FlowGraph, loopNumbers } from './flowGraph';
import { setSlot } from './frame';
import { NOT_INIT, type RegState } from './regState';
import { helperArguments } from './helperPrototypes';
import { refuseRecursion } from './cfg';
import { knownRegisters, withFoldedBranches } from './knownRegisters';
import { stackArgumentAccess } from './stackArguments';
import { HALVES_WORDS } from './stackHalves';
import { stackLiveness, type StackLiveness } from './stackLiveness';
import {
  DEAD_SLOT,
  isNullSpill,
  SLOT_DYNPTR,
  SLOT_IRQ,
  SLOT_ITER,
  SLOT_MISC,
  SLOT_SPILL,
  slotKind,
  withKind,
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
  let graph = new FlowGraph(env);
  // A register that does not exist is refused where the walk meets it.
  const strange = env.insns.some(
    (insn) =>
      (insn.dst > 10 || insn.src > 10) &&
      !(env.features.stackArguments && stackArgumentAccess(insn) !== undefined),
  );
  const known = strange ? undefined : knownRegisters(env, graph);
  const folded =
    known !== undefined && env.features.constantBranchesFolded ? withFoldedBranches(env, known) : undefined;
  if (folded !== undefined) {
    env.insns = folded;
    graph = new FlowGraph(env);
  }
  refuseRecursion(env, graph.orders);
  if (known === undefined) return;
  env.staticLiveness = { stack: stackLiveness(env, graph, known), loops: loopNumbers(env, graph) };
  liveRegisters(env, graph);
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

function liveRegisters(env: VerifierEnv, graph: FlowGraph): void {
  const reads = new Uint16Array(env.insns.length);
  const writes = new Uint16Array(env.insns.length);
  env.insns.forEach((insn, at) => {
    const use = accesses(env, insn);
    reads[at] = use.reads;
    writes[at] = use.writes;
  });
  for (const aux of env.aux) aux.liveRegsBefore = 0;
  for (const order of graph.orders) {
    for (let changed = true; changed;) {
      changed = false;
      for (const at of order) {
        let after = 0;
        for (const to of graph.successors(at)) after |= env.aux[to]?.liveRegsBefore ?? 0;
        const before = (after & ~writes[at]) | reads[at];
        if (before === env.aux[at].liveRegsBefore) continue;
        env.aux[at].liveRegsBefore = before;
        if (graph.isHead(at)) changed = true;
      }
    }
  }
}

/** Instruction that frame `n` of a state stands at: its own for the innermost one, else the call it waits for. */
export const frameInsn = (state: VerifierState, n: number, insnIdx: number): number =>
  n === state.frames.length - 1 ? insnIdx : state.frames[n + 1].callsite;

/** Which halves of the frame at hand live: two bits for each slot, words of 32 bits. */
const LIVE_HALVES = new Int32Array(HALVES_WORDS);
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
    staticLiveness.stack.liveHalves(state, insnIdx, n, LIVE_HALVES);
    for (let s = 0; s < frame.stack.length; s++) {
      const slot = frame.stack[s];
      if (slot === DEAD_SLOT) continue;
      const alive = (LIVE_HALVES[Math.trunc(s / SLOTS_PER_WORD)] >>> (2 * (s % SLOTS_PER_WORD))) & 3;
      if (alive === 3) continue;
      const left = withoutHalves(slot, (alive & 1) !== 0, (alive & 2) !== 0);
      if (left !== slot) setSlot(frame, s, left);
    }
  }
}

/** Kinds of the upper half of a slot: the low bits. */
const UPPER_KINDS = 0xffff;

/** `upper`: the four bytes next to the frame pointer; `lower`: where the value begins. */
function withoutHalves(slot: StackSlot, upper: boolean, lower: boolean): StackSlot {
  const kind = slotKind(slot, 7);
  if (kind === SLOT_DYNPTR || kind === SLOT_ITER || kind === SLOT_IRQ) return slot;
  if (!upper && !lower) return DEAD_SLOT;
  if (lower)
    return withKinds(slot, (slot.kinds & ~UPPER_KINDS) | (DEAD_SLOT.kinds & UPPER_KINDS), slot.spilled);
  let kinds = slot.kinds & UPPER_KINDS;
  if (kind === SLOT_SPILL) {
    // A pointer cannot be halved: loading a part of it must stay an error. A zero is one in every part.
    if (slot.spilled.type !== 'scalar' || isNullSpill(slot)) return slot;
    for (let i = 0; i < 4; i++) if (slotKind(slot, i) === SLOT_SPILL) kinds = withKind(kinds, i, SLOT_MISC);
  }
  return withKinds(slot, kinds | (DEAD_SLOT.kinds & ~UPPER_KINDS), NOT_INIT);
}

/** Most slots were halved before and stay what they are. */
const withKinds = (slot: StackSlot, kinds: number, spilled: RegState): StackSlot =>
  slot.kinds === kinds && slot.spilled === spilled ? slot : { kinds, spilled };
