/** The stack that calls add up to: no chain of calls may need more than 512 bytes or 8 frames. */
import { hasExceptionCallback } from './exceptions';
import { OPCODES } from '../spec/opcodes';
import { calleeOf, subprogAt } from './cfg';
import { isKfuncCall, isLocalCall } from './callKinds';
import { maxCallFrames } from './callStack';
import { isThrow } from './kfuncModel';
import { reject, type VerifierEnv } from './env';
import { usesStackArguments } from './stackArguments';
import { E2BIG, EACCES, EFAULT, EINVAL } from './outcome';

const MAX_STACK_BYTES = 512;
const TAIL_CALL_LIMIT_BYTES = 256;
const LDDW = 0x18;
const PSEUDO_FUNC = 4;

/** Program types whose functions get stacks of their own on new kernels; most tracing programs, too. */
const PRIVATE_STACK_TYPES: ReadonlySet<string> = new Set([
  'BPF_PROG_TYPE_KPROBE',
  'BPF_PROG_TYPE_TRACEPOINT',
  'BPF_PROG_TYPE_PERF_EVENT',
  'BPF_PROG_TYPE_RAW_TRACEPOINT',
]);

/** Bytes that a frame takes in the chain. */
export function roundedDepth(env: VerifierEnv, depthBytes: number): number {
  const unit = env.features.stackRoundedTo16 ? 16 : 32;
  const least = env.features.stackRoundedTo16 ? depthBytes : Math.max(depthBytes, 1);
  return Math.ceil(least / unit) * unit;
}

/** Stacks of their own of that many bytes and more. */
const PRIVATE_STACK_LEAST_BYTES = 64;

/**
 * Whether a function's frame lies on a stack of its own, which no chain adds up; undecided until a chain comes to it. One that is
 * part of an async callback, too, has none.
 */
type PrivateStacks = (boolean | undefined)[];

/** Tracing programs whose functions the kernel does not let run again before they end. Tail calls would leave such a stack. */
function mayHavePrivateStacks(env: VerifierEnv): boolean {
  if (!env.features.privateStacks || env.subprogs.some((subprog) => subprog.hasTailCall)) return false;
  const { type, attachType } = env.program;
  return (
    PRIVATE_STACK_TYPES.has(type) || (type === 'BPF_PROG_TYPE_TRACING' && attachType !== 'BPF_TRACE_ITER')
  );
}

/** Checks the main program's chains and those of every async callback. */
export function checkStackDepth(env: VerifierEnv): void {
  const roots = env.subprogs.map((_, i) => i).filter((i) => i === 0 || env.subprogs[i].isAsyncCallback);
  if (env.features.stackRoundedTo16) roots.reverse();
  const own: PrivateStacks = [];
  const allowed = mayHavePrivateStacks(env);
  for (const root of roots) walkCalls(env, root, [], { own, allowed: allowed && root === 0 });
}

/** A chain of calls with the stack of each function, for the explanation. */
const chainWords = (env: VerifierEnv, chain: readonly number[]): string =>
  chain
    .map((index) => env.subprogs[index])
    .map(({ name, stackDepth }) => `${name}() (${stackDepth} bytes)`)
    .join(' → ');

