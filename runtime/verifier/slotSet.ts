/** A set of stack slots (0–63) as two 32-bit words: cheap to copy, no bigint in hot paths. */
export interface SlotSet {
  lo: number;
  hi: number;
}

export const emptySlots = (): SlotSet => ({ lo: 0, hi: 0 });
export const copySlots = (s: SlotSet): SlotSet => ({ lo: s.lo, hi: s.hi });
export const hasSlot = (s: SlotSet, slot: number): boolean =>
  slot < 32 ? (s.lo & (1 << slot)) !== 0 : (s.hi & (1 << (slot - 32))) !== 0;
/** One past the last slot. */
export const SLOTS = 64;

const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);

/** The first member from slot `from` on, `SLOTS` if there is none. Stacks are deep and sets small: members are gone through by it. */
export function nextSlot(s: SlotSet, from: number): number {
  const lo = from < 32 ? s.lo & (-1 << from) : 0;
  if (lo !== 0) return lowestBit(lo);
  const hi = from < 32 ? s.hi : from < SLOTS ? s.hi & (-1 << (from - 32)) : 0;
  return hi !== 0 ? 32 + lowestBit(hi) : SLOTS;
}

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
