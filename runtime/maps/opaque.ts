/**
 * Map types whose contents live in parts of a kernel that are not modelled (devices, CPUs, sockets, perf buffers, stack traces): they
 * can be created, so that programs that mention them run, and stay empty. User space cannot fill them.
 */
import { ERRNO } from '../spec/errno';
import { ACCESS_FLAGS, BPF_F_NUMA_NODE, refused, type MapFamily } from './mapFamily';
import type { OpaqueData } from './mapData';

export const opaqueFamily: MapFamily<OpaqueData> = {
  types: [
    'BPF_MAP_TYPE_PERF_EVENT_ARRAY',
    'BPF_MAP_TYPE_DEVMAP',
    'BPF_MAP_TYPE_DEVMAP_HASH',
    'BPF_MAP_TYPE_CPUMAP',
    'BPF_MAP_TYPE_XSKMAP',
    'BPF_MAP_TYPE_CGROUP_ARRAY',
    'BPF_MAP_TYPE_STACK_TRACE',
    'BPF_MAP_TYPE_SOCKMAP',
  ],
  validate: (_env, definition) =>
    (definition.flags & ~(ACCESS_FLAGS | BPF_F_NUMA_NODE)) !== 0 ||
    definition.keySizeBytes !== 4 ||
    definition.maxEntries === 0
      ? -ERRNO.EINVAL
      : 0,
  create: () => ({ kind: 'opaque' }),
  lookup: () => 0,
  update: () => refused('EOPNOTSUPP', ERRNO),
  delete: () => refused('ENOENT', ERRNO),
  nextKey: () => -ERRNO.ENOENT,
  recycle: () => undefined,
  slots: () => [],
  keyOffset: () => 0,
  entryCount: () => 0,
  entries: () => [],
  note: 'what it holds (devices, sockets, buffers) is not modelled; it stays empty',
};
