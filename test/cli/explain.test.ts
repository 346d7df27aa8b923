/** `explain` and `verify --on-kernel` as users type them. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { spawnSync } from 'node:child_process';
import { example, fixture, repoRoot } from '../support/paths';
import { cli } from './runCli';

interface Json {
  results: {
    file: string;
    programs: {
      name: string;
      kernel: string;
      verdict: string;
      errno: number;
      message: string;
      insn?: number;
      source?: { file: string; line: number; column: number; text: string };
      diagnostic?: { code: string; causalPath: { insn: number; source?: { line: number } }[] };
      stats: { processedInsns: number };
    }[];
  }[];
}

const log = (name: string): string => fixture('logs', `${name}.log`);
const sources = fixture('verifier');

describe('bpf-studio explain', () => {
  it('explains a refusal on the line of the user and ends with 1', async () => {
    const outcome = await cli('explain', log('6.12-timerArguments-other_map'), '--source', sources);
    assert.equal(outcome.status, 1);
    assert.deepEqual(outcome.errors, []);
    assert.match(
      outcome.out,
      /timerArguments\.bpf\.c:70:2: error: timer pointer in R1 .*\[timer-map-mismatch\]/,
    );
    assert.match(outcome.out, /\^~+/);
    assert.match(outcome.out, /line 67: looked up in map 'timers' here/);
    assert.match(outcome.out, /help: Pass &timers/);
  });

  it('finds lines by their text where the log names no place', async () => {
    const placeOf = async (
      name: string,
      folder: string,
    ): Promise<Json['results'][0]['programs'][0]['source']> => {
      const outcome = await cli('explain', log(name), '--source', folder, '--format', 'json');
      return (JSON.parse(outcome.out) as Json).results[0].programs[0].source;
    };
    const found = await placeOf('6.1-helpers-lookup_in_ring', sources);
    assert.match(found?.file ?? '', /helpers\.bpf\.c$/);
    const lines = fs.readFileSync(path.join(sources, 'helpers.bpf.c'), 'utf8').split('\n');
    assert.equal(lines[(found?.line ?? 0) - 1], found?.text);
    // Not there at all; and in two files that have the log's lines alike: no guess.
    assert.equal(await placeOf('6.1-helpers-lookup_in_ring', example('rejected')), undefined);
    assert.equal(await placeOf('6.1-timerArguments-other_map', sources), undefined);
  });

  it('of an accepted program ends with 0', async () => {
    const outcome = await cli('explain', log('7.2-access-inside'));
    assert.equal(outcome.status, 0);
    assert.match(outcome.out, /accepted, 20 instructions processed/);
  });

  it('reads standard input', () => {
    const entry = path.join(repoRoot, 'out', 'cli', 'main.js');
    const input = fs.readFileSync(log('6.1-access-behind'));
    const outcome = spawnSync(process.execPath, [entry, 'explain', '-'], { input, encoding: 'utf8' });
    assert.equal(outcome.status, 1);
    assert.match(outcome.stdout, /\[out-of-bounds\]/);
  });

  it('of what is no log says so in one line and ends with 2', async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-explain-'));
    try {
      const write = (name: string, contents: string | Uint8Array): string => {
        const file = path.join(dir, name);
        fs.writeFileSync(file, contents);
        return file;
      };
      for (const [argv, expected] of [
        [[path.join(dir, 'none.log')], /none\.log: no such file/],
        [[dir], /cannot be read/],
        [[write('empty.log', '')], /the log is empty/],
        [[write('text.log', 'hello\n')], /no verifier log/],
        [[fixture('host', 'heartbeat.o')], /binary/],
        [[log('6.1-access-behind'), '--format', 'sarif'], /no format "sarif"/],
        [[log('6.1-access-behind'), '--source', path.join(dir, 'none')], /--source/],
      ] as const) {
        const outcome = await cli('explain', ...argv);
        assert.equal(outcome.status, 2);
        assert.equal(outcome.out, '');
        assert.equal(outcome.errors.length, 1);
        assert.match(outcome.errors[0], expected);
      }
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  });
});

describe('bpf-studio verify --on-kernel', () => {
  it('knows which kernels there are', async () => {
    const outcome = await cli('verify', example('heartbeat.bpf.c'), '--on-kernel', '6.6');
    assert.equal(outcome.status, 2);
    assert.match(
      outcome.errors.join('\n'),
      /^bpf-studio: --on-kernel: there is no real kernel "6\.6" — There are/,
    );
  });

  it('without the kernels says how to get them', async () => {
    const before = process.env.BPF_STUDIO_ORACLE;
    process.env.BPF_STUDIO_ORACLE = path.join(os.tmpdir(), 'no-kernels-here');
    try {
      const outcome = await cli('verify', fixture('host', 'heartbeat.o'), '--on-kernel', '6.12');
      assert.equal(outcome.status, 2);
      assert.equal(outcome.errors.length, 1);
      assert.match(outcome.errors[0], /is (?:missing|not installed).* — .*setup\.sh|not compiled/);
    } finally {
      if (before === undefined) delete process.env.BPF_STUDIO_ORACLE;
      else process.env.BPF_STUDIO_ORACLE = before;
    }
  });
});
