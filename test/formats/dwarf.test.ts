/**
 * The DWARF reader against one C file compiled by three clangs (versions 4 and 5, both byte orders) and zig. What is
 * expected is read off the C source beside the objects, not off the reader.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { readElf } from '../../runtime/elf/readElf';
import { readDwarf, type DwarfRelocation, type DwarfSections } from '../../runtime/dwarf/readDwarf';
import type { DwarfFunction, DwarfInfo, DwarfScope, DwarfVariable } from '../../runtime/dwarf/types';
import { fixture } from '../support/paths';

const OBJECTS = ['clang14-v5', 'clang16-v4', 'clang19-v5', 'clang19-eb', 'zig-v4'];

function sectionsOf(name: string): DwarfSections {
  const elf = readElf(name, readFileSync(fixture(join('dwarf', `scopes-${name}.o`))));
  assert.ok(elf.ok);
  const sections = new Map<string, Uint8Array>();
  const relocations = new Map<string, DwarfRelocation[]>();
  for (const section of elf.value.sections) {
    if (!section.name.startsWith('.debug_')) continue;
    sections.set(section.name, section.data);
    relocations.set(
      section.name,
      (elf.value.relocations.get(section.index) ?? []).map((r) => ({
        offset: r.offset,
        sizeBytes: r.type === 2 ? 8 : 4,
        section: elf.value.sections[r.symbol.section]?.name ?? '',
        addend: r.symbol.value,
      })),
    );
  }
  return { littleEndian: elf.value.littleEndian, sections, relocations };
}

function infoOf(name: string): DwarfInfo {
  const result = readDwarf(name, sectionsOf(name));
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.value;
}

function functionNamed(info: DwarfInfo, name: string): DwarfFunction {
  const found = info.functions.find((f) => f.name === name);
  assert.ok(found, `function ${name}`);
  return found;
}

function variableNamed(scope: DwarfScope, name: string): DwarfVariable {
  const found = scope.variables.find((v) => v.name === name);
  assert.ok(found, `variable ${name}`);
  return found;
}

/** Every scope below one, depth first. */
function scopesOf(scope: DwarfScope): DwarfScope['scopes'][number][] {
  return scope.scopes.flatMap((s) => [s, ...scopesOf(s)]);
}

