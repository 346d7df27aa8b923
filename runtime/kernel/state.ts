/**
 * Everything that the kernel model remembers, as plain data: records, arrays, maps, numbers, bigints. No closures, no
 * objects with behaviour, no references into linear memory views. Snapshots clone it; frozen records are shared.
 */
import type { SchedulerStateLike } from './services';
import type { KernelEvent, ArmedRecord } from './events';
import type { Activation } from './activations';
import type { TimerQueue } from './timerQueue';
import type { TimerTable } from './timerTable';

export type ContextKind = 'task' | 'softirq' | 'hardirq' | 'nmi';

/**
 * What a grace period has to wait for. `rcu`: everybody; `trace`: only those that free after a grace period of tasks
 * (sleepable programs may stop in the middle); `none`: nobody.
 */
export type ReaderKind = 'none' | 'trace' | 'rcu';

/** A thing that runs on a CPU, on top of what it interrupted. */
export interface Context {
  readonly kind: ContextKind;
  /** Number of the context, unique in the run; grace periods wait for numbers. */
  readonly serial: number;
  readonly reader: ReaderKind;
  /** The context block in linear memory (registers, frames, stacks). */
  readonly block: number;
  /** What runs here, innermost last: BPF code and kernel operations. */
  readonly activations: Activation[];
  /** Set while a timer's callback runs here: the timer's object. */
  timer: number;
}

export type ClockBase = 'monotonic' | 'boottime';

export interface CpuState {
  readonly id: number;
  /** The CPU's own virtual clock, nanoseconds. CPUs that run at the same time advance side by side. */
  timeNs: bigint;
  /** Innermost last. */
  readonly contexts: Context[];
  /** Linear offset of 8 bytes for the key of array callbacks on this CPU. */
  readonly keyScratch: number;
  /** Blocks of contexts that ended, for reuse. */
  readonly idleBlocks: number[];
  /** Object id of the timer whose callback runs on this CPU; 0 = none. Nested programs see it too. */
  runningTimer: number;
  /** The timer interrupt does not come again before this: the hardware's shortest programmable delay. */
  nextPassNs: bigint;
  /** Depth of interrupts-off sections (bpf_spin_lock, per-timer lock). */
  irqsOff: number;
  /** The CPU that holds the lock of this CPU's timer queues in the middle of an operation; -1 = none. */
  baseLockedBy: number;
  /** Commands for timers that wait for interrupts to be on, first queued first. */
  readonly irqWork: TimerCommand[];
  /** The timer whose commands this CPU is working off; 0 = none. */
  commandTimer: number;
  /** Timers queued on this CPU per clock, by expiry, then arming order. */
  readonly queues: Record<ClockBase, TimerQueue>;
}

/** `references` of a timer object whose memory was given back although it is still on a queue. */
export const MEMORY_GONE = -1;

/** The kernel object behind one `struct bpf_timer` or `struct bpf_wq`. */
export interface TimerObject {
  readonly id: number;
  /** A `bpf_wq`: it has no clock and is never on a timer queue. */
  readonly isWork: boolean;
  /** 0 CLOCK_REALTIME (runs on the monotonic clock all the same), 1 MONOTONIC, 7 BOOTTIME. */
  readonly clock: number;
  readonly map: number;
  /** Linear offset of the map value that holds the timer's field. */
  readonly value: number;
  /** Offset of the field in the value. */
  readonly offset: number;
  /** The callback's program and slot; undefined: never set, or removed by cancel or free. */
  callback: { readonly program: number; readonly insnIdx: number } | undefined;
  /** Program on which a reference is held; -1 = none. */
  program: number;
  /** Running callbacks that are cancelling this timer now (mutual-cancel detection). */
  cancelling: number;
  /** References of the lock-free implementation: the map's and those of starts under way; or `MEMORY_GONE`. */
  references: number;
  /** CPU on whose queue it is, -1 = not queued. */
  queuedOn: number;
  expiresNs: bigint;
  /** Rank among equal expiries. */
  order: number;
  /** CPU that runs its callback, -1 = none. */
  runningOn: number;
  /** CPU that it last was queued on. */
  cpu: number;
  /** Flags of the last start. */
  flags: number;
  fires: number;
  /** From the last start to the expiry that it asked for; below zero if that had passed. */
  delayNs: bigint;
  armed: ArmedRecord | undefined;
  /** The stack that armed the invocation running now. */
  firedFrom: ArmedRecord | undefined;
  /** Its element was freed; the object lives on until nothing uses it. */
  freed: boolean;
}

export interface ProgramRecord {
  readonly id: number;
  readonly name: string;
  /** Maps that it uses; it holds a reference on each until its memory is freed. */
  readonly maps: readonly number[];
  /** Held by its fd, attachments, and timers whose callback belongs to it. */
  references: number;
  /** The user still holds it (fd, pin or attachment). */
  loaded: boolean;
  attached: boolean;
  /** The last reference is gone, and everybody who could still run it has finished: its code is no more. */
  freed: boolean;
}

