/**
 * The four timer helpers (and cancel_async) as step lists. Until the lock-free implementation each takes the timer's
 * own lock with interrupts off; steps are cut where another CPU, or an interrupt on another CPU, can make a difference.
 * Return codes and their order are those measured on 6.1.192, 6.12.117 and 7.2.13.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import { memoryAddress } from '../vm/addresses';
import { doneWith, NEXT, startOp, WAIT, type OpActivation, type StepResult } from './activations';
import { clockNs, dequeue, enqueue, TIME_MAX_NS } from './hrtimers';
import type { Kernel } from './kernel';
import { afterGrace } from './lifetimes';
import type { CpuState, KernelState, TimerCommand, TimerObject } from './state';
import { publishOp } from './timerPublish';
import {
  isTimerLocked,
  readTimerSlot,
  setTimerLock,
  timerOffset,
  workOffset,
  writeTimerSlot,
} from './timerSlots';
import { addTimer, removeTimer, timerIn } from './timerTable';

export const TIMER_ABS = 1;
export const TIMER_CPU_PIN = 2;

/** The last step of init, where what it made is freed again. */
const FREED_AGAIN = 5;

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
export const nmiRefused = (kernel: Kernel): boolean =>
  inNmi(kernel) && has(kernel.profile, 'timerNmiRefused');

/** Waiting, and touching timer queues, is impossible here: hard interrupt, NMI, or interrupts off. */
const cannotWait = (cpu: CpuState): boolean => {
  const kind = cpu.contexts.at(-1)?.kind;
  return kind === 'hardirq' || kind === 'nmi' || cpu.irqsOff > 0;
};

/** Whether timers are left to an interrupt worker by what the CPU runs. */
export const defers = (kernel: Kernel, cpu: CpuState): boolean =>
  lockFree(kernel) &&
  (has(kernel.profile, 'timerDeferIrqsOff') ? cannotWait(cpu) : cpu.contexts.at(-1)?.kind === 'nmi');

/** Removes the callback and drops the reference on its program. */
export function dropCallback(kernel: Kernel, timer: TimerObject): void {
  if (timer.program >= 0) kernel.putProgram(timer.program);
  timer.program = -1;
  timer.callback = undefined;
}

/**
 * Frees an object that nothing refers to any more. Where kernels wait for readers, operations under way that looked the
 * object up keep it; the last of them (`leaving`) frees it. Without locks it goes after a grace period; see `putTimer`.
 */
export function reap(kernel: Kernel, timer: TimerObject, leaving?: object): void {
  if (!timer.freed || timer.runningOn >= 0 || timer.queuedOn >= 0 || lockFree(kernel)) return;
  if (has(kernel.profile, 'timerRcuFree') && isRead(kernel, timer.id, leaving)) return;
  removeTimer(kernel.state.timers, timer.id);
}

/** Drops a reference of the lock-free implementation; the last one leaves the object to a worker, after a grace period. */
export function putTimer(kernel: Kernel, timer: TimerObject): void {
  if (--timer.references === 0) afterGrace(kernel, { kind: 'timer', timer: timer.id }, true);
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
      const badFlags = l.clock !== 0 && (l.isWork || (l.clock !== 1 && l.clock !== 7));
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
      if (!kernel.mayAllocate()) return leave(kernel, l.slot, -ERRNO.ENOMEM);
      l.timer = state.nextTimerId++;
      const { definition } = kernel.map(l.map);
      const offset = l.isWork ? workOffset(definition) : timerOffset(definition);
      addTimer(state.timers, {
        id: l.timer,
        isWork: l.isWork,
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
        delayNs: 0n,
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
        removeTimer(state.timers, l.timer);
        return leave(kernel, l.slot, -ERRNO.EBUSY);
      }
      writeTimerSlot(memory, l.slot, l.timer);
      op.pc = 4;
      return NEXT;
    case FREED_AGAIN:
      return doneWith(-ERRNO.EPERM);
    default:
      if (
        has(profile, 'timerUserCountTest') &&
        has(profile, 'timerUserCountRecheck') &&
        kernel.mapReferences(l.map).users === 0
      ) {
        // Without a lock another CPU may have armed it already: it is freed like any other.
        if (!hasLock(kernel)) return freeAgain(kernel, op);
        if (readTimerSlot(memory, l.slot) === l.timer) {
          writeTimerSlot(memory, l.slot, 0);
          removeTimer(state.timers, l.timer);
        }
        return leave(kernel, l.slot, -ERRNO.EPERM);
      }
      {
        // Without a lock the new timer may be freed again already.
        const timer = timerIn(state.timers, l.timer);
        if (timer !== undefined) kernel.timerEvent('timerInit', timer);
      }
      return leave(kernel, l.slot, 0);
  }
}

