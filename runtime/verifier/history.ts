/** The instructions of a path that walking back needs: jumps, and for newer kernels stack accesses and linked scalars. */
import type { VerifierEnv } from './env';
import type { HistoryEntry, LinkedPlace, VerifierState } from './verifierState';

type Draft = { -readonly [K in keyof HistoryEntry]: HistoryEntry[K] };

/**
 * An entry for the current instruction to be filled in: its first one, or one in place of that which it has. Entries are shared
 * between copies of a state, so they are replaced, not changed.
 */
function currentEntry(env: VerifierEnv): Draft {
  const { cur } = env;
  const had = env.curHistory !== null && cur.history === env.curHistory ? cur.history : null;
  const before = had === null ? cur.history : had.before;
  const entry: Draft = {
    idx: env.insnIdx,
    prevIdx: env.prevInsnIdx,
    stackFrame: had === null ? -1 : had.stackFrame,
    stackSlot: had === null ? -1 : had.stackSlot,
    srcStack: had !== null && had.srcStack,
    dstStack: had !== null && had.dstStack,
    linked: had === null ? null : had.linked,
    before,
    count: before === null ? 1 : before.count + 1,
  };
  cur.history = env.curHistory = entry;
  return entry;
}

/** Remembers the current instruction. */
export function pushHistory(env: VerifierEnv): void {
  currentEntry(env);
}

/** Remembers that the current instruction accesses a stack slot, through whatever register. */
export function noteStackAccess(env: VerifierEnv, frameNo: number, slot: number): void {
  const entry = currentEntry(env);
  entry.stackFrame = frameNo;
  entry.stackSlot = slot;
}

/** Remembers which operands of the current comparison are stack pointers. */
export function noteStackPointers(env: VerifierEnv, src: boolean, dst: boolean): void {
  const entry = currentEntry(env);
  entry.srcStack = src;
  entry.dstStack = dst;
}

/** Remembers the places that learn from the current comparison by their ids. */
export function noteLinked(env: VerifierEnv, linked: readonly LinkedPlace[]): void {
  currentEntry(env).linked = linked;
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
