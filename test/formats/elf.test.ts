/** ELF: what real compilers write is read whole; what is damaged or foreign is one problem with a place. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as fc from 'fast-check';
import { findSection, readElf } from '../../runtime/elf/readElf';
import { R_BPF, SHT, STT, type ElfFile } from '../../runtime/elf/types';
import { fixture } from '../support/paths';

const bytesOf = (name: string): Uint8Array => fs.readFileSync(fixture('objects', name));

function elfOf(name: string): ElfFile {
  const elf = readElf(name, bytesOf(name));
  assert.ok(elf.ok, elf.ok ? '' : elf.problem.message);
  return elf.value;
}

function problemCode(bytes: Uint8Array): string {
  const elf = readElf('x.o', bytes);
  return elf.ok ? 'ok' : elf.problem.code;
}

describe('the ELF reader', () => {
  for (const compiler of ['clang-14', 'clang-16', 'clang-19', 'zig', 'bpfeb']) {
    it(`reads sections, symbols and relocations as ${compiler} writes them`, () => {
      const elf = elfOf(`${compiler}/heartbeat.o`);
      assert.equal(elf.littleEndian, compiler !== 'bpfeb');
      const xdp = findSection(elf, 'xdp');
      assert.equal(xdp?.type, SHT.progbits);
      const start = elf.symbols.find((symbol) => symbol.name === 'start');
      assert.deepEqual(
        { type: start?.type, section: start?.section, value: start?.value, size: start?.sizeBytes },
        { type: STT.func, section: xdp.index, value: 0, size: xdp.sizeBytes },
      );
      const relocations = elf.relocations.get(xdp.index) ?? [];
      assert.deepEqual(
        relocations.map(({ offset, type, symbol }) => [offset, type, symbol.name]),
        [
          [0x20, R_BPF.lddw, 'beats'],
          [0x58, R_BPF.lddw, 'beats'],
          [0x88, R_BPF.lddw, '.text'],
        ],
      );
      assert.equal(relocations[0].addend, undefined);
    });
  }

  it('gives a section without bytes in the file its size in memory', () => {
    const bss = findSection(elfOf('clang-19/globals.o'), '.bss');
    assert.equal(bss?.type, SHT.nobits);
    assert.equal(bss.sizeBytes, 36);
    assert.equal(bss.data.length, 0);
  });

  it('names the kind of foreign file', () => {
    const good = bytesOf('clang-19/heartbeat.o');
    const changed = (offset: number, value: number): Uint8Array => {
      const bytes = new Uint8Array(good);
      bytes[offset] = value;
      return bytes;
    };
    assert.equal(problemCode(new Uint8Array(0)), 'not-elf');
    assert.equal(problemCode(new TextEncoder().encode('#include <linux/bpf.h>\n')), 'not-elf');
    assert.equal(problemCode(changed(4, 1)), 'elf-wrong-class');
    assert.equal(problemCode(changed(18, 62)), 'elf-wrong-machine');
    assert.equal(problemCode(changed(16, 3)), 'elf-not-relocatable');
    assert.equal(problemCode(changed(5, 9)), 'malformed-elf');
    assert.equal(problemCode(good.subarray(0, 40)), 'malformed-elf');
    assert.equal(problemCode(good), 'ok');
    const openMachine = new Uint8Array(good);
    openMachine.set([0, 0], 18);
    assert.equal(problemCode(openMachine), 'ok');
  });

  it('says where a damaged file is damaged', () => {
    const bytes = new Uint8Array(bytesOf('clang-19/heartbeat.o'));
    // The section header table is made to begin behind the end.
    new DataView(bytes.buffer).setBigUint64(40, BigInt(bytes.length), true);
    const elf = readElf('broken.o', bytes);
    assert.ok(!elf.ok);
    assert.equal(elf.problem.place?.file, 'broken.o');
    assert.equal(elf.problem.place?.offset, bytes.length);
    assert.match(elf.problem.message, /runs over the end/);
  });

  it('refuses references from one part to another that does not exist', () => {
    const good = bytesOf('clang-19/heartbeat.o');
    const view = new DataView(good.buffer, good.byteOffset, good.byteLength);
    const table = Number(view.getBigUint64(40, true));
    const elf = elfOf('clang-19/heartbeat.o');
    const headerOf = (name: string): number => table + 64 * (findSection(elf, name)?.index ?? 0);
    const broken = (change: (view: DataView) => void): string => {
      const bytes = new Uint8Array(good);
      change(new DataView(bytes.buffer));
      const result = readElf('x.o', bytes);
      return result.ok ? 'ok' : result.problem.message;
    };
    assert.match(
      broken((v) => v.setUint32(headerOf('.symtab') + 40, 999, true)),
      /not the symbols' string table/,
    );
    assert.match(
      broken((v) => v.setUint32(headerOf('.relxdp') + 44, 999, true)),
      /patches section 999/,
    );
    assert.match(
      broken((v) => v.setBigUint64(headerOf('.relxdp') + 56, 7n, true)),
      /entry size/,
    );
    assert.match(
      broken((v) => v.setBigUint64(headerOf('xdp') + 32, 1n << 40n, true)),
      /impossibly large/,
    );
    assert.match(
      broken((v) => v.setUint32(headerOf('xdp'), 0xffffff, true)),
      /string offset/,
    );
  });

  it('refuses sections that overlap, by which a small file could claim endless work', () => {
    const bytes = new Uint8Array(bytesOf('clang-19/heartbeat.o'));
    const view = new DataView(bytes.buffer);
    const table = Number(view.getBigUint64(40, true));
    for (const name of ['xdp', '.text', 'license']) {
      const header = table + 64 * (findSection(elfOf('clang-19/heartbeat.o'), name)?.index ?? 0);
      view.setBigUint64(header + 24, 0n, true);
      view.setBigUint64(header + 32, BigInt(bytes.length), true);
    }
    const elf = readElf('x.o', bytes);
    assert.ok(!elf.ok);
    assert.match(elf.problem.message, /sections overlap/);
  });

  it('answers every prefix of an object with a problem or a file, never an exception', () => {
    const good = bytesOf('clang-19/heartbeat.o');
    let problems = 0;
    for (let length = 0; length < good.length; length += 7) {
      if (problemCode(good.subarray(0, length)) !== 'ok') problems++;
    }
    // The section headers stand at the end, so no shorter file is whole.
    assert.equal(problems, Math.ceil(good.length / 7));
  });

  it('survives any bytes behind a good header', () => {
    const header = bytesOf('clang-19/heartbeat.o').subarray(0, 64);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 600 }), (tail) => {
        const bytes = new Uint8Array(64 + tail.length);
        bytes.set(header);
        bytes.set(tail, 64);
        new DataView(bytes.buffer).setBigUint64(40, 64n, true);
        readElf('x.o', bytes);
      }),
      { numRuns: 300 },
    );
  });
});
