/** From our plain data to LSP: diagnostics of the verifier and of the compiler. Places become URIs, 1-based becomes 0-based. */
import {
  DiagnosticSeverity,
  type Diagnostic,
  type DiagnosticRelatedInformation,
  type Range,
} from 'vscode-languageserver/node';
import { URI } from 'vscode-uri';
import { compilerHint } from '../runtime/host/compilerDiagnostics';
import type { EditorDiagnostic, TextOf } from '../runtime/ide/diagnostics';
import { expressionColumns, utf16Column } from '../runtime/ide/expressionRange';
import { base1, toBase0, type Base0 } from '../runtime/util/position';
import type { CompilerFinding } from './analysis';
import { findingPage } from './findingPage';

/** Ours have plain text, which every client can show. */
export type PlainDiagnostic = Diagnostic & { readonly message: string };

export const VERIFIER_SOURCE = 'bpf-studio';
export const COMPILER_SOURCE = 'clang';

const SEVERITY = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
} as const;

export function verdictToLsp(found: EditorDiagnostic): PlainDiagnostic {
  const href = findingPage(found.code);
  return {
    range: found.range,
    severity: SEVERITY[found.severity],
    source: VERIFIER_SOURCE,
    code: found.code,
    ...(href === undefined ? {} : { codeDescription: { href } }),
    message: found.message,
    relatedInformation: found.related.map((related) => ({
      location: { uri: URI.file(related.file).toString(), range: related.range },
      message: related.message,
    })),
    data: { programs: found.programs, kernels: found.kernels },
  };
}

/** The last verdicts while the text does not compile: kept, but plainly of an older text. */
export function asStale(diagnostic: PlainDiagnostic): PlainDiagnostic {
  return { ...diagnostic, severity: DiagnosticSeverity.Hint, message: `(stale) ${diagnostic.message}` };
}

/** Compilers count lines and columns from 1 (0: unknown), LSP from 0. */
const zeroBased = (oneBased: number): Base0 => toBase0(base1(Math.max(1, oneBased)));

function findingRange(finding: CompilerFinding, textOf: TextOf): Range {
  const line = zeroBased(finding.line);
  const lineText = textOf(finding.file)?.line(line) ?? '';
  const start = utf16Column(lineText, zeroBased(finding.column));
  let end = utf16Column(lineText, zeroBased(finding.endColumn));
  // No range from the compiler: the token or expression that it points at.
  if (end <= start) end = Math.max(start + 1, tokenEnd(lineText, start));
  return { start: { line, character: start }, end: { line, character: end } };
}

function tokenEnd(lineText: string, start: number): number {
  const word = /^[A-Za-z_0-9]+/.exec(lineText.slice(start));
  return word === null ? expressionColumns(lineText, start + 1).endColumn - 1 : start + word[0].length;
}

/**
 * A compiler message as a diagnostic of `file`. One in a header stands on the `#include` that led there, with the
 * header's place as related information. Undefined when it has no place in this file at all.
 */
export function findingToLsp(
  finding: CompilerFinding,
  file: string,
  textOf: TextOf,
): PlainDiagnostic | undefined {
  const related: DiagnosticRelatedInformation[] = finding.notes.map((note) => ({
    location: { uri: URI.file(note.file).toString(), range: findingRange(note, textOf) },
    message: note.message,
  }));
  const hint = compilerHint(finding.message);
  let range: Range;
  if (finding.file === file) range = findingRange(finding, textOf);
  else {
    const include = finding.includedFrom.findLast((from) => from.file === file);
    if (include === undefined) return undefined;
    const line = zeroBased(include.line);
    range = { start: { line, character: 0 }, end: { line, character: textOf(file)?.line(line).length ?? 1 } };
    related.unshift({
      location: { uri: URI.file(finding.file).toString(), range: findingRange(finding, textOf) },
      message: finding.message,
    });
  }
  return {
    range,
    severity: finding.severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    source: COMPILER_SOURCE,
    ...(finding.option === undefined ? {} : { code: finding.option }),
    message: hint === undefined ? finding.message : `${finding.message}\nFix: ${hint}`,
    relatedInformation: related,
  };
}
