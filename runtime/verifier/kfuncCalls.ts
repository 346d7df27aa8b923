/**
 * A call of a kernel function: may this program call it, do the arguments fit the prototype in the kernel's BTF (whose
 * parameter names carry meaning: `__ign`, `__k`, `__sz`, `__nullable` …), what happens to references, RCU and preemption,
 * what is in R0. Which functions there are and what they do beyond the prototype: `spec/kfuncs.ts`.
 * What is not modelled (dynptrs, workqueues, arenas, maps as arguments …) answers `unknown`.
 * Evidence: recorded answers of 6.12 and 7.2.
 */
import { findType, resolvedType, resolveModifiers, sizeOfType } from '../btf/query';
import type { Btf } from '../btf/types';
import type { Insn } from '../insn/insn';
import {
  ASYNC_CALLBACK_KFUNCS,
  kfuncAllowed,
  kfuncByName,
  LINKING_KFUNCS,
  SYNC_CALLBACK_KFUNCS,
} from '../spec/kfuncs';
import { asS64 } from '../util/u64';
import { holdsSpinLock } from './allocated';
import { kfuncAt } from './callKinds';
import { forgetPacketPointers } from './helperCalls';
import { curFrame, hasFeature, newId, regOf, unknown, type VerifierEnv } from './env';
import { forgetStackArguments } from './frame';
import { inRcuSection, UNTRUSTED_MEMORY } from './memoryAccessKernel';
import { EFAULT, EACCES, EINVAL } from './outcome';
import { acquireReference, releaseReference } from './references';
import { loseDynptrsOf } from './stackObjects';
import {
  changed,
  MAYBE_NULL,
  MEM_ALLOC,
  MEM_RCU,
  MEM_RDONLY,
  NOT_INIT,
  pointer,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  UNKNOWN_SCALAR,
  type RegState,
} from './regState';
import { checkReturnValue } from './returnValues';
import { helperScope } from './structOps';
import { checkArguments } from './kfuncArguments';
import { enterLess, linkNode, nodeOf, nonOwning } from './kfuncGraph';
import { type KfuncCall, has, refuse, refuseUse } from './kfuncModel';
import { hasExceptionCallback } from './exceptions';
import { sliceOf } from './kfuncDynptrs';
import { failToLock, LOCK_TAKEN, mayFailToLock, refuseTrap } from './kfuncGuards';
import { registerWork } from './kfuncMaps';
import { newObject } from './kfuncObjects';
import { callByType } from './kfuncsByType';
import { splitNext } from './iterators';
import { changeSections } from './kfuncSections';

/** A function of the kernel that is not in the table: one that programs may not call, unless it is marked as such. */
function callUnlisted(env: VerifierEnv, name: string, id: number): never {
  const marked = env.kernelBtf?.types.some(
    (type) => type.kind === 'declTag' && type.name === 'bpf_kfunc' && type.type === id,
  );
  if (marked === true || env.profile.basis !== 'measured') return unknown(env, `kfunc ${name}`);
  return refuseUse(env, `calling kernel function ${name} is not allowed`, EACCES, 'kfunc-not-for-program');
}

export function checkKfuncCall(env: VerifierEnv, insnIdx: number, insn: Insn): void {
  // what becomes of it is seen when all paths are known
  if (insn.imm === 0) return;
  const name = kfuncAt(env, insnIdx);
  const row = kfuncByName(env.profile, name);
  const need = `kfunc ${name === '' ? '?' : name}`;
  const btf = env.kernelBtf;
  const func = btf?.types[insn.imm];
  const proto = func?.kind === 'func' ? btf?.types[func.type] : undefined;
  if (btf === undefined || proto?.kind !== 'funcProto') return unknown(env, need);
  if (row === undefined) return callUnlisted(env, name, insn.imm);
  if (!kfuncAllowed(row, env.profile, env.program.type, helperScope(env))) {
    refuseUse(env, `calling kernel function ${name} is not allowed`, EACCES, 'kfunc-not-for-program');
  }
  if (!hasFeature(env, 'kfuncArgumentKinds')) return callByType(env, insnIdx, row, proto);
  // Compilers put the call where they found undefined behaviour.
  if (name === '__bpf_trap') {
    refuseUse(env, 'unexpected __bpf_trap() due to uninitialized variable?', EFAULT, 'compiler-trap');
  }
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
    iterator: null,
    dynptr: null,
    owned: false,
    root: null,
    map: null,
    callback: -1,
  };
  if (name === '__bpf_trap') refuseTrap(env);
  if (mayFailToLock(name)) failToLock(env, insnIdx);
  checkArguments(env, call);
  if (row.flags.includes('rcuProtected') && hasFeature(env, 'rcuCallsChecked') && !inRcuSection(env)) {
    const message = `kernel func ${name} requires RCU critical section protection`;
    refuseUse(env, message, EACCES, 'kfunc-outside-rcu');
  }
  if (SYNC_CALLBACK_KFUNCS.has(name)) enterLess(env, call);
  if (ASYNC_CALLBACK_KFUNCS.has(name)) registerWork(env, call);
  changeSections(env, call, sleepable);
  release(env, call);
  if (LINKING_KFUNCS.has(name)) linkNode(env, regOf(env, 2).refObjId);
  if (name === 'bpf_throw' && !hasExceptionCallback(env))
    checkReturnValue(env, env.cur.frames[0], 1, curFrame(env));
  finish(env, call);
  if (row.flags.includes('changesPacket')) forgetPacketPointers(env);
  if (call.iterator !== null && has(call, 'iterNext')) splitNext(env, insnIdx, call.iterator);
}

