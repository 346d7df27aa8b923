import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { div64, mod64, mul64, mulHigh32, sdiv64, smod64 } from '../../runtime/vm/arithmetic';

const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  // Operands near powers of two and products of others, where estimates round the wrong way.
  fc
    .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: -2, max: 2 }))
    .map(([bit, d]) => BigInt.asUintN(64, (1n << BigInt(bit)) + BigInt(d))),
);

function apply(
  f: (i32: Int32Array, d: number, lo: number, hi: number) => void,
  a: bigint,
  b: bigint,
): bigint {
  const pair = new BigUint64Array([a]);
  const half = (v: bigint): number => Number(BigInt.asIntN(32, v));
  f(new Int32Array(pair.buffer), 0, half(b), half(b >> 32n));
  return pair[0];
}
const s = (v: bigint): bigint => BigInt.asIntN(64, v);
const u = (v: bigint): bigint => BigInt.asUintN(64, v);

describe('64-bit arithmetic on pairs', () => {
  it('multiplies as bigint does', () => {
    fc.assert(
      fc.property(u64, u64, (a, b) => {
        assert.equal(apply(mul64, a, b), u(a * b));
        const [x, y] = [Number(BigInt.asIntN(32, a)), Number(BigInt.asIntN(32, b))];
        assert.equal(mulHigh32(x, y) >>> 0, Number(((a & 0xffff_ffffn) * (b & 0xffff_ffffn)) >> 32n));
      }),
      { numRuns: 3000 },
    );
  });

  it('divides as bigint does, signed and unsigned', () => {
    const dividends = fc.oneof(
      u64,
      fc.tuple(u64, u64, fc.integer({ min: -2, max: 2 })).map(([a, b, d]) => u(a * b + BigInt(d))),
      fc
        .tuple(u64, fc.integer({ min: 1, max: 0x1fffff }), fc.integer({ min: -1, max: 1 }))
        .map(([b, q, d]) => u(b * BigInt(q) + BigInt(d))),
    );
    fc.assert(
      fc.property(dividends, u64, (a, b) => {
        if (b === 0n) return;
        assert.equal(apply(div64, a, b), a / b);
        assert.equal(apply(mod64, a, b), a % b);
        assert.equal(apply(sdiv64, a, b), u(s(a) / s(b)));
        assert.equal(apply(smod64, a, b), u(s(a) % s(b)));
      }),
      { numRuns: 20_000 },
    );
  });

  it('divides exactly where the quotient is just below an integer', () => {
    fc.assert(
      fc.property(u64, fc.integer({ min: 1, max: 0xffffffff }), (b, q) => {
        if (b === 0n) return;
        const product = b * BigInt(q);
        for (const a of [product - 1n, product, product + 1n]) {
          if (a < 0n || a >> 64n !== 0n) continue;
          assert.equal(apply(div64, a, b), a / b);
          assert.equal(apply(mod64, a, b), a % b);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
