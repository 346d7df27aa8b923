/**
 * Maps that the program declares in `.maps` through BTF, their inner templates and static initialisers.
 *
 * The numbers of such a declaration are array lengths (`__uint`), the types are pointees (`__type`), and the last
 * member `values` may hold initial references. Rules and refusals are those of libbpf 1.7.
 */
import { resolvedType, sizeOfType, typeById, type BtfStruct } from '../btf/query';
import type { Btf, BtfMember } from '../btf/types';
import { findSection } from '../elf/readElf';
import { SHN, STT, type ElfRelocation } from '../elf/types';
import type { Code } from './code';
import type { LoadContext } from './context';
import { MAP_TYPE_NAMES } from './mapTypeNames';
import { datasecOf } from './objectBtf';
import type { MapSpec } from './objectSpec';
import { refuse } from './refusal';

/** A map with the place in the file that relocations name it by. */
export interface PlacedMap {
  readonly spec: MapSpec;
  readonly sectionIndex: number;
  readonly offset: number;
  readonly kind: 'map' | 'data';
}

const REMEDY =
  'Declare the map as: struct { __uint(type, …); __uint(max_entries, …); __type(key, …); __type(value, …); } name SEC(".maps");';
const PAGE_SIZE_BYTES = 4096;
const MAP_IN_MAP = new Set(['BPF_MAP_TYPE_ARRAY_OF_MAPS', 'BPF_MAP_TYPE_HASH_OF_MAPS']);
const RING_BUFFERS = new Set(['BPF_MAP_TYPE_RINGBUF', 'BPF_MAP_TYPE_USER_RINGBUF']);

interface Definition {
  typeNumber: number;
  keySizeBytes: number;
  valueSizeBytes: number;
  keyTypeId: number;
  valueTypeId: number;
  maxEntries: number;
  flags: number;
  mapExtra: bigint;
  pinning: 'none' | 'byName';
  inner?: MapSpec;
  /** Byte offset of the member `values` in the declaration. */
  valuesOffset?: number;
}

/** All maps of the `.maps` section, in the order of their addresses. */
export function readMapDefinitions(context: LoadContext, code: Code): PlacedMap[] {
  const { elf, btf, file } = context;
  const section = findSection(elf, '.maps');
  if (section === undefined) return [];
  if (btf === undefined) {
    refuse(
      file,
      'maps-without-btf',
      `section '.maps' needs BTF, but the object has none`,
      'Compile with -g.',
      section.fileOffset,
    );
  }
  const described = datasecOf(btf, '.maps');
  if (described === undefined) {
    refuse(
      file,
      'maps-without-btf',
      `BTF does not describe section '.maps'`,
      'Compile with -g.',
      section.fileOffset,
    );
  }
  const relocations = elf.relocations.get(section.index) ?? [];
  return described.type.vars.map((entry) => {
    const variable = typeById(btf, entry.type);
    const name = variable.name;
    const bad = (message: string): never =>
      refuse(
        file,
        'bad-map-definition',
        `map '${name}': ${message}`,
        REMEDY,
        section.fileOffset + entry.offset,
      );
    if (variable.kind !== 'var' || name === '') return bad(`unexpected ${variable.kind} in '.maps'`);
    if (entry.offset + entry.sizeBytes > section.sizeBytes) return bad('its BTF data is corrupted');
    if (variable.linkage !== 'global')
      return bad(`unsupported map linkage ${variable.linkage}: a map must not be static`);
    const type = resolvedType(btf, variable.type);
    if (type.kind !== 'struct') return bad(`its definition is a ${type.kind}, not a struct`);
    if (type.sizeBytes > entry.sizeBytes) return bad('invalid definition size');
    const definition = readDefinition(btf, type, context.options.relaxed !== true, bad, false);
    const initial = readInitial(context, code, definition, entry, relocations, bad);
    return {
      spec: toSpec(name, definition, initial, bad),
      sectionIndex: section.index,
      offset: entry.offset,
      kind: 'map',
    };
  });
}

type Bad = (message: string) => never;

