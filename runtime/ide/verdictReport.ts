/**
 * A verdict joined with the source: what `verify` prints as JSON and what the editor makes diagnostics of. One
 * report per program and kernel. Plain data; places are those of the object's line info, with the extent of the
 * expression worked out from the stored line text.
 */
import type { LineEntry, ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import type { Verdict, VerifierStats } from '../verifier/verdict';
import type { Problem } from '../util/problem';
import { expressionColumns } from './expressionRange';

/** A place in a source file. Line and columns are 1-based, `endColumn` is exclusive; 0 when unknown. */
export interface SourceSpan {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endColumn: number;
  /** Column that the compiler named; inside the expression. */
  readonly at?: number;
  /** The source line as the compiler stored it. */
  readonly text: string;
}

export interface CausalReport {
  readonly insn: number;
  readonly source?: SourceSpan;
  readonly text: string;
}

export interface DiagnosticReport {
  readonly category: string;
  readonly code: string;
  readonly reason: string;
  readonly causalPath: readonly CausalReport[];
  readonly suggestion: string;
}

export interface ProgramReport {
  readonly name: string;
  readonly section: string;
  readonly type: string;
  readonly kernel: string;
  readonly basis: 'measured' | 'facts';
  readonly verdict: Verdict['verdict'];
  readonly errno: number;
  readonly message: string;
  readonly insn?: number;
  /** Where the refused instruction comes from. */
  readonly source?: SourceSpan;
  /** Where the program itself begins. */
  readonly entry?: SourceSpan;
  readonly diagnostic?: DiagnosticReport;
  readonly problem?: Problem;
  readonly stats: VerifierStats;
  readonly log?: string;
}

/** The line entry that covers a slot, undefined without line info. */
export function lineOfSlot(lines: readonly LineEntry[], insn: number): LineEntry | undefined {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle].insnIdx <= insn) low = middle + 1;
    else high = middle;
  }
  return low > 0 ? lines[low - 1] : undefined;
}

/** Place of a slot with the extent of its expression. */
export function sourceOfSlot(program: ProgramSpec, insn: number): SourceSpan | undefined {
  const entry = lineOfSlot(program.lines, insn);
  if (entry === undefined || entry.line === 0) return undefined;
  return {
    file: entry.file,
    line: entry.line,
    ...expressionColumns(entry.text, entry.column),
    at: entry.column,
    text: entry.text,
  };
}

/** Joins one verdict with its program's line info. `program` is absent when the loader gave none. */
export function reportOf(verdict: Verdict, program: ProgramSpec | undefined): ProgramReport {
  const source =
    program !== undefined && verdict.insn !== undefined ? sourceOfSlot(program, verdict.insn) : undefined;
  const found = verdict.diagnostic;
  return {
    name: verdict.program,
    section: verdict.section,
    type: verdict.type,
    kernel: verdict.kernel,
    basis: verdict.basis,
    verdict: verdict.verdict,
    errno: verdict.errno,
    message: verdict.message,
    ...(verdict.insn === undefined ? {} : { insn: verdict.insn }),
    ...(source === undefined ? {} : { source }),
    ...entryOf(program),
    ...(found === undefined
      ? {}
      : {
          diagnostic: {
            category: found.category,
            code: found.code,
            reason: found.reason,
            causalPath: found.causalPath.map((step) => {
              const at = program === undefined ? undefined : sourceOfSlot(program, step.insn);
              return { insn: step.insn, ...(at === undefined ? {} : { source: at }), text: step.text };
            }),
            suggestion: found.suggestion,
          },
        }),
    ...(verdict.problem === undefined ? {} : { problem: verdict.problem }),
    stats: verdict.stats,
    ...(verdict.log === undefined ? {} : { log: verdict.log }),
  };
}

function entryOf(program: ProgramSpec | undefined): { entry?: SourceSpan } {
  const entry = program === undefined ? undefined : sourceOfSlot(program, 0);
  return entry === undefined ? {} : { entry };
}

/** Reports of all verdicts of an object, in the order given. */
export function reportsOf(spec: ObjectSpec, verdicts: readonly Verdict[]): ProgramReport[] {
  const byName = new Map(spec.programs.map((program) => [program.name, program]));
  return verdicts.map((verdict) => reportOf(verdict, byName.get(verdict.program)));
}
