/**
 * Copies of a machine's records for searches, which take one at nearly every choice: one copier for each shape that is
 * there in every scenario (an object literal per shape is several times faster than a loop over fields), and the loop of
 * `cloneState` for the rest. A field that is added to one of these shapes and holds records does not compile before its
 * copier says what becomes of it.
 */
import type { Activation, OpActivation, OpLocals, OpName } from '../kernel/activations';
import type {
  Context,
  CpuState,
  CurrentTask,
  GracePeriod,
  KernelState,
  MapReferences,
  ProgramRecord,
} from '../kernel/state';
import type { TimerQueue } from '../kernel/timerQueue';
import type { MapRecord } from '../maps/mapFamily';
import type { SchedulerState } from '../sched/scheduler';
import type { ContextRecord } from './contexts';
import { cloneState, type MachineState, type ProgramRun } from './state';
import { shareTimers } from '../kernel/timerTable';

type Primitive = string | number | bigint | boolean | undefined | null;

/** Fields that hold something which could be changed in place: not values, not lists that nobody may change. */
type Changeable<T> = {
  [K in keyof T]-?: T[K] extends Primitive ? never : K;
}[keyof T];

/** `true` where the copier takes care of exactly these fields. */
type CopiedFields<T, K extends Changeable<T>> = Exclude<Changeable<T>, K> extends never ? true : never;

/** Every field, those that need not be there too: a copier that forgets one does not compile. */
type All<T> = { [K in keyof T]-?: T[K] };

const check = <T>(covered: T): T => covered;
check<CopiedFields<Context, 'activations'>>(true);
check<CopiedFields<CpuState, 'contexts' | 'idleBlocks' | 'queues' | 'irqWork'>>(true);
check<CopiedFields<OpActivation, 'locals'>>(true);
/** Operations have values and lists that nobody changes. */
type Locals = { [N in OpName]: OpLocals[N][keyof OpLocals[N]] }[OpName];
check<Locals extends Primitive | readonly unknown[] ? true : never>(true);

const copyActivation = (activation: Activation): Activation =>
  activation.kind === 'bpf'
    ? activation
    : ({
        kind: 'op',
        op: activation.op,
        pc: activation.pc,
        locals: { ...activation.locals },
        result: activation.result,
      } as Activation);

function copyContext(context: Context): All<Context> {
  const activations: Activation[] = [];
  for (const activation of context.activations) activations.push(copyActivation(activation));
  return {
    kind: context.kind,
    serial: context.serial,
    reader: context.reader,
    block: context.block,
    activations,
    timer: context.timer,
  };
}

/** Most lists are empty most of the time. */
const copyList = <T>(list: readonly T[]): T[] => (list.length === 0 ? [] : list.slice());

const copyQueue = (queue: TimerQueue): TimerQueue =>
  queue.length === 0 ? [] : queue.map((chunk) => chunk.slice());

function copyCpu(cpu: CpuState): All<CpuState> {
  const contexts: Context[] = [];
  for (const context of cpu.contexts) contexts.push(copyContext(context));
  return {
    id: cpu.id,
    timeNs: cpu.timeNs,
    contexts,
    keyScratch: cpu.keyScratch,
    idleBlocks: copyList(cpu.idleBlocks),
    runningTimer: cpu.runningTimer,
    nextPassNs: cpu.nextPassNs,
    irqsOff: cpu.irqsOff,
    baseLockedBy: cpu.baseLockedBy,
    irqWork: copyList(cpu.irqWork),
    commandTimer: cpu.commandTimer,
    queues: { monotonic: copyQueue(cpu.queues.monotonic), boottime: copyQueue(cpu.queues.boottime) },
  };
}

check<CopiedFields<ProgramRecord, 'maps'>>(true);
check<CopiedFields<MapReferences, never>>(true);
check<CopiedFields<GracePeriod, 'work' | 'waitsFor'>>(true);
check<CopiedFields<CurrentTask, never>>(true);

