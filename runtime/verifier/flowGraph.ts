/**
 * The program as a graph of instructions, function by function: calls fall through to what follows them. Orders to visit it
 * in, and its loops. Used before the walk by what is computed statically. Not here: whether the graph is allowed (`cfg.ts`).
 */
import { isWide } from '../insn/decode';
import type { Insn } from '../insn/insn';
import { OPCODES } from '../spec/opcodes';
import { isTailCall } from './callKinds';
import type { VerifierEnv } from './env';
import { isIndirectJump } from './jumpTables';

const EXIT = OPCODES.exit.code;
/** Modes of LD_ABS and LD_IND. */
const OLD_LOADS: ReadonlySet<number> = new Set([0x20, 0x40]);

const isJump = (code: number): boolean => (code & 7) === 5 || (code & 7) === 6;

/** Tail calls that succeed and old packet loads that fail leave the function. */
const mayLeave = (insn: Insn): boolean =>
  isTailCall(insn) || ((insn.code & 7) === 0 && OLD_LOADS.has(insn.code & 0xe0));

/** The function's last exit, undefined where it has none. */
function exitOf({ insns, subprogs }: VerifierEnv, at: number): number | undefined {
  const subprog = subprogs.find(({ start, end }) => at >= start && at < end);
  if (subprog === undefined) return undefined;
  for (let i = subprog.end - 1; i >= subprog.start; i--) if (insns[i].code === EXIT) return i;
  return undefined;
}

/** Instructions that may run right after `at`, the fall-through first. */
function successorsOf(env: VerifierEnv, at: number): readonly number[] {
  const insn = env.insns[at];
  const next = at + (isWide(insn) ? 2 : 1);
  if (mayLeave(insn)) {
    const exit = exitOf(env, at);
    return exit === undefined ? [next] : [next, exit];
  }
  if (!isJump(insn.code)) return [next];
  switch (insn.code >> 4) {
    case 8:
      return [next];
    case 9:
      return [];
    case 0:
      if (isIndirectJump(insn)) return env.jumpTables.get(at) ?? [];
      return [at + 1 + (insn.code === 0x06 ? insn.imm : insn.off)];
    default:
      return [next, at + 1 + insn.off];
  }
}

/** The graph of a program's instructions as they are now. Facts about them are found by going through `orders` until nothing changes. */
export class FlowGraph {
  /** Per function: its reachable instructions, each after its successors but for back edges. */
  readonly orders: readonly (readonly number[])[];
  /** As far as they were asked for. */
  private readonly lists: (readonly number[] | undefined)[];
  private readonly heads: Uint8Array;

  constructor(private readonly env: VerifierEnv) {
    const count = env.insns.length;
    this.lists = env.insns.map(() => undefined);
    this.heads = new Uint8Array(count);
    const isOpen = new Uint8Array(count);
    /** How many successors of an instruction on the path are still to be looked at. */
    const left = new Int32Array(count);
    const path: number[] = [];
    const enter = (at: number): void => {
      isOpen[at] = 1;
      left[at] = this.successors(at).length;
      path.push(at);
    };
    this.orders = env.subprogs.map(({ start, end }) => {
      const order: number[] = [];
      enter(start);
      while (path.length > 0) {
        const at = path[path.length - 1];
        if (left[at] === 0) {
          order.push(at);
          path.pop();
          continue;
        }
        // The jump's way is explored before the fall-through.
        const to = this.successors(at)[--left[at]];
        if (to >= start && to < end && isOpen[to] === 0) enter(to);
      }
      return order;
    });
    this.findHeads();
  }

  /** Instructions that may run right after `at`, the fall-through first. */
  successors(at: number): readonly number[] {
    return (this.lists[at] ??= successorsOf(this.env, at));
  }

  /**
   * Whether a way leads to `at` against the order: from an instruction that comes before it in `orders`, or from another function.
   * A fact that changes elsewhere is up to date everywhere after one more pass in that direction.
   */
  isHead(at: number): boolean {
    return this.heads[at] !== 0;
  }

  private findHeads(): void {
    const { insns, subprogs } = this.env;
    const position = new Int32Array(insns.length);
    this.orders.forEach((order, subprog) => {
      const { start, end } = subprogs[subprog];
      order.forEach((at, n) => (position[at] = n));
      for (const at of order)
        for (const to of this.successors(at))
          if (to < start || to >= end || position[to] >= position[at]) this.heads[to] = 1;
    });
  }
}

/**
 * For every instruction the number (from 1) of the loop it is part of, 0 for none: instructions that all reach each other,
 * and calls that iterate a callback.
 */
export function loopNumbers(env: VerifierEnv, graph: FlowGraph): Int32Array {
  const count = env.insns.length;
  const loops = new Int32Array(count);
  const index = new Int32Array(count);
  const low = new Int32Array(count);
  /** How many successors of an instruction on the path have been looked at. */
  const seen = new Int32Array(count);
  const waiting: number[] = [];
  const isWaiting = new Uint8Array(count);
  const path: number[] = [];
  let counter = 0;
  let found = 0;
  const enter = (at: number): void => {
    index[at] = low[at] = ++counter;
    waiting.push(at);
    isWaiting[at] = 1;
    path.push(at);
  };
  const close = (root: number): void => {
    const first = waiting.lastIndexOf(root);
    const alone = first === waiting.length - 1;
    const isLoop = !alone || env.aux[root].callsCallback || graph.successors(root).includes(root);
    if (isLoop) found++;
    for (let n = first; n < waiting.length; n++) {
      isWaiting[waiting[n]] = 0;
      if (isLoop) loops[waiting[n]] = found;
    }
    waiting.length = first;
  };
  for (const order of graph.orders) {
    for (let n = order.length - 1; n >= 0; n--) {
      if (index[order[n]] !== 0) continue;
      enter(order[n]);
      while (path.length > 0) {
        const at = path[path.length - 1];
        const next = graph.successors(at);
        if (seen[at] === next.length) {
          path.pop();
          if (low[at] === index[at]) close(at);
          if (path.length > 0) {
            const above = path[path.length - 1];
            low[above] = Math.min(low[above], low[at]);
          }
          continue;
        }
        const to = next[seen[at]++];
        if (to < 0 || to >= count) continue;
        if (index[to] === 0) enter(to);
        else if (isWaiting[to] !== 0) low[at] = Math.min(low[at], index[to]);
      }
    }
  }
  return loops;
}
