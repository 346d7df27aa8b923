/**
 * Which places' values still matter, discovered while walking: a read marks the place in every ancestor checkpoint up
 * to the one that wrote it. Comparing states ignores places whose value nobody read.
 */
import type { FuncFrame, LiveNode } from './frame';
import { addSlot, clearSlots, hasSlot } from './slotSet';

export const LIVE_READ32 = 1;
export const LIVE_READ64 = 2;
export const LIVE_READ = 3;
export const LIVE_WRITTEN = 4;
export const LIVE_DONE = 8;

/** A read of a place: marks `node` and its ancestors until one that wrote the place, or that already knows. */
export function markNodesRead(node: LiveNode | null, flag: number): void {
  for (let at = node; at !== null; at = at.parent) {
    // A 64-bit read covers a 32-bit one; once marked, all ancestors are.
    if ((at.marks & LIVE_READ) === flag || (at.marks & LIVE_READ64) !== 0) return;
    at.marks |= flag;
    if (flag === LIVE_READ64) at.marks &= ~LIVE_READ32;
    if ((at.marks & LIVE_WRITTEN) !== 0) return;
  }
}

/** The path reads register `regno` of `frame`. */
export function markRegRead(frame: FuncFrame, regno: number, flag: number): void {
  if ((frame.regWritten & (1 << regno)) === 0) markNodesRead(frame.regParents[regno], flag);
}

/** The path reads stack slot `slot` of `frame`. */
export function markSlotRead(frame: FuncFrame, slot: number, flag: number): void {
  if (!hasSlot(frame.stackWritten, slot)) markNodesRead(frame.stackParents[slot] ?? null, flag);
}

export function markSlotWritten(frame: FuncFrame, slot: number): void {
  addSlot(frame.stackWritten, slot);
}

/**
 * `checkpoint` (a fresh copy of `current`) gets its own nodes; `current` goes on with these as parents and nothing
 * written.
 */
export function splitLiveness(checkpoint: FuncFrame, current: FuncFrame): void {
  const regNodes: LiveNode[] = [];
  for (let n = 0; n < 11; n++) {
    regNodes.push({
      marks: (current.regWritten & (1 << n)) !== 0 ? LIVE_WRITTEN : 0,
      parent: current.regParents[n],
    });
  }
  const stackNodes: LiveNode[] = [];
  for (let slot = 0; slot < current.stack.length; slot++) {
    stackNodes.push({
      marks: hasSlot(current.stackWritten, slot) ? LIVE_WRITTEN : 0,
      parent: current.stackParents[slot] ?? null,
    });
  }
  checkpoint.regNodes = regNodes;
  checkpoint.stackNodes = stackNodes;
  current.regParents = regNodes;
  current.stackParents = stackNodes;
  current.regWritten = 0;
  clearSlots(current.stackWritten);
}
