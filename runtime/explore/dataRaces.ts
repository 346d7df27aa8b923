/**
 * Data races on map values, by happens-before: two contexts access the same bytes, at least one writes, at least one access is
 * plain, and nothing orders them. Found in whatever order the two happen to come, so that the search need not try both.
 *
 * Contexts are threads: task, softirq, hardirq and NMI of every CPU. What orders them: locks and atomic accesses that fetch, load
 * acquire or store release (by address), the operations on timers as `ORDERS` has them, and user space between two steps of a
 * track. Nothing else does; an element that an update puts into a map begins anew, so that nobody races with its first bytes.
 *
 * All of it can be put back to a mark, as the search goes back in a run.
 */
import type { OpActivation } from '../kernel/activations';
import type { Kernel } from '../kernel/kernel';
import type { Ordering, OrderingObject } from '../kernel/services';
import type { Context, ContextKind } from '../kernel/state';
import type { Machine } from '../machine/machine';
import { readPc, readProgram } from '../vm/calls';
import type { AccessOrder } from '../vm/engine';
import { addressKey, ORDERS, trackKey } from './opEffects';

export interface RaceAccess {
  readonly cpu: number;
  readonly context: ContextKind;
  /** Linear offset. */
  readonly at: number;
  readonly sizeBytes: number;
  readonly write: boolean;
  readonly atomic: boolean;
  /** Instruction, or the call of the helper that copies; undefined: user space. */
  readonly program: number | undefined;
  readonly insn: number;
  /** What `stackOf` gave, if stacks are kept. */
  readonly stack: unknown;
}

export interface DataRace {
  readonly first: RaceAccess;
  readonly second: RaceAccess;
}

interface Logged extends RaceAccess {
  readonly thread: number;
  /** The thread's own clock at the access. */
  readonly clock: number;
  readonly granule: number;
  /** The access to this granule before. */
  readonly before: Logged | undefined;
}

export interface RaceMark {
  readonly accesses: number;
  readonly given: number;
  /** Undefined: nothing was accessed yet, so that all clocks stand at their beginning. */
  readonly clocks: Int32Array | undefined;
  readonly race: DataRace | undefined;
}

const KINDS: readonly ContextKind[] = ['task', 'softirq', 'hardirq', 'nmi'];
const GRANULE_SHIFT = 3;

const threadOf = (cpu: number, kind: ContextKind): number => cpu * KINDS.length + KINDS.indexOf(kind);

/** No thread: what was before it in a granule belongs to an element that is gone. */
const RENEWED = -1;

/** Whether a plain access only reads a counter that is kept by atomic operations: one load, which cannot come out torn. */
const readsWord = (plain: RaceAccess, atomic: RaceAccess): boolean =>
  !plain.write &&
  (plain.at <= atomic.at
    ? plain.at + plain.sizeBytes >= atomic.at + atomic.sizeBytes
    : plain.at + plain.sizeBytes <= atomic.at + atomic.sizeBytes);

export class DataRaces {
  /** The first race of the run. */
  race: DataRace | undefined;
  /** Asked at every access while a run is traced. */
  stackOf: ((cpu: number, insn: number | undefined) => unknown) | undefined;
  private readonly threads: number;
  /** Row t: what thread t has seen of every thread. */
  private readonly clocks: Int32Array;
  /** What was given at an object: frozen once it is here. */
  private readonly objects = new Map<number, Int32Array>();
  private readonly given: { readonly key: number; readonly before: Int32Array | undefined }[] = [];
  private readonly log: Logged[] = [];
  private readonly last = new Map<number, Logged>();

  constructor(private readonly machine: Machine) {
    this.threads = machine.cpuCount * KINDS.length;
    this.clocks = new Int32Array(this.threads * this.threads);
    this.reset();
  }

  reset(): void {
    this.race = undefined;
    this.startClocks();
    this.objects.clear();
    this.given.length = 0;
    this.log.length = 0;
    this.last.clear();
  }

  private startClocks(): void {
    this.clocks.fill(0);
    for (let t = 0; t < this.threads; t++) this.clocks[t * this.threads + t] = 1;
  }

  mark(): RaceMark {
    return {
      accesses: this.log.length,
      given: this.given.length,
      clocks: this.log.length === 0 ? undefined : this.clocks.slice(),
      race: this.race,
    };
  }

  rewind(mark: RaceMark): void {
    if (mark.clocks !== undefined) this.clocks.set(mark.clocks);
    else if (this.log.length > 0) this.startClocks();
    while (this.log.length > mark.accesses) {
      const entry = this.log.pop();
      if (entry?.before !== undefined) this.last.set(entry.granule, entry.before);
      else if (entry !== undefined) this.last.delete(entry.granule);
    }
    while (this.given.length > mark.given) {
      const change = this.given.pop();
      if (change?.before !== undefined) this.objects.set(change.key, change.before);
      else if (change !== undefined) this.objects.delete(change.key);
    }
    this.race = mark.race;
  }

  /** Whatever came before a parallel step is ordered before it. */
  beginParallel(): void {
    if (this.log.length === 0) return;
    const { threads, clocks } = this;
    for (let t = 0; t < threads; t++)
      for (let other = 0; other < threads; other++)
        clocks[t * threads + other] = Math.max(
          clocks[t * threads + other],
          clocks[other * threads + other] - (t === other ? 0 : 1),
        );
    for (let t = 0; t < threads; t++) clocks[t * threads + t]++;
  }