export interface MapReferences {
  /** Open fds and pins; programs and outer maps do not count. */
  users: number;
  pinned: boolean;
  open: boolean;
  /** Loaded programs that use it. */
  programs: number;
  /** Outer maps (slots of them) that hold it. */
  outer: number;
  /** The last reference of any kind is gone, and so is its memory. */
  freed: boolean;
}

/** A start or a cancel that could not be done where it was asked for. */
export interface TimerCommand {
  readonly timer: number;
  readonly what: 'start' | 'cancel';
  /** Arguments of the start: the time counts from when the command is carried out. */
  readonly ns: bigint;
  readonly flags: number;
  readonly armed: ArmedRecord | undefined;
}

/** What is left to a worker in task context. */
export type DeferredWork =
  /** Runs the callback of a `bpf_wq` on that CPU. */
  | { readonly kind: 'queued'; readonly timer: number; readonly cpu: number }
  /** Cancels a freed timer, waits for its callback, and gives its memory back. */
  | { readonly kind: 'timer'; readonly timer: number }
  /** Takes down a program whose last reference was dropped where one cannot sleep. */
  | { readonly kind: 'program'; readonly program: number }
  /** Frees the special fields of values after a grace period. */
  | {
      readonly kind: 'values';
      readonly map: number;
      readonly values: readonly number[];
      readonly recycle: readonly number[];
    };

/** Work in the list, and when it was put there: a CPU that has idled since long before does not do it in the past. */
export type Deferred = DeferredWork & { readonly sinceNs: bigint };

/** What follows when a grace period is over. */
export type GraceWork =
  | DeferredWork
  | { readonly kind: 'map'; readonly map: number }
  | { readonly kind: 'programMemory'; readonly program: number }
  /** The memory of an element goes back to the allocator. */
  | { readonly kind: 'element'; readonly value: number };

/** Something that happens when all readers of its beginning have finished. */
export interface GracePeriod {
  readonly work: GraceWork;
  /** Serial numbers of contexts that it still waits for. */
  readonly waitsFor: number[];
}

/** A bucket of a hash map whose lock is held while timers of its elements are freed. */
export interface BucketLock {
  readonly map: number;
  /** Linear offset of the bucket's head. */
  readonly bucket: number;
  readonly cpu: number;
}

export interface KernelState {
  readonly cpus: CpuState[];
  readonly timers: TimerTable;
  nextTimerId: number;
  nextOrder: number;
  readonly programs: ProgramRecord[];
  /** By map id. */
  readonly mapReferences: Map<number, MapReferences>;
  /** Work that waits for a worker, first queued first. */
  readonly deferred: Deferred[];
  readonly grace: GracePeriod[];
  readonly bucketLocks: BucketLock[];
  /** Values whose memory the allocator has got back; only kept where a kernel without a fix would still read them. */
  readonly returned: number[];
  /** Programs at trace points inside the kernel model: name of the point, program. */
  readonly attached: { readonly point: string; readonly program: number }[];
  /** Objects of the kernel's own that were asked for; the list is replaced, never changed. */
  objects: readonly KernelObject[];
  nextContext: number;
  /** What CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC: time in suspend. */
  suspendedNs: bigint;
  /** What CLOCK_REALTIME is ahead of CLOCK_MONOTONIC. */
  wallOffsetNs: bigint;
  /** Old events that were forgotten. */
  eventsDropped: number;
  /** Frozen records, in order of happening. */
  readonly events: KernelEvent[];
  /** Steps and instructions left before the run counts as endless. */
  budget: number;
  /** What `budget` is set back to when every CPU paused. */
  readonly budgetMax: number;
  /** Callbacks that were asked for at once since every CPU paused, and the last of them. */
  hurried: HurriedCallbacks | undefined;
  /** Counts changes of the timer queues, so that drivers know when to look at them again. */
  queueChanges: number;
  scheduler: SchedulerStateLike;
  /** Values that `get_current_*` helpers give. */
  current: CurrentTask;
  /** So many allocations of the kernel still succeed; below zero: all. */
  allocationsLeft: number;
  /** Instructions executed since the start. */
  executed: number;
}

/** See `helpers/kernelObjects.ts`. */
export interface KernelObject {
  readonly key: string;
  /** Linear offset. */
  readonly at: number;
  /** Variables that every CPU has: from one CPU's copy to the next. */
  readonly strideBytes?: number;
}

export interface HurriedCallbacks {
  readonly count: number;
  readonly program: number;
  readonly insnIdx: number;
}

export interface CurrentTask {
  pid: number;
  tgid: number;
  uid: number;
  gid: number;
  comm: string;
  cgroupId: bigint;
}
