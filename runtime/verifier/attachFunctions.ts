/**
 * Kernel functions that tracing programs attach to: whether their prototype can be traced, whether a program may replace what they
 * return, whether it may sleep in them. The last two follow from lists that are not in the kernel's BTF (`spec/attachPoints.ts`).
 * Evidence: every function in the BTF of 6.1.192, 6.12.117 and 7.2.13 asked for both.
 */
import { findType, resolvedType, sizeOfType } from '../btf/query';
import type { Btf } from '../btf/types';
import {
  ENDLESS_FUNCTIONS,
  ITERATOR_ARGS,
  NORETURN_FUNCTIONS,
  REPLACEABLE_FUNCTIONS,
  SLEEPABLE_FUNCTIONS,
  SLEEPABLE_TRACEPOINTS,
  UNTRACEABLE_FUNCTIONS,
} from '../spec/attachPoints';
import { ATTACH_TYPES, type AttachTypeRow } from '../spec/attachTypes';
import { isSince } from '../spec/profile';
import { hasFeature, reject, unknown, type VerifierEnv } from './env';
import { checkHook, HOOK_PREFIX, hookMaySleep } from './hooks';
import { EINVAL } from './outcome';
import { attachedFunction, attachProto } from './typedArguments';

const MAX_ARGUMENTS = 12;
/** Structs up to this size are passed by value in registers. */
const MAX_STRUCT_BYTES = 16;

/** Attach types that are for a kernel function. */
const OF_FUNCTIONS = new Set([
  'BPF_TRACE_FENTRY',
  'BPF_TRACE_FEXIT',
  'BPF_TRACE_FSESSION',
  'BPF_MODIFY_RETURN',
  'BPF_LSM_MAC',
  'BPF_LSM_CGROUP',
]);

/** Whether the program may attach to what it names: first what holds for all programs, then the rules of hooks or of tracing. */
export function checkAttachedFunction(env: VerifierEnv): void {
  const { program } = env;
  const hook = program.type === 'BPF_PROG_TYPE_LSM';
  if (!hook && program.type !== 'BPF_PROG_TYPE_TRACING') return;
  if (!isAttachTypeKnown(env)) refuse(env, 'load-attach-type', '');
  const target = program.attachTo ?? '';
  if (program.attachType === 'BPF_TRACE_RAW_TP') return checkTracepoint(env, target);
  if (program.attachType === 'BPF_TRACE_ITER') {
    if (!Object.hasOwn(ITERATOR_ARGS, target)) refuse(env, 'load-attach-type', '');
    return;
  }
  if (!OF_FUNCTIONS.has(program.attachType ?? '')) return;
  const name = attachedFunction(env);
  if (env.kernelBtf !== undefined && findType(env.kernelBtf, name, 'func') === 0)
    return unknown(env, `the function ${name}`);
  if (!hook) checkPrototype(env, name);
  checkListed(env, name);
  if (hook) checkHook(env, name);
  else checkClosed(env, name);
}

/** Where a tracepoint is hit decides whether its programs may sleep. */
function checkTracepoint(env: VerifierEnv, target: string): void {
  if (!env.program.sleepable || !hasFeature(env, 'sleepInTracepoints')) return;
  if (SLEEPABLE_TRACEPOINTS.has(target)) return;
  refuse(
    env,
    'attach-not-sleepable',
    `Sleepable program cannot attach to non-faultable tracepoint ${target}`,
  );
}

/** Whether this kernel has the program's way of attaching at all. */
export function isAttachTypeKnown(env: VerifierEnv): boolean {
  const row: AttachTypeRow | undefined = ATTACH_TYPES.find(({ name }) => name === env.program.attachType);
  return isSince(env.profile, row?.since);
}

