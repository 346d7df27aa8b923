/**
 * Global functions are verified on their own, for any arguments that match their prototype; a call checks only that
 * the arguments do. Prototypes come from the object's BTF.
 */
import { resolvedType, sizeOfType, typeById, declTagsOf } from '../btf/query';
import type { Btf } from '../btf/types';
import { progTypeByName } from '../spec/progTypes';
import { curFrame, newId, reject, unknown, type VerifierEnv } from './env';
import type { FuncFrame } from './frame';
import { EFAULT, EINVAL, Rejection } from './outcome';
import { clearCallerSaved } from './regArgs';
import { isScalar, MAYBE_NULL, pointer, UNKNOWN_SCALAR } from './regState';
import { forgetPacketPointers } from './helperCalls';
import { RULES } from './rules';
import { tnumText } from './tnum';

type Param =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'ctx' }
  | { readonly kind: 'mem'; readonly sizeBytes: number; readonly nullable: boolean };

const MAX_PARAMS = 5;

const refuse = (env: VerifierEnv, message: string, errno = EINVAL): never =>
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

function paramsOf(env: VerifierEnv, index: number): Param[] {
  const subprog = env.subprogs[index];
  const btf: Btf | undefined = env.object.btf;
  if (btf === undefined || subprog.btfId === 0) refuse(env, 'Global functions need valid BTF', EFAULT);
  const func = typeById(btf as Btf, subprog.btfId);
  if (func.kind !== 'func') refuse(env, `BTF of func#${index} doesn't point to KIND_FUNC`, EFAULT);
  const proto = typeById(btf as Btf, (func as { type: number }).type);
  if (proto.kind !== 'funcProto') return refuse(env, `Invalid type of function ${subprog.name}()`, EFAULT);
  if (proto.params.length > MAX_PARAMS) {
    refuse(env, `Global function ${subprog.name}() with ${proto.params.length} > 5 args. Buggy compiler.`);
  }
  const result = resolvedType(btf as Btf, proto.returnType);
  if (result.kind !== 'int' && result.kind !== 'enum') {
    if (result.kind === 'void' && env.features.globalVoid) unknown(env, 'global functions that return void');
    refuse(
      env,
      env.features.globalVoid
        ? `Global function ${subprog.name}() return value not void or scalar. Only those are supported.`
        : `Global function ${subprog.name}() doesn't return scalar. Only those are supported.`,
    );
  }
  return proto.params.map((param, i) => paramOf(env, btf as Btf, subprog.btfId, subprog.name, param.type, i));
}

/** Program types for which the loader renames tagged contexts on kernels that do not know the tag. */
const TAGS_REWRITTEN =
  /^BPF_PROG_TYPE_(CGROUP_|FLOW_DISSECTOR|KPROBE|LWT_|NETFILTER|PERF_EVENT|RAW_TRACEPOINT|SCHED_|SK_|SOCKET_FILTER|SOCK_OPS|XDP)/;

/** Whether a pointer to type `id` is the program's context: by the struct's name, or a typedef's for kprobes. */
function isContext(env: VerifierEnv, btf: Btf, id: number): boolean {
  const name = progTypeByName(env.program.type)?.contextType ?? '';
  const bare = name.replace(/^struct /, '');
  if (env.program.type === 'BPF_PROG_TYPE_KPROBE' && env.features.globalArgTags) {
    for (let at = id; ;) {
      const type = typeById(btf, at);
      if (type.kind === 'typedef' && type.name === bare) return true;
      if (
        type.kind !== 'const' &&
        type.kind !== 'volatile' &&
        type.kind !== 'restrict' &&
        type.kind !== 'typeTag'
      )
        break;
      at = type.type;
    }
  }
  const target = resolvedType(btf, id);
  if (target.kind !== 'struct') return false;
  return target.name === bare || (env.program.type === 'BPF_PROG_TYPE_KPROBE' && target.name === 'pt_regs');
}

