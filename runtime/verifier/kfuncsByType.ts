/**
 * Calls of kernel functions on kernels whose parameters carry no meaning by name but two: `…__sz` and `…_buf_size`. What an
 * argument must be follows from its type in the kernel's BTF and from what the register already is, in this order.
 * Not here: kernels that first decide what kind of argument a parameter is (`kfuncArguments.ts`).
 * Evidence: programs of test/fixtures/rulebook, kernelCalls61 and modules61, measured on 6.1.
 */
import { findType, resolvedType, resolveModifiers, sizeOfType } from '../btf/query';
import type { BtfType } from '../btf/types';
import type { KfuncFlag, KfuncRow } from '../spec/kfuncs';
import { asU64 } from '../util/u64';
import { checkUnmodifiedPointer } from './contextAccess';
import { curFrame, newId, regOf, reject, unknown, type VerifierEnv } from './env';
import { checkGlobalMemArg } from './helperCalls';
import { checkKfuncSize } from './helperArguments';
import { isPlainStruct } from './kfuncArguments';
import { contextName, refuse, refuseUse, type Proto } from './kfuncModel';
import { kptrTarget } from './kptrFields';
import { markRegRead } from './liveness';
import { mapInfo } from './mapRules';
import { walkRules } from './memoryAccessKernel';
import { EFAULT, EINVAL, Rejection } from './outcome';
import { markPrecise } from './precision';
import { acquireReference, releaseReference } from './references';
import {
  changed,
  MAYBE_NULL,
  MEM_RDONLY,
  MEM_RINGBUF,
  NOT_INIT,
  pointer,
  U32_MAX,
  UNKNOWN_SCALAR,
  type RegState,
  type RegType,
} from './regState';
import { dynptrAt, DYNPTR_SLOTS, placeOf } from './stackObjects';
import { structMatches } from './structWalk';
import { kindWord } from './typeText';

/** A call while its arguments are checked. */
class Call {
  /** Reference that an argument belongs to, and the argument's register. */
  refObjId = 0;
  refRegno = 0;
  /** Size of the memory that is returned; 0 when none was asked for. */
  resultBytes = 0n;
  resultReadOnly = false;

  constructor(
    readonly row: KfuncRow,
    readonly proto: Proto,
    readonly btf: NonNullable<VerifierEnv['kernelBtf']>,
    readonly insnIdx: number,
  ) {}

  has(flag: KfuncFlag): boolean {
    return this.row.flags.includes(flag);
  }
}

const MAX_ARGUMENTS = 5;

/** The whole call: arguments, references, result. That the program may make it was checked. */
export function callByType(env: VerifierEnv, insnIdx: number, row: KfuncRow, proto: Proto): void {
  const btf = env.kernelBtf;
  if (btf === undefined) return unknown(env, 'kernel type information (kernel functions)');
  const call = new Call(row, proto, btf, insnIdx);
  checkArguments(env, call);
  const { imm } = env.insns[insnIdx];
  if (call.has('release') && !releaseReference(env, regOf(env, call.refRegno).refObjId)) {
    refuse(
      env,
      `kfunc ${row.name}#${imm} reference has not been acquired before`,
      EINVAL,
      'release-of-unowned',
    );
  }
  finish(env, call);
}

function checkArguments(env: VerifierEnv, call: Call): void {
  const { row, proto, btf } = call;
  const { params } = proto;
  if (params.length > MAX_ARGUMENTS)
    refuse(env, `Function ${row.name} has ${params.length} > ${MAX_ARGUMENTS} args`);
  for (let i = 0; i < params.length; i++) {
    const type = resolvedType(btf, params[i].type);
    if (type.kind === 'int' || type.kind === 'enum') checkNumber(env, call, i);
    else if (type.kind === 'ptr') i += checkPointer(env, call, i, type.type);
    else refuse(env, `Unrecognized arg#${i} type ${kindWord(type)}`);
  }
  if (call.has('release') && call.refObjId === 0) {
    refuse(
      env,
      `release kernel function ${row.name} expects refcounted PTR_TO_BTF_ID`,
      EINVAL,
      'release-of-unowned',
    );
  }
  if (call.has('sleepable') && !env.program.sleepable) {
    refuseUse(
      env,
      `kernel function ${row.name} is sleepable but the program is not`,
      EINVAL,
      'kfunc-may-sleep',
    );
  }
}

