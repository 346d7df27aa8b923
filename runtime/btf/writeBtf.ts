/**
 * Plain BTF data to bytes (little-endian), the inverse of `readBtf`. Used to hand described types to real kernels, to trim
 * kernel BTF and to test the reader. Evidence: kernel documentation "BPF Type Format"; `readBtf ∘ writeBtf` is the identity.
 */
import { assert, unreachable } from '../util/assert';
import { utf8Encode } from '../util/utf8';
import type { Btf, BtfType } from './types';

const KIND = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  fwd: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  funcProto: 13,
  var: 14,
  datasec: 15,
  float: 16,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

const INT_ENCODING = { unsigned: 0, signed: 1, char: 2, bool: 4 } as const;
const LINKAGE = { static: 0, global: 1, extern: 2 } as const;
const HEADER_SIZE_BYTES = 24;

/** Strings are stored once each; offset 0 is the empty one. */
class StringTable {
  private readonly offsets = new Map<string, number>([['', 0]]);
  private readonly parts: Uint8Array[] = [new Uint8Array(1)];
  sizeBytes = 1;

  at(text: string): number {
    const known = this.offsets.get(text);
    if (known !== undefined) return known;
    const bytes = utf8Encode(text + '\0');
    const offset = this.sizeBytes;
    this.offsets.set(text, offset);
    this.parts.push(bytes);
    this.sizeBytes += bytes.length;
    return offset;
  }

  writeTo(target: Uint8Array, offset: number): void {
    let at = offset;
    for (const part of this.parts) {
      target.set(part, at);
      at += part.length;
    }
  }
}

/** The words of one type, header (name, info, size or type) first. */
function typeWords(type: Exclude<BtfType, { kind: 'void' }>, strings: StringTable): number[] {
  const head = (kind: number, vlen: number, flag: boolean, sizeOrType: number): number[] => {
    assert(vlen <= 0xffff, `BTF type ${type.name} has ${vlen} members`);
    return [strings.at(type.name), ((flag ? 1 : 0) << 31) | (kind << 24) | vlen, sizeOrType];
  };
  switch (type.kind) {
    case 'int':
      return [
        ...head(KIND.int, 0, false, type.sizeBytes),
        (INT_ENCODING[type.encoding] << 24) | (type.bitOffset << 16) | type.bits,
      ];
    case 'ptr':
      return head(KIND.ptr, 0, false, type.type);
    case 'array':
      return [...head(KIND.array, 0, false, 0), type.type, type.indexType, type.count];
    case 'struct':
    case 'union': {
      const packed = type.members.some((m) => m.bitfieldSizeBits > 0);
      const members = type.members.flatMap((m) => [
        strings.at(m.name),
        m.type,
        packed ? (m.bitfieldSizeBits << 24) | m.offsetBits : m.offsetBits,
      ]);
      return [...head(KIND[type.kind], type.members.length, packed, type.sizeBytes), ...members];
    }
    case 'enum': {
      const wide = type.sizeBytes === 8;
      const values = type.values.flatMap(({ name, value }) => {
        const low = Number(BigInt.asIntN(32, value));
        return wide
          ? [strings.at(name), low, Number(BigInt.asIntN(32, value >> 32n))]
          : [strings.at(name), low];
      });
      return [
        ...head(wide ? KIND.enum64 : KIND.enum, type.values.length, type.signed, type.sizeBytes),
        ...values,
      ];
    }
    case 'fwd':
      return head(KIND.fwd, 0, type.of === 'union', 0);
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'typeTag':
      return head(KIND[type.kind], 0, false, type.type);
    case 'func':
      return head(KIND.func, LINKAGE[type.linkage], false, type.type);
    case 'funcProto':
      return [
        ...head(KIND.funcProto, type.params.length, false, type.returnType),
        ...type.params.flatMap((p) => [strings.at(p.name), p.type]),
      ];
    case 'var':
      return [...head(KIND.var, 0, false, type.type), LINKAGE[type.linkage]];
    case 'datasec':
      return [
        ...head(KIND.datasec, type.vars.length, false, type.sizeBytes),
        ...type.vars.flatMap((v) => [v.type, v.offset, v.sizeBytes]),
      ];
    case 'float':
      return head(KIND.float, 0, false, type.sizeBytes);
    case 'declTag':
      return [...head(KIND.declTag, 0, false, type.type), type.componentIndex];
    default:
      return unreachable(type);
  }
}

export function writeBtf(btf: Btf): Uint8Array {
  const strings = new StringTable();
  const words: number[] = [];
  for (const type of btf.types.slice(1)) {
    assert(type.kind !== 'void', 'only id 0 is void');
    for (const word of typeWords(type, strings)) words.push(word);
  }
  const typeSizeBytes = 4 * words.length;
  const bytes = new Uint8Array(HEADER_SIZE_BYTES + typeSizeBytes + strings.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  const header = [HEADER_SIZE_BYTES, 0, typeSizeBytes, typeSizeBytes, strings.sizeBytes];
  header.forEach((value, i) => view.setUint32(4 + 4 * i, value, true));
  words.forEach((word, i) => view.setUint32(HEADER_SIZE_BYTES + 4 * i, word, true));
  strings.writeTo(bytes, HEADER_SIZE_BYTES + typeSizeBytes);
  return bytes;
}
