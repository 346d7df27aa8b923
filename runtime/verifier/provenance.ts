/**
 * How the current path got here: read back from the history that pruning keeps anyway, so recording costs nothing.
 * Exact for the path being walked; paths that ended are gone.
 */
import { isAsyncCallbackCall } from './callKinds';
import type { VerifierEnv } from './env';
import { beganAt, entryAt, indexBefore, leftBefore } from './history';

export interface PathStep {
  readonly insnIdx: number;
  /** For conditional jumps: whether it was taken. */
  readonly taken?: boolean;
}

const isConditional = (code: number): boolean => {
  const cls = code & 7;
  const op = code >> 4;
  return (cls === 5 || cls === 6) && op !== 0 && op !== 8 && op !== 9;
};

/**
 * Instructions from the program's start (or the call that registered the running async callback) to the current one,
 * oldest first; at most `limit`, the newest.
 */
export function pathTo(env: VerifierEnv, limit = 4096): PathStep[] {
  const indexes: number[] = [env.insnIdx];
  let state = env.cur;
  // The refusing instruction may not have reached the history yet; walk from the one before it.
  let at = env.insnIdx;
  let left = state.history;
  while (indexes.length < limit) {
    let before: number;
    if (beganAt(state, at, left)) {
      if (state.parent === null) break;
      state = state.parent;
      // A checkpoint's own history ended with the instruction before it.
      before = state.lastInsnIdx;
      left = state.history;
    } else {
      const entry = entryAt(left, at);
      before = indexBefore(at, entry);
      left = leftBefore(left, entry);
    }
    if (before < 0) break;
    indexes.push(before);
    if (env.insns[before].code === 0) {
      // The second slot of a wide instruction.
      indexes.pop();
      if (before > 0) indexes.push(before - 1);
      at = before - 1;
      continue;
    }
    at = before;
    if (isAsyncCallbackCall(env, before) && state.frames[0].inAsyncCallback && leftCallback(env, indexes))
      break;
  }
  indexes.reverse();
  return indexes.map((insnIdx, n) => {
    if (!isConditional(env.insns[insnIdx].code) || n + 1 === indexes.length) return { insnIdx };
    return { insnIdx, taken: indexes[n + 1] !== insnIdx + 1 };
  });
}

/** Whether the newest step found (a registering call) was followed by the start of the callback. */
function leftCallback(env: VerifierEnv, indexes: readonly number[]): boolean {
  const follower = indexes[indexes.length - 2];
  return env.subprogs.some((subprog) => subprog.isAsyncCallback && subprog.start === follower);
}
