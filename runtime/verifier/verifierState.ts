/**
 * The state of one path: call frames with registers and stack, held locks and references, and its place in the tree of
 * states (parent checkpoint, branches left). A path's own state is changed in place through the setters here;
 * registers and slots inside are immutable and shared, arrays are copied with the state.
 */
import type { FuncFrame } from './frame';

export interface ActiveLock {
  /** Register id of the map value that holds the lock. */
  readonly id: number;
  /** What is locked: the map spec object, or 'alloc' for a local object. */
  readonly of: object | 'alloc';
  /** Plain locks exclude each other; those that may fail nest, with interrupts off or not. */
  readonly kind: 'spin' | 'res' | 'resIrq';
  /** The lock taken before it. */
  readonly outer: ActiveLock | null;
}

/** Interrupts switched off by the instruction at `insnIdx`. */
export interface SavedInterrupts {
  readonly id: number;
  readonly insnIdx: number;
}

/** One remembered instruction of a path: jumps, and (newer kernels) stack accesses. Paths share what came before. */
export interface HistoryEntry {
  readonly idx: number;
  readonly prevIdx: number;
  /** Frame number and slot of a stack access through any register, or -1. */
  readonly stackFrame: number;
  readonly stackSlot: number;
  /** A comparison whose operand is a stack pointer. */
  readonly srcStack: boolean;
  readonly dstStack: boolean;
  /** Registers and slots linked by scalar ids at a conditional jump. */
  readonly linked: readonly LinkedPlace[] | null;
  /** What was remembered before it since the parent checkpoint, and how much with it. */
  readonly before: HistoryEntry | null;
  readonly count: number;
}

export interface LinkedPlace {
  readonly frameNo: number;
  /** Register number, or slot number when `isSlot`. */
  readonly index: number;
  readonly isSlot: boolean;
}

export interface VerifierState {
  /** Outermost first; the last one runs. */
  readonly frames: FuncFrame[];
  parent: VerifierState | null;
  /** Paths from here that have not ended. */
  branches: number;
  insnIdx: number;
  firstInsnIdx: number;
  lastInsnIdx: number;
  activeLock: ActiveLock | null;
  activeRcuLock: boolean;
  /** RCU sections around the innermost one. */
  outerRcuLocks: number;
  activePreemptLocks: number;
  /** Innermost last. */
  savedInterrupts: readonly SavedInterrupts[];
  inSleepable: boolean;
  /** Instructions remembered since the parent checkpoint: the newest, which leads to the others. */
  history: HistoryEntry | null;
  loopEntry: VerifierState | null;
  usedAsLoopEntry: boolean;
  /** A checkpoint that is not compared with any more, kept for the paths that are still open. */
  retired: boolean;
  dfsDepth: number;
  callbackUnrollDepth: number;
  mayGotoDepth: number;
  /** Serial number, for logs and explanations. */
  readonly serial: number;
}

export const currentFrame = (state: VerifierState): FuncFrame => state.frames[state.frames.length - 1];