function freeAgain(kernel: Kernel, op: OpActivation<'timerInit'>): StepResult {
  op.pc = FREED_AGAIN;
  const { map, slot, isWork } = op.locals;
  const { definition } = kernel.map(map);
  const offset = Math.max(0, isWork ? workOffset(definition) : timerOffset(definition));
  return {
    kind: 'enter',
    op: startOp('freeValues', {
      map,
      values: [slot - offset],
      recycle: [],
      index: 0,
      timer: 0,
      result: 0n,
      release: false,
      bucket: 0,
    }),
  };
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
      const timer = timerIn(kernel.state.timers, id);
      if (timer === undefined) return OVERWRITTEN;
      const tested = !lockFree(kernel) && has(kernel.profile, 'timerUserCountTest');
      if (tested && kernel.mapReferences(timer.map).users === 0) return leave(kernel, l.slot, -ERRNO.EPERM);
      if (lockFree(kernel)) {
        // One reference guards the program while the timer's own is written.
        if (op.pc === 3) {
          kernel.putProgram(l.program);
          return doneWith(0);
        }
        if (!kernel.getProgram(l.program)) return doneWith(-ERRNO.ENOENT);
        op.pc = 3;
        return { kind: 'enter', op: publishOp(id, l.program, l.insnIdx) };
      }
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
      const timer = timerIn(state.timers, l.timer);
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
    case 3: {
      const timer = kernel.timer(l.timer);
      if (defers(kernel, kernel.here)) {
        const armed = kernel.quiet ? undefined : kernel.captureStack();
        return doneWith(
          queueCommand(kernel, timer, { timer: l.timer, what: 'start', ns: l.ns, flags: l.flags, armed }),
        );
      }
      if (baseHolder(kernel.state, kernel.cpu, timer) !== undefined) return WAIT;
      const traced = tracedBy(kernel, timer);
      if (traced !== undefined) {
        op.pc = 4;
        return enterTrace(kernel, timer, traced);
      }
      return arm(kernel, op, timer);
    }
    default:
      leaveTrace(kernel);
      return arm(kernel, op, kernel.timer(l.timer));
  }
}

/** Queues the timer and ends the start. */
function arm(kernel: Kernel, op: OpActivation<'timerStart'>, timer: TimerObject): StepResult {
  const l = op.locals;
  timer.armed = kernel.quiet ? undefined : kernel.captureStack();
  queueTimer(kernel, timer, l.ns, l.flags);
  if (lockFree(kernel) && has(kernel.profile, 'timerStartReference')) putTimer(kernel, timer);
  return leave(kernel, l.slot, 0);
}

/** A timer whose callback runs stays on that CPU, whatever the caller or the flags say. */
function queueTimer(kernel: Kernel, timer: TimerObject, ns: bigint, flags: number): void {
  const cpu = timer.runningOn >= 0 ? timer.runningOn : kernel.cpu;
  const nowNs = clockNs(kernel.state, kernel.nowNs, timer);
  const expiresNs = expiryOf(nowNs, ns, flags);
  timer.flags = flags;
  timer.delayNs = expiresNs - nowNs;
  enqueue(kernel.state, kernel.profile, timer, cpu, expiresNs);
  kernel.timerEvent('timerArm', timer, timer.expiresNs);
}

/** Leaves a command, and with it a reference on the timer, to this CPU's interrupt worker; 0 or an error. */
function queueCommand(kernel: Kernel, timer: TimerObject, command: TimerCommand): number {
  const { here } = kernel;
  if (here.commandTimer === timer.id) {
    putTimer(kernel, timer);
    return -ERRNO.EDEADLK;
  }
  if (!kernel.mayAllocate()) {
    putTimer(kernel, timer);
    return -ERRNO.ENOMEM;
  }
  here.irqWork.push(Object.freeze(command));
  return 0;
}

/** The CPU that holds the lock of the queue that the timer is on, or would be put on by `cpu`; undefined: it is free. */
export function baseHolder(
  state: KernelState,
  cpu: number,
  timer: Readonly<TimerObject>,
): number | undefined {
  const base = timer.queuedOn >= 0 ? timer.queuedOn : timer.runningOn >= 0 ? timer.runningOn : cpu;
  const holder = state.cpus[base].baseLockedBy;
  return holder < 0 ? undefined : holder;
}

/** The program at the trace point that a queued timer meets when it is started again. */
function tracedBy(kernel: Kernel, timer: TimerObject): number | undefined {
  const { attached } = kernel.state;
  if (attached.length === 0 || timer.queuedOn < 0) return undefined;
  return attached.find((a) => a.point === 'hrtimer_cancel')?.program;
}

