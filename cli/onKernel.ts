/**
 * `bpf-studio verify --on-kernel LIST FILE…`: asks real kernels, booted under QEMU, and prints what they say in the shapes of
 * `verify`, so that both can be put side by side. The kernels belong to the repository's test bench, which runs as a process of
 * its own: an installed BPF Studio has none, and says so.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { expandInputs } from '../runtime/host/inputs';
import { loadFor } from '../runtime/host/loadFor';
import { objectOf, type FileVerdicts, type ObjectFile } from '../runtime/host/verifyFiles';
import { explainLog, type ExplainedProgram } from '../runtime/ide/explainLog';
import { sourceOfSlot, type ProgramReport } from '../runtime/ide/verdictReport';
import type { ProgramSpec } from '../runtime/loader/objectSpec';
import { findProfile } from '../runtime/spec/profile';
import { sourcesBelow } from './explainSources';
import { CommandFailure, EXIT, problemLine, usage, type ExitStatus, type Streams } from './output';
import { formatOf, userFlags } from './options';
import { FORMATS, logLevelOf, render, statusOf, withShownPaths, type VerifyCommandOptions } from './verify';

/** Kernels that the bench has; their releases are those of the measured profiles. */
const REAL = ['6.1', '6.12', '7.2'];
const SET_UP = 'bash test/oracle/setup.sh';
const MISSING = 3;

/** One answer, as the bench prints it. */
interface Answer {
  readonly profile: string;
  readonly file: string;
  readonly section?: string;
  readonly prog?: string;
  readonly type?: string;
  readonly verdict: 'ok' | 'fail' | 'libbpf_error' | 'timeout' | 'kernel_crash';
  readonly errno?: number;
  readonly error?: string;
  readonly messages?: string;
  readonly processed_insns?: number;
  readonly total_states?: number;
  readonly peak_states?: number;
  readonly stack_depth?: string;
  readonly log?: string;
}

export interface OnKernelOptions extends VerifyCommandOptions {
  readonly onKernel: string;
}

export async function onKernelCommand(
  names: readonly string[],
  options: OnKernelOptions,
  streams: Streams,
): Promise<ExitStatus> {
  const format = formatOf(options.format, FORMATS);
  const kernels = realKernels(options.onKernel);
  const logLevel = logLevelOf(options.log);
  if (names.length === 0) throw usage('no files', 'Name objects, C sources, folders or globs.');
  const inputs = expandInputs(names, process.cwd());
  if (!inputs.ok) throw new CommandFailure(inputs.problem);
  const bench = benchScript();
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-kernel-'));
  try {
    const results: FileVerdicts[] = [];
    const objects = new Map<string, { at: number; object: ObjectFile }>();
    for (const [at, file] of inputs.value.entries()) {
      const object = await objectOf(file, undefined, {
        kernels,
        btf: { file: options.btf },
        compilerPath: options.compiler,
        zigFolders: [process.cwd()],
        flags: userFlags(options),
        flagsFolder: process.cwd(),
      });
      const nothing = { file, warnings: [], programs: [], timesMs: [], cancelled: false };
      if (!object.ok) {
        const { problem, diagnostics: compilerDiagnostics, compiler } = object;
        results.push({ ...nothing, compiler, problem, compilerDiagnostics });
        continue;
      }
      const { compiler, diagnostics: compilerDiagnostics, bytes } = object.value;
      results.push({ ...nothing, compiler, compilerDiagnostics });
      const name = path.join(work, `${at}.o`);
      fs.writeFileSync(name, bytes);
      objects.set(name, { at, object: object.value });
    }
    if (objects.size > 0) {
      const answers = await ask(bench, kernels, logLevel === 0 ? 1 : logLevel, [...objects.keys()]);
      for (const [name, { at, object }] of objects) {
        const own = answers.filter((answer) => answer.file === name);
        results[at] = withAnswers(results[at], own, object, options, logLevel > 0);
      }
    }
    for (const result of results) if (result.problem) streams.error(problemLine(result.problem));
    streams.out(render(results.map(withShownPaths), format, {}));
    return results.length > 0 ? statusOf(results) : EXIT.ok;
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

function realKernels(list: string): string[] {
  if (list === 'all') return REAL;
  const names = list.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !REAL.includes(name));
  if (wrong !== undefined) {
    throw usage(`--on-kernel: there is no real kernel "${wrong}"`, `There are ${REAL.join(', ')}, all.`);
  }
  return [...new Set(names)];
}

/** The bench's program in the checkout that this command runs from. */
function benchScript(): string {
  for (let dir = __dirname; ; dir = path.dirname(dir)) {
    if (fs.existsSync(path.join(dir, 'test', 'oracle', 'ask.ts'))) {
      const script = path.join(dir, 'out', 'test', 'oracle', 'ask.js');
      if (fs.existsSync(script)) return script;
      throw usage('--on-kernel: the test bench of this checkout is not compiled', 'Run: npm run build');
    }
    if (path.dirname(dir) === dir) break;
  }
  throw usage(
    '--on-kernel: real kernels are asked from a checkout of the BPF Studio repository only',
    `Clone it, run npm ci, npm run build and ${SET_UP}, then node dist/cli.js verify --on-kernel …`,
  );
}

function ask(
  script: string,
  kernels: readonly string[],
  level: number,
  files: readonly string[],
): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const argv = [script, '--kernel', kernels.join(','), '--level', String(level), ...files];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (status) => {
      const said = Buffer.concat(err).toString().trim().split('\n').at(-1) ?? '';
      if (status === MISSING)
        return reject(usage(`--on-kernel: ${said}`, `In the checkout, as root: ${SET_UP}`));
      if (status !== 0) return reject(usage(`--on-kernel: the kernels could not be asked: ${said}`));
      const lines = Buffer.concat(out).toString().split('\n').filter(Boolean);
      resolve(lines.map((line) => JSON.parse(line) as Answer));
    });
  });
}

