/**
 * Map types: number, name, rules of key, value and size, which helpers take them, what may live in their values.
 * Evidence: BTF enums of the measured kernels; helper pairs, creation errors as observed on 6.1, 6.12 and 7.2.
 */
import type { HelperName } from './helpers';

export interface MapTypeRow {
  readonly id: number;
  /** BPF_MAP_TYPE_… */
  readonly name: string;
  readonly family:
    | 'array'
    | 'hash'
    | 'lru'
    | 'mapInMap'
    | 'progArray'
    | 'ringbuf'
    | 'queue'
    | 'trie'
    | 'storage'
    | 'redirect'
    | 'socket'
    | 'events'
    | 'other';
  readonly perCpu?: true;
  /** Key size in bytes that creation demands; `any`: 1 and more; 0: keyless. */
  readonly key: number | 'any';
  /** Value size in bytes that creation demands; `any`: 1 and more; 0: none. */
  readonly value: number | 'any';
  /** What bpf_map_lookup_elem gives a program. */
  readonly lookup: 'value' | 'innerMap' | 'socket' | 'xdpSocket' | 'readonlyValue' | 'none';
  /** Helpers that may take it; absent: all that are not reserved for other types. */
  readonly helpers?: readonly HelperName[];
  /** Usable in sleepable programs, always or since a kernel. */
  readonly sleepable?: true | string;
  /** A value may hold a `struct bpf_timer`. */
  readonly timers?: true;
  /** A value may hold a `struct bpf_spin_lock`. */
  readonly spinLocks?: true;
  /** The address of a value can be put into an instruction (global data). */
  readonly directValue?: true;
  /** The kernel's structure behind a map pointer, as messages name it. */
  readonly kernelStruct?: string;
  /** First profile that has it; absent: all. */
  readonly since?: string;
}

