/**
 * A helper call: may this program call it, are the arguments right, what happens to registers, references, locks and
 * packet pointers, what is in R0. Prototypes come from `spec/helpers.ts`, availability from `spec/helperPrograms.ts`.
 */
import { pushBranch } from './branches';
import type { Insn } from '../insn/insn';
import {
  helperById,
  type HelperName,
  type HelperPrototype,
  type HelperRow,
  type ReturnKind,
} from '../spec/helpers';
import { helperAllowed, helperPrototype, kernelHasHelper } from '../spec/helperPrograms';
import { assert } from '../util/assert';
import { syncBounds } from './bounds';
import { CALLBACK_RULES } from './callbacks';
import { forEachReg } from './everyRegister';
import { hasSpinLock } from './specialMapFields';
import {
  curFrame,
  hasFeature,
  newId,
  regOf,
  reject,
  unknown,
  type CallableHelper,
  type VerifierEnv,
} from './env';
import { forgetStackArguments, type FuncFrame } from './frame';
import { endsLocked } from './exitChecks';
import { giveBackDynptr, makeDynptr } from './dynptrs';
import { formatProblem } from './formats';
import { checkArgument, checkHelperMemory, type Call } from './helperArguments';

import { formerPointer, giveToField } from './kptrFields';
import { allowedFromHere, checkHelperPlace } from './helperPlaces';
import { isGplCompatible } from './licences';
import { checkMapWithHelper, mapInfo } from './mapRules';
import { progTypeByName } from '../spec/progTypes';
import { EACCES, EINVAL, ENOTSUPP } from './outcome';
import { markPrecise } from './precision';
import { acquireReference, releaseReference } from './references';
import { loseDynptrsOf } from './stackObjects';
import { fillStack } from './stackAccess';
import { helperScope } from './structOps';
import {
  changed,
  draft,
  isNullConst,
  knownScalar,
  MAYBE_NULL,
  mayBeNull,
  MEM_ALLOC,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  NOT_INIT,
  PACKET_SLICE,
  pointer,
  PTR_TRUSTED,
  type RegState,
  UNKNOWN_SCALAR,
} from './regState';
import { findType, resolveModifiers, sizeOfType } from '../btf/query';
import { regTypeName } from './regText';
import { hookReturnRange, hookReturnsNothing, valuesText } from './returnValues';
import { logEntry } from './stateText';
import type { DiagnosticCategory } from './verdict';

const MAX_ERRNO = 4095;

function refuseProgram(env: VerifierEnv, helper: string, id: number): never {
  const words = hasFeature(env, 'helperRefusedText')
    ? 'program of this type cannot use helper'
    : 'unknown func';
  return reject(env, {
    code: 'helper-not-for-program',
    category: 'Policy',
    errno: EINVAL,
    message: `${words} ${helper}#${id}`,
    facts: { helper, programType: env.program.type },
  });
}

/** The helper, if the program may call it: which it is at all its calls or at none. */
function available(env: VerifierEnv, id: number): CallableHelper {
  let helper = env.helpers.get(id);
  if (helper === undefined) {
    const row = availableRow(env, id);
    helper = { row, proto: helperPrototype(env.profile, row, env.program.type) };
    env.helpers.set(id, helper);
  }
  return helper;
}

function availableRow(env: VerifierEnv, id: number): HelperRow {
  if (id === 0) return refuseProgram(env, 'bpf_unspec', id);
  const row = helperById(id);
  if (row === undefined || !kernelHasHelper(env.profile, id)) {
    return reject(env, {
      code: 'no-such-helper',
      category: 'Call Type Safety',
      errno: EINVAL,
      message: `invalid func unknown#${id}`,
      facts: { id },
    });
  }
  const allowed = helperAllowed(env.profile, env.program.type, helperScope(env), id);
  if (allowed === 'unknown') return unknown(env, `helpers of ${env.program.type}`);
  if (allowed === 'no' && !allowedFromHere(env, row)) return refuseProgram(env, row.name, id);
  return row;
}

