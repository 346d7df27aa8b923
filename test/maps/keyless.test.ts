/** Queues, stacks, bloom filters, prefix tries, local storages and the maps that stay empty, without programs. */
import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import type { MapRecord } from '../../runtime/maps/mapFamily';
import { familyOf, userRead, userWrite } from '../../runtime/maps/maps';
import { errnoName } from '../../runtime/spec/errno';
import { bytesOf, numberOf, Rig } from './rig';

const KEYLESS = { keySizeBytes: 0, valueSizeBytes: 4 };
const NO_PREALLOC = 1;

const push = (rig: Rig, map: MapRecord, value: number, flags = 0n): string | undefined => {
  const at = rig.memory.allocate(8);
  rig.memory.store32(at, value);
  return errnoName(familyOf(map).push?.(rig, map, at, flags) ?? -1);
};

const pop = (rig: Rig, map: MapRecord): number | undefined => {
  const at = rig.memory.allocate(8);
  return familyOf(map).pop?.(rig, map, at) === 0 ? rig.memory.load32(at) : undefined;
};

const listed = (rig: Rig, map: MapRecord): number[] =>
  familyOf(map)
    .entries(rig, map, 0, 1e6)
    .map((e) => numberOf(e.values[0]));

describe('queues and stacks', () => {
  for (const type of ['QUEUE', 'STACK'])
    it(`a ${type.toLowerCase()} behaves as a list of limited length`, () => {
      fc.assert(
        fc.property(fc.array(fc.constantFrom('push', 'force', 'pop'), { maxLength: 60 }), (steps) => {
          const rig = new Rig();
          const map = rig.create(type, { ...KEYLESS, maxEntries: 3 });
          const list: number[] = [];
          steps.forEach((step, i) => {
            if (step === 'pop') {
              assert.equal(pop(rig, map), type === 'QUEUE' ? list.shift() : list.pop());
            } else {
              const full = list.length === 3;
              assert.equal(
                push(rig, map, i + 1, step === 'force' ? 2n : 0n),
                full && step === 'push' ? 'E2BIG' : undefined,
              );
              if (full && step === 'force') list.shift();
              if (!full || step === 'force') list.push(i + 1);
            }
            assert.deepEqual(listed(rig, map), type === 'QUEUE' ? list : [...list].reverse());
          });
        }),
        { numRuns: 60 },
      );
    });

  it('user space pushes and peeks, without a key', () => {
    const rig = new Rig();
    const map = rig.create('QUEUE', KEYLESS);
    assert.equal(userRead(rig, map, new Uint8Array()), undefined);
    assert.equal(userWrite(rig, map, new Uint8Array(), [bytesOf(7, 4)], 0n).error, 0);
    assert.deepEqual(userRead(rig, map, new Uint8Array())?.map(numberOf), [7]);
    assert.equal(familyOf(map).entryCount(rig, map), 1);
  });

  it('are refused with a key or without a value', () => {
    const rig = new Rig();
    assert.equal(rig.refusal('QUEUE'), 'EINVAL');
    assert.equal(rig.refusal('STACK', { keySizeBytes: 0, valueSizeBytes: 0 }), 'EINVAL');
    assert.equal(rig.refusal('QUEUE', { ...KEYLESS, valueSizeBytes: 5 << 20 }), 'E2BIG');
  });
});

describe('bloom filters', () => {
  it('never forget, and are rarely wrong about what they never saw', () => {
    const rig = new Rig();
    const map = rig.create('BLOOM_FILTER', { ...KEYLESS, maxEntries: 1000 });
    const at = rig.memory.allocate(8);
    const peek = (value: number): number | undefined => {
      rig.memory.store32(at, value);
      return familyOf(map).peek?.(rig, map, at);
    };
    for (let i = 0; i < 1000; i++) assert.equal(push(rig, map, i), undefined);
    let wrong = 0;
    for (let i = 0; i < 1000; i++) assert.equal(peek(i), 0);
    for (let i = 1000; i < 11000; i++) if (peek(i) === 0) wrong++;
    // 8192 bits for 1000 values of 5 bits: about two in a hundred.
    assert.ok(wrong > 0 && wrong < 600, `${wrong} of 10000 are confused`);
    assert.equal(push(rig, map, 1, 2n), 'EINVAL');
    assert.equal(rig.refusal('BLOOM_FILTER', { ...KEYLESS, mapExtra: 16n }), 'EINVAL');
  });
});

