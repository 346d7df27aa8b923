/** Fixed seeds: what three kernels said of generated programs, and that what we accept does not fault. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { fixture } from '../support/paths';
import { judgeRaw, profileOf } from './judge';
import { withoutBlanks } from './minimise';
import { programOf, programsFrom } from './programs';
import { tryProgram } from './soundness';

interface Recorded {
  readonly from: number;
  /** By kernel and seed: processed instructions, the message of a refusal, or null without an answer. */
  readonly answers: Readonly<Record<string, readonly (number | string | null)[]>>;
}

const recorded = JSON.parse(fs.readFileSync(fixture('fuzz', 'recorded.json'), 'utf8')) as Recorded;

describe('generated programs', () => {
  for (const [kernel, answers] of Object.entries(recorded.answers)) {
    it(`get the verdicts of ${kernel}`, function () {
      this.timeout(120_000);
      const wrong: string[] = [];
      let counts = 0;
      let accepted = 0;
      answers.forEach((answer, i) => {
        if (answer === null) return;
        const seed = recorded.from + i;
        const verdict = judgeRaw(programOf(seed), profileOf(kernel));
        if (verdict instanceof Error) throw verdict;
        const says = typeof answer === 'number' ? 'accepted' : 'rejected';
        if (verdict.verdict !== says) {
          wrong.push(`seed ${seed}: ${answer}, we ${verdict.verdict}: ${verdict.message}`);
          return;
        }
        if (says !== 'accepted') return;
        accepted++;
        if (verdict.stats.processedInsns === answer) counts++;
      });
      assert.deepEqual(wrong, []);
      assert.ok(counts >= 0.97 * accepted, `same count for ${counts} of ${accepted}`);
    });
  }

  for (const kernel of ['6.1', '6.12', '7.2']) {
    it(`that ${kernel} accepts do not fault`, function () {
      this.timeout(120_000);
      const faults = programsFrom(1, 150).flatMap((raw) => {
        const result = tryProgram(raw, profileOf(kernel));
        return result.kind === 'fault' ? [`seed ${raw.id}: ${result.message}`] : [];
      });
      assert.deepEqual(faults, []);
    });
  }

  it('lose their blanks without a change of meaning', () => {
    // goto +1 over a blank, a blank, exit: the jump follows.
    const raw = {
      insns: 'b700000000000000 0500010000000000 0500000000000000 9500000000000000'.replace(/ /g, ''),
    };
    assert.equal(
      withoutBlanks(raw).insns,
      'b700000000000000 0500000000000000 9500000000000000'.replace(/ /g, ''),
    );
  });
});
