/**
 * What changed in the maps since the last stop: map contents are remembered at every stop and compared with those of
 * the stop before. Large maps are compared up to a limit, so that a stop stays quick; beyond it nothing counts as changed.
 */
import { bytesToHex } from '../util/hexText';
import type { DebugTarget } from './target';

const ENTRIES_MAX = 4096;

type Contents = ReadonlyMap<string, readonly Uint8Array[]>;

export class MapTracker {
  private previous = new Map<number, Contents>();
  private current = new Map<number, Contents>();

  constructor(private readonly target: DebugTarget) {}

  /** Call at every stop, before views ask. */
  stopped(): void {
    this.previous = this.current;
    this.current = new Map();
    for (const map of this.target.maps()) {
      const contents = new Map<string, readonly Uint8Array[]>();
      for (const entry of this.target.mapEntries(map.id, 0, ENTRIES_MAX).entries)
        contents.set(
          keyText(entry.key),
          entry.values.map((v) => v.bytes.slice()),
        );
      this.current.set(map.id, contents);
    }
  }

  /** True when the map differs from what it held at the last stop. At the first stop nothing has changed. */
  mapChanged(mapId: number): boolean {
    const before = this.previous.get(mapId);
    const now = this.current.get(mapId);
    if (!before || !now) return false;
    if (before.size !== now.size) return true;
    for (const [key, values] of now) {
      const old = before.get(key);
      if (!old || !sameValues(old, values)) return true;
    }
    return false;
  }

  /** The entry's value at the last stop; `new` when it was not there; undefined when there is nothing to compare with. */
  before(mapId: number, key: Uint8Array | undefined, index: number): Uint8Array | 'new' | undefined {
    const contents = this.previous.get(mapId);
    if (!contents) return undefined;
    return contents.get(keyText(key))?.[index] ?? (contents.size < ENTRIES_MAX ? 'new' : undefined);
  }
}

const keyText = (key: Uint8Array | undefined): string => (key ? bytesToHex(key) : '');

const sameValues = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.length === b.length && a.every((bytes, i) => sameBytes(bytes, b[i]));

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
