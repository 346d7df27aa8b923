/** The generators by name; each makes one program of a seed, always the same. */
import type { RawProgram } from '../../runtime/loader/rawProgram';
import { fixture } from '../support/paths';
import { generate } from './generate';
import { calls } from './habits/calls';
import { contexts } from './habits/contexts';
import { helperArguments } from './habits/helperArguments';
import { loops } from './habits/loops';
import { mutations } from './habits/mutations';
import { newerInsns } from './habits/newerInsns';
import { oddLines } from './habits/oddLines';
import { scalars } from './habits/scalars';
import { shape } from './habits/shape';
import { specialFields } from './habits/specialFields';
import { stackUse } from './habits/stackUse';
import { objectPrograms } from './objectPrograms';
import { typedProgram } from './typedPrograms';

export type Generator = (seed: number) => RawProgram;

let originals: readonly RawProgram[] | undefined;
let places: readonly string[] = [fixture('rulebook'), fixture('verifier')];

/** Objects whose programs `mutations` changes. */
export function mutateObjects(paths: readonly string[]): void {
  places = paths;
  originals = undefined;
}

export const GENERATORS: Readonly<Record<string, Generator>> = {
  careless: generate,
  typed: typedProgram,
  scalars,
  stackUse,
  loops,
  calls,
  helperArguments,
  newerInsns,
  contexts,
  specialFields,
  shape,
  oddLines,
  mutations: mutations(() => (originals ??= objectPrograms(places))),
};

/** The program of a seed by the generator of that name. */
export function programOf(generator: string, seed: number): RawProgram {
  if (!Object.hasOwn(GENERATORS, generator)) throw new Error(`no generator ${generator}`);
  return GENERATORS[generator](seed);
}

/** Some of each generator, `count` in all. */
export function mixedPrograms(from: number, count: number): RawProgram[] {
  const names = Object.keys(GENERATORS);
  return Array.from({ length: count }, (_, i) => {
    const name = names[i % names.length];
    const seed = from + Math.floor(i / names.length);
    return { ...programOf(name, seed), id: `${name} ${seed}` };
  });
}

export const programsFrom = (generator: string, from: number, count: number): RawProgram[] =>
  Array.from({ length: count }, (_, i) => programOf(generator, from + i));
