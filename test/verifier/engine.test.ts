/** The engine's small programs against what three real kernels said: verdict, errno, message, and the exact counts. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { rawObject } from '../../runtime/loader/rawProgram';
import { findProfile } from '../../runtime/spec/profile';
import { Verification, verify } from '../../runtime/verifier/verify';
import type { Verdict } from '../../runtime/verifier/verdict';
import { fixture } from '../support/paths';
import { ENGINE_PROGRAMS, rawOf } from './enginePrograms';

interface Recorded {
  readonly verdict: 'accepted' | 'rejected';
  readonly errno: number;
  readonly message: string;
  readonly processedInsns: number;
  readonly totalStates: number;
  readonly peakStates: number;
  readonly stackDepth: string;
}
const recorded = (
  JSON.parse(fs.readFileSync(fixture('verifier', 'engine.json'), 'utf8')) as {
    programs: Record<string, Record<string, Recorded>>;
  }
).programs;

function judge(id: string, kernel: string, logLevel: 0 | 1 | 2 = 0): Verdict {
  const program = ENGINE_PROGRAMS.find((p) => p.id === id);
  assert.ok(program, `no program ${id}`);
  const raw = rawObject(rawOf(program));
  assert.ok(raw.ok, raw.ok ? undefined : raw.problem.message);
  const profile = findProfile(kernel);
  assert.ok(profile);
  return verify(raw.value.program, raw.value.object, profile, { logLevel });
}

describe('the engine agrees with real kernels', () => {
  it('on programs that are all recorded', () => {
    assert.deepEqual(ENGINE_PROGRAMS.map((p) => p.id).sort(), Object.keys(recorded).sort());
  });

  for (const { id } of ENGINE_PROGRAMS) {
    for (const kernel of ['6.1', '6.12', '7.2']) {
      it(`${id} on ${kernel}`, () => {
        const want = recorded[id][kernel];
        const got = judge(id, kernel);
        const { verdict, errno, message } = got;
        assert.deepEqual(
          { verdict, errno, message },
          { verdict: want.verdict, errno: want.errno, message: want.message },
        );
        const { processedInsns, totalStates, peakStates } = got.stats;
        assert.deepEqual(
          { processedInsns, totalStates, peakStates },
          {
            processedInsns: want.processedInsns,
            totalStates: want.totalStates,
            peakStates: want.peakStates,
          },
        );
        if (want.verdict === 'accepted')
          assert.equal(got.stats.stackDepth.join('+'), want.stackDepth.replace(/ max.*/, ''));
      });
    }
  }
});

describe('a verification', () => {
  const start = (id: string): Verification => {
    const program = ENGINE_PROGRAMS.find((p) => p.id === id);
    assert.ok(program);
    const raw = rawObject(rawOf(program));
    assert.ok(raw.ok);
    const profile = findProfile('6.12');
    assert.ok(profile);
    return new Verification(raw.value.program, raw.value.object, profile);
  };

  it('gives the same verdict in slices of one instruction as in one go', () => {
    for (const id of [
      'bounded-loop',
      'values-kept-alive-do-not-prune',
      'masked-index-too-large',
      'calls-a-function',
    ]) {
      const sliced = start(id);
      let slices = 0;
      while (!sliced.step(1)) slices++;
      assert.ok(slices > 1, 'it took several slices');
      assert.deepEqual(sliced.result(), judge(id, '6.12'));
    }
  });

  it('can be dropped half way without an answer', () => {
    const verification = start('values-kept-alive-do-not-prune');
    assert.equal(verification.step(5), false);
    assert.throws(() => verification.result());
  });

  it('is deterministic, log included', () => {
    assert.deepEqual(
      judge('two-signed-checks-bound', '6.12', 2),
      judge('two-signed-checks-bound', '6.12', 2),
    );
  });
});

describe('the way to a refusal', () => {
  it('names the branch that was taken, in order', () => {
    const { diagnostic } = judge('null-checked-the-wrong-way', '6.12');
    assert.ok(diagnostic);
    const insns = diagnostic.causalPath.map((step) => step.insn);
    assert.ok(insns.length > 0, 'there is a path');
    assert.deepEqual(
      insns,
      [...insns].sort((a, b) => a - b),
      'a straight program is walked forwards',
    );
    assert.ok(insns.every((insn) => insn >= 0 && insn <= diagnostic.insn));
  });
});
