/**
 * Questions about BTF: sizes, what stands behind modifiers, types by name. The name index is built on the first
 * question and kept beside the BTF (not in it), so that BTF stays plain data and reading it stays cheap.
 */
import type { Btf, BtfType } from './types';

export type BtfKind = BtfType['kind'];
export type BtfStruct = Extract<BtfType, { kind: 'struct' | 'union' }>;
export type TypeOfKind<K extends BtfKind> = Extract<BtfType, { kind: K }>;

const MODIFIERS: ReadonlySet<BtfKind> = new Set(['typedef', 'volatile', 'const', 'restrict', 'typeTag']);

/** The type with that id; void for an id that does not exist. */
export const typeById = (btf: Btf, id: number): BtfType => btf.types[id] ?? btf.types[0];

type Modifier = TypeOfKind<'typedef' | 'volatile' | 'const' | 'restrict' | 'typeTag'>;

/** A typedef, qualifier or type tag. */
export const isModifier = (type: BtfType): type is Modifier => MODIFIERS.has(type.kind);

/** Follows typedefs, qualifiers and type tags to the id of a type proper. */
export function resolveModifiers(btf: Btf, id: number): number {
  for (;;) {
    const type = typeById(btf, id);
    if (!isModifier(type)) return id;
    id = type.type;
  }
}

/** The type proper behind typedefs, qualifiers and type tags. */
export const resolvedType = (btf: Btf, id: number): BtfType => typeById(btf, resolveModifiers(btf, id));

/** Size in bytes, or undefined for types without one (void, functions, forward declarations) and absurd arrays. */
export function sizeOfType(btf: Btf, id: number): number | undefined {
  const type = resolvedType(btf, id);
  switch (type.kind) {
    case 'int':
    case 'enum':
    case 'float':
    case 'struct':
    case 'union':
    case 'datasec':
      return type.sizeBytes;
    case 'ptr':
      return 8;
    case 'array': {
      const element = sizeOfType(btf, type.type);
      if (element === undefined) return undefined;
      const sizeBytes = element * type.count;
      return sizeBytes > 0xffff_ffff ? undefined : sizeBytes;
    }
    case 'var':
      return sizeOfType(btf, type.type);
    default:
      return undefined;
  }
}

/** Natural alignment in bytes; 1 for types without one. A struct none of whose offsets fit is packed: 1. */
export const alignOfType = (btf: Btf, id: number): number => alignWith(btf, id, new Map());

/** Each struct is looked at once: hostile types may contain each other exponentially often. */
function alignWith(btf: Btf, id: number, known: Map<number, number>): number {
  const proper = resolveModifiers(btf, id);
  const type = typeById(btf, proper);
  switch (type.kind) {
    case 'int':
    case 'enum':
    case 'float':
      return Math.min(8, type.sizeBytes) || 1;
    case 'ptr':
      return 8;
    case 'array':
    case 'var':
      return alignWith(btf, type.type, known);
    case 'struct':
    case 'union': {
      let most = known.get(proper);
      if (most !== undefined) return most;
      most = 1;
      for (const member of type.members) {
        const align = alignWith(btf, member.type, known);
        if (member.bitfieldSizeBits === 0 && member.offsetBits % (8 * align) !== 0) {
          most = 1;
          break;
        }
        most = Math.max(most, align);
      }
      if (type.sizeBytes % most !== 0) most = 1;
      known.set(proper, most);
      return most;
    }
    default:
      return 1;
  }
}

const indexes = new WeakMap<Btf, Map<string, number[]>>();

/** Ids of all types (of whatever kind) with that name, ascending. */
export function typesByName(btf: Btf, name: string): readonly number[] {
  let index = indexes.get(btf);
  if (index === undefined) {
    index = new Map();
    for (let id = 1; id < btf.types.length; id++) {
      const typeName = btf.types[id].name;
      if (typeName === '') continue;
      const ids = index.get(typeName);
      if (ids === undefined) index.set(typeName, [id]);
      else ids.push(id);
    }
    indexes.set(btf, index);
  }
  return index.get(name) ?? [];
}

/** The first type of that name and kind, 0 if there is none. */
export function findType(btf: Btf, name: string, ...kinds: readonly BtfKind[]): number {
  return typesByName(btf, name).find((id) => kinds.includes(btf.types[id].kind)) ?? 0;
}

/** The declaration tags (`btf_decl_tag`) on a type, or on one of its members or parameters. */
export function declTagsOf(btf: Btf, id: number, componentIndex = -1): string[] {
  let index = tagIndexes.get(btf);
  if (index === undefined) {
    index = new Map();
    for (const type of btf.types) {
      if (type.kind !== 'declTag') continue;
      const tags = index.get(type.type) ?? [];
      index.set(type.type, tags);
      tags.push({ name: type.name, componentIndex: type.componentIndex });
    }
    tagIndexes.set(btf, index);
  }
  return (index.get(id) ?? []).filter((tag) => tag.componentIndex === componentIndex).map((tag) => tag.name);
}

const tagIndexes = new WeakMap<Btf, Map<number, { name: string; componentIndex: number }[]>>();

/** A kernel's own types, without those of its modules. */
export const withoutModules = (btf: Btf): Btf =>
  btf.modulesFrom === undefined ? btf : { types: btf.types.slice(0, btf.modulesFrom) };