/** A number; by its name it may be the size of the memory that the function returns. */
function checkNumber(env: VerifierEnv, call: Call, i: number): void {
  const regno = i + 1;
  const reg = regOf(env, regno);
  const { name } = call.proto.params[i];
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'kfunc-argument', [regno]);
  const size = /(?:rdonly|rdwr)_buf_size$/.exec(name);
  if (size !== null && reg.type === 'scalar') {
    if (call.resultBytes !== 0n) wrong('2 or more rdonly/rdwr_buf_size parameters for kfunc');
    if (reg.bits.mask !== 0n) wrong(`R${regno} is not a const`);
    if (reg.bits.value > BigInt(U32_MAX)) wrong(`R${regno} rdonly/rdwr_buf_size exceeds u32 max`);
    call.resultBytes = reg.bits.value;
    call.resultReadOnly = name.endsWith('rdonly_buf_size');
    markPrecise(env, regno);
  }
  if (reg.type !== 'scalar') wrong(`R${regno} is not a scalar`);
}

/** Kernel struct behind a register that is no typed pointer. */
const STRUCT_BEHIND: Readonly<Partial<Record<RegType, string>>> = {
  socket: 'sock',
  sockCommon: 'sock_common',
  tcpSock: 'tcp_sock',
};

/** Returns how many arguments after this one were judged with it. */
function checkPointer(env: VerifierEnv, call: Call, i: number, pointeeId: number): 0 | 1 {
  const regno = i + 1;
  const reg = regOf(env, regno);
  const { btf, row } = call;
  const typed = reg.type === 'btfId' && reg.flags === 0;
  const objectLike = typed || reg.type in STRUCT_BEHIND;
  const trusted = call.has('trustedArgs');
  if (trusted && objectLike && reg.refObjId === 0)
    refuse(env, `R${regno} must be referenced`, EINVAL, 'kfunc-untrusted', [regno]);
  const whole =
    (trusted && (objectLike || reg.type === 'ctx')) || (call.has('release') && reg.refObjId !== 0);
  checkOffset(env, regno, reg, whole);
  if (reg.refObjId !== 0) {
    if (call.refObjId !== 0) {
      reject(env, {
        code: 'kernel-bug',
        category: 'Program Structure',
        errno: EFAULT,
        message: `verifier internal error: more than one arg with ref_obj_id R${regno} ${reg.refObjId} ${call.refObjId}`,
        registers: [regno],
      });
    }
    call.refObjId = reg.refObjId;
    call.refRegno = regno;
  }
  const targetId = resolveModifiers(btf, pointeeId);
  const target = btf.types[targetId];
  if (i === 0 && call.has('kptrGet')) {
    checkKeptPointer(env, call, reg, target);
    return 0;
  }
  if (isStruct(target) && `struct ${target.name}` === contextName(env)) {
    if (reg.type !== 'ctx')
      refuse(env, `arg#${i} expected pointer to ctx, but got PTR`, EINVAL, 'kfunc-argument', [regno]);
    return 0;
  }
  if (typed || (reg.type in STRUCT_BEHIND && reg.flags === 0)) {
    if (!isStruct(target)) {
      return refuse(
        env,
        `kernel function ${row.name} args#${i} pointer type ${kindWord(target)} ${target.name} is not supported`,
        EINVAL,
        'kfunc-argument',
        [regno],
      );
    }
    checkStruct(env, call, i, targetId, trusted || (call.has('release') && reg.refObjId !== 0));
    return 0;
  }
  return checkMemory(env, call, i, target, targetId);
}

const isStruct = (type: BtfType): boolean => type.kind === 'struct' || type.kind === 'union';

const OFFSETS_JUDGED_LATER: ReadonlySet<RegType> = new Set([
  'stack',
  'packet',
  'packetMeta',
  'mapKey',
  'mapValue',
  'scalar',
]);

