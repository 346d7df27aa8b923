/**
 * The search itself: going back in place gives the very states that playing from the beginning gives, shares and bounds
 * count every schedule once, and leaving plain accesses out of the choices loses nothing where there is no data race.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as fc from 'fast-check';
import { readScenarioFile } from '../../cli/run';
import { loadInput } from '../../cli/loadInput';
import { Executor } from '../../runtime/explore/executor';
import { explore, type Exploration, type ExploreOptions } from '../../runtime/explore/explore';
import type { Machine } from '../../runtime/machine/machine';
import { allTimers } from '../../runtime/kernel/timerTable';
import { readScenario, type Scenario } from '../../runtime/machine/scenario';
import type { ObjectSpec } from '../../runtime/loader/objectSpec';
import { example, fixture } from '../support/paths';

const quiet = { out: (): void => undefined, error: (): void => undefined };
const OPTIONS = { strategy: 'dfs', preemptions: 2, budget: 100_000 } as const;

/** Everything that two machines could differ in. */
function fingerprint(machine: Machine): string {
  const { kernel, maps, ...rest } = machine.state;
  const { events, scheduler, timers, ...others } = kernel;
  assert.ok(Array.isArray(events));
  const plain = (_key: string, value: unknown): unknown =>
    typeof value === 'bigint'
      ? `${value}n`
      : value instanceof Map
        ? [...(value as Map<unknown, unknown>)]
        : value instanceof Uint8Array
          ? Buffer.from(value).toString('hex')
          : value;
  const data = [...maps.values()].map((map) => map.data);
  const records = JSON.stringify(
    [others, [...allTimers(timers)], (scheduler as { prng: unknown }).prng, data, rest],
    plain,
  );
  const { brk } = machine.memory.state;
  return (
    records +
    JSON.stringify(machine.memory.state) +
    Buffer.from(machine.memory.read(0, brk)).toString('base64')
  );
}

/** What users can see at the end: contents of maps and returned values. */
const outcome = (machine: Machine): string =>
  JSON.stringify([
    machine
      .maps()
      .map((map) =>
        machine
          .mapEntries(map.id, 0, 100)
          .entries.map(({ values }) => values.map(({ bytes }) => Buffer.from(bytes).toString('hex'))),
      ),
    machine
      .returnValues()
      .map((r) => `${r.program}=${r.value}`)
      .sort(),
  ]);

function searched(
  object: ObjectSpec,
  scenario: Scenario,
  options: Partial<ExploreOptions> = {},
): Exploration {
  const result = explore(object, scenario, { ...OPTIONS, ...options });
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.value;
}

describe('the depth-first search', function () {
  this.timeout(120_000);

  const lessons = fs.readdirSync(example('races')).flatMap((f) => /^(.*)\.bpf\.yaml$/.exec(f)?.[1] ?? []);
  it('reaches by going back the same states as by playing from the beginning, in every lesson', async () => {
    for (const name of lessons) {
      const read = await readScenarioFile(example(`races/${name}.bpf.yaml`));
      const scenario: Scenario = { ...read, fixes: {} };
      const { object } = await loadInput(example(`races/${name}.bpf.c`), { kernel: scenario.kernel }, quiet);
      const ends: { script: number[]; state: string }[] = [];
      searched(object, scenario, {
        preemptions: 1,
        onEnd: (script, machine) => {
          if (ends.length < 60) ends.push({ script: [...script], state: fingerprint(machine) });
        },
      });
      const executor = Executor.create(object, scenario, {});
      assert.ok(executor.ok);
      for (const { script, state } of ends) {
        assert.ok(executor.value.execute(executor.value.scripted(script)).ok);
        assert.equal(fingerprint(executor.value.machine), state, `${name}: ${script.join()}`);
      }
      assert.ok(ends.length > 0, name);
    }
  });

  describe('on small programs', () => {
    let object: ObjectSpec;
    before(async () => {
      ({ object } = await loadInput(fixture('explore', 'counters.bpf.c'), {}, quiet));
    });
    const scenarioOf = (tracks: readonly (readonly string[])[], extra: object = {}): Scenario => {
      const steps = [{ parallel: tracks.map((names) => names.map((run) => ({ run }))) }];
      const read = readScenario('test', { version: 1, cpus: tracks.length, steps, ...extra });
      assert.ok(read.ok);
      return read.value;
    };

    it('runs no schedule twice, whatever the bound, and shares add up to the whole', () => {
      const scenario = scenarioOf([['add_atomic', 'add_locked'], ['claim']]);
      for (const preemptions of [0, 1, 2, 3, 5]) {
        const scripts: string[] = [];
        const whole = searched(object, scenario, {
          preemptions,
          onEnd: (script) => scripts.push(script.join()),
        });
        assert.equal(whole.complete, true);
        assert.equal(new Set(scripts).size, whole.executions);
        const shared: string[] = [];
        const shares = [1, 2, 3].map((index) =>
          searched(object, scenario, {
            preemptions,
            shard: { index, count: 3 },
            onEnd: (script) => shared.push(script.join()),
          }),
        );
        assert.ok(shares.every((share) => share.complete));
        assert.deepEqual(shared.sort(), scripts.sort());
      }
    });

    it('finds all outcomes without switching at plain accesses, where there is no data race', () => {
      const names = [
        'add_atomic',
        'add_locked',
        'claim',
        'publish',
        'find',
        'read_plain',
        'hand_over',
        'add_plain',
      ];
      const track = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 2 });
      let compared = 0;
      fc.assert(
        fc.property(track, fc.constantFrom(...names), (first, second) => {
          const outcomes = (dataRace: 'on' | 'off'): { seen: Set<string>; result: Exploration } => {
            const seen = new Set<string>();
            const result = searched(object, scenarioOf([first, [second]], { check: { dataRace } }), {
              preemptions: 3,
              onEnd: (_script, machine) => seen.add(outcome(machine)),
            });
            return { seen, result };
          };
          const reduced = outcomes('on');
          if (reduced.result.found.length > 0) {
            assert.equal(reduced.result.found[0].invariant, 'data-race');
            return;
          }
          assert.ok(reduced.seen.size > 0);
          const all = outcomes('off');
          assert.ok(all.result.executions >= reduced.result.executions);
          assert.deepEqual([...reduced.seen].sort(), [...all.seen].sort());
          compared++;
        }),
        { numRuns: 12 },
      );
      assert.ok(compared > 0);
    });
  });
});
