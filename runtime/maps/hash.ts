/**
 * BPF_MAP_TYPE_HASH, preallocated and not.
 *
 * Layout in linear memory. Buckets: one u32 each, the offset of the newest element, 0 = empty. Element:
 *   +0 next element in the bucket or free list (u32)   +4 hash (u32)   +8 1 = linked (u32)   +12 unused
 *   +16 key, rounded up to 8 bytes, value right behind it, rounded up to 8.
 * Bucket choice is a seedless hash of ours: bucket order is deterministic here, random in a kernel.
 *
 * What programs can see of the kernel's allocation is kept: preallocated maps hand out slots from a free list of the
 * CPU, last freed first, and an update of an existing key moves the value to the CPU's spare slot; other maps
 * allocate, keep freed slots per CPU and reuse them at once. Evidence: errno values measured on 6.1, 6.12 and 7.2.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import type { MapDefinition, MapEntry, MapOutcome, ValueRef } from './bpfMap';
import type { HashData } from './mapData';
import {
  BPF_EXIST,
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
  type ValueSlot,
} from './mapFamily';
import { copyValue, dropOwned, hasField, lockOffset, readValue } from './values';

/** What fresh memory may hold where nobody zeroes it. */
const STALE_BYTE = 0xaa;
const NEXT = 0;
const HASH = 4;
/** Offset of the u32 that is 1 while an element is in a bucket. */
export const LINKED = 8;
/** Offset of the key in an element. */
export const ELEMENT_KEY = 16;

type HashMap = MapRecord<HashData>;

/** Offset of the value in an element. */
export const elementValue = (definition: MapDefinition): number =>
  ELEMENT_KEY + round8(definition.keySizeBytes);

/** Mixes the key's bytes to 32 bits (multiply–rotate rounds over 32-bit words, then a finaliser). */
export function hashKey(bytes: Uint8Array, offset: number, sizeBytes: number): number {
  let h = sizeBytes | 0;
  for (let i = 0; i < sizeBytes; i += 4) {
    let word = 0;
    for (let j = 0; j < 4 && i + j < sizeBytes; j++) word |= bytes[offset + i + j] << (8 * j);
    word = Math.imul(word, 0xcc9e2d51);
    h ^= (word << 15) | (word >>> 17);
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0x6b79) | 0;
  }
  h ^= h >>> 16;
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  return h >>> 0;
}

const bucketOf = (data: HashData, hash: number): number => data.buckets + 4 * (hash & (data.bucketCount - 1));

