/**
 * Packet contexts as programs see them, and per program type who may read or write which field of its context.
 * Program types that are not listed have no struct as context (`progTypes.ts`).
 * Evidence: offsets from the kernels' BTF, rights as observed on 6.1, 6.12 and 7.2.
 */
import { exact, u32, type CtxStruct } from './ctxField';
import {
  BPF_SOCK,
  CGROUP_DEV_CTX,
  NF_CTX,
  PERF_EVENT_DATA,
  RAW_TP_WRITABLE,
  SK_LOOKUP,
  SK_MSG_MD,
  SK_REUSEPORT_MD,
  SOCK_ADDR,
  SOCK_OPS,
  SOCKOPT,
  SYSCTL,
} from './ctxStructs';

export const XDP_MD: CtxStruct = {
  name: 'xdp_md',
  sizeBytes: 24,
  fields: [
    exact('data', 0, 4, 'packet'),
    exact('data_end', 4, 4, 'packetEnd'),
    exact('data_meta', 8, 4, 'packetMeta'),
    exact('ingress_ifindex', 12, 4),
    exact('rx_queue_index', 16, 4),
    exact('egress_ifindex', 20, 4),
  ],
};

export const SK_BUFF: CtxStruct = {
  name: '__sk_buff',
  sizeBytes: 192,
  fields: [
    u32('len', 0),
    u32('pkt_type', 4),
    u32('mark', 8),
    u32('queue_mapping', 12),
    u32('protocol', 16),
    u32('vlan_present', 20),
    u32('vlan_tci', 24),
    u32('vlan_proto', 28),
    u32('priority', 32),
    u32('ingress_ifindex', 36),
    u32('ifindex', 40),
    u32('tc_index', 44),
    { name: 'cb', offset: 48, sizeBytes: 20, kind: 'scalar', access: 'words' },
    u32('hash', 68),
    u32('tc_classid', 72),
    exact('data', 76, 4, 'packet'),
    exact('data_end', 80, 4, 'packetEnd'),
    u32('napi_id', 84),
    u32('family', 88),
    exact('remote_ip4', 92, 4),
    exact('local_ip4', 96, 4),
    exact('remote_ip6[0]', 100, 4),
    exact('remote_ip6[1]', 104, 4),
    exact('remote_ip6[2]', 108, 4),
    exact('remote_ip6[3]', 112, 4),
    exact('local_ip6[0]', 116, 4),
    exact('local_ip6[1]', 120, 4),
    exact('local_ip6[2]', 124, 4),
    exact('local_ip6[3]', 128, 4),
    u32('remote_port', 132),
    u32('local_port', 136),
    exact('data_meta', 140, 4, 'packetMeta'),
    exact('flow_keys', 144, 8, 'flowKeys'),
    exact('tstamp', 152, 8),
    u32('wire_len', 160),
    u32('gso_segs', 164),
    exact('sk', 168, 8, 'socket'),
    u32('gso_size', 176),
    exact('tstamp_type', 180, 1),
    exact('padding', 181, 3, 'padding'),
    exact('hwtstamp', 184, 8),
  ],
};

const SOCKET_FIELDS = [
  'family',
  'remote_ip4',
  'local_ip4',
  'remote_ip6[0]',
  'remote_ip6[1]',
  'remote_ip6[2]',
  'remote_ip6[3]',
  'local_ip6[0]',
  'local_ip6[1]',
  'local_ip6[2]',
  'local_ip6[3]',
  'remote_port',
  'local_port',
];

/** What a program type may do with the fields of its context; fields that are not named are readable. */
export interface CtxRights {
  readonly struct: CtxStruct;
  readonly hidden: readonly string[];
  readonly writable: readonly string[];
  /** Fields that only programs of some attach types see. */
  readonly onlyFor?: Readonly<Record<string, readonly string[]>>;
  /** Fields that only programs of some attach types may change. */
  readonly writableFor?: Readonly<Record<string, readonly string[]>>;
}

const lwt: CtxRights = {
  struct: SK_BUFF,
  hidden: [
    'tc_classid',
    ...SOCKET_FIELDS,
    'data_meta',
    'tstamp',
    'wire_len',
    'hwtstamp',
    'flow_keys',
    'tstamp_type',
    'padding',
  ],
  writable: ['mark', 'priority', 'cb'],
};
const tc: CtxRights = {
  struct: SK_BUFF,
  hidden: [...SOCKET_FIELDS, 'flow_keys', 'padding'],
  writable: ['mark', 'tc_index', 'priority', 'tc_classid', 'cb', 'tstamp', 'queue_mapping'],
};

const SOCKET_LIFE = ['BPF_CGROUP_INET_SOCK_CREATE', 'BPF_CGROUP_INET_SOCK_RELEASE'];
/** Hooks that show an address of version `#`. */
const ADDRESS_HOOKS = [
  'BPF_CGROUP_INET#_BIND',
  'BPF_CGROUP_INET#_CONNECT',
  'BPF_CGROUP_INET#_GETPEERNAME',
  'BPF_CGROUP_INET#_GETSOCKNAME',
  'BPF_CGROUP_UDP#_SENDMSG',
  'BPF_CGROUP_UDP#_RECVMSG',
];