function readDefinition(
  btf: Btf,
  struct: BtfStruct,
  strict: boolean,
  bad: Bad,
  isInner: boolean,
): Definition {
  const definition: Definition = {
    typeNumber: 0,
    keySizeBytes: 0,
    valueSizeBytes: 0,
    keyTypeId: 0,
    valueTypeId: 0,
    maxEntries: 0,
    flags: 0,
    mapExtra: 0n,
    pinning: 'none',
  };
  const setSize = (which: 'key' | 'value', sizeBytes: number): void => {
    const field = which === 'key' ? 'keySizeBytes' : 'valueSizeBytes';
    if (definition[field] !== 0 && definition[field] !== sizeBytes) {
      bad(`conflicting ${which} size ${definition[field]} != ${sizeBytes}`);
    }
    definition[field] = sizeBytes;
  };
  const setType = (which: 'key' | 'value', member: BtfMember): void => {
    const pointer = typeById(btf, member.type);
    if (pointer.kind !== 'ptr') return bad(`${which} spec is not PTR: ${pointer.kind}`);
    const sizeBytes = sizeOfType(btf, pointer.type);
    if (sizeBytes === undefined) return bad(`cannot determine the ${which} size of type ${pointer.type}`);
    setSize(which, sizeBytes);
    definition[which === 'key' ? 'keyTypeId' : 'valueTypeId'] = pointer.type;
  };
  const last = struct.members.length - 1;
  struct.members.forEach((member, position) => {
    const number = (): number => memberNumber(btf, member, bad);
    switch (member.name) {
      case 'type':
        definition.typeNumber = number();
        break;
      case 'max_entries':
        definition.maxEntries = number();
        break;
      case 'map_flags':
        definition.flags = number();
        break;
      case 'numa_node':
        number();
        break;
      case 'key_size':
        setSize('key', number());
        break;
      case 'value_size':
        setSize('value', number());
        break;
      case 'key':
        setType('key', member);
        break;
      case 'value':
        setType('value', member);
        break;
      case 'values':
        if (isInner) bad('multi-level inner maps are not supported');
        if (position !== last) bad(`member 'values' should be last`);
        readValues(btf, member, definition, strict, bad);
        break;
      case 'pinning': {
        if (isInner) bad('an inner definition cannot be pinned');
        const pinning = number();
        if (strict && pinning > 1) bad(`invalid pinning value ${pinning}`);
        definition.pinning = pinning === 1 ? 'byName' : 'none';
        break;
      }
      case 'map_extra':
        definition.mapExtra = memberLong(btf, member, bad);
        break;
      default:
        if (strict) bad(`unknown field '${member.name}'`);
    }
  });
  if (definition.typeNumber === 0) bad(`map type isn't specified`);
  return definition;
}

/** `__uint(name, N)`: a pointer to an array of N. */
function memberNumber(btf: Btf, member: BtfMember, bad: Bad): number {
  const pointer = resolvedType(btf, member.type);
  if (pointer.kind !== 'ptr') return bad(`attribute '${member.name}': expected PTR, got ${pointer.kind}`);
  const array = typeById(btf, pointer.type);
  if (array.kind !== 'array') return bad(`attribute '${member.name}': expected ARRAY, got ${array.kind}`);
  return array.count;
}

/** `__ulong(name, N)`: the only enumerator of an enum; `__uint` is taken as well. */
function memberLong(btf: Btf, member: BtfMember, bad: Bad): bigint {
  const type = resolvedType(btf, member.type);
  if (type.kind === 'ptr') return BigInt(memberNumber(btf, member, bad));
  if (type.kind !== 'enum')
    return bad(`attribute '${member.name}': expected ENUM or ENUM64, got ${type.kind}`);
  if (type.values.length !== 1) return bad(`attribute '${member.name}': invalid __ulong`);
  return BigInt.asUintN(64, type.values[0].value);
}

