/**
 * Rows of `kfuncs.ts` for functions that serve certain operation tables: the extensible scheduler, queueing disciplines,
 * io_uring; and others that only the newest kernel has.
 * Evidence: every function was called on 7.2 from programs of 32 types and from every member of every operation table; flags
 * are those in the kernel's own lists of functions.
 */
import type { KfuncFlag, KfuncGroup, KfuncRow } from './kfuncs';

const rows = (
  groups: readonly KfuncGroup[],
  operations: string | undefined,
  flags: readonly KfuncFlag[],
  names: string,
): KfuncRow[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name, flags, groups, operations: operations?.trim().split(/\s+/), since: '6.18' }));

const WATCHERS: readonly KfuncGroup[] = ['TRACING', 'SYSCALL', 'STRUCT_OPS'];
const UNLOCKED: readonly KfuncGroup[] = ['SYSCALL', 'STRUCT_OPS'];
const CALLBACKS: readonly KfuncGroup[] = ['STRUCT_OPS'];

const BOTH = 'sched_ext_ops sched_ext_ops_cid';
const ofBoth = (members: string): string =>
  members
    .trim()
    .split(/\s+/)
    .map((member) => `sched_ext_ops.${member} sched_ext_ops_cid.${member.replace(/cpu/, 'cid')}`)
    .join(' ');
const INSERTING = ofBoth('select_cpu enqueue dispatch');
const DISPATCHING = ofBoth('dispatch');
/** Callbacks that hold no lock of a run queue. */
const WITHOUT_LOCK = ofBoth(
  `init_task dump cgroup_init cgroup_exit cgroup_prep_move cgroup_cancel_move cgroup_set_weight
   cgroup_set_bandwidth cgroup_set_idle sub_attach sub_detach cpu_online cpu_offline init exit`,
);
const SELECTING = `sched_ext_ops.select_cpu sched_ext_ops.enqueue ${WITHOUT_LOCK.split(' ')
  .filter((place) => place.startsWith('sched_ext_ops.'))
  .join(' ')}`;

