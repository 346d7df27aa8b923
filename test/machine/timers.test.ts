import * as assert from 'node:assert/strict';
import type { Machine } from '../../runtime/machine/machine';
import type { FeatureName } from '../../runtime/spec/features';
import { findProfile, type Profile } from '../../runtime/spec/profile';
import { machineOf, runProgram } from './objects';

const MS = 1_000_000n;
const EINVAL = -22;
const EBUSY = -16;
const EPERM = -1;
const EDEADLK = -35;

/** The array `name` of the object's global data, as signed 32-bit or unsigned 64-bit numbers. */
function globals(machine: Machine, name: 'result' | 'order' | 'fired'): number[] {
  const { object } = machine;
  const map = object.maps.find((m) => m.section === '.bss');
  assert.ok(map && object.btf);
  const section = object.btf.types[map.valueTypeId];
  assert.equal(section.kind, 'datasec');
  const place = section.vars.find((v) => object.btf?.types[v.type].name === name);
  const address = machine.globalSection('.bss');
  assert.ok(place && address);
  const bytes = machine.readMemory(address.address + BigInt(place.offset), place.sizeBytes);
  assert.ok(bytes);
  const view = new DataView(bytes.buffer);
  const wide = name === 'order';
  return Array.from({ length: bytes.length / (wide ? 8 : 4) }, (_, i) =>
    wide ? Number(view.getBigUint64(8 * i, true)) : view.getInt32(4 * i, true),
  );
}

/** Lets virtual time pass; nothing may go wrong meanwhile. */
function pass(machine: Machine, ns: bigint): void {
  const stop = machine.run({ untilNs: machine.nowNs() + ns, budget: 50_000_000 });
  assert.ok(
    stop.kind === 'timeLimit' || stop.kind === 'idle',
    stop.kind === 'fault' ? stop.message : stop.kind,
  );
}

const countOf = (machine: Machine, map: string, index: number): number => {
  const key = Uint8Array.of(index, 0, 0, 0);
  const record = machine.findMap(map);
  assert.ok(record);
  const value = machine.lookup(record, key)?.[0];
  return value === undefined ? -1 : Number(new DataView(value.buffer).getBigUint64(0, true));
};

/** Options of a 6.12 machine that lacks one fix. */
function withoutFix(feature: FeatureName): { readonly profile: Profile } {
  const profile = findProfile('6.12');
  assert.ok(profile);
  return { profile: { ...profile, without: [feature] } };
}

const KERNELS = ['5.15', '6.1', '6.6', '6.12', '7.2'];

