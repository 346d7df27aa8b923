/**
 * Program types: number, name, context, what the verifier and the model must know of each.
 * Not here: section names (`sections.ts`), helpers (`helperPrograms.ts`), fields of contexts (`ctxFields.ts`).
 * Evidence: BTF enums of the measured kernels; return ranges and packet rights as observed on 6.1 and 6.12.
 */
export interface ReturnRange {
  readonly min: number;
  readonly max: number;
}

export interface ProgTypeRow {
  readonly id: number;
  /** BPF_PROG_TYPE_… */
  readonly name: string;
  /**
   * What R1 points at: a packet's context or another struct of `ctxFields.ts`; `bytes` (plain memory that the caller gives); `args`
   * (array of 64-bit arguments typed by kernel BTF); `words` (array of untyped 64-bit words); `registers` (of a probe); `other`.
   */
  readonly context: 'xdp_md' | '__sk_buff' | 'struct' | 'bytes' | 'args' | 'words' | 'registers' | 'other';
  /** A struct of `ctxFields.ts` that is the kernel's own: no access to it is translated. */
  readonly contextAsItIs?: true;
  /** Arguments may be written, and in any size: nobody reads them afterwards. */
  readonly contextWritable?: true;
  /** Name of the context in C, for headers and messages. */
  readonly contextType: string;
  /** Direct packet access through pointers of the context. */
  readonly packet: 'none' | 'read' | 'write';
  /** Values that R0 may have at exit; absent: anything. */
  readonly returns?: ReturnRange;
  /** Return ranges that depend on the attach type; `any` lifts the range. */
  readonly returnsByAttachType?: Readonly<Record<string, ReturnRange | 'any'>>;
  /** Can be run with BPF_PROG_TEST_RUN, and what with. */
  readonly testRun: 'packet' | 'context' | 'args' | 'none';
  /** Counted by the kernel among the tracing types that may not touch timers, locks … (before 7.0). */
  readonly tracing?: true;
  /** May be loaded as sleepable; `always` = must. */
  readonly sleepable?: 'may' | 'always';
  /** First profile that has it; absent: all. */
  readonly since?: string;
  /** The measured kernels are built without it. */
  readonly notInCloudKernels?: true;
}

const BOOL: ReturnRange = { min: 0, max: 1 };
const ZERO: ReturnRange = { min: 0, max: 0 };
const ONE: ReturnRange = { min: 1, max: 1 };
const TWO_BITS: ReturnRange = { min: 0, max: 3 };

const skb = { context: '__sk_buff', contextType: 'struct __sk_buff' } as const;
const other = (contextType: string) => ({ context: 'other', contextType }) as const;
const struct = (contextType: string) => ({ context: 'struct', contextType }) as const;

