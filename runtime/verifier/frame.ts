/**
 * One call frame of a verifier state. `regs` and `stack` hold immutable values; `regLive`/`stackLive` hold the nodes
 * of the liveness chain (kernels that discover liveness while walking); precision marks exist on checkpoints only.
 */
import type { RegState } from './regState';
import type { StackSlot } from './stackState';

/** Liveness of one place in one state, linked to the same place in the parent checkpoint. */
export interface LiveNode {
  /** Bits: LIVE_READ32, LIVE_READ64, LIVE_WRITTEN, LIVE_DONE. */
  marks: number;
  parent: LiveNode | null;
}

/** An acquired reference (socket, ring buffer record …). */
export interface Reference {
  readonly id: number;
  readonly insnIdx: number;
  /** Frame number of the callback it was acquired in, 0 elsewhere. */
  readonly callbackRef: number;
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
  callbackReturn: { readonly min: number; readonly max: number } | null;
  /** Iterations of the sync callback called from this frame that were simulated. */
  callbackDepth: number;
  refs: readonly Reference[];
  /** R0 … R10. */
  readonly regs: RegState[];
  /** Index 0 is fp-8. Grows as the program writes or reads deeper. */
  readonly stack: StackSlot[];
  readonly regLive: LiveNode[];
  readonly stackLive: LiveNode[];
  /** Checkpoints: registers (bit mask) and slots whose scalar value mattered. */
  preciseRegs: number;
  preciseSlots: bigint;
  /** Registers and slots changed since last printed, for logs. */
  scratchedRegs: number;
  scratchedSlots: bigint;
}
