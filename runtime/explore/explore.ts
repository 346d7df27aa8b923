/**
 * The search over interleavings: plays a scenario again and again from the state before its first `parallel` step, each
 * time with other answers to the choices, and checks invariants after each run.
 *
 * `dfs` tries all schedules with 0, 1, 2, 4, 8 … preemptions (short runs: 0, 2, 4 …), as far as it may; its answer is `complete` only when every schedule within the bound
 * was run and none was cut short. `random` and `pct` never are. Exploration is sequentially consistent.
 */
import type { Machine } from '../machine/machine';
import type { PlayOptions } from '../machine/player';
import type { Scenario } from '../machine/scenario';
import { pct, type ChoiceRecord } from '../sched/scheduler';
import { scheduleToText } from '../sched/scheduleText';
import { seedPrng } from '../util/prng';
import { assert } from '../util/assert';
import { ok, type Result } from '../util/problem';
import { depthFirst, type Bounds } from './depthFirst';
import { Executor, type Execution } from './executor';
import { raceStacks, raceViolation } from './raceReport';
import type { Invariant, Violation } from './invariants';
import { Tally } from './tally';
import type { TracedRun } from './trace';

export type Strategy = 'dfs' | 'random' | 'pct';

export interface ExploreOptions extends Omit<PlayOptions, 'scheduler'> {
  readonly strategy: Strategy;
  /** Most preemptions of a schedule (dfs); one less than the number of ordering constraints (pct). */
  readonly preemptions: number;
  /** Most executions. */
  readonly budget: number;
  /** False: run every schedule, also those that differ only in the order of independent actions (dfs). */
  readonly reduce?: boolean;
  /** This share of the schedules only: by the first deviation (dfs) or by seed. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Called now and then with the number of executions so far; false stops the search. */
  readonly onProgress?: (executions: number) => boolean;
  /** Told at the end of every run of a depth-first search; the machine stands as the run ended. */
  readonly onEnd?: (script: readonly number[], machine: Machine) => void;
}

export interface Found extends Violation {
  /** Answers to all choices; replaying them shows the violation again. */
  readonly schedule: string;
  readonly preemptions: number;
  /** What was there to choose on the way; another machine than this one would have had other choices. */
  readonly shape: string;
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
  /** What the first of those says. */
  readonly cutBecause?: string;
  /** Runs that were left on the way, because they differ from others only in the order of independent actions. */
  readonly equivalent: number;
  /** With `complete`: no schedule needs more preemptions than were allowed. */
  readonly unbounded: boolean;
  /** For `pct`. */
  readonly bound?: PctBound;
  /** Why the search is not complete. */
  readonly incompleteBecause?: 'found' | 'budget' | 'cut' | 'strategy' | 'stopped';
}

/** Choices of a run up to which all its schedules with two preemptions take no time to speak of. */
const SHORT_CHOICES = 64;

/** The number of choices, and a hash of how many options each had (FNV-1a). */
function shapeOf(record: readonly ChoiceRecord[]): string {
  let hash = 0x811c_9dc5;
  for (const { kind, count } of record) {
    hash = Math.imul(hash ^ count, 0x0100_0193);
    hash = Math.imul(hash ^ kind.length, 0x0100_0193);
  }
  return `${record.length}-${(hash >>> 0).toString(16).padStart(8, '0')}`;
}

const isPreemption = (choice: ChoiceRecord): boolean => choice.kind === 'preempt' && choice.chosen > 0;

/** What PCT promises: a run finds a race of that depth with a probability of at least one in actors × steps ^ (depth - 1). */
export interface PctBound {
  readonly depth: number;
  readonly actors: number;
  readonly steps: number;
  readonly probability: number;
}

