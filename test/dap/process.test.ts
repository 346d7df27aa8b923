/** The adapter as a process of its own, as editors start it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import { repoRoot } from '../support/paths';
import { fixtureSource, start, stopAfter } from './client';

const MAIN = join(repoRoot, 'out', 'debugger', 'main.js');

describe('the debug adapter process', function () {
  this.timeout(30_000);

  it('speaks on standard streams', async () => {
    const client = new DebugClient('node', MAIN, 'bpf');
    await client.start();
    await start(client, { program: fixtureSource('heartbeat.o'), stopOnEntry: true });
    const stop = await stopAfter(client, () => client.configurationDoneRequest({}));
    assert.equal(stop.reason, 'entry');
    await client.stop();
  });

  it('ends when its input ends', () => {
    const run = spawnSync('node', [MAIN, '--stdio'], { input: '', timeout: 15_000 });
    assert.equal(run.status, 0);
    assert.equal(run.stderr.toString(), '');
  });

  it('refuses a port that is none', () => {
    const run = spawnSync('node', [MAIN, '--port', 'x'], { timeout: 15_000 });
    assert.equal(run.status, 2);
    assert.match(run.stderr.toString(), /--port needs a number/);
  });
});