function checkCaller(env: VerifierEnv, row: HelperRow, proto: HelperPrototype): void {
  if (proto.gplOnly === true && !isGplCompatible(env.object.license)) {
    reject(env, {
      code: 'helper-needs-gpl',
      category: 'Policy',
      errno: EINVAL,
      message: 'cannot call GPL-restricted function from non-GPL compatible program',
      facts: { helper: row.name, license: env.object.license },
    });
  }
  checkHelperPlace(env, row);
  if (proto.maySleep === true && !maySleepHere(env)) {
    reject(env, {
      code: 'helper-may-sleep',
      category: 'Execution Context Safety',
      errno: EINVAL,
      message: hasFeature(env, 'sleepableHelperText')
        ? `sleepable helper ${row.name}#${row.id} in non-sleepable prog`
        : 'helper call might sleep in a non-sleepable prog',
      facts: { helper: row.name },
    });
  }
}

/** Sleeping is also out of the question within RCU sections and with preemption disabled. */
function checkSections(env: VerifierEnv, row: HelperRow, proto: HelperPrototype): void {
  if (proto.maySleep !== true) return;
  const region = env.cur.activeRcuLock
    ? 'rcu_read_lock region'
    : env.cur.activePreemptLocks > 0
      ? 'non-preemptible region'
      : env.cur.savedInterrupts.length > 0
        ? 'IRQ-disabled region'
        : '';
  if (region === '') return;
  reject(env, {
    code: 'helper-may-sleep',
    category: 'Execution Context Safety',
    errno: EINVAL,
    message: `sleepable helper ${row.name}#${row.id} in ${region}`,
    facts: { helper: row.name },
  });
}

/** Old kernels ask the program, newer ones the path: a timer callback of a sleepable program does not sleep. */
function maySleepHere(env: VerifierEnv): boolean {
  return env.cur.inSleepable || (env.program.sleepable && !hasFeature(env, 'asyncNeverSleeps'));
}

/** Helpers that go through the map that their arguments name, and those of them that change it. */
const MAP_OPERATIONS = new Set<string>([
  'bpf_tail_call',
  'bpf_map_lookup_elem',
  'bpf_map_update_elem',
  'bpf_map_delete_elem',
  'bpf_map_push_elem',
  'bpf_map_pop_elem',
  'bpf_map_peek_elem',
  'bpf_for_each_map_elem',
  'bpf_redirect_map',
  'bpf_map_lookup_percpu_elem',
]);
const MAP_CHANGES = new Set<string>([
  'bpf_map_update_elem',
  'bpf_map_delete_elem',
  'bpf_map_push_elem',
  'bpf_map_pop_elem',
]);

function checkMapOperation(env: VerifierEnv, call: Call): void {
  const { name } = call.row;
  if (!MAP_OPERATIONS.has(name)) return;
  const map = call.map?.map;
  assert(map !== undefined, `${name} has a map argument`);
  if (MAP_CHANGES.has(name) && !mapInfo(env, map).progWritable) {
    reject(env, {
      code: 'write-to-read-only',
      category: 'Memory Safety',
      errno: EACCES,
      message: 'write into map forbidden',
      registers: [1],
      facts: { map: map.name, helper: name },
    });
  }
  if (name === 'bpf_tail_call') checkTailCall(env, call);
}

function checkTailCall(env: VerifierEnv, call: Call): void {
  const map = call.map?.map;
  assert(map !== undefined, 'bpf_tail_call has a map argument');
  if (mapInfo(env, map).row.family !== 'progArray') {
    reject(env, {
      code: 'tail-call-map',
      category: 'Call Type Safety',
      errno: EINVAL,
      message: hasFeature(env, 'tailCallMapText')
        ? 'expected prog array map for tail call'
        : 'kernel subsystem misconfigured verifier',
      registers: [2],
      facts: { map: map.name },
    });
  }
  const index = regOf(env, 3);
  if (index.type === 'scalar' && index.bits.mask === 0n && index.bits.value < BigInt(map.maxEntries))
    markPrecise(env, 3);
  endsLocked(env, 'tailCall');
  if (hasFeature(env, 'tailCallMapText') && curFrame(env).inCallback) {
    reject(env, {
      code: 'tail-call-in-callback',
      category: 'Program Structure',
      errno: EINVAL,
      message: 'cannot tail call within callback',
    });
  }
}

/** Calls that no lock holder may make: all but the unlock. */
function checkLockHeld(env: VerifierEnv, row: HelperRow): void {
  if (env.cur.activeLock === null || row.name === 'bpf_spin_unlock') return;
  if (row.name === 'bpf_kptr_xchg' && env.features.moreCallsUnderLock) return;
  reject(env, {
    code: 'call-under-lock',
    category: 'Execution Context Safety',
    errno: EINVAL,
    message: 'function calls are not allowed while holding a lock',
    facts: { helper: row.name, map: typeof env.cur.activeLock.of === 'object' ? 'map' : '' },
  });
}

