/** Compiling saved and unsaved text, with clang where there is one and with the zig that npm installs. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { compile } from '../../runtime/host/compiler';
import { findCompiler, type Compiler } from '../../runtime/host/findCompiler';
import { vmlinuxFolder } from '../../runtime/host/vmlinuxHeader';
import { findProfile } from '../../runtime/spec/profile';
import { assert as sure } from '../../runtime/util/assert';
import { example } from '../support/paths';

const profile = findProfile('6.12');
const types = async (): Promise<string | undefined> => profile && vmlinuxFolder(profile);
const NOWHERE = path.join(os.tmpdir(), 'bpf-studio-no-such-folder');

async function zig(): Promise<Compiler> {
  const found = await findCompiler({ path: '' });
  sure(found.ok, 'zig comes with the development dependencies');
  return found.value;
}

/** clang when there is one, else zig. */
async function best(): Promise<Compiler> {
  const found = await findCompiler();
  sure(found.ok, 'a compiler');
  return found.value;
}

describe('the compiler', () => {
  it('is zig when there is no clang, and it compiles the examples', async () => {
    const compiler = await zig();
    assert.equal(compiler.kind, 'zig');
    for (const name of ['heartbeat.bpf.c', 'flow_expiry.bpf.c']) {
      const outcome = await compile(compiler, { file: example(name), flags: [], vmlinuxFolder: types });
      assert.deepEqual(outcome.problem, undefined);
      assert.deepEqual(outcome.diagnostics, []);
    }
  });

  it('compiles the examples on a machine without any system headers', async () => {
    for (const compiler of [await zig(), await best()]) {
      // Keeps clang away from its built-in system folders.
      const flags = compiler.kind === 'clang' ? ['-nostdlibinc'] : [];
      for (const name of fs.readdirSync(example('.')).filter((file) => file.endsWith('.bpf.c'))) {
        const outcome = await compile(compiler, {
          file: example(name),
          flags,
          vmlinuxFolder: types,
          systemFolder: NOWHERE,
        });
        assert.equal(
          outcome.problem,
          undefined,
          `${name} with ${compiler.version}: ${outcome.problem?.message}`,
        );
      }
    }
  });

  it('puts our headers before system headers that are too old for timers', async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-test-'));
    try {
      fs.mkdirSync(path.join(dir, 'linux'));
      fs.mkdirSync(path.join(dir, 'bpf'));
      fs.writeFileSync(path.join(dir, 'linux', 'bpf.h'), '#error too old\n');
      fs.writeFileSync(path.join(dir, 'bpf', 'bpf_helpers.h'), '#error too old\n');
      fs.writeFileSync(path.join(dir, 'bpf', 'bpf_helper_defs.h'), '#error too old\n');
      const outcome = await compile(await zig(), {
        file: example('heartbeat.bpf.c'),
        flags: [],
        vmlinuxFolder: types,
        systemFolder: dir,
      });
      assert.equal(outcome.problem, undefined);
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  });

  it('makes the same object of unsaved text as of the saved file', async () => {
    const file = example('heartbeat.bpf.c');
    const text = fs.readFileSync(file, 'utf8');
    for (const compiler of [await zig(), await best()]) {
      const saved = await compile(compiler, { file, flags: [] });
      const unsaved = await compile(compiler, { file, text, flags: [] });
      assert.ok(saved.object && unsaved.object);
      assert.deepEqual(Buffer.from(unsaved.object), Buffer.from(saved.object));
    }
  });

  it('names the real file and line for mistakes in unsaved text', async () => {
    const text = 'int f(void)\n{\n\treturn missing_name;\n}\n';
    for (const compiler of [await zig(), await best()]) {
      const outcome = await compile(compiler, { file: example('new.bpf.c'), text, flags: [] });
      assert.equal(outcome.object, undefined);
      assert.equal(outcome.problem?.code, 'compile-error');
      const [first] = outcome.diagnostics;
      assert.deepEqual([first.file, first.line, first.column], [example('new.bpf.c'), 3, 9]);
      assert.match(first.message, /missing_name/);
    }
  });

  it('finds headers beside the file for unsaved text', async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-test-'));
    try {
      fs.writeFileSync(path.join(dir, 'mine.h'), '#define VALUE 7\n');
      const text = '#include "mine.h"\nint value = VALUE;\n';
      const outcome = await compile(await best(), { file: path.join(dir, 'a.bpf.c'), text, flags: [] });
      assert.equal(outcome.problem, undefined);
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  });

  it('that is not there is a problem with a remedy', async () => {
    const none = await findCompiler({ path: '', ownZig: false });
    assert.ok(!none.ok);
    assert.equal(none.problem.code, 'no-compiler');
    assert.match(none.problem.remedy ?? '', /apt install clang/);
    const wrong = await findCompiler({ compilerPath: '/bin/false' });
    assert.ok(!wrong.ok);
    assert.equal(wrong.problem.code, 'compiler-unusable');
  });

  it('is stopped when cancelled, and nothing of it stays behind', async () => {
    const controller = new AbortController();
    const running = compile(await best(), {
      file: example('heartbeat.bpf.c'),
      flags: [],
      signal: controller.signal,
    });
    controller.abort();
    const outcome = await running;
    assert.equal(outcome.cancelled, true);
    assert.equal(outcome.object, undefined);
  });

  it('cannot read a file that is not there: one problem', async () => {
    const outcome = await compile(await best(), { file: '/nowhere/x.bpf.c', flags: [] });
    assert.equal(outcome.problem?.code, 'file-unreadable');
  });
});
