/**
 * All timer objects, by id. Plain data, cut into short lists that copies of a machine share until one of them changes: a copy
 * costs a list of lists, whatever the number of timers, and the first change after it the copies of a few timers.
 *
 * Invariant: a list that `shared` marks is never changed, nor is any timer in it.
 */
import type { TimerObject } from './state';

export interface TimerTable {
  /** Ids count from 1; id n is at n of the list of lists of `CHUNK`. */
  readonly chunks: (readonly (TimerObject | undefined)[])[];
  /** 1: other tables have the same list. */
  readonly shared: number[];
  size: number;
}

const CHUNK_SHIFT = 6;
const CHUNK = 1 << CHUNK_SHIFT;

export const newTimerTable = (): TimerTable => ({ chunks: [], shared: [], size: 0 });

/** A list of the table that may be changed. */
function own(table: TimerTable, at: number): (TimerObject | undefined)[] {
  if (table.shared[at] !== 1) return table.chunks[at] as (TimerObject | undefined)[];
  const copy: (TimerObject | undefined)[] = [];
  for (const timer of table.chunks[at]) copy.push(timer === undefined ? undefined : { ...timer });
  table.chunks[at] = copy;
  table.shared[at] = 0;
  return copy;
}

/** A timer that the caller may change. */
export function timerIn(table: TimerTable, id: number): TimerObject | undefined {
  const at = id >> CHUNK_SHIFT;
  const timer = table.chunks[at]?.[id & (CHUNK - 1)];
  return timer === undefined || table.shared[at] !== 1 ? timer : own(table, at)[id & (CHUNK - 1)];
}

/** A timer to look at only. */
export const peekTimer = (table: TimerTable, id: number): Readonly<TimerObject> | undefined =>
  table.chunks[id >> CHUNK_SHIFT]?.[id & (CHUNK - 1)];

export function addTimer(table: TimerTable, timer: TimerObject): void {
  const at = timer.id >> CHUNK_SHIFT;
  while (table.chunks.length <= at) {
    table.chunks.push([]);
    table.shared.push(0);
  }
  const chunk = own(table, at);
  while (chunk.length < (timer.id & (CHUNK - 1))) chunk.push(undefined);
  chunk[timer.id & (CHUNK - 1)] = timer;
  table.size++;
}

export function removeTimer(table: TimerTable, id: number): void {
  if (peekTimer(table, id) === undefined) return;
  own(table, id >> CHUNK_SHIFT)[id & (CHUNK - 1)] = undefined;
  table.size--;
}

/** All timers in the order in which they were made, to look at only. */
export function allTimers(table: TimerTable): Readonly<TimerObject>[] {
  const timers: Readonly<TimerObject>[] = [];
  for (const chunk of table.chunks) for (const timer of chunk) if (timer !== undefined) timers.push(timer);
  return timers;
}

/** A table with the same timers; from now on both share them. */
export function shareTimers(table: TimerTable): TimerTable {
  table.shared.fill(1);
  return { chunks: table.chunks.slice(), shared: table.shared.slice(), size: table.size };
}
