/**
 * Copies of a machine: its records, and the pages of memory that differ from the last copy (each page is shared by all
 * copies that agree on it).
 */
import type { Memory, MemoryState } from '../vm/memory';
import { PAGE_SIZE_BYTES } from '../vm/memory';
import { cloneState, type MachineState } from './state';
import { newTimerTable, shareTimers } from '../kernel/timerTable';

export interface Snapshot {
  readonly state: MachineState;
  readonly memory: MemoryState;
  readonly sizeBytes: number;
  /** One entry per page up to the end of used memory; pages are never written after the copy. */
  readonly pages: readonly Uint8Array[];
}

/** Timers, of which there may be a million, are shared until they change. */
function copyState(state: MachineState): MachineState {
  const { timers } = state.kernel;
  const copy = cloneState({ ...state, kernel: { ...state.kernel, timers: newTimerTable() } });
  return { ...copy, kernel: { ...copy.kernel, timers: shareTimers(timers) } };
}

/** Remembers the pages of the last copy, so that only dirty ones are read again. A cache, not state. */
export class Snapshots {
  private last: readonly Uint8Array[] = [];

  take(memory: Memory, state: MachineState): Snapshot {
    const dirty = new Set(memory.takeDirtyPages());
    const count = Math.ceil(memory.state.brk / PAGE_SIZE_BYTES);
    const pages: Uint8Array[] = [];
    for (let i = 0; i < count; i++)
      pages.push(
        i < this.last.length && !dirty.has(i)
          ? this.last[i]
          : memory.read(i * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES),
      );
    this.last = pages;
    return {
      state: copyState(state),
      memory: memory.shareState(),
      sizeBytes: memory.u8.length,
      pages,
    };
  }

  /** Writes the copy's bytes back and gives its records, cloned so that the copy can be used again. */
  restore(memory: Memory, snapshot: Snapshot): MachineState {
    memory.growTo(snapshot.sizeBytes);
    const dirty = new Set(memory.takeDirtyPages());
    const usedPages = Math.ceil(memory.state.brk / PAGE_SIZE_BYTES);
    memory.setState(snapshot.memory);
    snapshot.pages.forEach((page, i) => {
      if (dirty.has(i) || this.last[i] !== page) memory.write(i * PAGE_SIZE_BYTES, page);
    });
    const from = snapshot.pages.length * PAGE_SIZE_BYTES;
    if (usedPages > snapshot.pages.length) memory.fill(from, usedPages * PAGE_SIZE_BYTES - from, 0);
    memory.takeDirtyPages();
    this.last = snapshot.pages;
    return copyState(snapshot.state);
  }
}
