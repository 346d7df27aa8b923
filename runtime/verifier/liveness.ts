/**
 * Which places' values still matter, discovered while walking: a read marks the place in every ancestor checkpoint up
 * to the one that wrote it. Comparing states ignores places whose value nobody read. Each frame of a checkpoint has one
 * record of marks, a bit for each place, linked to the records before it. Older kernels; newer ones compute liveness
 * before the walk (`staticLiveness.ts`).
 */
import type { FuncFrame } from './frame';
import { addSlot, clearSlots, copySlots, emptySlots, hasSlot, type SlotSet } from './slotSet';

const ARGS = 0x3e; // R1–R5

/** Marks of one frame of one checkpoint. */
export interface FrameMarks {
  readonly before: MarksBefore;
  /** Slots that the frame had; deeper ones have no history. */
  readonly slotCount: number;
  /** Registers whose value was read behind the checkpoint; bit masks. */
  regsRead: number;
  /** Registers written between the checkpoint before and this one. */
  readonly regsWritten: number;
  readonly slotsRead: SlotSet;
  readonly slotsWritten: SlotSet;
  /** Nobody reads more: what was not read is forgotten. */
  done: boolean;
}

/**
 * Where a read of the current path is marked first. A call hands over arguments, a return R0: then these have another
 * history than the rest of the frame. A register keeps its number in all records.
 */
export interface MarksBefore {
  readonly result: FrameMarks | null;
  readonly args: FrameMarks | null;
  /** R6–R10 and the stack. */
  readonly rest: FrameMarks | null;
}

export const NOTHING_BEFORE: MarksBefore = { result: null, args: null, rest: null };

/** What the callee of `caller` reads in its arguments, it reads in the caller's. */
export const argumentsOf = (caller: MarksBefore): MarksBefore => ({
  result: null,
  args: caller.args,
  rest: null,
});

/** R0 of the caller is what the callee left there. */
export const withResultOf = (caller: MarksBefore, callee: MarksBefore): MarksBefore => ({
  result: callee.result,
  args: caller.args,
  rest: caller.rest,
});

function marksOf(before: MarksBefore, regno: number): FrameMarks | null {
  if (regno === 0) return before.result;
  return (ARGS & (1 << regno)) !== 0 ? before.args : before.rest;
}

/** The path reads register `regno` of `frame`: marked up to the record that wrote it or knows already. */
export function markRegRead(frame: FuncFrame, regno: number): void {
  const bit = 1 << regno;
  if ((frame.regWritten & bit) !== 0) return;
  for (let at = marksOf(frame.marksBefore, regno); at !== null; at = marksOf(at.before, regno)) {
    if ((at.regsRead & bit) !== 0) return;
    at.regsRead |= bit;
    if ((at.regsWritten & bit) !== 0) return;
  }
}

/** The path reads stack slot `slot` of `frame`. */
export function markSlotRead(frame: FuncFrame, slot: number): void {
  if (hasSlot(frame.stackWritten, slot)) return;
  for (let at = frame.marksBefore.rest; at !== null && slot < at.slotCount; at = at.before.rest) {
    if (hasSlot(at.slotsRead, slot)) return;
    addSlot(at.slotsRead, slot);
    if (hasSlot(at.slotsWritten, slot)) return;
  }
}

export function markSlotWritten(frame: FuncFrame, slot: number): void {
  addSlot(frame.stackWritten, slot);
}

/**
 * `checkpoint` (a fresh copy of `current`) gets marks of its own; `current` goes on with these before it and nothing
 * written. R0–R5 of a caller that waits (not `isInnermost`) keep their history, past the checkpoint: kernels take them
 * for lost in the call, although a callback's caller has a result in R0.
 */
export function splitLiveness(checkpoint: FuncFrame, current: FuncFrame, isInnermost: boolean): void {
  const { marksBefore } = current;
  const marks: FrameMarks = {
    before: marksBefore,
    slotCount: current.stack.length,
    regsRead: 0,
    regsWritten: current.regWritten,
    slotsRead: emptySlots(),
    slotsWritten: copySlots(current.stackWritten),
    done: false,
  };
  checkpoint.marks = marks;
  current.marksBefore = isInnermost
    ? { result: marks, args: marks, rest: marks }
    : { result: marksBefore.result, args: marksBefore.args, rest: marks };
  current.regWritten = 0;
  clearSlots(current.stackWritten);
}
