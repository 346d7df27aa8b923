/** What impossible scenarios and hopeless programs get: one clear error, or a stop within bounds that says where and why. */
import * as assert from 'node:assert/strict';
import { DEFAULT_BUDGET, Machine } from '../../runtime/machine/machine';
import { playScenario } from '../../runtime/machine/player';
import { readScenario } from '../../runtime/machine/scenario';
import { findProfile } from '../../runtime/spec/profile';
import { machineOf, readObject, readObjectFor, runProgram } from './objects';
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
  /** What a callback that is asked for at once takes of the budget. */
  const AT_ONCE_WORK = 4000;

  it('a callback that is asked for again at once is stopped, and named, on every kernel', () => {
    const blamed: Readonly<Record<string, RegExp>> = {
      one: /again of program one; most often the timer in elements\[00000000\], which has fired \d+ times/,
      slow: /slowly_again of program slow; most often the timer in elements/,
      many: /again of program many; most often the timer in elements/,
      // Its timers are made anew each time: none fires twice.
      anew: /(even|odd) of program anew\. If/,
    };
    for (const kernel of EVERY_KERNEL)
      for (const [program, blame] of Object.entries(blamed)) {
        const budget = 500 * AT_ONCE_WORK;
        const machine = machineOf('endless', { kernel, programs: [program], budget });
        assert.equal(runProgram(machine, program), 0);
        const stop = machine.run({ untilNs: 3_600_000n * MS, budget: Number.MAX_SAFE_INTEGER });
        assert.equal(stop.kind, 'exhausted', kernel);
        const message = stop.kind === 'exhausted' ? stop.message : '';
        assert.match(message, blame, kernel);
        const called = Number(/(\d+) callbacks that were asked for at once/.exec(message)?.[1]);
        assert.ok(called > 300 && called <= 500, `${kernel} ${program}: ${called}`);
      }
  });

  it('a work queue that queues itself again at once, too', () => {
    const profile = findProfile('6.12');
    assert.ok(profile);
    const object = readObjectFor('endlessWork', profile);
    const loaded = Machine.load(object, { profile, checked: true, budget: 500 * AT_ONCE_WORK });
    assert.ok(loaded.ok, loaded.ok ? '' : loaded.problem.message);
    const machine = loaded.value;
    assert.equal(runProgram(machine, 'work'), 0);
    const stop = machine.run({ untilNs: 3_600_000n * MS, budget: Number.MAX_SAFE_INTEGER });
    assert.equal(stop.kind, 'exhausted');
    const message = stop.kind === 'exhausted' ? stop.message : '';
    assert.match(message, /again of program work; most often the work queue in works\[00000000\]/);
    assert.ok(Number(/has fired (\d+) times/.exec(message)?.[1]) <= 500);
  });

  it('the budget that a run has unless told otherwise ends such runs after 50 000 callbacks', () => {
    assert.ok(DEFAULT_BUDGET <= 50_000 * AT_ONCE_WORK);
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
