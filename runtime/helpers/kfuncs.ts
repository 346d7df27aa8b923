/**
 * Kernel functions that the model implements, by name: those about timers and dynptrs, and the brackets that mean nothing to a model
 * that is sequentially consistent. Others are an explained stop.
 */
import { startOp } from '../kernel/activations';
import { dynptrKfuncs } from './dynptrHelpers';
import { memoryArg, value, type HelperHandler } from './protocol';

const TIMER_SIZE_BYTES = 16;

export const KFUNC_HANDLERS: Readonly<Partial<Record<string, HelperHandler>>> = {
  bpf_timer_cancel_async: (call) => ({
    kind: 'enter',
    op: startOp('timerCancelAsync', { slot: memoryArg(call, 0, TIMER_SIZE_BYTES), timer: 0 }),
  }),
  ...dynptrKfuncs,
  bpf_rcu_read_lock: () => value(0),
  bpf_rcu_read_unlock: () => value(0),
  bpf_preempt_disable: () => value(0),
  bpf_preempt_enable: () => value(0),
};
