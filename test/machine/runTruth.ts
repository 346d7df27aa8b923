/**
 * Scenarios, what real kernels answered to them, and whether the model answers the same. The recorded answers lie beside
 * the scenarios (`NAMEScenarios.json`, `NAMERecorded.json` in the fixtures); `recordRuns.mjs` there makes them.
 *
 * Left out of the comparison, since two runs of one kernel differ in it: ids of maps and programs, times, the order in
 * which hash tables list their keys, which CPU a run happened to be on, and what a scenario's `ignore_maps` names.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { firstRejected } from '../../runtime/host/firstRejected';
import { pointsOf } from '../../runtime/host/kernelPoints';
import { loadFor } from '../../runtime/host/loadFor';
import type { ObjectSpec } from '../../runtime/loader/objectSpec';
import {
  loadFailed,
  playOracle,
  readOracleScenarios,
  type OracleAnswer,
  type OracleMap,
  type OracleScenario,
} from '../../runtime/machine/oracleRun';
import { findProfile, type Profile } from '../../runtime/spec/profile';
import { ok, type Result } from '../../runtime/util/problem';
import { repoRoot } from '../support/paths';

type Maps = Readonly<Record<string, OracleMap>>;
type Steps = readonly Readonly<Record<string, unknown>>[];

/** One kernel's answer to a scenario. */
export interface KernelAnswer {
  readonly scenario: string;
  /** Profile name. */
  readonly profile: string;
  /** Its release. */
  readonly kernel: string;
  readonly load: string;
  readonly error?: string;
  readonly steps: Steps;
  readonly maps: Readonly<Record<string, OracleMap>>;
}

/** A scenario as our files hold it. */
export interface RunScenario extends OracleScenario {
  readonly note?: string;
  readonly ignore_maps?: readonly string[];
  /** The model is known to answer otherwise, and why. */
  readonly gap?: string;
}

export interface ScenarioSet {
  readonly name: string;
  readonly folder: string;
  readonly scenarios: readonly RunScenario[];
}

export interface Disagreement {
  readonly what: string;
  readonly kernel: unknown;
  readonly model: unknown;
}

export const FIXTURES = path.join(repoRoot, 'test/fixtures/machine');

const readJson = (file: string): unknown => JSON.parse(fs.readFileSync(file, 'utf8'));

/** Reads one file of scenarios. */
export function readScenarioSet(file: string): ScenarioSet {
  const read = readOracleScenarios(file, readJson(file));
  assert.ok(read.ok, read.ok ? '' : read.problem.message);
  return {
    name: path.basename(file).replace(/Scenarios\.json$/, ''),
    folder: path.dirname(file),
    scenarios: read.value,
  };
}

/** The sets of the fixtures, by name. */
export function fixtureSets(): readonly ScenarioSet[] {
  return fs
    .readdirSync(FIXTURES)
    .filter((name) => /Scenarios\.json$/.test(name))
    .sort()
    .map((name) => readScenarioSet(path.join(FIXTURES, name)));
}

/** An answer that several kernels gave; the first recordings have one kernel each. */
type Shared = Omit<KernelAnswer, 'profile' | 'kernel'> &
  (
    | { readonly profiles: readonly string[]; readonly kernels: readonly string[] }
    | { readonly profile: string; readonly kernel: string }
  );

/** What kernels answered to a set of the fixtures. */
export function recordedAnswers(set: ScenarioSet): readonly KernelAnswer[] {
  const name = `${set.name}Recorded.json`;
  return (readJson(path.join(set.folder, name)) as Shared[]).flatMap((shared) =>
    'profile' in shared
      ? [shared]
      : shared.profiles.map((profile, i) => ({ ...shared, profile, kernel: shared.kernels[i] })),
  );
}

/** The bench writes names without blanks. */
export const findScenario = (set: ScenarioSet, name: string): RunScenario | undefined =>
  set.scenarios.find((s) => s.name === name || s.name.replaceAll(' ', '_') === name);

const objects = new Map<string, ObjectSpec>();

