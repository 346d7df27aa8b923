import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { RingbufData } from '../../runtime/maps/mapData';
import type { MapRecord } from '../../runtime/maps/mapFamily';
import { familyOf } from '../../runtime/maps/maps';
import {
  availableBytes,
  commitRecord,
  drainRingbuf,
  recordProblem,
  reserveRecord,
} from '../../runtime/maps/ringbuf';
import { bytesOf, errorOf, Rig } from './rig';

const KEYLESS = { keySizeBytes: 0, valueSizeBytes: 0 };

function ring(rig: Rig, sizeBytes = 4096): MapRecord<RingbufData> {
  return rig.create('RINGBUF', { ...KEYLESS, maxEntries: sizeBytes }) as MapRecord<RingbufData>;
}

function put(rig: Rig, map: MapRecord<RingbufData>, bytes: Uint8Array, discard = false): boolean {
  const record = reserveRecord(rig, map, BigInt(bytes.length));
  if (record === 0) return false;
  rig.memory.write(record, bytes);
  commitRecord(rig, record, discard);
  return true;
}

describe('ring buffers', () => {
  it('give records back in the order of reservation, without the discarded ones', () => {
    const rig = new Rig();
    const map = ring(rig);
    const first = reserveRecord(rig, map, 8n);
    assert.ok(put(rig, map, bytesOf(2, 5)));
    assert.ok(put(rig, map, bytesOf(3, 8), true));
    // Nothing may be read past a record that is not finished.
    assert.deepEqual(drainRingbuf(rig, map), []);
    rig.memory.store64(first, 1n);
    commitRecord(rig, first, false);
    assert.equal(familyOf(map).entryCount(rig, map), 2);
    assert.deepEqual(drainRingbuf(rig, map), [bytesOf(1, 8), bytesOf(2, 5)]);
    assert.deepEqual(drainRingbuf(rig, map), []);
    assert.equal(availableBytes(map), 0);
  });

  it('refuse when full, one byte of the size being never used', () => {
    const rig = new Rig();
    const map = ring(rig);
    // 16 bytes a record with its header.
    for (let i = 0; i < 255; i++) assert.ok(put(rig, map, bytesOf(i, 8)), `record ${i}`);
    assert.ok(!put(rig, map, bytesOf(0, 8)));
    assert.equal(availableBytes(map), 4080);
    assert.equal(drainRingbuf(rig, map).length, 255);
    assert.ok(put(rig, map, bytesOf(0, 8)));
  });

  it('refuse records that can never fit, and take empty ones', () => {
    const rig = new Rig();
    const map = ring(rig);
    assert.equal(reserveRecord(rig, map, 4089n), 0);
    // Fits the size but not the rule that one byte stays free.
    assert.equal(reserveRecord(rig, map, 4088n), 0);
    assert.notEqual(reserveRecord(rig, map, 4080n), 0);
    const other = ring(rig);
    assert.equal(reserveRecord(rig, other, 0x1_0000_0000n), 0);
    assert.notEqual(reserveRecord(rig, other, 0n), 0);
    assert.equal(availableBytes(other), 8);
  });

  it('tell records from other addresses, and forget them when they are submitted', () => {
    const rig = new Rig();
    const map = ring(rig);
    const record = reserveRecord(rig, map, 24n);
    assert.equal(recordProblem(rig, record), undefined);
    assert.match(recordProblem(rig, record + 8) ?? '', /no record/);
    assert.match(recordProblem(rig, 4) ?? '', /no record/);
    assert.equal(rig.memory.findRegion(record)?.live, true);
    commitRecord(rig, record, false);
    assert.equal(rig.memory.findRegion(record)?.live, false);
    assert.match(recordProblem(rig, record) ?? '', /before/);
  });

  it('lose and mix up nothing as they go round', () => {
    const sizes = fc.array(
      fc.record({ size: fc.integer({ min: 0, max: 900 }), discard: fc.boolean(), drain: fc.boolean() }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(sizes, (records) => {
        const rig = new Rig();
        const map = ring(rig);
        let expected: Uint8Array[] = [];
        records.forEach(({ size, discard, drain }, i) => {
          const bytes = new Uint8Array(size).fill(i & 255);
          if (put(rig, map, bytes, discard) && !discard) expected.push(bytes);
          if (!drain) return;
          assert.deepEqual(drainRingbuf(rig, map), expected);
          expected = [];
        });
        assert.deepEqual(drainRingbuf(rig, map), expected);
      }),
      { numRuns: 100 },
    );
  });

  it('are no keyed maps', () => {
    const rig = new Rig();
    const map = ring(rig);
    assert.equal(errorOf(rig.update(map, 0, 0)), 'ENOTSUPP');
    assert.equal(errorOf(rig.delete(map, 0)), 'ENOTSUPP');
    assert.deepEqual(rig.walk(map), []);
  });

  it('must be a power of two of whole pages, without keys and values', () => {
    const rig = new Rig();
    for (const maxEntries of [0, 100, 4095, 3 * 4096])
      assert.equal(rig.refusal('RINGBUF', { ...KEYLESS, maxEntries }), 'EINVAL', String(maxEntries));
    assert.equal(rig.refusal('RINGBUF', { maxEntries: 4096 }), 'EINVAL');
    assert.equal(rig.refusal('RINGBUF', { ...KEYLESS, maxEntries: 4096, flags: 1 }), 'EINVAL');
    assert.equal(rig.refusal('RINGBUF', { ...KEYLESS, maxEntries: 8192 }), undefined);
  });
});
