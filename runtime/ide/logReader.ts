/**
 * Reads a verifier log that some kernel printed (5.15 to 7.x, level 1 or 2), with what libbpf, bpftool, Go loaders or a
 * terminal put around it. One pass over the lines into plain data; no judgement about the program, and no trust in the text:
 * any bytes give a result, and what is not recognised counts as a message.
 *
 * Steps link to the step before them on their path, so the way to the refusal can be followed although the kernel walks many.
 */

import { ERRNO } from '../spec/errno';
import { linesOf } from './logLines';

/** A source line that the log shows; `line` is 0 in logs that name no place. */
export interface LogSource {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** One walked instruction. */
export interface LogStep {
  readonly insn: number;
  /** Opcode byte. */
  readonly opcode: number;
  /** As the log prints it, without the state behind it. */
  readonly text: string;
  readonly source?: LogSource;
  /** Registers that the log shows with or behind the instruction. */
  registers?: ReadonlyMap<number, string>;
  /** Registers that the log shows before it. */
  readonly before?: ReadonlyMap<number, string>;
  /** Index of the step before it on its path; -1 at a start. */
  readonly parent: number;
}

/** A report of Linux 7.3 and newer, section by section; '' for a section that is missing. */
export interface LogReport {
  readonly category: string;
  readonly title: string;
  readonly reason: string;
  readonly suggestion: string;
}

/** The log of one program. */
export interface ProgramLog {
  /** Program as the loader around the log names it; '' if none does. */
  readonly name: string;
  readonly steps: readonly LogStep[];
  /** Lines after the last step that are neither state, source nor statistics; the final message last. */
  readonly messages: readonly string[];
  readonly report?: LogReport;
  readonly stats?: {
    readonly processedInsns: number;
    readonly totalStates: number;
    readonly peakStates: number;
    readonly stackDepth: readonly number[];
  };
  /** Positive errno that the loader around the log tells; 0 if it does not. */
  readonly errno: number;
  /** The loader around the log says that loading failed. */
  readonly failed: boolean;
  /** Lines were left out: no statistics at the end, or a loader says so. */
  readonly cut: boolean;
}

interface Draft {
  name: string;
  steps: LogStep[];
  messages: string[];
  report?: LogReport;
  processed?: { insns: number; total: number; peak: number };
  stackDepth: number[];
  errno: number;
  failed: boolean;
  omitted: boolean;
  /** Within the analyses that newer kernels list at level 2 before they walk; those list instructions too. */
  listing: boolean;
  /** Something was seen that only verifier logs have. */
  recognised: boolean;
  source?: LogSource;
  before?: ReadonlyMap<number, string>;
  last: number;
  visits: Map<number, number[]>;
}

const newDraft = (name = ''): Draft => ({
  name,
  steps: [],
  messages: [],
  stackDepth: [],
  errno: 0,
  failed: false,
  omitted: false,
  listing: false,
  recognised: false,
  last: -1,
  visits: new Map(),
});

const ERRNO_WORDS: Readonly<Record<string, number>> = {
  'operation not permitted': 1,
  'no such file or directory': 2,
  'no such process': 3,
  'argument list too long': 7,
  'cannot allocate memory': 12,
  'permission denied': 13,
  'bad address': 14,
  'invalid argument': 22,
  'no space left on device': 28,
  'operation not supported': 95,
};
const UNKNOWN_ERROR = 524;

const STEP = /^(\d+): \(([0-9a-f]{2})\) (.*)$/;
const STATE = /^(\d+): (?:(?:R\d+|fp-\d+|frame\d+|refs)[=_: ].*|safe)$/;
const FROM = /^from (\d+) to (\d+)(?: \([a-z ]+\))?: ?(.*)$/;
const PROCESSED =
  /^processed (\d+) insns \(limit \d+\) max_states_per_insn \d+ total_states (\d+) peak_states (\d+)/;
const SOURCE = /^; (.*?)(?: @ ([^@]+):(\d+))?\s*$/;
const STACK_DEPTH = /^stack depth (\d+(?:\+\d+)*)/;
const REPORT = /^Verification failed: ([^:]+): (.*)$/;
const SECTION = /^(Reason|At|Causal path|Suggestion)(?::\s*(.*))?$/;

/** Lines that the verifier prints on its way and that are never the reason of a refusal. */
const CHATTER =
  /^(?:verification time \d+ usec|insns processed |regs=\S+ (?:stack|slots)=|mark_precise: |last_idx |first_idx |parent (?:didn't|already|state)|propagating |(?:caller|callee|returning from callee|cur state|old state):|to caller at \d+|frame\d+: |(?:R\d+|fp-\d+)(?:_[rwD]+)?=|func#\d+ @\d+|Validating \S+\(\) func#\d+|Func '\S+' is |Func#\d+ is |Live regs before insn|\d+: [.0-9]{10,}|reg type unsupported for arg#|stack depth |processed \d+ insns|Live registers|\d+: \(|from \d+ to \d+|-- (?:BEGIN|END) PROG LOAD LOG --|Error: |libbpf: |$)/;
const LISTING = /^(?:topo_order\[|subprog#\d+|stack use\/def |Live regs before insn)/;
const LISTED = /^(?:topo_order\[|subprog#|stack use\/def |Live regs |\d+: )/;
const BEFORE_STEP = /^(?:regs=|mark_precise:)/;

const REGISTER = /\bR(\d+)(?:_[rwD]+)?=(P?-?[\w[\].]+(?:\((?:[^()]|\([^()]*\))*\))?)/g;

function registersOf(text: string): ReadonlyMap<number, string> | undefined {
  if (!text.includes('R')) return undefined;
  const found = new Map<number, string>();
  for (const match of text.matchAll(REGISTER)) found.set(Number(match[1]), match[2]);
  return found.size > 0 ? found : undefined;
}

/** @returns one entry per program in the text; none when the text is no verifier log. */
export function readLog(text: string): ProgramLog[] {
  const programs: ProgramLog[] = [];
  let draft = newDraft();
  const close = (name = ''): Draft => {
    if (draft.recognised) programs.push(finished(draft));
    return (draft = newDraft(name));
  };
  const lines = linesOf(text);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    if (loaderLine(line, draft, close)) continue;
    const report = REPORT.exec(line);
    if (report !== null) {
      draft.recognised = true;
      at = readReport(lines, at, report, draft);
      continue;
    }
    // Logs of several programs without anything between them.
    if (draft.processed !== undefined && /^(?:0: (?:\(|R1=)|func#0 @0)/.test(line)) close();
    logLine(line, draft);
  }
  close();
  return withoutRepeats(programs);
}

/** Chains of errors print the log again for each of their links; what the loader says of it may stand behind any. */
function withoutRepeats(programs: readonly ProgramLog[]): ProgramLog[] {
  const kept: ProgramLog[] = [];
  for (const log of programs) {
    const last = kept.at(-1);
    if (last === undefined || !isSame(last, log)) kept.push(log);
    else if (last.errno === 0) kept[kept.length - 1] = { ...last, errno: log.errno };
  }
  return kept;
}

const isSame = (a: ProgramLog, b: ProgramLog): boolean =>
  a.name === b.name &&
  a.steps.length === b.steps.length &&
  a.messages.join('\n') === b.messages.join('\n') &&
  a.steps.every(({ insn, text }, n) => b.steps[n].insn === insn && b.steps[n].text === text);

/** What loaders print around a log. @returns false when the line is something else. */
function loaderLine(line: string, open: Draft, close: (name?: string) => Draft): boolean {
  let draft = open;
  const libbpf = /^libbpf: prog '([^']*)': (.*)$/.exec(line);
  if (libbpf !== null) {
    const [, name, rest] = libbpf;
    if (draft.name !== name && (draft.recognised || draft.name !== '')) draft = close(name);
    draft.name = name;
    if (/-- BEGIN PROG LOAD LOG --/.test(rest)) draft.recognised = true;
    noteFailure(rest, draft);
    return true;
  }
  if (/^-- (?:BEGIN|END) PROG LOAD LOG --/.test(line)) {
    draft.recognised = true;
    return true;
  }
  if (/^(?:libbpf: |Error: failed to )/.test(line)) {
    noteFailure(line, draft);
    return true;
  }
  const output = /^(.*\bsyscall .*\. )?Verifier output: (.*)$/.exec(line);
  if (output !== null) {
    if (output[2] !== '' && draft.processed !== undefined) draft = close(draft.name);
    draft.recognised = true;
    draft.failed = true;
    noteFailure(output[1] ?? '', draft);
    if (output[2] !== '') logLine(output[2], draft);
    return true;
  }
  const go =
    /^(?:.*\b(?:field|program) (\w+): )?(?:.*: )?load program: ([a-z ]+): ?(.*?)(?: ?\(?(?:truncated, )?(\d+) line\(s\) omitted\)?)?$/i.exec(
      line,
    );
  if (go !== null) {
    const [, name, word, rest, omitted] = go;
    if ((name as string | undefined) !== undefined) draft.name = name;
    draft.errno = ERRNO_WORDS[word.toLowerCase()] ?? draft.errno;
    draft.failed = true;
    draft.recognised = true;
    if ((omitted as string | undefined) !== undefined) draft.omitted = true;
    // The short form: the last lines, joined by colons.
    if (rest !== '') for (const part of rest.split(/: (?=R\d+ |[A-Z0-9]+: \()/)) logLine(part.trim(), draft);
    return true;
  }
  if (/^\(?(?:truncated|\.\.\.)|^\d+ line\(s\) omitted/.test(line)) {
    draft.omitted = true;
    return true;
  }
  return false;
}

function noteFailure(text: string, draft: Draft): void {
  const number = /failed to load: -(\d+)|\((-\d+)\)|error -(\d+)|: -(\d+)$/.exec(text);
  const word = /(?:failed|rejected): ([A-Za-z ]+)$/.exec(text);
  const system = /\(os error (\d+)\)|: ([A-Z][a-z ]+) \((\d+)\)!?$/.exec(text);
  const symbol = /(?:failed|load): -(E[A-Z]+)\b/.exec(text)?.[1];
  if (system !== null && draft.errno === 0) draft.errno = Number(system[1] ?? system[3]);
  if (symbol !== undefined && draft.errno === 0)
    draft.errno = (ERRNO as Readonly<Record<string, number>>)[symbol] ?? 0;
  if (/fail|reject|os error/i.test(text)) draft.failed = true;
  if (number !== null && draft.errno === 0)
    draft.errno = Math.abs(Number(number[1] ?? number[2] ?? number[3] ?? number[4]));
  if (word !== null && draft.errno === 0) draft.errno = ERRNO_WORDS[word[1].toLowerCase()] ?? 0;
  if (/Unknown error 524/.test(text)) draft.errno = UNKNOWN_ERROR;
}

function logLine(line: string, draft: Draft): void {
  if (line === '' || line === '"') return;
  if (LISTING.test(line)) draft.listing = true;
  if (draft.listing) {
    if (STATE.test(line) || FROM.test(line) || line.startsWith(';')) draft.listing = false;
    else if (LISTED.test(line)) return;
  }
  const step = BEFORE_STEP.test(line) ? null : STEP.exec(line);
  if (step !== null) return addStep(step, draft);
  const from = FROM.exec(line);
  if (from !== null) {
    draft.recognised = true;
    draft.messages = [];
    resume(Number(from[1]), draft);
    if (from[3] === 'safe') draft.last = -1;
    else draft.before = registersOf(from[3]);
    return;
  }
  const state = STATE.exec(line);
  if (state !== null) {
    draft.recognised = true;
    draft.messages = [];
    const shown = registersOf(line.slice(line.indexOf(':') + 1));
    // Newer kernels print a changed state once more behind the instruction that it belongs to.
    draft.before = shown;
    if (line.endsWith(': safe')) draft.last = -1;
    return;
  }
  const processed = PROCESSED.exec(line);
  if (processed !== null) {
    draft.recognised = true;
    const [insns, total, peak] = processed.slice(1).map(Number);
    draft.processed = { insns, total, peak };
    return;
  }
  const depth = STACK_DEPTH.exec(line);
  if (depth !== null) {
    draft.stackDepth = depth[1].split('+').map(Number);
    return;
  }
  const source = line.startsWith(';') ? SOURCE.exec(line) : null;
  if (source !== null) {
    draft.messages = [];
    draft.source = { file: source[2] ?? '', line: Number(source[3] ?? 0), text: source[1].trim() };
    return;
  }
  if (/^Validating \S+\(\) func#\d+/.test(line)) {
    draft.recognised = true;
    draft.last = -1;
    draft.messages = [];
    return;
  }
  if (CHATTER.test(line)) return;
  // The statistics end a log: what follows is the loader's.
  if (draft.processed !== undefined) {
    noteFailure(line, draft);
    return;
  }
  // One message of newer kernels lacks its line end.
  draft.messages.push(line.replace(/verification time \d+ usec$/, ''));
}

function addStep(match: RegExpExecArray, draft: Draft): void {
  const insn = Number(match[1]);
  const split = /^(.*?)\s*; ((?:R\d+|fp-\d+|frame\d+|refs|cb|async_cb)[=_:].*)$/.exec(match[3]);
  const text = (split === null ? match[3] : split[1]).replace(/\s*;\s*$/, '').trim();
  const before = draft.before;
  const index = draft.steps.length;
  draft.recognised = true;
  draft.messages = [];
  draft.before = undefined;
  draft.steps.push({
    insn,
    opcode: parseInt(match[2], 16),
    text,
    ...(draft.source === undefined ? {} : { source: draft.source }),
    ...(before === undefined ? {} : { before }),
    registers: split === null ? undefined : registersOf(split[2]),
    parent: draft.last,
  });
  draft.last = index;
  const visits = draft.visits.get(insn);
  if (visits === undefined) draft.visits.set(insn, [index]);
  else visits.push(index);
}

/** The path goes on at a state that was put aside at instruction `insn`: the newest visit that is not yet taken up again. */
function resume(insn: number, draft: Draft): void {
  const visits = draft.visits.get(insn);
  draft.last = (visits !== undefined && visits.length > 1 ? visits.pop() : visits?.[0]) ?? -1;
}

function readReport(lines: readonly string[], first: number, head: RegExpExecArray, draft: Draft): number {
  const sections = new Map<string, string[]>();
  let current: string | undefined;
  let at = first + 1;
  for (; at < lines.length; at++) {
    const line = lines[at];
    if (PROCESSED.test(line) || STACK_DEPTH.test(line) || /^verification time |^-- END|^libbpf: /.test(line))
      break;
    const section = SECTION.exec(line);
    if (section !== null) {
      current = section[1];
      sections.set(current, (section[2] as string | undefined) ? [section[2]] : []);
    } else if (line === '') {
      if (current === 'Suggestion' && (sections.get(current) ?? []).length > 0) break;
    } else if (current !== undefined) sections.get(current)?.push(line);
  }
  const text = (name: string): string => (sections.get(name) ?? []).join(' ');
  draft.report = {
    category: head[1].trim(),
    title: head[2].trim(),
    reason: text('Reason'),
    suggestion: text('Suggestion'),
  };
  return at - 1;
}

function finished(draft: Draft): ProgramLog {
  const { processed } = draft;
  return {
    name: draft.name,
    steps: draft.steps,
    messages: draft.messages,
    ...(draft.report === undefined ? {} : { report: draft.report }),
    ...(processed === undefined
      ? {}
      : {
          stats: {
            processedInsns: processed.insns,
            totalStates: processed.total,
            peakStates: processed.peak,
            stackDepth: draft.stackDepth,
          },
        }),
    errno: draft.errno,
    failed: draft.failed,
    cut: processed === undefined || draft.omitted,
  };
}

/** Steps from the start of the path to the last one of the log, oldest first; at most `limit`, the newest. */
export function lastPath(log: ProgramLog, limit = 4096): LogStep[] {
  const path: LogStep[] = [];
  for (let at = log.steps.length - 1; at >= 0 && path.length < limit; at = log.steps[at].parent) {
    path.push(log.steps[at]);
  }
  return path.reverse();
}
