/**
 * Interleaving: the tracks of a `parallel` step on their CPUs, where the scheduler and not the clocks says at every choice
 * point who goes on. Choice points lie between helper calls, between the steps of kernel operations (taking a lock, removing a
 * callback, queueing, waiting, …), before accesses to values that the watch wants to have apart, and wherever a timer
 * interrupt may come. Races that need a weak memory order are out of reach.
 *
 * Invariants: a CPU that waits is never chosen before what it waits for has happened; the step ends when nothing can act; if
 * somebody still waits then, that is a deadlock.
 */
import { OPERATION_NAMES } from '../kernel/ops';
import type { ContextKind, CpuState } from '../kernel/state';
import { waitOf } from '../kernel/waits';
import { fail, ok, type Problem, type Result } from '../util/problem';
import { COMBINATIONS, type CpuAction } from './actions';
import type { Machine } from './machine';
import type { ScenarioStep } from './scenario';
import type { MachineStop } from './types';
import { peekTimer } from '../kernel/timerTable';

/** Timers that expire within this time of the beginning of the step may fire at any moment in it. */
export const PARALLEL_WINDOW_NS = 100_000n;
/** Actions of one parallel step after which it counts as endless. */
const ACTIONS_MAX = 10_000;

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

/** One thing that can be done: a CPU goes on, takes an interrupt, or a track begins its next step. */
export interface Option {
  readonly cpu: number;
  readonly action: CpuAction | 'start';
  /** For `start`: which track; else -1. */
  readonly track: number;
}

/** What can be done, in the order in which choices count it. */
export interface Options {
  readonly list: readonly Option[];
  /** The first option goes on with the CPU that acted last; all others interrupt it. */
  readonly goesOn: boolean;
}

interface TrackState {
  next: number;
  /** CPU of the step under way, -1 = none is. */
  cpu: number;
  /** Contexts that were on that CPU when the step began: an interrupt's step begins on a busy CPU. */
  depth: number;
  /** Kind of the step's own context; user space is a task. */
  context: ContextKind;
}

/** Where a parallel step stands, apart from the machine: plain data. */
export interface InterleavingState {
  readonly tracks: readonly TrackState[];
  /** CPU that acted last, -1 = nobody yet. */
  last: number;
  actions: number;
}

const ACTIONS: readonly Option['action'][] = ['run', 'interrupt', 'worker', 'irqWork', 'start'];

const cpuOf = (step: ScenarioStep, track: number): number => ('cpu' in step ? step.cpu : track);

/** Who the option lets act: programs and user space of a CPU, or its interrupts. */
const actorOf = (option: Option): number => option.cpu * 2 + (option.action === 'interrupt' ? 1 : 0);

/** One parallel step under way. Drivers ask for the options and take one, until there are none. */
export class Interleaving {
  private readonly horizonNs: bigint;
  private state: InterleavingState;
  private readonly known: Option[] = [];
  /** Lists of options, by all that they depend on as one number. */
  private readonly lists = new Map<number, Options>();
  private readonly stepsBase: number;

  /** @param begin takes a step as far as it goes without waiting. */
  constructor(
    private readonly machine: Machine,
    private readonly steps: readonly (readonly ScenarioStep[])[],
    private readonly begin: (step: ScenarioStep) => Result<void>,
    private readonly observe?: (action: ObservedAction) => void,
  ) {
    this.horizonNs = machine.nowNs() + PARALLEL_WINDOW_NS;
    this.stepsBase = Math.max(0, ...steps.map((track) => track.length)) + 1;
    this.state = {
      tracks: steps.map(() => ({ next: 0, cpu: -1, depth: 0, context: 'task' })),
      last: -1,
      actions: 0,
    };
  }

  /** One record for each option, for all the times that it is there. */
  private optionOf(cpu: number, action: Option['action'], track: number): Option {
    const at = (cpu * ACTIONS.length + ACTIONS.indexOf(action)) * (this.steps.length + 1) + track + 1;
    return (this.known[at] ??= { cpu, action, track });
  }

