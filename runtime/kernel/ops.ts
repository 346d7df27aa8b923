/**
 * Kernel operations by name, and the taking of one step. Each handler looks at its `pc`, does one step, moves `pc` on
 * and says what follows; between two steps other CPUs may run.
 */
import type { OpActivation, OpName, StepResult } from './activations';
import { FreedTimer } from './freedTimer';
import type { Kernel } from './kernel';
import { loopStep, forEachStep, callOnceStep, rbtreeAddStep } from './callbackOps';
import { mapWriteStep } from './mapOps';
import { spinLockStep } from './spinLockOps';
import { deferredFreesStep, freeValuesStep } from './timerFree';
import { expiryStep, softirqStep } from './timerExpiry';
import {
  cancelAsyncStep,
  cancelStep,
  initStep,
  setCallbackStep,
  startStep,
  timerCommandsStep,
} from './timerOps';
import { publishStep } from './timerPublish';
import { workRunStep, workStartStep } from './workers';

export type OpHandler<N extends OpName> = (kernel: Kernel, op: OpActivation<N>) => StepResult;

const HANDLERS: { readonly [N in OpName]: OpHandler<N> } = {
  timerInit: initStep,
  timerSetCallback: setCallbackStep,
  timerStart: startStep,
  timerCancel: cancelStep,
  timerCancelAsync: cancelAsyncStep,
  timerPublish: publishStep,
  workStart: workStartStep,
  workRun: workRunStep,
  timerCommands: timerCommandsStep,
  freeValues: freeValuesStep,
  mapWrite: mapWriteStep,
  deferredFrees: deferredFreesStep,
  softirq: softirqStep,
  expiry: expiryStep,
  loop: loopStep,
  forEach: forEachStep,
  callOnce: callOnceStep,
  rbtreeAdd: rbtreeAddStep,
  spinLock: spinLockStep,
};

/** What people call an operation. */
export const OPERATION_NAMES: Readonly<Record<OpName, string>> = {
  timerInit: 'bpf_timer_init',
  timerSetCallback: 'bpf_timer_set_callback',
  timerStart: 'bpf_timer_start',
  timerCancel: 'bpf_timer_cancel',
  timerCancelAsync: 'bpf_timer_cancel_async',
  freeValues: 'freeing timers of a map',
  mapWrite: 'an update or deletion',
  deferredFrees: 'a worker',
  timerPublish: 'setting the callback of a timer',
  workStart: 'bpf_wq_start',
  workRun: 'a work queue',
  timerCommands: 'the interrupt worker for timers',
  softirq: 'the timer interrupt',
  expiry: 'the expiry of a timer',
  loop: 'bpf_loop',
  forEach: 'bpf_for_each_map_elem',
  callOnce: 'a callback',
  spinLock: 'bpf_spin_lock',
  rbtreeAdd: 'bpf_rbtree_add',
};

/** Takes one step of an operation of the current context. */
export function stepOp<N extends OpName>(kernel: Kernel, op: OpActivation<N>): StepResult {
  try {
    return HANDLERS[op.op](kernel, op);
  } catch (error) {
    if (!(error instanceof FreedTimer)) throw error;
    return {
      kind: 'fault',
      message: `use after free: ${OPERATION_NAMES[op.op]} goes on with a timer that was freed meanwhile`,
    };
  }
}
