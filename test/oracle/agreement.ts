/**
 * Holds our verdicts against a real kernel's, program by program, and sums them up. `unknown` counts as a disagreement;
 * accepting what the kernel refuses ("wrong acceptance") is counted apart, because it is the worst.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { INTERNAL_ERROR } from '../../runtime/host/internalError';
import { judge as judgeObject } from '../../runtime/host/judge';
import type { ProgramReport } from '../../runtime/ide/verdictReport';
import { GUEST_CPUS } from '../../runtime/loader/rawProgram';
import type { Verdict } from '../../runtime/verifier/verdict';
import type { KernelVerdict } from './verifyObjects';

export interface Comparison {
  readonly file: string;
  readonly program: string;
  readonly kernelSays: 'accepted' | 'rejected' | 'error';
  readonly weSay: Verdict['verdict'] | 'crash';
  readonly kernelMessage: string;
  readonly ourMessage: string;
  readonly kernelInsns: number;
  readonly ourInsns: number;
  /** The kernel was asked to load it as only tests do (strict alignment, more states): not comparable, left out. */
  readonly otherLoad: boolean;
}

/** What is compared of a verdict. */
type OurVerdict = Pick<Verdict, 'verdict' | 'message' | 'stats'>;

/** Test flags that change nothing here: any alignment (2), random upper halves (4), checked invariants (128). */
const HARMLESS_FLAGS = 2 | 4 | 128;

/** Pointers differ from boot to boot; a message without a line end runs into the statistics. */
const masked = (message: string): string =>
  message
    .replace(/\b(0x)?ffff[0-9a-f]{8,12}\b/g, 'PTR')
    .replace(/^libbpf: /, '')
    .replace(/verification time \d+ usec$/, '')
    .trim();

const STATE_OR_SOURCE =
  /^(;|\d+: |R\d+(_w)?=|fp-|\s|old state:|cur state:|from \d+ to \d+|last_idx|first_idx|regs=|mark_precise|parent )/;

/** The kernel's final message: the last line that is neither source text nor a state. */
export function finalMessage(answer: Partial<KernelVerdict>): string {
  const lines = (answer.messages ?? answer.error ?? '').split('\n').filter((l) => l.trim() !== '');
  for (let i = lines.length - 1; i >= 0; i--) if (!STATE_OR_SOURCE.test(lines[i])) return masked(lines[i]);
  return masked(answer.error ?? '');
}

/** Our verdict on every program of `file` for `kernel`; a thrown exception is our bug and is reported as `crash`. */
export function judge(file: string, kernel: string): Map<string, ProgramReport | Error> {
  const request = {
    file,
    bytes: fs.readFileSync(file),
    kernels: [kernel],
    logLevel: 0 as const,
    relaxed: true,
    btf: {},
    possibleCpus: GUEST_CPUS,
  };
  const judged = judgeObject(request);
  return new Map(
    judged?.ok
      ? judged.value.programs.map((report) => [
          report.name,
          report.problem?.code === INTERNAL_ERROR ? new Error(report.message) : report,
        ])
      : [],
  );
}

export function compare(answer: KernelVerdict, ours: OurVerdict | Error | undefined): Comparison {
  const crash = ours instanceof Error;
  return {
    // A kernel that does not know a test flag refuses the load without a word.
    otherLoad:
      ((answer.prog_flags ?? 0) & ~HARMLESS_FLAGS) !== 0 ||
      (answer.prog_flags !== undefined && answer.verdict === 'fail' && finalMessage(answer) === ''),
    file: answer.file,
    program: answer.prog ?? '',
    kernelSays: answer.verdict === 'ok' ? 'accepted' : answer.verdict === 'fail' ? 'rejected' : 'error',
    weSay: crash ? 'crash' : (ours?.verdict ?? 'error'),
    kernelMessage: answer.verdict === 'ok' ? '' : finalMessage(answer),
    ourMessage: crash ? (ours.stack ?? ours.message) : masked(ours?.message ?? ''),
    kernelInsns: answer.processed_insns ?? 0,
    ourInsns: crash ? 0 : (ours?.stats.processedInsns ?? 0),
  };
}