export const PROG_TYPES: readonly ProgTypeRow[] = [
  { id: 1, name: 'BPF_PROG_TYPE_SOCKET_FILTER', ...skb, packet: 'none', testRun: 'packet' },
  {
    id: 2,
    name: 'BPF_PROG_TYPE_KPROBE',
    context: 'registers',
    contextType: 'bpf_user_pt_regs_t',
    packet: 'none',
    returnsByAttachType: { BPF_TRACE_KPROBE_SESSION: BOOL, BPF_TRACE_UPROBE_SESSION: BOOL },
    testRun: 'none',
    tracing: true,
    sleepable: 'may',
  },
  { id: 3, name: 'BPF_PROG_TYPE_SCHED_CLS', ...skb, packet: 'write', testRun: 'packet' },
  { id: 4, name: 'BPF_PROG_TYPE_SCHED_ACT', ...skb, packet: 'write', testRun: 'packet' },
  {
    id: 5,
    name: 'BPF_PROG_TYPE_TRACEPOINT',
    context: 'words',
    contextType: '__u64',
    packet: 'none',
    testRun: 'none',
    tracing: true,
  },
  {
    id: 6,
    name: 'BPF_PROG_TYPE_XDP',
    context: 'xdp_md',
    contextType: 'struct xdp_md',
    packet: 'write',
    testRun: 'packet',
  },
  {
    id: 7,
    name: 'BPF_PROG_TYPE_PERF_EVENT',
    ...struct('struct bpf_perf_event_data'),
    packet: 'none',
    testRun: 'none',
    tracing: true,
  },
  {
    id: 8,
    name: 'BPF_PROG_TYPE_CGROUP_SKB',
    ...skb,
    packet: 'read',
    returns: BOOL,
    returnsByAttachType: { BPF_CGROUP_INET_EGRESS: TWO_BITS },
    testRun: 'packet',
  },
  {
    id: 9,
    name: 'BPF_PROG_TYPE_CGROUP_SOCK',
    ...struct('struct bpf_sock'),
    packet: 'none',
    returns: BOOL,
    testRun: 'none',
  },
  { id: 10, name: 'BPF_PROG_TYPE_LWT_IN', ...skb, packet: 'read', testRun: 'packet' },
  { id: 11, name: 'BPF_PROG_TYPE_LWT_OUT', ...skb, packet: 'read', testRun: 'packet' },
  { id: 12, name: 'BPF_PROG_TYPE_LWT_XMIT', ...skb, packet: 'write', testRun: 'packet' },
  {
    id: 13,
    name: 'BPF_PROG_TYPE_SOCK_OPS',
    ...struct('struct bpf_sock_ops'),
    packet: 'none',
    returns: BOOL,
    testRun: 'none',
  },
  { id: 14, name: 'BPF_PROG_TYPE_SK_SKB', ...skb, packet: 'write', testRun: 'none' },
  {
    id: 15,
    name: 'BPF_PROG_TYPE_CGROUP_DEVICE',
    ...struct('struct bpf_cgroup_dev_ctx'),
    contextAsItIs: true,
    packet: 'none',
    returns: BOOL,
    testRun: 'none',
  },
  { id: 16, name: 'BPF_PROG_TYPE_SK_MSG', ...struct('struct sk_msg_md'), packet: 'write', testRun: 'none' },
  {
    id: 17,
    name: 'BPF_PROG_TYPE_RAW_TRACEPOINT',
    context: 'words',
    contextType: 'struct bpf_raw_tracepoint_args',
    packet: 'none',
    testRun: 'args',
    tracing: true,
  },
  {
    id: 18,
    name: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
    ...struct('struct bpf_sock_addr'),
    packet: 'none',
    returns: BOOL,
    returnsByAttachType: {
      BPF_CGROUP_UDP4_RECVMSG: ONE,
      BPF_CGROUP_UDP6_RECVMSG: ONE,
      BPF_CGROUP_UNIX_RECVMSG: ONE,
      BPF_CGROUP_INET4_GETPEERNAME: ONE,
      BPF_CGROUP_INET6_GETPEERNAME: ONE,
      BPF_CGROUP_UNIX_GETPEERNAME: ONE,
      BPF_CGROUP_INET4_GETSOCKNAME: ONE,
      BPF_CGROUP_INET6_GETSOCKNAME: ONE,
      BPF_CGROUP_UNIX_GETSOCKNAME: ONE,
      BPF_CGROUP_INET4_BIND: TWO_BITS,
      BPF_CGROUP_INET6_BIND: TWO_BITS,
    },
    testRun: 'none',
  },
  { id: 19, name: 'BPF_PROG_TYPE_LWT_SEG6LOCAL', ...skb, packet: 'read', testRun: 'packet' },
  {
    id: 20,
    name: 'BPF_PROG_TYPE_LIRC_MODE2',
    ...other('__u32'),
    contextAsItIs: true,
    packet: 'none',
    testRun: 'none',
    notInCloudKernels: true,
  },
  {
    id: 21,
    name: 'BPF_PROG_TYPE_SK_REUSEPORT',
    ...struct('struct sk_reuseport_md'),
    packet: 'read',
    testRun: 'none',
  },
  { id: 22, name: 'BPF_PROG_TYPE_FLOW_DISSECTOR', ...skb, packet: 'read', testRun: 'packet' },
  {
    id: 23,
    name: 'BPF_PROG_TYPE_CGROUP_SYSCTL',
    ...struct('struct bpf_sysctl'),
    packet: 'none',
    returns: BOOL,
    testRun: 'none',
  },
  {
    id: 24,
    name: 'BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE',
    ...struct('struct bpf_raw_tracepoint_args'),
    contextAsItIs: true,
    packet: 'none',
    testRun: 'none',
    tracing: true,
  },
  {
    id: 25,
    name: 'BPF_PROG_TYPE_CGROUP_SOCKOPT',
    ...struct('struct bpf_sockopt'),
    packet: 'write',
    returns: BOOL,
    testRun: 'none',
  },
  {
    id: 26,
    name: 'BPF_PROG_TYPE_TRACING',
    context: 'args',
    contextType: 'void *',
    packet: 'none',
    returns: BOOL,
    returnsByAttachType: {
      BPF_TRACE_FENTRY: ZERO,
      BPF_TRACE_FEXIT: ZERO,
      BPF_TRACE_FSESSION: ZERO,
      BPF_TRACE_RAW_TP: 'any',
      BPF_MODIFY_RETURN: 'any',
      BPF_TRACE_ITER: BOOL,
    },
    testRun: 'args',
    sleepable: 'may',
  },
  {
    id: 27,
    name: 'BPF_PROG_TYPE_STRUCT_OPS',
    context: 'args',
    contextType: 'void *',
    packet: 'none',
    testRun: 'none',
    sleepable: 'may',
  },
  { id: 28, name: 'BPF_PROG_TYPE_EXT', ...other('void *'), packet: 'none', testRun: 'none' },
  {
    id: 29,
    name: 'BPF_PROG_TYPE_LSM',
    context: 'args',
    contextWritable: true,
    contextType: 'void *',
    packet: 'none',
    testRun: 'none',
    sleepable: 'may',
  },
  {
    id: 30,
    name: 'BPF_PROG_TYPE_SK_LOOKUP',
    ...struct('struct bpf_sk_lookup'),
    packet: 'none',
    returns: BOOL,
    testRun: 'context',
  },
  {
    id: 31,
    name: 'BPF_PROG_TYPE_SYSCALL',
    context: 'bytes',
    contextType: 'void *',
    packet: 'none',
    testRun: 'context',
    sleepable: 'always',
  },
  {
    id: 32,
    name: 'BPF_PROG_TYPE_NETFILTER',
    ...struct('struct bpf_nf_ctx'),
    contextAsItIs: true,
    packet: 'none',
    returns: BOOL,
    testRun: 'packet',
    since: '6.6',
  },
];

const byName = new Map(PROG_TYPES.map((row) => [row.name, row]));

/** The row of `BPF_PROG_TYPE_XDP` and so on. */
export const progTypeByName = (name: string): ProgTypeRow | undefined => byName.get(name);

/** What R0 may be when a program of that type and attach type exits; undefined: anything. */
export function returnRange(row: ProgTypeRow, attachType: string | undefined): ReturnRange | undefined {
  const special = attachType === undefined ? undefined : row.returnsByAttachType?.[attachType];
  if (special === 'any') return undefined;
  return special ?? row.returns;
}

const AS_IT_IS: ReadonlySet<ProgTypeRow['context']> = new Set(['bytes', 'args', 'words', 'registers']);

/** Whether programs see the kernel's own structure as their context: no access to it is translated. */
export function isContextAsItIs(programType: string): boolean {
  const row = progTypeByName(programType);
  return row !== undefined && (AS_IT_IS.has(row.context) || row.contextAsItIs === true);
}
