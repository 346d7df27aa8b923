/** What kernels differ in at run time, row by row of the table of behaviours by version, and time itself. */
import * as assert from 'node:assert/strict';
import { findFamily } from '../../runtime/maps/maps';
import type { Machine } from '../../runtime/machine/machine';
import { machineOf, runProgram } from './objects';
import {
  EBUSY,
  EDEADLK,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  EPERM,
  EVERY_KERNEL,
  LOCKED_KERNELS,
  MS,
  RC,
  TimerRig,
  DOES,
} from './timerRig';
import { allTimers } from '../../runtime/kernel/timerTable';

const EARLY = ['5.15', '6.6'];

/** Actions of one CPU up to where `until` holds. */
function act(machine: Machine, cpu: number, until: () => boolean): void {
  for (let i = 0; !until(); i++) {
    assert.ok(i < 1000, 'it never comes to that');
    assert.equal(machine.actOn(cpu, 'run'), undefined);
  }
}

const isIdle = (machine: Machine, cpu: number): boolean =>
  machine.state.kernel.cpus[cpu].contexts.length === 0;

describe('§7.1 what kernels differ in', () => {
  it('§7.1 start flags: none, ABS from 6.4, CPU_PIN from 6.7', () => {
    const taken = EVERY_KERNEL.map((kernel) => {
      const rig = new TimerRig(kernel);
      rig.init('array');
      rig.set('array');
      return [1n, 2n].map((flag) => rig.start('array', 1n << 60n, 0, flag) === 0);
    });
    assert.deepEqual(taken, [
      [false, false],
      [false, false],
      [true, false],
      [true, true],
      [true, true],
      [true, true],
    ]);
  });

  it('§7.1 async cancel kfunc: from 7.0', () => {
    const rig = new TimerRig('7.2');
    rig.arm('array', MS);
    assert.equal(rig.call('cancel_async_array', 0), 1);
  });

  it('§7.1 NMI callers: refused until 6.19, then start is deferred and cancel refused', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      rig.set('array');
      const on = { context: 'nmi' } as const;
      const codes = [rig.start('array', MS, 0, 0n, on), rig.cancel('array', 0, on)];
      assert.deepEqual(codes, [kernel === '7.2' ? 0 : EOPNOTSUPP, EOPNOTSUPP], kernel);
    }
  });

  it('§7.1 hard interrupt: allowed until 6.19, then start is deferred and cancel refused', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      rig.set('array');
      const run = rig.begin('start_array', 0, { cpu: 0, context: 'hardirq' }, MS);
      act(rig.machine, 0, () => rig.machine.state.runs[run - 1].ended);
      assert.equal(rig.timer('array')?.state, kernel === '7.2' ? 'ready' : 'armed', kernel);
      rig.pass(5n * MS);
      assert.equal(rig.field('array', 'count'), 1);
      const cancelled = rig.cancel('array', 0, { context: 'hardirq' });
      assert.equal(cancelled, kernel === '7.2' ? EOPNOTSUPP : 0);
    }
  });

  it('§7.1 synchronisation: a lock in the timer until 6.19, none from 7.0', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      const run = rig.begin('set_array', 0, { cpu: 0 });
      const { value, offset } = rig.machine.kernel.timer(1);
      let wasLocked = false;
      act(rig.machine, 0, () => {
        wasLocked ||= rig.machine.memory.load32(value + offset + 8) !== 0;
        return rig.machine.state.runs[run - 1].ended;
      });
      assert.equal(wasLocked, kernel !== '7.2', kernel);
    }
  });

  it('§7.1 init tests the user count before it allocates until 6.6, after it published the timer from 6.7', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      const run = rig.begin('init_array', 0, { cpu: 0 });
      act(rig.machine, 0, () => rig.objects() > 0);
      rig.machine.closeMap(rig.record('array'), 1, false);
      act(rig.machine, 0, () => isIdle(rig.machine, 0));
      const result = rig.finish(run);
      assert.equal(result, EARLY.includes(kernel) ? 0 : EPERM, kernel);
    }
  });

  it('§7.1 init test order: NMI first until 6.9, flags first from 6.10, no NMI test from 7.0', () => {
    for (const kernel of EVERY_KERNEL) {
      const code = new TimerRig(kernel).init('array', 0, 99n, { context: 'nmi' });
      assert.equal(code, ['5.15', '6.1', '6.6'].includes(kernel) ? EOPNOTSUPP : EINVAL, kernel);
    }
  });

  it('§7.1 set_callback tests the user count until 6.19', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      rig.machine.kernel.mapReferences(rig.record('array').definition.id).users = 0;
      assert.equal(rig.set('array'), kernel === '7.2' ? 0 : EPERM, kernel);
    }
  });

  it('§7.1 start can return ENOENT from 7.0 only', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      rig.set('array');
      rig.machine.kernel.timer(1).references = 0;
      assert.equal(rig.start('array', MS), kernel === '7.2' ? ENOENT : 0, kernel);
    }
  });

  it('§7.1 mutual cancel: a hang, EDEADLK from 6.10', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      const todo = DOES.spin | DOES.cancelOther;
      rig.arm('array', MS, 0, { todo, other: 1, ns: 500n }, 0);
      rig.arm('array', MS - 5_000n, 1, { todo, other: 0, ns: 500n }, 1);
      const stop = rig.passTo(rig.machine.nowNs() + 20_000n * MS);
      const hangs = stop.kind === 'fault' && stop.message.startsWith('deadlock');
      assert.equal(hangs, EARLY.includes(kernel), kernel);
      if (!hangs) assert.ok([rig.rc(RC.cancelOther), rig.rc(RC.cancelOtherOdd)].includes(EDEADLK), kernel);
    }
  });

  it('§7.1 free inside a callback: own wait skipped, a worker from 6.10, a try and a grace period from 7.0', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('hash', MS, 0, { todo: DOES.deleteSelf });
      rig.intoCallback('hash');
      let deferred = 0;
      let grace = 0;
      while (!isIdle(rig.machine, 0)) {
        rig.machine.actOn(0, 'run');
        deferred = Math.max(deferred, rig.machine.state.kernel.deferred.length);
        if (!isIdle(rig.machine, 0)) grace = Math.max(grace, rig.machine.state.kernel.grace.length);
      }
      const way = EARLY.includes(kernel) ? 'in place' : kernel === '7.2' ? 'grace' : 'worker';
      assert.deepEqual([deferred > 0 && grace === 0, grace > 0], [way === 'worker', way === 'grace'], kernel);
    }
  });

  it('§7.1 free outside a callback: waits for the callback until 6.19, not from 7.0', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('hash', MS, 0, { todo: DOES.spin, ns: 5000n });
      rig.intoCallback('hash');
      rig.machine.delete(rig.record('hash'), new Uint8Array(4), 1);
      const running = [...allTimers(rig.machine.state.kernel.timers)].some((t) => t.runningOn >= 0);
      assert.equal(running, kernel === '7.2', kernel);
    }
  });

  it('§7.1 object memory: freed at once, after readers from 6.8, after a grace period of tasks from 7.0', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('hash', 1000n * MS);
      const run = rig.begin('cancel_hash', 0, { cpu: 0 });
      const timer = rig.machine.kernel.timer(1);
      act(rig.machine, 0, () => timer.callback === undefined && timer.program < 0);
      // The cancel stands between the removal of the callback and the removal from the queue.
      rig.machine.beginDelete(rig.record('hash'), new Uint8Array(4), 1);
      act(rig.machine, 1, () => isIdle(rig.machine, 1));
      assert.equal(rig.objects(), EARLY.includes(kernel) ? 0 : 1, kernel);
      if (EARLY.includes(kernel)) {
        const stop = rig.machine.runToEnd();
        assert.match(stop.kind === 'fault' ? stop.message : '', /use after free/);
      } else {
        assert.equal(rig.finish(run), 0);
        rig.pass(MS);
        assert.equal(rig.objects(), 0, kernel);
      }
    }
  });

  it('§7.1 release on user count 0 waits for a running callback until 6.19', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS, 0, { todo: DOES.spin, ns: 5000n });
      rig.intoCallback('array');
      rig.machine.closeMap(rig.record('array'), 1);
      const running = [...allTimers(rig.machine.state.kernel.timers)].some((t) => t.runningOn >= 0);
      assert.equal(running, !LOCKED_KERNELS.some((k) => k === kernel), kernel);
    }
  });

  it('§7.1 lock and timer in one value: a broken copy in 5.15, right from then on', () => {
    for (const kernel of EVERY_KERNEL) {
      const machine = machineOf('timerMaps', { kernel });
      const map = machine.findMap('locked_array');
      assert.ok(map);
      machine.update(map, new Uint8Array(4), [new Uint8Array(32).fill(0xaa)]);
      const program = machine.findProgram('arm_locked_array');
      assert.ok(program);
      machine.start(program);
      const stop = machine.runToEnd();
      assert.equal(stop.kind, kernel === '5.15' ? 'fault' : 'idle', kernel);
    }
  });

  it('§7.1 delete without preallocation cancels after a grace period in 5.15, at once from then on', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('malloced', MS, 0, { todo: DOES.deleteSelf | DOES.lateRestart, ns: MS });
      rig.pass(5n * MS);
      assert.equal(rig.rc(RC.lateRestart), kernel === '5.15' ? 0 : EINVAL, kernel);
      rig.pass(50n * MS);
      assert.equal(rig.objects(), 0);
    }
  });

  it('§7.1 freeing under the lock of the bucket: delete until 6.12 (backported), prealloc update until 6.19', () => {
    for (const kernel of EVERY_KERNEL) {
      const held = (['delete', 'update'] as const).map((what) => {
        const rig = new TimerRig(kernel);
        rig.arm('hash', 1000n * MS);
        const map = rig.record('hash');
        if (what === 'delete') rig.machine.beginDelete(map, new Uint8Array(4), 0);
        else rig.machine.beginUpdate(map, new Uint8Array(4), [new Uint8Array(48)], 0n, 0);
        return rig.machine.state.kernel.bucketLocks.length > 0;
      });
      assert.deepEqual(held, [EARLY.includes(kernel), kernel !== '7.2'], kernel);
    }
  });

  it('§7.1 equal-expiry re-arm: behind the others, in its place from 7.1', () => {
    for (const kernel of ['6.12', '7.2']) {
      const rig = new TimerRig(kernel);
      for (const key of [0, 1]) {
        rig.init('array', key, 1n);
        rig.set('array', key);
      }
      const at = rig.machine.nowNs() + 10n * MS;
      rig.start('array', at, 0, 1n);
      rig.start('array', at, 1, 1n);
      rig.start('array', at, 0, 1n);
      rig.pass(20n * MS);
      const fired = rig.machine.events().flatMap((e) => (e.kind === 'timerFire' ? [e.timer.keyHex] : []));
      const order = ['00000000', '01000000'];
      assert.deepEqual(fired, kernel === '7.2' ? order : order.reverse(), kernel);
    }
  });

  it('§7.1 extra map type: RHASH of 7.2 is not modelled, and a run with it says so', () => {
    assert.equal(findFamily('BPF_MAP_TYPE_RHASH'), undefined);
  });
});