function release(env: VerifierEnv, call: Call): void {
  if (call.releaseRegno === 0) return;
  if (call.releasesDynptr) return giveBackDynptr(env, call.releaseRegno);
  if (call.refObjId !== 0) {
    loseDynptrsOf(env, call.refObjId);
    const gone = call.kptr !== undefined ? giveToField : releaseReference;
    if (gone(env, call.refObjId)) return;
  } else if (isNullConst(regOf(env, call.releaseRegno))) {
    return;
  }
  reject(env, {
    code: 'release-of-unowned',
    category: 'Resource Lifetime Safety',
    errno: EINVAL,
    message: `func ${call.row.name}#${call.row.id} reference has not been acquired before`,
    registers: [call.releaseRegno],
    facts: { helper: call.row.name },
  });
}

const PACKET_TYPES = new Set(['packet', 'packetMeta', 'packetEnd']);
const isOfPacket = (reg: RegState): boolean => PACKET_TYPES.has(reg.type) || (reg.flags & PACKET_SLICE) !== 0;

/** The packet may have moved: pointers into it become mere numbers. */
export function forgetPacketPointers(env: VerifierEnv): void {
  forEachReg(env, env.cur, (reg) => (isOfPacket(reg) ? UNKNOWN_SCALAR : reg));
}

const ACQUIRES = new Set<string>([
  'bpf_sk_lookup_tcp',
  'bpf_sk_lookup_udp',
  'bpf_skc_lookup_tcp',
  'bpf_ringbuf_reserve',
  'bpf_kptr_xchg',
]);
/** They return their argument in another type. */
const CASTS = new Set<string>([
  'bpf_tcp_sock',
  'bpf_sk_fullsock',
  'bpf_skc_to_tcp_sock',
  'bpf_skc_to_tcp6_sock',
  'bpf_skc_to_udp6_sock',
  'bpf_skc_to_mptcp_sock',
  'bpf_skc_to_tcp_timewait_sock',
  'bpf_skc_to_tcp_request_sock',
]);

function returnedRegister(env: VerifierEnv, call: Call): RegState {
  const kind: ReturnKind = call.proto.ret;
  const mapOf = (): Partial<RegState> => {
    assert(call.map !== null, `${call.row.name} has a map`);
    return { map: call.map.map, mapUid: call.map.uid };
  };
  switch (kind) {
    case 'integer':
      return UNKNOWN_SCALAR;
    case 'void':
      return NOT_INIT;
    case 'mapValue':
      return pointer('mapValue', {
        ...mapOf(),
        id: mapInfo(env, call.map!.map).fields.fields.some((field) => field.kind === 'spinLock')
          ? newId(env)
          : 0,
      });
    case 'mapValueOrNull':
      assert(call.map !== null, `${call.row.name} has a map`);
      return pointer('mapValue', { map: call.map.map, mapUid: call.map.uid, flags: MAYBE_NULL });
    case 'socketOrNull':
      return pointer('socket', { flags: MAYBE_NULL });
    case 'tcpSockOrNull':
      return pointer('tcpSock', { flags: MAYBE_NULL });
    case 'sockCommonOrNull':
      return pointer('sockCommon', { flags: MAYBE_NULL });
    case 'ringbufMemOrNull':
      return pointer('mem', { flags: MAYBE_NULL | MEM_RINGBUF, memSize: call.memSize });
    case 'dynptrMemOrNull':
      return pointer('mem', {
        flags: MAYBE_NULL,
        memSize: call.memSize,
        dynptrId: hasFeature(env, 'dynptrSlotsTracked') ? (call.dynptr?.id ?? 0) : 0,
        refObjId: call.dynptr?.refObjId ?? 0,
      });
    case 'percpuMem':
      return percpuMemory(env, call, 0);
    case 'percpuMemOrNull':
      return percpuMemory(env, call, MAYBE_NULL);
    case 'kptrOrNull':
      assert(call.kptr !== undefined, 'bpf_kptr_xchg has a field');
      return formerPointer(env, call.kptr);
    default:
      return kernelPointer(env, kind);
  }
}

