/** Changing all registers of a state, spilled ones included, by a rule (a packet grew, a reference went away …). */
import type { RegState } from './regState';
import { isSpilled } from './stackState';
import type { VerifierState } from './verifierState';

/** Replaces registers and spilled registers of all frames. */
export function forEachReg(state: VerifierState, change: (reg: RegState) => RegState): void {
  for (const frame of state.frames) {
    for (let r = 0; r < 11; r++) frame.regs[r] = change(frame.regs[r]);
    for (let s = 0; s < frame.stack.length; s++) {
      const slot = frame.stack[s];
      if (!isSpilled(slot)) continue;
      const changed = change(slot.spilled);
      if (changed !== slot.spilled) frame.stack[s] = { kinds: slot.kinds, spilled: changed };
    }
  }
}
