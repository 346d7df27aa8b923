/**
 * Which maps a kernel creates: sizes and flags by map type, and the error number when they are refused. Not the memory
 * that creation takes, nor rules about the value's type.
 *
 * Evidence: some 2,000 definitions offered to each of 6.1, 6.12 and 7.2 (test/fixtures/maps/creation.json).
 */
import { ERRNO } from './errno';
import { MAP_FLAGS, mapTypeByName } from './mapTypes';
import { isSince, type Profile } from './profile';

/** What is asked for. Sizes in bytes. */
export interface MapShape {
  readonly type: string;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly mapExtra: bigint;
  /** Key and value have types in BTF. */
  readonly typed: boolean;
}

const {
  BPF_F_NO_PREALLOC: NO_PREALLOC,
  BPF_F_NO_COMMON_LRU: NO_COMMON_LRU,
  BPF_F_NUMA_NODE: NUMA,
  BPF_F_STACK_BUILD_ID: BUILD_ID,
  BPF_F_ZERO_SEED: ZERO_SEED,
  BPF_F_CLONE: CLONE,
  BPF_F_MMAPABLE: MMAPABLE,
  BPF_F_PRESERVE_ELEMS: PRESERVE_ELEMS,
  BPF_F_INNER_MAP: INNER_MAP,
  BPF_F_SEGV_ON_FAULT: SEGV_ON_FAULT,
  BPF_F_NO_USER_CONV: NO_USER_CONV,
  BPF_F_RB_OVERWRITE: RB_OVERWRITE,
} = MAP_FLAGS;
const USER = MAP_FLAGS.BPF_F_RDONLY | MAP_FLAGS.BPF_F_WRONLY;
const PROGRAM = MAP_FLAGS.BPF_F_RDONLY_PROG | MAP_FLAGS.BPF_F_WRONLY_PROG;
const ACCESS = USER | PROGRAM;

/** The largest block that the kernel allocates at once. */
const BLOCK_BYTES_MAX = 4 << 20;
/** A hash element's own fields take part of its block. */
const ELEMENT_BYTES_MAX = BLOCK_BYTES_MAX - 512;
const PER_CPU_BYTES_MAX = 32 << 10;
/** A local value shares a size of 16 bits with its element, whose own fields take two cache lines. */
const STORAGE_BYTES_MAX = 0xffff - 128;
const PAGE_BYTES = 4096;
const CPUS_MAX = 8192;
const STACK_FRAMES_MAX = 127;

type SizeRule = (sizeBytes: number, shape: MapShape) => boolean;

const exactly =
  (...sizes: readonly number[]): SizeRule =>
  (size) =>
    sizes.includes(size);
const some: SizeRule = (size) => size > 0;
const none: SizeRule = (size) => size === 0;
const pagesOfPowerOfTwo: SizeRule = (size) =>
  size > 0 && size % PAGE_BYTES === 0 && (size & (size - 1)) === 0;

interface CreationRule {
  readonly key: SizeRule;
  readonly value: SizeRule;
  readonly max: SizeRule;
  readonly flags: number;
  /** Flags that must be there. */
  readonly needs?: number;
  /** Key and value must have types. */
  readonly typed?: true;
  /** Flags that came later, with the profile that first knows them. */
  readonly newFlags?: readonly { readonly flags: number; readonly since: string }[];
  /** Which `map_extra` is taken; absent: only 0. */
  readonly extra?: (shape: MapShape) => boolean;
  /** Sizes that are refused with E2BIG instead of EINVAL. */
  readonly tooBig?: (shape: MapShape) => boolean;
  /** Flags that are refused with ENOTSUPP. */
  readonly unsupported?: number;
}

const elementTooBig = ({ keySizeBytes, valueSizeBytes }: MapShape): boolean =>
  keySizeBytes + valueSizeBytes >= ELEMENT_BYTES_MAX;
const perCpuTooBig = ({ valueSizeBytes }: MapShape): boolean =>
  Math.ceil(valueSizeBytes / 8) * 8 > PER_CPU_BYTES_MAX;
const valueOver =
  (limit: number) =>
  ({ valueSizeBytes }: MapShape): boolean =>
    valueSizeBytes > limit;

