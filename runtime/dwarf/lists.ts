/**
 * Location lists and range lists: .debug_loc/.debug_ranges (DWARF 4) and .debug_loclists/.debug_rnglists (DWARF 5).
 * Both come out as flat lists of half-open ranges with their section; a list that never ends runs into the section's
 * end and is reported as truncated.
 */
import { LLE, RLE } from './constants';
import { addressAt, type AttributeValue, type Unit } from './dies';
import { MAX_SAFE, type DebugData, type DwarfAddress, type DwarfReader } from './sections';

export interface SectionRange {
  readonly section: string;
  readonly low: number;
  readonly high: number;
}

export interface ListedLocation {
  /** Absent: holds wherever no other entry does. */
  readonly range?: SectionRange;
  readonly expression: Uint8Array;
  /** Where the expression stands, for errors and for relocations inside it. */
  readonly reader: DwarfReader;
  readonly at: number;
}

const NOWHERE: DwarfAddress = { section: '', offset: 0 };

function span(base: DwarfAddress, low: number, high: number): SectionRange {
  return { section: base.section, low: base.offset + low, high: base.offset + high };
}

function between(start: DwarfAddress, end: DwarfAddress): SectionRange {
  return { section: start.section || end.section, low: start.offset, high: end.offset };
}

/** Place of list `index` of a unit: its offset table stands at the base and counts from there. */
function listAt(r: DwarfReader, base: number, index: number, wide: boolean): number {
  r.seek(base + index * (wide ? 8 : 4));
  return base + r.sectionOffset(wide);
}

/** Ranges of a DW_AT_ranges attribute. @param base the unit's DW_AT_low_pc. */
export function readRanges(
  data: DebugData,
  unit: Unit,
  value: AttributeValue,
  base: DwarfAddress = NOWHERE,
): SectionRange[] {
  const ranges: SectionRange[] = [];
  if (unit.version >= 5) {
    const r = data.reader('.debug_rnglists');
    if (value.kind === 'listIndex') r.seek(listAt(r, unit.rnglistsBase, value.index, unit.wide));
    else if (value.kind === 'sectionOffset') r.seek(value.offset);
    else return ranges;
    for (;;) {
      data.spend(4);
      const kind = r.u8();
      switch (kind) {
        case RLE.endOfList:
          return ranges;
        case RLE.baseAddressx:
          base = addressAt(data, unit, r.count('address index'));
          break;
        case RLE.startxEndx: {
          const start = addressAt(data, unit, r.count('address index'));
          ranges.push(between(start, addressAt(data, unit, r.count('address index'))));
          break;
        }
        case RLE.startxLength: {
          const start = addressAt(data, unit, r.count('address index'));
          ranges.push(span(start, 0, r.count('length')));
          break;
        }
        case RLE.offsetPair: {
          const low = r.count('offset');
          ranges.push(span(base, low, r.count('offset')));
          break;
        }
        case RLE.baseAddress:
          base = r.address(unit.addressSizeBytes);
          break;
        case RLE.startEnd: {
          const start = r.address(unit.addressSizeBytes);
          ranges.push(between(start, r.address(unit.addressSizeBytes)));
          break;
        }
        case RLE.startLength: {
          const start = r.address(unit.addressSizeBytes);
          ranges.push(span(start, 0, r.count('length')));
          break;
        }
        default:
          throw r.bad(`range list entry ${kind} is not known`);
      }
    }
  }
  if (value.kind !== 'sectionOffset' && value.kind !== 'number') return ranges;
  const r = data.reader('.debug_ranges');
  r.seek(value.kind === 'number' ? Number(value.value) : value.offset);
  for (;;) {
    data.spend(4);
    const pair = readPair(r, unit, base);
    if (pair === 'end') return ranges;
    if ('base' in pair) base = pair.base;
    else ranges.push(pair);
  }
}

/**
 * One pair of a DWARF 4 list. Compilers write either offsets from the base or relocated addresses; a relocation
 * tells which, and makes the base irrelevant.
 */
function readPair(
  r: DwarfReader,
  unit: Unit,
  base: DwarfAddress,
): SectionRange | { readonly base: DwarfAddress } | 'end' {
  const low = r.address(unit.addressSizeBytes);
  const high = r.address(unit.addressSizeBytes);
  const related = low.section !== '' || high.section !== '';
  if (!related && low.offset === 0 && high.offset === 0) return 'end';
  const marker = unit.addressSizeBytes === 8 ? Number(MAX_SAFE) : 0xffff_ffff;
  if (low.section === '' && low.offset === marker) return { base: high };
  return related ? between(low, high) : span(base, low.offset, high.offset);
}

/** Entries of a DW_AT_location that refers to a list. @param base the unit's DW_AT_low_pc. */
export function readLocations(
  data: DebugData,
  unit: Unit,
  value: AttributeValue,
  base: DwarfAddress = NOWHERE,
): ListedLocation[] {
  const found: ListedLocation[] = [];
  if (unit.version < 5) {
    if (value.kind !== 'sectionOffset' && value.kind !== 'number') return found;
    const r = data.reader('.debug_loc');
    r.seek(value.kind === 'number' ? Number(value.value) : value.offset);
    for (;;) {
      data.spend(4);
      const pair = readPair(r, unit, base);
      if (pair === 'end') return found;
      if ('base' in pair) {
        base = pair.base;
        continue;
      }
      const sizeBytes = r.u16();
      const at = r.offset;
      found.push({ range: pair, expression: r.slice(sizeBytes), reader: r, at });
    }
  }
  const r = data.reader('.debug_loclists');
  if (value.kind === 'listIndex') r.seek(listAt(r, unit.loclistsBase, value.index, unit.wide));
  else if (value.kind === 'sectionOffset') r.seek(value.offset);
  else return found;
  for (;;) {
    data.spend(4);
    const kind = r.u8();
    let range: SectionRange | undefined;
    switch (kind) {
      case LLE.endOfList:
        return found;
      case LLE.baseAddressx:
        base = addressAt(data, unit, r.count('address index'));
        continue;
      case LLE.baseAddress:
        base = r.address(unit.addressSizeBytes);
        continue;
      case LLE.startxEndx: {
        const start = addressAt(data, unit, r.count('address index'));
        range = between(start, addressAt(data, unit, r.count('address index')));
        break;
      }
      case LLE.startxLength: {
        const start = addressAt(data, unit, r.count('address index'));
        range = span(start, 0, r.count('length'));
        break;
      }
      case LLE.offsetPair: {
        const low = r.count('offset');
        range = span(base, low, r.count('offset'));
        break;
      }
      case LLE.defaultLocation:
        break;
      case LLE.startEnd: {
        const start = r.address(unit.addressSizeBytes);
        range = between(start, r.address(unit.addressSizeBytes));
        break;
      }
      case LLE.startLength: {
        const start = r.address(unit.addressSizeBytes);
        range = span(start, 0, r.count('length'));
        break;
      }
      default:
        throw r.bad(`location list entry ${kind} is not known`);
    }
    const sizeBytes = r.count('expression size');
    const at = r.offset;
    found.push({ range, expression: r.slice(sizeBytes), reader: r, at });
  }
}
