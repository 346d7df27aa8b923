/**
 * What runs in a context, as records: BPF code, or a kernel operation at one of its steps. A helper that needs more
 * than one step, waits, or calls back into BPF enters an operation; nothing recurses in TypeScript, so a machine can
 * be stopped, copied and resumed between any two steps, and other CPUs may run there.
 */
import type { ValueRef } from '../maps/bpfMap';

/** BPF code: a program's entry (frame 0 of the block), or a callback on top of other frames. */
export interface BpfActivation {
  readonly kind: 'bpf';
  readonly role: 'program' | 'callback';
  /** For `program`: number of the run, to report its result. */
  readonly run: number;
}

/** The variables of every operation, by its name. `pc` numbers steps; see the file that implements it. */
export interface OpLocals {
  /** `isWork`: for a bpf_wq, `clock` holds its flags. */
  timerInit: { slot: number; map: number; clock: number; timer: number; isWork: boolean };
  timerSetCallback: { slot: number; program: number; insnIdx: number };
  timerStart: { slot: number; ns: bigint; flags: number; timer: number };
  timerCancel: { slot: number; timer: number; counted: boolean; result: number };
  /** bpf_wq_start, and one run of a bpf_wq's callback. */
  workStart: { slot: number; flags: bigint };
  workRun: { timer: number };
  /** Writes program and callback of a timer without lock. */
  timerPublish: { timer: number; program: number; insnIdx: number; previous: number };
  /** The interrupt worker of a CPU. */
  timerCommands: Record<never, never>;
  timerCancelAsync: { slot: number; timer: number };
  /** Frees the timers of `values` one by one, then puts `recycle` back to the map's free list. */
  freeValues: {
    map: number;
    values: readonly ValueRef[];
    recycle: readonly ValueRef[];
    index: number;
    timer: number;
    result: bigint;
    /** The map's user references are gone: only timers are freed, nothing is recycled. */
    release: boolean;
    /** Linear offset of the bucket whose lock is held meanwhile; 0 = none. */
    bucket: number;
  };
  /** An update or deletion of a map with timers that takes more than one step; see `mapOps.ts`. */
  mapWrite: {
    map: number;
    what: 'update' | 'delete';
    key: number;
    value: number;
    flags: bigint;
    scratchBytes: number;
    /** LRU: elements that were evicted; how many of them are freed; the slot that was won. */
    evicted: readonly number[];
    index: number;
    element: number;
    error: number;
  };
  /** The worker that finishes deferred frees. */
  deferredFrees: { timer: number };
  softirq: { nowNs: bigint; clock: number; timer: number };
  expiry: { timer: number };
  /** bpf_loop. */
  loop: { count: number; done: number; program: number; insnIdx: number; context: bigint };
  /** bpf_for_each_map_elem. */
  forEach: {
    map: number;
    values: readonly { key: number; value: number; index: number }[];
    done: number;
    program: number;
    insnIdx: number;
    context: bigint;
    keyBuffer: number;
  };
  /** bpf_rbtree_add: `node` goes down the tree, one comparison a step; `onLeft` of `parent` is where it stands. */
  rbtreeAdd: {
    root: number;
    node: number;
    parent: number;
    onLeft: boolean;
    program: number;
    insnIdx: number;
  };
  /** bpf_spin_lock. */
  spinLock: { at: number };
  /** bpf_ringbuf user drain, find_vma … : one callback and its result. */
  callOnce: { program: number; insnIdx: number; args: readonly bigint[] };
}

export type OpName = keyof OpLocals;

export interface OpActivation<N extends OpName = OpName> {
  readonly kind: 'op';
  readonly op: N;
  pc: number;
  readonly locals: OpLocals[N];
  /** What the activation above left when it ended (callback's or operation's result). */
  result: bigint;
}

export type Activation = BpfActivation | { [N in OpName]: OpActivation<N> }[OpName];

/** What one step of an operation did. */
export type StepResult =
  /** The step is taken; `pc` was moved on by the step itself. */
  | { readonly kind: 'next' }
  /** Nothing could be done: somebody else must act first. */
  | { readonly kind: 'wait' }
  /** The operation ends with a value. */
  | { readonly kind: 'done'; readonly value: bigint }
  /** Another operation runs on top; its value arrives in `result`. */
  | { readonly kind: 'enter'; readonly op: { [N in OpName]: OpActivation<N> }[OpName] }
  /** BPF code runs on top; its r0 arrives in `result`. */
  | {
      readonly kind: 'callBpf';
      readonly program: number;
      readonly insnIdx: number;
      readonly args: readonly bigint[];
    }
  | { readonly kind: 'fault'; readonly message: string };

export const NEXT: StepResult = { kind: 'next' };
export const WAIT: StepResult = { kind: 'wait' };
export const doneWith = (value: number | bigint): StepResult => ({ kind: 'done', value: BigInt(value) });

/** A fresh operation at its first step. */
export const startOp = <N extends OpName>(
  op: N,
  locals: OpLocals[N],
): { [M in OpName]: OpActivation<M> }[OpName] =>
  ({ kind: 'op', op, pc: 0, locals, result: 0n }) as unknown as { [M in OpName]: OpActivation<M> }[OpName];
