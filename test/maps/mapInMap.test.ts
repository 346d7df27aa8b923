import * as assert from 'node:assert/strict';
import { familyOf } from '../../runtime/maps/maps';
import { programAt } from '../../runtime/maps/progArray';
import type { HandleArrayData } from '../../runtime/maps/mapData';
import type { MapRecord } from '../../runtime/maps/mapFamily';
import { errorOf, Rig, timerAt } from './rig';

for (const type of ['ARRAY_OF_MAPS', 'HASH_OF_MAPS'])
  describe(type, () => {
    it("yields the inner map's id, and nothing where nothing was put", () => {
      const rig = new Rig();
      const inner = rig.create('HASH', { maxEntries: 8 });
      const outer = rig.create(type, {
        valueSizeBytes: 4,
        innerTemplate: rig.define('HASH', { maxEntries: 8 }),
      });
      assert.equal(rig.lookup(outer, 1), 0);
      assert.equal(rig.userWrite(outer, 1, [inner.definition.id]).error, 0);
      assert.equal(rig.lookup(outer, 1), inner.definition.id);
      assert.deepEqual(rig.userRead(outer, 1), [inner.definition.id]);
      assert.equal(rig.userRead(outer, 2), undefined);
      assert.deepEqual(rig.keys(outer), [1]);
      assert.equal(rig.userDelete(outer, 1).error, 0);
      assert.equal(errorOf(rig.userDelete(outer, 1)), 'ENOENT');
      assert.equal(rig.lookup(outer, 1), 0);
    });

    it('takes only maps like its template', () => {
      const rig = new Rig();
      const template = rig.define('HASH', { maxEntries: 8, valueSizeBytes: 32, fields: timerAt(8) });
      const outer = rig.create(type, { valueSizeBytes: 4, innerTemplate: template });
      const base = { maxEntries: 8, valueSizeBytes: 32, fields: timerAt(8) };
      const put = (inner: MapRecord): string | undefined =>
        errorOf(rig.userWrite(outer, 0, [inner.definition.id]));
      assert.equal(put(rig.create('HASH', base)), undefined);
      assert.equal(put(rig.create('HASH', { ...base, maxEntries: 100 })), undefined);
      assert.equal(put(rig.create('HASH', { ...base, valueSizeBytes: 40 })), 'EINVAL');
      assert.equal(put(rig.create('HASH', { ...base, keySizeBytes: 8 })), 'EINVAL');
      assert.equal(put(rig.create('HASH', { ...base, flags: 1 })), 'EINVAL');
      assert.equal(put(rig.create('HASH', { ...base, fields: timerAt(16) })), 'EINVAL');
      assert.equal(put(rig.create('LRU_HASH', base)), 'EINVAL');
      assert.equal(errorOf(rig.userWrite(outer, 0, [77])), 'EBADF');
    });

    it('compares the size of arrays, except resizable ones', () => {
      const rig = new Rig();
      const fixed = rig.create(type, { valueSizeBytes: 4, innerTemplate: rig.define('ARRAY') });
      const other = rig.create('ARRAY', { maxEntries: 9 });
      assert.equal(errorOf(rig.userWrite(fixed, 0, [other.definition.id])), 'EINVAL');
      const flags = 4096;
      const open = rig.create(type, { valueSizeBytes: 4, innerTemplate: rig.define('ARRAY', { flags }) });
      const resizable = rig.create('ARRAY', { maxEntries: 9, flags });
      assert.equal(errorOf(rig.userWrite(open, 0, [resizable.definition.id])), undefined);
    });

    it('cannot be created around nothing, itself or a program array', () => {
      const rig = new Rig();
      assert.equal(rig.refusal(type, { valueSizeBytes: 4 }), 'EBADF');
      assert.equal(rig.refusal(type, { valueSizeBytes: 4, innerTemplate: rig.define(type) }), 'EINVAL');
      assert.equal(
        rig.refusal(type, { valueSizeBytes: 4, innerTemplate: rig.define('PROG_ARRAY') }),
        'ENOTSUPP',
      );
      assert.equal(rig.refusal(type, { valueSizeBytes: 8, innerTemplate: rig.define('HASH') }), 'EINVAL');
    });
  });

describe('ARRAY_OF_MAPS alone', () => {
  it('answers with the errors of arrays', () => {
    const rig = new Rig();
    const inner = rig.create('HASH');
    const outer = rig.create('ARRAY_OF_MAPS', { valueSizeBytes: 4, innerTemplate: rig.define('HASH') });
    const { id } = inner.definition;
    assert.equal(errorOf(rig.userWrite(outer, 4, [id])), 'E2BIG');
    assert.equal(errorOf(rig.userWrite(outer, 0, [id], 2n)), 'EINVAL');
    assert.equal(errorOf(rig.userDelete(outer, 4)), 'E2BIG');
    assert.deepEqual(rig.walk(outer), [0, 1, 2, 3]);
  });
});

describe('PROG_ARRAY', () => {
  it('holds programs that no lookup shows', () => {
    const rig = new Rig();
    const map = rig.create('PROG_ARRAY', { valueSizeBytes: 4 }) as MapRecord<HandleArrayData>;
    assert.equal(programAt(rig, map, 1), -1);
    assert.equal(rig.userWrite(map, 1, [1]).error, 0);
    assert.equal(programAt(rig, map, 1), 0);
    assert.equal(programAt(rig, map, 4), -1);
    assert.equal(programAt(rig, map, 0xffff_ffff), -1);
    assert.equal(rig.lookup(map, 1), 0);
    assert.equal(familyOf(map).entryCount(rig, map), 1);
    assert.equal(rig.userDelete(map, 1).error, 0);
    assert.equal(programAt(rig, map, 1), -1);
  });
});
