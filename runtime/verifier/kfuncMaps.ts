/**
 * Maps, and work queues, task work and timers inside map values, as arguments of kernel functions; the callbacks that such work runs later.
 * A number that stands for a map is refused; a map argument after a work argument must be the very map that holds the work.
 * Not here: helpers of timers (`timers.ts`), locks and interrupt flags (`kfuncGuards.ts`).
 * Evidence: programs `work*` and `arena*` of test/fixtures/rulebook, measured on 6.12 and 7.2.
 */
import { asS64, asU64 } from '../util/u64';
import { pushAsyncCallback } from './callStack';
import { mapElementEntry } from './callbacks';
import { hasFeature, regOf, unknown, type VerifierEnv } from './env';
import { type KfuncCall, argName, refuse } from './kfuncModel';
import { fieldOf, kernelMapName, mapInfo } from './mapRules';
import { EINVAL } from './outcome';
import { isPacketPointer, type RegState } from './regState';
import { checkTimerArgument } from './timers';

type WorkKind = 'workqueue' | 'taskWork' | 'timer';

const WORK: Readonly<Record<string, WorkKind>> = {
  bpf_wq: 'workqueue',
  bpf_task_work: 'taskWork',
  bpf_timer: 'timer',
};
const STRUCT: Readonly<Record<Exclude<WorkKind, 'timer'>, string>> = {
  workqueue: 'bpf_wq',
  taskWork: 'bpf_task_work',
};

/** Which kind of work a struct of the kernel is. */
export const workKind = (struct: string): WorkKind | undefined =>
  Object.hasOwn(WORK, struct) ? WORK[struct] : undefined;

/** A pointer at work inside a map value. */
export function checkWork(
  env: VerifierEnv,
  call: KfuncCall,
  i: number,
  reg: RegState,
  kind: WorkKind,
): false {
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'work-argument', [i + 1]);
  const { map } = reg;
  if (reg.type !== 'mapValue' || reg.flags !== 0 || map === null)
    return wrong(`${argName(env, i)} doesn't point to a map value`);
  if (kind === 'timer') {
    call.map = checkTimerArgument(env, i + 1, reg);
    return false;
  }
  const struct = STRUCT[kind];
  const like = hasFeature(env, 'workFieldLikeTimer');
  if (like && reg.bits.mask !== 0n)
    wrong(`R${i + 1} doesn't have constant offset. ${struct} has to be at the constant offset`);
  const info = mapInfo(env, map);
  if (like && !info.hasBtf) wrong(`map '${kernelMapName(map)}' has to have BTF in order to use ${struct}`);
  const field = fieldOf(env, map, kind);
  if (like && field === undefined) wrong(`map '${kernelMapName(map)}' has no valid ${struct}`);
  // without any special field, older kernels look for the place of the work where nothing is
  if (info.fields.fields.length === 0)
    return unknown(env, `what this kernel makes of a map without ${struct}`);
  const at = asS64(asU64(reg.bits.value + BigInt(reg.off)));
  const place = field?.offset ?? -EINVAL;
  if (at !== BigInt(place)) wrong(`off ${at} doesn't point to 'struct ${struct}' that is at ${place}`);
  call.map = { map, uid: reg.mapUid };
  return false;
}

/** The map that a `__map` argument names. What else must hold of the register follows from its type. */
export function checkMapArgument(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): void {
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'map-argument', [i + 1]);
  const { map } = reg;
  if (map === null) {
    // Kernels keep the map of a register where other types keep what they are about, and take that for a map here: whether
    // it is one is asked by the type.
    const about =
      reg.type === 'btfId' ||
      (reg.type === 'mem' && reg.memSize > 0) ||
      (isPacketPointer(reg) && reg.range > 0);
    if (!about) wrong(`pointer in R${i + 1} isn't map pointer`);
    return call.map === null ? undefined : unknown(env, 'a map argument that is no map');
  }
  if (call.map !== null && (call.map.map !== map || call.map.uid !== reg.mapUid)) {
    const { fields } = mapInfo(env, map).fields;
    if (fields.length === 0) return unknown(env, 'what kernels make of a map without special fields here');
    const uids = `map_uid=${call.map.uid} doesn't match map pointer in`;
    if (fields.some((field) => field.kind === 'taskWork') && hasFeature(env, 'workFieldLikeTimer'))
      wrong(`bpf_task_work pointer in R2 ${uids} R3 map_uid=${reg.mapUid}`);
    if (fields.some((field) => field.kind === 'workqueue'))
      wrong(`workqueue pointer in R1 ${uids} R2 map_uid=${reg.mapUid}`);
  }
  call.map = { map, uid: reg.mapUid };
}

const S32 = { min: -0x8000_0000, max: 0x7fff_ffff } as const;

/** The callback of a work queue or of task work: it may sleep, and gets map, key and value. */
export function registerWork(env: VerifierEnv, call: KfuncCall): void {
  const task = call.row.name.startsWith('bpf_task_work_');
  if (call.callback < 0 || regOf(env, task ? 3 : 1).map === null)
    return unknown(env, `callbacks of kfunc ${call.row.name}`);
  pushAsyncCallback(env, call.insnIdx, call.callback, mapElementEntry(task ? 3 : 1), {
    sleepable: true,
    returnRange: task ? S32 : { min: 0, max: 0 },
  });
}
