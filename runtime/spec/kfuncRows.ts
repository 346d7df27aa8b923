/**
 * The rows of `kfuncs.ts`: kernel functions of 6.12 and newer by who may call them.
 * Evidence: every function was called from programs of 29 types on 6.12 and 7.2; what else holds of it is documented.
 */
import type { KfuncFlag, KfuncGroup, KfuncRow } from './kfuncs';

interface Range {
  readonly since?: string;
  readonly until?: string;
}

/** Functions with the same callers and flags, by name, separated by blanks. */
const rows = (
  groups: readonly KfuncGroup[],
  flags: readonly KfuncFlag[],
  names: string,
  range: Range = {},
): KfuncRow[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name, flags, groups, since: '6.12', ...range }));

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
const STRUCT_OPS: readonly KfuncGroup[] = ['STRUCT_OPS'];
const CONNTRACK: readonly KfuncGroup[] = ['XDP', 'SCHED_CLS'];
const TESTED: readonly KfuncGroup[] = ['SCHED_CLS', 'TRACING', 'SYSCALL'];
const NOBODY: readonly KfuncGroup[] = [];

const NEW: Range = { since: '6.18' };
/** Mainline 6.19 and 7.0. */
const NEWEST: Range = { since: '7.2' };

const OBJECTS: readonly KfuncRow[] = [
  ...rows(GENERIC, ['acquire', 'retNull'], 'bpf_obj_new_impl bpf_percpu_obj_new_impl'),
  ...rows(GENERIC, ['release'], 'bpf_obj_drop_impl bpf_percpu_obj_drop_impl'),
  ...rows(GENERIC, ['acquire', 'retNull', 'rcu'], 'bpf_refcount_acquire_impl'),
  ...rows(GENERIC, [], 'bpf_list_push_front_impl bpf_list_push_back_impl bpf_rbtree_add_impl'),
  ...rows(GENERIC, ['acquire', 'retNull'], 'bpf_list_pop_front bpf_list_pop_back bpf_rbtree_remove'),
  ...rows(GENERIC, ['retNull'], 'bpf_rbtree_first'),
  ...rows(
    GENERIC,
    ['retNull'],
    'bpf_rbtree_root bpf_rbtree_left bpf_rbtree_right bpf_list_front bpf_list_back',
    NEW,
  ),
  // 7.2 has the same functions without the arguments that the kernel fills in itself
  ...rows(GENERIC, ['acquire', 'retNull'], 'bpf_obj_new bpf_percpu_obj_new', NEW),
  ...rows(GENERIC, ['release'], 'bpf_obj_drop bpf_percpu_obj_drop', NEW),
  ...rows(GENERIC, ['acquire', 'retNull', 'rcu'], 'bpf_refcount_acquire', NEW),
  ...rows(GENERIC, [], 'bpf_list_push_front bpf_list_push_back bpf_rbtree_add', NEW),
  ...rows(GENERIC, ['acquire', 'retNull'], 'bpf_list_del', NEW),
  ...rows(GENERIC, [], 'bpf_list_add bpf_list_is_first bpf_list_is_last bpf_list_empty', NEW),
];

const TASKS: readonly KfuncRow[] = [
  ...rows(GENERIC, ['destructive'], 'crash_kexec'),
  ...rows(
    GENERIC,
    ['acquire', 'rcu', 'retNull'],
    'bpf_task_acquire bpf_cgroup_acquire bpf_cgroup_ancestor bpf_task_get_cgroup1',
  ),
  ...rows(GENERIC, ['release'], 'bpf_task_release bpf_cgroup_release'),
  ...rows(GENERIC, ['acquire', 'retNull'], 'bpf_cgroup_from_id bpf_task_from_pid'),
  ...rows(GENERIC, ['acquire', 'retNull'], 'bpf_task_from_vpid', NEW),
  ...rows(GENERIC, ['rcu'], 'bpf_task_under_cgroup'),
  ...rows(GENERIC, [], 'bpf_throw'),
  ...rows(GENERIC, [], 'bpf_send_signal_task', NEW),
];

