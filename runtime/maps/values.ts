/**
 * Copies of map values that leave the kernel's own fields alone: a copy never writes a timer, lock or other special
 * field, and what goes out to user space has zeros there.
 */
import type { SpecialFieldKind } from '../btf/specialFields';
import { has } from '../spec/profile';
import type { MapDefinition, ValueRef } from './bpfMap';
import type { MapEnv, MapMemory } from './mapFamily';

/** Copies a value's bytes except its special fields. */
export function copyValue(memory: MapMemory, definition: MapDefinition, to: number, from: number): void {
  let at = 0;
  for (const field of definition.copySkips ?? definition.fields.fields) {
    if (field.offset > at) memory.copy(to + at, from + at, field.offset - at);
    at = Math.max(at, field.offset + field.sizeBytes);
  }
  if (at < definition.valueSizeBytes) memory.copy(to + at, from + at, definition.valueSizeBytes - at);
}

/** A copy as user space gets it: special fields read as zero. */
export function readValue(memory: MapMemory, definition: MapDefinition, value: ValueRef): Uint8Array {
  const bytes = memory.read(value, definition.valueSizeBytes);
  for (const field of definition.fields.fields) bytes.fill(0, field.offset, field.offset + field.sizeBytes);
  return bytes;
}

const OWNED: readonly SpecialFieldKind[] = ['kptr', 'listHead', 'rbRoot'];

/**
 * A value that leaves its map or is overwritten lets go of the objects that it holds. Newer kernels leave them until the
 * element is freed for good. The objects' memory stays, as nobody can tell who else holds them.
 */
export function dropOwned(env: MapEnv, definition: MapDefinition, value: ValueRef): void {
  const { fields } = definition.fields;
  if (fields.length === 0 || has(env.profile, 'mapKeepsObjects')) return;
  for (const { kind, offset, sizeBytes } of fields)
    if (OWNED.includes(kind)) env.memory.fill(value + offset, sizeBytes, 0);
}

/** Where a value has its bpf_spin_lock; only for values that have one. */
export const lockOffset = (definition: MapDefinition): number =>
  definition.fields.fields.find((field) => field.kind === 'spinLock')?.offset ?? 0;

export const hasField = (definition: MapDefinition, kind: 'spinLock' | 'timer'): boolean =>
  definition.fields.fields.some((f) => f.kind === kind);
