/**
 * The DWARF reader's front door: raw sections and relocations in, lines, functions, variables and types out.
 * Big and little endian, 32- and 64-bit DWARF, versions 2–5 as far as compilers use them for BPF. Split DWARF (.dwo) is
 * not read. Malformed input yields a problem, never an exception.
 */
import { parseWith, type Result } from '../util/problem';
import { AT } from './constants';
import { readUnits, stringOf } from './dies';
import { InfoReader } from './info';
import { readLineTable, type LineTable } from './lines';
import { DebugData, type DwarfSections } from './sections';
import type { DwarfInfo, DwarfLine } from './types';

export type { DwarfRelocation, DwarfSections } from './sections';

/** True when there is anything to read. */
export const hasDwarf = (sections: DwarfSections): boolean =>
  (sections.sections.get('.debug_info')?.length ?? 0) > 0;

/** @param file names the object in problems. */
export function readDwarf(file: string, sections: DwarfSections): Result<DwarfInfo> {
  return parseWith(
    file,
    () => readInfo(sections),
    'Build the object again with -g; programs run without debug information, but variables cannot be shown.',
  );
}

function readInfo(sections: DwarfSections): DwarfInfo {
  const data = new DebugData(sections);
  const info = new InfoReader(data);
  const lines: DwarfLine[] = [];
  const tables = new Map<number, LineTable>();
  const units = readUnits(data).map((unit) => {
    const compDir = stringOf(data, unit, unit.root.attributes.get(AT.compDir)) ?? '';
    const place = unit.root.attributes.get(AT.stmtList);
    let files: readonly string[] = [];
    if (place?.kind === 'sectionOffset') {
      let table = tables.get(place.offset);
      if (!table) {
        tables.set(place.offset, (table = readLineTable(data, place.offset, compDir)));
        for (const line of table.lines) lines.push(line);
      }
      files = table.files;
    }
    info.index(unit, files);
    return { unit, files };
  });
  for (const { unit, files } of units) info.readFunctions(unit, files);
  return { lines, functions: info.functions, types: info.types, globals: info.globals };
}