const COMMON: readonly KfuncRow[] = [
  ...rows(ALL, [], 'bpf_cast_to_kern_ctx bpf_rdonly_cast bpf_rcu_read_lock bpf_rcu_read_unlock'),
  ...rows(ALL, [], 'bpf_preempt_disable bpf_preempt_enable'),
  ...rows(ALL, ['retNull'], 'bpf_dynptr_slice bpf_dynptr_slice_rdwr'),
  ...rows(ALL, ['iterNew'], 'bpf_iter_num_new bpf_iter_bits_new'),
  ...rows(ALL, ['iterNew', 'rcu'], 'bpf_iter_task_vma_new'),
  ...rows(ALL, ['iterNew', 'trustedArgs'], 'bpf_iter_css_task_new'),
  ...rows(ALL, ['iterNew', 'trustedArgs', 'rcuProtected'], 'bpf_iter_css_new bpf_iter_task_new'),
  ...rows(
    ALL,
    ['iterNext', 'retNull'],
    'bpf_iter_num_next bpf_iter_bits_next bpf_iter_task_vma_next bpf_iter_css_task_next bpf_iter_css_next bpf_iter_task_next',
  ),
  ...rows(
    ALL,
    ['iterDestroy'],
    'bpf_iter_num_destroy bpf_iter_bits_destroy bpf_iter_task_vma_destroy bpf_iter_css_task_destroy bpf_iter_css_destroy bpf_iter_task_destroy',
  ),
  ...rows(ALL, ['iterNew', 'sleepable'], 'bpf_iter_kmem_cache_new bpf_iter_dmabuf_new', NEW),
  ...rows(ALL, ['iterNext', 'retNull', 'sleepable'], 'bpf_iter_kmem_cache_next bpf_iter_dmabuf_next', NEW),
  ...rows(ALL, ['iterDestroy', 'sleepable'], 'bpf_iter_kmem_cache_destroy bpf_iter_dmabuf_destroy', NEW),
  ...rows(
    ALL,
    [],
    'bpf_dynptr_adjust bpf_dynptr_is_null bpf_dynptr_is_rdonly bpf_dynptr_size bpf_dynptr_clone',
  ),
  ...rows(ALL, [], 'bpf_dynptr_copy bpf_dynptr_memset', NEW),
  ...rows(ALL, [], 'bpf_dynptr_from_file bpf_dynptr_file_discard', NEWEST),
  ...rows(ALL, [], 'bpf_wq_init bpf_wq_set_callback_impl bpf_wq_start'),
  ...rows(ALL, [], 'bpf_wq_set_callback bpf_timer_cancel_async', NEWEST),
  ...rows(ALL, [], 'bpf_task_work_schedule_signal bpf_task_work_schedule_resume', NEW),
  ...rows(ALL, [], 'bpf_modify_return_test_tp'),
  ...rows(ALL, ['sleepable'], 'bpf_copy_from_user_str'),
  ...rows(ALL, ['sleepable'], 'bpf_copy_from_user_task_str', NEW),
  ...rows(ALL, [], 'bpf_local_irq_save bpf_local_irq_restore', NEW),
  ...rows(ALL, ['retNull'], 'bpf_res_spin_lock bpf_res_spin_lock_irqsave', NEW),
  ...rows(ALL, [], 'bpf_res_spin_unlock bpf_res_spin_unlock_irqrestore', NEW),
  ...rows(
    ALL,
    [],
    `bpf_probe_read_user_dynptr bpf_probe_read_kernel_dynptr bpf_probe_read_user_str_dynptr
     bpf_probe_read_kernel_str_dynptr`,
    NEW,
  ),
  ...rows(
    ALL,
    ['sleepable'],
    `bpf_copy_from_user_dynptr bpf_copy_from_user_str_dynptr bpf_copy_from_user_task_dynptr
     bpf_copy_from_user_task_str_dynptr`,
    NEW,
  ),
  ...rows(
    ALL,
    [],
    `__bpf_trap bpf_strcmp bpf_strcasecmp bpf_strncasecmp bpf_strchr bpf_strchrnul bpf_strnchr bpf_strrchr
     bpf_strlen bpf_strnlen bpf_strspn bpf_strcspn bpf_strstr bpf_strcasestr bpf_strnstr bpf_strncasestr`,
    NEW,
  ),
  ...rows(ALL, ['rcu'], 'bpf_cgroup_read_xattr', NEW),
  ...rows(ALL, [], 'bpf_stream_vprintk bpf_stream_print_stack bpf_get_kmem_cache', NEW),
  ...rows(ALL, ['acquire', 'retNull'], 'bpf_get_root_mem_cgroup', NEW),
  ...rows(ALL, ['acquire', 'retNull', 'rcu'], 'bpf_get_mem_cgroup', NEW),
  ...rows(ALL, ['release'], 'bpf_put_mem_cgroup', NEW),
  ...rows(
    ALL,
    [],
    'bpf_mem_cgroup_memory_events bpf_mem_cgroup_page_state bpf_mem_cgroup_usage bpf_mem_cgroup_vm_events',
    NEW,
  ),
  ...rows(ALL, ['sleepable'], 'bpf_mem_cgroup_flush_stats', NEW),
  ...rows(ALL, ['trustedArgs'], 'bpf_map_sum_elem_count'),
  ...rows(ALL, ['trustedArgs', 'sleepable'], 'bpf_arena_alloc_pages bpf_arena_free_pages', { until: '6.18' }),
  ...rows(ALL, [], 'bpf_arena_alloc_pages bpf_arena_free_pages bpf_arena_reserve_pages', NEW),
];

