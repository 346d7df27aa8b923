/**
 * Arguments behind the fifth: a caller stores them through r11 right before the call. What is modelled: that a function stores
 * such arguments and calls nothing that takes them, and reads where there are none. Calls that take them answer `unknown`.
 * Evidence: programs `newest/stack_argument_*` of test/fixtures/rulebook, measured on 7.2.
 */
import type { Insn } from '../insn/insn';
import { CLASS, classOf } from '../spec/opcodes';
import { curFrame, reject, unknown, type VerifierEnv } from './env';
import { EACCES, EINVAL } from './outcome';

const WORD_BYTES = 8;
const MAX_STACK_ARGUMENTS = 7;
const STACK_ARGUMENTS = 11;
const WHOLE_WORD = 0x78;

/** Whether the instruction reads or writes an argument on the stack: whole words, aligned, read above and written below. */
export function stackArgumentAccess(insn: Insn): 'read' | 'write' | undefined {
  if ((insn.code & ~7) !== WHOLE_WORD || insn.off % WORD_BYTES !== 0) return undefined;
  switch (classOf(insn.code)) {
    case CLASS.ldx:
      return insn.src === STACK_ARGUMENTS && insn.off > 0 ? 'read' : undefined;
    case CLASS.st:
    case CLASS.stx:
      return insn.dst === STACK_ARGUMENTS && insn.off < 0 ? 'write' : undefined;
    default:
      return undefined;
  }
}

const refuse = (env: VerifierEnv, errno: number, message: string, insn?: number): never =>
  reject(env, { code: 'stack-argument', category: 'Call Type Safety', errno, message, insn });

/** A store through r11. That the stored register is readable has been checked. */
export function writeStackArgument(env: VerifierEnv, insn: Insn): void {
  const count = -insn.off / WORD_BYTES;
  if (count > MAX_STACK_ARGUMENTS) {
    refuse(env, EINVAL, `stack arg write offset ${insn.off} exceeds max ${MAX_STACK_ARGUMENTS} stack args`);
  }
  const frame = curFrame(env);
  const subprog = env.subprogs[frame.subprog];
  subprog.stackArgumentsOut = Math.max(subprog.stackArgumentsOut, count);
  frame.wroteStackArgument = true;
}

/** A load through r11: no function that is walked was given arguments on the stack. */
export function readStackArgument(env: VerifierEnv, insn: Insn): never {
  if (curFrame(env).wroteStackArgument) {
    refuse(env, EINVAL, 'r11 load must be before any r11 store or call insn');
  }
  return refuse(env, EACCES, `invalid read from stack arg off ${insn.off} depth 0`);
}

/** After the walk: arguments that were stored and that no call took. */
export function checkUnusedStackArguments(env: VerifierEnv): void {
  env.subprogs.forEach(({ stackArgumentsOut: count }, i) => {
    if (count === 0) return;
    // a function of the kernel may be what takes them
    if ([...env.program.references.values()].some(({ kind }) => kind === 'kfunc'))
      unknown(env, 'arguments on the stack');
    refuse(env, EINVAL, `func#${i} writes ${count} stack arg slots, but calls only require 0`, -1);
  });
}
