/**
 * The bookkeeping of LRU maps: which slot is handed out next and which elements go to make room. Kept as the kernel
 * keeps it, because users see it: new elements wait in their CPU's pending list and enter the common lists in batches;
 * a lookup or an update of an existing key only marks an element as used; eviction passes over marked ones once. A
 * batch frees several elements at a time, so a small map loses more than one.
 *
 * Lists are doubly linked through a table of 16-byte nodes in linear memory (next u32, prev u32, type u8, used u8,
 * cpu u16, unused u32), one for every element, then one for every list's head. Evidence: 6.1 and 6.12 behaviour,
 * batch sizes as facts; a free target that depends on the map's size is a profile's feature.
 */
import type { MapMemory } from './mapFamily';

/** Largest number of nodes that one batch moves or looks at, per kind of LRU. */
const SHARED_BATCH = 128;
const OWN_BATCH = 4;
const NODE_SIZE_BYTES = 16;
const NEXT = 0;
const PREV = 4;
const TYPE = 8;
const USED = 9;
const CPU = 10;

const ACTIVE = 0;
const INACTIVE = 1;
const FREE = 2;
const LOCAL_FREE = 3;
const PENDING = 4;

/** The lists of all CPUs together (common LRU), or of one CPU (BPF_F_NO_COMMON_LRU). */
export interface LruPool {
  /** Node numbers of the heads: active, inactive and free follow each other. */
  readonly heads: number;
  active: number;
  inactive: number;
  /** Where the next look at the inactive list begins. */
  hand: number;
}

/** A CPU's own lists in front of the common ones. */
export interface LruLocal {
  /** Node numbers of the heads: free, pending. */
  readonly heads: number;
  nextSteal: number;
}

export interface LruLists {
  /** Linear offset of node 0. */
  readonly nodes: number;
  readonly elementCount: number;
  /** One pool and a local pair of lists for every CPU, or one pool for every CPU. */
  readonly shared: boolean;
  readonly pools: readonly LruPool[];
  readonly locals: readonly LruLocal[];
  /** How many free slots a CPU fetches at a time. */
  readonly freeTarget: number;
}

/** @param scaled the free target follows the map's size (a profile's feature), else it is the batch. */
export function createLruLists(
  memory: MapMemory,
  elementCount: number,
  cpuCount: number,
  shared: boolean,
  scaled: boolean,
): LruLists {
  const headCount = shared ? 3 + 2 * cpuCount : 3 * cpuCount;
  const nodes = memory.allocate(NODE_SIZE_BYTES * (elementCount + headCount));
  const share = Math.floor(elementCount / cpuCount);
  let next = elementCount;
  const head = (): number => {
    const number = next++;
    memory.store32(nodes + NODE_SIZE_BYTES * number + NEXT, number);
    memory.store32(nodes + NODE_SIZE_BYTES * number + PREV, number);
    return number;
  };
  const pool = (): LruPool => {
    const heads = head();
    const inactive = head();
    head();
    return { heads, active: 0, inactive: 0, hand: inactive };
  };
  const local = (cpu: number): LruLocal => {
    const heads = head();
    head();
    return { heads, nextSteal: cpu };
  };
  const cpus = Array.from({ length: cpuCount }, (_, cpu) => cpu);
  const lists: LruLists = {
    nodes,
    elementCount,
    shared,
    pools: shared ? [pool()] : cpus.map(pool),
    locals: shared ? cpus.map(local) : [],
    freeTarget: scaled ? Math.min(SHARED_BATCH, Math.max(1, share >> 1)) : SHARED_BATCH,
  };
  const walker = new LruWalker(memory, lists, () => false);
  for (let node = 0; node < elementCount; node++) walker.addFree(node, shared ? 0 : Math.floor(node / share));
  return lists;
}

/** A look at the lists for the time of one map operation. */
export class LruWalker {
  /**
   * @param evict takes the element of a node out of the map; false when it is not in the map (its slot is on the way
   * from or to somebody).
   */
  constructor(
    private readonly memory: MapMemory,
    private readonly lists: LruLists,
    private readonly evict: (node: number) => boolean,
  ) {}

