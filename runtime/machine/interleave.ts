/**
 * Interleaving: the tracks of a `parallel` step on their CPUs, where the scheduler and not the clocks says at every choice
 * point who goes on. Choice points lie between helper calls, between the steps of kernel operations (taking a lock, removing a
 * callback, queueing, waiting, …) and wherever a timer interrupt may come. Memory accesses between two helper calls of a
 * program are one action: races on values alone are out of reach, as are those that need a weak memory order.
 *
 * Invariants: a CPU that waits is never chosen before what it waits for has happened; the step ends when nothing can act; if
 * somebody still waits then, that is a deadlock.
 */
import { waitOf } from '../kernel/waits';
import { ok, type Result } from '../util/problem';
import type { CpuAction } from './actions';
import type { Machine } from './machine';
import type { ScenarioStep } from './scenario';
import type { MachineStop } from './types';

/** Timers that expire within this time of the beginning of the step may fire at any moment in it. */
export const PARALLEL_WINDOW_NS = 100_000n;
/** Actions of one parallel step after which it counts as endless. */
const ACTIONS_MAX = 20_000;

export interface InterleaveOptions {
  /** Told of every action before it is taken. */
  readonly observe?: (action: ObservedAction) => void;
}

export interface ObservedAction {
  readonly cpu: number;
  readonly action: CpuAction | 'start';
  /** For `start`: the step that begins. */
  readonly step?: ScenarioStep;
  /** The CPU that acted last could have gone on, but another one acts, or an interrupt comes. */
  readonly preempts: boolean;
  /** CPU that acted before. */
  readonly before: number | undefined;
}

interface Track {
  readonly steps: readonly ScenarioStep[];
  next: number;
  cpu: number;
  /** Outermost context of the step under way. */
  context: object | undefined;
}

interface Option {
  readonly cpu: number;
  readonly action: CpuAction | 'start';
  readonly track?: Track;
}

const cpuOf = (step: ScenarioStep, track: number): number => ('cpu' in step ? step.cpu : track);

/** Who the option lets act: programs and user space of a CPU, or its interrupts. */
const actorOf = (option: Option): number => option.cpu * 2 + (option.action === 'interrupt' ? 1 : 0);

/**
 * @param begin takes a step as far as it goes without waiting.
 * @returns why the run ended early, if it did; a problem is one of the scenario.
 */
export function interleave(
  machine: Machine,
  steps: readonly (readonly ScenarioStep[])[],
  begin: (step: ScenarioStep) => Result<void>,
  options: InterleaveOptions,
): Result<MachineStop | undefined> {
  const horizonNs = machine.nowNs() + PARALLEL_WINDOW_NS;
  const tracks: Track[] = steps.map((list) => ({ steps: list, next: 0, cpu: -1, context: undefined }));
  let last: number | undefined;
  for (let actions = 0; actions < ACTIONS_MAX; actions++) {
    const { list, goesOn } = optionsNow(machine, tracks, horizonNs, last);
    if (list.length === 0) return ok(deadlock(machine));
    const at = machine.kernel.choices.choose(goesOn ? 'preempt' : 'cpu', list.length, list.map(actorOf));
    const option = list[at];
    options.observe?.({
      cpu: option.cpu,
      action: option.action,
      preempts: goesOn && at > 0,
      before: last,
      ...(option.track === undefined ? {} : { step: option.track.steps[option.track.next] }),
    });
    last = option.cpu;
    if (option.track !== undefined) {
      const { track } = option;
      const begun = begin(track.steps[track.next++]);
      if (!begun.ok) return begun;
      track.cpu = option.cpu;
      track.context = machine.state.kernel.cpus[option.cpu]?.contexts[0];
      if (track.cpu >= machine.cpuCount) track.context = undefined;
    } else {
      const stop = machine.actOn(option.cpu, option.action as CpuAction);
      if (stop !== undefined) return ok(stop);
    }
    while (machine.isLocal(option.cpu)) {
      const stop = machine.actOn(option.cpu, 'run');
      if (stop !== undefined) return ok(stop);
    }
  }
  return ok({
    kind: 'exhausted',
    message: `a parallel step does not come to rest within ${ACTIONS_MAX} actions`,
  });
}

/** What can be done now; first what the CPU that acted last would do by itself, if it can. */
function optionsNow(
  machine: Machine,
  tracks: readonly Track[],
  horizonNs: bigint,
  last: number | undefined,
): { list: Option[]; goesOn: boolean } {
  const list: Option[] = [];
  let goesOn = false;
  const { cpus } = machine.state.kernel;
  for (let cpu = 0; cpu < cpus.length; cpu++) {
    for (const action of machine.possibleActions(cpu, horizonNs)) {
      if (action === 'run' && cpu === last) {
        list.unshift({ cpu, action });
        goesOn = true;
      } else list.push({ cpu, action });
    }
  }
  for (const [index, track] of tracks.entries()) {
    if (track.next >= track.steps.length) continue;
    const isBusy = track.context !== undefined && cpus[track.cpu].contexts[0] === track.context;
    const cpu = cpuOf(track.steps[track.next], index);
    // A step for a CPU that does not exist begins too, and fails with its own message.
    if (!isBusy && (cpus[cpu] === undefined || cpus[cpu].contexts.length === 0))
      list.push({ cpu, action: 'start', track });
  }
  return { list, goesOn };
}

const OPERATION_NAMES: Readonly<Record<string, string>> = {
  timerInit: 'bpf_timer_init',
  timerSetCallback: 'bpf_timer_set_callback',
  timerStart: 'bpf_timer_start',
  timerCancel: 'bpf_timer_cancel',
  timerCancelAsync: 'bpf_timer_cancel_async',
  freeValues: 'freeing timers of a map',
  deferredFrees: 'the worker for deferred frees',
  softirq: 'the timer interrupt',
  expiry: 'the expiry of a timer',
  loop: 'bpf_loop',
  forEach: 'bpf_for_each_map_elem',
  callOnce: 'a callback',
};

/** What a CPU's innermost activation is, and what it waits for: `bpf_timer_cancel, waiting for …`. */
export function activityOf(machine: Machine, cpu: number): string | undefined {
  const activation = machine.state.kernel.cpus[cpu].contexts.at(-1)?.activations.at(-1);
  if (activation === undefined) return undefined;
  if (activation.kind === 'bpf') return 'BPF code';
  const name = OPERATION_NAMES[activation.op] ?? activation.op;
  const wait = waitOf(machine.kernel, cpu, activation);
  if (wait === undefined) return name;
  const timer = machine.state.kernel.timers.get(wait.timer);
  const label = machine.timers().find((t) => t.id === wait.timer)?.label ?? `timer ${wait.timer}`;
  return wait.what === 'lock'
    ? `${name}, waiting for the lock of ${label}`
    : `${name}, waiting for the callback of ${label}, which runs on cpu${timer?.runningOn ?? '?'}`;
}

function deadlock(machine: Machine): MachineStop | undefined {
  const waiting = machine.state.kernel.cpus.filter((cpu) => cpu.contexts.length > 0);
  if (waiting.length === 0) return undefined;
  const who = waiting.map((cpu) => `cpu${cpu.id} is in ${activityOf(machine, cpu.id) ?? 'nothing'}`);
  const place = machine.place(waiting[0].id);
  return {
    kind: 'fault',
    cpu: waiting[0].id,
    message: `deadlock: ${who.join('; ')}; nobody can go on`,
    ...(place === undefined ? {} : { place }),
  };
}
