/** Ranges on the circle of numbers: what they hold, checked number by number near the boundaries. */
import * as assert from 'node:assert/strict';
import { nextBelow, seedPrng } from '../../runtime/util/prng';
import {
  arcBetween,
  arcHolds,
  arcMeet,
  arcNegated,
  arcSmax,
  arcSmin,
  arcSum,
  arcUmax,
  arcUmin,
  EMPTY,
  lowArc,
  meetLowHalves,
  TOP32,
  TOP64,
  type Arc,
} from '../../runtime/verifier/arcs';
import { tnumContains, tnumConst, tnumNext } from '../../runtime/verifier/tnum';

const random = seedPrng(7);
const edge = (top: bigint): bigint =>
  ([0n, top >> 1n, top, (1n << 32n) & top][nextBelow(random, 4)] + BigInt(nextBelow(random, 24)) - 12n) & top;
const someArc = (top: bigint): Arc => {
  const base = edge(top);
  return arcBetween(base, base + BigInt(nextBelow(random, 20)), top);
};
const members = (a: Arc, top: bigint): bigint[] =>
  a === EMPTY ? [] : Array.from({ length: Number(a.size) + 1 }, (_, i) => (a.base + BigInt(i)) & top);
const holds = (a: Arc, x: bigint, top: bigint): boolean => a !== EMPTY && ((x - a.base) & top) <= a.size;

describe('arcs', () => {
  for (const top of [TOP32, TOP64]) {
    it(`of ${top === TOP32 ? 32 : 64} bits meet, add up and turn without losing a number`, () => {
      for (let n = 0; n < 3000; n++) {
        const a = someArc(top);
        const b = someArc(top);
        const both = arcMeet(a, b, top);
        const sum = arcSum(a, b, top);
        for (const x of members(a, top)) {
          assert.equal(holds(b, x, top) && !holds(both, x, top), false);
          assert.ok(x >= arcUmin(a, top) && x <= arcUmax(a, top));
          const signed = BigInt.asIntN(top === TOP32 ? 32 : 64, x);
          assert.ok(signed >= arcSmin(a, top) && signed <= arcSmax(a, top));
          assert.ok(holds(arcNegated(a, top), -x & top, top));
          assert.ok(holds(sum, (x + b.base + b.size) & top, top));
        }
        assert.equal(
          arcHolds(a, b, top),
          members(b, top).every((x) => holds(a, x, top)),
        );
      }
    });
  }

  it('of both widths agree on low halves', () => {
    for (let n = 0; n < 3000; n++) {
      const a = someArc(TOP64);
      const low = someArc(TOP32);
      const met = meetLowHalves(a, low);
      const kept = members(a, TOP64).filter((x) => holds(low, x & TOP32, TOP32));
      for (const x of kept) assert.ok(holds(met, x, TOP64));
      if (kept.length === 0) assert.equal(met, EMPTY);
      else assert.deepEqual([met.base, (met.base + met.size) & TOP64], [kept[0], kept[kept.length - 1]]);
      for (const x of members(a, TOP64)) assert.ok(holds(lowArc(a), x & TOP32, TOP32));
    }
  });

  it('step through the members of a bit pattern', () => {
    const t = { value: 0x10n, mask: 0x2dn & ~0x10n };
    for (let x = 0n; x < 0x3dn; x++) {
      const next = tnumNext(t, x);
      const expected = Array.from({ length: 64 }, (_, i) => BigInt(i)).find(
        (y) => y > x && tnumContains(t, tnumConst(y)),
      );
      assert.equal(next, expected ?? t.value | t.mask);
    }
  });
});