  private at(node: number): number {
    return this.lists.nodes + NODE_SIZE_BYTES * node;
  }
  private next(node: number): number {
    return this.memory.load32(this.at(node) + NEXT);
  }
  private prev(node: number): number {
    return this.memory.load32(this.at(node) + PREV);
  }
  private type(node: number): number {
    return this.memory.u8[this.at(node) + TYPE];
  }
  private isUsed(node: number): boolean {
    return this.memory.u8[this.at(node) + USED] !== 0;
  }
  private cpuOf(node: number): number {
    return this.memory.u8[this.at(node) + CPU] | (this.memory.u8[this.at(node) + CPU + 1] << 8);
  }
  private isEmpty(head: number): boolean {
    return this.next(head) === head;
  }

  markUsed(node: number): void {
    this.memory.store8(this.at(node) + USED, 1);
  }

  private unlink(node: number): void {
    const before = this.prev(node);
    const after = this.next(node);
    this.memory.store32(this.at(before) + NEXT, after);
    this.memory.store32(this.at(after) + PREV, before);
  }

  /** Links an unlinked node in at the front of a list. */
  private link(node: number, head: number, type: number): void {
    const first = this.next(head);
    this.memory.store32(this.at(node) + NEXT, first);
    this.memory.store32(this.at(node) + PREV, head);
    this.memory.store32(this.at(head) + NEXT, node);
    this.memory.store32(this.at(first) + PREV, node);
    this.memory.store8(this.at(node) + TYPE, type);
  }

  /** A fresh slot's first place: its pool's free list. */
  addFree(node: number, cpu: number): void {
    const { pools, shared } = this.lists;
    const pool = pools[shared ? 0 : Math.min(cpu, pools.length - 1)];
    this.setCpu(node, cpu);
    this.link(node, pool.heads + FREE, FREE);
  }

  private setCpu(node: number, cpu: number): void {
    this.memory.store8(this.at(node) + CPU, cpu & 0xff);
    this.memory.store8(this.at(node) + CPU + 1, cpu >>> 8);
  }

  /** Takes a node out of a pool's list; the hand steps back from it. */
  private leavePool(pool: LruPool, node: number): void {
    if (pool.hand === node) pool.hand = this.prev(node);
    const type = this.type(node);
    if (type === ACTIVE) pool.active--;
    else if (type === INACTIVE) pool.inactive--;
    this.unlink(node);
  }

  private enterPool(pool: LruPool, node: number, type: number): void {
    if (type === ACTIVE) pool.active++;
    else if (type === INACTIVE) pool.inactive++;
    this.memory.store8(this.at(node) + USED, 0);
    this.link(node, pool.heads + type, type);
  }

  private move(pool: LruPool, node: number, type: number): void {
    this.leavePool(pool, node);
    this.enterPool(pool, node, type);
  }

  private get batch(): number {
    return this.lists.shared ? SHARED_BATCH : OWN_BATCH;
  }

  /** Ages a pool: used elements get (or keep) the active list, unused active ones come down when too many are there. */
  private rotate(pool: LruPool): void {
    if (pool.inactive < pool.active) {
      // Every node leaves the tail, so the next candidate is always the new tail.
      for (let left = Math.min(this.batch, pool.active); left > 0; left--) {
        const node = this.prev(pool.heads + ACTIVE);
        this.move(pool, node, this.isUsed(node) ? ACTIVE : INACTIVE);
      }
    }
    const head = pool.heads + INACTIVE;
    if (this.isEmpty(head)) return;
    const beforeHand = this.next(pool.hand);
    const last = beforeHand === head ? this.next(head) : beforeHand;
    let node = pool.hand;
    let hand = head;
    for (let looked = 0; looked < this.batch;) {
      if (node === head) {
        node = this.prev(node);
        continue;
      }
      hand = this.prev(node);
      if (this.isUsed(node)) this.move(pool, node, ACTIVE);
      if (node === last) break;
      node = hand;
      looked++;
    }
    pool.hand = hand;
  }