/** By program type. */
export const CTX_RIGHTS: Readonly<Record<string, CtxRights>> = {
  BPF_PROG_TYPE_XDP: {
    struct: XDP_MD,
    hidden: [],
    writable: [],
    // visible only for programs loaded with this expected attach type
    onlyFor: { egress_ifindex: ['BPF_XDP_DEVMAP'] },
  },
  BPF_PROG_TYPE_SOCKET_FILTER: {
    struct: SK_BUFF,
    hidden: [
      'tc_classid',
      'data',
      'data_meta',
      'data_end',
      ...SOCKET_FIELDS,
      'tstamp',
      'wire_len',
      'hwtstamp',
      'flow_keys',
      'tstamp_type',
      'padding',
    ],
    writable: ['cb'],
  },
  BPF_PROG_TYPE_SCHED_CLS: tc,
  BPF_PROG_TYPE_SCHED_ACT: tc,
  BPF_PROG_TYPE_CGROUP_SKB: {
    struct: SK_BUFF,
    hidden: ['tc_classid', 'data_meta', 'wire_len', 'flow_keys', 'tstamp_type', 'padding'],
    writable: ['mark', 'priority', 'cb', 'tstamp'],
  },
  BPF_PROG_TYPE_LWT_IN: lwt,
  BPF_PROG_TYPE_LWT_OUT: lwt,
  BPF_PROG_TYPE_LWT_XMIT: lwt,
  BPF_PROG_TYPE_LWT_SEG6LOCAL: lwt,
  BPF_PROG_TYPE_SK_SKB: {
    struct: SK_BUFF,
    hidden: [
      'tc_classid',
      'data_meta',
      'tstamp',
      'wire_len',
      'hwtstamp',
      'flow_keys',
      'tstamp_type',
      'padding',
      'mark',
    ],
    writable: ['tc_index', 'priority'],
  },
  BPF_PROG_TYPE_FLOW_DISSECTOR: {
    struct: SK_BUFF,
    hidden: SK_BUFF.fields
      .map((field) => field.name)
      .filter((name) => name !== 'data' && name !== 'data_end' && name !== 'flow_keys'),
    writable: [],
  },
  BPF_PROG_TYPE_CGROUP_SOCK: {
    struct: BPF_SOCK,
    hidden: ['padding'],
    writable: ['bound_dev_if', 'mark', 'priority'],
    onlyFor: {
      bound_dev_if: SOCKET_LIFE,
      mark: SOCKET_LIFE,
      priority: SOCKET_LIFE,
      src_ip4: ['BPF_CGROUP_INET4_POST_BIND'],
      src_ip6: ['BPF_CGROUP_INET6_POST_BIND'],
      src_port: ['BPF_CGROUP_INET4_POST_BIND', 'BPF_CGROUP_INET6_POST_BIND'],
    },
  },
  BPF_PROG_TYPE_CGROUP_SOCK_ADDR: {
    struct: SOCK_ADDR,
    hidden: [],
    writable: ['user_ip4', 'user_ip6', 'user_port', 'msg_src_ip4', 'msg_src_ip6'],
    onlyFor: {
      user_ip4: ADDRESS_HOOKS.map((hook) => hook.replace('#', '4')),
      user_ip6: ADDRESS_HOOKS.map((hook) => hook.replace('#', '6')),
      msg_src_ip4: ['BPF_CGROUP_UDP4_SENDMSG'],
      msg_src_ip6: ['BPF_CGROUP_UDP6_SENDMSG'],
    },
  },
  BPF_PROG_TYPE_CGROUP_SOCKOPT: {
    struct: SOCKOPT,
    hidden: [],
    writable: ['level', 'optname', 'optlen', 'retval'],
    onlyFor: { retval: ['BPF_CGROUP_GETSOCKOPT'] },
    writableFor: { level: ['BPF_CGROUP_SETSOCKOPT'], optname: ['BPF_CGROUP_SETSOCKOPT'] },
  },
  BPF_PROG_TYPE_SOCK_OPS: { struct: SOCK_OPS, hidden: [], writable: ['reply', 'sk_txhash'] },
  BPF_PROG_TYPE_SK_MSG: { struct: SK_MSG_MD, hidden: [], writable: [] },
  BPF_PROG_TYPE_SK_LOOKUP: { struct: SK_LOOKUP, hidden: [], writable: [] },
  BPF_PROG_TYPE_SK_REUSEPORT: { struct: SK_REUSEPORT_MD, hidden: [], writable: [] },
  BPF_PROG_TYPE_CGROUP_DEVICE: { struct: CGROUP_DEV_CTX, hidden: [], writable: [] },
  BPF_PROG_TYPE_CGROUP_SYSCTL: { struct: SYSCTL, hidden: [], writable: ['file_pos'] },
  BPF_PROG_TYPE_PERF_EVENT: { struct: PERF_EVENT_DATA, hidden: [], writable: [] },
  BPF_PROG_TYPE_NETFILTER: { struct: NF_CTX, hidden: [], writable: [] },
  BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE: { struct: RAW_TP_WRITABLE, hidden: [], writable: [] },
};

/** Largest offset (exclusive) of a `syscall` program's plain context. */
export const SYSCALL_CTX_MAX_BYTES = 0xffff;
