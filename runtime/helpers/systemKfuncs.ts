/**
 * Kernel functions that bracket code, end it, or ask for parts of a system that are not there (tasks, cgroups, keys): the
 * latter answer what a kernel answers where the thing is missing, so that programs take the path that they have for it.
 */
import { ERRNO } from '../spec/errno';
import { familyOf } from '../maps/maps';
import { packetObject, taskByPid } from './kernelObjects';
import {
  HelperFault,
  mapArg,
  memoryArg,
  u32Arg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
} from './protocol';

const nothing: HelperHandler = () => value(0);
const same: HelperHandler = (call) => value(call.args[0]);
const answers =
  (errno: number): HelperHandler =>
  () =>
    value(-errno);

/** Interrupts are off from the first bracket to the last. */
function irqsOff(call: HelperCall, flagsIndex: number): HelperResult {
  const at = memoryArg(call, flagsIndex, 8, true);
  call.kernel.memory.store64(at, BigInt(call.kernel.here.irqsOff));
  call.kernel.here.irqsOff++;
  return value(0);
}
function irqsBack(call: HelperCall, flagsIndex: number): HelperResult {
  memoryArg(call, flagsIndex, 8);
  call.kernel.here.irqsOff--;
  return value(0);
}

const RES_LOCK_BYTES = 4;

/** A resilient lock never spins for ever: what is held already is a deadlock where nothing runs beside its holder. */
function resLock(call: HelperCall): HelperResult {
  const at = memoryArg(call, 0, RES_LOCK_BYTES, true);
  if (call.kernel.memory.load32(at) !== 0) return value(-ERRNO.EDEADLK);
  call.kernel.memory.store32(at, 1);
  return value(0);
}
function resUnlock(call: HelperCall): HelperResult {
  call.kernel.memory.store32(memoryArg(call, 0, RES_LOCK_BYTES, true), 0);
  return value(0);
}

/** Programs that look on have the kernel's own context already. */
function kernelContext(call: HelperCall): HelperResult {
  const { kernel, packets, args } = call;
  const packet = packets.packetAt(args[0]);
  if (packet === undefined) return value(args[0]);
  const object = packetObject(kernel, args[0], packet, (name) => packets.field(args[0], name));
  if (object === 0n)
    throw new HelperFault(
      `${call.name}: the types of the kernel are not known, and so not what its contexts look like`,
    );
  return value(object);
}

const taskFromPid: HelperHandler = (call) => value(taskByPid(call.kernel, u32Arg(call, 0) | 0));

export const systemKfuncs = {
  bpf_rcu_read_lock: nothing,
  bpf_rcu_read_unlock: nothing,
  bpf_preempt_disable: nothing,
  bpf_preempt_enable: nothing,
  bpf_local_irq_save: (call) => irqsOff(call, 0),
  bpf_local_irq_restore: (call) => irqsBack(call, 0),
  bpf_res_spin_lock: resLock,
  bpf_res_spin_unlock: resUnlock,
  bpf_res_spin_lock_irqsave: (call) => {
    const locked = resLock(call);
    if (locked.kind === 'done' && locked.value === 0n) irqsOff(call, 1);
    return locked;
  },
  bpf_res_spin_unlock_irqrestore: (call) => {
    irqsBack(call, 1);
    return resUnlock(call);
  },
  bpf_throw: (call) => ({ kind: 'throw', cookie: call.args[0] }),
  bpf_rdonly_cast: same,
  bpf_cast_to_kern_ctx: kernelContext,
  bpf_map_sum_elem_count: (call) => {
    const map = mapArg(call, 0);
    return value(familyOf(map).entryCount(call.kernel, map));
  },
  bpf_copy_from_user_str: (call) => {
    const size = u32Arg(call, 1);
    const to = memoryArg(call, 0, size, true);
    call.kernel.memory.fill(to, size, 0);
    return value(-ERRNO.EFAULT);
  },
  bpf_task_acquire: same,
  bpf_task_release: nothing,
  bpf_task_from_pid: taskFromPid,
  bpf_task_from_vpid: taskFromPid,
  bpf_cgroup_acquire: same,
  bpf_cgroup_release: nothing,
  bpf_cgroup_ancestor: nothing,
  bpf_cgroup_from_id: nothing,
  bpf_task_get_cgroup1: nothing,
  bpf_task_under_cgroup: nothing,
  bpf_xdp_metadata_rx_timestamp: answers(ERRNO.EOPNOTSUPP),
  bpf_xdp_metadata_rx_hash: answers(ERRNO.EOPNOTSUPP),
  bpf_xdp_metadata_rx_vlan_tag: answers(ERRNO.EOPNOTSUPP),
} satisfies Record<string, HelperHandler>;
