/**
 * The search over interleavings: plays a scenario again and again from the state before its first `parallel` step, each
 * time with other answers to the choices, and checks invariants after each run.
 *
 * `dfs` tries all schedules with 0, then 1, … preemptions; its answer is `complete` only when every schedule within the bound
 * was run and none was cut short. `random` and `pct` never are. Exploration is sequentially consistent.
 */
import { Machine } from '../machine/machine';
import { type ObservedAction } from '../machine/interleave';
import { Player, profileOf, type PlayOptions } from '../machine/player';
import type { Scenario, ScenarioStep } from '../machine/scenario';
import type { Snapshot } from '../machine/snapshot';
import { pct, type ChoiceRecord, type SchedulerState } from '../sched/scheduler';
import { scheduleToText } from '../sched/scheduleText';
import { seedPrng } from '../util/prng';
import { assert } from '../util/assert';
import { ok, type Result } from '../util/problem';
import { violationOf, type Violation } from './invariants';
import { Tracer, type TracedRun } from './trace';

export type Strategy = 'dfs' | 'random' | 'pct';

export interface ExploreOptions extends Omit<PlayOptions, 'scheduler'> {
  readonly strategy: Strategy;
  /** Most preemptions of a schedule (dfs); one less than the number of ordering constraints (pct). */
  readonly preemptions: number;
  /** Most executions. */
  readonly budget: number;
  /** This share of the schedules only: by the first deviation (dfs) or by seed. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Called now and then with the number of executions so far; false stops the search. */
  readonly onProgress?: (executions: number) => boolean;
}

export interface Found extends Violation {
  /** Answers to all choices; replaying them shows the violation again. */
  readonly schedule: string;
  readonly preemptions: number;
  readonly run: TracedRun;
}

export interface Exploration {
  /** The search stops at the first violation: with `dfs` one of the fewest preemptions. */
  readonly found: readonly Found[];
  /** Every schedule within the bound was run to its end (of this shard), and nothing was found. */
  readonly complete: boolean;
  /** Runs that were taken to their end. */
  readonly executions: number;
  /** Runs that did not come to rest; they say nothing about what would have followed. */
  readonly cut: number;
  /** Why the search is not complete. */
  readonly incompleteBecause?: 'found' | 'budget' | 'cut' | 'strategy' | 'stopped';
}

const PROGRESS_EVERY = 256;

/** Everything about one played execution. */
interface Execution {
  readonly record: readonly ChoiceRecord[];
  readonly violation: Violation | undefined;
  readonly isCut: boolean;
  readonly player: Player;
}

/** Plays one scenario many times; what precedes the first parallel step is played once. */
export class Executor {
  private constructor(
    readonly machine: Machine,
    private readonly prefix: Player,
    private readonly rest: readonly ScenarioStep[],
    private readonly start: Snapshot,
    private readonly scenario: Scenario,
  ) {}

  static create(
    object: Parameters<typeof Machine.load>[0],
    scenario: Scenario,
    options: Omit<PlayOptions, 'scheduler'>,
  ): Result<Executor> {
    const loaded = Machine.load(object, {
      profile: profileOf(scenario, options.profile),
      cpus: scenario.cpus,
      seed: scenario.seed,
      checked: options.checked ?? false,
      ...(scenario.programs === undefined ? {} : { programs: scenario.programs }),
      ...(scenario.budget === undefined ? {} : { budget: scenario.budget }),
    });
    if (!loaded.ok) return loaded;
    const prefix = new Player(loaded.value);
    const first = scenario.steps.findIndex((step) => step.kind === 'parallel');
    const split = first < 0 ? scenario.steps.length : first;
    for (const step of scenario.steps.slice(0, split)) {
      const taken = prefix.take(step);
      if (!taken.ok) return taken;
      if (prefix.stopped !== undefined) break;
    }
    const rest = prefix.stopped === undefined ? scenario.steps.slice(split) : [];
    return ok(new Executor(loaded.value, prefix, rest, loaded.value.snapshot(), scenario));
  }

