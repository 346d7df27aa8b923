import * as assert from 'node:assert/strict';
import { searchSeeds } from '../../runtime/explore/manySeeds';
import { playScenario } from '../../runtime/machine/player';
import { readScenario, type Scenario } from '../../runtime/machine/scenario';
import { randomly } from '../../runtime/sched/scheduler';
import { readObject } from './objects';

function scenario(expected: object): Scenario {
  const read = readScenario('test', {
    version: 1,
    // `slow` adds one random bit 400 times.
    steps: [{ run: 'arm_slow' }, { advance: '20ms' }, { expect: expected }],
  });
  assert.ok(read.ok);
  return read.value;
}

describe('playing a scenario under many seeds', () => {
  it('reports each way to fail once, with a seed that shows it again', () => {
    const one = scenario({ maps: { array: { '0': '{.count = 1, .note = 200}' } } });
    const search = searchSeeds(readObject('timers'), one, 12);
    assert.ok(search.ok);
    assert.equal(search.value.executions, 12);
    assert.equal(search.value.complete, false);
    assert.ok(search.value.found.length > 3, 'random sums differ');
    const { seed, what } = search.value.found[0];
    const again = playScenario(readObject('timers'), one, { scheduler: randomly(seed) });
    assert.ok(again.ok);
    assert.equal(again.value.outcomes.flatMap((o) => o.failures ?? []).join('; '), what);
  });

  it('finds nothing where every seed agrees', () => {
    const search = searchSeeds(
      readObject('timers'),
      scenario({ timers: { 'array[0].timer': { fires: 1 } } }),
      5,
    );
    assert.ok(search.ok);
    assert.deepEqual(search.value.found, []);
  });
});
