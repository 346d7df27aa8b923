/** Objects as compilers write them, read as libbpf reads them. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as fc from 'fast-check';
import { readBtf } from '../../runtime/btf/readBtf';
import type { Btf } from '../../runtime/btf/types';
import { findSection, readElf } from '../../runtime/elf/readElf';
import { objectForKernel } from '../../runtime/loader/forKernel';
import { findProfile, type Profile } from '../../runtime/spec/profile';
import { disassembleProgram } from '../../runtime/insn/disassemble';
import { loadObject, type LoadOptions } from '../../runtime/loader/loadObject';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../../runtime/loader/objectSpec';
import type { Problem } from '../../runtime/util/problem';
import { bytesToHex } from '../../runtime/util/hexText';
import { fixture } from '../support/paths';

const bytesOf = (name: string): Uint8Array => fs.readFileSync(fixture('objects', name));

function load(name: string, options?: LoadOptions): ObjectSpec {
  const object = loadObject(name, bytesOf(name), options);
  assert.ok(object.ok, object.ok ? '' : object.problem.message);
  return object.value;
}

function problemOf(name: string, options?: LoadOptions): Problem {
  const object = loadObject(name, bytesOf(name), options);
  assert.ok(!object.ok, 'a problem was expected');
  return object.problem;
}

function program(object: ObjectSpec, name: string): ProgramSpec {
  const found = object.programs.find((candidate) => candidate.name === name);
  assert.ok(found, `no program ${name}`);
  return found;
}

function map(object: ObjectSpec, name: string): MapSpec {
  const found = object.maps.find((candidate) => candidate.name === name);
  assert.ok(found, `no map ${name}`);
  return found;
}

const references = (spec: ProgramSpec): unknown[] =>
  [...spec.references].sort(([a], [b]) => a - b).map(([slot, reference]) => ({ slot, ...reference }));

/** The BTF of kernel.c, which stands for a kernel's. */
function kernelBtf(compiler: string): Btf {
  const elf = readElf('kernel.o', bytesOf(`${compiler}/kernel.o`));
  assert.ok(elf.ok);
  const btf = readBtf('kernel.o', findSection(elf.value, '.BTF')?.data ?? new Uint8Array());
  assert.ok(btf.ok);
  return btf.value;
}

const COMPILERS = ['clang-14', 'clang-16', 'clang-19', 'zig', 'bpfeb'];

describe('a program with a timer callback', () => {
  for (const compiler of COMPILERS) {
    it(`is linked with its callback behind it (${compiler})`, () => {
      const object = load(`${compiler}/heartbeat.o`);
      assert.equal(object.license, 'Dual BSD/GPL');
      assert.equal(object.littleEndian, compiler !== 'bpfeb');
      const start = program(object, 'start');
      assert.equal(start.problem, undefined);
      assert.equal(start.type, 'BPF_PROG_TYPE_XDP');
      assert.equal(start.attachType, 'BPF_XDP');
      assert.equal(start.insns.length, 41);
      assert.deepEqual(
        start.functions.map(({ insnIdx, name, linkage }) => [insnIdx, name, linkage]),
        [
          [0, 'start', 'global'],
          [26, 'on_beat', 'static'],
        ],
      );
      assert.deepEqual(references(start), [
        { slot: 4, kind: 'map', map: 0 },
        { slot: 6, kind: 'helper', id: 1 },
        { slot: 11, kind: 'map', map: 0 },
        { slot: 14, kind: 'helper', id: 169 },
        { slot: 17, kind: 'subprog', target: 26, name: 'on_beat' },
        { slot: 19, kind: 'helper', id: 170 },
        { slot: 23, kind: 'helper', id: 171 },
        { slot: 30, kind: 'mapValue', map: 1, offset: 0 },
        { slot: 33, kind: 'helper', id: 6 },
        { slot: 38, kind: 'helper', id: 171 },
      ]);
      assert.deepEqual(start.origins, [
        { insnIdx: 0, insnCount: 26, section: 'xdp', sectionOffsetBytes: 0 },
        { insnIdx: 26, insnCount: 15, section: '.text', sectionOffsetBytes: 0 },
      ]);
      // A callback's address is relative to the instruction, as the kernel takes it.
      assert.deepEqual(start.insns[17], { code: 0x18, dst: 2, src: 4, off: 0, imm: 26 - 17 - 1 });
    });

    it(`carries source lines along (${compiler})`, () => {
      const start = program(load(`${compiler}/heartbeat.o`), 'start');
      const slots = start.lines.map(({ insnIdx }) => insnIdx);
      assert.deepEqual(
        [...slots].sort((a, b) => a - b),
        slots,
      );
      const inCallback = start.lines.filter(({ insnIdx }) => insnIdx >= 26);
      assert.ok(inCallback.some(({ text }) => text.includes('beat->count++')));
      const init = start.lines.find(({ text }) => text.includes('bpf_timer_init'));
      assert.equal(init?.line, 32);
      assert.match(init?.file ?? '', /heartbeat\.c$/);
    });

    it(`has its maps and constants (${compiler})`, () => {
      const object = load(`${compiler}/heartbeat.o`);
      assert.deepEqual(
        object.maps.map(({ name, type, valueSizeBytes, frozen }) => [name, type, valueSizeBytes, frozen]),
        [
          ['beats', 'BPF_MAP_TYPE_ARRAY', 24, false],
          ['heartbea.rodata', 'BPF_MAP_TYPE_ARRAY', 5, true],
        ],
      );
      assert.equal(bytesToHex(object.maps[1].data ?? new Uint8Array()), '6265617400');
    });
  }
});

