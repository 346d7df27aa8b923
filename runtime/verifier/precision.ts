/**
 * Which scalars' exact values mattered. A demand for a register is walked back instruction by instruction through the
 * path's history to where the value came from, marking it in every checkpoint passed. Newer kernels follow values
 * through calls, through stack accesses by any pointer and through linked scalars; older ones (`precisionOlder.ts`) give up at calls.
 * Giving up marks every scalar of every ancestor.
 */
import type { Insn } from '../insn/insn';
import { assert } from '../util/assert';
import { ARGS, bug, CMPXCHG, END, forceAllPrecise, isFetch, isLoadAcquire, MOV, NEG } from './backtrack';
import { calleeOf, subprogAt } from './cfg';
import { isKfuncCall, isLocalCall, isSyncCallbackCall, isTailCall } from './callKinds';
import { curFrame, type VerifierEnv } from './env';
import type { FuncFrame } from './frame';
import { beganAt, entryAt, indexBefore, leftBefore, STACK_ARGUMENTS } from './history';
import { walkBackOlder } from './precisionOlder';
import {
  addSlot,
  clearSlots,
  emptySlots,
  hasSlot,
  nextSlot,
  noSlots,
  removeSlot,
  SLOTS,
  type SlotSet,
} from './slotSet';
import { isSpilledScalar } from './stackState';
import { frameText, insnText, regMaskText, slotSetText } from './stateText';
import type { HistoryEntry, LinkedPlace, VerifierState } from './verifierState';

/** Calls nest less deep; callbacks may add to that. */
const MAX_FRAMES = 16;

/** Demanded registers and slots, per frame. */
interface Demand {
  frame: number;
  /** Some checkpoint was marked. */
  marked: boolean;
  readonly regs: number[];
  readonly slots: SlotSet[];
  /** Arguments stored for the next call, bit masks. */
  readonly stackArguments: number[];
}

/** The one demand: it is asked for at every decided jump, and no walk begins within another. */
const DEMAND: Demand = {
  frame: 0,
  marked: false,
  regs: Array.from({ length: MAX_FRAMES + 1 }, () => 0),
  slots: Array.from({ length: MAX_FRAMES + 1 }, emptySlots),
  stackArguments: Array.from({ length: MAX_FRAMES + 1 }, () => 0),
};

function newDemand(frame: number): Demand {
  DEMAND.frame = frame;
  DEMAND.marked = false;
  // Deeper frames are emptied when the walk enters them.
  for (let f = 0; f <= frame; f++) {
    DEMAND.regs[f] = 0;
    clearSlots(DEMAND.slots[f]);
    DEMAND.stackArguments[f] = 0;
  }
  return DEMAND;
}

function isEmpty(d: Demand): boolean {
  for (let f = d.frame; f >= 0; f--)
    if (d.regs[f] !== 0 || !noSlots(d.slots[f]) || d.stackArguments[f] !== 0) return false;
  return true;
}

type Step = 'ok' | 'giveUp';

/** The exact value of scalar register `regno` of the current frame decided something. */
export function markPrecise(env: VerifierEnv, regno: number): void {
  const frame = env.cur.frames.length - 1;
  if (curFrame(env).regs[regno].type !== 'scalar') return;
  if (env.features.historyOfStack) {
    const d = newDemand(frame);
    d.regs[frame] = 1 << regno;
    walkBack(env, d, env.cur, env.insnIdx);
  } else {
    walkBackOlder(env, frame, regno, -1);
  }
}

/** The exact value of the scalar spilled in a slot decided something. */
export function markSlotPrecise(env: VerifierEnv, frameNo: number, slot: number): void {
  if (!env.features.historyOfStack) return;
  const d = newDemand(env.cur.frames.length - 1);
  addSlot(d.slots[frameNo], slot);
  walkBack(env, d, env.cur, env.insnIdx);
}

/** What was precise in the checkpoint that covers the current state is demanded of the current path, too. */
export function propagatePrecision(env: VerifierEnv, old: VerifierState): void {
  carryPrecision(env, old, env.cur, env.insnIdx);
}

