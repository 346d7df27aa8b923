/** Values by BTF: bytes to text and text to bytes, in both byte orders. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as fc from 'fast-check';
import { findType } from '../../runtime/btf/query';
import { readBtf } from '../../runtime/btf/readBtf';
import { structThatSpoilsBtf, findSpecialFields } from '../../runtime/btf/specialFields';
import type { Btf, BtfType } from '../../runtime/btf/types';
import { readBits, readValue, writeBits, type BtfValue } from '../../runtime/btf/values';
import { parseValue } from '../../runtime/btf/valueText';
import { findSection, readElf } from '../../runtime/elf/readElf';
import { findProfile, type Profile } from '../../runtime/spec/profile';
import { bytesToHex } from '../../runtime/util/hexText';
import { fixture } from '../support/paths';

function load(object: string): { btf: Btf; data?: Uint8Array } {
  const elf = readElf(object, fs.readFileSync(fixture('objects', object)));
  assert.ok(elf.ok);
  const btf = readBtf(object, findSection(elf.value, '.BTF')?.data ?? new Uint8Array());
  assert.ok(btf.ok);
  return { btf: btf.value, data: findSection(elf.value, '.data')?.data };
}

const { btf, data } = load('clang-19/types.o');
const everything = findType(btf, 'everything', 'struct');
const VOID: BtfType = { kind: 'void', name: '' };

const child = (value: BtfValue, name: string): BtfValue => {
  const found = value.children.find((candidate) => candidate.name === name);
  assert.ok(found, `no ${name}`);
  return found;
};

function bytesOf(typeId: number, text: string, littleEndian = true): Uint8Array {
  const bytes = parseValue(btf, typeId, text, littleEndian);
  assert.ok(bytes.ok, bytes.ok ? '' : bytes.problem.message);
  return bytes.value;
}

const problemOf = (typeId: number, text: string): string => {
  const bytes = parseValue(btf, typeId, text);
  return bytes.ok ? 'ok' : bytes.problem.message;
};

const profile = (name: string): Profile => {
  const found = findProfile(name);
  assert.ok(found);
  return found;
};

describe('values shown by type', () => {
  it('are what the compiler stored, in both byte orders', () => {
    for (const object of ['clang-19/types.o', 'bpfeb/types.o']) {
      const loaded = load(object);
      assert.ok(loaded.data);
      const value = readValue(loaded.btf, findType(loaded.btf, 'everything', 'struct'), loaded.data, {
        littleEndian: object !== 'bpfeb/types.o',
      });
      assert.equal(child(value, 'name').text, '"eth0"');
      assert.equal(child(value, 'colour').text, 'GREEN');
      assert.equal(child(value, 'next').text, 'NULL');
    }
  });

  for (const littleEndian of [true, false]) {
    it(`come back from text as they were written (${littleEndian ? 'little' : 'big'} endian)`, () => {
      const object = littleEndian ? 'clang-19/types.o' : 'bpfeb/types.o';
      const loaded = load(object);
      const id = findType(loaded.btf, 'everything', 'struct');
      const bytes = parseValue(
        loaded.btf,
        id,
        `{ "a\\"b", {1, 2, [5] = 0xff}, true, BLUE, -7, .low = 5, .high = 100, .sign = -3, .left = 'A', .right = 2,
           .either.number = 0x01020304, .packed = {{1, 2}, {.b = 1 << 20 | 1}}, .next = 0xffff888000000000,
           .big = HUGE, .matrix[1] = {7, 8, 9} }`,
        littleEndian,
      );
      assert.ok(bytes.ok, bytes.ok ? '' : bytes.problem.message);
      const value = readValue(loaded.btf, id, bytes.value, { littleEndian });
      assert.equal(child(value, 'name').text, '"a\\"b"');
      assert.equal(child(value, 'mac').text, '{1, 2, 0, 0, 0, 255}');
      assert.equal(child(value, 'on').text, 'true');
      assert.equal(child(value, 'colour').text, 'BLUE');
      assert.equal(child(value, 'negative').text, '-7');
      assert.equal(child(value, 'low').text, '5');
      assert.equal(child(value, 'high').text, '100');
      assert.equal(child(value, 'sign').text, '-3');
      assert.equal(child(value, 'sign').type, 'int : 5');
      assert.equal(child(value, '').text, '{left = 65, right = 2}');
      const bytesText = littleEndian ? '{4, 3, 2, 1}' : '{1, 2, 3, 4}';
      assert.equal(child(value, 'either').text, `{number = 16909060, bytes = ${bytesText}}`);
      assert.equal(child(value, 'packed').text, '{{a = 1, b = 2}, {a = 0, b = 1048577}}');
      assert.equal(child(value, 'next').text, '0xffff888000000000');
      assert.equal(child(value, 'big').text, 'HUGE');
      assert.equal(child(value, 'matrix').text, '{{0, 0, 0}, {7, 8, 9}}');
      assert.equal(child(value, 'matrix').children[1].children[2].value, 9n);
    });
  }

  it('carry offsets and types for every part', () => {
    assert.ok(data);
    const value = readValue(btf, everything, data);
    const right = child(child(value, ''), 'right');
    assert.equal(right.type, '__u16');
    assert.equal(right.sizeBytes, 2);
    assert.equal(right.offset, child(child(value, ''), 'left').offset + 2);
  });

  it('say that bytes are missing instead of reading on', () => {
    const value = readValue(btf, everything, new Uint8Array(10));
    assert.match(value.text, /^<needs \d+ bytes>$/);
  });

  it('show the beginning of long arrays and count the rest', () => {
    const types: BtfType[] = [
      VOID,
      { kind: 'int', name: 'int', sizeBytes: 4, bits: 32, bitOffset: 0, encoding: 'signed' },
      { kind: 'array', name: '', type: 1, indexType: 1, count: 1000 },
    ];
    const value = readValue({ types }, 2, new Uint8Array(4000), { maxElements: 3 });
    assert.equal(value.children.length, 3);
    assert.equal(value.omitted, 997);
    assert.equal(value.text, '{0, 0, 0, …}');
  });

  it('put bits where they came from', () => {
    fc.assert(
      fc.property(
        fc.nat(70),
        fc.integer({ min: 1, max: 64 }),
        fc.bigInt(0n, (1n << 64n) - 1n),
        fc.boolean(),
        (offset, bits, raw, little) => {
          const bytes = new Uint8Array(24).fill(0xa5);
          const value = BigInt.asUintN(bits, raw);
          const before = bytesToHex(bytes);
          const old = readBits(bytes, offset, bits, little);
          writeBits(bytes, offset, bits, little, value);
          assert.equal(readBits(bytes, offset, bits, little), value);
          writeBits(bytes, offset, bits, little, old);
          assert.equal(bytesToHex(bytes), before);
        },
      ),
    );
  });
});

describe('values read from text', () => {
  const u32 = findType(btf, '__u32', 'typedef');
  const u8 = findType(btf, '__u8', 'typedef');

  it('take numbers as C does and hexadecimal where it can only be bytes', () => {
    assert.equal(bytesToHex(bytesOf(u32, '10')), '0a000000');
    assert.equal(bytesToHex(bytesOf(u32, '0x10')), '10000000');
    assert.equal(bytesToHex(bytesOf(u32, '010')), '08000000');
    assert.equal(bytesToHex(bytesOf(u32, '12345678')), '4e61bc00');
    assert.equal(bytesToHex(bytesOf(u32, '01000000')), '01000000');
    assert.equal(bytesToHex(bytesOf(u32, '1200 00ff'.replace(' ', ''))), '120000ff');
    assert.equal(bytesToHex(bytesOf(u32, '01 02 03 04')), '01020304');
    assert.equal(bytesToHex(bytesOf(u32, '01:02:03:04')), '01020304');
    assert.equal(bytesToHex(bytesOf(u32, 'hex:01020304')), '01020304');
    assert.equal(bytesToHex(bytesOf(u8, '10')), '0a');
    assert.equal(bytesToHex(bytesOf(u32, '-1')), 'ffffffff');
    assert.equal(bytesToHex(bytesOf(u32, '~0 & (0xff << 8) | 3')), '03ff0000');
    assert.equal(bytesToHex(bytesOf(u32, 'GREEN + 1')), '06000000');
    assert.equal(bytesToHex(bytesOf(u32, '5', false)), '00000005');
  });

  it('say what is wrong with them', () => {
    assert.match(problemOf(u32, '4294967296'), /does not fit into 32 bits/);
    assert.match(problemOf(u8, '-129'), /does not fit into 8 bits/);
    assert.match(problemOf(u32, 'nonsense'), /unknown name 'nonsense'/);
    assert.match(problemOf(u32, '1 2'), /something follows/);
    assert.match(problemOf(u32, ''), /a value is missing/);
    assert.match(problemOf(u32, '01 02'), /2 bytes given, but '__u32' has 4/);
    assert.match(problemOf(everything, '{.absent = 1}'), /there is no member 'absent'/);
    assert.match(problemOf(everything, '{.name = "far too long a name"}'), /there is room for 8/);
    assert.match(problemOf(everything, '{.mac = {[6] = 1}}'), /only 6 elements/);
    assert.match(problemOf(everything, '{.low = 9}'), /does not fit into 3 bits/);
    assert.match(problemOf(everything, '{.low = 1'), /'}' expected/);
    assert.match(problemOf(everything, '5'), /'\{' expected/);
    assert.match(problemOf(0, '5'), /not a type that values can be written for/);
  });

  it('never throw, whatever the text', () => {
    const words = fc.constantFrom(
      '{',
      '}',
      '.name',
      '=',
      '[',
      ']',
      ',',
      '1',
      '-',
      '(',
      ')',
      '"x"',
      'GREEN',
      '<<',
      "'a'",
      '.packed',
      '0x',
    );
    fc.assert(
      fc.property(
        fc.array(words, { maxLength: 20 }),
        (parts) => void parseValue(btf, everything, parts.join(' ')),
      ),
      { numRuns: 500 },
    );
    assert.match(problemOf(u32, '('.repeat(5000)), /nested too deeply/);
    assert.match(problemOf(u32, '-'.repeat(5000) + '1'), /nested too deeply/);
  });
});

describe('special fields in values', () => {
  const fields = load('clang-19/fields.o').btf;
  const found = (struct: string, kernel: string): string => {
    const result = findSpecialFields(fields, findType(fields, struct, 'struct', 'typedef'), profile(kernel));
    return (
      result.fields.map(({ kind, offset, name }) => `${kind} ${name}@${offset}`).join(', ') +
      (result.problem ? `! ${result.problem.kind} ${result.problem.what}` : '')
    );
  };

  // As measured: 6.1 looks at top-level members only, newer kernels into structs and arrays of one.
  const rows: readonly (readonly [string, string, string])[] = [
    ['plain', 'timer timer@8', 'timer timer@8'],
    ['locked', 'timer timer@0, spinLock lock@16', 'timer timer@0, spinLock lock@16'],
    ['two', '! timer many', '! timer many'],
    ['nested', '', 'timer in.timer@16'],
    ['one_element', '', 'timer timers@8'],
    ['two_elements', '', '! timer inArray'],
    ['misaligned', '! timer misaligned', ''],
    ['renamed', '', ''],
    ['plain_t', 'timer timer@8', 'timer timer@8'],
  ];
  for (const [struct, old, recent] of rows) {
    it(`are found in '${struct}' as 6.1, 6.12 and 7.2 find them`, () => {
      assert.equal(found(struct, '6.1'), old);
      assert.equal(found(struct, '6.12'), recent);
      assert.equal(found(struct, '7.2'), recent);
    });
  }

  it('spoil the whole BTF of an object in newer kernels when any struct holds them badly', () => {
    const spoiled = load('clang-19/spoiled.o').btf;
    assert.equal(structThatSpoilsBtf(spoiled, profile('6.1')), undefined);
    assert.equal(structThatSpoilsBtf(spoiled, profile('6.12'))?.name, 'two_locks');
    assert.equal(structThatSpoilsBtf(fields, profile('6.12')), undefined);
  });

  const kptrValue = (tag: string): Btf => ({
    types: [
      VOID,
      { kind: 'struct', name: 'task', sizeBytes: 0, members: [] },
      { kind: 'typeTag', name: tag, type: 1 },
      { kind: 'ptr', name: '', type: 2 },
      {
        kind: 'struct',
        name: 'value',
        sizeBytes: 8,
        members: [{ name: 'p', type: 3, offsetBits: 0, bitfieldSizeBits: 0 }],
      },
    ],
  });

  it('know kernel pointers by the tags that each kernel has for them', () => {
    const flavour = (tag: string, kernel: string): string | undefined => {
      const result = findSpecialFields(kptrValue(tag), 4, profile(kernel));
      return result.problem?.what ?? result.fields.at(0)?.kptr?.flavour;
    };
    assert.equal(flavour('kptr', '5.15'), undefined);
    assert.equal(flavour('kptr', '6.1'), 'untrusted');
    assert.equal(flavour('kptr_ref', '6.1'), 'referenced');
    assert.equal(flavour('kptr', '6.12'), 'referenced');
    assert.equal(flavour('kptr_untrusted', '6.12'), 'untrusted');
    assert.equal(flavour('percpu_kptr', '6.12'), 'percpu');
    assert.equal(flavour('something', '6.12'), 'badTag');
  });
});
