/**
 * Programs on per-CPU maps, maps of maps, program arrays and ring buffers, against what three real kernels with one
 * CPU answered (`test/fixtures/maps/families.json`). Ids of maps and programs differ by nature and are left out there.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { loadObject } from '../../runtime/loader/loadObject';
import { playOracle, type OracleMap, type OracleScenario } from '../../runtime/machine/oracleRun';
import { findProfile } from '../../runtime/spec/profile';
import { fixture } from '../support/paths';

type Contents = Record<string, string[] | [string, string[]][]>;

interface Recorded {
  readonly scenario: OracleScenario;
  readonly kernel: string;
  readonly release: string;
  readonly steps: readonly { readonly retval?: number; readonly errno?: number; readonly maps?: Contents }[];
  readonly maps: Contents;
}

const recorded = JSON.parse(fs.readFileSync(fixture('maps', 'families.json'), 'utf8')) as Recorded[];

/** Our maps in the recording's form, those that it has. */
function contents(maps: Readonly<Record<string, OracleMap>>, like: Contents): Contents {
  return Object.fromEntries(
    Object.keys(like).map((name): [string, Contents[string]] => {
      const map = maps[name];
      if (map?.records !== undefined) return [name, [...map.records]];
      const entries = (map?.entries ?? []).map((e): [string, string[]] => [
        e.key ?? '',
        [...(e.values ?? [e.value ?? ''])],
      ]);
      return [name, entries.sort(([a], [b]) => (a < b ? -1 : 1))];
    }),
  );
}

describe('map families in the machine', () => {
  let object: ReturnType<typeof loadObject>;
  before(() => {
    object = loadObject('families.o', fs.readFileSync(fixture('maps', 'families.o')));
  });

  for (const { scenario, kernel, release, steps, maps } of recorded)
    it(`answer as ${release} does: ${scenario.name}`, () => {
      assert.ok(object.ok);
      const profile = findProfile(kernel);
      assert.ok(profile);
      const answer = playOracle(object.value, scenario, profile);
      assert.ok(answer.ok && answer.value.load === 'ok', JSON.stringify(answer));
      steps.forEach((step, i) => {
        const ours = answer.value.steps[i];
        const where = `step ${i}: ${JSON.stringify(ours)}`;
        if (step.retval !== undefined) assert.equal(ours.retval, step.retval, where);
        if (step.errno !== undefined) assert.equal(ours.errno, step.errno, where);
        if (step.maps !== undefined)
          assert.deepEqual(contents(ours.maps as Record<string, OracleMap>, step.maps), step.maps, where);
      });
      assert.deepEqual(contents(answer.value.maps, maps), maps);
    });

  it('load an object whose map the kernel refuses with its types but takes without', () => {
    const refused = loadObject('refusedTypes.o', fs.readFileSync(fixture('maps', 'refusedTypes.o')));
    const profile = findProfile('6.12');
    assert.ok(refused.ok && profile);
    const steps = [{ run: 'p', data: '00'.repeat(64) }];
    const answer = playOracle(refused.value, { object: 'refusedTypes.o', name: 'timer', steps }, profile);
    assert.ok(answer.ok);
    assert.equal(answer.value.load, 'ok');
    assert.equal(answer.value.steps[0].retval, 2);
  });

  // `lruTimers.o` is the LRU example: twelve sessions with a 50 ms timeout in a map of eight. Counts as measured.
  for (const [kernel, kept, fired] of [
    ['6.1', [8, 9, 10, 11], 4],
    ['6.12', [4, 5, 6, 7, 8, 9, 10, 11], 8],
    ['7.2', [4, 5, 6, 7, 8, 9, 10, 11], 8],
  ] as const)
    it(`cancel the timers of evicted elements: ${fired} of 12 fire on ${kernel}`, () => {
      const loaded = loadObject('lruTimers.o', fs.readFileSync(fixture('maps', 'lruTimers.o')));
      const profile = findProfile(kernel);
      assert.ok(loaded.ok && profile);
      const steps = [{ run: 'open_sessions', data: '00'.repeat(64) }, { dump: 1 }, { sleep_ms: 150 }];
      const answer = playOracle(loaded.value, { object: 'lruTimers.o', name: 'lru', steps }, profile);
      assert.ok(answer.ok && answer.value.load === 'ok');
      const held = (answer.value.steps[1].maps as Record<string, OracleMap>).sessions.entries ?? [];
      assert.deepEqual(
        held.map((e) => Number.parseInt((e.key ?? '').slice(0, 2), 16)).sort((a, b) => a - b),
        kept,
      );
      const counters = Object.entries(answer.value.maps).find(([name]) => name.endsWith('.bss'))?.[1];
      assert.equal(
        counters?.entries?.[0].value,
        `0c00000000000000${fired.toString(16).padStart(2, '0')}00000000000000`,
      );
      assert.deepEqual(answer.value.maps.sessions.entries, []);
    });
});
