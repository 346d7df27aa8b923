/**
 * How the tables of context and socket structs describe one field, and which accesses that allows. The tables themselves are
 * `ctxFields.ts` (packets, rights per program type) and `ctxStructs.ts` (all other structs).
 * Evidence: accesses of every size tried at every offset of the tables' structs on 6.1, 6.12 and 7.2.
 */
export type CtxFieldKind =
  | 'scalar'
  /** Packet pointers; in packet structs 4-byte loads that yield a 64-bit pointer. */
  | 'packet'
  | 'packetMeta'
  | 'packetEnd'
  /** `struct bpf_sock *` of which only the common part is there, may be NULL. */
  | 'socket'
  /** `struct bpf_sock *` of a full socket: sure, or maybe NULL. */
  | 'fullSocket'
  | 'fullSocketOrNull'
  /** Trusted pointer to the kernel struct that the field names. */
  | 'kernelStruct'
  /** Buffer that the tracepoint lets programs write. */
  | 'tracepointBuffer'
  | 'flowKeys'
  | 'padding';

/**
 * Sizes of allowed loads (stores: always `unitBytes`, besides what is said):
 * `narrow` unit or smaller, anywhere inside; `narrowAtStart` smaller ones only at the field's start; `exact` the unit only;
 * `words` any aligned size that stays inside, stores too (`cb`); `wide` narrow, and eight aligned bytes in loads and stores;
 * `half` two or four bytes; `port` two bytes or narrower, or four from the field's start; `highHalf` the unit, or (which
 * the kernel lets pass and then fails to translate) its upper four bytes.
 */
export type CtxFieldAccess =
  'narrow' | 'narrowAtStart' | 'exact' | 'words' | 'wide' | 'half' | 'port' | 'highHalf';

export interface CtxField {
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
  /** Size of an element where the field is an array. */
  readonly unitBytes?: number;
  readonly kind: CtxFieldKind;
  readonly access: CtxFieldAccess;
  /** `kernelStruct`: its name in the kernel's BTF. */
  readonly struct?: string;
  /** First profile that has the field; absent: all. */
  readonly since?: string;
}

export interface CtxStruct {
  readonly name: string;
  readonly sizeBytes: number;
  readonly fields: readonly CtxField[];
}

export const u32 = (name: string, offset: number, access: CtxFieldAccess = 'narrow'): CtxField => ({
  name,
  offset,
  sizeBytes: 4,
  kind: 'scalar',
  access,
});

export const exact = (
  name: string,
  offset: number,
  sizeBytes: number,
  kind: CtxFieldKind = 'scalar',
): CtxField => ({ name, offset, sizeBytes, kind, access: 'exact' });

/** Several 32-bit words. */
export const array = (
  name: string,
  offset: number,
  count: number,
  access: CtxFieldAccess = 'exact',
): CtxField => ({ name, offset, sizeBytes: 4 * count, unitBytes: 4, kind: 'scalar', access });

/** Several exact 32-bit fields that follow each other. */
export const run = (offset: number, names: string): CtxField[] =>
  names.split(' ').map((name, i) => exact(name, offset + 4 * i, 4));

/** The field that covers a byte of a struct. */
export const fieldAt = (struct: CtxStruct, offset: number): CtxField | undefined =>
  struct.fields.find((field) => offset >= field.offset && offset < field.offset + field.sizeBytes);

/** Whether a field may be loaded or stored (as far as its size goes) with `sizeBytes` bytes at `offset`, which is aligned. */
export function sizeFits(
  field: CtxField,
  offset: number,
  sizeBytes: number,
  kind: 'read' | 'write',
): boolean {
  const unit = field.unitBytes ?? field.sizeBytes;
  const inside = offset + sizeBytes <= field.offset + field.sizeBytes;
  const whole = sizeBytes === unit && (offset - field.offset) % unit === 0;
  const wide = sizeBytes === 8 && inside;
  if (field.access === 'words') return inside;
  if (kind === 'write') return whole || (field.access === 'wide' && wide);
  switch (field.access) {
    case 'exact':
      return whole;
    case 'narrow':
      return inside && sizeBytes <= unit;
    case 'narrowAtStart':
      return offset === field.offset && sizeBytes <= unit;
    case 'wide':
      return wide || (inside && sizeBytes <= unit);
    case 'half':
      return inside && sizeBytes >= 2 && sizeBytes <= unit;
    case 'port':
      return inside || (offset === field.offset && sizeBytes === 4);
    case 'highHalf':
      return whole || (sizeBytes === 4 && offset === field.offset + 4);
  }
}
