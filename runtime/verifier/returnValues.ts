/**
 * R0 at exit: of the program (by program and attach type), of a timer callback (exactly 0), of other callbacks (0 or 1),
 * of a global function verified on its own (a number).
 * Evidence: fixtures `return-*`; the wording changed with 6.8.
 */
import { progTypeByName, returnRange, type ReturnRange } from '../spec/progTypes';
import { BOOL_HOOKS } from '../spec/attachPoints';
import { checkUnmodifiedPointer } from './contextAccess';
import { hasFeature, reject, unknown, type VerifierEnv } from './env';
import type { FuncFrame } from './frame';
import { returnsNothing } from './globalPrototypes';
import { EACCES, EINVAL, ENOTSUPP } from './outcome';
import { markPrecise } from './precision';
import { checkRegArg } from './regArgs';
import { S64_MAX, S64_MIN } from '../util/u64';
import type { RegState } from './regState';
import { regTypeName } from './regText';
import { implementedMember, returnsObject } from './structOps';
import { attachProto } from './typedArguments';
import { tnumConst, tnumContains, tnumIsUnknown, tnumRange, tnumText } from './tnum';

type Place = 'program exit' | 'async callback' | 'callback return';

const ZERO: ReturnRange = { min: 0, max: 0 };

/** The values that a register has, and those that it should have. */
export function valuesText(reg: RegState, range: ReturnRange): string {
  let has = '';
  if (reg.smin > S64_MIN) has += ` smin=${reg.smin}`;
  if (reg.smax < S64_MAX) has += ` smax=${reg.smax}`;
  return `${has === '' ? ' unknown scalar value' : has} should have been in [${range.min}, ${range.max}]`;
}

function wrongValue(
  env: VerifierEnv,
  place: Place,
  reg: RegState,
  regno: number,
  range: ReturnRange,
  note?: string,
): never {
  let text: string;
  if (hasFeature(env, 'returnRangeSigned')) {
    text = valuesText(reg, range);
  } else {
    const wanted = tnumRange(BigInt(range.min), BigInt(range.max));
    text = tnumIsUnknown(reg.bits) ? ' unknown scalar value' : ` value ${tnumText(reg.bits)}`;
    text += ` should have been in ${tnumText(range.min === range.max ? tnumConst(BigInt(range.min)) : wanted)}`;
  }
  const where =
    place === 'async callback' && hasFeature(env, 'returnRangeSigned') ? 'async callback return' : place;
  const message = `At ${where} the register R${regno} has${text}`;
  // The kernel's last line is what counts as its message.
  if (note !== undefined) env.log.message(message);
  return reject(env, {
    code:
      place === 'async callback'
        ? 'timer-callback-return'
        : place === 'callback return'
          ? 'callback-return'
          : 'program-return',
    category: 'Policy',
    errno: EINVAL,
    message: note ?? message,
    registers: [regno],
    facts: { min: range.min, max: range.max, programType: env.program.type },
  });
}

/** Whether the register's possible values lie in the range, as this kernel compares. */
function within(env: VerifierEnv, reg: RegState, range: ReturnRange): boolean {
  if (hasFeature(env, 'returnRangeSigned'))
    return reg.smin >= BigInt(range.min) && reg.smax <= BigInt(range.max);
  return tnumContains(tnumRange(BigInt(range.min), BigInt(range.max)), reg.bits);
}

function notScalar(env: VerifierEnv, message: string, regno: number, errno: number): never {
  return reject(env, {
    code: 'return-not-a-number',
    category: 'Register Type Safety',
    errno,
    message,
    registers: [regno],
  });
}

/** A callback that its helper called: the helper reads R0 as "go on" or "stop". */
function checkCallbackReturn(env: VerifierEnv, reg: RegState, regno: number, range: ReturnRange): void {
  if (reg.type !== 'scalar') notScalar(env, 'R0 not a scalar value', regno, EACCES);
  if (!within(env, reg, range)) wrongValue(env, 'callback return', reg, regno, range);
}

