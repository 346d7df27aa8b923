/**
 * How the parts of the loader give up: an exception inside, a `Problem` outside. A refusal of one program leaves the
 * others of the object usable; a refusal thrown outside any program is one of the whole object.
 */
import type { Problem } from '../util/problem';

export class Refusal extends Error {
  override name = 'Refusal';
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

/** Gives up with a problem of `file`. */
export function refuse(file: string, code: string, message: string, remedy?: string, offset?: number): never {
  throw new Refusal({ code, message, place: { file, offset }, remedy });
}