describe('timer helpers', () => {
  for (const kernel of KERNELS) {
    it(`return the measured codes on ${kernel}`, () => {
      const machine = machineOf('timers', { kernel });
      assert.equal(runProgram(machine, 'codes'), 0);
      assert.deepEqual(globals(machine, 'result'), [
        EINVAL, // start before init
        EINVAL, // cancel before init
        EINVAL, // set_callback before init
        EINVAL, // unknown clock
        EINVAL, // flags beyond the clock
        0, // init
        EBUSY, // init again
        EINVAL, // start without callback
        0, // set_callback
        EINVAL, // unknown start flag
        0, // start
        0, // start again
        1, // cancel of an armed timer
        0, // cancel of an idle one
        EINVAL, // start after cancel: the callback is gone
        EBUSY, // init after cancel
      ]);
    });
  }

  it('take the flags that each kernel knows', () => {
    const expected: Readonly<Record<string, readonly number[]>> = {
      '6.1': [EINVAL, EINVAL, EINVAL, 0],
      '6.6': [0, EINVAL, EINVAL, 0],
      '6.12': [0, 0, 0, 0],
      '7.2': [0, 0, 0, 0],
    };
    for (const [kernel, codes] of Object.entries(expected)) {
      const machine = machineOf('timers', { kernel });
      assert.equal(runProgram(machine, 'flags'), 0);
      assert.deepEqual(globals(machine, 'result').slice(0, 4), codes, kernel);
      pass(machine, 1_000_000n * MS);
      assert.equal(countOf(machine, 'array', 0), 0, 'a start with 2^64-1 nanoseconds never fires');
    }
  });

  it('refuse a callback that cancels or initialises itself', () => {
    for (const kernel of KERNELS) {
      const machine = machineOf('timers', { kernel });
      assert.equal(runProgram(machine, 'cancel_itself'), 0);
      pass(machine, 2n * MS - MS / 2n);
      assert.deepEqual(globals(machine, 'result').slice(0, 4), [EDEADLK, 0, EDEADLK, EBUSY], kernel);
      pass(machine, 3n * MS);
      assert.equal(countOf(machine, 'array', 0), 4, 'it goes on firing');
    }
  });

  it('free the timer of an element that its own callback deletes, even re-armed', () => {
    for (const kernel of ['6.1', '6.12', '7.2']) {
      const machine = machineOf('timers', { kernel });
      assert.equal(runProgram(machine, 'delete_in_callback'), 0);
      pass(machine, 10n * MS);
      assert.deepEqual(globals(machine, 'result').slice(0, 4), [0, 0, EINVAL, EINVAL], kernel);
      assert.equal(globals(machine, 'fired')[0], 1);
      assert.equal(machine.timers().length, 0);
      assert.equal(machine.state.kernel.timers.size, 0, 'no object is left behind');
    }
  });

  it('show the use after free that kernels before the deferred free have there', () => {
    const machine = machineOf('timers', { kernel: '6.6' });
    assert.equal(runProgram(machine, 'delete_in_callback'), 0);
    const stop = machine.run({ untilNs: 10n * MS, budget: 1_000_000 });
    assert.equal(stop.kind, 'fault');
    assert.match(stop.kind === 'fault' ? stop.message : '', /freed/);
  });

  it('fire equal expiries in the order of arming', () => {
    const machine = machineOf('timers');
    assert.equal(runProgram(machine, 'ties'), 0);
    pass(machine, 20n * MS);
    assert.deepEqual(globals(machine, 'order').slice(0, 4), [3, 2, 1, 0]);
  });

  it('let callbacks hand over to each other', () => {
    const machine = machineOf('timers');
    assert.equal(runProgram(machine, 'ping_pong'), 0);
    pass(machine, 7n * MS - MS / 2n);
    const record = machine.findMap('array');
    assert.ok(record);
    const value = machine.lookup(record, new Uint8Array(4))?.[0];
    assert.ok(value);
    assert.deepEqual([countOf(machine, 'array', 0), new DataView(value.buffer).getUint32(24, true)], [3, 3]);
  });

  it('bound a callback that re-arms itself with no delay, and name the timer', () => {
    const machine = machineOf('timers', { budget: 400_000 });
    assert.equal(runProgram(machine, 'endless'), 0);
    const stop = machine.run({ budget: 10_000_000 });
    assert.equal(stop.kind, 'exhausted');
    assert.match(stop.kind === 'exhausted' ? stop.message : '', /array\[00000000\].*fired \d+ times/);
    assert.equal(machine.run({ budget: 10 }).kind, 'exhausted', 'the run is over for good');
  });

  it('keep two callbacks that cancel each other from waiting for ever', () => {
    for (const kernel of ['6.12', '7.2']) {
      const machine = machineOf('timers', { kernel, cpus: 2 });
      assert.equal(runProgram(machine, 'mutual', { cpu: 0 }), 0);
      assert.equal(runProgram(machine, 'mutual', { cpu: 1 }), 0);
      pass(machine, 20n * MS);
      const codes = globals(machine, 'result').slice(0, 2);
      assert.ok(
        codes.every((c) => c === 0 || c === 1 || c === EDEADLK),
        String(codes),
      );
      assert.ok(codes.includes(EDEADLK), `both run at the same time: ${String(codes)}`);
    }
  });

  it('deadlock there on a kernel without the mutual test, and say so', () => {
    const machine = machineOf('timers', { cpus: 2, ...withoutFix('timerMutualCancelCheck') });
    assert.equal(runProgram(machine, 'mutual', { cpu: 0 }), 0);
    assert.equal(runProgram(machine, 'mutual', { cpu: 1 }), 0);
    const stop = machine.run({ untilNs: 20_000n * MS, budget: 50_000_000 });
    assert.equal(stop.kind, 'fault');
    assert.match(stop.kind === 'fault' ? stop.message : '', /deadlock/);
  });

  it('make a cancel on another CPU wait for the running callback', () => {
    const machine = machineOf('timers', { cpus: 2 });
    assert.equal(runProgram(machine, 'arm_slow', { cpu: 0 }), 0);
    const [timer] = machine.timers();
    assert.ok(timer.expiresNs);
    machine.run({ untilNs: timer.expiresNs + 1_000n, budget: 1_000_000 });
    assert.equal(machine.timers()[0].state, 'running');
    const program = machine.findProgram('cancel_slow');
    assert.ok(program);
    machine.start(program, { cpu: 1 });
    assert.equal(machine.runToEnd().kind, 'idle');
    assert.deepEqual(
      globals(machine, 'result').slice(0, 2),
      [0, 1],
      'nothing was queued; the callback had ended',
    );
  });
});

