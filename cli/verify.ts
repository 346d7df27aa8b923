/** `bpf-studio verify`: what the kernels' verifiers say of files. The JSON shape is stable. */
import * as os from 'node:os';
import * as path from 'node:path';
import { expandInputs } from '../runtime/host/inputs';
import { Pool } from '../runtime/host/pool';
import { packageVersion } from '../runtime/host/resources';
import { verifyFile, type FileVerdicts, type VerifyOptions } from '../runtime/host/verifyFiles';
import type { ProgramReport, SourceSpan } from '../runtime/ide/verdictReport';
import { chooseFlags } from '../runtime/host/compilerFlags';
import { CommandFailure, EXIT, problemLine, toJson, usage, type ExitStatus, type Streams } from './output';
import { cpusOf, formatOf, kernelList, shardOf, userFlags, type SharedOptions } from './options';
import { githubText, junitText, sarifText } from './verifyFormats';
import { verdictsText } from './verifyText';

export interface VerifyCommandOptions extends SharedOptions {
  readonly program?: string;
  readonly log?: string;
  readonly relaxed?: boolean;
  readonly timings?: boolean;
  readonly cpus?: string;
  readonly shard?: string;
}

export const FORMATS = ['text', 'json', 'sarif', 'junit', 'github'] as const;
/** Below this many files a worker's start costs more than it gains. */
const FILES_FOR_WORKERS = 8;

export async function verifyCommand(
  names: readonly string[],
  options: VerifyCommandOptions,
  streams: Streams,
): Promise<ExitStatus> {
  const format = formatOf(options.format, FORMATS);
  const kernels = kernelList(options.kernel);
  const logLevel = logLevelOf(options.log);
  if (names.length === 0) throw usage('no files', 'Name objects, C sources, folders or globs.');
  const inputs = expandInputs(names, process.cwd());
  if (!inputs.ok) throw new CommandFailure(inputs.problem);
  const flags = userFlags(options);
  for (const flag of chooseFlags(flags, process.cwd()).refused) {
    throw usage(
      `the compiler flag ${flag} is not allowed`,
      'Only flags that cannot run or write anything are passed on.',
    );
  }
  let files = inputs.value;
  if (options.shard !== undefined) {
    const { index, count } = shardOf(options.shard);
    files = files.filter((_file, at) => at % count === index - 1);
  }
  const pool = new Pool({
    size: files.length >= FILES_FOR_WORKERS ? undefined : 0,
    onWorkerDied: (message) => streams.error(`bpf-studio: ${message}`),
  });
  try {
    const results = await verifyAll(files, {
      kernels,
      logLevel,
      program: options.program,
      relaxed: options.relaxed,
      possibleCpus: cpusOf(options.cpus),
      btf: { file: options.btf },
      compilerPath: options.compiler,
      zigFolders: [process.cwd()],
      flags,
      flagsFolder: process.cwd(),
      pool,
    });
    for (const result of results) {
      if (result.problem) streams.error(problemLine(result.problem));
    }
    const shown = results.map(withShownPaths);
    streams.out(render(shown, format, options));
    return statusOf(results);
  } finally {
    await pool.close();
  }
}

export function logLevelOf(option: string | undefined): 0 | 1 | 2 {
  if (option === undefined) return 0;
  if (option === '1' || option === '2') return option === '1' ? 1 : 2;
  throw usage(`--log: "${option}" is no log level`, 'Write 1 or 2.');
}

/** In the order of `files`, several at a time. */
async function verifyAll(files: readonly string[], options: VerifyOptions): Promise<FileVerdicts[]> {
  const results: FileVerdicts[] = new Array<FileVerdicts>(files.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < files.length; at = next++) {
      results[at] = await verifyFile(files[at], undefined, options);
    }
  };
  await Promise.all(Array.from({ length: Math.min(files.length, os.availableParallelism() + 1) }, lane));
  return results;
}

export function statusOf(results: readonly FileVerdicts[]): ExitStatus {
  if (results.some((result) => result.problem)) return EXIT.usage;
  const wrong = results.some((result) => result.programs.some((program) => program.verdict !== 'accepted'));
  return wrong ? EXIT.short : EXIT.ok;
}

export function render(
  results: readonly FileVerdicts[],
  format: (typeof FORMATS)[number],
  options: VerifyCommandOptions,
): string {
  switch (format) {
    case 'text':
      return verdictsText(results, options.timings ?? false);
    case 'json':
      return toJson(verifyJson(results, options.timings ?? false));
    case 'sarif':
      return toJson(sarifText(results));
    case 'junit':
      return junitText(results);
    case 'github':
      return githubText(results);
  }
}

/** The stable shape. */
export function verifyJson(results: readonly FileVerdicts[], timings: boolean): unknown {
  return {
    version: packageVersion(),
    results: results.map((result) => ({
      file: result.file,
      compiler: result.compiler,
      problem: result.problem,
      warnings: result.warnings.length > 0 ? result.warnings : undefined,
      programs: result.programs.map((program, at) => ({
        name: program.name,
        section: program.section,
        type: program.type,
        kernel: program.kernel,
        basis: program.basis,
        verdict: program.verdict,
        errno: program.errno,
        message: program.message,
        insn: program.insn,
        source: program.source,
        diagnostic: program.diagnostic,
        problem: program.problem,
        stats: program.stats,
        log: program.log,
        timeMs: timings ? Math.round(result.timesMs[at] * 1000) / 1000 : undefined,
      })),
    })),
  };
}

/** Paths as the user would write them: the file's own name as given, others relative to the current folder. */
export function withShownPaths(result: FileVerdicts): FileVerdicts {
  const own = path.resolve(result.file);
  const shown = (file: string): string => {
    const absolute = path.resolve(file);
    if (absolute === own) return result.file;
    const relative = path.relative(process.cwd(), absolute);
    return relative.startsWith('..') || path.isAbsolute(relative) ? absolute : relative;
  };
  const span = (source: SourceSpan | undefined): SourceSpan | undefined =>
    source && { ...source, file: shown(source.file) };
  const program = (report: ProgramReport): ProgramReport => ({
    ...report,
    source: span(report.source),
    entry: span(report.entry),
    diagnostic: report.diagnostic && {
      ...report.diagnostic,
      causalPath: report.diagnostic.causalPath.map((step) => ({ ...step, source: span(step.source) })),
    },
  });
  return {
    ...result,
    compilerDiagnostics: result.compilerDiagnostics.map((d) => ({ ...d, file: shown(d.file) })),
    programs: result.programs.map(program),
  };
}