function withAnswers(
  result: FileVerdicts,
  answers: readonly Answer[],
  object: ObjectFile,
  options: OnKernelOptions,
  keepLog: boolean,
): FileVerdicts {
  const findSource = sourcesBelow([path.dirname(result.file)]);
  const programs: ProgramReport[] = [];
  for (const answer of answers) {
    if (options.program !== undefined && answer.prog !== options.program) continue;
    const profile = findProfile(answer.profile);
    const loaded =
      profile && loadFor({ file: result.file, bytes: object.bytes, relaxed: true, btf: {} }, profile);
    const spec = loaded?.ok ? loaded.value.programs.find((p) => p.name === answer.prog) : undefined;
    const log = answer.log ?? answer.messages ?? '';
    const explained = explainLog(log, { findSource, kernel: answer.profile });
    programs.push(reportOfAnswer(answer, spec, explained.ok ? explained.value.at(-1) : undefined, keepLog));
  }
  if (programs.length > 0) return { ...result, programs, timesMs: programs.map(() => 0) };
  const what =
    options.program === undefined ? 'holds no BPF program' : `there is no program "${options.program}"`;
  const message = `${result.file}: ${answers[0]?.error ?? what}`;
  return { ...result, problem: { code: 'no-programs', message } };
}

const VERDICTS = {
  ok: 'accepted',
  fail: 'rejected',
  libbpf_error: 'error',
  timeout: 'unknown',
  kernel_crash: 'unknown',
} as const;

function reportOfAnswer(
  answer: Answer,
  spec: ProgramSpec | undefined,
  explained: ExplainedProgram | undefined,
  keepLog: boolean,
): ProgramReport {
  const verdict = VERDICTS[answer.verdict];
  const refused = verdict === 'rejected' ? explained : undefined;
  const insn = refused?.insn;
  const source = spec && insn !== undefined ? sourceOfSlot(spec, insn) : refused?.source;
  const lastWords = (answer.error ?? '').trim();
  return {
    name: answer.prog ?? '',
    section: answer.section ?? spec?.section ?? '',
    type: spec?.type ?? (answer.type === undefined ? '' : `BPF_PROG_TYPE_${answer.type.toUpperCase()}`),
    kernel: answer.profile,
    basis: 'measured',
    verdict,
    errno: Math.abs(answer.errno ?? 0),
    message: verdict === 'accepted' ? '' : refused?.message || lastWords,
    ...(insn === undefined ? {} : { insn }),
    ...(source === undefined ? {} : { source }),
    ...(refused?.diagnostic === undefined
      ? {}
      : {
          diagnostic: {
            ...refused.diagnostic,
            causalPath: refused.diagnostic.causalPath.map((step) => ({
              ...step,
              source: (spec && sourceOfSlot(spec, step.insn)) ?? step.source,
            })),
          },
        }),
    stats: {
      processedInsns: answer.processed_insns ?? 0,
      totalStates: answer.total_states ?? 0,
      peakStates: answer.peak_states ?? 0,
      stackDepth: (answer.stack_depth ?? '').split('+').filter(Boolean).map(Number),
    },
    ...(keepLog && answer.log !== undefined ? { log: answer.log } : {}),
  };
}