  private get context(): Context | undefined {
    const { kernel } = this.machine;
    return kernel.state.cpus[kernel.cpu].contexts.at(-1);
  }

  private get thread(): number {
    return threadOf(this.machine.kernel.cpu, this.context?.kind ?? 'task');
  }

  // ---- Accesses ------------------------------------------------------------------------------------------------

  access(at: number, sizeBytes: number, write: boolean, how: AccessOrder, slot: number): void {
    const key = addressKey(at & ~7);
    if (how === 'acquire' || how === 'full') this.take(key);
    this.note(at, sizeBytes, write, how !== 'plain', slot);
    if (how === 'release' || how === 'full') this.give(key);
  }

  copy(at: number, sizeBytes: number, write: boolean): void {
    this.note(at, sizeBytes, write, false, undefined);
  }

  /** The bytes are another element's from now on. */
  renew(at: number, sizeBytes: number): void {
    if (this.log.length === 0) return;
    const last = (at + sizeBytes - 1) >>> GRANULE_SHIFT;
    for (let granule = at >>> GRANULE_SHIFT; granule <= last; granule++) {
      const before = this.last.get(granule);
      if (before === undefined) continue;
      const entry = { ...before, thread: RENEWED, granule, before };
      this.log.push(entry);
      this.last.set(granule, entry);
    }
  }

  private note(
    at: number,
    sizeBytes: number,
    write: boolean,
    atomic: boolean,
    slot: number | undefined,
  ): void {
    const { thread, context, machine, clocks } = this;
    const row = thread * this.threads;
    const runsBpf = context?.activations.some((a) => a.kind === 'bpf') === true;
    const cpu = machine.kernel.cpu;
    const insn = runsBpf ? (slot ?? readPc(machine.memory, context.block) - 1) : 0;
    const program = runsBpf ? readProgram(machine.memory, context.block) : undefined;
    const stack = this.stackOf?.(cpu, runsBpf ? insn : undefined);
    const clock = clocks[row + thread];
    const last = (at + sizeBytes - 1) >>> GRANULE_SHIFT;
    for (let granule = at >>> GRANULE_SHIFT; granule <= last; granule++) {
      const before = this.last.get(granule);
      const entry: Logged = {
        cpu,
        context: context?.kind ?? 'task',
        at,
        sizeBytes,
        write,
        atomic,
        program,
        insn,
        stack,
        thread,
        clock,
        granule,
        before,
      };
      if (this.compare(entry, row)) continue;
      this.log.push(entry);
      this.last.set(granule, entry);
    }
  }

  /** Looks for races with what was before. True: the thread did the same already, nothing new is to be remembered. */
  private compare(entry: Logged, row: number): boolean {
    let isKnown = false;
    for (let other = entry.before; other !== undefined; other = other.before) {
      if (other.thread === RENEWED) break;
      if (other.thread === entry.thread) {
        isKnown ||=
          other.clock === entry.clock &&
          other.at === entry.at &&
          other.sizeBytes === entry.sizeBytes &&
          other.write === entry.write &&
          other.atomic === entry.atomic;
        continue;
      }
      if (!(entry.write || other.write) || (entry.atomic && other.atomic)) continue;
      if (other.at >= entry.at + entry.sizeBytes || entry.at >= other.at + other.sizeBytes) continue;
      if (entry.atomic ? readsWord(other, entry) : other.atomic && readsWord(entry, other)) continue;
      if (this.clocks[row + other.thread] < other.clock) this.race ??= { first: other, second: entry };
    }
    return isKnown;
  }

  // ---- What orders them ----------------------------------------------------------------------------------------

  order(object: OrderingObject, how: Ordering): void {
    const isTrack = object.kind === 'track';
    const key = isTrack ? trackKey(object.track) : addressKey(object.at);
    const thread = isTrack ? threadOf(object.cpu, object.context) : this.thread;
    if (how !== 'give') this.take(key, thread);
    if (how !== 'take') this.give(key, thread);
  }

  step(op: OpActivation, before: boolean): void {
    const orders = ORDERS[op.op] as (op: OpActivation, kernel: Kernel) => readonly number[];
    for (const key of orders(op, this.machine.kernel)) {
      if (before) this.take(key);
      else this.give(key);
    }
  }

  private take(key: number, thread = this.thread): void {
    const seen = this.objects.get(key);
    if (seen === undefined) return;
    const row = thread * this.threads;
    for (let t = 0; t < this.threads; t++) if (this.clocks[row + t] < seen[t]) this.clocks[row + t] = seen[t];
  }

  private give(key: number, thread = this.thread): void {
    // Before the first access there is nothing to order.
    if (this.log.length === 0) return;
    const { threads, clocks } = this;
    const row = thread * threads;
    const before = this.objects.get(key);
    const mine = clocks.slice(row, row + threads);
    if (before !== undefined) for (let t = 0; t < threads; t++) if (mine[t] < before[t]) mine[t] = before[t];
    this.given.push({ key, before });
    this.objects.set(key, mine);
    clocks[row + thread]++;
  }
}
