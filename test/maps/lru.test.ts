import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as fc from 'fast-check';
import { fixture } from '../support/paths';
import { errorOf, Rig, spinLockAt, timerAt } from './rig';

/** What kernels with one CPU answered; `touch` is a program's lookup (1: found), `keys` all keys at that point. */
const recorded = JSON.parse(fs.readFileSync(fixture('maps', 'lruEviction.json'), 'utf8')) as {
  kernel: string;
  release: string;
  maxEntries: number;
  flags: number;
  steps: (['keys', number[]] | ['touch' | 'update' | 'delete', number, number])[];
}[];

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('LRU hash maps', () => {
  it('never refuse an insertion for want of room', () => {
    const rig = new Rig();
    const map = rig.create('LRU_HASH', { maxEntries: 16 });
    for (const key of range(0, 200)) {
      assert.equal(rig.update(map, key, key).error, 0);
      assert.deepEqual(rig.userRead(map, key), [key]);
      assert.ok(rig.keys(map).length <= 16);
    }
  });

  it('evict in batches: half of a CPU share on kernels that scale it, up to 128 on older ones', () => {
    for (const [kernel, left] of [
      ['6.12', 9],
      ['6.1', 1],
    ] as const) {
      const rig = new Rig(1, kernel);
      const map = rig.create('LRU_HASH', { maxEntries: 16 });
      for (const key of range(0, 16)) rig.update(map, key, key);
      assert.equal(rig.keys(map).length, 16);
      const outcome = rig.update(map, 16, 16);
      assert.equal(rig.keys(map).length, left, kernel);
      assert.equal(outcome.freed.length, 17 - left, kernel);
      assert.ok(rig.keys(map).includes(16));
    }
  });

  it('spare what programs looked up, not what user space did', () => {
    const rig = new Rig(1, '6.1');
    const map = rig.create('LRU_HASH', { maxEntries: 16 });
    for (const key of range(0, 16)) rig.update(map, key, key);
    for (const key of [3, 5]) assert.notEqual(rig.lookup(map, key), 0);
    assert.deepEqual(rig.userRead(map, 7), [7]);
    rig.update(map, 100, 0);
    assert.deepEqual(rig.keys(map), [3, 5, 100]);
  });

  it('hold what real kernels held after the same updates, lookups and deletes', () => {
    for (const run of recorded) {
      const rig = new Rig(1, run.kernel);
      const { maxEntries, flags } = run;
      const map = rig.create('LRU_HASH', { maxEntries, flags });
      run.steps.forEach((step, i) => {
        const where = `${run.release}, ${maxEntries} entries, flags ${flags}, step ${i} ${step[0]}`;
        if (step[0] === 'keys') assert.deepEqual(rig.keys(map), step[1], where);
        else if (step[0] === 'touch') assert.equal(rig.lookup(map, step[1]) === 0 ? 0 : 1, step[2], where);
        else if (step[0] === 'update')
          assert.equal(0 - rig.userWrite(map, step[1], [i]).error, step[2], where);
        else assert.equal(0 - rig.userDelete(map, step[1]).error, step[2], where);
      });
    }
  });

  it('move the value on every update of an existing key and free the old place', () => {
    const rig = new Rig();
    const map = rig.create('LRU_HASH', { maxEntries: 4, valueSizeBytes: 32, fields: timerAt(8) });
    rig.update(map, 1, 10);
    const before = rig.lookup(map, 1);
    const outcome = rig.update(map, 1, 11);
    assert.deepEqual(outcome.freed, [before]);
    assert.deepEqual(outcome.recycle, [before]);
    assert.notEqual(rig.lookup(map, 1), before);
    assert.deepEqual(rig.userRead(map, 1), [11]);
  });

  it('give back the slot of an insertion that the flags refuse', () => {
    const rig = new Rig();
    const map = rig.create('LRU_HASH', { maxEntries: 2 });
    for (let i = 0; i < 50; i++) assert.equal(errorOf(rig.update(map, 7, 1, 2n)), 'ENOENT');
    rig.update(map, 7, 1);
    assert.equal(errorOf(rig.update(map, 7, 1, 1n)), 'EEXIST');
    assert.equal(errorOf(rig.update(map, 7, 1, 3n)), 'EINVAL');
    assert.equal(errorOf(rig.update(map, 7, 1, 4n)), 'EINVAL');
    assert.deepEqual(rig.keys(map), [7]);
  });

  it('delete what is there and say what is not', () => {
    const rig = new Rig();
    const map = rig.create('LRU_HASH');
    rig.update(map, 1, 1);
    const at = rig.lookup(map, 1);
    assert.deepEqual(rig.delete(map, 1).freed, [at]);
    assert.equal(errorOf(rig.delete(map, 1)), 'ENOENT');
    assert.equal(rig.lookup(map, 1), 0);
  });

  it('steal from another CPU whose lists hold everything', () => {
    const rig = new Rig(2, '6.1');
    const map = rig.create('LRU_HASH', { maxEntries: 8 });
    for (const key of range(0, 8)) rig.update(map, key, key);
    rig.cpu = 1;
    assert.equal(rig.update(map, 100, 1).freed.length, 1);
    assert.ok(rig.keys(map).includes(100));
    assert.equal(rig.keys(map).length, 8);
  });

  it('keep lists of their own with BPF_F_NO_COMMON_LRU: a CPU evicts only its own elements', () => {
    const rig = new Rig(2);
    const map = rig.create('LRU_HASH', { maxEntries: 8, flags: 2 });
    rig.update(map, 1000, 1);
    rig.cpu = 1;
    for (const key of range(0, 40)) assert.equal(rig.update(map, key, key).error, 0);
    assert.ok(rig.keys(map).includes(1000));
    assert.ok(rig.keys(map).length <= 5);
  });

  it('hand out and take back every slot exactly once, whatever happens', () => {
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom('update', 'lookup', 'delete', 'noexist', 'exist'),
        key: fc.integer({ min: 0, max: 20 }),
        cpu: fc.integer({ min: 0, max: 2 }),
      }),
      { minLength: 20, maxLength: 300 },
    );
    fc.assert(
      fc.property(steps, fc.constantFrom(0, 2), fc.constantFrom('6.1', '6.12'), (ops, flags, kernel) => {
        const rig = new Rig(3, kernel);
        const map = rig.create('LRU_HASH', { maxEntries: 9, flags });
        const model = new Map<number, number>();
        ops.forEach(({ what, key, cpu }, i) => {
          rig.cpu = cpu;
          if (what === 'lookup') {
            const value = rig.lookup(map, key);
            if (value !== 0) assert.equal(Number(rig.memory.load64(value)), model.get(key));
          } else if (what === 'delete') {
            const had = rig.keys(map).includes(key);
            assert.equal(rig.delete(map, key).error === 0, had);
          } else {
            const before = rig.keys(map);
            const outcome = rig.update(map, key, i, what === 'update' ? 0n : what === 'noexist' ? 1n : 2n);
            if (outcome.error === 0) model.set(key, i);
            const after = rig.keys(map);
            for (const kept of after) assert.ok(kept === key || before.includes(kept));
            assert.equal(new Set(outcome.freed).size, outcome.freed.length);
          }
          for (const key of rig.keys(map)) assert.deepEqual(rig.userRead(map, key), [model.get(key)]);
        });
        // Every CPU can still insert.
        for (const cpu of [0, 1, 2]) {
          rig.cpu = cpu;
          assert.equal(rig.update(map, 500 + cpu, 1).error, 0);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('are refused without preallocation, with spin locks, with unknown flags', () => {
    const rig = new Rig();
    assert.equal(rig.refusal('LRU_HASH', { flags: 1 }), 'ENOTSUPP');
    assert.equal(rig.refusal('LRU_HASH', { fields: spinLockAt(0) }), 'EOPNOTSUPP');
    assert.equal(rig.refusal('LRU_HASH', { flags: 1024 }), 'EINVAL');
    assert.equal(rig.refusal('LRU_HASH', { maxEntries: 0 }), 'EINVAL');
    assert.equal(rig.refusal('LRU_HASH', { fields: timerAt(0), valueSizeBytes: 16 }), undefined);
  });
});
