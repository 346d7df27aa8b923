/**
 * Structs that programs see as contexts or behind socket pointers, other than packets (`ctxFields.ts`).
 * Not here: which program types see which, and their rights (`ctxFields.ts`).
 * Evidence: offsets from the kernels' BTF; sizes as observed on 6.1, 6.12 and 7.2.
 */
import { array, exact, run, u32, type CtxStruct } from './ctxField';

/** Sockets, also the context of BPF_PROG_TYPE_CGROUP_SOCK. */
export const BPF_SOCK: CtxStruct = {
  name: 'bpf_sock',
  sizeBytes: 80,
  fields: [
    exact('bound_dev_if', 0, 4),
    u32('family', 4, 'narrowAtStart'),
    u32('type', 8, 'narrowAtStart'),
    u32('protocol', 12, 'narrowAtStart'),
    exact('mark', 16, 4),
    exact('priority', 20, 4),
    u32('src_ip4', 24),
    array('src_ip6', 28, 4, 'narrow'),
    u32('src_port', 44, 'narrowAtStart'),
    { name: 'dst_port', offset: 48, sizeBytes: 2, kind: 'scalar', access: 'port' },
    exact('padding', 50, 2, 'padding'),
    u32('dst_ip4', 52),
    array('dst_ip6', 56, 4, 'narrow'),
    u32('state', 72, 'narrowAtStart'),
    u32('rx_queue_mapping', 76, 'narrowAtStart'),
  ],
};

/** Fields of sockets that exist only in full ones. */
export const FULL_SOCKET_FIELDS: ReadonlySet<string> = new Set(['type', 'protocol', 'mark', 'priority']);

const TCP_COUNTERS =
  'rtt_min snd_ssthresh rcv_nxt snd_nxt snd_una mss_cache ecn_flags rate_delivered rate_interval_us packets_out retrans_out total_retrans segs_in data_segs_in segs_out data_segs_out lost_out sacked_out';

export const BPF_TCP_SOCK: CtxStruct = {
  name: 'bpf_tcp_sock',
  sizeBytes: 112,
  fields: [
    ...run(0, `snd_cwnd srtt_us ${TCP_COUNTERS}`),
    { name: 'bytes_received', offset: 80, sizeBytes: 8, kind: 'scalar', access: 'highHalf' },
    { name: 'bytes_acked', offset: 88, sizeBytes: 8, kind: 'scalar', access: 'highHalf' },
    ...run(96, 'dsack_dups delivered delivered_ce icsk_retransmits'),
  ],
};

export const BPF_XDP_SOCK: CtxStruct = {
  name: 'bpf_xdp_sock',
  sizeBytes: 4,
  fields: [exact('queue_id', 0, 4)],
};

export const SOCK_OPS: CtxStruct = {
  name: 'bpf_sock_ops',
  sizeBytes: 224,
  fields: [
    exact('op', 0, 4),
    exact('reply', 4, 4),
    array('args', 8, 3),
    ...run(20, 'family remote_ip4 local_ip4'),
    array('remote_ip6', 32, 4),
    array('local_ip6', 48, 4),
    ...run(64, 'remote_port local_port is_fullsock snd_cwnd srtt_us bpf_sock_ops_cb_flags state'),
    ...run(92, `${TCP_COUNTERS} sk_txhash`),
    exact('bytes_received', 168, 8),
    exact('bytes_acked', 176, 8),
    exact('sk', 184, 8, 'fullSocketOrNull'),
    exact('skb_data', 192, 8, 'packet'),
    exact('skb_data_end', 200, 8, 'packetEnd'),
    exact('skb_len', 208, 4),
    u32('skb_tcp_flags', 212, 'narrowAtStart'),
    { ...exact('skb_hwtstamp', 216, 8), since: '6.6' },
  ],
};

export const SOCK_ADDR: CtxStruct = {
  name: 'bpf_sock_addr',
  sizeBytes: 72,
  fields: [
    exact('user_family', 0, 4),
    u32('user_ip4', 4),
    array('user_ip6', 8, 4, 'wide'),
    u32('user_port', 24),
    ...run(28, 'family type protocol'),
    u32('msg_src_ip4', 40),
    array('msg_src_ip6', 44, 4, 'wide'),
    exact('sk', 64, 8, 'fullSocket'),
  ],
};