describe('map declarations', () => {
  for (const compiler of COMPILERS) {
    it(`are read in all their forms (${compiler})`, () => {
      const object = load(`${compiler}/maps.o`);
      const short = ({
        type,
        keySizeBytes,
        valueSizeBytes,
        maxEntries,
        flags,
        pinning,
        mapExtra,
      }: MapSpec): unknown[] => [
        type.replace('BPF_MAP_TYPE_', ''),
        keySizeBytes,
        valueSizeBytes,
        maxEntries,
        flags,
        pinning,
        mapExtra,
      ];
      assert.deepEqual(short(map(object, 'hash')), ['HASH', 8, 8, 16, 1, 'none', 0n]);
      assert.deepEqual(short(map(object, 'sized')), ['HASH', 6, 10, 3, 0, 'byName', 0n]);
      assert.deepEqual(short(map(object, 'ring')), ['RINGBUF', 0, 0, 8192, 0, 'none', 0n]);
      assert.deepEqual(short(map(object, 'bloom')), ['BLOOM_FILTER', 0, 4, 10, 0, 'none', 5n]);
      const outer = map(object, 'outer');
      assert.deepEqual(short(outer), ['ARRAY_OF_MAPS', 4, 4, 8, 0, 'none', 0n]);
      assert.equal(outer.inner?.name, 'outer.inner');
      assert.deepEqual(short(outer.inner ?? outer), ['ARRAY', 4, 16, 4, 0, 'none', 0n]);
      assert.deepEqual(outer.initial, [
        { index: 1, kind: 'map', name: 'inner_a' },
        { index: 3, kind: 'map', name: 'inner_b' },
      ]);
      assert.deepEqual(map(object, 'jumps').initial, [{ index: 1, kind: 'program', name: 'tail' }]);
      // Types stay with key and value, so that timers can be found in them.
      assert.notEqual(map(object, 'inner_a').valueTypeId, 0);
      assert.equal(map(object, 'sized').valueTypeId, 0);
    });
  }

  it('need BTF', () => {
    const problem = problemOf('clang-19/noBtf.o');
    assert.equal(problem.code, 'maps-without-btf');
    assert.match(problem.remedy ?? '', /-g/);
  });

  it('of the time before BTF are refused as libbpf refuses them, and taken when relaxed', () => {
    const problem = problemOf('clang-19/legacy.o');
    assert.equal(problem.code, 'legacy-maps');
    assert.match(problem.message, /not supported by libbpf v1\.0\+/);
    const object = load('clang-19/legacy.o', { relaxed: true });
    assert.deepEqual(
      object.maps.map(({ name, type, keySizeBytes, valueSizeBytes, maxEntries }) => [
        name,
        type,
        keySizeBytes,
        valueSizeBytes,
        maxEntries,
      ]),
      [
        ['first', 'BPF_MAP_TYPE_HASH', 4, 8, 100],
        ['second', 'BPF_MAP_TYPE_ARRAY', 4, 16, 2],
      ],
    );
    assert.equal(program(object, 'drop').type, 'BPF_PROG_TYPE_XDP');
    assert.deepEqual(references(program(object, 'drop')).slice(0, 1), [{ slot: 4, kind: 'map', map: 1 }]);
  });

  it('leave to the user what relaxed loading fills in', () => {
    assert.equal(map(load('clang-19/maps.o', { relaxed: true }), 'sized').pinning, 'none');
    assert.equal(map(load('clang-19/maps.o', { relaxed: true }), 'hash').maxEntries, 16);
  });
});

