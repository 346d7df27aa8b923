/**
 * The shape that every map family fills in, and the surroundings it may use. A family is a table of functions without
 * state of its own: a map is the plain record `MapRecord`, its elements are bytes in linear memory, so that snapshots
 * copy records and dirty pages and nothing else.
 *
 * Keys are passed as linear offsets of their bytes. Operations are atomic: they never wait and never call back.
 */
import type { Profile } from '../spec/profile';
import type { ERRNO } from '../spec/errno';
import type { MapDefinition, MapEntry, MapOutcome, ValueRef } from './bpfMap';
import type { MapData } from './mapData';

/** What maps need of linear memory; `vm/memory` has it. */
export interface MapMemory {
  readonly u8: Uint8Array;
  allocate(sizeBytes: number): number;
  release(offset: number, sizeBytes: number): void;
  addRegion(
    kind: 'mapKey' | 'mapValue' | 'mapPool' | 'ringbuf',
    start: number,
    sizeBytes: number,
    label: string,
    writable?: boolean,
  ): { label: string };
  findRegion(offset: number): { readonly start: number; readonly live: boolean } | undefined;
  endRegion(offset: number): void;
  load32(offset: number): number;
  load64(offset: number): bigint;
  store8(offset: number, value: number): void;
  store32(offset: number, value: number): void;
  store64(offset: number, value: bigint): void;
  read(offset: number, sizeBytes: number): Uint8Array;
  write(offset: number, bytes: Uint8Array): void;
  copy(to: number, from: number, sizeBytes: number): void;
  fill(offset: number, sizeBytes: number, byte: number): void;
}

export interface MapEnv {
  readonly memory: MapMemory;
  readonly profile: Profile;
  readonly cpuCount: number;
  /** The CPU on whose behalf the operation runs. */
  currentCpu(): number;
  /** Any map of the machine, for maps that hold maps. */
  findMap(id: number): MapRecord | undefined;
  /** Whether there is memory for an element; absent: always. */
  mayAllocate?(): boolean;
  /** Tells searches: which elements the map has, or their order, is read or changed. */
  touched?(map: MapRecord, write: boolean): void;
  /** Tells checks of races: bytes of a value are copied without a lock, in place. */
  copied?(at: number, sizeBytes: number, write: boolean): void;
  /** Tells checks of races: bytes of a value are overwritten in place, under the lock at `lock`. */
  copiedLocked?(lock: number, at: number, sizeBytes: number): void;
  /** Tells checks of races: the bytes are a new element's, that nobody could reach before. */
  renewed?(at: number, sizeBytes: number): void;
}

/** One map of a machine. The definition is frozen and shared by snapshots. */
export interface MapRecord<D extends MapData = MapData> {
  readonly definition: MapDefinition;
  readonly data: D;
}

/** A place where a value may live: live elements, and slots that are unlinked at the moment. */
export interface ValueSlot {
  readonly value: ValueRef;
  /** Linear offset of the key bytes; 0 for maps whose key is an index. */
  readonly key: number;
  readonly live: boolean;
}

