/**
 * Kernel-managed fields inside map values (`struct bpf_timer`, `struct bpf_spin_lock` …), found in the value's BTF.
 * Read by the verifier (what may be touched how) and by maps (what copies must skip, what freeing must visit).
 */
export type SpecialFieldKind =
  | 'timer'
  | 'spinLock'
  | 'resSpinLock'
  | 'workqueue'
  | 'taskWork'
  | 'kptr'
  | 'listHead'
  | 'listNode'
  | 'rbRoot'
  | 'rbNode'
  | 'refcount';

export interface SpecialField {
  readonly kind: SpecialFieldKind;
  readonly offset: number;
  readonly sizeBytes: number;
  /** Member name, for views: `expiry`. Dotted when nested. */
  readonly name: string;
}

export interface SpecialFields {
  /** Ascending by offset. */
  readonly fields: readonly SpecialField[];
  /** Set when the layout is not acceptable (two timers, misaligned …): the map is created but has no valid field of that kind. */
  readonly problem?: {
    readonly kind: SpecialFieldKind;
    readonly what: 'many' | 'misaligned' | 'notStruct' | 'inArray';
  };
}

export const NO_SPECIAL_FIELDS: SpecialFields = { fields: [] };
