/**
 * Linked lists and trees of objects that programs allocate: heads and roots, nodes, the lock that guards them, and what
 * linking does to references.
 */
import type { SpecialField } from '../btf/specialFields';
import { allocatedFields } from './allocated';
import { curFrame, reject, unknown, type VerifierEnv } from './env';
import { forEachReg } from './everyRegister';
import { mapInfo } from './mapRules';
import { EINVAL } from './outcome';
import { dropReference } from './references';
import { MEM_ALLOC, MEM_RCU, NON_OWN_REF, type RegState } from './regState';
import { checkOffsets } from './kfuncArguments';
import { type KfuncCall, argName, refuse } from './kfuncModel';
import { isOwnedObject } from './kfuncObjects';

export function checkGraphArgument(
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
export function nodeOffset(env: VerifierEnv, root: SpecialField | null): number {
  const graph = root?.graph;
  const struct = graph === undefined ? undefined : env.object.btf?.types[graph.typeId];
  const member = struct?.kind === 'struct' ? struct.members.find((m) => m.name === graph?.node) : undefined;
  if (member === undefined) return unknown(env, 'the node of a list');
  return member.offsetBits / 8;
}

/** An object was linked: the list owns it now, and the program's pointers are good until the lock is released. */
export function linkNode(env: VerifierEnv, id: number): void {
  forEachReg(env, env.cur, (reg) => {
    if (reg.refObjId !== id) return reg;
    const counted = allocatedFields(env, reg.btfId).fields.some((field) => field.kind === 'refcount');
    return { ...reg, refObjId: 0, flags: reg.flags | NON_OWN_REF | (counted ? MEM_RCU : 0) };
  });
  dropReference(curFrame(env), id);
}
