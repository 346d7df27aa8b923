/**
 * Reads a `.BTF` section or /sys/kernel/btf/vmlinux (either byte order) into plain data.
 *
 * Whatever comes out can be walked without further checks: every type id exists, and no type contains itself by value
 * or refers to itself through pointers and modifiers alone. Kernel BTF has more than 100 000 types, so each type is read
 * once, names are decoded once per string, and nothing is indexed here (see `query.ts`).
 */
import { ByteReader } from '../util/byteReader';
import { FormatError, parseWith, type Result } from '../util/problem';
import { renumbered } from './renumber';
import type { Btf, BtfMember, BtfType } from './types';

const MAGIC = 0xeb9f;
const VOID: BtfType = { kind: 'void', name: '' };
/** Types nested by value deeper than this are refused; recursion over types is safe below it. */
const MAX_DEPTH = 256;

/** What stands before the types: where the parts lie and in which byte order. */
export interface BtfLayout {
  readonly littleEndian: boolean;
  readonly typeOffset: number;
  readonly typeSizeBytes: number;
  readonly stringOffset: number;
  readonly stringSizeBytes: number;
}

/** @param file is only used in problems. */
export function readBtf(file: string, bytes: Uint8Array): Result<Btf> {
  return parseWith(
    file,
    () => parseBtf(bytes),
    'The BTF is damaged or from a newer compiler: compile the object again, or give other BTF with --btf.',
  );
}

/**
 * A kernel's types with those of its modules behind them. A module's BTF goes on where the kernel's ends, in type ids and in
 * string offsets, so each is renumbered to follow the one before it.
 */
export function readBtfWithModules(
  file: string,
  vmlinux: Uint8Array,
  modules: readonly Uint8Array[],
): Result<Btf> {
  return parseWith(
    file,
    () => {
      const base = parseBtf(vmlinux);
      const strings = readBtfStrings(vmlinux);
      const types = [...base.types];
      for (const bytes of modules) {
        const layout = readBtfLayout(bytes, 'BTF');
        const own = readTypes(bytes, layout, new BtfStrings(bytes, layout, strings));
        const shift = types.length - base.types.length;
        const at = (id: number): number => (id < base.types.length ? id : id + shift);
        for (let i = 1; i < own.length; i++) types.push(renumbered(own[i], at));
      }
      checkIds(types);
      checkCycles(types);
      return { types, modulesFrom: base.types.length };
    },
    'The BTF of a module does not belong to that of the kernel.',
  );
}

/** As `readBtf`, but throws `FormatError`; for parsers that are inside one already. */
export function parseBtf(bytes: Uint8Array): Btf {
  const layout = readBtfLayout(bytes, 'BTF');
  const strings = new BtfStrings(bytes, layout);
  const types = readTypes(bytes, layout, strings);
  checkIds(types);
  checkCycles(types);
  return { types };
}

/** Common to `.BTF` and `.BTF.ext`: magic, version and header length; leaves the reader behind the flags. */
export function openBtfHeader(bytes: Uint8Array, format: string): { reader: ByteReader; headerSize: number } {
  if (bytes.length < 8) throw new FormatError(format, `truncated: ${bytes.length} bytes`, 0);
  const first = bytes[0] | (bytes[1] << 8);
  const littleEndian = first === MAGIC;
  if (!littleEndian && ((first >> 8) | ((first & 0xff) << 8)) !== MAGIC) {
    throw new FormatError(format, `wrong magic number 0x${first.toString(16)}`, 0);
  }
  const reader = new ByteReader(bytes, format, littleEndian);
  reader.skip(2);
  const version = reader.u8();
  if (version !== 1) throw new FormatError(format, `unknown version ${version}`, 2);
  reader.skip(1);
  const headerSize = reader.u32();
  if (headerSize < 24 || headerSize > bytes.length) {
    throw new FormatError(format, `header of ${headerSize} bytes`, 4);
  }
  return { reader, headerSize };
}

function readBtfLayout(bytes: Uint8Array, format: string): BtfLayout {
  const { reader, headerSize } = openBtfHeader(bytes, format);
  const part = (): { offset: number; sizeBytes: number } => {
    const at = reader.offset;
    const offset = headerSize + reader.u32();
    const sizeBytes = reader.u32();
    if (offset + sizeBytes > bytes.length) {
      throw new FormatError(
        format,
        `a part of ${sizeBytes} bytes at ${offset} lies outside ${bytes.length} bytes`,
        at,
      );
    }
    return { offset, sizeBytes };
  };
  const types = part();
  const strings = part();
  if (strings.sizeBytes > 0 && bytes[strings.offset + strings.sizeBytes - 1] !== 0) {
    throw new FormatError(format, 'the strings do not end with a zero byte', strings.offset);
  }
  return {
    littleEndian: reader.littleEndian,
    typeOffset: types.offset,
    typeSizeBytes: types.sizeBytes,
    stringOffset: strings.offset,
    stringSizeBytes: strings.sizeBytes,
  };
}

