/**
 * Maps with one value for every CPU: PERCPU_ARRAY, PERCPU_HASH, LRU_PERCPU_HASH. A program sees its own CPU's value,
 * user space reads and writes all of them. Updates of existing keys are in place; a program's insertion zeroes the
 * other CPUs' values. Timers and spin locks are refused in their values. Evidence: errno values of 6.1, 6.12, 7.2.
 *
 * In the hash-like ones the values of all CPUs lie side by side behind the key, each rounded up to 8 bytes.
 */
import { NO_SPECIAL_FIELDS } from '../btf/specialFields';
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import { indexBytes, nextIndex } from './array';
import type { MapDefinition, MapEntry, MapOutcome, ValueRef } from './bpfMap';
import {
  checkPresence,
  createHash,
  ELEMENT_KEY,
  elementValue,
  findElement,
  hashFamily,
  hashKey,
  LINKED,
  linkedElements,
  linkElement,
  nextElementKey,
} from './hash';
import { createLru, deleteLru, findLru, markLruUsed, recycleLru, takeLruSlot, tableOf } from './lruHash';
import type { HashData, LruData, PerCpuArrayData, PerCpuHashData } from './mapData';
import {
  BPF_EXIST,
  BPF_F_ALL_CPUS,
  BPF_F_CPU,
  BPF_F_LOCK,
  BPF_F_NO_PREALLOC,
  BPF_NOEXIST,
  DONE,
  LABELLED_ELEMENTS_MAX,
  refused,
  round8,
  type MapEnv,
  type MapFamily,
  type MapRecord,
} from './mapFamily';
import { copyValue, dropOwned, hasField, readValue } from './values';

/** No value of a CPU may hold a timer or a lock. */
const refusePerCpu = (definition: MapDefinition): number =>
  hasField(definition, 'timer') || hasField(definition, 'spinLock') ? -ERRNO.EOPNOTSUPP : 0;

const strideOf = (definition: MapDefinition): number => round8(definition.valueSizeBytes);

/** Writes one value to all CPUs' places, or each CPU its own, or only that of the CPU that the flags name. */
function writeAll(
  env: MapEnv,
  definition: MapDefinition,
  placeOf: (cpu: number) => number,
  values: readonly Uint8Array[],
  flags: bigint,
): void {
  const scratch = env.memory.allocate(definition.valueSizeBytes);
  const single = values.length === 1 || (flags & (BPF_F_CPU | BPF_F_ALL_CPUS)) !== 0n;
  for (let cpu = 0; cpu < env.cpuCount; cpu++) {
    if ((flags & BPF_F_CPU) !== 0n && cpu !== Number(flags >> 32n)) continue;
    const bytes = single ? values[0] : values[cpu];
    env.memory.write(scratch, bytes.subarray(0, definition.valueSizeBytes));
    copyValue(env.memory, definition, placeOf(cpu), scratch);
    dropOwned(env, definition, placeOf(cpu));
  }
  env.memory.release(scratch, definition.valueSizeBytes);
}

const readAll = (env: MapEnv, definition: MapDefinition, placeOf: (cpu: number) => number): Uint8Array[] =>
  Array.from({ length: env.cpuCount }, (_, cpu) => readValue(env.memory, definition, placeOf(cpu)));

/** Bytes from user space must be one value or one for every CPU. */
const countFits = (env: MapEnv, values: readonly Uint8Array[]): boolean =>
  values.length === 1 || values.length === env.cpuCount;

/** Kernels that can write one CPU's value take any larger flags of user space for BPF_ANY in hash tables. */
const ordered = (env: MapEnv, flags: bigint): boolean =>
  flags <= BPF_EXIST || has(env.profile, 'perCpuMapsOneCpu');
const lastUserFlag = (env: MapEnv): bigint =>
  has(env.profile, 'perCpuMapsOneCpu') ? BPF_F_ALL_CPUS : BPF_EXIST;

const failed = (error: number): MapOutcome => ({ error, freed: [], recycle: [] });

type PerCpuArray = MapRecord<PerCpuArrayData>;

const arrayPlace = (map: PerCpuArray, index: number, cpu: number): ValueRef =>
  map.data.base + cpu * map.data.cpuStrideBytes + index * map.data.strideBytes;

