/**
 * From launch arguments to something that can be debugged: compile if it is C, let the verifier speak, load the object
 * into the machine. Every way in which this can fail is one message that says what to do.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { createDebuggee, type Debuggee } from '../runtime/debug/launch';
import { readPcap } from '../runtime/host/pcap';
import { isCSource, objectOf, type ObjectFile } from '../runtime/host/verifyFiles';
import { kconfigFor } from '../runtime/host/kconfig';
import { kernelBtfFor, type KernelBtfChoice } from '../runtime/host/kernelBtf';
import { findProfile } from '../runtime/spec/profile';
import { assert } from '../runtime/util/assert';
import { hexToBytes } from '../runtime/util/hexText';
import type { LaunchArguments } from './launchArguments';
import { problemText, UserError } from './userError';

export interface Notice {
  readonly severity: 'info' | 'warning' | 'error';
  readonly message: string;
}

export interface Prepared {
  readonly debuggee: Debuggee;
  readonly notices: readonly Notice[];
  /** Lines for the console. */
  readonly warnings: readonly string[];
}

/** @throws UserError */
export async function prepareDebuggee(launch: LaunchArguments): Promise<Prepared> {
  if (!fs.existsSync(launch.program))
    throw new UserError(
      `${launch.program} does not exist. Set "program" in launch.json to a BPF C file or object file.`,
      true,
    );
  if (fs.statSync(launch.program).isDirectory())
    throw new UserError(`${launch.program} is a folder. Set "program" to a BPF C file or object file.`, true);
  const profile = findProfile(launch.kernel);
  assert(profile, `profile ${launch.kernel} was checked`);
  const btf: KernelBtfChoice = launch.kernelBtf !== undefined ? { file: launch.kernelBtf } : {};
  const object = await compiled(launch, btf);
  const result = createDebuggee({
    file: launch.program,
    bytes: object.bytes,
    profile,
    kernelBtf: () => {
      const found = kernelBtfFor(profile, btf);
      return found.ok ? found.value.btf : undefined;
    },
    kconfig: () => kconfigFor(profile),
    program: launch.bpfProgram,
    cpus: launch.cpus,
    seed: launch.seed,
    packets: launch.packet === undefined ? [] : packetsOf(launch.packet, launch.program),
    scenario:
      launch.scenario === undefined ? undefined : await readScenarioFile(launch.scenario, launch.program),
    ctx: launch.ctx,
    untilNs: launch.advanceNs,
  });
  if (!result.ok) throw new UserError(problemText(result.problem), true);
  const warnings = [
    ...object.diagnostics
      .filter((d) => d.severity === 'warning')
      .map((d) => `${d.file}:${d.line}:${d.column}: warning: ${d.message}`),
    ...result.value.warnings,
  ];
  return { debuggee: result.value.debuggee, notices: result.value.notices, warnings };
}

async function compiled(launch: LaunchArguments, btf: KernelBtfChoice): Promise<ObjectFile> {
  const storage = process.env.BPF_STUDIO_STORAGE;
  const object = await objectOf(launch.program, undefined, {
    kernels: [launch.kernel],
    compilerPath: launch.compilerPath,
    flags: launch.compilerFlags,
    flagsFolder: path.dirname(launch.program),
    zigFolders: storage === undefined ? [] : [storage],
    btf,
  });
  if (object.ok) return object.value;
  const errors = object.diagnostics.filter((d) => d.severity === 'error');
  if (errors.length > 0) {
    const [first] = errors;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    throw new UserError(
      `${path.basename(launch.program)} does not compile: ${first.file}:${first.line}:${first.column}: ${first.message}${more}. ${object.problem.remedy ?? 'Correct it and start again.'}`,
      true,
    );
  }
  const hint = isCSource(launch.program) ? '' : ' Set "program" to a BPF C file or object file.';
  throw new UserError(problemText(object.problem) + (object.problem.remedy === undefined ? hint : ''), true);
}

/** One packet in hex, or every packet of a capture file. */
function packetsOf(packet: string, program: string): readonly Uint8Array[] {
  if (/\.p?cap(?:ng)?$/i.test(packet)) {
    const file = path.resolve(path.dirname(program), packet);
    let bytes: Uint8Array;
    try {
      bytes = fs.readFileSync(file);
    } catch {
      throw new UserError(`The packet capture ${file} cannot be read.`, true);
    }
    const packets = readPcap(file, bytes);
    if (!packets.ok) throw new UserError(problemText(packets.problem), true);
    return packets.value;
  }
  const bytes = hexToBytes(packet);
  if (!bytes.ok)
    throw new UserError(
      `launch.json: "packet" must be bytes in hex or the path of a .pcap file: ${problemText(bytes.problem)}`,
      true,
    );
  return [bytes.value];
}

/** YAML (or JSON, which is YAML) as plain data; what it says is checked where it is played. */
async function readScenarioFile(
  scenario: string,
  program: string,
): Promise<{ readonly file: string; readonly data: unknown }> {
  const file = path.resolve(path.dirname(program), scenario);
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch {
    throw new UserError(`The scenario ${file} cannot be read. Set "scenario" to a *.bpf.yaml file.`, true);
  }
  const yaml = await import('yaml');
  try {
    return { file, data: yaml.parse(text, { maxAliasCount: 100 }) as unknown };
  } catch (error) {
    const [first] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new UserError(`${file}: ${first}`, true);
  }
}
