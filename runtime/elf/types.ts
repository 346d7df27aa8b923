/**
 * An ELF64 relocatable object as plain data: sections, symbols, relocations (System V ABI, "ELF-64 Object File Format").
 * It says nothing about BPF beyond the machine number. Every `data` is a view into the file, never a copy.
 */

export const SHT = {
  null: 0,
  progbits: 1,
  symtab: 2,
  strtab: 3,
  rela: 4,
  nobits: 8,
  rel: 9,
  group: 17,
} as const;

export const SHF = {
  write: 1n,
  alloc: 2n,
  execInstr: 4n,
  merge: 0x10n,
  strings: 0x20n,
  compressed: 0x800n,
} as const;

/** Section indexes with a meaning of their own. */
export const SHN = { undef: 0, loReserve: 0xff00, abs: 0xfff1, common: 0xfff2, xindex: 0xffff } as const;

export const STT = { noType: 0, object: 1, func: 2, section: 3, file: 4, tls: 6 } as const;
export const STB = { local: 0, global: 1, weak: 2 } as const;
export const STV = { default: 0, internal: 1, hidden: 2, protected: 3 } as const;

/** Relocation types of the BPF psABI. */
export const R_BPF = { none: 0, lddw: 1, abs64: 2, abs32: 3, nodyld32: 4, call32: 10 } as const;

export const EM_NONE = 0;
export const EM_BPF = 247;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** One of `SHT`, or any other number. */
  readonly type: number;
  readonly flags: bigint;
  /** Size in memory; equals `data.length` except for NOBITS sections, which have no bytes in the file. */
  readonly sizeBytes: number;
  readonly data: Uint8Array;
  readonly fileOffset: number;
  readonly link: number;
  readonly info: number;
  readonly entrySizeBytes: number;
}

export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  /** One of `STT`. */
  readonly type: number;
  /** One of `STB`. */
  readonly binding: number;
  /** One of `STV`. */
  readonly visibility: number;
  /** Section header index or one of `SHN`. */
  readonly section: number;
  readonly value: number;
  readonly sizeBytes: number;
}

export interface ElfRelocation {
  /** Byte offset in the section that is patched. */
  readonly offset: number;
  /** One of `R_BPF`, or any other number. */
  readonly type: number;
  readonly symbol: ElfSymbol;
  /** Explicit addend of a RELA entry; `undefined` for REL, whose addend stands in the patched bytes. */
  readonly addend?: bigint;
}

export interface ElfFile {
  readonly littleEndian: boolean;
  readonly machine: number;
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** Relocations by the index of the section they patch, in file order. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
  /** Sections that belong to a group, by section index → group signature (name of a symbol). */
  readonly groups: ReadonlyMap<number, string>;
}
