/**
 * The only source of choice. Whatever can vary in a run (which CPU goes next when two are due at the same time, what a
 * random helper returns) is asked here, so that (object, scenario, seed or schedule) give byte-identical runs.
 *
 * A scheduler is plain data: `choose` advances its record. Strategies that search (DFS, PCT) come on top of `replay`.
 */
import { nextBelow, nextU32, seedPrng, type PrngState } from '../util/prng';

export type ChoiceKind = 'cpu' | 'preempt' | 'interrupt' | 'random';

export interface SchedulerState {
  readonly strategy: 'lawful' | 'random' | 'replay';
  /** Feeds random helpers under every strategy, and the choices of `random`. */
  prng: PrngState;
  /** Answers for `replay`, in order; when they are used up the first option is taken. */
  readonly script: readonly number[];
  /** Answers given so far. */
  used: number;
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

/** One of `count` options (0 … count-1); a single option is no choice and is not recorded. */
export function choose(state: SchedulerState, _kind: ChoiceKind, count: number): number {
  if (count <= 1) return 0;
  const at = state.used++;
  if (state.strategy === 'random') return nextBelow(state.prng, count);
  if (state.strategy === 'replay') return Math.min(state.script[at] ?? 0, count - 1);
  return 0;
}

/** 32 random bits for `bpf_get_prandom_u32`. */
export const randomU32 = (state: SchedulerState): number => nextU32(state.prng);
