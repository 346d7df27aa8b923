/**
 * Global functions are verified on their own, for any arguments that match their prototype; a call checks only that
 * the arguments do. Prototypes: `globalPrototypes.ts`.
 */
import { helperPrototype } from '../spec/helperPrograms';
import { helperById } from '../spec/helpers';
import { kfuncByName } from '../spec/kfuncs';
import { isHelperCall, isKfuncCall, isLocalCall, kfuncAt } from './callKinds';
import { calleeOf, subprogAt } from './cfg';
import { checkUnmodifiedPointer } from './contextAccess';
import { checkInitDynptr, checkDynptrPointer } from './dynptrs';
import { curFrame, newId, regOf, reject, unknown, type VerifierEnv } from './env';
import { forgetStackArguments, type FuncFrame } from './frame';
import { prototypeOf, staticParams, type Param } from './globalPrototypes';
import { checkTypedArgument } from './helperArguments';
import { forgetPacketPointers } from './helperCalls';
import { EFAULT, EINVAL, Rejection } from './outcome';
import { clearCallerSaved } from './regArgs';
import {
  isNullConst,
  isScalar,
  MAYBE_NULL,
  NOT_INIT,
  pointer,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  UNKNOWN_SCALAR,
  type RegState,
} from './regState';
import { RULES } from './rules';
import { checkStackArguments } from './stackArguments';
import { constDynptr } from './stackObjects';

function entryRegister(env: VerifierEnv, param: Param): RegState {
  switch (param.kind) {
    case 'scalar':
    case 'arena':
      return UNKNOWN_SCALAR;
    case 'ctx':
      return pointer('ctx');
    case 'dynptr':
      return constDynptr(newId(env));
    case 'untrusted':
      if (param.typeId === 0) return unknown(env, 'plain data behind untrusted arguments');
      return pointer('btfId', {
        flags: PTR_UNTRUSTED,
        btfId: param.typeId,
        btfOf: 'kernel',
        id: newId(env),
      });
    case 'trusted':
      return pointer('btfId', {
        flags: PTR_TRUSTED | (param.nullable ? MAYBE_NULL : 0),
        btfId: param.typeId,
        btfOf: 'kernel',
        id: newId(env),
      });
    case 'mem':
      return pointer('mem', {
        flags: param.nullable ? MAYBE_NULL : 0,
        memSize: param.sizeBytes,
        id: newId(env),
      });
  }
}

/** R1–R5 at the entry of a global function verified on its own. */
export function enterGlobalFunction(env: VerifierEnv, frame: FuncFrame, index: number): void {
  prototypeOf(env, index).params.forEach((param, i) => {
    frame.regs[i + 1] = entryRegister(env, param);
  });
}

/** Whether register `n` fits the parameter; what does not fit is refused with a line of its own. */
function checkParam(env: VerifierEnv, param: Param, n: number): void {
  const reg = curFrame(env).regs[n];
  const wrong = (message: string): never =>
    reject(env, {
      code: 'global-function-argument',
      category: 'Call Type Safety',
      errno: EINVAL,
      message,
      registers: [n],
    });
  if (reg.type === 'notInit' && param.kind !== 'scalar' && !env.features.globalArgTags)
    return checkUnmodifiedPointer(env, reg, n, false);
  switch (param.kind) {
    case 'scalar':
      if (!isScalar(reg)) wrong(`R${n} is not a scalar`);
      return;
    case 'ctx':
      if (reg.type !== 'ctx') wrong(`arg#${n - 1} expects pointer to ctx`);
      return checkUnmodifiedPointer(env, reg, n, false);
    case 'arena':
      if (reg.type !== 'arena' && !isScalar(reg)) wrong(`R${n} is not a pointer to arena or scalar.`);
      return;
    case 'dynptr':
      if (reg.type !== 'stack') checkUnmodifiedPointer(env, reg, n, false);
      checkDynptrPointer(env, n);
      checkInitDynptr(env, n, null);
      return;
    case 'untrusted':
      return;
    case 'trusted':
      if (param.nullable && isNullConst(reg)) return;
      return checkTypedArgument(env, n, param.typeId, param.nullable);
    case 'mem':
      RULES.checkGlobalMemArg(env, n, param.sizeBytes);
      if (param.nullable) return;
      if (env.features.nullIsNeverGiven) {
        if ((reg.flags & MAYBE_NULL) !== 0 || isNullConst(reg)) wrong(`R${n} is expected to be non-NULL`);
      } else if ((reg.flags & MAYBE_NULL) !== 0) wrong(`arg#${n - 1} is expected to be non-NULL`);
  }
}

/**
 * Before a call or a callback: the arguments beyond the fifth. Those of global functions are refused later, with all else that is
 * wrong with them.
 */
export function checkCalleeArguments(env: VerifierEnv, index: number): void {
  checkStackArguments(env, index, () => env.subprogs[index].linkage === 'global' || fitStatic(env, index));
}

