/**
 * The model against real kernels: what Debian's 6.1, 6.12 and 7.2 answered to these scenarios is recorded beside them.
 * Left out: ids of maps and programs (they differ from boot to boot) and which CPU a run happened to be on.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { playOracle, readOracleScenarios, type OracleMap } from '../../runtime/machine/oracleRun';
import { findProfile } from '../../runtime/spec/profile';
import { repoRoot } from '../support/paths';
import { readObject } from './objects';

interface Recorded {
  readonly scenario: string;
  readonly profile: string;
  readonly kernel: string;
  readonly load: string;
  readonly steps: readonly Readonly<Record<string, unknown>>[];
  readonly maps: Readonly<Record<string, OracleMap>>;
}

const read = (name: string): unknown =>
  JSON.parse(fs.readFileSync(path.join(repoRoot, 'test/fixtures/machine', name), 'utf8'));

/** The answer without what may differ between two runs of the same kernel, and keys behind which there is no value. */
const comparable = (
  steps: readonly Readonly<Record<string, unknown>>[],
  maps: Readonly<Record<string, OracleMap>>,
): unknown => ({
  steps: steps.map(({ run, errno, retval, data_out, ctx_out, update, delete: deleted, sleep_ms }) =>
    Object.fromEntries(
      Object.entries({ run, errno, retval, data_out, ctx_out, update, deleted, sleep_ms }).filter(
        ([, value]) => value !== undefined,
      ),
    ),
  ),
  maps: Object.entries(maps).map(([name, map]): [string, readonly string[]] => {
    if (map.records) return [name, map.records];
    const handles = map.type === 'array_of_maps' || map.type === 'prog_array';
    const entries = (map.entries ?? [])
      .filter((e) => handles || e.value !== undefined || e.values !== undefined)
      .map(({ key, value, values }) =>
        handles ? (key ?? '') : `${key ?? ''} ${values ? [...values].sort().join(' ') : (value ?? '')}`,
      );
    return [name, entries.sort()];
  }),
});

/** Pairs of files: what was played, and what the kernels answered. */
const RECORDINGS = [
  ['scenarios.json', 'recorded.json'],
  ['moreScenarios.json', 'moreRecorded.json'],
] as const;

describe('the model answers as the real kernels did', () => {
  for (const [played, answers] of RECORDINGS) {
    const scenarios = readOracleScenarios(played, read(played));
    assert.ok(scenarios.ok);
    for (const recorded of read(answers) as Recorded[]) {
      it(`${recorded.scenario} on ${recorded.profile} (${recorded.kernel})`, () => {
        const scenario = scenarios.value.find((s) => s.name === recorded.scenario);
        const profile = findProfile(recorded.profile);
        assert.ok(scenario && profile);
        const answer = playOracle(readObject(scenario.object.replace(/\.o$/, '')), scenario, profile, 2);
        assert.ok(answer.ok, answer.ok ? '' : answer.problem.message);
        assert.equal(answer.value.load, recorded.load, answer.value.error);
        assert.deepEqual(
          comparable(answer.value.steps, answer.value.maps),
          comparable(recorded.steps, recorded.maps),
        );
      });
    }
  }
});
