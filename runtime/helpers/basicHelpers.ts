/**
 * Time, identity, randomness, locks: helpers that need nothing but the kernel's state. The current task is the
 * scenario's; a timer callback sees it too, as the "arbitrary task" that a kernel would show.
 */
import { ERRNO } from '../spec/errno';
import { utf8Encode } from '../util/utf8';
import { startOp } from '../kernel/activations';
import { spinUnlock } from '../kernel/spinLockOps';
import {
  memoryArg,
  objectArg,
  u32Arg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
} from './protocol';

/** The coarse clocks stand still between ticks of a 250 Hz kernel. */
const tickNs = (call: HelperCall): bigint => 1_000_000_000n / BigInt(call.kernel.profile.hz);
/** The jiffies counter starts five minutes before it wraps at 32 bits; 64-bit jiffies show it. */
const JIFFIES_START = 0xffff_ffffn - 300n * 250n + 1n;

const SPIN_LOCK_SIZE_BYTES = 4;

const spinLock = (call: HelperCall): HelperResult => ({
  kind: 'enter',
  op: startOp('spinLock', { at: objectArg(call, 0, SPIN_LOCK_SIZE_BYTES) }),
});

function unlock(call: HelperCall): HelperResult {
  return spinUnlock(call.kernel, objectArg(call, 0, SPIN_LOCK_SIZE_BYTES))
    ? value(0)
    : { kind: 'fault', message: 'bpf_spin_unlock of a lock that nobody holds' };
}

export const basicHelpers = {
  bpf_ktime_get_ns: ({ kernel }) => value(kernel.nowNs),
  bpf_ktime_get_boot_ns: ({ kernel }) => value(kernel.nowNs + kernel.state.suspendedNs),
  bpf_ktime_get_coarse_ns: (call) => value((call.kernel.nowNs / tickNs(call)) * tickNs(call)),
  bpf_ktime_get_tai_ns: ({ kernel }) => value(kernel.state.wallOffsetNs + kernel.nowNs),
  bpf_jiffies64: (call) => value(JIFFIES_START + call.kernel.nowNs / tickNs(call)),
  bpf_get_smp_processor_id: ({ kernel }) => value(kernel.cpu),
  bpf_get_numa_node_id: () => value(0),
  bpf_get_prandom_u32: ({ kernel }) => value(kernel.choices.randomU32()),
  bpf_spin_lock: spinLock,
  bpf_spin_unlock: unlock,
  bpf_get_current_pid_tgid: ({ kernel }) => {
    const { pid, tgid } = kernel.state.current;
    return value((BigInt(tgid) << 32n) | BigInt(pid));
  },
  bpf_get_current_uid_gid: ({ kernel }) => {
    const { uid, gid } = kernel.state.current;
    return value((BigInt(gid) << 32n) | BigInt(uid));
  },
  bpf_get_current_comm: (call) => {
    const size = u32Arg(call, 1);
    const at = memoryArg(call, 0, size, true);
    if (size === 0) return value(-ERRNO.EINVAL);
    const bytes = new Uint8Array(size);
    bytes.set(utf8Encode(call.kernel.state.current.comm).subarray(0, size - 1));
    call.kernel.memory.write(at, bytes);
    return value(0);
  },
  bpf_get_current_cgroup_id: ({ kernel }) => value(kernel.state.current.cgroupId),
  bpf_get_attach_cookie: () => value(0),
} satisfies Record<string, HelperHandler>;
