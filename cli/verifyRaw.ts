/**
 * `bpf-studio verify --raw FILE.jsonl`: judges bare instruction sequences, one JSON object a line, in the form that real
 * kernels are asked in (runtime/loader/rawProgram.ts). One result; one program per line and kernel, with its `id`.
 */
import * as fs from 'node:fs';
import type { Btf } from '../runtime/btf/types';
import { internalErrorVerdict } from '../runtime/host/internalError';
import { kernelBtfFor } from '../runtime/host/kernelBtf';
import { packageVersion } from '../runtime/host/resources';
import { reportOf, type ProgramReport } from '../runtime/ide/verdictReport';
import { GUEST_CPUS, rawObject, type RawProgram } from '../runtime/loader/rawProgram';
import { ERRNO } from '../runtime/spec/errno';
import { findProfile, type Profile } from '../runtime/spec/profile';
import { assert } from '../runtime/util/assert';
import type { Problem } from '../runtime/util/problem';
import { errorVerdict, type Verdict } from '../runtime/verifier/verdict';
import { verify } from '../runtime/verifier/verify';
import { CommandFailure, EXIT, toJson, usage, type ExitStatus, type Streams } from './output';
import { SharedMaps } from './sharedMaps';
import { cpusOf, formatOf, kernelList, type SharedOptions } from './options';

const LIMIT_BYTES = 512 << 20;

export interface RawCommandOptions extends SharedOptions {
  readonly raw: string;
  readonly cpus?: string;
}

type RawReport = { readonly id: string | number } & ProgramReport;

export function verifyRawCommand(options: RawCommandOptions, streams: Streams): ExitStatus {
  const format = formatOf(options.format, ['text', 'json']);
  const possibleCpus = cpusOf(options.cpus) ?? GUEST_CPUS;
  const programs: RawReport[] = [];
  const lines = readLines(options.raw);
  for (const kernel of kernelList(options.kernel)) {
    const profile = findProfile(kernel);
    if (!profile) throw usage(`there is no kernel profile "${kernel}"`);
    const shared = new SharedMaps();
    for (const [index, text] of lines)
      programs.push(
        judgeLine(text, index, { profile, shared, possibleCpus, file: options.raw, btf: options.btf }),
      );
  }
  if (format === 'json') {
    streams.out(toJson({ version: packageVersion(), results: [{ file: options.raw, programs }] }));
  } else {
    for (const p of programs)
      streams.out(`${p.id} on ${p.kernel}: ${p.verdict}${p.message ? `: ${p.message}` : ''}\n`);
  }
  return programs.every((p) => p.verdict === 'accepted') ? EXIT.ok : EXIT.short;
}

/** Line number and text of every line that is not blank. */
function readLines(file: string): [number, string][] {
  let text: string;
  try {
    if (fs.statSync(file).size > LIMIT_BYTES) throw usage(`${file}: larger than 512 MiB`);
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw usage(`${file}: no such file, or it cannot be read`);
  }
  return text
    .split('\n')
    .flatMap((line, i): [number, string][] => (line.trim() === '' ? [] : [[i + 1, line]]));
}

interface Bench {
  readonly profile: Profile;
  readonly shared: SharedMaps;
  readonly possibleCpus: number;
  readonly file: string;
  readonly btf?: string;
}

function judgeLine(text: string, line: number, bench: Bench): RawReport {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw usage(`${bench.file}:${line}: not a JSON object`);
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw usage(`${bench.file}:${line}: not a JSON object`);
  const given = raw as RawProgram;
  const id = typeof given.id === 'string' || typeof given.id === 'number' ? given.id : line - 1;
  try {
    return { id, ...judgeProgram(given, bench) };
  } catch (error) {
    const verdict = internalErrorVerdict(`${bench.file}:${line}`, NAMELESS, bench.profile, error);
    return { id, ...reportWithoutProgram(verdict) };
  }
}

function judgeProgram(given: RawProgram, { profile, shared, possibleCpus, btf }: Bench): ProgramReport {
  const kernelTypes = (): Btf | undefined => {
    const found = kernelBtfFor(profile, { file: btf });
    return found.ok ? found.value.btf : undefined;
  };
  const read = rawObject(given, { kernelTypeName: (typeId) => kernelTypes()?.types.at(typeId)?.name });
  if (!read.ok) return refused(read.problem, profile);
  const { object, program } = read.value;
  const verdict = verify(program, object, profile, {
    possibleCpus,
    // Most sequences ask nothing of the kernel's types, which take a while to read.
    get kernelBtf() {
      return kernelTypes();
    },
  });
  if (verdict.verdict === 'accepted' && !shared.use(given, program, object.maps)) {
    return reportOf({ ...verdict, verdict: 'rejected', errno: ERRNO.EINVAL, message: '' }, program);
  }
  return reportOf(verdict, program);
}

const NAMELESS = { name: '', section: '', type: '' };

/** A program that cannot even be handed to a kernel; the others of the file go on. */
function refused(problem: Problem, profile: Profile): ProgramReport {
  return reportWithoutProgram(errorVerdict(NAMELESS, profile, ERRNO.EINVAL, problem));
}

function reportWithoutProgram(verdict: Verdict): ProgramReport {
  const empty = rawObject({ insns: '' });
  assert(empty.ok, 'an empty description is a program');
  return reportOf(verdict, empty.value.program);
}
