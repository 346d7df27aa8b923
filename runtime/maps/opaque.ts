/**
 * Map types whose contents live in parts of a kernel that are not modelled (sockets, perf buffers, cgroups, stack traces,
 * what user space submits): they can be created under the kernel's rules, so that programs that mention them run, and
 * stay empty. User space fills them with file descriptors; a model has none, so every one of them is a bad one.
 *
 * Evidence: creation rules of 6.12, the same in 6.1 and 7.2 as far as compared; what updates and deletes return, on all.
 */
import { ERRNO } from '../spec/errno';
import {
  BPF_F_MMAPABLE,
  BPF_F_NUMA_NODE,
  BPF_ANY,
  BPF_EXIST,
  BPF_F_PRESERVE_ELEMS,
  BPF_F_RDONLY,
  BPF_F_WRONLY,
  DONE,
  refused,
  type MapEnv,
  type MapFamily,
  type MapRecord,
} from './mapFamily';
import { nextIndex } from './array';
import type { MapDefinition, MapOutcome } from './bpfMap';
import type { OpaqueData } from './mapData';

/** Creation rules of one type; sizes in bytes. */
interface Rule {
  readonly keys: 4 | 'any' | 'none';
  readonly values: readonly number[] | 'any' | 'addresses' | 'none';
  readonly flags: number;
}

const USER_ACCESS = BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY;
/** Maps of file descriptors are arrays, and take an array's flags; a program's own access cannot be limited. */
const ARRAY_FLAGS = USER_ACCESS | BPF_F_MMAPABLE | BPF_F_PRESERVE_ELEMS;
const BPF_F_STACK_BUILD_ID = 32;

const RULES = {
  BPF_MAP_TYPE_PERF_EVENT_ARRAY: { keys: 4, values: [4], flags: ARRAY_FLAGS },
  BPF_MAP_TYPE_CGROUP_ARRAY: { keys: 4, values: [4], flags: ARRAY_FLAGS },
  BPF_MAP_TYPE_XSKMAP: { keys: 4, values: [4], flags: USER_ACCESS },
  BPF_MAP_TYPE_SOCKMAP: { keys: 4, values: [4, 8], flags: USER_ACCESS },
  BPF_MAP_TYPE_SOCKHASH: { keys: 'any', values: [4, 8], flags: USER_ACCESS },
  BPF_MAP_TYPE_REUSEPORT_SOCKARRAY: { keys: 4, values: [4, 8], flags: ARRAY_FLAGS },
  BPF_MAP_TYPE_STACK_TRACE: { keys: 4, values: 'addresses', flags: USER_ACCESS | BPF_F_STACK_BUILD_ID },
  BPF_MAP_TYPE_USER_RINGBUF: { keys: 'none', values: 'none', flags: BPF_F_NUMA_NODE },
} as const satisfies Record<string, Rule>;

/** Types whose keys are walked although nothing is behind them. */
const WALKED_BY_INDEX: readonly string[] = [
  'BPF_MAP_TYPE_PERF_EVENT_ARRAY',
  'BPF_MAP_TYPE_CGROUP_ARRAY',
  'BPF_MAP_TYPE_XSKMAP',
  'BPF_MAP_TYPE_SOCKMAP',
  'BPF_MAP_TYPE_REUSEPORT_SOCKARRAY',
];

/** Longest stack trace that the default settings of a kernel allow. */
const STACK_DEPTH_MAX = 127;
const BUILD_ID_BYTES = 32;
const SOCKHASH_KEY_MAX = 512;
const PAGE_SIZE_BYTES = 4096;

function valueFits(rule: Rule, { valueSizeBytes, flags }: MapDefinition): boolean {
  if (rule.values === 'any') return valueSizeBytes > 0;
  if (rule.values === 'none') return valueSizeBytes === 0;
  if (rule.values !== 'addresses') return rule.values.includes(valueSizeBytes);
  const entryBytes = (flags & BPF_F_STACK_BUILD_ID) !== 0 ? BUILD_ID_BYTES : 8;
  const depth = valueSizeBytes / entryBytes;
  return depth >= 1 && Number.isInteger(depth) && depth <= STACK_DEPTH_MAX;
}

const ruleOf = (definition: MapDefinition): Rule => RULES[definition.type as keyof typeof RULES];

function validate(definition: MapDefinition): number {
  const { maxEntries, keySizeBytes, flags } = definition;
  const rule = ruleOf(definition);
  if (maxEntries === 0 || (flags & ~rule.flags) !== 0 || !valueFits(rule, definition)) return -ERRNO.EINVAL;
  if (rule.keys === 'any') {
    if (keySizeBytes === 0) return -ERRNO.EINVAL;
    return keySizeBytes > SOCKHASH_KEY_MAX ? -ERRNO.E2BIG : 0;
  }
  if (keySizeBytes !== (rule.keys === 'none' ? 0 : rule.keys)) return -ERRNO.EINVAL;
  if (rule.keys === 'none' && (maxEntries % PAGE_SIZE_BYTES !== 0 || (maxEntries & (maxEntries - 1)) !== 0))
    return -ERRNO.EINVAL;
  return 0;
}

/** Arrays of descriptors, as user space may fill and clear them. */
function fillArray(env: MapEnv, map: MapRecord<OpaqueData>, key: number, flags: bigint): MapOutcome {
  if (flags !== BPF_ANY) return refused('EINVAL', ERRNO);
  return refused(env.memory.load32(key) >= map.definition.maxEntries ? 'E2BIG' : 'EBADF', ERRNO);
}

function fill(env: MapEnv, map: MapRecord<OpaqueData>, key: number, flags: bigint): MapOutcome {
  const inside = env.memory.load32(key) < map.definition.maxEntries;
  switch (map.definition.type) {
    case 'BPF_MAP_TYPE_PERF_EVENT_ARRAY':
    case 'BPF_MAP_TYPE_CGROUP_ARRAY':
      return fillArray(env, map, key, flags);
    case 'BPF_MAP_TYPE_XSKMAP':
      if (flags > BPF_EXIST) return refused('EINVAL', ERRNO);
      return refused(inside ? 'EBADF' : 'E2BIG', ERRNO);
    case 'BPF_MAP_TYPE_REUSEPORT_SOCKARRAY':
      if (flags > BPF_EXIST) return refused('EINVAL', ERRNO);
      return refused(inside ? 'EBADF' : 'E2BIG', ERRNO);
    case 'BPF_MAP_TYPE_SOCKMAP':
    case 'BPF_MAP_TYPE_SOCKHASH':
      return refused('EBADF', ERRNO);
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
    case 'BPF_MAP_TYPE_PERF_EVENT_ARRAY':
    case 'BPF_MAP_TYPE_CGROUP_ARRAY':
    case 'BPF_MAP_TYPE_REUSEPORT_SOCKARRAY':
      return refused(inside ? 'ENOENT' : 'E2BIG', ERRNO);
    default:
      return refused('ENOENT', ERRNO);
  }
}

export const opaqueFamily: MapFamily<OpaqueData> = {
  types: Object.keys(RULES),
  validate: (_env, definition) => validate(definition),
  create: () => ({ kind: 'opaque', readers: true }),
  lookup: () => 0,
  update: (env, map, key, _value, flags) => fill(env, map, key, flags),
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