/** Whether the lists have the function for a program that sleeps or that replaces a result. */
function checkListed(env: VerifierEnv, target: string): void {
  const { program } = env;
  const replaces = program.attachType === 'BPF_MODIFY_RETURN';
  if (!replaces && !program.sleepable) return;
  if (program.sleepable && program.type === 'BPF_PROG_TYPE_LSM') {
    if (target.startsWith(HOOK_PREFIX) && hookMaySleep(env, target.slice(HOOK_PREFIX.length))) return;
    refuse(env, 'attach-not-sleepable', `${target} is not sleepable`);
  }
  const systemCall = target.startsWith('__x64_sys_') && hasFeature(env, 'syscallsAttachable');
  const testsOpen = hasFeature(env, 'testFunctionsReplaceable');
  if (program.sleepable) {
    if (systemCall || (testsOpen && SLEEPABLE_FUNCTIONS.has(target))) return;
    unmeasured(env, `whether a program may sleep in ${target}`);
    refuse(env, 'attach-not-sleepable', `${target} is not sleepable`);
  }
  if (systemCall && ENDLESS_FUNCTIONS.has(target)) {
    refuse(
      env,
      'attach-not-replaceable',
      `Attaching fexit/fsession/fmod_ret to __noreturn function '${target}' is rejected.`,
    );
  }
  if (target.startsWith('security_') || systemCall) return;
  if (testsOpen && REPLACEABLE_FUNCTIONS.has(target)) return;
  unmeasured(env, `whether the return value of ${target} may be replaced`);
  refuse(env, 'attach-not-replaceable', `${target}() is not modifiable`);
}

/** Functions that the tracing itself runs through, and functions that do not return. */
function checkClosed(env: VerifierEnv, target: string): void {
  if (env.program.sleepable) return;
  const { since } = UNTRACEABLE_FUNCTIONS[target] ?? {};
  if (target in UNTRACEABLE_FUNCTIONS && (since === undefined || isSince(env.profile, since))) {
    const words = `Attaching tracing programs to function '${target}' is rejected.`;
    refuse(env, 'attach-closed', hasFeature(env, 'attachRefusedText') ? words : '');
  }
  if (env.program.attachType === 'BPF_TRACE_FENTRY' || !hasFeature(env, 'noreturnChecked')) return;
  if (!NORETURN_FUNCTIONS.has(target)) return;
  refuse(
    env,
    'attach-not-replaceable',
    hasFeature(env, 'attachRefusedText')
      ? `Attaching fexit/fsession/fmod_ret to __noreturn function '${target}' is rejected.`
      : 'Attaching fexit/fmod_ret to __noreturn functions is rejected.',
  );
}

/** Other kernels may be built with error injection, which opens more functions. */
function unmeasured(env: VerifierEnv, need: string): void {
  if (env.profile.basis !== 'measured') unknown(env, need);
}

const refuse = (env: VerifierEnv, code: string, message: string): never =>
  reject(env, {
    code,
    category: 'Policy',
    errno: EINVAL,
    message,
    insn: -1,
    facts: { target: env.program.attachTo ?? '' },
  });

/** Bytes that a value of the type takes in a call; undefined: it cannot be traced. */
function callSize(btf: Btf, typeId: number): number | undefined {
  const type = resolvedType(btf, typeId);
  switch (type.kind) {
    case 'void':
      return 0;
    case 'ptr':
    case 'int':
    case 'enum':
    case 'struct':
      return sizeOfType(btf, typeId);
    default:
      return undefined;
  }
}

function checkPrototype(env: VerifierEnv, target: string): void {
  const btf = env.kernelBtf;
  const proto = attachProto(env);
  if (btf === undefined || proto === undefined) return;
  const odd = (what: string): never => refuse(env, 'attach-prototype', `The function ${target} ${what}`);
  const kindOf = (typeId: number): string => resolvedType(btf, typeId).kind.toUpperCase();
  if (proto.params.length > MAX_ARGUMENTS) odd(`has ${proto.params.length} arguments. Too many.`);
  const result = resolvedType(btf, proto.returnType);
  if (callSize(btf, proto.returnType) === undefined || result.kind === 'struct')
    odd(`return type ${kindOf(proto.returnType)} is unsupported.`);
  proto.params.forEach(({ type }, i) => {
    if (i === proto.params.length - 1 && type === 0) odd('with variable args is unsupported.');
    const size = callSize(btf, type);
    if (size === undefined || size > MAX_STRUCT_BYTES) odd(`arg${i} type ${kindOf(type)} is unsupported.`);
    if (size === 0) odd('has malformed void argument.');
  });
}