function paramOf(env: VerifierEnv, btf: Btf, funcId: number, name: string, typeId: number, i: number): Param {
  let tags = declTagsOf(btf, funcId, i).filter((tag) => tag.startsWith('arg:'));
  if (!env.features.globalArgTags)
    tags = tags.filter((tag) => tag === 'arg:ctx' && TAGS_REWRITTEN.test(env.program.type));
  if (tags.some((tag) => tag !== 'arg:ctx' && tag !== 'arg:nonnull'))
    unknown(env, `argument tags ${tags.join(', ')}`);
  const type = resolvedType(btf, typeId);
  if (type.kind === 'int' || type.kind === 'enum') return { kind: 'scalar' };
  if (type.kind !== 'ptr') {
    return refuse(
      env,
      `Arg#${i} type ${KIND_WORDS[type.kind] ?? type.kind.toUpperCase()} in ${name}() is not supported yet.`,
    );
  }
  const target = resolvedType(btf, type.type);
  if (tags.includes('arg:ctx') || isContext(env, btf, type.type)) return { kind: 'ctx' };
  if (target.name === 'bpf_dynptr' && env.features.globalArgTags)
    unknown(env, 'dynptr arguments of global functions');
  const sizeBytes = sizeOfType(btf, type.type);
  if (sizeBytes === undefined) {
    return refuse(
      env,
      `arg#${i} reference type('${KIND_WORDS[target.kind] ?? target.kind.toUpperCase()} ${target.name}') size cannot be determined: -22`,
    );
  }
  return { kind: 'mem', sizeBytes, nullable: !tags.includes('arg:nonnull') };
}

/** R1–R5 at the entry of a global function verified on its own. */
export function enterGlobalFunction(env: VerifierEnv, frame: FuncFrame, index: number): void {
  paramsOf(env, index).forEach((param, i) => {
    const n = i + 1;
    if (param.kind === 'scalar') frame.regs[n] = UNKNOWN_SCALAR;
    else if (param.kind === 'ctx') frame.regs[n] = pointer('ctx');
    else {
      frame.regs[n] = pointer('mem', {
        flags: param.nullable ? MAYBE_NULL : 0,
        memSize: param.sizeBytes,
        id: newId(env),
      });
    }
  });
}

/** A call of a global function: arguments match the prototype; R0 is any scalar afterwards. */
export function checkGlobalCall(env: VerifierEnv, index: number): void {
  const subprog = env.subprogs[index];
  const f = env.features;
  if (env.cur.activeLock !== null) {
    env.log.message('global function calls are not allowed while holding a lock,');
    refuse(env, 'use static function instead');
  }
  if (env.cur.activePreemptLocks > 0 && f.kfuncsTrustByDefault && env.program.sleepable) {
    unknown(env, 'whether global functions sleep');
  }
  if (env.cur.activePreemptLocks > 0 && !f.kfuncsTrustByDefault) {
    env.log.message('global function calls are not allowed with preemption disabled,');
    refuse(env, 'use static function instead');
  }
  const frame = curFrame(env);
  paramsOf(env, index).forEach((param, i) => {
    const n = i + 1;
    const reg = frame.regs[n];
    const wrong = (why: string): never => {
      if (why !== '') env.log.message(why);
      return reject(env, {
        code: 'global-function-argument',
        category: 'Call Type Safety',
        errno: EINVAL,
        message: f.globalNamesInMessages
          ? `Caller passes invalid args into func#${index} ('${subprog.name}')`
          : `Caller passes invalid args into func#${index}`,
        registers: [n],
      });
    };
    if (param.kind === 'scalar') {
      if (!isScalar(reg)) wrong(`R${n} is not a scalar`);
    } else if (param.kind === 'ctx') {
      if (reg.type !== 'ctx') wrong(`arg#${i} expects pointer to ctx`);
      if (reg.off !== 0) wrong(`dereference of modified ctx ptr R${n} off=${reg.off} disallowed`);
      if (reg.bits.mask !== 0n || reg.bits.value !== 0n)
        wrong(`variable ctx access var_off=${tnumText(reg.bits)} disallowed`);
    } else {
      try {
        RULES.checkGlobalMemArg(env, n, param.sizeBytes);
      } catch (error) {
        // What is wrong with the memory is a line of the log; the refusal is the call's.
        if (error instanceof Rejection) wrong('');
        throw error;
      }
      if (!param.nullable && (reg.flags & MAYBE_NULL) !== 0) wrong(`arg#${i} is expected to be non-NULL`);
    }
  });
  env.log.message(
    f.globalNamesInMessages
      ? `Func#${index} ('${subprog.name}') is global and assumed valid.`
      : `Func#${index} is global and valid. Skipping.`,
  );
  if (subprog.changesPacket && f.tailCallChangesPacket) forgetPacketPointers(env);
  subprog.called = true;
  clearCallerSaved(env);
  frame.regs[0] = UNKNOWN_SCALAR;
}
