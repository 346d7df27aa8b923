/** Reading and writing registers as operands: readable at all, liveness, and the unwritable frame pointer. */
import { curFrame, reject, type VerifierEnv } from './env';
import { markRegRead } from './liveness';
import { EACCES, EINVAL } from './outcome';
import { NOT_INIT, UNKNOWN_SCALAR } from './regState';

/** `src`: must be readable. `dst`: becomes an unknown scalar. `dstNoMark`: written, value set by the caller. */
export function checkRegArg(env: VerifierEnv, regno: number, use: 'src' | 'dst' | 'dstNoMark'): void {
  const frame = curFrame(env);
  if (regno > 10) {
    reject(env, {
      code: 'invalid-register',
      category: 'Program Structure',
      errno: EINVAL,
      message: `R${regno} is invalid`,
    });
  }
  env.unprinted.regs |= 1 << regno;
  if (use === 'src') {
    if (frame.regs[regno].type === 'notInit') {
      reject(env, {
        code: 'uninitialized-register',
        category: 'Register Type Safety',
        errno: EACCES,
        message: `R${regno} !read_ok`,
        registers: [regno],
      });
    }
    if (regno !== 10) markRegRead(frame, regno);
    return;
  }
  if (regno === 10) {
    reject(env, {
      code: 'frame-pointer-write',
      category: 'Register Type Safety',
      errno: EACCES,
      message: 'frame pointer is read only',
      registers: [10],
    });
  }
  frame.regWritten |= 1 << regno;
  if (use === 'dst') {
    frame.regs[regno] = UNKNOWN_SCALAR;
    frame.preciseRegs &= ~(1 << regno);
  }
}

/** R0–R5 become unreadable, as after a call. */
export function clearCallerSaved(env: VerifierEnv): void {
  const frame = curFrame(env);
  for (let n = 0; n <= 5; n++) frame.regs[n] = NOT_INIT;
  frame.regWritten |= 0x3f;
  frame.preciseRegs &= ~0x3f;
  env.unprinted.regs |= 0x3f;
}
