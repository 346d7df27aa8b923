/** From names on the command line to files. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { expandInputs, globSource } from '../../runtime/host/inputs';

const ELF_BPF = Buffer.from([
  0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 247, 0, 1, 0, 0, 0,
]);

describe('inputs', () => {
  let dir: string;
  before(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-test-'));
    fs.mkdirSync(path.join(dir, 'sub'));
    fs.mkdirSync(path.join(dir, 'node_modules'));
    fs.writeFileSync(path.join(dir, 'b.bpf.c'), '');
    fs.writeFileSync(path.join(dir, 'sub/a.bpf.c'), '');
    fs.writeFileSync(path.join(dir, 'node_modules/n.bpf.c'), '');
    fs.writeFileSync(path.join(dir, 'b.bpf.o'), ELF_BPF);
    fs.writeFileSync(path.join(dir, 'other.o'), ELF_BPF);
    fs.writeFileSync(path.join(dir, 'host.o'), Buffer.alloc(64));
    fs.writeFileSync(path.join(dir, 'main.c'), '');
  });
  after(() => fs.rmSync(dir, { recursive: true }));

  it('of a folder are its BPF sources and the BPF objects that have none, in order', () => {
    const found = expandInputs(['.'], dir);
    assert.deepEqual(found, { ok: true, value: ['b.bpf.c', 'other.o', path.join('sub', 'a.bpf.c')] });
  });

  it('are taken as they are when they are files, once each', () => {
    assert.deepEqual(expandInputs(['main.c', 'main.c'], dir), { ok: true, value: ['main.c'] });
  });

  it('may be globs', () => {
    assert.deepEqual(expandInputs(['**/*.bpf.c'], dir), { ok: true, value: ['b.bpf.c', 'sub/a.bpf.c'] });
    assert.deepEqual(expandInputs(['*.{o,c}'], dir), {
      ok: true,
      value: ['b.bpf.c', 'b.bpf.o', 'host.o', 'main.c', 'other.o'],
    });
  });

  it('that are not there are one clear problem', () => {
    const missing = expandInputs(['nothing.o'], dir);
    assert.equal(missing.ok, false);
    assert.match(missing.ok ? '' : missing.problem.message, /nothing\.o: no such file/);
    assert.equal(expandInputs(['*.nothing'], dir).ok, false);
    assert.equal(expandInputs(['sub/../node_modules'], dir).ok, true);
  });

  it('match globs as a shell does', () => {
    const matches = (pattern: string, text: string): boolean =>
      new RegExp(`^${globSource(pattern)}$`).test(text);
    assert.ok(matches('a*.c', 'abc.c'));
    assert.ok(!matches('a*.c', 'a/b.c'));
    assert.ok(matches('a/**/b', 'a/x/y/b'));
    assert.ok(matches('a/**/b', 'a/b'));
    assert.ok(matches('[ab].c', 'b.c'));
    assert.ok(!matches('[!ab].c', 'b.c'));
    assert.ok(matches('x.{c,o}', 'x.o'));
    assert.ok(!matches('a.c', 'abc'));
  });
});
