/**
 * What programs of control groups may do with the result of the call that they judge: which hooks have it at all, and which numbers
 * the newest kernel takes. The answers are those of 6.1, 6.12 and 7.2 to the same bare programs.
 */
import * as assert from 'node:assert/strict';
import { assemble } from '../../runtime/insn/assemble';
import { encode } from '../../runtime/insn/encode';
import { rawObject } from '../../runtime/loader/rawProgram';
import { findProfile } from '../../runtime/spec/profile';
import { bytesToHex } from '../../runtime/util/hexText';
import { verify } from '../../runtime/verifier/verify';

const SETSOCKOPT = 22;
const GETSOCKOPT = 21;

function judge(kernel: string, type: string, attachType: number, asm: readonly string[]): string {
  const profile = findProfile(kernel);
  assert.ok(profile);
  const insns = bytesToHex(encode(assemble([...asm, 'r0 = 1', 'exit'].join('\n'))));
  const loaded = rawObject({ id: 'retval', type, expected_attach_type: attachType, insns });
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problem.message);
  const verdict = verify(loaded.value.program, loaded.value.object, profile, {});
  return verdict.verdict === 'accepted' ? 'accepted' : (verdict.message ?? verdict.verdict);
}

const range = (text: string): string =>
  `At bpf_set_retval the register R1 has ${text} should have been in [-4095, 0]`;

describe('results of calls in control groups', () => {
  it('newest kernel: 0 or a negative error number, as a number of 32 bits', () => {
    const cases: readonly (readonly [readonly string[], string])[] = [
      [['w1 = -106'], 'accepted'],
      [['r1 = -106'], 'accepted'],
      [['w1 = 5'], range('smin=5 smax=5')],
      [['r1 = 5'], range('smin=5 smax=5')],
      [['w1 = -4096'], range('smin=4294963200 smax=4294963200')],
      [['call 186', 'r1 = r0'], 'accepted'],
      [['call 186', 'w1 = w0'], 'accepted'],
      [['call 7', 'w1 = w0'], range('smin=0 smax=4294967295')],
      [['call 7', 'r1 = r0'], range('unknown scalar value')],
    ];
    for (const [asm, answer] of cases) {
      const program = [...asm, 'call 187'];
      assert.equal(judge('7.2', 'cgroup_sockopt', SETSOCKOPT, program), answer, asm.join('; '));
      assert.equal(judge('7.2', 'cgroup_sockopt', GETSOCKOPT, program), 'accepted', asm.join('; '));
      assert.equal(judge('6.12', 'cgroup_sockopt', SETSOCKOPT, program), 'accepted', asm.join('; '));
    }
  });

  it('hooks that only read an address have none', () => {
    const hooks = { without: [19, 20, 29, 30, 31, 32], with: [8, 9, 10, 11, 14, 15] };
    for (const kernel of ['6.1', '6.12', '7.2']) {
      for (const hook of hooks.with)
        assert.equal(judge(kernel, 'cgroup_sock_addr', hook, ['call 186']), 'accepted', `${kernel} ${hook}`);
      for (const hook of hooks.without)
        assert.match(
          judge(kernel, 'cgroup_sock_addr', hook, ['call 186']),
          /bpf_get_retval/,
          `${kernel} ${hook}`,
        );
    }
  });
});
