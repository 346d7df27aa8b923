/**
 * Accesses of programs to addresses outside linear memory that stand for something in it: pages of an arena, the objects of
 * maps. What has no memory yet gets it between two runs of the engine, which holds views of linear memory: the access pauses,
 * and is done when the engine runs again.
 */
import { madeMapObject, mapObject } from '../helpers/kernelObjects';
import type { Kernel } from '../kernel/kernel';
import { arenaBytes, backPage, isArena, NO_MEMORY_YET } from '../maps/arena';
import { MAP_TAG } from '../vm/addresses';
import { NOWHERE, PAUSE } from '../vm/engine';
import type { LoadedProgram } from './load';

/** Lower half of a map's address: its id, and an offset in its object. */
const MAP_SHIFT = 12;
const OBJECT_MASK = (1 << MAP_SHIFT) - 1;

export class Elsewhere {
  private wanted: (() => void) | undefined;

  constructor(
    private readonly kernel: Kernel,
    private readonly programs: readonly LoadedProgram[],
  ) {}

  /** See `ContextAccess.elsewhere`. */
  readonly find = (
    programId: number,
    high: number,
    low: number,
    sizeBytes: number,
    write: boolean,
  ): number => {
    const { kernel } = this;
    if (high === MAP_TAG) return write ? NOWHERE : this.mapBytes(low);
    const arena = kernel.maps.get(this.programs[programId]?.arena ?? 0);
    if (arena === undefined || !isArena(arena)) return NOWHERE;
    const at = arenaBytes(kernel, arena, low, sizeBytes, write);
    if (at !== NO_MEMORY_YET) return at;
    this.wanted = () => backPage(kernel, arena, low);
    return PAUSE;
  };

  private mapBytes(low: number): number {
    const { kernel } = this;
    const map = kernel.maps.get(low >>> MAP_SHIFT);
    if (map === undefined || kernel.kernelTypes() === undefined) return NOWHERE;
    const at = madeMapObject(kernel, map);
    if (at !== 0) return at + (low & OBJECT_MASK);
    this.wanted = () => mapObject(kernel, map);
    return PAUSE;
  }

  /** The engine has paused: what it wants gets its memory. */
  serve(): void {
    this.wanted?.();
    this.wanted = undefined;
  }
}
