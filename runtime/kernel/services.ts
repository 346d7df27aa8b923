/**
 * What the kernel floor needs from above and beside, as interfaces, so that it imports neither the scheduler nor the
 * helpers: the machine passes them in.
 */
import type { AccessWatch } from '../vm/engine';
import type { OpActivation } from './activations';

import type { Btf } from '../btf/types';

/** The scheduler's record; private to `sched`. */
export type SchedulerStateLike = object;

export interface Choices {
  /** One of `count` options, 0 … count-1. */
  choose(kind: 'cpu' | 'preempt' | 'interrupt' | 'random', count: number, actors?: readonly number[]): number;
  randomU32(): number;
}

/** `take`: what others gave at the object is ordered before; `give`: what was done so far is there for others. */
export type Ordering = 'take' | 'give' | 'both';

/** What orders accesses: a map's locks and publications, or an address that is locked or accessed atomically. */
export type OrderingObject =
  { readonly kind: 'map'; readonly map: number } | { readonly kind: 'address'; readonly at: number };

/** Told of accesses to values and of what orders them; for checks of races. */
export interface Watch extends AccessWatch {
  /** A helper or a system call reads or writes bytes that programs reach, without a lock. */
  copy(at: number, sizeBytes: number, write: boolean): void;
  order(object: OrderingObject, how: Ordering): void;
  /** One step of a kernel operation is about to be taken (`before`), or was. */
  step(op: OpActivation, before: boolean): void;
  /** A program or callback ended. */
  ended(): void;
  /** What comes now may happen in any order; what was before is done. */
  beginParallel(): void;
  /** An action of a search begins; between actions nothing is looked at. */
  beginAction(): void;
  endAction(): void;
  /** The action has done what others may see: what comes next that they see is another action. */
  pauses(): boolean;
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
