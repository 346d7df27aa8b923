/**
 * `npm run test:oracle [-- PATH…]`: how far our verifier agrees with real kernels, as a table: our own fixtures and generated
 * sequences, or the compiled objects at PATH (files or folders). `--generated N` sets how many sequences (seeds from `--from`),
 * `--list` prints every disagreement. With `--recorded FILE` the kernels' answers about objects whose names contain a PATH come
 * from JSON lines recorded earlier. Status 1 when something is wrongly accepted, crashes, or a fixture differs.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { compareRaw, profileOf } from '../fuzz/judge';
import { mixedPrograms } from '../fuzz/programs';
import {
  agreementRow,
  agreementTable,
  compare,
  comparisonText,
  differs,
  judge,
  summarise,
  type Agreement,
  type Comparison,
} from '../oracle/agreement';
import { kernelMoved, KERNELS, qemuPresent, setUp, type KernelName } from '../oracle/boot';
import { rawOnKernel } from '../oracle/rawPrograms';
import { verifyOnKernel, type KernelVerdict } from '../oracle/verifyObjects';
import { repoRoot } from '../support/paths';

/** As the recording tool prints it: with the kernel that was asked. */
type RecordedVerdict = KernelVerdict & { readonly kernel_key: string };

const FIXTURES = ['verifier', 'rulebook'].map((name) => path.join(repoRoot, 'test', 'fixtures', name));
/** Fixtures of the rule book that we judge otherwise, with what we say: `topic/program kernel`. */
const GAPS = path.join(repoRoot, 'test', 'fixtures', 'rulebook', 'gaps.json');
const GENERATED = 500;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      kernel: { type: 'string', default: KERNELS.join(',') },
      recorded: { type: 'string' },
      generated: { type: 'string' },
      from: { type: 'string', default: '1' },
      list: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  if (values.recorded === undefined) {
    if (!qemuPresent()) {
      console.error('qemu-system-x86_64 is missing: apt-get install qemu-system-x86');
      return 2;
    }
    setUp();
  }
  const own = positionals.length === 0;
  const recorded = values.recorded === undefined ? undefined : readRecorded(values.recorded);
  const files = recorded ? [] : (own ? FIXTURES : positionals).flatMap(objectsAt);
  const generated = Number(values.generated ?? (own && !recorded ? GENERATED : 0));
  const marks = new Set(Object.keys(JSON.parse(fs.readFileSync(GAPS, 'utf8')) as Record<string, string>));
  const rows: (readonly string[])[] = [];
  let wrong = 0;
  for (const kernel of values.kernel.split(',') as KernelName[]) {
    const answers = recorded
      ? recorded.filter((r) => isFor(r, kernel) && (own || positionals.some((part) => r.file.includes(part))))
      : await verifyOnKernel(kernel, files);
    const comparisons = compareObjects(answers, kernel);
    if (values.list) list(kernel, comparisons);
    const sum = summarise(comparisons);
    const moved = recorded === undefined ? kernelMoved(kernel) : undefined;
    if (moved !== undefined)
      console.log(`kernel moved: profile ${kernel} is judged by ${moved}; differences do not fail`);
    const before = wrong;
    // Our own fixtures agree in every verdict and every final message, but for those that are marked.
    if (own) wrong += comparisons.filter((c) => isWrong(c) && !marks.has(`${fixtureOf(c)} ${kernel}`)).length;
    else wrong += sum.wrongAcceptances + sum.crashes;
    rows.push(agreementRow(own ? 'fixtures' : 'objects', kernel, sum));
    if (generated > 0) {
      const sequences = await judgeGenerated(kernel, Number(values.from), generated, values.list);
      wrong += sequences.wrongAcceptances + sequences.crashes;
      rows.push(agreementRow('generated', kernel, sequences));
    }
    if (moved !== undefined) wrong = before;
  }
  console.log(agreementTable(rows));
  return wrong > 0 ? 1 : 0;
}

const isWrong = (c: Comparison): boolean =>
  !c.otherLoad && (c.kernelSays !== c.weSay || (c.weSay === 'rejected' && c.ourMessage !== c.kernelMessage));

const fixtureOf = (c: Comparison): string => `${path.basename(c.file, '.bpf.o')}/${c.program}`;

function readRecorded(file: string): RecordedVerdict[] {
  const lines = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as RecordedVerdict);
}

const isFor = ({ kernel_key: key }: RecordedVerdict, kernel: KernelName): boolean =>
  (key === 'newest' ? '7.2' : key) === kernel;

/** A file itself, or the objects below a folder, by name. */
function objectsAt(place: string): string[] {
  if (!fs.statSync(place).isDirectory()) return [place];
  const names = fs.readdirSync(place, { recursive: true }).map(String);
  return names
    .filter((name) => name.endsWith('.o'))
    .sort()
    .map((name) => path.join(place, name));
}

function compareObjects(answers: readonly KernelVerdict[], kernel: KernelName): Comparison[] {
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
  return comparisons;
}

async function judgeGenerated(
  kernel: KernelName,
  from: number,
  count: number,
  listed: boolean,
): Promise<Agreement> {
  const programs = mixedPrograms(from, count);
  const answers = await rawOnKernel(kernel, programs);
  const profile = profileOf(kernel);
  const comparisons = programs.flatMap((raw, i) => compareRaw(raw, answers[i], profile) ?? []);
  if (listed) list(kernel, comparisons);
  return summarise(comparisons);
}

function list(kernel: KernelName, comparisons: readonly Comparison[]): void {
  for (const c of comparisons) if (differs(c)) console.log(comparisonText(kernel, c));
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
