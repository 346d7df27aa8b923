/**
 * What `SEC("…")` names mean: program type, attach type, sleepable or not. One row per name; `+` at the end means
 * that the name may be followed by `/` and an attach target. The first matching row holds.
 *
 * Evidence: documentation of libbpf's program types (libbpf 1.7); names measured against that release.
 */

export interface SectionRow {
  /** `xdp`, or `fentry+` where a target may follow. */
  readonly name: string;
  /** BPF_PROG_TYPE_… */
  readonly type: string;
  /** BPF_… attach type that loading announces. */
  readonly attachType?: string;
  readonly sleepable?: true;
  /** XDP program that understands multi-buffer packets (BPF_F_XDP_HAS_FRAGS). */
  readonly xdpFrags?: true;
  /** The target is looked up in the kernel's BTF when the program is loaded. */
  readonly attachBtf?: true;
  /** What a loader attaches such a program to by itself; absent: it cannot, it needs a device, a cgroup, a socket. */
  readonly attach?: AttachKind;
}

/**
 * `functions`: all that match a pattern. `traced`: a function or tracepoint that was looked up when the program was
 * loaded. `user`: a place in a program of user space.
 */
export type AttachKind =
  'function' | 'functions' | 'systemCall' | 'tracepoint' | 'rawTracepoint' | 'traced' | 'iterator' | 'user';

