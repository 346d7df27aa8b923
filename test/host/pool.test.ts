/** The worker pool: same answers as inline, cancellable, survives a worker's death. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { JudgeRequest } from '../../runtime/host/judge';
import { judgeInline, Pool } from '../../runtime/host/pool';
import { fixture } from '../support/paths';

const request = (): JudgeRequest => ({
  file: 'heartbeat.o',
  bytes: fs.readFileSync(fixture('host', 'heartbeat.o')),
  kernels: ['6.1', '6.12', '7.2'],
  logLevel: 2,
  relaxed: false,
  btf: {},
});

describe('the worker pool', () => {
  let dir: string;
  before(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-test-'));
  });
  after(() => fs.rmSync(dir, { recursive: true }));
  const worker = (name: string, code: string): string => {
    const file = path.join(dir, name);
    fs.writeFileSync(file, `const { parentPort } = require('node:worker_threads');\n${code}`);
    return file;
  };

  it('answers as the main thread does', async () => {
    const pool = new Pool({ size: 2 });
    try {
      const [first, second] = await Promise.all([pool.run(request()), pool.run(request())]);
      const inline = await judgeInline(request());
      assert.ok(first?.ok && second?.ok && inline?.ok);
      assert.deepEqual(first.value.programs, inline.value.programs);
      assert.deepEqual(second.value.programs, inline.value.programs);
      assert.equal(inline.value.programs.length, 3);
    } finally {
      await pool.close();
    }
  });

  it('works inline when there is no worker', async () => {
    const pool = new Pool({ workerFile: path.join(dir, 'none.js') });
    const result = await pool.run(request());
    assert.ok(result?.ok);
    await pool.close();
  });

  it('starts a dead worker again once and says so; dying twice is one clear problem', async () => {
    const told: string[] = [];
    const pool = new Pool({
      size: 1,
      workerFile: worker('dies.js', `parentPort.on('message', () => process.exit(3));`),
      onWorkerDied: (message) => told.push(message),
    });
    try {
      const result = await pool.run(request());
      assert.ok(result && !result.ok);
      assert.equal(result.problem.code, 'worker-died');
      assert.equal(told.length, 1);
      assert.match(told[0], /heartbeat\.o.*started again/);
    } finally {
      await pool.close();
    }
  });

  it('goes on after a worker died once', async () => {
    const flag = path.join(dir, 'once');
    const code = `const fs = require('fs');
      parentPort.on('message', (task) => {
        if (!fs.existsSync(${JSON.stringify(flag)})) { fs.writeFileSync(${JSON.stringify(flag)}, ''); process.exit(1); }
        parentPort.postMessage({ id: task.id, cancelled: false, result: { ok: true, value: { programs: [], warnings: [], timesMs: [] } } });
      });`;
    const pool = new Pool({ size: 1, workerFile: worker('once.js', code) });
    try {
      const result = await pool.run(request());
      assert.equal(result?.ok, true);
    } finally {
      await pool.close();
    }
  });

  it('gives up what is cancelled, waiting or under way', async () => {
    const code = `parentPort.on('message', (task) => {
        const flag = new Int32Array(task.cancel);
        Atomics.wait(flag, 0, 0);
        parentPort.postMessage({ id: task.id, cancelled: true });
      });`;
    const pool = new Pool({ size: 1, workerFile: worker('waits.js', code) });
    try {
      const controllers = [new AbortController(), new AbortController()];
      const results = controllers.map((controller) => pool.run(request(), controller.signal));
      controllers[1].abort();
      assert.equal(await results[1], undefined);
      controllers[0].abort();
      assert.equal(await results[0], undefined);
      assert.equal(await pool.run(request(), AbortSignal.abort()), undefined);
    } finally {
      await pool.close();
    }
  });

  it('ends what is under way when it is closed', async () => {
    const pool = new Pool({ size: 1, workerFile: worker('never.js', `parentPort.on('message', () => {});`) });
    const running = pool.run(request());
    await pool.close();
    assert.equal(await running, undefined);
  });
});
