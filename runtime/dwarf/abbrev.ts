/**
 * Abbreviation tables (.debug_abbrev): the shape of each debugging entry. Tables are read once per offset.
 * Bounds keep hostile tables harmless: entries are counted by bytes, attributes of one shape are capped, since
 * zero-sized forms would otherwise let a small file describe an enormous tree.
 */
import { FORM } from './constants';
import type { DebugData } from './sections';

export interface AbbrevAttribute {
  readonly name: number;
  readonly form: number;
  /** Value of DW_FORM_implicit_const. */
  readonly constant: bigint;
}

export interface Abbrev {
  readonly tag: number;
  readonly hasChildren: boolean;
  readonly attributes: readonly AbbrevAttribute[];
}

export type AbbrevTable = ReadonlyMap<number, Abbrev>;

const ATTRIBUTES_MAX = 128;

export function readAbbrevs(data: DebugData, offset: number): AbbrevTable {
  const r = data.reader('.debug_abbrev').seek(offset);
  const table = new Map<number, Abbrev>();
  for (;;) {
    const code = r.count('abbreviation code');
    if (code === 0) return table;
    const tag = r.count('tag');
    const hasChildren = r.u8() !== 0;
    const attributes: AbbrevAttribute[] = [];
    for (;;) {
      const name = r.count('attribute');
      const form = r.count('form');
      const constant = form === FORM.implicitConst ? r.sleb() : 0n;
      if (name === 0 && form === 0) break;
      if (attributes.length >= ATTRIBUTES_MAX) throw r.bad('too many attributes in one abbreviation');
      attributes.push({ name, form, constant });
    }
    if (table.has(code)) throw r.bad(`abbreviation ${code} is defined twice`);
    table.set(code, { tag, hasChildren, attributes });
  }
}
