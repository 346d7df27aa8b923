/** Launches and requests that cannot work: one clear message each, and the session goes on. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NoticeEvent } from '../../runtime/protocol/debugMessages';
import { example } from '../support/paths';
import { collect, connect, fixtureSource, initialise, start, stopAfter, type Adapter } from './client';

describe('bad input to the debug adapter', function () {
  this.timeout(60_000);
  let adapter: Adapter;
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpf-dap-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    adapter = await connect();
    await initialise(adapter.client);
  });
  afterEach(async () => {
    await adapter.close();
  });

  const launch = (args: Record<string, unknown>): Promise<unknown> => adapter.client.launchRequest(args);
  const refused = async (args: Record<string, unknown>, pattern: RegExp): Promise<void> => {
    await assert.rejects(launch(args), (error: Error) => {
      assert.match(error.message, pattern);
      return true;
    });
    // The session lives: the same client can launch something good.
    await launch({ program: fixtureSource('heartbeat.o') });
  };
  const file = (name: string, contents: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, contents);
    return path;
  };

  it('a launch without a program says what to write', () => refused({}, /"program" is missing.*C file/s));
  it('a program that does not exist', () =>
    refused({ program: '/no/such.bpf.c' }, /\/no\/such\.bpf\.c does not exist\. Set "program"/));
  it('a folder', () => refused({ program: folder }, /is a folder/));
  it('a kernel that is no profile', () =>
    refused(
      { program: fixtureSource('heartbeat.o'), kernel: '4.4' },
      /"kernel" is "4\.4"; it must be one of .*6\.12/,
    ));
  it('too many CPUs', () =>
    refused(
      { program: fixtureSource('heartbeat.o'), cpus: 65 },
      /"cpus" is 65; it must be a whole number from 1 to 64/,
    ));
  it('a duration that is none', () =>
    refused(
      { program: fixtureSource('heartbeat.o'), advance: 'soon' },
      /"advance" is "soon"; it must be a duration/,
    ));
  it('a packet that is no hex', () =>
    refused({ program: fixtureSource('heartbeat.o'), packet: 'xyz' }, /"packet" must be bytes in hex/));
  it('a capture that is missing', () =>
    refused(
      { program: fixtureSource('heartbeat.o'), packet: 'missing.pcap' },
      /missing\.pcap cannot be read/,
    ));
  it('a scenario that is missing, or is none', async () => {
    await refused(
      { program: fixtureSource('heartbeat.o'), scenario: 'missing.bpf.yaml' },
      /missing\.bpf\.yaml cannot be read/,
    );
    const bad = file('bad.bpf.yaml', 'version: 2\n');
    await refused(
      { program: fixtureSource('heartbeat.o'), scenario: bad },
      /version: this program knows version 1/,
    );
  });
  it('a program name that the object does not have', () =>
    refused(
      { program: fixtureSource('tour.o'), bpfProgram: 'nope' },
      /no program "nope".*It has: .*classify/s,
    ));
  it('a file that is no object', () => refused({ program: file('x.o', 'hello') }, /x\.o/));
  it('an object cut in half', () =>
    refused({ program: file('half.o', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1)) }, /half\.o/));
  it('C that does not compile, with the place', () =>
    refused(
      { program: file('bad.bpf.c', 'int x = ;\n') },
      /bad\.bpf\.c does not compile: .*bad\.bpf\.c:1:9: .*expression/,
    ));
  it('a compiler that is none', () =>
    refused(
      { program: example('heartbeat.bpf.c'), compilerPath: '/no/clang' },
      /\/no\/clang cannot be used/,
    ));
  it('attach is explained', () =>
    assert.rejects(adapter.client.attachRequest({}), /Attaching is not possible.*"launch"/));

  it('requests before a launch, and requests that are unknown', async () => {
    await assert.rejects(adapter.client.stackTraceRequest({ threadId: 1 }), /Nothing is being debugged/);
    await assert.rejects(adapter.client.customRequest('bpfTimers'), /Nothing is being debugged/);
    await assert.rejects(adapter.client.customRequest('toString'), /does not support the request 'toString'/);
    await assert.rejects(adapter.client.customRequest('fly', {}), /does not support the request 'fly'/);
  });

  it('requests about things of another stop, threads and maps that are not there', async () => {
    const { client } = adapter;
    await start(client, { program: fixtureSource('heartbeat.o'), stopOnEntry: true });
    const stop = await stopAfter(client, () => client.configurationDoneRequest({}));
    await assert.rejects(client.stackTraceRequest({ threadId: 77 }), /There is no thread 77/);
    await assert.rejects(client.variablesRequest({ variablesReference: 4242 }), /earlier stop/);
    await assert.rejects(
      client.customRequest('bpfMapEntries', { mapId: 99, start: 0, count: 1 }),
      /no map with id 99/,
    );
    await assert.rejects(client.customRequest('bpfMapEntries', {}), /whole numbers/);
    await assert.rejects(
      client.customRequest('disassemble', { memoryReference: 'x', instructionCount: 1 }),
      /no BPF code/,
    );
    await assert.rejects(
      client.customRequest('readMemory', { memoryReference: 'x', count: 1 }),
      /is no address/,
    );
    const answer = await client.customRequest('readMemory', { memoryReference: '0x10', count: 8 });
    assert.deepEqual(answer.body, { address: '0x10', unreadableBytes: 8 });
    const wrong = client.evaluateRequest({ expression: 'ctx->', frameId: stop.frames[0].id });
    await assert.rejects(wrong, /a member name expected at the end/);
  });

  it('a rejected program is debugged with a notice, and its fault is shown at its line', async () => {
    const { client } = adapter;
    const notices = collect<NoticeEvent>(client, 'bpfNotice');
    await start(client, { program: fixtureSource('faulty.o') });
    const stop = await stopAfter(client, () => client.configurationDoneRequest({}));
    assert.equal(notices.length, 1);
    assert.equal(notices[0].severity, 'warning');
    assert.match(
      notices[0].message,
      /Linux 6\.12 rejects unchecked: R0 invalid mem access 'map_value_or_null' \(faulty\.bpf\.c:\d+\)\. It is debugged all the same/,
    );
    assert.equal(stop.reason, 'exception');
    assert.equal(stop.frames[0].name, 'unchecked');
    const info = await client.customRequest('exceptionInfo', { threadId: stop.thread });
    assert.ok((info.body as { description?: string }).description);
    const terminated = client.waitForEvent('terminated');
    await client.continueRequest({ threadId: 1 });
    await terminated;
  });
});
