/**
 * BPF_MAP_TYPE_LRU_HASH: a preallocated hash table that evicts elements instead of being full. Which ones is the
 * business of `lruLists.ts`.
 *
 * An update always takes a new slot first, evicting for it if need be, even when it then fails or replaces an existing
 * key: the value moves, and the old slot is given back. Evicted elements' special fields are reported as freed before
 * the replaced one's. Where values have timers the kernel floor takes the two halves of an update one by one, and frees
 * what was evicted in between.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import type { MapDefinition, MapEntry, MapOutcome, ValueRef } from './bpfMap';
import {
  checkPresence,
  checkUpdateFlags,
  createHash,
  ELEMENT_KEY,
  elementValue,
  findElement,
  hashKey,
  LINKED,
  linkedElements,
  linkElement,
  nextElementKey,
  unlinkElement,
} from './hash';
import { createLruLists, LruWalker } from './lruLists';
import type { HashData, LruData } from './mapData';
import {
  BPF_EXIST,
  BPF_F_NO_COMMON_LRU,
  refused,
  type MapEnv,
  type MapFamily,
  type MapRecord,
  type ValueSlot,
} from './mapFamily';
import { copyValue, dropOwned, hasField, readValue } from './values';

type LruMap = MapRecord<LruData>;

/** The hash table inside, for the functions of `hash.ts`. */
export const tableOf = (map: LruMap): MapRecord<HashData> => ({
  definition: map.definition,
  data: map.data.table,
});

/** @param valueAreaBytes bytes of an element behind its key: one value, or one for every CPU. */
export function createLru(env: MapEnv, definition: MapDefinition, valueAreaBytes: number): LruData {
  const shared = (definition.flags & BPF_F_NO_COMMON_LRU) === 0;
  // Lists of their own: every CPU gets the same number of elements.
  const maxEntries = shared
    ? definition.maxEntries
    : Math.ceil(definition.maxEntries / env.cpuCount) * env.cpuCount;
  const table = createHash(env, { ...definition, maxEntries, valueSizeBytes: valueAreaBytes }, true, false);
  // Slots are handed out by the lists, not by the table's own free lists.
  table.freeHeads.fill(0);
  const scaled = has(env.profile, 'lruScaledFreeTarget');
  return { kind: 'lru', table, lists: createLruLists(env.memory, maxEntries, env.cpuCount, shared, scaled) };
}

const nodeOf = (map: LruMap, element: number): number =>
  (element - map.data.table.pool) / map.data.table.elementSizeBytes;
const elementOf = (map: LruMap, node: number): number =>
  map.data.table.pool + node * map.data.table.elementSizeBytes;

/** Looks a key up; `use` marks the element, as a program's lookup does and user space's does not. */
export function findLru(env: MapEnv, map: LruMap, key: number, use: boolean): number {
  const element = findElement(
    env,
    tableOf(map),
    key,
    hashKey(env.memory.u8, key, map.definition.keySizeBytes),
  );
  if (element !== 0 && use)
    new LruWalker(env.memory, map.data.lists, () => false).markUsed(nodeOf(map, element));
  return element;
}

/** A slot for a new element, or 0; evicted elements are appended to `evicted`. */
export function takeLruSlot(env: MapEnv, map: LruMap, evicted: number[]): number {
  const walker = new LruWalker(env.memory, map.data.lists, (node) => {
    const element = elementOf(map, node);
    if (env.memory.load32(element + LINKED) === 0) return false;
    unlinkElement(env, tableOf(map), element);
    map.data.table.count--;
    evicted.push(element);
    return true;
  });
  const node = walker.take(env.currentCpu());
  return node < 0 ? 0 : elementOf(map, node);
}

export function markLruUsed(env: MapEnv, map: LruMap, element: number): void {
  new LruWalker(env.memory, map.data.lists, () => false).markUsed(nodeOf(map, element));
}

/** Puts an unlinked element's slot back. */
export function recycleLru(env: MapEnv, map: LruMap, value: ValueRef): void {
  const element = value - elementValue(map.definition);
  dropOwned(env, map.definition, value);
  new LruWalker(env.memory, map.data.lists, () => false).giveBack(nodeOf(map, element));
}

