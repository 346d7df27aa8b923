import * as assert from 'node:assert/strict';
import { checkKernelFormat } from '../../runtime/btf/kernelFormat';
import { writeBtf } from '../../runtime/btf/writeBtf';
import { FormatError } from '../../runtime/util/problem';

describe('bytes of types that a kernel takes', () => {
  const plain = (): Uint8Array =>
    writeBtf({
      types: [
        { kind: 'void', name: '' },
        { kind: 'int', name: 'int', sizeBytes: 4, bits: 32, bitOffset: 0, encoding: 'signed' },
        { kind: 'ptr', name: '', type: 1 },
        { kind: 'array', name: '', type: 1, indexType: 1, count: 3 },
        {
          kind: 'struct',
          name: 'pair',
          sizeBytes: 16,
          members: [
            { name: 'a', type: 1, offsetBits: 0, bitfieldSizeBits: 0 },
            { name: 'b', type: 2, offsetBits: 64, bitfieldSizeBits: 0 },
          ],
        },
        { kind: 'fwd', name: 'later', of: 'struct' },
        { kind: 'func', name: 'f', type: 7, linkage: 'global' },
        { kind: 'funcProto', name: '', returnType: 1, params: [{ name: 'x', type: 1 }] },
      ],
    });
  const HEADER = 24;
  /** Places of types behind the header, in the order above. */
  const [INT, PTR, ARRAY, STRUCT, FWD] = [0, 16, 28, 52, 88].map((at) => HEADER + at);
  const with32 = (at: number, value: number): Uint8Array => {
    const bytes = plain();
    new DataView(bytes.buffer).setUint32(at, value, true);
    return bytes;
  };

  it('are what loaders write', () => checkKernelFormat(plain()));

  const refused: readonly (readonly [string, Uint8Array])[] = [
    ['in the other byte order', with32(0, 0x0001_9feb)],
    ['of another version', with32(0, 0x0002_eb9f)],
    ['with flags', with32(0, 0x0101_eb9f)],
    ['with a short header', with32(4, 20)],
    ['with a gap before the types', with32(8, 4)],
    ['without types', with32(12, 0)],
    ['with a gap before the strings', with32(16, 4)],
    ['with something behind the strings', Uint8Array.from([...plain(), 0])],
    ['cut', plain().subarray(0, -1)],
    ['with a count where none belongs', with32(INT + 4, 0x0100_0001)],
    ['with a number of two encodings', with32(INT + 12, 0x0300_0020)],
    ['with a pointer that has a name', with32(PTR, 1)],
    ['with an array that has a size', with32(ARRAY + 8, 4)],
    ['with a declaration that has a type', with32(FWD + 8, 1)],
    ['with a flag that means nothing', with32(PTR + 4, 0x8200_0000)],
    ['with unknown bits', with32(STRUCT + 4, 0x4400_0002)],
    ['with an unknown kind', with32(FWD + 4, 0x1f00_0000)],
    ['with a name that says nothing', with32(STRUCT, 4)],
    ['with a member whose name says nothing', with32(STRUCT + 12, 4)],
  ];
  for (const [what, bytes] of refused)
    it(`are not those ${what}`, () => assert.throws(() => checkKernelFormat(bytes), FormatError));
});
