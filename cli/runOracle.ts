/**
 * `bpf-studio run --oracle FILE.json`: plays the run scenarios of the bench that asks real kernels on the model, sleeps as virtual
 * time, and prints one JSON line per scenario in the bench's shape, so that both can be compared in bulk.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { playOracle, readOracleScenarios } from '../runtime/machine/oracleRun';
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
    for (const scenario of scenarios.value) {
      const object = fs.existsSync(scenario.object)
        ? scenario.object
        : path.join(path.dirname(file), scenario.object);
      const input = await loadInput(object, { ...options, kernel }, streams);
      const answer = playOracle(input.object, scenario, input.profile, GUEST_CPUS);
      if (!answer.ok) throw new CommandFailure(answer.problem);
      streams.out(
        `${JSON.stringify(answer.value, (_key, v: unknown) => (typeof v === 'bigint' ? v.toString() : v))}\n`,
      );
    }
  }
  return EXIT.ok;
}
