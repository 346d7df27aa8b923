/**
 * `npm run test:oracle [-- OBJECT…]`: judges compiled objects on real kernels and with our verifier and prints how far they
 * agree, per kernel. With `--recorded FILE` the kernels' answers come from JSON lines recorded earlier. `--list` prints every disagreement.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { repoRoot } from '../support/paths';
import { agreementRow, agreementTable, compare, judge, summarise, type Comparison } from './agreement';
import { KERNELS, qemuPresent, setUp, type KernelName } from './boot';
import { verifyOnKernel, type KernelVerdict } from './verifyObjects';

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      kernel: { type: 'string', default: KERNELS.join(',') },
      recorded: { type: 'string' },
      list: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const kernels = values.kernel.split(',') as KernelName[];
  let recorded: (KernelVerdict & { kernel_key: string })[] | undefined;
  if (values.recorded !== undefined) {
    const lines = fs.readFileSync(values.recorded, 'utf8').split('\n').filter(Boolean);
    recorded = lines.map((l) => JSON.parse(l) as KernelVerdict & { kernel_key: string });
  } else if (qemuPresent()) setUp();
  else {
    console.error('qemu-system-x86_64 is missing: apt-get install qemu-system-x86');
    return 2;
  }
  const wanted = positionals.length > 0 ? positionals : fixtureObjects();
  const rows: (readonly string[])[] = [];
  let wrong = 0;
  for (const kernel of kernels) {
    const answers = recorded
      ? recorded.filter(
          (r) =>
            (r.kernel_key === 'newest' ? '7.2' : r.kernel_key) === kernel &&
            wanted.some((w) => r.file.includes(w)),
        )
      : await verifyOnKernel(kernel, wanted);
    const byFile = new Map<string, KernelVerdict[]>();
    for (const answer of answers) byFile.set(answer.file, [...(byFile.get(answer.file) ?? []), answer]);
    const comparisons: Comparison[] = [];
    for (const [file, list] of byFile) {
      const ours = judge(file, kernel);
      for (const answer of list) {
        if (answer.prog === undefined || answer.verdict === 'kernel_crash' || answer.verdict === 'timeout')
          continue;
        comparisons.push(compare(answer, ours.get(answer.prog)));
      }
    }
    if (values.list) for (const c of comparisons) if (differs(c)) console.log(describe(kernel, c));
    const sum = summarise(comparisons);
    wrong += sum.wrongAcceptances + sum.crashes;
    // Our own fixtures agree in every verdict and every final message, or the suite fails.
    if (positionals.length === 0) wrong += sum.programs - sum.agree + sum.bothRejected - sum.sameMessage;
    rows.push(agreementRow(positionals.length === 0 ? 'fixtures' : 'objects', kernel, sum));
  }
  console.log(agreementTable(rows));
  return wrong > 0 ? 1 : 0;
}

const differs = (c: Comparison): boolean =>
  !c.otherLoad &&
  (c.kernelSays !== c.weSay ||
    (c.weSay === 'rejected' && c.ourMessage !== c.kernelMessage) ||
    (c.weSay === 'accepted' && c.ourInsns !== c.kernelInsns));

const describe = (kernel: string, c: Comparison): string =>
  `${kernel} ${path.basename(c.file)}:${c.program}: kernel ${c.kernelSays} «${c.kernelMessage}», we ${c.weSay} «${c.ourMessage}»${c.weSay === 'accepted' && c.kernelSays === 'accepted' ? ` counts ${c.kernelInsns}, ${c.ourInsns}` : ''}`;

function fixtureObjects(): string[] {
  const dir = path.join(repoRoot, 'test', 'fixtures', 'verifier');
  return fs
    .readdirSync(dir)
    .filter((f) => f.endsWith('.o'))
    .map((f) => path.join(dir, f));
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 2;
  },
);
