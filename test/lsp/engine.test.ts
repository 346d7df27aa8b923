/** Tests of the server's engine on real input: examples compiled from unsaved text, and everything that can be wrong with it. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { verdictDiagnostics } from '../../runtime/ide/diagnostics';
import { SourceText } from '../../runtime/ide/expressionRange';
import type { AnalysisRequest, AnalysisResult } from '../../server/analysis';
import { HostAnalyzer } from '../../server/hostAnalyzer';
import { example } from '../support/paths';

describe('the server’s engine', function () {
  this.timeout(60_000);
  let engine: HostAnalyzer;
  let folder: string;
  before(() => {
    engine = new HostAnalyzer({ log: () => undefined });
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-lsp-'));
  });
  after(async () => {
    await engine.dispose();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const analyse = (
    file: string,
    text?: string,
    more: Partial<AnalysisRequest> = {},
  ): Promise<AnalysisResult> =>
    engine.analyse({
      file,
      text,
      kernels: ['6.12'],
      compilerPath: '',
      compilerFlags: [],
      kernelBtf: '',
      timeLimitMs: 50_000,
      signal: new AbortController().signal,
      ...more,
    });

  it('finds the refused expression in text that was never saved', async () => {
    const file = example('rejected/other_map.bpf.c');
    const text = `// one more line\n${fs.readFileSync(file, 'utf8')}`;
    const result = await analyse(file, text);
    assert.equal(result.outcome, 'verified');
    const source = new SourceText(text);
    const [found] = verdictDiagnostics(result.reports, file, (name) => (name === file ? source : undefined));
    const range = found.range;
    assert.equal(
      source.line(range.start.line).slice(range.start.character, range.end.character),
      'bpf_timer_init(&job->timer, &others, CLOCK_MONOTONIC)',
    );
    assert.equal(found.code, 'timer-map-mismatch');
    assert.ok(found.related.every((related) => related.file === file));
  });

  it('accepts the heartbeat on every measured kernel', async () => {
    const result = await analyse(example('heartbeat.bpf.c'), undefined, { kernels: ['6.1', '6.12', '7.2'] });
    assert.deepEqual(
      result.reports.map((r) => [r.kernel, r.verdict]),
      [
        ['6.1', 'accepted'],
        ['6.12', 'accepted'],
        ['7.2', 'accepted'],
      ],
    );
  });

  it('gives the compiler’s errors for a syntax error', async () => {
    const file = path.join(folder, 'broken.bpf.c');
    const result = await analyse(file, 'int f(void) { return 1 }\n');
    assert.equal(result.outcome, 'notCompiled');
    assert.deepEqual(
      [result.findings[0].file, result.findings[0].line, result.findings[0].severity],
      [file, 1, 'error'],
    );
  });

  it('is content with a text that has no program yet', async () => {
    const result = await analyse(path.join(folder, 'empty.bpf.c'), '\n');
    assert.deepEqual([result.outcome, result.reports], ['verified', []]);
  });

  it('says what to do where the compiler does not exist', async () => {
    const result = await analyse(path.join(folder, 'a.bpf.c'), 'int a;\n', {
      compilerPath: '/nowhere/clang',
    });
    assert.equal(result.outcome, 'noCompiler');
    assert.ok(result.problem?.remedy);
  });

  for (const [what, bytes] of [
    ['a truncated object', Buffer.from('7f454c4602010100', 'hex')],
    ['a file that is no ELF', Buffer.from('hello')],
    ['an empty file', Buffer.alloc(0)],
  ] as const) {
    it(`reports ${what} as one problem`, async () => {
      const file = path.join(folder, 'bad.bpf.o');
      fs.writeFileSync(file, bytes);
      const result = await analyse(file);
      assert.equal(result.outcome, 'failed');
      assert.match(result.problem?.message ?? '', /bad\.bpf\.o|ELF|empty/);
    });
  }

  it('stops when it is cancelled', async () => {
    const abort = new AbortController();
    const running = analyse(example('flow_expiry.bpf.c'), undefined, { signal: abort.signal });
    abort.abort();
    assert.equal((await running).outcome, 'cancelled');
  });
});
