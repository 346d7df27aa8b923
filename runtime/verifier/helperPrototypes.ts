/** The prototype of a helper as the program being verified sees it. */
import { helperAllowed, helperPrototype, kernelHasHelper } from '../spec/helperPrograms';
import { helperById, type ArgKind, type HelperPrototype } from '../spec/helpers';
import type { VerifierEnv } from './env';

/** What a helper wants in R1, R2 …; undefined when the program cannot call it. */
export const helperArguments = (env: VerifierEnv, id: number): readonly ArgKind[] | undefined =>
  callableHelper(env, id)?.args;

/** A helper's prototype; undefined when the program cannot call it. */
export function callableHelper(env: VerifierEnv, id: number): HelperPrototype | undefined {
  const row = helperById(id);
  if (row === undefined || !kernelHasHelper(env.profile, id)) return undefined;
  if (helperAllowed(env.profile, env.program.type, env.program.attachType, id) === 'no') return undefined;
  return helperPrototype(env.profile, row, env.program.type);
}