describe('global data and subprograms', () => {
  for (const compiler of COMPILERS) {
    it(`become maps, and functions behind each program that reaches them (${compiler})`, () => {
      const object = load(`${compiler}/globals.o`);
      const text = (name: string): string => bytesToHex(map(object, name).data ?? new Uint8Array());
      const little = compiler !== 'bpfeb';
      assert.equal(text('globals.data'), little ? '2a00000009000000' : '0000002a00000009');
      assert.equal(text('globals.rodata'), little ? '07000000' : '00000007');
      assert.equal(text('.data.custom'), little ? '03000000' : '00000003');
      assert.equal(map(object, 'globals.bss').valueSizeBytes, 36);
      assert.equal(map(object, 'globals.rodata').frozen, true);
      assert.equal(map(object, 'globals.data').flags, 1 << 10);
      assert.equal(map(object, 'globals.rodata').flags, (1 << 10) | (1 << 7));
      const first = program(object, 'first');
      assert.deepEqual(
        first.functions.map(({ name, linkage }) => [name, linkage]),
        [
          ['first', 'global'],
          ['scale', 'global'],
          ['add', 'static'],
          ['chosen', 'global'],
          // Hidden functions are verified as if they were static.
          ['quiet', 'static'],
        ],
      );
      const byKind = references(first) as { kind: string; map?: number; offset?: number; target?: number }[];
      const dataMap = object.maps.indexOf(map(object, 'globals.data'));
      assert.ok(
        byKind.some(
          (reference) => reference.kind === 'mapValue' && reference.map === dataMap && reference.offset === 4,
        ),
      );
      for (const reference of byKind) {
        if (reference.kind !== 'subprog') continue;
        assert.ok(first.functions.some(({ insnIdx }) => insnIdx === reference.target));
      }
      const second = program(object, 'second');
      assert.equal(second.autoload, false);
      assert.equal(second.xdpFrags, true);
      assert.deepEqual(
        second.functions.map(({ name }) => name),
        ['second', 'add'],
      );
      assert.deepEqual(
        program(object, 'third').functions.map(({ name }) => name),
        ['third'],
      );
    });
  }

  it('have their variables at the places that relocations name', () => {
    const object = load('clang-19/globals.o');
    const type = object.btf?.types[map(object, 'globals.data').valueTypeId];
    assert.ok(type?.kind === 'datasec');
    assert.deepEqual(
      type.vars.map((entry) => [object.btf?.types[entry.type].name, entry.offset]),
      [
        ['counter', 0],
        ['hidden_counter', 4],
      ],
    );
    assert.equal(type.sizeBytes, 8);
  });
});

