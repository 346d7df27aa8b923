/**
 * Schedule files (`*.bpfschedule`): one found run, as JSON that holds all that is needed to play it again: the scenario, which
 * object it was (by hash), and the schedule. A file of another version of this program or of another object is refused,
 * because its choices would mean something else.
 */
import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Found } from '../runtime/explore/explore';
import { INVARIANTS, type Invariant } from '../runtime/explore/invariants';
import { packageVersion } from '../runtime/host/resources';
import type { Scenario } from '../runtime/machine/scenario';
import { readScenario } from '../runtime/machine/scenario';
import { scheduleFromText } from '../runtime/sched/scheduleText';
import type { LoadedInput } from './loadInput';
import { CommandFailure, toJson, usage } from './output';

const LIMIT_BYTES = 16 << 20;

export interface ScheduleFile {
  readonly scenario: Scenario;
  readonly objectHash: string;
  readonly choices: readonly number[];
  readonly schedule: string;
  /** What was there to choose. */
  readonly shape: string | undefined;
  /** What it was found for. */
  readonly invariant: Invariant | undefined;
}

export const objectHash = (input: LoadedInput): string =>
  crypto.createHash('sha256').update(input.file.bytes).digest('hex');

export function writeScheduleFile(
  name: string,
  about: { hash: string; scenario: Scenario; target: string; kernel: string; found: Found },
): void {
  const object = path.relative(path.dirname(path.resolve(name)), path.resolve(about.target));
  const text = toJson({
    version: 1,
    build: packageVersion(),
    objectHash: about.hash,
    invariant: about.found.invariant,
    message: about.found.message,
    schedule: about.found.schedule,
    shape: about.found.shape,
    scenario: scenarioData({ ...about.scenario, object, kernel: about.kernel }),
  });
  try {
    fs.writeFileSync(name, text);
  } catch {
    throw usage(`${name} cannot be written`, 'Name another file with --out.');
  }
}

/** @throws CommandFailure when it is unreadable, malformed or of another build. */
export function readScheduleFile(name: string): ScheduleFile {
  let text: string;
  try {
    if (fs.statSync(name).size > LIMIT_BYTES) throw usage(`${name}: larger than 16 MiB`);
    text = fs.readFileSync(name, 'utf8');
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw usage(`${name}: no such file, or it cannot be read`);
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw usage(`${name}: is no schedule file`, 'Schedule files are written by bpf-studio explore.');
  }
  const fields = (typeof data === 'object' && data !== null ? data : {}) as Readonly<Record<string, unknown>>;
  const { version, build, objectHash: hash, schedule, scenario } = fields;
  if (version !== 1 || typeof hash !== 'string' || typeof schedule !== 'string')
    throw usage(`${name}: is no schedule file`, 'Schedule files are written by bpf-studio explore.');
  if (build !== packageVersion())
    throw usage(
      `${name}: was written by version ${String(build).slice(0, 40)} of bpf-studio, this is ${packageVersion()}: choices may differ`,
      'Run explore again.',
    );
  const read = readScenario(name, scenario);
  if (!read.ok) throw new CommandFailure(read.problem);
  const choices = scheduleFromText(schedule);
  if (!choices.ok) throw new CommandFailure({ ...choices.problem, place: { file: name } });
  const { invariant } = fields;
  return {
    scenario: read.value,
    objectHash: hash,
    choices: choices.value,
    schedule,
    shape: typeof fields.shape === 'string' ? fields.shape : undefined,
    invariant: INVARIANTS.find((known) => known === invariant),
  };
}

/** A scenario as the data that `readScenario` takes. */
function scenarioData(scenario: Scenario): unknown {
  const step = (inner: Scenario['steps'][number]): unknown => {
    const { kind, ...rest } = inner;
    switch (inner.kind) {
      case 'run': {
        const { program, ...others } = rest as Omit<typeof inner, 'kind'>;
        return { run: program, ...others };
      }
      case 'advance':
        return { advance: `${inner.ns}ns` };
      case 'update':
        return {
          update: inner.map,
          key: inner.key,
          value: inner.value,
          flags: Number(inner.flags),
          cpu: inner.cpu,
        };
      case 'delete':
      case 'lookup':
      case 'take':
        return { [kind]: inner.map, key: inner.key, cpu: inner.cpu };
      case 'deleteBatch':
        return { deleteBatch: inner.map, keys: inner.keys, cpu: inner.cpu };
      case 'memory':
        return { memory: inner.allocations ?? 'enough' };
      case 'close':
      case 'pin':
      case 'unpin':
        return { [kind]: inner.map, cpu: inner.cpu };
      case 'attach':
      case 'detach':
      case 'unload':
        return { [kind]: inner.program, cpu: inner.cpu };
      case 'suspend':
      case 'setClock':
        return { [kind]: `${inner.ns}ns` };
      case 'parallel':
        return { parallel: inner.tracks.map((track) => track.map(step)) };
      case 'expect':
        return { expect: inner.expected };
    }
  };
  return { ...scenario, steps: scenario.steps.map(step) };
}
