/**
 * Arguments of kernel functions: does each register fit the parameter's type in the kernel's BTF and the meaning that its
 * name carries (`__ign`, `__k`, `__sz`, `__nullable` …). Objects that programs allocate: `kfuncObjects.ts`; lists and
 * trees: `kfuncGraph.ts`.
 * Evidence: recorded answers of 6.12 and 7.2.
 */
import { findType, resolvedType, resolveModifiers, sizeOfType } from '../btf/query';
import type { Btf, BtfType } from '../btf/types';
import { checkUnmodifiedPointer } from './contextAccess';
import { curFrame, hasFeature, regOf, reject, unknown, type VerifierEnv } from './env';
import { checkConstantString, checkHelperMemory, checkKfuncSize } from './helperArguments';
import { markRegRead } from './liveness';
import { isTrusted, walkRules } from './memoryAccessKernel';
import { EACCES, EINVAL, Rejection } from './outcome';
import { markPrecise } from './precision';
import {
  changed,
  isNullConst,
  MAYBE_NULL,
  mayBeNull,
  MEM_ALLOC,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  NON_OWN_REF,
  PTR_TRUSTED,
  type RegState,
  type RegType,
} from './regState';
import { regTypeName } from './regText';
import { structMatches } from './structWalk';
import { kindWord } from './typeText';
import { isIteratorCall } from './iterators';
import { checkDynptrParameter, checkIteratorUse } from './kfuncDynptrs';
import { checkGraphArgument, graphPart } from './kfuncGraph';
import { type KfuncCall, has, argName, argsName, argWord, contextName, refuse } from './kfuncModel';
import { checkGuard, checkInterruptFlags, keepsFlags } from './kfuncGuards';
import { checkMapArgument, checkWork, workKind } from './kfuncMaps';
import { checkAllocated, checkCounted } from './kfuncObjects';
// ── arguments ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Functions whose argument is the context, whatever type the prototype says. */
const TAKES_CONTEXT: ReadonlySet<string> = new Set([
  'bpf_cast_to_kern_ctx',
  'bpf_session_cookie',
  'bpf_session_is_return',
]);
const NOT_MODELLED_ARGS = new Set(['bpf_dynptr_kern']);

export function checkArguments(env: VerifierEnv, call: KfuncCall): void {
  const { params } = call.proto;
  for (let i = 0; i < params.length; i++) {
    const regno = i + 1;
    const param = params[i];
    markRegRead(curFrame(env), regno);
    if (param.name.endsWith('__ign')) continue;
    const type = resolvedType(call.btf, param.type);
    if (type.kind === 'int' || type.kind === 'enum') {
      checkScalar(env, call, regno, param.name);
      continue;
    }
    if (type.kind !== 'ptr') return unknown(env, `arguments of kfunc ${call.row.name}`);
    if (checkPointer(env, call, i, type.type)) {
      i++;
      markRegRead(curFrame(env), regno + 1);
    }
  }
  if (has(call, 'release') && call.releaseRegno === 0) refuseUnowned(env, call);
}

/** What is released must have been acquired. */
const refuseUnowned = (env: VerifierEnv, call: KfuncCall): never =>
  refuse(
    env,
    hasFeature(env, 'kfuncsTrustByDefault')
      ? `release kfunc ${call.row.name} expects referenced PTR_TO_BTF_ID passed to R1`
      : `release kernel function ${call.row.name} expects refcounted PTR_TO_BTF_ID`,
    EINVAL,
    'release-of-unowned',
  );

function checkScalar(env: VerifierEnv, call: KfuncCall, regno: number, param: string): void {
  const reg = regOf(env, regno);
  if (reg.type !== 'scalar') refuse(env, `R${regno} is not a scalar`, EINVAL, 'kfunc-argument', [regno]);
  if (param === 'rdonly_buf_size' || param === 'rdwr_buf_size')
    unknown(env, `sized results of kfunc ${call.row.name}`);
  if (!param.endsWith('__k') && !param.endsWith('__szk')) return;
  if (reg.bits.mask !== 0n)
    refuse(env, `R${regno} must be a known constant`, EINVAL, 'kfunc-argument', [regno]);
  markPrecise(env, regno);
  call.constant = reg.bits.value;
}

/** Whether pointers must be trusted; `rcu`: RCU-protected ones will do. */
function trustNeeded(env: VerifierEnv, call: KfuncCall): 'no' | 'rcu' | 'yes' {
  if (has(call, 'rcu')) return 'rcu';
  if (has(call, 'trustedArgs') || has(call, 'release') || hasFeature(env, 'kfuncsTrustByDefault'))
    return 'yes';
  return 'no';
}