/** `whole`: a typed pointer must be at its very start. */
function checkOffset(env: VerifierEnv, regno: number, reg: RegState, whole: boolean): void {
  if (OFFSETS_JUDGED_LATER.has(reg.type) && reg.flags === 0) return;
  if (reg.type === 'mem' && [0, MEM_RDONLY, MEM_RINGBUF].includes(reg.flags)) return;
  if (reg.type === 'buf' && [0, MEM_RDONLY].includes(reg.flags)) return;
  const typed = reg.type === 'btfId' && reg.flags === 0;
  if (typed && whole && reg.off !== 0) {
    reject(env, {
      code: 'release-at-offset',
      category: 'Resource Lifetime Safety',
      errno: EINVAL,
      message: `R${regno} must have zero offset when passed to release func`,
      registers: [regno],
    });
  }
  checkUnmodifiedPointer(env, reg, regno, typed);
}

/** Where a map value keeps the kernel pointer that is to be taken out. */
function checkKeptPointer(env: VerifierEnv, call: Call, reg: RegState, target: BtfType): void {
  const { btf, row } = call;
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'kfunc-argument', [1]);
  const { map } = reg;
  if (reg.type !== 'mapValue' || reg.flags !== 0 || map === null)
    return wrong('arg#0 expected pointer to map value');
  if (reg.bits.mask !== 0n) wrong('arg#0 must have constant offset');
  const at = asU64(BigInt(reg.off) + reg.bits.value);
  const field = mapInfo(env, map).fields.fields.find(
    (candidate) => candidate.kind === 'kptr' && BigInt(candidate.offset) === at,
  );
  if (field?.kptr?.flavour !== 'referenced')
    return wrong(`arg#0 no referenced kptr at map value offset=${at}`);
  if (target.kind !== 'ptr') return wrong('arg#0 BTF type must be a double pointer');
  const structId = resolveModifiers(btf, target.type);
  const struct = btf.types[structId];
  if (!isStruct(struct))
    wrong(
      `kernel function ${row.name} args#0 pointer type ${kindWord(struct)} ${struct.name} is not supported`,
    );
  const kept = kptrTarget(env, field);
  if (kept.of !== 'kernel' || kept.typeId !== structId)
    wrong(`kernel function ${row.name} args#0 expected pointer to ${kindWord(struct)} ${struct.name}`);
}

/** The register's struct is the wanted one, or (unless `strict`) begins with it at the register's offset. */
function checkStruct(env: VerifierEnv, call: Call, i: number, wantedId: number, strict: boolean): void {
  const { btf, row } = call;
  const regno = i + 1;
  const reg = regOf(env, regno);
  const behind = STRUCT_BEHIND[reg.type];
  const ofKernel = behind !== undefined || reg.btfOf === 'kernel';
  const haveId = behind === undefined ? reg.btfId : findType(btf, behind, 'struct');
  if (ofKernel && structMatches(btf, haveId, reg.off, wantedId, strict, walkRules(env, reg))) return;
  const wanted = btf.types[wantedId];
  const have = ofKernel ? btf.types[haveId] : env.object.btf?.types[haveId];
  refuse(
    env,
    `kernel function ${row.name} args#${i} expected pointer to ${kindWord(wanted)} ${wanted.name} but R${regno} has a pointer to ${have === undefined ? '' : kindWord(have)} ${have?.name ?? ''}`,
    EINVAL,
    'kfunc-argument',
    [regno],
  );
}

