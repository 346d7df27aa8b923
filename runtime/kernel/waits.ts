/**
 * What a kernel operation at its present step waits for, looked up without taking the step. The interleaving driver
 * asks it to leave waiting CPUs alone until they can go on, and to name the cycle when nobody can.
 *
 * Must agree with the steps: an operation for which this says undefined does not answer `wait` when stepped.
 */
import { has } from '../spec/profile';
import type { Activation } from './activations';
import type { Kernel } from './kernel';
import { bucketWait, valueLockHolder } from './mapOps';
import type { TimerObject } from './state';
import { slotOf } from './timerFree';
import { baseHolder, defers, hasLock } from './timerOps';
import { spinLockHolder } from './spinLockOps';
import { asyncOffsets, isTimerLocked, readTimerSlot } from './timerSlots';
import { peekTimer } from './timerTable';

export interface Wait {
  readonly what: 'lock' | 'callback' | 'bucket' | 'base' | 'spinLock';
  /** The timer object whose lock or callback it is, 0 if unknown. */
  readonly timer: number;
  /** For `bucket`: the map. For `bucket` and `base`: the CPU that holds the lock. */
  readonly map?: number;
  readonly holder?: number;
}

/** Any operation, told apart by its name. */
type AnyOp = Extract<Activation, { kind: 'op' }>;

function lock(kernel: Kernel, slot: number): Wait | undefined {
  const { memory } = kernel;
  return hasLock(kernel) && isTimerLocked(memory, slot)
    ? { what: 'lock', timer: Math.max(0, readTimerSlot(memory, slot)) }
    : undefined;
}

function callback({ state }: Kernel, timer: number): Wait | undefined {
  return (peekTimer(state.timers, timer)?.runningOn ?? -1) >= 0 ? { what: 'callback', timer } : undefined;
}

function base({ state }: Kernel, cpu: number, timer: Readonly<TimerObject>): Wait | undefined {
  const holder = baseHolder(state, cpu, timer);
  return holder === undefined ? undefined : { what: 'base', timer: timer.id, holder };
}

/** @param cpu the CPU on which the operation runs. */
export function waitOf(kernel: Kernel, cpu: number, op: AnyOp): Wait | undefined {
  const { state } = kernel;
  switch (op.op) {
    case 'timerInit':
    case 'timerSetCallback':
      return op.pc === 1 ? lock(kernel, op.locals.slot) : undefined;
    case 'timerStart': {
      if (op.pc === 1) return lock(kernel, op.locals.slot);
      const timer = op.pc === 3 ? peekTimer(state.timers, op.locals.timer) : undefined;
      return timer === undefined || defers(kernel, state.cpus[cpu]) ? undefined : base(kernel, cpu, timer);
    }
    case 'timerCommands': {
      const command = state.cpus[cpu].irqWork.at(0);
      const timer = op.pc === 0 && command !== undefined ? peekTimer(state.timers, command.timer) : undefined;
      return timer && base(kernel, cpu, timer);
    }
    case 'timerCancel':
      if (op.pc === 1) return lock(kernel, op.locals.slot);
      return op.pc === 4 ? callback(kernel, op.locals.timer) : undefined;
    case 'mapWrite': {
      const held = bucketWait(kernel, cpu, op);
      if (held !== undefined) return { what: 'bucket', timer: 0, map: held.map, holder: held.cpu };
      const { map, key, flags } = op.locals;
      const holder = op.pc === 0 ? valueLockHolder(kernel, cpu, kernel.map(map), key, flags) : -1;
      return holder < 0 ? undefined : { what: 'spinLock', timer: 0, holder };
    }
    case 'spinLock': {
      const holder = spinLockHolder(kernel, op.locals.at);
      return holder < 0 || holder === cpu ? undefined : { what: 'spinLock', timer: 0, holder };
    }
    case 'deferredFrees':
      return op.locals.timer === 0 ? undefined : callback(kernel, op.locals.timer);
    case 'freeValues': {
      const { locals } = op;
      if (op.pc === 0 || op.pc === 2) return undefined;
      if (op.pc === 1) return lock(kernel, slotOf(op, asyncOffsets(kernel.map(locals.map).definition)));
      const running = state.cpus[cpu].runningTimer;
      if (has(kernel.profile, 'timerLockFree')) return undefined;
      if (peekTimer(state.timers, locals.timer)?.isWork === true) return undefined;
      if (has(kernel.profile, 'timerDeferredFree') && running !== 0) return undefined;
      if (running === locals.timer && has(kernel.profile, 'timerSelfCheck')) return undefined;
      return callback(kernel, locals.timer);
    }
    default:
      return undefined;
  }
}
