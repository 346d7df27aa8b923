/**
 * The table of map families and the operations that user space and helpers perform through it. A map type that no
 * family implements cannot be created; the load says so.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import { creationFault } from '../spec/mapCreation';
import { assert } from '../util/assert';
import { arenaFamily } from './arena';
import { arrayFamily } from './array';
import { bloomFamily } from './bloomFilter';
import { cgroupStorageFamily } from './cgroupStorage';
import { hashFamily } from './hash';
import { insnArrayFamily } from './insnArray';
import { localStorageFamily } from './localStorage';
import { lpmTrieFamily } from './lpmTrie';
import { lruFamily } from './lruHash';
import { arrayOfMapsFamily, hashOfMapsFamily } from './mapInMap';
import { opaqueFamily } from './opaque';
import { lruPerCpuHashFamily, perCpuArrayFamily, perCpuHashFamily } from './perCpu';
import { progArrayFamily } from './progArray';
import { queueFamily, stackFamily } from './queueStack';
import { ringbufFamily } from './ringbuf';
import type { MapDefinition, MapOutcome } from './bpfMap';
import {
  BPF_F_ALL_CPUS,
  BPF_F_CPU,
  BPF_F_LOCK,
  type MapEnv,
  type MapFamily,
  type MapRecord,
} from './mapFamily';
import { redirectFamily } from './redirectMaps';
import { hasField, readValue } from './values';

const FAMILIES: readonly MapFamily[] = [
  arrayFamily,
  hashFamily,
  lruFamily,
  perCpuArrayFamily,
  perCpuHashFamily,
  lruPerCpuHashFamily,
  arrayOfMapsFamily,
  hashOfMapsFamily,
  progArrayFamily,
  ringbufFamily,
  queueFamily,
  stackFamily,
  bloomFamily,
  lpmTrieFamily,
  localStorageFamily,
  redirectFamily,
  cgroupStorageFamily,
  insnArrayFamily,
  arenaFamily,
  opaqueFamily,
];

const byType = new Map<string, MapFamily>(FAMILIES.flatMap((f) => f.types.map((t) => [t, f] as const)));

/** The family that implements a `BPF_MAP_TYPE_…`, if any does. */
export const findFamily = (type: string): MapFamily | undefined => byType.get(type);

export function familyOf(map: MapRecord): MapFamily {
  const family = findFamily(map.definition.type);
  assert(family, `map ${map.definition.name} of unknown type ${map.definition.type}`);
  return family;
}

/** Creates a map, or gives the negative errno with which the kernel refuses; undefined: type not modelled. */
export function createMap(env: MapEnv, definition: MapDefinition): MapRecord | number | undefined {
  const family = findFamily(definition.type);
  if (!family) return undefined;
  const typed = definition.keyTypeId !== 0 && definition.valueTypeId !== 0;
  const fault = creationFault({ ...definition, typed }, env.profile);
  if (fault !== undefined) return -fault.errno;
  const error = family.refuse?.(definition) ?? 0;
  if (error !== 0) return error;
  const copied = withCopySkips(env, definition);
  return { definition: Object.freeze(copied), data: family.create(env, copied) };
}

/** Without the fix a value with a lock is copied around the lock alone. */
function withCopySkips(env: MapEnv, definition: MapDefinition): MapDefinition {
  const { fields } = definition.fields;
  const locks = fields.filter((field) => field.kind === 'spinLock');
  if (has(env.profile, 'timerLockCopy') || locks.length === 0) return definition;
  return { ...definition, copySkips: fields.filter((field) => field.kind !== 'timer') };
}

/** Runs `use` with the bytes at a scratch place in linear memory. */
function withBytes<T>(env: MapEnv, bytes: Uint8Array, use: (offset: number) => T): T {
  const offset = env.memory.allocate(bytes.length);
  env.memory.write(offset, bytes);
  const result = use(offset);
  env.memory.release(offset, bytes.length);
  return result;
}

/** What user space reads under a key: one array of bytes, or one per CPU; undefined: no such element. */
export function userRead(env: MapEnv, map: MapRecord, key: Uint8Array): Uint8Array[] | undefined {
  const family = familyOf(map);
  env.touched?.(map, false);
  return withBytes(env, key, (at) => {
    if (family.userRead) return family.userRead(env, map, at);
    const value = family.lookup(env, map, at);
    if (value === 0) return undefined;
    env.copied?.(value, map.definition.valueSizeBytes, false);
    return [readValue(env.memory, map.definition, value)];
  });
}

const TAKES_CPU_FLAGS: readonly string[] = [
  'BPF_MAP_TYPE_PERCPU_ARRAY',
  'BPF_MAP_TYPE_PERCPU_HASH',
  'BPF_MAP_TYPE_LRU_PERCPU_HASH',
  'BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE',
];

/** What the system call thinks of the flags of an update, before the map sees them; 0 or a negative errno. */
function userFlagsError(env: MapEnv, definition: MapDefinition, flags: bigint): number {
  if ((flags & BPF_F_LOCK) !== 0n && !hasField(definition, 'spinLock')) return -ERRNO.EINVAL;
  if (!has(env.profile, 'perCpuMapsOneCpu')) return 0;
  const oneCpu = (flags & BPF_F_CPU) !== 0n;
  if (!oneCpu && flags >> 32n !== 0n) return -ERRNO.EINVAL;
  if ((flags & (BPF_F_CPU | BPF_F_ALL_CPUS)) === 0n) return 0;
  if (!TAKES_CPU_FLAGS.includes(definition.type) || (oneCpu && (flags & BPF_F_ALL_CPUS) !== 0n))
    return -ERRNO.EINVAL;
  return oneCpu && flags >> 32n >= BigInt(env.cpuCount) ? -ERRNO.ERANGE : 0;
}

/** What user space writes: one value (for per-CPU maps: for every CPU) or one per CPU. */
export function userWrite(
  env: MapEnv,
  map: MapRecord,
  key: Uint8Array,
  values: readonly Uint8Array[],
  flags: bigint,
): MapOutcome {
  const family = familyOf(map);
  const error = map.definition.frozen ? -ERRNO.EPERM : userFlagsError(env, map.definition, flags);
  if (error !== 0) return { error, freed: [], recycle: [] };
  env.touched?.(map, true);
  return withBytes(env, key, (keyAt) =>
    family.userWrite
      ? family.userWrite(env, map, keyAt, values, flags)
      : withBytes(env, values[0], (valueAt) => family.update(env, map, keyAt, valueAt, flags)),
  );
}

export function userDelete(env: MapEnv, map: MapRecord, key: Uint8Array): MapOutcome {
  const family = familyOf(map);
  if (map.definition.frozen) return { error: -ERRNO.EPERM, freed: [], recycle: [] };
  env.touched?.(map, true);
  return withBytes(env, key, (at) => family.delete(env, map, at));
}

/** The key after `key`, or the first; undefined: there is none. */
export function userNextKey(
  env: MapEnv,
  map: MapRecord,
  key: Uint8Array | undefined,
): Uint8Array | undefined {
  const family = familyOf(map);
  const size = map.definition.keySizeBytes;
  return withBytes(env, new Uint8Array(size), (to) => {
    const error =
      key === undefined
        ? family.nextKey(env, map, 0, to)
        : withBytes(env, key, (at) => family.nextKey(env, map, at, to));
    return error === 0 ? env.memory.read(to, size) : undefined;
  });
}