/** The string section. Decoded strings are kept: kernel BTF uses each name many times. */
export class BtfStrings {
  private readonly reader: ByteReader;
  private readonly known = new Map<number, string>([[0, '']]);

  /** @param base strings that come before these, for the BTF of a kernel module. */
  constructor(
    bytes: Uint8Array,
    layout: BtfLayout,
    private readonly base?: BtfStrings,
  ) {
    const { stringOffset, stringSizeBytes } = layout;
    this.reader = new ByteReader(
      bytes.subarray(stringOffset, stringOffset + stringSizeBytes),
      'BTF',
      layout.littleEndian,
      stringOffset,
    );
  }

  get sizeBytes(): number {
    return this.reader.length;
  }

  at(globalOffset: number): string {
    const baseSizeBytes = this.base?.sizeBytes ?? 0;
    if (this.base !== undefined && globalOffset < baseSizeBytes) return this.base.at(globalOffset);
    const offset = globalOffset - baseSizeBytes;
    let text = this.known.get(offset);
    if (text === undefined) {
      if (offset >= this.reader.length) {
        throw new FormatError(
          'BTF',
          `string offset ${offset} lies outside ${this.reader.length} bytes of strings`,
          this.reader.base,
        );
      }
      text = shortAscii(this.reader.bytes, offset) ?? this.reader.cStringAt(offset);
      this.known.set(offset, text);
    }
    return text;
  }
}

/** Nearly all names; one call makes a flat string at once, where decoding byte by byte makes a chain of pieces. */
function shortAscii(bytes: Uint8Array, offset: number): string | undefined {
  let end = offset;
  const limit = Math.min(bytes.length, offset + 64);
  while (end < limit && bytes[end] !== 0) {
    if (bytes[end] >= 0x80) return undefined;
    end++;
  }
  if (end === limit) return undefined;
  return String.fromCharCode.apply(null, bytes.subarray(offset, end) as unknown as number[]);
}

/** Only the strings of a `.BTF` section, which `.BTF.ext` refers to. */
export const readBtfStrings = (bytes: Uint8Array): BtfStrings =>
  new BtfStrings(bytes, readBtfLayout(bytes, 'BTF'));

function readTypes(bytes: Uint8Array, layout: BtfLayout, strings: BtfStrings): BtfType[] {
  const { typeOffset, typeSizeBytes } = layout;
  const reader = new ByteReader(
    bytes.subarray(typeOffset, typeOffset + typeSizeBytes),
    'BTF',
    layout.littleEndian,
    typeOffset,
  );
  const types: BtfType[] = [VOID];
  while (!reader.atEnd) {
    const at = typeOffset + reader.offset;
    const name = strings.at(reader.u32());
    const info = reader.u32();
    const sizeOrType = reader.u32();
    const read = READERS[(info >>> 24) & 0x1f];
    if (read === undefined) {
      throw new FormatError('BTF', `type ${types.length} has unknown kind ${(info >>> 24) & 0x1f}`, at);
    }
    types.push(
      read({ reader, strings, name, count: info & 0xffff, flag: info >>> 31 !== 0, sizeOrType, at }),
    );
  }
  return types;
}

interface TypeHead {
  readonly reader: ByteReader;
  readonly strings: BtfStrings;
  readonly name: string;
  readonly count: number;
  readonly flag: boolean;
  readonly sizeOrType: number;
  readonly at: number;
}

type TypeReader = (head: TypeHead) => BtfType;

const LINKAGES = ['static', 'global', 'extern'] as const;

function linkageOf(number: number, at: number): 'static' | 'global' | 'extern' {
  const linkage = LINKAGES[number];
  if (linkage === undefined) throw new FormatError('BTF', `unknown linkage ${number}`, at);
  return linkage;
}

const INT_BITS_MAX = 128;

const readInt: TypeReader = ({ reader, name, sizeOrType, at }) => {
  const word = reader.u32();
  const bits = word & 0xff;
  const bitOffset = (word >>> 16) & 0xff;
  if (bits + bitOffset > INT_BITS_MAX || bits + bitOffset > 8 * sizeOrType) {
    throw new FormatError('BTF', `integer '${name}' of ${bits} bits in ${sizeOrType} bytes`, at);
  }
  const encoding = (word >>> 24) & 0xf;
  return {
    kind: 'int',
    name,
    sizeBytes: sizeOrType,
    bits,
    bitOffset,
    encoding:
      (encoding & 4) !== 0
        ? 'bool'
        : (encoding & 2) !== 0
          ? 'char'
          : (encoding & 1) !== 0
            ? 'signed'
            : 'unsigned',
  };
};

