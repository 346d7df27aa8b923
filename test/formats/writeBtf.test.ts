import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { readBtf } from '../../runtime/btf/readBtf';
import type { Btf, BtfType } from '../../runtime/btf/types';
import { writeBtf } from '../../runtime/btf/writeBtf';

/** Types that refer only to id 1 (an int), so that any list of them is well formed. */
const anyType = fc.oneof<fc.Arbitrary<BtfType>[]>(
  fc.constant<BtfType>({ kind: 'ptr', name: '', type: 1 }),
  fc.record({
    kind: fc.constant('typedef' as const),
    name: fc.stringMatching(/^[a-z]{1,8}$/),
    type: fc.constant(1),
  }),
  fc.record({
    kind: fc.constantFrom('struct' as const, 'union' as const),
    name: fc.stringMatching(/^[a-z]{0,8}$/),
    sizeBytes: fc.constant(64),
    members: fc.array(
      fc.record({
        name: fc.stringMatching(/^[a-z]{1,4}$/),
        type: fc.constant(1),
        offsetBits: fc.integer({ min: 0, max: 15 }).map((n) => n * 32),
        bitfieldSizeBits: fc.constantFrom(0, 3, 17),
      }),
      { maxLength: 4 },
    ),
  }),
  fc.record({
    kind: fc.constant('enum' as const),
    name: fc.constant('e'),
    sizeBytes: fc.constant(8),
    signed: fc.constant(false),
    values: fc.array(
      fc.record({ name: fc.constant('v'), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
      { maxLength: 3 },
    ),
  }),
  fc.record({
    kind: fc.constant('funcProto' as const),
    name: fc.constant('' as const),
    returnType: fc.constantFrom(0, 1),
    params: fc.array(fc.record({ name: fc.constant('p'), type: fc.constant(1) }), { maxLength: 3 }),
  }),
);

describe('writeBtf', () => {
  it('writes what readBtf reads back unchanged', () => {
    fc.assert(
      fc.property(fc.array(anyType, { maxLength: 12 }), (rest) => {
        const int: BtfType = {
          kind: 'int',
          name: 'int',
          sizeBytes: 4,
          bits: 32,
          bitOffset: 0,
          encoding: 'signed',
        };
        // Generated records have no prototype; a clone has the ordinary one.
        const btf: Btf = structuredClone({ types: [{ kind: 'void', name: '' }, int, ...rest] });
        const back = readBtf('generated', writeBtf(btf));
        assert.ok(back.ok, back.ok ? '' : back.problem.message);
        assert.deepEqual(back.value.types, btf.types);
      }),
    );
  });
});
