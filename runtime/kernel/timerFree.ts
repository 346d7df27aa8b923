/**
 * Freeing timers: when an element is deleted, overwritten or evicted, and when a map loses its last user reference.
 * Who waits for a running callback, and where, is what kernels differ in most; the rows of the feature table decide.
 */
import { has } from '../spec/profile';
import { doneWith, NEXT, WAIT, type OpActivation, type StepResult } from './activations';
import { dequeue } from './hrtimers';
import type { Kernel } from './kernel';
import { familyOf } from '../maps/maps';
import { dropCallback, hasLock, reap } from './timerOps';
import { isTimerLocked, readTimerSlot, setTimerLock, timerOffset, writeTimerSlot } from './timerSlots';

function finish(kernel: Kernel, op: OpActivation<'freeValues'>): StepResult {
  const map = kernel.map(op.locals.map);
  for (const value of op.locals.recycle) familyOf(map).recycle(kernel, map, value);
  return doneWith(op.locals.result);
}

function unlock(kernel: Kernel, slot: number): void {
  if (!hasLock(kernel)) return;
  setTimerLock(kernel.memory, slot, false);
  kernel.here.irqsOff--;
}

export function freeValuesStep(kernel: Kernel, op: OpActivation<'freeValues'>): StepResult {
  const { memory, state, profile } = kernel;
  const l = op.locals;
  const offset = timerOffset(kernel.map(l.map).definition);
  if (offset < 0) return finish(kernel, op);
  const slot = (l.values[l.index] ?? 0) + offset;
  switch (op.pc) {
    case 0:
      // Values whose timer was never initialised cost nothing.
      while (l.index < l.values.length && readTimerSlot(memory, l.values[l.index] + offset) === 0) l.index++;
      if (l.index >= l.values.length) return finish(kernel, op);
      op.pc = 1;
      return NEXT;
    case 1:
      if (hasLock(kernel) && isTimerLocked(memory, slot)) return WAIT;
      l.timer = readTimerSlot(memory, slot);
      if (l.timer <= 0 || !state.timers.has(l.timer)) {
        if (l.timer !== 0)
          return {
            kind: 'fault',
            message: 'freeing a timer whose bytes were overwritten: a kernel would crash here',
          };
        l.index++;
        op.pc = 0;
        return NEXT;
      }
      if (hasLock(kernel)) {
        setTimerLock(memory, slot, true);
        kernel.here.irqsOff++;
      }
      op.pc = 2;
      return NEXT;
    case 2: {
      // Without a lock this is an exchange: whoever cleared the pointer first frees the object.
      if (!hasLock(kernel) && readTimerSlot(memory, slot) !== l.timer) {
        l.index++;
        op.pc = 0;
        return NEXT;
      }
      const timer = kernel.timer(l.timer);
      dropCallback(kernel, timer);
      writeTimerSlot(memory, slot, 0);
      timer.freed = true;
      timer.references--;
      if (has(profile, 'timerWaitOutsideLock')) unlock(kernel, slot);
      kernel.timerEvent('timerFree', timer);
      op.pc = 3;
      return NEXT;
    }
    default: {
      const timer = state.timers.get(l.timer);
      const running = kernel.here.runningTimer;
      if (timer !== undefined) {
        if (has(profile, 'timerLockFree')) {
          if (timer.runningOn < 0 && timer.queuedOn >= 0) dequeue(state, timer);
        } else if (has(profile, 'timerDeferredFree') && running !== 0) {
          state.deferred.push({ timer: l.timer });
        } else if (running !== l.timer || !has(profile, 'timerSelfCheck')) {
          if (timer.runningOn >= 0) return WAIT;
          if (timer.queuedOn >= 0) dequeue(state, timer);
        }
        reap(kernel, timer);
      }
      if (!has(profile, 'timerWaitOutsideLock')) unlock(kernel, slot);
      l.index++;
      op.pc = 0;
      return NEXT;
    }
  }
}

/** The worker: cancels and waits, one timer after another. */
export function deferredFreesStep(kernel: Kernel, op: OpActivation<'deferredFrees'>): StepResult {
  const { state } = kernel;
  const l = op.locals;
  if (l.timer === 0) {
    const next = state.deferred.shift();
    if (next === undefined) return doneWith(0);
    l.timer = next.timer;
    return NEXT;
  }
  const timer = state.timers.get(l.timer);
  if (timer !== undefined) {
    if (timer.runningOn >= 0) return WAIT;
    if (timer.queuedOn >= 0) dequeue(state, timer);
    reap(kernel, timer);
  }
  l.timer = 0;
  return NEXT;
}
