/**
 * Every helper function: number, name, prototype, conditions. One row per helper; verifier, model, header generator,
 * hovers and completion read the same row. Which program types may call it stands in `helperPrograms.ts`, what the
 * kernel model does with it in `helperModel.ts`.
 *
 * Evidence: ids from the BTF of the measured kernels (6.1.192, 6.12.117, 7.2.13), prototypes are those of 6.12;
 * `before` holds the prototype of older profiles where it differs. `since` is absent for helpers that 5.15 has.
 */

/** What a helper wants of one argument register. `btf:x` is a kernel pointer to `struct x`; numbers are sizes in bytes. */
export type ArgKind =
  | 'anything'
  | 'scalar'
  | 'ctx'
  | 'ctxOrNull'
  | 'mapPtr'
  | 'mapKey'
  | 'mapValue'
  | 'mapValueOrNull'
  /** Map value that the helper fills. */
  | 'uninitMapValue'
  | 'mem'
  | 'readonlyMem'
  | 'readonlyMemOrNull'
  | 'writeMem'
  /** Memory that the helper fills, which older kernels took for memory that it reads. */
  | 'filledMem'
  | 'filledMemOrNull'
  /** Memory that the helper fills; stack bytes need not be initialised. */
  | 'uninitMem'
  | `fixedMem:${number}`
  | `fixedUninitMem:${number}`
  | `fixedWriteMem:${number}`
  /** Byte count of the memory argument before it; must be > 0. */
  | 'size'
  | 'sizeOrZero'
  /** Constant size of the memory that the helper returns. */
  | 'allocSizeOrZero'
  | 'ringbufMemRelease'
  | 'spinLock'
  | 'timer'
  | 'func'
  | 'stackOrNull'
  | 'constStr'
  | 'sockCommon'
  | 'sockCommonBtf'
  | 'sockCommonBtfOrNull'
  | 'sockCommonBtfRelease'
  | 'socketOrNull'
  | 'percpuBtf'
  | 'kptrDestination'
  | 'btfOrNullRelease'
  | 'dynptr'
  | 'dynptrRingbufRelease'
  | 'dynptrRingbufUninit'
  | 'dynptrLocalUninit'
  | `btf:${string}`
  | `btfOrNull:${string}`;

/** What a helper leaves in R0. */
export type ReturnKind =
  | 'integer'
  | 'void'
  | 'mapValue'
  | 'mapValueOrNull'
  | 'socketOrNull'
  | 'tcpSockOrNull'
  | 'sockCommonOrNull'
  | 'ringbufMemOrNull'
  | 'dynptrMemOrNull'
  | 'percpuMem'
  | 'percpuMemOrNull'
  | 'kptrOrNull'
  | `btf:${string}`
  | `trustedBtf:${string}`
  | `btfOrNull:${string}`;

/** The part of a row that can differ by program type or by age. */
export interface HelperPrototype {
  readonly args: readonly ArgKind[];
  readonly ret: ReturnKind;
  readonly gplOnly?: true;
  /** Memory arguments may point into the packet. */
  readonly packetAccess?: true;
  /** Only in sleepable programs. */
  readonly maySleep?: true;
}

/** Prototype of the profiles older than `profile`. */
type EarlierPrototype = HelperPrototype & { readonly profile: string };

export interface HelperRow extends HelperPrototype {
  readonly id: number;
  readonly name: `bpf_${string}`;
  /** Packet pointers are invalid after the call. */
  readonly changesPacket?: true;
  /** Replaced by instructions that change no other register than its result's. */
  readonly fast?: true;
  /** First profile that has it; absent: all have it. */
  readonly since?: string;
  /** Program types (without `BPF_PROG_TYPE_`) for which the prototype is another. */
  readonly variants?: readonly (HelperPrototype & {
    readonly programs: readonly string[];
    readonly before?: EarlierPrototype;
  })[];
  readonly before?: EarlierPrototype;
}

