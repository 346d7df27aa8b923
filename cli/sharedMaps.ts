/**
 * Maps that bare programs of one file share, as they do in the guest: equal descriptions are one map, until a program with maps is
 * run or there are too many. A map that holds programs belongs to the type of program that first used it, and
 * kernels refuse programs of other types that use it, without words.
 * Evidence: sequences over all program types, judged in bulk on 6.1, 6.12 and 7.2.
 */
import type { RawMap, RawProgram } from '../runtime/loader/rawProgram';
import type { MapSpec, ProgramSpec } from '../runtime/loader/objectSpec';
import { HOLDS_PROGRAMS } from '../runtime/spec/mapTypes';

const MOST_MAPS = 2000;

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return entries.map(([key, member]): unknown => [key, sorted(member)]);
}

export class SharedMaps {
  /** Type of the owning program by description; undefined: not used yet. */
  private readonly owners = new Map<string, string | undefined>();

  /** The maps of a line by their descriptions; equal ones within a line are different maps. */
  private keysOf(maps: readonly RawMap[]): string[] {
    const before = new Map<string, number>();
    return maps.map((map) => {
      const text = JSON.stringify(sorted(map));
      const nth = before.get(text) ?? 0;
      before.set(text, nth + 1);
      return `${nth} ${text}`;
    });
  }

  /** Takes notice of an accepted program. @returns false when a map of it belongs to programs of another type. */
  use(raw: RawProgram & { readonly run?: unknown }, program: ProgramSpec, maps: readonly MapSpec[]): boolean {
    const mapsGiven = raw.maps ?? [];
    if ((raw.run && mapsGiven.length > 0) || this.owners.size > MOST_MAPS) this.owners.clear();
    const keys = this.keysOf(mapsGiven);
    for (const key of keys) if (!this.owners.has(key)) this.owners.set(key, undefined);
    for (const reference of program.references.values()) {
      if (reference.kind !== 'map' && reference.kind !== 'mapValue') continue;
      if (!HOLDS_PROGRAMS.has(maps[reference.map].type)) continue;
      const key = keys[reference.map];
      const owner = this.owners.get(key) ?? program.type;
      if (owner !== program.type) return false;
      this.owners.set(key, owner);
    }
    return true;
  }
}
