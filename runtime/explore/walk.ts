/**
 * A run that can be taken choice by choice, and put back to an earlier choice: the steps of the scenario from the first
 * parallel one on, over one machine. Steps outside parallel ones have no choices and are taken at once.
 */
import type { Checkpoint } from '../machine/checkpoints';
import type { Interleaving, InterleavingState, Option, Options } from '../machine/interleave';
import { Player, type PlayerPosition } from '../machine/player';
import { assert } from '../util/assert';
import { ok, type Result } from '../util/problem';
import type { RaceMark } from './dataRaces';
import type { Executor } from './executor';
import type { Footprint } from './footprint';
import { violationOf, type Violation } from './invariants';

/** Where a walk can be put back to. */
export interface WalkPosition {
  readonly checkpoint: Checkpoint;
  readonly player: PlayerPosition;
  /** Index of the step. */
  readonly step: number;
  readonly interleaving: Interleaving;
  readonly inside: InterleavingState;
  readonly races: RaceMark;
}

const OVER: Result<undefined> = ok(undefined);

export class Walk {
  private readonly player: Player;
  private step = 0;
  private interleaving: Interleaving | undefined;

  constructor(private readonly executor: Executor) {
    this.player = new Player(executor.machine, {});
    this.player.continueFrom(executor.prefix);
  }

  /** To the beginning. */
  reset(): void {
    const { machine, start, prefix } = this.executor;
    machine.rewind(start);
    machine.kernel.quiet = true;
    this.executor.watch.reset();
    this.player.goTo(prefix.position());
    this.step = 0;
    this.interleaving = undefined;
  }

  /** Goes on to where something can be done in a parallel step; undefined: the run is over. A problem is one of the scenario. */
  toOptions(): Result<Options | undefined> {
    const { player } = this;
    const { rest } = this.executor;
    for (;;) {
      const under = this.interleaving;
      if (under !== undefined) {
        const options = under.options();
        if (options.list.length > 0) return ok(options);
        this.endParallel(under.atRest());
        continue;
      }
      if (player.stopped !== undefined || this.step >= rest.length) return OVER;
      const step = rest[this.step];
      if (step.kind === 'parallel') this.interleaving = player.openParallel(step);
      else {
        this.step++;
        const taken = player.take(step);
        if (!taken.ok) return taken;
      }
    }
  }

  take(option: Option, preempts: boolean): Result<void> {
    assert(this.interleaving, 'an option belongs to a parallel step');
    const taken = this.interleaving.take(option, preempts);
    if (!taken.ok) return taken;
    if (taken.value !== undefined) this.endParallel(taken.value);
    return OVER;
  }

  /** What the action taken last touched. */
  get footprint(): Footprint {
    return this.executor.watch.footprint;
  }

  /** Whether the CPU could go on with what it runs. */
  canGoOn(cpu: number): boolean {
    return this.interleaving?.canGoOn(cpu) === true;
  }

  private endParallel(stop: ReturnType<Interleaving['atRest']>): void {
    this.player.closeParallel(stop);
    this.player.outcomes.push({ step: this.executor.rest[this.step] });
    this.step++;
    this.interleaving = undefined;
  }

  /** Inside parallel steps only. */
  position(): WalkPosition {
    const { player, step, interleaving } = this;
    assert(interleaving, 'options are inside parallel steps');
    return {
      checkpoint: this.executor.machine.checkpoint(),
      player: player.position(),
      step,
      interleaving,
      inside: interleaving.position(),
      races: this.executor.watch.races.mark(),
    };
  }

  /** @param last the position is not needed again. */
  goTo(position: WalkPosition, last: boolean): void {
    this.executor.machine.rewind(position.checkpoint, last);
    this.player.goTo(position.player);
    this.executor.watch.races.rewind(position.races);
    this.step = position.step;
    this.interleaving = position.interleaving;
    const { tracks, last: cpu, actions } = position.inside;
    position.interleaving.goTo(
      last ? position.inside : { tracks: tracks.map((track) => ({ ...track })), last: cpu, actions },
    );
  }

  /** At the end of a run. */
  violation(): Violation | undefined {
    return violationOf(this.executor.machine, this.player);
  }

  /** Why the run that ended was cut short, if it was. */
  get cutBecause(): string | undefined {
    const { stopped } = this.player;
    return stopped?.kind === 'exhausted' ? stopped.message : undefined;
  }
}
