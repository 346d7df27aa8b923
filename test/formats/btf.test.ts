/** BTF: reading it, asking it, spelling it in C. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as fc from 'fast-check';
import { parseBtfExt } from '../../runtime/btf/btfExt';
import { dumpC } from '../../runtime/btf/dumpC';
import { alignOfType, findType, resolvedType, sizeOfType, typesByName } from '../../runtime/btf/query';
import { readBtf, readBtfStrings } from '../../runtime/btf/readBtf';
import { declaration, signature, typeName } from '../../runtime/btf/typeNames';
import type { Btf, BtfType } from '../../runtime/btf/types';
import { readValue } from '../../runtime/btf/values';
import { parseValue } from '../../runtime/btf/valueText';
import { writeBtf } from '../../runtime/btf/writeBtf';
import { findSection, readElf } from '../../runtime/elf/readElf';
import { matchesGolden } from '../support/golden';
import { fixture } from '../support/paths';

function sectionOf(object: string, name: string): Uint8Array {
  const elf = readElf(object, fs.readFileSync(fixture('objects', object)));
  assert.ok(elf.ok);
  const section = findSection(elf.value, name);
  assert.ok(section, `${object} has no ${name}`);
  return section.data;
}

function btfOf(object: string): Btf {
  const btf = readBtf(object, sectionOf(object, '.BTF'));
  assert.ok(btf.ok, btf.ok ? '' : btf.problem.message);
  return btf.value;
}

const messageOf = (types: readonly BtfType[]): string => {
  const btf = readBtf('x', writeBtf({ types }));
  return btf.ok ? 'ok' : btf.problem.message;
};

const VOID: BtfType = { kind: 'void', name: '' };
const INT: BtfType = { kind: 'int', name: 'int', sizeBytes: 4, bits: 32, bitOffset: 0, encoding: 'signed' };

function structOf(btf: Btf, name: string): Extract<BtfType, { kind: 'struct' | 'union' }> {
  const type = btf.types[findType(btf, name, 'struct', 'union')];
  assert.ok(type.kind === 'struct' || type.kind === 'union');
  return type;
}

describe('the BTF reader', () => {
  for (const compiler of ['clang-14', 'clang-16', 'clang-19', 'zig', 'bpfeb']) {
    it(`reads every kind of type as ${compiler} writes it`, () => {
      const btf = btfOf(`${compiler}/types.o`);
      const everything = structOf(btf, 'everything');
      assert.deepEqual(
        everything.members.map((member) => [
          member.name,
          member.bitfieldSizeBits,
          typeName(btf, member.type),
        ]),
        [
          ['name', 0, 'char[8]'],
          ['mac', 0, '__u8[6]'],
          ['on', 0, '_Bool'],
          ['colour', 0, 'enum colour'],
          ['negative', 0, '__s32'],
          ['low', 3, '__u32'],
          ['high', 7, '__u32'],
          ['sign', 5, 'int'],
          ['', 0, 'struct {…}'],
          ['either', 0, 'union either'],
          ['packed', 0, 'struct packed[2]'],
          ['next', 0, 'struct everything *'],
          ['handler', 0, 'int (*)(struct everything *, int)'],
          ['ratio', 0, 'double'],
          ['big', 0, 'enum big'],
          ['pointers', 0, 'volatile const __u64 *const *'],
          ['matrix', 0, '__u64[2][3]'],
        ],
      );
      const colour = btf.types[findType(btf, 'colour', 'enum')];
      assert.ok(colour.kind === 'enum');
      assert.deepEqual(colour.values, [
        { name: 'RED', value: 0n },
        { name: 'GREEN', value: 5n },
        // Before version 15 clang did not write whether an enum is signed.
        { name: 'BLUE', value: compiler === 'clang-14' ? 0xffff_ffffn : -1n },
      ]);
    });
  }

  it('reads 64-bit enumerators where the compiler knows them', () => {
    const big = (object: string): bigint | undefined => {
      const btf = btfOf(object);
      const type = btf.types[findType(btf, 'big', 'enum')];
      return type.kind === 'enum' ? type.values[1].value : undefined;
    };
    assert.equal(big('clang-19/types.o'), 0x1234567890n);
    assert.equal(big('bpfeb/types.o'), 0x1234567890n);
  });

  it('reads function, line and CO-RE records of every byte order alike', () => {
    const extOf = (object: string): ReturnType<typeof parseBtfExt> =>
      parseBtfExt(sectionOf(object, '.BTF.ext'), readBtfStrings(sectionOf(object, '.BTF')));
    const little = extOf('clang-19/core.o');
    const big = extOf('bpfeb/core.o');
    assert.deepEqual([...little.core.keys()], ['tc']);
    assert.deepEqual(
      little.core.get('tc')?.map(({ access, kind }) => [access, kind]),
      big.core.get('tc')?.map(({ access, kind }) => [access, kind]),
    );
    assert.ok(little.core.get('tc')?.some(({ kind }) => kind === 'typeMatches'));
    assert.equal(little.functions.get('tc')?.length, 9);
    const [first] = little.lines.get('tc') ?? [];
    assert.match(first.file, /core\.c$/);
    assert.match(first.text, /return task->flags/);
    assert.equal(first.line, 44);
  });

  it('refuses types that do not exist, contain themselves, or go round in circles', () => {
    assert.equal(messageOf([VOID, INT]), 'ok');
    assert.match(messageOf([VOID, { kind: 'ptr', name: '', type: 7 }]), /refers to type 7/);
    assert.match(
      messageOf([VOID, { kind: 'typedef', name: 'a', type: 2 }, { kind: 'typedef', name: 'b', type: 1 }]),
      /refers to itself/,
    );
    assert.match(
      messageOf([VOID, { kind: 'ptr', name: '', type: 2 }, { kind: 'const', name: '', type: 1 }]),
      /refers to itself/,
    );
    const member = (type: number): BtfType => ({
      kind: 'struct',
      name: 's',
      sizeBytes: 8,
      members: [{ name: 'm', type, offsetBits: 0, bitfieldSizeBits: 0 }],
    });
    assert.match(messageOf([VOID, member(1)]), /contains itself/);
    assert.match(
      messageOf([VOID, member(2), { kind: 'array', name: '', type: 1, indexType: 1, count: 2 }]),
      /contains itself/,
    );
    assert.match(
      messageOf([VOID, member(2), { kind: 'var', name: 'v', type: 1, linkage: 'global' }]),
      /which is a var/,
    );
    // Through a pointer it is a list.
    assert.equal(messageOf([VOID, member(2), { kind: 'ptr', name: '', type: 1 }]), 'ok');
    const deep: BtfType[] = [VOID, INT];
    for (let i = 0; i < 2000; i++) deep.push(member(deep.length - 1));
    assert.match(messageOf(deep), /nested too deeply/);
  });

  it('says where damaged BTF is damaged', () => {
    const good = sectionOf('clang-19/types.o', '.BTF');
    const change = (offset: number, value: number): string => {
      const bytes = new Uint8Array(good);
      new DataView(bytes.buffer).setUint32(offset, value, true);
      const btf = readBtf('x', bytes);
      return btf.ok ? 'ok' : `${btf.problem.message} @${btf.problem.place?.offset}`;
    };
    assert.match(change(0, 0x12345678), /wrong magic number 0x5678 @0/);
    assert.match(change(4, 4), /header of 4 bytes @4/);
    assert.match(change(12, 0x7fffffff), /lies outside .* @8/);
    assert.match(change(24, 0x7ffffff), /string offset 134217727/);
    assert.match(change(28, 0x1f000000), /unknown kind 31 @24/);
  });

  it('never throws on prefixes and changed bytes', () => {
    const good = sectionOf('clang-19/types.o', '.BTF');
    for (let length = 0; length < good.length; length += 5) {
      assert.equal(readBtf('x', good.subarray(0, length)).ok, false);
    }
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (changes) => {
          const bytes = new Uint8Array(good);
          for (const [offset, value] of changes) bytes[offset] = value;
          const btf = readBtf('x', bytes);
          // What is accepted can be walked and spelled without further checks.
          if (btf.ok)
            btf.value.types.forEach((_, id) => void [sizeOfType(btf.value, id), typeName(btf.value, id)]);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('questions about BTF', () => {
  const btf = btfOf('clang-19/types.o');

  it('give sizes and alignments as the compiler has them', () => {
    const id = findType(btf, 'everything', 'struct');
    assert.equal(sizeOfType(btf, id), (btf.types[id] as { sizeBytes: number }).sizeBytes);
    assert.equal(alignOfType(btf, id), 8);
    assert.equal(sizeOfType(btf, findType(btf, 'packed', 'struct')), 5);
    assert.equal(alignOfType(btf, findType(btf, 'packed', 'struct')), 1);
    const matrix = structOf(btf, 'everything').members.at(-1);
    assert.equal(sizeOfType(btf, matrix?.type ?? 0), 48);
    assert.equal(sizeOfType(btf, 0), undefined);
  });

  it('find types by name and kind', () => {
    assert.equal(findType(btf, 'everything', 'union'), 0);
    assert.equal(findType(btf, 'nothing', 'struct'), 0);
    assert.equal(typesByName(btf, '__u64').length, 1);
    assert.equal(resolvedType(btf, findType(btf, '__u64', 'typedef')).kind, 'int');
  });

  it('refuse the size of an array that no memory could hold', () => {
    const huge: Btf = {
      types: [
        VOID,
        INT,
        { kind: 'array', name: '', type: 1, indexType: 1, count: 0xffff_ffff },
        { kind: 'array', name: '', type: 2, indexType: 1, count: 0xffff_ffff },
      ],
    };
    assert.equal(sizeOfType(huge, 3), undefined);
  });
});

describe('C spelling', () => {
  it('puts names into declarators as C wants them', () => {
    const types: BtfType[] = [
      VOID,
      INT,
      { kind: 'ptr', name: '', type: 1 },
      { kind: 'array', name: '', type: 2, indexType: 1, count: 3 },
      { kind: 'array', name: '', type: 1, indexType: 1, count: 4 },
      { kind: 'ptr', name: '', type: 4 },
      {
        kind: 'funcProto',
        name: '',
        returnType: 5,
        params: [
          { name: 'a', type: 1 },
          { name: '', type: 0 },
        ],
      },
      { kind: 'ptr', name: '', type: 6 },
      { kind: 'const', name: '', type: 7 },
      { kind: 'array', name: '', type: 8, indexType: 1, count: 2 },
      { kind: 'funcProto', name: '', returnType: 0, params: [] },
      { kind: 'func', name: 'f', type: 10, linkage: 'global' },
      { kind: 'typeTag', name: 'user', type: 1 },
      { kind: 'ptr', name: '', type: 12 },
    ];
    const btf = { types };
    assert.equal(declaration(btf, 3, 'x'), 'int *x[3]');
    assert.equal(declaration(btf, 5, 'x'), 'int (*x)[4]');
    assert.equal(declaration(btf, 7, 'x'), 'int (*(*x)(int a, ...))[4]');
    assert.equal(declaration(btf, 9, 'x'), 'int (*(*const x[2])(int a, ...))[4]');
    assert.equal(signature(btf, 11), 'void f(void)');
    assert.equal(typeName(btf, 13), 'int *');
  });
});

describe('hostile types', () => {
  /** Each struct contains the one before it twice, without a name: 2^60 ways lead to the first. */
  const doubling = (): BtfType[] => {
    const types: BtfType[] = [VOID, INT];
    for (let i = 0; i < 60; i++) {
      const type = types.length - 1;
      const member = { name: '', type, offsetBits: 0, bitfieldSizeBits: 0 };
      types.push({ kind: 'union', name: '', sizeBytes: 4, members: [member, member] });
    }
    return types;
  };

  it('that contain each other exponentially often are walked in bounded time', () => {
    const btf = readBtf('x', writeBtf({ types: doubling() }));
    assert.ok(btf.ok);
    const last = btf.value.types.length - 1;
    assert.equal(alignOfType(btf.value, last), 4);
    assert.ok(readValue(btf.value, last, new Uint8Array(4)).text.length < 1000);
    assert.equal(parseValue(btf.value, last, '{.absent = 1}').ok, false);
  });

  it('that take themselves as parameters are spelled up to a point', () => {
    const btf: Btf = {
      types: [
        VOID,
        { kind: 'ptr', name: '', type: 2 },
        {
          kind: 'funcProto',
          name: '',
          returnType: 0,
          params: [
            { name: 'self', type: 1 },
            { name: 'again', type: 1 },
          ],
        },
      ],
    };
    assert.match(typeName(btf, 1), /^void \(\*\)\(void \(\*self\)/);
    assert.ok(typeName(btf, 1).includes('…'));
  });
});

