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

/** Stands for a frame's number where an argument on the stack is accessed: the running function's, read or stored. */
export const STACK_ARGUMENTS = -2;

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

/*
 * Walking back: `left` is the newest entry of a state's history that was not used yet.
 */

/** The entry of instruction `at`, if the next one left is it. */
export const entryAt = (left: HistoryEntry | null, at: number): HistoryEntry | null =>
  left !== null && left.idx === at ? left : null;

/** Whether `state` began at instruction `at`: nothing is left but perhaps the entry of that instruction. */
export const beganAt = (state: VerifierState, at: number, left: HistoryEntry | null): boolean =>
  at === state.firstInsnIdx && (left === null || (left.count === 1 && left.idx === at));

/** The instruction before `at`, which has `entry`. */
export const indexBefore = (at: number, entry: HistoryEntry | null): number =>
  entry === null ? at - 1 : entry.prevIdx;

/** What is left before instruction `at`, which has `entry`. */
export const leftBefore = (left: HistoryEntry | null, entry: HistoryEntry | null): HistoryEntry | null =>
  entry === null ? left : entry.before;
