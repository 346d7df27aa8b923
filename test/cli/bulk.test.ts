/** The two forms in which we and real kernels are asked in bulk: bare instruction sequences, and run scenarios. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fixture } from '../support/paths';
import { cli } from './runCli';

const EXIT_ZERO = 'b700000000000000 9500000000000000';
const NO_R0 = '9500000000000000';

interface RawAnswer {
  readonly results: readonly {
    readonly programs: readonly { id: string; kernel: string; verdict: string; message: string }[];
  }[];
}

describe('bulk judging', () => {
  let dir: string;
  before(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-bulk-'));
  });
  after(() => fs.rmSync(dir, { recursive: true }));
  const write = (name: string, text: string): string => {
    const file = path.join(dir, name);
    fs.writeFileSync(file, text);
    return file;
  };

  it('bounds the processor number by the CPUs that are named', async () => {
    const lines = ['8500000008000000', '1500010000000000', 'bf50000000000000', '9500000000000000'];
    const file = write('cpu.jsonl', JSON.stringify({ type: 'xdp', insns: lines.join('') }));
    const verdictWith = async (...options: string[]): Promise<string> => {
      const { out } = await cli('verify', '--raw', file, '--kernel', '6.12', '--format', 'json', ...options);
      return (JSON.parse(out) as RawAnswer).results[0].programs[0].verdict;
    };
    assert.equal(await verdictWith(), 'accepted');
    assert.equal(await verdictWith('--cpus', '1'), 'accepted');
    assert.equal(await verdictWith('--cpus', '2'), 'rejected');
    const wrong = await cli('verify', '--raw', file, '--cpus', '0');
    assert.equal(wrong.status, 2);
  });

  it('judges raw sequences line by line, each with its id, for every kernel asked', async () => {
    const lines = [
      { id: 'good', insns: EXIT_ZERO },
      { id: 'bad', type: 'xdp', insns: NO_R0 },
    ];
    const file = write('two.jsonl', lines.map((l) => JSON.stringify(l)).join('\n') + '\n');
    const { status, out } = await cli('verify', '--raw', file, '--kernel', '6.1,6.12', '--format', 'json');
    assert.equal(status, 1);
    const { programs } = (JSON.parse(out) as RawAnswer).results[0];
    assert.deepEqual(
      programs.map((p) => [p.id, p.kernel, p.verdict, p.message]),
      ['6.1', '6.12'].flatMap((kernel) => [
        ['good', kernel, 'accepted', ''],
        ['bad', kernel, 'rejected', 'R0 !read_ok'],
      ]),
    );
  });

  it('takes a timer callback described beside the instructions', async () => {
    // r0 = 0; exit — with a map that nobody uses, whose value holds a timer at offset 8.
    const map = { type: 'hash', key: 4, value: 24, max: 8, fields: [['timer', 8]] };
    const file = write(
      'map.jsonl',
      JSON.stringify({ id: 1, type: 'tc', insns: EXIT_ZERO, maps: [map], funcs: [[0, 1]] }),
    );
    assert.equal((await cli('verify', '--raw', file)).status, 0);
  });

  it('names the line of what is no sequence and leaves no stack trace', async () => {
    for (const bad of ['{', '[]']) {
      const file = write('bad.jsonl', `\n${bad}\n`);
      const { status, errors } = await cli('verify', '--raw', file);
      assert.equal(status, 2, bad);
      assert.equal(errors.length, 1);
      assert.match(errors[0], /bad\.jsonl:2: /);
    }
  });

  it('judges the other lines where one cannot be loaded', async () => {
    const good = JSON.stringify({ id: 'good', insns: EXIT_ZERO });
    for (const bad of ['{"insns": "b7"}', '{"insns": "zz"}', '{"insns": "", "type": "nonsense"}']) {
      const file = write('bad.jsonl', `${bad}\n${good}\n`);
      const { status, out, errors } = await cli('verify', '--raw', file, '--format', 'json');
      assert.equal(status, 1, bad);
      assert.deepEqual(errors, []);
      const { results } = JSON.parse(out) as {
        results: { programs: { verdict: string }[] }[];
      };
      const [refused, accepted] = results[0].programs;
      assert.notEqual(refused.verdict, 'accepted', bad);
      assert.equal(accepted.verdict, 'accepted');
    }
  });

  it('plays the bench’s run scenarios on virtual time, one JSON line each', async () => {
    const object = fixture('host', 'heartbeat.o');
    const steps = [{ run: 'start', data: '00'.repeat(64) }, { sleep_ms: 1050 }];
    const file = write('run.json', JSON.stringify([{ object, name: 'beats', steps }]));
    const { status, out } = await cli('run', '--oracle', file, '--kernel', '6.12');
    assert.equal(status, 0);
    const answer = JSON.parse(out) as {
      scenario: string;
      load: string;
      maps: Record<string, { entries: { value: string }[] }>;
    };
    assert.equal(answer.scenario, 'beats');
    assert.equal(answer.load, 'ok');
    const [map] = Object.values(answer.maps);
    assert.equal(map.entries[0].value.slice(0, 2), '0a', 'ten beats in a second');
  });

  it('refuses a scenario file that is not JSON', async () => {
    const { status, errors } = await cli('run', '--oracle', write('x.json', 'steps:'));
    assert.equal(status, 2);
    assert.match(errors[0], /not JSON/);
  });
});
