/**
 * The examples against the recorded answers of real kernels: verdict, errno, final message and line, for each of the three
 * measured kernels. Recorded with `recordExamples.mjs`.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { findCompiler } from '../../runtime/host/findCompiler';
import { fixture, repoRoot } from '../support/paths';
import { cli } from './runCli';

interface Recorded {
  readonly verdict: 'accepted' | 'rejected' | 'error';
  readonly errno: number;
  readonly message: string;
  readonly insn?: number;
  readonly line?: number;
  readonly processedInsns?: number;
}

interface Program {
  readonly name: string;
  readonly kernel: string;
  readonly verdict: string;
  readonly errno: number;
  readonly message: string;
  readonly insn?: number;
  readonly stats: { readonly processedInsns: number };
  readonly source?: { file: string; line: number; column: number; endColumn: number; text: string };
  readonly diagnostic?: { code: string; category: string; reason: string; suggestion: string };
}

interface VerifyJson {
  readonly version: string;
  readonly results: readonly { file: string; compiler?: string; programs: readonly Program[] }[];
}

const recorded = JSON.parse(fs.readFileSync(fixture('examples-recorded.json'), 'utf8')) as Record<
  string,
  Record<string, Record<string, Recorded>>
>;

/** Numbers that depend on the compiler: instruction numbers, ids, stack sizes. */
const comparable = (message: string): string =>
  message.replace(/(alloc_insn|id)=\d+/g, '$1=N').replace(/(calls is) \d+/, '$1 N');

describe('the examples', () => {
  let json: VerifyJson;
  const cwd = process.cwd();
  before(async function () {
    this.timeout(120_000);
    process.chdir(repoRoot);
    const outcome = await cli('verify', 'examples', '--kernel', '6.1,6.12,7.2', '--format', 'json');
    assert.deepEqual(outcome.errors, []);
    assert.equal(outcome.status, 1, 'some of them are rejected');
    json = JSON.parse(outcome.out) as VerifyJson;
  });
  after(() => process.chdir(cwd));

  it('are all judged, and all recorded', () => {
    const judged = json.results.map((result) => result.file).sort();
    assert.deepEqual(judged, Object.keys(recorded).sort());
    for (const result of json.results) assert.ok(result.compiler, result.file);
  });

  for (const [file, programs] of Object.entries(recorded)) {
    for (const [name, kernels] of Object.entries(programs)) {
      for (const [kernel, truth] of Object.entries(kernels)) {
        it(`${file} on ${kernel}: ${truth.verdict}${truth.message ? `, "${truth.message}"` : ''}`, () => {
          const result = json.results.find((candidate) => candidate.file === file);
          const compiler = result?.compiler;
          const found = result?.programs.find(
            (p) => (name === '*' || p.name === name) && p.kernel === kernel,
          );
          assert.ok(found, 'there is a verdict');
          assert.deepEqual(
            { verdict: found.verdict, message: comparable(found.message) },
            { verdict: truth.verdict, message: comparable(truth.message) },
          );
          if (truth.verdict !== 'error') assert.equal(found.errno, truth.errno);
          if (truth.line !== undefined) assert.equal(found.source?.line, truth.line);
          // Counts and slots are those of the compiler that the kernels' objects were made with.
          if (compiler?.startsWith('clang 19.')) {
            if (truth.processedInsns !== undefined) {
              assert.equal(found.stats.processedInsns, truth.processedInsns);
            }
            if (truth.insn !== undefined) assert.equal(found.insn, truth.insn);
          }
          if (truth.verdict === 'rejected') {
            assert.ok(found.diagnostic, 'it is explained');
            assert.match(found.diagnostic.code, /^[a-z0-9]+(-[a-z0-9]+)*$/);
            assert.notEqual(found.diagnostic.reason, '');
          }
          if (found.source) {
            const { column, endColumn, text, line } = found.source;
            assert.equal(found.source.file, file);
            assert.ok(
              column >= 1 && endColumn > column && endColumn <= text.length + 1,
              JSON.stringify(found.source),
            );
            const lines = fs.readFileSync(path.join(repoRoot, file), 'utf8').split('\n');
            assert.equal(text, lines[line - 1]);
          }
        });
      }
    }
  }

  it('get the same verdicts when zig compiles them, as on a machine with only Node', async () => {
    const zig = await findCompiler({ path: '' });
    assert.ok(zig.ok && zig.value.kind === 'zig');
    const outcome = await cli('verify', 'examples', '--format', 'json', '--compiler', zig.value.path);
    assert.deepEqual(outcome.errors, []);
    for (const { file, programs } of (JSON.parse(outcome.out) as VerifyJson).results) {
      for (const found of programs) {
        const truth = (recorded[file][found.name] ?? recorded[file]['*'])['6.12'];
        assert.deepEqual(
          [file, found.verdict, comparable(found.message)],
          [file, truth.verdict, comparable(truth.message)],
        );
        if (truth.line !== undefined) assert.equal(found.source?.line, truth.line, file);
      }
    }
  }).timeout(120_000);

  it('say at their top what was recorded', () => {
    for (const [file, programs] of Object.entries(recorded)) {
      if (!file.startsWith('examples/rejected/')) continue;
      const text = fs.readFileSync(path.join(repoRoot, file), 'utf8');
      for (const kernels of Object.values(programs)) {
        for (const [kernel, truth] of Object.entries(kernels)) {
          const what = truth.verdict === 'accepted' ? 'accepted' : `${truth.verdict}: ${truth.message}`;
          const said = text.split('\n').some((line) => {
            const parts = /^ \* expect on ([\d., ]+): (.*)$/.exec(line);
            return parts !== null && parts[1].split(', ').includes(kernel) && parts[2] === what;
          });
          assert.ok(said, `${file} does not say "expect on ${kernel}: ${what}"`);
        }
      }
    }
  });
});
