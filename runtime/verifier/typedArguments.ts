/**
 * The argument array of tracing, iterator and security programs: what a load at an offset yields follows from the prototype in
 * the kernel's BTF (a number, a typed pointer, a buffer), and from what `spec/attachPoints.ts` knows beyond it.
 * Not here: reading through the pointers (`memoryAccessKernel.ts`).
 * Evidence: recorded answers of 6.1, 6.12 and 7.2.
 */
import { findType, resolvedType, resolveModifiers, sizeOfType } from '../btf/query';
import type { Btf } from '../btf/types';
import { ITERATOR_ARGS, TRACEPOINT_ARGS, UNTRUSTED_HOOKS } from '../spec/attachPoints';
import { curFrame, hasFeature, newId, reject, unknown, type VerifierEnv } from './env';
import { signExtend, syncBounds, truncate } from './bounds';
import { loadedScalar } from './memoryAccessBounds';
import { HOOK_PREFIX } from './hooks';
import { EACCES } from './outcome';
import {
  draft,
  MAYBE_NULL,
  MEM_PERCPU,
  MEM_RDONLY,
  MEM_USER,
  pointer,
  PTR_TRUSTED,
  UNKNOWN_SCALAR,
  type RegState,
} from './regState';
import { kindWord } from './typeText';
import { implementedMember, isOwnedArgument, mayBeNullArgument, OWNED_ARGUMENT } from './structOps';
import { hookReturnRange } from './returnValues';
import type { MemAccess } from './seams';

/** The prototype of what the program attaches to; `skip` arguments are not the program's to see. */
export interface AttachProto {
  /** As kernel messages name it. */
  readonly name: string;
  readonly params: readonly { readonly name: string; readonly type: number }[];
  readonly returnType: number;
}

/** The kernel function that the program attaches to. Bare programs name it by number, so that it may be any. */
export function attachedFunction(env: VerifierEnv): string {
  const { attachBtfId, attachTo = '', attachType = '', type } = env.program;
  const given = attachBtfId === undefined ? undefined : env.kernelBtf?.types.at(attachBtfId);
  if (given?.kind === 'func') return given.name;
  if (attachType === 'BPF_TRACE_ITER') return `bpf_iter_${attachTo}`;
  return type === 'BPF_PROG_TYPE_LSM' ? HOOK_PREFIX + attachTo : attachTo;
}

/** The attach point's prototype, by the kernel's BTF; undefined when that does not have it. */
export function attachProto(env: VerifierEnv): AttachProto | undefined {
  const btf = env.kernelBtf;
  const target = env.program.attachTo;
  const attach = env.program.attachType ?? '';
  const implemented = implementedMember(env);
  if (implemented !== undefined) return implemented;
  if (btf === undefined || target === undefined) return undefined;
  if (attach === 'BPF_TRACE_RAW_TP') {
    const typedef = btf.types[findType(btf, `btf_trace_${target}`, 'typedef')];
    const ptr = typedef?.kind === 'typedef' ? resolvedType(btf, typedef.type) : undefined;
    const proto = ptr?.kind === 'ptr' ? btf.types[ptr.type] : undefined;
    if (proto?.kind !== 'funcProto') return undefined;
    // the tracepoint's own cookie comes first and is not shown
    return { name: target, params: proto.params.slice(1), returnType: proto.returnType };
  }
  const name = attachedFunction(env);
  const func = btf.types[findType(btf, name, 'func')];
  const proto = func?.kind === 'func' ? btf.types[func.type] : undefined;
  if (proto?.kind !== 'funcProto') return undefined;
  return { name, params: proto.params, returnType: proto.returnType };
}

const MODELLED = new Set([
  'BPF_TRACE_FENTRY',
  'BPF_TRACE_FEXIT',
  'BPF_TRACE_FSESSION',
  'BPF_MODIFY_RETURN',
  'BPF_TRACE_RAW_TP',
  'BPF_TRACE_ITER',
  'BPF_LSM_MAC',
  'BPF_LSM_CGROUP',
]);

/** Whether arguments are alive for as long as the program runs, as this kernel sees it. */
function argumentsTrusted(env: VerifierEnv): boolean {
  if (!hasFeature(env, 'trustedPointers')) return false;
  const attach = env.program.attachType;
  if (attach === 'BPF_TRACE_RAW_TP' || attach === 'BPF_TRACE_ITER') return true;
  if (env.program.type === 'BPF_PROG_TYPE_STRUCT_OPS') return true;
  return env.program.type === 'BPF_PROG_TYPE_LSM' && !UNTRUSTED_HOOKS.has(env.program.attachTo ?? '');
}