const hash = (flags: number, tooBig: CreationRule['tooBig'] = elementTooBig): CreationRule => ({
  key: some,
  value: some,
  max: some,
  flags: ACCESS | ZERO_SEED | flags,
  tooBig,
});
const array = (flags: number, value: SizeRule = some): CreationRule => ({
  key: exactly(4),
  value,
  max: some,
  flags,
});
const HANDLES = array(NUMA | USER, exactly(4));
const queue: CreationRule = {
  key: none,
  value: some,
  max: some,
  flags: ACCESS | NUMA,
  tooBig: valueOver(BLOCK_BYTES_MAX),
};
const storage: CreationRule = {
  key: exactly(4),
  value: some,
  max: none,
  flags: NO_PREALLOC | CLONE,
  needs: NO_PREALLOC,
  typed: true,
  tooBig: valueOver(STORAGE_BYTES_MAX),
};
const cgroupStorage = (limit: number): CreationRule => ({
  key: exactly(8, 16),
  value: some,
  max: none,
  flags: ACCESS | NUMA,
  tooBig: valueOver(limit),
});
const ringbuf: CreationRule = { key: none, value: none, max: pagesOfPowerOfTwo, flags: NUMA };
/** Sockets by descriptor or cookie; devices with or without a program. */
const narrowOrWide = exactly(4, 8);
/** Instruction pointers, or build ids of four times the size. */
const stackTrace: SizeRule = (size, { flags }) => {
  const frameBytes = (flags & BUILD_ID) !== 0 ? 32 : 8;
  return size > 0 && size % frameBytes === 0 && size / frameBytes <= STACK_FRAMES_MAX;
};

const RULES: Readonly<Record<string, CreationRule>> = {
  BPF_MAP_TYPE_HASH: hash(NO_PREALLOC | NUMA),
  BPF_MAP_TYPE_ARRAY: array(ACCESS | NUMA | MMAPABLE | INNER_MAP),
  BPF_MAP_TYPE_PROG_ARRAY: HANDLES,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY: array(NUMA | USER | PRESERVE_ELEMS, exactly(4)),
  BPF_MAP_TYPE_PERCPU_HASH: hash(NO_PREALLOC, perCpuTooBig),
  BPF_MAP_TYPE_PERCPU_ARRAY: { ...array(ACCESS), tooBig: perCpuTooBig },
  BPF_MAP_TYPE_STACK_TRACE: array(NUMA | USER | BUILD_ID, stackTrace),
  BPF_MAP_TYPE_CGROUP_ARRAY: HANDLES,
  BPF_MAP_TYPE_LRU_HASH: { ...hash(NO_COMMON_LRU | NUMA), unsupported: NO_PREALLOC },
  BPF_MAP_TYPE_LRU_PERCPU_HASH: { ...hash(NO_COMMON_LRU, perCpuTooBig), unsupported: NO_PREALLOC },
  BPF_MAP_TYPE_LPM_TRIE: {
    key: (size) => size > 4 && size <= 4 + 256,
    value: (size) => size > 0 && size <= ELEMENT_BYTES_MAX,
    max: some,
    flags: ACCESS | NUMA | NO_PREALLOC,
    needs: NO_PREALLOC,
  },
  BPF_MAP_TYPE_ARRAY_OF_MAPS: HANDLES,
  BPF_MAP_TYPE_HASH_OF_MAPS: { ...hash(NO_PREALLOC | NUMA), value: exactly(4) },
  BPF_MAP_TYPE_DEVMAP: array(NUMA | USER, narrowOrWide),
  BPF_MAP_TYPE_SOCKMAP: array(NUMA | USER, narrowOrWide),
  BPF_MAP_TYPE_CPUMAP: { ...array(NUMA, narrowOrWide), tooBig: ({ maxEntries }) => maxEntries > CPUS_MAX },
  BPF_MAP_TYPE_XSKMAP: array(NUMA | USER, exactly(4)),
  BPF_MAP_TYPE_SOCKHASH: {
    key: some,
    value: narrowOrWide,
    max: some,
    flags: NUMA | USER,
    tooBig: ({ keySizeBytes }) => keySizeBytes > 512,
  },
  BPF_MAP_TYPE_CGROUP_STORAGE: cgroupStorage(STORAGE_BYTES_MAX),
  BPF_MAP_TYPE_REUSEPORT_SOCKARRAY: array(ACCESS | NUMA, narrowOrWide),
  BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE: cgroupStorage(PER_CPU_BYTES_MAX),
  BPF_MAP_TYPE_QUEUE: queue,
  BPF_MAP_TYPE_STACK: queue,
  BPF_MAP_TYPE_SK_STORAGE: storage,
  BPF_MAP_TYPE_DEVMAP_HASH: array(NUMA | USER, narrowOrWide),
  BPF_MAP_TYPE_RINGBUF: { ...ringbuf, newFlags: [{ flags: RB_OVERWRITE, since: '7.2' }] },
  BPF_MAP_TYPE_INODE_STORAGE: storage,
  BPF_MAP_TYPE_TASK_STORAGE: storage,
  BPF_MAP_TYPE_BLOOM_FILTER: {
    ...queue,
    flags: ACCESS | NUMA | ZERO_SEED,
    extra: ({ mapExtra }) => mapExtra <= 15n,
  },
  BPF_MAP_TYPE_USER_RINGBUF: ringbuf,
  BPF_MAP_TYPE_CGRP_STORAGE: storage,
  BPF_MAP_TYPE_ARENA: {
    key: none,
    value: none,
    max: some,
    flags: MMAPABLE | SEGV_ON_FAULT | NO_USER_CONV,
    needs: MMAPABLE,
    // Where user space maps it.
    extra: ({ mapExtra }) => mapExtra % BigInt(PAGE_BYTES) === 0n,
    tooBig: ({ maxEntries }) => maxEntries > 2 ** 32 / PAGE_BYTES,
  },
  BPF_MAP_TYPE_INSN_ARRAY: array(0, exactly(16)),
  BPF_MAP_TYPE_RHASH: {
    key: some,
    value: some,
    max: some,
    flags: ACCESS | NUMA | NO_PREALLOC,
    needs: NO_PREALLOC,
    extra: ({ mapExtra, maxEntries }) => mapExtra <= BigInt(maxEntries),
    tooBig: (shape) => shape.keySizeBytes > 0xffff || elementTooBig(shape),
  },
};

