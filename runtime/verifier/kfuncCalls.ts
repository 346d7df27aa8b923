/**
 * A call of a kernel function: may this program call it, do the arguments fit the prototype in the kernel's BTF (whose
 * parameter names carry meaning: `__ign`, `__k`, `__sz`, `__nullable` …), what happens to references, RCU and preemption,
 * what is in R0. Which functions there are and what they do beyond the prototype: `spec/kfuncs.ts`.
 * What is not modelled (dynptrs, workqueues, arenas, maps as arguments …) answers `unknown`.
 * Evidence: recorded answers of 6.12 and 7.2.
 */
import { findType, resolvedType, resolveModifiers, sizeOfType } from '../btf/query';
import type { Btf, BtfType } from '../btf/types';
import type { SpecialField } from '../btf/specialFields';
import type { Insn } from '../insn/insn';
import { kfuncAllowed, kfuncByName, UNDER_LOCK, type KfuncFlag, type KfuncRow } from '../spec/kfuncs';
import { allocatedFields, holdsSpinLock } from './allocated';
import { checkUnmodifiedPointer } from './contextAccess';
import { curFrame, hasFeature, newId, regOf, reject, unknown, type VerifierEnv } from './env';
import { forEachReg } from './everyRegister';
import { checkHelperMemory, checkKfuncSize } from './helperArguments';
import { isGplCompatible } from './licences';
import { LIVE_READ64, markRegRead } from './liveness';
import { mapInfo } from './mapRules';
import { isTrusted, walkRules } from './memoryAccessKernel';
import { EACCES, EINVAL, Rejection } from './outcome';
import { markPrecise } from './precision';
import { acquireReference, dropReference, releaseReference } from './references';
import {
  isNullConst,
  MAYBE_NULL,
  mayBeNull,
  MEM_ALLOC,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  NON_OWN_REF,
  NOT_INIT,
  pointer,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  UNKNOWN_SCALAR,
  type RegState,
} from './regState';
import { regTypeName } from './regText';
import { checkReturnValue } from './returnValues';
import { structMatches } from './structWalk';

type Proto = Extract<BtfType, { kind: 'funcProto' }>;

/** A call while its arguments are checked. */
export interface KfuncCall {
  readonly row: KfuncRow;
  readonly btf: Btf;
  readonly proto: Proto;
  readonly insnIdx: number;
  /** Reference that an argument belongs to; register that is released. */
  refObjId: number;
  releaseRegno: number;
  /** Value of the `__k` argument. */
  constant: bigint | null;
  /** Allocated object among the arguments: its struct in the object's BTF. */
  objectType: number;
  /** The object argument is an owning reference. */
  owned: boolean;
  /** List head or tree root that the call works on. */
  root: SpecialField | null;
}

const nameAt = (env: VerifierEnv, slot: number): string => {
  const reference = env.program.references.get(slot);
  return reference?.kind === 'kfunc' ? reference.name : '';
};

export const isThrow = (env: VerifierEnv, slot: number): boolean => nameAt(env, slot) === 'bpf_throw';
export const mayCallUnderLock = (env: VerifierEnv, slot: number): boolean =>
  UNDER_LOCK.has(nameAt(env, slot));

const has = (call: KfuncCall, flag: KfuncFlag): boolean => call.row.flags.includes(flag);

/** Newer kernels number the register instead of the argument. */
const argName = (env: VerifierEnv, i: number): string =>
  hasFeature(env, 'kfuncsTrustByDefault') ? `R${i + 1}` : `arg#${i}`;

const argsName = (env: VerifierEnv, i: number): string =>
  hasFeature(env, 'kfuncsTrustByDefault') ? `R${i + 1}` : `args#${i}`;

function refuse(
  env: VerifierEnv,
  message: string,
  errno = EINVAL,
  code = 'kfunc-argument',
  registers?: number[],
): never {
  return reject(env, { code, category: 'Call Type Safety', errno, message, registers });
}

