/**
 * Prototypes of global functions, from the object's BTF: what each parameter may be given and what the function may
 * count on. `arg:` declaration tags go before what the C type says.
 * Evidence: fixtures `global-args*`, recorded on 6.1, 6.12 and 7.2.
 */
import { declTagsOf, isModifier, resolvedType, sizeOfType, typeById, typesByName } from '../btf/query';
import type { Btf, BtfType } from '../btf/types';
import { progTypeByName } from '../spec/progTypes';
import { reject, unknown, type Subprog, type VerifierEnv } from './env';
import type { FuncFrame } from './frame';
import { EFAULT, EINVAL, ENOENT, EOPNOTSUPP, NotModelled, Rejection } from './outcome';

export type Param =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'ctx' }
  | { readonly kind: 'dynptr' }
  | { readonly kind: 'arena' }
  /** Any address: reads through it are guarded. */
  | { readonly kind: 'untrusted'; readonly typeId: number }
  | { readonly kind: 'trusted'; readonly typeId: number; readonly nullable: boolean }
  | { readonly kind: 'mem'; readonly sizeBytes: number; readonly nullable: boolean };

export interface GlobalPrototype {
  readonly params: readonly Param[];
  readonly returnsVoid: boolean;
}

const MAX_PARAMS = 5;

export const refusePrototype = (env: VerifierEnv, message: string, errno = EINVAL): never =>
  reject(env, { code: 'global-function-prototype', category: 'Call Type Safety', errno, message });

const KIND_WORDS: Readonly<Record<string, string>> = {
  struct: 'STRUCT',
  union: 'UNION',
  fwd: 'FWD',
  func: 'FUNC',
  funcProto: 'FUNC_PROTO',
  float: 'FLOAT',
  void: 'UNKNOWN',
};
const kindWord = (type: BtfType): string => KIND_WORDS[type.kind] ?? type.kind.toUpperCase();

/** The prototype of subprogram `index`; refused when a global function cannot have it. */
export function prototypeOf(env: VerifierEnv, index: number): GlobalPrototype {
  const subprog = env.subprogs[index];
  const { btf } = env.object;
  if (btf === undefined || subprog.btfId === 0)
    return refusePrototype(env, 'Global functions need valid BTF', EFAULT);
  const func = typeById(btf, subprog.btfId);
  if (func.kind !== 'func')
    return refusePrototype(env, `BTF of func#${index} doesn't point to KIND_FUNC`, EFAULT);
  const proto = typeById(btf, func.type);
  if (proto.kind !== 'funcProto')
    return refusePrototype(env, `Invalid type of function ${subprog.name}()`, EFAULT);
  const count = proto.params.length;
  if (count > MAX_PARAMS) {
    refusePrototype(
      env,
      env.features.stackArguments
        ? `global function ${subprog.name} has ${count} > ${MAX_PARAMS} args, stack args not supported`
        : `Global function ${subprog.name}() with ${count} > ${MAX_PARAMS} args. Buggy compiler.`,
    );
  }
  const result = resolvedType(btf, proto.returnType);
  const returnsVoid = result.kind === 'void' && env.features.globalVoid;
  if (result.kind !== 'int' && result.kind !== 'enum' && !returnsVoid) {
    refusePrototype(
      env,
      env.features.globalVoid
        ? `Global function ${subprog.name}() return value not void or scalar. Only those are supported.`
        : `Global function ${subprog.name}() doesn't return scalar. Only those are supported.`,
      env.features.globalVoid ? EOPNOTSUPP : EINVAL,
    );
  }
  const at: Place = { env, btf, funcId: subprog.btfId, name: subprog.name };
  return { params: proto.params.map((param, i) => paramOf(at, param.type, i)), returnsVoid };
}

/** Newer kernels hold the main program's type against what a global function may have, and say in the log what it lacks. */
export function judgeMainPrototype(env: VerifierEnv): void {
  if (!env.features.logJudgesMain || env.object.btf === undefined || env.subprogs[0].btfId === 0) return;
  try {
    prototypeOf(env, 0);
  } catch (error) {
    if (!(error instanceof Rejection) && !(error instanceof NotModelled)) throw error;
  }
}

/**
 * Older kernels hold the types of the main program and of static functions against what is in the registers when they are
 * entered, and say once in the log which parameter does not fit. It has no other effect.
 */
