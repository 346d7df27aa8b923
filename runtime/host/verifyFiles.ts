/**
 * From a file (C source, saved or not, or object) to verdicts: compile if needed, then judge in the pool. The command line
 * and the language server both ask here.
 */
import * as fs from 'node:fs';
import { findProfile, PROFILES, type Profile } from '../spec/profile';
import { fail, ok, type Problem, type Result } from '../util/problem';
import type { ProgramReport } from '../ide/verdictReport';
import { compile, reasonOf } from './compiler';
import { compileCommandFor } from './compileCommands';
import type { CompilerDiagnostic } from './compilerDiagnostics';
import { chooseFlags } from './compilerFlags';
import { findCompiler, type CompilerSearch } from './findCompiler';
import type { KernelBtfChoice } from './kernelBtf';
import { judgeInline, type Pool } from './pool';
import { vmlinuxFolder } from './vmlinuxHeader';

export interface ObjectOptions extends CompilerSearch {
  /** Flags from the user's settings; still to pass the allowlist. */
  readonly flags?: readonly string[];
  /** What relative paths in `flags` are relative to. */
  readonly flagsFolder?: string;
  readonly kernels: readonly string[];
  readonly btf?: KernelBtfChoice;
  readonly signal?: AbortSignal;
}

export interface ObjectFile {
  /** As the user named it. */
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Which compiler made it; absent for objects. */
  readonly compiler?: string;
  /** Warnings of the compiler. */
  readonly diagnostics: readonly CompilerDiagnostic[];
}

/** Why there is no object; `diagnostics` when the compiler refused the text. */
export interface NoObject {
  readonly problem: Problem;
  readonly diagnostics: readonly CompilerDiagnostic[];
  readonly compiler?: string;
  readonly cancelled: boolean;
}

export type ObjectResult =
  { readonly ok: true; readonly value: ObjectFile } | ({ readonly ok: false } & NoObject);

const OBJECT_LIMIT_BYTES = 256 << 20;

/** Reads an object, or compiles C text (`text` when it is not what is on disk). */
export async function objectOf(
  file: string,
  text: string | undefined,
  options: ObjectOptions,
): Promise<ObjectResult> {
  if (text === undefined && !isCSource(file)) return readObject(file);
  const compiler = await findCompiler(options);
  if (!compiler.ok) return none(compiler.problem);
  const command = compileCommandFor(file);
  if (!command.ok) return none(command.problem);
  const settings = chooseFlags(options.flags ?? [], options.flagsFolder ?? process.cwd());
  const outcome = await compile(compiler.value, {
    file,
    text,
    flags: [...(command.value?.accepted ?? []), ...settings.accepted],
    vmlinuxFolder: () => vmlinuxFolder(newest(options.kernels), options.btf),
    signal: options.signal,
  });
  const { diagnostics, cancelled } = outcome;
  if (outcome.object === undefined) {
    const problem = outcome.problem ?? { code: 'cancelled', message: `${file}: cancelled` };
    return { ok: false, problem, diagnostics, compiler: compiler.value.version, cancelled };
  }
  return { ok: true, value: { file, bytes: outcome.object, compiler: compiler.value.version, diagnostics } };
}

export const isCSource = (file: string): boolean => /\.c$/i.test(file);

function readObject(file: string): ObjectResult {
  try {
    if (fs.statSync(file).size > OBJECT_LIMIT_BYTES) {
      return none({ code: 'object-too-large', message: `${file}: larger than 256 MiB`, place: { file } });
    }
    return { ok: true, value: { file, bytes: fs.readFileSync(file), diagnostics: [] } };
  } catch (error) {
    const message = `${file}: cannot be read: ${reasonOf(error)}`;
    return none({ code: 'file-unreadable', message, place: { file } });
  }
}

const none = (problem: Problem): ObjectResult => ({ ok: false, problem, diagnostics: [], cancelled: false });

/** `vmlinux.h` is that of the newest kernel asked for: the older ones' types are in it, and CO-RE adapts the rest. */
function newest(kernels: readonly string[]): Profile {
  const order = kernels.map((name) => PROFILES.findIndex((profile) => profile.name === name));
  return PROFILES[Math.max(0, ...order)];
}

export interface VerifyOptions extends ObjectOptions {
  readonly program?: string;
  readonly logLevel?: 0 | 1 | 2;
  readonly relaxed?: boolean;
  /** CPUs of the machine to load on; by default as many as a large machine has. */
  readonly possibleCpus?: number;
  /** Where to judge; inline without one. */
  readonly pool?: Pool;
}

export interface FileVerdicts {
  readonly file: string;
  readonly compiler?: string;
  readonly compilerDiagnostics: readonly CompilerDiagnostic[];
  /** Why there are no programs. */
  readonly problem?: Problem;
  readonly warnings: readonly Problem[];
  readonly programs: readonly ProgramReport[];
  readonly timesMs: readonly number[];
  readonly cancelled: boolean;
}

/** Never throws for anything that a user can give; `text` is unsaved text of a C file. */
export async function verifyFile(
  file: string,
  text: string | undefined,
  options: VerifyOptions,
): Promise<FileVerdicts> {
  const nothing = {
    file,
    compilerDiagnostics: [],
    warnings: [],
    programs: [],
    timesMs: [],
    cancelled: false,
  };
  const object = await objectOf(file, text, options);
  if (!object.ok) {
    const { problem, diagnostics, compiler, cancelled } = object;
    return { ...nothing, compiler, problem, compilerDiagnostics: diagnostics, cancelled };
  }
  const { bytes, compiler, diagnostics } = object.value;
  const made = { ...nothing, compiler, compilerDiagnostics: diagnostics };
  const request = {
    file,
    bytes,
    kernels: options.kernels,
    program: options.program,
    logLevel: options.logLevel ?? 0,
    relaxed: options.relaxed ?? false,
    btf: options.btf ?? {},
    possibleCpus: options.possibleCpus,
  } as const;
  const result = await (options.pool?.run(request, options.signal) ?? judgeInline(request, options.signal));
  if (result === undefined) return { ...made, cancelled: true };
  if (!result.ok) return { ...made, problem: result.problem };
  return { ...made, ...result.value };
}

/** Profile names from `6.1,6.12` or `all`. */
export function kernelsFrom(list: string): Result<string[]> {
  if (list === 'all') return ok(PROFILES.map((profile) => profile.name));
  const names = list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const wrong = names.find((name) => findProfile(name) === undefined);
  if (wrong !== undefined || names.length === 0) {
    return fail({
      code: 'unknown-kernel',
      message: wrong === undefined ? 'no kernel was named' : `there is no kernel profile "${wrong}"`,
      remedy: `Known: ${PROFILES.map((profile) => profile.name).join(', ')}, all.`,
    });
  }
  return ok([...new Set(names)]);
}
