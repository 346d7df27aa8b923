/** Static initialisers of map-in-map and program arrays, filled in after everything is loaded, as libbpf does. */
import { familyOf } from '../maps/maps';
import type { Kernel } from '../kernel/kernel';
import type { ObjectSpec } from '../loader/objectSpec';
import type { Problem } from '../util/problem';
import type { LoadedProgram } from './load';
import { errnoText } from './packets';

/** Fills the maps; a refusal is the user's problem. */
export function fillInitialMaps(
  object: ObjectSpec,
  kernel: Kernel,
  ids: ReadonlyMap<string, number>,
  programs: readonly LoadedProgram[],
): Problem | undefined {
  const { memory } = kernel;
  for (const spec of object.maps) {
    if (spec.initial.length === 0) continue;
    const map = kernel.map(ids.get(spec.name) ?? 0);
    for (const entry of spec.initial) {
      const program = programs.find((p) => p.name === entry.name);
      const handle =
        entry.kind === 'map' ? ids.get(entry.name) : program === undefined ? undefined : program.id + 1;
      // Programs that were not loaded leave their slot empty.
      if (handle === undefined) continue;
      const key = memory.allocate(Math.max(8, spec.keySizeBytes));
      const value = memory.allocate(8);
      memory.store32(key, entry.index);
      memory.store32(value, handle);
      const { error } = familyOf(map).update(kernel, map, key, value, 0n);
      memory.release(key, Math.max(8, spec.keySizeBytes));
      memory.release(value, 8);
      if (error !== 0)
        return {
          code: 'map-initialiser-refused',
          message: `map '${spec.name}': slot ${entry.index} cannot hold ${entry.kind} '${entry.name}' (${errnoText(error)})`,
          place: { file: object.file },
        };
    }
  }
  return undefined;
}
