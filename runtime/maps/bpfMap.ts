/**
 * What every map family provides, and what it needs from its surroundings. A map operation is atomic here; values whose
 * special fields (timers …) must be freed afterwards are reported in the outcome, and the kernel floor frees them.
 *
 * Keys and values are bytes in linear memory. `ValueRef` is the linear offset of a value's first byte.
 */
import type { SpecialFields } from '../btf/specialFields';
import type { Btf } from '../btf/types';

export interface MapDefinition {
  readonly id: number;
  readonly name: string;
  /** BPF_MAP_TYPE_… */
  readonly type: string;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly mapExtra: bigint;
  readonly btf?: Btf;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
  readonly fields: SpecialFields;
  /** Fields that copies of a value skip, where a kernel without a fix skips fewer than all. */
  readonly copySkips?: SpecialFields['fields'];
  /** Programs cannot write it (.rodata). */
  readonly frozen?: boolean;
  /** Inner-map template for map-in-map. */
  readonly innerTemplate?: MapDefinition;
}

/** Linear offset of a value. */
export type ValueRef = number;

export interface MapOutcome {
  /** 0 or a negative errno. */
  readonly error: number;
  /** Values that left the map or were overwritten: the caller frees their special fields, in this order. */
  readonly freed: readonly ValueRef[];
  /** Those of `freed` whose slots go back to the free list (`MapFamily.recycle`) after their fields were freed. */
  readonly recycle: readonly ValueRef[];
}

export interface MapLookup {
  /** 0 when there is no such element. */
  readonly value: ValueRef;
}

/** One element as user space and views see it. Per-CPU maps have one value per CPU. */
export interface MapEntry {
  /** Undefined for keyless maps (queue, ring buffer records). */
  readonly key?: Uint8Array;
  readonly values: readonly Uint8Array[];
  readonly valueRef: ValueRef;
}
