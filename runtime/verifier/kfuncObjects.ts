/**
 * Objects that programs allocate themselves (bpf_obj_new and its relatives) as arguments and results of kernel functions.
 * Their fields by type: `allocated.ts`. Lists and trees that hold them: `kfuncGraph.ts`.
 */
import { progTypeByName } from '../spec/progTypes';
import { allocatedFields } from './allocated';
import { hasFeature, type VerifierEnv } from './env';
import { EINVAL } from './outcome';
import {
  MEM_ALLOC,
  MEM_PERCPU,
  NON_OWN_REF,
  pointer,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  type RegState,
} from './regState';
import { checkUnmodifiedPointer } from './contextAccess';
import { checkOffsets, checkTrust, isPlainStruct } from './kfuncArguments';
import { type KfuncCall, argName, refuse } from './kfuncModel';
// ── objects that programs allocate ─────────────────────────────────────────────────────────────────────────────────

export const isOwnedObject = (reg: RegState): boolean => reg.type === 'btfId' && reg.flags === MEM_ALLOC;

/** The object that a drop function gets: owned, and per CPU exactly where the function is about such objects. */
export function checkAllocated(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): false {
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'kfunc-argument', [i + 1]);
  if (reg.type === 'btfId') checkTrust(env, call, i + 1, reg);
  const trusted = reg.type === 'btfId' && (reg.flags & PTR_TRUSTED) !== 0;
  if (!hasFeature(env, 'kfuncsTrustByDefault') && reg.refObjId === 0 && !trusted) {
    refuse(env, `R${i + 1} must be referenced or trusted`, EINVAL, 'kfunc-untrusted', [i + 1]);
  }
  checkOffsets(env, call, i + 1, reg);
  const percpu = reg.type === 'btfId' && reg.flags === (MEM_ALLOC | MEM_PERCPU);
  if (!isOwnedObject(reg) && !percpu) wrong(`${argName(env, i)} expected pointer to allocated object`);
  const family = percpu ? 'bpf_percpu_obj_drop' : 'bpf_obj_drop';
  if (!call.row.name.startsWith(family)) {
    const suffix = hasFeature(env, 'kfuncsTrustByDefault') ? '' : '_impl';
    wrong(`${argName(env, i)} expected for ${family}${suffix}()`);
  }
  if (reg.refObjId === 0) wrong('allocated object must be referenced');
  checkDropSafe(env, call, reg);
  call.objectType = reg.btfId;
  return false;
}

/** Programs on functions and tracepoints may run in interrupts that nothing can mask, where what an object owns cannot be given back. */
function checkDropSafe(env: VerifierEnv, call: KfuncCall, reg: RegState): void {
  const { type, attachType } = env.program;
  const typed = type === 'BPF_PROG_TYPE_TRACING' && attachType !== 'BPF_TRACE_ITER';
  if (!typed && progTypeByName(type)?.tracing !== true) return;
  if (!hasFeature(env, 'dropsCheckedForNmi')) return;
  const unsafe = allocatedFields(env, reg.btfId).fields.some(
    (field) => !SAFE_TO_DROP.has(field.kind) && field.kptr?.flavour !== 'untrusted',
  );
  if (!unsafe) return;
  refuse(
    env,
    `${call.row.name} cannot be used in tracing programs on types with NMI unsafe fields`,
    EINVAL,
    'drop-in-tracing',
  );
}

const SAFE_TO_DROP: ReadonlySet<string> = new Set(['spinLock', 'resSpinLock', 'refcount']);

export function checkCounted(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): false {
  if (env.features.countedAtStart) checkUnmodifiedPointer(env, reg, i + 1, false);
  else checkOffsets(env, call, i + 1, reg);
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

/** Largest object of which every CPU can have a copy. */
const MAX_PERCPU_BYTES = 512;

/** What bpf_obj_new and bpf_percpu_obj_new return: an object of the struct that the constant argument names. */
export function newObject(env: VerifierEnv, call: KfuncCall): RegState {
  const id = call.constant ?? 0n;
  if (id > 0xffff_ffffn) refuse(env, 'local type ID argument must be in range [0, U32_MAX]');
  const { btf } = env.object;
  if (btf === undefined) return refuse(env, 'bpf_obj_new/bpf_percpu_obj_new requires prog BTF');
  const typeId = Number(id);
  const type = btf.types[typeId];
  if (type?.kind !== 'struct') {
    return refuse(env, 'bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct');
  }
  if (!call.row.name.startsWith('bpf_percpu_')) {
    return pointer('btfId', { btfId: typeId, btfOf: 'object', flags: MEM_ALLOC });
  }
  if (type.sizeBytes > MAX_PERCPU_BYTES) {
    refuse(env, `bpf_percpu_obj_new type size (${type.sizeBytes}) is greater than ${MAX_PERCPU_BYTES}`);
  }
  if (!isPlainStruct(btf, typeId))
    refuse(env, 'bpf_percpu_obj_new type ID argument must be of a struct of scalars');
  if (allocatedFields(env, typeId).fields.length > 0)
    refuse(env, 'bpf_percpu_obj_new type ID argument must not contain special fields');
  return pointer('btfId', { btfId: typeId, btfOf: 'object', flags: MEM_ALLOC | MEM_PERCPU });
}
