/**
 * Dynptrs and iterators as arguments of kernel functions, and the slices of dynptrs that they return.
 * Evidence: fixtures `dynptr-*`, `iter-*`, recorded on 6.12 and 7.2.
 */
import { checkDynptrPointer, checkInitDynptr, checkUninitDynptr, giveBackDynptr } from './dynptrs';
import { regOf, reject, unknown, type VerifierEnv } from './env';
import { checkIterator } from './iterators';
import type { KfuncCall } from './kfuncModel';
import { EINVAL } from './outcome';
import { packetRights } from './packetAccess';
import { MEM_RDONLY, PACKET_SLICE, pointer, type DynptrKind, type RegState } from './regState';

/** Kernel functions that make a dynptr, by its kind. */
const MAKERS: Readonly<Record<string, DynptrKind>> = {
  bpf_dynptr_from_skb: 'skb',
  bpf_dynptr_from_xdp: 'xdp',
  bpf_dynptr_from_skb_meta: 'skbMeta',
  bpf_dynptr_from_file: 'file',
};

/** Kernel functions that take a dynptr back, by its kind. */
const RELEASED: Readonly<Partial<Record<string, DynptrKind>>> = { bpf_dynptr_file_discard: 'file' };

/** Parameter `i` is a `struct bpf_dynptr *`; `__uninit` ones are made by the call. */
export function checkDynptrParameter(env: VerifierEnv, call: KfuncCall, i: number): void {
  const regno = i + 1;
  const { name } = call.row;
  checkDynptrPointer(env, regno);
  if (call.proto.params[i].name.endsWith('__uninit')) {
    const of = name === 'bpf_dynptr_clone' ? call.dynptr?.of : MAKERS[name];
    if (of === undefined) return unknown(env, `the dynptr that kfunc ${name} makes`);
    const clone = name === 'bpf_dynptr_clone';
    const cloneOf = clone ? (call.dynptr?.refObjId ?? 0) : 0;
    const owner = clone ? (call.dynptr?.owner ?? 0) : regOf(env, 1).refObjId;
    checkUninitDynptr(env, regno, of, call.insnIdx, cloneOf, env.features.dynptrsFollowObjects ? owner : 0);
    return;
  }
  const given = RELEASED[name] ?? null;
  const constant = regOf(env, regno).type === 'dynptrPtr';
  if (given === null || !constant) call.dynptr = checkInitDynptr(env, regno, given);
  if (given !== null) giveBackDynptr(env, regno);
}

/** Iterators over the tasks of a cgroup take a lock that not every program may wait for. */
function mayIterateCgroupTasks(env: VerifierEnv): boolean {
  if (env.program.type === 'BPF_PROG_TYPE_LSM') return true;
  return env.program.attachType === 'BPF_TRACE_ITER' || env.cur.inSleepable || env.program.sleepable;
}

export function checkIteratorUse(env: VerifierEnv, call: KfuncCall, i: number): void {
  if (call.row.name === 'bpf_iter_css_task_new' && !mayIterateCgroupTasks(env)) {
    reject(env, {
      code: 'iterator-context',
      category: 'Execution Context Safety',
      errno: EINVAL,
      message: 'css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs',
    });
  }
  call.iterator = checkIterator(env, call, i);
}

/** What bpf_dynptr_slice and bpf_dynptr_slice_rdwr return: memory that lasts as long as the dynptr, or the packet. */
export function sliceOf(env: VerifierEnv, call: KfuncCall): RegState {
  const { dynptr, constant } = call;
  if (dynptr === null || constant === null) return unknown(env, `what kfunc ${call.row.name} returns`);
  const ofPacket = dynptr.of === 'skb' || dynptr.of === 'xdp' || dynptr.of === 'skbMeta';
  const writable = call.row.name === 'bpf_dynptr_slice_rdwr';
  if (writable && packetRights(env) !== 'write') {
    reject(env, {
      code: 'packet-read-only',
      category: 'Policy',
      errno: EINVAL,
      message: 'the prog does not allow writes to packet data',
    });
  }
  return pointer('mem', {
    flags: (ofPacket ? PACKET_SLICE : 0) | (writable ? 0 : MEM_RDONLY),
    memSize: Number(BigInt.asUintN(32, constant)),
    dynptrId: dynptr.id,
  });
}
