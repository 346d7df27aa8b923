/** Recorded compile commands. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { compileCommandFor } from '../../runtime/host/compileCommands';

describe('compile_commands.json', () => {
  let dir: string;
  beforeEach(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-test-'));
    fs.mkdirSync(path.join(dir, 'src'));
  });
  afterEach(() => fs.rmSync(dir, { recursive: true }));
  const write = (text: string): void => fs.writeFileSync(path.join(dir, 'compile_commands.json'), text);
  const file = (): string => path.join(dir, 'src', 'a.c');

  it('gives the flags of the file that pass the allowlist', () => {
    write(
      JSON.stringify([
        { directory: '.', file: 'src/b.c', arguments: ['cc', '-DNO'] },
        { directory: '.', file: 'src/a.c', command: 'clang --target=bpf -Iinc -fplugin=x.so -c src/a.c' },
      ]),
    );
    const command = compileCommandFor(file());
    assert.ok(command.ok && command.value);
    assert.deepEqual(command.value.accepted, ['-I', path.join(dir, 'inc')]);
    assert.deepEqual(command.value.refused, ['-fplugin=x.so']);
    assert.equal(command.value.targetsBpf, true);
  });

  it('without an entry for the file has nothing to say', () => {
    write('[]');
    assert.deepEqual(compileCommandFor(file()), { ok: true, value: undefined });
  });

  it('that is damaged is one clear problem', () => {
    for (const text of ['{', '{}', '"x"']) {
      write(text);
      const when = new Date(Date.now() + Math.random() * 1e6);
      fs.utimesSync(path.join(dir, 'compile_commands.json'), when, when);
      const command = compileCommandFor(file());
      assert.ok(!command.ok);
      assert.match(command.problem.message, /compile_commands\.json cannot be used/);
    }
    write('[1, null, {"file": 3}, {"file": "x"}]');
    const when = new Date(Date.now() + 5e6);
    fs.utimesSync(path.join(dir, 'compile_commands.json'), when, when);
    assert.equal(compileCommandFor(file()).ok, true);
  });
});
