/**
 * Linked lists and trees of objects that programs allocate: heads and roots, nodes, the lock that guards them, and what
 * linking does to references.
 */
import type { SpecialField } from '../btf/specialFields';
import { LINKING_KFUNCS, TREE_KFUNCS } from '../spec/kfuncs';
import { allocatedFields, fieldTypeName } from './allocated';
import { kfuncAt } from './callKinds';
import { enterCallback } from './callStack';
import { curFrame, hasFeature, reject, unknown, type VerifierEnv } from './env';
import { forEachReg } from './everyRegister';
import { mapInfo } from './mapRules';
import { EINVAL } from './outcome';
import { dropReference } from './references';
import { changed, MEM_ALLOC, MEM_RCU, NON_OWN_REF, pointer, type RegState } from './regState';
import { checkOffsets } from './kfuncArguments';
import { type KfuncCall, argName, refuse } from './kfuncModel';
import { isOwnedObject } from './kfuncObjects';

type Part = 'listHead' | 'listNode' | 'rbRoot' | 'rbNode';

const PARTS: Readonly<Record<string, Part>> = {
  bpf_list_head: 'listHead',
  bpf_list_node: 'listNode',
  bpf_rb_root: 'rbRoot',
  bpf_rb_node: 'rbNode',
};

/** Which part of a list or tree a struct of the kernel is. */
export const graphPart = (struct: string): Part | undefined =>
  Object.hasOwn(PARTS, struct) ? PARTS[struct] : undefined;

/** A list head, tree root or node as argument: what it is part of, whether the lock beside the root is held. */
export function checkGraphArgument(
  env: VerifierEnv,
  call: KfuncCall,
  i: number,
  reg: RegState,
  part: Part,
): false {
  const regno = i + 1;
  checkOffsets(env, call, regno, reg);
  const isRoot = part === 'listHead' || part === 'rbRoot';
  if (isRoot) checkHolder(env, i, reg);
  else checkNodeOwner(env, call, i, reg);
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'kfunc-argument', [regno]);
  const word = fieldTypeName(part);
  if (reg.bits.mask !== 0n)
    wrong(`R${regno} doesn't have constant offset. ${word} has to be at the constant offset`);
  const at = reg.off + Number(BigInt.asIntN(32, reg.bits.value));
  const fields = reg.type === 'mapValue' ? mapFields(env, reg) : allocatedFields(env, reg.btfId).fields;
  const field = fields.find((candidate) => candidate.kind === part && candidate.offset === at);
  if (field === undefined) wrong(`${word} not found at offset=${at >>> 0}`);
  if (isRoot) {
    checkLocked(env, reg, fields, word);
    call.root = field ?? null;
  } else checkNodeFits(env, call, reg, at, part);
  return false;
}

/** What holds a root: a map value, or an object that the program owns. */
function checkHolder(env: VerifierEnv, i: number, reg: RegState): void {
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'kfunc-argument', [i + 1]);
  if (!(reg.type === 'mapValue' && reg.flags === 0) && !isOwnedObject(reg))
    wrong(`${argName(env, i)} expected pointer to map value or allocated object`);
  if (reg.type === 'btfId' && reg.refObjId === 0) wrong('allocated object must be referenced');
}

/** Who may give a node: its owner, to link it; whoever sees it in the tree, to take it out or step from it. */
function checkNodeOwner(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): void {
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'kfunc-argument', [i + 1]);
  const { name } = call.row;
  const seenNode =
    reg.type === 'btfId' && (reg.flags & (MEM_ALLOC | NON_OWN_REF)) === (MEM_ALLOC | NON_OWN_REF);
  if (call.proto.params[i].name.endsWith('__nonown_allowed') && seenNode && reg.refObjId === 0) return;
  if (name.startsWith('bpf_list_') || LINKING_KFUNCS.has(name)) {
    if (!isOwnedObject(reg)) wrong(`${argName(env, i)} expected pointer to allocated object`);
    if (reg.refObjId === 0) wrong('allocated object must be referenced');
    return;
  }
  const counted = hasFeature(env, 'treeTakesCountedNodes');
  if (counted ? !seenNode && reg.refObjId === 0 : !seenNode || reg.refObjId !== 0) {
    wrong(
      counted
        ? `${name} can only take non-owning or refcounted bpf_rb_node pointer`
        : 'rbtree_remove node input must be non-owning ref',
    );
  }
  if (inTreeCallback(env))
    wrong(counted ? `${name} not allowed in rbtree cb` : 'rbtree_remove not allowed in rbtree cb');
}

/** The node is of the struct, and at the place in it, that the root was declared to contain. */
function checkNodeFits(
  env: VerifierEnv,
  call: KfuncCall,
  reg: RegState,
  at: number,
  part: 'listNode' | 'rbNode',
): void {
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'kfunc-argument');
  const graph = call.root?.graph;
  if (graph === undefined || call.root === null)
    return unknown(env, `the list or tree of kfunc ${call.row.name}`);
  const expected = nodeOffset(env, call.root);
  const word = fieldTypeName(part);
  const holder = env.object.btf?.types[graph.typeId]?.name ?? '';
  if (reg.btfOf !== 'object' || reg.btfId !== graph.typeId) {
    const have = env.object.btf?.types[reg.btfId]?.name ?? '';
    wrong(
      `operation on ${fieldTypeName(call.root.kind)} expects arg#1 ${word} at offset=${expected} in struct ${holder}, but arg is at offset=${at} in struct ${have}`,
    );
  }
  if (at !== expected)
    wrong(`arg#1 offset=${at}, but expected ${word} at offset=${expected} in struct ${holder}`);
  call.objectType = reg.btfId;
}

/** Whether a tree's comparison function is running, or something that it called. */
export const inTreeCallback = (env: VerifierEnv): boolean =>
  env.cur.frames.some(
    (frame, n) => n > 0 && frame.inCallback && TREE_KFUNCS.has(kfuncAt(env, frame.callsite)),
  );

/** The comparison function of bpf_rbtree_add: two nodes of the tree, seen but not owned. */
export function enterLess(env: VerifierEnv, call: KfuncCall): void {
  const { root } = call;
  if (root === null || call.callback < 0) return unknown(env, `callbacks of kfunc ${call.row.name}`);
  const node = nonOwning(env, nodeOf(env, root));
  enterCallback(
    env,
    call.insnIdx,
    call.callback,
    (_env, _caller, callee) => {
      callee.regs[1] = node;
      callee.regs[2] = node;
    },
    { returnRange: { min: 0, max: 1 }, name: call.row.name },
  );
}

/** A pointer at the node that a root's structs have, as functions return it. */
export function nodeOf(env: VerifierEnv, root: SpecialField): RegState {
  const { graph } = root;
  if (graph === undefined) return unknown(env, 'a list or tree without its node');
  return pointer('btfId', {
    btfId: graph.typeId,
    btfOf: 'object',
    flags: MEM_ALLOC,
    off: nodeOffset(env, root),
  });
}

/** The same object while a lock, not a reference, keeps it alive. */
export function nonOwning(env: VerifierEnv, reg: RegState): RegState {
  const counted = allocatedFields(env, reg.btfId).fields.some((field) => field.kind === 'refcount');
  return changed(reg, { refObjId: 0, flags: reg.flags | NON_OWN_REF | (counted ? MEM_RCU : 0) });
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
  forEachReg(env, env.cur, (reg) => (reg.refObjId === id ? nonOwning(env, reg) : reg));
  dropReference(env, curFrame(env), id);
}
