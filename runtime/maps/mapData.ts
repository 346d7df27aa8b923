/**
 * The private records of the map families, as one union: everything about a map that is not its definition and not
 * bytes in linear memory. Plain data, cloned by snapshots; one interface per family.
 */
export interface ArrayData {
  readonly kind: 'array';
  /** Linear offset of element 0; elements follow every `strideBytes`. */
  readonly base: number;
  readonly strideBytes: number;
}

/** See `hash.ts` for the layout of buckets and elements in memory. */
export interface HashData {
  readonly kind: 'hash';
  /** Linear offset of the bucket heads, u32 each. */
  readonly buckets: number;
  /** A power of two. */
  readonly bucketCount: number;
  readonly elementSizeBytes: number;
  readonly prealloc: boolean;
  /** Preallocated: element i lies at pool + i * elementSizeBytes; else 0. */
  readonly pool: number;
  readonly poolCount: number;
  /** Linked elements. */
  count: number;
  /** First free element of each CPU, 0 = none. */
  readonly freeHeads: number[];
  /** Preallocated: the spare element of each CPU, swapped in by updates of existing keys. */
  readonly spares: number[];
  /** Every element ever allocated, when not preallocated. */
  readonly allocated: number[];
}

export type MapData = ArrayData | HashData;
