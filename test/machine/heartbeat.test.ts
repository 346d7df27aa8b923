import * as assert from 'node:assert/strict';
import { cloneState } from '../../runtime/machine/state';
import type { Machine } from '../../runtime/machine/machine';
import { machineOf, runProgram } from './objects';

const SECOND = 1_000_000_000n;

const show = (value: unknown): string =>
  JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v));

/** Everything that a run leaves behind, as text. */
const trace = (machine: Machine): string =>
  show([machine.events(), machine.returnValues(), machine.nowNs(), machine.timers()]);

describe('heartbeat on the machine', () => {
  it('arms the timer at 100 ms and fires ten times in a second', () => {
    const machine = machineOf('heartbeat');
    assert.equal(runProgram(machine, 'start'), 2);
    const [timer] = machine.timers();
    assert.equal(timer.state, 'armed');
    assert.equal(timer.map, 'beats');
    assert.ok(
      timer.expiresNs !== undefined && timer.expiresNs > 100_000_000n && timer.expiresNs < 100_010_000n,
    );
    assert.equal(timer.callback?.functionName, 'on_beat');
    const stop = machine.run({ untilNs: SECOND + 50_000n, budget: 1_000_000 });
    assert.equal(stop.kind, 'timeLimit');
    assert.equal(machine.timers()[0].fires, 10);
    const [entry] = machine.mapEntries(1, 0, 10).entries;
    assert.equal(new DataView(entry.values[0].bytes.buffer).getBigUint64(0, true), 10n);
    assert.deepEqual(
      machine.events().flatMap((e) => (e.kind === 'print' ? [e.text] : [])),
      Array.from({ length: 10 }, (_, i) => `beat ${i + 1}`),
    );
  });

  it('chains the stacks that armed the timer', () => {
    const machine = machineOf('heartbeat');
    runProgram(machine, 'start');
    machine.run({ untilNs: (SECOND * 25n) / 100n, budget: 1_000_000 });
    const armed = machine.timers()[0].armed;
    assert.equal(armed?.frames[0].functionName, 'on_beat');
    assert.equal(armed?.parent?.frames[0].functionName, 'on_beat');
    assert.equal(armed?.parent?.parent?.frames[0].functionName, 'start');
    assert.equal(armed?.parent?.parent?.parent, undefined);
  });

  it('gives the same trace after snapshot and restore at every step', () => {
    const limit = (SECOND * 35n) / 100n;
    const reference = machineOf('heartbeat');
    runProgram(reference, 'start');
    reference.run({ untilNs: limit, budget: 1_000_000 });
    const expected = trace(reference);

    const machine = machineOf('heartbeat');
    const program = machine.findProgram('start');
    assert.ok(program);
    machine.start(program);
    let steps = 0;
    for (;;) {
      const copy = machine.snapshot();
      machine.run({ untilNs: limit, budget: 1_000_000 });
      assert.equal(trace(machine), expected, `continued from step ${steps}`);
      machine.restore(copy);
      const stop = machine.stepInsn(limit);
      steps++;
      if (stop !== undefined) {
        assert.equal(stop.kind, 'timeLimit');
        break;
      }
    }
    assert.equal(trace(machine), expected, 'stepped all the way');
    assert.ok(steps > 100, `${steps} steps`);
  });

  it('keeps its state plain: a copy of it holds only data', () => {
    const machine = machineOf('heartbeat');
    runProgram(machine, 'start');
    machine.run({ untilNs: SECOND / 2n, budget: 1_000_000 });
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) {
        assert.notEqual(typeof value, 'function', path);
        return;
      }
      const proto: unknown = Object.getPrototypeOf(value);
      assert.ok(
        proto === Object.prototype ||
          proto === Array.prototype ||
          proto === Map.prototype ||
          proto === Uint8Array.prototype,
        path,
      );
      if (value instanceof Map)
        for (const [k, v] of value as Map<unknown, unknown>) visit(v, `${path}.${String(k)}`);
      else if (!(value instanceof Uint8Array))
        for (const [k, v] of Object.entries(value)) visit(v, `${path}.${k}`);
    };
    visit(cloneState(machine.state), 'state');
    assert.equal(show(structuredClone(machine.state)), show(machine.state));
  });
});
