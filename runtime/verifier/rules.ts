/** The rules that the engine uses; each entry is one file's entry point. Those missing answer `unknown`. */
import { unknown } from './env';
import { pointer } from './regState';
import type { Rules } from './seams';

export const RULES: Rules = {
  checkProgram: () => undefined,
  contextRegister: () => pointer('ctx'),
  checkMemAccess: (env) => unknown(env, 'memory access rules'),
  checkHelperCall: (env) => unknown(env, 'helper call rules'),
  checkKfuncCall: (env, insnIdx) => {
    const reference = env.program.references.get(insnIdx);
    return unknown(env, `kfunc ${reference?.kind === 'kfunc' ? reference.name : '?'}`);
  },
  checkGlobalMemArg: (env) => unknown(env, 'memory arguments of global functions'),
  checkReturnValue: () => undefined,
  explain: () => undefined,
};