export function checkTrust(env: VerifierEnv, call: KfuncCall, regno: number, reg: RegState): void {
  const needed = trustNeeded(env, call);
  if (needed === 'no' || isTrusted(reg) || (reg.type in STRUCT_BEHIND && reg.flags === 0)) return;
  if (needed === 'yes')
    refuse(env, `R${regno} must be referenced or trusted`, EINVAL, 'kfunc-untrusted', [regno]);
  if ((reg.flags & MEM_RCU) === 0)
    refuse(env, `R${regno} must be a rcu pointer`, EINVAL, 'kfunc-untrusted', [regno]);
}

/** True when the next argument (a size) was judged, too. */
function checkPointer(env: VerifierEnv, call: KfuncCall, i: number, pointeeId: number): boolean {
  const regno = i + 1;
  const reg = regOf(env, regno);
  const { params } = call.proto;
  const param = params[i].name;
  const { name } = call.row;
  const nullable = param.endsWith('__nullable') || param.endsWith('__opt');
  if (
    trustNeeded(env, call) !== 'no' &&
    !param.endsWith('__nullable') &&
    (isNullConst(reg) || mayBeNull(reg))
  ) {
    refuse(env, `Possibly NULL pointer passed to trusted ${argWord(env, i)}`, EACCES, 'maybe-null-argument', [
      regno,
    ]);
  }
  if (i === 0 && has(call, 'release') && reg.refObjId === 0 && hasFeature(env, 'kfuncsTrustByDefault'))
    refuseUnowned(env, call);
  if (reg.refObjId !== 0) {
    if (has(call, 'release') && call.refObjId !== 0)
      return unknown(env, `two references given to kfunc ${name}`);
    call.refObjId = reg.refObjId;
    if (has(call, 'release')) call.releaseRegno = regno;
  }
  const refId = resolveModifiers(call.btf, pointeeId);
  const ref = call.btf.types[refId];
  if (TAKES_CONTEXT.has(name)) {
    checkOffsets(env, call, regno, reg);
    if (reg.type !== 'ctx')
      refuse(env, `${argName(env, i)} expected pointer to ctx, but got ${regTypeName(reg)}`);
    return false;
  }
  if (ref.kind === 'struct' && ref.name !== '' && `struct ${ref.name}` === contextName(env)) {
    checkOffsets(env, call, regno, reg);
    if (reg.type !== 'ctx')
      refuse(env, `${argName(env, i)} expected pointer to ctx, but got ${regTypeName(reg)}`);
    return false;
  }
  if (param.endsWith('__nullable') && isNullConst(reg)) return false;
  if (param.endsWith('__alloc')) return checkAllocated(env, call, i, reg);
  if (param.endsWith('__refcounted_kptr')) return checkCounted(env, call, i, reg);
  if (ref.name === 'bpf_dynptr') {
    checkOffsets(env, call, regno, reg);
    checkDynptrParameter(env, call, i);
    return false;
  }
  if (isIteratorCall(call) ? i === 0 : param.endsWith('__iter')) {
    checkOffsets(env, call, regno, reg);
    checkIteratorUse(env, call, i);
    return false;
  }
  if (param.endsWith('__str')) return checkStringParameter(env, call, i, reg);
  if (NOT_MODELLED_ARGS.has(ref.name)) return unknown(env, `struct ${ref.name} arguments (kfunc ${name})`);
  const graph = graphPart(ref.name);
  if (graph !== undefined) return checkGraphArgument(env, call, i, reg, graph);
  if (param.endsWith('__map')) {
    checkMapArgument(env, call, i, reg);
    checkTrust(env, call, regno, reg);
    checkOffsets(env, call, regno, reg);
    return checkTyped(env, call, i, reg, MAP_STRUCT);
  }
  const work = workKind(ref.name);
  if (work !== undefined) {
    checkOffsets(env, call, regno, reg);
    return checkWork(env, call, i, reg, work);
  }
  if (ref.name === 'bpf_res_spin_lock') {
    checkOffsets(env, call, regno, reg);
    return checkGuard(env, call, i, reg);
  }
  if (keepsFlags(call, i)) {
    checkOffsets(env, call, regno, reg);
    return checkInterruptFlags(env, call, i, reg);
  }
  if (/__(uninit|const_map|prog|aux)$/.test(param)) return unknown(env, `arguments of kfunc ${name}`);
  if (ref.kind === 'funcProto') {
    if (reg.type !== 'func')
      refuse(env, `${argWord(env, i)} expected pointer to func`, EINVAL, 'kfunc-argument', [regno]);
    call.callback = reg.subprog;
    return false;
  }
  if (reg.type === 'btfId' || reg.type in STRUCT_BEHIND) {
    if (ref.kind === 'struct' || ref.kind === 'union') return checkTyped(env, call, i, reg, ref);
    return refuse(
      env,
      `kernel function ${name} ${argsName(env, i)} pointer type ${kindWord(ref)} ${ref.name} is not supported`,
    );
  }
  if (SPECIAL.has(reg.type)) return unknown(env, `sockets and maps as arguments of kfunc ${name}`);
  return checkMemory(env, call, i, reg, ref, refId, nullable);
}

