/**
 * The rule book: every program of `test/fixtures/rulebook` against what three real kernels said of it, recorded by
 * `test/oracle/recordRules.ts`. Each shows one rule, in C or in instructions; the words of a refusal stand beside its line.
 *
 * A program that we judge otherwise stays, with its reason, in `gaps.json`, and is counted: a gap that closed fails until its mark is
 * taken off, a disagreement without a mark fails. `UPDATE_GOLDEN=1` writes the marks anew.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { ObjectSpec, ProgramSpec } from '../../runtime/loader/objectSpec';
import { rawObject } from '../../runtime/loader/rawProgram';
import { fixture } from '../support/paths';
import { rawRules } from '../support/rawRules';
import {
  checkRefusal,
  comparable,
  expectations,
  judge,
  KERNELS,
  kernelBtf,
  loadFixture,
  type Kernel,
  type Outcome,
  type RecordedPrograms,
} from './fixturePrograms';

const folder = fixture('rulebook');
const gapsFile = path.join(folder, 'gaps.json');
const recorded = JSON.parse(fs.readFileSync(path.join(folder, 'recorded.json'), 'utf8')) as RecordedPrograms;
const gaps = JSON.parse(fs.readFileSync(gapsFile, 'utf8')) as Record<string, string>;
const rawPrograms = new Map<Kernel, ReturnType<typeof rawRules>>();
const update = process.env.UPDATE_GOLDEN === '1';

const same = (a: Outcome, b: Outcome): boolean =>
  a.verdict === b.verdict && a.errno === b.errno && a.message === b.message;

describe('rule book', () => {
  const marks = new Map<string, string>();
  for (const name of Object.keys(recorded)) {
    describe(name, () => {
      const objects = new Map<Kernel, ObjectSpec>();
      const comments = name === 'raw' ? [] : expectations(folder, name);
      const object = (kernel: Kernel): ObjectSpec => {
        let loaded = objects.get(kernel);
        if (loaded === undefined) objects.set(kernel, (loaded = loadFixture(folder, name, kernel)));
        return loaded;
      };
      const find = (programName: string, kernel: Kernel): { program: ProgramSpec; inObject: ObjectSpec } => {
        if (name === 'raw') {
          const { types } = kernelBtf(kernel);
          let programs = rawPrograms.get(kernel);
          if (programs === undefined) rawPrograms.set(kernel, (programs = rawRules(types)));
          const raw = programs.find((p) => p.id === programName);
          assert.ok(raw !== undefined);
          const read = rawObject(raw, { kernelTypeName: (id) => types.at(id)?.name });
          assert.ok(read.ok, read.ok ? undefined : read.problem.message);
          return { program: read.value.program, inObject: read.value.object };
        }
        const inObject = object(kernel);
        const program = inObject.programs.find((p) => p.name === programName);
        assert.ok(program !== undefined);
        return { program, inObject };
      };
      for (const [programName, kernels] of Object.entries(recorded[name])) {
        for (const kernel of KERNELS) {
          const truth = kernels[kernel];
          if (truth === undefined) continue;
          const key = `${name}/${programName} ${kernel}`;
          it(`${programName} on ${kernel} is ${truth.verdict}${truth.message === '' ? '' : `: ${truth.message}`}`, function () {
            this.timeout(600_000);
            const { program, inObject } = find(programName, kernel);
            const verdict = judge(program, inObject, kernel);
            const [ours, theirs] = [comparable(verdict), comparable(truth)];
            const agrees = same(ours, theirs);
            if (!agrees && (update || gaps[key] !== undefined)) {
              const mark = `gap: we say ${`${ours.verdict} ${ours.message}`.trim()}`;
              marks.set(key, mark);
              if (!update) assert.equal(mark, gaps[key], 'the gap is another than gaps.json says');
              return;
            }
            assert.deepEqual(ours, theirs);
            assert.ok(update || gaps[key] === undefined, 'this gap is closed: take its mark off gaps.json');
            checkRefusal(verdict, truth, program, comments, kernel);
          });
        }
      }
    });
  }

  it('has at least 400 programs, and marks no gap of one that is not there', () => {
    const programs = Object.values(recorded).reduce((sum, file) => sum + Object.keys(file).length, 0);
    assert.ok(programs >= 400, `${programs} programs`);
    for (const key of Object.keys(gaps)) {
      const [, name, program, kernel] = /^(\w+)\/(\w+) (.*)$/.exec(key) ?? [];
      assert.ok(recorded[name]?.[program]?.[kernel as Kernel], `gaps.json marks ${key}, which is not there`);
    }
  });

  after(() => {
    const text = Object.fromEntries([...marks].sort(([a], [b]) => (a < b ? -1 : 1)));
    if (update) fs.writeFileSync(gapsFile, JSON.stringify(text, undefined, 2) + '\n');
    console.log(`      rule book: ${marks.size} gaps`);
  });
});
