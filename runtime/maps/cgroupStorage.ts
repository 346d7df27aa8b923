/**
 * CGROUP_STORAGE and PERCPU_CGROUP_STORAGE: one value for each attachment of a program to a cgroup. Programs are run here, not
 * attached: as in a test run of a kernel, every run has a value of its own, which begins as zeroes and which user space never
 * sees. Evidence: answers of 6.1, 6.12 and 7.2.
 */
import { ERRNO } from '../spec/errno';
import type { MapDefinition, MapOutcome, ValueRef } from './bpfMap';
import type { CgroupStorageData } from './mapData';
import {
  BPF_EXIST,
  BPF_F_LOCK,
  refused,
  round8,
  type MapEnv,
  type MapFamily,
  type MapRecord,
} from './mapFamily';

const PER_CPU = 'BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE';

/** The value of the present run for the current CPU. */
export const storageOfRun = (env: MapEnv, map: MapRecord<CgroupStorageData>): ValueRef =>
  map.data.base + (map.definition.type === PER_CPU ? env.currentCpu() * map.data.strideBytes : 0);

/** A run begins: its values are fresh. */
export function clearStorage(env: MapEnv, map: MapRecord<CgroupStorageData>): void {
  env.memory.fill(map.data.base, map.data.strideBytes * copies(env, map.definition), 0);
}

const copies = (env: MapEnv, definition: MapDefinition): number =>
  definition.type === PER_CPU ? env.cpuCount : 1;

export const cgroupStorageFamily: MapFamily<CgroupStorageData> = {
  types: ['BPF_MAP_TYPE_CGROUP_STORAGE', PER_CPU],

  create(env, definition): CgroupStorageData {
    const strideBytes = round8(definition.valueSizeBytes);
    const base = env.memory.allocate(strideBytes * copies(env, definition));
    for (let i = 0; i < copies(env, definition); i++)
      env.memory.addRegion(
        'mapValue',
        base + i * strideBytes,
        definition.valueSizeBytes,
        `value of ${definition.name} for this run`,
      );
    return { kind: 'cgroupStorage', base, strideBytes };
  },

  lookup: () => 0,
  update: (_env, _map, _key, _value, flags): MapOutcome =>
    refused((flags & ~(BPF_F_LOCK | BPF_EXIST)) !== 0n ? 'EINVAL' : 'ENOENT', ERRNO),
  delete: () => refused('EINVAL', ERRNO),
  nextKey: () => -ERRNO.ENOENT,
  recycle: () => undefined,
  slots: () => [],
  keyOffset: () => 0,
  entryCount: () => 0,
  entries: () => [],
  keysHidden: true,
  note: 'programs are not attached to cgroups here: every run has a value of its own, which begins as zeroes',
};
