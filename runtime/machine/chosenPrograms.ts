/** Which programs of an object a machine loads, and the maps that they name. */
import type { ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import { fail, ok, type Problem, type Result } from '../util/problem';

/** Ids of the maps that a program's instructions name. */
export function usedMaps(spec: ProgramSpec): number[] {
  const ids = new Set<number>();
  for (const reference of spec.references.values()) if ('map' in reference) ids.add(reference.map + 1);
  return [...ids];
}

export function choosePrograms(
  object: ObjectSpec,
  names: readonly string[] | undefined,
): Result<readonly ProgramSpec[]> {
  if (names === undefined) return ok(object.programs.filter((p) => p.autoload));
  const chosen: ProgramSpec[] = [];
  for (const name of names) {
    const program = object.programs.find((p) => p.name === name);
    if (program === undefined) return fail(noSuchProgram(object.file, object.programs, name));
    chosen.push(program);
  }
  return ok(chosen);
}

export function noSuchProgram(
  file: string,
  programs: readonly { readonly name: string }[],
  name: string,
): Problem {
  const have = programs.map((p) => p.name).join(', ');
  return {
    code: 'no-such-program',
    message: `there is no program '${name}'`,
    place: { file },
    remedy: have === '' ? 'The object has no programs.' : `Programs of the object: ${have}.`,
  };
}
