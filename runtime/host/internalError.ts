/**
 * How a failure of our own is told. An assertion that fails in one program must not cost the answers for all others, so it
 * becomes that program's answer: an `error`, never a verdict.
 */
import type { ProgramSpec } from '../loader/objectSpec';
import { ERRNO } from '../spec/errno';
import type { Profile } from '../spec/profile';
import type { Problem } from '../util/problem';
import { errorVerdict, type Verdict } from '../verifier/verdict';

export const INTERNAL_ERROR = 'internal-error';

/** @param text an exception's message or stack; its first line is shown. */
export function internalErrorProblem(file: string, text: string): Problem {
  return {
    code: INTERNAL_ERROR,
    message: `${file}: internal error of BPF Studio: ${text.split('\n')[0]}`,
    place: { file },
    remedy: 'This is our bug, not yours: please report it with the file.',
  };
}

/** The answer for `program` when the verifier itself failed on it. */
export function internalErrorVerdict(
  file: string,
  program: Pick<ProgramSpec, 'name' | 'section' | 'type'>,
  profile: Profile,
  error: unknown,
): Verdict {
  const text = error instanceof Error ? error.message : String(error);
  return errorVerdict(program, profile, ERRNO.EINVAL, internalErrorProblem(file, text));
}