const CPUMASKS: readonly KfuncRow[] = [
  ...rows(CPUMASK, ['acquire', 'retNull'], 'bpf_cpumask_create'),
  ...rows(CPUMASK, ['release'], 'bpf_cpumask_release'),
  ...rows(CPUMASK, ['acquire', 'trustedArgs'], 'bpf_cpumask_acquire'),
  ...rows(
    CPUMASK,
    ['rcu'],
    `bpf_cpumask_first bpf_cpumask_first_zero bpf_cpumask_first_and bpf_cpumask_set_cpu bpf_cpumask_clear_cpu
     bpf_cpumask_test_cpu bpf_cpumask_test_and_set_cpu bpf_cpumask_test_and_clear_cpu bpf_cpumask_setall
     bpf_cpumask_clear bpf_cpumask_and bpf_cpumask_or bpf_cpumask_xor bpf_cpumask_equal bpf_cpumask_intersects
     bpf_cpumask_subset bpf_cpumask_empty bpf_cpumask_full bpf_cpumask_copy bpf_cpumask_any_distribute
     bpf_cpumask_any_and_distribute bpf_cpumask_weight`,
  ),
  ...rows(CPUMASK, ['rcu'], 'bpf_cpumask_populate', NEW),
];

const SECURITY_ROWS: readonly KfuncRow[] = [
  ...rows(TRACED, ['acquire', 'retNull', 'sleepable'], 'bpf_lookup_user_key', { until: '6.18' }),
  ...rows(TRACED, ['acquire', 'retNull'], 'bpf_lookup_system_key', { until: '6.18' }),
  ...rows(TRACED, ['release'], 'bpf_key_put', { until: '6.18' }),
  ...rows(TRACED, ['sleepable'], 'bpf_verify_pkcs7_signature', { until: '6.18' }),
  ...rows(GENERIC, ['acquire', 'retNull', 'sleepable'], 'bpf_lookup_user_key', NEW),
  ...rows(GENERIC, ['acquire', 'retNull'], 'bpf_lookup_system_key', NEW),
  ...rows(GENERIC, ['release'], 'bpf_key_put', NEW),
  ...rows(GENERIC, ['sleepable'], 'bpf_verify_pkcs7_signature', NEW),
  ...rows(SYSCALL, ['acquire', 'retNull', 'sleepable'], 'bpf_crypto_ctx_create'),
  ...rows(SYSCALL, ['release'], 'bpf_crypto_ctx_release'),
  ...rows(SYSCALL, ['acquire', 'rcu', 'retNull'], 'bpf_crypto_ctx_acquire'),
  ...rows(CRYPTO, ['rcu'], 'bpf_crypto_decrypt bpf_crypto_encrypt'),
  ...rows(SECURITY, ['acquire', 'trustedArgs', 'retNull'], 'bpf_get_task_exe_file'),
  ...rows(SECURITY, ['release'], 'bpf_put_file'),
  ...rows(SECURITY, ['trustedArgs'], 'bpf_path_d_path bpf_get_fsverity_digest'),
  ...rows(SECURITY, ['sleepable', 'trustedArgs'], 'bpf_get_dentry_xattr bpf_get_file_xattr'),
  ...rows(SECURITY, ['sleepable'], 'bpf_set_dentry_xattr bpf_remove_dentry_xattr', NEW),
];

