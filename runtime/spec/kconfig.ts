/**
 * Options of the measured kernels' configuration that programs ask for with `extern … __kconfig`. Not the whole of it: an
 * option that is not here is unknown, which is another thing than unset.
 *
 * Evidence: the configuration files of the three measured kernels. Profiles by facts take the nearest of them.
 */
import type { Profile } from './profile';

/** Values on 6.1, 6.12 and 7.2; undefined: not set there. */
type Row = readonly [v6_1: string | undefined, v6_12: string | undefined, v7_2: string | undefined];

const COLUMN: Readonly<Record<string, 0 | 1 | 2>> = {
  '5.15': 0,
  '6.1': 0,
  '6.6': 1,
  '6.12': 1,
  '6.18': 2,
  '7.2': 2,
};

export const KCONFIG: Readonly<Record<string, Row>> = {
  CONFIG_64BIT: ['y', 'y', 'y'],
  CONFIG_ARCH_HAS_SYSCALL_WRAPPER: ['y', 'y', 'y'],
  CONFIG_AUDIT: ['y', 'y', 'y'],
  CONFIG_BLK_CGROUP: ['y', 'y', 'y'],
  CONFIG_BLK_DEV_IO_TRACE: ['y', 'y', 'y'],
  CONFIG_BPF: ['y', 'y', 'y'],
  CONFIG_BPF_EVENTS: ['y', 'y', 'y'],
  CONFIG_BPF_JIT: ['y', 'y', 'y'],
  CONFIG_BPF_JIT_DEFAULT_ON: ['y', 'y', 'y'],
  CONFIG_BPF_LSM: ['y', 'y', 'y'],
  CONFIG_BPF_STREAM_PARSER: ['y', 'y', 'y'],
  CONFIG_BPF_SYSCALL: ['y', 'y', 'y'],
  CONFIG_BPF_UNPRIV_DEFAULT_OFF: ['y', 'y', 'y'],
  CONFIG_CC_IS_GCC: ['y', 'y', 'y'],
  CONFIG_CFS_BANDWIDTH: ['y', 'y', 'y'],
  CONFIG_CGROUPS: ['y', 'y', 'y'],
  CONFIG_CGROUP_BPF: ['y', 'y', 'y'],
  CONFIG_CGROUP_SCHED: ['y', 'y', 'y'],
  CONFIG_CLANG_VERSION: ['0', '0', '0'],
  CONFIG_DEBUG_INFO_BTF: ['y', 'y', 'y'],
  CONFIG_DEBUG_INFO_BTF_MODULES: ['y', 'y', 'y'],
  CONFIG_DEFAULT_HOSTNAME: ['"(none)"', '"(none)"', '"(none)"'],
  CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS: ['y', 'y', 'y'],
  CONFIG_FAIR_GROUP_SCHED: ['y', 'y', 'y'],
  CONFIG_FPROBE: [undefined, 'y', 'y'],
  CONFIG_FTRACE: ['y', 'y', 'y'],
  CONFIG_FTRACE_SYSCALLS: ['y', 'y', 'y'],
  CONFIG_FUNCTION_TRACER: ['y', 'y', 'y'],
  CONFIG_GCC_VERSION: ['120200', '120200', '160200'],
  CONFIG_HIGH_RES_TIMERS: ['y', 'y', 'y'],
  CONFIG_HZ: ['250', '250', '250'],
  CONFIG_INET: ['y', 'y', 'y'],
  CONFIG_IO_URING: ['y', 'y', 'y'],
  CONFIG_IPV6: ['y', 'y', 'y'],
  CONFIG_KPROBES: ['y', 'y', 'y'],
  CONFIG_LOCALVERSION: ['""', '""', '""'],
  CONFIG_MEMCG: ['y', 'y', 'y'],
  CONFIG_MPTCP: ['y', 'y', 'y'],
  CONFIG_NAMESPACES: ['y', 'y', 'y'],
  CONFIG_NET: ['y', 'y', 'y'],
  CONFIG_NETFILTER: ['y', 'y', 'y'],
  CONFIG_NET_ACT_BPF: ['m', 'm', 'm'],
  CONFIG_NET_CLS_BPF: ['m', 'm', 'm'],
  CONFIG_NET_NS: ['y', 'y', 'y'],
  CONFIG_NET_SCH_FQ: ['m', 'm', 'm'],
  CONFIG_NET_SCH_HTB: ['m', 'm', 'm'],
  CONFIG_NF_CONNTRACK: ['m', 'm', 'm'],
  CONFIG_NF_CONNTRACK_MARK: ['y', 'y', 'y'],
  CONFIG_NO_HZ_FULL: ['y', 'y', 'y'],
  CONFIG_NR_CPUS: ['8192', '8192', '8192'],
  CONFIG_NUMA: ['y', 'y', 'y'],
  CONFIG_PGTABLE_LEVELS: ['5', '5', '5'],
  CONFIG_PID_NS: ['y', 'y', 'y'],
  CONFIG_PREEMPT_COUNT: ['y', 'y', 'y'],
  CONFIG_PREEMPT_DYNAMIC: ['y', 'y', 'y'],
  CONFIG_PREEMPT_LAZY: [undefined, undefined, 'y'],
  CONFIG_PREEMPT_RCU: ['y', 'y', 'y'],
  CONFIG_PREEMPT_VOLUNTARY: ['y', 'y', undefined],
  CONFIG_PSI: ['y', 'y', 'y'],
  CONFIG_RANDOMIZE_BASE: ['y', 'y', 'y'],
  CONFIG_SCHED_CLASS_EXT: [undefined, undefined, 'y'],
  CONFIG_SECCOMP: ['y', 'y', 'y'],
  CONFIG_SECURITY: ['y', 'y', 'y'],
  CONFIG_SLUB: ['y', 'y', 'y'],
  CONFIG_SMP: ['y', 'y', 'y'],
  CONFIG_SWAP: ['y', 'y', 'y'],
  CONFIG_TASKSTATS: ['y', 'y', 'y'],
  CONFIG_TASK_DELAY_ACCT: ['y', 'y', 'y'],
  CONFIG_TCP_CONG_BBR: ['m', 'm', 'm'],
  CONFIG_TCP_CONG_DCTCP: ['m', 'm', 'm'],
  CONFIG_THREAD_INFO_IN_TASK: ['y', 'y', 'y'],
  CONFIG_TRANSPARENT_HUGEPAGE: ['y', 'y', 'y'],
  CONFIG_UPROBES: ['y', 'y', 'y'],
  CONFIG_USER_NS: ['y', 'y', 'y'],
  CONFIG_VLAN_8021Q: ['m', 'm', 'm'],
  CONFIG_VMAP_STACK: ['y', 'y', 'y'],
  CONFIG_X86: ['y', 'y', 'y'],
  CONFIG_X86_64: ['y', 'y', 'y'],
  CONFIG_XDP_SOCKETS: ['y', 'y', 'y'],
};

/** What is known of a profile's configuration, as text of a config file: `CONFIG_HZ` → `250`; an unset option is `n`. */
export function kconfigOf(profile: Profile): ReadonlyMap<string, string> {
  const column = COLUMN[profile.name] ?? 1;
  const known = new Map<string, string>();
  for (const [name, row] of Object.entries(KCONFIG)) known.set(name, row[column] ?? 'n');
  known.set('CONFIG_HZ', String(profile.hz));
  return known;
}
