/**
 * BPF_MAP_TYPE_LPM_TRIE: keys are a length in bits (u32) and that many leading bits; a lookup finds the longest prefix
 * that the asked key continues.
 *
 * No tree: the elements' offsets stand in one list in the order in which `nextKey` walks (0 before 1, longer prefixes
 * before those they continue), with a count of elements of each length. Bits behind the length are kept as given, since
 * user space reads them back. Element: key rounded up to 8 bytes, then the value. A replaced or deleted element's memory
 * stays as it was until others have left after it, as if a grace period were over. Evidence: answers of 6.1, 6.12, 7.2.
 */
import { ERRNO } from '../spec/errno';
import type { MapDefinition, MapEntry, MapOutcome, ValueRef } from './bpfMap';
import type { TrieData } from './mapData';
import {
  BPF_EXIST,
  BPF_NOEXIST,
  DONE,
  LABELLED_ELEMENTS_MAX,
  refused,
  round8,
  type MapEnv,
  type MapFamily,
  type MapRecord,
} from './mapFamily';

type Trie = MapRecord<TrieData>;

const LENGTH_BYTES = 4;
/** Elements that must have left before the memory of one is used again. */
const RETIRED_MIN = 64;

const dataBits = (definition: MapDefinition): number => 8 * (definition.keySizeBytes - LENGTH_BYTES);
const valueOffset = (definition: MapDefinition): number => round8(definition.keySizeBytes);

/** How many leading bits of two keys are equal, at most `limit`. */
function commonBits(bytes: Uint8Array, a: number, b: number, limit: number): number {
  for (let i = 0; 8 * i < limit; i++) {
    const difference = bytes[a + LENGTH_BYTES + i] ^ bytes[b + LENGTH_BYTES + i];
    if (difference !== 0) return Math.min(limit, 8 * i + Math.clz32(difference) - 24);
  }
  return limit;
}

/** Place of the first `length` bits of `key` in walking order, and whether that very prefix is there. */
function place(env: MapEnv, map: Trie, key: number, length: number): { index: number; found: boolean } {
  const { memory } = env;
  const { order } = map.data;
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = order[middle];
    const other = memory.load32(element);
    const limit = Math.min(length, other);
    const common = commonBits(memory.u8, key, element, limit);
    if (common === limit && other === length) return { index: middle, found: true };
    const bit = (memory.u8[element + LENGTH_BYTES + (common >>> 3)] >>> (7 - (common & 7))) & 1;
    // Different at `common`: 0 goes first. Else one continues the other: the longer goes first.
    const otherFirst = common < limit ? bit === 0 : other > length;
    if (otherFirst) low = middle + 1;
    else high = middle;
  }
  return { index: low, found: false };
}

/** The element of exactly this key; -1 when there is none or the length is impossible. */
function exact(env: MapEnv, map: Trie, key: number): number {
  const length = env.memory.load32(key);
  if (length > dataBits(map.definition)) return -1;
  const { index, found } = place(env, map, key, length);
  return found ? index : -1;
}

function newElement(env: MapEnv, map: Trie): number {
  const { data, definition } = map;
  const reused = data.retired.length > RETIRED_MIN ? data.retired.shift() : undefined;
  if (reused !== undefined) return reused;
  const sizeBytes = valueOffset(definition) + round8(definition.valueSizeBytes);
  const element = env.memory.allocate(sizeBytes);
  const { name, keySizeBytes, valueSizeBytes } = definition;
  const index = data.allocatedCount++;
  if (index < LABELLED_ELEMENTS_MAX) {
    env.memory.addRegion('mapKey', element, keySizeBytes, `key of ${name} slot ${index}`, false);
    const value = element + valueOffset(definition);
    env.memory.addRegion('mapValue', value, valueSizeBytes, `value of ${name} slot ${index}`);
  } else env.memory.addRegion('mapPool', element, sizeBytes, `element of ${name}`);
  return element;
}

const left = (map: Trie, element: number): MapOutcome => {
  const values = [element + valueOffset(map.definition)];
  return { error: 0, freed: values, recycle: values };
};

export const lpmTrieFamily: MapFamily<TrieData> = {
  types: ['BPF_MAP_TYPE_LPM_TRIE'],

  create: (_env, definition): TrieData => ({
    kind: 'trie',
    order: [],
    ofLength: new Array<number>(dataBits(definition) + 1).fill(0),
    retired: [],
    allocatedCount: 0,
  }),

  lookup(env, map, key): ValueRef {
    const asked = env.memory.load32(key);
    if (asked > dataBits(map.definition)) return 0;
    for (let length = asked; length >= 0; length--) {
      if (map.data.ofLength[length] === 0) continue;
      const { index, found } = place(env, map, key, length);
      if (found) return map.data.order[index] + valueOffset(map.definition);
    }
    return 0;
  },

  update(env, map, key, value, flags): MapOutcome {
    const { data, definition } = map;
    const { memory } = env;
    const length = memory.load32(key);
    if (flags > BPF_EXIST || length > dataBits(definition)) return refused('EINVAL', ERRNO);
    const { index, found } = place(env, map, key, length);
    if (found && flags === BPF_NOEXIST) return refused('EEXIST', ERRNO);
    if (!found && flags === BPF_EXIST) return refused('ENOENT', ERRNO);
    if (!found && data.order.length === definition.maxEntries) return refused('ENOSPC', ERRNO);
    const element = newElement(env, map);
    memory.copy(element, key, definition.keySizeBytes);
    memory.copy(element + valueOffset(definition), value, definition.valueSizeBytes);
    if (found) {
      const old = data.order[index];
      data.order[index] = element;
      return left(map, old);
    }
    data.order.splice(index, 0, element);
    data.ofLength[length]++;
    return DONE;
  },

  delete(env, map, key): MapOutcome {
    const { data, definition } = map;
    const length = env.memory.load32(key);
    if (length > dataBits(definition)) return refused('EINVAL', ERRNO);
    const index = exact(env, map, key);
    if (index < 0) return refused('ENOENT', ERRNO);
    data.ofLength[length]--;
    return left(map, data.order.splice(index, 1)[0]);
  },

  nextKey(env, map, key, nextKey): number {
    const { order } = map.data;
    const next = key === 0 ? 0 : exact(env, map, key) + 1;
    if (next >= order.length) return -ERRNO.ENOENT;
    env.memory.copy(nextKey, order[next], map.definition.keySizeBytes);
    return 0;
  },

  recycle(_env, map, value): void {
    map.data.retired.push(value - valueOffset(map.definition));
  },

  slots: () => [],

  keyOffset: (map, value) => value - valueOffset(map.definition),

  entryCount: (_env, map) => map.data.order.length,

  entries(env, map, start, count): MapEntry[] {
    const { keySizeBytes, valueSizeBytes } = map.definition;
    return map.data.order.slice(start, start + count).map((element) => {
      const valueRef = element + valueOffset(map.definition);
      return {
        key: env.memory.read(element, keySizeBytes),
        values: [env.memory.read(valueRef, valueSizeBytes)],
        valueRef,
      };
    });
  },
};