  /** Evicts up to `wanted` unused elements, or one used one when there are no others; their nodes go to `head`. */
  private shrink(pool: LruPool, wanted: number, head: number, type: number): void {
    const inactive = pool.heads + INACTIVE;
    let freed = 0;
    let looked = 0;
    for (let node = this.prev(inactive), before; node !== inactive && looked < this.batch; node = before) {
      before = this.prev(node);
      looked++;
      if (this.isUsed(node)) this.move(pool, node, ACTIVE);
      else if (this.evict(node)) {
        this.leavePool(pool, node);
        this.link(node, head, type);
        if (++freed === wanted) return;
      }
    }
    if (freed > 0) return;
    const list = this.isEmpty(inactive) ? pool.heads + ACTIVE : inactive;
    for (let node = this.prev(list); node !== list; node = this.prev(node)) {
      if (!this.evict(node)) continue;
      this.leavePool(pool, node);
      this.link(node, head, type);
      return;
    }
  }

  /** A slot for a new element, or -1. */
  take(cpu: number): number {
    return this.lists.shared ? this.takeShared(cpu) : this.takeOwn(cpu);
  }

  private takeOwn(cpu: number): number {
    const pool = this.lists.pools[cpu];
    const free = pool.heads + FREE;
    this.rotate(pool);
    if (this.isEmpty(free)) this.shrink(pool, OWN_BATCH, free, FREE);
    if (this.isEmpty(free)) return -1;
    const node = this.next(free);
    this.move(pool, node, INACTIVE);
    return node;
  }

  private takeShared(cpu: number): number {
    const local = this.lists.locals[cpu];
    let node = this.popLocalFree(local);
    if (node < 0) {
      this.refill(local);
      node = this.popLocalFree(local);
    }
    if (node < 0) node = this.steal(local);
    if (node < 0) return -1;
    this.setCpu(node, cpu);
    this.memory.store8(this.at(node) + USED, 0);
    this.link(node, local.heads + 1, PENDING);
    return node;
  }

  private popLocalFree(local: LruLocal): number {
    const node = this.next(local.heads);
    if (node === local.heads) return -1;
    this.unlink(node);
    return node;
  }

  /** Hands the pending elements to the common lists and fetches free slots, evicting when there are too few. */
  private refill(local: LruLocal): void {
    const pool = this.lists.pools[0];
    const pending = local.heads + 1;
    while (!this.isEmpty(pending)) {
      const node = this.prev(pending);
      const used = this.isUsed(node);
      this.unlink(node);
      this.enterPool(pool, node, used ? ACTIVE : INACTIVE);
    }
    this.rotate(pool);
    const free = pool.heads + FREE;
    let missing = this.lists.freeTarget;
    for (; missing > 0 && !this.isEmpty(free); missing--) {
      const node = this.next(free);
      this.leavePool(pool, node);
      this.link(node, local.heads, LOCAL_FREE);
    }
    if (missing > 0) this.shrink(pool, missing, local.heads, LOCAL_FREE);
  }

  /** From the lists of the CPUs in turn: a free slot, else the oldest pending element, preferably unused. */
  private steal(local: LruLocal): number {
    const { locals } = this.lists;
    const first = local.nextSteal;
    let cpu = first;
    let node = -1;
    do {
      const victim = locals[cpu];
      node = this.popLocalFree(victim);
      if (node < 0) node = this.popPending(victim, false);
      if (node < 0) node = this.popPending(victim, true);
      cpu = (cpu + 1) % locals.length;
    } while (node < 0 && cpu !== first);
    local.nextSteal = cpu;
    return node;
  }

  private popPending(local: LruLocal, force: boolean): number {
    const head = local.heads + 1;
    for (let node = this.prev(head); node !== head; node = this.prev(node)) {
      if ((!force && this.isUsed(node)) || !this.evict(node)) continue;
      this.unlink(node);
      return node;
    }
    return -1;
  }

  /** Takes back the slot of an element that left the map otherwise. */
  giveBack(node: number): void {
    const { lists } = this;
    const type = this.type(node);
    if (type === FREE || type === LOCAL_FREE) return;
    if (type === PENDING) {
      this.unlink(node);
      this.memory.store8(this.at(node) + USED, 0);
      this.link(node, lists.locals[this.cpuOf(node)].heads, LOCAL_FREE);
      return;
    }
    this.move(lists.pools[lists.shared ? 0 : this.cpuOf(node)], node, FREE);
  }
}
