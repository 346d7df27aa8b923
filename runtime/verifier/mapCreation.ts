/**
 * What goes wrong before any program is judged, when the object's maps are created on a kernel: then none of its programs
 * loads. Only refusals that the loader passes on belong here; where it retries silently without types, the program's
 * verdict tells.
 * Evidence: measured on 6.1, 6.12 and 7.2.
 */
import { resolvedType, sizeOfType } from '../btf/query';
import { typeFault } from '../btf/kernelDemands';
import type { Btf } from '../btf/types';
import { findSpecialFields, structThatSpoilsBtf } from '../btf/specialFields';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import { ERRNO, errnoName } from '../spec/errno';
import { creationFault, type CreationFault } from '../spec/mapCreation';
import { MAP_FLAGS } from '../spec/mapTypes';
import { has, type Profile } from '../spec/profile';
import type { Problem } from '../util/problem';

export interface MapRefusal {
  readonly errno: number;
  readonly message: string;
  readonly problem: Problem;
}

/** What to do about it, by what is wrong. */
const REMEDY: Readonly<Record<CreationFault, (map: MapSpec, profile: Profile) => string>> = {
  type: ({ type }, profile) =>
    `Linux ${profile.name} has no ${type}: switch the map's creation off there (bpf_map__set_autocreate), or choose a newer kernel.`,
  flags: ({ type, flags }, profile) =>
    `Linux ${profile.name} does not take map_flags 0x${flags.toString(16)} for ${type}: a flag is missing, of another type, or excludes another.`,
  types: ({ type }) =>
    `${type} needs BTF types: declare the map with __type(key, …) and __type(value, …) and compile with -g.`,
  extra: ({ type, mapExtra }) => `${type} does not take map_extra ${mapExtra}.`,
  key: ({ type, keySizeBytes }) => `${type} does not take keys of ${keySizeBytes} bytes.`,
  value: ({ type, valueSizeBytes }) => `${type} does not take values of ${valueSizeBytes} bytes.`,
  entries: ({ type, maxEntries }) =>
    maxEntries === 0
      ? 'It has no size: give it one with __uint(max_entries, …), even where a loader of yours sets it later.'
      : `${type} does not take max_entries ${maxEntries}.`,
  size: ({ type }) =>
    `Its elements are too large for ${type}: make the value smaller, or keep large data in an array.`,
};

function refusal(object: ObjectSpec, map: MapSpec, profile: Profile): MapRefusal | undefined {
  const typed = map.keyTypeId !== 0 && map.valueTypeId !== 0;
  // The loader makes a perf event array without a size as long as there are CPUs.
  const sized = map.maxEntries > 0 || map.type !== 'BPF_MAP_TYPE_PERF_EVENT_ARRAY' || object.bare === true;
  const fault = creationFault({ ...map, maxEntries: sized ? map.maxEntries : 1, typed }, profile);
  if (fault === undefined) return undefined;
  const message = `map '${map.name}': failed to create: -${errnoName(fault.errno)}`;
  return {
    errno: fault.errno,
    message,
    problem: {
      code: fault.what === 'type' ? 'map-type-missing' : 'map-definition',
      message,
      place: { file: object.file },
      remedy: REMEDY[fault.what](map, profile),
    },
  };
}

/** An operations table attached by a link is a map with a flag that older kernels do not know. */
function linkedTable(object: ObjectSpec, profile: Profile): MapRefusal | undefined {
  const name = object.operationTables?.find((table) => table.linked)?.name;
  if (name === undefined || has(profile, 'structOpsLinks')) return undefined;
  const message = `map '${name}': failed to create: -EINVAL`;
  return {
    errno: ERRNO.EINVAL,
    message,
    problem: {
      code: 'struct-ops-link',
      message,
      place: { file: object.file },
      remedy: 'This kernel knows no links for operation tables: put the variable into SEC(".struct_ops").',
    },
  };
}

/** Where a kernel object may live; kinds that are not here have no place in maps. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  spinLock: [
    'HASH',
    'ARRAY',
    'CGROUP_STORAGE',
    'SK_STORAGE',
    'INODE_STORAGE',
    'TASK_STORAGE',
    'CGRP_STORAGE',
  ],
  timer: ['HASH', 'LRU_HASH', 'ARRAY'],
  workqueue: ['HASH', 'LRU_HASH', 'ARRAY'],
  refcount: [
    'HASH',
    'PERCPU_HASH',
    'LRU_HASH',
    'LRU_PERCPU_HASH',
    'ARRAY',
    'PERCPU_ARRAY',
    'SK_STORAGE',
    'INODE_STORAGE',
    'TASK_STORAGE',
    'CGRP_STORAGE',
  ],
  listHead: ['HASH', 'LRU_HASH', 'ARRAY'],
  rbRoot: ['HASH', 'LRU_HASH', 'ARRAY'],
};
const NO_INNER = new Set([
  'BPF_MAP_TYPE_PROG_ARRAY',
  'BPF_MAP_TYPE_ARRAY_OF_MAPS',
  'BPF_MAP_TYPE_HASH_OF_MAPS',
  'BPF_MAP_TYPE_CGROUP_STORAGE',
  'BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE',
  'BPF_MAP_TYPE_STRUCT_OPS',
]);
const OF_MAPS = new Set(['BPF_MAP_TYPE_ARRAY_OF_MAPS', 'BPF_MAP_TYPE_HASH_OF_MAPS']);

/** Map types that take no types at all; loaders leave them out, bare maps do not. */
const UNTYPED = new Set(
  [
    'PERF_EVENT_ARRAY',
    'STACK_TRACE',
    'CGROUP_ARRAY',
    'ARRAY_OF_MAPS',
    'HASH_OF_MAPS',
    'DEVMAP',
    'DEVMAP_HASH',
  ]
    .concat(['SOCKMAP', 'SOCKHASH', 'CPUMAP', 'XSKMAP', 'INSN_ARRAY'])
    .map((name) => `BPF_MAP_TYPE_${name}`),
);

