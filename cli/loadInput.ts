/** One file (object or C source) to a loaded object, for the commands that look at one: `run`, `disasm`. */
import { loadFor } from '../runtime/host/loadFor';
import { objectOf, type ObjectFile } from '../runtime/host/verifyFiles';
import type { ObjectSpec } from '../runtime/loader/objectSpec';
import { findProfile, type Profile } from '../runtime/spec/profile';
import { CommandFailure, usage, type Streams } from './output';
import { oneKernel, userFlags, type SharedOptions } from './options';

export interface LoadedInput {
  readonly object: ObjectSpec;
  readonly file: ObjectFile;
  readonly profile: Profile;
}

/** @throws CommandFailure with the one thing that is wrong. */
export async function loadInput(
  name: string,
  options: SharedOptions,
  streams: Streams,
  relaxed = false,
): Promise<LoadedInput> {
  const kernel = oneKernel(options.kernel);
  const profile = findProfile(kernel);
  if (!profile) throw usage(`there is no kernel profile "${kernel}"`);
  const btf = { file: options.btf };
  const file = await objectOf(name, undefined, {
    kernels: [kernel],
    btf,
    compilerPath: options.compiler,
    zigFolders: [process.cwd()],
    flags: userFlags(options),
    flagsFolder: process.cwd(),
  });
  if (!file.ok) throw new CommandFailure(file.problem);
  for (const d of file.value.diagnostics) {
    streams.error(`${d.file}:${d.line}:${d.column}: ${d.severity}: ${d.message}`);
  }
  const object = loadFor({ file: name, bytes: file.value.bytes, relaxed, btf }, profile);
  if (!object.ok) throw new CommandFailure(object.problem);
  return { object: object.value, file: file.value, profile };
}

/** The programs asked for; a usage error when the one named is not there. */
export function chosenPrograms(object: ObjectSpec, name: string | undefined): ObjectSpec['programs'] {
  const found = object.programs.filter((program) => name === undefined || program.name === name);
  if (found.length > 0) return found;
  const names = object.programs.map((program) => program.name).join(', ');
  if (name === undefined || names === '') throw usage(`${object.file}: holds no BPF program`);
  throw usage(`${object.file}: there is no program "${name}"`, `It has: ${names}.`);
}