describe('prefix tries', () => {
  const key = (length: number, bits: number): Uint8Array =>
    Uint8Array.of(length, 0, 0, 0, (bits >>> 8) & 255, bits & 255);
  const has = (length: number, bits: number, asked: number): boolean =>
    length === 0 || bits >>> (16 - length) === asked >>> (16 - length);
  const text = (length: number, bits: number): string => bits.toString(2).padStart(16, '0').slice(0, length);
  /** 0 before 1, longer before what it continues. */
  const before = (a: string, b: string): number => (`${a}2` < `${b}2` ? -1 : 1);

  it('find the longest prefix and walk the more specific ones first', () => {
    const prefix = fc.tuple(fc.nat(16), fc.nat(0xffff));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(prefix, fc.boolean()), { maxLength: 40 }),
        fc.array(prefix, { maxLength: 10 }),
        (steps, asked) => {
          const rig = new Rig();
          const map = rig.create('LPM_TRIE', { keySizeBytes: 6, maxEntries: 20, flags: NO_PREALLOC });
          const family = familyOf(map);
          const model = new Map<string, { length: number; bits: number; value: number }>();
          const at = rig.memory.allocate(8);
          const value = rig.memory.allocate(8);
          steps.forEach(([[length, bits], remove], i) => {
            rig.memory.write(at, key(length, bits));
            rig.memory.store32(value, i + 1);
            const name = text(length, bits);
            if (remove) {
              const outcome = rig.settle(map, family.delete(rig, map, at));
              assert.equal(outcome.error === 0, model.delete(name));
              return;
            }
            const room = model.has(name) || model.size < 20;
            const outcome = rig.settle(map, family.update(rig, map, at, value, 0n));
            assert.equal(errnoName(outcome.error), room ? undefined : 'ENOSPC');
            if (room) model.set(name, { length, bits, value: i + 1 });
          });
          const walked = family.entries(rig, map, 0, 100).map((e) => numberOf(e.values[0]));
          const expected = [...model].sort(([a], [b]) => before(a, b)).map(([, e]) => e.value);
          assert.deepEqual(walked, expected);
          for (const [length, bits] of asked) {
            rig.memory.write(at, key(length, bits));
            const found = family.lookup(rig, map, at);
            const best = [...model.values()]
              .filter((e) => e.length <= length && has(e.length, e.bits, bits))
              .sort((a, b) => b.length - a.length)[0] as { value: number } | undefined;
            assert.equal(found === 0 ? undefined : rig.memory.load32(found), best?.value);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('are refused without BPF_F_NO_PREALLOC, or with keys of no bits', () => {
    const rig = new Rig();
    assert.equal(rig.refusal('LPM_TRIE', { keySizeBytes: 8 }), 'EINVAL');
    assert.equal(rig.refusal('LPM_TRIE', { keySizeBytes: 4, flags: NO_PREALLOC }), 'EINVAL');
    assert.equal(rig.refusal('LPM_TRIE', { keySizeBytes: 8, flags: NO_PREALLOC }), undefined);
  });
});

describe('maps whose contents are not modelled', () => {
  it('are created under the rules of their type', () => {
    const rig = new Rig();
    const four = { valueSizeBytes: 4 };
    for (const type of [
      'PERF_EVENT_ARRAY',
      'CGROUP_ARRAY',
      'DEVMAP',
      'CPUMAP',
      'XSKMAP',
      'SOCKMAP',
      'SOCKHASH',
    ])
      assert.equal(rig.refusal(type, four), undefined, type);
    assert.equal(rig.refusal('PERF_EVENT_ARRAY'), 'EINVAL');
    assert.equal(rig.refusal('XSKMAP'), 'EINVAL');
    assert.equal(rig.refusal('DEVMAP', { ...four, flags: 128 }), 'EINVAL');
    assert.equal(rig.refusal('SOCKHASH', { ...four, keySizeBytes: 600 }), 'E2BIG');
    assert.equal(rig.refusal('STACK_TRACE', { valueSizeBytes: 127 * 8 }), undefined);
    assert.equal(rig.refusal('STACK_TRACE', { valueSizeBytes: 128 * 8 }), 'EINVAL');
    assert.equal(rig.refusal('STACK_TRACE', { valueSizeBytes: 12 }), 'EINVAL');
    const user = { keySizeBytes: 0, valueSizeBytes: 0 };
    assert.equal(rig.refusal('USER_RINGBUF', { ...user, maxEntries: 4096 }), undefined);
    assert.equal(rig.refusal('USER_RINGBUF', { ...user, maxEntries: 4095 }), 'EINVAL');
  });

  it('local storages want types, BPF_F_NO_PREALLOC and no size', () => {
    const rig = new Rig();
    const good = { maxEntries: 0, flags: NO_PREALLOC, keyTypeId: 1, valueTypeId: 2 };
    assert.equal(rig.refusal('TASK_STORAGE', good), undefined);
    assert.equal(rig.refusal('TASK_STORAGE', { ...good, maxEntries: 1 }), 'EINVAL');
    assert.equal(rig.refusal('SK_STORAGE', { ...good, flags: 0 }), 'EINVAL');
    assert.equal(rig.refusal('INODE_STORAGE', { ...good, valueTypeId: 0 }), 'EINVAL');
    assert.equal(rig.refusal('CGRP_STORAGE', { ...good, valueSizeBytes: 0x10000 }), 'E2BIG');
  });
});
