/** Entering and leaving frames: calls, callbacks entered at once, callbacks that run later. */
import { pushBranch, pushIndependent } from './branches';
import { earlierIteration } from './explored';
import { curFrame, reject, type VerifierEnv } from './env';
import { forgetStackArguments, newFrame, type FuncFrame, type ReturnRange } from './frame';
import { argumentsOf, markRegRead, withResultOf } from './liveness';
import { E2BIG, EINVAL } from './outcome';
import { markPrecise } from './precision';
import { clearCallerSaved } from './regArgs';
import { RULES } from './rules';
import { isNullConst } from './regState';
import { widenScalars } from './stateEquality';
import { calleeOf, subprogAt } from './cfg';
import { endsLocked } from './exitChecks';
import { checkCalleeArguments, checkGlobalCall } from './globalFunctions';
import { tellMisfit } from './globalPrototypes';
import { needStackArguments } from './stackArguments';
import { logEntry, logState } from './stateText';
import { printAll } from './unprinted';
import type { VerifierState } from './verifierState';
import { EACCES } from './outcome';

/** Frames that may lie on top of each other. */
export const maxCallFrames = (env: VerifierEnv): number => (env.features.recursionRefused ? 16 : 8);

/** Sets up the callee's registers from the caller's. */
export type CalleeSetup = (env: VerifierEnv, caller: FuncFrame, callee: FuncFrame) => void;

/** A fresh frame for `subprog` on top of `state`; held references are visible in it. */
function makeCallee(env: VerifierEnv, state: VerifierState, subprog: number, callsite: number): FuncFrame {
  if (state.frames.length >= maxCallFrames(env)) {
    reject(env, {
      code: 'call-stack-too-deep',
      category: 'Program Structure',
      errno: E2BIG,
      message: `the call stack of ${state.frames.length + 1} frames is too deep`,
    });
  }
  const caller = state.frames[state.frames.length - 1];
  const callee = newFrame(callsite, state.frames.length, subprog);
  callee.refs = caller.refs;
  printAll(env.unprinted);
  return callee;
}

/**
 * A callback that runs some time later (timer, workqueue): an independent state starting at the subprogram is put
 * aside and the path goes on behind the call. `setup` fills R1–R5 of the fresh frame (all registers are unreadable).
 */
export function pushAsyncCallback(
  env: VerifierEnv,
  insnIdx: number,
  subprog: number,
  setup: CalleeSetup,
  options: { readonly sleepable: boolean; readonly returnRange: ReturnRange },
): void {
  const callback = env.subprogs[subprog];
  checkCalleeArguments(env, subprog);
  callback.isCallback = true;
  callback.isAsyncCallback = true;
  const state = pushIndependent(env, callback.start, insnIdx, subprog, options.sleepable);
  const caller = curFrame(env);
  printAll(env.unprinted);
  const callee = state.frames[0];
  callee.asyncEntryCount = caller.asyncEntryCount + 1;
  callee.inAsyncCallback = true;
  callee.callbackReturn = options.returnRange;
  setup(env, caller, callee);
}

/**
 * A callback that the helper calls itself, any number of times. Newer kernels explore both no (further) call and one
 * more; older ones exactly one call, entered when the helper's own effects are done.
 */
export function enterCallback(
  env: VerifierEnv,
  insnIdx: number,
  subprog: number,
  setup: CalleeSetup,
  options: { readonly returnRange: ReturnRange; readonly name: string },
): void {
  const callback = env.subprogs[subprog];
  checkCalleeArguments(env, subprog);
  callback.isCallback = true;
  const fill = (state: VerifierState): FuncFrame => {
    const callee = makeCallee(env, state, subprog, insnIdx);
    const caller = state.frames[state.frames.length - 1];
    setup(env, caller, callee);
    callee.inCallback = true;
    callee.callbackReturn = options.returnRange;
    return callee;
  };
  if (!env.features.callbacksIterated) {
    const callee = fill(env.cur);
    // The call's own losses are booked on the frame that it has just entered.
    callee.regWritten |= 0x3f;
    tellMisfit(env, subprog, callee);
    env.enterAfterCall = callee;
    return;
  }
  const state = pushBranch(env, callback.start, insnIdx);
  const callee = fill(state);
  state.frames.push(callee);
  state.callbackUnrollDepth++;
  state.frames[state.frames.length - 2].callbackDepth++;
  curFrame(env).callbackDepth = 0;
}

