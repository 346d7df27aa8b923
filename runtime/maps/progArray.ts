/**
 * BPF_MAP_TYPE_PROG_ARRAY: programs for tail calls. A handle is a program's id plus one. That the program is of the
 * right type is checked by whoever fills the map, since maps know no programs.
 */
import { ERRNO } from '../spec/errno';
import { BAD_DESCRIPTOR, handleArray } from './mapInMap';
import type { HandleArrayData } from './mapData';
import type { MapEnv, MapRecord } from './mapFamily';

export const progArrayFamily = handleArray(['BPF_MAP_TYPE_PROG_ARRAY'], {
  check: (_env, _definition, handle) => (handle === BAD_DESCRIPTOR ? -ERRNO.EBADF : 0),
  visible: false,
});

/** Id of the program at `index`; -1 when the slot is empty or there is none. */
export function programAt(env: MapEnv, map: MapRecord<HandleArrayData>, index: number): number {
  if (index >= map.definition.maxEntries) return -1;
  return env.memory.load32(map.data.base + 4 * index) - 1;
}
