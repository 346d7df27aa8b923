/** What the timer helpers return, row by row of the table of return codes, on every kernel. */
import * as assert from 'node:assert/strict';
import {
  EBUSY,
  ECANCELED,
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

const NMI = { context: 'nmi' } as const;

describe('§1.2 bpf_timer_init', () => {
  it('§1.2 init, EOPNOTSUPP: refuses NMI context, before the flags until 6.9, behind them until 6.19', () => {
    for (const kernel of EVERY_KERNEL) {
      const bad = new TimerRig(kernel).init('array', 0, 16n, NMI);
      const good = new TimerRig(kernel).init('array', 0, 1n, NMI);
      const flagsFirst = kernel === '6.12' || kernel === '6.18' || kernel === '7.2';
      assert.deepEqual(
        [bad, good],
        [flagsFirst ? EINVAL : EOPNOTSUPP, kernel === '7.2' ? 0 : EOPNOTSUPP],
        kernel,
      );
    }
  });

  it('§1.2 init, EINVAL: flags of 16 or more, and every clock but REALTIME, MONOTONIC and BOOTTIME', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      for (const clock of [2n, 3n, 4n, 5n, 6n, 8n, 9n, 10n, 11n, 15n, 16n, 17n, 1n << 32n, 1n << 63n])
        assert.equal(rig.init('array', 0, clock), EINVAL, `${kernel} ${clock}`);
      assert.deepEqual(
        [rig.init('array', 0, 0n), rig.init('array', 1, 1n), rig.init('array', 2, 7n)],
        [0, 0, 0],
      );
    }
  });

  it('§1.2 init, EBUSY: initialised already, even after a cancel', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      assert.deepEqual(
        [rig.init('array'), rig.init('array'), rig.cancel('array'), rig.init('array')],
        [0, EBUSY, 0, EBUSY],
        kernel,
      );
    }
  });

  it('§1.2 init, EPERM: the map has no user reference; nothing is left behind', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.machine.closeMap(rig.record('array'));
      assert.equal(rig.init('array'), EPERM, kernel);
      rig.pass(MS);
      assert.equal(rig.objects(), 0, kernel);
      rig.machine.pinMap(rig.record('array'));
      assert.equal(rig.init('array'), 0, 'a user reference again');
    }
  });

  it('§1.2 init, 0: initialised, no callback, not armed', () => {
    const rig = new TimerRig();
    assert.equal(rig.init('array'), 0);
    assert.equal(rig.timer('array')?.state, 'initialised');
    assert.equal(rig.timer('array')?.callback, undefined);
  });
});

describe('§1.2 bpf_timer_set_callback', () => {
  it('§1.2 set_callback, EOPNOTSUPP: NMI context until 6.19', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      assert.equal(rig.set('array', 0, NMI), kernel === '7.2' ? 0 : EOPNOTSUPP, kernel);
    }
  });

  it('§1.2 set_callback, EINVAL: not initialised', () => {
    for (const kernel of EVERY_KERNEL) assert.equal(new TimerRig(kernel).set('array'), EINVAL, kernel);
  });

  it('§1.2 set_callback, EPERM: no user reference, until 6.19; afterwards the timers are gone and it is EINVAL', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      // As if the last user left between the two: the walk has not come to this timer.
      rig.machine.kernel.mapReferences(rig.record('array').definition.id).users = 0;
      assert.equal(rig.set('array'), kernel === '7.2' ? 0 : EPERM, kernel);
      const closed = new TimerRig(kernel);
      closed.init('array');
      closed.machine.closeMap(closed.record('array'));
      assert.equal(closed.set('array'), EINVAL, kernel);
    }
  });

  it('§1.2 set_callback, ENOENT: the last reference on the program is gone', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      const program = rig.machine.findProgram('set_array');
      assert.ok(program);
      const run = rig.begin('set_array', 0, { cpu: 0 });
      rig.machine.unloadProgram(program, 1);
      assert.equal(rig.finish(run), ENOENT, kernel);
      assert.equal(rig.timer('array')?.callback, undefined);
    }
  });

  it('§1.2 set_callback, 0: callback and program are stored', () => {
    const rig = new TimerRig();
    rig.init('array');
    assert.equal(rig.set('array'), 0);
    assert.deepEqual(
      [rig.timer('array')?.state, rig.timer('array')?.callback?.functionName],
      ['ready', 'first_array'],
    );
  });
});

