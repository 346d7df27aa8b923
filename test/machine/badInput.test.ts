/** What impossible scenarios and hopeless programs get: one clear error, or a stop within bounds that says where and why. */
import * as assert from 'node:assert/strict';
import { Machine } from '../../runtime/machine/machine';
import { playScenario } from '../../runtime/machine/player';
import { readScenario } from '../../runtime/machine/scenario';
import { findProfile } from '../../runtime/spec/profile';
import { machineOf, readObject, runProgram } from './objects';
import { EVERY_KERNEL, MS, TimerRig } from './timerRig';

/** The problem that a scenario of these steps ends with. */
function problemOf(object: string, steps: unknown[], more: object = {}): string {
  const read = readScenario('test', { version: 1, ...more, steps });
  if (!read.ok) return `${read.problem.message} ${read.problem.remedy ?? ''}`;
  const played = playScenario(readObject(object), read.value);
  assert.ok(!played.ok, 'the scenario is played');
  return `${played.problem.message} ${played.problem.remedy ?? ''}`;
}

describe('impossible steps', () => {
  it('of unknown maps and programs are told with what there is', () => {
    assert.match(problemOf('timers', [{ delete: 'flowz', key: 0 }]), /no map 'flowz'.*array, hash, malloced/);
    assert.match(problemOf('timers', [{ run: 'begin' }]), /no program 'begin'.*codes/);
    assert.match(problemOf('timerMaps', [{ update: 'outer', key: 0, value: 'three' }]), /no map 'three'/);
  });

  it('with a key or value of the wrong size or type are told', () => {
    assert.match(problemOf('timers', [{ delete: 'array', key: '00 00' }]), /2|bytes|key/);
    assert.match(problemOf('timers', [{ update: 'array', key: 0, value: 'hex:00' }]), /bytes|value/);
    assert.match(problemOf('timers', [{ update: 'array', key: 'x', value: '{}' }]), /x/);
  });

  it('that let time go backwards are told', () => {
    for (const step of [{ advance: '-10ms' }, { suspend: '-1s' }, { setClock: 'yesterday' }])
      assert.match(problemOf('timers', [step]), /is no duration; write 10ms/);
  });

  it('on CPUs that are not there, or with programs that are gone, are told', () => {
    assert.match(problemOf('timers', [{ run: 'codes', cpu: 7 }], { cpus: 2 }), /no cpu 7.*2/);
    assert.match(problemOf('timers', [{ unload: 'codes' }, { run: 'codes' }]), /'codes' was unloaded/);
    assert.match(problemOf('timers', [{ attach: 'codes' }]), /no such trace point.*hrtimer_cancel/);
  });
});

describe('what would never end, or never fit', () => {
  it('a callback that re-arms itself at zero delay is stopped, and named, on every kernel', () => {
    for (const kernel of EVERY_KERNEL) {
      const machine = machineOf('timers', { kernel, budget: 400_000 });
      assert.equal(runProgram(machine, 'endless'), 0);
      const stop = machine.run({ untilNs: 3_600_000n * MS, budget: Number.MAX_SAFE_INTEGER });
      assert.equal(stop.kind, 'exhausted', kernel);
      assert.match(stop.kind === 'exhausted' ? stop.message : '', /array\[00000000\].*fired \d+ times/);
    }
  });

  it('a map larger than memory is refused at the load, with what to do', () => {
    const profile = findProfile('6.12');
    assert.ok(profile);
    const loaded = Machine.load(readObject('programMaps'), { profile, memoryLimitBytes: 65_536 });
    assert.ok(!loaded.ok);
    assert.match(loaded.problem.message, /map '\w+' does not fit into the machine's memory/);
    assert.match(loaded.problem.remedy ?? '', /max_entries/);
  });

  it('R9: patching instructions at the load changes no program: references are those of what runs', () => {
    const object = readObject('timerRows');
    const before = JSON.stringify(object.programs.map((p) => p.insns));
    const rig = new TimerRig();
    rig.init('array');
    rig.set('array');
    const [held] = rig.machine.state.kernel.programs.filter((p) => p.references > 1);
    assert.equal(held.name, 'set_array');
    assert.equal(rig.timer('array')?.callback?.programId, held.id);
    assert.equal(JSON.stringify(object.programs.map((p) => p.insns)), before);
  });
});
