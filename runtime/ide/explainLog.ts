/**
 * A log that some kernel printed, as the reports that `verify` gives of its own verdicts: verdict, message, place, finding of
 * the rule book, the way that led there. What the log does not tell is left empty, never guessed.
 */
import { knownMessage, type KnownMessage } from '../verifier/diagnose/messageCodes';
import { causesOf } from '../verifier/diagnose/causes';
import { explanationOf as ruleBookWords } from '../verifier/diagnose/explanations';
import { leakFacts, missingHelper, wayFacts } from '../verifier/diagnose/sceneFacts';
import { traceBack, type Trace, type Way } from '../verifier/diagnose/way';
import { NO_STATS } from '../verifier/verdict';
import { lastPath, readLog, type LogSource, type LogStep, type ProgramLog } from './logReader';
import { helperByName } from '../spec/helpers';
import { fail, ok, type Result } from '../util/problem';
import { expressionColumns } from './expressionRange';
import { describeShown, mapShown } from './explainStates';
import { GENERAL } from './explainGeneral';
import { calleeOf, shownBefore, wayOfLog } from './explainPath';
import type { CausalReport, DiagnosticReport, ProgramReport, SourceSpan } from './verdictReport';

/** Where a source line of a log is in the user's files; undefined when they do not have it. */
export type SourceFinder = (
  source: LogSource,
) => { readonly file: string; readonly line: number; readonly text: string } | undefined;

export interface ExplainOptions {
  readonly findSource?: SourceFinder;
  /** Name of the kernel that printed the log, when known. */
  readonly kernel?: string;
}

/** A report read from a log. `section` and `type` are '' (logs do not tell); `kernel` is '' when not known. */
export interface ExplainedProgram extends ProgramReport {
  /** Lines of the log are missing, or its end. */
  readonly cut: boolean;
}

/** @returns one report per program of the log; a problem when the text is no verifier log. */
export function explainLog(text: string, options: ExplainOptions = {}): Result<ExplainedProgram[]> {
  const programs = readLog(text);
  if (programs.length === 0) {
    const alone = wordsAlone(text);
    if (alone === undefined)
      return fail({
        code: 'not-a-log',
        message: text.trim() === '' ? 'the log is empty' : 'this is no verifier log',
        remedy: 'Give what the kernel printed when the program was loaded (log level 1 or 2).',
      });
    return ok([explainOne(alone, options)]);
  }
  return ok(programs.map((log) => explainOne(log, options)));
}

/** Only a message, pasted without its log. */
function wordsAlone(text: string): ProgramLog | undefined {
  const messages = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (messages.length > 50 || knownMessage(messages) === undefined) return undefined;
  return { name: '', steps: [], messages, errno: 0, failed: true, cut: true };
}

function explainOne(log: ProgramLog, options: ExplainOptions): ExplainedProgram {
  const message = log.messages.at(-1) ?? log.report?.title ?? '';
  const refused = message !== '' || log.failed;
  const base = {
    name: log.name === '' ? 'program' : log.name,
    section: '',
    type: '',
    kernel: options.kernel ?? '',
    basis: 'measured' as const,
    stats: log.stats ?? NO_STATS,
    cut: log.cut,
  };
  if (!refused && log.stats !== undefined) return { ...base, verdict: 'accepted', errno: 0, message: '' };
  if (message === '')
    return {
      ...base,
      verdict: log.failed ? 'rejected' : 'unknown',
      errno: log.errno,
      message: 'the log ends before the reason',
    };
  const path = lastPath(log);
  const words = knownMessage(log.messages);
  const at = refusedStep(log, path, words);
  const known = words && withRegisters(words, log, path, at);
  const step = at < 0 ? undefined : path[at];
  const insn = step?.insn ?? insnOf(known);
  const source = step === undefined ? undefined : spanOf(step.source, options.findSource);
  return {
    ...base,
    verdict: 'rejected',
    errno: log.errno,
    message,
    ...(insn === undefined ? {} : { insn }),
    ...(source === undefined ? {} : { source }),
    diagnostic: diagnosticOf(log, known, path, at, options),
  };
}

/** Findings that are about the whole program, wherever the walk happened to end. */
const ABOUT_NO_INSTRUCTION: ReadonlySet<string> = new Set([
  'stack-too-large',
  'tail-call-stack',
  'global-function-prototype',
  'tracing-program-uses-timer',
  'tracing-program-uses-lock',
  'socket-filter-uses-lock',
]);

