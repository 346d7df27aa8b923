/**
 * `npm run fuzz -- [--from SEED] [--count N] [--kernel LIST] [--list]`: generated programs judged by real kernels and by our
 * verifier. Prints the agreement per kernel; with --list every disagreement with the seed that makes it again.
 * `--minimise` instead shrinks the disagreement of the seed --from and writes it as a raw program to --out (or the screen);
 * `--soundness` runs what we accept in the model, without any kernel; `--record FILE` writes the kernels' answers, compactly.
 */
import * as fs from 'node:fs';
import { parseArgs } from 'node:util';
import { agreementLine, comparisonText, differs, finalMessage, summarise } from '../oracle/agreement';
import { KERNELS, setUp, type KernelName } from '../oracle/boot';
import { rawOnKernel, type RawAnswer } from '../oracle/rawPrograms';
import { compareRaw, profileOf } from './judge';
import { minimise } from './minimise';
import { programOf, programsFrom } from './programs';
import { tryProgram } from './soundness';

/** So many programs share a boot: an answer that takes its guest down costs no more than these. */
const BATCH = 2000;

async function judge(kernel: KernelName, from: number, count: number, list: boolean): Promise<RawAnswer[]> {
  const profile = profileOf(kernel);
  const all: RawAnswer[] = [];
  const comparisons = [];
  for (let done = 0; done < count; done += BATCH) {
    const programs = programsFrom(from + done, Math.min(BATCH, count - done));
    const answers = await rawOnKernel(kernel, programs);
    all.push(...answers);
    for (const [i, raw] of programs.entries()) {
      const c = compareRaw(raw, answers[i], profile);
      if (c === undefined) continue;
      comparisons.push(c);
      if (list && differs(c)) console.log(comparisonText(kernel, c));
    }
  }
  console.log(agreementLine(kernel, summarise(comparisons)));
  return all;
}

/** Accepted programs as their count of processed instructions, refused ones as the message. */
function compact(answer: RawAnswer): number | string | null {
  if (answer.verdict === 'ok') return answer.processed_insns ?? 0;
  if (answer.verdict !== 'fail' || (answer.error ?? '').startsWith('no answer')) return null;
  return finalMessage({ ...answer, verdict: 'fail', file: '', prog: '' });
}

function soundness(kernel: string, from: number, count: number): boolean {
  const counts = { ran: 0, notAccepted: 0, notRun: 0, fault: 0 };
  for (const raw of programsFrom(from, count)) {
    const result = tryProgram(raw, profileOf(kernel));
    counts[result.kind]++;
    if (result.kind === 'fault') console.log(`${kernel} seed ${raw.id}: ${result.message}`);
  }
  console.log(
    `${kernel}: ${counts.ran} accepted programs ran, ${counts.fault} faults, ${counts.notRun} not run, ${counts.notAccepted} not accepted`,
  );
  return counts.fault === 0;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      from: { type: 'string', default: '1' },
      count: { type: 'string', default: '1000' },
      kernel: { type: 'string', default: KERNELS.join(',') },
      list: { type: 'boolean', default: false },
      minimise: { type: 'boolean', default: false },
      soundness: { type: 'boolean', default: false },
      record: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const from = Number(values.from);
  const count = Number(values.count);
  const kernels = values.kernel.split(',') as KernelName[];
  if (values.soundness) {
    for (const kernel of kernels) if (!soundness(kernel, from, count)) process.exitCode = 1;
    return;
  }
  setUp();
  if (values.minimise) {
    const text = JSON.stringify(await minimise(kernels[0], programOf(from)));
    if (values.out === undefined) console.log(text);
    else fs.writeFileSync(values.out, `${text}\n`);
    return;
  }
  const recorded: Record<string, (number | string | null)[]> = {};
  for (const kernel of kernels)
    recorded[kernel] = (await judge(kernel, from, count, values.list)).map(compact);
  if (values.record !== undefined)
    fs.writeFileSync(values.record, `${JSON.stringify({ from, answers: recorded })}\n`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 2;
});
