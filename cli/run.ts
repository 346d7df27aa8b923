/**
 * `bpf-studio run`: plays a scenario, or the default one, in the kernel model and reports what came of it. The same input
 * gives the same bytes.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { kernelTypesFor } from '../runtime/host/loadFor';
import { readPcap } from '../runtime/host/pcap';
import type { ObjectSpec } from '../runtime/loader/objectSpec';
import { Machine, type StartOptions } from '../runtime/machine/machine';
import {
  playDefault,
  playScenario,
  profileOf,
  type Played,
  type StepOutcome,
} from '../runtime/machine/player';
import { runReport } from '../runtime/machine/runReport';
import { readScenario, type Scenario } from '../runtime/machine/scenario';
import type { Result } from '../runtime/util/problem';
import { chosenPrograms, loadInput } from './loadInput';
import { CommandFailure, EXIT, toJson, usage, type ExitStatus, type Streams } from './output';
import { durationNs, formatOf, hexBytes, wholeNumber, type SharedOptions } from './options';
import { runText } from './runText';

export interface RunCommandOptions extends SharedOptions {
  readonly program?: string;
  readonly packet?: string;
  readonly ctx?: string;
  readonly advance?: string;
  readonly cpus?: string;
  readonly seed?: string;
}

const SCENARIO_LIMIT_BYTES = 16 << 20;

export async function runCommand(
  file: string,
  options: RunCommandOptions,
  streams: Streams,
): Promise<ExitStatus> {
  const format = formatOf(options.format, ['text', 'json']);
  const defaultRun = !/\.(?:ya?ml|json)$/i.test(file);
  const played = defaultRun
    ? await playObject(file, options, streams)
    : await playFile(file, options, streams);
  const { machine, outcomes, stopped } = sure(played);
  const failures = outcomes.flatMap((outcome, at) =>
    (outcome.failures ?? []).map((text) => `step ${at + 1}: ${text}`),
  );
  const stop =
    stopped?.kind === 'fault' || stopped?.kind === 'exhausted'
      ? { kind: stopped.kind, message: stopped.message }
      : undefined;
  const report = withShownPaths(runReport(machine), file);
  if (format === 'json') {
    const shownFailures = failures.length > 0 ? { failures } : {};
    streams.out(toJson({ ...report, ...(stop ? { stopped: stop } : {}), ...shownFailures }));
  } else {
    streams.out(runText(machine, report, outcomes, defaultRun && options.ctx === undefined));
  }
  if (stop) streams.error(`bpf-studio: the run was stopped: ${stop.message}`);
  for (const failure of failures) streams.error(`bpf-studio: ${failure}`);
  return stop !== undefined || failures.length > 0 ? EXIT.short : EXIT.ok;
}

function sure<T>(result: Result<T>): T {
  if (!result.ok) throw new CommandFailure(result.problem);
  return result.value;
}

async function playObject(
  file: string,
  options: RunCommandOptions,
  streams: Streams,
): Promise<Result<Played>> {
  const advanceNs = options.advance === undefined ? undefined : durationNs(options.advance, '--advance');
  const cpus = options.cpus === undefined ? undefined : wholeNumber(options.cpus, '--cpus', 1, 64);
  const seed = options.seed === undefined ? undefined : wholeNumber(options.seed, '--seed', 0, 0xffff_ffff);
  const packets = options.packet === undefined ? [undefined] : packetsOf(options.packet);
  const ctx = options.ctx === undefined ? undefined : hexBytes(options.ctx, '--ctx');
  const { object, profile } = await loadInput(file, options, streams);
  chosenPrograms(object, options.program);
  // Whoever runs a program has not necessarily had it judged: every memory access is looked up.
  const loaded = Machine.load(object, {
    profile,
    cpus,
    seed,
    checked: true,
    kernelTypes: kernelTypesFor(profile, { file: options.btf }),
    programs: options.program === undefined ? loadable(object, streams) : [options.program],
  });
  if (!loaded.ok) return loaded;
  let last: Played | undefined;
  const outcomes: StepOutcome[] = [];
  for (const [at, packet] of packets.entries()) {
    const start: StartOptions = { ...(packet ? { packet } : {}), ...(ctx ? { ctx } : {}) };
    const played = playDefault(loaded.value, {
      program: options.program,
      start,
      advanceNs: at === packets.length - 1 ? advanceNs : undefined,
    });
    if (!played.ok) return played;
    last = played.value;
    outcomes.push(...last.outcomes);
    if (last.stopped) break;
  }
  return { ok: true, value: { machine: loaded.value, outcomes, stopped: last?.stopped } };
}

/** The programs that load by themselves. One that the loader refuses does not keep the others from running. */
function loadable(object: ObjectSpec, streams: Streams): string[] {
  const wanted = object.programs.filter((program) => program.autoload);
  const good = wanted.filter((program) => program.problem === undefined);
  if (good.length === 0 && wanted.length > 0) return wanted.map((program) => program.name);
  for (const { problem } of wanted) if (problem) streams.error(`bpf-studio: left out: ${problem.message}`);
  return good.map((program) => program.name);
}

/** One packet in hexadecimal, or every packet of a capture. */
function packetsOf(option: string): Uint8Array[] {
  if (!/\.p?cap(?:ng)?$/i.test(option)) return [hexBytes(option, '--packet')];
  let bytes: Uint8Array;
  try {
    bytes = fs.readFileSync(option);
  } catch {
    throw usage(`--packet: ${option} cannot be read`);
  }
  return sure(readPcap(option, bytes));
}

async function playFile(file: string, options: RunCommandOptions, streams: Streams): Promise<Result<Played>> {
  const scenario = await readScenarioFile(file);
  if (scenario.object === undefined) throw usage(`${file}: names no object`, 'Add "object: program.bpf.c".');
  const name = path.join(path.dirname(file), scenario.object);
  const target = path.isAbsolute(scenario.object) ? scenario.object : name;
  const kernel = options.kernel ?? scenario.kernel;
  const { object, profile } = await loadInput(target, { ...options, kernel }, streams);
  return playScenario(object, scenario, {
    profile: profileOf(scenario, profile),
    checked: true,
    kernelTypes: kernelTypesFor(profile, { file: options.btf }),
  });
}

export async function readScenarioFile(file: string): Promise<Scenario> {
  let text: string;
  try {
    if (fs.statSync(file).size > SCENARIO_LIMIT_BYTES) throw usage(`${file}: larger than 16 MiB`);
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    throw usage(`${file}: no such file, or it cannot be read`);
  }
  const yaml = await import('yaml');
  let data: unknown;
  try {
    data = yaml.parse(text, { maxAliasCount: 100 });
  } catch (error) {
    const first = error instanceof Error ? error.message.split('\n')[0].replace(/:$/, '') : String(error);
    throw new CommandFailure({ code: 'bad-scenario', message: `${file}: ${first}`, place: { file } });
  }
  return sure(readScenario(file, data));
}

/** Source places with paths as the user would write them. */
function withShownPaths<T>(report: T, given: string): T {
  const own = path.resolve(given);
  const shown = (name: string): string => {
    if (path.resolve(name) === own) return given;
    const relative = path.relative(process.cwd(), name);
    return relative.startsWith('..') || path.isAbsolute(relative) ? name : relative;
  };
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    const place = value as { file?: unknown; line?: unknown };
    const isPlace = typeof place.file === 'string' && typeof place.line === 'number';
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        isPlace && key === 'file' ? shown(inner as string) : walk(inner),
      ]),
    );
  };
  return walk(report) as T;
}