/** Whether the arguments of a static function are what its type says. */
function fitStatic(env: VerifierEnv, index: number): boolean {
  const frame = curFrame(env);
  const first = frame.regs[1];
  try {
    const params = staticParams(env, index);
    params?.forEach((param, i) => {
      if (i < 5) return checkParam(env, param, i + 1);
      // What is on the stack is looked at as if it were the first one.
      frame.regs[1] = frame.stackArguments[i - 5];
      checkParam(env, param, 1);
      frame.regs[1] = first;
    });
    return params !== undefined;
  } catch (error) {
    if (!(error instanceof Rejection) || error.data.errno === EFAULT) throw error;
    return false;
  } finally {
    frame.regs[1] = first;
  }
}

/** Whether a function, or one that it calls, asks for something that may sleep, be it on a way that is never taken. */
function functionMaySleep(env: VerifierEnv, index: number, seen: Set<number> = new Set()): boolean {
  if (seen.has(index)) return false;
  seen.add(index);
  const { start, end } = env.subprogs[index];
  for (let i = start; i < end; i++) {
    const insn = env.insns[i];
    if (isHelperCall(insn)) {
      const helper = helperById(insn.imm);
      if (helper !== undefined && helperPrototype(env.profile, helper, env.program.type).maySleep === true)
        return true;
    } else if (isLocalCall(insn)) {
      if (functionMaySleep(env, subprogAt(env, calleeOf(env, i)), seen)) return true;
    } else if (isKfuncCall(insn)) {
      if (kfuncByName(env.profile, kfuncAt(env, i))?.flags.includes('sleepable') === true) return true;
    }
  }
  return false;
}

/** A global function may not be called where a lock is held or preemption is off; the line before has said so. */
function refuseHere(env: VerifierEnv): never {
  return reject(env, {
    code: 'call-under-lock',
    category: 'Execution Context Safety',
    errno: EINVAL,
    message: 'use static function instead',
  });
}

/** Why nothing may sleep where the walk is; '' if it may. */
function noSleepHere(env: VerifierEnv): string {
  const { cur } = env;
  if (cur.activeRcuLock) return 'rcu_read_lock region';
  if (cur.activePreemptLocks > 0) return 'non-preemptible region';
  if (cur.activeLock !== null) return 'lock region';
  if (cur.savedInterrupts.length > 0) return 'IRQ-disabled region';
  return cur.inSleepable ? '' : 'non-sleepable prog';
}

/** A call of a global function: arguments match the prototype; R0 is any scalar afterwards, if it returns one. */
export function checkGlobalCall(env: VerifierEnv, index: number): void {
  const subprog = env.subprogs[index];
  const f = env.features;
  if (env.cur.activeLock !== null) {
    env.log.message('global function calls are not allowed while holding a lock,');
    refuseHere(env);
  }
  if (f.globalFunctionsThatSleep && functionMaySleep(env, index)) {
    const place = noSleepHere(env);
    if (place !== '') {
      reject(env, {
        code: 'helper-may-sleep',
        category: 'Execution Context Safety',
        errno: EINVAL,
        message: `sleepable global function ${subprog.name}() called in ${place}`,
      });
    }
  }
  if (env.cur.activePreemptLocks > 0 && !f.kfuncsTrustByDefault) {
    env.log.message('global function calls are not allowed with preemption disabled,');
    refuseHere(env);
  }
  let regno = 0;
  let returnsVoid = false;
  let inMemory = false;
  try {
    const prototype = prototypeOf(env, index);
    returnsVoid = prototype.returnsVoid;
    for (const param of prototype.params) {
      inMemory = param.kind === 'mem';
      checkParam(env, param, ++regno);
    }
  } catch (error) {
    // What is wrong with the argument is a line of the log; the refusal is the call's.
    if (!(error instanceof Rejection) || error.data.errno === EFAULT) throw error;
    reject(env, {
      code: 'global-function-argument',
      category: 'Call Type Safety',
      // Whatever is wrong with memory is one errno.
      errno: inMemory && regOf(env, regno).type !== 'notInit' ? EINVAL : error.data.errno,
      message: f.globalNamesInMessages
        ? `Caller passes invalid args into func#${index} ('${subprog.name}')`
        : `Caller passes invalid args into func#${index}`,
      registers: regno === 0 ? [] : [regno],
      facts: { detail: error.data.message, global: `${subprog.name}()` },
    });
  }
  env.log.message(
    f.globalNamesInMessages
      ? `Func#${index} ('${subprog.name}') is global and assumed valid.`
      : `Func#${index} is global and valid. Skipping.`,
  );
  if (subprog.changesPacket && f.tailCallChangesPacket) forgetPacketPointers(env);
  subprog.called = true;
  clearCallerSaved(env);
  forgetStackArguments(curFrame(env));
  curFrame(env).regs[0] = returnsVoid ? NOT_INIT : UNKNOWN_SCALAR;
}
