/** bpf_tail_call: the current frame goes on in another program, or nothing happens. */
import { programAt } from '../maps/progArray';
import type { HandleArrayData } from '../maps/mapData';
import type { MapRecord } from '../maps/mapFamily';
import { has } from '../spec/profile';
import { readTailCalls } from '../vm/calls';
import { BLOCK_TAIL_CALLS } from '../vm/contextBlock';
import { HelperFault, mapArg, u32Arg, value, type HelperHandler } from './protocol';

/** MAX_TAIL_CALL_CNT: so many succeed, counted from the program that was entered first. */
const TAIL_CALLS_MAX = 33;

export const tailCallHelpers = {
  bpf_tail_call: (call) => {
    const map = mapArg(call, 1);
    if (map.data.kind !== 'handleArray' || map.definition.type !== 'BPF_MAP_TYPE_PROG_ARRAY')
      throw new HelperFault(`${call.name}: map ${map.definition.name} is no program array`);
    const program = programAt(call.kernel, map as MapRecord<HandleArrayData>, u32Arg(call, 2));
    const { memory, context } = call.kernel;
    const used = readTailCalls(memory, context.block);
    if (used >= TAIL_CALLS_MAX) return value(0);
    if (program < 0) {
      const inRange = u32Arg(call, 2) < map.definition.maxEntries;
      if (inRange && has(call.kernel.profile, 'tailCallCountsEmptySlot'))
        memory.store32(context.block + BLOCK_TAIL_CALLS, used + 1);
      return value(0);
    }
    return { kind: 'tailCall', program };
  },
} satisfies Record<string, HelperHandler>;