function sampled(executor: Executor, tally: Tally, options: ExploreOptions): Result<PctBound | undefined> {
  const { shard, preemptions, strategy } = options;
  const stride = shard?.count ?? 1;
  const depth = preemptions + 1;
  let steps = 64;
  let mostSteps = 1;
  let actors = 1;
  const bound = (): PctBound | undefined => {
    if (strategy !== 'pct') return undefined;
    return { depth, actors, steps: mostSteps, probability: 1 / (actors * mostSteps ** (depth - 1)) };
  };
  for (let i = (shard?.index ?? 1) - 1; ; i += stride) {
    if (!tally.mayGoOn()) return ok(bound());
    const choiceSeed = (executor.seed + i) >>> 0;
    const base = pct(executor.seed, choiceSeed, depth, steps);
    const done = executor.execute(
      strategy === 'pct' ? base : { ...base, strategy: 'random', choicePrng: seedPrng(choiceSeed) },
    );
    if (!done.ok) return done;
    const { record, violation, race, cutBecause } = done.value;
    if (race !== undefined) tally.raced ??= { script: record.map((c) => c.chosen) };
    if (cutBecause !== undefined) {
      tally.cut++;
      tally.cutBecause ??= cutBecause;
    } else tally.executions++;
    if (violation !== undefined) {
      tally.found = { violation, script: record.map((c) => c.chosen) };
      return ok(bound());
    }
    steps = Math.max(1, record.length);
    mostSteps = Math.max(mostSteps, steps);
    actors = Math.max(actors, Object.keys(base.pct?.ranks ?? {}).length);
  }
}

/** Where several bounds were searched at once, looks whether fewer preemptions would have been enough. */
function withFewer(executor: Executor, search: Tally, bounds: Bounds, options: ExploreOptions): Result<void> {
  for (let most = bounds.done + 1; most < bounds.most; most++) {
    const again = new Tally(options);
    const level = depthFirst(executor, again, {
      bounds: { done: bounds.done, most },
      shard: options.shard,
      reduce: options.reduce !== false,
      onEnd: undefined,
    });
    if (!level.ok) return level;
    search.found = again.found ?? search.found;
    search.raced = again.raced ?? search.raced;
    if (again.found !== undefined || again.halted !== undefined) break;
  }
  return ok(undefined);
}

/** A problem is one of the scenario (no such map, unreadable key), not of a run. */
export function explore(
  object: Parameters<typeof Machine.load>[0],
  scenario: Scenario,
  options: ExploreOptions,
): Result<Exploration> {
  const executor = Executor.create(object, scenario, options);
  return executor.ok ? exploreWith(executor.value, options) : executor;
}

/** The same with an executor that is there already, and can be used again afterwards. */
export function exploreWith(executor: Executor, options: ExploreOptions): Result<Exploration> {
  let search = new Tally(options);
  let exhausted = false;
  let pruned = true;
  let bound: PctBound | undefined;
  if (options.strategy === 'dfs') {
    const { shard, onEnd } = options;
    const { machine } = executor;
    const told = onEnd && ((script: readonly number[]): void => onEnd(script, machine));
    // Runs with one preemption are few beside those with two, unless runs are short: then all are few, and one search has both.
    let mayJoin = onEnd === undefined;
    for (let done = -1; ;) {
      const next = done < 1 ? done + 1 : 2 * done;
      const joins = mayJoin && done === 0;
      const most = Math.min(options.preemptions, joins ? 2 : next);
      const before = search.copy();
      const level = depthFirst(executor, search, {
        bounds: { done, most },
        shard,
        reduce: options.reduce !== false,
        onEnd: told,
      });
      if (!level.ok) return level;
      if (search.halted !== undefined) break;
      if (search.found !== undefined || search.raced !== undefined) {
        if (joins && most > next) {
          // Once more with one preemption first: that is what is told.
          search = before;
          mayJoin = false;
          continue;
        }
        const fewer = withFewer(executor, search, { done, most }, options);
        if (!fewer.ok) return fewer;
        break;
      }
      pruned = level.value.pruned;
      mayJoin &&= level.value.longest <= SHORT_CHOICES;
      exhausted = most === options.preemptions || !pruned;
      if (exhausted) break;
      done = most;
    }
  } else {
    const done = sampled(executor, search, options);
    if (!done.ok) return done;
    bound = done.value;
  }
  const { executions, cut, equivalent } = search;
  const { cutBecause } = search;
  const counts = {
    executions,
    cut,
    equivalent,
    ...(cutBecause === undefined ? {} : { cutBecause }),
    ...(bound === undefined ? {} : { bound }),
  };
  const races: Found[] = [];
  if (search.raced !== undefined) {
    const race = shortestRace(executor, search.raced.script);
    if (!race.ok) return race;
    races.push(race.value);
  }
  if (search.found !== undefined) {
    const found = shortest(executor, search.found);
    if (!found.ok) return found;
    return ok({
      found: [found.value, ...races],
      complete: false,
      ...counts,
      unbounded: false,
      incompleteBecause: 'found',
    });
  }
  if (races.length > 0)
    return ok({ found: races, complete: false, ...counts, unbounded: false, incompleteBecause: 'found' });
  const because = search.halted ?? (cut > 0 ? 'cut' : exhausted ? undefined : 'strategy');
  return ok({
    found: [],
    complete: because === undefined,
    ...counts,
    unbounded: because === undefined && !pruned,
    ...(because === undefined ? {} : { incompleteBecause: because }),
  });
}

