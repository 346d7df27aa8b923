/**
 * Helpers that ask a traced function's context for arguments and result. In memory: the number of arguments, then (where
 * the program's context pointer points) the arguments, then the result.
 */
import { ERRNO } from '../spec/errno';
import { offsetOf } from '../vm/addresses';
import { memoryArg, value, type HelperCall, type HelperHandler } from './protocol';

/** What lies before the first argument. */
export const ARGUMENT_COUNT_BYTES = 8;

const contextWords = (call: HelperCall): number => offsetOf(call.args[0]);

const argumentCount = (call: HelperCall): number =>
  Number(call.kernel.memory.load64(contextWords(call) - ARGUMENT_COUNT_BYTES));

export const tracedHelpers = {
  bpf_get_func_arg: (call) => {
    const { memory } = call.kernel;
    if (call.args[1] >= BigInt(argumentCount(call))) return value(-ERRNO.EINVAL);
    const at = contextWords(call) + 8 * Number(call.args[1]);
    memory.store64(memoryArg(call, 2, 8, true), memory.load64(at));
    return value(0);
  },
  bpf_get_func_ret: (call) => {
    const { memory } = call.kernel;
    const at = contextWords(call) + 8 * argumentCount(call);
    // At the entry of a function there is no result yet.
    const region = memory.findRegion(contextWords(call));
    if (region === undefined || at + 8 > region.start + region.sizeBytes) return value(-ERRNO.EOPNOTSUPP);
    memory.store64(memoryArg(call, 1, 8, true), memory.load64(at));
    return value(0);
  },
  bpf_get_func_arg_cnt: (call) => value(argumentCount(call)),
} satisfies Record<string, HelperHandler>;
