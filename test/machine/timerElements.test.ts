/** What operations on elements, maps and programs do to timers, row by row, on every kernel. */
import * as assert from 'node:assert/strict';
import { EINVAL, EVERY_KERNEL, MS, TimerRig, US } from './timerRig';
import { allTimers } from '../../runtime/kernel/timerTable';

const HASHES = ['hash', 'malloced', 'lru'] as const;

describe('§2.4 what operations do to timers', () => {
  it('§2.4 update of an existing key, preallocated hash: the value moves to the spare slot, the old timer is freed', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('hash', MS);
      const before = rig.machine.kernel.timer(1).value;
      assert.equal(rig.put('hash', 0), 0);
      rig.pass(US);
      assert.equal(rig.objects(), 0, kernel);
      assert.equal(rig.start('hash', MS), EINVAL, 'the new slot has no timer');
      assert.equal(rig.init('hash'), 0);
      assert.notEqual([...allTimers(rig.machine.state.kernel.timers)][0].value, before);
      rig.pass(5n * MS);
      assert.equal(rig.field('hash', 'count'), 0);
    }
  });

  it('§2.4 update of an existing key, hash without preallocation: a new element, the old timer is freed', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('malloced', MS);
      assert.equal(rig.put('malloced', 0), 0);
      assert.equal(rig.start('malloced', MS), EINVAL);
      rig.pass(5n * MS);
      assert.deepEqual([rig.objects(), rig.field('malloced', 'count')], [0, 0], kernel);
    }
  });

  it('§2.4 update, array: in place, the timer is freed', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS);
      const { value } = rig.machine.kernel.timer(1);
      assert.equal(rig.put('array', 0), 0);
      rig.pass(US);
      assert.equal(rig.objects(), 0, kernel);
      rig.init('array');
      assert.equal([...allTimers(rig.machine.state.kernel.timers)][0].value, value);
    }
  });

  it('§2.4 update, LRU: a new element, the old timer is freed', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('lru', MS);
      assert.equal(rig.put('lru', 0), 0);
      rig.pass(5n * MS);
      assert.deepEqual([rig.objects(), rig.field('lru', 'count')], [0, 0], kernel);
    }
  });

  for (const map of HASHES)
    it(`§2.4 delete, ${map}: the timer is freed`, () => {
      for (const kernel of EVERY_KERNEL) {
        const rig = new TimerRig(kernel);
        rig.arm(map, MS);
        assert.equal(rig.delete(map, 0), 0);
        rig.pass(5n * MS);
        assert.deepEqual([rig.objects(), rig.field(map, 'count')], [0, undefined], kernel);
      }
    });

  it('§2.4 delete, array: always EINVAL, nothing happens', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS);
      assert.equal(rig.delete('array', 0), -EINVAL);
      rig.pass(5n * MS);
      assert.equal(rig.field('array', 'count'), 1, kernel);
    }
  });

  it('§2.4 LRU eviction: the timer is freed', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('lru', MS);
      assert.equal(rig.put('lru', 1), 0);
      rig.pass(5n * MS);
      assert.deepEqual([rig.objects(), rig.field('lru', 'count', 1)], [0, 0], kernel);
    }
  });

  it('§2.4 failed insert into an LRU map: what was evicted for it is freed all the same', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('lru', MS);
      // BPF_EXIST of a key that is not there.
      assert.equal(rig.put('lru', 1, {}, 2n), 2, kernel);
      rig.pass(5n * MS);
      assert.equal(rig.objects(), 0, kernel);
    }
  });

  it('§2.4 lookup from user space: the bytes of the timer read as zero', () => {
    const rig = new TimerRig();
    rig.arm('array', MS);
    const value = rig.machine.lookup(rig.record('array'), new Uint8Array(4))?.[0];
    assert.deepEqual(value?.slice(8, 24), new Uint8Array(16));
  });

  it('§2.4 values written by user space or programs: timer bytes in the source are ignored', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      assert.equal(rig.call('overwrite_array', 0), 0);
      assert.equal(
        rig.machine.update(rig.record('hash'), new Uint8Array(4), [new Uint8Array(48).fill(0xaa)]),
        0,
      );
      assert.deepEqual([rig.start('array', MS), rig.start('hash', MS)], [EINVAL, EINVAL], kernel);
      assert.deepEqual([rig.init('array'), rig.init('hash')], [0, 0], kernel);
    }
  });

  it('§2.4 direct access from the program: a run without the verifier faults instead of following the bytes', () => {
    const rig = new TimerRig();
    rig.init('array');
    rig.machine.memory.store64(rig.machine.kernel.timer(1).value + 8, 0x1234n);
    const program = rig.machine.findProgram('set_array');
    assert.ok(program);
    rig.machine.start(program, { ctx: rig.context(0) });
    const stop = rig.machine.runToEnd();
    assert.match(stop.kind === 'fault' ? stop.message : '', /overwritten bytes/);
  });

  it('§2.4 program detached or unloaded: nothing happens to its timers', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS);
      for (const program of rig.machine.programs) {
        rig.machine.detach(program);
        rig.machine.unloadProgram(program);
      }
      rig.pass(5n * MS);
      assert.equal(rig.field('array', 'count'), 1, kernel);
    }
  });

  for (const map of ['array', ...HASHES] as const)
    it(`§2.4 map unpinned and last descriptor closed, ${map}: all timers are freed`, () => {
      for (const kernel of EVERY_KERNEL) {
        const rig = new TimerRig(kernel);
        rig.arm(map, MS);
        // The spare slot of a preallocated hash is used once.
        if (map === 'hash') {
          rig.put(map, 0);
          rig.arm(map, MS);
        }
        rig.machine.pinMap(rig.record(map));
        rig.machine.closeMap(rig.record(map));
        assert.ok(rig.timer(map) !== undefined, 'the pin is a user');
        rig.machine.unpinMap(rig.record(map));
        rig.pass(5n * MS);
        assert.deepEqual([rig.objects(), rig.field(map, 'count')], [0, 0], `${kernel} ${map}`);
      }
    });

  it('§2.4 map freed: nothing is left to do', () => {
    for (const kernel of EVERY_KERNEL) {
      const rig = new TimerRig(kernel);
      rig.arm('array', MS);
      const map = rig.record('array');
      rig.machine.closeMap(map);
      for (const program of rig.machine.programs) rig.machine.unloadProgram(program);
      rig.pass(5n * MS);
      assert.equal(rig.machine.kernel.mapReferences(map.definition.id).freed, true, kernel);
      assert.equal(rig.objects(), 0);
    }
  });
});
