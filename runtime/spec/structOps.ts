/**
 * Operation tables of the kernel that programs may implement (`BPF_PROG_TYPE_STRUCT_OPS`): which members sleep or are closed, what
 * a program may write through its arguments. Members, prototypes and nullable arguments are in the kernel's BTF; helpers are in
 * `helperPrograms.ts`, under the table's name (and `table.member`).
 * Evidence: every member asked of 6.1, 6.12 and 7.2 (sleeping, returning, each argument), every offset of the structs stored to.
 */

export interface WritableMember {
  readonly name: string;
  readonly from?: string;
  readonly since?: string;
  /** Stores may begin inside the member, not only where it does. */
  readonly inside?: true;
  /** The member is storage that holds this struct; only that member of it. */
  readonly holds?: { readonly struct: string; readonly member: string };
}

/** Where a program may store: members of a kernel struct. */
export interface WritableStruct {
  readonly struct: string;
  /** Members, `inner.member` inside structs; `from` is the struct that they are counted from, which begins `struct`. */
  readonly members: readonly WritableMember[];
}

export interface StructOpsRow {
  /** `struct tcp_congestion_ops` and so on. */
  readonly table: string;
  /** Arguments of that struct are seen as the larger one. */
  readonly promotes?: { readonly from: string; readonly to: string };
  /** Struct that stands for arguments that point at pointers. */
  readonly pointersSeenAs?: string;
  /** Members that may sleep, where kernels let struct_ops programs sleep. */
  readonly sleepable: 'all' | readonly string[];
  /** Members that programs may not implement. */
  readonly unsupported: readonly string[];
  readonly writable: readonly WritableStruct[];
  /** What the kernel says of other stores; `silent`: nothing. */
  readonly refusal: 'readOnly' | 'onlyDummyState' | 'silent';
  /** Functions in the kernel's BTF whose parameter names tell which arguments may be NULL; `#` is the member. */
  readonly stub?: string;
}

const SCX_SLEEPABLE = [
  'init_task',
  'cgroup_init',
  'cgroup_exit',
  'cgroup_prep_move',
  'sub_attach',
  'sub_detach',
  'init',
  'exit',
];

const SCX = {
  unsupported: [],
  writable: [
    {
      struct: 'task_struct',
      members: [
        { name: 'scx.slice', inside: true },
        { name: 'scx.dsq_vtime', inside: true },
        { name: 'scx.disallow', inside: true },
      ],
    },
  ],
  refusal: 'silent',
  stub: 'sched_ext_ops__#',
} as const;

export const STRUCT_OPS: readonly StructOpsRow[] = [
  {
    table: 'tcp_congestion_ops',
    promotes: { from: 'sock', to: 'tcp_sock' },
    sleepable: 'all',
    unsupported: ['get_info'],
    writable: [
      {
        struct: 'tcp_sock',
        members: [
          { name: 'sk_pacing_rate', from: 'sock' },
          { name: 'sk_pacing_status', from: 'sock' },
          { name: 'icsk_ca_priv', from: 'inet_connection_sock', inside: true },
          { name: 'icsk_ack.pending', from: 'inet_connection_sock' },
          { name: 'snd_cwnd' },
          { name: 'snd_cwnd_cnt' },
          { name: 'snd_cwnd_stamp', since: '6.12' },
          { name: 'snd_ssthresh' },
          { name: 'ecn_flags' },
          { name: 'app_limited', since: '6.6' },
        ],
      },
    ],
    refusal: 'readOnly',
  },
  {
    table: 'bpf_dummy_ops',
    sleepable: ['test_sleepable'],
    unsupported: [],
    writable: [{ struct: 'bpf_dummy_ops_state', members: [{ name: 'val' }] }],
    refusal: 'onlyDummyState',
    stub: 'bpf_dummy_ops__#',
  },
  {
    table: 'Qdisc_ops',
    pointersSeenAs: 'bpf_sk_buff_ptr',
    sleepable: 'all',
    unsupported: [
      'peek',
      'change',
      'attach',
      'change_tx_queue_len',
      'change_real_num_tx',
      'dump',
      'dump_stats',
      'ingress_block_set',
      'egress_block_set',
      'ingress_block_get',
      'egress_block_get',
    ],
    writable: [
      {
        struct: 'Qdisc',
        members: [{ name: 'limit' }, { name: 'q.qlen' }, { name: 'qstats', inside: true }],
      },
      {
        struct: 'sk_buff',
        members: [
          { name: 'tstamp' },
          { name: 'cb', inside: true, holds: { struct: 'qdisc_skb_cb', member: 'data' } },
        ],
      },
    ],
    refusal: 'readOnly',
    stub: 'Qdisc_ops__#',
  },
  {
    table: 'io_uring_bpf_ops',
    sleepable: 'all',
    unsupported: [],
    writable: [{ struct: 'iou_loop_params', members: [{ name: 'cq_wait_idx', inside: true }] }],
    refusal: 'silent',
    stub: 'io_bpf_ops__#',
  },
  { table: 'sched_ext_ops', sleepable: [...SCX_SLEEPABLE, 'cpu_online', 'cpu_offline'], ...SCX },
  { table: 'sched_ext_ops_cid', sleepable: [...SCX_SLEEPABLE, 'cid_online', 'cid_offline'], ...SCX },
];

/** The row of `struct NAME`; undefined: a table that is not modelled. */
export const structOpsByTable = (table: string): StructOpsRow | undefined =>
  STRUCT_OPS.find((row) => row.table === table);
