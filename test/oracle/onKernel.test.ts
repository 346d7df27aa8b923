/** `verify --on-kernel` beside `verify`: a real kernel under QEMU and our verifier print the same. Needs what setup.sh prepares. */
import * as assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';
import { example, repoRoot } from '../support/paths';
import { kernelMoved, setUp } from './boot';

interface Answer {
  readonly results: readonly {
    readonly programs: readonly {
      readonly name: string;
      readonly kernel: string;
      readonly verdict: string;
      readonly errno: number;
      readonly message: string;
      readonly insn?: number;
      readonly source?: unknown;
      readonly diagnostic?: {
        readonly code: string;
        readonly causalPath: readonly { readonly insn: number }[];
      };
      readonly stats: { readonly processedInsns: number };
    }[];
  }[];
}

/** Runs the command line; a rejected program ends it with status 1, which is no failure here. */
function verify(...args: string[]): Answer {
  const command = [path.join(repoRoot, 'out', 'cli', 'main.js'), 'verify', ...args, '--format', 'json'];
  try {
    return JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' })) as Answer;
  } catch (error) {
    return JSON.parse((error as { stdout: string }).stdout) as Answer;
  }
}

describe('verify --on-kernel', () => {
  before(function () {
    this.timeout(300_000);
    setUp();
  });

  it('prints what verify prints: verdict, errno, message, place, path, count', () => {
    const files = [example('heartbeat.bpf.c'), example('rejected/other_map.bpf.c')];
    const facts = (answer: Answer): unknown =>
      answer.results.map((result) =>
        result.programs.map((p) => [
          p.name,
          p.kernel,
          p.verdict,
          p.errno,
          p.message,
          p.insn,
          p.source,
          p.diagnostic?.code,
          p.diagnostic?.causalPath.map((step) => step.insn),
          p.stats.processedInsns,
        ]),
      );
    const asked = facts(verify('--on-kernel', '6.12', ...files));
    const ours = facts(verify('--kernel', '6.12', ...files));
    const moved = kernelMoved('6.12');
    if (moved === undefined) assert.deepEqual(asked, ours);
    else console.log(`      kernel moved: there is ${moved}`);
  }).timeout(180_000);
});