/** Pairs of flags that exclude each other. */
const CONTRADICTIONS = [USER, PROGRAM, NO_COMMON_LRU | NUMA];
const contradicts = (flags: number): boolean => CONTRADICTIONS.some((pair) => (flags & pair) === pair);

/** What of a definition is refused. */
export type CreationFault = 'type' | 'flags' | 'types' | 'extra' | 'key' | 'value' | 'entries' | 'size';

/** Why the kernel does not create the map, with its (positive) errno; undefined when it does. */
export function creationFault(
  shape: MapShape,
  profile: Profile,
): { readonly errno: number; readonly what: CreationFault } | undefined {
  const rule = RULES[shape.type];
  const invalid = (what: CreationFault) => ({ errno: ERRNO.EINVAL, what });
  if (!isSince(profile, mapTypeByName(shape.type)?.since)) return invalid('type');
  // A type without a row (struct_ops) has rules of another kind.
  if (rule === undefined) return undefined;
  const { flags } = shape;
  if ((flags & (rule.unsupported ?? 0)) !== 0) return { errno: ERRNO.ENOTSUPP, what: 'flags' };
  const newer = (rule.newFlags ?? []).filter(({ since }) => isSince(profile, since));
  const known = newer.reduce((all, more) => all | more.flags, rule.flags);
  const needs = rule.needs ?? 0;
  if ((flags & ~known) !== 0 || (flags & needs) !== needs || contradicts(flags)) return invalid('flags');
  if (rule.typed === true && !shape.typed) return invalid('types');
  if (shape.mapExtra !== 0n && rule.extra?.(shape) !== true) return invalid('extra');
  if (!rule.key(shape.keySizeBytes, shape)) return invalid('key');
  if (!rule.value(shape.valueSizeBytes, shape)) return invalid('value');
  if (!rule.max(shape.maxEntries, shape)) return invalid('entries');
  return rule.tooBig?.(shape) === true ? { errno: ERRNO.E2BIG, what: 'size' } : undefined;
}
