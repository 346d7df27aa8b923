/**
 * What is judged before the first instruction: program type, sleepability, every map that the program mentions.
 */
import { progTypeByName } from '../spec/progTypes';
import { PROFILES } from '../spec/profile';
import { reject, unknown, type VerifierEnv } from './env';
import { checkMapWithProgram } from './mapRules';
import { EINVAL } from './outcome';
import { pointer, type RegState } from './regState';

/** Types whose rules are not written. */
const NOT_MODELLED = new Set(['BPF_PROG_TYPE_STRUCT_OPS', 'BPF_PROG_TYPE_EXT', 'BPF_PROG_TYPE_LIRC_MODE2']);

const position = (name: string): number => PROFILES.findIndex((profile) => profile.name === name);

export function checkProgram(env: VerifierEnv): void {
  const { program } = env;
  const row = progTypeByName(program.type);
  if (row === undefined || NOT_MODELLED.has(program.type))
    return unknown(env, `program type ${program.type}`);
  if (row.since !== undefined && position(env.profile.name) < position(row.since)) {
    return unknown(env, `program type ${program.type} on ${env.profile.name}`);
  }
  checkSleepable(env, row.sleepable);
  const seen = new Set<number>();
  const slots = [...program.references.keys()].sort((a, b) => a - b);
  for (const slot of slots) {
    const reference = program.references.get(slot);
    if (reference?.kind !== 'map' && reference?.kind !== 'mapValue') continue;
    if (seen.has(reference.map)) continue;
    seen.add(reference.map);
    checkMapWithProgram(env, env.maps[reference.map]);
  }
}

function checkSleepable(env: VerifierEnv, rule: 'may' | 'always' | undefined): void {
  const { program } = env;
  if (rule === 'always' && !program.sleepable) {
    reject(env, {
      code: 'program-must-sleep',
      category: 'Policy',
      errno: EINVAL,
      message: 'Syscall programs can only be sleepable',
      insn: -1,
    });
  }
  if (rule === undefined && program.sleepable) unknown(env, `sleepable programs of type ${program.type}`);
}

/** R1 at entry of the main program. */
export const contextRegister = (): RegState => pointer('ctx');