/** Argument that a finding about a call is about, where the message names no register. */
const ARGUMENT: Readonly<Record<string, number>> = {
  'timer-map-without-btf': 1,
  'timer-wrong-offset': 1,
  'timer-missing-in-value': 1,
  'timer-many-in-value': 1,
  'timer-mangled-in-value': 1,
  'lock-missing-in-value': 1,
  'lock-wrong-offset': 1,
  'lock-map-without-btf': 1,
  'unlock-without-lock': 1,
  'unlock-of-other-lock': 1,
  'two-locks': 1,
  'map-type-for-helper': 1,
  'callback-map-type': 1,
  'helper-without-map': 1,
  'write-to-read-only': 1,
  'tail-call-map': 2,
  'work-map-mismatch': 1,
};

/** Findings about the memory that an argument of a call points to, which the message does not name. */
const ABOUT_MEMORY: ReadonlySet<string> = new Set([
  'write-to-read-only',
  'read-from-write-only',
  'lock-direct-access',
  'timer-direct-access',
  'special-field-direct-access',
  'kptr-access',
  'out-of-bounds',
  'kptr-argument',
  'work-argument',
]);

/** The one argument of a call that points into a map or other memory; undefined when there are several. */
function onlyMemory(path: readonly LogStep[], at: number): number | undefined {
  const found = [1, 2, 3, 4, 5].filter((reg) =>
    /^(?:map_value|(?:\w+_)?mem\b)/.test(shownBefore(path, at, reg) ?? ''),
  );
  return found.length === 1 ? found[0] : undefined;
}

/** Where calls take what some findings are about. */
const ARGUMENT_OF: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'bad-format': { bpf_trace_printk: 1, bpf_trace_vprintk: 1, bpf_seq_printf: 2, bpf_snprintf: 3 },
  'dynptr-not-uninitialized': {
    bpf_ringbuf_reserve_dynptr: 4,
    bpf_dynptr_from_mem: 4,
    bpf_dynptr_from_skb: 3,
    bpf_dynptr_from_xdp: 3,
    bpf_dynptr_clone: 2,
  },
};

/** The memory that a helper takes with a size that may not be 0, else the key whose size the map tells. */
function sizedMemory(callee: string): number | undefined {
  const args = helperByName(callee)?.args ?? [];
  // Counted from 1, the memory before the size has the size's index from 0.
  const size = args.indexOf('size');
  const key = args.indexOf('mapKey') + 1;
  return size > 0 ? size : key > 0 ? key : undefined;
}

/** The argument that a message about a call counts in its own way, or that another line before it names. */
function argumentOfCall(
  callee: string,
  code: string,
  log: ProgramLog,
  path: readonly LogStep[],
  at: number,
): number | undefined {
  const fixed = ARGUMENT_OF[code]?.[callee];
  if (fixed !== undefined) return fixed;
  if (code === 'iterator-outside-rcu') return 1;
  if (code === 'zero-size') return sizedMemory(callee);
  // 6.1 counts these from 1, others from 0: it is the one that shows an address in the stack.
  const counted = / as arg #(\d+)$/.exec(log.messages.at(-1) ?? '')?.[1];
  if (counted === undefined) return undefined;
  const [low, high] = [Number(counted), Number(counted) + 1];
  const isPlace = (reg: number): boolean => /^(?:fp|dynptr)/.test(shownBefore(path, at, reg) ?? '');
  return isPlace(high) && !(low > 0 && isPlace(low)) ? high : low > 0 ? low : high;
}

/** What a register is, in words: as the log showed it last, unless the message knows that it has changed since. */
function whatOf(shown: string, type: string): string {
  const [now, then] = [describeShown(type), describeShown(shown)];
  return now === 'a number' && !/^(?:a|the) number/.test(then) ? now : then || now;
}

