/**
 * Red–black trees of allocated objects in linear memory (bpf_rbtree_*). Order is the caller's comparison; the shape is that of
 * the textbook insertion and removal, since newer kernels let programs walk the tree.
 *
 * Root: address of the topmost node (u64), 0 = empty. Node, 32 bytes: left (u64), right (u64), parent (u64, bit 0 set =
 * red), owner (u64): the root's address while the node is in a tree.
 */
import { memoryAddress, offsetOf } from '../vm/addresses';
import type { Memory } from '../vm/memory';

export const RB_NODE_BYTES = 32;
const LEFT = 0;
const RIGHT = 8;
const PARENT = 16;
const OWNER = 24;
const RED = 1n;

/** Nodes and roots are linear offsets here; 0 = none. */
type Node = number;

const linkAt = (memory: Memory, at: number): Node => {
  const address = memory.load64(at) & ~RED;
  return address === 0n ? 0 : offsetOf(address);
};
const setLink = (memory: Memory, at: number, node: Node): void =>
  memory.store64(at, node === 0 ? 0n : memoryAddress(node));

export const leftOf = (memory: Memory, node: Node): Node => linkAt(memory, node + LEFT);
export const rightOf = (memory: Memory, node: Node): Node => linkAt(memory, node + RIGHT);
export const topOf = (memory: Memory, root: number): Node => linkAt(memory, root);
export const ownerOf = (memory: Memory, node: Node): number => linkAt(memory, node + OWNER);
const parentOf = (memory: Memory, node: Node): Node => linkAt(memory, node + PARENT);
const isRed = (memory: Memory, node: Node): boolean =>
  node !== 0 && (memory.load64(node + PARENT) & RED) !== 0n;

function setParent(memory: Memory, node: Node, parent: Node, red: boolean): void {
  memory.store64(node + PARENT, (parent === 0 ? 0n : memoryAddress(parent)) | (red ? RED : 0n));
}
const paint = (memory: Memory, node: Node, red: boolean): void =>
  setParent(memory, node, parentOf(memory, node), red);

export function firstOf(memory: Memory, root: number): Node {
  let node = topOf(memory, root);
  while (node !== 0 && leftOf(memory, node) !== 0) node = leftOf(memory, node);
  return node;
}

/** Puts `to` where `from` hangs. */
function replaceChild(memory: Memory, root: number, from: Node, to: Node): void {
  const parent = parentOf(memory, from);
  if (parent === 0) setLink(memory, root, to);
  else setLink(memory, parent + (leftOf(memory, parent) === from ? LEFT : RIGHT), to);
  if (to !== 0) setParent(memory, to, parent, isRed(memory, to));
}

/** Turns the edge between a node and its child on the other side than `side` so that the child comes out on top. */
function rotate(memory: Memory, root: number, node: Node, side: number): void {
  const other = LEFT + RIGHT - side;
  const up = linkAt(memory, node + other);
  const inner = linkAt(memory, up + side);
  replaceChild(memory, root, node, up);
  setLink(memory, up + side, node);
  setParent(memory, node, up, isRed(memory, node));
  setLink(memory, node + other, inner);
  if (inner !== 0) setParent(memory, inner, node, isRed(memory, inner));
}

/** Adds a node as the child of `parent` (0: as the top) on the given side. */
export function insert(memory: Memory, root: number, parent: Node, onLeft: boolean, node: Node): void {
  memory.fill(node, RB_NODE_BYTES, 0);
  setParent(memory, node, parent, true);
  setLink(memory, node + OWNER, root);
  setLink(memory, parent === 0 ? root : parent + (onLeft ? LEFT : RIGHT), node);
  let at = node;
  while (isRed(memory, parentOf(memory, at))) {
    let above = parentOf(memory, at);
    const top = parentOf(memory, above);
    const side = leftOf(memory, top) === above ? LEFT : RIGHT;
    const uncle = linkAt(memory, top + LEFT + RIGHT - side);
    if (isRed(memory, uncle)) {
      paint(memory, above, false);
      paint(memory, uncle, false);
      paint(memory, top, true);
      at = top;
      continue;
    }
    if (linkAt(memory, above + side) !== at) {
      rotate(memory, root, above, side);
      [at, above] = [above, at];
    }
    paint(memory, above, false);
    paint(memory, top, true);
    rotate(memory, root, top, LEFT + RIGHT - side);
  }
  paint(memory, topOf(memory, root), false);
}

/** Takes a node out; it then belongs to no tree. */
export function remove(memory: Memory, root: number, node: Node): void {
  const [left, right] = [leftOf(memory, node), rightOf(memory, node)];
  let child: Node;
  let above: Node;
  let lostRed: boolean;
  if (left === 0 || right === 0) {
    child = left === 0 ? right : left;
    above = parentOf(memory, node);
    lostRed = isRed(memory, node);
    replaceChild(memory, root, node, child);
  } else {
    let next = right;
    while (leftOf(memory, next) !== 0) next = leftOf(memory, next);
    child = rightOf(memory, next);
    lostRed = isRed(memory, next);
    above = parentOf(memory, next);
    if (above === node) above = next;
    else {
      replaceChild(memory, root, next, child);
      setLink(memory, next + RIGHT, right);
      setParent(memory, right, next, isRed(memory, right));
    }
    const red = isRed(memory, node);
    replaceChild(memory, root, node, next);
    paint(memory, next, red);
    setLink(memory, next + LEFT, left);
    setParent(memory, left, next, isRed(memory, left));
  }
  if (!lostRed) restore(memory, root, child, above);
  memory.fill(node, RB_NODE_BYTES, 0);
}

/** Below `above`, the side of `child` is one black node short. */
function restore(memory: Memory, root: number, child: Node, above: Node): void {
  let at = child;
  let parent = above;
  while (parent !== 0 && !isRed(memory, at)) {
    const side = leftOf(memory, parent) === at ? LEFT : RIGHT;
    const far = LEFT + RIGHT - side;
    let sibling = linkAt(memory, parent + far);
    if (isRed(memory, sibling)) {
      paint(memory, sibling, false);
      paint(memory, parent, true);
      rotate(memory, root, parent, side);
      sibling = linkAt(memory, parent + far);
    }
    if (!isRed(memory, linkAt(memory, sibling + side)) && !isRed(memory, linkAt(memory, sibling + far))) {
      paint(memory, sibling, true);
      at = parent;
      parent = parentOf(memory, at);
      continue;
    }
    if (!isRed(memory, linkAt(memory, sibling + far))) {
      paint(memory, linkAt(memory, sibling + side), false);
      paint(memory, sibling, true);
      rotate(memory, root, sibling, far);
      sibling = linkAt(memory, parent + far);
    }
    paint(memory, sibling, isRed(memory, parent));
    paint(memory, parent, false);
    paint(memory, linkAt(memory, sibling + far), false);
    rotate(memory, root, parent, side);
    return;
  }
  if (at !== 0) paint(memory, at, false);
}
