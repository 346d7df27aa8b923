/**
 * What the kernel floor needs from above and beside, as interfaces, so that it imports neither the scheduler nor the
 * helpers: the machine passes them in.
 */
import type { AccessWatch } from '../vm/engine';
import type { OpActivation } from './activations';
import type { ContextKind } from './state';

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

/** What orders accesses: an address that is locked or accessed atomically, or a track whose steps come one after another. */
export type OrderingObject =
  | { readonly kind: 'address'; readonly at: number }
  /** The context on that CPU takes or gives, not the current one. */
  | {
      readonly kind: 'track';
      readonly track: number;
      readonly cpu: number;
      readonly context: ContextKind;
    };

/**
 * What steps read and change besides plain values, so that a search can tell which of them may come in either order. An id
 * names one of the kind: a map, an address, a timer object, a program, the references of a map, a CPU (its timer queues, what
 * it may do next), a track of a parallel step; kinds of which there is one take 0. `readers`: who runs where, as grace
 * periods and workers ask it. `everything` is for what nobody looked at yet.
 */
export const TOUCHED = {
  everything: 0,
  map: 1,
  address: 2,
  timer: 3,
  program: 4,
  references: 5,
  cpu: 6,
  track: 7,
  readers: 8,
  random: 9,
  output: 10,
  results: 11,
  buffers: 12,
} as const;
export type Touched = keyof typeof TOUCHED;

/** Told of accesses to values, of what orders them, and of what else is read and changed; for searches. */
export interface Watch extends AccessWatch {
  touch(what: Touched, id: number, write: boolean): void;
  /** A helper or a system call reads or writes bytes that programs reach, without a lock. */
  copy(at: number, sizeBytes: number, write: boolean): void;
  /** The bytes belong to a new element: what was accessed there before was another one's. */
  renew(at: number, sizeBytes: number): void;
  order(object: OrderingObject, how: Ordering): void;
  /** One step of a kernel operation is about to be taken (`before`), or was. */
  step(op: OpActivation, before: boolean): void;
  /** A program or callback ended. */
  ended(): void;
  /** What comes now may happen in any order; what was before is done. */
  beginParallel(): void;
  /** An action of a search begins, on that CPU; between actions nothing is looked at. */
  beginAction(cpu: number): void;
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
  /** Function of the kernel's, or another place, that its section names. */
  readonly attachTo?: string;
  /** Types of the object that it comes from. */
  readonly btf?: Btf;
  /** Name of the function that begins at or before a slot. */
  functionAt(insnIdx: number): string;
}
