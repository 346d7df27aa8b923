/**
 * What both ways of walking back precision (`precision.ts`, `precisionOlder.ts`) know of single instructions, and what they do
 * when they cannot go on.
 */
import type { Insn } from '../insn/insn';
import { reject, type VerifierEnv } from './env';
import { EFAULT } from './outcome';
import { addSlot } from './slotSet';
import { isSpilledScalar } from './stackState';
import type { VerifierState } from './verifierState';

/** R1–R5. */
export const ARGS = 0x3e;

export const isFetch = (insn: Insn): boolean =>
  (insn.code === 0xc3 || insn.code === 0xdb) && (insn.imm & 1) !== 0;
const LOAD_ACQUIRE = 0x100;
export const isLoadAcquire = (insn: Insn): boolean =>
  (insn.code & 7) === 3 && (insn.code & 0xe0) === 0xc0 && insn.imm === LOAD_ACQUIRE;
export const CMPXCHG = 0xf1;
export const NEG = 8;
export const END = 13;
export const MOV = 11;

/** Giving up: every scalar of every ancestor of `state`. */
export function forceAllPrecise(state: VerifierState): void {
  for (let at = state.parent; at !== null; at = at.parent) {
    for (const frame of at.frames) {
      for (let n = 0; n < 10; n++) if (frame.regs[n].type === 'scalar') frame.preciseRegs |= 1 << n;
      for (let s = 0; s < frame.stack.length; s++)
        if (isSpilledScalar(frame.stack[s])) addSlot(frame.preciseSlots, s);
    }
  }
}

export const bug = (env: VerifierEnv, message: string): never =>
  reject(env, { code: 'backtracking', category: 'Program Structure', errno: EFAULT, message });
