/** The instructions of a path that walking back needs: jumps, and for newer kernels stack accesses and linked scalars. */
import type { VerifierEnv } from './env';
import type { HistoryEntry, LinkedPlace, VerifierState } from './verifierState';

export interface HistoryNote {
  /** A stack access through any register: frame and slot. */
  readonly stackFrame?: number;
  readonly stackSlot?: number;
  /** A comparison of stack pointers. */
  readonly srcStack?: boolean;
  readonly dstStack?: boolean;
  readonly linked?: readonly LinkedPlace[];
}

/** Remembers the current instruction; a second note on the same instruction adds to the first. */
export function pushHistory(env: VerifierEnv, note: HistoryNote): void {
  const { cur } = env;
  const last = env.curHistory;
  if (last !== null && cur.history === last) {
    // Entries are shared between copies of a state: replace, do not change.
    cur.history = env.curHistory = merge(last, note);
    return;
  }
  const entry: HistoryEntry = {
    idx: env.insnIdx,
    prevIdx: env.prevInsnIdx,
    stackFrame: note.stackFrame ?? -1,
    stackSlot: note.stackSlot ?? -1,
    srcStack: note.srcStack ?? false,
    dstStack: note.dstStack ?? false,
    linked: note.linked ?? null,
    before: cur.history,
    count: cur.history === null ? 1 : cur.history.count + 1,
  };
  cur.history = env.curHistory = entry;
}

function merge(entry: HistoryEntry, note: HistoryNote): HistoryEntry {
  return {
    idx: entry.idx,
    prevIdx: entry.prevIdx,
    stackFrame: note.stackFrame ?? entry.stackFrame,
    stackSlot: note.stackSlot ?? entry.stackSlot,
    srcStack: note.srcStack ?? entry.srcStack,
    dstStack: note.dstStack ?? entry.dstStack,
    linked: note.linked ?? entry.linked,
    before: entry.before,
    count: entry.count,
  };
}

/** Where a walk back stands: entries of a state's history that it has not used yet. */
export interface HistoryLeft {
  newest: HistoryEntry | null;
}

/** The entry of instruction `at`, if the next one left is it. */
export const entryAt = ({ newest }: HistoryLeft, at: number): HistoryEntry | null =>
  newest !== null && newest.idx === at ? newest : null;

/** Whether `state` began at instruction `at`: nothing is left but perhaps the entry of that instruction. */
export const beganAt = (state: VerifierState, at: number, { newest }: HistoryLeft): boolean =>
  at === state.firstInsnIdx && (newest === null || (newest.count === 1 && newest.idx === at));

/** Instruction before `at` on the path, -1 when the state began there. */
export function stepBefore(state: VerifierState, at: number, left: HistoryLeft): number {
  if (beganAt(state, at, left)) return -1;
  const { newest } = left;
  if (newest === null || newest.idx !== at) return at - 1;
  left.newest = newest.before;
  return newest.prevIdx;
}