describe('§1.2 bpf_timer_start', () => {
  it('§1.2 start, EOPNOTSUPP: NMI context until 6.19', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      rig.set('array');
      assert.equal(rig.start('array', MS, 0, 0n, NMI), kernel === '7.2' ? 0 : EOPNOTSUPP, kernel);
    }
  });

  it('§1.2 start, EINVAL: a flag that the kernel does not know, before the timer is looked at', () => {
    const accepted: Readonly<Record<string, readonly bigint[]>> = {
      '5.15': [0n],
      '6.1': [0n],
      '6.6': [0n, 1n],
      '6.12': [0n, 1n, 2n, 3n],
      '6.18': [0n, 1n, 2n, 3n],
      '7.2': [0n, 1n, 2n, 3n],
    };
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      assert.equal(rig.start('array', MS, 0, 4n), EINVAL, 'not even initialised');
      rig.init('array');
      rig.set('array');
      const taken = [0n, 1n, 2n, 3n, 4n, 8n, 1n << 32n].filter(
        (f) => rig.start('array', 1000n * MS, 0, f) === 0,
      );
      assert.deepEqual(taken, accepted[kernel], kernel);
    }
  });

  it('§1.2 start, EINVAL: not initialised, callback never set, or removed by cancel', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      const codes = [rig.start('array', MS)];
      rig.init('array');
      codes.push(rig.start('array', MS));
      rig.set('array');
      codes.push(rig.start('array', MS));
      rig.cancel('array');
      codes.push(rig.start('array', MS));
      assert.deepEqual(codes, [EINVAL, EINVAL, 0, EINVAL], kernel);
    }
  });

  it('§1.2 start, ENOENT: the reference count of the timer is zero already, 7.0 and later', () => {
    const rig = new TimerRig('7.2');
    rig.init('array');
    rig.set('array');
    const [{ id }] = allTimers(rig.machine.state.kernel.timers);
    rig.machine.kernel.timer(id).references = 0;
    assert.equal(rig.start('array', MS), ENOENT);
    assert.equal(rig.call('cancel_async_array', 0), ENOENT);
  });

  it('§1.2 start, EDEADLK: this CPU is working off deferred commands of this timer, 7.0 and later', () => {
    const rig = new TimerRig('7.2');
    rig.init('array');
    rig.set('array');
    const [timer] = allTimers(rig.machine.state.kernel.timers);
    rig.machine.state.kernel.cpus[0].commandTimer = timer.id;
    assert.equal(rig.start('array', MS, 0, 0n, NMI), EDEADLK);
    assert.equal(rig.call('cancel_async_array', 0, {}, NMI), EDEADLK);
    assert.equal(timer.references, 1, 'the reference for the command is given back');
  });

  it('§1.2 start, 0: armed, or in hard interrupts and NMI of 7.0 and later queued to be armed', () => {
    for (const context of ['task', 'softirq', 'hardirq', 'nmi'] as const) {
      for (const kernel of EVERY_KERNEL) {
        const rig = new TimerRig(kernel);
        rig.init('array');
        rig.set('array');
        const refused = context === 'nmi' && kernel !== '7.2';
        assert.equal(rig.start('array', MS, 0, 0n, { context }), refused ? EOPNOTSUPP : 0, kernel);
        rig.pass(2n * MS);
        assert.equal(rig.field('array', 'count'), refused ? 0 : 1, `${kernel} ${context}`);
      }
    }
  });

  it('§1.2 start does not test the user references', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      rig.set('array');
      rig.machine.kernel.mapReferences(rig.record('array').definition.id).users = 0;
      assert.equal(rig.start('array', MS), 0, kernel);
    }
  });
});

