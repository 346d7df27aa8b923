/**
 * What kernels know of the places that tracing, iterator and security programs attach to, beyond their BTF: arguments that may
 * be NULL or an encoded error, hooks that may sleep, that are closed to programs, whose arguments are not trusted.
 * Not here: how programs use it (verifier). Evidence: 6.12 as measured; 6.1 where a row says so.
 */

/** Arguments of raw tracepoints (0-based) that may be NULL, or an error number in place of a pointer. */
export const TRACEPOINT_ARGS: Readonly<
  Record<string, { readonly nullable?: readonly number[]; readonly error?: readonly number[] }>
> = {
  sched_pi_setprio: { nullable: [1] },
  sched_process_wait: { nullable: [0] },
  sched_stick_numa: { nullable: [2] },
  sched_swap_numa: { nullable: [2] },
  afs_make_fs_call: { nullable: [1] },
  afs_make_fs_calli: { nullable: [1] },
  afs_make_fs_call1: { nullable: [1] },
  afs_make_fs_call2: { nullable: [1] },
  afs_protocol_error: { nullable: [0] },
  afs_flock_ev: { nullable: [1] },
  cachefiles_lookup: { nullable: [0], error: [2] },
  cachefiles_unlink: { nullable: [0] },
  cachefiles_rename: { nullable: [0] },
  cachefiles_prep_read: { nullable: [0] },
  cachefiles_mark_active: { nullable: [0] },
  cachefiles_mark_failed: { nullable: [0] },
  cachefiles_mark_inactive: { nullable: [0] },
  cachefiles_vfs_error: { nullable: [0] },
  cachefiles_io_error: { nullable: [0] },
  cachefiles_ondemand_open: { nullable: [0] },
  cachefiles_ondemand_copen: { nullable: [0] },
  cachefiles_ondemand_close: { nullable: [0] },
  cachefiles_ondemand_read: { nullable: [0] },
  cachefiles_ondemand_cread: { nullable: [0] },
  cachefiles_ondemand_fd_write: { nullable: [0] },
  cachefiles_ondemand_fd_release: { nullable: [0] },
  ext4_mballoc_discard: { nullable: [1] },
  ext4_mballoc_free: { nullable: [1] },
  fib_table_lookup: { nullable: [2] },
  posix_lock_inode: { nullable: [1] },
  fcntl_setlk: { nullable: [1] },
  locks_remove_posix: { nullable: [1] },
  flock_lock_inode: { nullable: [1] },
  break_lease_noblock: { nullable: [1] },
  break_lease_block: { nullable: [1] },
  break_lease_unblock: { nullable: [1] },
  generic_delete_lease: { nullable: [1] },
  time_out_leases: { nullable: [1] },
  host1x_cdma_push_gather: { nullable: [4] },
  mm_khugepaged_scan_pmd: { nullable: [1] },
  mm_collapse_huge_page_isolate: { nullable: [0] },
  mm_khugepaged_scan_file: { nullable: [1] },
  mm_khugepaged_collapse_file: { nullable: [1] },
  mm_page_alloc: { nullable: [0] },
  mm_page_pcpu_drain: { nullable: [0] },
  mm_page_alloc_zone_locked: { nullable: [0] },
  netfs_failure: { nullable: [1] },
  device_pm_callback_start: { nullable: [1] },
  qdisc_dequeue: { nullable: [3] },
  rxrpc_recvdata: { nullable: [0] },
  rxrpc_resend: { nullable: [1] },
  signal_generate: { error: [1] },
  signal_deliver: { error: [1] },
  kfree_skb: { nullable: [3] },
  xs_stream_read_data: { nullable: [0] },
  xprt_reserve_cong: { nullable: [1] },
  xprt_release_cong: { nullable: [1] },
  xprt_get_cong: { nullable: [1] },
  xprt_put_cong: { nullable: [1] },
  tcp_send_reset: { nullable: [0, 1] },
  tegra_dma_tx_status: { nullable: [2] },
  tmigr_update_events: { nullable: [0] },
  writeback_dirty_folio: { nullable: [1] },
  folio_wait_writeback: { nullable: [1] },
  mr_integ_alloc: { error: [3] },
};

/** A hook in a list, from one profile on, or before another; hooks that a kernel does not have do not matter. */
export interface HookRow {
  readonly since?: string;
  readonly until?: string;
}

