/**
 * Records what the real kernels say of the rule book's fixtures: `node out/test/oracle/recordRules.js [FILE…]` judges the named
 * objects of `test/fixtures/rulebook` (all without arguments) and merges the answers into its `recorded.json`. Not a test.
 *
 * A source's first line may narrow the kernels, `// kernel: 6.12,7.2`: its programs use what older kernels do not know.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { BtfType } from '../../runtime/btf/types';
import { lazyKernelBtf } from '../../runtime/host/loadFor';
import { findProfile } from '../../runtime/spec/profile';
import { fixture } from '../support/paths';
import { rawRules } from '../support/rawRules';
import { finalMessage } from './agreement';
import { KERNELS, setUp, type KernelName } from './boot';
import { rawOnKernel } from './rawPrograms';
import { verifyOnKernel } from './verifyObjects';

const VERDICTS = { ok: 'accepted', fail: 'rejected' } as const;
const folder = fixture('rulebook');
const recordedFile = path.join(folder, 'recorded.json');

type Recorded = Record<string, Record<string, Record<string, unknown>>>;

/** The bare programs of `raw.json`, recorded under this name. */
const RAW = 'raw';

/** What the guest's loader says when the kernel did not take the types beside a program: no verifier saw it. */
const TYPES_REFUSED = 'BTF refused';

function kernelTypes(kernel: KernelName): readonly BtfType[] {
  const profile = findProfile(kernel);
  return profile === undefined ? [] : (lazyKernelBtf(profile, {}).kernelBtf?.types ?? []);
}

async function recordRaw(recorded: Recorded): Promise<void> {
  for (const kernel of KERNELS) {
    const programs = rawRules(kernelTypes(kernel));
    for (const answer of await rawOnKernel(kernel, programs)) {
      const { verdict } = answer;
      if (answer.error === TYPES_REFUSED) {
        const refused = { verdict: 'error', errno: answer.errno ?? 0, message: TYPES_REFUSED, insns: 0 };
        ((recorded[RAW] ??= {})[String(answer.id)] ??= {})[kernel] = refused;
        continue;
      }
      if (verdict !== 'ok' && verdict !== 'fail') {
        console.error(`not recorded: ${RAW}/${answer.id}: ${verdict} ${answer.error ?? ''} on ${kernel}`);
        continue;
      }
      ((recorded[RAW] ??= {})[String(answer.id)] ??= {})[kernel] = row(answer, verdict);
    }
  }
}

interface Answer {
  readonly errno?: number;
  readonly error?: string;
  readonly messages?: string;
  readonly processed_insns?: number;
}

const row = (answer: Answer, verdict: 'ok' | 'fail'): Record<string, unknown> => ({
  verdict: VERDICTS[verdict],
  errno: answer.errno ?? 0,
  message: verdict === 'ok' ? '' : finalMessage(answer),
  ...(verdict === 'fail' ? linesBefore(answer) : {}),
  insns: answer.processed_insns ?? 0,
});

async function main(): Promise<void> {
  setUp();
  const present = [
    RAW,
    ...fs
      .readdirSync(folder)
      .filter((f) => f.endsWith('.bpf.c'))
      .map((f) => f.replace(/\.bpf\.c$/, '')),
  ];
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : present;
  const recorded: Recorded = fs.existsSync(recordedFile)
    ? (JSON.parse(fs.readFileSync(recordedFile, 'utf8')) as Recorded)
    : {};
  for (const name of [...Object.keys(recorded), ...wanted])
    if (wanted.includes(name) || !present.includes(name)) delete recorded[name];
  for (const kernel of KERNELS) {
    const names = wanted.filter((name) => {
      if (name === RAW) return false;
      const first = fs.readFileSync(path.join(folder, `${name}.bpf.c`), 'utf8').split('\n', 1)[0];
      const tag = /^\/\/ kernel: ([\d.,]+)$/.exec(first);
      return tag === null || tag[1].split(',').includes(kernel);
    });
    const files = names.map((name) => path.join(folder, `${name}.bpf.o`));
    if (files.length === 0) continue;
    for (const answer of await verifyOnKernel(kernel, files)) {
      const name = path.basename(answer.file).replace(/\.bpf\.o$/, '');
      const { verdict } = answer;
      if (
        answer.prog === undefined ||
        !(verdict === 'ok' || verdict === 'fail' || verdict === 'libbpf_error')
      ) {
        console.error(
          `not recorded: ${name}/${answer.prog}: ${answer.verdict} ${answer.error ?? ''} on ${kernel}`,
        );
        process.exitCode = 1;
        continue;
      }
      // What libbpf refuses never reached the kernel.
      if (verdict === 'libbpf_error') {
        console.error(`left out: ${name}/${answer.prog}: ${finalMessage(answer)} on ${kernel}`);
        continue;
      }
      ((recorded[name] ??= {})[answer.prog] ??= {})[kernel] = row(answer, verdict);
    }
  }
  if (wanted.includes(RAW)) await recordRaw(recorded);
  fs.writeFileSync(recordedFile, recordedText(recorded));
}

/** What a kernel says in front of its final message, when that is its own words too. */
function linesBefore(answer: Answer): { before?: string[] } {
  const lines = (answer.messages ?? '').split('\n').filter((l) => l.trim() !== '');
  const before = lines.slice(0, -1).filter((l) => !/^(processed \d|\d+: |from \d|;|func#|R\d+=)/.test(l));
  return before.length > 0 ? { before } : {};
}

/** One line a program and kernel, sorted by file: small differences, easy merges. */
function recordedText(recorded: Recorded): string {
  const files = Object.keys(recorded)
    .sort()
    .map((file) => {
      const programs = Object.entries(recorded[file]).map(([program, kernels]) => {
        const rows = Object.entries(kernels).map(
          ([k, v]) => `      ${JSON.stringify(k)}: ${JSON.stringify(v)}`,
        );
        return `    ${JSON.stringify(program)}: {\n${rows.join(',\n')}\n    }`;
      });
      return `  ${JSON.stringify(file)}: {\n${programs.join(',\n')}\n  }`;
    });
  return `{\n${files.join(',\n')}\n}\n`;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