const WORD_BYTES = 8;

/** Bytes that a value takes in the argument array: whole words, none for no value. */
function wordBytes(btf: Btf, typeId: number): number {
  const type = resolvedType(btf, typeId);
  if (type.kind === 'void') return 0;
  const sizeBytes = type.kind === 'ptr' ? WORD_BYTES : (sizeOfType(btf, typeId) ?? WORD_BYTES);
  return Math.ceil(sizeBytes / WORD_BYTES) * WORD_BYTES;
}

/** Which parameter the words at `off` belong to: their number stands for the result, one more for what lies behind it. */
function argumentIndex(env: VerifierEnv, btf: Btf, proto: AttachProto, off: number): number {
  const sizes = [...proto.params.map(({ type }) => wordBytes(btf, type)), wordBytes(btf, proto.returnType)];
  // A tracepoint's own cookie is counted, although it is not shown.
  if (env.program.attachType === 'BPF_TRACE_RAW_TP') sizes.unshift(WORD_BYTES);
  let end = 0;
  const found = sizes.findIndex((bytes) => off < (end += bytes));
  return found < 0 ? sizes.length : found;
}

/**
 * The register that a program gets from its argument array at `off`.
 */
export function argumentAt(env: VerifierEnv, off: number, access: MemAccess): RegState {
  const btf = env.kernelBtf;
  const target = env.program.attachTo ?? '';
  if (btf === undefined) return unknown(env, 'kernel type information (arguments of the attach point)');
  const attach = env.program.attachType ?? '';
  const operations = env.program.type === 'BPF_PROG_TYPE_STRUCT_OPS';
  if (!MODELLED.has(attach) && !operations) return unknown(env, `arguments of ${attach || env.program.type}`);
  const proto = attachProto(env);
  if (proto === undefined) return unknown(env, `the prototype of ${target}`);
  const refuse = (message: string): never => refuseArgument(env, access, off, message);
  if (off % 8 !== 0) refuse(`func '${proto.name}' offset ${off} is not multiple of 8`);
  const index = argumentIndex(env, btf, proto, off);
  const noSuch = (): never => refuse(`func '${proto.name}' doesn't have ${index + 1}-th argument`);
  if (index > proto.params.length) noSuch();
  const isReturn = index === proto.params.length;
  if (
    isReturn &&
    (operations ||
      attach === 'BPF_TRACE_FENTRY' ||
      attach === 'BPF_TRACE_RAW_TP' ||
      attach === 'BPF_TRACE_ITER')
  ) {
    noSuch();
  }
  const typeId = isReturn ? proto.returnType : proto.params[index].type;
  const type = resolvedType(btf, typeId);
  const number = type.kind === 'int' && type.sizeBytes <= 8;
  if (isReturn && attach === 'BPF_MODIFY_RETURN' && !number)
    refuse(`ret type ${kindWord(type)} not allowed for fmod_ret`);
  if (number || type.kind === 'enum' || type.kind === 'struct' || type.kind === 'union') {
    return isReturn ? returnedNumber(env, access) : loadedScalar(access.sizeBytes, access.signExtend);
  }
  if (type.kind !== 'ptr') {
    return refuse(
      `func '${proto.name}' arg${index} '${type.name}' has type ${kindWord(type)}. Only pointer access is allowed`,
    );
  }
  if (access.sizeBytes !== 8) {
    // older kernels take any part of a pointer for the pointer
    if (hasFeature(env, 'trustedPointers')) refuse(`func '${proto.name}' size ${access.sizeBytes} must be 8`);
  }
  return pointerArgument(env, btf, proto, index, type.type, access, off);
}

/** The program gave away what the argument points at. */
const refuseReleased = (env: VerifierEnv, off: number): never =>
  reject(env, {
    code: 'context-access',
    category: 'Resource Lifetime Safety',
    errno: EACCES,
    message: `invalid bpf_context access off=${off}. Reference may already be released`,
    facts: { off },
  });

function refuseArgument(env: VerifierEnv, access: MemAccess, off: number, first: string): never {
  env.log.message(first);
  return reject(env, {
    code: 'context-access',
    category: 'Policy',
    errno: EACCES,
    message: `invalid bpf_context access off=${off} size=${access.sizeBytes}`,
    registers: [access.regno],
    facts: { off, sizeBytes: access.sizeBytes, field: '', kind: access.kind, programType: env.program.type },
  });
}