describe('the C header made of BTF', () => {
  it('is the committed one for the sample types', () => {
    matchesGolden(fixture('objects', 'types.generated.h'), dumpC(btfOf('clang-19/types.o')));
  });

  it('compiles to the very layouts it was made from', () => {
    const original = btfOf('clang-19/types.o');
    const again = btfOf('clang-19/roundtrip.o');
    for (const name of ['everything', 'packed', 'either']) {
      const [a, b] = [structOf(original, name), structOf(again, name)];
      assert.equal(a.sizeBytes, b.sizeBytes);
      const shape = (btf: Btf, type: typeof a): unknown =>
        type.members.map((member) => [
          member.name,
          member.offsetBits,
          member.bitfieldSizeBits,
          typeName(btf, member.type),
        ]);
      assert.deepEqual(shape(again, b), shape(original, a));
    }
  });

  const struct = (
    name: string,
    sizeBytes: number,
    ...members: (readonly [string, number, number, number?])[]
  ): BtfType => ({
    kind: 'struct',
    name,
    sizeBytes,
    members: members.map(([member, type, offsetBits, bits]) => ({
      name: member,
      type,
      offsetBits,
      bitfieldSizeBits: bits ?? 0,
    })),
  });
  const textOf = (types: BtfType[]): string =>
    dumpC({ types }).split('#endif\n\n')[1].split('\n#ifndef')[0].trim();

  it('writes padding, packed structs and trailing space', () => {
    assert.equal(
      textOf([VOID, INT, struct('padded', 24, ['a', 1, 0], ['b', 1, 128])]),
      'struct padded {\n\tint a;\n\tint: 32;\n\tlong: 64;\n\tint b;\n\tint: 32;\n};',
    );
    assert.match(
      textOf([VOID, INT, struct('tight', 5, ['a', 1, 8])]),
      /^struct tight \{\n\tchar: 8;\n\tint a;\n\} __attribute__\(\(packed\)\);$/,
    );
    assert.match(
      textOf([VOID, struct('opaque', 16)]),
      /long: 64;\n\tlong: 64;\n\} __attribute__\(\(aligned\(8\)\)\)/,
    );
    assert.equal(
      textOf([VOID, INT, struct('bits', 8, ['a', 1, 3, 4], ['b', 1, 32, 1])]),
      'struct bits {\n\tchar: 3;\n\tint a: 4;\n\tchar: 1;\n\tchar: 8;\n\tshort: 16;\n\tint b: 1;\n};',
    );
  });

  it('orders definitions before uses and declares what only pointers need', () => {
    const text = textOf([
      VOID,
      struct('outer', 16, ['in', 2, 0], ['next', 3, 64]),
      struct('inner', 8, ['x', 4, 0]),
      { kind: 'ptr', name: '', type: 1 },
      { kind: 'typedef', name: 'ptr_t', type: 5 },
      { kind: 'ptr', name: '', type: 6 },
      { kind: 'fwd', name: 'elsewhere', of: 'struct' },
    ]);
    const positions = [
      'struct elsewhere;',
      'typedef struct elsewhere *ptr_t;',
      'struct inner {',
      'struct outer {',
    ].map((part) => text.indexOf(part));
    assert.ok(!positions.includes(-1), text);
    assert.deepEqual(
      [...positions].sort((a, b) => a - b),
      positions,
    );
  });

  it('gives a second type of one name a suffix', () => {
    const text = textOf([VOID, INT, struct('s', 4, ['a', 1, 0]), struct('s', 8, ['a', 1, 0], ['b', 1, 32])]);
    assert.match(text, /struct s \{/);
    assert.match(text, /struct s___2 \{/);
  });

  it('writes a tagged member without a name as its body', () => {
    const text = textOf([VOID, INT, struct('part', 4, ['a', 1, 0]), struct('whole', 4, ['', 2, 0])]);
    assert.match(text, /struct whole \{\n\tstruct \{\n\t\tint a;\n\t\};\n\};/);
  });
});
