/** Ranges against samples: no operation and no comparison may exclude a value that can really arise. */
import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { FEATURES, type FeatureName } from '../../runtime/spec/features';
import { findProfile, has } from '../../runtime/spec/profile';
import { setKnown, signExtend, syncBounds, truncate } from '../../runtime/verifier/bounds';
import type { FeatureFlags } from '../../runtime/verifier/env';
import { assume, assumeConst, decide, MIRROR, NEGATION, type Relation } from '../../runtime/verifier/refine';
import {
  draft,
  knownScalar,
  UNKNOWN_SCALAR,
  type Draft,
  type RegState,
} from '../../runtime/verifier/regState';
import { scalarAlu, type ScalarOp } from '../../runtime/verifier/scalarAlu';
import { tnumConst, tnumContains } from '../../runtime/verifier/tnum';

const KERNELS = ['6.1', '6.12', '7.2'] as const;

function flags(kernel: string): FeatureFlags {
  const profile = findProfile(kernel);
  assert.ok(profile);
  return Object.fromEntries(
    (Object.keys(FEATURES) as FeatureName[]).map((name) => [name, has(profile, name)]),
  ) as FeatureFlags;
}

const asU = (x: bigint): bigint => BigInt.asUintN(64, x);
const asS = (x: bigint): bigint => BigInt.asIntN(64, x);

/** Whether the register's knowledge allows `x` (unsigned 64 bits). */
function allows(reg: RegState, x: bigint): boolean {
  const low = Number(x & 0xffff_ffffn);
  return (
    tnumContains(reg.bits, tnumConst(x)) &&
    x >= reg.umin &&
    x <= reg.umax &&
    asS(x) >= reg.smin &&
    asS(x) <= reg.smax &&
    low >= reg.u32min &&
    low <= reg.u32max &&
    (low | 0) >= reg.s32min &&
    (low | 0) <= reg.s32max
  );
}

const edge = fc.constantFrom(
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  1n << 63n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
);
const u64 = fc.oneof(
  edge,
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.integer().map((n) => asU(BigInt(n))),
);
const relation = fc.constantFrom<Relation>(
  'eq',
  'ne',
  'set',
  'notSet',
  'gt',
  'ge',
  'lt',
  'le',
  'sgt',
  'sge',
  'slt',
  'sle',
);

function holds(a: bigint, b: bigint, r: Relation, narrow: boolean): boolean {
  const bits = narrow ? 32 : 64;
  const ua = BigInt.asUintN(bits, a);
  const ub = BigInt.asUintN(bits, b);
  const sa = BigInt.asIntN(bits, a);
  const sb = BigInt.asIntN(bits, b);
  switch (r) {
    case 'eq':
      return ua === ub;
    case 'ne':
      return ua !== ub;
    case 'set':
      return (ua & ub) !== 0n;
    case 'notSet':
      return (ua & ub) === 0n;
    case 'gt':
      return ua > ub;
    case 'ge':
      return ua >= ub;
    case 'lt':
      return ua < ub;
    case 'le':
      return ua <= ub;
    case 'sgt':
      return sa > sb;
    case 'sge':
      return sa >= sb;
    case 'slt':
      return sa < sb;
    case 'sle':
      return sa <= sb;
  }
}

/** A register that was narrowed by true comparisons of one of its values, and that value. */
function narrowed(f: FeatureFlags): fc.Arbitrary<{ reg: RegState; x: bigint }> {
  return fc
    .tuple(u64, fc.array(fc.tuple(relation, u64, fc.boolean()), { maxLength: 4 }))
    .map(([x, facts]) => {
      const d: Draft = draft(UNKNOWN_SCALAR);
      for (const [r, value, narrow] of facts) {
        const fact = holds(x, value, r, narrow) ? r : NEGATION[r];
        if (f.jumpRefineBoth) assume(d, draft(knownScalar(value)), fact, narrow, f);
        else assumeConst(d, value, fact, narrow, f);
      }
      return { reg: d, x };
    });
}

const OPS: Record<ScalarOp, (a: bigint, b: bigint, bits: number) => bigint | undefined> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (b === 0n ? 0n : a / b),
  mod: (a, b) => (b === 0n ? a : a % b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  lsh: (a, b, bits) => (b < BigInt(bits) ? a << b : undefined),
  rsh: (a, b, bits) => (b < BigInt(bits) ? a >> b : undefined),
  arsh: (a, b, bits) => (b < BigInt(bits) ? BigInt.asIntN(bits, a) >> b : undefined),
};

