/** The instructions of a path that walking back needs: jumps, and for newer kernels stack accesses and linked scalars. */
import type { VerifierEnv } from './env';
import type { HistoryEntry, LinkedPlace } from './verifierState';

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
  const history = env.cur.history;
  const last = env.curHistory;
  if (last !== null && history.length > 0 && history[history.length - 1] === last) {
    // Entries are shared between copies of a state: replace, do not change.
    const merged = merge(last, note);
    history[history.length - 1] = merged;
    env.curHistory = merged;
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
  };
  history.push(entry);
  env.curHistory = entry;
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
  };
}
