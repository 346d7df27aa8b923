/**
 * Debugging information entries (.debug_info) of compile units as a plain tree, attributes not yet interpreted.
 * Not here: what the entries mean (`info.ts`), location lists (`lists.ts`).
 * Every entry takes at least one byte, so the tree is never larger than the section; nesting is capped.
 */
import { readAbbrevs, type AbbrevAttribute, type AbbrevTable } from './abbrev';
import { AT, FORM, UNIT } from './constants';
import type { DebugData, DwarfAddress, DwarfReader } from './sections';

export type AttributeValue =
  | { readonly kind: 'address'; readonly address: DwarfAddress }
  | { readonly kind: 'addressIndex'; readonly index: number }
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'signed'; readonly value: bigint }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'stringIndex'; readonly index: number }
  | { readonly kind: 'block'; readonly bytes: Uint8Array; readonly at: number }
  | { readonly kind: 'reference'; readonly offset: number }
  | { readonly kind: 'sectionOffset'; readonly offset: number }
  | { readonly kind: 'listIndex'; readonly index: number }
  /** References into other files: nothing to follow. */
  | { readonly kind: 'foreign' };

export interface Die {
  /** Offset in .debug_info. */
  readonly offset: number;
  readonly tag: number;
  readonly attributes: ReadonlyMap<number, AttributeValue>;
  readonly children: Die[];
}

/** One compile unit: its root and what is needed to read its lists and strings. */
export interface Unit {
  /** Offset in .debug_info: what references inside the unit count from. */
  readonly start: number;
  readonly version: number;
  readonly wide: boolean;
  readonly addressSizeBytes: number;
  readonly root: Die;
  readonly strOffsetsBase: number;
  readonly addrBase: number;
  readonly rnglistsBase: number;
  readonly loclistsBase: number;
}

const DEPTH_MAX = 256;

/** @returns all compile units; type units and split-DWARF units are skipped. */
export function readUnits(data: DebugData): Unit[] {
  const r = data.reader('.debug_info');
  const units: Unit[] = [];
  const tables = new Map<number, AbbrevTable>();
  while (!r.atEnd) {
    const start = r.offset;
    const { end, wide } = r.initialLength();
    const version = r.u16();
    if (version < 2 || version > 5) throw r.bad(`DWARF version ${version} is not supported`);
    let kind: number = UNIT.compile;
    let addressSizeBytes: number;
    let abbrevOffset: number;
    if (version >= 5) {
      kind = r.u8();
      addressSizeBytes = r.u8();
      abbrevOffset = r.sectionOffset(wide);
    } else {
      abbrevOffset = r.sectionOffset(wide);
      addressSizeBytes = r.u8();
    }
    if (addressSizeBytes !== 8 && addressSizeBytes !== 4)
      throw r.bad(`addresses of ${addressSizeBytes} bytes are not supported`);
    if (kind === UNIT.compile || kind === UNIT.partial) {
      let abbrevs = tables.get(abbrevOffset);
      if (!abbrevs) tables.set(abbrevOffset, (abbrevs = readAbbrevs(data, abbrevOffset)));
      const root = readTree(data, r, { start, end, version, wide, addressSizeBytes, abbrevs });
      if (root) units.push(unitOf(root, start, version, wide, addressSizeBytes));
    }
    r.seek(end);
  }
  return units;
}

interface Layout {
  readonly start: number;
  readonly end: number;
  readonly version: number;
  readonly wide: boolean;
  readonly addressSizeBytes: number;
  readonly abbrevs: AbbrevTable;
}

function unitOf(root: Die, start: number, version: number, wide: boolean, addressSizeBytes: number): Unit {
  const base = (name: number, absent: number): number => {
    const value = root.attributes.get(name);
    return value?.kind === 'sectionOffset' ? value.offset : absent;
  };
  // Without the attribute the bases stand right behind a table's header (a compiler may leave them out).
  const header = wide ? 16 : 8;
  const listHeader = wide ? 20 : 12;
  return {
    start,
    version,
    wide,
    addressSizeBytes,
    root,
    strOffsetsBase: base(AT.strOffsetsBase, header),
    addrBase: base(AT.addrBase, header),
    rnglistsBase: base(AT.rnglistsBase, listHeader),
    loclistsBase: base(AT.loclistsBase, listHeader),
  };
}

function readTree(data: DebugData, r: DwarfReader, unit: Layout): Die | undefined {
  let root: Die | undefined;
  /** Entries whose children are being read. */
  const open: Die[] = [];
  while (r.offset < unit.end) {
    const offset = r.offset;
    const code = r.count('abbreviation code');
    if (code === 0) {
      open.pop();
      if (open.length === 0) break;
      continue;
    }
    const abbrev = unit.abbrevs.get(code);
    if (!abbrev) throw r.bad(`abbreviation ${code} is not defined`);
    const attributes = new Map<number, AttributeValue>();
    for (const attribute of abbrev.attributes)
      attributes.set(attribute.name, readForm(data, r, unit, attribute, attribute.form));
    if (r.offset > unit.end) throw r.bad('entry runs over the end of its unit');
    const die: Die = { offset, tag: abbrev.tag, attributes, children: [] };
    if (open.length > 0) open[open.length - 1].children.push(die);
    else root ??= die;
    if (abbrev.hasChildren) {
      if (open.length >= DEPTH_MAX) throw r.bad('entries are nested too deeply');
      open.push(die);
    } else if (open.length === 0) break;
  }
  return root;
}

