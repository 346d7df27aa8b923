/**
 * DEVMAP, DEVMAP_HASH and CPUMAP: where XDP programs send packets. Values name a device or the length of a CPU's queue;
 * the machine has one device, the loopback, and its CPUs. What is sent there is not modelled, but whether a place is filled
 * is. Elements are kept as a list, with the values in linear memory as programs read them.
 *
 * Only user space writes. Programs to run at the other end are named by file descriptors, which a model has none of.
 * Evidence: answers of 6.1, 6.12 and 7.2.
 */
import { has } from '../spec/profile';
import { ERRNO, type ErrnoName } from '../spec/errno';
import { indexBytes, nextIndex } from './array';
import type { MapDefinition, MapEntry, MapOutcome, ValueRef } from './bpfMap';
import type { RedirectData } from './mapData';
import {
  BPF_EXIST,
  BPF_NOEXIST,
  DONE,
  refused,
  round8,
  type MapEnv,
  type MapFamily,
  type MapRecord,
} from './mapFamily';

type RedirectMap = MapRecord<RedirectData>;

const LOOPBACK_IFINDEX = 1;
const QUEUE_LENGTH_MAX = 16384;
const PROGRAM_FD_OFFSET = 4;

const isCpuMap = (definition: MapDefinition): boolean => definition.type === 'BPF_MAP_TYPE_CPUMAP';
const isHash = (definition: MapDefinition): boolean => definition.type === 'BPF_MAP_TYPE_DEVMAP_HASH';

const find = (map: RedirectMap, key: number): ValueRef =>
  map.data.filled.find((element) => element.key === key)?.value ?? 0;

function remove(map: RedirectMap, key: number): void {
  const at = map.data.filled.findIndex((element) => element.key === key);
  if (at >= 0) map.data.filled.splice(at, 1);
}

/** Why a value cannot be put under `key`; `empty`: it stands for nothing and clears the place. */
function judge(
  env: MapEnv,
  map: RedirectMap,
  key: number,
  value: number,
  flags: bigint,
): ErrnoName | 'empty' | undefined {
  const { definition } = map;
  const target = env.memory.load32(value);
  const program = definition.valueSizeBytes === 8 ? env.memory.load32(value + PROGRAM_FD_OFFSET) | 0 : 0;
  if (flags > BPF_EXIST) return 'EINVAL';
  if (isHash(definition)) {
    if (target === 0) return 'EINVAL';
    if (find(map, key) !== 0 && flags === BPF_NOEXIST) return 'EEXIST';
  } else {
    if (key >= definition.maxEntries) return 'E2BIG';
    if (flags === BPF_NOEXIST) return 'EEXIST';
  }
  if (isCpuMap(definition)) {
    if (target > QUEUE_LENGTH_MAX) return 'EOVERFLOW';
    if (key >= env.cpuCount) return 'ENODEV';
    if (target === 0) return 'empty';
    if (program <= 0) return undefined;
    return has(env.profile, 'cpumapErrors') ? 'EBADF' : 'ENOMEM';
  }
  if (target === 0) return program > 0 ? 'EINVAL' : 'empty';
  if (target !== LOOPBACK_IFINDEX || program > 0) return 'EINVAL';
  const full = isHash(definition) && find(map, key) === 0 && map.data.filled.length >= definition.maxEntries;
  return full ? 'E2BIG' : undefined;
}

export const redirectFamily: MapFamily<RedirectData> = {
  types: ['BPF_MAP_TYPE_DEVMAP', 'BPF_MAP_TYPE_DEVMAP_HASH', 'BPF_MAP_TYPE_CPUMAP'],
  create: (): RedirectData => ({ kind: 'redirect', filled: [] }),
  lookup: (env, map, key) => find(map, env.memory.load32(key)),

  update(env, map, key, value, flags): MapOutcome {
    const { definition, data } = map;
    const index = env.memory.load32(key);
    const verdict = judge(env, map, index, value, flags);
    if (verdict === 'empty') {
      remove(map, index);
      return DONE;
    }
    if (verdict !== undefined) return refused(verdict, ERRNO);
    remove(map, index);
    const place = env.memory.allocate(round8(definition.valueSizeBytes));
    env.memory.copy(place, value, definition.valueSizeBytes);
    // What was a program's descriptor reads back as the number of that program: none.
    if (definition.valueSizeBytes === 8) env.memory.store32(place + PROGRAM_FD_OFFSET, 0);
    const label = `${definition.name}[${index}]`;
    env.memory.addRegion('mapValue', place, definition.valueSizeBytes, label, false);
    data.filled.push({ key: index, value: place });
    return DONE;
  },

  delete(env, map, key): MapOutcome {
    const index = env.memory.load32(key);
    if (isHash(map.definition) && find(map, index) === 0) return refused('ENOENT', ERRNO);
    if (!isHash(map.definition) && index >= map.definition.maxEntries) return refused('EINVAL', ERRNO);
    remove(map, index);
    return DONE;
  },

  nextKey(env, map, key, nextKey): number {
    if (!isHash(map.definition)) return nextIndex(env, map, key, nextKey);
    const asked = key === 0 ? -1 : env.memory.load32(key);
    // As in other hash tables, a key that is not there starts over.
    const next = map.data.filled[map.data.filled.findIndex((element) => element.key === asked) + 1];
    if (next === undefined) return -ERRNO.ENOENT;
    env.memory.store32(nextKey, next.key);
    return 0;
  },

  recycle: () => undefined,
  slots: () => [],
  keyOffset: () => 0,
  indexOf: (map, value) => map.data.filled.find((element) => element.value === value)?.key ?? 0,
  entryCount: (_env, map) => map.data.filled.length,
  entries: (env, map, start, count): MapEntry[] =>
    map.data.filled.slice(start, start + count).map(({ key, value }) => ({
      key: indexBytes(key),
      values: [env.memory.read(value, map.definition.valueSizeBytes)],
      valueRef: value,
    })),
};
