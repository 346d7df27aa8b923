/**
 * Kernel functions that programs may call: what they do with references, trust, RCU and sleep, and which programs may call
 * them. Arguments and results are not here: they follow from the prototype in the kernel's BTF.
 * Evidence: 6.12 as measured; 7.2 where its recorded answers agree. Functions that are not listed are not modelled.
 */

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
  | 'KPROBE';

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
  | 'destructive';

export interface KfuncRow {
  readonly name: string;
  readonly flags: readonly KfuncFlag[];
  readonly groups: readonly KfuncGroup[];
}

const row = (name: string, groups: readonly KfuncGroup[], ...flags: KfuncFlag[]): KfuncRow => ({
  name,
  flags,
  groups,
});

const GENERIC: readonly KfuncGroup[] = ['TRACING', 'SCHED_CLS', 'XDP', 'STRUCT_OPS', 'SYSCALL', 'CGROUP'];
const ALL: readonly KfuncGroup[] = ['all'];
const CPUMASK: readonly KfuncGroup[] = ['TRACING', 'STRUCT_OPS', 'SYSCALL'];
const TRACED: readonly KfuncGroup[] = ['TRACING'];
const SYSCALL: readonly KfuncGroup[] = ['SYSCALL'];
const CRYPTO: readonly KfuncGroup[] = ['SCHED_CLS', 'SCHED_ACT', 'XDP'];
const SKB: readonly KfuncGroup[] = [
  'SCHED_CLS',
  'SCHED_ACT',
  'SK_SKB',
  'SOCKET_FILTER',
  'CGROUP',
  'LWT',
  'NETFILTER',
  'TRACING',
];
const XDP: readonly KfuncGroup[] = ['XDP'];
const CGROUP: readonly KfuncGroup[] = ['CGROUP'];
const TC: readonly KfuncGroup[] = ['SCHED_CLS'];
const SECURITY: readonly KfuncGroup[] = ['LSM'];