/** What the attach point returned, where the hook bounds it. */
function returnedNumber(env: VerifierEnv, access: MemAccess): RegState {
  const range = env.program.attachType === 'BPF_LSM_MAC' ? hookReturnRange(env) : undefined;
  if (range === undefined) return loadedScalar(access.sizeBytes, access.signExtend);
  const d = draft(UNKNOWN_SCALAR);
  d.smin = BigInt(range.min);
  d.smax = BigInt(range.max);
  d.s32min = range.min;
  d.s32max = range.max;
  syncBounds(d, env.features);
  if (access.sizeBytes === 8) return d;
  if (access.signExtend) signExtend(d, access.sizeBytes, 8);
  else truncate(d, access.sizeBytes, env.features);
  return d;
}

const isPlain = (btf: Btf, pointee: number): boolean => {
  const { kind } = resolvedType(btf, pointee);
  return kind === 'void' || kind === 'int';
};

function pointerArgument(
  env: VerifierEnv,
  btf: Btf,
  proto: AttachProto,
  index: number,
  pointee: number,
  access: MemAccess,
  off: number,
): RegState {
  const target = env.program.attachTo ?? '';
  const iterator = env.program.attachType === 'BPF_TRACE_ITER';
  const listed = iterator ? ITERATOR_ARGS[target] : undefined;
  if (iterator && listed === undefined) return unknown(env, `arguments of iterator ${target}`);
  const special = listed?.find((arg) => arg.index === index);
  if (special?.kind === 'readBuffer' || special?.kind === 'writeBuffer') {
    const flags = MAYBE_NULL | (special.kind === 'readBuffer' ? MEM_RDONLY : 0);
    return pointer('buf', { flags, id: newId(env) });
  }
  if (isPlain(btf, pointee)) return loadedScalar(access.sizeBytes, access.signExtend);
  const trusted = hasFeature(env, 'trustedPointers');
  let flags = argumentsTrusted(env) ? PTR_TRUSTED : 0;
  if (special !== undefined) flags = MAYBE_NULL | (special.kind === 'trusted' && trusted ? PTR_TRUSTED : 0);
  let error = false;
  if (special === undefined && env.program.attachType === 'BPF_TRACE_RAW_TP' && trusted) {
    const facts = TRACEPOINT_ARGS[target];
    if (hasFeature(env, 'tracepointArgsMayBeNull')) {
      if (facts?.nullable?.includes(index) === true) flags |= MAYBE_NULL;
      error = facts?.error?.includes(index) === true;
    }
  }
  if (proto.params[index]?.name.endsWith('__nullable') && trusted) flags |= MAYBE_NULL;
  const tag = btf.types[pointee];
  if (tag?.kind === 'typeTag') {
    if (tag.name === 'user') flags |= MEM_USER;
    else if (tag.name === 'percpu') flags |= MEM_PERCPU;
  }
  const structId = resolveModifiers(btf, pointee);
  const struct = btf.types[structId];
  const implemented = implementedMember(env);
  if (implemented !== undefined && mayBeNullArgument(env, implemented, index)) {
    return pointer('btfId', {
      btfId: structId,
      btfOf: 'kernel',
      flags: PTR_TRUSTED | MAYBE_NULL,
      id: newId(env),
    });
  }
  const handle = struct?.kind === 'ptr' ? implemented?.row.pointersSeenAs : undefined;
  if (handle !== undefined)
    return pointer('btfId', {
      btfId: findType(btf, handle, 'struct'),
      btfOf: 'kernel',
      flags: PTR_TRUSTED,
    });
  if (implemented !== undefined && isOwnedArgument(env, implemented, index)) {
    if (!curFrame(env).refs.some(({ id }) => id === OWNED_ARGUMENT)) return refuseReleased(env, 8 * index);
    return pointer('btfId', {
      btfId: structId,
      btfOf: 'kernel',
      flags: PTR_TRUSTED,
      refObjId: OWNED_ARGUMENT,
    });
  }
  if (struct?.kind !== 'struct' && struct?.kind !== 'union') {
    if (hasFeature(env, 'pointersToAnythingAreNumbers')) return loadedScalar(8, false);
    const word = kindWord(resolvedType(btf, pointee));
    return refuseArgument(env, access, off, `func '${proto.name}' arg${index} type ${word} is not a struct`);
  }
  if (special === undefined) {
    env.log.message(
      `func '${proto.name}' arg${index} has btf_id ${structId} type ${struct.kind.toUpperCase()} '${struct.name}'`,
    );
  }
  if (error) return loadedScalar(8, false);
  const promotes = implemented?.row.promotes;
  return pointer('btfId', {
    btfId: promotes?.from === struct.name ? findType(btf, promotes.to, 'struct') : structId,
    btfOf: 'kernel',
    flags,
    id: (flags & MAYBE_NULL) !== 0 ? newId(env) : 0,
  });
}