/** Registers that the message does not name but the refused instruction does: what it reads or writes through, or an argument. */
function withRegisters(
  words: KnownMessage,
  log: ProgramLog,
  path: readonly LogStep[],
  at: number,
): KnownMessage {
  if (at < 0) return words;
  const step = path[at];
  const callee = calleeOf(step);
  const known =
    callee === undefined || words.facts.helper !== undefined
      ? words
      : { ...words, facts: { ...words.facts, helper: callee } };
  // One wording for what a number is wanted for.
  if (callee === 'bpf_set_retval' && known.code === 'kfunc-argument')
    return { ...known, code: 'retval-range', category: 'Policy' };
  if (known.registers.length > 0) return known;
  // Why a call of a global function is refused stands in the line before.
  const before = known.code === 'global-function-argument' ? (log.messages.at(-2) ?? '') : '';
  const inner = /^R(\d+) | as R(\d+)$/
    .exec(before)
    ?.slice(1)
    .find((reg) => reg !== undefined);
  const innerArgument = /^arg#(\d+) /.exec(before)?.[1];
  if (inner !== undefined) return { ...known, registers: [Number(inner)] };
  if (innerArgument !== undefined) return { ...known, registers: [Number(innerArgument) + 1] };
  const asked = callee === undefined ? undefined : argumentOfCall(callee, known.code, log, path, at);
  if (asked !== undefined) return { ...known, registers: [asked] };
  const only = callee === undefined || !ABOUT_MEMORY.has(known.code) ? undefined : onlyMemory(path, at);
  if (only !== undefined) return { ...known, registers: [only] };
  const through = /\*\(\w+ \*\)\(r(\d+) /.exec(step.text)?.[1];
  const argument = step.text.startsWith('call ') ? ARGUMENT[known.code] : undefined;
  const reg = argument ?? (through === undefined || through === '10' ? undefined : Number(through));
  return reg === undefined ? known : { ...known, registers: [reg] };
}

const insnOf = (known: KnownMessage | undefined): number | undefined =>
  known?.facts.insn === undefined ? undefined : Number(known.facts.insn);

/** Index on the path of the step that was refused; -1 for none. */
function refusedStep(log: ProgramLog, path: readonly LogStep[], known: KnownMessage | undefined): number {
  if (log.steps.length === 0 || (known !== undefined && ABOUT_NO_INSTRUCTION.has(known.code))) return -1;
  const named = insnOf(known);
  return named === undefined ? path.length - 1 : path.findLastIndex((step) => step.insn === named);
}

/** The refused path of a log, followed back from the registers that the message is about. */
interface Followed {
  readonly steps: readonly LogStep[];
  readonly way: Way;
  readonly traces: readonly Trace[];
  /** Step at which what was forgotten had been acquired; -1 for none. */
  readonly acquiredAt: number;
}

function follow(known: KnownMessage | undefined, path: readonly LogStep[], at: number): Followed | undefined {
  if (at < 0 || known === undefined) return undefined;
  const steps = path.slice(0, at + 1);
  const way = wayOfLog(steps);
  const acquired = Number(known.facts.allocInsn ?? -1);
  return {
    steps,
    way,
    traces: known.registers.map((reg) => traceBack(way, reg)),
    acquiredAt: acquired < 0 ? -1 : steps.findLastIndex((step) => step.insn === acquired),
  };
}

function diagnosticOf(
  log: ProgramLog,
  known: KnownMessage | undefined,
  path: readonly LogStep[],
  at: number,
  options: ExplainOptions,
): DiagnosticReport {
  const followed = follow(known, path, at);
  const words = explanationOf(log, known, followed);
  const { report } = log;
  return {
    category: known?.category ?? report?.category ?? '',
    code: known?.code ?? 'kernel-message',
    // The kernel's own report is the better word only where the rule book has none.
    reason: known === undefined && report?.reason ? report.reason : words.reason,
    causalPath: known === undefined || followed === undefined ? [] : causes(known, followed, options),
    suggestion: words.suggestion || (report?.suggestion ?? ''),
  };
}

/** What the log shows of the facts that rows speak of; a fact that it does not show is absent. */
function factsOf(
  known: KnownMessage | undefined,
  followed: Followed | undefined,
  log: ProgramLog,
): Record<string, string> {
  const reg = known?.registers[0];
  const last = (followed?.steps.length ?? 0) - 1;
  const shown =
    reg === undefined || followed === undefined ? '' : (shownBefore(followed.steps, last, reg) ?? '');
  const inCall = known?.code === 'global-function-argument' ? calledGlobally(log) : {};
  const what = whatOf(shown, known?.facts.type ?? inCall.type ?? '');
  const struct = /^(?:\w+_)?ptr_(?!or_null)(\w+)/.exec(shown)?.[1];
  const map = mapShown(shown);
  const acquiredAt = followed?.acquiredAt ?? -1;
  const acquirer = followed === undefined || acquiredAt < 0 ? '' : followed.way.callee(acquiredAt);
  const id = /^invalid func unknown#(-?\d+)/m.exec(log.messages.at(-1) ?? '')?.[1];
  return {
    ...(map === '' ? {} : { map }),
    ...(what === '' ? {} : { what }),
    ...(struct === undefined ? {} : { struct }),
    ...(shown.startsWith('map_key') && map !== '' ? { type: 'mapKey' } : {}),
    ...(followed === undefined
      ? {}
      : wayFacts(followed.way, followed.traces[0], what === '' || /^(?:a|the) number/.test(what))),
    ...(acquirer === '' ? {} : leakFacts(acquirer)),
    ...(id === undefined ? {} : { id, missing: missingHelper(Number(id), '') }),
    ...(known?.code === 'timer-map-mismatch' && followed !== undefined
      ? mapsOfTimer(followed.steps, last)
      : {}),
    ...inCall,
    ...known?.facts,
  };
}

/** Which global function a call was refused of, and what the line before says is wrong with the argument. */
function calledGlobally(log: ProgramLog): Readonly<Record<string, string>> {
  const [detail = '', message = ''] = log.messages.slice(-2);
  const [, number, name] = /func#(\d+)(?: \('(\w+)'\))?/.exec(message) ?? [];
  const type = /\btype=(\S+)/.exec(detail)?.[1];
  return {
    detail,
    global: (name as string | undefined) === undefined ? `function #${number}` : `${name}()`,
    ...(type === undefined ? {} : { type }),
  };
}

function explanationOf(
  log: ProgramLog,
  known: KnownMessage | undefined,
  followed: Followed | undefined,
): { reason: string; suggestion: string } {
  const facts = factsOf(known, followed, log);
  const code = known?.code ?? '';
  const general = GENERAL[code] as (typeof GENERAL)[string] | undefined;
  if (general?.needs.some((name) => facts[name] === undefined)) return general;
  return ruleBookWords({
    env: { program: { name: '', lines: [], functions: [] } },
    data: {
      code,
      category: known?.category ?? 'Policy',
      errno: 0,
      message: log.messages.at(-1) ?? '',
      registers: known?.registers ?? [],
    },
    insn: followed?.steps.at(-1)?.insn ?? -1,
    what: facts.what ?? '',
    fact: (name) => facts[name] ?? '',
  });
}

/** The map that the timer is in and the map that is named with it, where the log prints both. */
function mapsOfTimer(path: readonly LogStep[], at: number): Record<string, string> {
  const [timerMap, map] = [1, 2].map((reg) => mapShown(shownBefore(path, at, reg) ?? ''));
  return timerMap === '' || map === '' || timerMap === map ? {} : { timerMap, map };
}

function causes(
  known: KnownMessage,
  { steps, way, traces, acquiredAt }: Followed,
  options: ExplainOptions,
): CausalReport[] {
  return causesOf(way, known.code, traces, acquiredAt).map(({ at, text }) => {
    const source = spanOf(steps[at].source, options.findSource);
    return { insn: steps[at].insn, ...(source === undefined ? {} : { source }), text };
  });
}

/** The place in the user's file, else the place that the log names; undefined when it names none. */
function spanOf(source: LogSource | undefined, find: SourceFinder | undefined): SourceSpan | undefined {
  if (source === undefined) return undefined;
  const own = find?.(source);
  if (own === undefined && source.line === 0) return undefined;
  const { file, line, text } = own ?? source;
  const first = text.search(/\S/) + 1;
  // Logs name no column: the statement as a whole.
  const { column, endColumn } = wholeStatement(text, Math.max(1, first));
  return { file, line, column, endColumn, text };
}

function wholeStatement(text: string, column: number): { column: number; endColumn: number } {
  const code = text.replace(/\/\/.*$|\/\*.*\*\/\s*$/, '').trimEnd();
  if (code.length < column) return expressionColumns(text, column);
  return { column, endColumn: code.length + 1 };
}