const refuseUse = (env: VerifierEnv, message: string, errno: number, code: string): never =>
  reject(env, { code, category: 'Execution Context Safety', errno, message });

/** Functions whose rules beyond the prototype are not written. */
const NOT_MODELLED =
  /^(bpf_dynptr|bpf_wq_|bpf_arena|bpf_percpu_obj|bpf_iter_|crash_kexec|bpf_sk_assign|bpf_rbtree|bpf_crypto|bpf_verify_pkcs7|bpf_get_\w+_xattr|bpf_session|bpf_map_sum|bpf_copy_from)/;

export function checkKfuncCall(env: VerifierEnv, insnIdx: number, insn: Insn): void {
  const name = nameAt(env, insnIdx);
  const row = kfuncByName(name);
  const need = `kfunc ${name === '' ? '?' : name}`;
  if (row === undefined || !hasFeature(env, 'kfuncTable') || insn.imm === 0) return unknown(env, need);
  const btf = env.kernelBtf;
  const func = btf?.types[insn.imm];
  const proto = func?.kind === 'func' ? btf?.types[func.type] : undefined;
  if (btf === undefined || proto?.kind !== 'funcProto') return unknown(env, need);
  if (!isGplCompatible(env.object.license)) {
    refuseUse(env, 'cannot call kernel function from non-GPL compatible program', EINVAL, 'kfunc-needs-gpl');
  }
  if (!kfuncAllowed(row, env.program.type)) {
    // other kernels register some functions for more program types
    if (hasFeature(env, 'kfuncsTrustByDefault')) return unknown(env, `${need} in ${env.program.type}`);
    refuseUse(env, `calling kernel function ${name} is not allowed`, EACCES, 'kfunc-not-for-program');
  }
  if (NOT_MODELLED.test(name)) return unknown(env, need);
  const sleepable = row.flags.includes('sleepable');
  if (sleepable && !(env.cur.inSleepable || env.program.sleepable)) {
    refuseUse(env, `program must be sleepable to call sleepable kfunc ${name}`, EACCES, 'kfunc-may-sleep');
  }
  const call: KfuncCall = {
    row,
    btf,
    proto,
    insnIdx,
    refObjId: 0,
    releaseRegno: 0,
    constant: null,
    objectType: 0,
    owned: false,
    root: null,
  };
  checkArguments(env, call);
  changeSections(env, call, sleepable);
  release(env, call);
  if (name === 'bpf_list_push_front_impl' || name === 'bpf_list_push_back_impl')
    linkNode(env, regOf(env, 2).refObjId);
  if (name === 'bpf_throw') checkReturnValue(env, env.cur.frames[0], 1, curFrame(env));
  finish(env, call);
}

// ── arguments ──────────────────────────────────────────────────────────────────────────────────────────────────────

const GRAPH_ARGS: Readonly<Record<string, 'listHead' | 'listNode'>> = {
  bpf_list_head: 'listHead',
  bpf_list_node: 'listNode',
};
const NOT_MODELLED_ARGS = new Set(['bpf_dynptr', 'bpf_dynptr_kern', 'bpf_wq', 'bpf_rb_root', 'bpf_rb_node']);

