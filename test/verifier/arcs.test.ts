/** Ranges on the circle of numbers: what they hold, checked number by number near the boundaries. */
import * as assert from 'node:assert/strict';
import { nextBelow, seedPrng } from '../../runtime/util/prng';
import * as wide from '../../runtime/verifier/arcs';
import * as narrow from '../../runtime/verifier/arcs32';
import { tnumContains, tnumConst, tnumNext } from '../../runtime/verifier/tnum';

/** An arc of either width by its ends, so that one test serves both; `empty` where it holds nothing. */
interface Ends {
  readonly first: bigint;
  readonly last: bigint;
  readonly empty: boolean;
}

interface Width {
  readonly bits: 32 | 64;
  meet(a: Ends, b: Ends): Ends;
  sum(a: Ends, b: Ends): Ends;
  negated(a: Ends): Ends;
  without(x: bigint): Ends;
  holds(a: Ends, b: Ends): boolean;
  readings(a: Ends): readonly [umin: bigint, umax: bigint, smin: bigint, smax: bigint];
}

const wideOf = (a: Ends): wide.Arc => (a.empty ? wide.EMPTY : wide.arcBetween(a.first, a.last));
const endsOf = (a: wide.Arc): Ends => ({ first: a.first, last: a.last, empty: a === wide.EMPTY });
const narrowOf = (a: Ends): narrow.Arc32 =>
  a.empty ? narrow.EMPTY32 : narrow.arc32Between(Number(a.first), Number(a.last));
const endsOf32 = (a: narrow.Arc32): Ends => ({
  first: BigInt(a.first),
  last: BigInt(a.last),
  empty: a === narrow.EMPTY32,
});

const WIDTHS: readonly Width[] = [
  {
    bits: 64,
    meet: (a, b) => endsOf(wide.arcMeet(wideOf(a), wideOf(b))),
    sum: (a, b) => endsOf(wide.arcSum(wideOf(a), wideOf(b))),
    negated: (a) => endsOf(wide.arcNegated(wideOf(a))),
    without: (x) => endsOf(wide.arcWithout(x)),
    holds: (a, b) => wide.arcHolds(wideOf(a), wideOf(b)),
    readings: (a) => {
      const arc = wideOf(a);
      return [wide.arcUmin(arc), wide.arcUmax(arc), wide.arcSmin(arc), wide.arcSmax(arc)];
    },
  },
  {
    bits: 32,
    meet: (a, b) => endsOf32(narrow.arc32Meet(narrowOf(a), narrowOf(b))),
    sum: (a, b) => endsOf32(narrow.arc32Sum(narrowOf(a), narrowOf(b))),
    negated: (a) => endsOf32(narrow.arc32Negated(narrowOf(a))),
    without: (x) => endsOf32(narrow.arc32Without(Number(x))),
    holds: (a, b) => narrow.arc32Holds(narrowOf(a), narrowOf(b)),
    readings: (a) => {
      const arc = narrowOf(a);
      const { arc32Umin, arc32Umax, arc32Smin, arc32Smax } = narrow;
      return [BigInt(arc32Umin(arc)), BigInt(arc32Umax(arc)), BigInt(arc32Smin(arc)), BigInt(arc32Smax(arc))];
    },
  },
];

const random = seedPrng(7);
const wrap = (x: bigint, bits: number): bigint => BigInt.asUintN(bits, x);
const top = (bits: number): bigint => (1n << BigInt(bits)) - 1n;
const edge = (bits: number): bigint =>
  wrap(
    [0n, top(bits) >> 1n, top(bits), 1n << 32n][nextBelow(random, 4)] + BigInt(nextBelow(random, 24)) - 12n,
    bits,
  );
const someArc = (bits: number): Ends => {
  const first = edge(bits);
  return { first, last: wrap(first + BigInt(nextBelow(random, 20)), bits), empty: false };
};
const sizeOf = (a: Ends, bits: number): bigint => wrap(a.last - a.first, bits);
const members = (a: Ends, bits: number): bigint[] =>
  a.empty
    ? []
    : Array.from({ length: Number(sizeOf(a, bits)) + 1 }, (_, i) => wrap(a.first + BigInt(i), bits));
const holds = (a: Ends, x: bigint, bits: number): boolean =>
  !a.empty && wrap(x - a.first, bits) <= sizeOf(a, bits);

describe('arcs', () => {
  for (const width of WIDTHS) {
    const { bits } = width;
    it(`of ${bits} bits meet, add up and turn without losing a number`, () => {
      for (let n = 0; n < 3000; n++) {
        const a = someArc(bits);
        const b = someArc(bits);
        const both = width.meet(a, b);
        const sum = width.sum(a, b);
        const [umin, umax, smin, smax] = width.readings(a);
        for (const x of members(a, bits)) {
          assert.equal(holds(both, x, bits), holds(b, x, bits));
          assert.ok(x >= umin && x <= umax);
          const signed = BigInt.asIntN(bits, x);
          assert.ok(signed >= smin && signed <= smax);
          assert.ok(holds(width.negated(a), wrap(-x, bits), bits));
          assert.ok(holds(sum, wrap(x + b.last, bits), bits));
        }
        assert.equal(
          width.holds(a, b),
          members(b, bits).every((x) => holds(a, x, bits)),
        );
      }
    });

    it(`of ${bits} bits keep the smaller operand where they meet in two stretches`, () => {
      for (let n = 0; n < 3000; n++) {
        const gap = edge(bits);
        // All numbers but a few, or the other way round, met with what reaches over the gap on both sides.
        const most = { first: wrap(gap + 2n, bits), last: wrap(gap - 2n, bits), empty: false };
        const over = { first: wrap(gap - 5n, bits), last: wrap(gap + 4n, bits), empty: false };
        assert.deepEqual(width.meet(most, over), over);
        assert.deepEqual(width.meet(over, most), over);
        const larger = { first: wrap(gap + 22n, bits), last: wrap(gap + 20n, bits), empty: false };
        assert.deepEqual(width.meet(larger, most), most);
        assert.equal(width.holds(width.without(gap), most), true);
        assert.equal(width.holds(width.without(gap), over), false);
      }
    });
  }

  it('of both widths agree on low halves', () => {
    for (let n = 0; n < 3000; n++) {
      const a = someArc(64);
      const low = someArc(32);
      const met = endsOf(wide.meetLowHalves(wideOf(a), narrowOf(low)));
      const kept = members(a, 64).filter((x) => holds(low, wrap(x, 32), 32));
      for (const x of kept) assert.ok(holds(met, x, 64));
      if (kept.length === 0) assert.ok(met.empty);
      else assert.deepEqual([met.first, met.last], [kept[0], kept[kept.length - 1]]);
      for (const x of members(a, 64)) assert.ok(holds(endsOf32(wide.lowArc(wideOf(a))), wrap(x, 32), 32));
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
