/**
 * The 16 bytes of `struct bpf_timer` in a map value: the object's address in bytes 0–7 (0: not initialised) and, before
 * the lock-free implementation, the lock word in bytes 8–11. Programs cannot touch them unless they are not verified.
 */
import type { MapDefinition } from '../maps/bpfMap';
import type { Memory } from '../vm/memory';

/** High half of the addresses of kernel objects; no program address has it. */
const OBJECT_TAG = 0xffff8883;

/** Offset of the timer in a map's value, or -1. */
export const timerOffset = (definition: MapDefinition): number =>
  definition.fields.fields.find((f) => f.kind === 'timer')?.offset ?? -1;

/** Offset of the bpf_wq in a map's value, or -1. */
export const workOffset = (definition: MapDefinition): number =>
  definition.fields.fields.find((f) => f.kind === 'workqueue')?.offset ?? -1;

/** By definition: every step of the freeing of values asks. A cache, not state. */
const offsetsOf = new WeakMap<MapDefinition, readonly number[]>();

/** Offsets of the timer and of the bpf_wq, as far as they are there. */
export function asyncOffsets(definition: MapDefinition): readonly number[] {
  let offsets = offsetsOf.get(definition);
  if (offsets === undefined) {
    offsets = [timerOffset(definition), workOffset(definition)].filter((offset) => offset >= 0);
    offsetsOf.set(definition, offsets);
  }
  return offsets;
}

/** The timer object's id; 0: not initialised; -1: the bytes are no pointer of ours. */
export function readTimerSlot(memory: Memory, slot: number): number {
  // In halves: every step of every operation on timers comes here.
  const low = memory.load32(slot);
  const high = memory.load32(slot + 4);
  if ((low | high) === 0) return 0;
  return high >>> 0 === OBJECT_TAG && (low & 63) === 0 ? low >>> 6 : -1;
}

/** @param timer object id, 0 to clear. */
export function writeTimerSlot(memory: Memory, slot: number, timer: number): void {
  memory.store32(slot, timer << 6);
  memory.store32(slot + 4, timer === 0 ? 0 : OBJECT_TAG);
}

export const isTimerLocked = (memory: Memory, slot: number): boolean => memory.load32(slot + 8) !== 0;
export const setTimerLock = (memory: Memory, slot: number, locked: boolean): void =>
  memory.store32(slot + 8, locked ? 1 : 0);
