/** Judging one object: a failure of our own costs the answer of one program, not of all. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { mock } from 'node:test';
import { INTERNAL_ERROR } from '../../runtime/host/internalError';
import { judge } from '../../runtime/host/judge';
import { Verification } from '../../runtime/verifier/verify';
import { fixture } from '../support/paths';

describe('judging an object', () => {
  afterEach(() => mock.restoreAll());

  it('goes on behind a program on which the verifier itself fails', () => {
    mock.method(
      Verification.prototype,
      'step',
      () => {
        throw new Error('assertion failed: something of ours\nwith more lines');
      },
      { times: 1 },
    );
    const result = judge({
      file: 'heartbeat.o',
      bytes: fs.readFileSync(fixture('host', 'heartbeat.o')),
      kernels: ['6.1', '6.12'],
      logLevel: 0,
      relaxed: false,
      btf: {},
    });
    assert.ok(result?.ok);
    const [failed, next] = result.value.programs;
    assert.equal(failed.verdict, 'error');
    assert.equal(failed.problem?.code, INTERNAL_ERROR);
    assert.match(
      failed.message,
      /^heartbeat\.o: internal error of BPF Studio: assertion failed: something of ours$/,
    );
    assert.equal(next.verdict, 'accepted');
  });
});
