/** Changing all registers of a state, spilled ones included, by a rule (a packet grew, a reference went away …). */
import type { RegState } from './regState';
import type { VerifierEnv } from './env';
import { changeStackArguments, setSlot } from './frame';
import { isFullSpill, isSpilled } from './stackState';
import type { VerifierState } from './verifierState';

/** Replaces registers, spilled registers and arguments on the stack of all frames. */
export function forEachReg(
  env: VerifierEnv,
  state: VerifierState,
  change: (reg: RegState) => RegState,
): void {
  // Older kernels overlook registers that were spilled in part.
  const spilled = env.features.narrowFills ? isSpilled : isFullSpill;
  for (const frame of state.frames) {
    for (let r = 0; r < 11; r++) frame.regs[r] = change(frame.regs[r]);
    for (let s = 0; s < frame.stack.length; s++) {
      const slot = frame.stack[s];
      if (!spilled(slot)) continue;
      const changed = change(slot.spilled);
      if (changed !== slot.spilled) setSlot(frame, s, { kinds: slot.kinds, spilled: changed });
    }
    changeStackArguments(frame, change);
  }
}