/** Depth-first over calls in program order; `chain` holds the callers. */
function walkCalls(
  env: VerifierEnv,
  index: number,
  chain: readonly { index: number; depth: number }[],
  stacks: { readonly own: PrivateStacks; readonly allowed: boolean },
): void {
  const subprog = env.subprogs[index];
  const refuse = (code: string, errno: number, message: string): never =>
    reject(env, {
      code,
      category: 'Program Structure',
      errno,
      message,
      insn: subprog.start,
      facts: { subprog: subprog.name, chain: chainWords(env, [...chain.map((c) => c.index), index]) },
    });
  const above = chain.length > 0 ? chain[chain.length - 1].depth : 0;
  if (subprog.hasLdAbs && env.features.globalNamesInMessages) {
    if (subprog.isCallback || chain.some((c) => env.subprogs[c.index].isCallback)) {
      refuse('packet-load', EINVAL, 'cannot use BPF_LD_[ABS|IND] within callback');
    }
  }
  if (index !== 0 && subprog.hasTailCall && above >= TAIL_CALL_LIMIT_BYTES) {
    refuse(
      'tail-call-stack',
      EACCES,
      `tail_calls are not allowed when call stack of previous frames is ${above} bytes. Too large`,
    );
  }
  const frameBytes = roundedDepth(env, subprog.stackDepth);
  const { own } = stacks;
  // The register that would lead to a stack of its own is taken where arguments are on the stack.
  if (!stacks.allowed || usesStackArguments(env, index)) own[index] = false;
  else if (own[index] === undefined && frameBytes >= PRIVATE_STACK_LEAST_BYTES) own[index] = true;
  const depth = own[index] === true ? above : above + frameBytes;
  if (depth > MAX_STACK_BYTES) {
    refuse(
      'stack-too-large',
      EACCES,
      `combined stack size of ${chain.length + 1} calls is ${depth}. Too large`,
    );
  }
  for (let i = subprog.start; i < subprog.end; i++) {
    const insn = env.insns[i];
    const direct = isLocalCall(insn);
    if (isKfuncCall(insn) && isThrow(env, i)) {
      if (subprog.isCallback || chain.some((caller) => env.subprogs[caller.index].isCallback)) {
        refuse(
          'throw-in-callback',
          EINVAL,
          `bpf_throw kfunc (insn ${i}) cannot be called from callback subprog ${index}`,
        );
      }
      continue;
    }
    if (!direct && !(insn.code === LDDW && insn.src === PSEUDO_FUNC)) continue;
    const callee = subprogAt(env, calleeOf(env, i));
    if (callee < 0) continue;
    if (env.subprogs[callee].isAsyncCallback) {
      if (env.subprogs[callee].hasTailCall)
        refuse('tail-call-in-callback', EFAULT, 'verifier bug. subprog has tail_call and async cb');
      if (!direct) continue;
      if (env.subprogs[callee].isExceptionCallback)
        refuse('exception-callback', EINVAL, `insn ${i} cannot call exception cb directly`);
    }
    if (chain.length + 1 >= maxCallFrames(env)) {
      refuse('call-stack-too-deep', E2BIG, `the call stack of ${chain.length + 1} frames is too deep !`);
    }
    walkCalls(env, callee, [...chain, { index, depth }], stacks);
  }
  if (subprog.hasTailCall) checkLeft(env, index, chain, refuse);
}

/** A tail call leaves all functions of the chain at once. */
function checkLeft(
  env: VerifierEnv,
  index: number,
  chain: readonly { index: number }[],
  refuse: (code: string, errno: number, message: string) => never,
): void {
  for (const left of [index, ...chain.map((caller) => caller.index).reverse()]) {
    if (left !== index && env.subprogs[left].isExceptionCallback)
      refuse('exception-callback', EINVAL, 'cannot tail call within exception cb');
    if (usesStackArguments(env, left))
      refuse('stack-argument', EINVAL, 'tail_calls are not allowed in programs with stack args');
  }
}

const LOOP_STACK_BYTES = 24;
const HELPER_LOOP = 181;

/** Bytes of each function's frame as far as the walk went. */
export const depthsSoFar = (env: VerifierEnv): number[] => env.subprogs.map((subprog) => subprog.stackDepth);

/**
 * Bytes of each function's frame as the kernel reports them in the end: what the program uses, and what the kernel's own rewrites
 * add (loops in place of bpf_loop, the counter of may_goto). Functions of which nothing was reached are removed.
 */
export function reportedDepths(env: VerifierEnv): number[] {
  const depths: number[] = [];
  for (const subprog of env.subprogs) {
    let seen = false;
    let loops = false;
    let gotos = false;
    for (let i = subprog.start; i < subprog.end; i++) {
      seen ||= env.aux[i].seen;
      const insn = env.insns[i];
      loops ||= insn.code === 0x85 && insn.src === 0 && insn.imm === HELPER_LOOP && env.aux[i].loopInline;
      gotos ||= env.features.mayGoto && insn.code === OPCODES.mayGoto.code && env.aux[i].seen;
    }
    if (!seen) continue;
    const goto = gotos ? (env.features.timedMayGoto ? 16 : 8) : 0;
    depths.push(subprog.stackDepth + (loops ? LOOP_STACK_BYTES : 0) + goto);
  }
  // Where what is thrown is the program's result, the kernel adds a function that returns it.
  const adds = env.subprogs.some((subprog) => subprog.mayThrow) && !hasExceptionCallback(env);
  if (adds && !env.features.throwHelperUncounted) depths.push(0);
  return depths;
}
