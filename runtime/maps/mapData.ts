/**
 * The private records of the map families, as one union: everything about a map that is not its definition and not
 * bytes in linear memory. Plain data, cloned by snapshots; one interface per family.
 */
import type { LruLists } from './lruLists';

export interface ArrayData {
  readonly kind: 'array';
  /** Linear offset of element 0; elements follow every `strideBytes`. */
  readonly base: number;
  readonly strideBytes: number;
}

/** See `hash.ts` for the layout of buckets and elements in memory. */
export interface HashData {
  readonly kind: 'hash';
  /** Linear offset of the bucket heads, u32 each. */
  readonly buckets: number;
  /** A power of two. */
  readonly bucketCount: number;
  readonly elementSizeBytes: number;
  readonly prealloc: boolean;
  /** Preallocated: element i lies at pool + i * elementSizeBytes; else 0. */
  readonly pool: number;
  readonly poolCount: number;
  /** Linked elements. */
  count: number;
  /** First free element of each CPU, 0 = none. */
  readonly freeHeads: number[];
  /** Preallocated: the spare element of each CPU, swapped in by updates of existing keys. */
  readonly spares: number[];
  /** Every element ever allocated, when not preallocated. */
  readonly allocated: number[];
}

/** BPF_MAP_TYPE_LRU_HASH and LRU_PERCPU_HASH: a hash table, and lists that say who is evicted. */
export interface LruData {
  readonly kind: 'lru';
  readonly table: HashData;
  readonly lists: LruLists;
}

/** BPF_MAP_TYPE_PERCPU_ARRAY: CPU c's element i lies at base + c * cpuStrideBytes + i * strideBytes. */
export interface PerCpuArrayData {
  readonly kind: 'perCpuArray';
  readonly base: number;
  readonly strideBytes: number;
  readonly cpuStrideBytes: number;
}

/** BPF_MAP_TYPE_PERCPU_HASH: the values of all CPUs lie side by side behind the key. */
export interface PerCpuHashData {
  readonly kind: 'perCpuHash';
  readonly table: HashData;
}

/** Arrays of maps and of programs: handles (map id; program id + 1), u32 each, 0 = empty. */
export interface HandleArrayData {
  readonly kind: 'handleArray';
  readonly base: number;
}

/** BPF_MAP_TYPE_HASH_OF_MAPS: a hash table whose values are map ids. */
export interface HandleHashData {
  readonly kind: 'handleHash';
  readonly table: HashData;
}

/** BPF_MAP_TYPE_RINGBUF: positions count bytes since the beginning and never wrap. */
export interface RingbufData {
  readonly kind: 'ringbuf';
  /** Linear offset of position 0; twice `sizeBytes` are reserved, so that a record never wraps. */
  readonly base: number;
  readonly sizeBytes: number;
  consumer: number;
  producer: number;
  /** Oldest record that is not committed yet. */
  pending: number;
}

/** Queues and stacks: a ring of values. */
export interface QueueData {
  readonly kind: 'queue';
  readonly base: number;
  /** Slot of the oldest value. */
  oldest: number;
  count: number;
}

/** BPF_MAP_TYPE_BLOOM_FILTER. */
export interface BloomData {
  readonly kind: 'bloom';
  /** Linear offset of the bits. */
  readonly base: number;
  /** A power of two. */
  readonly bits: number;
  /** Hash functions, i.e. bits per value. */
  readonly functions: number;
}

/** BPF_MAP_TYPE_LPM_TRIE, see `lpmTrie.ts`. */
export interface TrieData {
  readonly kind: 'trie';
  /** Linear offsets of the elements in walking order. */
  readonly order: number[];
  /** Elements by prefix length. */
  readonly ofLength: number[];
  /** Elements that left, oldest first. */
  readonly retired: number[];
  allocatedCount: number;
}

/** Local storages: one value per owner, in the order of creation. */
export interface StorageData {
  readonly kind: 'storage';
  readonly stored: { readonly owner: number; readonly value: number }[];
}

/** See `cgroupStorage.ts`. */
export interface CgroupStorageData {
  readonly kind: 'cgroupStorage';
  readonly base: number;
  readonly strideBytes: number;
}

/** Device and CPU maps, see `redirectMaps.ts`. */
export interface RedirectData {
  readonly kind: 'redirect';
  readonly filled: { readonly key: number; readonly value: number }[];
}

/** See `insnArray.ts`. */
export interface InsnArrayData {
  readonly kind: 'insnArray';
  /** Linear offset of the entries as user space sees them. */
  readonly values: number;
  /** Linear offset of the addresses that programs load. */
  readonly addresses: number;
}

/** See `arena.ts`. */
export interface ArenaData {
  readonly kind: 'arena';
  /** Where user space sees it. */
  readonly userStart: bigint;
  /** Ranges of pages that can be allocated, in the order in which they came to be. */
  readonly free: { readonly start: number; readonly count: number }[];
  /** Linear offsets of the pages that have memory. */
  readonly pages: Map<number, number>;
  /** Linear offset of eight bytes that stand for pages that are not there. */
  readonly absent: number;
}

/** See `opaque.ts`. */
export interface OpaqueData {
  readonly kind: 'opaque';
  /** Perf event arrays: somebody reads every CPU's buffer, as the tools of such programs do. */
  readers: boolean;
}

export type MapData =
  | ArrayData
  | ArenaData
  | HashData
  | LruData
  | PerCpuArrayData
  | PerCpuHashData
  | HandleArrayData
  | HandleHashData
  | RingbufData
  | QueueData
  | BloomData
  | TrieData
  | StorageData
  | RedirectData
  | CgroupStorageData
  | InsnArrayData
  | OpaqueData;