export function tellMisfit(env: VerifierEnv, index: number, frame: FuncFrame): void {
  const { btf } = env.object;
  const subprog = env.subprogs[index];
  if (env.log.level === 0 || env.features.logJudgesMain || btf === undefined || subprog.btfId === 0) return;
  if (subprog.misfitTold) return;
  const misfit = misfitOf(env, btf, subprog, frame);
  if (misfit === '') return;
  subprog.misfitTold = true;
  env.log.message(misfit);
}

/**
 * The parameters of a static function, whose type compilers may not keep to: undefined where it says nothing that calls could be
 * held to. No declaration tags; arenas by the type's tag only; of pointers contexts and dynptrs.
 */
export function staticParams(env: VerifierEnv, index: number): readonly Param[] | undefined {
  const { btf } = env.object;
  const { btfId, name } = env.subprogs[index];
  if (btf === undefined) return undefined;
  const func = typeById(btf, btfId);
  const proto = func.kind === 'func' ? typeById(btf, func.type) : func;
  if (proto.kind !== 'funcProto') return undefined;
  const result = resolvedType(btf, proto.returnType);
  const inArena = result.kind === 'ptr' && isArenaPointer(env, btf, result.type);
  if (result.kind !== 'void' && result.kind !== 'int' && result.kind !== 'enum' && !inArena) return undefined;
  const params: Param[] = [];
  for (const [i, { type: typeId }] of proto.params.entries()) {
    const type = resolvedType(btf, typeId);
    if (declTagsOf(btf, btfId, i).some((tag) => tag.startsWith('arg:'))) return undefined;
    if (type.kind === 'int' || type.kind === 'enum') {
      params.push({ kind: 'scalar' });
      continue;
    }
    if (type.kind !== 'ptr') return undefined;
    const param = paramOf({ env, btf, funcId: btfId, name }, typeId, i);
    if (param.kind !== 'ctx' && param.kind !== 'dynptr' && param.kind !== 'arena') return undefined;
    params.push(param);
  }
  return params;
}

/** Whether what a pointer points at is tagged as lying in an arena. */
function isArenaPointer({ features }: VerifierEnv, btf: Btf, pointeeId: number): boolean {
  if (!features.arenaTypeTags) return false;
  for (let type = typeById(btf, pointeeId); isModifier(type); type = typeById(btf, type.type))
    if (type.kind === 'typeTag' && type.name === 'arena') return true;
  return false;
}

function misfitOf(env: VerifierEnv, btf: Btf, { name, btfId }: Subprog, frame: FuncFrame): string {
  const func = typeById(btf, btfId);
  const proto = func.kind === 'func' ? typeById(btf, func.type) : func;
  if (proto.kind !== 'funcProto') return '';
  if (proto.params.length > MAX_PARAMS)
    return `Function ${name} has ${proto.params.length} > ${MAX_PARAMS} args`;
  for (const [i, param] of proto.params.entries()) {
    const reg = frame.regs[i + 1];
    const type = resolvedType(btf, param.type);
    if (type.kind === 'int' || type.kind === 'enum') {
      if (reg.type !== 'scalar') return `R${i + 1} is not a scalar`;
      continue;
    }
    if (type.kind !== 'ptr') return `Unrecognized arg#${i} type ${kindWord(type)}`;
    if (reg.type !== 'ctx' || !isContext(env, btf, type.type))
      return `reg type unsupported for arg#${i} function ${name}#${btfId}`;
  }
  return '';
}

/** Global functions without result: newer kernels take them. */
export function returnsNothing(env: VerifierEnv, index: number): boolean {
  const { btf } = env.object;
  const subprog = env.subprogs[index];
  if (!env.features.globalVoid || btf === undefined || subprog.linkage !== 'global') return false;
  const func = typeById(btf, subprog.btfId);
  const proto = func.kind === 'func' ? typeById(btf, func.type) : func;
  return proto.kind === 'funcProto' && resolvedType(btf, proto.returnType).kind === 'void';
}

interface Place {
  readonly env: VerifierEnv;
  readonly btf: Btf;
  readonly funcId: number;
  readonly name: string;
}

/** Program types for which the loader renames tagged contexts on kernels that do not know the tag. */
const TAGS_REWRITTEN =
  /^BPF_PROG_TYPE_(CGROUP_|FLOW_DISSECTOR|KPROBE|LWT_|NETFILTER|PERF_EVENT|RAW_TRACEPOINT|SCHED_|SK_|SOCKET_FILTER|SOCK_OPS|XDP)/;

const TAGS = ['ctx', 'trusted', 'nonnull', 'nullable', 'arena', 'untrusted'] as const;
type Tag = (typeof TAGS)[number];