function copyReferences(all: ReadonlyMap<number, MapReferences>): Map<number, MapReferences> {
  const copies = new Map<number, MapReferences>();
  for (const [id, references] of all) copies.set(id, { ...references });
  return copies;
}

/** Searches answer the choices themselves, so that only random helpers draw on it. */
const copyScheduler = (scheduler: SchedulerState): SchedulerState =>
  scheduler.strategy === 'replay' && scheduler.record === undefined
    ? { ...scheduler, prng: { ...scheduler.prng } }
    : cloneState(scheduler);

check<
  CopiedFields<
    KernelState,
    | 'cpus'
    | 'timers'
    | 'programs'
    | 'mapReferences'
    | 'deferred'
    | 'grace'
    | 'bucketLocks'
    | 'returned'
    | 'attached'
    | 'objects'
    | 'events'
    | 'scheduler'
    | 'hurried'
    | 'current'
  >
>(true);
function copyKernel(kernel: MachineState['kernel']): All<MachineState['kernel']> {
  const cpus: CpuState[] = [];
  for (const cpu of kernel.cpus) cpus.push(copyCpu(cpu));
  const programs: ProgramRecord[] = [];
  for (const program of kernel.programs) programs.push({ ...program });
  return {
    cpus,
    timers: shareTimers(kernel.timers),
    nextTimerId: kernel.nextTimerId,
    nextOrder: kernel.nextOrder,
    programs,
    mapReferences: copyReferences(kernel.mapReferences),
    deferred: copyList(kernel.deferred),
    grace: kernel.grace.length === 0 ? [] : kernel.grace.map(copyGrace),
    bucketLocks: copyList(kernel.bucketLocks),
    returned: copyList(kernel.returned),
    attached: copyList(kernel.attached),
    objects: kernel.objects,
    nextContext: kernel.nextContext,
    suspendedNs: kernel.suspendedNs,
    wallOffsetNs: kernel.wallOffsetNs,
    eventsDropped: kernel.eventsDropped,
    events: kernel.events,
    budget: kernel.budget,
    budgetMax: kernel.budgetMax,
    hurried: kernel.hurried,
    queueChanges: kernel.queueChanges,
    scheduler: copyScheduler(kernel.scheduler),
    current: { ...kernel.current },
    allocationsLeft: kernel.allocationsLeft,
    executed: kernel.executed,
  };
}

const copyGrace = ({ work, waitsFor }: GracePeriod): All<GracePeriod> => ({
  work,
  waitsFor: waitsFor.slice(),
});

function copyMaps(maps: Map<number, MapRecord>): Map<number, MapRecord> {
  let changes = false;
  for (const map of maps.values()) changes ||= map.data.kind !== 'array';
  // No map comes after the machine was loaded.
  if (!changes) return maps;
  const copies = new Map<number, MapRecord>();
  // The record of an array says where its elements are, and never changes.
  for (const [id, map] of maps)
    copies.set(
      id,
      map.data.kind === 'array' ? map : { definition: map.definition, data: cloneState(map.data) },
    );
  return copies;
}

/**
 * All records but the lists that only grow (events, return values): the copy shares those, and whoever goes back cuts them
 * back to their length.
 */
export function copyRecords(state: MachineState): All<MachineState> {
  const runs: ProgramRun[] = [];
  for (const run of state.runs) runs.push(run.ended ? run : { ...run });
  return {
    kernel: copyKernel(state.kernel),
    maps: copyMaps(state.maps),
    contexts: state.contexts.size === 0 ? new Map<number, ContextRecord>() : cloneState(state.contexts),
    runs,
    returnValues: state.returnValues,
    ended: state.ended,
    lastCpu: state.lastCpu,
    idleSpins: state.idleSpins,
  };
}

check<CopiedFields<MachineState, 'kernel' | 'maps' | 'contexts' | 'runs' | 'returnValues' | 'ended'>>(true);
check<CopiedFields<ProgramRun, never>>(true);
