/** Map types by the number that an object's definitions carry; the facts stand in `spec/mapTypes.ts`. */
import { MAP_TYPES } from '../spec/mapTypes';

/** `BPF_MAP_TYPE_HASH` at 1 and so on; undefined for numbers that no kernel knows. */
export const MAP_TYPE_NAMES: readonly (string | undefined)[] = ((): (string | undefined)[] => {
  const names: (string | undefined)[] = [];
  for (const { id, name } of MAP_TYPES) names[id] = name;
  return names;
})();