describe('what a program expects of the kernel', () => {
  const options = (): LoadOptions => ({
    kernelBtf: kernelBtf('clang-19'),
    kernelRelease: '6.12.117',
    kconfig: new Map([
      ['CONFIG_HZ', '250'],
      ['CONFIG_SMP', 'y'],
      ['CONFIG_NET_SCH_HTB', 'm'],
      ['CONFIG_LOCALVERSION', '"-x1"'],
    ]),
  });

  it('is its configuration, laid out as libbpf lays it out', () => {
    const object = load('clang-19/externs.o', options());
    const section = map(object, 'externs.kconfig');
    assert.equal(
      bytesToHex(section.data ?? new Uint8Array()),
      '0000000000000000' + 'fa000000' + '02000000' + '750c0600' + '01' + '2d78310000000000',
    );
    assert.equal(section.frozen, true);
    assert.deepEqual(
      object.externs.filter(({ kind }) => kind === 'kconfig').map(({ name, value }) => [name, value]),
      [
        ['CONFIG_MISSING', 0n],
        ['CONFIG_HZ', 250n],
        ['CONFIG_NET_SCH_HTB', 2n],
        ['LINUX_KERNEL_VERSION', 396405n],
        ['CONFIG_SMP', 1n],
        ['CONFIG_LOCALVERSION', undefined],
      ],
    );
    assert.equal(program(object, 'configured').problem, undefined);
  });

  it('is a problem of the program that uses it when it is missing', () => {
    const object = load('clang-19/externs.o', { ...options(), kconfig: undefined });
    const { problem } = program(object, 'configured');
    assert.equal(problem?.code, 'unknown-kconfig');
    assert.equal(program(object, 'symbols').problem, undefined);
    const unset = load('clang-19/externs.o', { ...options(), kconfig: new Map() });
    assert.equal(program(unset, 'configured').problem?.code, 'unresolved-kconfig');
    assert.equal(program(unset, 'symbols').problem?.code, 'unresolved-kconfig');
    const values: [string, string][] = [
      ['CONFIG_SMP', 'm'],
      ['CONFIG_HZ', '"fast"'],
      ['CONFIG_HZ', '4294967296'],
    ];
    for (const [name, value] of values) {
      const kconfig = new Map([...(options().kconfig ?? []), [name, value] as const]);
      const bad = program(load('clang-19/externs.o', { ...options(), kconfig }), 'configured').problem;
      assert.match(bad?.message ?? '', new RegExp(`${name}.*does not fit its type`));
    }
  });

  it('keeps every program from loading when a strong extern is not in the kernel', () => {
    const empty: Btf = { types: [{ kind: 'void', name: '' }] };
    const object = load('clang-19/externs.o', { ...options(), kernelBtf: empty });
    for (const spec of object.programs) {
      assert.ok(
        spec.problem?.code === 'unresolved-ksym' || spec.problem?.code === 'attach-target-missing',
        spec.name,
      );
    }
    // Its code can be looked at all the same.
    assert.ok(program(object, 'configured').insns.length > 0);
  });

  it('is variables and functions of its BTF, weak ones being zero when missing', () => {
    const object = load('clang-19/externs.o', options());
    const symbols = references(program(object, 'symbols')) as {
      name: string;
      btfId: number;
      typed: boolean;
    }[];
    assert.deepEqual(
      symbols.map(({ name, btfId, typed }) => [name, btfId !== 0, typed]),
      [
        ['missing_variable', false, true],
        ['known_variable', true, true],
        ['address_only', false, false],
      ],
    );
    const functions = program(object, 'functions');
    const calls = (
      references(functions) as { kind: string; name: string; btfId: number; slot: number }[]
    ).filter(({ kind }) => kind === 'kfunc');
    assert.deepEqual(
      calls.map(({ name, btfId }) => [name, btfId !== 0]),
      [
        ['missing_function', false],
        ['known_function', true],
      ],
    );
    // A call that no kernel takes, to be stepped round.
    assert.ok(functions.insns[calls[0].slot].imm >= 2002000000);
    assert.equal(functions.insns[calls[1].slot].src, 2);
  });

  it('is named by an attach target', () => {
    const traced = program(load('clang-19/externs.o', options()), 'traced');
    assert.equal(traced.attachTo, 'known_function');
    assert.notEqual(traced.attachBtfId ?? 0, 0);
    const without = program(load('clang-19/externs.o', { ...options(), kernelBtf: undefined }), 'traced');
    assert.equal(without.problem?.code, 'kernel-btf-missing');
    const elsewhere = program(
      load('clang-19/externs.o', { ...options(), kernelBtf: { types: [{ kind: 'void', name: '' }] } }),
      'traced',
    );
    assert.equal(elsewhere.problem?.code, 'attach-target-missing');
  });
});

describe('an object whose types a kernel refuses', () => {
  const profile = (name: string): Profile => {
    const found = findProfile(name);
    assert.ok(found);
    return found;
  };

  it('has none there, and all of them elsewhere', () => {
    const object = load('clang-19/spoiled.o');
    assert.equal(objectForKernel(object, profile('6.1')), object);
    const recent = objectForKernel(object, profile('6.12'));
    assert.equal(map(recent, 'plain_map').valueTypeId, 0);
    assert.equal(map(recent, 'plain_map').valueSizeBytes, map(object, 'plain_map').valueSizeBytes);
    assert.match(recent.warnings.at(-1)?.message ?? '', /struct two_locks/);
    assert.equal(objectForKernel(load('clang-19/fields.o'), profile('6.12')).warnings.length, 0);
  });
});