/**
 * Where the kernel knows no tags the loader gives a tagged parameter the context's type in their stead, but only if what it
 * points at may pass for a context; otherwise the tag is forgotten.
 */
function loaderRewrites({ env, btf }: Place, typeId: number): boolean {
  const { type: programType } = env.program;
  const type = resolvedType(btf, typeId);
  if (!TAGS_REWRITTEN.test(programType) || type.kind !== 'ptr') return false;
  const target = resolvedType(btf, type.type);
  if (target.kind === 'void') return true;
  if (programType === 'BPF_PROG_TYPE_KPROBE' || programType === 'BPF_PROG_TYPE_PERF_EVENT')
    return target.kind === 'struct' && target.name === 'pt_regs';
  return programType.startsWith('BPF_PROG_TYPE_RAW_') && target.kind === 'int' && target.sizeBytes === 8;
}

function tagsOf(at: Place, typeId: number, i: number): Set<Tag> {
  const { env, btf, funcId } = at;
  const found = declTagsOf(btf, funcId, i)
    .filter((tag) => tag.startsWith('arg:'))
    .map((tag) => tag.slice('arg:'.length));
  if (!env.features.globalArgTags) {
    // Nobody rewrites the types of a bare program.
    const rewritten = env.object.bare !== true && found.includes('ctx') && loaderRewrites(at, typeId);
    return new Set(rewritten ? ['ctx'] : []);
  }
  const tags = new Set<Tag>();
  const type = resolvedType(btf, typeId);
  if (type.kind === 'ptr' && isArenaPointer(env, btf, type.type)) tags.add('arena');
  for (const tag of found) {
    const known = TAGS.find((name) => name === tag);
    if (known === undefined || (known === 'untrusted' && !env.features.globalArgUntrusted))
      return refusePrototype(env, `arg#${i} has unsupported set of tags`, EOPNOTSUPP);
    tags.add(known);
  }
  return tags;
}

const only = (tags: ReadonlySet<Tag>, ...allowed: Tag[]): boolean =>
  [...tags].every((tag) => allowed.includes(tag));

function paramOf(at: Place, typeId: number, i: number): Param {
  const { env, btf } = at;
  const tags = tagsOf(at, typeId, i);
  const type = resolvedType(btf, typeId);
  if (type.kind !== 'ptr') {
    if (tags.size > 0) refusePrototype(env, `arg#${i} has pointer tag, but is not a pointer type`);
    if (type.kind === 'int' || type.kind === 'enum') return { kind: 'scalar' };
    return refusePrototype(env, `Arg#${i} type ${kindWord(type)} in ${at.name}() is not supported yet.`);
  }
  const combination = (): never => refusePrototype(env, `arg#${i} has invalid combination of tags`);
  const target = resolvedType(btf, type.type);
  if (tags.has('ctx') || isContext(env, btf, type.type)) {
    if (!only(tags, 'ctx')) combination();
    if (tags.has('ctx') && env.features.globalArgTags) checkContextType(at, type.type, i);
    return { kind: 'ctx' };
  }
  if (target.name === 'bpf_dynptr' && env.features.globalArgTags) {
    if (tags.size > 0) combination();
    return { kind: 'dynptr' };
  }
  if (tags.has('trusted')) {
    if (!only(tags, 'trusted', 'nullable')) combination();
    return { kind: 'trusted', typeId: kernelType(at, target, i), nullable: tags.has('nullable') };
  }
  if (tags.has('untrusted')) {
    if (!only(tags, 'untrusted'))
      refusePrototype(env, `arg#${i} untrusted cannot be combined with any other tags`);
    if (target.kind === 'void' || target.kind === 'int' || target.kind === 'enum')
      return { kind: 'untrusted', typeId: 0 };
    const id = kernelType(at, target, i);
    if (env.kernelBtf?.types[id].kind !== 'struct') {
      const word = `${kindWord(target)} '${target.name}'`;
      refusePrototype(env, `arg#${i} has type ${word}, but only struct or primitive types are allowed`);
    }
    return { kind: 'untrusted', typeId: id };
  }
  if (tags.has('arena')) {
    if (!only(tags, 'arena')) refusePrototype(env, `arg#${i} arena cannot be combined with any other tags`);
    return { kind: 'arena' };
  }
  if (tags.has('nullable')) combination();
  const sizeBytes = sizeOfType(btf, type.type);
  if (sizeBytes === undefined) {
    return refusePrototype(
      env,
      `arg#${i} reference type('${kindWord(target)} ${target.name}') size cannot be determined: -22`,
    );
  }
  return { kind: 'mem', sizeBytes, nullable: !tags.has('nonnull') };
}

