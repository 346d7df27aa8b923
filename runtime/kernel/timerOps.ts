/**
 * The four timer helpers (and cancel_async) as step lists. Until the lock-free implementation each takes the timer's
 * own lock with interrupts off; steps are cut where another CPU, or an interrupt on another CPU, can make a difference.
 * Return codes and their order are those measured on 6.1.192, 6.12.117 and 7.2.13.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import { doneWith, NEXT, WAIT, type OpActivation, type StepResult } from './activations';
import { dequeue, enqueue, TIME_MAX_NS } from './hrtimers';
import type { Kernel } from './kernel';
import type { TimerObject } from './state';
import { isTimerLocked, readTimerSlot, setTimerLock, timerOffset, writeTimerSlot } from './timerSlots';

export const TIMER_ABS = 1;
export const TIMER_CPU_PIN = 2;

const OVERWRITTEN: StepResult = {
  kind: 'fault',
  message:
    'the bytes of this struct bpf_timer hold no timer: something overwrote them, a kernel would follow a wild pointer',
};

const lockFree = (kernel: Kernel): boolean => has(kernel.profile, 'timerLockFree');

/** Whether helpers serialise on the timer's own lock. */
export const hasLock = (kernel: Kernel): boolean =>
  !lockFree(kernel) && has(kernel.profile, 'timerHelperLock');

/** Takes the timer's lock; false: somebody holds it. */
function lock(kernel: Kernel, slot: number): boolean {
  if (!hasLock(kernel)) return true;
  if (isTimerLocked(kernel.memory, slot)) return false;
  setTimerLock(kernel.memory, slot, true);
  kernel.here.irqsOff++;
  return true;
}

export function unlock(kernel: Kernel, slot: number): void {
  if (!hasLock(kernel)) return;
  if (!isTimerLocked(kernel.memory, slot))
    kernel.broken ??=
      'the lock of a timer is released although it is not held: its bytes were cleared when the element was used again, under the CPU that held it';
  setTimerLock(kernel.memory, slot, false);
  kernel.here.irqsOff--;
}

/** Unlocks and ends the operation. */
function leave(kernel: Kernel, slot: number, value: number): StepResult {
  unlock(kernel, slot);
  return doneWith(value);
}

const inNmi = (kernel: Kernel): boolean => kernel.context.kind === 'nmi';
const nmiRefused = (kernel: Kernel): boolean => inNmi(kernel) && has(kernel.profile, 'timerNmiRefused');

/** Waiting or deferred work is impossible here: hard interrupt, NMI, or interrupts off. */
const cannotWait = (kernel: Kernel): boolean =>
  kernel.context.kind === 'hardirq' || inNmi(kernel) || kernel.here.irqsOff > 0;

/** Removes the callback and drops the reference on its program. */
export function dropCallback(kernel: Kernel, timer: TimerObject): void {
  if (timer.program >= 0) kernel.putProgram(timer.program);
  timer.program = -1;
  timer.callback = undefined;
}

/**
 * Frees an object that nothing refers to any more. Where kernels wait for readers, operations under way that looked the
 * object up keep it; the last of them (`leaving`) frees it.
 */
export function reap(kernel: Kernel, timer: TimerObject, leaving?: object): void {
  if (!timer.freed || timer.runningOn >= 0 || timer.queuedOn >= 0) return;
  if (has(kernel.profile, 'timerRcuFree') && isRead(kernel, timer.id, leaving)) return;
  kernel.state.timers.delete(timer.id);
}

/** Whether somebody is still taking the timer off its queue, or will: until then its memory is there. */
export function isBeingFreed(kernel: Kernel, id: number): boolean {
  if (kernel.state.deferred.some((work) => work.kind === 'timer' && work.timer === id)) return true;
  return kernel.state.cpus.some((cpu) =>
    cpu.contexts.some((context) =>
      context.activations.some(
        (a) =>
          a.kind === 'op' &&
          ((a.op === 'freeValues' && a.pc === 3) || a.op === 'deferredFrees') &&
          a.locals.timer === id,
      ),
    ),
  );
}