export const KFUNCS: readonly KfuncRow[] = [
  row('crash_kexec', GENERIC, 'destructive'),
  row('bpf_obj_new_impl', GENERIC, 'acquire', 'retNull'),
  row('bpf_percpu_obj_new_impl', GENERIC, 'acquire', 'retNull'),
  row('bpf_obj_drop_impl', GENERIC, 'release'),
  row('bpf_percpu_obj_drop_impl', GENERIC, 'release'),
  row('bpf_refcount_acquire_impl', GENERIC, 'acquire', 'retNull', 'rcu'),
  row('bpf_list_push_front_impl', GENERIC),
  row('bpf_list_push_back_impl', GENERIC),
  row('bpf_list_pop_front', GENERIC, 'acquire', 'retNull'),
  row('bpf_list_pop_back', GENERIC, 'acquire', 'retNull'),
  row('bpf_task_acquire', GENERIC, 'acquire', 'rcu', 'retNull'),
  row('bpf_task_release', GENERIC, 'release'),
  row('bpf_rbtree_remove', GENERIC, 'acquire', 'retNull'),
  row('bpf_rbtree_add_impl', GENERIC),
  row('bpf_rbtree_first', GENERIC, 'retNull'),
  row('bpf_rbtree_root', GENERIC, 'retNull'),
  row('bpf_rbtree_left', GENERIC, 'retNull'),
  row('bpf_rbtree_right', GENERIC, 'retNull'),
  row('bpf_list_front', GENERIC, 'retNull'),
  row('bpf_list_back', GENERIC, 'retNull'),
  row('bpf_cgroup_acquire', GENERIC, 'acquire', 'rcu', 'retNull'),
  row('bpf_cgroup_release', GENERIC, 'release'),
  row('bpf_cgroup_ancestor', GENERIC, 'acquire', 'rcu', 'retNull'),
  row('bpf_cgroup_from_id', GENERIC, 'acquire', 'retNull'),
  row('bpf_task_under_cgroup', GENERIC, 'rcu'),
  row('bpf_task_get_cgroup1', GENERIC, 'acquire', 'rcu', 'retNull'),
  row('bpf_task_from_pid', GENERIC, 'acquire', 'retNull'),
  row('bpf_throw', GENERIC),
  row('bpf_cast_to_kern_ctx', ALL),
  row('bpf_rdonly_cast', ALL),
  row('bpf_rcu_read_lock', ALL),
  row('bpf_rcu_read_unlock', ALL),
  row('bpf_dynptr_slice', ALL, 'retNull'),
  row('bpf_dynptr_slice_rdwr', ALL, 'retNull'),
  row('bpf_iter_num_new', ALL, 'iterNew'),
  row('bpf_iter_num_next', ALL, 'iterNext', 'retNull'),
  row('bpf_iter_num_destroy', ALL, 'iterDestroy'),
  row('bpf_iter_task_vma_new', ALL, 'iterNew', 'rcu'),
  row('bpf_iter_task_vma_next', ALL, 'iterNext', 'retNull'),
  row('bpf_iter_task_vma_destroy', ALL, 'iterDestroy'),
  row('bpf_iter_css_task_new', ALL, 'iterNew', 'trustedArgs'),
  row('bpf_iter_css_task_next', ALL, 'iterNext', 'retNull'),
  row('bpf_iter_css_task_destroy', ALL, 'iterDestroy'),
  row('bpf_iter_css_new', ALL, 'iterNew', 'trustedArgs', 'rcuProtected'),
  row('bpf_iter_css_next', ALL, 'iterNext', 'retNull'),
  row('bpf_iter_css_destroy', ALL, 'iterDestroy'),
  row('bpf_iter_task_new', ALL, 'iterNew', 'trustedArgs', 'rcuProtected'),
  row('bpf_iter_task_next', ALL, 'iterNext', 'retNull'),
  row('bpf_iter_task_destroy', ALL, 'iterDestroy'),
  row('bpf_dynptr_adjust', ALL),
  row('bpf_dynptr_is_null', ALL),
  row('bpf_dynptr_is_rdonly', ALL),
  row('bpf_dynptr_size', ALL),
  row('bpf_dynptr_clone', ALL),
  row('bpf_wq_init', ALL),
  row('bpf_wq_set_callback_impl', ALL),
  row('bpf_wq_start', ALL),
  row('bpf_preempt_disable', ALL),
  row('bpf_preempt_enable', ALL),
  row('bpf_iter_bits_new', ALL, 'iterNew'),
  row('bpf_iter_bits_next', ALL, 'iterNext', 'retNull'),
  row('bpf_iter_bits_destroy', ALL, 'iterDestroy'),
  row('bpf_copy_from_user_str', ALL, 'sleepable'),
  row('bpf_cpumask_create', CPUMASK, 'acquire', 'retNull'),
  row('bpf_cpumask_release', CPUMASK, 'release'),
  row('bpf_cpumask_acquire', CPUMASK, 'acquire', 'trustedArgs'),
  row('bpf_cpumask_first', CPUMASK, 'rcu'),
  row('bpf_cpumask_first_zero', CPUMASK, 'rcu'),
  row('bpf_cpumask_first_and', CPUMASK, 'rcu'),
  row('bpf_cpumask_set_cpu', CPUMASK, 'rcu'),
  row('bpf_cpumask_clear_cpu', CPUMASK, 'rcu'),
  row('bpf_cpumask_test_cpu', CPUMASK, 'rcu'),
  row('bpf_cpumask_test_and_set_cpu', CPUMASK, 'rcu'),
  row('bpf_cpumask_test_and_clear_cpu', CPUMASK, 'rcu'),
  row('bpf_cpumask_setall', CPUMASK, 'rcu'),
  row('bpf_cpumask_clear', CPUMASK, 'rcu'),
  row('bpf_cpumask_and', CPUMASK, 'rcu'),
  row('bpf_cpumask_or', CPUMASK, 'rcu'),
  row('bpf_cpumask_xor', CPUMASK, 'rcu'),
  row('bpf_cpumask_equal', CPUMASK, 'rcu'),
  row('bpf_cpumask_intersects', CPUMASK, 'rcu'),
  row('bpf_cpumask_subset', CPUMASK, 'rcu'),
  row('bpf_cpumask_empty', CPUMASK, 'rcu'),
  row('bpf_cpumask_full', CPUMASK, 'rcu'),
  row('bpf_cpumask_copy', CPUMASK, 'rcu'),
  row('bpf_cpumask_any_distribute', CPUMASK, 'rcu'),
  row('bpf_cpumask_any_and_distribute', CPUMASK, 'rcu'),
  row('bpf_cpumask_weight', CPUMASK, 'rcu'),
  row('bpf_lookup_user_key', TRACED, 'acquire', 'retNull', 'sleepable'),
  row('bpf_lookup_system_key', TRACED, 'acquire', 'retNull'),
  row('bpf_key_put', TRACED, 'release'),
  row('bpf_verify_pkcs7_signature', TRACED, 'sleepable'),
  row('bpf_map_sum_elem_count', ALL, 'trustedArgs'),
  row('bpf_crypto_ctx_create', SYSCALL, 'acquire', 'retNull', 'sleepable'),
  row('bpf_crypto_ctx_release', SYSCALL, 'release'),
  row('bpf_crypto_ctx_acquire', SYSCALL, 'acquire', 'rcu', 'retNull'),
  row('bpf_crypto_decrypt', CRYPTO, 'rcu'),
  row('bpf_crypto_encrypt', CRYPTO, 'rcu'),
  row('bpf_arena_alloc_pages', ALL, 'trustedArgs', 'sleepable'),
  row('bpf_arena_free_pages', ALL, 'trustedArgs', 'sleepable'),
  row('bpf_dynptr_from_skb', SKB, 'trustedArgs'),
  row('bpf_dynptr_from_xdp', XDP),
  row('bpf_sock_addr_set_sun_path', CGROUP),
  row('bpf_sk_assign_tcp_reqsk', TC, 'trustedArgs'),
  row('bpf_get_task_exe_file', SECURITY, 'acquire', 'trustedArgs', 'retNull'),
  row('bpf_put_file', SECURITY, 'release'),
  row('bpf_path_d_path', SECURITY, 'trustedArgs'),
  row('bpf_get_dentry_xattr', SECURITY, 'sleepable', 'trustedArgs'),
  row('bpf_get_file_xattr', SECURITY, 'sleepable', 'trustedArgs'),
];