/** The same for a path that was covered earlier; true when some checkpoint learned of it. */
export function carryPrecision(
  env: VerifierEnv,
  old: VerifierState,
  cur: VerifierState,
  insnIdx = cur.insnIdx,
): boolean {
  const top = old.frames.length - 1;
  if (!env.features.historyOfStack) {
    for (let f = top; f >= 0; f--) carryOld(env, old.frames[f], f);
    return false;
  }
  const d = newDemand(top);
  for (let f = top; f >= 0; f--) {
    const frame = old.frames[f];
    for (let n = 0; n < 10; n++) if (carriesReg(frame, n)) d.regs[f] |= 1 << n;
    const { preciseSlots } = frame;
    for (let s = nextSlot(preciseSlots, 0); s < SLOTS; s = nextSlot(preciseSlots, s + 1))
      if (carriesSlot(frame, s)) addSlot(d.slots[f], s);
    if (env.log.level === 2) logCarried(env, d, f);
  }
  walkBack(env, d, cur, insnIdx);
  return d.marked;
}

/** Precise, and its value was read behind the checkpoint. */
const carriesReg = ({ regs, preciseRegs, marks }: FuncFrame, n: number): boolean =>
  (preciseRegs & (1 << n)) !== 0 &&
  regs[n].type === 'scalar' &&
  (marks === null || (marks.regsRead & (1 << n)) !== 0);

const carriesSlot = ({ stack, preciseSlots, marks }: FuncFrame, s: number): boolean =>
  hasSlot(preciseSlots, s) &&
  s < stack.length &&
  isSpilledScalar(stack[s]) &&
  (marks === null || hasSlot(marks.slotsRead, s));

const slotName = (s: number): string => `fp${-8 * (s + 1)}`;

function logCarried(env: VerifierEnv, d: Demand, f: number): void {
  const names: string[] = [];
  for (let n = 0; n < 10; n++) if ((d.regs[f] & (1 << n)) !== 0) names.push(`r${n}`);
  for (let s = 0; s < 64; s++) if (hasSlot(d.slots[f], s)) names.push(slotName(s));
  if (names.length > 0) env.log.message(`frame ${f}: propagating ${names.join(',')}`);
}

/** Older kernels demand one place after the other. */
function carryOld(env: VerifierEnv, frame: FuncFrame, f: number): void {
  const say = (name: string): void => {
    if (env.log.level === 2) env.log.message(`frame ${f}: propagating ${name}`);
  };
  for (let n = 0; n < 10; n++) {
    if (!carriesReg(frame, n)) continue;
    say(`r${n}`);
    walkBackOlder(env, f, n, -1);
  }
  if (noSlots(frame.preciseSlots)) return;
  for (let s = 0; s < frame.stack.length; s++) {
    if (!carriesSlot(frame, s)) continue;
    say(slotName(s));
    walkBackOlder(env, f, -1, s);
  }
}

function walkBack(env: VerifierEnv, d: Demand, start: VerifierState, insnIdx: number): void {
  if (isEmpty(d)) return;
  const verbose = env.log.level === 2;
  let state = start;
  let last = insnIdx;
  let first = state.firstInsnIdx;
  let after = -1;
  let skip = true;
  for (;;) {
    if (last < 0) {
      // A global function's arguments are unknown by definition.
      const frame = state.frames[0];
      if (
        state.frames.length === 1 &&
        frame.subprog > 0 &&
        frame.callsite === -1 &&
        noSlots(d.slots[d.frame]) &&
        (d.regs[d.frame] & ~ARGS) === 0
      ) {
        frame.preciseRegs |= d.regs[d.frame];
        return;
      }
      bug(
        env,
        `BUG backtracking func entry subprog ${frame.subprog} reg_mask ${d.regs[d.frame].toString(16)} stack_mask 0`,
      );
    }
    if (verbose) {
      env.log.message(
        `mark_precise: frame${d.frame}: last_idx ${last} first_idx ${first} subseq_idx ${after} `,
      );
    }
    let left = state.history;
    for (let at = last; ;) {
      const entry = entryAt(left, at);
      if (skip) {
        skip = false;
      } else {
        if (verbose && env.insns[at].code !== 0) {
          const want = `regs=${regMaskText(d.regs[d.frame])} stack=${slotSetText(d.slots[d.frame])}`;
          env.log.message(`mark_precise: frame${d.frame}: ${want} before ${at}: ${insnText(env, at)}`);
        }
        if (stepBack(env, at, after, entry, d) === 'giveUp') {
          if (verbose) logGivingUp(env);
          forceAllPrecise(start);
          return;
        }
      }
      if (isEmpty(d)) return;
      after = at;
      if (beganAt(state, at, left)) break;
      at = indexBefore(at, entry);
      left = leftBefore(left, entry);
      if (at < 0) break;
    }
    const parent = state.parent;
    if (parent === null) break;
    state = parent;
    for (let f = d.frame; f >= 0; f--) {
      markCheckpoint(env, state.frames[f], d, f);
      if (verbose) {
        const want = `regs=${regMaskText(d.regs[f])} stack=${slotSetText(d.slots[f])}`;
        env.log.message(
          `mark_precise: frame${f}: parent state ${want}: ${frameText(env, state.frames[f], true)}`,
        );
      }
    }
    if (isEmpty(d)) return;
    after = first;
    last = state.lastInsnIdx;
    first = state.firstInsnIdx;
  }
  if (isEmpty(d)) return;
  if (verbose) logGivingUp(env);
  forceAllPrecise(start);
}