  /** The scheduler that gives these answers to the choices of the parallel steps. */
  scripted(script: readonly number[]): SchedulerState {
    return { strategy: 'replay', prng: seedPrng(0), script, used: 0, isSearch: true };
  }

  execute(scheduler: SchedulerState, observe?: (action: ObservedAction) => void): Result<Execution> {
    const { machine } = this;
    machine.restore(this.start);
    const record: ChoiceRecord[] = [];
    // Random helpers go on where the steps before left them.
    machine.setScheduler({ ...scheduler, isSearch: true, prng: machine.scheduler.prng, record });
    const player = new Player(machine, observe === undefined ? {} : { observe });
    player.continueFrom(this.prefix);
    for (const step of this.rest) {
      const taken = player.take(step);
      if (!taken.ok) return taken;
      if (player.stopped !== undefined) break;
    }
    const violation = violationOf(machine, player);
    return ok({ record, violation, isCut: player.stopped?.kind === 'exhausted', player });
  }

  /** Plays a schedule once more and remembers what everyone did. */
  trace(script: readonly number[]): Result<{ readonly run: TracedRun; readonly execution: Execution }> {
    const tracer = new Tracer(this.machine);
    const execution = this.execute(this.scripted(script), (action) => {
      tracer.observe(action);
    });
    if (!execution.ok) return execution;
    return ok({ run: tracer.finish(), execution: execution.value });
  }

  get seed(): number {
    return this.scenario.seed;
  }
}

const isPreemption = (choice: ChoiceRecord): boolean => choice.kind === 'preempt' && choice.chosen > 0;

/** One search; all state of it. */
class Search {
  executions = 0;
  cut = 0;
  /** Why it ended before its time. */
  halted: 'budget' | 'stopped' | undefined;
  found: { violation: Violation; record: readonly ChoiceRecord[] } | undefined;

  constructor(
    private readonly executor: Executor,
    private readonly options: ExploreOptions,
  ) {}

  /** The record of one execution; undefined: the search is over. */
  private run(scheduler: SchedulerState): Result<readonly ChoiceRecord[] | undefined> {
    if (this.executions + this.cut >= this.options.budget) {
      this.halted = 'budget';
      return ok(undefined);
    }
    const done = this.executor.execute(scheduler);
    if (!done.ok) return done;
    if (done.value.isCut) this.cut++;
    else this.executions++;
    if (done.value.violation !== undefined) {
      this.found = { violation: done.value.violation, record: done.value.record };
      return ok(undefined);
    }
    const total = this.executions + this.cut;
    if (total % PROGRESS_EVERY === 0 && this.options.onProgress?.(total) === false) {
      this.halted = 'stopped';
      return ok(undefined);
    }
    return ok(done.value.record);
  }

  /** All schedules with at most `bound` preemptions, depth first. `pruned`: some need more. */
  depthFirst(bound: number): Result<{ pruned: boolean }> {
    let pruned = false;
    let script: number[] | undefined = [];
    while (script !== undefined) {
      const ran = this.run(this.executor.scripted(script));
      if (!ran.ok) return ran;
      if (ran.value === undefined) return ok({ pruned });
      const next = this.nextScript(ran.value, bound);
      pruned ||= next.pruned;
      script = next.script;
    }
    return ok({ pruned });
  }

