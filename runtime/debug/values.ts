/**
 * Typed values at a stop: where they are, what they read as, what they contain. A value never copies what it can read
 * again, so a tree of them is as lazy as the views that show it.
 *
 * A value that cannot be read says why ("optimised out", "not readable memory"); nothing is ever shown as zero instead.
 */
import type { Btf, BtfMember } from '../btf/types';
import { resolvedType, resolveModifiers, sizeOfType, typeById } from '../btf/query';
import { CONTEXT_TAG, tagOf } from '../vm/addresses';
import { utf8Decode } from '../util/utf8';
import type { DebugTarget } from './target';
import { timerText } from './timers';
import { typeText } from './typeText';

export type Storage =
  | { readonly kind: 'memory'; readonly address: bigint }
  /** Little-endian bytes: a register's value, a map value, the result of a computation. */
  | {
      readonly kind: 'bytes';
      readonly bytes: Uint8Array;
      readonly offset: number;
      readonly register?: number;
    }
  | { readonly kind: 'absent'; readonly why: string };

export interface Value {
  readonly types: Btf;
  /** BTF id in `types`; 0 is void. */
  readonly type: number;
  readonly storage: Storage;
  /** Set for bit-fields: bits counted from the storage's first byte. */
  readonly bits?: { readonly offset: number; readonly size: number };
}

export interface FormatOptions {
  readonly hex: boolean;
}

const TEXT_MAX = 160;
const STRING_MAX = 256;
const SUMMARY_DEPTH = 2;

export const absent = (types: Btf, type: number, why: string): Value => ({
  types,
  type,
  storage: { kind: 'absent', why },
});

/** A value held in `sizeBytes` little-endian bytes. */
export function immediate(types: Btf, type: number, value: bigint, register?: number): Value {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return { types, type, storage: { kind: 'bytes', bytes, offset: 0, register } };
}

export const inMemory = (types: Btf, type: number, address: bigint): Value => ({
  types,
  type,
  storage: { kind: 'memory', address: BigInt.asUintN(64, address) },
});

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

const unreadable = (address: bigint): string => `not readable: no live memory at 0x${address.toString(16)}`;

/** Raw bytes of a value. */
export function readBytes(target: DebugTarget, value: Value, sizeBytes: number): Read<Uint8Array> {
  const { storage } = value;
  if (storage.kind === 'absent') return { ok: false, why: storage.why };
  if (storage.kind === 'bytes') {
    if (storage.offset + sizeBytes > storage.bytes.length)
      return { ok: false, why: 'not all of it is known' };
    return { ok: true, value: storage.bytes.subarray(storage.offset, storage.offset + sizeBytes) };
  }
  const bytes = target.readMemory(storage.address, sizeBytes);
  return bytes ? { ok: true, value: bytes } : { ok: false, why: unreadable(storage.address) };
}

/** Integers, enums, pointers, booleans as a signed or unsigned number according to the type. */
export function readScalar(target: DebugTarget, value: Value): Read<bigint> {
  const type = resolvedType(value.types, value.type);
  const sizeBytes = sizeOfType(value.types, value.type);
  if (sizeBytes === undefined || sizeBytes === 0 || sizeBytes > 16)
    return { ok: false, why: `a value of type ${typeText(value.types, value.type)} has no number` };
  const signed = (type.kind === 'int' && type.encoding === 'signed') || (type.kind === 'enum' && type.signed);
  const isChar = type.kind === 'int' && (type.encoding === 'char' || type.name === 'char');
  if (value.bits) {
    const firstByte = Math.floor(value.bits.offset / 8);
    const shift = value.bits.offset % 8;
    const read = readBytes(target, shifted(value, firstByte), Math.ceil((shift + value.bits.size) / 8));
    if (!read.ok) return read;
    const raw = (toUnsigned(read.value) >> BigInt(shift)) & ((1n << BigInt(value.bits.size)) - 1n);
    return { ok: true, value: signed ? BigInt.asIntN(value.bits.size, raw) : raw };
  }
  if (value.storage.kind === 'memory' && tagOf(value.storage.address) === CONTEXT_TAG) {
    const field = target.readContext(value.storage.address, sizeBytes);
    return field === undefined
      ? { ok: false, why: 'this field of the context cannot be read by programs of this type' }
      : { ok: true, value: field };
  }
  const read = readBytes(target, value, sizeBytes);
  if (!read.ok) return read;
  const raw = toUnsigned(read.value);
  return { ok: true, value: signed || isChar ? BigInt.asIntN(8 * sizeBytes, raw) : raw };
}

