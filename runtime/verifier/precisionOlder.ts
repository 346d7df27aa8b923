/**
 * Precision in older kernels: a demand for one register or slot of one frame is walked back, following only accesses by R10; calls
 * end it. Newer kernels: `precision.ts`.
 */
import type { Insn } from '../insn/insn';
import { ARGS, bug, CMPXCHG, END, forceAllPrecise, isFetch, isLoadAcquire, MOV, NEG } from './backtrack';
import { isHelperCall, isKfuncCall, isLocalCall, isSyncCallbackHelper } from './callKinds';
import type { VerifierEnv } from './env';
import { beganAt, entryAt, indexBefore, leftBefore } from './history';
import { addSlot, emptySlots, hasSlot, noSlots, removeSlot, type SlotSet } from './slotSet';
import { isSpilled, isSpilledScalar } from './stackState';
import { frameText, insnText, slotSetHex } from './stateText';

/** The exact value of a register or slot (the other is -1) decided something. */
export function walkBackOlder(env: VerifierEnv, frameNo: number, regno: number, slot: number): void {
  let regs = regno >= 0 ? 1 << regno : 0;
  const slots = emptySlots();
  let state = env.cur;
  if (slot >= 0) {
    const spilled = state.frames[frameNo].stack[slot];
    if (spilled === undefined || !isSpilledScalar(spilled)) return;
    addSlot(slots, slot);
  } else if (state.frames[frameNo].regs[regno].type !== 'scalar') {
    return;
  }
  let last = env.insnIdx;
  let skip = true;
  const verbose = env.log.level === 2;
  for (;;) {
    if (verbose) env.log.message(`last_idx ${last} first_idx ${state.firstInsnIdx}`);
    if (last < 0) {
      const frame = state.frames[0];
      if (
        state.frames.length === 1 &&
        frame.subprog > 0 &&
        frame.callsite === -1 &&
        noSlots(slots) &&
        (regs & ~ARGS) === 0
      ) {
        for (let n = 1; n <= 5; n++) {
          if ((regs & (1 << n)) !== 0 && frame.regs[n].type === 'scalar') frame.preciseRegs |= 1 << n;
        }
        return;
      }
      bug(
        env,
        `BUG backtracing func entry subprog ${frame.subprog} reg_mask ${regs.toString(16)} stack_mask 0`,
      );
    }
    let left = state.history;
    for (let at = last; ;) {
      if (skip) {
        skip = false;
      } else {
        if (verbose && env.insns[at].code !== 0) {
          env.log.message(
            `regs=${regs.toString(16)} stack=${slotSetHex(slots)} before ${at}: ${insnText(env, at)}`,
          );
        }
        const next = stepBackOlder(env, env.insns[at], regs, slots);
        if (next < 0) {
          forceAllPrecise(state);
          return;
        }
        regs = next;
      }
      if (regs === 0 && noSlots(slots)) return;
      if (beganAt(state, at, left)) break;
      const entry = entryAt(left, at);
      at = indexBefore(at, entry);
      left = leftBefore(left, entry);
      if (at < 0) break;
    }
    if (state.parent === null) return;
    state = state.parent;
    let newMarks = false;
    const frame = state.frames[frameNo];
    for (let n = 0; n < 11; n++) {
      const bit = 1 << n;
      if ((regs & bit) === 0) continue;
      if (frame.regs[n].type !== 'scalar') {
        regs &= ~bit;
        continue;
      }
      newMarks ||= (frame.preciseRegs & bit) === 0;
      frame.preciseRegs |= bit;
    }
    for (let s = 0; s < 64; s++) {
      if (!hasSlot(slots, s)) continue;
      if (s >= frame.stack.length) {
        forceAllPrecise(state);
        return;
      }
      if (!isSpilled(frame.stack[s]) || frame.stack[s].spilled.type !== 'scalar') {
        removeSlot(slots, s);
        continue;
      }
      newMarks ||= !hasSlot(frame.preciseSlots, s);
      addSlot(frame.preciseSlots, s);
    }
    if (verbose) {
      const had = newMarks ? "didn't have" : 'already had';
      env.log.message(
        `parent ${had} regs=${regs.toString(16)} stack=${slotSetHex(slots)} marks:${frameText(env, frame, true)}`,
      );
    }
    if ((regs === 0 && noSlots(slots)) || !newMarks) return;
    last = state.lastInsnIdx;
  }
}

/** The registers demanded before `insn`, or -1 to give up. */
function stepBackOlder(env: VerifierEnv, insn: Insn, regs: number, slots: SlotSet): number {
  if (insn.code === 0) return regs;
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  const cls = insn.code & 7;
  const op = insn.code >> 4;
  const byReg = (insn.code & 8) !== 0;
  if (cls === 4 || cls === 7) {
    if ((regs & dst) === 0 || op === END || op === NEG) return regs;
    if (op === MOV) return byReg ? (regs & ~dst) | src : regs & ~dst;
    return byReg ? regs | src : regs;
  }
  const loads = cls === 1 || isLoadAcquire(insn);
  if (loads || isFetch(insn)) {
    const loaded = loads ? dst : insn.imm === CMPXCHG ? 1 : src;
    const base = loads ? insn.src : insn.dst;
    if ((regs & loaded) === 0) return regs;
    const rest = regs & ~loaded;
    if (base !== 10) return rest;
    addSlot(slots, (-insn.off - 1) >> 3);
    return rest;
  }
  if (cls === 2 || cls === 3) {
    if ((regs & dst) !== 0) return -1;
    if (insn.dst !== 10) return regs;
    const slot = (-insn.off - 1) >> 3;
    if (!hasSlot(slots, slot)) return regs;
    removeSlot(slots, slot);
    return cls === 3 ? regs | src : regs;
  }
  if (cls === 5 || cls === 6) {
    if (op === 8) {
      if (isLocalCall(insn) || (isKfuncCall(insn) && insn.imm === 0)) return -1;
      if (isHelperCall(insn) && (isSyncCallbackHelper(insn) || insn.imm === 170)) return -1;
      const rest = regs & ~1;
      if ((rest & 0x3f) !== 0) bug(env, `BUG regs ${rest.toString(16)}`);
      return rest;
    }
    if (op === 9) return -1;
    if (byReg) return (regs & (dst | src)) === 0 ? regs : regs | dst | src;
    return regs;
  }
  if (cls === 0) {
    if ((regs & dst) === 0) return regs;
    const mode = insn.code & 0xe0;
    return mode === 0x20 || mode === 0x40 ? -1 : regs & ~dst;
  }
  return regs;
}
