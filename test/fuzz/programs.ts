/** The generated program of a seed: even seeds are careless, odd ones typed. */
import type { RawProgram } from '../../runtime/loader/rawProgram';
import { generate } from './generate';
import { typedProgram } from './typedPrograms';

export const programOf = (seed: number): RawProgram => (seed % 2 === 0 ? generate(seed) : typedProgram(seed));

export const programsFrom = (from: number, count: number): RawProgram[] =>
  Array.from({ length: count }, (_, i) => programOf(from + i));
