/**
 * Map types whose contents live in parts of a kernel that are not modelled (sockets, perf buffers, cgroups, stack traces,
 * what user space submits): they can be created under the kernel's rules, so that programs that mention them run, and
 * stay empty. User space fills them with file descriptors; a model has none but the three standard streams, which are open
 * and no sockets.
 *
 * Evidence: creation rules of 6.12, the same in 6.1 and 7.2 as far as compared; what updates and deletes return, on all.
 */
import { ERRNO } from '../spec/errno';
import { BPF_ANY, BPF_EXIST, DONE, refused, type MapEnv, type MapFamily, type MapRecord } from './mapFamily';
import { nextIndex } from './array';
import type { MapOutcome } from './bpfMap';
import type { OpaqueData } from './mapData';

const TYPES = [
  'BPF_MAP_TYPE_PERF_EVENT_ARRAY',
  'BPF_MAP_TYPE_CGROUP_ARRAY',
  'BPF_MAP_TYPE_XSKMAP',
  'BPF_MAP_TYPE_SOCKMAP',
  'BPF_MAP_TYPE_SOCKHASH',
  'BPF_MAP_TYPE_REUSEPORT_SOCKARRAY',
  'BPF_MAP_TYPE_STACK_TRACE',
  'BPF_MAP_TYPE_USER_RINGBUF',
];

/** Types whose keys are walked although nothing is behind them. */
const WALKED_BY_INDEX: readonly string[] = [
  'BPF_MAP_TYPE_PERF_EVENT_ARRAY',
  'BPF_MAP_TYPE_CGROUP_ARRAY',
  'BPF_MAP_TYPE_XSKMAP',
  'BPF_MAP_TYPE_SOCKMAP',
  'BPF_MAP_TYPE_REUSEPORT_SOCKARRAY',
];

/** Descriptors that every process has. */
export const STANDARD_STREAMS = 3;

/** Why the descriptor in a value is no socket. */
function socketErrno(
  env: MapEnv,
  map: MapRecord<OpaqueData>,
  value: number,
): 'EINVAL' | 'EBADF' | 'ENOTSOCK' {
  const wide = map.definition.valueSizeBytes === 8 && env.memory.load32(value + 4) !== 0;
  const descriptor = env.memory.load32(value);
  if (wide || (descriptor | 0) < 0) return 'EINVAL';
  return descriptor < STANDARD_STREAMS ? 'ENOTSOCK' : 'EBADF';
}

/** Arrays of descriptors, as user space may fill and clear them. */
function fillArray(env: MapEnv, map: MapRecord<OpaqueData>, key: number, flags: bigint): MapOutcome {
  if (flags !== BPF_ANY) return refused('EINVAL', ERRNO);
  return refused(env.memory.load32(key) >= map.definition.maxEntries ? 'E2BIG' : 'EBADF', ERRNO);
}

function fill(
  env: MapEnv,
  map: MapRecord<OpaqueData>,
  key: number,
  value: number,
  flags: bigint,
): MapOutcome {
  const inside = env.memory.load32(key) < map.definition.maxEntries;
  switch (map.definition.type) {
    case 'BPF_MAP_TYPE_PERF_EVENT_ARRAY':
    case 'BPF_MAP_TYPE_CGROUP_ARRAY':
      return fillArray(env, map, key, flags);
    case 'BPF_MAP_TYPE_XSKMAP': {
      if (flags > BPF_EXIST) return refused('EINVAL', ERRNO);
      const stream = env.memory.load32(value) < STANDARD_STREAMS;
      return refused(inside ? (stream ? 'ENOTSOCK' : 'EBADF') : 'E2BIG', ERRNO);
    }
    case 'BPF_MAP_TYPE_REUSEPORT_SOCKARRAY':
      if (flags > BPF_EXIST) return refused('EINVAL', ERRNO);
      return refused(inside ? socketErrno(env, map, value) : 'E2BIG', ERRNO);
    case 'BPF_MAP_TYPE_SOCKMAP':
    case 'BPF_MAP_TYPE_SOCKHASH':
      return refused(socketErrno(env, map, value), ERRNO);
    case 'BPF_MAP_TYPE_USER_RINGBUF':
      return refused('ENOTSUPP', ERRNO);
    default:
      return refused('EINVAL', ERRNO);
  }
}

function clear(env: MapEnv, map: MapRecord<OpaqueData>, key: number): MapOutcome {
  const inside = env.memory.load32(key) < map.definition.maxEntries;
  switch (map.definition.type) {
    case 'BPF_MAP_TYPE_XSKMAP':
      return inside ? DONE : refused('EINVAL', ERRNO);
    case 'BPF_MAP_TYPE_SOCKMAP':
      return refused('EINVAL', ERRNO);
    case 'BPF_MAP_TYPE_STACK_TRACE':
      return refused(inside ? 'ENOENT' : 'E2BIG', ERRNO);
    case 'BPF_MAP_TYPE_PERF_EVENT_ARRAY':
    case 'BPF_MAP_TYPE_CGROUP_ARRAY':
    case 'BPF_MAP_TYPE_REUSEPORT_SOCKARRAY':
      return refused(inside ? 'ENOENT' : 'E2BIG', ERRNO);
    default:
      return refused('ENOENT', ERRNO);
  }
}

export const opaqueFamily: MapFamily<OpaqueData> = {
  types: TYPES,
  create: () => ({ kind: 'opaque', readers: true }),
  lookup: () => 0,
  update: (env, map, key, value, flags) => fill(env, map, key, value, flags),
  delete: clear,
  nextKey: (env, map, key, nextKey) =>
    WALKED_BY_INDEX.includes(map.definition.type) ? nextIndex(env, map, key, nextKey) : -ERRNO.ENOENT,
  recycle: () => undefined,
  slots: () => [],
  keyOffset: () => 0,
  entryCount: () => 0,
  entries: () => [],
  note: 'what it holds (sockets, buffers, cgroups) is not modelled; it stays empty',
};
