/**
 * ARRAY_OF_MAPS and HASH_OF_MAPS. An element holds the id of the inner map (u32); a program's lookup yields that map.
 * `lookup` therefore gives a map id, not an offset. Only user space updates. An inner map must equal the template that
 * the outer one was created with. Evidence: rules and errno values of 6.1, 6.12 and 7.2.
 */
import { ERRNO } from '../spec/errno';
import { indexBytes, nextIndex } from './array';
import type { MapDefinition, MapEntry, MapOutcome } from './bpfMap';
import { createHash, hashFamily } from './hash';
import type { HandleArrayData, HandleHashData, HashData } from './mapData';
import {
  BPF_ANY,
  BPF_F_INNER_MAP,
  BPF_F_NO_PREALLOC,
  DONE,
  refused,
  type MapEnv,
  type MapFamily,
  type MapRecord,
} from './mapFamily';

const HANDLE_SIZE_BYTES = 4;

/** Map types that cannot be inner maps: they have no notion of equality. */
const NEVER_INNER = new Set(['BPF_MAP_TYPE_PROG_ARRAY', 'BPF_MAP_TYPE_STRUCT_OPS']);

export const isMapOfMaps = (definition: MapDefinition): boolean => definition.type.endsWith('_OF_MAPS');

/** Whether an outer map can have this template at all: 0 or a negative errno. */
function refuseTemplate(template: MapDefinition | undefined): number {
  if (template === undefined) return -ERRNO.EBADF;
  if (isMapOfMaps(template)) return -ERRNO.EINVAL;
  return NEVER_INNER.has(template.type) ? -ERRNO.ENOTSUPP : 0;
}

function sameFields(a: MapDefinition, b: MapDefinition): boolean {
  const [left, right] = [a.fields.fields, b.fields.fields];
  return (
    left.length === right.length &&
    left.every((f, i) => f.kind === right[i].kind && f.offset === right[i].offset)
  );
}

/** Whether `inner` may stand where `template` was announced. */
export function equalsTemplate(template: MapDefinition, inner: MapDefinition): boolean {
  if (
    template.type !== inner.type ||
    template.keySizeBytes !== inner.keySizeBytes ||
    template.valueSizeBytes !== inner.valueSizeBytes ||
    template.flags !== inner.flags ||
    !sameFields(template, inner)
  )
    return false;
  // Code for an array lookup has the size built in, unless the arrays were created as resizable inner maps.
  if (template.type !== 'BPF_MAP_TYPE_ARRAY' || (template.flags & BPF_F_INNER_MAP) !== 0) return true;
  return template.maxEntries === inner.maxEntries;
}

/** What no handle is: user space named something by a descriptor that is none. */
export const BAD_DESCRIPTOR = 0xffff_ffff;

/** The error of putting the map with this id into `outer`, or 0. */
function checkInner(env: MapEnv, outer: MapDefinition, id: number): number {
  const inner = env.findMap(id);
  if (inner === undefined) return -ERRNO.EBADF;
  const { innerTemplate } = outer;
  return innerTemplate !== undefined && equalsTemplate(innerTemplate, inner.definition) ? 0 : -ERRNO.EINVAL;
}

const failed = (error: number): MapOutcome => ({ error, freed: [], recycle: [] });

