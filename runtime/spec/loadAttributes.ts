/**
 * What a kernel asks of a program's load attributes before it looks at an instruction: known flags, the attach types that a
 * program type insists on. Loaders set these rightly from a section's name; bare programs bring their own.
 * Evidence: every program type with every attach type, and every flag, offered to 6.1, 6.12 and 7.2.
 */
export const PROGRAM_FLAGS = {
  strictAlignment: 1 << 0,
  anyAlignment: 1 << 1,
  testStateFreq: 1 << 3,
  sleepable: 1 << 4,
  tokenFd: 1 << 16,
} as const;

/** Flags that a kernel takes, with the profile that first takes more; ascending. */
export const KNOWN_PROGRAM_FLAGS: readonly { readonly flags: number; readonly since?: string }[] = [
  { flags: 0x3f },
  { flags: 0x7f, since: '6.6' },
  { flags: 0x100ff, since: '6.12' },
];

/** Ids in BTF may not be larger. */
export const BTF_ID_MAX = 0xfffff;

/** Types that attach to something of the kernel's BTF. */
export const BTF_ATTACHED: ReadonlySet<string> = new Set([
  'BPF_PROG_TYPE_TRACING',
  'BPF_PROG_TYPE_LSM',
  'BPF_PROG_TYPE_STRUCT_OPS',
  'BPF_PROG_TYPE_EXT',
]);

/** Attach types that are for many functions at once; they want no single one. */
export const MULTI_ATTACH_TYPES: ReadonlySet<string> = new Set([
  'BPF_TRACE_FENTRY_MULTI',
  'BPF_TRACE_FEXIT_MULTI',
  'BPF_TRACE_FSESSION_MULTI',
]);

/**
 * Attach types that let a program sleep, by program type. Oldest kernels look at the program type only.
 * Evidence: every attach type with every program type offered to the three kernels, with and without sleeping.
 */
export const SLEEPABLE_ATTACH_TYPES: Readonly<Record<string, readonly string[]>> = {
  BPF_PROG_TYPE_TRACING: [
    'BPF_TRACE_FENTRY',
    'BPF_TRACE_FEXIT',
    'BPF_MODIFY_RETURN',
    'BPF_TRACE_ITER',
    'BPF_TRACE_FSESSION',
  ],
};

/** Newest kernels let programs sleep in tracepoints, too, whatever their type. */
export const SLEEPABLE_TRACEPOINT_TYPE = 'BPF_TRACE_RAW_TP';

interface AttachRule {
  /** The attach types that are taken. */
  readonly types: readonly string[];
  /** What attach type 0 is read as. */
  readonly zeroIs?: string;
}

/** Program types that take only these attach types; all others take any number. */
export const ATTACH_RULES: Readonly<Record<string, AttachRule>> = {
  BPF_PROG_TYPE_CGROUP_SOCK: {
    types: [
      'BPF_CGROUP_INET_SOCK_CREATE',
      'BPF_CGROUP_INET_SOCK_RELEASE',
      'BPF_CGROUP_INET4_POST_BIND',
      'BPF_CGROUP_INET6_POST_BIND',
    ],
    zeroIs: 'BPF_CGROUP_INET_SOCK_CREATE',
  },
  BPF_PROG_TYPE_CGROUP_SOCK_ADDR: {
    types: [
      'BPF_CGROUP_INET4_BIND',
      'BPF_CGROUP_INET6_BIND',
      'BPF_CGROUP_INET4_CONNECT',
      'BPF_CGROUP_INET6_CONNECT',
      'BPF_CGROUP_UNIX_CONNECT',
      'BPF_CGROUP_INET4_GETPEERNAME',
      'BPF_CGROUP_INET6_GETPEERNAME',
      'BPF_CGROUP_UNIX_GETPEERNAME',
      'BPF_CGROUP_INET4_GETSOCKNAME',
      'BPF_CGROUP_INET6_GETSOCKNAME',
      'BPF_CGROUP_UNIX_GETSOCKNAME',
      'BPF_CGROUP_UDP4_SENDMSG',
      'BPF_CGROUP_UDP6_SENDMSG',
      'BPF_CGROUP_UNIX_SENDMSG',
      'BPF_CGROUP_UDP4_RECVMSG',
      'BPF_CGROUP_UDP6_RECVMSG',
      'BPF_CGROUP_UNIX_RECVMSG',
    ],
  },
  BPF_PROG_TYPE_CGROUP_SKB: { types: ['BPF_CGROUP_INET_INGRESS', 'BPF_CGROUP_INET_EGRESS'] },
  BPF_PROG_TYPE_CGROUP_SOCKOPT: { types: ['BPF_CGROUP_SETSOCKOPT', 'BPF_CGROUP_GETSOCKOPT'] },
  BPF_PROG_TYPE_SK_LOOKUP: { types: ['BPF_SK_LOOKUP'] },
  BPF_PROG_TYPE_SK_REUSEPORT: {
    types: ['BPF_SK_REUSEPORT_SELECT', 'BPF_SK_REUSEPORT_SELECT_OR_MIGRATE'],
    zeroIs: 'BPF_SK_REUSEPORT_SELECT',
  },
  BPF_PROG_TYPE_NETFILTER: { types: ['BPF_NETFILTER'] },
  // Attach type 0 has this name; to these types it means none.
  BPF_PROG_TYPE_SYSCALL: { types: ['BPF_CGROUP_INET_INGRESS'] },
  BPF_PROG_TYPE_EXT: { types: ['BPF_CGROUP_INET_INGRESS'] },
};
