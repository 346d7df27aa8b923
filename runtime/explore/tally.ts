/** What a search has done so far, and whether it may go on: shared by all strategies. */
import type { Violation } from './invariants';

const PROGRESS_EVERY = 1024;
/** Runs that do not come to rest take long and say nothing; after so many there is no use in more. */
const CUTS_MAX = 10;

export class Tally {
  /** Runs that were taken to their end; each counts once. */
  executions = 0;
  /** Runs that did not come to rest. */
  cut = 0;
  /** Runs that were left before their end, because they could only have become what was seen before. */
  equivalent = 0;
  /** The first thing that went wrong; the search ends there. */
  found: { readonly violation: Violation; readonly script: readonly number[] } | undefined;
  /** The first run with a data race; the search goes on, because something worse may come of it. */
  raced: { readonly script: readonly number[] } | undefined;
  /** What the first of them says. */
  cutBecause: string | undefined;
  /** Why it ended before its time. */
  halted: 'budget' | 'stopped' | 'cut' | undefined;

  constructor(
    private readonly limits: {
      readonly budget: number;
      readonly onProgress?: (executions: number) => boolean;
    },
  ) {}

  /** To go on from here a second time. */
  copy(): Tally {
    return Object.assign(new Tally(this.limits), this);
  }

  /** Asked before every run. */
  mayGoOn(): boolean {
    const total = this.executions + this.cut;
    if (total >= this.limits.budget) this.halted = 'budget';
    else if (this.cut >= CUTS_MAX) this.halted = 'cut';
    else if (total % PROGRESS_EVERY === 0 && this.limits.onProgress?.(total) === false)
      this.halted = 'stopped';
    return this.halted === undefined;
  }
}
