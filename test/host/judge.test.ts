/** Judging one object: a failure of our own costs the answer of one program, not of all. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { INTERNAL_ERROR } from '../../runtime/host/internalError';
import { judge } from '../../runtime/host/judge';
import { Verification } from '../../runtime/verifier/verify';
import { fixture } from '../support/paths';

describe('judging an object', () => {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- put back as it was
  const { step } = Verification.prototype;
  afterEach(() => {
    Verification.prototype.step = step;
  });

  it('goes on behind a program on which the verifier itself fails', () => {
    let calls = 0;
    Verification.prototype.step = function (this: Verification, insns: number): boolean {
      if (calls++ === 0) throw new Error('assertion failed: something of ours\nwith more lines');
      return step.call(this, insns);
    };
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