export const perCpuArrayFamily: MapFamily<PerCpuArrayData> = {
  types: ['BPF_MAP_TYPE_PERCPU_ARRAY'],

  refuse: refusePerCpu,

  create(env, definition): PerCpuArrayData {
    const strideBytes = strideOf(definition);
    const cpuStrideBytes = strideBytes * definition.maxEntries;
    const base = env.memory.allocate(cpuStrideBytes * env.cpuCount);
    const { name, maxEntries, valueSizeBytes } = definition;
    for (let cpu = 0; cpu < env.cpuCount; cpu++) {
      const start = base + cpu * cpuStrideBytes;
      if (maxEntries * env.cpuCount > LABELLED_ELEMENTS_MAX)
        env.memory.addRegion('mapPool', start, cpuStrideBytes, `values of ${name} on cpu ${cpu}`);
      else
        for (let i = 0; i < maxEntries; i++)
          env.memory.addRegion(
            'mapValue',
            start + i * strideBytes,
            valueSizeBytes,
            `${name}[${i}] of cpu ${cpu}`,
          );
    }
    return { kind: 'perCpuArray', base, strideBytes, cpuStrideBytes };
  },

  lookup(env, map, key): ValueRef {
    const index = env.memory.load32(key);
    return index < map.definition.maxEntries ? arrayPlace(map, index, env.currentCpu()) : 0;
  },

  lookupOnCpu(env, map, key, cpu): ValueRef {
    const index = env.memory.load32(key);
    return index < map.definition.maxEntries ? arrayPlace(map, index, cpu) : 0;
  },

  update(env, map, key, value, flags): MapOutcome {
    if ((flags & ~BPF_F_LOCK) > BPF_EXIST) return refused('EINVAL', ERRNO);
    const index = env.memory.load32(key);
    if (index >= map.definition.maxEntries) return refused('E2BIG', ERRNO);
    if ((flags & BPF_NOEXIST) !== 0n) return refused('EEXIST', ERRNO);
    if ((flags & BPF_F_LOCK) !== 0n) return refused('EINVAL', ERRNO);
    const place = arrayPlace(map, index, env.currentCpu());
    copyValue(env.memory, map.definition, place, value);
    dropOwned(env, map.definition, place);
    return DONE;
  },

  userRead(env, map, key) {
    const index = env.memory.load32(key);
    if (index >= map.definition.maxEntries) return undefined;
    return readAll(env, map.definition, (cpu) => arrayPlace(map, index, cpu));
  },

  userWrite(env, map, key, values, flags): MapOutcome {
    if (!countFits(env, values) || BigInt.asUintN(32, flags) > lastUserFlag(env))
      return refused('EINVAL', ERRNO);
    const index = env.memory.load32(key);
    if (index >= map.definition.maxEntries) return refused('E2BIG', ERRNO);
    if (flags === BPF_NOEXIST) return refused('EEXIST', ERRNO);
    writeAll(env, map.definition, (cpu) => arrayPlace(map, index, cpu), values, flags);
    return DONE;
  },

  delete: () => refused('EINVAL', ERRNO),
  nextKey: nextIndex,
  recycle: () => undefined,
  slots: () => [],
  keyOffset: () => 0,
  indexOf: (map, value) =>
    Math.floor(((value - map.data.base) % map.data.cpuStrideBytes) / map.data.strideBytes),
  entryCount: (_env, map) => map.definition.maxEntries,

  entries(env, map, start, count): MapEntry[] {
    const found: MapEntry[] = [];
    const end = Math.min(map.definition.maxEntries, start + count);
    for (let i = start; i < end; i++)
      found.push({
        key: indexBytes(i),
        values: readAll(env, map.definition, (cpu) => arrayPlace(map, i, cpu)),
        valueRef: arrayPlace(map, i, env.currentCpu()),
      });
    return found;
  },
};

/** Where CPU `cpu`'s value of an element lies. */
const valuePlace = (definition: MapDefinition, element: number, cpu: number): ValueRef =>
  element + elementValue(definition) + cpu * strideOf(definition);