function isRead(kernel: Kernel, id: number, leaving: object | undefined): boolean {
  for (const cpu of kernel.state.cpus)
    for (const context of cpu.contexts)
      for (const a of context.activations) {
        if (a.kind !== 'op' || a === leaving) continue;
        const reads = a.op === 'timerCancel' || a.op === 'timerStart' || a.op === 'timerCancelAsync';
        if (reads && a.locals.timer === id) return true;
      }
  return false;
}

export function initStep(kernel: Kernel, op: OpActivation<'timerInit'>): StepResult {
  const { memory, state, profile } = kernel;
  const l = op.locals;
  switch (op.pc) {
    case 0: {
      const badFlags = l.clock !== 0 && l.clock !== 1 && l.clock !== 7;
      if (has(profile, 'timerFlagsBeforeNmi') && badFlags) return doneWith(-ERRNO.EINVAL);
      if (nmiRefused(kernel)) return doneWith(-ERRNO.EOPNOTSUPP);
      if (badFlags) return doneWith(-ERRNO.EINVAL);
      op.pc = 1;
      return NEXT;
    }
    case 1:
      if (!lock(kernel, l.slot)) return WAIT;
      op.pc = 2;
      return NEXT;
    case 2: {
      if (readTimerSlot(memory, l.slot) !== 0) return leave(kernel, l.slot, -ERRNO.EBUSY);
      const early = has(profile, 'timerUserCountTest') && !has(profile, 'timerUserCountRecheck');
      if (early && kernel.mapReferences(l.map).users === 0) return leave(kernel, l.slot, -ERRNO.EPERM);
      l.timer = state.nextTimerId++;
      const offset = timerOffset(kernel.map(l.map).definition);
      state.timers.set(l.timer, {
        id: l.timer,
        clock: l.clock,
        map: l.map,
        value: l.slot - Math.max(0, offset),
        offset: Math.max(0, offset),
        callback: undefined,
        program: -1,
        cancelling: 0,
        references: 1,
        queuedOn: -1,
        expiresNs: 0n,
        order: 0,
        runningOn: -1,
        cpu: kernel.cpu,
        flags: 0,
        fires: 0,
        armed: undefined,
        firedFrom: undefined,
        freed: false,
      });
      op.pc = 3;
      return NEXT;
    }
    case 3:
      // Without a lock this is a compare-and-exchange; under the lock, or where the lock is missing, a plain store.
      if (lockFree(kernel) && readTimerSlot(memory, l.slot) !== 0) {
        state.timers.delete(l.timer);
        return leave(kernel, l.slot, -ERRNO.EBUSY);
      }
      writeTimerSlot(memory, l.slot, l.timer);
      op.pc = 4;
      return NEXT;
    default:
      if (
        has(profile, 'timerUserCountTest') &&
        has(profile, 'timerUserCountRecheck') &&
        kernel.mapReferences(l.map).users === 0
      ) {
        if (readTimerSlot(memory, l.slot) === l.timer) {
          writeTimerSlot(memory, l.slot, 0);
          state.timers.delete(l.timer);
        }
        return leave(kernel, l.slot, -ERRNO.EPERM);
      }
      {
        // Without a lock the new timer may be freed again already.
        const timer = state.timers.get(l.timer);
        if (timer !== undefined) kernel.timerEvent('timerInit', timer);
      }
      return leave(kernel, l.slot, 0);
  }
}