/** Runs a program at a trace point inside the timer code: under the queue's lock, interrupts off. */
function enterTrace(kernel: Kernel, timer: TimerObject, program: number): StepResult {
  kernel.state.cpus[timer.queuedOn].baseLockedBy = kernel.cpu;
  kernel.here.irqsOff++;
  return { kind: 'callBpf', program, insnIdx: 0, args: [memoryAddress(kernel.here.keyScratch)] };
}

function leaveTrace(kernel: Kernel): void {
  for (const cpu of kernel.state.cpus) if (cpu.baseLockedBy === kernel.cpu) cpu.baseLockedBy = -1;
  kernel.here.irqsOff--;
}

/** The interrupt worker: commands in the order in which they were queued. pc 1: a trace point's program has run. */
export function timerCommandsStep(kernel: Kernel, op: OpActivation<'timerCommands'>): StepResult {
  const { here, state } = kernel;
  const command = here.irqWork.at(0);
  if (command === undefined) return doneWith(0);
  const timer = kernel.timer(command.timer);
  if (op.pc === 1) {
    leaveTrace(kernel);
    op.pc = 0;
  } else {
    if (baseHolder(kernel.state, kernel.cpu, timer) !== undefined) return WAIT;
    here.commandTimer = command.timer;
    const traced = command.what === 'start' ? tracedBy(kernel, timer) : undefined;
    if (traced !== undefined) {
      op.pc = 1;
      return enterTrace(kernel, timer, traced);
    }
  }
  here.irqWork.shift();
  here.commandTimer = 0;
  if (command.what === 'start') {
    timer.armed = command.armed;
    queueTimer(kernel, timer, command.ns, command.flags);
  } else if (timer.runningOn < 0 && timer.queuedOn >= 0) {
    dequeue(state, timer);
    kernel.timerEvent('timerCancel', timer);
  }
  putTimer(kernel, timer);
  return NEXT;
}

export function cancelStep(kernel: Kernel, op: OpActivation<'timerCancel'>): StepResult {
  const { state } = kernel;
  const l = op.locals;
  switch (op.pc) {
    case 0:
      if (lockFree(kernel) ? cannotWait(kernel.here) : nmiRefused(kernel)) return doneWith(-ERRNO.EOPNOTSUPP);
      op.pc = 1;
      return NEXT;
    case 1:
      if (!lock(kernel, l.slot)) return WAIT;
      op.pc = 2;
      return NEXT;
    case 2: {
      l.timer = readTimerSlot(kernel.memory, l.slot);
      if (l.timer === 0) return leave(kernel, l.slot, -ERRNO.EINVAL);
      const timer = timerIn(state.timers, l.timer);
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
      op.pc = 4;
      if (lockFree(kernel)) return { kind: 'enter', op: publishOp(l.timer, -1, 0) };
      dropCallback(kernel, timer);
      if (has(kernel.profile, 'timerWaitOutsideLock')) unlock(kernel, l.slot);
      return NEXT;
    }
    case 4: {
      const timer = timerIn(state.timers, l.timer);
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
      const timer = timerIn(state.timers, l.timer);
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
    const timer = timerIn(kernel.state.timers, l.timer);
    if (timer === undefined) return OVERWRITTEN;
    if (timer.references === 0) return doneWith(-ERRNO.ENOENT);
    timer.references++;
    op.pc = 1;
    return NEXT;
  }
  const timer = kernel.timer(l.timer);
  if (defers(kernel, kernel.here)) {
    const error = queueCommand(kernel, timer, cancelCommand(l.timer));
    return doneWith(error === 0 ? -ERRNO.ECANCELED : error);
  }
  const result = tryCancel(kernel, timer);
  putTimer(kernel, timer);
  return doneWith(result);
}

const cancelCommand = (timer: number): TimerCommand => ({
  timer,
  what: 'cancel',
  ns: 0n,
  flags: 0,
  armed: undefined,
});

/** 1: taken off its queue; 0: was not queued; -1: its callback runs, nothing done. */
function tryCancel(kernel: Kernel, timer: TimerObject): number {
  if (timer.runningOn >= 0) return -1;
  if (timer.queuedOn < 0) return 0;
  dequeue(kernel.state, timer);
  kernel.timerEvent('timerCancel', timer);
  return 1;
}

/** The end of freeing without a lock: cancels without waiting, at once or by the interrupt worker, and lets go. */
export function cancelAndPut(kernel: Kernel, timer: TimerObject): void {
  if (!defers(kernel, kernel.here)) {
    if (timer.runningOn < 0 && timer.queuedOn >= 0) dequeue(kernel.state, timer);
    putTimer(kernel, timer);
  } else queueCommand(kernel, timer, cancelCommand(timer.id));
}