/** The element that a CPU's value belongs to. */
function elementOf(definition: MapDefinition, table: HashData, value: ValueRef): number {
  const stride = strideOf(definition);
  const valueOffset = elementValue(definition);
  const cpuCount = (table.elementSizeBytes - valueOffset) / stride;
  for (let cpu = 0; cpu < cpuCount; cpu++) {
    const element = value - valueOffset - cpu * stride;
    const known = table.prealloc
      ? element >= table.pool && (element - table.pool) % table.elementSizeBytes === 0
      : table.allocated.includes(element);
    if (known) return element;
  }
  return value - valueOffset;
}

/** The table's own view of an element: the values of all CPUs are one value without special fields. */
const wideDefinition = (env: MapEnv, definition: MapDefinition): MapDefinition => ({
  ...definition,
  valueSizeBytes: strideOf(definition) * env.cpuCount,
  fields: NO_SPECIAL_FIELDS,
});

const isLinked = (env: MapEnv, element: number): boolean => env.memory.load32(element + LINKED) !== 0;

/** Zeroes a fresh element's values and writes what is given: one CPU's value, or all. */
function writeFresh(
  env: MapEnv,
  definition: MapDefinition,
  element: number,
  writer: (element: number) => void,
): void {
  env.memory.fill(element + elementValue(definition), strideOf(definition) * env.cpuCount, 0);
  writer(element);
}

type Writer = (element: number) => void;

/** An update whose writer puts one value or all into an element. */
function updateHash(
  env: MapEnv,
  map: MapRecord<PerCpuHashData>,
  key: number,
  flags: bigint,
  writer: Writer,
): MapOutcome {
  const { memory } = env;
  const { definition, data } = map;
  const hash = hashKey(memory.u8, key, definition.keySizeBytes);
  const table = { definition, data: data.table };
  const old = findElement(env, table, key, hash);
  const error = checkPresence(old !== 0, flags);
  if (error !== 0) return failed(error);
  if (old !== 0) {
    writer(old);
    return DONE;
  }
  const wide = wideDefinition(env, definition);
  const scratch = memory.allocate(wide.valueSizeBytes);
  const outcome = hashFamily.update(env, { definition: wide, data: data.table }, key, scratch, 0n);
  memory.release(scratch, wide.valueSizeBytes);
  if (outcome.error === 0) writeFresh(env, definition, findElement(env, table, key, hash), writer);
  return outcome;
}

/** The LRU takes a slot for every update that could insert, and gives it back when the key exists. */
function updateLru(
  env: MapEnv,
  map: MapRecord<LruData>,
  key: number,
  flags: bigint,
  writer: Writer,
): MapOutcome {
  const { memory } = env;
  const { definition } = map;
  let element = 0;
  if (flags !== BPF_EXIST) {
    element = takeLruSlot(env, map, []);
    if (element === 0) return refused('ENOMEM', ERRNO);
  }
  const hash = hashKey(memory.u8, key, definition.keySizeBytes);
  const table = tableOf(map);
  const old = findElement(env, table, key, hash);
  const error = checkPresence(old !== 0, flags);
  if (error === 0 && old === 0) {
    memory.copy(element + ELEMENT_KEY, key, definition.keySizeBytes);
    writeFresh(env, definition, element, writer);
    linkElement(env, table, element, hash);
    table.data.count++;
    return DONE;
  }
  if (error === 0) {
    markLruUsed(env, map, old);
    writer(old);
  }
  if (element !== 0) recycleLru(env, map, element + elementValue(definition));
  return failed(error);
}

/** A program's writer: the current CPU's value only. */
const ownWriter =
  (env: MapEnv, definition: MapDefinition, value: number): Writer =>
  (element) =>
    copyValue(env.memory, definition, valuePlace(definition, element, env.currentCpu()), value);

const allWriter =
  (env: MapEnv, definition: MapDefinition, values: readonly Uint8Array[], flags: bigint): Writer =>
  (element) =>
    writeAll(env, definition, (cpu) => valuePlace(definition, element, cpu), values, flags);

type HashLike = PerCpuHashData | LruData;
const table = (map: MapRecord<HashLike>): MapRecord<HashData> => ({
  definition: map.definition,
  data: map.data.table,
});
const find = (env: MapEnv, map: MapRecord<HashLike>, key: number): number =>
  findElement(env, table(map), key, hashKey(env.memory.u8, key, map.definition.keySizeBytes));

