/**
 * What explanations say of refusals that a register's own history explains: pointers that came to an end, references by name, calls
 * that the kernel lacks, arguments in words; and that a kernel's log of a refusal is followed back as the verifier follows its own path.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { explainLog } from '../../runtime/ide/explainLog';
import { HELPERS } from '../../runtime/spec/helpers';
import { KFUNC_ROWS } from '../../runtime/spec/kfuncRows';
import { lentBy, referenceAcquiredBy, REFERENCES } from '../../runtime/spec/references';
import type { Diagnostic } from '../../runtime/verifier/verdict';
import { fixture } from '../support/paths';
import { judge, loadFixture, type Kernel } from './fixturePrograms';

function explained(book: string, name: string, program: string, kernel: Kernel = '6.12'): Diagnostic {
  const object = loadFixture(fixture(book), name, kernel);
  const found = object.programs.find((p) => p.name === program);
  assert.ok(found, program);
  const { diagnostic } = judge(found, object, kernel);
  assert.ok(diagnostic, `${program} is refused`);
  return diagnostic;
}

const texts = (diagnostic: Diagnostic): string => diagnostic.causalPath.map((step) => step.text).join('\n');

describe('explanations by history', () => {
  it('a packet pointer ends where the packet may move', () => {
    const found = explained('rulebook', 'packets', 'head_adjusted');
    assert.match(found.reason, /pointer into the packet, until bpf_xdp_adjust_head was called/);
    assert.match(texts(found), /bpf_xdp_adjust_head may move the packet/);
    assert.match(found.suggestion, /get it anew/);
  });

  it('a record ends where it was submitted', () => {
    const found = explained('rulebook', 'arguments', 'used_after_submit');
    assert.match(found.reason, /a ring buffer record, until bpf_ringbuf_submit was called/);
    assert.match(texts(found), /reserved a ring buffer record.*\n[^]*bpf_ringbuf_submit ended this/);
  });

  it('what a tree owns ends with its lock', () => {
    assert.match(
      explained('rulebook', 'objects', 'first_used_after_unlock').reason,
      /an object that a list or tree owns, until bpf_spin_unlock/,
    );
  });

  it('a pointer that never was one has no end', () => {
    const found = explained('rulebook', 'functions', 'number_as_context');
    assert.doesNotMatch(found.reason, /until/);
    assert.match(texts(found), /set to 8 here/);
  });

  it('a leak names what leaks, who gave it and who takes it back, and the branch that forgot it', () => {
    const record = explained('verifier', 'timerCallback', 'leaks_record');
    assert.match(
      record.reason,
      /The ring buffer record from bpf_ringbuf_reserve is still held when leaks\(\) ends/,
    );
    assert.match(record.suggestion, /bpf_ringbuf_submit or bpf_ringbuf_discard/);
    assert.match(texts(record), /acquired here\n.*was false/);
    assert.match(explained('rulebook', 'objects', 'task_kept').suggestion, /bpf_task_release/);
    assert.match(explained('verifier', 'iterators', 'never_destroyed').suggestion, /bpf_iter_num_destroy/);
  });

  it('a missing kernel function is called by its name', () => {
    const found = explained('rulebook', 'objects', 'task_acquired', '6.1');
    assert.equal(found.code, 'no-such-helper');
    assert.match(found.reason, /kernel function bpf_task_acquire is missing/);
    assert.match(found.suggestion, /bpf_ksym_exists/);
  });

  it('a helper of other program types says of which', () => {
    assert.match(explained('rulebook', 'arguments', 'group_storage').reason, /cgroup_skb, cgroup_sock/);
  });

  it('a stack that is too large is told function by function', () => {
    assert.match(
      explained('verifier', 'timerStack', 'program_too_deep').reason,
      /program_too_deep\(\) \(\d+ bytes\) → half\(\) \(\d+ bytes\)/,
    );
  });

  it('an index tells its range, a constant offset is not told to be bounded', () => {
    assert.match(explained('verifier', 'access', 'index_too_large').reason, /the index is between 0 and 127/);
    assert.match(explained('rulebook', 'scalars', 'behind_the_value').suggestion, /the offset is a constant/);
  });

  it('a register that a call destroyed names the call', () => {
    const found = explained('rulebook', 'shape', 'legacy_load_clobbers');
    assert.match(found.reason, /R2 has no value here: the packet load destroyed it/);
  });

  it('an argument of a global function is told with its number and what it is', () => {
    assert.match(
      explained('rulebook', 'functions', 'pointer_as_number').reason,
      /Argument 1 of takes_numbers\(\) is declared as a number and is the program's context/,
    );
    assert.match(explained('rulebook', 'functions', 'memory_too_small').reason, /less memory than the type/);
  });

  it('an argument of a kernel function is told in words', () => {
    assert.match(
      explained('rulebook', 'iterators', 'slice_varying_size').reason,
      /Argument 4 of bpf_dynptr_slice must be one number that is known/,
    );
  });

  it('the only allowed result is no range', () => {
    assert.match(
      explained('rulebook', 'results', 'recvmsg_zero').reason,
      /must return 1; this path returns the number 0/,
    );
  });
});

describe('the table of references', () => {
  const helpers = new Set<string>(HELPERS.map((row) => row.name));
  const kfuncs = new Set(KFUNC_ROWS.map((row) => row.name));

  it('names helpers and kernel functions that there are', () => {
    for (const { acquiredBy, releasedBy } of REFERENCES)
      for (const name of [...acquiredBy, ...releasedBy])
        assert.ok(helpers.has(name) || kfuncs.has(name), name);
  });

  it('knows every kernel function that acquires, but those of the kernel’s own tests', () => {
    for (const { name, flags } of KFUNC_ROWS) {
      if (flags.includes('acquire') && !/_test_|_memb_/.test(name)) assert.ok(lentBy(name), name);
      if (flags.includes('iterNew'))
        assert.match(referenceAcquiredBy(name)?.releasedBy[0] ?? '', /_destroy$/);
    }
  });
});

describe('the way through a log', () => {
  const folder = fixture('logs');
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.log'))) {
    const [, kernel, name, program] = /^([\d.]+)-(\w+)-(\w+?)(?:-level2)?\.log$/.exec(file) ?? [];
    it(`of ${file} is the verifier's own`, () => {
      const object = loadFixture(fixture('verifier'), name, kernel as Kernel);
      const found = object.programs.find((p) => p.name === program);
      assert.ok(found);
      const own = judge(found, object, kernel as Kernel).diagnostic;
      const read = explainLog(fs.readFileSync(path.join(folder, file), 'utf8'));
      assert.ok(read.ok);
      const theirs = read.value[0].diagnostic;
      assert.equal(theirs?.code, own?.code);
      // How a callback came to run is not in the log.
      const ours = (own?.causalPath ?? []).filter((step) => !/ calls \w+\(\) with /.test(step.text));
      assert.deepEqual(
        (theirs?.causalPath ?? []).map((step) => step.insn),
        ours.map((step) => step.insn),
      );
    });

    it(`of ${file} needs no source lines`, () => {
      const text = fs.readFileSync(path.join(folder, file), 'utf8');
      const bare = text.replace(/^;.*\n/gm, '');
      const [whole, read] = [explainLog(text), explainLog(bare)];
      assert.ok(whole.ok && read.ok);
      const [theirs, ours] = [whole.value[0], read.value[0]];
      assert.deepEqual(
        [ours.verdict, ours.message, ours.insn],
        [theirs.verdict, theirs.message, theirs.insn],
      );
      assert.equal(ours.source, undefined);
      assert.equal(ours.diagnostic?.code, theirs.diagnostic?.code);
      assert.equal(ours.diagnostic?.reason, theirs.diagnostic?.reason);
      assert.equal(ours.diagnostic?.suggestion, theirs.diagnostic?.suggestion);
      const places = (program: typeof ours): number[] =>
        (program.diagnostic?.causalPath ?? []).map((step) => step.insn);
      // Steps on the refused line say nothing when the line is shown, so that there may be more without it.
      const without = new Set(places(ours));
      for (const insn of places(theirs)) assert.ok(without.has(insn), `instruction ${insn}`);
    });
  }
});