const byName = new Map(KFUNCS.map((entry) => [entry.name, entry]));

export const kfuncByName = (name: string): KfuncRow | undefined => byName.get(name);

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

/** Whether programs of that type may call it. */
export const kfuncAllowed = (entry: KfuncRow, programType: string): boolean =>
  entry.groups.some((group) => group === 'all' || (GROUPS_OF[programType] ?? []).includes(group));

/** Functions that run a callback before they return, and such that register one for later. */
export const SYNC_CALLBACK_KFUNCS: ReadonlySet<string> = new Set(['bpf_rbtree_add_impl']);
export const ASYNC_CALLBACK_KFUNCS: ReadonlySet<string> = new Set(['bpf_wq_set_callback_impl']);

/** Functions on trees. */
export const TREE_KFUNCS: ReadonlySet<string> = new Set([
  'bpf_rbtree_add_impl',
  'bpf_rbtree_first',
  'bpf_rbtree_remove',
  'bpf_rbtree_root',
  'bpf_rbtree_left',
  'bpf_rbtree_right',
]);

/** Functions on linked lists and trees: callable with a lock held. */
export const UNDER_LOCK: ReadonlySet<string> = new Set([
  'bpf_list_push_front_impl',
  'bpf_list_push_back_impl',
  'bpf_list_pop_front',
  'bpf_list_pop_back',
  'bpf_list_front',
  'bpf_list_back',
  ...TREE_KFUNCS,
  'bpf_refcount_acquire_impl',
]);