/** Another verdict, another message, or another number of processed instructions. */
export const differs = (c: Comparison): boolean =>
  !c.otherLoad &&
  (c.kernelSays !== c.weSay ||
    (c.weSay === 'rejected' && c.ourMessage !== c.kernelMessage) ||
    (c.weSay === 'accepted' && c.ourInsns !== c.kernelInsns));

/** One line about one comparison. */
export function comparisonText(kernel: string, c: Comparison): string {
  const counts =
    c.weSay === 'accepted' && c.kernelSays === 'accepted' ? ` counts ${c.kernelInsns}, ${c.ourInsns}` : '';
  const name = c.program === '' ? c.file : `${path.basename(c.file)}:${c.program}`;
  return `${kernel} ${name}: kernel ${c.kernelSays} «${c.kernelMessage}», we ${c.weSay} «${c.ourMessage}»${counts}`;
}

export interface Agreement {
  programs: number;
  agree: number;
  wrongAcceptances: number;
  wrongRejections: number;
  unknown: number;
  crashes: number;
  bothRejected: number;
  sameMessage: number;
  bothAccepted: number;
  sameCount: number;
}

export function summarise(all: readonly Comparison[]): Agreement {
  const comparisons = all.filter((c) => !c.otherLoad);
  const count = (test: (c: Comparison) => boolean): number => comparisons.filter(test).length;
  const both = (verdict: Comparison['kernelSays']) => (c: Comparison) =>
    c.weSay === verdict && c.kernelSays === verdict;
  return {
    programs: comparisons.length,
    agree: count((c) => c.kernelSays === c.weSay),
    wrongAcceptances: count((c) => c.weSay === 'accepted' && c.kernelSays !== 'accepted'),
    wrongRejections: count(
      (c) => c.weSay !== 'accepted' && c.weSay !== 'unknown' && c.kernelSays === 'accepted',
    ),
    unknown: count((c) => c.weSay === 'unknown'),
    crashes: count((c) => c.weSay === 'crash'),
    bothRejected: count(both('rejected')),
    sameMessage: count((c) => both('rejected')(c) && c.ourMessage === c.kernelMessage),
    bothAccepted: count(both('accepted')),
    sameCount: count((c) => both('accepted')(c) && c.ourInsns === c.kernelInsns),
  };
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`;

const COLUMNS = [
  'what',
  'kernel',
  'programs',
  'agree',
  'wrongly accepted',
  'wrongly rejected',
  'unknown',
  'crashes',
  'same message',
  'same count',
] as const;

/** One row of the table that people read. */
export function agreementRow(what: string, kernel: string, a: Agreement): readonly string[] {
  return [
    what,
    kernel,
    String(a.programs),
    percent(a.agree, a.programs),
    String(a.wrongAcceptances),
    String(a.wrongRejections),
    String(a.unknown),
    String(a.crashes),
    `${a.sameMessage}/${a.bothRejected} ${percent(a.sameMessage, a.bothRejected)}`,
    `${a.sameCount}/${a.bothAccepted} ${percent(a.sameCount, a.bothAccepted)}`,
  ];
}

/** The table, with its heading. */
export function agreementTable(rows: readonly (readonly string[])[]): string {
  const all = [COLUMNS, ...rows];
  const widths = COLUMNS.map((_, i) => Math.max(...all.map((row) => row[i].length)));
  return all
    .map((row) =>
      row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    )
    .join('\n');
}

/** One line a kernel, for people. */
export function agreementLine(name: string, a: Agreement): string {
  return [
    `${name}: ${a.programs} programs, ${percent(a.agree, a.programs)} agree`,
    `${a.wrongAcceptances} wrong acceptances`,
    `${a.wrongRejections} wrong rejections`,
    `${a.unknown} unknown`,
    `${a.crashes} crashes`,
    `same message ${a.sameMessage}/${a.bothRejected}`,
    `same count ${a.sameCount}/${a.bothAccepted}`,
  ].join(', ');
}
