/**
 * What the DWARF reader is given: raw debug sections of a relocatable object and the relocations that apply to them.
 *
 * In a relocatable object every code section starts at address 0, so a bare number says nothing. An address is
 * therefore a pair (section, byte offset); the section is that of the symbol which the relocation names.
 * Relocations are applied here, on a copy, so that the bytes of the caller stay as they are.
 */
import { ByteReader } from '../util/byteReader';
import { FormatError } from '../util/problem';

/** One relocation of a debug section. */
export interface DwarfRelocation {
  /** Where in the section it applies. */
  readonly offset: number;
  readonly sizeBytes: 4 | 8;
  /** Section of the symbol; '' when the symbol is undefined. */
  readonly section: string;
  /** Value of the symbol plus an explicit addend; what stands in the field already is added. */
  readonly addend: number;
}

export interface DwarfSections {
  readonly littleEndian: boolean;
  /** Raw bytes by section name, `.debug_info` and so on. Others are ignored. */
  readonly sections: ReadonlyMap<string, Uint8Array>;
  /** By the name of the section that they apply to. */
  readonly relocations: ReadonlyMap<string, readonly DwarfRelocation[]>;
}

/** A place in a section. `section` is '' for a number that no relocation touches. */
export interface DwarfAddress {
  readonly section: string;
  readonly offset: number;
}

export const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** Sections with relocations applied, read through `DwarfReader`s. */
export class DebugData {
  private readonly loaded = new Map<string, { bytes: Uint8Array; targets: Map<number, string> }>();
  private readonly strings = new Map<string, Map<number, string>>();
  private fuel: number;
  constructor(private readonly input: DwarfSections) {
    let total = 0;
    for (const bytes of input.sections.values()) total += bytes.length;
    this.fuel = 1_000_000 + 64 * total;
  }

  /**
   * Pays for work that many entries can share (lists, strings). A file in which every entry points at the same huge
   * list would otherwise cost the square of its size.
   */
  spend(amount: number): void {
    this.fuel -= amount;
    if (this.fuel < 0) throw new FormatError('DWARF', 'entries refer to the same data too often');
  }

  /** The string at `offset` of a string section. */
  string(section: string, offset: number): string {
    let known = this.strings.get(section);
    if (!known) this.strings.set(section, (known = new Map<number, string>()));
    let text = known.get(offset);
    if (text === undefined) {
      known.set(offset, (text = this.reader(section).cStringAt(offset)));
      this.spend(text.length);
    }
    return text;
  }

  get littleEndian(): boolean {
    return this.input.littleEndian;
  }

  has(section: string): boolean {
    return (this.input.sections.get(section)?.length ?? 0) > 0;
  }

  /** A reader over a whole section; an absent section reads as empty. */
  reader(section: string): DwarfReader {
    let entry = this.loaded.get(section);
    if (!entry) this.loaded.set(section, (entry = this.relocate(section)));
    return new DwarfReader(entry.bytes, section, this.littleEndian, entry.targets);
  }

  private relocate(section: string): { bytes: Uint8Array; targets: Map<number, string> } {
    const bytes = (this.input.sections.get(section) ?? new Uint8Array(0)).slice();
    const view = new DataView(bytes.buffer);
    const targets = new Map<number, string>();
    const little = this.littleEndian;
    for (const r of this.input.relocations.get(section) ?? []) {
      if (!(r.offset >= 0 && r.offset + r.sizeBytes <= bytes.length))
        throw new FormatError('DWARF', `relocation outside ${section}`, r.offset);
      if (r.sizeBytes === 4)
        view.setUint32(r.offset, (view.getUint32(r.offset, little) + r.addend) >>> 0, little);
      else
        view.setBigUint64(
          r.offset,
          BigInt.asUintN(64, view.getBigUint64(r.offset, little) + BigInt(Math.trunc(r.addend))),
          little,
        );
      targets.set(r.offset, r.section);
    }
    return { bytes, targets };
  }
}

/** A byte reader that also knows DWARF's own units: addresses with sections, section offsets, bounded numbers. */
export class DwarfReader extends ByteReader {
  constructor(
    bytes: Uint8Array,
    readonly section: string,
    littleEndian: boolean,
    private readonly targets: ReadonlyMap<number, string>,
  ) {
    super(bytes, 'DWARF', littleEndian);
  }

  /** An error at the current place. */
  bad(message: string): FormatError {
    return new FormatError('DWARF', `${message} (${this.section})`, this.offset);
  }

  address(sizeBytes: number): DwarfAddress {
    const section = this.targets.get(this.offset) ?? '';
    if (sizeBytes === 8) return { section, offset: this.small(this.u64(), 'address') };
    if (sizeBytes === 4) return { section, offset: this.u32() };
    throw this.bad(`addresses of ${sizeBytes} bytes are not supported`);
  }

  /** A field of offset size: 4 bytes in 32-bit DWARF, 8 in 64-bit DWARF. */
  sectionOffset(wide: boolean): number {
    return wide ? this.small(this.u64(), 'offset') : this.u32();
  }

  u24(): number {
    const low = this.u8();
    const middle = this.u8();
    const high = this.u8();
    return this.littleEndian ? low | (middle << 8) | (high << 16) : (low << 16) | (middle << 8) | high;
  }

  /** A ULEB128 that counts or indexes something, so it must be a sane number. */
  count(what: string): number {
    return this.small(this.uleb(), what);
  }

  private small(value: bigint, what: string): number {
    // All ones is a tombstone for code that the linker dropped; it can be kept as a number that matches nothing.
    if (value > MAX_SAFE) {
      if (what === 'address') return Number.MAX_SAFE_INTEGER;
      throw this.bad(`${what} ${value} is out of range`);
    }
    return Number(value);
  }

  /** The length field that begins units and tables; the reader stands behind it afterwards. */
  initialLength(): { end: number; wide: boolean } {
    const first = this.u32();
    const wide = first === 0xffff_ffff;
    if (!wide && first >= 0xffff_fff0) throw this.bad('reserved unit length');
    const length = wide ? this.small(this.u64(), 'unit length') : first;
    if (length > this.length - this.offset) throw this.bad(`unit of ${length} bytes is cut off`);
    return { end: this.offset + length, wide };
  }
}