const NETWORK: readonly KfuncRow[] = [
  ...rows(SKB, ['trustedArgs'], 'bpf_dynptr_from_skb').map((row) => ({ ...row, operations: ['Qdisc_ops'] })),
  ...rows(['SCHED_CLS', 'SCHED_ACT'], [], 'bpf_dynptr_from_skb_meta', NEW),
  ...rows(XDP, [], 'bpf_dynptr_from_xdp'),
  ...rows(XDP, ['changesPacket'], 'bpf_xdp_pull_data', NEW),
  ...rows(
    ALL,
    ['trustedArgs', 'deviceBound'],
    'bpf_xdp_metadata_rx_timestamp bpf_xdp_metadata_rx_hash bpf_xdp_metadata_rx_vlan_tag',
  ),
  ...rows(XDP, ['acquire', 'retNull'], 'bpf_xdp_get_xfrm_state'),
  ...rows(XDP, ['release'], 'bpf_xdp_xfrm_state_release'),
  ...rows(CGROUP, [], 'bpf_sock_addr_set_sun_path'),
  ...rows(CGROUP, [], 'bpf_sock_ops_enable_tx_tstamp', NEW),
  ...rows(TC, ['trustedArgs'], 'bpf_sk_assign_tcp_reqsk'),
  ...rows(['ITER'], ['trustedArgs'], 'bpf_sock_destroy'),
  ...rows(TRACED, [], 'cgroup_rstat_updated', { until: '6.18' }),
  ...rows(TRACED, ['sleepable'], 'cgroup_rstat_flush', { until: '6.18' }),
  ...rows(TRACED, [], 'css_rstat_updated', NEW),
  ...rows(TRACED, ['sleepable'], 'css_rstat_flush', NEW),
  ...rows(
    STRUCT_OPS,
    [],
    `tcp_reno_ssthresh tcp_reno_cong_avoid tcp_reno_undo_cwnd tcp_slow_start tcp_cong_avoid_ai cubictcp_init
     cubictcp_recalc_ssthresh cubictcp_cong_avoid cubictcp_state cubictcp_cwnd_event
     cubictcp_cwnd_event_tx_start cubictcp_acked`,
  ),
  // of the modules for connection tracking
  ...rows(
    CONNTRACK,
    ['acquire', 'retNull'],
    'bpf_xdp_ct_alloc bpf_xdp_ct_lookup bpf_skb_ct_alloc bpf_skb_ct_lookup',
  ),
  ...rows(CONNTRACK, ['acquire', 'retNull', 'release'], 'bpf_ct_insert_entry'),
  ...rows(CONNTRACK, ['release'], 'bpf_ct_release'),
  ...rows(
    CONNTRACK,
    ['trustedArgs'],
    'bpf_ct_set_timeout bpf_ct_change_timeout bpf_ct_set_status bpf_ct_change_status bpf_ct_set_nat_info',
  ),
  // for the kernel's own tests
  ...rows(TESTED, ['release'], 'bpf_kfunc_call_test_release bpf_kfunc_call_memb_release'),
  ...rows(NOBODY, [], 'bpf_modify_return_test bpf_modify_return_test2'),
  ...rows(NOBODY, ['sleepable'], 'bpf_fentry_test1'),
];

export const KFUNC_ROWS: readonly KfuncRow[] = [
  ...OBJECTS,
  ...TASKS,
  ...COMMON,
  ...CPUMASKS,
  ...SECURITY_ROWS,
  ...NETWORK,
];
