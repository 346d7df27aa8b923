/**
 * Kernel operations by name, and the taking of one step. Each handler looks at its `pc`, does one step, moves `pc` on
 * and says what follows; between two steps other CPUs may run.
 */
import type { OpActivation, OpName, StepResult } from './activations';
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

/** Takes one step of an operation of the current context. */
export function stepOp<N extends OpName>(kernel: Kernel, op: OpActivation<N>): StepResult {
  return HANDLERS[op.op](kernel, op);
}