describe('DWARF reader', () => {
  for (const object of OBJECTS) {
    describe(object, () => {
      const info = infoOf(object);

      it('finds each function in its own section with file and line', () => {
        const places = info.functions.map((f) => [f.name, f.section, f.line]);
        assert.deepEqual(places.sort(), [
          ['classify', 'tc', 9],
          ['pass', 'xdp', 21],
          ['sub', '.text', 8],
        ]);
        for (const f of info.functions) {
          assert.match(f.file, /^\/src\/scopes\.bpf\.c$/);
          assert.equal(f.ranges[0].low, 0);
          assert.ok(f.ranges[0].high > 0 && f.ranges[0].high % 8 === 0);
        }
      });

      it('maps lines to addresses of the right section, with columns', () => {
        const lookup = info.lines.filter((l) => l.section === 'tc' && l.line === 13 && !l.endSequence);
        assert.ok(lookup.length > 0);
        assert.ok(lookup.some((l) => l.column > 0));
        assert.ok(info.lines.some((l) => l.section === 'xdp' && l.line === 21 && l.isStatement));
        assert.ok(info.lines.some((l) => l.section === '.text' && l.line === 8));
        for (const l of info.lines) assert.equal(l.address % 8, 0);
      });

      it('reads parameters with their types and register locations', () => {
        const skb = variableNamed(functionNamed(info, 'classify'), 'skb');
        assert.equal(skb.kind, 'parameter');
        const pointer = info.types[skb.type];
        assert.equal(pointer.kind, 'pointer');
        const target = info.types[pointer.kind === 'pointer' ? pointer.target : -1];
        assert.ok(target.kind === 'struct' && target.name === '__sk_buff');
        assert.deepEqual(skb.locations[0], {
          range: { low: 0, high: 8 },
          where: { kind: 'register', register: 1 },
        });
      });

      it('keeps a variable on the stack as memory below the frame', () => {
        const key = variableNamed(functionNamed(info, 'classify'), 'key');
        // Older compilers first say in which register the value waits to be stored.
        const where = key.locations[key.locations.length - 1].where;
        assert.ok(where.kind === 'memory' && where.register === 10);
      });

      it('describes a value that was folded away as a constant with its range', () => {
        const scopes = scopesOf(functionNamed(info, 'classify'));
        const i = scopes.flatMap((s) => s.variables).find((v) => v.name === 'i');
        assert.ok(i);
        const constants = i.locations.map((l) => (l.where.kind === 'constant' ? l.where.value : undefined));
        assert.deepEqual(constants.slice(0, 3), [0n, 1n, 2n]);
      });

      it('knows inlined calls, where they were made, and their variables', () => {
        const inlined = scopesOf(functionNamed(info, 'classify')).filter((s) => s.inlinedFrom);
        assert.deepEqual(
          inlined.map((s) => [s.inlinedFrom?.name, s.inlinedFrom?.callLine]),
          [['twice', 16]],
        );
        assert.deepEqual(
          inlined[0].variables.map((v) => [v.name, v.kind]),
          [
            ['x', 'parameter'],
            ['y', 'variable'],
          ],
        );
        const inSub = scopesOf(functionNamed(info, 'sub')).find((s) => s.inlinedFrom);
        assert.equal(inSub?.inlinedFrom?.callLine, 8);
      });

      it('reads structs with bit-fields and arrays', () => {
        const pair = info.types.find((t) => t.kind === 'struct' && t.name === 'pair');
        assert.ok(pair?.kind === 'struct');
        assert.equal(pair.sizeBytes, 40);
        assert.deepEqual(
          pair.members.map((m) => [m.name, m.offsetBits, m.bitSize]),
          [
            ['a', 0, 0],
            ['b', 32, 3],
            ['c', 35, 5],
            ['arr', 64, 0],
          ],
        );
        const array = info.types[pair.members[3].type];
        assert.ok(array.kind === 'array');
        assert.deepEqual(array.counts, [4]);
      });

      it('reads enumerations with their values', () => {
        const color = info.types.find((t) => t.kind === 'enum' && t.name === 'color');
        assert.ok(color?.kind === 'enum');
        assert.deepEqual(color.values, [
          { name: 'RED', value: 0n },
          { name: 'GREEN', value: 5n },
        ]);
      });

      it('places globals in their data sections', () => {
        const counter = info.globals.find((g) => g.name === 'counter');
        assert.deepEqual(counter?.locations, [{ where: { kind: 'global', section: '.data', offset: 0 } }]);
        const limit = info.globals.find((g) => g.name === 'limit');
        assert.deepEqual(limit?.locations[0].where.kind, 'global');
      });
    });
  }

  it('reports every truncation of every section as a problem or reads less, and never throws', () => {
    for (const object of ['clang19-v5', 'clang16-v4']) {
      const whole = sectionsOf(object);
      for (const [name, bytes] of whole.sections) {
        for (let size = 0; size < bytes.length; size += size < 64 ? 1 : 7) {
          const sections = new Map(whole.sections).set(name, bytes.subarray(0, size));
          const result = readDwarf(object, { ...whole, sections });
          if (!result.ok) assert.equal(result.problem.code, 'malformed-dwarf');
        }
      }
    }
  });

  it('says where a cut-off unit is cut off', () => {
    const whole = sectionsOf('clang19-v5');
    const info = whole.sections.get('.debug_info');
    assert.ok(info);
    const sections = new Map(whole.sections).set('.debug_info', info.subarray(0, 40));
    const relocations = new Map(whole.relocations).set('.debug_info', []);
    const result = readDwarf('x.o', { ...whole, sections, relocations });
    assert.ok(!result.ok);
    assert.match(result.problem.message, /cut off/);
    assert.equal(result.problem.place?.file, 'x.o');
  });

  it('survives any bytes flipped anywhere', function () {
    this.timeout(60000);
    const wholes = ['clang19-v5', 'clang16-v4'].map(sectionsOf);
    fc.assert(
      fc.property(
        fc.constantFrom(...wholes),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (whole, pick, flips) => {
          const names = [...whole.sections.keys()];
          const name = names[pick % names.length];
          const bytes = (whole.sections.get(name) ?? new Uint8Array(1)).slice();
          for (const [at, value] of flips) bytes[at % bytes.length] = value;
          const result = readDwarf('flip', { ...whole, sections: new Map(whole.sections).set(name, bytes) });
          return result.ok || result.problem.code === 'malformed-dwarf';
        },
      ),
      { numRuns: 400 },
    );
  });

  it('refuses a form that it does not know, by its number', () => {
    const abbrev = Uint8Array.of(1, 0x11, 0, 0x03, 0x7e, 0, 0, 0);
    const info = Uint8Array.of(9, 0, 0, 0, 5, 0, 1, 8, 0, 0, 0, 0, 1);
    const result = readDwarf('f.o', {
      littleEndian: true,
      sections: new Map([
        ['.debug_abbrev', abbrev],
        ['.debug_info', info],
      ]),
      relocations: new Map(),
    });
    assert.ok(!result.ok);
    assert.match(result.problem.message, /form 0x7e is not known/);
  });

  it('stops reading when entries share one huge list too often', () => {
    // 4000 entries, each naming the same range list of 4000 ranges: 16 million ranges from 50 kB.
    const abbrev = Uint8Array.of(1, 0x11, 1, 0, 0, 2, 0x2e, 0, 0x55, 0x17, 0, 0, 0);
    const entries = 4000;
    const ranges = new Uint8Array(4000 * 16 + 16);
    for (let i = 0; i < 4000; i++) ranges.set([0, 0, 0, 0, 0, 0, 0, 0, 1], i * 16);
    const info = new Uint8Array(12 + entries * 5);
    new DataView(info.buffer).setUint32(0, info.length - 4, true);
    info.set([4, 0, 0, 0, 0, 0, 8, 1], 4);
    for (let i = 0; i < entries; i++) info[12 + i * 5] = 2;
    const result = readDwarf('f.o', {
      littleEndian: true,
      sections: new Map([
        ['.debug_abbrev', abbrev],
        ['.debug_info', info],
        ['.debug_ranges', ranges],
      ]),
      relocations: new Map(),
    });
    assert.ok(!result.ok);
    assert.match(result.problem.message, /too often/);
  });
});