export const MAP_TYPES: readonly MapTypeRow[] = [
  {
    id: 1,
    name: 'BPF_MAP_TYPE_HASH',
    kernelStruct: 'bpf_htab',
    family: 'hash',
    key: 'any',
    value: 'any',
    lookup: 'value',
    sleepable: true,
    timers: true,
    spinLocks: true,
  },
  {
    id: 2,
    name: 'BPF_MAP_TYPE_ARRAY',
    kernelStruct: 'bpf_array',
    family: 'array',
    key: 4,
    value: 'any',
    lookup: 'value',
    sleepable: true,
    timers: true,
    spinLocks: true,
    directValue: true,
  },
  {
    id: 3,
    name: 'BPF_MAP_TYPE_PROG_ARRAY',
    kernelStruct: 'bpf_array',
    family: 'progArray',
    key: 4,
    value: 4,
    lookup: 'none',
    helpers: ['bpf_tail_call'],
    sleepable: '7.2',
  },
  {
    id: 4,
    name: 'BPF_MAP_TYPE_PERF_EVENT_ARRAY',
    kernelStruct: 'bpf_array',
    family: 'events',
    key: 4,
    value: 4,
    lookup: 'none',
    helpers: [
      'bpf_perf_event_read',
      'bpf_perf_event_output',
      'bpf_skb_output',
      'bpf_perf_event_read_value',
      'bpf_xdp_output',
    ],
  },
  {
    id: 5,
    name: 'BPF_MAP_TYPE_PERCPU_HASH',
    kernelStruct: 'bpf_htab',
    family: 'hash',
    perCpu: true,
    key: 'any',
    value: 'any',
    lookup: 'value',
    sleepable: true,
  },
  {
    id: 6,
    name: 'BPF_MAP_TYPE_PERCPU_ARRAY',
    kernelStruct: 'bpf_array',
    family: 'array',
    perCpu: true,
    key: 4,
    value: 'any',
    lookup: 'value',
    sleepable: true,
  },
  {
    id: 7,
    name: 'BPF_MAP_TYPE_STACK_TRACE',
    kernelStruct: 'bpf_stack_map',
    family: 'other',
    key: 4,
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_get_stackid'],
  },
  {
    id: 8,
    name: 'BPF_MAP_TYPE_CGROUP_ARRAY',
    kernelStruct: 'bpf_array',
    family: 'other',
    key: 4,
    value: 4,
    lookup: 'none',
    helpers: ['bpf_skb_under_cgroup', 'bpf_current_task_under_cgroup'],
  },
  {
    id: 9,
    name: 'BPF_MAP_TYPE_LRU_HASH',
    kernelStruct: 'bpf_htab',
    family: 'lru',
    key: 'any',
    value: 'any',
    lookup: 'value',
    sleepable: true,
    timers: true,
  },
  {
    id: 10,
    name: 'BPF_MAP_TYPE_LRU_PERCPU_HASH',
    kernelStruct: 'bpf_htab',
    family: 'lru',
    perCpu: true,
    key: 'any',
    value: 'any',
    lookup: 'value',
    sleepable: true,
  },
  {
    id: 11,
    name: 'BPF_MAP_TYPE_LPM_TRIE',
    kernelStruct: 'lpm_trie',
    family: 'trie',
    key: 'any',
    value: 'any',
    lookup: 'value',
    sleepable: '7.2',
  },
  {
    id: 12,
    name: 'BPF_MAP_TYPE_ARRAY_OF_MAPS',
    kernelStruct: 'bpf_array',
    family: 'mapInMap',
    key: 4,
    value: 4,
    lookup: 'innerMap',
    helpers: ['bpf_map_lookup_elem'],
    sleepable: true,
  },
  {
    id: 13,
    name: 'BPF_MAP_TYPE_HASH_OF_MAPS',
    kernelStruct: 'bpf_htab',
    family: 'mapInMap',
    key: 'any',
    value: 4,
    lookup: 'innerMap',
    helpers: ['bpf_map_lookup_elem'],
    sleepable: true,
  },
  {
    id: 14,
    name: 'BPF_MAP_TYPE_DEVMAP',
    kernelStruct: 'bpf_dtab',
    family: 'redirect',
    key: 4,
    value: 'any',
    lookup: 'readonlyValue',
    helpers: ['bpf_redirect_map', 'bpf_map_lookup_elem'],
  },
  {
    id: 15,
    name: 'BPF_MAP_TYPE_SOCKMAP',
    kernelStruct: 'bpf_stab',
    family: 'socket',
    key: 4,
    value: 'any',
    lookup: 'socket',
    helpers: [
      'bpf_sk_redirect_map',
      'bpf_sock_map_update',
      'bpf_msg_redirect_map',
      'bpf_sk_select_reuseport',
      'bpf_map_lookup_elem',
    ],
  },
  {
    id: 16,
    name: 'BPF_MAP_TYPE_CPUMAP',
    kernelStruct: 'bpf_cpu_map',
    family: 'redirect',
    key: 4,
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_redirect_map'],
  },
  {
    id: 17,
    name: 'BPF_MAP_TYPE_XSKMAP',
    kernelStruct: 'xsk_map',
    family: 'redirect',
    key: 4,
    value: 4,
    lookup: 'xdpSocket',
    helpers: ['bpf_redirect_map', 'bpf_map_lookup_elem'],
  },
  {
    id: 18,
    name: 'BPF_MAP_TYPE_SOCKHASH',
    kernelStruct: 'bpf_shtab',
    family: 'socket',
    key: 'any',
    value: 'any',
    lookup: 'socket',
    helpers: [
      'bpf_sk_redirect_hash',
      'bpf_sock_hash_update',
      'bpf_msg_redirect_hash',
      'bpf_sk_select_reuseport',
      'bpf_map_lookup_elem',
    ],
  },
  {
    id: 19,
    name: 'BPF_MAP_TYPE_CGROUP_STORAGE',
    kernelStruct: 'bpf_cgroup_storage_map',
    family: 'storage',
    key: 'any',
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_get_local_storage'],
  },
  {
    id: 20,
    name: 'BPF_MAP_TYPE_REUSEPORT_SOCKARRAY',
    kernelStruct: 'reuseport_array',
    family: 'socket',
    key: 4,
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_sk_select_reuseport'],
  },
  {
    id: 21,
    name: 'BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE',
    kernelStruct: 'bpf_cgroup_storage_map',
    family: 'storage',
    perCpu: true,
    key: 'any',
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_get_local_storage'],
  },
  {
    id: 22,
    name: 'BPF_MAP_TYPE_QUEUE',
    kernelStruct: 'bpf_queue_stack',
    family: 'queue',
    key: 0,
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_map_peek_elem', 'bpf_map_pop_elem', 'bpf_map_push_elem'],
    sleepable: '6.12',
  },
  {
    id: 23,
    name: 'BPF_MAP_TYPE_STACK',
    kernelStruct: 'bpf_queue_stack',
    family: 'queue',
    key: 0,
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_map_peek_elem', 'bpf_map_pop_elem', 'bpf_map_push_elem'],
    sleepable: '6.12',
  },
  {
    id: 24,
    name: 'BPF_MAP_TYPE_SK_STORAGE',
    kernelStruct: 'bpf_local_storage_map',
    family: 'storage',
    key: 4,
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_sk_storage_get', 'bpf_sk_storage_delete', 'bpf_kptr_xchg'],
    sleepable: true,
    spinLocks: true,
  },
  {
    id: 25,
    name: 'BPF_MAP_TYPE_DEVMAP_HASH',
    kernelStruct: 'bpf_dtab',
    family: 'redirect',
    key: 4,
    value: 'any',
    lookup: 'readonlyValue',
    helpers: ['bpf_redirect_map', 'bpf_map_lookup_elem'],
  },
  {
    id: 26,
    name: 'BPF_MAP_TYPE_STRUCT_OPS',
    family: 'other',
    key: 4,
    value: 'any',
    lookup: 'none',
  },
  {
    id: 27,
    name: 'BPF_MAP_TYPE_RINGBUF',
    kernelStruct: 'bpf_ringbuf_map',
    family: 'ringbuf',
    key: 0,
    value: 0,
    lookup: 'none',
    helpers: [
      'bpf_ringbuf_output',
      'bpf_ringbuf_reserve',
      'bpf_ringbuf_query',
      'bpf_ringbuf_reserve_dynptr',
      'bpf_ringbuf_submit_dynptr',
      'bpf_ringbuf_discard_dynptr',
    ],
    sleepable: true,
  },
  {
    id: 28,
    name: 'BPF_MAP_TYPE_INODE_STORAGE',
    kernelStruct: 'bpf_local_storage_map',
    family: 'storage',
    key: 4,
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_inode_storage_get', 'bpf_inode_storage_delete', 'bpf_kptr_xchg'],
    sleepable: true,
    spinLocks: true,
  },
  {
    id: 29,
    name: 'BPF_MAP_TYPE_TASK_STORAGE',
    kernelStruct: 'bpf_local_storage_map',
    family: 'storage',
    key: 4,
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_task_storage_get', 'bpf_task_storage_delete', 'bpf_kptr_xchg'],
    sleepable: true,
    spinLocks: true,
  },
  {
    id: 30,
    name: 'BPF_MAP_TYPE_BLOOM_FILTER',
    kernelStruct: 'bpf_bloom_filter',
    family: 'other',
    key: 0,
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_map_peek_elem', 'bpf_map_push_elem'],
    since: '6.1',
  },
  {
    id: 31,
    name: 'BPF_MAP_TYPE_USER_RINGBUF',
    kernelStruct: 'bpf_ringbuf_map',
    family: 'ringbuf',
    key: 0,
    value: 0,
    lookup: 'none',
    helpers: ['bpf_user_ringbuf_drain'],
    sleepable: true,
    since: '6.1',
  },
  {
    id: 32,
    name: 'BPF_MAP_TYPE_CGRP_STORAGE',
    kernelStruct: 'bpf_local_storage_map',
    family: 'storage',
    key: 4,
    value: 'any',
    lookup: 'none',
    helpers: ['bpf_cgrp_storage_get', 'bpf_cgrp_storage_delete', 'bpf_kptr_xchg'],
    sleepable: true,
    spinLocks: true,
    since: '6.6',
  },
  {
    id: 33,
    name: 'BPF_MAP_TYPE_ARENA',
    kernelStruct: 'bpf_arena',
    family: 'other',
    key: 0,
    value: 0,
    lookup: 'none',
    sleepable: true,
    since: '6.12',
  },
  {
    id: 34,
    name: 'BPF_MAP_TYPE_INSN_ARRAY',
    kernelStruct: 'bpf_insn_array',
    family: 'other',
    key: 4,
    value: 16,
    lookup: 'none',
    helpers: [],
    sleepable: true,
    since: '7.2',
  },
  {
    id: 35,
    name: 'BPF_MAP_TYPE_RHASH',
    family: 'hash',
    key: 'any',
    value: 'any',
    lookup: 'value',
    sleepable: true,
    timers: true,
    spinLocks: true,
    since: '7.2',
  },
];

