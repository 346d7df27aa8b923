/** Fixed seeds: what three kernels said of generated programs, and that what we accept does not fault. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import type { RawProgram } from '../../runtime/loader/rawProgram';
import { fixture } from '../support/paths';
import { judgeRaw, profileOf } from './judge';
import { minimiseWith, withoutBlanks } from './minimise';
import { programOf, programsFrom } from './programs';
import { tryProgram } from './soundness';

interface Recorded {
  readonly from: number;
  readonly count: number;
  /** By kernel and seed: processed instructions, the message of a refusal, or null without an answer. */
  readonly answers: Readonly<Record<string, readonly (number | string | null)[]>>;
}

const recorded = JSON.parse(fs.readFileSync(fixture('fuzz', 'recorded.json'), 'utf8')) as Readonly<
  Record<string, Recorded>
>;

describe('generated programs', () => {
  for (const [generator, { from, count, answers: byKernel }] of Object.entries(recorded)) {
    for (const [kernel, answers] of Object.entries(byKernel)) {
      it(`of ${generator} get the verdicts of ${kernel}`, function () {
        this.timeout(120_000);
        const wrong: string[] = [];
        let counts = 0;
        let accepted = 0;
        answers.forEach((answer, i) => {
          if (answer === null) return;
          const seed = from + i;
          const verdict = judgeRaw(programOf(generator, seed), profileOf(kernel));
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

      it(`of ${generator} that ${kernel} accepts do not fault`, function () {
        this.timeout(120_000);
        const faults = programsFrom(generator, from, count).flatMap((raw) => {
          const result = tryProgram(raw, profileOf(kernel));
          return result.kind === 'fault' ? [`seed ${raw.id}: ${result.message}`] : [];
        });
        assert.deepEqual(faults, []);
      });
    }
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

  it('shrink to what a disagreement is about', async () => {
    // What is asked for: a multiplication, and an exit at the end.
    const insns = [
      'b700000007000000',
      'b701000001000000',
      '2f10000000000000',
      'bf12000000000000',
      '9500000000000000',
    ];
    const ask = (programs: readonly RawProgram[]): Promise<string[]> =>
      Promise.resolve(
        programs.map(({ insns: code }) => (/2f10000000000000.*9500000000000000$/.test(code) ? 'count' : '')),
      );
    const small = await minimiseWith(ask, { insns: insns.join('') });
    assert.equal(small.insns, '2f100000000000009500000000000000');
  });
});
