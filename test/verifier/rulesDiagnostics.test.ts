/** Explanations of refusals: every refusal of the fixtures has one of its own, and the causal path names the right places. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { loadObject } from '../../runtime/loader/loadObject';
import type { ObjectSpec, ProgramSpec } from '../../runtime/loader/objectSpec';
import { findProfile } from '../../runtime/spec/profile';
import { EXPLANATIONS } from '../../runtime/verifier/diagnose/explanations';
import type { Diagnostic } from '../../runtime/verifier/verdict';
import { verify } from '../../runtime/verifier/verify';
import { fixture } from '../support/paths';

const folder = fixture('verifier');

function load(name: string): ObjectSpec {
  const loaded = loadObject(name, new Uint8Array(fs.readFileSync(path.join(folder, `${name}.bpf.o`))));
  assert.ok(loaded.ok);
  return loaded.value;
}

function diagnosticOf(object: ObjectSpec, program: ProgramSpec, kernel = '6.12'): Diagnostic | undefined {
  const profile = findProfile(kernel);
  assert.ok(profile);
  return verify(program, object, profile).diagnostic;
}

function explained(name: string, program: string, kernel = '6.12'): Diagnostic {
  const object = load(name);
  const found = object.programs.find((p) => p.name === program);
  assert.ok(found, program);
  const diagnostic = diagnosticOf(object, found, kernel);
  assert.ok(diagnostic, `${program} is refused`);
  return diagnostic;
}

describe('explanations of refusals', () => {
  for (const file of fs.readdirSync(folder).filter((f) => f.endsWith('.bpf.o'))) {
    const name = file.replace('.bpf.o', '');
    it(`has a row for every refusal in ${name}`, () => {
      const object = load(name);
      for (const program of object.programs) {
        for (const kernel of ['6.1', '6.12', '7.2']) {
          const diagnostic = diagnosticOf(object, program, kernel);
          if (diagnostic === undefined) continue;
          assert.ok(
            diagnostic.code in EXPLANATIONS,
            `${program.name}: no explanation of '${diagnostic.code}'`,
          );
          assert.match(diagnostic.code, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
          assert.doesNotMatch(diagnostic.reason, /undefined|NaN|''/, diagnostic.reason);
          assert.doesNotMatch(diagnostic.suggestion, /undefined|NaN|''/);
          assert.notEqual(diagnostic.reason, diagnostic.message);
          for (const step of diagnostic.causalPath) {
            assert.ok(step.insn >= 0 && step.insn < program.insns.length);
            assert.ok(step.text.length > 0);
          }
        }
      }
    });
  }

  it('names the lookup that may have returned NULL', () => {
    const diagnostic = explained('access', 'null_not_tested');
    assert.equal(diagnostic.code, 'null-dereference');
    assert.match(diagnostic.causalPath[0]?.text ?? '', /looked up in map 'values'/);
    assert.match(diagnostic.suggestion, /NULL/);
  });

  it('names both maps of a mismatch', () => {
    const diagnostic = explained('timerArguments', 'other_map');
    assert.equal(diagnostic.code, 'timer-map-mismatch');
    assert.match(diagnostic.reason, /'timers'.*'others'/);
    assert.match(diagnostic.suggestion, /&timers/);
    assert.deepEqual(diagnostic.registers, [1, 2]);
  });

  it('says why libbpf dropped the type information of a map', () => {
    const diagnostic = explained('timerMaps', 'percpu_array');
    assert.match(diagnostic.reason, /PERCPU_ARRAY cannot hold/);
  });

  it('tells which member the timer is when the offset is wrong', () => {
    assert.match(explained('timerArguments', 'wrong_offset').suggestion, /&value->timer/);
  });

  it('leads from a callback back to the call that named it', () => {
    const diagnostic = explained('timerCallback', 'writes_key');
    assert.match(diagnostic.causalPath[0]?.text ?? '', /bpf_timer_set_callback was given writes\(\)/);
    assert.match(diagnostic.causalPath[1]?.text ?? '', /the timer calls writes\(\)/);
  });

  it('shows where the lock was taken and where the record was reserved', () => {
    assert.ok(explained('lock', 'call_inside').causalPath.some((step) => /lock was taken/.test(step.text)));
    assert.ok(explained('helpers', 'ring_leak').causalPath.some((step) => /acquired here/.test(step.text)));
  });

  it('is the same twice', () => {
    assert.deepEqual(explained('timerCallback', 'writes_key'), explained('timerCallback', 'writes_key'));
  });
});