export const SECTION_ROWS = [
  { name: 'socket', type: 'BPF_PROG_TYPE_SOCKET_FILTER' },
  {
    name: 'sk_reuseport/migrate',
    type: 'BPF_PROG_TYPE_SK_REUSEPORT',
    attachType: 'BPF_SK_REUSEPORT_SELECT_OR_MIGRATE',
  },
  { name: 'sk_reuseport', type: 'BPF_PROG_TYPE_SK_REUSEPORT', attachType: 'BPF_SK_REUSEPORT_SELECT' },
  { name: 'kprobe+', type: 'BPF_PROG_TYPE_KPROBE', attach: 'function' },
  { name: 'uprobe+', type: 'BPF_PROG_TYPE_KPROBE', attach: 'user' },
  { name: 'uprobe.s+', type: 'BPF_PROG_TYPE_KPROBE', sleepable: true, attach: 'user' },
  { name: 'kretprobe+', type: 'BPF_PROG_TYPE_KPROBE', attach: 'function' },
  { name: 'uretprobe+', type: 'BPF_PROG_TYPE_KPROBE', attach: 'user' },
  { name: 'uretprobe.s+', type: 'BPF_PROG_TYPE_KPROBE', sleepable: true, attach: 'user' },
  {
    name: 'kprobe.multi+',
    type: 'BPF_PROG_TYPE_KPROBE',
    attachType: 'BPF_TRACE_KPROBE_MULTI',
    attach: 'functions',
  },
  {
    name: 'kretprobe.multi+',
    type: 'BPF_PROG_TYPE_KPROBE',
    attachType: 'BPF_TRACE_KPROBE_MULTI',
    attach: 'functions',
  },
  {
    name: 'kprobe.session+',
    type: 'BPF_PROG_TYPE_KPROBE',
    attachType: 'BPF_TRACE_KPROBE_SESSION',
    attach: 'functions',
  },
  {
    name: 'uprobe.multi+',
    type: 'BPF_PROG_TYPE_KPROBE',
    attachType: 'BPF_TRACE_UPROBE_MULTI',
    attach: 'user',
  },
  {
    name: 'uretprobe.multi+',
    type: 'BPF_PROG_TYPE_KPROBE',
    attachType: 'BPF_TRACE_UPROBE_MULTI',
    attach: 'user',
  },
  {
    name: 'uprobe.session+',
    type: 'BPF_PROG_TYPE_KPROBE',
    attachType: 'BPF_TRACE_UPROBE_SESSION',
    attach: 'user',
  },
  {
    name: 'uprobe.multi.s+',
    type: 'BPF_PROG_TYPE_KPROBE',
    attachType: 'BPF_TRACE_UPROBE_MULTI',
    sleepable: true,
    attach: 'user',
  },
  {
    name: 'uretprobe.multi.s+',
    type: 'BPF_PROG_TYPE_KPROBE',
    attachType: 'BPF_TRACE_UPROBE_MULTI',
    sleepable: true,
    attach: 'user',
  },
  {
    name: 'uprobe.session.s+',
    type: 'BPF_PROG_TYPE_KPROBE',
    attachType: 'BPF_TRACE_UPROBE_SESSION',
    sleepable: true,
    attach: 'user',
  },
  { name: 'ksyscall+', type: 'BPF_PROG_TYPE_KPROBE', attach: 'systemCall' },
  { name: 'kretsyscall+', type: 'BPF_PROG_TYPE_KPROBE', attach: 'systemCall' },
  { name: 'usdt+', type: 'BPF_PROG_TYPE_KPROBE', attach: 'user' },
  { name: 'usdt.s+', type: 'BPF_PROG_TYPE_KPROBE', sleepable: true, attach: 'user' },
  { name: 'tc/ingress', type: 'BPF_PROG_TYPE_SCHED_CLS', attachType: 'BPF_TCX_INGRESS' },
  { name: 'tc/egress', type: 'BPF_PROG_TYPE_SCHED_CLS', attachType: 'BPF_TCX_EGRESS' },
  { name: 'tcx/ingress', type: 'BPF_PROG_TYPE_SCHED_CLS', attachType: 'BPF_TCX_INGRESS' },
  { name: 'tcx/egress', type: 'BPF_PROG_TYPE_SCHED_CLS', attachType: 'BPF_TCX_EGRESS' },
  { name: 'tc', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { name: 'classifier', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { name: 'action', type: 'BPF_PROG_TYPE_SCHED_ACT' },
  { name: 'netkit/primary', type: 'BPF_PROG_TYPE_SCHED_CLS', attachType: 'BPF_NETKIT_PRIMARY' },
  { name: 'netkit/peer', type: 'BPF_PROG_TYPE_SCHED_CLS', attachType: 'BPF_NETKIT_PEER' },
  { name: 'tracepoint+', type: 'BPF_PROG_TYPE_TRACEPOINT', attach: 'tracepoint' },
  { name: 'tp+', type: 'BPF_PROG_TYPE_TRACEPOINT', attach: 'tracepoint' },
  { name: 'raw_tracepoint+', type: 'BPF_PROG_TYPE_RAW_TRACEPOINT', attach: 'rawTracepoint' },
  { name: 'raw_tp+', type: 'BPF_PROG_TYPE_RAW_TRACEPOINT', attach: 'rawTracepoint' },
  { name: 'raw_tracepoint.w+', type: 'BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE', attach: 'rawTracepoint' },
  { name: 'raw_tp.w+', type: 'BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE', attach: 'rawTracepoint' },
  {
    name: 'tp_btf+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_TRACE_RAW_TP',
    attachBtf: true,
    attach: 'traced',
  },
  {
    name: 'fentry+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_TRACE_FENTRY',
    attachBtf: true,
    attach: 'traced',
  },
  {
    name: 'fentry.s+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_TRACE_FENTRY',
    sleepable: true,
    attachBtf: true,
    attach: 'traced',
  },
  {
    name: 'fmod_ret+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_MODIFY_RETURN',
    attachBtf: true,
    attach: 'traced',
  },
  {
    name: 'fmod_ret.s+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_MODIFY_RETURN',
    sleepable: true,
    attachBtf: true,
    attach: 'traced',
  },
  {
    name: 'fexit+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_TRACE_FEXIT',
    attachBtf: true,
    attach: 'traced',
  },
  {
    name: 'fexit.s+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_TRACE_FEXIT',
    sleepable: true,
    attachBtf: true,
    attach: 'traced',
  },
  {
    name: 'fsession+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_TRACE_FSESSION',
    attachBtf: true,
    attach: 'traced',
  },
  {
    name: 'fsession.s+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_TRACE_FSESSION',
    sleepable: true,
    attachBtf: true,
    attach: 'traced',
  },
  { name: 'freplace+', type: 'BPF_PROG_TYPE_EXT', attachBtf: true, attach: 'traced' },
  { name: 'lsm+', type: 'BPF_PROG_TYPE_LSM', attachType: 'BPF_LSM_MAC', attachBtf: true, attach: 'traced' },
  {
    name: 'lsm.s+',
    type: 'BPF_PROG_TYPE_LSM',
    attachType: 'BPF_LSM_MAC',
    sleepable: true,
    attachBtf: true,
    attach: 'traced',
  },
  { name: 'lsm_cgroup+', type: 'BPF_PROG_TYPE_LSM', attachType: 'BPF_LSM_CGROUP', attachBtf: true },
  {
    name: 'iter+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_TRACE_ITER',
    attachBtf: true,
    attach: 'iterator',
  },
  {
    name: 'iter.s+',
    type: 'BPF_PROG_TYPE_TRACING',
    attachType: 'BPF_TRACE_ITER',
    sleepable: true,
    attachBtf: true,
    attach: 'iterator',
  },
  { name: 'syscall', type: 'BPF_PROG_TYPE_SYSCALL', sleepable: true },
  { name: 'xdp.frags/devmap', type: 'BPF_PROG_TYPE_XDP', attachType: 'BPF_XDP_DEVMAP', xdpFrags: true },
  { name: 'xdp/devmap', type: 'BPF_PROG_TYPE_XDP', attachType: 'BPF_XDP_DEVMAP' },
  { name: 'xdp.frags/cpumap', type: 'BPF_PROG_TYPE_XDP', attachType: 'BPF_XDP_CPUMAP', xdpFrags: true },
  { name: 'xdp/cpumap', type: 'BPF_PROG_TYPE_XDP', attachType: 'BPF_XDP_CPUMAP' },
  { name: 'xdp.frags', type: 'BPF_PROG_TYPE_XDP', attachType: 'BPF_XDP', xdpFrags: true },
  { name: 'xdp', type: 'BPF_PROG_TYPE_XDP', attachType: 'BPF_XDP' },
  { name: 'perf_event', type: 'BPF_PROG_TYPE_PERF_EVENT' },
  { name: 'lwt_in', type: 'BPF_PROG_TYPE_LWT_IN' },
  { name: 'lwt_out', type: 'BPF_PROG_TYPE_LWT_OUT' },
  { name: 'lwt_xmit', type: 'BPF_PROG_TYPE_LWT_XMIT' },
  { name: 'lwt_seg6local', type: 'BPF_PROG_TYPE_LWT_SEG6LOCAL' },
  { name: 'sockops', type: 'BPF_PROG_TYPE_SOCK_OPS', attachType: 'BPF_CGROUP_SOCK_OPS' },
  { name: 'sk_skb/stream_parser', type: 'BPF_PROG_TYPE_SK_SKB', attachType: 'BPF_SK_SKB_STREAM_PARSER' },
  { name: 'sk_skb/stream_verdict', type: 'BPF_PROG_TYPE_SK_SKB', attachType: 'BPF_SK_SKB_STREAM_VERDICT' },
  { name: 'sk_skb/verdict', type: 'BPF_PROG_TYPE_SK_SKB', attachType: 'BPF_SK_SKB_VERDICT' },
  { name: 'sk_skb', type: 'BPF_PROG_TYPE_SK_SKB' },
  { name: 'sk_msg', type: 'BPF_PROG_TYPE_SK_MSG', attachType: 'BPF_SK_MSG_VERDICT' },
  { name: 'lirc_mode2', type: 'BPF_PROG_TYPE_LIRC_MODE2', attachType: 'BPF_LIRC_MODE2' },
  { name: 'flow_dissector', type: 'BPF_PROG_TYPE_FLOW_DISSECTOR', attachType: 'BPF_FLOW_DISSECTOR' },
  { name: 'cgroup_skb/ingress', type: 'BPF_PROG_TYPE_CGROUP_SKB', attachType: 'BPF_CGROUP_INET_INGRESS' },
  { name: 'cgroup_skb/egress', type: 'BPF_PROG_TYPE_CGROUP_SKB', attachType: 'BPF_CGROUP_INET_EGRESS' },
  { name: 'cgroup/skb', type: 'BPF_PROG_TYPE_CGROUP_SKB' },
  {
    name: 'cgroup/sock_create',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK',
    attachType: 'BPF_CGROUP_INET_SOCK_CREATE',
  },
  {
    name: 'cgroup/sock_release',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK',
    attachType: 'BPF_CGROUP_INET_SOCK_RELEASE',
  },
  { name: 'cgroup/sock', type: 'BPF_PROG_TYPE_CGROUP_SOCK', attachType: 'BPF_CGROUP_INET_SOCK_CREATE' },
  { name: 'cgroup/post_bind4', type: 'BPF_PROG_TYPE_CGROUP_SOCK', attachType: 'BPF_CGROUP_INET4_POST_BIND' },
  { name: 'cgroup/post_bind6', type: 'BPF_PROG_TYPE_CGROUP_SOCK', attachType: 'BPF_CGROUP_INET6_POST_BIND' },
  { name: 'cgroup/bind4', type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR', attachType: 'BPF_CGROUP_INET4_BIND' },
  { name: 'cgroup/bind6', type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR', attachType: 'BPF_CGROUP_INET6_BIND' },
  { name: 'cgroup/connect4', type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR', attachType: 'BPF_CGROUP_INET4_CONNECT' },
  { name: 'cgroup/connect6', type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR', attachType: 'BPF_CGROUP_INET6_CONNECT' },
  {
    name: 'cgroup/connect_unix',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachType: 'BPF_CGROUP_UNIX_CONNECT',
  },
  { name: 'cgroup/sendmsg4', type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR', attachType: 'BPF_CGROUP_UDP4_SENDMSG' },
  { name: 'cgroup/sendmsg6', type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR', attachType: 'BPF_CGROUP_UDP6_SENDMSG' },
  {
    name: 'cgroup/sendmsg_unix',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachType: 'BPF_CGROUP_UNIX_SENDMSG',
  },
  { name: 'cgroup/recvmsg4', type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR', attachType: 'BPF_CGROUP_UDP4_RECVMSG' },
  { name: 'cgroup/recvmsg6', type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR', attachType: 'BPF_CGROUP_UDP6_RECVMSG' },
  {
    name: 'cgroup/recvmsg_unix',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachType: 'BPF_CGROUP_UNIX_RECVMSG',
  },
  {
    name: 'cgroup/getpeername4',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachType: 'BPF_CGROUP_INET4_GETPEERNAME',
  },
  {
    name: 'cgroup/getpeername6',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachType: 'BPF_CGROUP_INET6_GETPEERNAME',
  },
  {
    name: 'cgroup/getpeername_unix',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachType: 'BPF_CGROUP_UNIX_GETPEERNAME',
  },
  {
    name: 'cgroup/getsockname4',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachType: 'BPF_CGROUP_INET4_GETSOCKNAME',
  },
  {
    name: 'cgroup/getsockname6',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachType: 'BPF_CGROUP_INET6_GETSOCKNAME',
  },
  {
    name: 'cgroup/getsockname_unix',
    type: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    attachType: 'BPF_CGROUP_UNIX_GETSOCKNAME',
  },
  { name: 'cgroup/sysctl', type: 'BPF_PROG_TYPE_CGROUP_SYSCTL', attachType: 'BPF_CGROUP_SYSCTL' },
  { name: 'cgroup/getsockopt', type: 'BPF_PROG_TYPE_CGROUP_SOCKOPT', attachType: 'BPF_CGROUP_GETSOCKOPT' },
  { name: 'cgroup/setsockopt', type: 'BPF_PROG_TYPE_CGROUP_SOCKOPT', attachType: 'BPF_CGROUP_SETSOCKOPT' },
  { name: 'cgroup/dev', type: 'BPF_PROG_TYPE_CGROUP_DEVICE', attachType: 'BPF_CGROUP_DEVICE' },
  { name: 'struct_ops+', type: 'BPF_PROG_TYPE_STRUCT_OPS' },
  { name: 'struct_ops.s+', type: 'BPF_PROG_TYPE_STRUCT_OPS', sleepable: true },
  { name: 'sk_lookup', type: 'BPF_PROG_TYPE_SK_LOOKUP', attachType: 'BPF_SK_LOOKUP' },
  { name: 'netfilter', type: 'BPF_PROG_TYPE_NETFILTER', attachType: 'BPF_NETFILTER' },
] as const satisfies readonly SectionRow[];

export interface SectionMeaning {
  readonly row: SectionRow;
  /** What follows the first `/`, when the row takes a target and one is given. */
  readonly attachTo?: string;
}

/** The meaning of a section name without its leading `?`, or undefined if no loader knows it. */
export function sectionMeaning(section: string): SectionMeaning | undefined {
  for (const row of SECTION_ROWS as readonly SectionRow[]) {
    if (!row.name.endsWith('+')) {
      if (section === row.name) return { row };
      continue;
    }
    const stem = row.name.slice(0, -1);
    if (section === stem) return { row };
    if (section.startsWith(stem + '/')) return { row, attachTo: section.slice(stem.length + 1) };
  }
  return undefined;
}

/** The same for objects of the time before BTF. */
export const GUESS_BY_OLD_PREFIX = [
  { prefix: 'socket', type: 'BPF_PROG_TYPE_SOCKET_FILTER' },
  { prefix: 'filter', type: 'BPF_PROG_TYPE_SOCKET_FILTER' },
  { prefix: 'kprobe', type: 'BPF_PROG_TYPE_KPROBE' },
  { prefix: 'kretprobe', type: 'BPF_PROG_TYPE_KPROBE' },
  { prefix: 'uprobe', type: 'BPF_PROG_TYPE_KPROBE' },
  { prefix: 'uretprobe', type: 'BPF_PROG_TYPE_KPROBE' },
  { prefix: 'classifier', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'tc', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'from-', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'to-', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'action', type: 'BPF_PROG_TYPE_SCHED_ACT' },
  { prefix: 'act', type: 'BPF_PROG_TYPE_SCHED_ACT' },
  { prefix: 'tracepoint', type: 'BPF_PROG_TYPE_TRACEPOINT' },
  { prefix: 'tp/', type: 'BPF_PROG_TYPE_TRACEPOINT' },
  { prefix: 'xdp', type: 'BPF_PROG_TYPE_XDP' },
  { prefix: 'prog', type: 'BPF_PROG_TYPE_XDP' },
  { prefix: 'perf_event', type: 'BPF_PROG_TYPE_PERF_EVENT' },
  { prefix: 'cgroup/skb', type: 'BPF_PROG_TYPE_CGROUP_SKB' },
  { prefix: 'cgroup/sock', type: 'BPF_PROG_TYPE_CGROUP_SOCK' },
  { prefix: 'lwt_in', type: 'BPF_PROG_TYPE_LWT_IN' },
  { prefix: 'lwt_out', type: 'BPF_PROG_TYPE_LWT_OUT' },
  { prefix: 'lwt_xmit', type: 'BPF_PROG_TYPE_LWT_XMIT' },
  { prefix: 'sockops', type: 'BPF_PROG_TYPE_SOCK_OPS' },
  { prefix: 'sk_skb', type: 'BPF_PROG_TYPE_SK_SKB' },
  { prefix: 'cgroup/dev', type: 'BPF_PROG_TYPE_CGROUP_DEVICE' },
  { prefix: 'sk_msg', type: 'BPF_PROG_TYPE_SK_MSG' },
  { prefix: 'raw_tracepoint', type: 'BPF_PROG_TYPE_RAW_TRACEPOINT' },
  { prefix: 'raw_tp', type: 'BPF_PROG_TYPE_RAW_TRACEPOINT' },
  { prefix: 'loadbalancer', type: 'BPF_PROG_TYPE_SOCKET_FILTER' },
  { prefix: 'lb', type: 'BPF_PROG_TYPE_SOCKET_FILTER' },
  { prefix: 'len_hist', type: 'BPF_PROG_TYPE_LWT_XMIT' },
  { prefix: 'sample_ip', type: 'BPF_PROG_TYPE_PERF_EVENT' },
  { prefix: 'test_cgrp2', type: 'BPF_PROG_TYPE_CGROUP_SKB' },
  { prefix: 'redirect', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'l2_to', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'ingress', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'egress', type: 'BPF_PROG_TYPE_SCHED_CLS' },
] as const;

/**
 * Program types that relaxed loading guesses for section names which no loader of today knows: by the prefixes that
 * old loaders used, then by the context type that the program's function takes.
 */
export const GUESS_BY_PREFIX = [
  { prefix: 'xdp', type: 'BPF_PROG_TYPE_XDP' },
  { prefix: 'prog', type: 'BPF_PROG_TYPE_XDP' },
  { prefix: 'filter', type: 'BPF_PROG_TYPE_SOCKET_FILTER' },
  { prefix: 'socket', type: 'BPF_PROG_TYPE_SOCKET_FILTER' },
  { prefix: 'loadbalancer', type: 'BPF_PROG_TYPE_SOCKET_FILTER' },
  { prefix: 'lb', type: 'BPF_PROG_TYPE_SOCKET_FILTER' },
  { prefix: 'classifier', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'act', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'tc', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'from-', type: 'BPF_PROG_TYPE_SCHED_CLS' },
  { prefix: 'to-', type: 'BPF_PROG_TYPE_SCHED_CLS' },
] as const;

export const GUESS_BY_CONTEXT: Readonly<Record<string, string>> = {
  xdp_md: 'BPF_PROG_TYPE_XDP',
  __sk_buff: 'BPF_PROG_TYPE_SCHED_CLS',
  pt_regs: 'BPF_PROG_TYPE_KPROBE',
  bpf_perf_event_data: 'BPF_PROG_TYPE_PERF_EVENT',
  bpf_raw_tracepoint_args: 'BPF_PROG_TYPE_RAW_TRACEPOINT',
  bpf_sock: 'BPF_PROG_TYPE_CGROUP_SOCK',
  bpf_sock_addr: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
  bpf_sock_ops: 'BPF_PROG_TYPE_SOCK_OPS',
  sk_msg_md: 'BPF_PROG_TYPE_SK_MSG',
  sk_reuseport_md: 'BPF_PROG_TYPE_SK_REUSEPORT',
  bpf_sk_lookup: 'BPF_PROG_TYPE_SK_LOOKUP',
  bpf_sysctl: 'BPF_PROG_TYPE_CGROUP_SYSCTL',
};
