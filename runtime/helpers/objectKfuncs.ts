/**
 * Kernel functions about objects that programs allocate: bpf_obj_new and its relatives, counts, lists and trees of them.
 *
 * List head, 16 bytes: addresses of the first and the last node (u64 each), 0 = empty. List node, 24 bytes: next, previous,
 * owner (u64 each); the owner is the head's address while the node is in a list. Trees: `kernel/rbtree.ts`.
 * Which pointers are valid is the verifier's business; that a node is in no list or tree yet is checked here, as there.
 */
import { startOp } from '../kernel/activations';
import { firstOf, leftOf, ownerOf, remove, rightOf, topOf } from '../kernel/rbtree';
import { ERRNO } from '../spec/errno';
import { memoryAddress, offsetOf } from '../vm/addresses';
import { dropObject, fieldOfObject, holdObject, newObject, objectArg, objectAround } from './heap';
import {
  functionArg,
  HelperFault,
  memoryArg,
  u32Arg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
} from './protocol';

const LIST_HEAD_BYTES = 16;
const LIST_NODE_BYTES = 24;
const NEXT = 0;
const PREVIOUS = 8;
const OWNER = 16;
const ROOT_BYTES = 16;
const RB_NODE_BYTES = 32;
const RB_OWNER = 24;

const nodeAddress = (node: number): HelperResult => value(node === 0 ? 0n : memoryAddress(node));

/** A node that is in a list or tree already, or is being put into one, is given up: the object loses this holder. */
function refuseNode(call: HelperCall, node: number): HelperResult {
  const object = objectAround(call, node);
  if (object !== 0) dropObject(call, object);
  return value(-ERRNO.EINVAL);
}

function listPush(call: HelperCall, front: boolean): HelperResult {
  const head = memoryArg(call, 0, LIST_HEAD_BYTES, true);
  const node = memoryArg(call, 1, LIST_NODE_BYTES, true);
  const { memory } = call.kernel;
  if (memory.load64(node + OWNER) !== 0n) return refuseNode(call, node);
  const [near, far] = front ? [0, 8] : [8, 0];
  const [inner, outer] = front ? [NEXT, PREVIOUS] : [PREVIOUS, NEXT];
  const old = memory.load64(head + near);
  memory.fill(node, LIST_NODE_BYTES, 0);
  memory.store64(node + inner, old);
  memory.store64(node + OWNER, memoryAddress(head));
  memory.store64(head + near, memoryAddress(node));
  if (old === 0n) memory.store64(head + far, memoryAddress(node));
  else memory.store64(offsetOf(old) + outer, memoryAddress(node));
  return value(0);
}

function listPop(call: HelperCall, front: boolean): HelperResult {
  const head = memoryArg(call, 0, LIST_HEAD_BYTES, true);
  const { memory } = call.kernel;
  const [near, far] = front ? [0, 8] : [8, 0];
  const [inner, outer] = front ? [NEXT, PREVIOUS] : [PREVIOUS, NEXT];
  const address = memory.load64(head + near);
  if (address === 0n) return value(0);
  const node = offsetOf(address);
  const next = memory.load64(node + inner);
  memory.store64(head + near, next);
  if (next === 0n) memory.store64(head + far, 0n);
  else memory.store64(offsetOf(next) + outer, 0n);
  memory.fill(node, LIST_NODE_BYTES, 0);
  return value(address);
}

const listEnd =
  (offset: number): HelperHandler =>
  (call) =>
    value(call.kernel.memory.load64(memoryArg(call, 0, LIST_HEAD_BYTES) + offset));

function treeAdd(call: HelperCall): HelperResult {
  const root = memoryArg(call, 0, ROOT_BYTES, true);
  const node = memoryArg(call, 1, RB_NODE_BYTES, true);
  if (call.kernel.memory.load64(node + RB_OWNER) !== 0n) return refuseNode(call, node);
  return {
    kind: 'enter',
    op: startOp('rbtreeAdd', { root, node, parent: 0, onLeft: true, ...functionArg(call, 2) }),
  };
}

function treeRemove(call: HelperCall): HelperResult {
  const root = memoryArg(call, 0, ROOT_BYTES, true);
  const node = memoryArg(call, 1, RB_NODE_BYTES, true);
  const { memory } = call.kernel;
  if (ownerOf(memory, node) !== root) return value(0);
  remove(memory, root, node);
  return value(memoryAddress(node));
}

const treePlace =
  (find: typeof firstOf): HelperHandler =>
  (call) =>
    nodeAddress(find(call.kernel.memory, memoryArg(call, 0, 8)));

const newOf =
  (perCpu: boolean): HelperHandler =>
  (call) =>
    value(memoryAddress(newObject(call, u32Arg(call, 0), perCpu)));

const drop: HelperHandler = (call) => {
  dropObject(call, objectArg(call, 0));
  return value(0);
};

function acquire(call: HelperCall): HelperResult {
  const object = objectArg(call, 0);
  if (fieldOfObject(call, object, 'refcount') === 0)
    throw new HelperFault(`${call.name}: objects of this type are not counted`);
  holdObject(call, object);
  return value(call.args[0]);
}

/** Kernels since 7.0 know some of them without the ending `_impl`. */
const named = <N extends string>(name: N, handler: HelperHandler): Record<N | `${N}_impl`, HelperHandler> =>
  ({ [name]: handler, [`${name}_impl`]: handler }) as Record<N | `${N}_impl`, HelperHandler>;

export const objectKfuncs = {
  ...named('bpf_obj_new', newOf(false)),
  ...named('bpf_percpu_obj_new', newOf(true)),
  ...named('bpf_obj_drop', drop),
  ...named('bpf_percpu_obj_drop', drop),
  ...named('bpf_refcount_acquire', acquire),
  ...named('bpf_list_push_front', (call) => listPush(call, true)),
  ...named('bpf_list_push_back', (call) => listPush(call, false)),
  bpf_list_pop_front: (call) => listPop(call, true),
  bpf_list_pop_back: (call) => listPop(call, false),
  bpf_list_front: listEnd(0),
  bpf_list_back: listEnd(8),
  ...named('bpf_rbtree_add', treeAdd),
  bpf_rbtree_remove: treeRemove,
  bpf_rbtree_first: treePlace(firstOf),
  bpf_rbtree_root: treePlace(topOf),
  bpf_rbtree_left: (call) => nodeAddress(leftOf(call.kernel.memory, memoryArg(call, 1, RB_NODE_BYTES))),
  bpf_rbtree_right: (call) => nodeAddress(rightOf(call.kernel.memory, memoryArg(call, 1, RB_NODE_BYTES))),
} satisfies Record<string, HelperHandler>;