/** Memory: numbers, structs of numbers, a dynptr of the program's, or as many bytes as the next argument says. */
function checkMemory(env: VerifierEnv, call: Call, i: number, target: BtfType, targetId: number): 0 | 1 {
  const { btf, proto } = call;
  const regno = i + 1;
  const next = proto.params[i + 1];
  const isNumber = ({ kind }: BtfType): boolean => kind === 'int' || kind === 'enum';
  const sized =
    next?.name.endsWith('__sz') === true &&
    isNumber(resolvedType(btf, next.type)) &&
    regOf(env, regno + 1).type === 'scalar';
  const described = `arg#${i} pointer type ${kindWord(target)} ${target.name}`;
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'kfunc-argument', [regno]);
  const dynptr = isStruct(target) && target.name === 'bpf_dynptr_kern';
  const plain = isNumber(target) || isPlainStruct(btf, targetId);
  if (!plain && !dynptr && !(sized && target.kind === 'void'))
    wrong(`${described} must point to ${sized ? 'void, ' : ''}scalar, or struct with scalar`);
  if (dynptr) {
    checkDynptr(env, regno, described);
    return 0;
  }
  if (sized) {
    checkSized(env, i);
    return 1;
  }
  const sizeBytes = sizeOfType(btf, targetId);
  if (sizeBytes === undefined) return unknown(env, `the size of argument ${regno} of kfunc ${call.row.name}`);
  try {
    checkGlobalMemArg(env, regno, sizeBytes);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    throw new Rejection({ ...error.data, errno: EINVAL });
  }
  return 0;
}

/** Memory whose size is the next argument: readable and writable, whatever is wrong with it. */
function checkSized(env: VerifierEnv, i: number): void {
  const frame = curFrame(env);
  const regno = i + 1;
  const reg = frame.regs[regno];
  frame.regs[regno] = changed(reg, { flags: reg.flags & ~MAYBE_NULL });
  try {
    checkKfuncSize(env, regno + 1);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    const message = `arg#${i} arg#${i + 1} memory, len pair leads to invalid memory access`;
    refuse(env, message, EINVAL, 'kfunc-argument', [regno]);
  }
  frame.regs[regno] = reg;
}

/** An initialised dynptr over memory of the program's own. */
function checkDynptr(env: VerifierEnv, regno: number, described: string): void {
  const reg = regOf(env, regno);
  const wrong = (what: string): never =>
    refuse(env, `${described} ${what}`, EINVAL, 'kfunc-argument', [regno]);
  if (reg.type !== 'stack') wrong('not to stack');
  const place = placeOf(env, reg, 'dynptr', DYNPTR_SLOTS);
  const found = typeof place === 'number' ? dynptrAt(env.cur.frames[reg.frameNo], place) : null;
  if (found === null) return wrong('must be valid and initialized');
  if (found.of !== 'local') wrong('points to unsupported dynamic pointer type');
}

/** R1–R5 are gone, R0 holds the result. */
function finish(env: VerifierEnv, call: Call): void {
  const frame = curFrame(env);
  const result = resultOf(env, call);
  for (let regno = 1; regno <= call.proto.params.length; regno++) markRegRead(frame, regno);
  for (let regno = 0; regno <= 5; regno++) frame.regs[regno] = NOT_INIT;
  frame.preciseRegs &= ~0x3f;
  if (result === null) return;
  frame.regWritten |= 1;
  frame.regs[0] = changed(result, { origin: call.insnIdx });
}

function resultOf(env: VerifierEnv, call: Call): RegState | null {
  const { btf, proto, row } = call;
  const type = resolvedType(btf, proto.returnType);
  const targetId = type.kind === 'ptr' ? resolveModifiers(btf, type.type) : 0;
  const target = btf.types[targetId];
  if (call.has('acquire') && (type.kind !== 'ptr' || !isStruct(target)))
    refuse(env, 'acquire kernel function does not return PTR_TO_BTF_ID');
  if (type.kind === 'int' || type.kind === 'enum') return UNKNOWN_SCALAR;
  if (type.kind !== 'ptr') return null;
  let reg: RegState;
  if (isStruct(target)) reg = pointer('btfId', { btfId: targetId, btfOf: 'kernel' });
  else if (call.resultBytes === 0n)
    return refuse(
      env,
      `kernel function ${row.name} returns pointer type ${kindWord(target)} ${target.name} is not supported`,
    );
  else {
    const flags = call.resultReadOnly ? MEM_RDONLY : 0;
    reg = pointer('mem', { flags, memSize: Number(call.resultBytes), refObjId: call.refObjId });
  }
  if (call.has('retNull')) reg = changed(reg, { flags: reg.flags | MAYBE_NULL, id: newId(env) });
  if (!call.has('acquire')) return reg;
  const id = acquireReference(env, call.insnIdx);
  return changed(reg, { id, refObjId: id });
}
