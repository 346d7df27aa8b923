/**
 * The program as a graph of instructions, function by function: calls fall through to what follows them. Orders to visit it
 * in, and its loops. Used before the walk by what is computed statically. Not here: whether the graph is allowed (`cfg.ts`).
 */
import { isWide } from '../insn/decode';
import type { VerifierEnv } from './env';
import { isIndirectJump } from './jumpTables';

const isJump = (code: number): boolean => (code & 7) === 5 || (code & 7) === 6;

/** Instructions that may run right after `at`, the fall-through first. */
export function successors(env: VerifierEnv, at: number): number[] {
  const insn = env.insns[at];
  const next = at + (isWide(insn) ? 2 : 1);
  if (!isJump(insn.code)) return [next];
  switch (insn.code >> 4) {
    case 8:
      return [next];
    case 9:
      return [];
    case 0:
      if (isIndirectJump(insn)) return [...(env.jumpTables.get(at) ?? [])];
      return [at + 1 + (insn.code === 0x06 ? insn.imm : insn.off)];
    default:
      return [next, at + 1 + insn.off];
  }
}

/** Per function: its reachable instructions, each after its successors but for back edges. */
export function postorders(env: VerifierEnv): number[][] {
  const open = new Set<number>();
  return env.subprogs.map(({ start, end }) => {
    const order: number[] = [];
    const path: { readonly at: number; readonly rest: number[] }[] = [];
    const enter = (at: number): void => {
      open.add(at);
      path.push({ at, rest: successors(env, at).filter((to) => to >= start && to < end) });
    };
    enter(start);
    while (path.length > 0) {
      const top = path[path.length - 1];
      // The jump's way is explored before the fall-through.
      const to = top.rest.pop();
      if (to === undefined) {
        order.push(top.at);
        path.pop();
      } else if (!open.has(to)) enter(to);
    }
    return order;
  });
}

/**
 * For every instruction the number (from 1) of the loop it is part of, 0 for none: instructions that all reach each other,
 * and calls that iterate a callback.
 */
export function loopNumbers(env: VerifierEnv, orders: readonly (readonly number[])[]): Int32Array {
  const loops = new Int32Array(env.insns.length);
  const index = new Int32Array(env.insns.length);
  const low = new Int32Array(env.insns.length);
  const waiting: number[] = [];
  const isWaiting = new Uint8Array(env.insns.length);
  let counter = 0;
  let found = 0;
  const close = (root: number): void => {
    const members: number[] = [];
    let at: number;
    do {
      at = waiting.pop() ?? root;
      isWaiting[at] = 0;
      members.push(at);
    } while (at !== root);
    if (members.length === 1 && !env.aux[root].callsCallback && !successors(env, root).includes(root)) return;
    found++;
    for (const member of members) loops[member] = found;
  };
  for (const order of orders) {
    for (let n = order.length - 1; n >= 0; n--) {
      if (index[order[n]] !== 0) continue;
      const path: { readonly at: number; readonly rest: number[] }[] = [];
      const enter = (at: number): void => {
        index[at] = low[at] = ++counter;
        waiting.push(at);
        isWaiting[at] = 1;
        path.push({ at, rest: successors(env, at).filter((to) => to >= 0 && to < env.insns.length) });
      };
      enter(order[n]);
      while (path.length > 0) {
        const { at, rest } = path[path.length - 1];
        const to = rest.shift();
        if (to === undefined) {
          path.pop();
          if (low[at] === index[at]) close(at);
          const above = path.length > 0 ? path[path.length - 1].at : -1;
          if (above >= 0) low[above] = Math.min(low[above], low[at]);
        } else if (index[to] === 0) enter(to);
        else if (isWaiting[to] !== 0) low[at] = Math.min(low[at], index[to]);
      }
    }
  }
  return loops;
}
