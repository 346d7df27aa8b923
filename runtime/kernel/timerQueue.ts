/**
 * The order of the timers that are queued on one CPU for one clock: by expiry, equal expiries as they came. Plain data: a
 * list of short lists of object ids, so that a queue of a million timers is as quick as one of ten.
 *
 * Invariants: no list is empty; expiries never fall from one id to the next; an id is in the queue at most once.
 */
import { assert } from '../util/assert';
import { FreedTimer } from './freedTimer';
import type { TimerObject } from './state';
import { peekTimer, type TimerTable } from './timerTable';

export type TimerQueue = number[][];

/** Longest list; twice as much is cut in halves. */
const CHUNK = 256;

type Timers = TimerTable;

function expiryOf(timers: Timers, id: number): bigint {
  const timer = peekTimer(timers, id);
  if (timer === undefined) throw new FreedTimer(id);
  return timer.expiresNs;
}

/** Index of the first list whose last timer expires at `expiresNs` or later (`strictly`: later). */
function chunkOf(queue: TimerQueue, timers: Timers, expiresNs: bigint, strictly: boolean): number {
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const chunk = queue[middle];
    const last = expiryOf(timers, chunk[chunk.length - 1]);
    if (strictly ? last <= expiresNs : last < expiresNs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts a timer behind all that expire at its expiry or before. */
export function insertTimer(queue: TimerQueue, timers: Timers, timer: TimerObject): void {
  const { id, expiresNs } = timer;
  if (queue.length === 0) {
    queue.push([id]);
    return;
  }
  const at = chunkOf(queue, timers, expiresNs, true);
  if (at === queue.length) {
    queue[at - 1].push(id);
    split(queue, at - 1);
    return;
  }
  const chunk = queue[at];
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (expiryOf(timers, chunk[middle]) <= expiresNs) low = middle + 1;
    else high = middle;
  }
  chunk.splice(low, 0, id);
  split(queue, at);
}

function split(queue: TimerQueue, at: number): void {
  if (queue[at].length >= 2 * CHUNK) queue.splice(at + 1, 0, queue[at].splice(CHUNK));
}

/** Where a queued timer is. */
function find(queue: TimerQueue, timers: Timers, timer: TimerObject): { chunk: number; index: number } {
  for (
    let chunk = chunkOf(queue, timers, timer.expiresNs, false);
    chunk < queue.length && expiryOf(timers, queue[chunk][0]) <= timer.expiresNs;
    chunk++
  ) {
    const index = queue[chunk].indexOf(timer.id);
    if (index >= 0) return { chunk, index };
  }
  assert(false, `timer ${timer.id} is in the queue`);
}

export function unqueueTimer(queue: TimerQueue, timers: Timers, timer: TimerObject): void {
  const { chunk, index } = find(queue, timers, timer);
  if (queue[chunk].length === 1) queue.splice(chunk, 1);
  else queue[chunk].splice(index, 1);
}

/** Id of the timer that expires first, 0 = none. */
export const firstTimer = (queue: TimerQueue): number => (queue.length === 0 ? 0 : queue[0][0]);

/** Ids of the timers before and behind a queued one, 0 = none. */
export function neighbours(
  queue: TimerQueue,
  timers: Timers,
  timer: TimerObject,
): { before: number; after: number } {
  const { chunk, index } = find(queue, timers, timer);
  const ids = queue[chunk];
  const before = index > 0 ? ids[index - 1] : (queue[chunk - 1]?.at(-1) ?? 0);
  const after = index + 1 < ids.length ? ids[index + 1] : (queue[chunk + 1]?.[0] ?? 0);
  return { before, after };
}
