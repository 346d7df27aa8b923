/**
 * What programs borrow and must give back: which calls lend it, which take it back. For explanations; that a call acquires or
 * releases at all stands with the helper's prototype and the kernel function's flags.
 * Evidence: the prototypes in the kernels' BTF and the recorded answers about what was forgotten or given back twice.
 */
export interface ReferenceRow {
  /** A noun phrase. */
  readonly what: string;
  readonly acquiredBy: readonly string[];
  readonly releasedBy: readonly string[];
  /** How programs write that, where it is not the name of a function. */
  readonly remedy?: string;
}

const row = (what: string, acquiredBy: string, releasedBy: string, remedy?: string): ReferenceRow => ({
  what,
  acquiredBy: acquiredBy.split(' '),
  releasedBy: releasedBy.split(' '),
  ...(remedy === undefined ? {} : { remedy }),
});

export const REFERENCES: readonly ReferenceRow[] = [
  row('ring buffer record', 'bpf_ringbuf_reserve', 'bpf_ringbuf_submit bpf_ringbuf_discard'),
  row(
    'ring buffer dynptr',
    'bpf_ringbuf_reserve_dynptr',
    'bpf_ringbuf_submit_dynptr bpf_ringbuf_discard_dynptr',
  ),
  row('socket', 'bpf_sk_lookup_tcp bpf_sk_lookup_udp bpf_skc_lookup_tcp', 'bpf_sk_release'),
  row('task', 'bpf_task_acquire bpf_task_from_pid bpf_task_from_vpid', 'bpf_task_release'),
  row(
    'cgroup',
    'bpf_cgroup_acquire bpf_cgroup_ancestor bpf_cgroup_from_id bpf_task_get_cgroup1',
    'bpf_cgroup_release',
  ),
  row('memory cgroup', 'bpf_get_root_mem_cgroup bpf_get_mem_cgroup', 'bpf_put_mem_cgroup'),
  row('CPU mask', 'bpf_cpumask_create bpf_cpumask_acquire', 'bpf_cpumask_release'),
  row(
    'allocated object',
    'bpf_obj_new_impl bpf_obj_new bpf_refcount_acquire_impl bpf_refcount_acquire bpf_list_pop_front bpf_list_pop_back bpf_list_del bpf_rbtree_remove',
    'bpf_obj_drop_impl bpf_obj_drop bpf_list_push_front_impl bpf_list_push_back_impl bpf_rbtree_add_impl bpf_list_push_front bpf_list_push_back bpf_rbtree_add',
    'bpf_obj_drop, or add it to a list or tree',
  ),
  row(
    'allocated per-CPU object',
    'bpf_percpu_obj_new_impl bpf_percpu_obj_new',
    'bpf_percpu_obj_drop_impl bpf_percpu_obj_drop',
    'bpf_percpu_obj_drop',
  ),
  row(
    'kernel pointer taken out of a map value',
    'bpf_kptr_xchg',
    'bpf_kptr_xchg',
    'bpf_kptr_xchg into a map value, or the function that releases its kind',
  ),
  row('key', 'bpf_lookup_user_key bpf_lookup_system_key', 'bpf_key_put'),
  row('cipher context', 'bpf_crypto_ctx_create bpf_crypto_ctx_acquire', 'bpf_crypto_ctx_release'),
  row('file', 'bpf_get_task_exe_file', 'bpf_put_file'),
  row('transformation state', 'bpf_xdp_get_xfrm_state', 'bpf_xdp_xfrm_state_release'),
  row(
    'connection tracking entry',
    'bpf_skb_ct_lookup bpf_xdp_ct_lookup bpf_skb_ct_alloc bpf_xdp_ct_alloc bpf_ct_insert_entry',
    'bpf_ct_release bpf_ct_insert_entry',
  ),
];

const byAcquirer = new Map(REFERENCES.flatMap((entry) => entry.acquiredBy.map((name) => [name, entry])));

/** What a call lends, by the name of the helper or kernel function; iterators are lent by their `_new`. */
export function referenceAcquiredBy(name: string): ReferenceRow | undefined {
  const iterator = /^(bpf_iter_\w+)_new$/.exec(name)?.[1];
  if (iterator !== undefined) return row('iterator', name, `${iterator}_destroy`);
  return byAcquirer.get(name);
}

/** What belongs to others and may be looked at only until a call: not to be given back, but gone then. */
const BORROWINGS: readonly ReferenceRow[] = [
  row(
    'object that a list or tree owns',
    'bpf_rbtree_first bpf_rbtree_root bpf_rbtree_left bpf_rbtree_right bpf_list_front bpf_list_back',
    'bpf_spin_unlock bpf_res_spin_unlock',
  ),
];

const byLender = new Map(
  [...REFERENCES, ...BORROWINGS].flatMap((entry) => entry.acquiredBy.map((name) => [name, entry])),
);

/** The row that says which calls make what `name` returned unusable. */
export const lentBy = (name: string): ReferenceRow | undefined =>
  referenceAcquiredBy(name) ?? byLender.get(name);
