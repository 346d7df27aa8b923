/**
 * What a kernel demands of the types that it is given, beyond what reading them demands: names, sizes, what may stand where.
 * The format itself (header, bounds, ids, cycles) is judged by `readBtf`.
 * Evidence: documentation of BTF; programs `raw/types_*` of the rule book, measured on 6.1, 6.12 and 7.2.
 */
import { has, type Profile } from '../spec/profile';
import { resolvedType, sizeOfType } from './query';
import type { Btf, BtfMember, BtfType } from './types';

export interface TypeFault {
  readonly typeId: number;
  readonly message: string;
}

const NAME_BYTES_MAX = 512;
const COPIED_BITS_MAX = 128;
const SIZE_MAX = 0xffff_ffff;
const ENUM_BITFIELD_BITS_MAX = 32;

/** Names in C, and dots. */
const isIdentifier = (name: string): boolean =>
  name.length <= NAME_BYTES_MAX && /^[A-Za-z_.][A-Za-z0-9_.]*$/.test(name);
const isPrintable = (name: string): boolean => name.length <= NAME_BYTES_MAX && /^[ -~]+$/.test(name);
const isFree = (name: string): boolean => name === '' || isIdentifier(name);

type Demand<K extends BtfType['kind']> = (
  btf: Btf,
  type: Extract<BtfType, { kind: K }>,
  profile: Profile,
) => string | undefined;

type Composite = Extract<BtfType, { kind: 'struct' | 'union' }>;
type Int = Extract<BtfType, { kind: 'int' }>;

/** A number with as many bits as C's have, from the first one on. */
const isRegular = ({ bitOffset, bits }: Int): boolean =>
  bitOffset === 0 && [8, 16, 32, 64, 128].includes(bits);

const wrong = (what: string, when: boolean): string | undefined => (when ? what : undefined);

const fits = (owner: Composite, fromBits: number, bits: number): boolean =>
  owner.sizeBytes - Math.floor(fromBits / 8) >= Math.ceil(((fromBits % 8) + bits) / 8);

function intMemberFault(
  owner: Composite,
  member: BtfMember,
  type: Int,
  flagged: boolean,
): string | undefined {
  const from = member.offsetBits + (flagged ? 0 : type.bitOffset);
  let { bits } = type;
  if (flagged) {
    if (!isRegular(type)) return 'is a part of a number that is no plain one';
    if (member.bitfieldSizeBits > bits) return 'is a bit-field wider than its type';
    if (member.bitfieldSizeBits > 0) bits = member.bitfieldSizeBits;
    else if (from % 8 !== 0) return 'does not begin at a byte';
  }
  if ((from % 8) + bits > COPIED_BITS_MAX) return 'is too wide';
  return wrong('does not fit', !fits(owner, from, bits));
}

/** @param flagged the struct says of every member whether it is a bit-field. */
function memberFault(btf: Btf, owner: Composite, member: BtfMember, flagged: boolean): string | undefined {
  const sizeBytes = sizeOfType(btf, member.type);
  const type = resolvedType(btf, member.type);
  if (sizeBytes === undefined) return 'has a type without size';
  if (type.kind === 'int') return intMemberFault(owner, member, type, flagged);
  const bitField = member.bitfieldSizeBits;
  if (type.kind === 'enum' && bitField > 0) {
    if (bitField > ENUM_BITFIELD_BITS_MAX) return 'is a bit-field wider than its type';
    return wrong('does not fit', !fits(owner, member.offsetBits, bitField));
  }
  if (bitField > 0) return 'is a bit-field of a type that has none';
  if (type.kind === 'float') {
    if (member.offsetBits % (8 * Math.min(8, sizeBytes)) !== 0) return 'is not aligned';
  } else if (member.offsetBits % 8 !== 0) return 'does not begin at a byte';
  return wrong('does not fit', member.offsetBits / 8 + sizeBytes > owner.sizeBytes);
}

function compositeFault(btf: Btf, type: Composite): string | undefined {
  if (!isFree(type.name)) return 'its name is none';
  const flagged = type.members.some((member) => member.bitfieldSizeBits > 0);
  let last = 0;
  for (const member of type.members) {
    const { name, offsetBits } = member;
    const at = (what: string): string => `member '${name}' ${what}`;
    if (!isFree(name)) return at('has no valid name');
    if (member.type === 0) return at('has no type');
    if (offsetBits < last || (type.kind === 'union' && offsetBits > 0)) return at('is out of order');
    if (Math.ceil(offsetBits / 8) > type.sizeBytes) return at('lies outside');
    last = offsetBits;
  }
  for (const member of type.members) {
    const fault = memberFault(btf, type, member, flagged);
    if (fault !== undefined) return `member '${member.name}' ${fault}`;
  }
  return undefined;
}

const prototypeFault: Demand<'funcProto'> = (btf, { params, returnType }) => {
  if (returnType !== 0 && sizeOfType(btf, returnType) === undefined) return 'its result has no size';
  const last = params.length - 1;
  for (const [i, { name, type }] of params.entries()) {
    const more = i === last && type === 0;
    if (more ? name !== '' : !isFree(name)) return `parameter ${i + 1} has no valid name`;
    if (!more && sizeOfType(btf, type) === undefined) return `parameter ${i + 1} has no size`;
  }
  return undefined;
};