/** What both hash-like families do the same way. */
const common = {
  lookupOnCpu(env: MapEnv, map: MapRecord<HashLike>, key: number, cpu: number): ValueRef {
    const element = find(env, map, key);
    return element === 0 ? 0 : valuePlace(map.definition, element, cpu);
  },
  userRead(env: MapEnv, map: MapRecord<HashLike>, key: number): Uint8Array[] | undefined {
    const element = find(env, map, key);
    if (element === 0) return undefined;
    return readAll(env, map.definition, (cpu) => valuePlace(map.definition, element, cpu));
  },
  nextKey: (env: MapEnv, map: MapRecord<HashLike>, key: number, nextKey: number): number =>
    nextElementKey(env, table(map), key, nextKey),
  slots: () => [],
  keyOffset: (map: MapRecord<HashLike>, value: ValueRef): number =>
    elementOf(map.definition, map.data.table, value) + ELEMENT_KEY,
  entryCount: (_env: MapEnv, map: MapRecord<HashLike>): number => map.data.table.count,
  entries(env: MapEnv, map: MapRecord<HashLike>, start: number, count: number): MapEntry[] {
    return linkedElements(env, table(map))
      .slice(start, start + count)
      .map((element) => ({
        key: env.memory.read(element + ELEMENT_KEY, map.definition.keySizeBytes),
        values: readAll(env, map.definition, (cpu) => valuePlace(map.definition, element, cpu)),
        valueRef: valuePlace(map.definition, element, env.currentCpu()),
      }));
  },
};

export const perCpuHashFamily: MapFamily<PerCpuHashData> = {
  ...common,
  types: ['BPF_MAP_TYPE_PERCPU_HASH'],

  refuse: refusePerCpu,

  create(env, definition): PerCpuHashData {
    const prealloc = (definition.flags & BPF_F_NO_PREALLOC) === 0;
    return { kind: 'perCpuHash', table: createHash(env, wideDefinition(env, definition), prealloc, false) };
  },

  lookup(env, map, key): ValueRef {
    const element = find(env, map, key);
    return element === 0 ? 0 : valuePlace(map.definition, element, env.currentCpu());
  },

  update: (env, map, key, value, flags) =>
    flags > BPF_EXIST
      ? refused('EINVAL', ERRNO)
      : updateHash(env, map, key, flags, ownWriter(env, map.definition, value)),

  userWrite: (env, map, key, values, flags) =>
    countFits(env, values) && ordered(env, flags)
      ? updateHash(env, map, key, flags, allWriter(env, map.definition, values, flags))
      : refused('EINVAL', ERRNO),

  delete: (env, map, key) =>
    hashFamily.delete(env, { definition: map.definition, data: map.data.table }, key),

  recycle(env, map, value): void {
    const element = elementOf(map.definition, map.data.table, value);
    if (!isLinked(env, element)) hashFamily.recycle(env, table(map), element + elementValue(map.definition));
  },
};

export const lruPerCpuHashFamily: MapFamily<LruData> = {
  ...common,
  types: ['BPF_MAP_TYPE_LRU_PERCPU_HASH'],

  refuse: refusePerCpu,

  create: (env, definition) => createLru(env, definition, strideOf(definition) * env.cpuCount),

  lookup(env, map, key): ValueRef {
    const element = findLru(env, map, key, true);
    return element === 0 ? 0 : valuePlace(map.definition, element, env.currentCpu());
  },

  lookupOnCpu(env, map, key, cpu): ValueRef {
    const element = findLru(env, map, key, true);
    return element === 0 ? 0 : valuePlace(map.definition, element, cpu);
  },

  update: (env, map, key, value, flags) =>
    flags > BPF_EXIST
      ? refused('EINVAL', ERRNO)
      : updateLru(env, map, key, flags, ownWriter(env, map.definition, value)),

  userWrite: (env, map, key, values, flags) =>
    countFits(env, values) && ordered(env, flags)
      ? updateLru(env, map, key, flags, allWriter(env, map.definition, values, flags))
      : refused('EINVAL', ERRNO),

  delete: deleteLru,
  recycle: recycleLru,
};