describe('§1.2 bpf_timer_cancel', () => {
  it('§1.2 cancel, EOPNOTSUPP: NMI until 6.19; from 7.0 every context with interrupts off', () => {
    for (const kernel of EVERY_KERNEL) {
      const codes = (['task', 'softirq', 'hardirq', 'nmi'] as const).map((context) => {
        const rig = new TimerRig(kernel);
        rig.init('array');
        return rig.cancel('array', 0, { context });
      });
      assert.deepEqual(codes, [0, 0, kernel === '7.2' ? EOPNOTSUPP : 0, EOPNOTSUPP], kernel);
    }
  });

  it('§1.2 cancel, EINVAL: not initialised', () => {
    for (const kernel of EVERY_KERNEL) assert.equal(new TimerRig(kernel).cancel('array'), EINVAL, kernel);
  });

  it('§1.2 cancel, EDEADLK: within the own callback; callback and re-arming stay', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS, 0, { ns: MS, todo: DOES.restart | DOES.cancelSelf });
      rig.pass(3n * MS + MS / 2n);
      assert.deepEqual([rig.rc(RC.restart), rig.rc(RC.cancelSelf)], [0, EDEADLK], kernel);
      assert.equal(rig.field('array', 'count'), 3, kernel);
    }
  });

  it('§1.2 cancel, EDEADLK: the own timer is being cancelled by another callback, 6.10 and later', () => {
    for (const kernel of ['6.1', '6.12', '6.18', '7.2']) {
      const rig = new TimerRig(kernel);
      const todo = DOES.spin | DOES.cancelOther;
      rig.arm('array', MS, 0, { todo, other: 1, ns: 500n }, 0);
      rig.arm('array', MS - 5n * US_NS, 1, { todo, other: 0, ns: 500n }, 1);
      rig.pass(20n * MS);
      const codes = [rig.rc(RC.cancelOther), rig.rc(RC.cancelOtherOdd)];
      assert.ok(codes.includes(EDEADLK), `${kernel} ${String(codes)}`);
      assert.ok(codes.every((code) => code === EDEADLK || code === 0));
    }
  });

  it('§1.2 cancel, 1: it was queued; 0: it was not', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS);
      assert.deepEqual([rig.cancel('array'), rig.cancel('array')], [1, 0], kernel);
      rig.set('array');
      rig.start('array', MS);
      rig.pass(2n * MS);
      assert.equal(rig.cancel('array'), 0, 'expired');
    }
  });

  it('§1.2 cancel: an error changes nothing; an initialised timer without callback gives 0', () => {
    for (const kernel of LOCKED_KERNELS) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS);
      assert.equal(rig.cancel('array', 0, NMI), EOPNOTSUPP);
      rig.pass(2n * MS);
      assert.equal(rig.field('array', 'count'), 1, kernel);
      rig.init('array', 1);
      assert.equal(rig.cancel('array', 1), 0);
    }
  });
});

const US_NS = 1_000n;

describe('§1.2 bpf_timer_cancel_async, 7.0 and later', () => {
  it('§1.2 cancel_async, EINVAL: not initialised', () => {
    assert.equal(new TimerRig('7.2').call('cancel_async_array', 0), EINVAL);
  });

  it('§1.2 cancel_async, 1 and 0: removed, not queued; a later start needs no set_callback', () => {
    const rig = new TimerRig('7.2');
    rig.arm('array', MS);
    assert.deepEqual([rig.call('cancel_async_array', 0), rig.call('cancel_async_array', 0)], [1, 0]);
    assert.equal(rig.start('array', MS), 0);
    rig.pass(2n * MS);
    assert.equal(rig.field('array', 'count'), 1);
  });

  it('§1.2 cancel_async, -1: the callback runs, nothing is removed', () => {
    const rig = new TimerRig('7.2');
    rig.arm('array', MS, 0, { todo: DOES.restart | DOES.spin, ns: MS });
    rig.put('array', 1);
    rig.intoCallback('array');
    const run = rig.begin('cancel_async_array', 0, { cpu: 1 });
    while (!rig.machine.state.runs[run - 1].ended) rig.machine.stepInsn();
    assert.equal(BigInt.asIntN(32, rig.machine.state.runs[run - 1].result), -1n);
  });

  it('§1.2 cancel_async, ECANCELED: left to the interrupt worker', () => {
    const rig = new TimerRig('7.2');
    rig.arm('array', MS);
    assert.equal(rig.call('cancel_async_array', 0, {}, { context: 'hardirq' }), ECANCELED);
    rig.pass(2n * MS);
    assert.equal(rig.field('array', 'count'), 0, 'it was taken off');
    assert.equal(rig.machine.kernel.timer(1).references, 1);
  });
});
