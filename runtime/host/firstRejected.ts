/** Whether a kernel would take all the programs that someone is about to load together: it takes them all or none. */
import type { ObjectSpec } from '../loader/objectSpec';
import type { Profile } from '../spec/profile';
import type { Problem } from '../util/problem';
import { verify } from '../verifier/verify';
import type { KernelBtfChoice } from './kernelBtf';
import { lazyKernelBtf } from './loadFor';

/**
 * The first program that the verifier rejects; what it does not know counts as taken.
 * @param only names of the programs to load; those that the object loads by default if absent.
 */
export function firstRejected(
  object: ObjectSpec,
  only: readonly string[] | undefined,
  profile: Profile,
  btf: KernelBtfChoice,
): Problem | undefined {
  const kernel = lazyKernelBtf(profile, btf);
  for (const program of object.programs) {
    if (only === undefined ? !program.autoload : !only.includes(program.name)) continue;
    if (program.problem) continue;
    const verdict = verify(program, object, profile, kernel);
    if (verdict.verdict !== 'rejected') continue;
    return {
      code: 'program-rejected',
      message: `${program.name}: ${verdict.message}`,
      place: { file: object.file },
    };
  }
  return undefined;
}