const SCHEDULER: readonly KfuncRow[] = [
  ...rows(
    CALLBACKS,
    INSERTING,
    ['rcu'],
    '__scx_bpf_dsq_insert_vtime scx_bpf_dsq_insert scx_bpf_dsq_insert___v2 scx_bpf_dsq_insert_vtime',
  ),
  ...rows(
    CALLBACKS,
    DISPATCHING,
    [],
    `scx_bpf_dispatch_cancel scx_bpf_dispatch_nr_slots scx_bpf_dsq_move_to_local scx_bpf_dsq_move_to_local___v2
     scx_bpf_sub_dispatch`,
  ),
  ...rows(CALLBACKS, 'sched_ext_ops.cpu_release', [], 'scx_bpf_reenqueue_local'),
  ...rows(CALLBACKS, ofBoth('init'), ['sleepable'], 'scx_bpf_cid_override'),
  ...rows(
    UNLOCKED,
    `${DISPATCHING} ${WITHOUT_LOCK}`,
    ['rcu'],
    'scx_bpf_dsq_move scx_bpf_dsq_move_set_slice scx_bpf_dsq_move_set_vtime scx_bpf_dsq_move_vtime',
  ),
  ...rows(UNLOCKED, WITHOUT_LOCK, ['sleepable'], 'scx_bpf_create_dsq'),
  ...rows(
    UNLOCKED,
    SELECTING,
    ['rcu'],
    '__scx_bpf_select_cpu_and scx_bpf_select_cpu_and scx_bpf_select_cpu_dfl',
  ),
  ...rows(WATCHERS, BOTH, ['iterNew', 'rcuProtected'], 'bpf_iter_scx_dsq_new'),
  ...rows(WATCHERS, BOTH, ['iterNext', 'retNull'], 'bpf_iter_scx_dsq_next'),
  ...rows(WATCHERS, BOTH, ['iterDestroy'], 'bpf_iter_scx_dsq_destroy'),
  ...rows(
    WATCHERS,
    BOTH,
    ['retNull', 'rcuProtected'],
    'scx_bpf_cid_curr scx_bpf_dsq_peek scx_bpf_tid_to_task',
  ),
  ...rows(WATCHERS, BOTH, ['retNull'], 'scx_bpf_locked_rq'),
  ...rows(WATCHERS, BOTH, ['acquire', 'rcu'], 'scx_bpf_task_cgroup'),
  ...rows(
    WATCHERS,
    BOTH,
    ['rcu'],
    'scx_bpf_task_cid scx_bpf_task_running scx_bpf_task_set_dsq_vtime scx_bpf_task_set_slice',
  ),
  ...rows(
    WATCHERS,
    BOTH,
    [],
    `scx_bpf_cidperf_cap scx_bpf_cidperf_cur scx_bpf_cidperf_set scx_bpf_destroy_dsq scx_bpf_dsq_nr_queued
     scx_bpf_dsq_reenq scx_bpf_dump_bstr scx_bpf_error_bstr scx_bpf_events scx_bpf_exit_bstr scx_bpf_kick_cid
     scx_bpf_now scx_bpf_nr_cids scx_bpf_nr_cpu_ids scx_bpf_nr_node_ids scx_bpf_nr_online_cids
     scx_bpf_reenqueue_local___v2 scx_bpf_this_cid`,
  ),
  // about CPUs by number: closed to schedulers that think in other ids
  ...rows(WATCHERS, 'sched_ext_ops', ['retNull', 'rcuProtected'], 'scx_bpf_cpu_curr'),
  ...rows(
    WATCHERS,
    'sched_ext_ops',
    ['acquire'],
    `scx_bpf_get_online_cpumask scx_bpf_get_possible_cpumask scx_bpf_get_idle_cpumask
     scx_bpf_get_idle_cpumask_node scx_bpf_get_idle_smtmask scx_bpf_get_idle_smtmask_node`,
  ),
  ...rows(WATCHERS, 'sched_ext_ops', ['release'], 'scx_bpf_put_cpumask scx_bpf_put_idle_cpumask'),
  ...rows(
    WATCHERS,
    'sched_ext_ops',
    ['rcu'],
    `scx_bpf_task_cpu scx_bpf_pick_any_cpu scx_bpf_pick_any_cpu_node scx_bpf_pick_idle_cpu
     scx_bpf_pick_idle_cpu_node`,
  ),
  ...rows(
    WATCHERS,
    'sched_ext_ops',
    [],
    `scx_bpf_cpu_node scx_bpf_cpu_rq scx_bpf_cpuperf_cap scx_bpf_cpuperf_cur scx_bpf_cpuperf_set scx_bpf_kick_cpu
     scx_bpf_test_and_clear_cpu_idle`,
  ),
  ...rows(WATCHERS, undefined, [], 'scx_bpf_cid_to_cpu scx_bpf_cid_topo scx_bpf_cpu_to_cid'),
];

const QUEUEING: readonly KfuncRow[] = [
  ...rows(CALLBACKS, 'Qdisc_ops', ['release'], 'bpf_kfree_skb'),
  ...rows(CALLBACKS, 'Qdisc_ops', [], 'bpf_skb_get_hash'),
  ...rows(CALLBACKS, 'Qdisc_ops.dequeue', [], 'bpf_qdisc_bstats_update'),
  ...rows(CALLBACKS, 'Qdisc_ops.enqueue', ['release'], 'bpf_qdisc_skb_drop'),
  ...rows(CALLBACKS, 'Qdisc_ops.enqueue Qdisc_ops.dequeue', [], 'bpf_qdisc_watchdog_schedule'),
  // the kernel calls them itself, around members of the table
  ...rows([], undefined, [], 'bpf_qdisc_init_prologue bpf_qdisc_reset_destroy_epilogue'),
];

const OTHERS: readonly KfuncRow[] = [
  ...rows(CALLBACKS, undefined, ['retNull'], 'bpf_io_uring_get_region'),
  ...rows(CALLBACKS, undefined, ['sleepable'], 'bpf_io_uring_submit_sqes'),
  ...rows(['SYSCALL'], undefined, ['acquire'], 'bpf_wakeup_sources_read_lock'),
  ...rows(['SYSCALL'], undefined, ['release'], 'bpf_wakeup_sources_read_unlock'),
  ...rows(['SYSCALL'], undefined, [], 'bpf_wakeup_sources_get_head'),
  ...rows(['LSM'], undefined, ['retNull', 'sleepable'], 'bpf_real_data_inode'),
];

export const OPERATION_KFUNC_ROWS: readonly KfuncRow[] = [
  ...SCHEDULER,
  ...QUEUEING,
  ...OTHERS,
  ...rows(['SESSION'], undefined, [], 'bpf_session_cookie bpf_session_is_return').map((row): KfuncRow => ({
    ...row,
    since: '6.12',
  })),
];