  /** What can be done now; first what the CPU that acted last would do by itself, if it can. */
  options(): Options {
    const { machine } = this;
    const { tracks, last } = this.state;
    const { cpus } = machine.state.kernel;
    let key = last + 1;
    for (let cpu = 0; cpu < cpus.length; cpu++)
      key = key * COMBINATIONS.length + machine.possibleActions(cpu, this.horizonNs);
    for (let i = 0; i < tracks.length; i++)
      key = key * this.stepsBase + (this.canStart(i) ? tracks[i].next + 1 : 0);
    // Many CPUs and tracks: more than one number holds.
    if (!Number.isSafeInteger(key)) return this.listOptions();
    let options = this.lists.get(key);
    if (options === undefined) this.lists.set(key, (options = this.listOptions()));
    return options;
  }

  private listOptions(): Options {
    const { machine, steps } = this;
    const { tracks, last } = this.state;
    const list: Option[] = [];
    let goesOn = false;
    for (let cpu = 0; cpu < machine.cpuCount; cpu++)
      for (const action of COMBINATIONS[machine.possibleActions(cpu, this.horizonNs)]) {
        const option = this.optionOf(cpu, action, -1);
        if (action === 'run' && cpu === last) {
          list.unshift(option);
          goesOn = true;
        } else list.push(option);
      }
    for (let i = 0; i < tracks.length; i++)
      if (this.canStart(i)) list.push(this.optionOf(cpuOf(steps[i][tracks[i].next], i), 'start', i));
    return { list, goesOn };
  }

  /** Whether a track can begin its next step. */
  private canStart(track: number): boolean {
    const { next, cpu } = this.state.tracks[track];
    if (next >= this.steps[track].length || cpu >= 0) return false;
    const step = this.steps[track][next];
    const wanted = this.machine.state.kernel.cpus[cpuOf(step, track)];
    // A step for a CPU that does not exist begins too, and fails with its own message.
    return wanted === undefined || canBegin(wanted, step);
  }

  /** Whether a CPU could go on with what it runs. */
  canGoOn(cpu: number): boolean {
    return COMBINATIONS[this.machine.possibleActions(cpu, this.horizonNs)].includes('run');
  }

  /** Takes one option. A value is why the step ended early; a problem is one of the scenario. */
  take(option: Option, preempts: boolean): Result<MachineStop | undefined> {
    const { machine, state } = this;
    const { cpu, action } = option;
    const step = option.track < 0 ? undefined : this.steps[option.track][state.tracks[option.track].next];
    this.observe?.({
      cpu,
      action,
      preempts,
      before: state.last < 0 ? undefined : state.last,
      ...(step === undefined ? {} : { step }),
    });
    state.last = cpu;
    if (++state.actions > ACTIONS_MAX)
      return ok({
        kind: 'exhausted',
        message: `a parallel step does not come to rest within ${ACTIONS_MAX} actions${busiest(machine)}`,
      });
    const { watch } = machine.kernel;
    watch?.beginAction(cpu);
    const taken = this.act(option, step);
    if (taken.ok && taken.value === undefined) this.endSteps();
    watch?.endAction();
    return taken;
  }

  /** Tracks whose step has ended may begin their next. */
  private endSteps(): void {
    const { kernel, state } = this.machine;
    const { cpus } = state.kernel;
    const { tracks } = this.state;
    for (let i = 0; i < tracks.length; i++) {
      const track = tracks[i];
      if (track.cpu < 0 || (cpus[track.cpu]?.contexts.length ?? 0) > track.depth) continue;
      const next = this.steps[i].at(track.next);
      this.order(i, track.cpu, track.context, 'give');
      if (next !== undefined && cpuOf(next, i) !== track.cpu) kernel.touch('cpu', cpuOf(next, i), true);
      track.cpu = -1;
    }
  }

  /** User space takes the steps of a track one after another. */
  private order(track: number, cpu: number, context: ContextKind, how: 'take' | 'give'): void {
    this.machine.kernel.watch?.order({ kind: 'track', track, cpu, context }, how);
  }

