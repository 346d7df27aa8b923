/**
 * Attach types: numbers and names of `enum bpf_attach_type`. Evidence: the BTF of 6.1.192, 6.12.117 and 7.2.13;
 * `since` of the profiles between them by mainline history.
 */
export interface AttachTypeRow {
  readonly id: number;
  readonly name: string;
  /** First profile that knows it; absent: all. */
  readonly since?: string;
}

/** What number 0 names, and with it programs that are loaded without an attach type. */
export const NO_ATTACH_TYPE = 'BPF_CGROUP_INET_INGRESS';

export const ATTACH_TYPES = [
  { id: 0, name: 'BPF_CGROUP_INET_INGRESS' },
  { id: 1, name: 'BPF_CGROUP_INET_EGRESS' },
  { id: 2, name: 'BPF_CGROUP_INET_SOCK_CREATE' },
  { id: 3, name: 'BPF_CGROUP_SOCK_OPS' },
  { id: 4, name: 'BPF_SK_SKB_STREAM_PARSER' },
  { id: 5, name: 'BPF_SK_SKB_STREAM_VERDICT' },
  { id: 6, name: 'BPF_CGROUP_DEVICE' },
  { id: 7, name: 'BPF_SK_MSG_VERDICT' },
  { id: 8, name: 'BPF_CGROUP_INET4_BIND' },
  { id: 9, name: 'BPF_CGROUP_INET6_BIND' },
  { id: 10, name: 'BPF_CGROUP_INET4_CONNECT' },
  { id: 11, name: 'BPF_CGROUP_INET6_CONNECT' },
  { id: 12, name: 'BPF_CGROUP_INET4_POST_BIND' },
  { id: 13, name: 'BPF_CGROUP_INET6_POST_BIND' },
  { id: 14, name: 'BPF_CGROUP_UDP4_SENDMSG' },
  { id: 15, name: 'BPF_CGROUP_UDP6_SENDMSG' },
  { id: 16, name: 'BPF_LIRC_MODE2' },
  { id: 17, name: 'BPF_FLOW_DISSECTOR' },
  { id: 18, name: 'BPF_CGROUP_SYSCTL' },
  { id: 19, name: 'BPF_CGROUP_UDP4_RECVMSG' },
  { id: 20, name: 'BPF_CGROUP_UDP6_RECVMSG' },
  { id: 21, name: 'BPF_CGROUP_GETSOCKOPT' },
  { id: 22, name: 'BPF_CGROUP_SETSOCKOPT' },
  { id: 23, name: 'BPF_TRACE_RAW_TP' },
  { id: 24, name: 'BPF_TRACE_FENTRY' },
  { id: 25, name: 'BPF_TRACE_FEXIT' },
  { id: 26, name: 'BPF_MODIFY_RETURN' },
  { id: 27, name: 'BPF_LSM_MAC' },
  { id: 28, name: 'BPF_TRACE_ITER' },
  { id: 29, name: 'BPF_CGROUP_INET4_GETPEERNAME' },
  { id: 30, name: 'BPF_CGROUP_INET6_GETPEERNAME' },
  { id: 31, name: 'BPF_CGROUP_INET4_GETSOCKNAME' },
  { id: 32, name: 'BPF_CGROUP_INET6_GETSOCKNAME' },
  { id: 33, name: 'BPF_XDP_DEVMAP' },
  { id: 34, name: 'BPF_CGROUP_INET_SOCK_RELEASE' },
  { id: 35, name: 'BPF_XDP_CPUMAP' },
  { id: 36, name: 'BPF_SK_LOOKUP' },
  { id: 37, name: 'BPF_XDP' },
  { id: 38, name: 'BPF_SK_SKB_VERDICT' },
  { id: 39, name: 'BPF_SK_REUSEPORT_SELECT' },
  { id: 40, name: 'BPF_SK_REUSEPORT_SELECT_OR_MIGRATE' },
  { id: 41, name: 'BPF_PERF_EVENT' },
  { id: 42, name: 'BPF_TRACE_KPROBE_MULTI', since: '6.1' },
  { id: 43, name: 'BPF_LSM_CGROUP', since: '6.1' },
  { id: 44, name: 'BPF_STRUCT_OPS', since: '6.6' },
  { id: 45, name: 'BPF_NETFILTER', since: '6.6' },
  { id: 46, name: 'BPF_TCX_INGRESS', since: '6.6' },
  { id: 47, name: 'BPF_TCX_EGRESS', since: '6.6' },
  { id: 48, name: 'BPF_TRACE_UPROBE_MULTI', since: '6.6' },
  { id: 49, name: 'BPF_CGROUP_UNIX_CONNECT', since: '6.12' },
  { id: 50, name: 'BPF_CGROUP_UNIX_SENDMSG', since: '6.12' },
  { id: 51, name: 'BPF_CGROUP_UNIX_RECVMSG', since: '6.12' },
  { id: 52, name: 'BPF_CGROUP_UNIX_GETPEERNAME', since: '6.12' },
  { id: 53, name: 'BPF_CGROUP_UNIX_GETSOCKNAME', since: '6.12' },
  { id: 54, name: 'BPF_NETKIT_PRIMARY', since: '6.12' },
  { id: 55, name: 'BPF_NETKIT_PEER', since: '6.12' },
  { id: 56, name: 'BPF_TRACE_KPROBE_SESSION', since: '6.12' },
  { id: 57, name: 'BPF_TRACE_UPROBE_SESSION', since: '6.18' },
  { id: 58, name: 'BPF_TRACE_FSESSION', since: '7.2' },
  { id: 59, name: 'BPF_TRACE_FENTRY_MULTI', since: '7.2' },
  { id: 60, name: 'BPF_TRACE_FEXIT_MULTI', since: '7.2' },
  { id: 61, name: 'BPF_TRACE_FSESSION_MULTI', since: '7.2' },
] as const satisfies readonly AttachTypeRow[];

const byName = new Map<string, AttachTypeRow>(ATTACH_TYPES.map((row) => [row.name, row]));

/** The row of `BPF_TRACE_FENTRY` and so on. */
export const attachTypeByName = (name: string): AttachTypeRow | undefined => byName.get(name);
