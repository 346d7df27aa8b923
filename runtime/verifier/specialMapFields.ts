/** Kernel-managed fields of a map's values, looked up once per map and verification. */
import {
  findSpecialFields,
  NO_SPECIAL_FIELDS,
  type SpecialFieldKind,
  type SpecialFields,
} from '../btf/specialFields';
import type { MapSpec } from '../loader/objectSpec';
import type { VerifierEnv } from './env';

/** Fields of `map`'s values as the profile's kernel finds them; none without BTF. */
export function fieldsOf(env: VerifierEnv, map: MapSpec | null): SpecialFields {
  if (map === null || env.object.btf === undefined || map.valueTypeId === 0) return NO_SPECIAL_FIELDS;
  let found = env.fieldCache.get(map);
  if (found === undefined) {
    found = findSpecialFields(env.object.btf, map.valueTypeId, env.profile);
    env.fieldCache.set(map, found);
  }
  return found;
}

const hasKind = (env: VerifierEnv, map: MapSpec | null, kind: SpecialFieldKind): boolean =>
  fieldsOf(env, map).fields.some((field) => field.kind === kind);

export const hasSpinLock = (env: VerifierEnv, map: MapSpec | null): boolean =>
  hasKind(env, map, 'spinLock') || hasKind(env, map, 'resSpinLock');

/** Timers and workqueues: calls on them must tell inner maps apart. */
export const hasDeferredField = (env: VerifierEnv, map: MapSpec | null): boolean =>
  hasKind(env, map, 'timer') || hasKind(env, map, 'workqueue');
