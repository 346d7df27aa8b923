/** bpf_timer_init, _set_callback, _start, _cancel and bpf_loop: each enters the kernel operation of its name. */
import { ERRNO } from '../spec/errno';
import { startOp } from '../kernel/activations';
import {
  functionArg,
  mapArg,
  memoryArg,
  u32Arg,
  value,
  type HelperCall,
  type HelperHandler,
} from './protocol';

const TIMER_SIZE_BYTES = 16;
const slotArg = (call: HelperCall): number => memoryArg(call, 0, TIMER_SIZE_BYTES);
/** Most iterations that bpf_loop takes. */
const LOOPS_MAX = 1 << 23;

export const timerHelpers = {
  bpf_timer_init: (call) => ({
    kind: 'enter',
    op: startOp('timerInit', {
      slot: slotArg(call),
      map: mapArg(call, 1).definition.id,
      clock: call.args[2] < 16n ? Number(call.args[2]) : 16,
      timer: 0,
    }),
  }),
  bpf_timer_set_callback: (call) => ({
    kind: 'enter',
    op: startOp('timerSetCallback', { slot: slotArg(call), ...functionArg(call, 1) }),
  }),
  bpf_timer_start: (call) => ({
    kind: 'enter',
    op: startOp('timerStart', {
      slot: slotArg(call),
      ns: call.args[1],
      flags: call.args[2] > 0xffff_ffffn ? -1 : u32Arg(call, 2) | 0,
      timer: 0,
    }),
  }),
  bpf_timer_cancel: (call) => ({
    kind: 'enter',
    op: startOp('timerCancel', { slot: slotArg(call), timer: 0, counted: false, result: 0 }),
  }),
  bpf_loop: (call) => {
    const count = u32Arg(call, 0);
    if (call.args[3] !== 0n) return value(-ERRNO.EINVAL);
    // Kernels expand the call in place, and that code sets the lower half of R0 only.
    if (count > LOOPS_MAX) return value(-ERRNO.E2BIG >>> 0);
    const { program, insnIdx } = functionArg(call, 1);
    return {
      kind: 'enter',
      op: startOp('loop', { count, done: 0, program, insnIdx, context: call.args[2] }),
    };
  },
} satisfies Record<string, HelperHandler>;