const composite =
  (kind: 'struct' | 'union'): TypeReader =>
  ({ reader, strings, name, count, flag, sizeOrType, at }) => {
    const members: BtfMember[] = [];
    for (let i = 0; i < count; i++) {
      const memberName = strings.at(reader.u32());
      const type = reader.u32();
      const offset = reader.u32();
      const offsetBits = flag ? offset & 0xff_ffff : offset;
      if (offsetBits > sizeOrType * 8) {
        throw new FormatError('BTF', `member '${memberName}' lies outside ${kind} '${name}'`, at);
      }
      members.push({ name: memberName, type, offsetBits, bitfieldSizeBits: flag ? offset >>> 24 : 0 });
    }
    return { kind, name, sizeBytes: sizeOrType, members };
  };

/** An enum that is only declared has no size and no values. */
const readEnum: TypeReader = ({ reader, strings, name, count, flag, sizeOrType, at }) => {
  if (![1, 2, 4, 8].includes(sizeOrType) && !(sizeOrType === 0 && count === 0))
    throw new FormatError('BTF', `enum '${name}' of ${sizeOrType} bytes`, at);
  const values = [];
  for (let i = 0; i < count; i++) {
    const valueName = strings.at(reader.u32());
    values.push({ name: valueName, value: BigInt(flag ? reader.i32() : reader.u32()) });
  }
  return { kind: 'enum', name, sizeBytes: sizeOrType, signed: flag, values };
};

const readEnum64: TypeReader = ({ reader, strings, name, count, flag, sizeOrType, at }) => {
  if (![1, 2, 4, 8].includes(sizeOrType) && !(sizeOrType === 0 && count === 0))
    throw new FormatError('BTF', `enum '${name}' of ${sizeOrType} bytes`, at);
  const values = [];
  for (let i = 0; i < count; i++) {
    const valueName = strings.at(reader.u32());
    const lo = BigInt(reader.u32());
    const all = (BigInt(reader.u32()) << 32n) | lo;
    values.push({ name: valueName, value: flag ? BigInt.asIntN(64, all) : all });
  }
  return { kind: 'enum', name, sizeBytes: sizeOrType, signed: flag, values };
};

const modifier =
  (kind: 'typedef' | 'volatile' | 'const' | 'restrict' | 'typeTag'): TypeReader =>
  ({ name, sizeOrType }) => ({ kind, name, type: sizeOrType });

/** By kind number of the format. */
const READERS: readonly (TypeReader | undefined)[] = [
  undefined,
  readInt,
  ({ sizeOrType }) => ({ kind: 'ptr', name: '', type: sizeOrType }),
  ({ reader }) => ({
    kind: 'array',
    name: '',
    type: reader.u32(),
    indexType: reader.u32(),
    count: reader.u32(),
  }),
  composite('struct'),
  composite('union'),
  readEnum,
  ({ name, flag }) => ({ kind: 'fwd', name, of: flag ? 'union' : 'struct' }),
  modifier('typedef'),
  modifier('volatile'),
  modifier('const'),
  modifier('restrict'),
  ({ name, sizeOrType, count, at }) => ({
    kind: 'func',
    name,
    type: sizeOrType,
    linkage: linkageOf(count, at),
  }),
  ({ reader, strings, count, sizeOrType }) => {
    const params = [];
    for (let i = 0; i < count; i++) params.push({ name: strings.at(reader.u32()), type: reader.u32() });
    return { kind: 'funcProto', name: '', returnType: sizeOrType, params };
  },
  ({ reader, name, sizeOrType, at }) => ({
    kind: 'var',
    name,
    type: sizeOrType,
    linkage: linkageOf(reader.u32(), at),
  }),
  ({ reader, name, count, sizeOrType }) => {
    const vars = [];
    for (let i = 0; i < count; i++)
      vars.push({ type: reader.u32(), offset: reader.u32(), sizeBytes: reader.u32() });
    return { kind: 'datasec', name, sizeBytes: sizeOrType, vars };
  },
  ({ name, sizeOrType, at }) => {
    if (![2, 4, 8, 12, 16].includes(sizeOrType))
      throw new FormatError('BTF', `float '${name}' of ${sizeOrType} bytes`, at);
    return { kind: 'float', name, sizeBytes: sizeOrType };
  },
  ({ reader, name, sizeOrType }) => ({
    kind: 'declTag',
    name,
    type: sizeOrType,
    componentIndex: reader.i32(),
  }),
  modifier('typeTag'),
  readEnum64,
];

