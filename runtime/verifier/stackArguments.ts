/**
 * Arguments behind the fifth: a caller stores them through r11 right before the call, the callee loads them through r11 before it
 * stores or calls anything itself. How many a function takes says its type; only static functions and functions of the kernel
 * may have any. A call takes what is stored, whatever is called.
 * Evidence: programs `arguments_*` and `newest/stack_argument_*` of test/fixtures/rulebook, measured on 7.2.
 */
import { typeById } from '../btf/query';
import type { Insn } from '../insn/insn';
import { CLASS, classOf } from '../spec/opcodes';
import { curFrame, reject, unknown, type VerifierEnv } from './env';
import { NEVER_STORED, type FuncFrame } from './frame';
import { noteStackAccess, STACK_ARGUMENTS } from './history';
import { EACCES, EFAULT, EINVAL } from './outcome';
import { knownScalar } from './regState';

const WORD_BYTES = 8;
const REGISTER_ARGUMENTS = 5;
export const MAX_STACK_ARGUMENTS = 7;
const BASE_REGISTER = 11;
const WHOLE_WORD = 0x78;

/** Whether the instruction reads or writes an argument on the stack: whole words, aligned, read above and written below. */
export function stackArgumentAccess(insn: Insn): 'read' | 'write' | undefined {
  if ((insn.code & ~7) !== WHOLE_WORD || insn.off % WORD_BYTES !== 0) return undefined;
  switch (classOf(insn.code)) {
    case CLASS.ldx:
      return insn.src === BASE_REGISTER && insn.off > 0 ? 'read' : undefined;
    case CLASS.st:
    case CLASS.stx:
      return insn.dst === BASE_REGISTER && insn.off < 0 ? 'write' : undefined;
    default:
      return undefined;
  }
}

/** Which argument on the stack an instruction accesses, from 0. */
export const stackArgumentIndex = (insn: Insn): number => Math.abs(insn.off) / WORD_BYTES - 1;

const refuse = (env: VerifierEnv, errno: number, message: string, insn?: number): never =>
  reject(env, { code: 'stack-argument', category: 'Call Type Safety', errno, message, insn });

/** A store through r11. That the stored register is readable has been checked. */
export function writeStackArgument(env: VerifierEnv, insn: Insn): void {
  const index = stackArgumentIndex(insn);
  if (index >= MAX_STACK_ARGUMENTS) {
    refuse(env, EINVAL, `stack arg write offset ${insn.off} exceeds max ${MAX_STACK_ARGUMENTS} stack args`);
  }
  const frame = curFrame(env);
  const subprog = env.subprogs[frame.subprog];
  subprog.stackArgumentsOut = Math.max(subprog.stackArgumentsOut, index + 1);
  const stored = frame.stackArguments.slice();
  while (stored.length <= index) stored.push(NEVER_STORED);
  stored[index] = classOf(insn.code) === CLASS.stx ? frame.regs[insn.src] : knownScalar(BigInt(insn.imm));
  frame.stackArguments = stored;
  frame.stackArgumentsTaken = true;
  noteStackAccess(env, STACK_ARGUMENTS, index);
}

/** A load through r11: what the caller stored. That the target may be written has been checked. */
export function readStackArgument(env: VerifierEnv, insn: Insn): void {
  const frame = curFrame(env);
  const index = stackArgumentIndex(insn);
  if (frame.stackArgumentsTaken) {
    refuse(env, EINVAL, 'r11 load must be before any r11 store or call insn');
  }
  const { stackArgumentsIn } = env.subprogs[frame.subprog];
  if (index >= stackArgumentsIn) {
    const depth = stackArgumentsIn * WORD_BYTES;
    refuse(env, EACCES, `invalid read from stack arg off ${insn.off} depth ${depth}`);
  }
  const { frames } = env.cur;
  const stored = frames.at(-2)?.stackArguments.at(index);
  // The kernel looks behind the end of what the caller stored.
  if (frames.length === 1 || stored === undefined) return unknown(env, 'arguments that nobody stored');
  frame.preciseRegs &= ~(1 << insn.dst);
  frame.regs[insn.dst] = stored;
  noteStackAccess(env, STACK_ARGUMENTS, index);
}

/** From a function's first call on what it was given itself cannot be read. */
export function closeStackArguments(env: VerifierEnv): void {
  const frame = curFrame(env);
  if (env.subprogs[frame.subprog].stackArgumentsIn > 0) frame.stackArgumentsTaken = true;
}

function parameterCount(env: VerifierEnv, index: number): number {
  const { btf } = env.object;
  if (btf === undefined) return 0;
  const func = typeById(btf, env.subprogs[index].btfId);
  const proto = func.kind === 'func' ? typeById(btf, func.type) : func;
  return proto.kind === 'funcProto' ? proto.params.length : 0;
}

/**
 * Before a call or a callback: are all arguments stored that the function's type asks for? `fits` tells whether they are of the
 * right kind. If they are not, that is no error of a static function; its type is not gone by any more.
 */
export function checkStackArguments(env: VerifierEnv, index: number, fits: (count: number) => boolean): void {
  const subprog = env.subprogs[index];
  if (!env.features.stackArguments || subprog.typeUnreliable) return;
  const count = parameterCount(env, index);
  if (count <= REGISTER_ARGUMENTS) return;
  subprog.stackArgumentsIn = count - REGISTER_ARGUMENTS;
  const { stackArguments } = curFrame(env);
  for (let n = 0; n < subprog.stackArgumentsIn; n++) {
    if ((stackArguments.at(n) ?? NEVER_STORED).type !== 'notInit') continue;
    reject(env, {
      code: 'stack-argument-missing',
      category: 'Call Type Safety',
      errno: EFAULT,
      message: `callee expects ${count} args, stack arg${n + 1} is not initialized`,
    });
  }
  if (!fits(count)) subprog.typeUnreliable = true;
}

/** A frame enters a static function: so many arguments on the stack it needs room for. */
export function needStackArguments(env: VerifierEnv, caller: FuncFrame, index: number): void {
  const subprog = env.subprogs[caller.subprog];
  subprog.stackArgumentsNeeded = Math.max(subprog.stackArgumentsNeeded, env.subprogs[index].stackArgumentsIn);
}

/** Whether a function takes arguments on the stack, or calls what does. */
export const usesStackArguments = (env: VerifierEnv, index: number): boolean =>
  env.subprogs[index].stackArgumentsIn + env.subprogs[index].stackArgumentsNeeded > 0;

/** After the walk: arguments that were stored and that no call took. */
export function checkUnusedStackArguments(env: VerifierEnv): void {
  env.subprogs.forEach(({ stackArgumentsOut: stored, stackArgumentsNeeded: needed }, i) => {
    if (stored <= needed) return;
    refuse(env, EINVAL, `func#${i} writes ${stored} stack arg slots, but calls only require ${needed}`, -1);
  });
}
