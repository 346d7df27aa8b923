/**
 * Bytes to typed values for people: map views, hovers, JSON. The reverse is in `valueText.ts`.
 *
 * A tree is made only as wide as asked for: a map value may be an array of millions. What was left out is said.
 */
import { resolvedType, sizeOfType, typeById } from './query';
import { typeName } from './typeNames';
import type { Btf, BtfMember, BtfType } from './types';

export interface BtfValue {
  /** Member or element name: `count`, `[3]`; '' for the whole. */
  readonly name: string;
  /** C spelling: `struct beat`. */
  readonly type: string;
  readonly typeId: number;
  /** One line: `42`, `{count = 42, timer = {…}}`, `"eth0"`. */
  readonly text: string;
  readonly children: readonly BtfValue[];
  /** Bytes from the start of the outermost value. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** Of a number, enum or pointer. */
  readonly value?: bigint;
  /** Elements that stand in the bytes but not in `children`. */
  readonly omitted?: number;
}

export interface ValueOptions {
  /** Byte order of the bytes; default little endian. */
  readonly littleEndian?: boolean;
  /** Most elements shown of one array; default 100. */
  readonly maxElements?: number;
  readonly name?: string;
}

const MAX_SUMMARY = 120;
/** Bounds the whole tree, however arrays and structs are nested. */
const MAX_NODES = 20_000;

/** The value of that type in `bytes` (from their start; too few bytes are shown as such, never an error). */
export function readValue(btf: Btf, typeId: number, bytes: Uint8Array, options: ValueOptions = {}): BtfValue {
  const reader = new ValueReader(btf, bytes, options.littleEndian !== false, options.maxElements ?? 100);
  return reader.read(options.name ?? '', typeId, 0);
}

/**
 * `bits` bits that begin `offsetBits` after the start, as BTF counts them: from the least significant bit of each byte
 * in little-endian objects, from the most significant one in big-endian ones.
 */
export function readBits(bytes: Uint8Array, offsetBits: number, bits: number, littleEndian: boolean): bigint {
  const first = Math.floor(offsetBits / 8);
  const last = Math.floor((offsetBits + bits - 1) / 8);
  const skip = BigInt(offsetBits % 8);
  let all = 0n;
  for (let i = first; i <= last; i++) {
    const byte = BigInt(bytes[i] ?? 0);
    all = littleEndian ? all | (byte << BigInt(8 * (i - first))) : (all << 8n) | byte;
  }
  const shift = littleEndian ? skip : BigInt(8 * (last - first + 1) - bits) - skip;
  return BigInt.asUintN(bits, all >> shift);
}

/** Writes what `readBits` reads. */
export function writeBits(
  bytes: Uint8Array,
  offsetBits: number,
  bits: number,
  littleEndian: boolean,
  value: bigint,
): void {
  for (let i = 0; i < bits; i++) {
    const at = offsetBits + (littleEndian ? i : bits - 1 - i);
    const mask = littleEndian ? 1 << (at % 8) : 0x80 >> (at % 8);
    const index = Math.floor(at / 8);
    if (((value >> BigInt(i)) & 1n) !== 0n) bytes[index] |= mask;
    else bytes[index] &= ~mask;
  }
}

/** Where a member's bits lie, whichever of BTF's two ways of writing bit-fields is used; undefined for ordinary members. */
export function bitfieldOf(
  btf: Btf,
  member: BtfMember,
): { readonly offsetBits: number; readonly bits: number } | undefined {
  if (member.bitfieldSizeBits !== 0) return { offsetBits: member.offsetBits, bits: member.bitfieldSizeBits };
  const type = resolvedType(btf, member.type);
  if (type.kind === 'int' && (type.bits !== 8 * type.sizeBytes || type.bitOffset !== 0)) {
    return { offsetBits: member.offsetBits + type.bitOffset, bits: type.bits };
  }
  return member.offsetBits % 8 === 0 || type.kind !== 'int'
    ? undefined
    : { offsetBits: member.offsetBits, bits: type.bits };
}

/** Whether arrays of this type are shown as text. */
export const isCharType = (type: BtfType): boolean =>
  type.kind === 'int' && type.sizeBytes === 1 && (type.name === 'char' || type.encoding === 'char');

class ValueReader {
  private nodes = 0;

  constructor(
    private readonly btf: Btf,
    private readonly bytes: Uint8Array,
    private readonly littleEndian: boolean,
    private readonly maxElements: number,
  ) {}

