/**
 * What the kernel floor needs from above and beside, as interfaces, so that it imports neither the scheduler nor the
 * helpers: the machine passes them in.
 */

import type { Btf } from '../btf/types';

/** The scheduler's record; private to `sched`. */
export type SchedulerStateLike = object;

export interface Choices {
  /** One of `count` options, 0 … count-1. */
  choose(kind: 'cpu' | 'preempt' | 'interrupt' | 'random', count: number, actors?: readonly number[]): number;
  randomU32(): number;
}

/** A loaded program as the kernel sees it. */
export interface ProgramInfo {
  readonly id: number;
  readonly name: string;
  /** BPF_PROG_TYPE_… */
  readonly type: string;
  readonly sleepable: boolean;
  /** Types of the object that it comes from. */
  readonly btf?: Btf;
  /** Name of the function that begins at or before a slot. */
  functionAt(insnIdx: number): string;
}
