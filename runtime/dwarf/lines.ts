/**
 * The line program (.debug_line, versions 2–5): machine addresses to file, line, column. Rows of one sequence ascend;
 * sequences of different sections are told apart by the relocation of DW_LNE_set_address.
 */
import { FORM, LNCT, LNE, LNS } from './constants';
import type { DebugData, DwarfAddress, DwarfReader } from './sections';
import type { DwarfLine } from './types';

/** One unit's line table and its files, indexed as DW_AT_decl_file does. */
export interface LineTable {
  readonly lines: readonly DwarfLine[];
  /** Full paths; index 0 exists only in DWARF 5. */
  readonly files: readonly string[];
}

/** @param offset place in .debug_line; @param compDir what relative paths are relative to. */
export function readLineTable(data: DebugData, offset: number, compDir: string): LineTable {
  const r = data.reader('.debug_line').seek(offset);
  const { end, wide } = r.initialLength();
  const version = r.u16();
  if (version < 2 || version > 5) throw r.bad(`line table version ${version} is not supported`);
  // Address and segment sizes; addresses state their own size in the program.
  if (version >= 5) r.skip(2);
  const headerLength = r.sectionOffset(wide);
  const programStart = r.offset + headerLength;
  if (programStart > end) throw r.bad('line table header is cut off');
  const minimumLength = r.u8();
  if (version >= 4) r.skip(1);
  const defaultIsStatement = r.u8() !== 0;
  const lineBase = r.i8();
  const lineRange = r.u8();
  const opcodeBase = r.u8();
  if (opcodeBase === 0) throw r.bad('opcode base is zero');
  const operandCounts: number[] = [0];
  for (let i = 1; i < opcodeBase; i++) operandCounts.push(r.u8());
  const files = version >= 5 ? filesOf5(data, r, wide, compDir) : filesOf4(r, compDir);
  const fileName = (index: number): string => files[index] ?? '';

  r.seek(programStart);
  const lines: DwarfLine[] = [];
  let base: DwarfAddress = { section: '', offset: 0 };
  let address = 0;
  let file = 1;
  let line = 1;
  let column = 0;
  let isStatement = defaultIsStatement;
  const reset = (): void => {
    base = { section: '', offset: 0 };
    address = 0;
    file = 1;
    line = 1;
    column = 0;
    isStatement = defaultIsStatement;
  };
  const emit = (endSequence: boolean): void => {
    lines.push({
      section: base.section,
      address,
      file: fileName(file),
      line: Math.max(0, line),
      column,
      isStatement,
      endSequence,
    });
  };

  while (r.offset < end) {
    const opcode = r.u8();
    if (opcode >= opcodeBase) {
      if (lineRange === 0) throw r.bad('line range is zero');
      const adjusted = opcode - opcodeBase;
      address += Math.floor(adjusted / lineRange) * minimumLength;
      line += lineBase + (adjusted % lineRange);
      emit(false);
      continue;
    }
    if (opcode === 0) {
      const sizeBytes = r.count('extended opcode size');
      const next = r.offset + sizeBytes;
      if (sizeBytes === 0 || next > end) throw r.bad('extended opcode is cut off');
      const sub = r.u8();
      if (sub === LNE.endSequence) {
        emit(true);
        reset();
      } else if (sub === LNE.setAddress) {
        if (sizeBytes - 1 !== 8 && sizeBytes - 1 !== 4) throw r.bad('address of odd size');
        base = r.address(sizeBytes - 1);
        address = base.offset;
      } else if (sub === LNE.defineFile) {
        files.push(join(compDir, r.cString()));
      }
      r.seek(next);
      continue;
    }
    switch (opcode) {
      case LNS.copy:
        emit(false);
        break;
      case LNS.advancePc:
        address += r.count('advance') * minimumLength;
        break;
      case LNS.advanceLine:
        line += Number(BigInt.asIntN(32, r.sleb()));
        break;
      case LNS.setFile:
        file = r.count('file');
        break;
      case LNS.setColumn:
        column = r.count('column');
        break;
      case LNS.negateStatement:
        isStatement = !isStatement;
        break;
      case LNS.constAddPc:
        if (lineRange === 0) throw r.bad('line range is zero');
        address += Math.floor((255 - opcodeBase) / lineRange) * minimumLength;
        break;
      case LNS.fixedAdvancePc:
        address += r.u16();
        break;
      case LNS.setBasicBlock:
      case LNS.setPrologueEnd:
      case LNS.setEpilogueBegin:
        break;
      default:
        for (let i = 0; i < operandCounts[opcode]; i++) r.uleb();
    }
  }
  return { lines, files };
}

function filesOf4(r: DwarfReader, compDir: string): string[] {
  const directories = [compDir];
  for (;;) {
    const name = r.cString();
    if (name === '') break;
    directories.push(join(compDir, name));
  }
  const files = [''];
  for (;;) {
    const name = r.cString();
    if (name === '') return files;
    const directory = r.count('directory');
    r.uleb();
    r.uleb();
    files.push(join(directories[directory] ?? compDir, name));
  }
}

function filesOf5(data: DebugData, r: DwarfReader, wide: boolean, compDir: string): string[] {
  const directories: string[] = [];
  for (const entry of entryTable(data, r, wide)) directories.push(join(compDir, entry.path));
  return entryTable(data, r, wide).map((e) => join(directories[e.directory] ?? compDir, e.path));
}

/** A DWARF 5 directory or file table: a description of its columns, then the rows. */
function entryTable(data: DebugData, r: DwarfReader, wide: boolean): { path: string; directory: number }[] {
  const columns: { content: number; form: number }[] = [];
  const columnCount = r.u8();
  for (let i = 0; i < columnCount; i++)
    columns.push({ content: r.count('content type'), form: r.count('form') });
  const rowCount = r.count('row count');
  if (rowCount > r.length - r.offset) throw r.bad(`${rowCount} rows cannot fit`);
  const rows: { path: string; directory: number }[] = [];
  for (let i = 0; i < rowCount; i++) {
    let path = '';
    let directory = 0;
    for (const { content, form } of columns) {
      const value = columnValue(data, r, wide, form);
      if (content === LNCT.path && typeof value === 'string') path = value;
      if (content === LNCT.directoryIndex && typeof value === 'number') directory = value;
    }
    rows.push({ path, directory });
  }
  return rows;
}

function columnValue(
  data: DebugData,
  r: DwarfReader,
  wide: boolean,
  form: number,
): string | number | undefined {
  switch (form) {
    case FORM.string:
      return r.cString();
    case FORM.lineStrp:
      return data.string('.debug_line_str', r.sectionOffset(wide));
    case FORM.strp:
      return data.string('.debug_str', r.sectionOffset(wide));
    case FORM.udata:
      return r.count('number');
    case FORM.data1:
      return r.u8();
    case FORM.data2:
      return r.u16();
    case FORM.data4:
      return r.u32();
    case FORM.data8:
      r.skip(8);
      return undefined;
    case FORM.data16:
      r.skip(16);
      return undefined;
    case FORM.block:
      r.skip(r.count('block size'));
      return undefined;
    default:
      throw r.bad(`form 0x${form.toString(16)} in a file table`);
  }
}

/** Joins a directory and a path as written; an absolute path stands alone. Windows drive letters count as absolute. */
export function join(directory: string, path: string): string {
  if (directory === '' || path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path)) return path;
  return directory.endsWith('/') ? directory + path : `${directory}/${path}`;
}
