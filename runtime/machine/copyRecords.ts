/**
 * Copies of a machine's records for searches, which take one at nearly every choice: one copier for each shape that is
 * there in every scenario (an object literal per shape is several times faster than a loop over fields), and the loop of
 * `cloneState` for the rest. A field that is added to one of these shapes and holds records does not compile before its
 * copier says what becomes of it.
 */
import type { Activation, OpActivation, OpLocals, OpName } from '../kernel/activations';
import type { Context, CpuState, KernelState, TimerObject } from '../kernel/state';
import type { TimerQueue } from '../kernel/timerQueue';
import { cloneState, type MachineState } from './state';

type Primitive = string | number | bigint | boolean | undefined | null;

/** Fields that hold something which could be changed in place: not values, not lists that nobody may change. */
type Changeable<T> = {
  [K in keyof T]-?: T[K] extends Primitive ? never : K;
}[keyof T];

/** `true` where the copier takes care of exactly these fields. */
type CopiedFields<T, K extends Changeable<T>> = Exclude<Changeable<T>, K> extends never ? true : never;

const check = <T>(covered: T): T => covered;
check<CopiedFields<Context, 'activations'>>(true);
check<CopiedFields<CpuState, 'contexts' | 'idleBlocks' | 'queues' | 'irqWork'>>(true);
check<CopiedFields<OpActivation, 'locals'>>(true);
/** Frozen records and callbacks, which are only ever replaced, are shared. */
check<CopiedFields<TimerObject, 'callback' | 'armed' | 'firedFrom'>>(true);
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

function copyContext(context: Context): Context {
  const activations: Activation[] = [];
  for (const activation of context.activations) activations.push(copyActivation(activation));
  return { ...context, activations };
}

const EMPTY: never[] = [];

const copyQueue = (queue: TimerQueue): TimerQueue =>
  queue.length === 0 ? [] : queue.map((chunk) => chunk.slice());

function copyCpu(cpu: CpuState): CpuState {
  const { contexts, idleBlocks, queues, irqWork } = cpu;
  const copies: Context[] = [];
  for (const context of contexts) copies.push(copyContext(context));
  return {
    ...cpu,
    contexts: copies,
    idleBlocks: idleBlocks.slice(),
    irqWork: irqWork.slice(),
    queues: { monotonic: copyQueue(queues.monotonic), boottime: copyQueue(queues.boottime) },
  };
}

function copyTimers(timers: ReadonlyMap<number, TimerObject>): Map<number, TimerObject> {
  const copies = new Map<number, TimerObject>();
  for (const timer of timers.values()) copies.set(timer.id, { ...timer });
  return copies;
}

function copyKernel(kernel: MachineState['kernel']): MachineState['kernel'] {
  const { cpus, timers, events } = kernel;
  const copies: CpuState[] = [];
  for (const cpu of cpus) copies.push(copyCpu(cpu));
  const others = cloneState({ ...kernel, cpus: EMPTY, timers: NO_TIMERS, events: EMPTY });
  return { ...others, cpus: copies, timers: copyTimers(timers), events };
}

const NO_TIMERS: KernelState['timers'] = Object.freeze(new Map<number, TimerObject>());

/**
 * All records but the lists that only grow (events, return values): the copy shares those, and whoever goes back cuts them
 * back to their length.
 */
export function copyRecords(state: MachineState): MachineState {
  const { kernel, returnValues } = state;
  const others = cloneState({ ...state, kernel: NO_KERNEL, returnValues: EMPTY });
  return { ...others, kernel: copyKernel(kernel), returnValues };
}

const NO_KERNEL = Object.freeze({}) as MachineState['kernel'];
