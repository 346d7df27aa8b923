import * as assert from 'node:assert/strict';
import { familyOf } from '../../runtime/maps/maps';
import { errorOf, Rig, spinLockAt, timerAt } from './rig';

for (const type of ['PERCPU_HASH', 'LRU_PERCPU_HASH'])
  for (const flags of type === 'PERCPU_HASH' ? [0, 1] : [0, 2])
    describe(`${type} with flags ${flags}`, () => {
      it("shows a program its own CPU's value and zeroes the others on insertion", () => {
        const rig = new Rig(3);
        const map = rig.create(type, { flags, maxEntries: 6 });
        rig.cpu = 1;
        rig.update(map, 5, 77);
        assert.deepEqual(rig.userRead(map, 5), [0, 77, 0]);
        rig.cpu = 2;
        assert.equal(rig.memory.load64(rig.lookup(map, 5)), 0n);
        rig.update(map, 5, 88);
        assert.deepEqual(rig.userRead(map, 5), [0, 77, 88]);
      });

      it('reuses slots clean', () => {
        const rig = new Rig(2);
        const map = rig.create(type, { flags, maxEntries: 4 });
        rig.userWrite(map, 1, [11, 12]);
        rig.delete(map, 1);
        rig.update(map, 2, 21);
        rig.update(map, 3, 31);
        assert.deepEqual(rig.userRead(map, 2), [21, 0]);
        assert.deepEqual(rig.userRead(map, 3), [31, 0]);
      });

      it('lets user space write all CPUs, with one value or one each', () => {
        const rig = new Rig(2);
        const map = rig.create(type, { flags });
        assert.equal(rig.userWrite(map, 1, [7]).error, 0);
        assert.deepEqual(rig.userRead(map, 1), [7, 7]);
        assert.equal(rig.userWrite(map, 1, [8, 9], 2n).error, 0);
        assert.deepEqual(rig.userRead(map, 1), [8, 9]);
        assert.equal(errorOf(rig.userWrite(map, 1, [1, 2, 3])), 'EINVAL');
        assert.equal(errorOf(rig.userWrite(map, 1, [1], 1n)), 'EEXIST');
        assert.equal(errorOf(rig.userWrite(map, 2, [1], 2n)), 'ENOENT');
      });

      it('updates in place and finds the key of every CPU value', () => {
        const rig = new Rig(3);
        const map = rig.create(type, { flags });
        rig.update(map, 1, 1);
        rig.update(map, 2, 2);
        const family = familyOf(map);
        for (const cpu of [0, 1, 2]) {
          rig.cpu = cpu;
          const at = rig.lookup(map, 2);
          rig.update(map, 2, 5);
          assert.equal(rig.lookup(map, 2), at);
          assert.equal(rig.memory.load32(family.keyOffset(map, at)), 2);
        }
        assert.equal(new Set([0, 1, 2].map((cpu) => ((rig.cpu = cpu), rig.lookup(map, 2)))).size, 3);
      });

      it('walks and counts its keys', () => {
        const rig = new Rig(2);
        const map = rig.create(type, { flags, maxEntries: 6 });
        for (const key of [3, 1, 2]) rig.update(map, key, key);
        assert.deepEqual(rig.walk(map).sort(), [1, 2, 3]);
        assert.equal(familyOf(map).entryCount(rig, map), 3);
        rig.delete(map, 1);
        assert.deepEqual(rig.keys(map), [2, 3]);
        assert.equal(errorOf(rig.delete(map, 1)), 'ENOENT');
      });

      it('refuses timers, locks and values larger than a per-CPU unit', () => {
        const rig = new Rig(2);
        assert.equal(rig.refusal(type, { flags, fields: timerAt(0), valueSizeBytes: 16 }), 'EOPNOTSUPP');
        assert.equal(rig.refusal(type, { flags, fields: spinLockAt(0) }), 'EOPNOTSUPP');
        assert.equal(rig.refusal(type, { flags, valueSizeBytes: 32 * 1024 + 1 }), 'E2BIG');
        assert.equal(rig.refusal(type, { flags: flags | 4 }), 'EINVAL');
      });
    });

describe('PERCPU_HASH', () => {
  it('is full when it is full', () => {
    for (const flags of [0, 1]) {
      const rig = new Rig(2);
      const map = rig.create('PERCPU_HASH', { maxEntries: 2, flags });
      rig.update(map, 1, 1);
      rig.update(map, 2, 2);
      assert.equal(errorOf(rig.update(map, 3, 3)), 'E2BIG');
      assert.equal(rig.update(map, 1, 9).error, 0);
    }
  });
});

describe('PERCPU_ARRAY', () => {
  it('has one value for every CPU, all of which exist from the beginning', () => {
    const rig = new Rig(2);
    const map = rig.create('PERCPU_ARRAY', { maxEntries: 3 });
    rig.cpu = 1;
    assert.equal(rig.update(map, 2, 5).error, 0);
    assert.deepEqual(rig.userRead(map, 2), [0, 5]);
    assert.equal(rig.lookup(map, 3), 0);
    assert.equal(rig.userRead(map, 3), undefined);
    assert.deepEqual(rig.walk(map), [0, 1, 2]);
    const family = familyOf(map);
    assert.equal(family.indexOf?.(map, rig.lookup(map, 2)), 2);
  });

  it('answers as the kernel does to flags and indexes', () => {
    const rig = new Rig(2);
    const map = rig.create('PERCPU_ARRAY');
    assert.equal(errorOf(rig.update(map, 0, 1, 1n)), 'EEXIST');
    assert.equal(errorOf(rig.update(map, 0, 1, 8n)), 'EINVAL');
    assert.equal(errorOf(rig.update(map, 0, 1, 4n)), 'EINVAL');
    assert.equal(errorOf(rig.update(map, 9, 1)), 'E2BIG');
    assert.equal(errorOf(rig.delete(map, 0)), 'EINVAL');
    assert.equal(errorOf(rig.userWrite(map, 0, [1], 4n)), 'EINVAL');
    assert.equal(errorOf(rig.userWrite(map, 9, [1])), 'E2BIG');
    assert.equal(rig.userWrite(map, 3, [4, 5]).error, 0);
    assert.deepEqual(rig.userRead(map, 3), [4, 5]);
  });
});
