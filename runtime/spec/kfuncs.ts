/**
 * Kernel functions that programs may call: what they do with references, trust, RCU and sleep, and which programs may call
 * them. Arguments and results are not here: they follow from the prototype in the kernel's BTF.
 * Evidence: 6.12 as measured; 7.2 where its recorded answers agree. Functions that are not listed are not modelled.
 */
import { KFUNC_ROWS } from './kfuncRows';
import { isSince, type Profile } from './profile';

/** Groups of program types as kernels register functions for them. */
export type KfuncGroup =
  | 'all'
  | 'TRACING'
  | 'LSM'
  | 'SCHED_CLS'
  | 'SCHED_ACT'
  | 'XDP'
  | 'STRUCT_OPS'
  | 'SYSCALL'
  | 'CGROUP'
  | 'SK_SKB'
  | 'SOCKET_FILTER'
  | 'LWT'
  | 'NETFILTER'
  | 'KPROBE'
  /** Iterators only. */
  | 'ITER';

export type KfuncFlag =
  /** Returns a reference that must be released. */
  | 'acquire'
  /** Takes the reference of an argument. */
  | 'release'
  | 'retNull'
  | 'sleepable'
  /** Pointers must be trusted and not NULL. */
  | 'trustedArgs'
  /** Pointers must be trusted or RCU-protected, and not NULL. */
  | 'rcu'
  /** Only within an RCU section. */
  | 'rcuProtected'
  | 'iterNew'
  | 'iterNext'
  | 'iterDestroy'
  | 'destructive'
  /** Only in programs that are bound to a device. */
  | 'deviceBound';

export interface KfuncRow {
  readonly name: string;
  readonly flags: readonly KfuncFlag[];
  readonly groups: readonly KfuncGroup[];
  /** First profile in which the row holds, and the first in which it does not any more. */
  readonly since?: string;
  readonly until?: string;
}

/** All rows that hold for a kernel, by name. */
const tables = new Map<string, ReadonlyMap<string, KfuncRow>>();

function tableOf(profile: Profile): ReadonlyMap<string, KfuncRow> {
  let table = tables.get(profile.name);
  if (table === undefined) {
    const here = KFUNC_ROWS.filter(
      (entry) =>
        isSince(profile, entry.since) && (entry.until === undefined || !isSince(profile, entry.until)),
    );
    tables.set(profile.name, (table = new Map(here.map((entry) => [entry.name, entry]))));
  }
  return table;
}

/** What a kernel function does on that kernel; undefined when it is not listed there. */
export const kfuncByName = (profile: Profile, name: string): KfuncRow | undefined =>
  tableOf(profile).get(name);

/** The groups that a program type belongs to, as the kernel looks functions up. */
const GROUPS_OF: Readonly<Record<string, readonly KfuncGroup[]>> = {
  BPF_PROG_TYPE_XDP: ['XDP'],
  BPF_PROG_TYPE_SCHED_CLS: ['SCHED_CLS'],
  BPF_PROG_TYPE_STRUCT_OPS: ['STRUCT_OPS'],
  BPF_PROG_TYPE_TRACING: ['TRACING'],
  BPF_PROG_TYPE_TRACEPOINT: ['TRACING'],
  BPF_PROG_TYPE_PERF_EVENT: ['TRACING'],
  BPF_PROG_TYPE_LSM: ['TRACING', 'LSM'],
  BPF_PROG_TYPE_SYSCALL: ['SYSCALL'],
  BPF_PROG_TYPE_CGROUP_SKB: ['CGROUP'],
  BPF_PROG_TYPE_CGROUP_SOCK: ['CGROUP'],
  BPF_PROG_TYPE_CGROUP_DEVICE: ['CGROUP'],
  BPF_PROG_TYPE_CGROUP_SOCK_ADDR: ['CGROUP'],
  BPF_PROG_TYPE_CGROUP_SOCKOPT: ['CGROUP'],
  BPF_PROG_TYPE_CGROUP_SYSCTL: ['CGROUP'],
  BPF_PROG_TYPE_SCHED_ACT: ['SCHED_ACT'],
  BPF_PROG_TYPE_SK_SKB: ['SK_SKB'],
  BPF_PROG_TYPE_SOCKET_FILTER: ['SOCKET_FILTER'],
  BPF_PROG_TYPE_LWT_OUT: ['LWT'],
  BPF_PROG_TYPE_LWT_IN: ['LWT'],
  BPF_PROG_TYPE_LWT_XMIT: ['LWT'],
  BPF_PROG_TYPE_LWT_SEG6LOCAL: ['LWT'],
  BPF_PROG_TYPE_NETFILTER: ['NETFILTER'],
  BPF_PROG_TYPE_KPROBE: ['KPROBE'],
};

/** Program types that newer kernels count to a group. */
const NEW_GROUPS_OF: Readonly<Record<string, readonly KfuncGroup[]>> = {
  BPF_PROG_TYPE_RAW_TRACEPOINT: ['TRACING'],
  BPF_PROG_TYPE_SOCK_OPS: ['CGROUP'],
};

/** Whether programs of that type, attached in that way, may call it. */
export function kfuncAllowed(
  entry: KfuncRow,
  profile: Profile,
  programType: string,
  attachType: string | undefined,
): boolean {
  const groups = [
    ...(GROUPS_OF[programType] ?? []),
    ...(isSince(profile, '7.2') ? (NEW_GROUPS_OF[programType] ?? []) : []),
    ...(attachType === 'BPF_TRACE_ITER' ? (['ITER'] as const) : []),
  ];
  return entry.groups.some((group) => group === 'all' || groups.includes(group));
}

const names = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/));

/** Functions that run a callback before they return, and such that register one for later. */
export const SYNC_CALLBACK_KFUNCS = names('bpf_rbtree_add_impl bpf_rbtree_add');
export const ASYNC_CALLBACK_KFUNCS = names(
  `bpf_wq_set_callback_impl bpf_wq_set_callback bpf_task_work_schedule_signal bpf_task_work_schedule_resume`,
);

/** Functions on trees. */
export const TREE_KFUNCS = names(
  `bpf_rbtree_add_impl bpf_rbtree_add bpf_rbtree_first bpf_rbtree_remove bpf_rbtree_root bpf_rbtree_left
   bpf_rbtree_right`,
);

/** Functions that hand an owned object over to a list or tree. */
export const LINKING_KFUNCS = names(
  `bpf_list_push_front_impl bpf_list_push_back_impl bpf_rbtree_add_impl bpf_list_push_front bpf_list_push_back
   bpf_list_add bpf_rbtree_add`,
);

/** Functions that may be called with a lock held: those on linked lists and trees. */
export const UNDER_LOCK: ReadonlySet<string> = new Set([
  ...TREE_KFUNCS,
  ...LINKING_KFUNCS,
  ...names(
    `bpf_list_pop_front bpf_list_pop_back bpf_list_front bpf_list_back bpf_list_del bpf_list_is_first
     bpf_list_is_last bpf_list_empty bpf_refcount_acquire_impl bpf_refcount_acquire bpf_res_spin_lock
     bpf_res_spin_unlock bpf_res_spin_lock_irqsave bpf_res_spin_unlock_irqrestore`,
  ),
]);
