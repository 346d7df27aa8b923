/**
 * BPF_MAP_TYPE_ARRAY, also behind global data (.data, .bss, .rodata …: one element).
 *
 * Every element exists from creation on; delete is refused; an update overwrites in place and frees the element's
 * special fields. Evidence: errno values measured on 6.1.192, 6.12.117 and 7.2.13.
 */
import { ERRNO } from '../spec/errno';
import type { MapEntry, MapOutcome, ValueRef } from './bpfMap';
import type { ArrayData } from './mapData';
import {
  BPF_EXIST,
  BPF_F_LOCK,
  BPF_NOEXIST,
  LABELLED_ELEMENTS_MAX,
  refused,
  round8,
  type MapEnv,
  type MapFamily,
  type MapRecord,
  type ValueSlot,
} from './mapFamily';
import { copyValue, dropOwned, hasField, lockOffset, readValue } from './values';

/** The next index of an array-like map; any key that is not an index starts over. */
export function nextIndex(env: MapEnv, map: MapRecord, key: number, nextKey: number): number {
  const index = key === 0 ? 0xffff_ffff : env.memory.load32(key);
  const max = map.definition.maxEntries;
  if (index === max - 1) return -ERRNO.ENOENT;
  env.memory.store32(nextKey, index >= max ? 0 : index + 1);
  return 0;
}

export const indexBytes = (index: number): Uint8Array =>
  Uint8Array.of(index & 255, (index >>> 8) & 255, (index >>> 16) & 255, index >>> 24);

const valueAt = (map: MapRecord<ArrayData>, index: number): ValueRef =>
  map.data.base + index * map.data.strideBytes;

export const arrayFamily: MapFamily<ArrayData> = {
  types: ['BPF_MAP_TYPE_ARRAY'],

  create(env, definition): ArrayData {
    const strideBytes = round8(definition.valueSizeBytes);
    const base = env.memory.allocate(strideBytes * definition.maxEntries);
    const { name, maxEntries, valueSizeBytes } = definition;
    const writable = !definition.frozen;
    if (maxEntries === 1) env.memory.addRegion('mapValue', base, valueSizeBytes, `${name}[0]`, writable);
    else if (maxEntries > LABELLED_ELEMENTS_MAX)
      env.memory.addRegion('mapPool', base, strideBytes * maxEntries, `values of ${name}`, writable);
    else
      for (let i = 0; i < maxEntries; i++)
        env.memory.addRegion('mapValue', base + i * strideBytes, valueSizeBytes, `${name}[${i}]`, writable);
    return { kind: 'array', base, strideBytes };
  },

  lookup(env, map, key): ValueRef {
    const index = env.memory.load32(key);
    return index < map.definition.maxEntries ? valueAt(map, index) : 0;
  },

  update(env, map, key, value, flags): MapOutcome {
    if ((flags & ~BPF_F_LOCK) > BPF_EXIST) return refused('EINVAL', ERRNO);
    const index = env.memory.load32(key);
    if (index >= map.definition.maxEntries) return refused('E2BIG', ERRNO);
    if ((flags & BPF_NOEXIST) !== 0n) return refused('EEXIST', ERRNO);
    if ((flags & BPF_F_LOCK) !== 0n && !hasField(map.definition, 'spinLock')) return refused('EINVAL', ERRNO);
    const to = valueAt(map, index);
    const { valueSizeBytes } = map.definition;
    if ((flags & BPF_F_LOCK) === 0n) env.copied?.(to, valueSizeBytes, true);
    else env.copiedLocked?.(to + lockOffset(map.definition), to, valueSizeBytes);
    copyValue(env.memory, map.definition, to, value);
    dropOwned(env, map.definition, to);
    return { error: 0, freed: map.definition.fields.fields.length > 0 ? [to] : [], recycle: [] };
  },

  delete: () => refused('EINVAL', ERRNO),

  nextKey: nextIndex,

  recycle: () => undefined,

  slots(_env, map): ValueSlot[] {
    if (map.definition.fields.fields.length === 0) return [];
    return Array.from({ length: map.definition.maxEntries }, (_, i) => ({
      value: valueAt(map, i),
      key: 0,
      live: true,
    }));
  },

  keyOffset: () => 0,

  indexOf: (map, value) => Math.floor((value - map.data.base) / map.data.strideBytes),

  entryCount: (_env, map) => map.definition.maxEntries,

  entries(env, map, start, count): MapEntry[] {
    const found: MapEntry[] = [];
    const end = Math.min(map.definition.maxEntries, start + count);
    for (let i = start; i < end; i++) {
      const valueRef = valueAt(map, i);
      found.push({ key: indexBytes(i), values: [readValue(env.memory, map.definition, valueRef)], valueRef });
    }
    return found;
  },
};
