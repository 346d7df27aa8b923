/**
 * Kernel operations as a search sees them, one row each: by what their steps order plain accesses to values (`ORDERS`), and what
 * a step reads and changes (`TOUCHES`). References, grace periods, workers and programs tell of themselves where they change;
 * see `Kernel.touch`.
 */
import type { OpActivation, OpName } from '../kernel/activations';
import type { Kernel } from '../kernel/kernel';
import type { Touched } from '../kernel/services';
import { slotOf } from '../kernel/timerFree';
import { asyncOffsets, readTimerSlot, timerOffset } from '../kernel/timerSlots';
import { has } from '../spec/profile';
import { peekTimer } from '../kernel/timerTable';

// Keys of ordering objects: what it is in the low bits.
const timerKey = (timer: number): number => timer * 4;
export const addressKey = (at: number): number => at * 4 + 2;
export const trackKey = (track: number): number => track * 4 + 1;

/** The timer object that a `struct bpf_timer` points to; 0: none. */
const timerIn = ({ memory }: Kernel, slot: number): number => Math.max(0, readTimerSlot(memory, slot));

type Orders = {
  readonly [N in OpName]: (op: OpActivation<N>, kernel: Kernel) => readonly number[];
};

const NOTHING: readonly number[] = [];
const nothing = (): readonly number[] => NOTHING;

/**
 * Whoever steps through an operation sees what others did before their steps on the same objects, and lets others see what it
 * did: the lock of a timer, the lock of the queue that it is on, the queue of a worker. Locks inside maps are not among them.
 */
export const ORDERS: Orders = {
  timerInit: ({ locals }) => [addressKey(locals.slot)],
  timerSetCallback: ({ locals }) => [addressKey(locals.slot)],
  timerStart: ({ locals }) => [addressKey(locals.slot), timerKey(locals.timer)],
  timerCancel: ({ locals }) => [addressKey(locals.slot), timerKey(locals.timer)],
  timerCancelAsync: ({ locals }) => [addressKey(locals.slot), timerKey(locals.timer)],
  timerPublish: ({ locals }) => [timerKey(locals.timer)],
  timerCommands: (_op, { here }) => here.irqWork.slice(0, 1).map((command) => timerKey(command.timer)),
  expiry: ({ locals }) => [timerKey(locals.timer)],
  freeValues: ({ locals }, kernel) => {
    const value = locals.values[locals.index] ?? 0;
    const offset = Math.max(0, timerOffset(kernel.map(locals.map).definition));
    return [timerKey(locals.timer), addressKey(value + offset)];
  },
  workStart: ({ locals }, kernel) => [timerKey(timerIn(kernel, locals.slot))],
  workRun: ({ locals }) => [timerKey(locals.timer)],
  // Its unlocking and locking tell of themselves.
  spinLock: nothing,
  softirq: nothing,
  loop: nothing,
  forEach: nothing,
  callOnce: nothing,
  rbtreeAdd: nothing,
  mapWrite: nothing,
  deferredFrees: nothing,
};

type Touch = (what: Touched, id: number, write: boolean) => void;

type Touches = {
  readonly [N in OpName]: (op: OpActivation<N>, kernel: Kernel, touch: Touch) => void;
};

/** A helper on a `struct bpf_timer`: its bytes, and the object that they point to. */
function field(
  locals: { readonly slot: number; readonly timer?: number },
  kernel: Kernel,
  touch: Touch,
): void {
  touch('address', locals.slot, true);
  const pointed = timerIn(kernel, locals.slot);
  if (pointed !== 0) touch('timer', pointed, true);
  object(locals.timer ?? 0, touch);
}

function object(timer: number, touch: Touch): void {
  if (timer !== 0) touch('timer', timer, true);
}

/** Programs at trace points run inside the timer code, under the lock of a queue. */
function traced(kernel: Kernel, touch: Touch): void {
  if (kernel.state.attached.some(({ point }) => point === 'hrtimer_cancel')) touch('everything', 0, true);
}

/** Asked before and after every step. */
export const TOUCHES: Touches = {
  timerInit: ({ locals }, kernel, touch) => field(locals, kernel, touch),
  timerSetCallback: ({ locals }, kernel, touch) => field(locals, kernel, touch),
  timerStart({ locals }, kernel, touch) {
    field(locals, kernel, touch);
    traced(kernel, touch);
  },
  timerCancel({ locals }, kernel, touch) {
    field(locals, kernel, touch);
    const { runningTimer } = kernel.here;
    if (runningTimer !== 0) touch('timer', runningTimer, false);
  },
  timerCancelAsync: ({ locals }, kernel, touch) => field(locals, kernel, touch),
  timerPublish: ({ locals }, _kernel, touch) => object(locals.timer, touch),
  timerCommands(_op, kernel, touch) {
    object(kernel.here.irqWork.at(0)?.timer ?? 0, touch);
    traced(kernel, touch);
  },
  workStart({ locals }, kernel, touch) {
    field(locals, kernel, touch);
    touch('readers', 0, false);
  },
  workRun: ({ locals }, _kernel, touch) => object(locals.timer, touch),
  freeValues(op, kernel, touch) {
    const { locals, pc } = op;
    const offsets = asyncOffsets(kernel.map(locals.map).definition);
    const count = locals.values.length * offsets.length;
    object(locals.timer, touch);
    // The first step passes over fields that were never initialised.
    for (let index = locals.index; index < count; index++) {
      const slot = slotOf(op, offsets, index);
      touch('address', slot, pc !== 0);
      object(timerIn(kernel, slot), touch);
      if (pc !== 0 || readTimerSlot(kernel.memory, slot) !== 0) break;
    }
    if (locals.bucket !== 0 || (pc === 0 && locals.recycle.length > 0)) touch('map', locals.map, true);
    if (!has(kernel.profile, 'timerReleaseRcu')) touch('readers', 0, true);
  },
  mapWrite({ locals }, kernel, touch) {
    touch('map', locals.map, true);
    if (kernel.state.bucketLocks.length > 0) touch('everything', 0, true);
  },
  deferredFrees({ locals }, _kernel, touch) {
    touch('readers', 0, true);
    object(locals.timer, touch);
  },
  softirq: ({ locals }, _kernel, touch) => object(locals.timer, touch),
  expiry({ locals }, kernel, touch) {
    object(locals.timer, touch);
    const callback = peekTimer(kernel.state.timers, locals.timer)?.callback;
    if (callback !== undefined) touch('program', callback.program, false);
  },
  spinLock: ({ locals }, _kernel, touch) => touch('address', locals.at, true),
  // Of the tree's lock, which is held.
  rbtreeAdd: ({ locals }, _kernel, touch) => touch('address', locals.root, true),
  loop: () => undefined,
  forEach: () => undefined,
  callOnce: () => undefined,
};