describe('CO-RE relocations', () => {
  const lines = (object: ObjectSpec, name: string): string[] => {
    const spec = program(object, name);
    assert.equal(spec.problem, undefined, spec.problem?.message);
    return disassembleProgram(spec.insns);
  };
  const numbers = (object: ObjectSpec, name: string): number[] =>
    program(object, name)
      .insns.filter(({ code }) => code === 0xb7 || code === 0xb4 || code === 0x18)
      .map(({ imm }) => imm);

  for (const compiler of ['clang-14', 'clang-16', 'clang-19', 'bpfeb']) {
    const object = (): ObjectSpec => load(`${compiler}/core.o`, { kernelBtf: kernelBtf(compiler) });

    it(`move fields and change the width of loads (${compiler})`, () => {
      const loads = program(object(), 'offsets')
        .insns.filter(({ code }) => (code & 7) === 1)
        .map(({ code, off }) => `${code === 0x79 ? 'u64' : 'u32'}@${off}`)
        .sort();
      assert.deepEqual(loads, ['u32@8', 'u32@84', 'u64@104', 'u64@112', 'u64@56']);
      assert.equal(program(object(), 'flavours').insns[0].off, 8);
    });

    it(`poison what the kernel does not have (${compiler})`, () => {
      const poisoned = program(object(), 'poisoned');
      assert.equal(poisoned.problem, undefined);
      assert.deepEqual(poisoned.insns[0], { code: 0x85, dst: 0, src: 0, off: 0, imm: 195896080 });
      assert.deepEqual(poisoned.references.get(0), {
        kind: 'poisoned',
        reason: 'the kernel has no struct task.absent',
      });
      const guarded = program(object(), 'guarded');
      assert.equal([...guarded.references.values()].filter(({ kind }) => kind === 'poisoned').length, 1);
      assert.ok(guarded.insns.some(({ code, imm }) => code === 0xb7 && imm === 0));
    });

    it(`know sizes, signs and bit-fields (${compiler})`, () => {
      assert.deepEqual(
        numbers(object(), 'sizes').sort((a, b) => a - b),
        [0, 1, 8, 16, 84],
      );
      // Word at 80 of 8 bytes; five bits stand before the field's eleven, at the end that the byte order says.
      assert.deepEqual(
        numbers(object(), 'bitfields').sort((a, b) => a - b),
        compiler === 'bpfeb' ? [5, 8, 53, 80] : [8, 48, 53, 80],
      );
    });

    it(`know types and enumerators (${compiler})`, () => {
      const kernel = kernelBtf(compiler);
      const task = kernel.types.findIndex((type) => type.kind === 'struct' && type.name === 'task');
      const [, target, ...rest] = numbers(object(), 'types');
      assert.equal(target, task);
      assert.deepEqual(
        rest.sort((a, b) => a - b),
        [0, 1, 1, 120],
      );
      assert.deepEqual(
        numbers(object(), 'enums').sort((a, b) => a - b),
        [0, 1, 5],
      );
    });
  }

  for (const compiler of ['clang-16', 'clang-19', 'bpfeb']) {
    it(`tell a type that has everything from one that lacks a member (${compiler})`, () => {
      const matches = numbers(load(`${compiler}/core.o`, { kernelBtf: kernelBtf(compiler) }), 'matches');
      assert.deepEqual(
        matches.sort((a, b) => a - b),
        [0, 1],
      );
    });
  }

  it('need the BTF of a kernel', () => {
    const object = load('clang-19/core.o');
    assert.equal(program(object, 'offsets').problem?.code, 'kernel-btf-missing');
    assert.match(program(object, 'offsets').problem?.remedy ?? '', /--btf/);
    assert.deepEqual(program(object, 'offsets').insns, []);
  });

  it('are shown in the text of the program', () => {
    const object = load('clang-19/core.o', { kernelBtf: kernelBtf('clang-19') });
    assert.match(lines(object, 'flavours')[0], /\*\(u32 \*\)\(r1 \+8\)/);
  });
});