function checkArguments(env: VerifierEnv, call: KfuncCall): void {
  const { params } = call.proto;
  for (let i = 0; i < params.length; i++) {
    const regno = i + 1;
    const param = params[i];
    markRegRead(curFrame(env), regno, LIVE_READ64);
    if (param.name.endsWith('__ign')) continue;
    const type = resolvedType(call.btf, param.type);
    if (type.kind === 'int' || type.kind === 'enum') {
      checkScalar(env, call, regno, param.name);
      continue;
    }
    if (type.kind !== 'ptr') return unknown(env, `arguments of kfunc ${call.row.name}`);
    if (checkPointer(env, call, i, type.type)) {
      i++;
      markRegRead(curFrame(env), regno + 1, LIVE_READ64);
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
  if (!param.endsWith('__k')) return;
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

function checkTrust(env: VerifierEnv, call: KfuncCall, regno: number, reg: RegState): void {
  const needed = trustNeeded(env, call);
  if (needed === 'no' || isTrusted(reg)) return;
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
    const which = hasFeature(env, 'kfuncsTrustByDefault') ? `R${regno}` : `arg${i}`;
    refuse(env, `Possibly NULL pointer passed to trusted ${which}`, EACCES, 'maybe-null-argument', [regno]);
  }
  if (has(call, 'release') && reg.refObjId === 0 && hasFeature(env, 'kfuncsTrustByDefault'))
    refuseUnowned(env, call);
  if (reg.refObjId !== 0) {
    if (has(call, 'release') && call.refObjId !== 0)
      return unknown(env, `two references given to kfunc ${name}`);
    call.refObjId = reg.refObjId;
    if (has(call, 'release')) call.releaseRegno = regno;
  }
  const refId = resolveModifiers(call.btf, pointeeId);
  const ref = call.btf.types[refId];
  if (name === 'bpf_cast_to_kern_ctx') {
    checkOffsets(env, call, regno, reg);
    if (reg.type !== 'ctx')
      refuse(env, `${argName(env, i)} expected pointer to ctx, but got ${regTypeName(reg)}`);
    return false;
  }
  if (
    ref.kind === 'struct' &&
    (ref.name === '__sk_buff' || ref.name === 'xdp_md' || ref.name === 'bpf_sock_addr')
  ) {
    return unknown(env, `context arguments of kfunc ${name}`);
  }
  if (param.endsWith('__nullable') && isNullConst(reg)) return false;
  if (param.endsWith('__alloc')) return checkAllocated(env, call, i, reg);
  if (param.endsWith('__refcounted_kptr')) return checkCounted(env, call, i, reg);
  if (NOT_MODELLED_ARGS.has(ref.name)) return unknown(env, `struct ${ref.name} arguments (kfunc ${name})`);
  const graph = GRAPH_ARGS[ref.name];
  if (graph !== undefined) return checkGraphArgument(env, call, i, reg, graph);
  if (/__(str|map|iter|uninit|irq_flag|const_map|prog|aux)$/.test(param))
    return unknown(env, `arguments of kfunc ${name}`);
  if (reg.type === 'btfId') return checkTyped(env, call, i, reg, ref, refId);
  if (SPECIAL.has(reg.type)) return unknown(env, `sockets and maps as arguments of kfunc ${name}`);
  if (ref.kind === 'funcProto') return unknown(env, `callbacks of kfunc ${name}`);
  return checkMemory(env, call, i, reg, ref, refId, nullable);
}

const SPECIAL = new Set(['socket', 'sockCommon', 'tcpSock', 'xdpSock', 'mapPtr', 'dynptrPtr']);

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
function checkOffsets(env: VerifierEnv, call: KfuncCall, regno: number, reg: RegState): void {
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

function checkTyped(
  env: VerifierEnv,
  call: KfuncCall,
  i: number,
  reg: RegState,
  ref: BtfType,
  refId: number,
): boolean {
  const regno = i + 1;
  const { name } = call.row;
  if (ref.kind !== 'struct') {
    if (ref.kind === 'union') return unknown(env, `unions as arguments of kfunc ${name}`);
    return refuse(
      env,
      `kernel function ${name} ${argsName(env, i)} pointer type ${kindWord(ref)} ${ref.name} is not supported`,
    );
  }
  checkTrust(env, call, regno, reg);
  checkOffsets(env, call, regno, reg);
  if ((reg.flags & ~SAFE_FLAGS) !== 0 && (reg.flags & MEM_RCU) === 0) {
    const expected = regTypeName({ ...reg, flags: reg.flags & SAFE_FLAGS });
    refuse(
      env,
      `${argName(env, i)} is ${regTypeName(reg)} expected ${expected} or socket`,
      EINVAL,
      'kfunc-argument',
      [regno],
    );
  }
  const have = reg.btfOf === 'kernel' ? call.btf.types[reg.btfId] : env.object.btf?.types[reg.btfId];
  const strict = (has(call, 'release') && reg.refObjId !== 0) || nocastAlias(have?.name ?? '', ref.name);
  const same =
    reg.btfOf === 'kernel' && structMatches(call.btf, reg.btfId, reg.off, refId, strict, walkRules(env, reg));
  if (!same) {
    if (/___|^__sk_buff$|^xdp_md$/.test(ref.name))
      return unknown(env, `struct ${ref.name} as argument of kfunc ${name}`);
    refuse(
      env,
      `kernel function ${name} ${argsName(env, i)} expected pointer to STRUCT ${ref.name} but R${regno} has a pointer to STRUCT ${have?.name ?? ''}`,
      EINVAL,
      'kfunc-argument',
      [regno],
    );
  }
  return false;
}

/** One of two types is the other one before it is initialised: they must not be mixed. */
const nocastAlias = (a: string, b: string): boolean => a === `${b}___init` || b === `${a}___init`;

const kindWord = (type: BtfType): string =>
  ({
    int: 'INT',
    struct: 'STRUCT',
    union: 'UNION',
    ptr: 'PTR',
    void: 'UNKNOWN',
    fwd: 'FWD',
    funcProto: 'FUNC_PROTO',
    enum: 'ENUM',
  })[type.kind as string] ?? type.kind.toUpperCase();

/** Whether a struct holds numbers only, nested at most four deep. */
function isPlainStruct(btf: Btf, id: number, depth = 0): boolean {
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
  if (mayBeNull(reg)) frame.regs[regno] = { ...reg, flags: reg.flags & ~MAYBE_NULL };
  if (!sized) {
    const sizeBytes = sizeOfType(call.btf, refId);
    if (sizeBytes === undefined)
      return unknown(env, `the size of argument ${regno} of kfunc ${call.row.name}`);
    if (!isNullConst(reg)) {
      checkHelperMemory(env, regno, sizeBytes, 'read', true);
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
    if (next.endsWith('__szk')) return unknown(env, `constant sizes of kfunc ${call.row.name}`);
  }
  frame.regs[regno] = reg;
  return sized;
}

// ── objects that programs allocate ─────────────────────────────────────────────────────────────────────────────────

const isOwnedObject = (reg: RegState): boolean => reg.type === 'btfId' && reg.flags === MEM_ALLOC;

function checkAllocated(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): false {
  if (reg.type === 'btfId') checkTrust(env, call, i + 1, reg);
  checkOffsets(env, call, i + 1, reg);
  if (!isOwnedObject(reg))
    refuse(env, `${argName(env, i)} expected pointer to allocated object`, EINVAL, 'kfunc-argument', [i + 1]);
  if (call.row.name !== 'bpf_obj_drop_impl') return unknown(env, `kfunc ${call.row.name}`);
  if (reg.refObjId === 0)
    refuse(env, 'allocated object must be referenced', EINVAL, 'kfunc-argument', [i + 1]);
  call.objectType = reg.btfId;
  return false;
}

function checkCounted(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): false {
  checkOffsets(env, call, i + 1, reg);
  const object = reg.type === 'btfId' && (reg.flags & MEM_ALLOC) !== 0 && (reg.flags & PTR_UNTRUSTED) === 0;
  if (!object || reg.btfOf !== 'object') {
    refuse(env, `${argName(env, i)} is neither owning or non-owning ref`, EINVAL, 'kfunc-argument', [i + 1]);
  }
  call.owned = (reg.flags & NON_OWN_REF) === 0 && reg.refObjId !== 0;
  const counted = allocatedFields(env, reg.btfId).fields.some((field) => field.kind === 'refcount');
  if (!counted)
    refuse(
      env,
      `${argName(env, i)} doesn't point to a type with bpf_refcount field`,
      EINVAL,
      'kfunc-argument',
      [i + 1],
    );
  call.objectType = reg.btfId;
  return false;
}

function checkGraphArgument(
  env: VerifierEnv,
  call: KfuncCall,
  i: number,
  reg: RegState,
  kind: 'listHead' | 'listNode',
): false {
  const regno = i + 1;
  checkOffsets(env, call, regno, reg);
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'kfunc-argument', [regno]);
  const word = kind === 'listHead' ? 'bpf_list_head' : 'bpf_list_node';
  if (kind === 'listHead') {
    if (reg.type !== 'mapValue' && !isOwnedObject(reg))
      wrong(`${argName(env, i)} expected pointer to map value or allocated object`);
    if (reg.flags !== 0 && reg.flags !== MEM_ALLOC)
      wrong(`${argName(env, i)} expected pointer to map value or allocated object`);
  } else if (!isOwnedObject(reg)) wrong(`${argName(env, i)} expected pointer to allocated object`);
  if (reg.type === 'btfId' && reg.refObjId === 0) wrong('allocated object must be referenced');
  if (reg.bits.mask !== 0n)
    wrong(`R${regno} doesn't have constant offset. ${word} has to be at the constant offset`);
  const at = reg.off + Number(BigInt.asIntN(32, reg.bits.value));
  const fields = reg.type === 'mapValue' ? mapFields(env, reg) : allocatedFields(env, reg.btfId).fields;
  const field = fields.find((candidate) => candidate.kind === kind && candidate.offset === at);
  if (field === undefined) wrong(`${word} not found at offset=${at >>> 0}`);
  if (kind === 'listHead') {
    checkLocked(env, reg, fields, word);
    call.root = field ?? null;
    return false;
  }
  const graph = call.root?.graph;
  if (graph === undefined) return unknown(env, `the list of kfunc ${call.row.name}`);
  const expected = nodeOffset(env, call.root);
  const holder = env.object.btf?.types[graph.typeId]?.name ?? '';
  if (reg.btfId !== graph.typeId) {
    wrong(
      `operation on bpf_list_head expects arg#1 bpf_list_node at offset=${expected} in struct ${holder}, but arg is at offset=${at} in struct ${env.object.btf?.types[reg.btfId]?.name ?? ''}`,
    );
  }
  if (at !== expected)
    wrong(`arg#1 offset=${at}, but expected bpf_list_node at offset=${expected} in struct ${holder}`);
  call.objectType = reg.btfId;
  return false;
}

function mapFields(env: VerifierEnv, reg: RegState): readonly SpecialField[] {
  return reg.map === null ? [] : mapInfo(env, reg.map).fields.fields;
}

/** A list may be touched only while the lock beside it is held. */
function checkLocked(env: VerifierEnv, reg: RegState, fields: readonly SpecialField[], word: string): void {
  const { activeLock } = env.cur;
  const of = reg.type === 'mapValue' ? reg.map : 'alloc';
  if (activeLock !== null && activeLock.of === of && activeLock.id === reg.id) return;
  if (activeLock !== null) env.log.message('held lock and object are not in the same allocation');
  const lock = fields.find((field) => field.kind === 'spinLock');
  reject(env, {
    code: 'lock-not-held',
    category: 'Resource Lifetime Safety',
    errno: EINVAL,
    message: `bpf_spin_lock at off=${lock?.offset ?? -1} must be held for ${word}`,
  });
}

/** Where the node that a list links stands in its struct. */
function nodeOffset(env: VerifierEnv, root: SpecialField | null): number {
  const graph = root?.graph;
  const struct = graph === undefined ? undefined : env.object.btf?.types[graph.typeId];
  const member = struct?.kind === 'struct' ? struct.members.find((m) => m.name === graph?.node) : undefined;
  if (member === undefined) return unknown(env, 'the node of a list');
  return member.offsetBits / 8;
}

/** An object was linked: the list owns it now, and the program's pointers are good until the lock is released. */
function linkNode(env: VerifierEnv, id: number): void {
  forEachReg(env, env.cur, (reg) => {
    if (reg.refObjId !== id) return reg;
    const counted = allocatedFields(env, reg.btfId).fields.some((field) => field.kind === 'refcount');
    return { ...reg, refObjId: 0, flags: reg.flags | NON_OWN_REF | (counted ? MEM_RCU : 0) };
  });
  dropReference(curFrame(env), id);
}

// ── effects ────────────────────────────────────────────────────────────────────────────────────────────────────────

function changeSections(env: VerifierEnv, call: KfuncCall, sleepable: boolean): void {
  const { name } = call.row;
  const { cur } = env;
  const refuseSection = (message: string, errno = EINVAL): never =>
    refuseUse(env, message, errno, 'kfunc-section');
  if (cur.activeRcuLock) {
    if (name === 'bpf_rcu_read_lock') {
      if (hasFeature(env, 'kfuncsTrustByDefault')) return unknown(env, 'nested RCU sections');
      refuseSection(`nested rcu read lock (kernel function ${name})`);
    }
    if (name === 'bpf_rcu_read_unlock') {
      forEachReg(env, cur, (reg) =>
        (reg.flags & MEM_RCU) === 0
          ? reg
          : { ...reg, flags: (reg.flags & ~(MEM_RCU | MAYBE_NULL)) | PTR_UNTRUSTED },
      );
      cur.activeRcuLock = false;
    } else if (sleepable)
      refuseSection(`kernel func ${name} is sleepable within rcu_read_lock region`, EACCES);
  } else if (name === 'bpf_rcu_read_lock') {
    cur.activeRcuLock = true;
  } else if (name === 'bpf_rcu_read_unlock') {
    refuseSection(`unmatched rcu read unlock (kernel function ${name})`);
  }
  if (name === 'bpf_preempt_disable') cur.activePreemptLocks++;
  else if (name === 'bpf_preempt_enable') {
    if (cur.activePreemptLocks === 0) {
      refuseSection(`unmatched attempt to enable preemption (kernel function ${name})`);
    }
    cur.activePreemptLocks--;
  } else if (cur.activePreemptLocks > 0 && sleepable) {
    refuseSection(`kernel func ${name} is sleepable within non-preemptible region`, EACCES);
  }
}

function release(env: VerifierEnv, call: KfuncCall): void {
  if (call.releaseRegno === 0) return;
  if (releaseReference(env, regOf(env, call.releaseRegno).refObjId)) return;
  refuse(
    env,
    `kfunc ${call.row.name}#${env.insns[call.insnIdx].imm} reference has not been acquired before`,
    EINVAL,
    'release-of-unowned',
  );
}

/** R1–R5 are gone, R0 holds the result. */
function finish(env: VerifierEnv, call: KfuncCall): void {
  const frame = curFrame(env);
  const result = returned(env, call);
  for (let n = 0; n <= 5; n++) frame.regs[n] = NOT_INIT;
  frame.preciseRegs &= ~0x3f;
  frame.scratchedRegs |= 0x3f;
  if (result === null) return;
  frame.regWritten |= 1;
  let reg = result;
  if (reg.type !== 'scalar') {
    const retNull = has(call, 'retNull') && !(call.row.name === 'bpf_refcount_acquire_impl' && call.owned);
    if (retNull) reg = { ...reg, flags: reg.flags | MAYBE_NULL, id: newId(env) };
    if (has(call, 'acquire')) {
      const id = acquireReference(env, call.insnIdx);
      reg = { ...reg, refObjId: id, id: retNull ? id : reg.id };
    }
    if (reg.id === 0 && holdsSpinLock(env, reg)) reg = { ...reg, id: newId(env) };
  }
  frame.regs[0] = { ...reg, origin: call.insnIdx };
}

/** What a context is inside the kernel. */
const KERNEL_CONTEXT: Readonly<Record<string, string>> = {
  BPF_PROG_TYPE_XDP: 'xdp_buff',
  BPF_PROG_TYPE_SCHED_CLS: 'sk_buff',
  BPF_PROG_TYPE_SCHED_ACT: 'sk_buff',
  BPF_PROG_TYPE_CGROUP_SKB: 'sk_buff',
  BPF_PROG_TYPE_CGROUP_SOCK_ADDR: 'bpf_sock_addr_kern',
};

function returned(env: VerifierEnv, call: KfuncCall): RegState | null {
  const { btf, proto } = call;
  const { name } = call.row;
  const type = resolvedType(btf, proto.returnType);
  if (type.kind === 'void') return null;
  if (type.kind === 'int' || type.kind === 'enum') return UNKNOWN_SCALAR;
  if (type.kind !== 'ptr') return unknown(env, `what kfunc ${name} returns`);
  switch (name) {
    case 'bpf_obj_new_impl':
      return newObject(env, call);
    case 'bpf_refcount_acquire_impl':
      return pointer('btfId', { btfId: call.objectType, btfOf: 'object', flags: MEM_ALLOC });
    case 'bpf_list_pop_front':
    case 'bpf_list_pop_back': {
      const graph = call.root?.graph;
      if (graph === undefined) return unknown(env, `the list of kfunc ${name}`);
      return pointer('btfId', {
        btfId: graph.typeId,
        btfOf: 'object',
        flags: MEM_ALLOC,
        off: nodeOffset(env, call.root),
      });
    }
    case 'bpf_cast_to_kern_ctx': {
      const struct = KERNEL_CONTEXT[env.program.type];
      const btfId = struct === undefined ? 0 : findType(btf, struct, 'struct');
      if (btfId === 0) return unknown(env, `the kernel's context of ${env.program.type}`);
      return pointer('btfId', { btfId, btfOf: 'kernel', flags: PTR_TRUSTED });
    }
    case 'bpf_rdonly_cast': {
      const id = Number(call.constant ?? 0n);
      const target = btf.types[id];
      if (hasFeature(env, 'untrustedMemory') && target?.kind !== 'struct')
        return unknown(env, `kfunc ${name}`);
      if (target?.kind !== 'struct' && target?.kind !== 'union') {
        refuse(env, 'kfunc bpf_rdonly_cast type ID argument must be of a struct');
      }
      return pointer('btfId', { btfId: id, btfOf: 'kernel', flags: PTR_UNTRUSTED });
    }
  }
  const targetId = resolveModifiers(btf, type.type);
  const target = btf.types[targetId];
  if (target.kind === 'void')
    return has(call, 'acquire') ? unknown(env, `what kfunc ${name} returns`) : UNKNOWN_SCALAR;
  if (target.kind !== 'struct' && target.kind !== 'union') return unknown(env, `what kfunc ${name} returns`);
  return pointer('btfId', { btfId: targetId, btfOf: 'kernel', flags: 0 });
}

function newObject(env: VerifierEnv, call: KfuncCall): RegState {
  const id = call.constant ?? 0n;
  if (id > 0xffff_ffffn) refuse(env, 'local type ID argument must be in range [0, U32_MAX]');
  const { btf } = env.object;
  if (btf === undefined) return refuse(env, 'bpf_obj_new/bpf_percpu_obj_new requires prog BTF');
  const type = btf.types[Number(id)];
  if (type?.kind !== 'struct') {
    refuse(env, 'bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct');
  }
  return pointer('btfId', { btfId: Number(id), btfOf: 'object', flags: MEM_ALLOC });
}