const SPECIAL = new Set(['dynptrPtr']);

/** Struct of the kernel that a register is about though it is no typed pointer. */
const STRUCT_BEHIND: Readonly<Partial<Record<RegType, string>>> = {
  mapPtr: 'bpf_map',
  socket: 'sock',
  sockCommon: 'sock_common',
  tcpSock: 'tcp_sock',
};
const MAP_STRUCT = { kind: 'struct', name: 'bpf_map' } as const;

const OFFSETS_JUDGED_LATER = new Set([
  'stack',
  'packet',
  'packetMeta',
  'mapKey',
  'mapValue',
  'buf',
  'arena',
  'scalar',
]);

/** Pointers must come as they are, where their type or a release demands it. */
export function checkOffsets(env: VerifierEnv, call: KfuncCall, regno: number, reg: RegState): void {
  if (has(call, 'release') && reg.refObjId !== 0) {
    if (reg.off !== 0) {
      reject(env, {
        code: 'release-at-offset',
        category: 'Resource Lifetime Safety',
        errno: EINVAL,
        message: `R${regno} must have zero offset when passed to release func or trusted arg to kfunc`,
        registers: [regno],
      });
    }
    return checkUnmodifiedPointer(env, reg, regno, false);
  }
  if (OFFSETS_JUDGED_LATER.has(reg.type)) return;
  if (reg.type === 'mem' && (reg.flags & ~(MEM_RDONLY | MEM_RINGBUF)) === 0) return;
  const fixedOk =
    reg.type === 'btfId' &&
    [0, MEM_ALLOC, PTR_TRUSTED, MEM_RCU, MEM_ALLOC | NON_OWN_REF, MEM_ALLOC | NON_OWN_REF | MEM_RCU].includes(
      reg.flags,
    );
  checkUnmodifiedPointer(env, reg, regno, fixedOk);
}

const SAFE_FLAGS = PTR_TRUSTED | MEM_ALLOC | NON_OWN_REF;

/** A typed pointer, or what stands for one, must be about that struct or union of the kernel. */
function checkTyped(
  env: VerifierEnv,
  call: KfuncCall,
  i: number,
  reg: RegState,
  { kind, name: want }: Pick<BtfType, 'kind' | 'name'>,
): boolean {
  const regno = i + 1;
  const { name } = call.row;
  checkTrust(env, call, regno, reg);
  checkOffsets(env, call, regno, reg);
  const behind = STRUCT_BEHIND[reg.type];
  const unsafe = (reg.flags & ~SAFE_FLAGS) !== 0 && (reg.flags & MEM_RCU) === 0;
  if (behind === undefined && (reg.type !== 'btfId' || unsafe)) {
    const expected = regTypeName(changed(reg, { flags: reg.flags & SAFE_FLAGS }));
    refuse(
      env,
      `${argName(env, i)} is ${regTypeName(reg)} expected ${expected} or socket`,
      EINVAL,
      'kfunc-argument',
      [regno],
    );
  }
  const ofKernel = behind !== undefined || reg.btfOf === 'kernel';
  const haveId = behind === undefined ? reg.btfId : findType(call.btf, behind, 'struct');
  const have = ofKernel ? call.btf.types[haveId] : env.object.btf?.types[reg.btfId];
  const strict = (has(call, 'release') && reg.refObjId !== 0) || nocastAlias(have?.name ?? '', want);
  const wantId = findType(call.btf, want, kind);
  const same =
    ofKernel &&
    (PROJECTIONS[want] === have?.name ||
      structMatches(call.btf, haveId, reg.off, wantId, strict, walkRules(env, reg)));
  if (!same) {
    refuse(
      env,
      `kernel function ${name} ${argsName(env, i)} expected pointer to ${kind.toUpperCase()} ${want} but R${regno} has a pointer to STRUCT ${have?.name ?? ''}`,
      EINVAL,
      'kfunc-argument',
      [regno],
    );
  }
  return false;
}