/** An object file as one kernel gets it, loaded once; a problem is why the kernel's loader would not take it. */
function objectAt(file: string, profile: Profile): Result<ObjectSpec> {
  const key = `${file} ${profile.name}`;
  const known = objects.get(key);
  if (known !== undefined) return ok(known);
  const request = { file: path.basename(file), bytes: fs.readFileSync(file), relaxed: false, btf: {} };
  let loaded = loadFor(request, profile);
  // The bench guesses the type of programs in sections that libbpf does not know.
  if (loaded.ok && loaded.value.programs.some((p) => p.problem?.code === 'unknown-program-section'))
    loaded = loadFor({ ...request, relaxed: true }, profile);
  if (!loaded.ok) return loaded;
  if (objects.size > 20) objects.clear();
  objects.set(key, loaded.value);
  return loaded;
}

/** The bench's guests have two CPUs. */
const GUEST_CPUS = 2;

export function playOnModel(set: ScenarioSet, scenario: RunScenario, kernel: string): OracleAnswer {
  const profile = findProfile(kernel);
  assert.ok(profile, `no profile ${kernel}`);
  const file = path.isAbsolute(scenario.object) ? scenario.object : path.join(set.folder, scenario.object);
  const object = objectAt(file, profile);
  if (!object.ok) return loadFailed(scenario, profile, object.problem);
  const rejected = firstRejected(object.value, scenario.only, profile, {});
  if (rejected !== undefined) return loadFailed(scenario, profile, rejected);
  const answer = playOracle(object.value, scenario, profile, {
    cpus: GUEST_CPUS,
    ...pointsOf(profile),
  });
  assert.ok(answer.ok, answer.ok ? '' : answer.problem.message);
  return answer.value;
}

/** Types whose keys come in an order that differs from boot to boot. */
const UNORDERED = /hash/;
/** Types whose values are ids. */
const HOLDS_IDS = ['array_of_maps', 'hash_of_maps', 'prog_array'];

/** Elements without what differs between runs of one kernel; per-CPU values as a set. */
function comparableMap(map: OracleMap): readonly string[] {
  if (map.records) return map.records;
  const entries = (map.entries ?? []).map(({ key, value, values, errno }) => {
    const held = values ? [...values].sort().join(' ') : (value ?? '');
    const shown = HOLDS_IDS.includes(map.type) && errno === undefined ? 'an id' : held;
    return `${key ?? ''} ${errno === undefined ? shown : `errno ${errno}`}`;
  });
  return UNORDERED.test(map.type) ? entries.sort() : entries;
}

const STEP_KEYS = ['run', 'attach', 'errno', 'retval', 'data_out', 'ctx_out', 'update', 'delete', 'sleep_ms'];

const comparableStep = (step: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(step).filter(([key, value]) => STEP_KEYS.includes(key) && value !== undefined),
  );

const comparableMaps = (
  maps: Readonly<Record<string, OracleMap>>,
  ignored: readonly string[],
): Record<string, readonly string[]> =>
  Object.fromEntries(
    Object.entries(maps)
      .filter(([name]) => !ignored.includes(name))
      .map(([name, map]) => [name, comparableMap(map)]),
  );

const same = (a: unknown, b: unknown): boolean => {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
};

/** Everything in which the two answers differ. */
export function differences(
  scenario: RunScenario,
  kernel: KernelAnswer,
  model: OracleAnswer,
): readonly Disagreement[] {
  if (kernel.load !== model.load)
    return [{ what: 'load', kernel: kernel.error ?? kernel.load, model: model.error ?? model.load }];
  const ignored = scenario.ignore_maps ?? [];
  const found: Disagreement[] = [];
  const compare = (what: string, a: unknown, b: unknown, told = b): void => {
    if (!same(a, b)) found.push({ what, kernel: a, model: told });
  };
  const compareMaps = (what: string, theirs: Maps, ours: Maps): void => {
    const [a, b] = [comparableMaps(theirs, ignored), comparableMaps(ours, ignored)];
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)]))
      compare(`${what}map ${name}`, a[name], b[name]);
  };
  kernel.steps.forEach((step, i) => {
    const ours = model.steps[i] ?? {};
    const shown = comparableStep(ours);
    const what = `step ${i} ${JSON.stringify(scenario.steps[i]).slice(0, 80)}`;
    compare(what, comparableStep(step), shown, 'error' in ours ? { ...shown, error: ours.error } : shown);
    if (step.maps !== undefined) compareMaps(`step ${i}: `, step.maps as Maps, (ours.maps ?? {}) as Maps);
  });
  compareMaps('', kernel.maps, model.maps);
  return found;
}