for (const kernel of KERNELS) {
  const f = flags(kernel);
  describe(`ranges as ${kernel} keeps them`, () => {
    it('never exclude the value that the comparisons were true of', () => {
      fc.assert(
        fc.property(narrowed(f), ({ reg, x }) => allows(reg, x)),
        { numRuns: 400 },
      );
    });

    for (const op of Object.keys(OPS) as ScalarOp[]) {
      it(`admit the result of ${op} in 64 and in 32 bits`, () => {
        const shifts = op === 'lsh' || op === 'rsh' || op === 'arsh';
        const second = shifts
          ? fc.integer({ min: 0, max: 63 }).map((n) => ({ reg: knownScalar(BigInt(n)), x: BigInt(n) }))
          : fc.oneof(
              narrowed(f),
              u64.map((x) => ({ reg: knownScalar(x), x })),
            );
        fc.assert(
          fc.property(narrowed(f), second, fc.boolean(), (a, b, narrow) => {
            const bits = narrow ? 32 : 64;
            const value = OPS[op](BigInt.asUintN(bits, a.x), BigInt.asUintN(bits, b.x), bits);
            if (value === undefined) return true;
            const d = draft(a.reg);
            scalarAlu(d, b.reg, op, narrow, f);
            return allows(d, BigInt.asUintN(bits, value));
          }),
          { numRuns: 300 },
        );
      });
    }

    it('decide a comparison only as it comes out', () => {
      fc.assert(
        fc.property(narrowed(f), narrowed(f), relation, fc.boolean(), (a, b, r, narrow) => {
          const decided = decide(a.reg, b.reg, r, narrow, f);
          return decided === undefined || decided === holds(a.x, b.x, r, narrow);
        }),
        { numRuns: 500 },
      );
    });

    it('narrow both operands without losing their values', () => {
      if (!f.jumpRefineBoth) return;
      fc.assert(
        fc.property(narrowed(f), narrowed(f), relation, fc.boolean(), (a, b, r, narrow) => {
          const fact = holds(a.x, b.x, r, narrow) ? r : NEGATION[r];
          const left = draft(a.reg);
          const right = draft(b.reg);
          assume(left, right, fact, narrow, f);
          return allows(left, a.x) && allows(right, b.x);
        }),
        { numRuns: 500 },
      );
    });

    it('survive truncation and sign extension', () => {
      fc.assert(
        fc.property(narrowed(f), fc.constantFrom(1, 2, 4), ({ reg, x }, bytes) => {
          const cut = draft(reg);
          truncate(cut, bytes, f);
          const extended = draft(reg);
          signExtend(extended, bytes, 8);
          return (
            tnumContains(cut.bits, tnumConst(BigInt.asUintN(8 * bytes, x))) &&
            allows(extended, asU(BigInt.asIntN(8 * bytes, x)))
          );
        }),
      );
    });
  });
}

describe('ranges', () => {
  it('mirror and negate relations consistently', () => {
    fc.assert(
      fc.property(u64, u64, relation, fc.boolean(), (a, b, r, narrow) => {
        return (
          holds(a, b, r, narrow) === holds(b, a, MIRROR[r], narrow) &&
          holds(a, b, r, narrow) !== holds(a, b, NEGATION[r], narrow)
        );
      }),
    );
  });

  it('learn that a byte times eight stays below 2041', () => {
    const f = flags('6.12');
    const d = draft(UNKNOWN_SCALAR);
    scalarAlu(d, knownScalar(0xffn), 'and', false, f);
    scalarAlu(d, knownScalar(3n), 'lsh', false, f);
    assert.equal(d.umax, 2040n);
    assert.deepEqual(d.bits, { value: 0n, mask: 0x7f8n });
  });

  it('join 32-bit and 64-bit knowledge from 6.12 on, and not before', () => {
    for (const [kernel, umax] of [
      ['6.12', 9n],
      ['6.1', (1n << 64n) - 1n],
    ] as const) {
      const f = flags(kernel);
      const d = draft(UNKNOWN_SCALAR);
      d.u32max = 9;
      d.smin = 0n;
      d.smax = 0x7fff_ffffn;
      syncBounds(d, f);
      assert.equal(d.umax <= 0x7fff_ffffn, true);
      if (kernel === '6.12') assert.equal(d.umax, umax);
    }
  });

  it('know everything of a constant', () => {
    const d = draft(UNKNOWN_SCALAR);
    setKnown(d, -1n);
    assert.equal(d.umin, (1n << 64n) - 1n);
    assert.equal(d.smax, -1n);
    assert.equal(d.s32min, -1);
    assert.equal(d.u32max, 0xffff_ffff);
  });
});
