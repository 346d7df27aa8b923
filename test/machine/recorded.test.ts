/**
 * The model against real kernels: what Debian's 6.1, 6.12 and 7.2 answered to these scenarios is recorded beside them.
 * What is left out of the comparison stands in `runTruth.ts`. A scenario marked as a gap must still disagree.
 */
import * as assert from 'node:assert/strict';
import { differences, findScenario, fixtureSets, playOnModel, recordedAnswers } from './runTruth';

describe('the model answers as the real kernels did', () => {
  for (const set of fixtureSets()) {
    for (const recorded of recordedAnswers(set)) {
      it(`${set.name}: ${recorded.scenario} on ${recorded.profile} (${recorded.kernel})`, () => {
        const scenario = findScenario(set, recorded.scenario);
        assert.ok(scenario);
        const found = differences(scenario, recorded, playOnModel(set, scenario, recorded.profile));
        if (scenario.gap === undefined) assert.deepEqual(found, []);
        else assert.notDeepEqual(found, [], 'the gap is closed: remove its mark');
      });
    }
  }
});