export function setCallbackStep(kernel: Kernel, op: OpActivation<'timerSetCallback'>): StepResult {
  const l = op.locals;
  switch (op.pc) {
    case 0:
      if (nmiRefused(kernel)) return doneWith(-ERRNO.EOPNOTSUPP);
      op.pc = 1;
      return NEXT;
    case 1:
      if (!lock(kernel, l.slot)) return WAIT;
      op.pc = 2;
      return NEXT;
    default: {
      const id = readTimerSlot(kernel.memory, l.slot);
      if (id === 0) return leave(kernel, l.slot, -ERRNO.EINVAL);
      const timer = kernel.state.timers.get(id);
      if (timer === undefined) return OVERWRITTEN;
      const tested = !lockFree(kernel) && has(kernel.profile, 'timerUserCountTest');
      if (tested && kernel.mapReferences(timer.map).users === 0) return leave(kernel, l.slot, -ERRNO.EPERM);
      const isHeld = has(kernel.profile, 'timerProgramHeldByCallback');
      if (isHeld && timer.program !== l.program) {
        if (!kernel.getProgram(l.program)) return leave(kernel, l.slot, -ERRNO.ENOENT);
        if (timer.program >= 0) kernel.putProgram(timer.program);
        timer.program = l.program;
      }
      timer.callback = { program: l.program, insnIdx: l.insnIdx };
      return leave(kernel, l.slot, 0);
    }
  }
}

/** When a start with these arguments expires, on the timer's clock. */
export function expiryOf(nowNs: bigint, ns: bigint, flags: number): bigint {
  // A time of 2^63 or later is negative as the kernel's signed time.
  if ((flags & TIMER_ABS) !== 0) return ns > TIME_MAX_NS ? 0n : ns;
  const sum = nowNs + ns;
  return sum > TIME_MAX_NS ? TIME_MAX_NS : sum;
}

function badStartFlags(kernel: Kernel, flags: number): boolean {
  let known = 0;
  if (has(kernel.profile, 'timerStartAbs')) known |= TIMER_ABS;
  if (has(kernel.profile, 'timerStartCpuPin')) known |= TIMER_CPU_PIN;
  return (flags & ~known) !== 0;
}

export function startStep(kernel: Kernel, op: OpActivation<'timerStart'>): StepResult {
  const { state } = kernel;
  const l = op.locals;
  switch (op.pc) {
    case 0:
      if (nmiRefused(kernel)) return doneWith(-ERRNO.EOPNOTSUPP);
      if (badStartFlags(kernel, l.flags)) return doneWith(-ERRNO.EINVAL);
      op.pc = 1;
      return NEXT;
    case 1:
      if (!lock(kernel, l.slot)) return WAIT;
      op.pc = 2;
      return NEXT;
    case 2: {
      l.timer = readTimerSlot(kernel.memory, l.slot);
      if (l.timer === 0) return leave(kernel, l.slot, -ERRNO.EINVAL);
      const timer = state.timers.get(l.timer);
      if (timer === undefined) return OVERWRITTEN;
      if (
        has(kernel.profile, 'timerProgramHeldByCallback') ? timer.program < 0 : timer.callback === undefined
      )
        return leave(kernel, l.slot, -ERRNO.EINVAL);
      if (timer.program < 0 && timer.callback !== undefined) {
        // Under review once: an armed timer holds the program, until its callback has run.
        if (!kernel.getProgram(timer.callback.program)) return leave(kernel, l.slot, -ERRNO.ENOENT);
        timer.program = timer.callback.program;
      }
      if (lockFree(kernel) && has(kernel.profile, 'timerStartReference')) {
        if (timer.references === 0) return doneWith(-ERRNO.ENOENT);
        timer.references++;
      }
      op.pc = 3;
      return NEXT;
    }
    default: {
      const timer = kernel.timer(l.timer);
      if (timer.freed && !has(kernel.profile, 'timerStartReference'))
        return {
          kind: 'fault',
          message:
            'use after free: bpf_timer_start queues a timer whose element was freed meanwhile; its memory goes while it is queued',
        };
      // A timer whose callback runs stays on that CPU, whatever the caller or the flags say.
      const cpu = timer.runningOn >= 0 ? timer.runningOn : kernel.cpu;
      timer.armed = kernel.captureStack();
      timer.flags = l.flags;
      enqueue(state, kernel.profile, timer, cpu, expiryOf(kernel.nowNs, l.ns, l.flags));
      kernel.timerEvent('timerArm', timer, timer.expiresNs);
      if (lockFree(kernel) && has(kernel.profile, 'timerStartReference')) {
        timer.references--;
        if (timer.references === 0) {
          // The element was freed meanwhile: the last reference takes the timer out again.
          dequeue(state, timer);
          reap(kernel, timer, op);
        }
      }
      return leave(kernel, l.slot, 0);
    }
  }
}

