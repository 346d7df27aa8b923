/** Our verdict on raw programs, and how it compares with a kernel's answers. */
import { rawObject, type RawProgram } from '../../runtime/loader/rawProgram';
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

export function judgeRaw(raw: RawProgram, profile: Profile): Verdict | Error {
  const read = rawObject(raw);
  if (!read.ok) return new Error(read.problem.message);
  try {
    return verify(read.value.program, read.value.object, profile, {});
  } catch (error) {
    return error as Error;
  }
}

/** Guests under emulation may be too slow for programs of a million steps: such answers say nothing. */
const noAnswer = (answer: RawAnswer): boolean =>
  answer.verdict === 'setup_error' ||
  answer.verdict === 'kernel_crash' ||
  (answer.error ?? '').startsWith('no answer');

/** Undefined when the kernel gave no answer. */
export function compareRaw(raw: RawProgram, answer: RawAnswer, profile: Profile): Comparison | undefined {
  if (noAnswer(answer)) return undefined;
  const { verdict } = answer;
  if (verdict === 'setup_error' || verdict === 'kernel_crash') return undefined;
  return compare({ ...answer, verdict, file: `seed ${raw.id}`, prog: '' }, judgeRaw(raw, profile));
}
