/**
 * Loops whose exploration is open (iterators, may_goto): a state inside one may be compared only strictly until the
 * loop's first state is done. Each state remembers an ancestor that its loop goes through.
 */
import type { VerifierEnv } from './env';
import { leaveLoop, maybeDrop } from './loopVisits';
import type { VerifierState } from './verifierState';

/** The outermost loop entry known for `state`; shortens the chain. */
export function loopEntryOf(state: VerifierState): VerifierState | null {
  if (state.loopEntry === null) return null;
  let topmost = state.loopEntry;
  while (topmost !== null && topmost.loopEntry !== null && topmost.loopEntry !== topmost)
    topmost = topmost.loopEntry;
  for (let at: VerifierState | null = state; at !== null && at.loopEntry !== topmost;) {
    const next: VerifierState | null = at.loopEntry;
    at.loopEntry = topmost;
    at = next;
  }
  return topmost;
}

/** `cur` was found to loop back to `header`. */
export function updateLoopEntry(cur: VerifierState, header: VerifierState): void {
  const a = loopEntryOf(cur) ?? cur;
  const b = loopEntryOf(header) ?? header;
  if (b.branches > 0 && b.dfsDepth <= a.dfsDepth) {
    cur.loopEntry = header;
    header.usedAsLoopEntry = true;
  }
}

/** The path that goes on behind a checkpoint starts without an entry of its own. */
export function clearLoopMarks(state: VerifierState): void {
  state.loopEntry = null;
}

/** A path ended: its ancestors have one branch less to wait for. */
export function endPath(env: VerifierEnv, state: VerifierState): void {
  for (let at: VerifierState | null = state; at !== null; at = at.parent) {
    at.branches--;
    if (at.branches === 0 && env.features.staticLiveness) {
      leaveLoop(env, at);
      maybeDrop(env, at);
    } else if (at.branches === 0 && at.parent !== null && at.loopEntry !== null)
      updateLoopEntry(at.parent, at.loopEntry);
    if (at.branches > 0) return;
  }
}