const bareContext = (env: VerifierEnv): string =>
  (progTypeByName(env.program.type)?.contextType ?? '').replace(/^struct /, '');

/** The first typedef that a type is behind qualifiers, '' if none. */
function typedefName(btf: Btf, id: number): string {
  for (let at = id; ;) {
    const type = typeById(btf, at);
    if (type.kind === 'typedef') return type.name;
    if (
      type.kind !== 'const' &&
      type.kind !== 'volatile' &&
      type.kind !== 'restrict' &&
      type.kind !== 'typeTag'
    )
      return '';
    at = type.type;
  }
}

/** Whether a pointer to type `id` is the program's context: by the struct's name, or a typedef's for kprobes. */
function isContext(env: VerifierEnv, btf: Btf, id: number): boolean {
  const bare = bareContext(env);
  const kprobe = env.program.type === 'BPF_PROG_TYPE_KPROBE';
  if (kprobe && env.features.globalArgTags && typedefName(btf, id) === bare) return true;
  const target = resolvedType(btf, id);
  if (target.kind !== 'struct') return false;
  return target.name === bare || (kprobe && target.name === 'pt_regs');
}

/** Program types whose context may be taken for an array of 64-bit words. */
const WORDS_OK = new Set([
  'BPF_PROG_TYPE_RAW_TRACEPOINT',
  'BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE',
  'BPF_PROG_TYPE_LSM',
  'BPF_PROG_TYPE_STRUCT_OPS',
]);
const WORDS_OK_ATTACHED = new Set([
  'BPF_TRACE_RAW_TP',
  'BPF_TRACE_FENTRY',
  'BPF_TRACE_FEXIT',
  'BPF_TRACE_FSESSION',
  'BPF_MODIFY_RETURN',
]);
const ANYTHING_OK = new Set(['BPF_PROG_TYPE_TRACEPOINT', 'BPF_PROG_TYPE_SYSCALL', 'BPF_PROG_TYPE_EXT']);

/** `arg:ctx` on a pointer to something that is no context of this program type. */
function checkContextType({ env, btf }: Place, id: number, i: number): void {
  const { type: programType, attachType = '' } = env.program;
  const registers = programType === 'BPF_PROG_TYPE_KPROBE' || programType === 'BPF_PROG_TYPE_PERF_EVENT';
  if (registers && typedefName(btf, id) === 'bpf_user_pt_regs_t') return;
  const target = resolvedType(btf, id);
  if (target.kind === 'void' || ANYTHING_OK.has(programType)) return;
  if (target.name === '') refusePrototype(env, `arg#${i} type doesn't have a name`);
  const struct = target.kind === 'struct';
  if (registers && struct && target.name === 'pt_regs') return;
  const tracing = programType === 'BPF_PROG_TYPE_TRACING';
  const words = WORDS_OK.has(programType) || (tracing && WORDS_OK_ATTACHED.has(attachType));
  if (words && target.kind === 'int' && target.sizeBytes === 8) return;
  if (tracing && struct) {
    if (attachType === 'BPF_TRACE_RAW_TP' && target.name === 'bpf_raw_tracepoint_args') return;
    if (attachType === 'BPF_TRACE_ITER' && target.name.startsWith('bpf_iter__')) return;
  }
  const context = progTypeByName(programType)?.contextType ?? '';
  if (context === 'bpf_user_pt_regs_t') refusePrototype(env, `arg#${i} should be \`struct pt_regs *\``);
  if (!context.startsWith('struct ')) refusePrototype(env, `arg#${i} should be void pointer`);
  if (!struct || `struct ${target.name}` !== context)
    refusePrototype(env, `arg#${i} should be \`${context} *\``);
}

/** The kernel's type that a program's type stands for: the one of that name (without `___flavour`) and kind. */
function kernelType({ env }: Place, target: BtfType, i: number): number {
  const { kernelBtf } = env;
  if (kernelBtf === undefined) return unknown(env, 'kernel type information');
  const name = target.name.replace(/___.*$/, '');
  const found = [...typesByName(kernelBtf, name), ...typesByName(kernelBtf, `${name}___init`)].filter(
    (id) => kernelBtf.types[id].kind === target.kind,
  );
  if (found.length === 1) return found[0];
  const what = `arg#${i} reference type('${kindWord(target)} ${target.name}')`;
  return found.length === 0
    ? refusePrototype(env, `${what} has no matches`, ENOENT)
    : refusePrototype(env, `${what} is ambiguous`, 3);
}