const functionFault: Demand<'func'> = (btf, { name, type, linkage }) => {
  if (!isIdentifier(name)) return 'its name is none';
  if (linkage === 'extern') return 'it is external';
  const proto = btf.types[type];
  if (proto.kind !== 'funcProto') return 'it has no prototype';
  return wrong(
    'a parameter has no name',
    proto.params.some((param) => param.name === '' && param.type !== 0),
  );
};

const arrayFault: Demand<'array'> = (btf, { type, indexType, count }) => {
  const index = resolvedType(btf, indexType);
  if (index.kind !== 'int' || !isRegular(index)) return 'its index is no number';
  const element = resolvedType(btf, type);
  const elementBytes = sizeOfType(btf, type);
  if (elementBytes === undefined || (element.kind === 'int' && !isRegular(element)))
    return 'its elements have no size';
  return wrong('it is too large', elementBytes * count > SIZE_MAX);
};

const sectionFault: Demand<'datasec'> = (btf, { name, sizeBytes, vars }, profile) => {
  if (sizeBytes === 0) return 'it has no size';
  if (!(has(profile, 'btfSectionNamesPrintable') ? isPrintable(name) : isIdentifier(name)))
    return 'its name is none';
  let end = 0;
  for (const entry of vars) {
    if (entry.offset < end || entry.offset >= sizeBytes) return 'a variable is out of order';
    if (entry.sizeBytes === 0) return 'a variable has no size';
    end = entry.offset + entry.sizeBytes;
    if (end > sizeBytes) return 'a variable lies outside';
    const variable = btf.types[entry.type];
    if (variable.kind !== 'var') return 'it holds something that is no variable';
    const own = sizeOfType(btf, variable.type);
    if (own === undefined || entry.sizeBytes < own) return 'a variable is larger than its place';
  }
  return undefined;
};

const tagFault: Demand<'declTag'> = (btf, { name, type, componentIndex }) => {
  if (name === '') return 'it says nothing';
  if (componentIndex < -1) return 'it names no part';
  const target = btf.types[type];
  switch (target.kind) {
    case 'var':
    case 'typedef':
      return wrong('it names no part', componentIndex !== -1);
    case 'struct':
    case 'union':
      return wrong('it names no part', componentIndex >= target.members.length);
    case 'func': {
      const proto = btf.types[target.type];
      return wrong('it names no part', proto.kind === 'funcProto' && componentIndex >= proto.params.length);
    }
    default:
      return 'it is on something that takes no tags';
  }
};

const DEMANDS: { readonly [K in BtfType['kind']]: Demand<K> } = {
  void: () => undefined,
  int: () => undefined,
  ptr: () => undefined,
  array: arrayFault,
  struct: compositeFault,
  union: compositeFault,
  enum: (_btf, { name, sizeBytes, values }) =>
    wrong('it has no size', ![1, 2, 4, 8].includes(sizeBytes)) ??
    wrong('its name is none', !isFree(name)) ??
    wrong('a value has no name', !values.every((value) => isIdentifier(value.name))),
  fwd: (_btf, { name }) => wrong('its name is none', !isIdentifier(name)),
  typedef: (_btf, { name }) => wrong('its name is none', !isIdentifier(name)),
  volatile: () => undefined,
  const: () => undefined,
  restrict: () => undefined,
  typeTag: (_btf, { name }) => wrong('it says nothing', name === ''),
  func: functionFault,
  funcProto: prototypeFault,
  var: (btf, { name, type, linkage }) =>
    wrong('its name is none', !isIdentifier(name)) ??
    wrong('it is external', linkage === 'extern') ??
    wrong('its type has no size', sizeOfType(btf, type) === undefined),
  datasec: sectionFault,
  float: () => undefined,
  declTag: tagFault,
};

/** Tags on a type must stand before its other modifiers, seen from whatever names it first. */
function misplacedTag(btf: Btf, id: number): boolean {
  let type = btf.types[id];
  let inTags = type.kind === 'typeTag';
  for (;;) {
    switch (type.kind) {
      case 'typeTag':
        if (!inTags) return true;
        break;
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
        inTags = false;
        break;
      default:
        return false;
    }
    type = btf.types[type.type];
  }
}

const demand = <K extends BtfType['kind']>(
  kind: K,
  btf: Btf,
  type: Extract<BtfType, { kind: K }>,
  profile: Profile,
): string | undefined => DEMANDS[kind](btf, type, profile);

/** Variables, sections and functions of others: a loader completes them before a kernel sees them. */
const isCompleted = (type: BtfType): boolean =>
  type.kind === 'var' || type.kind === 'datasec' || (type.kind === 'func' && type.linkage === 'extern');

/** The first type that the kernel does not take, if any. @param loaded by a loader, which completes what it knows better. */
export function typeFault(btf: Btf, profile: Profile, loaded: boolean): TypeFault | undefined {
  if (btf.types.length < 2) return { typeId: 0, message: 'there are no types' };
  const tagsFirst = !has(profile, 'btfTypeTagsAnywhere');
  for (let typeId = 1; typeId < btf.types.length; typeId++) {
    const type = btf.types[typeId];
    if (loaded && isCompleted(type)) continue;
    const message =
      demand(type.kind, btf, type as never, profile) ??
      wrong('a tag stands behind other modifiers', tagsFirst && misplacedTag(btf, typeId));
    if (message !== undefined) return { typeId, message };
  }
  return undefined;
}
