/**
 * Every fixture program against what three real kernels said of it: verdict, error number, final message, and the line
 * that the source's own `expect-error` comments name. Programs without such a comment are accepted.
 * `recorded.json` is made by `test/fixtures/verifier/record.mjs` from a run on the kernels themselves.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { ObjectSpec } from '../../runtime/loader/objectSpec';
import { fixture } from '../support/paths';
import {
  checkRefusal,
  comparable,
  expectations,
  judge,
  KERNELS,
  loadFixture,
  type Expectation,
  type Kernel,
  type RecordedPrograms,
} from './fixturePrograms';

const folder = fixture('verifier');
const recorded = JSON.parse(fs.readFileSync(path.join(folder, 'recorded.json'), 'utf8')) as RecordedPrograms;

/** What this verifier cannot judge yet, and says so. Anything else that is `unknown` fails. */
const NOT_JUDGED: ReadonlySet<string> = new Set([]);

for (const name of Object.keys(recorded).filter((key) => key !== 'kernels')) {
  describe(`verifier fixtures: ${name}`, () => {
    const objects = new Map<Kernel, ObjectSpec>();
    let comments: readonly Expectation[];
    before(() => {
      for (const kernel of KERNELS) objects.set(kernel, loadFixture(folder, name, kernel));
      comments = expectations(folder, name);
    });
    for (const programName of Object.keys(recorded[name])) {
      for (const kernel of KERNELS) {
        const truth = recorded[name][programName][kernel];
        if (truth === undefined) continue;
        it(`${programName} on ${kernel} is ${truth.verdict}${truth.message === '' ? '' : `: ${truth.message}`}`, () => {
          const object = objects.get(kernel);
          const program = object?.programs.find((p) => p.name === programName);
          assert.ok(object !== undefined && program !== undefined);
          const verdict = judge(program, object, kernel);
          if (NOT_JUDGED.has(`${name}/${programName}`)) {
            assert.equal(verdict.verdict, 'unknown', 'this fixture is judged now: take it off the list');
            return;
          }
          assert.deepEqual(comparable(verdict), comparable(truth));
          checkRefusal(verdict, truth, program, comments, kernel);
        });
      }
    }
  });
}