/** `valueOf`: the frame whose register it is, when an exception leaves frames behind. */
export function checkReturnValue(
  env: VerifierEnv,
  frame: FuncFrame,
  regno: number,
  valueOf: FuncFrame = frame,
): void {
  if (frame.inCallback) {
    return checkCallbackReturn(env, frame.regs[regno], regno, frame.callbackReturn ?? { min: 0, max: 1 });
  }
  const type = progTypeByName(env.program.type);
  // R1 is what was thrown
  const thrownFar = regno === 1 && env.features.throwsLeaveProgram;
  const isMain = (frame.subprog === 0 || frame.inExceptionCallback || thrownFar) && !frame.inAsyncCallback;
  const lsm = isMain && env.program.type === 'BPF_PROG_TYPE_LSM';
  if (isMain && implementedMember(env)?.returnType === 0) return;
  const voidHook = lsm && hookReturnsNothing(env);
  if (voidHook && env.program.attachType !== 'BPF_LSM_CGROUP') return;
  if (!isMain && !frame.inAsyncCallback && returnsNothing(env, frame.subprog)) return;
  checkRegArg(env, regno, 'src');
  const reg = valueOf.regs[regno];
  let place: Place = 'program exit';
  let range: ReturnRange | undefined;
  if (frame.inAsyncCallback) {
    place = 'async callback';
    range = ZERO;
  } else if (!isMain) {
    if (reg.type !== 'scalar') {
      notScalar(
        env,
        `At subprogram exit the register R${regno} is not a scalar value (${regTypeName(reg)})`,
        regno,
        EINVAL,
      );
    }
    return;
  } else {
    if (type === undefined) return unknown(env, `program type ${env.program.type}`);
    range = lsm ? hookRange(env, voidHook) : returnRange(type, env.program.attachType);
  }
  const returned = isMain ? returnsObject(env, reg) : undefined;
  if (returned === 'object') return checkUnmodifiedPointer(env, reg, regno, false);
  if (returned === 'null') range = ZERO;
  if (range === undefined) return;
  if (isMain && isTracedHook(env)) refuseWordless(env);
  if (reg.type !== 'scalar') {
    const signed = hasFeature(env, 'returnRangeSigned');
    const where =
      place === 'async callback'
        ? signed
          ? 'At async callback return the register'
          : 'In async callback the register'
        : 'At program exit the register';
    notScalar(env, `${where} R${regno} is not a known value (${regTypeName(reg)})`, regno, EINVAL);
  }
  if (hasFeature(env, 'returnRangeSigned')) markPrecise(env, regno);
  // What a hook returns is an int: the low half counts.
  const narrow = lsm && env.program.attachType === 'BPF_LSM_MAC';
  if (narrow ? reg.s32min >= range.min && reg.s32max <= range.max : within(env, reg, range)) return;
  wrongValue(env, place, reg, regno, range, voidHook ? VOID_HOOK_NOTE : undefined);
}

/** Older kernels have no rule for tracing programs that attach in the way of hooks. */
const isTracedHook = (env: VerifierEnv): boolean =>
  env.program.type === 'BPF_PROG_TYPE_TRACING' &&
  (env.program.attachType?.startsWith('BPF_LSM_') ?? false) &&
  !hasFeature(env, 'tracedHookReturns');

const refuseWordless = (env: VerifierEnv): never =>
  reject(env, { code: 'load-attach-type', category: 'Policy', errno: ENOTSUPP, message: '' });

const VOID_HOOK_NOTE = "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!";

export function hookReturnsNothing(env: VerifierEnv): boolean {
  const proto = attachProto(env);
  if (proto === undefined) return unknown(env, `the prototype of ${env.program.attachTo ?? 'the hook'}`);
  return proto.returnType === 0;
}

/** What a security hook may return to the kernel; undefined: anything. */
export function hookReturnRange(env: VerifierEnv): ReturnRange | undefined {
  if (!hasFeature(env, 'hookReturnRanges') || hookReturnsNothing(env)) return undefined;
  return BOOL_HOOKS.has(env.program.attachTo ?? '') ? { min: 0, max: 1 } : { min: -4095, max: 0 };
}

function hookRange(env: VerifierEnv, voidHook: boolean): ReturnRange | undefined {
  const { attachType } = env.program;
  if (attachType !== 'BPF_LSM_CGROUP') return attachType === 'BPF_LSM_MAC' ? hookReturnRange(env) : undefined;
  return voidHook ? { min: 1, max: 1 } : { min: 0, max: 1 };
}