function checkIds(types: readonly BtfType[]): void {
  const known = (owner: number, id: number): BtfType => {
    const type = types[id];
    if (type === undefined) {
      throw new FormatError(
        'BTF',
        `type ${owner} refers to type ${id}, but there are only ${types.length} types`,
      );
    }
    return type;
  };
  /** Something that values can have: no variable, function, section or tag. */
  const value = (owner: number, id: number): void => {
    const { kind } = known(owner, id);
    if (kind === 'var' || kind === 'func' || kind === 'datasec' || kind === 'declTag') {
      throw new FormatError(
        'BTF',
        `type ${owner} refers to type ${id}, which is a ${kind} and no type of a value`,
      );
    }
  };
  for (let id = 1; id < types.length; id++) {
    const type = types[id];
    switch (type.kind) {
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'typeTag':
      case 'var':
        value(id, type.type);
        break;
      case 'declTag':
        known(id, type.type);
        break;
      case 'func':
        if (known(id, type.type).kind !== 'funcProto') {
          throw new FormatError('BTF', `function '${type.name}' (type ${id}) has no prototype`);
        }
        break;
      case 'array':
        value(id, type.type);
        value(id, type.indexType);
        break;
      case 'struct':
      case 'union':
        for (const member of type.members) value(id, member.type);
        break;
      case 'funcProto':
        value(id, type.returnType);
        for (const param of type.params) value(id, param.type);
        break;
      case 'datasec':
        for (const entry of type.vars) {
          const { kind } = known(id, entry.type);
          if (kind !== 'var' && kind !== 'func') {
            throw new FormatError(
              'BTF',
              `section '${type.name}' (type ${id}) holds type ${entry.type}, a ${kind}`,
            );
          }
        }
        break;
      case 'void':
      case 'int':
      case 'enum':
      case 'fwd':
      case 'float':
        break;
    }
  }
}

/** The type that `type` is made of without an indirection through a struct, or -1. */
function chainNext(type: BtfType): number {
  switch (type.kind) {
    case 'ptr':
    case 'array':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'typeTag':
    case 'var':
    case 'declTag':
    case 'func':
      return type.type;
    default:
      return -1;
  }
}

/**
 * Refuses endless types. Two walks, both linear: along chains of pointers, arrays and modifiers (where each type has
 * one successor), and down structs by value.
 */
function checkCycles(types: readonly BtfType[]): void {
  const done = new Uint8Array(types.length);
  const chain: number[] = [];
  for (let start = 1; start < types.length; start++) {
    let id = start;
    while (id > 0 && done[id] === 0) {
      done[id] = 1;
      chain.push(id);
      id = chainNext(types[id]);
    }
    if (id > 0 && done[id] === 1) throw new FormatError('BTF', `type ${id} refers to itself`);
    for (const member of chain) done[member] = 2;
    chain.length = 0;
  }
  // depth[id]: 0 unknown, 255-bounded depth of values inside values once known; -1 while on the walk.
  const depth = new Int16Array(types.length);
  const visit = (root: number): void => {
    const stack: { id: number; next: number; parts: readonly number[] }[] = [];
    const enter = (id: number): void => {
      if (depth[id] > 0) return;
      if (depth[id] < 0) throw new FormatError('BTF', `type ${id} contains itself`);
      depth[id] = -1;
      stack.push({ id, next: 0, parts: valueParts(types[id]) });
      if (stack.length > MAX_DEPTH) throw new FormatError('BTF', `type ${root} is nested too deeply`);
    };
    enter(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.next < top.parts.length) {
        enter(top.parts[top.next++]);
      } else {
        let deepest = 0;
        for (const part of top.parts) deepest = Math.max(deepest, depth[part]);
        if (deepest >= MAX_DEPTH) throw new FormatError('BTF', `type ${root} is nested too deeply`);
        depth[top.id] = deepest + 1;
        stack.pop();
      }
    }
  };
  for (let id = 1; id < types.length; id++) {
    const kind = types[id].kind;
    if (kind === 'struct' || kind === 'union' || kind === 'array') visit(id);
  }
}

const NO_PARTS: readonly number[] = [];

function valueParts(type: BtfType): readonly number[] {
  switch (type.kind) {
    case 'struct':
    case 'union':
      return type.members.map((member) => member.type).filter((id) => id !== 0);
    case 'array':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'typeTag':
      return type.type === 0 ? NO_PARTS : [type.type];
    default:
      return NO_PARTS;
  }
}
