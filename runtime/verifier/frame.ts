/**
 * One call frame of a verifier state. `regs` and `stack` hold immutable values; copies share the stack until one of them
 * writes to it. Liveness: a checkpoint owns marks; the path that goes on from it points to them and remembers in bit sets
 * what it wrote. Precision marks exist on checkpoints only.
 */
import { copySlots, emptySlots, type SlotSet } from './slotSet';
import { NOT_INIT, pointer, withConst, type RegState } from './regState';
import { NOTHING_BEFORE, type FrameMarks, type MarksBefore } from './liveness';
import { EMPTY_SLOT, type StackSlot } from './stackState';

/** An acquired reference (socket, ring buffer record …). */
export interface Reference {
  readonly id: number;
  readonly insnIdx: number;
  /** Frame number of the callback it was acquired in, 0 elsewhere. */
  readonly callbackRef: number;
}

export interface ReturnRange {
  readonly min: number;
  readonly max: number;
}

export interface FuncFrame {
  /** Slot of the call instruction; -1 in the main program and in async callbacks. */
  readonly callsite: number;
  readonly frameNo: number;
  readonly subprog: number;
  asyncEntryCount: number;
  inCallback: boolean;
  inAsyncCallback: boolean;
  inExceptionCallback: boolean;
  /** Return range that a callback must keep; null when not a callback. */
  callbackReturn: ReturnRange | null;
  /** Iterations of the sync callback called from this frame that were simulated. */
  callbackDepth: number;
  /** Arguments beyond the fifth that were stored for the next call, the sixth first. Replaced, not changed. */
  stackArguments: readonly RegState[];
  /** An argument was stored or something was called: from then on the function's own ones cannot be read. */
  stackArgumentsTaken: boolean;
  refs: readonly Reference[];
  /** R0 … R10. */
  readonly regs: RegState[];
  /** Index 0 is fp-8. Grows as the program writes or reads deeper. Changed by `setSlot` and `growSlots` only. */
  stack: readonly StackSlot[];
  /** Another frame may have the same stack: it is copied before it is changed. */
  stackShared: boolean;
  /** The same places in the checkpoint before; replaced at checkpoints. */
  marksBefore: MarksBefore;
  /** Registers (bit mask) and slots written since that checkpoint. */
  regWritten: number;
  readonly stackWritten: SlotSet;
  /** Checkpoints only: their own marks. */
  marks: FrameMarks | null;
  /** Checkpoints only: registers and slots whose exact scalar value mattered. */
  preciseRegs: number;
  readonly preciseSlots: SlotSet;
  preciseStackArguments: number;
}

/** Emptied, not made empty: the engine reads arrays that never held anything but small integers by other code. */
const NO_STACK: readonly StackSlot[] = [EMPTY_SLOT].slice(1);

/** An argument on the stack that was never stored. One that a call took is `NOT_INIT`: exact comparisons tell them apart. */
export const NEVER_STORED: RegState = withConst(NOT_INIT, 0n);

const NO_ARGUMENTS: readonly RegState[] = [NOT_INIT].slice(1);

/** Copied by `slice`, so that the registers of all frames are arrays of one kind to the engine. */
const UNREADABLE: readonly RegState[] = [
  NOT_INIT,
  NOT_INIT,
  NOT_INIT,
  NOT_INIT,
  NOT_INIT,
  NOT_INIT,
  NOT_INIT,
  NOT_INIT,
  NOT_INIT,
  NOT_INIT,
  NOT_INIT,
];

/** A frame in which nothing is readable but R10. */
export function newFrame(callsite: number, frameNo: number, subprog: number): FuncFrame {
  const regs = UNREADABLE.slice();
  regs[10] = pointer('stack', { frameNo });
  return {
    callsite,
    frameNo,
    subprog,
    asyncEntryCount: 0,
    inCallback: false,
    inAsyncCallback: false,
    inExceptionCallback: false,
    callbackReturn: null,
    callbackDepth: 0,
    stackArguments: NO_ARGUMENTS,
    stackArgumentsTaken: false,
    refs: [],
    regs,
    stack: NO_STACK,
    stackShared: true,
    marksBefore: NOTHING_BEFORE,
    regWritten: 0,
    stackWritten: emptySlots(),
    marks: null,
    preciseRegs: 0,
    preciseSlots: emptySlots(),
    preciseStackArguments: 0,
  };
}

/** The frame's stack as its own, to be changed. */
function ownStack(frame: FuncFrame): StackSlot[] {
  if (frame.stackShared) {
    frame.stack = frame.stack.slice();
    frame.stackShared = false;
  }
  return frame.stack as StackSlot[];
}

export function setSlot(frame: FuncFrame, index: number, slot: StackSlot): void {
  ownStack(frame)[index] = slot;
}

/** Makes the frame's stack reach `count` slots below the frame pointer. */
export function growSlots(frame: FuncFrame, count: number): void {
  if (frame.stack.length >= count) return;
  const stack = ownStack(frame);
  while (stack.length < count) stack.push(EMPTY_SLOT);
}

/** Replaces the arguments that are stored for the next call. */
export function changeStackArguments(frame: FuncFrame, change: (reg: RegState) => RegState): void {
  if (frame.stackArguments.length === 0) return;
  frame.stackArguments = frame.stackArguments.map((reg) => (reg.type === 'notInit' ? reg : change(reg)));
}

/** A call takes the arguments that were stored for it, whatever it calls. */
export function forgetStackArguments(frame: FuncFrame): void {
  if (frame.stackArguments.length > 0) frame.stackArguments = frame.stackArguments.map(() => NOT_INIT);
}

/** A copy that shares all immutable parts. */
export function copyFrame(frame: FuncFrame): FuncFrame {
  frame.stackShared = true;
  return {
    callsite: frame.callsite,
    frameNo: frame.frameNo,
    subprog: frame.subprog,
    asyncEntryCount: frame.asyncEntryCount,
    inCallback: frame.inCallback,
    inAsyncCallback: frame.inAsyncCallback,
    inExceptionCallback: frame.inExceptionCallback,
    callbackReturn: frame.callbackReturn,
    callbackDepth: frame.callbackDepth,
    stackArguments: frame.stackArguments,
    stackArgumentsTaken: frame.stackArgumentsTaken,
    refs: frame.refs,
    regs: frame.regs.slice(),
    stack: frame.stack,
    stackShared: true,
    marksBefore: frame.marksBefore,
    regWritten: frame.regWritten,
    stackWritten: copySlots(frame.stackWritten),
    marks: frame.marks,
    preciseRegs: frame.preciseRegs,
    preciseSlots: copySlots(frame.preciseSlots),
    preciseStackArguments: frame.preciseStackArguments,
  };
}