function readForm(
  data: DebugData,
  r: DwarfReader,
  unit: Layout,
  attribute: AbbrevAttribute,
  form: number,
): AttributeValue {
  const number = (value: number | bigint): AttributeValue => ({ kind: 'number', value: BigInt(value) });
  const block = (sizeBytes: number): AttributeValue => {
    const at = r.offset;
    return { kind: 'block', bytes: r.slice(sizeBytes), at };
  };
  const inUnit = (offset: number): AttributeValue => ({ kind: 'reference', offset: unit.start + offset });
  switch (form) {
    case FORM.addr:
      return { kind: 'address', address: r.address(unit.addressSizeBytes) };
    case FORM.addrx:
      return { kind: 'addressIndex', index: r.count('address index') };
    case FORM.addrx1:
      return { kind: 'addressIndex', index: r.u8() };
    case FORM.addrx2:
      return { kind: 'addressIndex', index: r.u16() };
    case FORM.addrx3:
      return { kind: 'addressIndex', index: r.u24() };
    case FORM.addrx4:
      return { kind: 'addressIndex', index: r.u32() };
    case FORM.block1:
      return block(r.u8());
    case FORM.block2:
      return block(r.u16());
    case FORM.block4:
      return block(r.u32());
    case FORM.block:
    case FORM.exprloc:
      return block(r.count('block size'));
    case FORM.data1:
    case FORM.flag:
      return number(r.u8());
    case FORM.data2:
      return number(r.u16());
    case FORM.data4:
      // DWARF 2 and 3 used plain data for section offsets; nothing that old targets BPF.
      return number(r.u32());
    case FORM.data8:
      return number(r.u64());
    case FORM.data16:
      return block(16);
    case FORM.udata:
      return number(r.uleb());
    case FORM.sdata:
      return { kind: 'signed', value: r.sleb() };
    case FORM.implicitConst:
      return { kind: 'signed', value: attribute.constant };
    case FORM.flagPresent:
      return number(1);
    case FORM.string:
      return { kind: 'string', text: r.cString() };
    case FORM.strp:
      return { kind: 'string', text: data.string('.debug_str', r.sectionOffset(unit.wide)) };
    case FORM.lineStrp:
      return { kind: 'string', text: data.string('.debug_line_str', r.sectionOffset(unit.wide)) };
    case FORM.strx:
      return { kind: 'stringIndex', index: r.count('string index') };
    case FORM.strx1:
      return { kind: 'stringIndex', index: r.u8() };
    case FORM.strx2:
      return { kind: 'stringIndex', index: r.u16() };
    case FORM.strx3:
      return { kind: 'stringIndex', index: r.u24() };
    case FORM.strx4:
      return { kind: 'stringIndex', index: r.u32() };
    case FORM.ref1:
      return inUnit(r.u8());
    case FORM.ref2:
      return inUnit(r.u16());
    case FORM.ref4:
      return inUnit(r.u32());
    case FORM.ref8:
      return inUnit(Number(r.u64()));
    case FORM.refUdata:
      return inUnit(r.count('reference'));
    case FORM.refAddr:
      return { kind: 'reference', offset: r.sectionOffset(unit.wide) };
    case FORM.secOffset:
      return { kind: 'sectionOffset', offset: r.sectionOffset(unit.wide) };
    case FORM.loclistx:
    case FORM.rnglistx:
      return { kind: 'listIndex', index: r.count('list index') };
    case FORM.refSig8:
    case FORM.refSup8:
      r.skip(8);
      return { kind: 'foreign' };
    case FORM.refSup4:
      r.skip(4);
      return { kind: 'foreign' };
    case FORM.strpSup:
      r.sectionOffset(unit.wide);
      return { kind: 'foreign' };
    case FORM.indirect: {
      const actual = r.count('form');
      if (actual === FORM.indirect || actual === FORM.implicitConst) throw r.bad('bad indirect form');
      return readForm(data, r, unit, attribute, actual);
    }
    default:
      throw r.bad(`form 0x${form.toString(16)} is not known`);
  }
}

/** Text of a string attribute; undefined when absent. */
export function stringOf(data: DebugData, unit: Unit, value: AttributeValue | undefined): string | undefined {
  if (value?.kind === 'string') return value.text;
  if (value?.kind !== 'stringIndex') return undefined;
  const table = data.reader('.debug_str_offsets');
  table.seek(unit.strOffsetsBase + value.index * (unit.wide ? 8 : 4));
  return data.string('.debug_str', table.sectionOffset(unit.wide));
}

/** Entry `index` of the unit's part of .debug_addr. */
export function addressAt(data: DebugData, unit: Unit, index: number): DwarfAddress {
  const table = data.reader('.debug_addr');
  table.seek(unit.addrBase + index * unit.addressSizeBytes);
  return table.address(unit.addressSizeBytes);
}

export function addressOf(
  data: DebugData,
  unit: Unit,
  value: AttributeValue | undefined,
): DwarfAddress | undefined {
  if (value?.kind === 'address') return value.address;
  if (value?.kind === 'addressIndex') return addressAt(data, unit, value.index);
  return undefined;
}

/** An integer attribute as a number (sizes, lines, columns); undefined when absent or absurd. */
export function numberOf(value: AttributeValue | undefined): number | undefined {
  if (value?.kind !== 'number' && value?.kind !== 'signed') return undefined;
  const n = Number(value.value);
  return Number.isSafeInteger(n) ? n : undefined;
}
