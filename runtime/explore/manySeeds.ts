/**
 * The simplest exploration: the same scenario under many seeds, ties and random helpers decided differently each time.
 * It finds what it stumbles on and never proves absence; searching the orders of steps comes on top of replayed choices.
 */
import { randomly } from '../sched/scheduler';
import { playScenario } from '../machine/player';
import type { Scenario } from '../machine/scenario';
import { ok, type Result } from '../util/problem';

export interface SeedFinding {
  /** The first seed that showed it; playing the scenario with this seed and random choices shows it again. */
  readonly seed: number;
  /** The stop's message, or the expectations that failed. */
  readonly what: string;
}

export interface SeedSearch {
  readonly executions: number;
  /** One per distinct outcome other than success. */
  readonly found: readonly SeedFinding[];
  /** A number of seeds is never all there is. */
  readonly complete: false;
}

/** Plays the scenario with `count` seeds, counted up from its own. A problem is one of the scenario, not of a run. */
export function searchSeeds(
  object: Parameters<typeof playScenario>[0],
  scenario: Scenario,
  count: number,
): Result<SeedSearch> {
  const found = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const seed = (scenario.seed + i) >>> 0;
    const played = playScenario(object, scenario, { scheduler: randomly(seed) });
    if (!played.ok) return played;
    const { stopped, outcomes } = played.value;
    const failures = outcomes.flatMap((outcome) => outcome.failures ?? []);
    const what = stopped !== undefined && 'message' in stopped ? stopped.message : failures.join('; ');
    if (what !== '' && !found.has(what)) found.set(what, seed);
  }
  return ok({
    executions: count,
    found: [...found].map(([what, seed]) => ({ seed, what })),
    complete: false,
  });
}
