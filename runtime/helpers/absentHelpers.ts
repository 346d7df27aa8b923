/**
 * Helpers that ask for parts of a system that are not there: kernel tasks' objects, sockets, routes, stack traces,
 * performance counters, cgroups. They answer what a kernel answers where the thing is missing, so that programs take the
 * path that they have for it. What differs stands in `spec/helperModel.ts`.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import { currentTask, functionByName } from './kernelObjects';
import {
  mapArg,
  memoryArg,
  u32Arg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
} from './protocol';

const nothing: HelperHandler = () => value(0);
const answers =
  (errno: number): HelperHandler =>
  () =>
    value(-errno);

/** Clears the buffer that the helper would have filled, and fails. */
const clears =
  (bufferIndex: number, sizeIndex: number, errno: number): HelperHandler =>
  (call) => {
    const size = u32Arg(call, sizeIndex);
    if (size > 0) call.kernel.memory.fill(memoryArg(call, bufferIndex, size, true), size, 0);
    return value(-errno);
  };

const noted =
  (what: string): HelperHandler =>
  (call) => {
    call.packets.note(what);
    return value(0);
  };

const FIB_PARAMS_BYTES = 64;
/** Offset of `ifindex` in `struct bpf_fib_lookup`. */
const FIB_IFINDEX = 8;
const FIB_FLAGS = 0x1f;
const FIB_MARK = 0x20;
const LOOPBACK_IFINDEX = 1;
const FIB_FORWARDING_DISABLED = 5;
const AF_INET = 2;
const AF_INET6 = 10;

/** There is one interface, the loopback, which does not forward. */
function fibLookup(call: HelperCall): HelperResult {
  const flags = has(call.kernel.profile, 'fibLookupMark') ? FIB_FLAGS | FIB_MARK : FIB_FLAGS;
  if (u32Arg(call, 2) < FIB_PARAMS_BYTES || (u32Arg(call, 3) & ~flags) !== 0) return value(-ERRNO.EINVAL);
  const at = memoryArg(call, 1, FIB_PARAMS_BYTES);
  const family = call.kernel.memory.u8[at];
  if (family !== AF_INET && family !== AF_INET6) return value(-ERRNO.EAFNOSUPPORT);
  const device = call.kernel.memory.load32(at + FIB_IFINDEX);
  return value(device === LOOPBACK_IFINDEX ? FIB_FORWARDING_DISABLED : -ERRNO.ENODEV);
}

/** The model has no symbols: a well-formed question finds nothing. */
function noSymbol(call: HelperCall): HelperResult {
  const size = u32Arg(call, 1);
  const name = memoryArg(call, 0, size);
  if (call.args[2] !== 0n || size <= 1 || call.kernel.memory.u8[name + size - 1] !== 0)
    return value(-ERRNO.EINVAL);
  call.kernel.memory.store64(memoryArg(call, 3, 8, true), 0n);
  return value(-ERRNO.ENOENT);
}

/** BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP. */
const WAKEUP_FLAGS = 3n;

/** `struct bpf_perf_event_value`. */
const COUNTER_BYTES = 24;

/** Why there is no counter to read: there are none. */
function counterErrno(call: HelperCall): number {
  const flags = call.args[1];
  if (flags >> 32n !== 0n) return ERRNO.EINVAL;
  const index = flags === 0xffff_ffffn ? call.kernel.cpu : Number(flags);
  return index >= mapArg(call, 0).definition.maxEntries ? ERRNO.E2BIG : ERRNO.ENOENT;
}

export const absentHelpers = {
  bpf_get_current_task: (call) => value(currentTask(call.kernel)),
  bpf_get_current_task_btf: (call) => value(currentTask(call.kernel)),
  bpf_get_stackid: answers(ERRNO.EFAULT),
  bpf_get_stack: clears(1, 2, ERRNO.EFAULT),
  bpf_get_func_ip: ({ kernel }) =>
    value(functionByName(kernel, kernel.programs[kernel.currentProgram()].attachTo ?? '')),
  bpf_get_current_ancestor_cgroup_id: nothing,
  bpf_current_task_under_cgroup: answers(ERRNO.EAGAIN),
  bpf_skb_under_cgroup: answers(ERRNO.ENOENT),
  bpf_get_ns_current_pid_tgid: clears(2, 3, ERRNO.EINVAL),
  bpf_perf_event_read: (call) => value(-counterErrno(call)),
  bpf_perf_event_read_value: (call) => {
    const size = u32Arg(call, 3);
    call.kernel.memory.fill(memoryArg(call, 2, size, true), size, 0);
    return value(-(size === COUNTER_BYTES ? counterErrno(call) : ERRNO.EINVAL));
  },
  bpf_probe_write_user: answers(ERRNO.EPERM),
  bpf_send_signal: noted('a signal is sent to the current task'),
  bpf_override_return: noted('the traced function is made to return another value'),
  bpf_fib_lookup: fibLookup,
  bpf_sk_lookup_tcp: nothing,
  bpf_sk_lookup_udp: nothing,
  bpf_skc_lookup_tcp: nothing,
  bpf_get_listener_sock: nothing,
  bpf_skc_to_tcp_sock: nothing,
  bpf_skc_to_tcp6_sock: nothing,
  bpf_skc_to_tcp_timewait_sock: nothing,
  bpf_skc_to_tcp_request_sock: nothing,
  bpf_skc_to_udp6_sock: nothing,
  bpf_skc_to_unix_sock: nothing,
  bpf_skc_to_mptcp_sock: nothing,
  bpf_sk_cgroup_id: nothing,
  bpf_sk_ancestor_cgroup_id: nothing,
  bpf_skb_ancestor_cgroup_id: nothing,
  bpf_skb_cgroup_classid: nothing,
  bpf_task_pt_regs: nothing,
  bpf_get_task_stack: clears(1, 2, ERRNO.EFAULT),
  bpf_copy_from_user_task: clears(0, 1, ERRNO.EFAULT),
  bpf_get_branch_snapshot: answers(ERRNO.ENOENT),
  bpf_read_branch_records: answers(ERRNO.ENOENT),
  bpf_find_vma: answers(ERRNO.ENOENT),
  bpf_send_signal_thread: noted('a signal is sent to the current thread'),
  bpf_user_ringbuf_drain: (call) => value((call.args[3] & ~WAKEUP_FLAGS) === 0n ? 0 : -ERRNO.EINVAL),
  bpf_sk_release: nothing,
  bpf_tcp_sock: nothing,
  bpf_skb_get_tunnel_key: clears(1, 2, ERRNO.EINVAL),
  bpf_get_netns_cookie: () => value(1),
  bpf_sys_close: answers(ERRNO.EBADF),
  bpf_kallsyms_lookup_name: noSymbol,
  bpf_seq_write: noted('written to the file of the iterator'),
  bpf_seq_printf: noted('printed to the file of the iterator'),
} satisfies Record<string, HelperHandler>;
