/**
 * Open-coded iterators that need nothing of a system: numbers and bits. State lies on the program's stack, where only these
 * functions read it. Numbers, 8 bytes: the present number (s32), the end (s32). Bits: words that were copied when the iterator
 * was made, and where it stands.
 */
import { ERRNO } from '../spec/errno';
import { MEMORY_TAG, memoryAddress, offsetOf, tagOf } from '../vm/addresses';
import { memoryArg, u32Arg, value, type HelperCall, type HelperHandler, type HelperResult } from './protocol';

const NUM_BYTES = 8;
/** Most numbers between begin and end. */
const NUMBERS_MAX = 1 << 23;

function newNumbers(call: HelperCall): HelperResult {
  const at = memoryArg(call, 0, NUM_BYTES, true);
  const { memory } = call.kernel;
  const [from, to] = [u32Arg(call, 1) | 0, u32Arg(call, 2) | 0];
  const problem = from > to ? ERRNO.EINVAL : to - from > NUMBERS_MAX ? ERRNO.E2BIG : 0;
  // Begins one before its first number, so that every step is the same; a refused one is at its end.
  memory.store32(at, problem === 0 ? from - 1 : 0);
  memory.store32(at + 4, problem === 0 ? to : 0);
  return value(-problem);
}

function nextNumber(call: HelperCall): HelperResult {
  const at = memoryArg(call, 0, NUM_BYTES, true);
  const { memory } = call.kernel;
  const next = (memory.load32(at) + 1) | 0;
  if (next >= (memory.load32(at + 4) | 0)) {
    memory.fill(at, NUM_BYTES, 0);
    return value(0);
  }
  memory.store32(at, next);
  return value(memoryAddress(at));
}

/** `struct bpf_iter_bits`: address of the copied words, 0 = nothing to walk (u64); bit that came last (s32); bits (u32). */
const BITS_BYTES = 16;
const WORDS_MAX = 511;

function newBits(call: HelperCall): HelperResult {
  const at = memoryArg(call, 0, BITS_BYTES, true);
  const { memory } = call.kernel;
  memory.fill(at, BITS_BYTES, 0);
  const words = u32Arg(call, 2);
  const [, source] = call.args;
  if (words === 0 || source === 0n) return value(-ERRNO.EINVAL);
  if (words > WORDS_MAX) return value(-ERRNO.E2BIG);
  const from = offsetOf(source);
  const region = tagOf(source) === MEMORY_TAG ? memory.findRegion(from) : undefined;
  if (region === undefined || from + 8 * words > region.start + region.sizeBytes) return value(-ERRNO.EFAULT);
  const copy = memory.allocate(8 * words);
  memory.addRegion('scratch', copy, 8 * words, 'words of a bit iterator');
  memory.copy(copy, from, 8 * words);
  memory.store64(at, memoryAddress(copy));
  memory.store32(at + 8, -1);
  memory.store32(at + 12, 64 * words);
  return value(0);
}

function nextBit(call: HelperCall): HelperResult {
  const at = memoryArg(call, 0, BITS_BYTES, true);
  const { memory } = call.kernel;
  const words = memory.load64(at);
  if (words === 0n) return value(0);
  const bits = memory.load32(at + 12);
  for (let bit = (memory.load32(at + 8) | 0) + 1; bit < bits; bit++) {
    if ((memory.u8[offsetOf(words) + (bit >>> 3)] & (1 << (bit & 7))) === 0) continue;
    memory.store32(at + 8, bit);
    return value(memoryAddress(at + 8));
  }
  memory.store32(at + 8, bits);
  return value(0);
}

function endBits(call: HelperCall): HelperResult {
  const at = memoryArg(call, 0, BITS_BYTES, true);
  const { memory } = call.kernel;
  const words = memory.load64(at);
  if (words !== 0n) {
    memory.endRegion(offsetOf(words));
    memory.release(offsetOf(words), memory.load32(at + 12) / 8);
  }
  memory.fill(at, BITS_BYTES, 0);
  return value(0);
}

export const iteratorKfuncs = {
  bpf_iter_num_new: newNumbers,
  bpf_iter_num_next: nextNumber,
  bpf_iter_num_destroy: (call) => {
    call.kernel.memory.fill(memoryArg(call, 0, NUM_BYTES, true), NUM_BYTES, 0);
    return value(0);
  },
  bpf_iter_task_vma_new: (call) => {
    call.kernel.memory.store64(memoryArg(call, 0, 8, true), 0n);
    return value(-ERRNO.ENOENT);
  },
  bpf_iter_task_vma_next: () => value(0),
  bpf_iter_task_vma_destroy: () => value(0),
  bpf_iter_bits_new: newBits,
  bpf_iter_bits_next: nextBit,
  bpf_iter_bits_destroy: endBits,
} satisfies Record<string, HelperHandler>;
