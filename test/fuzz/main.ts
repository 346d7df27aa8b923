/**
 * `npm run fuzz -- [--generator LIST] [--from SEED] [--count N] [--kernel LIST] [--list]`: generated programs judged by real kernels
 * and by our verifier. Prints the agreement per generator and kernel; with --list the disagreements, alike ones together, with seeds
 * that make them again. `--objects PATH…` names the objects that `mutations` changes; `--answers DIR` keeps the kernels' answers.
 * `--minimise` instead shrinks the disagreement of the seed --from and writes it as a raw program to --out (or the screen);
 * `--program` only writes the seed's program; `--soundness` runs what we accept in the model, without any kernel; `--record FILE`
 * writes the kernels' answers, compactly.
 */
import * as fs from 'node:fs';
import { parseArgs } from 'node:util';
import { agreementRow, agreementTable, differs, summarise, type Comparison } from '../oracle/agreement';
import { KERNELS, setUp, type KernelName } from '../oracle/boot';
import { answersOf, compact } from './answers';
import { compareRaw, profileOf } from './judge';
import { minimise } from './minimise';
import { GENERATORS, mutateObjects, programOf, programsFrom } from './programs';
import { tryProgram } from './soundness';

/** So many programs share a boot: an answer that takes its guest down costs no more than these. */
const BATCH = 6500;
const SEEDS_SHOWN = 4;

interface Range {
  readonly from: number;
  readonly count: number;
}
interface Judged {
  readonly comparisons: Comparison[];
  readonly compacted: (number | string | null)[];
}
type Recorded = Record<string, Range & { answers: Record<string, (number | string | null)[]> }>;

const masked = (message: string): string => message.replace(/-?\b(0x[0-9a-f]+|\d+)/g, '#');

/** Disagreements that differ in numbers only stand together. */
function differences(kernel: string, comparisons: readonly Comparison[]): string[] {
  const groups = new Map<string, Comparison[]>();
  for (const c of comparisons.filter(differs)) {
    const counts = c.kernelSays === 'accepted' && c.weSay === 'accepted' ? ' with other counts' : '';
    const key = `kernel ${c.kernelSays} «${masked(c.kernelMessage)}», we ${c.weSay} «${masked(c.ourMessage)}»${counts}`;
    groups.set(key, [...(groups.get(key) ?? []), c]);
  }
  return [...groups]
    .sort((a, b) => b[1].length - a[1].length)
    .map(([key, list]) => {
      const seeds = list.slice(0, SEEDS_SHOWN).map((c) => c.file.replace('seed ', ''));
      return `${kernel} ${list.length}x ${key}: ${seeds.join(', ')}`;
    });
}

/** One batch of seeds of all generators, judged on one kernel. */
async function judge(
  kernel: KernelName,
  generators: readonly string[],
  { from, count }: Range,
  folder: string | undefined,
  into: ReadonlyMap<string, Judged>,
): Promise<void> {
  const questions = generators.map((generator) => ({
    name: `${generator}-${from}-${count}`,
    programs: programsFrom(generator, from, count),
  }));
  const answers = await answersOf(kernel, questions, folder);
  const profile = profileOf(kernel);
  for (const [g, generator] of generators.entries()) {
    const judged = into.get(generator);
    judged?.compacted.push(...answers[g].map(compact));
    for (const [i, raw] of questions[g].programs.entries()) {
      const c = compareRaw(raw, answers[g][i], profile);
      if (c !== undefined) judged?.comparisons.push(c);
    }
  }
}

function soundness(kernel: string, generator: string, { from, count }: Range): boolean {
  const counts = { ran: 0, notAccepted: 0, notRun: 0, fault: 0 };
  for (const raw of programsFrom(generator, from, count)) {
    const result = tryProgram(raw, profileOf(kernel));
    counts[result.kind]++;
    if (result.kind === 'fault') console.log(`${generator} ${kernel} seed ${raw.id}: ${result.message}`);
  }
  console.log(
    `${generator} ${kernel}: ${counts.ran} accepted programs ran, ${counts.fault} faults, ${counts.notRun} not run, ${counts.notAccepted} not accepted`,
  );
  return counts.fault === 0;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      generator: { type: 'string', default: Object.keys(GENERATORS).join(',') },
      from: { type: 'string', default: '1' },
      count: { type: 'string', default: '1000' },
      kernel: { type: 'string', default: KERNELS.join(',') },
      objects: { type: 'string', multiple: true },
      answers: { type: 'string' },
      list: { type: 'boolean', default: false },
      program: { type: 'boolean', default: false },
      minimise: { type: 'boolean', default: false },
      soundness: { type: 'boolean', default: false },
      record: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const range = { from: Number(values.from), count: Number(values.count) };
  const kernels = values.kernel.split(',') as KernelName[];
  const generators = values.generator.split(',');
  if (values.objects !== undefined) mutateObjects(values.objects);
  if (values.soundness) {
    for (const generator of generators)
      for (const kernel of kernels) if (!soundness(kernel, generator, range)) process.exitCode = 1;
    return;
  }
  if (values.minimise || values.program) {
    const raw = programOf(generators[0], range.from);
    if (values.minimise) setUp();
    const text = JSON.stringify(values.minimise ? await minimise(kernels[0], raw) : raw);
    if (values.out === undefined) console.log(text);
    else fs.writeFileSync(values.out, `${text}\n`);
    return;
  }
  setUp();
  const recorded: Recorded = {};
  const rows: (readonly string[])[] = [];
  const batch = Math.ceil(BATCH / generators.length);
  for (const kernel of kernels) {
    const all = new Map(generators.map((g): [string, Judged] => [g, { comparisons: [], compacted: [] }]));
    for (let done = 0; done < range.count; done += batch) {
      const part = { from: range.from + done, count: Math.min(batch, range.count - done) };
      await judge(kernel, generators, part, values.answers, all);
    }
    for (const [generator, { comparisons, compacted }] of all) {
      if (values.list)
        for (const line of differences(kernel, comparisons)) console.log(`${generator} ${line}`);
      rows.push(agreementRow(generator, kernel, summarise(comparisons)));
      (recorded[generator] ??= { ...range, answers: {} }).answers[kernel] = compacted;
    }
  }
  console.log(agreementTable(rows));
  if (values.record !== undefined) fs.writeFileSync(values.record, `${JSON.stringify(recorded)}\n`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 2;
});
