/**
 * Which places' values still matter, discovered while walking: a read marks the place in every ancestor checkpoint up
 * to the one that wrote it. Comparing states ignores places whose value nobody read.
 */
import type { VerifierEnv } from './env';
import type { LiveNode } from './frame';

export const LIVE_READ32 = 1;
export const LIVE_READ64 = 2;
export const LIVE_READ = 3;
export const LIVE_WRITTEN = 4;
export const LIVE_DONE = 8;

export const newLiveNode = (parent: LiveNode | null): LiveNode => ({ marks: 0, parent });

/** A read of a place whose node is `node`: marks ancestors until one that wrote it, or that already knows. */
export function markRead(_env: VerifierEnv, node: LiveNode, flag: number): void {
  let writes = (node.marks & LIVE_WRITTEN) !== 0;
  for (let at = node.parent; at !== null; at = at.parent) {
    if (writes) return;
    if ((at.marks & LIVE_READ) === flag || (at.marks & LIVE_READ64) !== 0) return;
    at.marks |= flag;
    if (flag === LIVE_READ64) at.marks &= ~LIVE_READ32;
    writes = (at.marks & LIVE_WRITTEN) !== 0;
  }
}