/** One CPU's copy of what a per-CPU pointer points at. */
function percpuMemory(env: VerifierEnv, call: Call, flags: number): RegState {
  const { percpu } = call;
  assert(percpu !== undefined, 'the pointer comes first');
  if ((percpu.flags & MEM_RCU) !== 0 && percpu.btfOf === 'object') {
    return pointer('btfId', { btfId: percpu.btfId, btfOf: 'object', flags: MEM_ALLOC | MEM_RCU });
  }
  const btf = percpu.btfOf === 'object' ? env.object.btf : env.kernelBtf;
  if (btf === undefined) return unknown(env, 'kernel type information (per-CPU memory)');
  const btfId = resolveModifiers(btf, percpu.btfId);
  const type = btf.types[btfId];
  if (type.kind === 'struct' || type.kind === 'union')
    return pointer('btfId', { btfId, btfOf: percpu.btfOf, flags });
  const sizeBytes = sizeOfType(btf, btfId);
  if (sizeBytes === undefined) return unknown(env, `what ${call.row.name} returns`);
  return pointer('mem', { flags: flags | MEM_RDONLY, memSize: sizeBytes });
}

function kernelPointer(env: VerifierEnv, kind: string): RegState {
  const [how, struct = ''] = kind.split(':');
  const btf = env.kernelBtf;
  const btfId = btf === undefined ? 0 : findType(btf, struct, 'struct');
  if (btfId === 0) return unknown(env, `kernel type information (struct ${struct})`);
  const flags = how === 'btfOrNull' ? MAYBE_NULL : how === 'trustedBtf' ? PTR_TRUSTED : 0;
  return pointer('btfId', { btfId, btfOf: 'kernel', flags });
}

/** Helpers whose result has known bounds. */
function refineReturn(env: VerifierEnv, call: Call, reg: RegState): RegState {
  switch (call.row.name as HelperName) {
    case 'bpf_get_stack':
    case 'bpf_get_task_stack':
    case 'bpf_probe_read_str':
    case 'bpf_probe_read_kernel_str':
    case 'bpf_probe_read_user_str': {
      const bounded = draft(reg);
      bounded.smax = BigInt.asIntN(64, call.sizeMax);
      bounded.s32max = Number(BigInt.asIntN(32, call.sizeMax));
      bounded.smin = BigInt(-MAX_ERRNO);
      bounded.s32min = -MAX_ERRNO;
      syncBounds(bounded, env.features);
      return bounded;
    }
    case 'bpf_get_smp_processor_id': {
      if (!hasFeature(env, 'cpuIdBounded')) return reg;
      const bounded = draft(reg);
      const last = BigInt(env.possibleCpus) - 1n;
      bounded.umin = bounded.smin = 0n;
      bounded.umax = bounded.smax = last;
      bounded.u32min = bounded.s32min = 0;
      bounded.u32max = bounded.s32max = Number(last);
      syncBounds(bounded, env.features);
      return bounded;
    }
    case 'bpf_get_retval': {
      const range = hasFeature(env, 'setRetvalRange') ? retvalRange(env) : undefined;
      if (range === undefined) return reg;
      const bounded = draft(reg);
      bounded.smin = BigInt(range.min);
      bounded.smax = BigInt(range.max);
      bounded.s32min = range.min;
      bounded.s32max = range.max;
      syncBounds(bounded, env.features);
      return bounded;
    }
    default:
      return reg;
  }
}

const isGroupHook = ({ type, attachType }: VerifierEnv['program']): boolean =>
  type === 'BPF_PROG_TYPE_LSM' && attachType === 'BPF_LSM_CGROUP';

/** The results that a program may find and set; undefined for any: of reading an option, and of hooks that return nothing. */
function retvalRange(env: VerifierEnv): { readonly min: number; readonly max: number } | undefined {
  const { type, attachType } = env.program;
  if (type === 'BPF_PROG_TYPE_CGROUP_SOCKOPT' && attachType === 'BPF_CGROUP_GETSOCKOPT') return undefined;
  if (isGroupHook(env.program) && hookReturnsNothing(env)) return undefined;
  return (isGroupHook(env.program) ? hookReturnRange(env) : undefined) ?? { min: -MAX_ERRNO, max: 0 };
}

