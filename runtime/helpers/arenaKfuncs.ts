/** Kernel functions that allocate and free the pages of an arena. */
import { allocatePages, freePages, isArena, reservePages } from '../maps/arena';
import { HelperFault, mapArg, u32Arg, value, type HelperCall, type HelperHandler } from './protocol';

function arenaArg(call: HelperCall): Parameters<typeof freePages>[1] {
  const map = mapArg(call, 0);
  if (!isArena(map)) throw new HelperFault(`${call.name}: map ${map.definition.name} is no arena`);
  return map;
}

export const arenaKfuncs = {
  bpf_arena_alloc_pages: (call) => {
    const map = arenaArg(call);
    return value(call.args[4] === 0n ? allocatePages(call.kernel, map, call.args[1], u32Arg(call, 2)) : 0n);
  },
  bpf_arena_free_pages: (call) => {
    const map = arenaArg(call);
    if (call.args[1] !== 0n) freePages(call.kernel, map, call.args[1], u32Arg(call, 2));
    return value(0);
  },
  bpf_arena_reserve_pages: (call) => value(reservePages(arenaArg(call), call.args[1], u32Arg(call, 2))),
} satisfies Record<string, HelperHandler>;
