/** A user's own program against the headers that we provide and generate, with each compiler, for each measured kernel. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { findCompiler, type Compiler } from '../../runtime/host/findCompiler';
import { compile } from '../../runtime/host/compiler';
import { compilerHint } from '../../runtime/host/compilerDiagnostics';
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

describe('our headers beside others', () => {
  const compileText = async (text: string, systemFolder?: string): Promise<string> => {
    const found = await findCompiler({});
    assert.ok(found.ok);
    const profile = PROFILES.find((p) => p.name === '6.12');
    assert.ok(profile);
    const outcome = await compile(found.value, {
      file: fixture('host', 'unsaved.bpf.c'),
      text,
      // Without the folders that clang searches by itself.
      flags: ['-Werror=implicit-function-declaration', '-nostdlibinc'],
      vmlinuxFolder: () => vmlinuxFolder(profile),
      systemFolder,
    });
    return outcome.problem?.message ?? 'compiled';
  };

  it('give way to ours where the installed ones are older than the kernel asked for', async () => {
    const system = fs.mkdtempSync(path.join(os.tmpdir(), 'old-headers-'));
    try {
      fs.mkdirSync(path.join(system, 'linux'));
      fs.writeFileSync(
        path.join(system, 'linux', 'bpf.h'),
        'typedef unsigned char __u8; typedef unsigned short __u16, __be16, __sum16; typedef unsigned __u32, __be32, __wsum;\n' +
          'typedef int __s32; typedef long long __s64; typedef unsigned long long __u64; struct bpf_timer { __u64 opaque[2]; };\n',
      );
      const program = (flag: string): string =>
        `#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nSEC("xdp") int prog(struct xdp_md *ctx) { return ${flag}; }\n`;
      assert.equal(await compileText(program('BPF_F_TIMER_CPU_PIN'), system), 'compiled');
      assert.match(await compileText(program('BPF_F_NO_SUCH_FLAG'), system), /BPF_F_NO_SUCH_FLAG/);
    } finally {
      fs.rmSync(system, { recursive: true });
    }
  }).timeout(20_000);

  it('say how to add the folder of a header that is not found', () => {
    assert.match(compilerHint("'bpf/vmlinux.h' file not found") ?? '', /-I.*compile_commands\.json/);
    assert.equal(compilerHint("expected ';' after expression"), undefined);
  });

  it('know both spellings of the byte-order macros, and arguments by pairs of type and name', async () => {
    const text = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
struct pair { long first; int second; };
_Static_assert(__bpf_constant_htons(0x0102) == 0x0201 && __bpf_ntohl(1) == 0x01000000, "swapped");
SEC("fentry/bpf_fentry_test1") int BPF_PROG2(one, int, a) { return a; }
SEC("fentry/bpf_fentry_test2") int BPF_PROG2(three, struct pair, p, char, b, unsigned long long, c) { return p.second + b + c; }
char _license[] SEC("license") = "GPL";
`;
    assert.equal(await compileText(text, '/nowhere'), 'compiled');
  }).timeout(20_000);
});
