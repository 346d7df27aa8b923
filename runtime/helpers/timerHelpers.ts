/** bpf_timer_init, _set_callback, _start, _cancel and bpf_loop: each enters the kernel operation of its name. */
import { ERRNO } from '../spec/errno';
import { startOp } from '../kernel/activations';
import { readTimerSlot, timerOffset } from '../kernel/timerSlots';
import {
  functionArg,
  HelperFault,
  mapArg,
  objectArg,
  u32Arg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
} from './protocol';
import { peekTimer } from '../kernel/timerTable';

const TIMER_SIZE_BYTES = 16;

/** Linear offset of the timer. The verifier lets nothing else pass than the timer field of a map value. */
function slotArg(call: HelperCall): number {
  const slot = objectArg(call, 0, TIMER_SIZE_BYTES);
  const region = call.kernel.memory.findRegion(slot);
  if (region?.kind !== 'mapValue' && region?.kind !== 'mapPool')
    throw new HelperFault(
      `${call.name}: argument 1 points into ${region?.label ?? 'nothing'}, not into a map value`,
    );
  const { memory, state } = call.kernel;
  call.kernel.touch('address', slot, false);
  const id = readTimerSlot(memory, slot);
  // The lock word of a timer is 0 or 1; a pointer that is none of ours, or another timer's, was not put there by init.
  const timer = peekTimer(state.timers, id);
  const wrong =
    id === 0 ? memory.load32(slot + 8) > 1 : timer === undefined || timer.value + timer.offset !== slot;
  if (wrong)
    throw new HelperFault(
      `${call.name}: argument 1 (${region.label} +${slot - region.start}) holds no timer: wrong offset, or overwritten bytes`,
    );
  return slot;
}

/** The functions on `struct bpf_wq`. */
export const workKfuncs = {
  bpf_wq_init: (call: HelperCall): HelperResult => ({
    kind: 'enter',
    op: startOp('timerInit', {
      slot: slotArg(call),
      map: mapArg(call, 1).definition.id,
      clock: u32Arg(call, 2) === 0 ? 0 : 16,
      timer: 0,
      isWork: true,
    }),
  }),
  bpf_wq_set_callback_impl: setWork,
  bpf_wq_set_callback: setWork,
  bpf_wq_start: (call: HelperCall): HelperResult => ({
    kind: 'enter',
    op: startOp('workStart', { slot: slotArg(call), flags: BigInt(u32Arg(call, 1)) }),
  }),
};

function setWork(call: HelperCall): HelperResult {
  if (u32Arg(call, 2) !== 0) return value(-ERRNO.EINVAL);
  return { kind: 'enter', op: startOp('timerSetCallback', { slot: slotArg(call), ...functionArg(call, 1) }) };
}

/** For init: the timer must be where the map's values have it. */
function fieldArg(call: HelperCall): number {
  const slot = slotArg(call);
  const region = call.kernel.memory.findRegion(slot);
  const { definition } = mapArg(call, 1);
  const wanted = timerOffset(definition);
  if (wanted >= 0 && region?.kind === 'mapValue' && slot - region.start !== wanted)
    throw new HelperFault(
      `${call.name}: argument 1 is offset ${slot - region.start} of ${region.label}, the timer of ${definition.name} is at offset ${wanted}`,
    );
  return slot;
}

/** Most iterations that bpf_loop takes. */
const LOOPS_MAX = 1 << 23;

export const timerHelpers = {
  bpf_timer_init: (call) => ({
    kind: 'enter',
    op: startOp('timerInit', {
      slot: fieldArg(call),
      map: mapArg(call, 1).definition.id,
      clock: call.args[2] < 16n ? Number(call.args[2]) : 16,
      timer: 0,
      isWork: false,
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
