/** The main job over the wire: the heartbeat example is compiled, launched, stopped in its callback and looked at. */
import assert from 'node:assert/strict';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type {
  MapEntriesResponse,
  MapsResponse,
  StateChangedEvent,
  TimersResponse,
} from '../../runtime/protocol/debugMessages';
import { example } from '../support/paths';
import { collect, connect, initialise, lineOf, scope, start, stopAfter, type Adapter } from './client';

const program = example('heartbeat.bpf.c');

describe('the heartbeat example in the debug adapter', function () {
  this.timeout(60_000);
  let adapter: Adapter;
  beforeEach(async () => {
    adapter = await connect();
  });
  afterEach(async () => {
    await adapter.close();
  });

  it('stops in its timer callback, shows armed frames, values, timers and the change after a step', async () => {
    const { client } = adapter;
    const line = lineOf(program, 'beat->count++');
    const [breakpoint] = await start(client, { program }, [{ path: program, set: [{ line }] }]);
    assert.equal(breakpoint.verified, true);
    assert.equal(breakpoint.line, line);
    const first = await stopAfter(client, () => client.configurationDoneRequest({}));
    assert.equal(first.reason, 'breakpoint');
    assert.deepEqual(
      first.frames.map((f) => [f.name, f.line, f.presentationHint ?? 'normal']),
      [
        ['on_beat', line, 'normal'],
        ['— armed 100 ms ago on cpu0 —', 0, 'label'],
        ['start', lineOf(program, 'bpf_timer_set_callback') + 1, 'subtle'],
      ],
    );
    assert.equal(first.frames[0].source?.path, program);
    const { threads } = (await client.threadsRequest()).body;
    assert.deepEqual(
      threads.map((t) => t.name),
      ['cpu0 · hrtimer on_beat', 'cpu1'],
    );

    const args = await scope(client, first.frames[0].id, 'Arguments');
    assert.match(args.get('beat')?.value ?? '', /→ beats\[0\]$/);
    assert.equal(args.get('beat')?.type, 'struct beat *');
    const hover = await client.evaluateRequest({
      expression: 'beat->count',
      frameId: first.frames[0].id,
      context: 'hover',
    });
    assert.deepEqual([hover.body.result, hover.body.type], ['0', '__u64']);
    assert.deepEqual((await client.scopesRequest({ frameId: first.frames[2].id })).body.scopes, []);

    const timers = (await client.customRequest('bpfTimers')).body as TimersResponse;
    assert.equal(timers.version, 1);
    assert.equal(timers.asOf.running, false);
    const [timer] = timers.timers;
    assert.equal(timer.label, 'beats[0].timer');
    assert.equal(timer.callback?.name, 'on_beat');
    assert.equal(timer.callback?.source?.path, program);
    assert.equal(timer.state, 'running');
    assert.equal(timer.clock, 'CLOCK_MONOTONIC');
    assert.equal(timer.fires, 1);
    assert.equal(timer.armedAt?.source?.line, first.frames[2].line);

    const maps = (await client.customRequest('bpfMaps')).body as MapsResponse;
    const beats = maps.maps.find((m) => m.name === 'beats');
    assert.ok(beats);
    assert.deepEqual(
      [beats.type, beats.keyType, beats.valueType, beats.entryCount, beats.changed],
      ['array', '__u32', 'struct beat', 1, false],
    );
    await stopAfter(client, () => client.nextRequest({ threadId: first.thread }));
    const changed = (await client.customRequest('bpfMaps')).body as MapsResponse;
    assert.equal(changed.maps.find((m) => m.name === 'beats')?.changed, true);
    const entries = (await client.customRequest('bpfMapEntries', { mapId: beats.id, start: 0, count: 10 }))
      .body as MapEntriesResponse;
    assert.equal(entries.total, 1);
    assert.deepEqual(entries.entries[0].children.map((c) => [c.name, c.changed]).slice(0, 2), [
      ['count', true],
      ['last_ns', false],
    ]);
    assert.equal(entries.entries[0].children[0].value, '1');
  });

  it('chains the armed frames through re-arms', async () => {
    const { client } = adapter;
    const line = lineOf(program, 'beat->count++');
    await start(client, { program }, [{ path: program, set: [{ line, hitCondition: '3' }] }]);
    const stop = await stopAfter(client, () => client.configurationDoneRequest({}));
    assert.deepEqual(
      stop.frames.map((f) => f.name),
      [
        'on_beat',
        '— armed 100 ms ago on cpu0 —',
        'on_beat',
        '— armed 200 ms ago on cpu0 —',
        'on_beat',
        '— armed 300 ms ago on cpu0 —',
        'start',
      ],
    );
  });

  it('runs to its time limit without breakpoints, prints with source and line, and sums up', async () => {
    const { client } = adapter;
    const outputs = collect<DebugProtocol.OutputEvent['body']>(client, 'output');
    const states = collect<StateChangedEvent>(client, 'bpfStateChanged');
    const terminated = client.waitForEvent('terminated');
    await start(client, { program, advance: '1s' });
    await client.configurationDoneRequest({});
    await terminated;
    const prints = outputs.filter((o) => o.category === 'stdout');
    assert.equal(prints.length, 9);
    assert.equal(prints[0].output, '[100 ms cpu0] beat 1\n');
    assert.equal(prints[0].source?.path, program);
    assert.equal(prints[0].line, lineOf(program, 'bpf_printk'));
    const summary = outputs.filter((o) => o.category === 'console').at(-1)?.output ?? '';
    assert.match(summary, /^The run ended after 1 s of virtual time/);
    assert.match(summary, /start returned 2/);
    assert.match(summary, /timer beats\[0\]\.timer: armed, fired 9 times/);
    assert.match(summary, /No breakpoint was hit/);
    assert.equal(states.at(-1)?.reason, 'ended');
  });

  it('answers pause while it runs, and goes on', async () => {
    const { client } = adapter;
    await start(client, { program, advance: '1000h' });
    await client.configurationDoneRequest({});
    const stop = await stopAfter(client, () => client.pauseRequest({ threadId: 1 }));
    assert.equal(stop.reason, 'pause');
    const before = ((await client.customRequest('bpfTimers')).body as TimersResponse).timers[0].fires;
    await client.continueRequest({ threadId: 1 });
    const again = await stopAfter(client, () => client.pauseRequest({ threadId: 1 }));
    assert.equal(again.reason, 'pause');
    const after = ((await client.customRequest('bpfTimers')).body as TimersResponse).timers[0].fires;
    assert.ok(after >= before);
  });

  it('stops on entry, restarts with its breakpoints, and terminates on request', async () => {
    const { client } = adapter;
    const line = lineOf(program, 'beat->count++');
    await start(client, { program, stopOnEntry: true }, [{ path: program, set: [{ line }] }]);
    const entry = await stopAfter(client, () => client.configurationDoneRequest({}));
    assert.equal(entry.reason, 'entry');
    assert.equal(entry.frames[0].name, 'start');
    const hit = await stopAfter(client, () => client.continueRequest({ threadId: 1 }));
    assert.equal(hit.reason, 'breakpoint');
    const restarted = await stopAfter(client, () => client.customRequest('restart', {}));
    assert.equal(restarted.reason, 'entry');
    const hitAgain = await stopAfter(client, () => client.continueRequest({ threadId: 1 }));
    assert.equal(hitAgain.frames[0].line, line);
    assert.equal(hitAgain.frames.length, 3);
    const terminated = client.waitForEvent('terminated');
    await client.customRequest('terminate', {});
    await terminated;
  });

  it('debugs instructions: disassembly around the stop, an instruction breakpoint, an instruction step', async () => {
    const { client } = adapter;
    const line = lineOf(program, 'beat->count++');
    await start(client, { program }, [{ path: program, set: [{ line }] }]);
    const stop = await stopAfter(client, () => client.configurationDoneRequest({}));
    const reference = stop.frames[0].instructionPointerReference ?? '';
    const answer = await client.customRequest('disassemble', {
      memoryReference: reference,
      instructionOffset: -100,
      instructionCount: 200,
    });
    const { instructions } = answer.body as { instructions: DebugProtocol.DisassembledInstruction[] };
    assert.equal(instructions.length, 200);
    assert.equal(instructions[100].address, reference);
    assert.match(instructions[100].instruction, /^r\d = \*\(u64 \*\)\(r\d \+ ?0\)/);
    assert.equal(
      new Set(instructions.map((i) => i.address)).size,
      instructions.filter((i) => i.address !== '0x0').length +
        (instructions.some((i) => i.address === '0x0') ? 1 : 0),
    );
    const set = await client.customRequest('setInstructionBreakpoints', {
      breakpoints: [{ instructionReference: reference, offset: 16 }],
    });
    assert.equal((set.body as { breakpoints: DebugProtocol.Breakpoint[] }).breakpoints[0].verified, true);
    const next = await stopAfter(client, () => client.continueRequest({ threadId: 1 }));
    assert.equal(Number(next.frames[0].instructionPointerReference), Number(reference) + 16);
    const stepped = await stopAfter(client, () =>
      client.customRequest('stepIn', { threadId: 1, granularity: 'instruction' }),
    );
    assert.equal(Number(stepped.frames[0].instructionPointerReference), Number(reference) + 24);
  });

  it('counts lines from 0 for clients that do', async () => {
    const { client } = adapter;
    await client.initializeRequest({ adapterID: 'bpf', linesStartAt1: false, columnsStartAt1: false });
    const initialized = client.waitForEvent('initialized');
    await client.launchRequest({ program } as unknown as DebugProtocol.LaunchRequestArguments);
    await initialized;
    const line = lineOf(program, 'beat->count++') - 1;
    const set = await client.setBreakpointsRequest({ source: { path: program }, breakpoints: [{ line }] });
    assert.equal(set.body.breakpoints[0].line, line);
    const stop = await stopAfter(client, () => client.configurationDoneRequest({}));
    assert.equal(stop.frames[0].line, line);
  });

  it('is told every capability that it has', async () => {
    const { body } = await initialise(adapter.client);
    for (const name of [
      'supportsConfigurationDoneRequest',
      'supportsConditionalBreakpoints',
      'supportsHitConditionalBreakpoints',
      'supportsLogPoints',
      'supportsInstructionBreakpoints',
      'supportsEvaluateForHovers',
      'supportsDisassembleRequest',
      'supportsReadMemoryRequest',
      'supportsSteppingGranularity',
      'supportsTerminateRequest',
      'supportsRestartRequest',
      'supportsBreakpointLocationsRequest',
      'supportsFunctionBreakpoints',
    ] as const)
      assert.equal(body?.[name], true, name);
    assert.notEqual(body?.supportsStepBack, true);
  });
});
