/**
 * What instructions touched and the log has not shown since. Kernels keep one such set for all frames, not one for each:
 * a callee's lines show slots that its caller touched.
 */
import { clearSlots, noSlots, type SlotSet } from './slotSet';

export interface Unprinted {
  /** Bit mask. */
  regs: number;
  readonly slots: SlotSet;
}

const ALL_REGS = 0x7ff;

export const everythingUnprinted = (): Unprinted => ({ regs: ALL_REGS, slots: { lo: -1, hi: -1 } });

/** The next line shows registers and stack whole. */
export function printAll(unprinted: Unprinted): void {
  unprinted.regs = ALL_REGS;
  unprinted.slots.lo = unprinted.slots.hi = -1;
}

export function nothingUnprinted(unprinted: Unprinted): void {
  unprinted.regs = 0;
  clearSlots(unprinted.slots);
}

export const isUnprinted = (unprinted: Unprinted): boolean =>
  unprinted.regs !== 0 || !noSlots(unprinted.slots);