/** What programs see of a kernel struct, by the struct that it is a view of. */
const PROJECTIONS: Readonly<Record<string, string>> = {
  __sk_buff: 'sk_buff',
  xdp_md: 'xdp_buff',
};

/** A string that the program holds in a read-only map. */
function checkStringParameter(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): false {
  checkOffsets(env, call, i + 1, reg);
  if (reg.type !== 'mapValue')
    refuse(env, `${argName(env, i)} doesn't point to a const string`, EINVAL, 'kfunc-argument', [i + 1]);
  checkConstantString(env, call.row.name, i + 1, reg);
  return false;
}

/** One of two types is the other one before it is initialised: they must not be mixed. */
const nocastAlias = (a: string, b: string): boolean => a === `${b}___init` || b === `${a}___init`;

/** Whether a struct holds numbers only, nested at most four deep. */
export function isPlainStruct(btf: Btf, id: number, depth = 0): boolean {
  const type = btf.types[id];
  if ((type?.kind !== 'struct' && type?.kind !== 'union') || depth > 3) return false;
  return type.members.every((member) => {
    const memberId = resolveModifiers(btf, member.type);
    const inner = btf.types[memberId];
    if (inner.kind === 'struct' || inner.kind === 'union') return isPlainStruct(btf, memberId, depth + 1);
    if (inner.kind === 'array') {
      const element = resolvedType(btf, inner.type).kind;
      return inner.count !== 0 && (element === 'int' || element === 'enum');
    }
    return inner.kind === 'int' || inner.kind === 'enum';
  });
}

function checkMemory(
  env: VerifierEnv,
  call: KfuncCall,
  i: number,
  reg: RegState,
  ref: BtfType,
  refId: number,
  nullable: boolean,
): boolean {
  const regno = i + 1;
  const next = call.proto.params[i + 1]?.name ?? '';
  const sized = /__szk?$/.test(next) && regOf(env, regno + 1).type === 'scalar';
  const plain = ref.kind === 'int' || ref.kind === 'enum' || isPlainStruct(call.btf, refId);
  if (!plain && !(sized && ref.kind === 'void')) {
    refuse(
      env,
      `${argName(env, i)} pointer type ${kindWord(ref)} ${ref.name} must point to ${sized ? 'void, ' : ''}scalar, or struct with scalar`,
      EINVAL,
      'kfunc-argument',
      [regno],
    );
  }
  checkOffsets(env, call, regno, reg);
  if (reg.type === 'notInit') return unknown(env, `uninitialised memory arguments of kfunc ${call.row.name}`);
  const frame = curFrame(env);
  // a pointer that may be NULL is judged as if it were not
  if (mayBeNull(reg)) frame.regs[regno] = changed(reg, { flags: reg.flags & ~MAYBE_NULL });
  if (!sized) {
    const sizeBytes = sizeOfType(call.btf, refId);
    if (sizeBytes === undefined)
      return unknown(env, `the size of argument ${regno} of kfunc ${call.row.name}`);
    if (!isNullConst(reg)) {
      checkHelperMemory(env, regno, sizeBytes, 'lent', true);
      checkHelperMemory(env, regno, sizeBytes, 'write', true);
    }
  } else {
    if (!(isNullConst(reg) && nullable)) {
      try {
        checkKfuncSize(env, regno + 1);
      } catch (error) {
        if (!(error instanceof Rejection)) throw error;
        refuse(
          env,
          `${hasFeature(env, 'kfuncsTrustByDefault') ? `R${i + 1} and R${i + 2}` : `arg#${i} arg#${i + 1}`} memory, len pair leads to invalid memory access`,
          error.data.errno,
          'kfunc-argument',
          [regno],
        );
      }
    }
    if (next.endsWith('__szk')) {
      const size = regOf(env, regno + 1);
      if (size.bits.mask !== 0n)
        refuse(env, `R${regno + 1} must be a known constant`, EINVAL, 'kfunc-argument', [regno + 1]);
      call.constant = size.bits.value;
    }
  }
  frame.regs[regno] = reg;
  return sized;
}