export interface MapFamily<D extends MapData = MapData> {
  /** Types of `BPF_MAP_TYPE_…` that it implements. */
  readonly types: readonly string[];
  /** 0, or the negative errno with which creation refuses kernel objects in values, or a template; sizes and flags are judged before. */
  refuse?(definition: MapDefinition): number;
  create(env: MapEnv, definition: MapDefinition): D;
  /** 0 when there is no such element. */
  lookup(env: MapEnv, map: MapRecord<D>, key: number): ValueRef;
  /** @param value linear offset of the new value's bytes. */
  update(env: MapEnv, map: MapRecord<D>, key: number, value: number, flags: bigint): MapOutcome;
  delete(env: MapEnv, map: MapRecord<D>, key: number): MapOutcome;
  /** Writes the key after `key` (0: the first) to `nextKey`; 0 or -ENOENT. */
  nextKey(env: MapEnv, map: MapRecord<D>, key: number, nextKey: number): number;
  /** Puts an unlinked slot back to the free list; its special fields have been freed. */
  recycle(env: MapEnv, map: MapRecord<D>, value: ValueRef): void;
  /** Every slot whose special fields may be in use, spare ones included, in release order. */
  slots(env: MapEnv, map: MapRecord<D>): ValueSlot[];
  /** Linear offset of the key bytes in the element that holds `value`; 0 where the key is an index. */
  keyOffset(map: MapRecord<D>, value: ValueRef): number;
  /** Index of the element that holds `value`, where the key is an index. */
  indexOf?(map: MapRecord<D>, value: ValueRef): number;
  entryCount(env: MapEnv, map: MapRecord<D>): number;
  /** Live elements in `nextKey` order from position `start`, at most `count`; special fields read as zero. */
  entries(env: MapEnv, map: MapRecord<D>, start: number, count: number): MapEntry[];
  /**
   * What user space reads under `key`: one array of bytes, or one per CPU; undefined: no such element.
   * Absent: the bytes of `lookup`, special fields zeroed.
   */
  userRead?(env: MapEnv, map: MapRecord<D>, key: number): Uint8Array[] | undefined;
  /** What user space writes, one array or one per CPU. Absent: `update` from a scratch copy. */
  userWrite?(
    env: MapEnv,
    map: MapRecord<D>,
    key: number,
    values: readonly Uint8Array[],
    flags: bigint,
  ): MapOutcome;
  /** Queue-like families: push/pop/peek helpers. */
  push?(env: MapEnv, map: MapRecord<D>, value: number, flags: bigint): number;
  pop?(env: MapEnv, map: MapRecord<D>, to: number): number;
  peek?(env: MapEnv, map: MapRecord<D>, to: number): number;
  /** Value of one CPU (`bpf_map_lookup_percpu_elem`). */
  lookupOnCpu?(env: MapEnv, map: MapRecord<D>, key: number, cpu: number): ValueRef;
  /** Families whose user side takes records out by reading them: all that `entries` showed has been read. */
  drained?(env: MapEnv, map: MapRecord<D>): void;
  /** User space cannot walk the keys: entries are for views only. */
  readonly keysHidden?: true;
  /** Why entries cannot be listed, for views. */
  readonly note?: string;
}

export const BPF_ANY = 0n;
export const BPF_NOEXIST = 1n;
export const BPF_EXIST = 2n;
export const BPF_F_LOCK = 4n;
/** User space's updates of per-CPU maps: one CPU's value (its number in the upper half), one value for all. */
export const BPF_F_CPU = 8n;
export const BPF_F_ALL_CPUS = 16n;

export const BPF_F_NO_PREALLOC = 1;
export const BPF_F_NO_COMMON_LRU = 2;
export const BPF_F_NUMA_NODE = 4;
export const BPF_F_RDONLY = 8;
export const BPF_F_WRONLY = 16;
export const BPF_F_ZERO_SEED = 64;
export const BPF_F_RDONLY_PROG = 128;
export const BPF_F_WRONLY_PROG = 256;
export const BPF_F_MMAPABLE = 1024;
export const BPF_F_PRESERVE_ELEMS = 2048;
export const BPF_F_INNER_MAP = 4096;
/** Flags that any family takes. */
export const ACCESS_FLAGS = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;

export const DONE: MapOutcome = { error: 0, freed: [], recycle: [] };
export const refused = (error: keyof typeof ERRNO, errors: typeof ERRNO): MapOutcome => ({
  error: -errors[error],
  freed: [],
  recycle: [],
});

export const round8 = (sizeBytes: number): number => (sizeBytes + 7) & ~7;

/** Elements of larger maps are one pool region: a region record for each would cost more than it explains. */
export const LABELLED_ELEMENTS_MAX = 4096;