export const SK_MSG_MD: CtxStruct = {
  name: 'sk_msg_md',
  sizeBytes: 80,
  fields: [
    exact('data', 0, 8, 'packet'),
    exact('data_end', 8, 8, 'packetEnd'),
    ...run(16, 'family remote_ip4 local_ip4'),
    array('remote_ip6', 28, 4),
    array('local_ip6', 44, 4),
    ...run(60, 'remote_port local_port size'),
    exact('sk', 72, 8, 'fullSocket'),
  ],
};

export const SK_LOOKUP: CtxStruct = {
  name: 'bpf_sk_lookup',
  sizeBytes: 72,
  fields: [
    exact('sk', 0, 8, 'fullSocketOrNull'),
    u32('family', 8),
    u32('protocol', 12),
    u32('remote_ip4', 16),
    array('remote_ip6', 20, 4, 'narrow'),
    { name: 'remote_port', offset: 36, sizeBytes: 2, kind: 'scalar', access: 'port' },
    { name: 'zero', offset: 38, sizeBytes: 2, kind: 'scalar', access: 'narrow' },
    u32('local_ip4', 40),
    array('local_ip6', 44, 4, 'narrow'),
    u32('local_port', 60),
    u32('ingress_ifindex', 64),
  ],
};

export const SK_REUSEPORT_MD: CtxStruct = {
  name: 'sk_reuseport_md',
  sizeBytes: 56,
  fields: [
    exact('data', 0, 8, 'packet'),
    exact('data_end', 8, 8, 'packetEnd'),
    u32('len', 16),
    u32('eth_protocol', 20, 'half'),
    u32('ip_protocol', 24),
    u32('bind_inany', 28),
    exact('hash', 32, 4),
    exact('sk', 40, 8, 'fullSocket'),
    exact('migrating_sk', 48, 8, 'socket'),
  ],
};

export const SOCKOPT: CtxStruct = {
  name: 'bpf_sockopt',
  sizeBytes: 40,
  fields: [
    exact('sk', 0, 8, 'fullSocket'),
    exact('optval', 8, 8, 'packet'),
    exact('optval_end', 16, 8, 'packetEnd'),
    ...run(24, 'level optname optlen retval'),
  ],
};

export const CGROUP_DEV_CTX: CtxStruct = {
  name: 'bpf_cgroup_dev_ctx',
  sizeBytes: 12,
  fields: [u32('access_type', 0), exact('major', 4, 4), exact('minor', 8, 4)],
};

export const SYSCTL: CtxStruct = {
  name: 'bpf_sysctl',
  sizeBytes: 8,
  fields: [u32('write', 0), u32('file_pos', 4)],
};

/** The registers of x86-64 come first. */
export const PERF_EVENT_DATA: CtxStruct = {
  name: 'bpf_perf_event_data',
  sizeBytes: 184,
  fields: [
    { name: 'regs', offset: 0, sizeBytes: 168, unitBytes: 8, kind: 'scalar', access: 'exact' },
    { name: 'sample_period', offset: 168, sizeBytes: 8, kind: 'scalar', access: 'narrow' },
    { name: 'addr', offset: 176, sizeBytes: 8, kind: 'scalar', access: 'narrow' },
  ],
};

export const NF_CTX: CtxStruct = {
  name: 'bpf_nf_ctx',
  sizeBytes: 16,
  fields: [
    { ...exact('state', 0, 8, 'kernelStruct'), struct: 'nf_hook_state' },
    { ...exact('skb', 8, 8, 'kernelStruct'), struct: 'sk_buff' },
  ],
};

/** What a raw tracepoint with a writable buffer passes: the buffer (only a load that begins at its first byte), then plain words. */
export const RAW_TP_WRITABLE: CtxStruct = {
  name: 'bpf_raw_tracepoint_args',
  sizeBytes: 96,
  fields: [
    { ...exact('buffer', 0, 1, 'tracepointBuffer'), unitBytes: 8 },
    { name: 'args', offset: 1, sizeBytes: 95, kind: 'scalar', access: 'words' },
  ],
};
