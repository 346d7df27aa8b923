/**
 * One scenario, played many times: what precedes the first parallel step is played once, what follows again and again from
 * there, each time with other answers to the choices. Plays whole runs; `walk.ts` takes them choice by choice.
 */
import type { Checkpoint } from '../machine/checkpoints';
import type { ObservedAction } from '../machine/interleave';
import { Machine } from '../machine/machine';
import { Player, profileOf, type PlayOptions } from '../machine/player';
import type { Scenario, ScenarioStep } from '../machine/scenario';
import type { ChoiceRecord, SchedulerState } from '../sched/scheduler';
import { seedPrng } from '../util/prng';
import { ok, type Result } from '../util/problem';
import type { DataRace, DataRaces } from './dataRaces';
import { violationOf, type Violation } from './invariants';
import { SearchWatch } from './searchWatch';
import { Tracer, type TracedRun } from './trace';

/** Everything about one played execution. */
export interface Execution {
  readonly record: readonly ChoiceRecord[];
  readonly violation: Violation | undefined;
  /** The first data race, unless they are not looked for. */
  readonly race: DataRace | undefined;
  /** It did not come to rest, and why. */
  readonly cutBecause: string | undefined;
}

/** A task and what interrupts it. */
const CONTEXTS = 2;

export class Executor {
  private constructor(
    readonly machine: Machine,
    /** Took the steps before the first parallel one. */
    readonly prefix: Player,
    /** From the first parallel step on. */
    readonly rest: readonly ScenarioStep[],
    readonly start: Checkpoint,
    readonly watch: SearchWatch,
    private readonly scenario: Scenario,
  ) {}

  /** A problem is one of the scenario (no such map, unreadable key). */
  static create(
    object: Parameters<typeof Machine.load>[0],
    scenario: Scenario,
    options: Omit<PlayOptions, 'scheduler'>,
  ): Result<Executor> {
    const loaded = Machine.load(object, {
      profile: profileOf(scenario, options.profile),
      cpus: scenario.cpus,
      seed: scenario.seed,
      // Accesses of programs are only seen on a checked machine.
      checked: true,
      ...(options.kernelTypes === undefined ? {} : { kernelTypes: options.kernelTypes }),
      ...(scenario.programs === undefined ? {} : { programs: scenario.programs }),
      ...(scenario.budget === undefined ? {} : { budget: scenario.budget }),
    });
    if (!loaded.ok) return loaded;
    const machine = loaded.value;
    const prefix = new Player(machine);
    const first = scenario.steps.findIndex((step) => step.kind === 'parallel');
    const split = first < 0 ? scenario.steps.length : first;
    for (const step of scenario.steps.slice(0, split)) {
      const taken = prefix.take(step);
      if (!taken.ok) return taken;
      if (prefix.stopped !== undefined) break;
    }
    const rest = prefix.stopped === undefined ? scenario.steps.slice(split) : [];
    // Choices are the driver's from here on; random helpers go on where the steps before left them.
    const { prng } = machine.scheduler;
    machine.setScheduler({ strategy: 'replay', prng, script: [], used: 0, isSearch: true });
    const racesOff = scenario.check?.dataRace === 'off';
    const results = rest.some(
      (step) =>
        step.kind === 'expect' && (step.expected.returns !== undefined || step.expected.errno !== undefined),
    );
    const watch = new SearchWatch(machine, { everyAccess: racesOff, races: !racesOff, results });
    machine.setWatch(watch);
    machine.reserveContexts(CONTEXTS);
    return ok(new Executor(machine, prefix, rest, machine.checkpoint(), watch, scenario));
  }

  /** A scheduler that gives these answers to the choices of the parallel steps. */
  scripted(script: readonly number[]): SchedulerState {
    return { strategy: 'replay', prng: seedPrng(0), script, used: 0, isSearch: true };
  }

  /** Plays one run. @param observe is told of every action; then the machine also remembers events and stacks. */
  execute(
    scheduler: SchedulerState,
    observe?: (action: ObservedAction) => void,
    stackOf?: DataRaces['stackOf'],
  ): Result<Execution> {
    const { machine } = this;
    machine.rewind(this.start);
    machine.kernel.quiet = observe === undefined;
    this.watch.reset();
    this.watch.races.stackOf = stackOf;
    const record: ChoiceRecord[] = [];
    machine.setScheduler({ ...scheduler, isSearch: true, prng: machine.scheduler.prng, record });
    const player = new Player(machine, observe === undefined ? {} : { observe });
    player.continueFrom(this.prefix);
    for (const step of this.rest) {
      const taken = player.take(step);
      if (!taken.ok) return taken;
      if (player.stopped !== undefined) break;
    }
    const violation = violationOf(machine, player);
    return ok({
      record,
      violation,
      race: this.race,
      cutBecause: player.stopped?.kind === 'exhausted' ? player.stopped.message : undefined,
    });
  }

  /** Plays a schedule once more and remembers what everyone did. */
  trace(script: readonly number[]): Result<{ readonly run: TracedRun; readonly execution: Execution }> {
    const tracer = new Tracer(this.machine);
    const execution = this.execute(
      this.scripted(script),
      (action) => tracer.observe(action),
      (cpu, insn) => tracer.stackAt(cpu, insn),
    );
    this.watch.races.stackOf = undefined;
    if (!execution.ok) return execution;
    return ok({ run: tracer.finish(), execution: execution.value });
  }

  /** The first data race of the run that was played last, if the scenario wants to know. */
  get race(): DataRace | undefined {
    return this.watch.races.race;
  }

  get seed(): number {
    return this.scenario.seed;
  }
}
