import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { asS64, asU64, hiHalf, loHalf, u64FromHalves } from '../../runtime/util/u64';
import { utf8Decode, utf8Encode } from '../../runtime/util/utf8';
import { ByteReader } from '../../runtime/util/byteReader';
import { FormatError } from '../../runtime/util/problem';
import { bytesToHex, hexToBytes } from '../../runtime/util/hexText';

describe('util', () => {
  it('splits and joins 64-bit values without loss', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (v) => u64FromHalves(loHalf(v), hiHalf(v)) === v,
      ),
    );
  });

  it('wraps signed and unsigned views of the same bits', () => {
    fc.assert(fc.property(fc.bigInt(), (v) => asU64(asS64(v)) === asU64(v)));
  });

  it('decodes UTF-8 as the platform does, malformed bytes included', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        assert.equal(utf8Decode(bytes), new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('encodes UTF-8 as the platform does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) =>
        assert.deepEqual([...utf8Encode(text)], [...new TextEncoder().encode(text)]),
      ),
    );
  });

  it('refuses to read over the end, naming the offset', () => {
    const reader = new ByteReader(new Uint8Array(6), 'ELF', true, 100);
    reader.u32();
    assert.throws(
      () => reader.u32(),
      (e: unknown) => e instanceof FormatError && e.offset === 104,
    );
  });

  it('round-trips hexadecimal text and refuses the rest', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const back = hexToBytes(bytesToHex(bytes));
        assert.ok(back.ok);
        assert.deepEqual(back.value, bytes);
      }),
    );
    assert.equal(hexToBytes('abc').ok, false);
    assert.equal(hexToBytes('zz').ok, false);
  });
});
