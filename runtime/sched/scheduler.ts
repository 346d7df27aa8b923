/**
 * The only source of choice. Whatever can vary in a run (which CPU goes next when two are due at the same time, when an
 * interrupt is taken, what a random helper returns) is asked here, so that (object, scenario, seed or schedule) give
 * byte-identical runs.
 *
 * A scheduler is plain data: `choose` advances its record. Searching strategies answer from a script and continue with
 * their default; what was asked and answered is recorded where `record` is there. Random helpers and choices draw from
 * different generators, so that a recorded schedule replays without the strategy that found it.
 */
import { nextBelow, nextU32, seedPrng, type PrngState } from '../util/prng';

/** `preempt`: option 0 goes on with what runs, all others interrupt it. The others: no option is the natural one. */
export type ChoiceKind = 'cpu' | 'preempt' | 'interrupt' | 'random';

export interface ChoiceRecord {
  readonly kind: ChoiceKind;
  readonly count: number;
  readonly chosen: number;
}

/** Probabilistic concurrency testing: actors run by rank; at some steps the one that runs falls to the last rank. */
export interface PctState {
  /** Higher runs first; an actor without rank gets a random one when it is first seen. */
  readonly ranks: Record<number, number>;
  /** Choices at which the actor that would run is demoted. */
  readonly changeAt: readonly number[];
  lowest: number;
}

export interface SchedulerState {
  readonly strategy: 'lawful' | 'random' | 'replay' | 'pct';
  /** Feeds random helpers under every strategy, and the choices of `random` unless it has its own generator. */
  prng: PrngState;
  /** Answers for `replay`, in order; when they are used up the first option is taken. */
  readonly script: readonly number[];
  /** Answers given so far. */
  used: number;
  /** Generator of choices for `random` and `pct`. */
  choicePrng?: PrngState;
  pct?: PctState;
  /** Only choices that name their actors are the strategy's; ties of the clocks fall to the first option, unrecorded. */
  readonly isSearch?: boolean;
  /** What was asked and answered, if that is wanted. */
  record?: ChoiceRecord[];
}

/** Always takes the first option; random helpers are fed from `seed`. */
export const lawful = (seed: number): SchedulerState => ({
  strategy: 'lawful',
  prng: seedPrng(seed),
  script: [],
  used: 0,
});

export const randomly = (seed: number): SchedulerState => ({ ...lawful(seed), strategy: 'random' });

export const replaying = (script: readonly number[], seed: number): SchedulerState => ({
  ...lawful(seed),
  strategy: 'replay',
  script,
});

/** PCT with `depth` - 1 demotions somewhere in the first `steps` choices. */
export function pct(seed: number, choiceSeed: number, depth: number, steps: number): SchedulerState {
  const choicePrng = seedPrng(choiceSeed);
  const changeAt: number[] = [];
  for (let i = 1; i < depth; i++) changeAt.push(nextBelow(choicePrng, Math.max(1, steps)));
  return { ...lawful(seed), strategy: 'pct', choicePrng, pct: { ranks: {}, changeAt, lowest: 0 } };
}

/**
 * One of `count` options (0 … count-1); a single option is no choice and is not recorded.
 *
 * @param actors who would act under each option; strategies that rank actors need it.
 */
export function choose(
  state: SchedulerState,
  kind: ChoiceKind,
  count: number,
  actors?: readonly number[],
): number {
  if (count <= 1 || (state.isSearch === true && actors === undefined)) return 0;
  const at = state.used++;
  const chosen = answer(state, at, count, actors);
  state.record?.push(Object.freeze({ kind, count, chosen }));
  return chosen;
}

function answer(
  state: SchedulerState,
  at: number,
  count: number,
  actors: readonly number[] | undefined,
): number {
  switch (state.strategy) {
    case 'lawful':
      return 0;
    case 'random':
      return nextBelow(state.choicePrng ?? state.prng, count);
    case 'replay':
      return Math.min(state.script[at] ?? 0, count - 1);
    case 'pct':
      return actors === undefined ? 0 : byRank(state, at, actors);
  }
}

function byRank(state: SchedulerState, at: number, actors: readonly number[]): number {
  const { pct: ranking, choicePrng } = state;
  if (ranking === undefined || choicePrng === undefined) return 0;
  const { ranks } = ranking;
  for (const actor of actors) ranks[actor] ??= 1 + nextBelow(choicePrng, 1 << 30);
  const best = (): number =>
    actors.reduce((top, actor, i) => (ranks[actor] > ranks[actors[top]] ? i : top), 0);
  if (ranking.changeAt.includes(at)) ranks[actors[best()]] = --ranking.lowest;
  return best();
}

/** 32 random bits for `bpf_get_prandom_u32`. */
export const randomU32 = (state: SchedulerState): number => nextU32(state.prng);