describe('a machine stopped in the middle of kernel operations', () => {
  it('gives the same trace after snapshot and restore at every step', () => {
    const begin = (): Machine => {
      const machine = machineOf('timers', { cpus: 2 });
      assert.equal(runProgram(machine, 'arm_slow', { cpu: 0 }), 0);
      const due = machine.timers()[0].expiresNs;
      assert.ok(due);
      machine.run({ untilNs: due + 6_000n, budget: 1_000_000 });
      const program = machine.findProgram('cancel_slow');
      assert.ok(program);
      machine.start(program, { cpu: 1 });
      return machine;
    };
    const trace = (machine: Machine): string =>
      JSON.stringify(
        [machine.events(), machine.timers(), machine.nowNs(), globals(machine, 'result')],
        (_k, v: unknown) => (typeof v === 'bigint' ? String(v) : v),
      );
    const reference = begin();
    reference.runToEnd();
    const expected = trace(reference);
    const machine = begin();
    let waits = 0;
    while (machine.state.runs.some((r) => !r.ended)) {
      const copy = machine.snapshot();
      machine.runToEnd();
      assert.equal(trace(machine), expected);
      machine.restore(copy);
      machine.stepInsn();
      if (machine.state.idleSpins > 0) waits++;
    }
    assert.ok(waits > 2, 'the cancel waited');
  });

  it('says so when something overwrote the bytes of a timer', () => {
    const machine = machineOf('timers');
    runProgram(machine, 'init_only');
    const [entry] = machine.mapEntries(machine.findMap('array')?.definition.id ?? 0, 0, 1).entries;
    assert.ok(entry.values[0].address);
    machine.writeMemory(entry.values[0].address + 8n, new Uint8Array(8).fill(0xaa));
    const program = machine.findProgram('codes');
    assert.ok(program);
    machine.start(program);
    const stop = machine.runToEnd();
    assert.equal(stop.kind, 'fault');
    assert.match(
      stop.kind === 'fault' ? stop.message : '',
      /bpf_timer_start.*array\[0\] \+8.*holds no timer/,
    );
    assert.equal(stop.kind === 'fault' && stop.place?.program, 'codes');
  });
});

describe('what happens to elements and maps happens to their timers', () => {
  const armed = (kernel = '6.12'): Machine => {
    const machine = machineOf('timers', { kernel });
    assert.equal(runProgram(machine, 'arm_all'), 0);
    assert.equal(machine.timers().filter((t) => t.state === 'armed').length, 6);
    return machine;
  };
  const key = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0);

  for (const map of ['hash', 'malloced']) {
    it(`delete and update of ${map} free the timer`, () => {
      for (const kernel of KERNELS) {
        const machine = armed(kernel);
        const record = machine.findMap(map);
        assert.ok(record);
        assert.equal(machine.delete(record, key(0)), 0);
        assert.equal(machine.update(record, key(1), [new Uint8Array(32)]), 0);
        // 5.15 frees elements from the allocator after a grace period only.
        if (kernel === '5.15') pass(machine, 1_000n);
        const left = machine.timers().filter((t) => t.map === map);
        assert.deepEqual(
          left.map((t) => t.keyHex),
          ['02000000'],
          kernel,
        );
        pass(machine, 20n * MS);
        assert.deepEqual(
          [0, 1, 2].map((k) => countOf(machine, map, k)),
          [-1, 0, 1],
        );
        assert.equal(machine.delete(record, key(0)), 2);
      }
    });
  }

  it('the last user reference frees every timer, spare elements included', () => {
    const machine = armed();
    const record = machine.findMap('hash');
    assert.ok(record);
    machine.pinMap(record);
    machine.closeMap(record);
    assert.equal(machine.timers().length, 6, 'the pin holds it');
    machine.unpinMap(record);
    assert.equal(machine.timers().filter((t) => t.map === 'hash').length, 0);
    pass(machine, 20n * MS);
    assert.equal(countOf(machine, 'hash', 0), 0);
    assert.equal(countOf(machine, 'malloced', 0), 1);
  });

  it('without a user reference init is refused', () => {
    for (const kernel of KERNELS) {
      const machine = machineOf('timers', { kernel });
      const record = machine.findMap('array');
      assert.ok(record);
      machine.closeMap(record);
      assert.equal(runProgram(machine, 'init_only'), EPERM >>> 0, kernel);
      // Without a lock what was made is freed like any other, after a grace period.
      pass(machine, MS);
      assert.equal(machine.state.kernel.timers.size, 0);
    }
  });

  it('unloading a program stops nothing while a timer holds it', () => {
    const machine = machineOf('timers');
    runProgram(machine, 'cancel_itself');
    const program = machine.findProgram('cancel_itself');
    assert.ok(program);
    machine.unloadProgram(program);
    assert.equal(machine.state.kernel.programs[program.id].freed, false);
    pass(machine, 5n * MS);
    assert.ok(countOf(machine, 'array', 0) > 2);
    const record = machine.findMap('array');
    assert.ok(record);
    machine.closeMap(record);
    pass(machine, 1_000n);
    assert.equal(machine.state.kernel.programs[program.id].freed, true);
    assert.equal(machine.start(program).ok, false);
  });

  it('timer bytes read as zero and writes of them are ignored', () => {
    const machine = armed();
    const record = machine.findMap('array');
    assert.ok(record);
    runProgram(machine, 'init_only');
    const value = machine.lookup(record, key(0))?.[0];
    assert.deepEqual(value?.slice(8, 24), new Uint8Array(16));
    assert.equal(machine.update(record, key(0), [new Uint8Array(32).fill(0xaa)]), 0);
    assert.equal(
      machine.timers().filter((t) => t.map === 'array').length,
      0,
      'update frees the timer of an array',
    );
    assert.equal(runProgram(machine, 'init_only'), 0, 'and init works again');
  });
});
