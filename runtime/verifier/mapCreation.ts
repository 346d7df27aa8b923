/**
 * What goes wrong before any program is judged, when the object's maps are created on a kernel: then none of its programs
 * loads. Only refusals that the loader passes on belong here; where it retries silently without types, the program's
 * verdict tells.
 * Evidence: measured on 6.1, 6.12 and 7.2.
 */
import { findSpecialFields } from '../btf/specialFields';
import type { MapSpec, ObjectSpec } from '../loader/objectSpec';
import { ERRNO } from '../spec/errno';
import { MAP_FLAGS, mapTypeByName } from '../spec/mapTypes';
import { has, isSince, type Profile } from '../spec/profile';
import type { Problem } from '../util/problem';

export interface MapRefusal {
  readonly errno: number;
  readonly message: string;
  readonly problem: Problem;
}

function withoutSize(object: ObjectSpec, map: MapSpec): MapRefusal {
  const message = `map '${map.name}': failed to create: -EINVAL`;
  return {
    errno: ERRNO.EINVAL,
    message,
    problem: {
      code: 'map-without-size',
      message,
      place: { file: object.file },
      remedy:
        'It has no size: give it one with __uint(max_entries, …), even where a loader of yours sets it later.',
    },
  };
}

function hasMapType({ type }: MapSpec, profile: Profile): boolean {
  return isSince(profile, mapTypeByName(type)?.since);
}

function ofUnknownType(object: ObjectSpec, map: MapSpec, profile: Profile): MapRefusal {
  const message = `map '${map.name}': failed to create: -EINVAL`;
  return {
    errno: ERRNO.EINVAL,
    message,
    problem: {
      code: 'map-type-missing',
      message,
      place: { file: object.file },
      remedy: `Linux ${profile.name} has no ${map.type}: switch the map's creation off there (bpf_map__set_autocreate), or choose a newer kernel.`,
    },
  };
}

/** An operations table attached by a link is a map with a flag that older kernels do not know. */
function linkedTable(object: ObjectSpec, profile: Profile): MapRefusal | undefined {
  const name = object.linkedTables?.[0];
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

/** The first map that cannot be created, if any. */
export function refusedMap(object: ObjectSpec, profile: Profile): MapRefusal | undefined {
  const table = linkedTable(object, profile);
  if (table !== undefined) return table;
  for (const map of object.maps) {
    if (!hasMapType(map, profile)) return ofUnknownType(object, map, profile);
    if (map.maxEntries === 0 && map.data === undefined && mapTypeByName(map.type)?.sizeless !== true)
      return withoutSize(object, map);
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