export function cancelStep(kernel: Kernel, op: OpActivation<'timerCancel'>): StepResult {
  const { state } = kernel;
  const l = op.locals;
  switch (op.pc) {
    case 0:
      if (lockFree(kernel) ? cannotWait(kernel) : nmiRefused(kernel)) return doneWith(-ERRNO.EOPNOTSUPP);
      op.pc = 1;
      return NEXT;
    case 1:
      if (!lock(kernel, l.slot)) return WAIT;
      op.pc = 2;
      return NEXT;
    case 2: {
      l.timer = readTimerSlot(kernel.memory, l.slot);
      if (l.timer === 0) return leave(kernel, l.slot, -ERRNO.EINVAL);
      const timer = state.timers.get(l.timer);
      if (timer === undefined) return OVERWRITTEN;
      const running = kernel.here.runningTimer;
      if (running === l.timer && has(kernel.profile, 'timerSelfCheck'))
        return leave(kernel, l.slot, -ERRNO.EDEADLK);
      if (running !== 0 && has(kernel.profile, 'timerMutualCancelCheck')) {
        timer.cancelling++;
        l.counted = true;
      }
      op.pc = 3;
      return NEXT;
    }
    case 3: {
      const timer = kernel.timer(l.timer);
      if (l.counted && kernel.timer(kernel.here.runningTimer).cancelling > 0) {
        timer.cancelling--;
        return leave(kernel, l.slot, -ERRNO.EDEADLK);
      }
      dropCallback(kernel, timer);
      if (has(kernel.profile, 'timerWaitOutsideLock')) unlock(kernel, l.slot);
      op.pc = 4;
      return NEXT;
    }
    case 4: {
      const timer = state.timers.get(l.timer);
      if (timer === undefined)
        return {
          kind: 'fault',
          message: 'use after free: bpf_timer_cancel goes on with a timer that was freed meanwhile',
        };
      if (timer.runningOn >= 0) return WAIT;
      if (timer.queuedOn >= 0) {
        dequeue(state, timer);
        l.result = 1;
      }
      kernel.timerEvent('timerCancel', timer);
      if (!has(kernel.profile, 'timerWaitOutsideLock')) unlock(kernel, l.slot);
      op.pc = 5;
      return NEXT;
    }
    default: {
      const timer = state.timers.get(l.timer);
      if (l.counted && timer !== undefined) timer.cancelling--;
      if (timer !== undefined) reap(kernel, timer, op);
      return doneWith(l.result);
    }
  }
}

export function cancelAsyncStep(kernel: Kernel, op: OpActivation<'timerCancelAsync'>): StepResult {
  const l = op.locals;
  if (op.pc === 0) {
    l.timer = readTimerSlot(kernel.memory, l.slot);
    if (l.timer === 0) return doneWith(-ERRNO.EINVAL);
    const timer = kernel.state.timers.get(l.timer);
    if (timer === undefined) return OVERWRITTEN;
    if (timer.references === 0) return doneWith(-ERRNO.ENOENT);
    op.pc = 1;
    return NEXT;
  }
  const timer = kernel.state.timers.get(l.timer);
  if (timer === undefined) return doneWith(0);
  if (cannotWait(kernel)) {
    // Queued for an interrupt worker, whose turn comes before anything else on this CPU.
    if (timer.runningOn < 0 && timer.queuedOn >= 0) dequeue(kernel.state, timer);
    return doneWith(-ERRNO.ECANCELED);
  }
  if (timer.runningOn >= 0) return doneWith(-1);
  if (timer.queuedOn < 0) return doneWith(0);
  dequeue(kernel.state, timer);
  kernel.timerEvent('timerCancel', timer);
  return doneWith(1);
}
