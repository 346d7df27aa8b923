/** Tracked numbers against their definition: every value that the operands admit gives a result that is admitted. */
import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  tnumAdd,
  tnumAnd,
  tnumArsh,
  tnumContains,
  tnumConst,
  tnumIntersect,
  tnumLsh,
  tnumMul,
  tnumOr,
  tnumRange,
  tnumRsh,
  tnumSub,
  tnumXor,
  type Tnum,
} from '../../runtime/verifier/tnum';

const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
/** A tracked number together with one of its values. */
const member: fc.Arbitrary<{ t: Tnum; x: bigint }> = fc
  .tuple(u64, fc.oneof(u64, fc.constant(0n), fc.integer({ min: 0, max: 0xffff }).map(BigInt)), u64)
  .map(([value, mask, pick]) => {
    const t = { value: value & ~mask, mask };
    return { t, x: t.value | (pick & mask) };
  });
const admits = (t: Tnum, x: bigint): boolean => tnumContains(t, tnumConst(x));
const shift = fc.integer({ min: 0, max: 63 });

describe('tracked numbers', () => {
  const binary: [string, (a: Tnum, b: Tnum) => Tnum, (a: bigint, b: bigint) => bigint][] = [
    ['sum', tnumAdd, (a, b) => a + b],
    ['difference', tnumSub, (a, b) => a - b],
    ['product', tnumMul, (a, b) => a * b],
    ['and', tnumAnd, (a, b) => a & b],
    ['or', tnumOr, (a, b) => a | b],
    ['exclusive or', tnumXor, (a, b) => a ^ b],
  ];
  for (const [name, abstract, concrete] of binary) {
    it(`admits every ${name} of admitted values`, () => {
      fc.assert(
        fc.property(member, member, (a, b) =>
          admits(abstract(a.t, b.t), BigInt.asUintN(64, concrete(a.x, b.x))),
        ),
      );
    });
    it(`keeps value and mask apart in a ${name}`, () => {
      fc.assert(
        fc.property(member, member, (a, b) => {
          const t = abstract(a.t, b.t);
          return (t.value & t.mask) === 0n && t.value >= 0n && t.mask >= 0n && t.mask < 1n << 64n;
        }),
      );
    });
  }

  it('admits every shifted value, arithmetic shifts included', () => {
    fc.assert(
      fc.property(member, shift, ({ t, x }, by) => {
        const n = BigInt(by);
        return (
          admits(tnumLsh(t, by), BigInt.asUintN(64, x << n)) &&
          admits(tnumRsh(t, by), x >> n) &&
          admits(tnumArsh(t, by, 64), BigInt.asUintN(64, BigInt.asIntN(64, x) >> n))
        );
      }),
    );
  });

  it('admits a value that both parts of an intersection admit', () => {
    fc.assert(
      fc.property(member, u64, ({ t, x }, mask) => {
        const other = { value: x & ~mask, mask };
        return admits(tnumIntersect(t, other), x);
      }),
    );
  });

  it('covers a range with nothing but the bits below the first difference unknown', () => {
    assert.deepEqual(tnumRange(4n, 7n), { value: 4n, mask: 3n });
    assert.deepEqual(tnumRange(0n, 0n), { value: 0n, mask: 0n });
    assert.deepEqual(tnumRange(3n, 4n), { value: 0n, mask: 7n });
    assert.deepEqual(tnumRange(0n, 1n << 63n), { value: 0n, mask: 0xffff_ffff_ffff_ffffn });
  });

  it('does not admit a value that differs in a known bit', () => {
    assert.equal(admits({ value: 4n, mask: 3n }, 8n), false);
    assert.equal(tnumContains({ value: 0n, mask: 1n }, { value: 0n, mask: 3n }), false);
  });
});
