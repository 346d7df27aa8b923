/** A set of stack slots (0–63) as two 32-bit words: cheap to copy, no bigint in hot paths. */
export interface SlotSet {
  lo: number;
  hi: number;
}

export const emptySlots = (): SlotSet => ({ lo: 0, hi: 0 });
export const copySlots = (s: SlotSet): SlotSet => ({ lo: s.lo, hi: s.hi });
export const hasSlot = (s: SlotSet, slot: number): boolean =>
  slot < 32 ? (s.lo & (1 << slot)) !== 0 : (s.hi & (1 << (slot - 32))) !== 0;
export function addSlot(s: SlotSet, slot: number): void {
  if (slot < 32) s.lo |= 1 << slot;
  else s.hi |= 1 << (slot - 32);
}
export function removeSlot(s: SlotSet, slot: number): void {
  if (slot < 32) s.lo &= ~(1 << slot);
  else s.hi &= ~(1 << (slot - 32));
}
export const noSlots = (s: SlotSet): boolean => s.lo === 0 && s.hi === 0;
export function clearSlots(s: SlotSet): void {
  s.lo = 0;
  s.hi = 0;
}
