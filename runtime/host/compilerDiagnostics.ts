/**
 * Reads clang's messages (also zig's, which is clang inside) into data. Positions are 1-based as clang prints them; ends
 * are exclusive. Lines that are no message (source excerpts, carets, counts) are skipped.
 */
export interface CompilerDiagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Exclusive; equal to `column` when the compiler gave no range. On the same line. */
  readonly endColumn: number;
  readonly severity: 'error' | 'warning' | 'note';
  readonly message: string;
  /** `-Wunused-variable`, when it is a warning that can be switched. */
  readonly option?: string;
  /** Explanations that belong to it. */
  readonly notes: readonly CompilerDiagnostic[];
  /** When `file` was included: who included it, innermost first. */
  readonly includedFrom: readonly { readonly file: string; readonly line: number }[];
}

const MESSAGE =
  /^(.+?):(\d+):(\d+):((?:\{\d+:\d+-\d+:\d+\})*):? (fatal error|error|warning|note): (.*?)(?: \[(-W[^\]]+)\])?$/;
const MESSAGE_WITHOUT_PLACE = /^(?:clang(?:-\d+)?|zig|[^:]+): (?:fatal )?error: (.*)$/;
const INCLUDED = /^(?:In file included from|\s+from) (.+?):(\d+)[:,]?$/;
/** More than this many are of no use to anybody. */
const MAX_DIAGNOSTICS = 200;

/** @param lineShift physical lines that stand before the text in what was compiled (ranges count physical lines). */
export function parseDiagnostics(stderr: string, lineShift: number): CompilerDiagnostic[] {
  const found: (CompilerDiagnostic & { notes: CompilerDiagnostic[] })[] = [];
  let includes: { file: string; line: number }[] = [];
  for (const text of stderr.split(/\r?\n/)) {
    const included = INCLUDED.exec(text);
    if (included) {
      includes.push({ file: included[1], line: Number(included[2]) });
      continue;
    }
    const parts = MESSAGE.exec(text);
    if (!parts) continue;
    const line = Number(parts[2]);
    const column = Number(parts[3]);
    const severity = parts[5] === 'warning' || parts[5] === 'note' ? parts[5] : 'error';
    const diagnostic: CompilerDiagnostic & { notes: CompilerDiagnostic[] } = {
      file: parts[1],
      line,
      ...columns(column, line, parts[4], lineShift),
      severity,
      message: parts[6],
      option: parts[7],
      notes: [],
      includedFrom: includes,
    };
    includes = [];
    if (severity === 'note' && found.length > 0) found[found.length - 1].notes.push(diagnostic);
    else if (found.length < MAX_DIAGNOSTICS) found.push(diagnostic);
  }
  return found;
}

/** The compiler's own complaint when it gave none about a file (bad option, cannot write, …). */
export function complaintWithoutPlace(stderr: string): string | undefined {
  for (const text of stderr.split(/\r?\n/)) {
    const parts = MESSAGE_WITHOUT_PLACE.exec(text);
    if (parts) return parts[1];
  }
  return undefined;
}

/** Widens the caret to the ranges on its line, which clang prints for the operands concerned. */
function columns(
  caret: number,
  line: number,
  ranges: string,
  lineShift: number,
): { column: number; endColumn: number } {
  let column = caret;
  let endColumn = caret;
  for (const range of ranges.matchAll(/\{(\d+):(\d+)-(\d+):(\d+)\}/g)) {
    const [fromLine, fromColumn, toLine, toColumn] = range.slice(1).map(Number);
    const same = fromLine === toLine && (fromLine === line || fromLine - lineShift === line);
    if (!same) continue;
    column = Math.min(column, fromColumn);
    endColumn = Math.max(endColumn, toColumn);
  }
  return { column, endColumn };
}

/** What to do about a compiler's error, where that lies outside the text. */
export function compilerHint(message: string): string | undefined {
  return / file not found$/.test(message)
    ? 'Name its folder with -I: in compile_commands.json, in the setting bpfStudio.compiler.flags, or on the command line.'
    : undefined;
}
