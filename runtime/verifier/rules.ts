/** The rules that the engine uses; each entry is one file's entry point. Those missing answer `unknown`. */
import { explain } from './diagnose/diagnose';
import { checkGlobalMemArg, checkHelperCall } from './helperCalls';
import { checkKfuncCall } from './kfuncCalls';
import { refusedMap } from './mapCreation';
import { checkMemAccess } from './memoryAccess';
import { checkAttachment, checkProgramType, contextRegister, namedMapCheck } from './programRules';
import { ownArguments } from './structOps';
import { checkReturnValue } from './returnValues';
import type { Rules } from './seams';

export const RULES: Rules = {
  objectProblem: (env) => refusedMap(env.object, env.profile, env.program),
  checkProgramType,
  checkAttachment,
  namedMapCheck,
  contextRegister,
  ownArguments,
  checkMemAccess,
  checkHelperCall,
  checkKfuncCall,
  checkGlobalMemArg,
  checkReturnValue,
  explain,
};
