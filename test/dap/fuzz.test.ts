/** Requests with anything as their arguments: always a response, never an internal error, and the session goes on. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { connect, fixtureSource, start, stopAfter } from './client';

const COMMANDS = [
  'setBreakpoints',
  'setFunctionBreakpoints',
  'setInstructionBreakpoints',
  'setExceptionBreakpoints',
  'breakpointLocations',
  'stackTrace',
  'scopes',
  'variables',
  'setVariable',
  'evaluate',
  'exceptionInfo',
  'loadedSources',
  'disassemble',
  'readMemory',
  'threads',
  'bpfTimers',
  'bpfMaps',
  'bpfMapEntries',
  'attach',
  'source',
  '__proto__',
];

const NAMES = [
  'threadId',
  'frameId',
  'variablesReference',
  'name',
  'value',
  'expression',
  'source',
  'breakpoints',
  'lines',
  'line',
  'filters',
  'memoryReference',
  'count',
  'offset',
  'instructionCount',
  'instructionOffset',
  'start',
  'mapId',
  'levels',
  'startFrame',
  'format',
  'filter',
  'instructionReference',
];

describe('the debug adapter under random requests', function () {
  this.timeout(60_000);

  it('answers each one', async () => {
    const adapter = await connect();
    const { client } = adapter;
    await start(client, { program: fixtureSource('tour.o'), stopOnEntry: true });
    await stopAfter(client, () => client.configurationDoneRequest({}));
    const value = fc.oneof(
      fc.integer({ min: -3, max: 40 }),
      fc.constantFrom('0x1000000', 'r1', 'total', '0xffff888100001000', '', null, true, 1e300, -1),
      fc.array(fc.record({ line: fc.integer({ min: -2, max: 100 }), name: fc.constant('sum') }), {
        maxLength: 3,
      }),
      fc.constant({ path: '/src/tour.bpf.c' }),
    );
    const request = fc.tuple(
      fc.constantFrom(...COMMANDS),
      fc.oneof(
        fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 12 }),
        fc.constantFrom(null, 7, 'x', []),
      ),
    );
    try {
      await fc.assert(
        fc.asyncProperty(request, async ([command, args]) => {
          try {
            await client.customRequest(command, args);
          } catch (error) {
            assert.doesNotMatch((error as Error).message, /Internal error/);
          }
        }),
        { numRuns: 800 },
      );
      assert.equal((await client.threadsRequest()).body.threads.length, 2);
    } finally {
      await adapter.close();
    }
  });
});
