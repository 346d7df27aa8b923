/**
 * Objects that programs allocate themselves (bpf_obj_new and its relatives) as arguments and results of kernel functions.
 * Their fields by type: `allocated.ts`. Lists and trees that hold them: `kfuncGraph.ts`.
 */
import { allocatedFields } from './allocated';
import { unknown, type VerifierEnv } from './env';
import { EINVAL } from './outcome';
import { MEM_ALLOC, NON_OWN_REF, pointer, PTR_UNTRUSTED, type RegState } from './regState';
import { checkTrust, checkOffsets } from './kfuncArguments';
import { type KfuncCall, argName, refuse } from './kfuncModel';
// ── objects that programs allocate ─────────────────────────────────────────────────────────────────────────────────

export const isOwnedObject = (reg: RegState): boolean => reg.type === 'btfId' && reg.flags === MEM_ALLOC;

export function checkAllocated(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): false {
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

export function checkCounted(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): false {
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

export function newObject(env: VerifierEnv, call: KfuncCall): RegState {
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