/** An array of handles; what a handle may be is the caller's business. */
export function handleArray(
  types: readonly string[],
  own: {
    readonly refuse?: (definition: MapDefinition) => number;
    /** 0, or why this handle cannot be stored. */
    check(env: MapEnv, definition: MapDefinition, handle: number): number;
    /** Programs can look handles up. */
    readonly visible: boolean;
  },
): MapFamily<HandleArrayData> {
  const place = (map: MapRecord<HandleArrayData>, index: number): number =>
    map.data.base + HANDLE_SIZE_BYTES * index;
  const handleAt = (env: MapEnv, map: MapRecord<HandleArrayData>, key: number): number => {
    const index = env.memory.load32(key);
    return index < map.definition.maxEntries ? env.memory.load32(place(map, index)) : 0;
  };
  return {
    types,
    ...(own.refuse === undefined ? {} : { refuse: own.refuse }),

    create: (env, definition): HandleArrayData => ({
      kind: 'handleArray',
      base: env.memory.allocate(HANDLE_SIZE_BYTES * definition.maxEntries),
    }),

    lookup: (env, map, key) => (own.visible ? handleAt(env, map, key) : 0),

    update(env, map, key, value, flags): MapOutcome {
      if (flags !== BPF_ANY) return refused('EINVAL', ERRNO);
      const index = env.memory.load32(key);
      if (index >= map.definition.maxEntries) return refused('E2BIG', ERRNO);
      const handle = env.memory.load32(value);
      const error = own.check(env, map.definition, handle);
      if (error !== 0) return failed(error);
      env.memory.store32(place(map, index), handle);
      return DONE;
    },

    delete(env, map, key): MapOutcome {
      const index = env.memory.load32(key);
      if (index >= map.definition.maxEntries) return refused('E2BIG', ERRNO);
      if (env.memory.load32(place(map, index)) === 0) return refused('ENOENT', ERRNO);
      env.memory.store32(place(map, index), 0);
      return DONE;
    },

    userRead(env, map, key) {
      const handle = handleAt(env, map, key);
      return handle === 0 ? undefined : [indexBytes(handle)];
    },

    nextKey: nextIndex,
    recycle: () => undefined,
    slots: () => [],
    keyOffset: () => 0,
    indexOf: (map, value) => (value - map.data.base) / HANDLE_SIZE_BYTES,

    entryCount(env, map): number {
      let count = 0;
      for (let i = 0; i < map.definition.maxEntries; i++) if (env.memory.load32(place(map, i)) !== 0) count++;
      return count;
    },

    entries(env, map, start, count): MapEntry[] {
      const found: MapEntry[] = [];
      for (let i = 0, seen = 0; i < map.definition.maxEntries && found.length < count; i++) {
        const handle = env.memory.load32(place(map, i));
        if (handle === 0 || seen++ < start) continue;
        found.push({ key: indexBytes(i), values: [indexBytes(handle)], valueRef: place(map, i) });
      }
      return found;
    },
  };
}

export const arrayOfMapsFamily = handleArray(['BPF_MAP_TYPE_ARRAY_OF_MAPS'], {
  refuse: ({ innerTemplate }) => refuseTemplate(innerTemplate),
  check: checkInner,
  visible: true,
});

const table = (map: MapRecord<HandleHashData>): MapRecord<HashData> => ({
  definition: map.definition,
  data: map.data.table,
});

export const hashOfMapsFamily: MapFamily<HandleHashData> = {
  types: ['BPF_MAP_TYPE_HASH_OF_MAPS'],

  refuse: ({ innerTemplate }) => refuseTemplate(innerTemplate),

  create(env, definition): HandleHashData {
    const prealloc = (definition.flags & BPF_F_NO_PREALLOC) === 0;
    return { kind: 'handleHash', table: createHash(env, definition, prealloc, prealloc) };
  },

  lookup(env, map, key): number {
    const value = hashFamily.lookup(env, table(map), key);
    return value === 0 ? 0 : env.memory.load32(value);
  },

  update(env, map, key, value, flags): MapOutcome {
    const error = checkInner(env, map.definition, env.memory.load32(value));
    return error !== 0 ? failed(error) : hashFamily.update(env, table(map), key, value, flags);
  },

  userRead(env, map, key) {
    const value = hashFamily.lookup(env, table(map), key);
    return value === 0 ? undefined : [env.memory.read(value, HANDLE_SIZE_BYTES)];
  },

  delete: (env, map, key) => hashFamily.delete(env, table(map), key),
  nextKey: (env, map, key, nextKey) => hashFamily.nextKey(env, table(map), key, nextKey),
  recycle: (env, map, value) => hashFamily.recycle(env, table(map), value),
  slots: () => [],
  keyOffset: (map, value) => hashFamily.keyOffset(table(map), value),
  entryCount: (_env, map) => map.data.table.count,
  entries: (env, map, start, count) => hashFamily.entries(env, table(map), start, count),
};