  /** The next schedule in depth-first order: the last choice that has another answer within the bound. */
  private nextScript(
    record: readonly ChoiceRecord[],
    bound: number,
  ): { script: number[] | undefined; pruned: boolean } {
    const { shard } = this.options;
    let pruned = false;
    let preemptions = record.filter(isPreemption).length;
    let firstDeviation = record.findIndex((choice) => choice.chosen > 0);
    if (firstDeviation < 0) firstDeviation = record.length;
    for (let i = record.length - 1; i >= 0; i--) {
      const choice = record[i];
      if (isPreemption(choice)) preemptions--;
      if (choice.chosen + 1 >= choice.count) continue;
      const isMine = shard === undefined || i > firstDeviation || i % shard.count === shard.index - 1;
      if (!isMine) continue;
      if (choice.kind === 'preempt' && preemptions + 1 > bound) {
        pruned = true;
        continue;
      }
      return { script: [...record.slice(0, i).map((c) => c.chosen), choice.chosen + 1], pruned };
    }
    return { script: undefined, pruned };
  }

  sampled(strategy: 'random' | 'pct'): Result<void> {
    const { shard, preemptions } = this.options;
    const stride = shard?.count ?? 1;
    let steps = 64;
    for (let i = (shard?.index ?? 1) - 1; ; i += stride) {
      const choiceSeed = (this.executor.seed + i) >>> 0;
      const base = pct(this.executor.seed, choiceSeed, preemptions + 1, steps);
      const ran = this.run(
        strategy === 'pct' ? base : { ...base, strategy: 'random', choicePrng: seedPrng(choiceSeed) },
      );
      if (!ran.ok) return ran;
      if (ran.value === undefined) return ok(undefined);
      steps = Math.max(1, ran.value.length);
    }
  }
}

/** A problem is one of the scenario (no such map, unreadable key), not of a run. */
export function explore(
  object: Parameters<typeof Machine.load>[0],
  scenario: Scenario,
  options: ExploreOptions,
): Result<Exploration> {
  const executor = Executor.create(object, scenario, options);
  if (!executor.ok) return executor;
  const search = new Search(executor.value, options);
  let exhausted = false;
  if (options.strategy === 'dfs') {
    for (let bound = 0; bound <= options.preemptions; bound++) {
      const level = search.depthFirst(bound);
      if (!level.ok) return level;
      if (search.found !== undefined || search.halted !== undefined) break;
      exhausted = bound === options.preemptions || !level.value.pruned;
      if (exhausted) break;
    }
  } else {
    const sampled = search.sampled(options.strategy);
    if (!sampled.ok) return sampled;
  }
  const { executions, cut } = search;
  if (search.found !== undefined) {
    const found = shortest(executor.value, search.found);
    if (!found.ok) return found;
    return ok({ found: [found.value], complete: false, executions, cut, incompleteBecause: 'found' });
  }
  const because = search.halted ?? (cut > 0 ? 'cut' : exhausted ? undefined : 'strategy');
  return ok({
    found: [],
    complete: because === undefined,
    executions,
    cut,
    ...(because === undefined ? {} : { incompleteBecause: because }),
  });
}

/** Takes deviations back one by one as long as the same violation shows, then records the run. */
function shortest(
  executor: Executor,
  first: { violation: Violation; record: readonly ChoiceRecord[] },
): Result<Found> {
  let { record } = first;
  for (let changed = true; changed;) {
    changed = false;
    for (let i = record.length - 1; i >= 0; i--) {
      if (i >= record.length || record[i].chosen === 0) continue;
      const script = record.map((c) => c.chosen);
      script[i] = 0;
      const again = executor.execute(executor.scripted(script));
      if (!again.ok) return again;
      const shorter =
        again.value.violation?.invariant === first.violation.invariant &&
        deviations(again.value.record) < deviations(record);
      if (!shorter) continue;
      ({ record } = again.value);
      changed = true;
    }
  }
  const script = record.map((c) => c.chosen);
  const traced = executor.trace(script);
  if (!traced.ok) return traced;
  const { violation } = traced.value.execution;
  assert(violation, 'a schedule shows its violation again');
  return ok({
    ...violation,
    schedule: scheduleToText(script),
    preemptions: record.filter(isPreemption).length,
    run: traced.value.run,
  });
}

const deviations = (record: readonly ChoiceRecord[]): number => record.filter((c) => c.chosen > 0).length;