function release(env: VerifierEnv, call: KfuncCall): void {
  if (call.releaseRegno === 0) return;
  const { refObjId } = regOf(env, call.releaseRegno);
  loseDynptrsOf(env, refObjId);
  if (releaseReference(env, refObjId)) return;
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
  forgetStackArguments(frame);
  frame.preciseRegs &= ~0x3f;
  env.unprinted.regs |= 0x3f;
  if (result === null) return;
  frame.regWritten |= 1;
  let reg = result;
  if (reg.type !== 'scalar') {
    const retNull = has(call, 'retNull') && !(call.row.name.startsWith('bpf_refcount_acquire') && call.owned);
    if (retNull) reg = changed(reg, { flags: reg.flags | MAYBE_NULL, id: newId(env) });
    if (has(call, 'acquire')) {
      const id = acquireReference(env, call.insnIdx);
      reg = changed(reg, { refObjId: id, id: retNull ? id : reg.id });
    } else if (call.root !== null) reg = nonOwning(env, reg);
    if (reg.id === 0 && holdsSpinLock(env, reg)) reg = changed(reg, { id: newId(env) });
  }
  frame.regs[0] = changed(reg, { origin: call.insnIdx });
}

/** What a context is inside the kernel: the struct that the kernel's BTF names beside the one that programs see. */
function kernelContext(env: VerifierEnv, btf: Btf): RegState {
  const pairs = btf.types[findType(btf, 'bpf_ctx_convert', 'struct')];
  const member =
    pairs?.kind === 'struct' ? pairs.members.find((m) => m.name === `${env.program.type}_kern`) : undefined;
  if (member === undefined) return unknown(env, `the kernel's context of ${env.program.type}`);
  const btfId = member.type;
  if (btf.types[btfId].kind !== 'struct')
    return refuse(env, `kern ctx type id ${btfId} is not a struct`, EINVAL, 'kfunc-argument', [1]);
  return pointer('btfId', { btfId, btfOf: 'kernel', flags: PTR_TRUSTED });
}

/** A pointer to numbers: memory that may be read, as long as the reference that the call was given lasts. */
function plainResult(env: VerifierEnv, call: KfuncCall, targetId: number): RegState {
  const memSize = sizeOfType(call.btf, targetId);
  if (memSize === undefined || memSize === 0) return unknown(env, `what kfunc ${call.row.name} returns`);
  const refObjId = call.iterator?.refObjId ?? call.refObjId;
  return pointer('mem', { flags: MEM_RDONLY, memSize, refObjId });
}

/** How far a typed pointer that a function returns is to be trusted. */
function trustOfResult(env: VerifierEnv, call: KfuncCall): number {
  const byDefault = hasFeature(env, 'kfuncResultsTrusted');
  const element = call.iterator !== null && has(call, 'iterNext');
  if (byDefault && call.row.name === 'bpf_get_kmem_cache') return PTR_UNTRUSTED;
  if ((element && call.iterator?.rcu === true) || (byDefault && has(call, 'rcuProtected'))) return MEM_RCU;
  return element || byDefault ? PTR_TRUSTED : 0;
}

function returned(env: VerifierEnv, call: KfuncCall): RegState | null {
  const { btf, proto } = call;
  const { name } = call.row;
  const type = resolvedType(btf, proto.returnType);
  if (type.kind === 'void') return null;
  if (mayFailToLock(name)) return LOCK_TAKEN;
  if (type.kind === 'int' || type.kind === 'enum') return UNKNOWN_SCALAR;
  if (type.kind !== 'ptr') return unknown(env, `what kfunc ${name} returns`);
  if (call.root !== null) return nodeOf(env, call.root);
  switch (name) {
    case 'bpf_obj_new':
    case 'bpf_obj_new_impl':
    case 'bpf_percpu_obj_new':
    case 'bpf_percpu_obj_new_impl':
      return newObject(env, call);
    case 'bpf_refcount_acquire':
    case 'bpf_refcount_acquire_impl':
      return pointer('btfId', { btfId: call.objectType, btfOf: 'object', flags: MEM_ALLOC });
    case 'bpf_dynptr_slice':
    case 'bpf_dynptr_slice_rdwr':
      return sliceOf(env, call);
    case 'bpf_session_cookie':
      return pointer('mem', { memSize: 8 });
    case 'bpf_cast_to_kern_ctx':
      return kernelContext(env, btf);
    case 'bpf_rdonly_cast': {
      const id = Number(BigInt.asUintN(32, call.constant ?? 0n));
      const target = btf.types[id];
      const toMemory = hasFeature(env, 'untrustedMemory');
      if (toMemory && target === undefined)
        refuse(env, `Unknown type ID ${asS64(call.constant ?? 0n)} passed to kfunc bpf_rdonly_cast`);
      if (toMemory && target?.kind === 'void') return UNTRUSTED_MEMORY;
      if (target?.kind !== 'struct' && target?.kind !== 'union')
        refuse(
          env,
          `kfunc bpf_rdonly_cast type ID argument must be of a struct${toMemory ? ' or void' : ''}`,
        );
      return pointer('btfId', { btfId: id, btfOf: 'kernel', flags: PTR_UNTRUSTED });
    }
  }
  const targetId = resolveModifiers(btf, type.type);
  const target = btf.types[targetId];
  if (target.kind === 'void')
    return has(call, 'acquire') ? unknown(env, `what kfunc ${name} returns`) : UNKNOWN_SCALAR;
  if (target.kind !== 'struct' && target.kind !== 'union') return plainResult(env, call, targetId);
  const flags = trustOfResult(env, call);
  return pointer('btfId', { btfId: targetId, btfOf: 'kernel', flags });
}