/** Helpers that take only maps of these types (ids without a row take every map that lists no helpers). */
export const HELPER_MAP_TYPES: Readonly<Partial<Record<HelperName, readonly string[]>>> = {
  bpf_tail_call: ['BPF_MAP_TYPE_PROG_ARRAY'],
  bpf_perf_event_read: ['BPF_MAP_TYPE_PERF_EVENT_ARRAY'],
  bpf_perf_event_output: ['BPF_MAP_TYPE_PERF_EVENT_ARRAY'],
  bpf_perf_event_read_value: ['BPF_MAP_TYPE_PERF_EVENT_ARRAY'],
  bpf_skb_output: ['BPF_MAP_TYPE_PERF_EVENT_ARRAY'],
  bpf_xdp_output: ['BPF_MAP_TYPE_PERF_EVENT_ARRAY'],
  bpf_ringbuf_output: ['BPF_MAP_TYPE_RINGBUF'],
  bpf_ringbuf_reserve: ['BPF_MAP_TYPE_RINGBUF'],
  bpf_ringbuf_query: ['BPF_MAP_TYPE_RINGBUF'],
  bpf_ringbuf_reserve_dynptr: ['BPF_MAP_TYPE_RINGBUF'],
  bpf_ringbuf_submit_dynptr: ['BPF_MAP_TYPE_RINGBUF'],
  bpf_ringbuf_discard_dynptr: ['BPF_MAP_TYPE_RINGBUF'],
  bpf_user_ringbuf_drain: ['BPF_MAP_TYPE_USER_RINGBUF'],
  bpf_get_stackid: ['BPF_MAP_TYPE_STACK_TRACE'],
  bpf_current_task_under_cgroup: ['BPF_MAP_TYPE_CGROUP_ARRAY'],
  bpf_skb_under_cgroup: ['BPF_MAP_TYPE_CGROUP_ARRAY'],
  bpf_redirect_map: [
    'BPF_MAP_TYPE_DEVMAP',
    'BPF_MAP_TYPE_DEVMAP_HASH',
    'BPF_MAP_TYPE_CPUMAP',
    'BPF_MAP_TYPE_XSKMAP',
  ],
  bpf_sk_redirect_map: ['BPF_MAP_TYPE_SOCKMAP'],
  bpf_msg_redirect_map: ['BPF_MAP_TYPE_SOCKMAP'],
  bpf_sock_map_update: ['BPF_MAP_TYPE_SOCKMAP'],
  bpf_sk_redirect_hash: ['BPF_MAP_TYPE_SOCKHASH'],
  bpf_msg_redirect_hash: ['BPF_MAP_TYPE_SOCKHASH'],
  bpf_sock_hash_update: ['BPF_MAP_TYPE_SOCKHASH'],
  bpf_get_local_storage: ['BPF_MAP_TYPE_CGROUP_STORAGE', 'BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE'],
  bpf_sk_select_reuseport: [
    'BPF_MAP_TYPE_REUSEPORT_SOCKARRAY',
    'BPF_MAP_TYPE_SOCKMAP',
    'BPF_MAP_TYPE_SOCKHASH',
  ],
  bpf_map_pop_elem: ['BPF_MAP_TYPE_QUEUE', 'BPF_MAP_TYPE_STACK'],
  bpf_map_peek_elem: ['BPF_MAP_TYPE_QUEUE', 'BPF_MAP_TYPE_STACK', 'BPF_MAP_TYPE_BLOOM_FILTER'],
  bpf_map_push_elem: ['BPF_MAP_TYPE_QUEUE', 'BPF_MAP_TYPE_STACK', 'BPF_MAP_TYPE_BLOOM_FILTER'],
  bpf_map_lookup_percpu_elem: [
    'BPF_MAP_TYPE_PERCPU_ARRAY',
    'BPF_MAP_TYPE_PERCPU_HASH',
    'BPF_MAP_TYPE_LRU_PERCPU_HASH',
  ],
  bpf_sk_storage_get: ['BPF_MAP_TYPE_SK_STORAGE'],
  bpf_sk_storage_delete: ['BPF_MAP_TYPE_SK_STORAGE'],
  bpf_inode_storage_get: ['BPF_MAP_TYPE_INODE_STORAGE'],
  bpf_inode_storage_delete: ['BPF_MAP_TYPE_INODE_STORAGE'],
  bpf_task_storage_get: ['BPF_MAP_TYPE_TASK_STORAGE'],
  bpf_task_storage_delete: ['BPF_MAP_TYPE_TASK_STORAGE'],
  bpf_cgrp_storage_get: ['BPF_MAP_TYPE_CGRP_STORAGE'],
  bpf_cgrp_storage_delete: ['BPF_MAP_TYPE_CGRP_STORAGE'],
};

