/**
 * What a CO-RE relocation talks about: the path `0:1:2` through the object's types, the same path found in a kernel type
 * by names, and the numbers that follow from where a path ends.
 */
import { resolvedType, resolveModifiers, sizeOfType, typeById, type BtfStruct } from '../btf/query';
import type { Btf, BtfMember } from '../btf/types';
import type { CoreKind } from '../btf/btfExt';
import { essentialName, fieldsCompatible } from './coreTypes';

/** One step of a path: an element by index, or a member by name. */
export interface AccessStep {
  /** The struct that has the member, or the type of the element. */
  readonly typeId: number;
  readonly index: number;
  /** Undefined for elements. */
  readonly member?: BtfMember;
}

export interface AccessPath {
  readonly btf: Btf;
  /** As the relocation names it, before typedefs are followed. */
  readonly rootId: number;
  readonly steps: readonly AccessStep[];
  readonly offsetBits: number;
  /** Of enumerator relocations. */
  readonly enumerator?: { readonly name: string; readonly value: bigint };
}

const MAX_STEPS = 64;

export type CoreFamily = 'field' | 'type' | 'enumerator';
export const FAMILY: Readonly<Record<CoreKind, CoreFamily>> = {
  fieldByteOffset: 'field',
  fieldByteSize: 'field',
  fieldExists: 'field',
  fieldSigned: 'field',
  fieldLshiftU64: 'field',
  fieldRshiftU64: 'field',
  typeIdLocal: 'type',
  typeIdTarget: 'type',
  typeExists: 'type',
  typeSize: 'type',
  typeMatches: 'type',
  enumvalExists: 'enumerator',
  enumvalValue: 'enumerator',
};

const isComposite = (type: { readonly kind: string }): type is BtfStruct =>
  type.kind === 'struct' || type.kind === 'union';

/** The path as the object's own types give it; undefined when the access text does not fit the type. */
export function localPath(
  btf: Btf,
  rootId: number,
  access: string,
  family: CoreFamily,
): AccessPath | undefined {
  if (family === 'type') return access === '0' ? { btf, rootId, steps: [], offsetBits: 0 } : undefined;
  if (!/^\d{1,10}(:\d{1,10})*$/.test(access)) return undefined;
  const indexes = access.split(':').map(Number);
  if (indexes.length > MAX_STEPS) return undefined;
  let id = resolveModifiers(btf, rootId);
  if (family === 'enumerator') {
    const type = typeById(btf, id);
    const enumerator = type.kind === 'enum' && indexes.length === 1 ? type.values[indexes[0]] : undefined;
    return (
      enumerator && { btf, rootId, steps: [{ typeId: id, index: indexes[0] }], offsetBits: 0, enumerator }
    );
  }
  const size = sizeOfType(btf, id);
  if (size === undefined) return undefined;
  const steps: AccessStep[] = [{ typeId: id, index: indexes[0] }];
  let offsetBits = indexes[0] * size * 8;
  for (const index of indexes.slice(1)) {
    id = resolveModifiers(btf, id);
    const type = typeById(btf, id);
    if (isComposite(type)) {
      const member = type.members.at(index);
      if (member === undefined) return undefined;
      offsetBits += member.offsetBits;
      // Anonymous structs are passed through silently; the kernel may nest differently.
      if (member.name !== '') steps.push({ typeId: id, index, member });
      id = member.type;
    } else if (type.kind === 'array') {
      id = resolveModifiers(btf, type.type);
      const element = sizeOfType(btf, id);
      if (element === undefined || (index >= type.count && !isFlexible(btf, steps.at(-1), type.count)))
        return undefined;
      steps.push({ typeId: id, index });
      offsetBits += index * element * 8;
    } else return undefined;
  }
  return { btf, rootId, steps, offsetBits };
}

/** Whether an array is the open end of the struct it was reached through. */
function isFlexible(btf: Btf, before: AccessStep | undefined, count: number): boolean {
  if (count > 0 || before?.member === undefined) return false;
  const owner = typeById(btf, before.typeId);
  return isComposite(owner) && before.index === owner.members.length - 1;
}

/** Follows a local path through a kernel type by names; undefined when it leads nowhere there. */
export function targetPath(
  local: AccessPath,
  btf: Btf,
  rootId: number,
  family: CoreFamily,
): AccessPath | undefined {
  if (family === 'type') return { btf, rootId, steps: [], offsetBits: 0 };
  let id = resolveModifiers(btf, rootId);
  if (family === 'enumerator') {
    const type = typeById(btf, id);
    if (type.kind !== 'enum' || local.enumerator === undefined) return undefined;
    const wanted = essentialName(local.enumerator.name);
    const index = type.values.findIndex(({ name }) => essentialName(name) === wanted);
    return index < 0
      ? undefined
      : { btf, rootId, steps: [{ typeId: id, index }], offsetBits: 0, enumerator: type.values[index] };
  }
  const steps: AccessStep[] = [];
  let offsetBits = 0;
  for (const [position, step] of local.steps.entries()) {
    id = resolveModifiers(btf, id);
    if (step.member !== undefined) {
      const found = findMember(btf, id, step.member.name, MAX_STEPS);
      if (
        found === undefined ||
        !fieldsCompatible(local.btf, step.member.type, btf, found.step.member?.type ?? 0)
      ) {
        return undefined;
      }
      steps.push(found.step);
      offsetBits += found.offsetBits;
      id = found.step.member?.type ?? 0;
      continue;
    }
    if (position > 0) {
      const type = typeById(btf, id);
      if (type.kind !== 'array') return undefined;
      if (step.index >= type.count && !isFlexible(btf, steps.at(-1), type.count)) return undefined;
      id = resolveModifiers(btf, type.type);
    }
    const size = sizeOfType(btf, id);
    if (size === undefined) return undefined;
    steps.push({ typeId: id, index: step.index });
    offsetBits += step.index * size * 8;
  }
  return { btf, rootId, steps, offsetBits };
}

