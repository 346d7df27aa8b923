import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { SpecialFields } from '../../runtime/btf/specialFields';
import type { MapRecord } from '../../runtime/maps/mapFamily';
import { familyOf, userNextKey, userRead } from '../../runtime/maps/maps';
import { Rig } from './rig';

const NO_PREALLOC = 1;
const TIMER: SpecialFields = { fields: [{ kind: 'timer', offset: 8, sizeBytes: 16, name: 'timer' }] };
const LOCK_AND_TIMER: SpecialFields = {
  fields: [
    { kind: 'spinLock', offset: 0, sizeBytes: 4, name: 'lock' },
    { kind: 'timer', offset: 8, sizeBytes: 16, name: 'timer' },
  ],
};

const keyBytes = (key: number): Uint8Array => Uint8Array.of(key & 255, key >>> 8, 0, 0);

/** Every key in iteration order. */
function keys(rig: Rig, map: MapRecord): number[] {
  const found: number[] = [];
  for (let key = userNextKey(rig, map, undefined); key; key = userNextKey(rig, map, key)) {
    found.push(key[0] | (key[1] << 8));
    assert.ok(found.length <= 10_000, 'iteration ends');
  }
  return found;
}

describe('array maps', () => {
  it('are refused with the kernel’s errno', () => {
    const rig = new Rig();
    assert.equal(rig.refusal('ARRAY', { maxEntries: 0 }), 'EINVAL');
    assert.equal(rig.refusal('ARRAY', { keySizeBytes: 8 }), 'EINVAL');
    assert.equal(rig.refusal('ARRAY', { valueSizeBytes: 0 }), 'EINVAL');
    assert.equal(rig.refusal('ARRAY', { flags: NO_PREALLOC }), 'EINVAL');
  });

  it('give indexes in order, and start over after a key that is none', () => {
    const rig = new Rig();
    const map = rig.create('ARRAY', { maxEntries: 3 });
    assert.deepEqual(keys(rig, map), [0, 1, 2]);
    assert.deepEqual(userNextKey(rig, map, Uint8Array.of(255, 255, 0, 0)), keyBytes(0));
    assert.equal(userNextKey(rig, map, keyBytes(2)), undefined);
  });

  it('report an overwritten value whose fields must be freed, at the same place', () => {
    const rig = new Rig();
    const map = rig.create('ARRAY', { valueSizeBytes: 32, fields: TIMER });
    const before = rig.lookup(map, 1);
    const outcome = rig.update(map, 1, 5);
    assert.deepEqual([outcome.error, outcome.freed, outcome.recycle], [0, [before], []]);
    assert.equal(rig.lookup(map, 1), before);
    assert.equal(rig.update(map, 4, 5).error, -7);
    assert.equal(rig.update(map, 1, 5, 1n).error, -17);
    assert.equal(rig.update(map, 1, 5, 4n).error, -22);
    assert.equal(familyOf(map).slots(rig, map).length, 4);
  });
});

for (const [name, flags] of [
  ['preallocated', 0],
  ['not preallocated', NO_PREALLOC],
] as const) {
  describe(`hash maps, ${name}`, () => {
    it('move the value when a key is updated', () => {
      const rig = new Rig();
      const map = rig.create('HASH', { flags, valueSizeBytes: 32, fields: TIMER });
      rig.update(map, 1, 5);
      const first = rig.lookup(map, 1);
      const outcome = rig.update(map, 1, 6);
      const second = rig.lookup(map, 1);
      assert.notEqual(second, first);
      assert.deepEqual(outcome.freed, [first]);
      rig.update(map, 1, 7);
      assert.equal(rig.lookup(map, 1), first, 'the slot that was left is the next one taken');
    });

    it('keep the place and the fields under BPF_F_LOCK', () => {
      const rig = new Rig();
      const map = rig.create('HASH', { flags, valueSizeBytes: 32, fields: LOCK_AND_TIMER });
      rig.update(map, 1, 5);
      const place = rig.lookup(map, 1);
      rig.memory.store64(place + 8, 0x1234n);
      const outcome = rig.update(map, 1, 6, 4n);
      assert.deepEqual([outcome.error, outcome.freed.length, rig.lookup(map, 1)], [0, 0, place]);
      assert.equal(rig.memory.load64(place + 8), 0x1234n, 'a copy never writes a timer');
    });

    it('hand a deleted slot to the next key of the same CPU', () => {
      const rig = new Rig(2);
      const map = rig.create('HASH', { flags });
      rig.update(map, 1, 5);
      const place = rig.lookup(map, 1);
      rig.delete(map, 1);
      rig.update(map, 2, 6);
      assert.equal(rig.lookup(map, 2), place);
    });

    it('read special fields as zero', () => {
      const rig = new Rig();
      const map = rig.create('HASH', { flags, valueSizeBytes: 32, fields: TIMER });
      rig.update(map, 1, 5);
      rig.memory.fill(rig.lookup(map, 1), 32, 0xaa);
      const [value] = userRead(rig, map, keyBytes(1)) ?? [];
      assert.deepEqual(
        [...value],
        [...new Uint8Array(8).fill(0xaa), ...new Uint8Array(16), ...new Uint8Array(8).fill(0xaa)],
      );
    });

    it('behave as a dictionary of bounded size (property)', () => {
      const operation = fc.record({
        kind: fc.constantFrom('update', 'delete', 'lookup'),
        key: fc.integer({ min: 0, max: 11 }),
        value: fc.integer({ min: 0, max: 1000 }),
        flags: fc.constantFrom(0n, 0n, 0n, 1n, 2n, 3n, 4n),
        cpu: fc.integer({ min: 0, max: 2 }),
      });
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
          const rig = new Rig(3);
          const map = rig.create('HASH', { flags, maxEntries: 7 });
          const model = new Map<number, number>();
          for (const { kind, key, value, flags: f, cpu } of operations) {
            rig.cpu = cpu;
            if (kind === 'update') {
              const expected =
                f > 2n
                  ? -22
                  : f === 1n && model.has(key)
                    ? -17
                    : f === 2n && !model.has(key)
                      ? -2
                      : !model.has(key) && model.size === 7
                        ? -7
                        : 0;
              assert.equal(rig.update(map, key, value, f).error, expected);
              if (expected === 0) model.set(key, value);
            } else if (kind === 'delete') {
              assert.equal(rig.delete(map, key).error, model.delete(key) ? 0 : -2);
            } else {
              const place = rig.lookup(map, key);
              assert.equal(place === 0 ? undefined : Number(rig.memory.load64(place)), model.get(key));
            }
            assert.equal(familyOf(map).entryCount(rig, map), model.size);
          }
          assert.deepEqual(
            keys(rig, map).sort((a, b) => a - b),
            [...model.keys()].sort((a, b) => a - b),
          );
        }),
        { numRuns: 60, seed: 7 },
      );
    });
  });
}