/** Creation flags by name. */
export const MAP_FLAGS = {
  BPF_F_NO_PREALLOC: 1 << 0,
  BPF_F_NO_COMMON_LRU: 1 << 1,
  BPF_F_NUMA_NODE: 1 << 2,
  BPF_F_RDONLY: 1 << 3,
  BPF_F_WRONLY: 1 << 4,
  BPF_F_STACK_BUILD_ID: 1 << 5,
  BPF_F_ZERO_SEED: 1 << 6,
  BPF_F_RDONLY_PROG: 1 << 7,
  BPF_F_WRONLY_PROG: 1 << 8,
  BPF_F_CLONE: 1 << 9,
  BPF_F_MMAPABLE: 1 << 10,
  BPF_F_PRESERVE_ELEMS: 1 << 11,
  BPF_F_INNER_MAP: 1 << 12,
  BPF_F_SEGV_ON_FAULT: 1 << 17,
  BPF_F_NO_USER_CONV: 1 << 18,
  BPF_F_RB_OVERWRITE: 1 << 19,
} as const;

/** Maps of programs: each belongs to the type of program that first used it. */
export const HOLDS_PROGRAMS: ReadonlySet<string> = new Set([
  'BPF_MAP_TYPE_PROG_ARRAY',
  'BPF_MAP_TYPE_DEVMAP',
  'BPF_MAP_TYPE_CPUMAP',
]);

const byName = new Map(MAP_TYPES.map((row) => [row.name, row]));

/** The row of `BPF_MAP_TYPE_HASH` and so on. */
export const mapTypeByName = (name: string): MapTypeRow | undefined => byName.get(name);