  private act(option: Option, step: ScenarioStep | undefined): Result<MachineStop | undefined> {
    const { machine, state } = this;
    const { cpu, action } = option;
    if (step !== undefined) {
      const track = state.tracks[option.track];
      track.next++;
      this.order(option.track, cpu, 'task', 'take');
      if (step.kind !== 'run') machine.kernel.touch('results', 0, true);
      track.depth = machine.state.kernel.cpus[cpu]?.contexts.length ?? 0;
      const begun = this.begin(step);
      if (!begun.ok) return inTrack(begun.problem, option.track, track.next - 1);
      track.cpu = cpu;
      track.context = machine.state.kernel.cpus[cpu]?.contexts.at(track.depth)?.kind ?? 'task';
      if (track.context !== 'task') this.order(option.track, cpu, track.context, 'take');
    } else {
      const stop = machine.actOn(cpu, action as CpuAction);
      if (stop !== undefined) return ok(stop);
    }
    while (machine.isLocal(cpu)) {
      const stop = machine.actOn(cpu, 'run');
      if (stop !== undefined) return ok(stop);
    }
    return NOTHING;
  }

  /** When nothing can be done: undefined, or the deadlock that it is. */
  atRest(): MachineStop | undefined {
    return deadlock(this.machine);
  }

  /** A copy of where the step stands; the machine's own state is the machine's business. */
  position(): InterleavingState {
    const { tracks, last, actions } = this.state;
    return { tracks: tracks.map((track) => ({ ...track })), last, actions };
  }

  /** Takes a position over; it is changed from now on. */
  goTo(position: InterleavingState): void {
    this.state = position;
  }
}

const NOTHING: Result<MachineStop | undefined> = ok(undefined);

/** A problem of a step, and which step of the scenario it is. */
const inTrack = (problem: Problem, track: number, step: number): Result<never> =>
  fail({ ...problem, message: `parallel, track ${track + 1}, step ${step + 1}: ${problem.message}` });

/** Who fires again and again, as far as anybody does. */
function busiest(machine: Machine): string {
  let most: { label: string; fires: number } | undefined;
  for (const timer of machine.timers()) if (timer.fires > (most?.fires ?? 1)) most = timer;
  return most === undefined
    ? ''
    : `; the likely cause is ${most.label}, which has fired ${most.fires} times: a callback that re-arms itself without delay never lets its CPU go`;
}

/** Whether the step can begin on a CPU: on an idle one, or as an interrupt of what the CPU runs. */
function canBegin(cpu: CpuState, step: ScenarioStep): boolean {
  if (cpu.contexts.length === 0) return true;
  const interrupts = (kinds: readonly ContextKind[]): boolean =>
    cpu.contexts.every((context) => !kinds.includes(context.kind));
  switch (step.kind === 'run' ? step.context : undefined) {
    case 'nmi':
      return interrupts(['nmi']);
    case 'hardirq':
      return cpu.irqsOff === 0 && interrupts(['nmi', 'hardirq']);
    default:
      return false;
  }
}

/** Takes options as the scheduler chooses, to the end of the step. @returns as `Interleaving.take`. */
export function interleave(machine: Machine, under: Interleaving): Result<MachineStop | undefined> {
  for (;;) {
    const { list, goesOn } = under.options();
    if (list.length === 0) return ok(under.atRest());
    const at = machine.kernel.choices.choose(goesOn ? 'preempt' : 'cpu', list.length, list.map(actorOf));
    const taken = under.take(list[at], goesOn && at > 0);
    if (!taken.ok || taken.value !== undefined) return taken;
  }
}

/** What a CPU's innermost activation is, and what it waits for: `bpf_timer_cancel, waiting for …`. */
export function activityOf(machine: Machine, cpu: number): string | undefined {
  const activation = machine.state.kernel.cpus[cpu].contexts.at(-1)?.activations.at(-1);
  if (activation === undefined) return undefined;
  if (activation.kind === 'bpf') return 'BPF code';
  const name = OPERATION_NAMES[activation.op];
  const wait = waitOf(machine.kernel, cpu, activation);
  if (wait === undefined) return name;
  if (wait.what === 'bucket') {
    const map = machine.state.maps.get(wait.map ?? 0)?.definition.name ?? '?';
    return `${name}, waiting for the lock of a bucket of ${map}, which cpu${wait.holder ?? '?'} holds`;
  }
  if (wait.what === 'base')
    return `${name}, waiting for the lock of a timer queue, which cpu${wait.holder ?? '?'} holds`;
  if (wait.what === 'spinLock') return `${name}, waiting for the lock that cpu${wait.holder ?? '?'} holds`;
  const timer = peekTimer(machine.state.kernel.timers, wait.timer);
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
