/**
 * One call frame of a verifier state. `regs` and `stack` hold immutable values. Liveness: a checkpoint owns one node
 * per place; the path that goes on from it points to these nodes as parents and remembers in bit sets what it wrote.
 * Precision marks exist on checkpoints only.
 */
import { copySlots, emptySlots, type SlotSet } from './slotSet';
import { NOT_INIT, pointer, type RegState } from './regState';
import type { StackSlot } from './stackState';

/** Liveness of one place in one checkpoint, linked to the same place in the checkpoint before. */
export interface LiveNode {
  /** Bits: LIVE_READ32, LIVE_READ64, LIVE_WRITTEN, LIVE_DONE. */
  marks: number;
  readonly parent: LiveNode | null;
}

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
  /** Newest kernels: an argument was stored for a call; from then on none can be read. */
  wroteStackArgument: boolean;
  refs: readonly Reference[];
  /** R0 … R10. */
  readonly regs: RegState[];
  /** Index 0 is fp-8. Grows as the program writes or reads deeper. */
  readonly stack: StackSlot[];
  /** The same places in the checkpoint before; shared between copies, replaced at checkpoints. */
  regParents: readonly (LiveNode | null)[];
  stackParents: readonly (LiveNode | null)[];
  /** Registers (bit mask) and slots written since that checkpoint. */
  regWritten: number;
  readonly stackWritten: SlotSet;
  /** Checkpoints only: own liveness nodes, and whether comparison already simplified the frame. */
  regNodes: readonly LiveNode[];
  stackNodes: readonly LiveNode[];
  /** Checkpoints only: registers and slots whose exact scalar value mattered. */
  preciseRegs: number;
  readonly preciseSlots: SlotSet;
  /** Registers and slots changed since last printed, for logs. */
  scratchedRegs: number;
  readonly scratchedSlots: SlotSet;
}

const NO_PARENTS: readonly null[] = Array.from({ length: 11 }, () => null);

/** A frame in which nothing is readable but R10. */
export function newFrame(callsite: number, frameNo: number, subprog: number): FuncFrame {
  const regs: RegState[] = Array.from({ length: 11 }, () => NOT_INIT);
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
    wroteStackArgument: false,
    refs: [],
    regs,
    stack: [],
    regParents: NO_PARENTS,
    stackParents: [],
    regWritten: 0,
    stackWritten: emptySlots(),
    regNodes: [],
    stackNodes: [],
    preciseRegs: 0,
    preciseSlots: emptySlots(),
    scratchedRegs: 0x7ff,
    scratchedSlots: { lo: -1, hi: -1 },
  };
}

/** A copy that shares all immutable parts. */
export function copyFrame(frame: FuncFrame): FuncFrame {
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
    wroteStackArgument: frame.wroteStackArgument,
    refs: frame.refs,
    regs: frame.regs.slice(),
    stack: frame.stack.slice(),
    regParents: frame.regParents,
    stackParents: frame.stackParents,
    regWritten: frame.regWritten,
    stackWritten: copySlots(frame.stackWritten),
    regNodes: frame.regNodes,
    stackNodes: frame.stackNodes,
    preciseRegs: frame.preciseRegs,
    preciseSlots: copySlots(frame.preciseSlots),
    scratchedRegs: frame.scratchedRegs,
    scratchedSlots: copySlots(frame.scratchedSlots),
  };
}
