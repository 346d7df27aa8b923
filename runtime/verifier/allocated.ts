/**
 * Objects that programs allocate (bpf_obj_new): their special fields by the object's BTF, and how messages name such fields.
 * Not here: the kernel functions that use them (`kfuncGraph.ts`).
 */
import {
  findAllocatedFields,
  NO_SPECIAL_FIELDS,
  type SpecialFieldKind,
  type SpecialFields,
} from '../btf/specialFields';
import type { VerifierEnv } from './env';
import type { RegState } from './regState';
import { hasSpinLock } from './specialMapFields';

const cache = new WeakMap<VerifierEnv, Map<number, SpecialFields>>();

/** Special fields of struct `typeId` of the object's BTF. */
export function allocatedFields(env: VerifierEnv, typeId: number): SpecialFields {
  const { btf } = env.object;
  if (btf === undefined) return NO_SPECIAL_FIELDS;
  let known = cache.get(env);
  if (known === undefined) cache.set(env, (known = new Map<number, SpecialFields>()));
  let fields = known.get(typeId);
  if (fields === undefined) known.set(typeId, (fields = findAllocatedFields(btf, typeId, env.profile)));
  return fields;
}

const NAMES: Readonly<Record<SpecialFieldKind, string>> = {
  timer: 'bpf_timer',
  spinLock: 'bpf_spin_lock',
  resSpinLock: 'bpf_res_spin_lock',
  workqueue: 'bpf_wq',
  taskWork: 'bpf_task_work',
  kptr: 'kptr',
  listHead: 'bpf_list_head',
  listNode: 'bpf_list_node',
  rbRoot: 'bpf_rb_root',
  rbNode: 'bpf_rb_node',
  refcount: 'bpf_refcount',
};

/** As the kernel's messages name a field of that kind. */
export const fieldTypeName = (kind: SpecialFieldKind): string => NAMES[kind];

/** Whether a register points at something with a spin lock inside. */
export function holdsSpinLock(env: VerifierEnv, reg: RegState): boolean {
  if (reg.type === 'mapValue') return hasSpinLock(env, reg.map);
  if (reg.type !== 'btfId' || reg.btfOf !== 'object') return false;
  return allocatedFields(env, reg.btfId).fields.some((field) => field.kind === 'spinLock');
}