function setReturn(env: VerifierEnv, frame: FuncFrame, call: Call, insnIdx: number): void {
  let reg = returnedRegister(env, call);
  const key = call.row.name === 'bpf_map_lookup_elem' ? call.constantKey : undefined;
  if (key !== undefined && reg.map !== null && key < BigInt(reg.map.maxEntries)) {
    reg = changed(reg, { flags: reg.flags & ~MAYBE_NULL, id: hasSpinLock(env, reg.map) ? newId(env) : 0 });
  }
  if ((reg.flags & MAYBE_NULL) !== 0) {
    const d = draft(reg);
    d.id = newId(env);
    reg = d;
  }
  const socketLookup =
    call.row.name === 'bpf_map_lookup_elem' &&
    call.map !== null &&
    mapInfo(env, call.map.map).row.lookup === 'socket';
  if (CASTS.has(call.row.name)) {
    reg = changed(reg, { refObjId: call.refObjId });
    if (call.refObjId !== 0 && mayBeNull(reg) && hasFeature(env, 'castsWalkedBothWays')) {
      const failed = pushBranch(env, insnIdx + 1, insnIdx);
      failed.frames[failed.frames.length - 1].regs[0] = changed(knownScalar(0n), { origin: insnIdx });
      reg = changed(reg, { flags: reg.flags & ~MAYBE_NULL, id: 0 });
    }
  } else if (ACQUIRES.has(call.row.name) || socketLookup) {
    const id = acquireReference(env, insnIdx);
    reg = changed(reg, { id, refObjId: id });
  }
  if (call.proto.ret === 'integer') reg = refineReturn(env, call, reg);
  if (reg.type === 'notInit') {
    frame.regs[0] = NOT_INIT;
    return;
  }
  const d = draft(reg);
  d.origin = insnIdx;
  frame.regs[0] = d;
}

/** What bpf_set_retval sets, where the kernel looks at it: the low half, as an int. */
function checkRetval(env: VerifierEnv): void {
  const reg = regOf(env, 1);
  const refuse = (code: string, category: DiagnosticCategory, message: string): never =>
    reject(env, { code, category, errno: EINVAL, message, registers: [1] });
  const ranged = hasFeature(env, 'setRetvalRange');
  if (ranged && reg.type !== 'scalar') refuse('kfunc-argument', 'Call Type Safety', 'R1 is not a scalar');
  const range = ranged ? retvalRange(env) : undefined;
  if (isGroupHook(env.program) && hookReturnsNothing(env)) {
    return reject(env, {
      code: 'void-hook-result',
      category: 'Policy',
      errno: EINVAL,
      message: "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!",
    });
  }
  if (range === undefined) return;
  markPrecise(env, 1);
  if (reg.s32min >= range.min && reg.s32max <= range.max) return;
  refuse('retval-range', 'Policy', `At bpf_set_retval the register R1 has${valuesText(reg, range)}`);
}

function checkSpecial(env: VerifierEnv, call: Call): void {
  switch (call.row.name as HelperName) {
    case 'bpf_get_local_storage':
      if (!isNullConst(regOf(env, 2))) {
        reject(env, {
          code: 'helper-flags',
          category: 'Call Type Safety',
          errno: EINVAL,
          message: "get_local_storage() doesn't support non-zero flags",
          registers: [2],
        });
      }
      if (hasFeature(env, 'nullArgumentPrecise')) markPrecise(env, 2);
      return;
    case 'bpf_set_retval':
      return checkRetval(env);
    case 'bpf_snprintf':
      return checkFormatArgument(env);
    case 'bpf_dynptr_from_mem':
      if (regOf(env, 1).type === 'mapValue') return;
      return reject(env, {
        code: 'dynptr-memory',
        category: 'Call Type Safety',
        errno: EACCES,
        message: `Unsupported reg type ${regTypeName(regOf(env, 1))} for bpf_dynptr_from_mem data`,
        registers: [1],
      });
    default:
  }
}

/** The format of bpf_snprintf is a constant, so the verifier reads it: R3 the string, R5 the bytes of its arguments. */
function checkFormatArgument(env: VerifierEnv): void {
  const format = regOf(env, 3);
  const bytes = regOf(env, 5).bits.value;
  const { map } = format;
  if (map?.data === undefined) return unknown(env, 'the format check of bpf_snprintf');
  const refuse = (message: string): never =>
    reject(env, {
      code: 'bad-format',
      category: 'Call Type Safety',
      errno: EINVAL,
      message,
      registers: [3],
    });
  if (bytes % 8n !== 0n) refuse('');
  const from = format.off + Number(format.bits.value);
  if (formatProblem(map.data.subarray(from), Number(bytes / 8n))) refuse('Invalid format string');
}