const logGivingUp = (env: VerifierEnv): void =>
  env.log.message(
    `mark_precise: frame${env.cur.frames.length - 1}: falling back to forcing all scalars precise`,
  );

/** Marks what is demanded of a checkpoint's frame; what was marked before needs no further walk. */
function markCheckpoint(env: VerifierEnv, frame: FuncFrame, d: Demand, f: number): void {
  for (let n = 0; n < 11; n++) {
    const bit = 1 << n;
    if ((d.regs[f] & bit) === 0) continue;
    if (frame.regs[n].type !== 'scalar' || (frame.preciseRegs & bit) !== 0) d.regs[f] &= ~bit;
    else {
      frame.preciseRegs |= bit;
      d.marked = true;
    }
  }
  const slots = d.slots[f];
  for (let s = nextSlot(slots, 0); s < SLOTS; s = nextSlot(slots, s + 1)) {
    if (s >= frame.stack.length)
      bug(env, `BUG backtracking (stack slot ${s}, total slots ${frame.stack.length})`);
    if (!isSpilledScalar(frame.stack[s]) || hasSlot(frame.preciseSlots, s)) removeSlot(d.slots[f], s);
    else {
      addSlot(frame.preciseSlots, s);
      d.marked = true;
    }
  }
  for (let n = 0; d.stackArguments[f] !== 0 && n < frame.stackArguments.length; n++) {
    const bit = 1 << n;
    if ((d.stackArguments[f] & bit) === 0) continue;
    if (frame.stackArguments[n].type !== 'scalar' || (frame.preciseStackArguments & bit) !== 0)
      d.stackArguments[f] &= ~bit;
    else {
      frame.preciseStackArguments |= bit;
      d.marked = true;
    }
  }
}

const isDemanded = (d: Demand, { isSlot, frameNo, index }: LinkedPlace): boolean =>
  isSlot ? hasSlot(d.slots[frameNo], index) : (d.regs[frameNo] & (1 << index)) !== 0;

function syncLinked(d: Demand, entry: HistoryEntry | null): void {
  if (entry === null || entry.linked === null) return;
  // A loop: a function for `some` would be made each time, and this runs for every instruction walked back.
  for (const place of entry.linked) {
    if (!isDemanded(d, place)) continue;
    for (const p of entry.linked) {
      if (p.isSlot) addSlot(d.slots[p.frameNo], p.index);
      else d.regs[p.frameNo] |= 1 << p.index;
    }
    return;
  }
}

/** What was demanded after instruction `at` becomes what is demanded before it. `after`: the instruction that followed. */
function stepBack(env: VerifierEnv, at: number, after: number, entry: HistoryEntry | null, d: Demand): Step {
  const insn = env.insns[at];
  if (insn.code === 0) return 'ok';
  syncLinked(d, entry);
  const result = stepBackValues(env, insn, at, after, entry, d);
  if (result === 'ok') syncLinked(d, entry);
  return result === 'giveUp' ? 'giveUp' : 'ok';
}

