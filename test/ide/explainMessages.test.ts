/** The table of messages against the verifier: the same words must be the same finding on both sides. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { kernelBtfFor } from '../../runtime/host/kernelBtf';
import { loadFor } from '../../runtime/host/loadFor';
import { findProfile } from '../../runtime/spec/profile';
import { EXPLANATIONS } from '../../runtime/verifier/diagnose/explanations';
import { knownMessage, MESSAGE_ROWS } from '../../runtime/verifier/diagnose/messageCodes';
import { verify } from '../../runtime/verifier/verify';
import { GENERAL } from '../../runtime/ide/explainGeneral';
import { fixture } from '../support/paths';

type Recorded = Record<string, Record<string, Record<string, { verdict: string; message: string }>>>;

/** Newer kernels use one wording for what the verifier's own data can tell apart. */
const SHARED_WORDS: Readonly<Record<string, readonly string[]>> = {
  'timer-missing-in-value': ['timer-many-in-value', 'timer-mangled-in-value'],
  'out-of-bounds': ['packet-out-of-bounds'],
};

describe('messages of kernels', () => {
  it('have rows in the rule book', () => {
    for (const { code } of MESSAGE_ROWS) assert.ok(code in EXPLANATIONS, code);
    for (const code of Object.keys(GENERAL)) assert.ok(code in EXPLANATIONS, code);
  });

  it('have rows, all that kernels were seen to print for our programs', () => {
    const without = new Set<string>();
    let seen = 0;
    for (const folder of ['verifier', 'rulebook']) {
      const recorded = JSON.parse(fs.readFileSync(fixture(folder, 'recorded.json'), 'utf8')) as Recorded;
      for (const [file, programs] of Object.entries(recorded))
        for (const [program, kernels] of Object.entries(programs))
          for (const [kernel, { verdict, message }] of Object.entries(kernels)) {
            if (verdict !== 'rejected' || message === '') continue;
            seen++;
            if (knownMessage([message]) === undefined)
              without.add(`${kernel} ${file} ${program}: ${message}`);
          }
    }
    assert.deepEqual([...without], []);
    assert.ok(seen > 2000, String(seen));
  });

  it('mean the finding that the verifier gives with the same message', () => {
    let compared = 0;
    const files = ['verifier', 'rulebook'].flatMap((folder) =>
      fs.readdirSync(fixture(folder)).map((name) => path.join(fixture(folder), name)),
    );
    for (const kernel of ['6.1', '6.12', '7.2']) {
      const profile = findProfile(kernel);
      assert.ok(profile);
      const btf = kernelBtfFor(profile);
      const kernelBtf = btf.ok ? btf.value.btf : undefined;
      for (const file of files.filter((name) => name.endsWith('.o'))) {
        const object = loadFor({ file, bytes: fs.readFileSync(file), relaxed: true, btf: {} }, profile);
        if (!object.ok) continue;
        for (const program of object.value.programs) {
          const verdict = verify(program, object.value, profile, { kernelBtf });
          if (verdict.verdict !== 'rejected' || verdict.message === '') continue;
          const found = knownMessage([verdict.message]);
          const where = `${kernel} ${path.basename(file)} ${program.name}: ${verdict.message}`;
          assert.ok(found, where);
          const own = verdict.diagnostic?.code ?? '';
          if (!(SHARED_WORDS[found.code] ?? []).includes(own)) assert.equal(found.code, own, where);
          assert.equal(found.category, verdict.diagnostic?.category, where);
          compared++;
        }
      }
    }
    assert.ok(compared > 1000, String(compared));
  }).timeout(600_000);
});
