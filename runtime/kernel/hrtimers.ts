/**
 * The timer queues underneath bpf_timer: per CPU one queue per clock, ordered by expiry, equal expiries in the order of
 * arming. Queues hold object ids; the objects know where they are queued.
 */
import { has, type Profile } from '../spec/profile';
import { assert } from '../util/assert';
import { FreedTimer } from './freedTimer';
import type { ClockBase, CpuState, KernelState, TimerObject } from './state';
import { firstTimer, insertTimer, neighbours, unqueueTimer } from './timerQueue';
import { peekTimer, timerIn } from './timerTable';

/** Largest time a timer can have; later ones saturate to it and never fire. */
export const TIME_MAX_NS = 0x7fff_ffff_ffff_ffffn;

/** CLOCK_REALTIME timers are created relative, which puts them on the monotonic clock for good. */
export const baseOf = (timer: Readonly<TimerObject>): ClockBase =>
  timer.clock === 7 ? 'boottime' : 'monotonic';

/** The time on a timer's clock when a CPU's own clock, which is the monotonic one, shows `nowNs`. */
export const clockNs = (state: KernelState, nowNs: bigint, timer: TimerObject): bigint =>
  baseOf(timer) === 'boottime' ? nowNs + state.suspendedNs : nowNs;

/** The monotonic time at which a timer expires. */
const dueNs = (state: KernelState, timer: Readonly<TimerObject>): bigint =>
  baseOf(timer) === 'boottime' ? timer.expiresNs - state.suspendedNs : timer.expiresNs;

export const CLOCK_ORDER: readonly ClockBase[] = ['monotonic', 'boottime'];

const timerOf = (state: KernelState, id: number): TimerObject => {
  const timer = timerIn(state.timers, id);
  if (timer === undefined) throw new FreedTimer(id);
  return timer;
};

export function dequeue(state: KernelState, timer: TimerObject): void {
  assert(timer.queuedOn >= 0, `timer ${timer.id} is not queued`);
  unqueueTimer(state.cpus[timer.queuedOn].queues[baseOf(timer)], state.timers, timer);
  timer.queuedOn = -1;
  state.queueChanges++;
}

/** Queues the timer, or moves it if it is queued. */
export function enqueue(
  state: KernelState,
  profile: Profile,
  timer: TimerObject,
  cpu: number,
  expiresNs: bigint,
): void {
  const queue = state.cpus[cpu].queues[baseOf(timer)];
  state.queueChanges++;
  if (timer.queuedOn === cpu && has(profile, 'hrtimerRearmInPlace')) {
    const { before, after } = neighbours(queue, state.timers, timer);
    const earliest = before === 0 ? -1n : timerOf(state, before).expiresNs;
    const latest = after === 0 ? expiresNs : timerOf(state, after).expiresNs;
    if (earliest <= expiresNs && expiresNs <= latest) {
      timer.expiresNs = expiresNs;
      return;
    }
  }
  if (timer.queuedOn >= 0) dequeue(state, timer);
  timer.expiresNs = expiresNs;
  timer.order = state.nextOrder++;
  // Equal expiries keep the order of arming even after an in-place move gave an old rank a new expiry.
  insertTimer(queue, state.timers, timer);
  timer.queuedOn = cpu;
  timer.cpu = cpu;
}

/** The first timer of a queue, if any. */
export function firstOf(state: KernelState, cpu: CpuState, base: ClockBase): TimerObject | undefined {
  const id = firstTimer(cpu.queues[base]);
  return id === 0 ? undefined : timerOf(state, id);
}

/** When the CPU's timer interrupt comes: the earliest expiry, not before hardware allows; undefined: never. */
export function nextInterrupt(state: KernelState, cpu: CpuState): bigint | undefined {
  const expiry = nextExpiry(state, cpu);
  return expiry === undefined || expiry > cpu.nextPassNs ? expiry : cpu.nextPassNs;
}

/** Earliest expiry among a CPU's queues; undefined: nothing queued (or nothing that will ever fire). */
export function nextExpiry(state: KernelState, cpu: CpuState): bigint | undefined {
  let best: bigint | undefined;
  for (const base of CLOCK_ORDER) {
    const id = firstTimer(cpu.queues[base]);
    const first = id === 0 ? undefined : peekTimer(state.timers, id);
    if (first === undefined || first.expiresNs >= TIME_MAX_NS) continue;
    const due = dueNs(state, first);
    if (best === undefined || due < best) best = due;
  }
  return best;
}
