/** What happens to a timer in each situation of the table of behaviours, on every kernel. */
import * as assert from 'node:assert/strict';
import { EBUSY, EDEADLK, EINVAL, EVERY_KERNEL, LOCKED_KERNELS, MS, RC, TimerRig, DOES, US } from './timerRig';
import { allTimers } from '../../runtime/kernel/timerTable';

/** Kernels in which freeing a timer that its own callback re-armed is no use after free. */
const SAFE_FREE = ['6.1', '6.12', '6.18', '7.2'];

describe('§1.4 timers by situation', () => {
  it('§1.4 start on an armed timer: the new expiry counts, and nothing tells', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS);
      assert.equal(rig.start('array', 10n * MS), 0, kernel);
      rig.pass(5n * MS);
      assert.equal(rig.field('array', 'count'), 0);
      rig.pass(10n * MS);
      assert.equal(rig.field('array', 'count'), 1, 'one start, one invocation');
    }
  });

  it('§1.4 start in the own callback: 0, and it fires again', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS, 0, { todo: DOES.restart, ns: MS });
      rig.pass(4n * MS + MS / 2n);
      assert.deepEqual([rig.rc(RC.restart), rig.field('array', 'count')], [0, 4], kernel);
    }
  });

  it('§1.4 another callback of the same program set and started in the callback', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS, 0, { todo: DOES.swap, ns: MS });
      rig.pass(5n * MS);
      assert.deepEqual([rig.rc(RC.swapSet), rig.rc(RC.swapStart)], [0, 0], kernel);
      assert.deepEqual([rig.field('array', 'count'), rig.field('array', 'second')], [1, 1]);
    }
  });

  it('§1.4 second set_callback by the same program: its reference stays as it is', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      rig.set('array');
      assert.equal(rig.call('set_array', 0, { second: true }), 0);
      const program = rig.machine.findProgram('set_array');
      assert.ok(program);
      assert.equal(rig.machine.state.kernel.programs[program.id].references, 2, kernel);
      rig.start('array', MS);
      rig.pass(2n * MS);
      assert.deepEqual([rig.field('array', 'count'), rig.field('array', 'second')], [0, 1]);
    }
  });

  it('§1.4 set_callback by another program: the reference moves over', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      rig.set('array');
      assert.equal(rig.call('set_foreign', 0), 0);
      const references = (name: string): number | undefined =>
        rig.machine.state.kernel.programs.find((p) => p.name === name)?.references;
      assert.deepEqual([references('set_array'), references('set_foreign')], [1, 2], kernel);
      rig.start('array', MS);
      rig.pass(2n * MS);
      assert.equal(rig.field('array', 'second'), 100);
    }
  });

  it('§1.4 cancel of the own timer in the callback: EDEADLK, re-arming made before stays', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS, 0, { todo: DOES.restart | DOES.cancelSelf, ns: MS });
      rig.pass(2n * MS + MS / 2n);
      assert.deepEqual([rig.rc(RC.cancelSelf), rig.field('array', 'count')], [EDEADLK, 2], kernel);
    }
  });

  it('§1.4 cancel of another, idle timer in a callback: 0; of an armed one: 1', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS, 0, { todo: DOES.cancelOther, other: 2 });
      rig.init('array', 2);
      rig.pass(2n * MS);
      assert.equal(rig.rc(RC.cancelOther), 0, kernel);
      rig.set('array', 2);
      rig.start('array', 100n * MS, 2);
      rig.start('array', MS);
      rig.pass(2n * MS);
      assert.equal(rig.rc(RC.cancelOther), 1, kernel);
      assert.equal(rig.timer('array', 2)?.state, 'initialised');
    }
  });

  it('§1.4 two callbacks that cancel each other: a hang until 6.9, EDEADLK for at least one from 6.10', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      const todo = DOES.spin | DOES.cancelOther;
      rig.arm('array', MS, 0, { todo, other: 1, ns: 500n }, 0);
      rig.arm('array', MS - 5n * US, 1, { todo, other: 0, ns: 500n }, 1);
      const stop = rig.passTo(rig.machine.nowNs() + 20_000n * MS);
      if (rig.has('timerMutualCancelCheck')) {
        assert.notEqual(stop.kind, 'fault', kernel);
        assert.ok([rig.rc(RC.cancelOther), rig.rc(RC.cancelOtherOdd)].includes(EDEADLK));
      } else assert.match(stop.kind === 'fault' ? stop.message : stop.kind, /^deadlock/, kernel);
    }
  });

  it('§1.4 a callback whose timer some callback cancels gets EDEADLK for a third timer too, from 6.10', () => {
    for (const kernel of ['6.1', '6.12', '6.18', '7.2']) {
      const rig = new TimerRig(kernel);
      // 0 cancels 1; 1, which runs for longer, then wants to cancel 2, which nobody else touches.
      rig.arm('array', MS, 0, { todo: DOES.cancelOther, other: 1 }, 0);
      rig.arm('array', MS - 20n * US, 1, { todo: DOES.spin | DOES.cancelOther, other: 2, ns: 3000n }, 1);
      rig.init('array', 2);
      rig.pass(20n * MS);
      assert.deepEqual([rig.rc(RC.cancelOther), rig.rc(RC.cancelOtherOdd)], [0, EDEADLK], kernel);
    }
  });

  it('§1.4 a program cancels a timer whose callback runs: it waits, then 0, or 1 if the callback re-armed', () => {
    for (const kernel of EVERY_KERNEL) {
      for (const todo of [DOES.spin, DOES.spin | DOES.restart]) {
        const rig = new TimerRig(kernel);
        rig.arm('array', MS, 0, { todo, ns: 5000n });
        rig.intoCallback('array');
        const run = rig.begin('cancel_array', 0, { cpu: 1 });
        // The callback starts the timer before or after its callback was removed; with 5000 ns of work, before the end.
        const result = rig.finish(run);
        assert.equal(rig.timer('array')?.state, 'initialised', 'the callback has ended');
        assert.equal(result, todo === DOES.spin ? 0 : rig.rc(RC.restart) === 0 ? 1 : 0, kernel);
      }
    }
  });

  it('§1.4 a running callback whose callback was removed: start gives EINVAL', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS, 0, { todo: DOES.spin | DOES.restart, ns: 5000n });
      rig.intoCallback('array');
      const run = rig.begin('cancel_array', 0, { cpu: 1 });
      rig.finish(run);
      assert.equal(rig.rc(RC.restart), EINVAL, kernel);
    }
  });

  it('§1.4 … with set_callback first: both succeed, the waiting cancel gives 1, the reference stays', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS, 0, { todo: DOES.spin | DOES.swap, ns: 5000n });
      rig.intoCallback('array');
      const run = rig.begin('cancel_array', 0, { cpu: 1 });
      assert.equal(rig.finish(run), 1, kernel);
      assert.deepEqual([rig.rc(RC.swapSet), rig.rc(RC.swapStart)], [0, 0]);
      assert.equal(rig.timer('array')?.state, 'ready');
      assert.equal(rig.machine.state.kernel.programs.find((p) => p.name === 'set_array')?.references, 2);
    }
  });

  it('§1.4 start after cancel without a new set_callback: EINVAL; init after cancel: EBUSY', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS);
      assert.deepEqual(
        [rig.cancel('array'), rig.start('array', MS), rig.init('array')],
        [1, EINVAL, EBUSY],
        kernel,
      );
    }
  });

  it('§1.4 start after a normal expiry: works, callback and program are kept', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS);
      rig.pass(2n * MS);
      assert.equal(rig.start('array', MS), 0, kernel);
      rig.pass(2n * MS);
      assert.equal(rig.field('array', 'count'), 2);
    }
  });

  for (const map of ['hash', 'malloced'] as const)
    it(`§1.4 delete of the own element in the callback (${map}): no deadlock, then EINVAL, but not on 5.15 without preallocation`, () => {
      for (const kernel of EVERY_KERNEL) {
        const rig = new TimerRig(kernel);
        rig.arm(map, MS, 0, { todo: DOES.deleteSelf | DOES.lateRestart, ns: 50n * MS });
        rig.pass(3n * MS);
        const after = kernel === '5.15' && map === 'malloced' ? 0 : EINVAL;
        assert.deepEqual([rig.rc(RC.deleteSelf), rig.rc(RC.lateRestart)], [0, after], kernel);
        rig.pass(100n * MS);
        assert.equal(rig.objects(), 0, kernel);
      }
    });

  it('§1.4 delete after re-arming in the callback: the timer does not fire again; a use after free before 6.10', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('hash', MS, 0, { todo: DOES.restart | DOES.deleteSelf, ns: MS });
      const stop = rig.passTo(20n * MS);
      if (SAFE_FREE.includes(kernel)) {
        assert.notEqual(stop.kind, 'fault', kernel);
        assert.equal(rig.objects(), 0);
      } else assert.match(stop.kind === 'fault' ? stop.message : stop.kind, /freed/, kernel);
    }
  });

  it('§1.4 update of the own element in the callback: the timer must be initialised again', () => {
    for (const map of ['array', 'hash', 'malloced', 'lru'] as const)
      for (const kernel of EVERY_KERNEL) {
        const rig = new TimerRig(kernel);
        rig.arm(map, MS, 0, { todo: DOES.updateSelf });
        rig.pass(5n * MS);
        assert.equal(rig.rc(RC.updateSelf), 0, `${kernel} ${map}`);
        assert.equal(rig.objects(), 0, `${kernel} ${map}`);
        assert.deepEqual([rig.start(map, MS), rig.init(map)], [EINVAL, 0]);
      }
  });

  it('§1.4 eviction of the own element from an LRU map in the callback: the same', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('lru', MS, 0, { todo: DOES.insertOther | DOES.lateRestart, other: 3, ns: MS });
      rig.pass(5n * MS);
      assert.deepEqual([rig.rc(RC.insertOther), rig.rc(RC.lateRestart)], [0, EINVAL], kernel);
      assert.equal(rig.objects(), 0);
      assert.deepEqual([rig.field('lru', 'count', 0), rig.field('lru', 'count', 3)], [undefined, 0]);
    }
  });

  it('§1.4 expiry between removal of the callback and removal from the queue: nothing is called', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', 40n * US, 0, {}, 0);
      const run = rig.begin('cancel_array', 0, { cpu: 1 });
      const timer = rig.machine.kernel.timer(1);
      while (timer.callback !== undefined || timer.program >= 0) rig.machine.actOn(1, 'run');
      rig.machine.actOn(0, 'interrupt');
      while (rig.machine.state.kernel.cpus[0].contexts.length > 0) rig.machine.actOn(0, 'run');
      assert.equal(rig.finish(run), 0, kernel);
      assert.equal(rig.field('array', 'count'), 0);
    }
  });

  it('§1.4 the last user leaves while the callback runs: it waits for the callback until 6.19, not from 7.0', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS, 0, { todo: DOES.spin, ns: 5000n });
      rig.intoCallback('array');
      rig.machine.closeMap(rig.record('array'), 1);
      const isRunning = [...allTimers(rig.machine.state.kernel.timers)].some((t) => t.runningOn >= 0);
      assert.equal(isRunning, !LOCKED_KERNELS.some((k) => k === kernel), kernel);
      rig.pass(5n * MS);
      assert.equal(rig.objects(), 0, kernel);
    }
  });
});