interface FoundMember {
  readonly step: AccessStep;
  /** From the start of the type that was searched. */
  readonly offsetBits: number;
}

/** A member by name, also inside anonymous members, in the order of declaration. */
function findMember(btf: Btf, typeId: number, name: string, depth: number): FoundMember | undefined {
  const id = resolveModifiers(btf, typeId);
  const type = typeById(btf, id);
  if (!isComposite(type) || depth === 0) return undefined;
  for (const [index, member] of type.members.entries()) {
    if (member.name === name) return { step: { typeId: id, index, member }, offsetBits: member.offsetBits };
    if (member.name !== '') continue;
    const found = findMember(btf, member.type, name, depth - 1);
    if (found !== undefined) return { ...found, offsetBits: found.offsetBits + member.offsetBits };
  }
  return undefined;
}

/** The number that a relocation puts into an instruction. */
export interface CoreNumber {
  readonly value: bigint;
  /** Whether the instruction must hold the local number before (else it is not what the relocation is about). */
  readonly validate: boolean;
  /** Size and type of the field, for offsets of ordinary fields: loads may have to change their width. */
  readonly sizeBytes?: number;
  readonly typeId?: number;
}

/**
 * The number for a path; `undefined` path means that the kernel has no such thing.
 * @returns 'poison' when the instruction has no meaning then, undefined when the combination is not supported.
 */
export function coreNumber(
  kind: CoreKind,
  path: AccessPath | undefined,
  littleEndian: boolean,
): CoreNumber | 'poison' | undefined {
  const number = (value: bigint | number | boolean): CoreNumber => ({ value: BigInt(value), validate: true });
  switch (kind) {
    case 'typeExists':
    case 'typeMatches':
      return number(path !== undefined);
    case 'typeIdLocal':
    case 'typeIdTarget':
      // Static linkers renumber types without touching the code.
      return { value: BigInt(path?.rootId ?? 0), validate: false };
    case 'typeSize': {
      if (path === undefined) return number(0);
      const size = sizeOfType(path.btf, path.rootId);
      return size === undefined ? undefined : number(size);
    }
    case 'enumvalExists':
      return number(path !== undefined);
    case 'enumvalValue':
      return path?.enumerator === undefined ? 'poison' : number(BigInt.asUintN(64, path.enumerator.value));
    case 'fieldExists':
      return number(path !== undefined);
    default:
      return path === undefined ? 'poison' : fieldNumber(kind, path, littleEndian);
  }
}

function fieldNumber(
  kind: 'fieldByteOffset' | 'fieldByteSize' | 'fieldSigned' | 'fieldLshiftU64' | 'fieldRshiftU64',
  path: AccessPath,
  littleEndian: boolean,
): CoreNumber | undefined {
  const { btf } = path;
  const step = path.steps.at(-1);
  if (step === undefined) return undefined;
  const { member } = step;
  if (member === undefined) {
    const size = sizeOfType(btf, step.typeId);
    if (size === undefined) return undefined;
    if (kind === 'fieldByteOffset') {
      return { value: BigInt(path.offsetBits / 8), validate: true, sizeBytes: size, typeId: step.typeId };
    }
    return kind === 'fieldByteSize' ? { value: BigInt(size), validate: true } : undefined;
  }
  const typeId = resolveModifiers(btf, member.type);
  const type = resolvedType(btf, typeId);
  const typeSize = sizeOfType(btf, typeId);
  if (typeSize === undefined) return undefined;
  const isBitfield = member.bitfieldSizeBits > 0 || path.offsetBits % 8 !== 0;
  let wordBytes = typeSize;
  let wordOffset = Math.floor(path.offsetBits / 8);
  let bits = 8 * typeSize;
  if (isBitfield) {
    bits = member.bitfieldSizeBits > 0 ? member.bitfieldSizeBits : type.kind === 'int' ? type.bits : bits;
    // The smallest aligned word, from the declared type up, that holds all the bits.
    const place = (): number => Math.floor(path.offsetBits / 8 / wordBytes) * wordBytes;
    wordOffset = place();
    while (path.offsetBits + bits - 8 * wordOffset > 8 * wordBytes) {
      if (wordBytes >= 8) return undefined;
      wordBytes *= 2;
      wordOffset = place();
    }
  }
  const inWord = path.offsetBits - 8 * wordOffset;
  switch (kind) {
    case 'fieldByteOffset':
      return {
        value: BigInt(wordOffset),
        validate: !isBitfield,
        ...(isBitfield ? {} : { sizeBytes: typeSize, typeId }),
      };
    case 'fieldByteSize':
      return { value: BigInt(wordBytes), validate: !isBitfield };
    case 'fieldSigned': {
      const signed = type.kind === 'enum' ? type.signed : type.kind === 'int' && type.encoding === 'signed';
      return { value: signed ? 1n : 0n, validate: true };
    }
    case 'fieldLshiftU64': {
      const shift = littleEndian ? 64 - (inWord + bits) : 8 * (8 - wordBytes) + inWord;
      return { value: BigInt.asUintN(64, BigInt(shift)), validate: !isBitfield };
    }
    case 'fieldRshiftU64':
      return { value: BigInt.asUintN(64, BigInt(64 - bits)), validate: true };
  }
}
