/**
 * The examples in the kernel model. Expected values are what Linux 6.1.192, 6.12.117 and 7.2.13 left behind when they ran the
 * same programs (where time does not matter), or what the program's arithmetic demands.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { example } from '../support/paths';
import { cli } from './runCli';

interface RunJson {
  readonly timeNs: string;
  readonly returnValues: readonly { program: string; value: number }[];
  readonly timers: readonly {
    map: string;
    state: string;
    fires: number;
    callback: string | null;
    expiresNs: string | null;
  }[];
  readonly maps: Record<string, readonly { key: unknown; value: unknown; valueHex?: string }[]>;
  readonly output: readonly string[];
}

const run = async (name: string, advance: string, kernel = '6.12'): Promise<RunJson> => {
  const outcome = await cli(
    'run',
    example(name),
    '--advance',
    advance,
    '--kernel',
    kernel,
    '--format',
    'json',
  );
  assert.deepEqual(outcome.errors, []);
  assert.equal(outcome.status, 0);
  return JSON.parse(outcome.out) as RunJson;
};
const KERNELS = ['6.1', '6.12', '7.2'];

describe('the examples in the kernel model', () => {
  it('heartbeat beats every 100 ms, on every kernel', async () => {
    for (const kernel of KERNELS) {
      for (const [advance, beats] of [
        ['99ms', 0],
        ['101ms', 1],
        ['1s', 10],
        // Each beat is armed a little after the last: in a minute that adds up to less than one beat.
        ['1min', 599],
      ] as const) {
        const { timers, output, maps } = await run('heartbeat.bpf.c', advance, kernel);
        assert.equal(timers[0].fires, beats, `${advance} on ${kernel}`);
        assert.equal(output.length, beats);
        assert.equal(Number((maps.beats[0].value as { count: string }).count), beats);
      }
    }
  }).timeout(60_000);

  it('cancel_rearm gets what real kernels return', async () => {
    const measured =
      'eaffffffffffffff0000000000000000f0ffffffffffffffeaffffffffffffff00000000000000000000000000000000' +
      '000000000000000001000000000000000000000000000000eaffffffffffffff00000000000000000000000000000000';
    for (const kernel of KERNELS) {
      const { maps, timers } = await run('cancel_rearm.bpf.c', '500ms', kernel);
      assert.equal(maps['cancel_r.bss'][0].valueHex, measured, kernel);
      assert.equal(timers[0].fires, 1);
      assert.equal(timers[0].state, 'ready');
    }
  });

  it('lru_eviction loses as many timers as real kernels do', async () => {
    for (const [kernel, timedOut] of [
      ['6.1', '4'],
      ['6.12', '8'],
      ['7.2', '8'],
    ]) {
      const { maps, timers } = await run('lru_eviction.bpf.c', '1s', kernel);
      assert.deepEqual(maps['lru_evic.bss'][0].value, { started: '12', timed_out: timedOut }, kernel);
      assert.deepEqual([maps.sessions.length, timers.length], [0, 0]);
    }
  });

  it('flow_expiry as a scenario meets its expectations, and one that does not is status 1', async () => {
    const good = await cli('run', example('flow_expiry.bpf.yaml'));
    assert.deepEqual(good.errors, []);
    assert.equal(good.status, 0);
    const text = fs.readFileSync(example('flow_expiry.bpf.yaml'), 'utf8');
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-test-'));
    try {
      const file = path.join(dir, 'wrong.bpf.yaml');
      const wrong = text
        .replace('advance: 2s', 'advance: 500ms')
        .replace('flow_expiry.bpf.c', example('flow_expiry.bpf.c'));
      fs.writeFileSync(file, wrong);
      const bad = await cli('run', file);
      assert.equal(bad.status, 1);
      assert.match(bad.errors[0], /step 8: output \[\], expected/);
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  });

  it("inner_map_timers ticks at each tenant's pace", async () => {
    const { timers, maps } = await run('inner_map_timers.bpf.c', '26ms');
    assert.deepEqual(
      timers.map((t) => [t.map, t.fires, t.state]),
      [
        ['tenant_a', 5, 'armed'],
        ['tenant_b', 2, 'armed'],
      ],
    );
    assert.equal((maps.tenant_a[0].value as { count: string }).count, '5');
  });

  it('rate_limiter refills the bucket and then rests', async () => {
    const early = await run('rate_limiter.bpf.c', '5ms');
    assert.equal((early.maps.buckets[0].value as { used: string }).used, '1');
    assert.equal(early.timers[0].state, 'armed');
    const late = await run('rate_limiter.bpf.c', '500ms');
    assert.equal((late.maps.buckets[0].value as { used: string }).used, '0');
    assert.equal(late.timers[0].state, 'ready');
    assert.equal(late.timers[0].fires, 1);
  });
});