/** Whether a map of that type may have a key of the type that was given. */
function keyTypeFits(btf: Btf, { type, keyTypeId }: MapSpec): boolean {
  const { kind } = resolvedType(btf, keyTypeId);
  switch (type) {
    case 'BPF_MAP_TYPE_BLOOM_FILTER':
      return kind === 'void';
    case 'BPF_MAP_TYPE_LPM_TRIE':
      return kind === 'struct';
    case 'BPF_MAP_TYPE_CGROUP_STORAGE':
    case 'BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE':
      return kind === 'struct' || kind === 'int';
    case 'BPF_MAP_TYPE_ARENA':
      return true;
    default:
      return kind !== 'void' && !UNTYPED.has(type);
  }
}

/** Only maps of maps look at the map that is named as their template. */
const templateOf = (map: MapSpec): MapSpec | undefined => (OF_MAPS.has(map.type) ? map.inner : undefined);

/** Whether a bare map is refused for its types or its template, where a loader would do without or bring its own. */
function bareFault(object: ObjectSpec, map: MapSpec, profile: Profile): boolean {
  if (map.type === 'BPF_MAP_TYPE_STRUCT_OPS') return true;
  const template = templateOf(map);
  if (OF_MAPS.has(map.type) && template === undefined) return true;
  const records = has(profile, 'timerFieldRecord');
  const fieldsOf = (of: MapSpec) => findSpecialFields(object.btf, of.valueTypeId, profile).fields;
  if (template !== undefined) {
    if (bareFault(object, template, profile) || NO_INNER.has(template.type)) return true;
    if (!records && fieldsOf(template).some((field) => field.kind === 'spinLock')) return true;
  }
  if (object.btf === undefined || map.valueTypeId === 0) return false;
  if (sizeOfType(object.btf, map.valueTypeId) !== map.valueSizeBytes) return true;
  if (!keyTypeFits(object.btf, map)) return true;
  if (map.keyTypeId !== 0 && sizeOfType(object.btf, map.keyTypeId) !== map.keySizeBytes) return true;
  return fieldsOf(map).some(
    ({ kind }) => kind in HOMES && !HOMES[kind].includes(map.type.slice('BPF_MAP_TYPE_'.length)),
  );
}

function bareRefusal(object: ObjectSpec, profile: Profile): MapRefusal | undefined {
  const { btf } = object;
  const map = object.maps.find((candidate) => bareFault(object, candidate, profile));
  const fault = btf && typeFault(btf, profile, false);
  const spoiled = btf && structThatSpoilsBtf(btf, profile);
  if (map === undefined && fault === undefined && spoiled === undefined) return undefined;
  const typedMap = object.maps.some((candidate) => candidate.valueTypeId !== 0);
  const message = map === undefined && !typedMap ? 'BTF refused' : 'a map could not be created';
  return {
    errno: fault === undefined && spoiled !== undefined ? spoiled.errno : ERRNO.EINVAL,
    message,
    problem: {
      code: 'map-definition',
      message,
      place: { file: object.file },
      remedy:
        'Kernel objects in values need the right kind of map, sizes that fit and a template where maps hold maps.',
    },
  };
}

/** The first map of a program's object that cannot be created, if any. */
export function refusedMap(
  object: ObjectSpec,
  profile: Profile,
  program: ProgramSpec,
): MapRefusal | undefined {
  const table = linkedTable(object, profile);
  if (table !== undefined) return table;
  const bare = object.bare === true ? bareRefusal(object, profile) : undefined;
  if (bare !== undefined) return bare;
  for (const map of object.maps) {
    if (map.ownedBy !== undefined && map.ownedBy !== program.name) continue;
    // A map of maps is created after its template.
    const template = templateOf(map);
    const refused = (template && refusal(object, template, profile)) ?? refusal(object, map, profile);
    if (refused) return refused;
    const field = mappedSpecialField(object, map, profile);
    if (field === undefined) continue;
    const message = `map '${map.name}': failed to create: -ENOTSUPP`;
    return {
      errno: ERRNO.ENOTSUPP,
      message,
      problem: {
        code: 'map-global-special-field',
        message,
        place: { file: object.file },
        remedy: `Global variables are mapped into user space, so ${field} cannot be one: put it into the value of an array map with one element.`,
      },
    };
  }
  return undefined;
}

/** Global data is mapped by the loader at once, which no kernel allows for a map with kernel objects in it. */
function mappedSpecialField(object: ObjectSpec, map: MapSpec, profile: Profile): string | undefined {
  if (map.section === undefined || (map.flags & MAP_FLAGS.BPF_F_MMAPABLE) === 0) return undefined;
  if (object.btf === undefined || map.valueTypeId === 0) return undefined;
  const { fields } = findSpecialFields(object.btf, map.valueTypeId, profile);
  return fields.length > 0 ? `"${fields[0].name}"` : undefined;
}
