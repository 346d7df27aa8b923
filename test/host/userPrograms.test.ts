/** A user's own program against the headers that we provide and generate, with each compiler, for each measured kernel. */
import * as assert from 'node:assert/strict';
import { findCompiler, type Compiler } from '../../runtime/host/findCompiler';
import { compile } from '../../runtime/host/compiler';
import { loadFor } from '../../runtime/host/loadFor';
import { vmlinuxFolder } from '../../runtime/host/vmlinuxHeader';
import { PROFILES } from '../../runtime/spec/profile';
import { fixture } from '../support/paths';

describe("a user's own tracing program", () => {
  const file = fixture('host', 'tracing.bpf.c');
  const compilers: Compiler[] = [];
  before(async () => {
    for (const search of [{}, { path: '' }]) {
      const found = await findCompiler(search);
      if (found.ok && !compilers.some((c) => c.path === found.value.path)) compilers.push(found.value);
    }
    assert.ok(compilers.length > 0);
  });

  for (const profile of PROFILES.filter((p) => p.basis === 'measured')) {
    it(`compiles with our headers and relocates to ${profile.release}`, async () => {
      for (const compiler of compilers) {
        const outcome = await compile(compiler, {
          file,
          flags: ['-Werror=implicit-function-declaration'],
          vmlinuxFolder: () => vmlinuxFolder(profile),
          systemFolder: '/nowhere',
        });
        // Open-coded iterators came with Linux 6.4; before, their type is not there.
        if (profile.name === '6.1') {
          assert.match(outcome.problem?.message ?? '', /incomplete type 'struct bpf_iter_num'/);
          continue;
        }
        assert.equal(outcome.problem, undefined, `${compiler.version}: ${outcome.problem?.message}`);
        assert.deepEqual(outcome.diagnostics, [], compiler.version);
        assert.ok(outcome.object);
        const object = loadFor({ file, bytes: outcome.object, relaxed: false, btf: {} }, profile);
        assert.ok(object.ok, object.ok ? '' : object.problem.message);
        assert.equal(object.value.programs.length, 5);
        for (const program of object.value.programs) {
          assert.equal(program.problem, undefined, program.name);
          for (const reference of program.references.values()) assert.notEqual(reference.kind, 'poisoned');
        }
      }
    }).timeout(60_000);
  }
});
