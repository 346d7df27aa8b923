/** Rows of the facts about timers that need memory to end, and those about taking elements out, on every kernel. */
import * as assert from 'node:assert/strict';
import { allTimers } from '../../runtime/kernel/timerTable';
import { playScenario } from '../../runtime/machine/player';
import { readScenario } from '../../runtime/machine/scenario';
import { readObject } from './objects';
import { EINVAL, EVERY_KERNEL, LOCKED_KERNELS, MS, TimerRig } from './timerRig';

const ENOMEM = -12;
const ENOENT = 2;
const ENOTSUPP = 524;
const TIMER = { offset: 8, sizeBytes: 16 };
const key = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0);

describe('§1.2 memory that ends', () => {
  it('§1.2 init, ENOMEM: nothing is left behind, and there may be memory later', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.machine.limitMemory(0);
      assert.equal(rig.init('array'), ENOMEM, kernel);
      assert.equal(rig.objects(), 0);
      assert.equal(rig.start('array', MS), EINVAL, 'still not initialised');
      rig.machine.limitMemory(1);
      assert.deepEqual([rig.init('array'), rig.init('array', 1)], [0, ENOMEM], kernel);
      rig.machine.limitMemory(undefined);
      assert.equal(rig.init('array', 1), 0);
    }
  });

  it('§1.2 init, ENOMEM: behind EPERM until 6.6, before it from 6.7', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.machine.closeMap(rig.record('array'));
      rig.machine.limitMemory(0);
      assert.equal(rig.init('array'), rig.has('timerUserCountRecheck') ? ENOMEM : -1, kernel);
    }
  });

  it('§1.2 start, ENOMEM: a command for the interrupt worker that cannot be allocated, 7.0 and later', () => {
    for (const context of ['hardirq', 'nmi'] as const) {
      const rig = new TimerRig('7.2');
      rig.init('array');
      rig.set('array');
      rig.machine.limitMemory(0);
      assert.equal(rig.start('array', MS, 0, 0n, { context }), ENOMEM);
      const [{ id }] = allTimers(rig.machine.state.kernel.timers);
      assert.equal(rig.machine.kernel.timer(id).references, 1, 'the reference for the command is given back');
      rig.pass(2n * MS);
      assert.equal(rig.field('array', 'count'), 0);
      assert.equal(rig.start('array', MS), 0, 'in task context nothing is allocated');
    }
  });

  it('§1.2 start allocates nothing where timers have a lock', () => {
    for (const kernel of LOCKED_KERNELS) {
      const rig = new TimerRig(kernel);
      rig.init('array');
      rig.set('array');
      rig.machine.limitMemory(0);
      assert.equal(rig.start('array', MS, 0, 0n, { context: 'hardirq' }), 0, kernel);
    }
  });

  it('§1.2 cancel_async, ENOENT and ENOMEM: the last reference is gone; no memory for the command', () => {
    const rig = new TimerRig('7.2');
    rig.arm('array', MS);
    rig.machine.limitMemory(0);
    assert.equal(rig.call('cancel_async_array', 0, {}, { context: 'hardirq' }), ENOMEM);
    assert.equal(rig.call('cancel_async_array', 0), 1, 'at once it needs none');
    const [{ id }] = allTimers(rig.machine.state.kernel.timers);
    rig.machine.kernel.timer(id).references = 0;
    assert.equal(rig.call('cancel_async_array', 0), -ENOENT);
  });

  it('elements of hash maps without preallocation need memory, others have it', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.put('malloced', 0);
      rig.machine.limitMemory(0);
      assert.deepEqual(
        [rig.put('malloced', 1), rig.put('malloced', 0), rig.put('hash', 1)],
        [12, 12, 0],
        kernel,
      );
      assert.notEqual(rig.field('malloced', 'count'), undefined, 'the old element is still there');
    }
  });
});

describe('§2.4 elements taken out', () => {
  for (const map of ['hash', 'malloced', 'lru'] as const) {
    it(`§2.4 lookup_and_delete, ${map}: the timer is freed, the copy has zeros in its bytes`, () => {
      for (const kernel of EVERY_KERNEL) {
        const rig = new TimerRig(kernel);
        rig.arm(map, MS, 0, { ns: 7n });
        const taken = rig.machine.lookupAndDelete(rig.record(map), key(0));
        assert.ok(typeof taken !== 'number', kernel);
        const [value] = taken;
        assert.ok(value.subarray(TIMER.offset, TIMER.offset + TIMER.sizeBytes).every((byte) => byte === 0));
        assert.equal(value[24], 7);
        assert.equal(rig.machine.lookupAndDelete(rig.record(map), key(0)), ENOENT);
        rig.pass(5n * MS);
        assert.equal(rig.objects(), 0, kernel);
      }
    });

    it(`§2.4 batch delete, ${map}: the timers are freed, up to the first key that is not there`, () => {
      for (const kernel of EVERY_KERNEL) {
        const rig = new TimerRig(kernel);
        for (const n of map === 'lru' ? [0] : [0, 1]) rig.arm(map, MS, n);
        const keys = [0, 2, 1].map(key);
        assert.deepEqual(rig.machine.deleteBatch(rig.record(map), keys), { done: 1, errno: ENOENT }, kernel);
        rig.pass(5n * MS);
        // A small LRU map keeps the one element only.
        const kept = map === 'lru' ? [0, undefined] : [1, 1];
        assert.deepEqual([rig.objects(), rig.field(map, 'count', 1)], kept, kernel);
      }
    });
  }

  it('§2.4 lookup_and_delete and batch delete, array: there are none, nothing happens', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS);
      assert.equal(rig.machine.lookupAndDelete(rig.record('array'), key(0)), ENOTSUPP);
      assert.deepEqual(rig.machine.deleteBatch(rig.record('array'), [key(0)]), { done: 0, errno: ENOTSUPP });
      rig.pass(2n * MS);
      assert.equal(rig.field('array', 'count'), 1, kernel);
    }
  });

  it('scenarios say so: memory, take and deleteBatch', () => {
    const read = readScenario('test', {
      version: 1,
      steps: [
        { memory: 0 },
        { run: 'start' },
        { expect: { timers: {} } },
        { memory: 'enough' },
        { take: 'beats', key: 0 },
        { expect: { errno: ENOTSUPP } },
        { deleteBatch: 'beats', keys: [0] },
        { expect: { errno: ENOTSUPP } },
      ],
    });
    assert.ok(read.ok, read.ok ? '' : read.problem.message);
    const played = playScenario(readObject('heartbeat'), read.value);
    assert.ok(played.ok);
    assert.deepEqual(
      played.value.outcomes.flatMap(({ failures }) => failures ?? []),
      [],
    );
    assert.equal(played.value.machine.timers().length, 0);
  });
});