describe('objects that cannot be loaded', () => {
  const changed = (name: string, change: (bytes: Uint8Array, view: DataView) => void): Uint8Array => {
    const bytes = new Uint8Array(bytesOf(name));
    change(bytes, new DataView(bytes.buffer));
    return bytes;
  };
  const section = (name: string, wanted: string): number => {
    const elf = readElf(name, bytesOf(name));
    assert.ok(elf.ok);
    return findSection(elf.value, wanted)?.fileOffset ?? 0;
  };

  it('name the program whose section means nothing', () => {
    const text = Buffer.from(bytesOf('clang-19/globals.o'));
    // Once in the BTF's strings, once in the section names.
    for (let at = text.indexOf('\0socket\0'); at >= 0; at = text.indexOf('\0socket\0'))
      text.write('sockex', at + 1);
    const object = loadObject('x.o', text);
    assert.ok(object.ok);
    const third = program(object.value, 'third');
    assert.equal(third.problem?.code, 'unknown-program-section');
    assert.match(third.problem.message, /missing BPF prog type, check ELF section name 'sockex'/);
    assert.equal(program(object.value, 'first').problem, undefined);
    const relaxed = loadObject('x.o', text, { relaxed: true });
    assert.ok(relaxed.ok);
    assert.equal(program(relaxed.value, 'third').type, 'BPF_PROG_TYPE_SOCKET_FILTER');
  });

  it('name the type of old objects by what old loaders knew, and by their file', () => {
    const text = Buffer.from(bytesOf('clang-19/legacy.o'));
    for (let at = text.indexOf('xdp_drop'); at >= 0; at = text.indexOf('xdp_drop'))
      text.write('7/2_drop', at);
    const typeIn = (file: string): string => {
      const object = loadObject(file, text, { relaxed: true });
      assert.ok(object.ok);
      return object.value.programs[0].type;
    };
    assert.equal(typeIn('xdp/lb.o'), 'BPF_PROG_TYPE_SCHED_CLS');
    assert.equal(typeIn('tc/bpf_xdp.o'), 'BPF_PROG_TYPE_XDP');
  });

  it('say what a relocation on the wrong instruction is', () => {
    const bytes = changed('clang-19/heartbeat.o', (_, view) => {
      // The first relocation of the program is moved to a move instruction.
      view.setBigUint64(section('clang-19/heartbeat.o', '.relxdp'), 0n, true);
    });
    const object = loadObject('x.o', bytes);
    assert.ok(object.ok);
    assert.equal(program(object.value, 'start').problem?.code, 'unsupported-relocation');
  });

  it('say that a map type is unknown', () => {
    const good = bytesOf('clang-19/maps.o');
    const btf = section('clang-19/maps.o', '.BTF');
    const view = new DataView(good.buffer, good.byteOffset);
    const typeEnd = btf + 24 + view.getUint32(btf + 12, true);
    // The bloom filter's number 30 stands as the length of an array type.
    const bytes = changed('clang-19/maps.o', (_, v) => {
      for (let at = btf + 24; at < typeEnd; at += 4)
        if (v.getUint32(at, true) === 30 && v.getUint32(at + 4, true) !== 30) v.setUint32(at, 200, true);
    });
    const object = loadObject('x.o', bytes);
    assert.ok(!object.ok);
    assert.match(object.problem.message, /unknown map type 200|malformed|refers/);
  });

  for (const name of ['heartbeat', 'maps', 'globals', 'core', 'externs']) {
    it(`never throw, however ${name}.o is cut or changed`, () => {
      const good = bytesOf(`clang-19/${name}.o`);
      const options: LoadOptions = { kernelBtf: kernelBtf('clang-19') };
      for (let length = 0; length < good.length; length += 61) {
        assert.equal(loadObject('x.o', good.subarray(0, length), options).ok, false);
      }
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
          fc.boolean(),
          (changes, relaxed) => {
            const bytes = new Uint8Array(good);
            for (const [offset, value] of changes) bytes[offset] = value;
            const object = loadObject('x.o', bytes, { ...options, relaxed });
            if (!object.ok) return assert.ok(object.problem.code !== '' && object.problem.message !== '');
            for (const spec of object.value.programs) {
              for (const slot of spec.references.keys()) assert.ok(slot < spec.insns.length);
            }
          },
        ),
        { numRuns: 400 },
      );
    });
  }
});
