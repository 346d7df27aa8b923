/** Our verdict on raw programs, and how it compares with a kernel's answers. */
import { lazyKernelBtf } from '../../runtime/host/loadFor';
import { GUEST_CPUS, rawObject, type RawProgram } from '../../runtime/loader/rawProgram';
import { findProfile, type Profile } from '../../runtime/spec/profile';
import { verify } from '../../runtime/verifier/verify';
import type { Verdict } from '../../runtime/verifier/verdict';
import { compare, type Comparison } from '../oracle/agreement';
import type { RawAnswer } from '../oracle/rawPrograms';

export function profileOf(kernel: string): Profile {
  const profile = findProfile(kernel);
  if (!profile) throw new Error(`no profile ${kernel}`);
  return profile;
}

type Judged = Pick<Verdict, 'verdict' | 'message' | 'stats'>;
const NO_STATS = { processedInsns: 0, totalStates: 0, peakStates: 0, stackDepth: [] };

/** A malformed description is an `error`; what is thrown is our bug. */
export function judgeRaw(raw: RawProgram, profile: Profile): Judged | Error {
  const btf = lazyKernelBtf(profile, {});
  const read = rawObject(raw, { kernelTypeName: (id) => btf.kernelBtf?.types.at(id)?.name });
  if (!read.ok) return { verdict: 'error', message: read.problem.message, stats: NO_STATS };
  try {
    return verify(read.value.program, read.value.object, profile, {
      possibleCpus: GUEST_CPUS,
      get kernelBtf() {
        return btf.kernelBtf;
      },
    });
  } catch (error) {
    return error as Error;
  }
}

/** Guests under emulation may be too slow for programs of a million steps: such answers say nothing. */
export const noAnswer = (answer: RawAnswer): boolean =>
  answer.verdict === 'kernel_crash' || (answer.error ?? '').startsWith('no answer');

/** Undefined when the kernel gave no answer. */
export function compareRaw(raw: RawProgram, answer: RawAnswer, profile: Profile): Comparison | undefined {
  if (noAnswer(answer)) return undefined;
  const verdict = answer.verdict === 'ok' || answer.verdict === 'fail' ? answer.verdict : 'libbpf_error';
  return compare({ ...answer, verdict, file: `seed ${raw.id}`, prog: '' }, judgeRaw(raw, profile));
}
