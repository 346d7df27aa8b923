/**
 * Reads an ELF64 relocatable object (either byte order). Not a linker: nothing is patched here.
 *
 * Everything that a header claims is checked against the file's real size before it is used, so that the work and
 * memory spent are bounded by the size of the input, whatever the input says.
 */
import { ByteReader } from '../util/byteReader';
import { fail, FormatError, parseWith, type Problem, type Result } from '../util/problem';
import {
  EM_BPF,
  EM_NONE,
  SHN,
  SHT,
  type ElfFile,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
} from './types';

const HEADER_SIZE = 64;
const SECTION_HEADER_SIZE = 64;
const SYMBOL_SIZE = 24;
const NO_BYTES = new Uint8Array(0);

/** Reads `bytes` as a BPF object file; `file` is only used in the problem. */
export function readElf(file: string, bytes: Uint8Array): Result<ElfFile> {
  const foreign = foreignProblem(file, bytes);
  if (foreign !== undefined) return fail(foreign);
  return parseWith(
    file,
    // A plain view: a caller's subclass (Node's Buffer) would make slices of its own kind.
    () => parse(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
    'The object is damaged or incomplete: compile it again (clang -target bpf -O2 -g -c).',
  );
}

/** What kind of file this is, when it is not an object that could be a BPF program at all. */
function foreignProblem(file: string, bytes: Uint8Array): Problem | undefined {
  const remedy = 'Give an object that was compiled with clang -target bpf -O2 -g -c, or its C source.';
  const foreign = (code: string, message: string, offset: number): Problem => ({
    code,
    message,
    place: { file, offset },
    remedy,
  });
  if (bytes.length < 4 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    return foreign('not-elf', bytes.length === 0 ? 'the file is empty' : 'this is not an ELF object file', 0);
  }
  if (bytes.length < HEADER_SIZE) {
    return foreign('malformed-elf', `ELF: truncated: the file has ${bytes.length} bytes`, bytes.length);
  }
  if (bytes[4] !== 2) {
    return foreign(
      'elf-wrong-class',
      bytes[4] === 1 ? 'this is a 32-bit ELF file; BPF objects are 64-bit' : `unknown ELF class ${bytes[4]}`,
      4,
    );
  }
  if (bytes[5] !== 1 && bytes[5] !== 2) {
    return foreign('malformed-elf', `ELF: unknown byte order ${bytes[5]}`, 5);
  }
  const header = new ByteReader(bytes, 'ELF', bytes[5] === 1);
  const type = header.seek(16).u16();
  const machine = header.u16();
  // The first compilers for BPF left the machine open, and loaders still take that.
  if (machine !== EM_BPF && machine !== EM_NONE) {
    return foreign('elf-wrong-machine', `this ELF file is for ${machineName(machine)}, not for BPF`, 18);
  }
  if (type !== 1) {
    return foreign('elf-not-relocatable', `this ELF file is not a relocatable object (type ${type})`, 16);
  }
  return undefined;
}

const MACHINE_NAMES: Readonly<Record<number, string>> = {
  3: 'x86 (32-bit)',
  20: 'PowerPC',
  21: 'PowerPC 64',
  22: 's390',
  40: 'Arm (32-bit)',
  62: 'x86-64',
  183: 'Arm 64',
  243: 'RISC-V',
  258: 'LoongArch',
};

const machineName = (machine: number): string => MACHINE_NAMES[machine] ?? `machine ${machine}`;

interface SectionHeader {
  nameOffset: number;
  type: number;
  flags: bigint;
  fileOffset: number;
  sizeBytes: number;
  link: number;
  info: number;
  entrySizeBytes: number;
}

function parse(bytes: Uint8Array): ElfFile {
  const littleEndian = bytes[5] === 1;
  const reader = new ByteReader(bytes, 'ELF', littleEndian);
  const headers = readSectionHeaders(reader);
  const sections = nameSections(reader, headers);
  const symbols = readSymbols(littleEndian, sections);
  return {
    littleEndian,
    machine: EM_BPF,
    sections,
    symbols,
    relocations: readRelocations(littleEndian, sections, symbols),
    groups: readGroups(littleEndian, sections, symbols),
  };
}

/** A 64-bit file offset or size as a number; anything that cannot lie in a file is refused. */
function fileNumber(value: bigint, what: string, at: number): number {
  if (value > 0xffff_ffffn) throw new FormatError('ELF', `${what} ${value} is impossibly large`, at);
  return Number(value);
}

function readSectionHeaders(reader: ByteReader): { list: SectionHeader[]; namesIndex: number } {
  const tableOffset = fileNumber(reader.seek(40).u64(), 'section table offset', 40);
  const entrySize = reader.seek(58).u16();
  let count = reader.u16();
  let namesIndex = reader.u16();
  if (tableOffset === 0) return { list: [], namesIndex: 0 };
  if (entrySize !== SECTION_HEADER_SIZE) {
    throw new FormatError(
      'ELF',
      `section headers of ${entrySize} bytes, ${SECTION_HEADER_SIZE} expected`,
      58,
    );
  }
  const headerAt = (index: number): SectionHeader => {
    reader.seek(Math.min(tableOffset + index * SECTION_HEADER_SIZE, reader.length));
    const at = reader.offset;
    const nameOffset = reader.u32();
    const type = reader.u32();
    const flags = reader.u64();
    reader.skip(8);
    const fileOffset = fileNumber(reader.u64(), 'section offset', at + 24);
    const sizeBytes = fileNumber(reader.u64(), 'section size', at + 32);
    const link = reader.u32();
    const info = reader.u32();
    reader.skip(8);
    const entrySizeBytes = fileNumber(reader.u64(), 'entry size', at + 56);
    return { nameOffset, type, flags, fileOffset, sizeBytes, link, info, entrySizeBytes };
  };
  // With very many sections the real numbers stand in the first header.
  if (count === 0 || namesIndex === SHN.xindex) {
    const first = headerAt(0);
    if (count === 0) count = first.sizeBytes;
    if (namesIndex === SHN.xindex) namesIndex = first.link;
  }
  if (tableOffset + count * SECTION_HEADER_SIZE > reader.length) {
    throw new FormatError('ELF', `the table of ${count} sections runs over the end of the file`, tableOffset);
  }
  const list: SectionHeader[] = [];
  for (let i = 0; i < count; i++) list.push(headerAt(i));
  return { list, namesIndex };
}

function nameSections(
  reader: ByteReader,
  { list, namesIndex }: { list: SectionHeader[]; namesIndex: number },
): ElfSection[] {
  const dataOf = (header: SectionHeader): Uint8Array =>
    header.type === SHT.nobits || header.type === SHT.null
      ? NO_BYTES
      : reader.seek(Math.min(header.fileOffset, reader.length)).slice(header.sizeBytes);
  if (list.length === 0) return [];
  // Sections share no bytes; if they did, a small file could claim any amount of work.
  let claimed = 0;
  for (const header of list)
    if (header.type !== SHT.nobits && header.type !== SHT.null) claimed += header.sizeBytes;
  if (claimed > 2 * reader.length) throw new FormatError('ELF', 'the sections overlap each other', 40);
  if (namesIndex >= list.length || list[namesIndex].type !== SHT.strtab) {
    throw new FormatError('ELF', `section ${namesIndex} is not a table of section names`, 62);
  }
  const names = new StringTable(dataOf(list[namesIndex]), list[namesIndex].fileOffset);
  return list.map((header, index) => ({
    index,
    name: index === 0 ? '' : names.at(header.nameOffset),
    type: header.type,
    flags: header.flags,
    sizeBytes: header.type === SHT.null ? 0 : header.sizeBytes,
    data: dataOf(header),
    fileOffset: header.fileOffset,
    link: header.link,
    info: header.info,
    entrySizeBytes: header.entrySizeBytes,
  }));
}

/** Strings by offset, each decoded once: a hostile file may point thousands of entries at one long string. */
class StringTable {
  private readonly reader: ByteReader;
  private readonly known = new Map<number, string>();

  constructor(data: Uint8Array, base: number) {
    this.reader = new ByteReader(data, 'ELF', true, base);
  }

  at(offset: number): string {
    let text = this.known.get(offset);
    if (text === undefined) {
      if (offset >= this.reader.length) {
        if (offset === 0) return '';
        throw new FormatError('ELF', `string offset ${offset} lies outside its table`, this.reader.base);
      }
      text = this.reader.cStringAt(offset);
      this.known.set(offset, text);
    }
    return text;
  }
}

function readSymbols(littleEndian: boolean, sections: readonly ElfSection[]): ElfSymbol[] {
  const tables = sections.filter((section) => section.type === SHT.symtab);
  if (tables.length === 0) return [];
  if (tables.length > 1) {
    throw new FormatError('ELF', 'more than one symbol table', tables[1].fileOffset);
  }
  const table = tables[0];
  if (table.entrySizeBytes !== SYMBOL_SIZE || table.sizeBytes % SYMBOL_SIZE !== 0) {
    throw new FormatError(
      'ELF',
      `symbol table of ${table.sizeBytes} bytes with entries of ${table.entrySizeBytes}`,
      table.fileOffset,
    );
  }
  const nameSection = sections.at(table.link);
  if (nameSection?.type !== SHT.strtab) {
    throw new FormatError('ELF', `section ${table.link} is not the symbols' string table`, table.fileOffset);
  }
  const names = new StringTable(nameSection.data, nameSection.fileOffset);
  const reader = new ByteReader(table.data, 'ELF', littleEndian, table.fileOffset);
  const symbols: ElfSymbol[] = [];
  for (let index = 0; !reader.atEnd; index++) {
    const at = table.fileOffset + reader.offset;
    const nameOffset = reader.u32();
    const info = reader.u8();
    const other = reader.u8();
    const section = reader.u16();
    const value = reader.u64();
    const sizeBytes = reader.u64();
    if (section >= sections.length && section < SHN.loReserve) {
      throw new FormatError('ELF', `symbol ${index} lies in section ${section}, which does not exist`, at);
    }
    const type = info & 0xf;
    let name = names.at(nameOffset);
    // Section symbols carry no name of their own.
    if (name === '' && type === 3 && section < sections.length) name = sections[section].name;
    symbols.push({
      index,
      name,
      type,
      binding: info >> 4,
      visibility: other & 3,
      section,
      value: fileNumber(value, 'symbol value', at + 8),
      sizeBytes: fileNumber(sizeBytes, 'symbol size', at + 16),
    });
  }
  return symbols;
}

function readRelocations(
  littleEndian: boolean,
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
): Map<number, ElfRelocation[]> {
  const result = new Map<number, ElfRelocation[]>();
  for (const section of sections) {
    if (section.type !== SHT.rel && section.type !== SHT.rela) continue;
    const withAddend = section.type === SHT.rela;
    const entrySize = withAddend ? 24 : 16;
    if (section.entrySizeBytes !== entrySize || section.sizeBytes % entrySize !== 0) {
      throw new FormatError(
        'ELF',
        `relocation section '${section.name}' has a wrong entry size`,
        section.fileOffset,
      );
    }
    const target = sections.at(section.info);
    if (section.info === 0 || target === undefined) {
      throw new FormatError(
        'ELF',
        `relocation section '${section.name}' patches section ${section.info}, which does not exist`,
        section.fileOffset,
      );
    }
    const reader = new ByteReader(section.data, 'ELF', littleEndian, section.fileOffset);
    const list = result.get(section.info) ?? [];
    result.set(section.info, list);
    while (!reader.atEnd) {
      const at = section.fileOffset + reader.offset;
      const offset = fileNumber(reader.u64(), 'relocation offset', at);
      // r_info is one 64-bit number in the file's byte order: type in the low half, symbol in the high half.
      const info = reader.u64();
      const symbolIndex = Number(info >> 32n);
      const symbol = symbols.at(symbolIndex);
      if (symbol === undefined) {
        throw new FormatError(
          'ELF',
          `relocation in '${section.name}' names symbol ${symbolIndex}, which does not exist`,
          at,
        );
      }
      if (offset >= target.sizeBytes) {
        throw new FormatError('ELF', `relocation in '${section.name}' lies outside '${target.name}'`, at);
      }
      const relocation = { offset, type: Number(info & 0xffff_ffffn), symbol };
      list.push(withAddend ? { ...relocation, addend: reader.i64() } : relocation);
    }
  }
  return result;
}

function readGroups(
  littleEndian: boolean,
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
): Map<number, string> {
  const groups = new Map<number, string>();
  for (const section of sections) {
    if (section.type !== SHT.group) continue;
    const signature = symbols.at(section.info);
    if (signature === undefined || section.sizeBytes % 4 !== 0) {
      throw new FormatError('ELF', `section group '${section.name}' is malformed`, section.fileOffset);
    }
    const reader = new ByteReader(section.data, 'ELF', littleEndian, section.fileOffset);
    if (!reader.atEnd) reader.skip(4);
    while (!reader.atEnd) {
      const member = reader.u32();
      if (member === 0 || member >= sections.length) {
        throw new FormatError(
          'ELF',
          `section group '${section.name}' has member ${member}, which does not exist`,
          section.fileOffset,
        );
      }
      groups.set(member, signature.name);
    }
  }
  return groups;
}

/** The section of that name, or undefined. With several of one name, the first. */
export const findSection = (elf: ElfFile, name: string): ElfSection | undefined =>
  elf.sections.find((section) => section.name === name);