/** Security hooks at which a program may sleep. */
export const SLEEPABLE_HOOKS: Readonly<Record<string, HookRow>> = {
  bdev_alloc_security: { since: '6.18' },
  bdev_setintegrity: { since: '6.18' },
  bpf: {},
  bpf_map: {},
  bpf_map_alloc_security: {},
  bpf_map_create: {},
  bpf_map_free: {},
  bpf_map_free_security: {},
  bpf_prog: {},
  bpf_prog_load: {},
  bpf_token_capable: {},
  bpf_token_cmd: {},
  bpf_token_create: {},
  bpf_token_free: {},
  bprm_check_security: {},
  bprm_committed_creds: {},
  bprm_committing_creds: {},
  bprm_creds_for_exec: {},
  bprm_creds_from_file: {},
  capget: {},
  capset: {},
  cred_prepare: {},
  current_getsecid_subj: {},
  file_ioctl: {},
  file_lock: {},
  file_open: {},
  file_post_open: {},
  file_receive: {},
  inet_conn_established: { until: '6.6' },
  inode_create: {},
  inode_free_security: {},
  inode_getattr: {},
  inode_getxattr: {},
  inode_mknod: {},
  inode_need_killpriv: {},
  inode_post_removexattr: { since: '6.18' },
  inode_post_setxattr: {},
  inode_readlink: {},
  inode_removexattr: { since: '6.18' },
  inode_rename: {},
  inode_rmdir: {},
  inode_setattr: {},
  inode_setxattr: {},
  inode_symlink: {},
  inode_unlink: {},
  kernel_module_request: {},
  kernel_read_file: {},
  kernfs_init_security: {},
  key_free: {},
  mmap_file: {},
  netlink_send: {},
  path_chmod: { since: '6.6' },
  path_chown: { since: '6.6' },
  path_link: { since: '6.6' },
  path_mkdir: { since: '6.6' },
  path_notify: {},
  path_rename: { since: '6.6' },
  path_rmdir: { since: '6.6' },
  path_symlink: { since: '6.6' },
  path_truncate: { since: '6.6' },
  path_unlink: { since: '6.6' },
  release_secctx: {},
  sb_alloc_security: {},
  sb_eat_lsm_opts: {},
  sb_kern_mount: {},
  sb_mount: {},
  sb_remount: {},
  sb_set_mnt_opts: {},
  sb_show_options: {},
  sb_statfs: {},
  sb_umount: {},
  settime: {},
  socket_accept: {},
  socket_bind: {},
  socket_connect: {},
  socket_create: {},
  socket_getpeername: {},
  socket_getpeersec_dgram: {},
  socket_getsockname: {},
  socket_getsockopt: {},
  socket_listen: {},
  socket_post_create: {},
  socket_recvmsg: {},
  socket_sendmsg: {},
  socket_shutdown: {},
  socket_socketpair: {},
  syslog: {},
  task_alloc: {},
  task_getsecid_obj: {},
  task_prctl: {},
  task_setscheduler: {},
  userns_create: {},
};

/** Security hooks that programs may not use. */
export const CLOSED_HOOKS: Readonly<Record<string, HookRow>> = {
  audit_rule_match: {},
  file_alloc_security: { since: '6.18' },
  getprocattr: {},
  getselfattr: {},
  inode_copy_up_xattr: {},
  inode_getsecurity: {},
  inode_listsecurity: {},
  inode_need_killpriv: {},
  ismaclabel: {},
  key_getsecurity: {},
  setprocattr: {},
  vm_enough_memory: {},
  xfrm_decode_session: {},
};

/** Hooks of a cgroup at which socket options may be set: the socket is locked, or nobody else has it yet. */
export const SOCKET_OPTION_HOOKS: ReadonlySet<string> = new Set([
  'sock_graft',
  'inet_csk_clone',
  'inet_conn_established',
  'socket_post_create',
  'socket_socketpair',
]);

/** Iterators whose programs may set socket options. */
export const SOCKET_OPTION_ITERATORS: ReadonlySet<string> = new Set(['tcp', 'unix']);

/** Kernel functions from which the name of a path may be asked. */
export const PATH_FUNCTIONS: ReadonlySet<string> = new Set([
  'security_file_permission',
  'security_inode_getattr',
  'security_file_open',
  'security_path_truncate',
  'vfs_truncate',
  'vfs_fallocate',
  'dentry_open',
  'vfs_getattr',
  'filp_close',
]);

