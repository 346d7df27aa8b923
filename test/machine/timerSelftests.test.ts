/**
 * What the kernel's own tests of timers check, on every profile: the programs of `timerSelftests` and `timerStress`. Profiles whose
 * kernel was not measured must answer as the measured one that the facts put beside them; what needs several CPUs at
 * once is run on the model alone.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { loadFor } from '../../runtime/host/loadFor';
import { Machine } from '../../runtime/machine/machine';
import { Player } from '../../runtime/machine/player';
import type { ScenarioStep } from '../../runtime/machine/scenario';
import { findProfile, has } from '../../runtime/spec/profile';
import { fixture } from '../support/paths';
import { differences, findScenario, fixtureSets, playOnModel, recordedAnswers } from './runTruth';
import { LOCKED_KERNELS, MS } from './timerRig';

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

function stressMachine(kernel: string, cpus: number): Machine {
  const profile = findProfile(kernel);
  assert.ok(profile);
  const file = fixture('machine/timerStress.o');
  const object = loadFor({ file, bytes: fs.readFileSync(file), relaxed: false, btf: {} }, profile);
  assert.ok(object.ok);
  const programs = ['race', 'race_update'];
  const machine = Machine.load(object.value, { profile, cpus, checked: true, programs });
  assert.ok(machine.ok, machine.ok ? '' : machine.problem.message);
  return machine.value;
}

/** Counters of the stress programs. */
function counters(machine: Machine): { turns: number; called: number; wrong: number } {
  const section = machine.globalSection('.bss');
  assert.ok(section);
  const bytes = machine.readMemory(section.address, section.sizeBytes);
  assert.ok(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const word = (name: string): number => {
    const at = COUNTERS.indexOf(name);
    return Number(view.getBigUint64(8 * at, true));
  };
  return { turns: word('turns'), called: word('called'), wrong: word('wrong') };
}

/** In the order in which the compiler placed them. */
const COUNTERS = ['turns', 'entered', 'wrong', 'called'];

const run = (program: string, repeat: number): ScenarioStep => ({ kind: 'run', cpu: 0, program, repeat });

/**
 * Every CPU runs its programs as often as it can while the others do. Kernels that free a timer at once are what this was written
 * against: there it may find a cancel that goes on with freed memory.
 * @returns whether it came to its end.
 */
function together(machine: Machine, tracks: readonly (readonly ScenarioStep[])[]): boolean {
  const player = new Player(machine);
  const numbered = tracks.map((steps, cpu) => steps.map((step) => ({ ...step, cpu }) as ScenarioStep));
  const taken = player.take({ kind: 'parallel', tracks: numbered });
  assert.ok(taken.ok, taken.ok ? '' : taken.problem.message);
  if (player.stopped?.kind === 'fault' && !has(machine.profile, 'timerRcuFree')) {
    assert.match(player.stopped.message, /use after free/);
    return false;
  }
  assert.equal(player.stopped, undefined);
  player.advance(20n * MS);
  return true;
}

const TURNS = 20;

describe('stress tests of timers with a lock, every CPU at once', () => {
  for (const kernel of LOCKED_KERNELS) {
    it(`renew, start and cancel on four CPUs, ${kernel}`, () => {
      const machine = stressMachine(kernel, 4);
      const ended = together(
        machine,
        Array.from({ length: 4 }, () => [run('race', TURNS)]),
      );
      if (!ended) return;
      assert.ok(machine.returnValues().every(({ value }) => value === 0));
      assert.equal(counters(machine).turns, 4 * TURNS);
      assert.equal(counters(machine).wrong, 0);
    });

    it(`a callback renews its own element while others do, ${kernel}`, () => {
      const machine = stressMachine(kernel, 3);
      const ended = together(
        machine,
        Array.from({ length: 3 }, () => [run('race_update', TURNS)]),
      );
      if (!ended) return;
      const { turns, called, wrong } = counters(machine);
      assert.equal(turns, 3 * TURNS);
      assert.equal(wrong, 0);
      assert.ok(called > 0);
    });
  }
});
