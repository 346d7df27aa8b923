/**
 * Reads `.BTF.ext`: which function, source line and CO-RE relocation belongs to which instruction. Offsets are bytes
 * inside the named ELF section. Record sizes stand in the section itself, so records longer than we know are read by
 * their known beginning, as newer compilers may add fields.
 */
import { FormatError } from '../util/problem';
import { openBtfHeader, type BtfStrings } from './readBtf';
import { ByteReader } from '../util/byteReader';

export interface FuncInfo {
  readonly offset: number;
  /** Id of a FUNC in the object's BTF. */
  readonly typeId: number;
}

export interface LineInfo {
  readonly offset: number;
  readonly file: string;
  readonly text: string;
  /** 1-based; 0 unknown. */
  readonly line: number;
  readonly column: number;
}

/** Kinds of CO-RE relocation by number. */
export const CORE_KINDS = [
  'fieldByteOffset',
  'fieldByteSize',
  'fieldExists',
  'fieldSigned',
  'fieldLshiftU64',
  'fieldRshiftU64',
  'typeIdLocal',
  'typeIdTarget',
  'typeExists',
  'typeSize',
  'enumvalExists',
  'enumvalValue',
  'typeMatches',
] as const;
export type CoreKind = (typeof CORE_KINDS)[number];

export interface CoreRelocation {
  readonly offset: number;
  readonly typeId: number;
  /** `0:1:2`, the path of member and element indexes, or an enumerator's index. */
  readonly access: string;
  /** Undefined for a kind newer than this table. */
  readonly kind: CoreKind | undefined;
  readonly kindNumber: number;
}

export interface BtfExt {
  /** By ELF section name. */
  readonly functions: ReadonlyMap<string, readonly FuncInfo[]>;
  readonly lines: ReadonlyMap<string, readonly LineInfo[]>;
  readonly core: ReadonlyMap<string, readonly CoreRelocation[]>;
}

/** Throws `FormatError`. `strings` are those of the object's `.BTF`. */
export function parseBtfExt(bytes: Uint8Array, strings: BtfStrings): BtfExt {
  const { reader, headerSize } = openBtfHeader(bytes, 'BTF.ext');
  const part = (present: boolean): ByteReader | undefined => {
    if (!present) return undefined;
    const offset = headerSize + reader.u32();
    const sizeBytes = reader.u32();
    if (sizeBytes === 0) return undefined;
    if (offset + sizeBytes > bytes.length) {
      throw new FormatError(
        'BTF.ext',
        `a part of ${sizeBytes} bytes lies outside ${bytes.length} bytes`,
        reader.offset - 8,
      );
    }
    return new ByteReader(bytes.subarray(offset, offset + sizeBytes), 'BTF.ext', reader.littleEndian, offset);
  };
  const functionPart = part(true);
  const linePart = part(true);
  const corePart = part(headerSize >= 32);
  return {
    functions: readRecords(functionPart, strings, 8, (record) => ({
      offset: record.u32(),
      typeId: record.u32(),
    })),
    lines: readRecords(linePart, strings, 16, (record) => {
      const offset = record.u32();
      const file = strings.at(record.u32());
      const text = strings.at(record.u32());
      const place = record.u32();
      return { offset, file, text, line: place >>> 10, column: place & 0x3ff };
    }),
    core: readRecords(corePart, strings, 16, (record) => {
      const offset = record.u32();
      const typeId = record.u32();
      const access = strings.at(record.u32());
      const kindNumber = record.u32();
      return { offset, typeId, access, kind: CORE_KINDS[kindNumber], kindNumber };
    }),
  };
}

function readRecords<T>(
  reader: ByteReader | undefined,
  strings: BtfStrings,
  knownSize: number,
  read: (record: ByteReader) => T,
): Map<string, T[]> {
  const sections = new Map<string, T[]>();
  if (reader === undefined) return sections;
  const recordSize = reader.u32();
  if (recordSize < knownSize || recordSize % 4 !== 0) {
    throw new FormatError(
      'BTF.ext',
      `records of ${recordSize} bytes, at least ${knownSize} expected`,
      reader.base,
    );
  }
  while (!reader.atEnd) {
    const section = strings.at(reader.u32());
    const count = reader.u32();
    if (count * recordSize > reader.length - reader.offset) {
      throw new FormatError(
        'BTF.ext',
        `truncated: ${count} records of section '${section}'`,
        reader.base + reader.offset,
      );
    }
    const list = sections.get(section) ?? [];
    sections.set(section, list);
    for (let i = 0; i < count; i++) {
      const next = reader.offset + recordSize;
      list.push(read(reader));
      reader.seek(next);
    }
  }
  return sections;
}
