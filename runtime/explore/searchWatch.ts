/**
 * What a search hears from the machine while an action is taken: accesses and orderings for the check of data races, what is
 * read and changed for the footprint of the action; and where an action must end, so that others may come in between.
 */
import type { OpActivation } from '../kernel/activations';
import type { Ordering, OrderingObject, Touched, Watch } from '../kernel/services';
import type { Machine } from '../machine/machine';
import type { AccessOrder } from '../vm/engine';
import { DataRaces } from './dataRaces';
import { FootprintRecorder, type Footprint } from './footprint';

export interface WatchOptions {
  /** The search may switch at every access to a value, not only at atomic ones. */
  readonly everyAccess: boolean;
  /** Look for data races, and record footprints. */
  readonly races: boolean;
  /** The scenario looks at results that depend on who ended last. */
  readonly results: boolean;
}

export class SearchWatch implements Watch {
  readonly races: DataRaces;
  /** What the last action touched. */
  footprint: Footprint;
  /** Whether footprints are asked for; a search without reduction does not need them. */
  recordsFootprints = true;
  private readonly recorder: FootprintRecorder;
  private inAction = false;
  /** The action under way has accessed what others see. */
  private hasAccessed = false;

  constructor(
    private readonly machine: Machine,
    private readonly options: WatchOptions,
  ) {
    this.races = new DataRaces(machine);
    this.recorder = new FootprintRecorder(machine.kernel);
    this.footprint = this.recorder.end();
  }

  reset(): void {
    this.races.reset();
    this.inAction = false;
  }

  beginParallel(): void {
    this.races.beginParallel();
  }

  beginAction(cpu: number): void {
    this.inAction = true;
    this.hasAccessed = false;
    if (this.recordsFootprints) this.recorder.begin(cpu);
  }

  endAction(): void {
    this.inAction = false;
    if (this.recordsFootprints) this.footprint = this.recorder.end();
  }

  pauses(): boolean {
    return this.inAction && this.hasAccessed;
  }

  access(at: number, sizeBytes: number, write: boolean, how: AccessOrder, slot: number): boolean {
    if (!this.inAction || !this.isShared(at)) return true;
    if (how !== 'plain' || this.options.everyAccess) {
      if (this.hasAccessed) return false;
      this.hasAccessed = true;
      if (this.recordsFootprints) this.recorder.access(at, sizeBytes, write);
    }
    if (this.options.races) this.races.access(at, sizeBytes, write, how, slot);
    return true;
  }

  copy(at: number, sizeBytes: number, write: boolean): void {
    if (!this.inAction || !this.isShared(at)) return;
    if (this.options.everyAccess && this.recordsFootprints) this.recorder.access(at, sizeBytes, write);
    if (this.options.races) this.races.copy(at, sizeBytes, write);
  }

  renew(at: number, sizeBytes: number): void {
    if (!this.inAction) return;
    if (this.options.everyAccess && this.recordsFootprints) this.recorder.access(at, sizeBytes, true);
    if (this.options.races) this.races.renew(at, sizeBytes);
  }

  private isShared(at: number): boolean {
    const kind = this.machine.memory.findRegion(at)?.kind;
    return kind === 'mapValue' || kind === 'mapPool';
  }

  order(object: OrderingObject, how: Ordering): void {
    if (!this.inAction) return;
    if (object.kind === 'address' && this.recordsFootprints) this.recorder.access(object.at, 1, true);
    if (this.options.races) this.races.order(object, how);
  }

  step(op: OpActivation, before: boolean): void {
    if (!this.inAction) return;
    if (this.recordsFootprints) this.recorder.step(op, before);
    if (this.options.races) this.races.step(op, before);
  }

  touch(what: Touched, id: number, write: boolean): void {
    if (!this.inAction || !this.recordsFootprints || (what === 'results' && !this.options.results)) return;
    this.recorder.touch(what, what === 'address' ? id >>> 3 : id, write);
  }

  ended(): void {
    if (this.options.results) this.touch('results', 0, true);
  }
}