export function toUnsigned(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

/** The same storage some bytes further on. */
function shifted(value: Value, bytes: number): Value {
  const { storage } = value;
  if (storage.kind === 'memory')
    return { ...value, storage: { kind: 'memory', address: storage.address + BigInt(bytes) } };
  if (storage.kind === 'bytes') return { ...value, storage: { ...storage, offset: storage.offset + bytes } };
  return value;
}

/** A part of a value at a byte offset. */
export function part(value: Value, type: number, offsetBytes: number): Value {
  const { storage } = shifted(value, offsetBytes);
  return { types: value.types, type, storage };
}

function memberValue(value: Value, member: BtfMember): Value {
  if (member.bitfieldSizeBits > 0)
    return {
      types: value.types,
      type: member.type,
      storage: value.storage,
      bits: { offset: member.offsetBits, size: member.bitfieldSizeBits },
    };
  return part(value, member.type, member.offsetBits / 8);
}

/** A member by name, also inside anonymous structs and unions. */
export function memberOf(value: Value, name: string): Value | undefined {
  const type = resolvedType(value.types, value.type);
  if (type.kind !== 'struct' && type.kind !== 'union') return undefined;
  for (const member of type.members) if (member.name === name) return memberValue(value, member);
  for (const member of type.members) {
    if (member.name !== '') continue;
    const inner = memberOf(memberValue(value, member), name);
    if (inner) return inner;
  }
  return undefined;
}

export function elementOf(value: Value, index: number): Value | undefined {
  const type = resolvedType(value.types, value.type);
  const sizeBytes = type.kind === 'array' ? sizeOfType(value.types, type.type) : undefined;
  return type.kind === 'array' && sizeBytes !== undefined
    ? part(value, type.type, index * sizeBytes)
    : undefined;
}

/** What a pointer value points at; void pointers have no target. */
export function pointee(target: DebugTarget, value: Value): Value | undefined {
  const type = resolvedType(value.types, value.type);
  if (type.kind !== 'ptr') return undefined;
  const address = readScalar(target, value);
  if (!address.ok) return absent(value.types, type.type, address.why);
  return inMemory(value.types, type.type, address.value);
}

export const isAggregate = (value: Value): boolean =>
  ['struct', 'union', 'array'].includes(resolvedType(value.types, value.type).kind);

/** One line for a variables view or hover. */
export function formatValue(
  target: DebugTarget,
  value: Value,
  options: FormatOptions = { hex: false },
  depth = 0,
): string {
  if (value.storage.kind === 'absent') return `<${value.storage.why}>`;
  const type = resolvedType(value.types, value.type);
  switch (type.kind) {
    case 'int':
    case 'enum':
    case 'ptr': {
      const read = readScalar(target, value);
      return read.ok ? formatScalar(target, value, read.value, options) : `<${read.why}>`;
    }
    case 'float': {
      const read = readBytes(target, value, type.sizeBytes);
      if (!read.ok) return `<${read.why}>`;
      const view = new DataView(read.value.slice().buffer);
      return type.sizeBytes === 8 ? String(view.getFloat64(0, true)) : String(view.getFloat32(0, true));
    }
    case 'array': {
      const text = stringOf(target, value);
      if (text !== undefined) return text;
      if (depth >= SUMMARY_DEPTH) return '[…]';
      const parts: string[] = [];
      let length = 0;
      for (let i = 0; i < type.count && length < TEXT_MAX; i++) {
        const element = elementOf(value, i);
        const shown = element ? formatValue(target, element, options, depth + 1) : '?';
        if (i === 0 && shown.startsWith('<')) return shown;
        parts.push(shown);
        length += shown.length + 2;
      }
      return `[${parts.join(', ')}${parts.length < type.count ? ', …' : ''}]`;
    }
    case 'datasec':
    case 'struct':
    case 'union': {
      if (type.name === 'bpf_timer') return opaqueTimer(target, value);
      if (depth >= SUMMARY_DEPTH) return '{…}';
      const parts: string[] = [];
      let length = 0;
      for (const child of childrenOf(target, value)) {
        if (length >= TEXT_MAX) {
          parts.push('…');
          break;
        }
        const shown = formatValue(target, child.value, options, depth + 1);
        if (parts.length === 0 && shown.startsWith('<not readable')) return shown;
        parts.push(`${child.name} = ${shown}`);
        length += parts[parts.length - 1].length + 2;
      }
      return `{${parts.join(', ')}}`;
    }
    case 'funcProto':
    case 'func':
      return value.storage.kind === 'memory'
        ? (target.describeAddress(value.storage.address) ?? hex(value.storage.address))
        : '<function>';
    case 'void':
      return '<void>';
    case 'fwd':
      return `<struct ${type.name} is only declared>`;
    default:
      return `<${type.kind}>`;
  }
}

/** A `struct bpf_timer` reads as what its timer does: its bytes are the kernel's. */
function opaqueTimer(target: DebugTarget, value: Value): string {
  if (value.storage.kind !== 'memory') return '{…}';
  const timer = target.timerAt(value.storage.address);
  return timer ? `{${timerText(target.nowNs(), timer)}}` : '{not initialised}';
}

const hex = (value: bigint): string => '0x' + BigInt.asUintN(64, value).toString(16);

function formatScalar(target: DebugTarget, value: Value, number: bigint, options: FormatOptions): string {
  const type = resolvedType(value.types, value.type);
  const bits = BigInt(value.bits?.size ?? 8 * (sizeOfType(value.types, value.type) ?? 8));
  const unsigned = (): string => '0x' + BigInt.asUintN(Number(bits), number).toString(16);
  if (type.kind === 'enum') {
    const name = type.values.find((v) => v.value === number || BigInt.asUintN(64, v.value) === number)?.name;
    return name === undefined
      ? options.hex
        ? unsigned()
        : String(number)
      : `${name} (${options.hex ? unsigned() : number})`;
  }
  if (type.kind === 'ptr') {
    if (number === 0n) return 'NULL';
    const text = pointedString(target, value);
    const known = target.describeAddress(number);
    return hex(number) + (text !== undefined ? ` ${text}` : known !== undefined ? ` → ${known}` : '');
  }
  if (type.kind === 'int') {
    if (type.encoding === 'bool' && (number === 0n || number === 1n)) return number === 1n ? 'true' : 'false';
    // A context field may hold more than its C type does: the kernel turns `data` into a full pointer.
    const tooWide = number >> bits !== 0n && number >= 0n;
    if (tooWide) {
      const known = target.describeAddress(number);
      return hex(number) + (known !== undefined ? ` → ${known}` : '');
    }
    if (options.hex) return unsigned();
    if (type.sizeBytes === 1 && (type.encoding === 'char' || type.name === 'char') && !value.bits) {
      const code = Number(BigInt.asUintN(8, number));
      return code >= 0x20 && code < 0x7f ? `${number} '${String.fromCharCode(code)}'` : String(number);
    }
  }
  return String(number);
}

function quote(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = utf8Decode(end < 0 ? bytes : bytes.subarray(0, end));
  return (
    '"' +
    text.replace(/["\\\n\r\t]/g, (c) =>
      c === '\n' ? '\\n' : c === '\r' ? '\\r' : c === '\t' ? '\\t' : '\\' + c,
    ) +
    '"'
  );
}

const isCharType = (types: Btf, id: number): boolean => {
  const type = resolvedType(types, id);
  return type.kind === 'int' && type.sizeBytes === 1 && (type.encoding === 'char' || type.name === 'char');
};

/** A char array as a C string; undefined for other arrays. */
function stringOf(target: DebugTarget, value: Value): string | undefined {
  const type = resolvedType(value.types, value.type);
  if (type.kind !== 'array' || !isCharType(value.types, type.type) || type.count === 0) return undefined;
  const read = readBytes(target, value, Math.min(type.count, STRING_MAX));
  if (!read.ok) return undefined;
  const bytes = read.value;
  const end = bytes.indexOf(0);
  const shown = end < 0 ? bytes : bytes.subarray(0, end);
  // Binary data in a char array is clearer as numbers.
  if (shown.some((b) => b < 9 || (b > 13 && b < 32) || b === 127)) return undefined;
  return quote(bytes) + (end < 0 && type.count > STRING_MAX ? '…' : '');
}

function pointedString(target: DebugTarget, value: Value): string | undefined {
  const at = pointee(target, value);
  if (!at || !isCharType(at.types, at.type) || at.storage.kind !== 'memory') return undefined;
  for (const size of [64, 16, 8, 1]) {
    const bytes = target.readMemory(at.storage.address, size);
    if (!bytes) continue;
    const end = bytes.indexOf(0);
    if (end < 0) return undefined;
    return bytes.subarray(0, end).some((b) => b < 9 || (b > 13 && b < 32)) ? undefined : quote(bytes);
  }
  return undefined;
}

export interface NamedValue {
  readonly name: string;
  readonly value: Value;
  /** How the child is reached in C from its parent's expression: `.name`, `[3]`, `->name`, `*`. */
  readonly path: string;
}

/** How many children `childrenOf` would give, without reading anything. */
export function childCount(target: DebugTarget, value: Value): number {
  if (value.storage.kind === 'absent') return 0;
  const type = resolvedType(value.types, value.type);
  if (type.kind === 'struct' && type.name === 'bpf_timer') return 0;
  if (type.kind === 'struct' || type.kind === 'union') return type.members.length;
  if (type.kind === 'array') return type.count;
  if (type.kind === 'datasec') return type.vars.length;
  if (type.kind !== 'ptr') return 0;
  const at = pointee(target, value);
  if (!at || at.storage.kind !== 'memory' || at.storage.address === 0n) return 0;
  const pointed = resolvedType(at.types, at.type);
  if (pointed.kind === 'struct' || pointed.kind === 'union') return pointed.members.length;
  return pointed.kind === 'void' || pointed.kind === 'fwd' || pointed.kind === 'funcProto' ? 0 : 1;
}

/** Parts of a struct, union or array, or what a pointer points at; `start` and `count` page arrays. */
export function childrenOf(target: DebugTarget, value: Value, start = 0, count = 1000): NamedValue[] {
  if (value.storage.kind === 'absent') return [];
  const type = resolvedType(value.types, value.type);
  if (type.kind === 'struct' || type.kind === 'union') {
    let anonymous = 0;
    return type.members.slice(start, start + count).map((m) => ({
      name:
        m.name ||
        `<anonymous ${typeById(value.types, resolveModifiers(value.types, m.type)).kind} ${++anonymous}>`,
      value: memberValue(value, m),
      path: m.name === '' ? '' : `.${m.name}`,
    }));
  }
  if (type.kind === 'datasec')
    return type.vars.slice(start, start + count).map((v) => {
      const variable = typeById(value.types, v.type);
      return {
        name: variable.name,
        value: part(value, variable.kind === 'var' ? variable.type : v.type, v.offset),
        path: '',
      };
    });
  if (type.kind === 'array') {
    const children: NamedValue[] = [];
    for (let i = start; i < Math.min(type.count, start + count); i++) {
      const element = elementOf(value, i);
      if (element) children.push({ name: `[${i}]`, value: element, path: `[${i}]` });
    }
    return children;
  }
  if (type.kind === 'ptr' && childCount(target, value) > 0) {
    const at = pointee(target, value);
    if (!at) return [];
    const pointed = resolvedType(at.types, at.type);
    if (pointed.kind === 'struct' || pointed.kind === 'union')
      return childrenOf(target, at, start, count).map((c) => ({
        ...c,
        path: c.path.startsWith('.') ? '->' + c.path.slice(1) : c.path,
      }));
    return [{ name: '*', value: at, path: '*' }];
  }
  return [];
}
