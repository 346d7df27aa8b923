/**
 * What a call of a helper or kernel function reads and changes that other CPUs can see, apart from bytes of values. A search
 * over interleavings takes two calls in one order only when neither touches what the other changes. Without a row: everything,
 * so that both orders are tried.
 *
 * No helper orders plain accesses to values: finding, updating or deleting an element does not, whatever locks the map takes
 * inside; neither do ring buffers. What does: locks, atomics that fetch, timers (see `kernel/opEffects.ts`).
 */
import type { HelperName } from './helpers';

/**
 * `itself`: what belongs to the caller (registers, packet, task), constants, its CPU's clock; or it enters a kernel operation,
 * whose steps tell. `readsMap`, `changesMap`: the map that is its first argument. `random`: the next random number; `output`:
 * what is printed, in this order; `buffers`: ring buffers.
 */
export type HelperTouch = 'itself' | 'readsMap' | 'changesMap' | 'random' | 'output' | 'buffers';

export const HELPER_TOUCHES: Readonly<Partial<Record<HelperName, HelperTouch>>> = {
  bpf_map_lookup_elem: 'readsMap',
  bpf_map_lookup_percpu_elem: 'readsMap',
  bpf_for_each_map_elem: 'readsMap',
  bpf_map_update_elem: 'changesMap',
  bpf_map_delete_elem: 'changesMap',
  bpf_map_push_elem: 'changesMap',
  bpf_map_pop_elem: 'changesMap',
  bpf_map_peek_elem: 'readsMap',
  bpf_tail_call: 'readsMap',
  bpf_loop: 'itself',
  bpf_timer_init: 'itself',
  bpf_timer_set_callback: 'itself',
  bpf_timer_start: 'itself',
  bpf_timer_cancel: 'itself',
  bpf_spin_lock: 'itself',
  bpf_spin_unlock: 'itself',
  bpf_ktime_get_ns: 'itself',
  bpf_ktime_get_boot_ns: 'itself',
  bpf_ktime_get_coarse_ns: 'itself',
  bpf_ktime_get_tai_ns: 'itself',
  bpf_jiffies64: 'itself',
  bpf_get_smp_processor_id: 'itself',
  bpf_get_numa_node_id: 'itself',
  bpf_get_current_pid_tgid: 'itself',
  bpf_get_current_uid_gid: 'itself',
  bpf_get_current_comm: 'itself',
  bpf_get_current_cgroup_id: 'itself',
  bpf_get_attach_cookie: 'itself',
  bpf_probe_read: 'itself',
  bpf_probe_read_str: 'itself',
  bpf_probe_read_kernel: 'itself',
  bpf_probe_read_kernel_str: 'itself',
  bpf_strncmp: 'itself',
  bpf_strtol: 'itself',
  bpf_strtoul: 'itself',
  bpf_snprintf: 'itself',
  bpf_csum_diff: 'itself',
  bpf_xdp_get_buff_len: 'itself',
  bpf_xdp_load_bytes: 'itself',
  bpf_skb_load_bytes: 'itself',
  bpf_get_prandom_u32: 'random',
  bpf_trace_printk: 'output',
  bpf_trace_vprintk: 'output',
  bpf_perf_event_output: 'output',
  bpf_ringbuf_output: 'buffers',
  bpf_ringbuf_reserve: 'buffers',
  bpf_ringbuf_submit: 'buffers',
  bpf_ringbuf_discard: 'buffers',
  bpf_ringbuf_query: 'buffers',
};

export const KFUNC_TOUCHES: Readonly<Partial<Record<string, HelperTouch>>> = {
  bpf_timer_cancel_async: 'itself',
  bpf_wq_init: 'itself',
  bpf_wq_set_callback: 'itself',
  bpf_wq_set_callback_impl: 'itself',
  bpf_wq_start: 'itself',
  bpf_rcu_read_lock: 'itself',
  bpf_rcu_read_unlock: 'itself',
  bpf_preempt_disable: 'itself',
  bpf_preempt_enable: 'itself',
  bpf_iter_num_new: 'itself',
  bpf_iter_num_next: 'itself',
  bpf_iter_num_destroy: 'itself',
};
