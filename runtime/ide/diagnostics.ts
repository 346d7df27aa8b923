/**
 * Verdicts as an editor's diagnostics: one per root cause, on the C expression, with the causal path as related
 * places. The same finding on several kernels, or in several programs that share a function, is one diagnostic that
 * names them. Protocol-free: positions are 0-based lines and UTF-16 characters, the server translates the rest.
 */
import { findProfile } from '../spec/profile';
import type { SourceText } from './expressionRange';
import type { ProgramReport, SourceSpan } from './verdictReport';

export interface EditorRange {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
}

export interface EditorPlace {
  readonly file: string;
  readonly range: EditorRange;
}

export interface EditorDiagnostic {
  readonly range: EditorRange;
  readonly severity: 'error' | 'warning' | 'information' | 'hint';
  /** Kebab-case word of the rule book. */
  readonly code: string;
  readonly message: string;
  readonly related: readonly (EditorPlace & { readonly message: string })[];
  /** Programs and kernels that it is true of. */
  readonly programs: readonly string[];
  readonly kernels: readonly string[];
}

/** Texts by file; undefined for a file that cannot be read. The document's own text may be unsaved. */
export type TextOf = (file: string) => SourceText | undefined;

/** A causal path longer than this is shown by its end: what happened last explains most. */
const MOST_RELATED = 12;

/** Diagnostics of one document from the reports of its object. `file` is the document's path as the compiler names it. */
export function verdictDiagnostics(
  reports: readonly ProgramReport[],
  file: string,
  textOf: TextOf,
): EditorDiagnostic[] {
  const merged = new Map<string, { report: ProgramReport; programs: string[]; kernels: string[] }>();
  for (const report of reports) {
    if (report.verdict === 'accepted') continue;
    const at = report.source ?? report.entry;
    const key = JSON.stringify([
      report.verdict,
      codeOf(report),
      at?.file,
      at?.line,
      at?.column,
      reasonOf(report),
    ]);
    const group = merged.get(key);
    if (group === undefined) {
      merged.set(key, { report, programs: [report.name], kernels: [report.kernel] });
      continue;
    }
    if (!group.programs.includes(report.name)) group.programs.push(report.name);
    if (!group.kernels.includes(report.kernel)) group.kernels.push(report.kernel);
  }
  return [...merged.values()].map((group) => toDiagnostic(group, file, textOf));
}

function codeOf(report: ProgramReport): string {
  return (
    report.diagnostic?.code ??
    report.problem?.code ??
    (report.verdict === 'unknown' ? 'not-modelled' : 'rejected')
  );
}

/** What makes two findings the same: our words if we have some, since kernels word theirs differently. */
function reasonOf(report: ProgramReport): string {
  const reason = report.diagnostic?.reason ?? '';
  // Words that fit every refusal say less than the kernel's own.
  if (reason === '' || SAYS_NOTHING.test(reason)) return report.problem?.message || report.message || reason;
  return reason;
}

const SAYS_NOTHING = /^The kernel refuses this (?:instruction|use of .*)\.$/;

function toDiagnostic(
  group: { report: ProgramReport; programs: string[]; kernels: string[] },
  file: string,
  textOf: TextOf,
): EditorDiagnostic {
  const { report } = group;
  const related: (EditorPlace & { message: string })[] = [];
  const push = (span: SourceSpan | undefined, message: string): void => {
    if (span === undefined) return;
    const last = related.at(-1);
    const place = { file: span.file, range: rangeOf(span, textOf) };
    // Several instructions of one expression tell one step.
    if (last !== undefined && last.message === message && sameRange(last.range, place.range)) return;
    related.push({ ...place, message });
  };
  for (const step of report.diagnostic?.causalPath ?? []) push(step.source, step.text);
  let at = report.source ?? report.entry;
  if (at !== undefined && at.file !== file) {
    // The refused instruction comes from a header: the squiggle goes to the step in this document that led there.
    push(at, 'the refused instruction comes from here');
    at = report.diagnostic?.causalPath.findLast((step) => step.source?.file === file)?.source ?? report.entry;
    if (at?.file !== file) at = undefined;
  }
  return {
    range: at === undefined ? firstLine(file, textOf) : rangeOf(at, textOf),
    severity: report.verdict === 'unknown' ? 'information' : 'error',
    code: codeOf(report),
    message: messageOf(report, group.programs, group.kernels),
    related: related.slice(-MOST_RELATED),
    programs: group.programs,
    kernels: group.kernels,
  };
}

function messageOf(report: ProgramReport, programs: readonly string[], kernels: readonly string[]): string {
  const where = kernels.map(kernelName).join(', ');
  const which = programs.join(', ');
  const lines: string[] = [];
  if (report.verdict === 'unknown') {
    lines.push(`${which}: not judged for Linux ${where}: ${report.message}`);
    lines.push('BPF Studio does not model this yet; the kernel may accept or reject the program.');
    return lines.join('\n');
  }
  const first = withoutFullStop(reasonOf(report));
  lines.push(
    report.verdict === 'error'
      ? `${which} cannot be loaded: ${first}`
      : `${which} is rejected by Linux ${where}: ${first}`,
  );
  if (report.message !== '' && report.message !== first) lines.push(`Kernel: ${report.message}`);
  const fix = report.diagnostic?.suggestion || report.problem?.remedy;
  if (fix) lines.push(`Fix: ${fix}`);
  return lines.join('\n');
}

/** `6.12`, and `6.6 (by facts)` where no such kernel was measured. */
const kernelName = (name: string): string =>
  findProfile(name)?.basis === 'facts' ? `${name} (by facts)` : name;

const withoutFullStop = (text: string): string => text.replace(/\.$/, '');

const sameRange = (a: EditorRange, b: EditorRange): boolean =>
  a.start.line === b.start.line &&
  a.start.character === b.start.character &&
  a.end.line === b.end.line &&
  a.end.character === b.end.character;

/** Extent in the whole text where it can be read, since an expression may span lines; else what one line told. */
export function rangeOf(span: SourceSpan, textOf: TextOf): EditorRange {
  const text = textOf(span.file);
  const found = text?.expressionAt(span.line, compilerColumn(span));
  if (text !== undefined && found !== undefined) {
    return { start: text.positionAt(found.start), end: text.positionAt(found.end) };
  }
  const line = Math.max(0, span.line - 1);
  return {
    start: { line, character: Math.max(0, span.column - 1) },
    end: { line, character: Math.max(0, span.endColumn - 1, span.column) },
  };
}

/** The span's own start: asking again from there gives the same expression or, over lines, all of it. */
const compilerColumn = (span: SourceSpan): number => span.at ?? span.column;

function firstLine(file: string, textOf: TextOf): EditorRange {
  return {
    start: { line: 0, character: 0 },
    end: { line: 0, character: textOf(file)?.line(0).length ?? 0 },
  };
}