describe('§2.4 maps in maps, and values with a lock', () => {
  const args = (clock: number, ns: bigint): Uint8Array => {
    const bytes = new Uint8Array(24);
    const view = new DataView(bytes.buffer);
    view.setUint32(4, clock, true);
    view.setBigUint64(8, ns, true);
    return bytes;
  };
  const count = (machine: Machine, map: string, offset: number): number => {
    const record = machine.findMap(map);
    assert.ok(record);
    const value = machine.lookup(record, new Uint8Array(4))?.[0];
    return value === undefined
      ? -1
      : Number(new DataView(value.buffer, value.byteOffset).getBigUint64(offset, true));
  };

  it('§2.4 update with BPF_F_LOCK, hash: in place, the timer stays armed; array: it is freed', () => {
    for (const kernel of ['6.1', '6.12', '7.2']) {
      for (const map of ['locked_hash', 'locked_array']) {
        const machine = machineOf('timerMaps', { kernel });
        const record = machine.findMap(map);
        assert.ok(record);
        machine.update(record, new Uint8Array(4), [new Uint8Array(32)]);
        assert.equal(runProgram(machine, `arm_${map}`), 0);
        assert.equal(machine.update(record, new Uint8Array(4), [new Uint8Array(32).fill(1)], 4n), 0);
        machine.run({ untilNs: machine.nowNs() + 5n * MS, budget: 1_000_000 });
        const before = 0x0101010101010101n;
        const now = machine.lookup(record, new Uint8Array(4))?.[0];
        assert.ok(now);
        const fired = new DataView(now.buffer, now.byteOffset).getBigUint64(0, true) - before;
        assert.equal(fired, map === 'locked_hash' ? 1n : 0n, `${kernel} ${map}`);
      }
    }
  });

  it('§2.4 inner map removed or replaced in the outer map: its timers go on while it has a user', () => {
    for (const kernel of EVERY_KERNEL) {
      const machine = machineOf('timerMaps', { kernel });
      assert.equal(runProgram(machine, 'arm_inner', { ctx: args(1, MS) }), 0);
      const [outer, one] = ['outer', 'one'].map((name) => machine.findMap(name));
      assert.ok(outer && one);
      const two = machine.findMap('two')?.definition.id ?? 0;
      assert.equal(machine.update(outer, new Uint8Array(4), [Uint8Array.of(two, 0, 0, 0)]), 0);
      machine.run({ untilNs: machine.nowNs() + 5n * MS, budget: 1_000_000 });
      assert.equal(count(machine, 'one', 16), 1, kernel);
      assert.equal(machine.kernel.mapReferences(one.definition.id).outer, 0);
    }
  });

  it('§2.4 inner map without a user: its timers were freed when the last one left, and it goes with its slot', () => {
    for (const kernel of EVERY_KERNEL) {
      const machine = machineOf('timerMaps', { kernel });
      assert.equal(runProgram(machine, 'arm_inner', { ctx: args(1, MS) }), 0);
      const [outer, one] = ['outer', 'one'].map((name) => machine.findMap(name));
      assert.ok(outer && one);
      const { id } = one.definition;
      machine.closeMap(one);
      machine.run({ untilNs: machine.nowNs() + 5n * MS, budget: 1_000_000 });
      assert.deepEqual(
        [count(machine, 'one', 16), machine.kernel.mapReferences(id).freed],
        [0, false],
        kernel,
      );
      assert.equal(machine.delete(outer, new Uint8Array(4)), 0);
      assert.equal(machine.kernel.mapReferences(id).freed, true, kernel);
      assert.equal(machine.state.kernel.timers.size, 0);
    }
  });

  it('§2.4 outer map destroyed: drops one ordinary reference of the inner map', () => {
    const machine = machineOf('timerMaps');
    const [outer, one] = ['outer', 'one'].map((name) => machine.findMap(name));
    assert.ok(outer && one);
    const { id } = one.definition;
    machine.closeMap(one);
    machine.closeMap(outer);
    assert.equal(machine.kernel.mapReferences(id).freed, false, 'programs still hold the outer map');
    for (const program of machine.programs) machine.unloadProgram(program);
    machine.run({ untilNs: MS, budget: 1_000_000 });
    assert.equal(machine.kernel.mapReferences(id).freed, true);
  });

  it('§4.1 CLOCK_BOOTTIME goes on in suspend, CLOCK_MONOTONIC and CLOCK_REALTIME do not; setting the wall clock moves none', () => {
    for (const [clock, fires] of [
      [0, 0],
      [1, 0],
      [7, 1],
    ]) {
      const machine = machineOf('timerMaps');
      assert.equal(runProgram(machine, 'arm_inner', { ctx: args(clock, 1000n * MS) }), 0);
      machine.suspend(10_000n * MS);
      machine.setClock(4_000_000_000_000n * MS);
      machine.run({ untilNs: machine.nowNs() + 5n * MS, budget: 1_000_000 });
      assert.equal(count(machine, 'one', 16), fires, `clock ${clock}`);
      machine.run({ untilNs: machine.nowNs() + 1000n * MS, budget: 1_000_000 });
      assert.equal(count(machine, 'one', 16), 1);
      runProgram(machine, 'clocks');
      const section = machine.globalSection('.bss');
      assert.ok(section);
      const bytes = machine.readMemory(section.address, section.sizeBytes);
      assert.ok(bytes);
      const numbers = new BigUint64Array(bytes.slice().buffer);
      assert.ok(
        [...numbers].some((a) => [...numbers].some((b) => b - a >= 10_000n * MS && b - a < 10_001n * MS)),
        'boot time is ahead by the suspend',
      );
    }
  });
});