/**
 * A call of bpf_loop with zero flags and always the same callback is replaced by a loop in the program, which takes
 * stack of its own; that the flags are zero then matters.
 */
export function noteLoopCall(env: VerifierEnv, insnIdx: number, subprog: number): void {
  const aux = env.aux[insnIdx];
  const first = aux.loopCallback < 0;
  if (!first && !aux.loopInline) return;
  const zero = isNullConst(curFrame(env).regs[4]);
  if (zero) markPrecise(env, 4);
  aux.loopInline = zero && (first || aux.loopCallback === subprog);
  if (first) aux.loopCallback = subprog;
}

/** A bpf-to-bpf call; returns the slot at which the walk goes on. */
export function callSubprog(env: VerifierEnv, insnIdx: number): number {
  const subprog = subprogAt(env, calleeOf(env, insnIdx));
  const target = env.subprogs[subprog];
  checkCalleeArguments(env, subprog);
  if (target.linkage === 'global' && subprog !== 0) {
    checkGlobalCall(env, subprog);
    if (target.mayThrow && env.features.globalThrowsChecked) endsLocked(env, 'throw');
    return insnIdx + 1;
  }
  const caller = curFrame(env);
  needStackArguments(env, caller, subprog);
  const callee = makeCallee(env, env.cur, subprog, insnIdx);
  tellMisfit(env, subprog, caller);
  for (let n = 1; n <= 5; n++) callee.regs[n] = caller.regs[n];
  // Reading an argument in the callee is reading it in the caller.
  callee.marksBefore = argumentsOf(caller.marksBefore);
  callee.regWritten = caller.regWritten & 0x3e;
  clearCallerSaved(env);
  env.cur.frames.push(callee);
  logEntry(env, caller, callee);
  return target.start;
}

/** Exit from an inner frame; returns the slot at which the caller goes on. */
export function returnToCaller(env: VerifierEnv): number {
  const { frames } = env.cur;
  const callee = frames[frames.length - 1];
  const caller = frames[frames.length - 2];
  const r0 = callee.regs[0];
  if (r0.type === 'stack') {
    reject(env, {
      code: 'returns-stack-pointer',
      category: 'Memory Safety',
      errno: EINVAL,
      message: 'cannot return stack pointer to the caller',
      registers: [0],
    });
  }
  if (callee.inCallback) {
    if (r0.type !== 'scalar') {
      reject(env, {
        code: 'callback-return-value',
        category: 'Call Type Safety',
        errno: EACCES,
        message: 'R0 not a scalar value',
        registers: [0],
      });
    }
    markRegRead(callee, 0);
    markPrecise(env, 0);
    RULES.checkReturnValue(env, callee, 0);
  } else {
    caller.regs[0] = r0;
    // The value moves with its history: a read of it is a read of the callee's R0.
    caller.marksBefore = withResultOf(caller.marksBefore, callee.marksBefore);
    caller.regWritten = (caller.regWritten & ~1) | (callee.regWritten & 1);
    caller.refs = callee.refs;
  }
  const again = callee.inCallback && env.features.callbacksIterated;
  const next = again ? callee.callsite : callee.callsite + 1;
  if (env.log.level > 0) {
    env.log.message('returning from callee:');
    logState(env, callee);
    env.log.message(`to caller at ${next}:`);
    logState(env, caller);
  }
  frames.pop();
  forgetStackArguments(caller);
  if (again) {
    const earlier = earlierIteration(env, env.cur, next);
    if (earlier !== null) widenScalars(env, earlier, env.cur);
  }
  return next;
}