export const HELPERS = [
  {
    id: 1,
    name: 'bpf_map_lookup_elem',
    args: ['mapPtr', 'mapKey'],
    ret: 'mapValueOrNull',
    packetAccess: true,
  },
  {
    id: 2,
    name: 'bpf_map_update_elem',
    args: ['mapPtr', 'mapKey', 'mapValue', 'anything'],
    ret: 'integer',
    packetAccess: true,
  },
  { id: 3, name: 'bpf_map_delete_elem', args: ['mapPtr', 'mapKey'], ret: 'integer', packetAccess: true },
  {
    id: 4,
    name: 'bpf_probe_read',
    args: ['uninitMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  { id: 5, name: 'bpf_ktime_get_ns', args: [], ret: 'integer' },
  { id: 6, name: 'bpf_trace_printk', args: ['readonlyMem', 'size'], ret: 'integer', gplOnly: true },
  { id: 7, name: 'bpf_get_prandom_u32', args: [], ret: 'integer' },
  { id: 8, name: 'bpf_get_smp_processor_id', args: [], ret: 'integer', fast: true },
  {
    id: 9,
    name: 'bpf_skb_store_bytes',
    args: ['ctx', 'anything', 'readonlyMem', 'size', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  {
    id: 10,
    name: 'bpf_l3_csum_replace',
    args: ['ctx', 'anything', 'anything', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  {
    id: 11,
    name: 'bpf_l4_csum_replace',
    args: ['ctx', 'anything', 'anything', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  { id: 12, name: 'bpf_tail_call', args: ['ctx', 'mapPtr', 'anything'], ret: 'void' },
  {
    id: 13,
    name: 'bpf_clone_redirect',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  { id: 14, name: 'bpf_get_current_pid_tgid', args: [], ret: 'integer' },
  { id: 15, name: 'bpf_get_current_uid_gid', args: [], ret: 'integer' },
  { id: 16, name: 'bpf_get_current_comm', args: ['uninitMem', 'size'], ret: 'integer' },
  {
    id: 17,
    name: 'bpf_get_cgroup_classid',
    args: [],
    ret: 'integer',
    variants: [
      {
        programs: ['LWT_IN', 'LWT_OUT', 'LWT_SEG6LOCAL', 'LWT_XMIT', 'SCHED_ACT', 'SCHED_CLS'],
        args: ['ctx'],
        ret: 'integer',
      },
    ],
  },
  {
    id: 18,
    name: 'bpf_skb_vlan_push',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  { id: 19, name: 'bpf_skb_vlan_pop', args: ['ctx'], ret: 'integer', changesPacket: true },
  { id: 20, name: 'bpf_skb_get_tunnel_key', args: ['ctx', 'uninitMem', 'size', 'anything'], ret: 'integer' },
  {
    id: 21,
    name: 'bpf_skb_set_tunnel_key',
    args: ['ctx', 'readonlyMem', 'size', 'anything'],
    ret: 'integer',
  },
  { id: 22, name: 'bpf_perf_event_read', args: ['mapPtr', 'anything'], ret: 'integer', gplOnly: true },
  { id: 23, name: 'bpf_redirect', args: ['anything', 'anything'], ret: 'integer' },
  { id: 24, name: 'bpf_get_route_realm', args: ['ctx'], ret: 'integer' },
  {
    id: 25,
    name: 'bpf_perf_event_output',
    args: ['ctx', 'mapPtr', 'anything', 'readonlyMem', 'sizeOrZero'],
    ret: 'integer',
    gplOnly: true,
  },
  { id: 26, name: 'bpf_skb_load_bytes', args: ['ctx', 'anything', 'uninitMem', 'size'], ret: 'integer' },
  { id: 27, name: 'bpf_get_stackid', args: ['ctx', 'mapPtr', 'anything'], ret: 'integer', gplOnly: true },
  {
    id: 28,
    name: 'bpf_csum_diff',
    args: ['readonlyMemOrNull', 'sizeOrZero', 'readonlyMemOrNull', 'sizeOrZero', 'anything'],
    ret: 'integer',
    packetAccess: true,
  },
  { id: 29, name: 'bpf_skb_get_tunnel_opt', args: ['ctx', 'uninitMem', 'size'], ret: 'integer' },
  { id: 30, name: 'bpf_skb_set_tunnel_opt', args: ['ctx', 'readonlyMem', 'size'], ret: 'integer' },
  {
    id: 31,
    name: 'bpf_skb_change_proto',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  { id: 32, name: 'bpf_skb_change_type', args: ['ctx', 'anything'], ret: 'integer' },
  { id: 33, name: 'bpf_skb_under_cgroup', args: ['ctx', 'mapPtr', 'anything'], ret: 'integer' },
  { id: 34, name: 'bpf_get_hash_recalc', args: ['ctx'], ret: 'integer' },
  { id: 35, name: 'bpf_get_current_task', args: [], ret: 'integer', gplOnly: true },
  {
    id: 36,
    name: 'bpf_probe_write_user',
    args: ['anything', 'readonlyMem', 'size'],
    ret: 'integer',
    gplOnly: true,
  },
  { id: 37, name: 'bpf_current_task_under_cgroup', args: ['mapPtr', 'anything'], ret: 'integer' },
  {
    id: 38,
    name: 'bpf_skb_change_tail',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  { id: 39, name: 'bpf_skb_pull_data', args: ['ctx', 'anything'], ret: 'integer', changesPacket: true },
  { id: 40, name: 'bpf_csum_update', args: ['ctx', 'anything'], ret: 'integer' },
  { id: 41, name: 'bpf_set_hash_invalid', args: ['ctx'], ret: 'integer' },
  { id: 42, name: 'bpf_get_numa_node_id', args: [], ret: 'integer' },
  {
    id: 43,
    name: 'bpf_skb_change_head',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  { id: 44, name: 'bpf_xdp_adjust_head', args: ['ctx', 'anything'], ret: 'integer', changesPacket: true },
  {
    id: 45,
    name: 'bpf_probe_read_str',
    args: ['uninitMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 46,
    name: 'bpf_get_socket_cookie',
    args: ['ctx'],
    ret: 'integer',
    variants: [
      {
        programs: ['SK_REUSEPORT', 'TRACING', 'SYSCALL', 'LSM'],
        args: ['sockCommonBtfOrNull'],
        ret: 'integer',
        before: { profile: '6.12', args: ['sockCommonBtf'], ret: 'integer' },
      },
    ],
  },
  { id: 47, name: 'bpf_get_socket_uid', args: ['ctx'], ret: 'integer' },
  { id: 48, name: 'bpf_set_hash', args: ['ctx', 'anything'], ret: 'integer' },
  {
    id: 49,
    name: 'bpf_setsockopt',
    args: ['sockCommonBtf', 'anything', 'anything', 'readonlyMem', 'size'],
    ret: 'integer',
    variants: [
      {
        programs: ['SOCK_OPS', 'CGROUP_SOCK_ADDR', 'CGROUP_SOCK'],
        args: ['ctx', 'anything', 'anything', 'readonlyMem', 'size'],
        ret: 'integer',
      },
    ],
  },
  {
    id: 50,
    name: 'bpf_skb_adjust_room',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  { id: 51, name: 'bpf_redirect_map', args: ['mapPtr', 'anything', 'anything'], ret: 'integer' },
  { id: 52, name: 'bpf_sk_redirect_map', args: ['ctx', 'mapPtr', 'anything', 'anything'], ret: 'integer' },
  {
    id: 53,
    name: 'bpf_sock_map_update',
    args: ['ctx', 'mapPtr', 'mapKey', 'anything'],
    ret: 'integer',
    packetAccess: true,
  },
  { id: 54, name: 'bpf_xdp_adjust_meta', args: ['ctx', 'anything'], ret: 'integer', changesPacket: true },
  {
    id: 55,
    name: 'bpf_perf_event_read_value',
    args: ['mapPtr', 'anything', 'uninitMem', 'size'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 56,
    name: 'bpf_perf_prog_read_value',
    args: ['ctx', 'uninitMem', 'size'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 57,
    name: 'bpf_getsockopt',
    args: ['sockCommonBtf', 'anything', 'anything', 'uninitMem', 'size'],
    ret: 'integer',
    variants: [
      {
        programs: ['SOCK_OPS', 'CGROUP_SOCK_ADDR', 'CGROUP_SOCK'],
        args: ['ctx', 'anything', 'anything', 'uninitMem', 'size'],
        ret: 'integer',
      },
    ],
  },
  { id: 58, name: 'bpf_override_return', args: ['ctx', 'anything'], ret: 'integer', gplOnly: true },
  { id: 59, name: 'bpf_sock_ops_cb_flags_set', args: ['ctx', 'anything'], ret: 'integer' },
  { id: 60, name: 'bpf_msg_redirect_map', args: ['ctx', 'mapPtr', 'anything', 'anything'], ret: 'integer' },
  { id: 61, name: 'bpf_msg_apply_bytes', args: ['ctx', 'anything'], ret: 'integer' },
  { id: 62, name: 'bpf_msg_cork_bytes', args: ['ctx', 'anything'], ret: 'integer' },
  {
    id: 63,
    name: 'bpf_msg_pull_data',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  { id: 64, name: 'bpf_bind', args: ['ctx', 'readonlyMem', 'size'], ret: 'integer' },
  { id: 65, name: 'bpf_xdp_adjust_tail', args: ['ctx', 'anything'], ret: 'integer', changesPacket: true },
  {
    id: 66,
    name: 'bpf_skb_get_xfrm_state',
    args: ['ctx', 'anything', 'uninitMem', 'size', 'anything'],
    ret: 'integer',
  },
  {
    id: 67,
    name: 'bpf_get_stack',
    args: ['ctx', 'uninitMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 68,
    name: 'bpf_skb_load_bytes_relative',
    args: ['ctx', 'anything', 'uninitMem', 'size', 'anything'],
    ret: 'integer',
  },
  {
    id: 69,
    name: 'bpf_fib_lookup',
    args: ['ctx', 'filledMem', 'size', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 70,
    name: 'bpf_sock_hash_update',
    args: ['ctx', 'mapPtr', 'mapKey', 'anything'],
    ret: 'integer',
    packetAccess: true,
  },
  { id: 71, name: 'bpf_msg_redirect_hash', args: ['ctx', 'mapPtr', 'mapKey', 'anything'], ret: 'integer' },
  { id: 72, name: 'bpf_sk_redirect_hash', args: ['ctx', 'mapPtr', 'mapKey', 'anything'], ret: 'integer' },
  {
    id: 73,
    name: 'bpf_lwt_push_encap',
    args: ['ctx', 'anything', 'readonlyMem', 'size'],
    ret: 'integer',
    changesPacket: true,
  },
  {
    id: 74,
    name: 'bpf_lwt_seg6_store_bytes',
    args: ['ctx', 'anything', 'readonlyMem', 'size'],
    ret: 'integer',
    changesPacket: true,
  },
  {
    id: 75,
    name: 'bpf_lwt_seg6_adjust_srh',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  {
    id: 76,
    name: 'bpf_lwt_seg6_action',
    args: ['ctx', 'anything', 'readonlyMem', 'size'],
    ret: 'integer',
    changesPacket: true,
  },
  { id: 77, name: 'bpf_rc_repeat', args: ['ctx'], ret: 'integer', gplOnly: true },
  {
    id: 78,
    name: 'bpf_rc_keydown',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  { id: 79, name: 'bpf_skb_cgroup_id', args: ['ctx'], ret: 'integer' },
  { id: 80, name: 'bpf_get_current_cgroup_id', args: [], ret: 'integer' },
  { id: 81, name: 'bpf_get_local_storage', args: ['mapPtr', 'anything'], ret: 'mapValue' },
  { id: 82, name: 'bpf_sk_select_reuseport', args: ['ctx', 'mapPtr', 'mapKey', 'anything'], ret: 'integer' },
  { id: 83, name: 'bpf_skb_ancestor_cgroup_id', args: ['ctx', 'anything'], ret: 'integer' },
  {
    id: 84,
    name: 'bpf_sk_lookup_tcp',
    args: ['ctx', 'readonlyMem', 'sizeOrZero', 'anything', 'anything'],
    ret: 'socketOrNull',
    packetAccess: true,
    variants: [
      {
        programs: ['CGROUP_SOCK_ADDR'],
        args: ['ctx', 'readonlyMem', 'sizeOrZero', 'anything', 'anything'],
        ret: 'socketOrNull',
        before: {
          profile: '6.6',
          args: ['ctx', 'readonlyMem', 'size', 'anything', 'anything'],
          ret: 'socketOrNull',
        },
      },
    ],
    before: {
      profile: '6.6',
      args: ['ctx', 'readonlyMem', 'size', 'anything', 'anything'],
      ret: 'socketOrNull',
      packetAccess: true,
    },
  },
  {
    id: 85,
    name: 'bpf_sk_lookup_udp',
    args: ['ctx', 'readonlyMem', 'sizeOrZero', 'anything', 'anything'],
    ret: 'socketOrNull',
    packetAccess: true,
    variants: [
      {
        programs: ['CGROUP_SOCK_ADDR'],
        args: ['ctx', 'readonlyMem', 'sizeOrZero', 'anything', 'anything'],
        ret: 'socketOrNull',
        before: {
          profile: '6.6',
          args: ['ctx', 'readonlyMem', 'size', 'anything', 'anything'],
          ret: 'socketOrNull',
        },
      },
    ],
    before: {
      profile: '6.6',
      args: ['ctx', 'readonlyMem', 'size', 'anything', 'anything'],
      ret: 'socketOrNull',
      packetAccess: true,
    },
  },
  { id: 86, name: 'bpf_sk_release', args: ['sockCommonBtfRelease'], ret: 'integer' },
  {
    id: 87,
    name: 'bpf_map_push_elem',
    args: ['mapPtr', 'mapValue', 'anything'],
    ret: 'integer',
    packetAccess: true,
  },
  { id: 88, name: 'bpf_map_pop_elem', args: ['mapPtr', 'uninitMapValue'], ret: 'integer' },
  { id: 89, name: 'bpf_map_peek_elem', args: ['mapPtr', 'uninitMapValue'], ret: 'integer' },
  {
    id: 90,
    name: 'bpf_msg_push_data',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  {
    id: 91,
    name: 'bpf_msg_pop_data',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  {
    id: 92,
    name: 'bpf_rc_pointer_rel',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  { id: 93, name: 'bpf_spin_lock', args: ['spinLock'], ret: 'void' },
  { id: 94, name: 'bpf_spin_unlock', args: ['spinLock'], ret: 'void' },
  { id: 95, name: 'bpf_sk_fullsock', args: ['sockCommon'], ret: 'socketOrNull' },
  { id: 96, name: 'bpf_tcp_sock', args: ['sockCommon'], ret: 'tcpSockOrNull' },
  { id: 97, name: 'bpf_skb_ecn_set_ce', args: ['ctx'], ret: 'integer' },
  { id: 98, name: 'bpf_get_listener_sock', args: ['sockCommon'], ret: 'socketOrNull' },
  {
    id: 99,
    name: 'bpf_skc_lookup_tcp',
    args: ['ctx', 'readonlyMem', 'sizeOrZero', 'anything', 'anything'],
    ret: 'sockCommonOrNull',
    packetAccess: true,
    variants: [
      {
        programs: ['CGROUP_SOCK_ADDR'],
        args: ['ctx', 'readonlyMem', 'sizeOrZero', 'anything', 'anything'],
        ret: 'sockCommonOrNull',
        before: {
          profile: '6.6',
          args: ['ctx', 'readonlyMem', 'size', 'anything', 'anything'],
          ret: 'sockCommonOrNull',
        },
      },
    ],
    before: {
      profile: '6.6',
      args: ['ctx', 'readonlyMem', 'size', 'anything', 'anything'],
      ret: 'sockCommonOrNull',
      packetAccess: true,
    },
  },
  {
    id: 100,
    name: 'bpf_tcp_check_syncookie',
    args: ['sockCommonBtf', 'readonlyMem', 'size', 'readonlyMem', 'size'],
    ret: 'integer',
    gplOnly: true,
    packetAccess: true,
  },
  { id: 101, name: 'bpf_sysctl_get_name', args: ['ctx', 'filledMem', 'size', 'anything'], ret: 'integer' },
  { id: 102, name: 'bpf_sysctl_get_current_value', args: ['ctx', 'uninitMem', 'size'], ret: 'integer' },
  { id: 103, name: 'bpf_sysctl_get_new_value', args: ['ctx', 'uninitMem', 'size'], ret: 'integer' },
  { id: 104, name: 'bpf_sysctl_set_new_value', args: ['ctx', 'readonlyMem', 'size'], ret: 'integer' },
  {
    id: 105,
    name: 'bpf_strtol',
    args: ['readonlyMem', 'size', 'anything', 'fixedUninitMem:8'],
    ret: 'integer',
  },
  {
    id: 106,
    name: 'bpf_strtoul',
    args: ['readonlyMem', 'size', 'anything', 'fixedUninitMem:8'],
    ret: 'integer',
  },
  {
    id: 107,
    name: 'bpf_sk_storage_get',
    args: ['mapPtr', 'sockCommonBtf', 'mapValueOrNull', 'anything'],
    ret: 'mapValueOrNull',
    variants: [
      {
        programs: ['CGROUP_SOCK'],
        args: ['mapPtr', 'ctx', 'mapValueOrNull', 'anything'],
        ret: 'mapValueOrNull',
      },
      {
        programs: ['TRACING'],
        args: ['mapPtr', 'btfOrNull:sock_common', 'mapValueOrNull', 'anything'],
        ret: 'mapValueOrNull',
        before: {
          profile: '6.6',
          args: ['mapPtr', 'btf:sock_common', 'mapValueOrNull', 'anything'],
          ret: 'mapValueOrNull',
        },
      },
    ],
  },
  {
    id: 108,
    name: 'bpf_sk_storage_delete',
    args: ['mapPtr', 'sockCommonBtf'],
    ret: 'integer',
    variants: [
      {
        programs: ['TRACING'],
        args: ['mapPtr', 'btfOrNull:sock_common'],
        ret: 'integer',
        before: { profile: '6.6', args: ['mapPtr', 'btf:sock_common'], ret: 'integer' },
      },
    ],
  },
  { id: 109, name: 'bpf_send_signal', args: ['anything'], ret: 'integer' },
  {
    id: 110,
    name: 'bpf_tcp_gen_syncookie',
    args: ['sockCommonBtf', 'readonlyMem', 'size', 'readonlyMem', 'size'],
    ret: 'integer',
    gplOnly: true,
    packetAccess: true,
  },
  {
    id: 111,
    name: 'bpf_skb_output',
    args: ['btf:sk_buff', 'mapPtr', 'anything', 'readonlyMem', 'sizeOrZero'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 112,
    name: 'bpf_probe_read_user',
    args: ['uninitMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 113,
    name: 'bpf_probe_read_kernel',
    args: ['uninitMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 114,
    name: 'bpf_probe_read_user_str',
    args: ['uninitMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 115,
    name: 'bpf_probe_read_kernel_str',
    args: ['uninitMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  { id: 116, name: 'bpf_tcp_send_ack', args: ['btf:tcp_sock', 'anything'], ret: 'integer' },
  { id: 117, name: 'bpf_send_signal_thread', args: ['anything'], ret: 'integer' },
  { id: 118, name: 'bpf_jiffies64', args: [], ret: 'integer' },
  {
    id: 119,
    name: 'bpf_read_branch_records',
    args: ['ctx', 'filledMemOrNull', 'sizeOrZero', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 120,
    name: 'bpf_get_ns_current_pid_tgid',
    args: ['anything', 'anything', 'uninitMem', 'size'],
    ret: 'integer',
  },
  {
    id: 121,
    name: 'bpf_xdp_output',
    args: ['btf:xdp_buff', 'mapPtr', 'anything', 'readonlyMem', 'sizeOrZero'],
    ret: 'integer',
    gplOnly: true,
  },
  { id: 122, name: 'bpf_get_netns_cookie', args: ['ctxOrNull'], ret: 'integer' },
  { id: 123, name: 'bpf_get_current_ancestor_cgroup_id', args: ['anything'], ret: 'integer' },
  {
    id: 124,
    name: 'bpf_sk_assign',
    args: ['ctx', 'sockCommonBtf', 'anything'],
    ret: 'integer',
    variants: [{ programs: ['SK_LOOKUP'], args: ['ctx', 'socketOrNull', 'anything'], ret: 'integer' }],
  },
  { id: 125, name: 'bpf_ktime_get_boot_ns', args: [], ret: 'integer' },
  {
    id: 126,
    name: 'bpf_seq_printf',
    args: ['btf:seq_file', 'readonlyMem', 'size', 'readonlyMemOrNull', 'sizeOrZero'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 127,
    name: 'bpf_seq_write',
    args: ['btf:seq_file', 'readonlyMem', 'sizeOrZero'],
    ret: 'integer',
    gplOnly: true,
  },
  { id: 128, name: 'bpf_sk_cgroup_id', args: ['sockCommonBtf'], ret: 'integer' },
  { id: 129, name: 'bpf_sk_ancestor_cgroup_id', args: ['sockCommonBtf', 'anything'], ret: 'integer' },
  {
    id: 130,
    name: 'bpf_ringbuf_output',
    args: ['mapPtr', 'readonlyMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
  },
  {
    id: 131,
    name: 'bpf_ringbuf_reserve',
    args: ['mapPtr', 'allocSizeOrZero', 'anything'],
    ret: 'ringbufMemOrNull',
  },
  { id: 132, name: 'bpf_ringbuf_submit', args: ['ringbufMemRelease', 'anything'], ret: 'void' },
  { id: 133, name: 'bpf_ringbuf_discard', args: ['ringbufMemRelease', 'anything'], ret: 'void' },
  { id: 134, name: 'bpf_ringbuf_query', args: ['mapPtr', 'anything'], ret: 'integer' },
  { id: 135, name: 'bpf_csum_level', args: ['ctx', 'anything'], ret: 'integer' },
  { id: 136, name: 'bpf_skc_to_tcp6_sock', args: ['sockCommonBtf'], ret: 'btfOrNull:tcp6_sock' },
  { id: 137, name: 'bpf_skc_to_tcp_sock', args: ['sockCommonBtf'], ret: 'btfOrNull:tcp_sock' },
  {
    id: 138,
    name: 'bpf_skc_to_tcp_timewait_sock',
    args: ['sockCommonBtf'],
    ret: 'btfOrNull:tcp_timewait_sock',
  },
  {
    id: 139,
    name: 'bpf_skc_to_tcp_request_sock',
    args: ['sockCommonBtf'],
    ret: 'btfOrNull:tcp_request_sock',
  },
  { id: 140, name: 'bpf_skc_to_udp6_sock', args: ['sockCommonBtf'], ret: 'btfOrNull:udp6_sock' },
  {
    id: 141,
    name: 'bpf_get_task_stack',
    args: ['btf:task_struct', 'uninitMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
  },
  { id: 142, name: 'bpf_load_hdr_opt', args: ['ctx', 'writeMem', 'size', 'anything'], ret: 'integer' },
  {
    id: 143,
    name: 'bpf_store_hdr_opt',
    args: ['ctx', 'readonlyMem', 'size', 'anything'],
    ret: 'integer',
    changesPacket: true,
  },
  { id: 144, name: 'bpf_reserve_hdr_opt', args: ['ctx', 'anything', 'anything'], ret: 'integer' },
  {
    id: 145,
    name: 'bpf_inode_storage_get',
    args: ['mapPtr', 'btfOrNull:inode', 'mapValueOrNull', 'anything'],
    ret: 'mapValueOrNull',
    before: {
      profile: '6.6',
      args: ['mapPtr', 'btf:inode', 'mapValueOrNull', 'anything'],
      ret: 'mapValueOrNull',
    },
  },
  {
    id: 146,
    name: 'bpf_inode_storage_delete',
    args: ['mapPtr', 'btfOrNull:inode'],
    ret: 'integer',
    before: { profile: '6.6', args: ['mapPtr', 'btf:inode'], ret: 'integer' },
  },
  { id: 147, name: 'bpf_d_path', args: ['btf:path', 'filledMem', 'sizeOrZero'], ret: 'integer' },
  {
    id: 148,
    name: 'bpf_copy_from_user',
    args: ['uninitMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
    maySleep: true,
  },
  {
    id: 149,
    name: 'bpf_snprintf_btf',
    args: ['writeMem', 'size', 'readonlyMem', 'size', 'anything'],
    ret: 'integer',
    before: { profile: '7.2', args: ['mem', 'size', 'readonlyMem', 'size', 'anything'], ret: 'integer' },
  },
  {
    id: 150,
    name: 'bpf_seq_printf_btf',
    args: ['btf:seq_file', 'readonlyMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  { id: 151, name: 'bpf_skb_cgroup_classid', args: ['ctx'], ret: 'integer' },
  {
    id: 152,
    name: 'bpf_redirect_neigh',
    args: ['anything', 'readonlyMemOrNull', 'sizeOrZero', 'anything'],
    ret: 'integer',
  },
  { id: 153, name: 'bpf_per_cpu_ptr', args: ['percpuBtf', 'anything'], ret: 'percpuMemOrNull' },
  { id: 154, name: 'bpf_this_cpu_ptr', args: ['percpuBtf'], ret: 'percpuMem' },
  { id: 155, name: 'bpf_redirect_peer', args: ['anything', 'anything'], ret: 'integer' },
  {
    id: 156,
    name: 'bpf_task_storage_get',
    args: ['mapPtr', 'btfOrNull:task_struct', 'mapValueOrNull', 'anything'],
    ret: 'mapValueOrNull',
    before: {
      profile: '6.6',
      args: ['mapPtr', 'btf:task_struct', 'mapValueOrNull', 'anything'],
      ret: 'mapValueOrNull',
    },
  },
  {
    id: 157,
    name: 'bpf_task_storage_delete',
    args: ['mapPtr', 'btfOrNull:task_struct'],
    ret: 'integer',
    before: { profile: '6.6', args: ['mapPtr', 'btf:task_struct'], ret: 'integer' },
  },
  {
    id: 158,
    name: 'bpf_get_current_task_btf',
    args: [],
    ret: 'trustedBtf:task_struct',
    gplOnly: true,
    before: { profile: '6.6', args: [], ret: 'btf:task_struct', gplOnly: true },
  },
  { id: 159, name: 'bpf_bprm_opts_set', args: ['btf:linux_binprm', 'anything'], ret: 'integer' },
  { id: 160, name: 'bpf_ktime_get_coarse_ns', args: [], ret: 'integer' },
  {
    id: 161,
    name: 'bpf_ima_inode_hash',
    args: ['btf:inode', 'uninitMem', 'size'],
    ret: 'integer',
    maySleep: true,
  },
  { id: 162, name: 'bpf_sock_from_file', args: ['btf:file'], ret: 'btfOrNull:socket' },
  {
    id: 163,
    name: 'bpf_check_mtu',
    args: ['ctx', 'anything', 'fixedWriteMem:4', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
    before: {
      profile: '6.6',
      args: ['ctx', 'anything', 'fixedUninitMem:4', 'anything', 'anything'],
      ret: 'integer',
      gplOnly: true,
    },
  },
  {
    id: 164,
    name: 'bpf_for_each_map_elem',
    args: ['mapPtr', 'func', 'stackOrNull', 'anything'],
    ret: 'integer',
  },
  {
    id: 165,
    name: 'bpf_snprintf',
    args: ['filledMemOrNull', 'sizeOrZero', 'constStr', 'readonlyMemOrNull', 'sizeOrZero'],
    ret: 'integer',
    gplOnly: true,
  },
  {
    id: 166,
    name: 'bpf_sys_bpf',
    args: ['anything', 'readonlyMem', 'size'],
    ret: 'integer',
    maySleep: true,
    before: { profile: '6.6', args: ['anything', 'readonlyMem', 'size'], ret: 'integer' },
  },
  {
    id: 167,
    name: 'bpf_btf_find_by_name_kind',
    args: ['readonlyMem', 'size', 'anything', 'anything'],
    ret: 'integer',
    maySleep: true,
  },
  {
    id: 168,
    name: 'bpf_sys_close',
    args: ['anything'],
    ret: 'integer',
    maySleep: true,
    before: { profile: '6.6', args: ['anything'], ret: 'integer' },
  },
  { id: 169, name: 'bpf_timer_init', args: ['timer', 'mapPtr', 'anything'], ret: 'integer', gplOnly: true },
  { id: 170, name: 'bpf_timer_set_callback', args: ['timer', 'func'], ret: 'integer', gplOnly: true },
  {
    id: 171,
    name: 'bpf_timer_start',
    args: ['timer', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
  },
  { id: 172, name: 'bpf_timer_cancel', args: ['timer'], ret: 'integer', gplOnly: true },
  { id: 173, name: 'bpf_get_func_ip', args: ['ctx'], ret: 'integer', gplOnly: true },
  { id: 174, name: 'bpf_get_attach_cookie', args: ['ctx'], ret: 'integer' },
  { id: 175, name: 'bpf_task_pt_regs', args: ['btf:task_struct'], ret: 'btf:pt_regs', gplOnly: true },
  {
    id: 176,
    name: 'bpf_get_branch_snapshot',
    args: ['uninitMem', 'sizeOrZero'],
    ret: 'integer',
    gplOnly: true,
    since: '6.1',
  },
  {
    id: 177,
    name: 'bpf_trace_vprintk',
    args: ['readonlyMem', 'size', 'readonlyMemOrNull', 'sizeOrZero'],
    ret: 'integer',
    gplOnly: true,
    since: '6.1',
  },
  {
    id: 178,
    name: 'bpf_skc_to_unix_sock',
    args: ['sockCommonBtf'],
    ret: 'btfOrNull:unix_sock',
    since: '6.1',
  },
  {
    id: 179,
    name: 'bpf_kallsyms_lookup_name',
    args: ['filledMem', 'sizeOrZero', 'anything', 'fixedUninitMem:8'],
    ret: 'integer',
    since: '6.1',
  },
  {
    id: 180,
    name: 'bpf_find_vma',
    args: ['btf:task_struct', 'anything', 'func', 'stackOrNull', 'anything'],
    ret: 'integer',
    since: '6.1',
  },
  {
    id: 181,
    name: 'bpf_loop',
    args: ['scalar', 'func', 'stackOrNull', 'anything'],
    ret: 'integer',
    since: '6.1',
    before: { profile: '6.6', args: ['anything', 'func', 'stackOrNull', 'anything'], ret: 'integer' },
  },
  {
    id: 182,
    name: 'bpf_strncmp',
    args: ['readonlyMem', 'size', 'constStr'],
    ret: 'integer',
    since: '6.1',
    before: { profile: '6.6', args: ['mem', 'size', 'constStr'], ret: 'integer' },
  },
  {
    id: 183,
    name: 'bpf_get_func_arg',
    args: ['ctx', 'anything', 'fixedUninitMem:8'],
    ret: 'integer',
    since: '6.1',
  },
  { id: 184, name: 'bpf_get_func_ret', args: ['ctx', 'fixedUninitMem:8'], ret: 'integer', since: '6.1' },
  { id: 185, name: 'bpf_get_func_arg_cnt', args: ['ctx'], ret: 'integer', since: '6.1' },
  { id: 186, name: 'bpf_get_retval', args: [], ret: 'integer', since: '6.1' },
  { id: 187, name: 'bpf_set_retval', args: ['anything'], ret: 'integer', since: '6.1' },
  {
    id: 188,
    name: 'bpf_xdp_get_buff_len',
    args: ['btf:xdp_buff'],
    ret: 'integer',
    since: '6.1',
    variants: [{ programs: ['XDP'], args: ['ctx'], ret: 'integer' }],
  },
  {
    id: 189,
    name: 'bpf_xdp_load_bytes',
    args: ['ctx', 'anything', 'uninitMem', 'size'],
    ret: 'integer',
    since: '6.1',
  },
  {
    id: 190,
    name: 'bpf_xdp_store_bytes',
    args: ['ctx', 'anything', 'readonlyMem', 'size'],
    ret: 'integer',
    since: '6.1',
  },
  {
    id: 191,
    name: 'bpf_copy_from_user_task',
    args: ['uninitMem', 'sizeOrZero', 'anything', 'btf:task_struct', 'anything'],
    ret: 'integer',
    gplOnly: true,
    maySleep: true,
    since: '6.1',
  },
  {
    id: 192,
    name: 'bpf_skb_set_tstamp',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    since: '6.1',
  },
  {
    id: 193,
    name: 'bpf_ima_file_hash',
    args: ['btf:file', 'uninitMem', 'size'],
    ret: 'integer',
    maySleep: true,
    since: '6.1',
  },
  {
    id: 194,
    name: 'bpf_kptr_xchg',
    args: ['kptrDestination', 'btfOrNullRelease'],
    ret: 'kptrOrNull',
    since: '6.1',
  },
  {
    id: 195,
    name: 'bpf_map_lookup_percpu_elem',
    args: ['mapPtr', 'mapKey', 'anything'],
    ret: 'mapValueOrNull',
    packetAccess: true,
    since: '6.1',
  },
  { id: 196, name: 'bpf_skc_to_mptcp_sock', args: ['sockCommon'], ret: 'btfOrNull:mptcp_sock', since: '6.1' },
  {
    id: 197,
    name: 'bpf_dynptr_from_mem',
    args: ['uninitMem', 'sizeOrZero', 'anything', 'dynptrLocalUninit'],
    ret: 'integer',
    since: '6.1',
  },
  {
    id: 198,
    name: 'bpf_ringbuf_reserve_dynptr',
    args: ['mapPtr', 'anything', 'anything', 'dynptrRingbufUninit'],
    ret: 'integer',
    since: '6.1',
  },
  {
    id: 199,
    name: 'bpf_ringbuf_submit_dynptr',
    args: ['dynptrRingbufRelease', 'anything'],
    ret: 'void',
    since: '6.1',
  },
  {
    id: 200,
    name: 'bpf_ringbuf_discard_dynptr',
    args: ['dynptrRingbufRelease', 'anything'],
    ret: 'void',
    since: '6.1',
  },
  {
    id: 201,
    name: 'bpf_dynptr_read',
    args: ['uninitMem', 'sizeOrZero', 'dynptr', 'anything', 'anything'],
    ret: 'integer',
    since: '6.1',
  },
  {
    id: 202,
    name: 'bpf_dynptr_write',
    args: ['dynptr', 'anything', 'readonlyMem', 'sizeOrZero', 'anything'],
    ret: 'integer',
    since: '6.1',
  },
  {
    id: 203,
    name: 'bpf_dynptr_data',
    args: ['dynptr', 'anything', 'allocSizeOrZero'],
    ret: 'dynptrMemOrNull',
    since: '6.1',
  },
  {
    id: 204,
    name: 'bpf_tcp_raw_gen_syncookie_ipv4',
    args: ['fixedMem:20', 'mem', 'sizeOrZero'],
    ret: 'integer',
    gplOnly: true,
    packetAccess: true,
    since: '6.1',
    before: {
      profile: '6.6',
      args: ['fixedMem:20', 'mem', 'size'],
      ret: 'integer',
      gplOnly: true,
      packetAccess: true,
    },
  },
  {
    id: 205,
    name: 'bpf_tcp_raw_gen_syncookie_ipv6',
    args: ['fixedMem:40', 'mem', 'sizeOrZero'],
    ret: 'integer',
    gplOnly: true,
    packetAccess: true,
    since: '6.1',
    before: {
      profile: '6.6',
      args: ['fixedMem:40', 'mem', 'size'],
      ret: 'integer',
      gplOnly: true,
      packetAccess: true,
    },
  },
  {
    id: 206,
    name: 'bpf_tcp_raw_check_syncookie_ipv4',
    args: ['fixedMem:20', 'fixedMem:20'],
    ret: 'integer',
    gplOnly: true,
    packetAccess: true,
    since: '6.1',
  },
  {
    id: 207,
    name: 'bpf_tcp_raw_check_syncookie_ipv6',
    args: ['fixedMem:40', 'fixedMem:20'],
    ret: 'integer',
    gplOnly: true,
    packetAccess: true,
    since: '6.1',
  },
  { id: 208, name: 'bpf_ktime_get_tai_ns', args: [], ret: 'integer', since: '6.1' },
  {
    id: 209,
    name: 'bpf_user_ringbuf_drain',
    args: ['mapPtr', 'func', 'stackOrNull', 'anything'],
    ret: 'integer',
    since: '6.1',
  },
  {
    id: 210,
    name: 'bpf_cgrp_storage_get',
    args: ['mapPtr', 'btfOrNull:cgroup', 'mapValueOrNull', 'anything'],
    ret: 'mapValueOrNull',
    since: '6.6',
  },
  {
    id: 211,
    name: 'bpf_cgrp_storage_delete',
    args: ['mapPtr', 'btfOrNull:cgroup'],
    ret: 'integer',
    since: '6.6',
  },
] as const satisfies readonly HelperRow[];

export type HelperName = (typeof HELPERS)[number]['name'];
export type HelperId = (typeof HELPERS)[number]['id'];

const byId = new Map<number, HelperRow>(HELPERS.map((row) => [row.id, row]));
const byName = new Map<string, HelperRow>(HELPERS.map((row) => [row.name, row]));

/** The row of a helper number, whatever kernel has it. */
export const helperById = (id: number): HelperRow | undefined => byId.get(id);
/** The row of a full name, `bpf_timer_init`. */
export const helperByName = (name: string): HelperRow | undefined => byName.get(name);

/** The number that calls of a helper of the table carry. */
export const helperId = (name: HelperName): number => (byName.get(name) as HelperRow).id;
