/**
 * The races and bugs of timers that a verifier keeps away, by their numbers in the list of races. What is asked of each is also
 * recorded from real kernels (`rulesFixtures.test.ts`); the rest of the list is found by search (`test/explore`).
 */
import * as assert from 'node:assert/strict';
import { findProfile } from '../../runtime/spec/profile';
import { verify } from '../../runtime/verifier/verify';
import { fixture } from '../support/paths';
import { judge, KERNELS, kernelBtf, loadFixture, type Kernel } from './fixturePrograms';

const folder = fixture('verifier');

function messageOf(object: string, name: string, kernel: Kernel): string {
  const loaded = loadFixture(folder, object, kernel);
  const program = loaded.programs.find((p) => p.name === name);
  assert.ok(program, `${object} has ${name}`);
  const verdict = judge(program, loaded, kernel);
  return verdict.verdict === 'rejected' ? verdict.message : verdict.verdict;
}

describe('races of timers that the verifier keeps away', () => {
  it('R7: the map in bpf_timer_init is the inner map that the timer is in, not the template or another inner map', () => {
    for (const kernel of KERNELS) {
      assert.equal(messageOf('timerInner', 'same_inner', kernel), 'accepted');
      for (const name of ['other_inner', 'same_key_twice', 'template_instead'])
        assert.match(messageOf('timerInner', name, kernel), /^timer pointer in R1 map_uid=\d+ doesn't match/);
    }
  });

  it('R15b: callbacks that name themselves or each other neither loop nor are refused', () => {
    for (const kernel of KERNELS)
      for (const name of ['sets_itself', 'ping_pong'])
        assert.equal(messageOf('timerCallback', name, kernel), 'accepted', `${name} on ${kernel}`);
  });

  it('R17: tracing programs cannot use maps with timers until 6.19, since they run inside timer and lock code', () => {
    for (const name of [
      'in_kprobe',
      'in_tracepoint',
      'in_raw_tracepoint',
      'in_perf_event',
      'kprobe_only_looks',
    ])
      for (const kernel of KERNELS)
        assert.equal(
          messageOf('timerPrograms', name, kernel),
          kernel === '7.2' ? 'accepted' : 'tracing progs cannot use bpf_timer yet',
          `${name} on ${kernel}`,
        );
  });

  it('R19: the stack of a callback and of what it calls counts', () => {
    for (const kernel of KERNELS) {
      assert.equal(messageOf('timerStack', 'each_apart', kernel), 'accepted');
      for (const name of ['too_deep_callback', 'program_too_deep'])
        assert.match(
          messageOf('timerStack', name, kernel),
          /^combined stack size of 2 calls is \d+\. Too large/,
        );
    }
  });

  it('R26: timers are refused on real-time kernels, where waiting for a callback sleeps', () => {
    const base = findProfile('6.12');
    assert.ok(base);
    const object = loadFixture(folder, 'timerArguments', '6.12');
    const program = object.programs.find((p) => p.name === 'init_ok');
    assert.ok(program);
    const options = { kernelBtf: kernelBtf('6.12') };
    const verdict = verify(program, object, { ...base, preemptRt: true }, options);
    assert.equal(verdict.verdict, 'rejected');
    assert.equal(
      verdict.verdict === 'rejected' && verdict.message,
      'bpf_timer cannot be used for PREEMPT_RT.',
    );
    assert.equal(verify(program, object, base, options).verdict, 'accepted');
  });

  it('R28: a callback set by a sleepable program must not sleep: enforced from 6.18', () => {
    assert.equal(messageOf('timerMore', 'callback_sleeps', '6.12'), 'accepted');
    assert.match(messageOf('timerMore', 'callback_sleeps', '7.2'), /sleep/);
  });
});