/** `__array(values, …)`: the template of inner maps, or room for programs. */
function readValues(btf: Btf, member: BtfMember, definition: Definition, strict: boolean, bad: Bad): void {
  const typeName = MAP_TYPE_NAMES[definition.typeNumber] ?? '';
  const isMapInMap = MAP_IN_MAP.has(typeName);
  const isProgArray = typeName === 'BPF_MAP_TYPE_PROG_ARRAY';
  if (!isMapInMap && !isProgArray) bad(`has 'values': it should be map-in-map or prog-array`);
  if (definition.valueSizeBytes !== 0 && definition.valueSizeBytes !== 4) {
    bad(`conflicting value size ${definition.valueSizeBytes} != 4`);
  }
  definition.valueSizeBytes = 4;
  definition.valuesOffset = member.offsetBits / 8;
  const array = typeById(btf, member.type);
  if (array.kind !== 'array' || array.count !== 0) bad(`the spec of 'values' is not a zero-sized array`);
  const pointer = resolvedType(btf, (array as { type: number }).type);
  if (pointer.kind !== 'ptr') return bad(`'values' is of unexpected kind ${pointer.kind}`);
  const target = resolvedType(btf, pointer.type);
  if (isProgArray) {
    if (target.kind !== 'funcProto') bad(`the prog-array's value is of unexpected kind ${target.kind}`);
    return;
  }
  if (target.kind !== 'struct') return bad(`the inner map definition is of unexpected kind ${target.kind}`);
  const inner = readDefinition(btf, target, strict, (message) => bad(`inner map: ${message}`), true);
  definition.inner = toSpec('', inner, [], bad);
}

function toSpec(name: string, definition: Definition, initial: MapSpec['initial'], bad: Bad): MapSpec {
  const type = MAP_TYPE_NAMES[definition.typeNumber];
  if (type === undefined) return bad(`unknown map type ${definition.typeNumber}`);
  return {
    name,
    type,
    keySizeBytes: definition.keySizeBytes,
    valueSizeBytes: definition.valueSizeBytes,
    maxEntries: RING_BUFFERS.has(type) ? ringSize(definition.maxEntries) : definition.maxEntries,
    flags: definition.flags,
    keyTypeId: definition.keyTypeId,
    valueTypeId: definition.valueTypeId,
    inner: definition.inner === undefined ? undefined : { ...definition.inner, name: `${name}.inner` },
    initial,
    frozen: false,
    pinning: definition.pinning,
    mapExtra: definition.mapExtra,
  };
}

/** Ring buffers are rounded up to a power of two of pages, as libbpf does for the user; 0 stays an error. */
function ringSize(sizeBytes: number): number {
  if (sizeBytes === 0) return 0;
  for (let size = PAGE_SIZE_BYTES; size <= 0x8000_0000; size *= 2) if (size >= sizeBytes) return size;
  return sizeBytes;
}

function readInitial(
  context: LoadContext,
  code: Code,
  definition: Definition,
  entry: { readonly offset: number; readonly sizeBytes: number },
  relocations: readonly ElfRelocation[],
  bad: Bad,
): MapSpec['initial'] {
  const typeName = MAP_TYPE_NAMES[definition.typeNumber] ?? '';
  const mine = relocations.filter(
    ({ offset }) => offset >= entry.offset && offset + 8 <= entry.offset + entry.sizeBytes,
  );
  return mine.map((relocation) => {
    const { symbol } = relocation;
    if (definition.valuesOffset === undefined) return bad(`it is initialised, but has no 'values'`);
    const at = relocation.offset - entry.offset - definition.valuesOffset;
    if (at < 0 || at % 8 !== 0)
      return bad(`initialiser at offset ${relocation.offset} is not a pointer in 'values'`);
    if (typeName === 'BPF_MAP_TYPE_PROG_ARRAY') {
      const program = code.programs.find(
        (candidate) => candidate.name === symbol.name && candidate.section.section.index === symbol.section,
      );
      if (program === undefined) return bad(`'${symbol.name}' isn't an entry-point program`);
      return { index: at / 8, kind: 'program', name: symbol.name };
    }
    if (!MAP_IN_MAP.has(typeName)) return bad('only map-in-map and prog-array can be initialised');
    if (
      symbol.section >= SHN.loReserve ||
      context.elf.sections[symbol.section].name !== '.maps' ||
      symbol.type === STT.section
    ) {
      return bad(`'${symbol.name}' isn't a BTF-defined map`);
    }
    if (typeName === 'BPF_MAP_TYPE_HASH_OF_MAPS' && definition.keySizeBytes !== 4) {
      return bad('an initialised hash-of-maps should have key size 4');
    }
    return { index: at / 8, kind: 'map', name: symbol.name };
  });
}