/** The same violation with as few deviations as may be, and its run. */
function shortest(
  executor: Executor,
  first: { readonly violation: Violation; readonly script: readonly number[] },
): Result<Found> {
  const { invariant } = first.violation;
  const shorter = shorten(executor, first.script, (again) => again.violation?.invariant === invariant);
  if (!shorter.ok) return shorter;
  const traced = executor.trace(shorter.value);
  if (!traced.ok) return traced;
  const { violation } = traced.value.execution;
  assert(violation, 'a schedule shows its violation again');
  return ok({ ...violation, ...foundRun(shorter.value, traced.value) });
}

/** The same for a data race; its stacks are those of the two accesses. */
function shortestRace(executor: Executor, first: readonly number[]): Result<Found> {
  const shorter = shorten(executor, first, (again) => again.race !== undefined);
  if (!shorter.ok) return shorter;
  const traced = executor.trace(shorter.value);
  if (!traced.ok) return traced;
  const { race } = traced.value.execution;
  assert(race, 'a schedule shows its data race again');
  const found = foundRun(shorter.value, traced.value);
  const stacks = raceStacks(race);
  return ok({ ...raceViolation(executor.machine, race), ...found, run: { ...found.run, stacks } });
}

/** Plays a schedule again. @param wanted what it was found for: a run may show both a violation and a data race. */
export function replaySchedule(
  executor: Executor,
  script: readonly number[],
  wanted: Invariant | undefined,
): Result<{
  readonly run: TracedRun;
  readonly preemptions: number;
  readonly shape: string;
  readonly violation?: Violation;
}> {
  const traced = executor.trace(script);
  if (!traced.ok) return traced;
  const { run, execution } = traced.value;
  const { violation, race } = execution;
  const preemptions = execution.record.filter(isPreemption).length;
  const shape = shapeOf(execution.record);
  if (race !== undefined && (violation === undefined || wanted === 'data-race'))
    return ok({
      run: { ...run, stacks: raceStacks(race) },
      preemptions,
      shape,
      violation: raceViolation(executor.machine, race),
    });
  return ok({ run, preemptions, shape, ...(violation === undefined ? {} : { violation }) });
}

const foundRun = (
  script: readonly number[],
  { run, execution }: { readonly run: TracedRun; readonly execution: Execution },
): Omit<Found, 'invariant' | 'message'> => ({
  schedule: scheduleToText(script),
  preemptions: execution.record.filter(isPreemption).length,
  shape: shapeOf(execution.record),
  run,
});

/** Takes deviations back one by one as long as the run shows the same. */
function shorten(
  executor: Executor,
  first: readonly number[],
  isSame: (again: Execution) => boolean,
): Result<readonly number[]> {
  let script = first;
  for (let changed = true; changed;) {
    changed = false;
    for (let i = script.length - 1; i >= 0; i--) {
      if (i >= script.length || script[i] === 0) continue;
      const again = executor.execute(executor.scripted(script.with(i, 0)));
      if (!again.ok) return again;
      const chosen = again.value.record.map((c) => c.chosen);
      if (!isSame(again.value) || deviations(chosen) >= deviations(script)) continue;
      script = chosen;
      changed = true;
    }
  }
  return ok(script);
}

const deviations = (script: readonly number[]): number => script.filter((chosen) => chosen > 0).length;