/** Hooks whose arguments may be half torn down: typed, but not trusted. */
export const UNTRUSTED_HOOKS: ReadonlySet<string> = new Set([
  'bpf_map_free',
  'bpf_prog_free',
  'file_alloc_security',
  'file_free_security',
  'sk_alloc_security',
  'sk_free_security',
  'task_free',
]);

/** Hooks that answer yes or no; all others return 0 or a negative error number, or nothing. */
export const BOOL_HOOKS: ReadonlySet<string> = new Set([
  'xfrm_state_pol_flow_match',
  'audit_rule_known',
  'inode_xattr_skipcap',
]);

/** What an iterator hands to its program beside `meta`: all of them may be NULL. `trusted`: since 6.6. */
export interface IteratorArg {
  readonly index: number;
  readonly kind: 'struct' | 'trusted' | 'readBuffer' | 'writeBuffer';
  /** The struct, where the parameter does not say. */
  readonly struct?: string;
}

/** By iterator. Functions of such a name that are not listed are no iterators. */
export const ITERATOR_ARGS: Readonly<Record<string, readonly IteratorArg[]>> = {
  bpf_prog: [{ index: 1, kind: 'struct' }],
  bpf_link: [{ index: 1, kind: 'struct' }],
  bpf_map: [{ index: 1, kind: 'trusted' }],
  cgroup: [{ index: 1, kind: 'trusted' }],
  task: [{ index: 1, kind: 'trusted' }],
  task_file: [
    { index: 1, kind: 'struct' },
    { index: 3, kind: 'struct' },
  ],
  task_vma: [
    { index: 1, kind: 'struct' },
    { index: 2, kind: 'struct' },
  ],
  bpf_map_elem: [
    { index: 2, kind: 'readBuffer' },
    { index: 3, kind: 'writeBuffer' },
  ],
  bpf_sk_storage_map: [
    { index: 2, kind: 'struct' },
    { index: 3, kind: 'writeBuffer' },
  ],
  sockmap: [
    { index: 2, kind: 'readBuffer' },
    { index: 3, kind: 'struct' },
  ],
  netlink: [{ index: 1, kind: 'struct' }],
  tcp: [{ index: 1, kind: 'trusted' }],
  udp: [{ index: 1, kind: 'trusted' }],
  unix: [{ index: 1, kind: 'struct' }],
  ipv6_route: [{ index: 1, kind: 'struct' }],
  ksym: [{ index: 1, kind: 'struct' }],
  kmem_cache: [{ index: 1, kind: 'trusted' }],
  dmabuf: [{ index: 1, kind: 'struct' }],
};

/** Tracepoints that are hit where the kernel may sleep: those of system calls. Evidence: every tracepoint of 7.2.13 asked. */
export const SLEEPABLE_TRACEPOINTS: ReadonlySet<string> = new Set(['sys_enter', 'sys_exit']);

/** Kernel functions made for tests whose return value programs may replace, and those of them that may sleep. */
export const REPLACEABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'bpf_modify_return_test',
  'bpf_modify_return_test2',
  'bpf_modify_return_test_tp',
  'bpf_fentry_test1',
  'update_socket_protocol',
]);
export const SLEEPABLE_FUNCTIONS: ReadonlySet<string> = new Set(['bpf_fentry_test1']);
/** System calls that do not return, so that nothing can be done with what they return. */
export const ENDLESS_FUNCTIONS: ReadonlySet<string> = new Set(['__x64_sys_exit', '__x64_sys_exit_group']);

/** Functions that tracing programs run through themselves, so that none may attach. Evidence: measured with fixtures `results`. */
export const UNTRACEABLE_FUNCTIONS: Readonly<Record<string, { readonly since?: string }>> = {
  migrate_disable: {},
  migrate_enable: {},
  ___migrate_enable: { since: '7.2' },
  __rcu_read_lock: { since: '6.12' },
  __rcu_read_unlock: { since: '6.12' },
};

/** Functions that never return, so that nothing may run after them or in place of their result. */
export const NORETURN_FUNCTIONS: ReadonlySet<string> = new Set([
  '__ia32_sys_exit',
  '__ia32_sys_exit_group',
  '__module_put_and_kthread_exit',
  '__x64_sys_exit',
  '__x64_sys_exit_group',
  'do_exit',
  'do_group_exit',
  'kthread_complete_and_exit',
  'kthread_exit',
  'make_task_dead',
]);