describe('§4 time', () => {
  it('§4.3 an absolute time in the past fires at once, but never inside start', () => {
    const rig = new TimerRig();
    rig.init('array');
    rig.set('array');
    rig.pass(10n * MS);
    const run = rig.begin('start_array', 0, { cpu: 0 }, 0n);
    act(rig.machine, 0, () => rig.machine.state.runs[run - 1].ended);
    assert.equal(rig.field('array', 'count'), 0);
    rig.pass(MS);
    assert.equal(rig.field('array', 'count'), 1);
    assert.equal(rig.start('array', 5n, 0, 1n), 0);
    rig.pass(MS);
    assert.equal(rig.field('array', 'count'), 2);
  });

  it('§4.4 which CPU: that of the running callback first, whatever CPU_PIN says, then the calling one', () => {
    const rig = new TimerRig();
    rig.arm('array', MS, 0, {}, 1);
    assert.equal(rig.timer('array')?.cpu, 1);
    assert.equal(rig.start('array', MS, 0, 2n, { cpu: 0 }), 0);
    rig.pass(2n * MS);
    assert.equal(rig.field('array', 'cpu'), 0);
    const spinning = new TimerRig();
    spinning.arm('array', MS, 0, { todo: DOES.spin, ns: 5000n }, 1);
    spinning.intoCallback('array');
    const run = spinning.begin('start_array', 0, { cpu: 0 }, 10n * MS);
    spinning.finish(run);
    assert.equal(spinning.timer('array')?.cpu, 1);
  });

  it('§4.5 one pass drains monotonic before boottime, whatever the times', () => {
    const rig = new TimerRig();
    for (const [key, clock] of [
      [0, 7n],
      [1, 1n],
    ] as const) {
      rig.put('array', key, { todo: DOES.spin, ns: 10n });
      assert.equal(rig.init('array', key, clock), 0);
      rig.set('array', key);
    }
    const at = rig.machine.nowNs() + MS;
    rig.start('array', at, 0, 1n);
    rig.start('array', at + 100n, 1, 1n);
    // The interrupt comes late, when both are due.
    const busy = rig.begin('init_array', 3, { cpu: 0, context: 'hardirq' });
    rig.machine.state.kernel.cpus[0].timeNs = at + 1000n;
    rig.finish(busy);
    rig.pass(MS);
    const fired = rig.machine
      .events()
      .flatMap((e) => (e.kind === 'timerFire' ? [e.timer.keyHex.slice(0, 2)] : []));
    assert.deepEqual(fired, ['01', '00']);
  });

  it('init on an evicted value pointer, EBUSY included, never trips the model', () => {
    const rig = new TimerRig();
    rig.put('lru', 0);
    assert.deepEqual([rig.init('lru', 0), rig.init('lru', 0)], [0, EBUSY]);
  });
});
