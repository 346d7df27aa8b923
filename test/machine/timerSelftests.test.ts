/**
 * What the kernel's own tests of timers check, on every profile: the programs of `timerSelftests` and `timerStress`. Profiles whose
 * kernel was not measured must answer as the measured one that the facts put beside them. What needs several CPUs at once is
 * in `timerStress.test.ts`.
 */
import * as assert from 'node:assert/strict';
import { differences, findScenario, fixtureSets, playOnModel, recordedAnswers } from './runTruth';

/** The measured kernel that answers as the profile does, where one scenario has no other in `EXCEPT`. */
const LIKE: Readonly<Record<string, string>> = { '5.15': '6.1', '6.6': '6.1', '6.18': '6.12' };
/** Absolute expiry came with 6.4. */
const EXCEPT: Readonly<Record<string, Readonly<Record<string, string>>>> = { absolute: { '6.6': '6.12' } };

/** What no measured kernel does: the lock beside a timer makes copies overwrite it (fixed in 5.17), bpf_loop came with 5.17. */
const ONLY_THERE: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  '5.15': { crash: /timer whose bytes were overwritten/, many: /unknown#181/ },
};

for (const name of ['timerSelftest', 'timerStress']) {
  const set = fixtureSets().find((candidate) => candidate.name === name);
  assert.ok(set);
  const answers = recordedAnswers(set);
  describe(`${name}: kernels that were not measured answer as the facts say`, () => {
    for (const [profile, like] of Object.entries(LIKE)) {
      for (const scenario of set.scenarios) {
        const kernel = EXCEPT[scenario.name]?.[profile] ?? like;
        const recorded = answers.find(
          (answer) => answer.profile === kernel && findScenario(set, answer.scenario) === scenario,
        );
        if (recorded === undefined) continue;
        const special = ONLY_THERE[profile]?.[scenario.name];
        it(`${scenario.name} on ${profile} ${special === undefined ? `as on ${kernel}` : 'as nowhere else'}`, () => {
          if (special !== undefined) {
            assert.match(JSON.stringify(playOnModel(set, scenario, profile)), special);
            return;
          }
          assert.deepEqual(differences(scenario, recorded, playOnModel(set, scenario, profile)), []);
        });
      }
    }
  });
}
