/**
 * Expired timers: the softirq pass over a CPU's queues, and the invocation of one callback.
 *
 * A pass reads the clock once. Timers that are armed during the pass, even with a delay of zero, expire later than that
 * and wait for the next pass. Clocks are drained one after the other, monotonic first.
 */
import { memoryAddress, mapAddress } from '../vm/addresses';
import { has } from '../spec/profile';
import { TIMER_GAP_NS } from '../spec/timeCosts';
import { familyOf } from '../maps/maps';
import { doneWith, NEXT, startOp, type OpActivation, type StepResult } from './activations';
import { CLOCK_ORDER, clockNs, dequeue, firstOf } from './hrtimers';
import type { Kernel } from './kernel';
import { MEMORY_GONE } from './state';
import { isBeingFreed, reap } from './timerOps';

export function softirqStep(kernel: Kernel, op: OpActivation<'softirq'>): StepResult {
  const l = op.locals;
  if (op.pc === 0) {
    l.nowNs = kernel.nowNs;
    op.pc = 1;
    return NEXT;
  }
  for (; l.clock < CLOCK_ORDER.length; l.clock++) {
    const timer = firstOf(kernel.state, kernel.here, CLOCK_ORDER[l.clock]);
    if (timer !== undefined && timer.expiresNs <= clockNs(kernel.state, l.nowNs, timer)) {
      l.timer = timer.id;
      if (timer.references === MEMORY_GONE)
        return {
          kind: 'fault',
          message:
            'use after free: a timer fires that was queued after its element was deleted; its memory went after the grace period, while it was queued',
        };
      // Under the queue's lock, so nobody comes between choosing the timer and marking it as running.
      if (timer.freed && !isBeingFreed(kernel, timer.id) && !has(kernel.profile, 'timerLockFree'))
        return {
          kind: 'fault',
          message:
            'a timer fires whose element was freed by its own callback after re-arming: this kernel uses freed memory here',
        };
      dequeue(kernel.state, timer);
      timer.runningOn = kernel.cpu;
      return { kind: 'enter', op: startOp('expiry', { timer: timer.id }) };
    }
  }
  kernel.here.nextPassNs = kernel.nowNs + TIMER_GAP_NS;
  return doneWith(0);
}

export function expiryStep(kernel: Kernel, op: OpActivation<'expiry'>): StepResult {
  const { state } = kernel;
  const id = op.locals.timer;
  const timer = kernel.timer(id);
  switch (op.pc) {
    case 0:
      op.pc = 1;
      return NEXT;
    case 1: {
      const { callback } = timer;
      if (callback === undefined) {
        if (!has(kernel.profile, 'timerHandlerNullTest'))
          return {
            kind: 'fault',
            message:
              'a timer fires whose callback and program reference were removed meanwhile: this kernel calls through a null pointer here',
          };
        op.pc = 3;
        return NEXT;
      }
      if (kernel.mapReferences(timer.map).freed)
        return {
          kind: 'fault',
          message: `a timer fires whose map ${kernel.map(timer.map).definition.name} is gone: its callback would get freed memory`,
        };
      if (state.programs[callback.program].freed)
        return {
          kind: 'fault',
          message: 'a timer fires whose program is gone: a kernel would run freed code here',
        };
      kernel.here.runningTimer = id;
      kernel.context.timer = id;
      timer.fires++;
      timer.firedFrom = timer.armed;
      kernel.timerEvent('timerFire', timer);
      op.pc = 2;
      const map = kernel.map(timer.map);
      const family = familyOf(map);
      let key = family.keyOffset(map, timer.value);
      if (key === 0) {
        key = kernel.here.keyScratch;
        kernel.memory.store32(key, family.indexOf?.(map, timer.value) ?? 0);
      }
      return {
        kind: 'callBpf',
        program: callback.program,
        insnIdx: callback.insnIdx,
        args: [mapAddress(timer.map), memoryAddress(key), memoryAddress(timer.value), 0n, 0n],
      };
    }
    case 2:
      kernel.here.runningTimer = 0;
      kernel.context.timer = 0;
      kernel.timerEvent('timerDone', timer);
      if (!has(kernel.profile, 'timerProgramHeldByCallback') && timer.program >= 0) {
        kernel.putProgram(timer.program);
        timer.program = -1;
      }
      op.pc = 3;
      return NEXT;
    default:
      timer.runningOn = -1;
      timer.firedFrom = undefined;
      reap(kernel, timer);
      return doneWith(0);
  }
}
