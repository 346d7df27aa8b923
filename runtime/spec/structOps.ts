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
  { table: 'sched_ext_ops', sleepable: [...SCX_SLEEPABLE, 'cpu_online', 'cpu_offline'], ...SCX },
  { table: 'sched_ext_ops_cid', sleepable: [...SCX_SLEEPABLE, 'cid_online', 'cid_offline'], ...SCX },
];

/** The row of `struct NAME`; undefined: a table that is not modelled. */
export const structOpsByTable = (table: string): StructOpsRow | undefined =>
  STRUCT_OPS.find((row) => row.table === table);