export function deleteLru(env: MapEnv, map: LruMap, key: number): MapOutcome {
  const element = findLru(env, map, key, false);
  if (element === 0) return refused('ENOENT', ERRNO);
  unlinkElement(env, tableOf(map), element);
  map.data.table.count--;
  const left = [element + elementValue(map.definition)];
  return { error: 0, freed: left, recycle: left };
}

/** The error of these flags in an update, or 0. */
export const refusedFlags = (map: LruMap, flags: bigint): number =>
  flags > BPF_EXIST ? -ERRNO.EINVAL : checkUpdateFlags(map.definition, flags);

/** Fills a slot from `takeLruSlot` (0: there was none) and links it; what it replaces leaves the map. */
export function insertLru(
  env: MapEnv,
  map: LruMap,
  element: number,
  key: number,
  value: number,
  flags: bigint,
): MapOutcome {
  const { memory } = env;
  const { definition } = map;
  const valueOffset = elementValue(definition);
  if (element === 0) return { error: -ERRNO.ENOMEM, freed: [], recycle: [] };
  memory.copy(element + ELEMENT_KEY, key, definition.keySizeBytes);
  copyValue(memory, definition, element + valueOffset, value);
  env.renewed?.(element + valueOffset, definition.valueSizeBytes);
  const table = tableOf(map);
  const hash = hashKey(memory.u8, key, definition.keySizeBytes);
  const old = findElement(env, table, key, hash);
  const error = checkPresence(old !== 0, flags);
  if (error !== 0) {
    const unused = element + valueOffset;
    return { error, freed: [unused], recycle: [unused] };
  }
  linkElement(env, table, element, hash);
  if (old === 0) {
    table.data.count++;
    return { error: 0, freed: [], recycle: [] };
  }
  markLruUsed(env, map, element);
  unlinkElement(env, table, old);
  const left = old + valueOffset;
  return { error: 0, freed: [left], recycle: [left] };
}

export const lruFamily: MapFamily<LruData> = {
  types: ['BPF_MAP_TYPE_LRU_HASH'],

  refuse: (definition) => (hasField(definition, 'spinLock') ? -ERRNO.EOPNOTSUPP : 0),

  create: (env, definition) => createLru(env, definition, definition.valueSizeBytes),

  lookup(env, map, key): ValueRef {
    const element = findLru(env, map, key, true);
    return element === 0 ? 0 : element + elementValue(map.definition);
  },

  userRead(env, map, key) {
    const element = findLru(env, map, key, false);
    if (element === 0) return undefined;
    return [readValue(env.memory, map.definition, element + elementValue(map.definition))];
  },

  update(env, map, key, value, flags): MapOutcome {
    const bad = refusedFlags(map, flags);
    if (bad !== 0) return { error: bad, freed: [], recycle: [] };
    const evicted: number[] = [];
    const element = takeLruSlot(env, map, evicted);
    const outcome = insertLru(env, map, element, key, value, flags);
    const freed = evicted.map((e) => e + elementValue(map.definition));
    return { ...outcome, freed: [...freed, ...outcome.freed.filter((v) => !freed.includes(v))] };
  },

  delete: deleteLru,

  nextKey: (env, map, key, nextKey) => nextElementKey(env, tableOf(map), key, nextKey),

  recycle: recycleLru,

  slots(env, map): ValueSlot[] {
    const { definition, data } = map;
    if (definition.fields.fields.length === 0) return [];
    return Array.from({ length: data.table.poolCount }, (_, node) => {
      const element = elementOf(map, node);
      return {
        value: element + elementValue(definition),
        key: element + ELEMENT_KEY,
        live: env.memory.load32(element + LINKED) !== 0,
      };
    });
  },

  keyOffset: (map, value) => value - elementValue(map.definition) + ELEMENT_KEY,

  entryCount: (_env, map) => map.data.table.count,

  entries(env, map, start, count): MapEntry[] {
    const { definition } = map;
    return linkedElements(env, tableOf(map))
      .slice(start, start + count)
      .map((element) => ({
        key: env.memory.read(element + ELEMENT_KEY, definition.keySizeBytes),
        values: [readValue(env.memory, definition, element + elementValue(definition))],
        valueRef: element + elementValue(definition),
      }));
  },
};
