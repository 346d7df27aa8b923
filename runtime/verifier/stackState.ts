/**
 * One eight-byte stack slot: what each byte holds, and the register spilled there. Immutable, shared between states.
 * Byte kinds are packed four bits each into one integer so that slots compare and copy cheaply. The byte at frame
 * offset `off` (negative) has kind index (-off - 1) % 8 in slot (-off - 1) / 8: index 7 is the lowest address.
 */
import { isNullConst, NOT_INIT, type RegState } from './regState';

export const SLOT_INVALID = 0;
export const SLOT_SPILL = 1;
export const SLOT_MISC = 2;
export const SLOT_ZERO = 3;
export const SLOT_DYNPTR = 4;
export const SLOT_ITER = 5;
export const SLOT_IRQ = 6;
/** Forgotten, because nothing reads it any more: a read is a mistake, of the analysis or of the program. */
export const SLOT_DEAD = 7;
export type SlotKind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** Letters of the kernel's log, by kind. */
export const SLOT_LETTERS = ['?', 'r', 'm', '0', 'd', 'i', 'f', 'p'] as const;

export interface StackSlot {
  /** Eight kinds, four bits each; index 0 in the lowest bits. */
  readonly kinds: number;
  /** Meaningful when a byte is SLOT_SPILL (index 7 decides); else NOT_INIT. */
  readonly spilled: RegState;
}

const repeat = (kind: SlotKind): number => kind * 0x11111111;

export const slotKind = (slot: StackSlot, index: number): SlotKind =>
  ((slot.kinds >>> (4 * index)) & 15) as SlotKind;
export const withKind = (kinds: number, index: number, kind: SlotKind): number =>
  (kinds & ~(15 << (4 * index))) | (kind << (4 * index));
/** All eight bytes of one kind. */
export const allKinds = (kind: SlotKind): number => repeat(kind) | 0;

export const EMPTY_SLOT: StackSlot = { kinds: 0, spilled: NOT_INIT };
export const DEAD_SLOT: StackSlot = { kinds: allKinds(SLOT_DEAD), spilled: NOT_INIT };

/** Whether a byte holds nothing, written or not. */
export const isNothing = (kind: SlotKind): boolean => kind === SLOT_INVALID || kind === SLOT_DEAD;

/** The kinds with what is forgotten as if it had never been written. */
export function asNeverWritten(kinds: number): number {
  // Of all kinds only that of forgotten bytes has its three low bits set.
  const dead = kinds & (kinds >>> 1) & (kinds >>> 2) & 0x11111111;
  return dead === 0 ? kinds : kinds & ~(dead * SLOT_DEAD);
}
/** A register is spilled here, whole or in part (the byte farthest from fp decides). */
export const isSpilled = (slot: StackSlot): boolean => slotKind(slot, 7) === SLOT_SPILL;
export const isSpilledScalar = (slot: StackSlot): boolean =>
  isSpilled(slot) && slot.spilled.type === 'scalar';
/** All eight bytes belong to the spilled register. */
export const isFullSpill = (slot: StackSlot): boolean => slotKind(slot, 0) === SLOT_SPILL;

/** The spilled scalar is known to be zero. */
export const isNullSpill = (slot: StackSlot): boolean => isNullConst(slot.spilled);

/** Slot number of a frame offset (-1 … -512). */
export const slotOf = (off: number): number => (-off - 1) >> 3;
