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
import { firstRejected } from '../runtime/host/firstRejected';
import { pointsOf } from '../runtime/host/kernelPoints';
import { findProfile, type Profile } from '../runtime/spec/profile';
import { ok, type Result } from '../runtime/util/problem';
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
  const rejected = firstRejected(loaded, scenario.only, profile, { file: options.btf });
  return rejected === undefined
    ? playOracle(loaded, scenario, profile, {
        cpus: GUEST_CPUS,
        ...pointsOf(profile, { file: options.btf }),
      })
    : ok(loadFailed(scenario, profile, rejected));
}
