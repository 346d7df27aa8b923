/**
 * The function that runs when a program throws (bpf_throw): the program names it in a declaration tag, else the thrown
 * number is what the program returns. What must not be held when something is thrown: `exitChecks.ts`.
 * Evidence: recorded answers of 6.12 and 7.2.
 */
import { declTagsOf, findType, resolvedType } from '../btf/query';
import { isKfuncCall, isLocalCall, kfuncAt } from './callKinds';
import { calleeOf, subprogAt } from './cfg';
import { reject, type VerifierEnv } from './env';
import { EEXIST, EINVAL, ENOENT } from './outcome';

const TAG = 'exception_callback:';

/** Marks the function that the main program names as its exception callback. Asked once, before any walk. */
export function findExceptionCallback(env: VerifierEnv): void {
  const { btf } = env.object;
  const main = env.subprogs[0];
  if (btf === undefined || main.btfId === 0 || !env.features.exceptions) return;
  const refuse = (message: string, errno: number): never =>
    reject(env, {
      code: 'exception-callback',
      category: 'Program Structure',
      errno,
      message,
      insn: -1,
    });
  const names = declTagsOf(btf, main.btfId)
    .filter((tag) => tag.startsWith(TAG))
    .map((tag) => tag.slice(TAG.length));
  if (names.length === 0) return;
  if (names.length > 1) refuse('multiple exception callback tags for main subprog', EEXIST);
  const btfId = findType(btf, names[0], 'func');
  if (btfId === 0) refuse(`exception callback '${names[0]}' could not be found in BTF`, ENOENT);
  const func = btf.types[btfId];
  if (func.kind === 'func' && func.linkage !== 'global')
    refuse(`exception callback '${names[0]}' must have global linkage`, EINVAL);
  const callback = env.subprogs.find((subprog) => subprog.btfId === btfId);
  if (callback === undefined) {
    return refuse('exception callback not found in func_info', ENOENT);
  }
  callback.isCallback = true;
  callback.isAsyncCallback = true;
  callback.isExceptionCallback = true;
  callback.called = true;
}

/** Whether what is thrown goes to a function of the program's own. */
export const hasExceptionCallback = (env: VerifierEnv): boolean =>
  env.subprogs.some((subprog) => subprog.isExceptionCallback);

/** Marks the functions in which, or below which, something may be thrown. */
export function findThrowers(env: VerifierEnv): void {
  for (let again = true; again;) {
    again = false;
    for (const subprog of env.subprogs) {
      if (subprog.mayThrow) continue;
      for (let slot = subprog.start; slot < subprog.end; slot++) {
        const insn = env.insns[slot];
        const callee = isLocalCall(insn) ? env.subprogs[subprogAt(env, calleeOf(env, slot))] : undefined;
        if (callee?.mayThrow !== true && !(isKfuncCall(insn) && kfuncAt(env, slot) === 'bpf_throw')) continue;
        subprog.mayThrow = true;
        again = true;
        break;
      }
    }
  }
}

/** The callback gets the thrown number and nothing else. Asked when it is verified on its own. */
export function checkExceptionPrototype(env: VerifierEnv, index: number): void {
  const { btf } = env.object;
  const func = btf?.types[env.subprogs[index].btfId];
  const proto = func?.kind === 'func' ? btf?.types[func.type] : undefined;
  if (env.features.globalVoid && proto?.kind === 'funcProto' && proto.returnType === 0)
    reject(env, {
      code: 'exception-callback',
      category: 'Call Type Safety',
      errno: EINVAL,
      message: 'exception cb cannot return void',
    });
  if (btf !== undefined && proto?.kind === 'funcProto' && proto.params.length === 1) {
    const { kind } = resolvedType(btf, proto.params[0].type);
    if (kind === 'int' || kind === 'enum') return;
  }
  reject(env, {
    code: 'exception-callback',
    category: 'Call Type Safety',
    errno: EINVAL,
    message: 'exception cb only supports single integer argument',
  });
}