function checkFuncIp(env: VerifierEnv, row: HelperRow): void {
  if (row.name !== 'bpf_get_func_ip' || env.program.type === 'BPF_PROG_TYPE_KPROBE') return;
  const attach = env.program.attachType;
  const traced =
    attach === 'BPF_TRACE_FENTRY' ||
    attach === 'BPF_TRACE_FEXIT' ||
    attach === 'BPF_TRACE_FSESSION' ||
    attach === 'BPF_MODIFY_RETURN';
  if (env.program.type === 'BPF_PROG_TYPE_TRACING' && traced) return;
  if (env.program.type === 'BPF_PROG_TYPE_TRACING') {
    const where = hasFeature(env, 'recursionRefused')
      ? 'fentry/fexit/fsession/fmod_ret'
      : 'fentry/fexit/fmod_ret';
    reject(env, {
      code: 'helper-not-for-program',
      category: 'Policy',
      errno: ENOTSUPP,
      message: `func ${row.name}#${row.id} supported only for ${where} programs`,
      facts: { helper: row.name, programType: env.program.type },
    });
  }
  reject(env, {
    code: 'helper-not-for-program',
    category: 'Policy',
    errno: ENOTSUPP,
    message: `func ${row.name}#${row.id} not supported for program type ${progTypeByName(env.program.type)?.id}`,
    facts: { helper: row.name, programType: env.program.type },
  });
}

export function checkHelperCall(env: VerifierEnv, insnIdx: number, insn: Insn): void {
  const { row, proto } = available(env, insn.imm);
  checkLockHeld(env, row);
  checkCaller(env, row, proto);
  checkSections(env, row, proto);
  const call: Call = {
    insnIdx,
    row,
    proto,
    map: null,
    mapFromTimer: false,
    releaseRegno: 0,
    refObjId: 0,
    dynptr: null,
    newDynptr: null,
    releasesDynptr: false,
    memSize: 0,
    sizeMax: 0n,
    subprog: -1,
    fills: [],
    sizedRegno: -1,
    sizedAccess: 'read',
  };
  for (let index = 0; index < proto.args.length; index++) checkArgument(env, call, index);
  checkMapOperation(env, call);
  for (const { regno, sizeBytes } of call.fills) fillStack(env, regno, sizeBytes);
  if (call.newDynptr !== null && !hasFeature(env, 'dynptrSlotsTracked'))
    makeDynptr(env, call.newDynptr.regno, call.newDynptr.of, insnIdx);
  release(env, call);
  checkSpecial(env, call);
  const caller = curFrame(env);
  CALLBACK_RULES[row.name as HelperName]?.(env, insnIdx, call, caller);
  for (let n = 0; n <= 5; n++) {
    caller.regs[n] = NOT_INIT;
  }
  forgetStackArguments(caller);
  caller.regWritten |= 0x3f;
  env.unprinted.regs |= 0x3f;
  if (env.enterAfterCall !== null) logEntry(env, caller, env.enterAfterCall);
  setReturn(env, caller, call, insnIdx);
  if (call.map !== null) checkMapWithHelper(env, call.map.map, row.name as HelperName, row.id);
  checkFuncIp(env, row);
  if (
    row.changesPacket === true ||
    (row.name === 'bpf_dynptr_write' && (call.dynptr?.of === 'skb' || call.dynptr?.of === 'skbMeta')) ||
    (row.name === 'bpf_tail_call' && hasFeature(env, 'tailCallChangesPacket'))
  ) {
    forgetPacketPointers(env);
  }
}

/** `sizeBytes` bytes behind an argument of a global function: readable and writable, or NULL. */
export function checkGlobalMemArg(env: VerifierEnv, regno: number, sizeBytes: number): void {
  const frame = curFrame(env);
  const reg = frame.regs[regno];
  if (isNullConst(reg)) return;
  // a pointer that may be NULL is judged as if it were not: the callee has to test it
  frame.regs[regno] = changed(reg, { flags: reg.flags & ~MAYBE_NULL });
  checkHelperMemory(env, regno, sizeBytes, 'lent', true);
  checkHelperMemory(env, regno, sizeBytes, 'write', true);
  frame.regs[regno] = reg;
}