function stepBackValues(
  env: VerifierEnv,
  insn: Insn,
  at: number,
  after: number,
  entry: HistoryEntry | null,
  d: Demand,
): Step | 'done' {
  const f = d.frame;
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const demanded = d.regs[f];
  const cls = insn.code & 7;
  const op = insn.code >> 4;
  const byReg = (insn.code & 8) !== 0;
  if (cls === 4 || cls === 7) {
    if ((demanded & dst) === 0 || op === END || op === NEG) return 'done';
    if (op === MOV) {
      d.regs[f] &= ~dst;
      if (byReg && insn.src !== 10) d.regs[f] |= src;
    } else if (byReg && insn.src !== 10) {
      d.regs[f] |= src;
    }
    return 'ok';
  }
  const loads = cls === 1 || isLoadAcquire(insn);
  if (loads || isFetch(insn)) {
    const loaded = loads ? dst : insn.imm === CMPXCHG ? 1 : src;
    if ((demanded & loaded) === 0) return 'done';
    d.regs[f] &= ~loaded;
    if (entry === null || entry.stackSlot < 0) return 'done';
    // The caller stored it.
    if (entry.stackFrame === STACK_ARGUMENTS) d.stackArguments[f - 1] |= 1 << entry.stackSlot;
    else addSlot(d.slots[entry.stackFrame], entry.stackSlot);
    return 'ok';
  }
  if (cls === 2 || cls === 3) {
    if ((demanded & dst) !== 0) return 'giveUp';
    if (entry === null || entry.stackSlot < 0) return 'done';
    if (entry.stackFrame === STACK_ARGUMENTS) {
      const bit = 1 << entry.stackSlot;
      if ((d.stackArguments[f] & bit) === 0) return 'done';
      d.stackArguments[f] &= ~bit;
    } else {
      const slots = d.slots[entry.stackFrame];
      if (!hasSlot(slots, entry.stackSlot)) return 'done';
      removeSlot(slots, entry.stackSlot);
    }
    if (cls === 3) d.regs[f] |= src;
    return 'ok';
  }
  if (cls === 5 || cls === 6) return stepBackJump(env, insn, at, after, entry, d);
  if (cls === 0) {
    const mode = insn.code & 0xe0;
    if (mode === 0) {
      d.regs[f] &= ~dst;
      return 'done';
    }
    if ((demanded & dst) !== 0) return 'giveUp';
    // It may have left a subprogram.
    if (after !== at + 1) enterFrame(d);
    return 'done';
  }
  return 'ok';
}

function enterFrame(d: Demand): void {
  assert(d.frame < MAX_FRAMES, 'backtracking too deep');
  d.frame++;
  d.regs[d.frame] = 0;
  clearSlots(d.slots[d.frame]);
  d.stackArguments[d.frame] = 0;
}

function stepBackJump(
  env: VerifierEnv,
  insn: Insn,
  at: number,
  after: number,
  entry: HistoryEntry | null,
  d: Demand,
): Step | 'done' {
  const f = d.frame;
  const op = insn.code >> 4;
  if (isLocalCall(insn)) {
    const subprog = env.subprogs[subprogAt(env, calleeOf(env, at))];
    if (subprog.linkage === 'global' && subprog !== env.subprogs[0]) {
      d.regs[f] &= ~1;
      return 'done';
    }
    // Walking out of a static subprogram: its arguments are the caller's.
    const args = d.regs[f] & ARGS;
    if ((d.regs[f] & ~ARGS) !== 0) return bug(env, `BUG regs ${d.regs[f].toString(16)}`);
    d.regs[f] = 0;
    d.frame--;
    d.regs[d.frame] |= args;
    return 'done';
  }
  if (isSyncCallbackCall(env, at) && at !== after - 1) {
    // Walking out of a callback: what it got came from the helper.
    if ((d.regs[f] & ~ARGS) !== 0) return bug(env, `BUG regs ${d.regs[f].toString(16)}`);
    d.regs[f] = 0;
    d.frame--;
    return 'done';
  }
  if (op === 8) {
    if (isKfuncCall(insn) && insn.imm === 0) return 'giveUp';
    d.regs[f] &= ~1;
    if ((d.regs[f] & ARGS) !== 0) return bug(env, `BUG regs ${d.regs[f].toString(16)}`);
    // The caller went on where the tail call had left its function.
    const left = isTailCall(insn) && at !== after - 1;
    if (left && env.features.tailCallEndsFunction) enterFrame(d);
    return 'ok';
  }
  if (op === 9) {
    const fromCall = after >= 1 && isLocalCall(env.insns[after - 1]);
    const wantsResult = fromCall && (d.regs[f] & 1) !== 0;
    d.regs[f] &= ~1;
    enterFrame(d);
    if (wantsResult) d.regs[d.frame] |= 1;
    return 'done';
  }
  if ((insn.code & 8) !== 0) {
    const dst = 1 << insn.dst;
    const src = 1 << insn.src;
    if ((d.regs[f] & (dst | src)) === 0) return 'done';
    if (entry === null || !entry.srcStack) d.regs[f] |= src;
    if (entry === null || !entry.dstStack) d.regs[f] |= dst;
  }
  return 'ok';
}
