/**
 * What the actions of a run read and change, to know which of them may come in either order. Two actions of different CPUs are
 * independent when neither changes what the other reads or changes; then both orders lead to the same state, and neither lets
 * the other's CPU act, or keeps it from acting. Actions of one CPU are never independent.
 *
 * Virtual clocks are left out: within a parallel step they do not decide who acts.
 */
import type { OpActivation } from '../kernel/activations';
import type { Kernel } from '../kernel/kernel';
import { TOUCHED, type Touched } from '../kernel/services';
import { TOUCHES } from './opEffects';
import { peekTimer } from '../kernel/timerTable';

export interface Footprint {
  readonly cpu: number;
  /** Twice the key of what was touched, plus one if it was changed; no key twice. */
  readonly touched: readonly number[];
  /** A bit for what was touched, and for what was changed: two without common bits are independent. */
  readonly touchedMask: number;
  readonly changedMask: number;
  /** It may let another CPU act or keep it from acting in ways that only that CPU's further actions show, or it was not looked at. */
  readonly isWide: boolean;
}

const KINDS = 16;
const keyOf = (what: Touched, id: number): number => id * KINDS + TOUCHED[what];
const GRANULE_SHIFT = 3;
const EVERYTHING = keyOf('everything', 0);
const READERS = keyOf('readers', 0);

const maskOf = (key: number): number => 1 << (Math.imul(key, 0x9e37_79b1) >>> 27);

const touchesEverything = (footprint: Footprint): boolean => footprint.touched.includes(EVERYTHING * 2 + 1);

/** Whether the order of the two makes a difference. */
export function areDependent(a: Footprint, b: Footprint): boolean {
  if (a.cpu === b.cpu) return true;
  if (((a.touchedMask & b.changedMask) | (a.changedMask & b.touchedMask)) === 0) return false;
  if (touchesEverything(a) || touchesEverything(b)) return true;
  for (const one of a.touched) {
    const changed = one | 1;
    if (b.touched.includes(changed) || ((one & 1) !== 0 && b.touched.includes(one - 1))) return true;
  }
  return false;
}

/** Collects the footprint of the action under way. */
export class FootprintRecorder {
  private cpu = 0;
  private touched: number[] = [];
  private isWide = false;
  private hasEverything = false;
  /** Timer objects of the step under way, and the CPUs on whose queues they were before it. */
  private readonly queued: number[] = [];
  private queueChanges = 0;

  constructor(private readonly kernel: Kernel) {}

  begin(cpu: number): void {
    this.cpu = cpu;
    this.touched = [];
    this.isWide = false;
    this.hasEverything = false;
    // Whatever changes what this CPU may do depends on all that it does.
    this.add(keyOf('cpu', cpu), false);
  }

  touch(what: Touched, id: number, write: boolean): void {
    const key = keyOf(what, id);
    if (key === EVERYTHING) this.hasEverything = true;
    if (key === EVERYTHING || (write && key === READERS) || (write && what === 'cpu' && id !== this.cpu))
      this.isWide = true;
    this.add(key, write);
  }

  /** One step of a kernel operation is about to be taken (`before`), or was. */
  step(op: OpActivation, before: boolean): void {
    const { kernel, queued } = this;
    const { state } = kernel;
    if (before) {
      queued.length = 0;
      this.queueChanges = state.queueChanges;
    }
    const row = TOUCHES[op.op] as (op: OpActivation, kernel: Kernel, touch: typeof this.note) => void;
    row(op, kernel, this.note);
    if (before || state.queueChanges === this.queueChanges) return;
    // A queue decides what its CPU may do.
    for (let i = 0; i < queued.length; i += 2) {
      if (queued[i + 1] >= 0) this.touch('cpu', queued[i + 1], true);
      const now = peekTimer(state.timers, queued[i])?.queuedOn ?? -1;
      if (now >= 0) this.touch('cpu', now, true);
    }
  }

  private readonly note = (what: Touched, id: number, write: boolean): void => {
    if (what === 'timer') this.queued.push(id, peekTimer(this.kernel.state.timers, id)?.queuedOn ?? -1);
    this.touch(what, what === 'address' ? id >>> GRANULE_SHIFT : id, write);
  };

  /** Bytes of values: an atomic access, or any if the search switches at every one. */
  access(at: number, sizeBytes: number, write: boolean): void {
    for (let granule = at >>> GRANULE_SHIFT; granule <= (at + sizeBytes - 1) >>> GRANULE_SHIFT; granule++)
      this.touch('address', granule, write);
  }

  private add(key: number, write: boolean): void {
    const { touched } = this;
    const read = key * 2;
    const at = touched.indexOf(read);
    if (at >= 0) {
      if (write) touched[at] = read + 1;
    } else if (!touched.includes(read + 1)) touched.push(write ? read + 1 : read);
  }

  end(): Footprint {
    let touchedMask = this.hasEverything ? -1 : 0;
    let changedMask = touchedMask;
    for (const entry of this.touched) {
      const mask = maskOf((entry - (entry & 1)) / 2);
      touchedMask |= mask;
      if ((entry & 1) !== 0) changedMask |= mask;
    }
    return { cpu: this.cpu, touched: this.touched, touchedMask, changedMask, isWide: this.isWide };
  }
}
