/**
 * `bpf-studio run --oracle FILE.json`: plays the run scenarios of the bench that asks real kernels on the model, sleeps as virtual
 * time, and prints one JSON line per scenario in the bench's shape, so that both can be compared in bulk.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  loadFailed,
  playOracle,
  readOracleScenarios,
  type OracleAnswer,
  type OracleScenario,
} from '../runtime/machine/oracleRun';
import { lazyKernelBtf } from '../runtime/host/loadFor';
import type { ObjectSpec } from '../runtime/loader/objectSpec';
import { findProfile, type Profile } from '../runtime/spec/profile';
import { ok, type Problem, type Result } from '../runtime/util/problem';
import { verify } from '../runtime/verifier/verify';
import { loadInput } from './loadInput';
import { CommandFailure, EXIT, usage, type ExitStatus, type Streams } from './output';
import { kernelList, type SharedOptions } from './options';

/** The bench's guests have two CPUs. */
const GUEST_CPUS = 2;

export async function runOracleCommand(
  file: string,
  options: SharedOptions,
  streams: Streams,
): Promise<ExitStatus> {
  let data: unknown;
  try {
    data = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    throw usage(`${file}: no such file, or not JSON`);
  }
  const scenarios = readOracleScenarios(file, data);
  if (!scenarios.ok) throw new CommandFailure(scenarios.problem);
  for (const kernel of kernelList(options.kernel)) {
    const profile = findProfile(kernel);
    if (profile === undefined) throw usage(`there is no kernel profile "${kernel}"`);
    for (const scenario of scenarios.value) {
      const object = fs.existsSync(scenario.object)
        ? scenario.object
        : path.join(path.dirname(file), scenario.object);
      const answer = await play(object, scenario, profile, { ...options, kernel }, streams);
      if (!answer.ok) throw new CommandFailure(answer.problem);
      streams.out(
        `${JSON.stringify(answer.value, (_key, v: unknown) => (typeof v === 'bigint' ? v.toString() : v))}\n`,
      );
    }
  }
  return EXIT.ok;
}

/** Plays one scenario; what the kernel's loader or verifier would not take is an answer, too. */
async function play(
  object: string,
  scenario: OracleScenario,
  profile: Profile,
  options: SharedOptions,
  streams: Streams,
): Promise<Result<OracleAnswer>> {
  let loaded;
  try {
    loaded = (await loadInput(object, options, streams)).object;
    // The bench guesses the type of programs in sections that libbpf does not know.
    if (loaded.programs.some((p) => p.problem?.code === 'unknown-program-section'))
      loaded = (await loadInput(object, options, streams, true)).object;
  } catch (error) {
    if (!(error instanceof CommandFailure) || !fs.existsSync(object)) throw error;
    return ok(loadFailed(scenario, profile, error.problem));
  }
  const rejected = firstRejected(loaded, scenario, profile, options);
  return rejected === undefined
    ? playOracle(loaded, scenario, profile, GUEST_CPUS)
    : ok(loadFailed(scenario, profile, rejected));
}

/** The kernel takes all programs of a scenario or none. What our verifier does not know is played. */
function firstRejected(
  object: ObjectSpec,
  scenario: OracleScenario,
  profile: Profile,
  options: SharedOptions,
): Problem | undefined {
  const kernel = lazyKernelBtf(profile, { file: options.btf });
  for (const program of object.programs) {
    if (scenario.only === undefined ? !program.autoload : !scenario.only.includes(program.name)) continue;
    if (program.problem) continue;
    const verdict = verify(program, object, profile, kernel);
    if (verdict.verdict !== 'rejected') continue;
    return {
      code: 'program-rejected',
      message: `${program.name}: ${verdict.message}`,
      place: { file: object.file },
    };
  }
  return undefined;
}