  read(name: string, typeId: number, offset: number): BtfValue {
    this.nodes++;
    const { btf } = this;
    const type = resolvedType(btf, typeId);
    const sizeBytes = sizeOfType(btf, typeId) ?? 0;
    const head = { name, type: typeName(btf, typeId), typeId, offset, sizeBytes, children: [] as BtfValue[] };
    if (offset + sizeBytes > this.bytes.length) return { ...head, text: `<needs ${sizeBytes} bytes>` };
    switch (type.kind) {
      case 'int':
      case 'enum':
      case 'ptr': {
        const bits = type.kind === 'int' ? type.bits : 8 * sizeBytes;
        const skip = type.kind === 'int' ? type.bitOffset : 0;
        const raw = readBits(this.bytes, 8 * offset + skip, bits, this.littleEndian);
        return { ...head, ...scalar(type, raw, bits) };
      }
      case 'float':
        return { ...head, text: this.float(offset, sizeBytes) };
      case 'struct':
      case 'union': {
        const children: BtfValue[] = [];
        for (const member of type.members) {
          if (this.nodes >= MAX_NODES) break;
          children.push(this.member(member, offset));
        }
        return {
          ...head,
          children,
          omitted: type.members.length - children.length || undefined,
          text: summary(children, true, false),
        };
      }
      case 'datasec': {
        const children: BtfValue[] = [];
        for (const entry of type.vars) {
          if (this.nodes >= MAX_NODES) break;
          children.push(this.read(typeById(btf, entry.type).name, entry.type, offset + entry.offset));
        }
        return { ...head, type: type.name, children, text: summary(children, true, false) };
      }
      case 'array':
        return this.array(head, type, offset);
      case 'var':
        return { ...this.read(name, type.type, offset), typeId };
      default:
        return { ...head, text: type.kind === 'void' ? '' : `<${type.kind}>` };
    }
  }

  private member(member: BtfMember, base: number): BtfValue {
    const field = bitfieldOf(this.btf, member);
    if (field === undefined) return this.read(member.name, member.type, base + member.offsetBits / 8);
    this.nodes++;
    const type = resolvedType(this.btf, member.type);
    const offsetBits = 8 * base + field.offsetBits;
    const raw = readBits(this.bytes, offsetBits, field.bits, this.littleEndian);
    return {
      name: member.name,
      type: `${typeName(this.btf, member.type)} : ${field.bits}`,
      typeId: member.type,
      offset: Math.floor(offsetBits / 8),
      sizeBytes: Math.floor((offsetBits + field.bits - 1) / 8) - Math.floor(offsetBits / 8) + 1,
      children: [],
      ...scalar(type, raw, field.bits),
    };
  }

  private array(
    head: Omit<BtfValue, 'text'>,
    type: Extract<BtfType, { kind: 'array' }>,
    offset: number,
  ): BtfValue {
    const element = resolvedType(this.btf, type.type);
    const elementSize = sizeOfType(this.btf, type.type) ?? 0;
    if (isCharType(element)) {
      const text = cStringText(this.bytes.subarray(offset, offset + type.count));
      if (text !== undefined) return { ...head, text };
    }
    const children: BtfValue[] = [];
    const shown = Math.min(type.count, this.maxElements);
    for (let i = 0; i < shown && this.nodes < MAX_NODES; i++) {
      children.push(this.read(`[${i}]`, type.type, offset + i * elementSize));
    }
    const omitted = type.count - children.length;
    return { ...head, children, omitted: omitted || undefined, text: summary(children, false, omitted > 0) };
  }

  private float(offset: number, sizeBytes: number): string {
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + offset, sizeBytes);
    if (sizeBytes === 4) return String(view.getFloat32(0, this.littleEndian));
    if (sizeBytes === 8) return String(view.getFloat64(0, this.littleEndian));
    return `<${sizeBytes}-byte float>`;
  }
}

function scalar(type: BtfType, raw: bigint, bits: number): { text: string; value: bigint } {
  switch (type.kind) {
    case 'ptr':
      return { text: raw === 0n ? 'NULL' : `0x${raw.toString(16)}`, value: raw };
    case 'enum': {
      const value = type.signed ? BigInt.asIntN(bits, raw) : raw;
      const known = type.values.find((entry) => entry.value === value);
      return { text: known === undefined ? String(value) : known.name, value };
    }
    case 'int': {
      if (type.encoding === 'bool') {
        return { text: raw === 0n ? 'false' : raw === 1n ? 'true' : String(raw), value: raw };
      }
      const signed =
        type.encoding === 'signed' || (type.encoding === 'char' && !type.name.includes('unsigned'));
      const value = signed ? BigInt.asIntN(bits, raw) : raw;
      if (isCharType(type) && raw >= 0x20n && raw < 0x7fn) {
        return { text: `${value} '${String.fromCharCode(Number(raw))}'`, value };
      }
      return { text: String(value), value };
    }
    default:
      return { text: String(raw), value: raw };
  }
}

function summary(children: readonly BtfValue[], named: boolean, more: boolean): string {
  let text = '';
  for (const child of children) {
    const part = named && child.name !== '' ? `${child.name} = ${child.text}` : child.text;
    if (text.length + part.length > MAX_SUMMARY) {
      more = true;
      break;
    }
    text += (text === '' ? '' : ', ') + part;
  }
  return `{${text}${more ? (text === '' ? '…' : ', …') : ''}}`;
}

/** A char array as a C string literal; undefined when it does not look like text (then it is shown as numbers). */
function cStringText(bytes: Uint8Array): string | undefined {
  let end = bytes.indexOf(0);
  if (end < 0) end = bytes.length;
  for (let i = end; i < bytes.length; i++) if (bytes[i] !== 0) return undefined;
  let text = '';
  for (const byte of bytes.subarray(0, Math.min(end, 200))) {
    if (byte === 0x22 || byte === 0x5c) text += '\\' + String.fromCharCode(byte);
    else if (byte === 0x0a) text += '\\n';
    else if (byte === 0x09) text += '\\t';
    else if (byte < 0x20 || byte >= 0x7f) text += '\\x' + byte.toString(16).padStart(2, '0');
    else text += String.fromCharCode(byte);
  }
  return `"${text}"${end > 200 ? '…' : ''}`;
}