function keyEquals(bytes: Uint8Array, a: number, b: number, sizeBytes: number): boolean {
  for (let i = 0; i < sizeBytes; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

/** The element with this key, or 0. */
export function findElement(env: MapEnv, map: HashMap, key: number, hash: number): number {
  const { memory } = env;
  const size = map.definition.keySizeBytes;
  for (
    let element = memory.load32(bucketOf(map.data, hash));
    element !== 0;
    element = memory.load32(element + NEXT)
  )
    if (memory.load32(element + HASH) === hash && keyEquals(memory.u8, element + ELEMENT_KEY, key, size))
      return element;
  return 0;
}

export function linkElement(env: MapEnv, map: HashMap, element: number, hash: number): void {
  const { memory } = env;
  const bucket = bucketOf(map.data, hash);
  memory.store32(element + HASH, hash);
  memory.store32(element + LINKED, 1);
  memory.store32(element + NEXT, memory.load32(bucket));
  memory.store32(bucket, element);
}

/** Takes a linked element out of its bucket. */
export function unlinkElement(env: MapEnv, map: HashMap, element: number): void {
  const { memory } = env;
  let at = bucketOf(map.data, memory.load32(element + HASH));
  for (let e = memory.load32(at); e !== element; e = memory.load32(at)) at = e + NEXT;
  memory.store32(at, memory.load32(element + NEXT));
  memory.store32(element + LINKED, 0);
}

function pushFree(env: MapEnv, map: HashMap, element: number, cpu: number): void {
  env.memory.store32(element + NEXT, map.data.freeHeads[cpu]);
  map.data.freeHeads[cpu] = element;
}

/** A free slot of this CPU, else of the next one that has any; 0: none. */
function popFree(env: MapEnv, map: HashMap): number {
  const own = env.currentCpu();
  for (let i = 0; i < env.cpuCount; i++) {
    const cpu = (own + i) % env.cpuCount;
    const element = map.data.freeHeads[cpu];
    if (element === 0) continue;
    map.data.freeHeads[cpu] = env.memory.load32(element + NEXT);
    return element;
  }
  return 0;
}

/** Overwrites the special fields of an element, as kernels without certain fixes leave them. */
function spoilFields(env: MapEnv, map: HashMap, element: number, byte: number): void {
  const value = element + elementValue(map.definition);
  for (const field of map.definition.fields.fields)
    env.memory.fill(value + field.offset, field.sizeBytes, byte);
}

/** An element that was freed, from the allocator; 0: none. Its special fields are as freeing left them. */
function reuse(env: MapEnv, map: HashMap): number {
  const element = popFree(env, map);
  if (element !== 0 && !has(env.profile, 'timerReuseKeepsFields')) spoilFields(env, map, element, 0);
  return element;
}

/** Linear offset of the bucket that a key belongs to. */
export const bucketOfKey = (env: MapEnv, map: HashMap, key: number): number =>
  bucketOf(map.data, hashKey(env.memory.u8, key, map.definition.keySizeBytes));

/** Linear offset of the bucket in which the element of a value is, or last was. */
export const bucketOfValue = (env: MapEnv, map: HashMap, value: ValueRef): number =>
  bucketOf(map.data, env.memory.load32(value - elementValue(map.definition) + HASH));

function labelElement(env: MapEnv, definition: MapDefinition, element: number, index: number): void {
  const { name, keySizeBytes, valueSizeBytes } = definition;
  const value = element + elementValue(definition);
  env.memory.addRegion('mapKey', element + ELEMENT_KEY, keySizeBytes, `key of ${name} slot ${index}`, false);
  env.memory.addRegion('mapValue', value, valueSizeBytes, `value of ${name} slot ${index}`);
}

/** A slot for a new key, or a negative errno. */
function takeSlot(env: MapEnv, map: HashMap): number {
  const { data, definition } = map;
  if (!data.prealloc && data.count >= definition.maxEntries) return -ERRNO.E2BIG;
  const free = data.prealloc ? popFree(env, map) : reuse(env, map);
  if (free !== 0) return free;
  return data.prealloc ? -ERRNO.E2BIG : allocateElement(env, map);
}

function allocateElement(env: MapEnv, map: HashMap): number {
  const { data, definition } = map;
  const element = env.memory.allocate(data.elementSizeBytes);
  if (data.allocated.length < LABELLED_ELEMENTS_MAX)
    labelElement(env, definition, element, data.allocated.length);
  else env.memory.addRegion('mapPool', element, data.elementSizeBytes, `element of ${definition.name}`);
  data.allocated.push(element);
  if (!has(env.profile, 'timerFieldsZeroed')) spoilFields(env, map, element, STALE_BYTE);
  return element;
}

/** Rounds up to a power of two; at least 1. */
const powerOfTwo = (n: number): number => {
  let p = 1;
  while (p < n) p *= 2;
  return p;
};

export function createHash(
  env: MapEnv,
  definition: MapDefinition,
  prealloc: boolean,
  spares: boolean,
): HashData {
  const { memory, cpuCount } = env;
  const bucketCount = powerOfTwo(definition.maxEntries);
  const elementSizeBytes = elementValue(definition) + round8(definition.valueSizeBytes);
  const poolCount = prealloc ? definition.maxEntries + (spares ? cpuCount : 0) : 0;
  const data: HashData = {
    kind: 'hash',
    buckets: memory.allocate(4 * bucketCount),
    bucketCount,
    elementSizeBytes,
    prealloc,
    pool: prealloc ? memory.allocate(elementSizeBytes * poolCount) : 0,
    poolCount,
    count: 0,
    freeHeads: new Array<number>(cpuCount).fill(0),
    spares: [],
    allocated: [],
  };
  if (!prealloc) return data;
  const at = (index: number): number => data.pool + index * elementSizeBytes;
  if (poolCount > LABELLED_ELEMENTS_MAX)
    memory.addRegion('mapPool', data.pool, elementSizeBytes * poolCount, `elements of ${definition.name}`);
  else for (let i = 0; i < poolCount; i++) labelElement(env, definition, at(i), i);
  // Slots are dealt to the CPUs in runs; pushing from the end lets each CPU hand out ascending slots.
  const share = Math.ceil(poolCount / cpuCount);
  const map = { definition, data };
  for (let i = poolCount - 1; i >= 0; i--)
    pushFree(env, map, at(i), Math.min(cpuCount - 1, Math.floor(i / share)));
  if (spares) {
    for (let cpu = 0; cpu < cpuCount; cpu++) {
      const from = data.freeHeads[cpu] !== 0 ? cpu : data.freeHeads.findIndex((h) => h !== 0);
      const element = data.freeHeads[from];
      data.freeHeads[from] = memory.load32(element + NEXT);
      data.spares.push(element);
    }
  }
  return data;
}

/** Linked elements in `nextKey` order. */
export function linkedElements(env: MapEnv, map: HashMap): number[] {
  const found: number[] = [];
  for (let b = 0; b < map.data.bucketCount && found.length < map.data.count; b++)
    for (let e = env.memory.load32(map.data.buckets + 4 * b); e !== 0; e = env.memory.load32(e + NEXT))
      found.push(e);
  return found;
}

/** `nextKey` of every hash-like family. */
export function nextElementKey(env: MapEnv, map: HashMap, key: number, nextKey: number): number {
  const { memory } = env;
  const { data, definition } = map;
  let bucket = 0;
  if (key !== 0) {
    const hash = hashKey(memory.u8, key, definition.keySizeBytes);
    const element = findElement(env, map, key, hash);
    if (element !== 0) {
      const next = memory.load32(element + NEXT);
      if (next !== 0) {
        memory.copy(nextKey, next + ELEMENT_KEY, definition.keySizeBytes);
        return 0;
      }
      bucket = (hash & (data.bucketCount - 1)) + 1;
    }
  }
  for (; bucket < data.bucketCount; bucket++) {
    const element = memory.load32(data.buckets + 4 * bucket);
    if (element === 0) continue;
    memory.copy(nextKey, element + ELEMENT_KEY, definition.keySizeBytes);
    return 0;
  }
  return -ERRNO.ENOENT;
}

/** Errors that the flags of an update meet, before anything is changed. */
export function checkUpdateFlags(definition: MapDefinition, flags: bigint): number {
  if ((flags & ~BPF_F_LOCK) > BPF_EXIST) return -ERRNO.EINVAL;
  return (flags & BPF_F_LOCK) !== 0n && !hasField(definition, 'spinLock') ? -ERRNO.EINVAL : 0;
}

/** Whether the element's presence contradicts the flags. */
export function checkPresence(present: boolean, flags: bigint): number {
  const mode = flags & ~BPF_F_LOCK;
  if (present && mode === BPF_NOEXIST) return -ERRNO.EEXIST;
  return !present && mode === BPF_EXIST ? -ERRNO.ENOENT : 0;
}

const failed = (error: number): MapOutcome => ({ error, freed: [], recycle: [] });

export const hashFamily: MapFamily<HashData> = {
  types: ['BPF_MAP_TYPE_HASH'],

  create(env, definition): HashData {
    const prealloc = (definition.flags & BPF_F_NO_PREALLOC) === 0;
    return createHash(env, definition, prealloc, prealloc);
  },

  lookup(env, map, key): ValueRef {
    const element = findElement(env, map, key, hashKey(env.memory.u8, key, map.definition.keySizeBytes));
    return element === 0 ? 0 : element + elementValue(map.definition);
  },

  update(env, map, key, value, flags): MapOutcome {
    const { memory } = env;
    const { definition, data } = map;
    const bad = checkUpdateFlags(definition, flags);
    if (bad !== 0) return failed(bad);
    const hash = hashKey(memory.u8, key, definition.keySizeBytes);
    const old = findElement(env, map, key, hash);
    const contradiction = checkPresence(old !== 0, flags);
    if (contradiction !== 0) return failed(contradiction);
    const valueOffset = elementValue(definition);
    if (old !== 0 && (flags & BPF_F_LOCK) !== 0n) {
      // In place under the value's own lock: special fields are neither copied nor freed.
      const at = old + valueOffset;
      env.copiedLocked?.(at + lockOffset(definition), at, definition.valueSizeBytes);
      copyValue(memory, definition, at, value);
      return DONE;
    }
    const full = old === 0 && data.count >= definition.maxEntries;
    if (!data.prealloc && !full && env.mayAllocate?.() === false) return failed(-ERRNO.ENOMEM);
    let element: number;
    if (old !== 0 && data.prealloc) {
      const cpu = env.currentCpu();
      element = data.spares[cpu];
      data.spares[cpu] = old;
    } else if (old !== 0) {
      element = reuse(env, map) || allocateElement(env, map);
    } else {
      element = takeSlot(env, map);
      if (element < 0) return failed(element);
      data.count++;
    }
    memory.copy(element + ELEMENT_KEY, key, definition.keySizeBytes);
    copyValue(memory, definition, element + valueOffset, value);
    env.renewed?.(element + valueOffset, definition.valueSizeBytes);
    linkElement(env, map, element, hash);
    if (old === 0) return DONE;
    unlinkElement(env, map, old);
    const left = [old + valueOffset];
    for (const value of left) dropOwned(env, definition, value);
    return { error: 0, freed: left, recycle: data.prealloc ? [] : left };
  },

  delete(env, map, key): MapOutcome {
    const element = findElement(env, map, key, hashKey(env.memory.u8, key, map.definition.keySizeBytes));
    if (element === 0) return refused('ENOENT', ERRNO);
    unlinkElement(env, map, element);
    map.data.count--;
    const left = [element + elementValue(map.definition)];
    for (const value of left) dropOwned(env, map.definition, value);
    return { error: 0, freed: left, recycle: left };
  },

  nextKey: nextElementKey,

  recycle(env, map, value): void {
    pushFree(env, map, value - elementValue(map.definition), env.currentCpu());
  },

  slots(env, map): ValueSlot[] {
    if (map.definition.fields.fields.length === 0) return [];
    const { data, definition } = map;
    const elements = data.prealloc
      ? Array.from({ length: data.poolCount }, (_, i) => data.pool + i * data.elementSizeBytes)
      : linkedElements(env, map);
    return elements.map((element) => ({
      value: element + elementValue(definition),
      key: element + ELEMENT_KEY,
      live: env.memory.load32(element + LINKED) !== 0,
    }));
  },

  keyOffset: (map, value) => value - elementValue(map.definition) + ELEMENT_KEY,

  entryCount: (_env, map) => map.data.count,

  entries(env, map, start, count): MapEntry[] {
    const { definition } = map;
    return linkedElements(env, map)
      .slice(start, start + count)
      .map((element) => ({
        key: env.memory.read(element + ELEMENT_KEY, definition.keySizeBytes),
        values: [readValue(env.memory, definition, element + elementValue(definition))],
        valueRef: element + elementValue(definition),
      }));
  },
};
