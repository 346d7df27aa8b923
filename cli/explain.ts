/**
 * `bpf-studio explain LOGFILE`: a verifier log that some kernel printed, explained as `verify` explains its own verdicts. `-` reads
 * standard input. Exit status: 0 when the log is of accepted programs, 1 when of refused ones, 2 when it is no log.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { packageVersion } from '../runtime/host/resources';
import { explainLog, type ExplainedProgram } from '../runtime/ide/explainLog';
import { CommandFailure, EXIT, toJson, usage, type ExitStatus, type Streams } from './output';
import { formatOf } from './options';
import { sourcesBelow } from './explainSources';
import { excerpt } from './verifyText';

export interface ExplainCommandOptions {
  readonly format?: string;
  /** Folders with the sources; the current one if absent. */
  readonly source?: readonly string[];
}

const LIMIT_BYTES = 256 << 20;

export function explainCommand(
  file: string,
  options: ExplainCommandOptions,
  streams: Streams,
): Promise<ExitStatus> {
  const format = formatOf(options.format, ['text', 'json']);
  const name = file === '-' ? 'standard input' : file;
  const text = readText(file, name);
  for (const folder of options.source ?? []) {
    if (fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw usage(`--source: ${folder} is no folder`);
  }
  const findSource = sourcesBelow(
    (options.source ?? ['.']).map((folder) => path.normalize(folder)),
    text,
  );
  const found = explainLog(text, { findSource });
  if (!found.ok) throw new CommandFailure({ ...found.problem, message: `${name}: ${found.problem.message}` });
  const programs = found.value;
  if (format === 'json')
    streams.out(
      toJson({ version: packageVersion(), results: [{ file, programs: programs.map(programJson) }] }),
    );
  else streams.out(`${programs.flatMap((program) => programText(name, program)).join('\n')}\n`);
  return Promise.resolve(programs.every((p) => p.verdict === 'accepted') ? EXIT.ok : EXIT.short);
}

function readText(file: string, name: string): string {
  let bytes: Buffer;
  try {
    if (file !== '-' && fs.statSync(file).size > LIMIT_BYTES) throw usage(`${name}: larger than 256 MiB`);
    bytes = fs.readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw usage(`${name}: no such file, or it cannot be read`);
  }
  // A zero byte within the text tells binaries; at its end it is only a C string's.
  const end = bytes.indexOf(0);
  if (end >= 0 && bytes.subarray(end).some((byte) => byte !== 0))
    throw usage(`${name}: this is no verifier log but binary data`);
  return bytes.subarray(0, end < 0 ? undefined : end).toString('utf8');
}

/** The stable shape of `verify`, with what logs do not tell left empty. */
const programJson = (program: ExplainedProgram): unknown => ({
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
  stats: program.stats,
  cut: program.cut || undefined,
});

function programText(name: string, program: ExplainedProgram): string[] {
  const cut = program.cut ? ' (the log is not complete)' : '';
  if (program.verdict === 'accepted')
    return [`${name}: ${program.name}: accepted, ${program.stats.processedInsns} instructions processed`];
  const { source, diagnostic } = program;
  const where = source ? `${source.file}:${source.line}:${source.column}` : name;
  const code = diagnostic ? ` [${diagnostic.code}]` : '';
  const word = program.verdict === 'rejected' ? 'error' : 'unknown';
  const at = program.insn === undefined ? '' : ` at instruction ${program.insn}`;
  const errno = program.errno === 0 ? '' : `, errno ${program.errno}`;
  const lines = [`${where}: ${word}: ${program.message}${code}`];
  if (source) lines.push(...excerpt(source));
  lines.push(`  ${program.name}: ${program.verdict}${at}${errno}${cut}`);
  if (diagnostic?.reason) lines.push(`  ${diagnostic.reason}`);
  for (const step of diagnostic?.causalPath ?? [])
    lines.push(`    ${step.source ? `line ${step.source.line}` : `insn ${step.insn}`}: ${step.text}`);
  if (diagnostic?.suggestion) lines.push(`  help: ${diagnostic.suggestion}`);
  return lines;
}
