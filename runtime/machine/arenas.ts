/**
 * Accesses of programs to their arenas. Pages get their memory between two runs of the engine, which holds views of linear
 * memory: an access to a page without memory pauses, and is done when the engine runs again.
 */
import { arenaBytes, backPage, isArena, NO_MEMORY_YET } from '../maps/arena';
import type { Kernel } from '../kernel/kernel';
import { NO_ARENA, PAUSE } from '../vm/engine';
import type { ArenaAccess } from './contexts';
import type { LoadedProgram } from './load';

export class Arenas implements ArenaAccess {
  private wanted: { readonly map: number; readonly low: number } | undefined;

  constructor(
    private readonly kernel: Kernel,
    private readonly programs: readonly LoadedProgram[],
  ) {}

  bytes(programId: number, low: number, sizeBytes: number, write: boolean): number {
    const id = this.programs[programId]?.arena;
    const map = id === undefined ? undefined : this.kernel.maps.get(id);
    if (id === undefined || map === undefined || !isArena(map)) return NO_ARENA;
    const at = arenaBytes(this.kernel, map, low, sizeBytes, write);
    if (at !== NO_MEMORY_YET) return at;
    this.wanted = { map: id, low };
    return PAUSE;
  }

  /** The engine has paused: memory for the page that it wants. */
  serve(): void {
    const { wanted } = this;
    if (wanted === undefined) return;
    this.wanted = undefined;
    const map = this.kernel.map(wanted.map);
    if (isArena(map)) backPage(this.kernel, map, wanted.low);
  }
}
