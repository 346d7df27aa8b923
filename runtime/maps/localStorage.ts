/**
 * Local storages: one value for each object of the kernel that a program attaches it to (task, socket, inode, cgroup),
 * found by the object instead of a key. The model has one kind of owner, the current task, known by its number; where
 * there is no object there is no storage.
 *
 * User space names owners by file descriptors, of which a model has the standard streams only. Creation
 * rules and helpers' results as on 6.1, 6.12 and 7.2.
 */
import { ERRNO } from '../spec/errno';
import type { MapEntry, MapOutcome, ValueRef } from './bpfMap';
import { STANDARD_STREAMS } from './opaque';
import { indexBytes } from './array';
import type { StorageData } from './mapData';
import { refused, round8, type MapEnv, type MapFamily, type MapRecord, type ValueSlot } from './mapFamily';
import { copyValue, readValue } from './values';

type StorageMap = MapRecord<StorageData>;

/** The owner's value; 0: it has none. */
export const storedValue = (map: StorageMap, owner: number): ValueRef =>
  map.data.stored.find((s) => s.owner === owner)?.value ?? 0;

/** Makes the owner's value. @param initial linear offset of its first contents; 0: zeroes. */
export function addStored(env: MapEnv, map: StorageMap, owner: number, initial: number): ValueRef {
  const { definition, data } = map;
  const value = env.memory.allocate(round8(definition.valueSizeBytes));
  env.memory.addRegion(
    'mapValue',
    value,
    definition.valueSizeBytes,
    `value of ${definition.name} for ${owner}`,
  );
  if (initial !== 0) copyValue(env.memory, definition, value, initial);
  data.stored.push({ owner, value });
  return value;
}

/** Takes the owner's value away; the memory stays, as nobody can tell who still holds its address. */
export function removeStored(map: StorageMap, owner: number): number {
  const at = map.data.stored.findIndex((s) => s.owner === owner);
  if (at < 0) return -ERRNO.ENOENT;
  map.data.stored.splice(at, 1);
  return 0;
}

/** Why the descriptor in a key names no owner. */
const noOwner = (env: MapEnv, map: StorageMap, key: number): MapOutcome =>
  refused(
    map.definition.type === 'BPF_MAP_TYPE_SK_STORAGE' && env.memory.load32(key) < STANDARD_STREAMS
      ? 'ENOTSOCK'
      : 'EBADF',
    ERRNO,
  );

export const localStorageFamily: MapFamily<StorageData> = {
  types: [
    'BPF_MAP_TYPE_TASK_STORAGE',
    'BPF_MAP_TYPE_SK_STORAGE',
    'BPF_MAP_TYPE_INODE_STORAGE',
    'BPF_MAP_TYPE_CGRP_STORAGE',
  ],
  create: (): StorageData => ({ kind: 'storage', stored: [] }),
  lookup: () => 0,
  update: noOwner,
  delete: noOwner,
  nextKey: () => -ERRNO.ENOTSUPP,
  recycle: () => undefined,
  slots: (_env, map): ValueSlot[] =>
    map.definition.fields.fields.length === 0
      ? []
      : map.data.stored.map(({ value }) => ({ value, key: 0, live: true })),
  keyOffset: () => 0,
  entryCount: (_env, map) => map.data.stored.length,
  entries: (env, map, start, count): MapEntry[] =>
    map.data.stored.slice(start, start + count).map(({ owner, value }) => ({
      key: indexBytes(owner),
      values: [readValue(env.memory, map.definition, value)],
      valueRef: value,
    })),
  keysHidden: true,
  note: 'keys are thread numbers; only the current task has storage, sockets, inodes and cgroups do not exist',
};
