/**
 * CPU masks (bpf_cpumask_*): objects that programs create, count and share. As many bits as a distribution's kernel has CPUs;
 * those that the machine has come first. Masks of the kernel itself do not exist here.
 */
import { memoryAddress } from '../vm/addresses';
import { memoryArg, u32Arg, value, type HelperCall, type HelperHandler, type HelperResult } from './protocol';

/** NR_CPUS of the measured kernels is larger; what functions see ends at the number of possible CPUs. */
const MASK_BYTES = 1024;
/** Behind the bits: how many hold the mask. */
const HOLDERS = MASK_BYTES;
const OBJECT_BYTES = MASK_BYTES + 8;

function create(call: HelperCall): HelperResult {
  const { memory } = call.kernel;
  const at = memory.allocate(OBJECT_BYTES);
  memory.fill(at, OBJECT_BYTES, 0);
  memory.store32(at + HOLDERS, 1);
  memory.addRegion('scratch', at, OBJECT_BYTES, 'CPU mask', false);
  return value(memoryAddress(at));
}

function release(call: HelperCall): HelperResult {
  const at = memoryArg(call, 0, OBJECT_BYTES);
  const { memory } = call.kernel;
  const holders = memory.load32(at + HOLDERS) - 1;
  memory.store32(at + HOLDERS, holders);
  if (holders === 0) {
    memory.endRegion(at);
    memory.release(at, OBJECT_BYTES);
  }
  return value(0);
}

/** The mask that an argument points to, as a number; only possible CPUs count. */
function bitsArg(call: HelperCall, index: number): bigint {
  const at = memoryArg(call, index, 8);
  return BigInt.asUintN(call.kernel.cpuCount, call.kernel.memory.load64(at));
}

const isSet = (mask: bigint, cpu: number): boolean => ((mask >> BigInt(cpu)) & 1n) !== 0n;

/** The lowest CPU of a mask; the number of CPUs where it is empty. */
function first(call: HelperCall, mask: bigint): number {
  for (let cpu = 0; cpu < call.kernel.cpuCount; cpu++) if (isSet(mask, cpu)) return cpu;
  return call.kernel.cpuCount;
}

const all = (call: HelperCall): bigint => (1n << BigInt(call.kernel.cpuCount)) - 1n;
const truth = (yes: boolean): HelperResult => value(yes ? 1 : 0);

/** Sets or clears one CPU's bit and says whether it was set; other CPUs' numbers change nothing. */
function change(call: HelperCall, set: boolean | undefined): HelperResult {
  const cpu = u32Arg(call, 0);
  if (cpu >= call.kernel.cpuCount) return value(0);
  const at = memoryArg(call, 1, 8);
  const mask = bitsArg(call, 1);
  const bit = 1n << BigInt(cpu);
  if (set !== undefined) call.kernel.memory.store64(at, set ? mask | bit : mask & ~bit);
  return truth(isSet(mask, cpu));
}

/** Writes the mask of argument 1; gives whether any bit is left. */
function write(call: HelperCall, mask: bigint): HelperResult {
  call.kernel.memory.store64(memoryArg(call, 0, 8), mask);
  return truth(mask !== 0n);
}

const nothing = (result: HelperResult): HelperResult => (result.kind === 'done' ? value(0) : result);

export const cpumaskKfuncs = {
  bpf_cpumask_create: create,
  bpf_cpumask_acquire: (call) => {
    const at = memoryArg(call, 0, OBJECT_BYTES);
    call.kernel.memory.store32(at + HOLDERS, call.kernel.memory.load32(at + HOLDERS) + 1);
    return value(call.args[0]);
  },
  bpf_cpumask_release: release,
  bpf_cpumask_first: (call) => value(first(call, bitsArg(call, 0))),
  bpf_cpumask_first_zero: (call) => value(first(call, all(call) & ~bitsArg(call, 0))),
  bpf_cpumask_first_and: (call) => value(first(call, bitsArg(call, 0) & bitsArg(call, 1))),
  bpf_cpumask_set_cpu: (call) => nothing(change(call, true)),
  bpf_cpumask_clear_cpu: (call) => nothing(change(call, false)),
  bpf_cpumask_test_cpu: (call) => change(call, undefined),
  bpf_cpumask_test_and_set_cpu: (call) => change(call, true),
  bpf_cpumask_test_and_clear_cpu: (call) => change(call, false),
  bpf_cpumask_setall: (call) => nothing(write(call, all(call))),
  bpf_cpumask_clear: (call) => nothing(write(call, 0n)),
  bpf_cpumask_and: (call) => write(call, bitsArg(call, 1) & bitsArg(call, 2)),
  bpf_cpumask_or: (call) => nothing(write(call, bitsArg(call, 1) | bitsArg(call, 2))),
  bpf_cpumask_xor: (call) => nothing(write(call, bitsArg(call, 1) ^ bitsArg(call, 2))),
  bpf_cpumask_equal: (call) => truth(bitsArg(call, 0) === bitsArg(call, 1)),
  bpf_cpumask_intersects: (call) => truth((bitsArg(call, 0) & bitsArg(call, 1)) !== 0n),
  bpf_cpumask_subset: (call) => truth((bitsArg(call, 0) & ~bitsArg(call, 1)) === 0n),
  bpf_cpumask_empty: (call) => truth(bitsArg(call, 0) === 0n),
  bpf_cpumask_full: (call) => truth(bitsArg(call, 0) === all(call)),
  bpf_cpumask_copy: (call) => nothing(write(call, bitsArg(call, 1))),
  bpf_cpumask_any_distribute: (call) => value(first(call, bitsArg(call, 0))),
  bpf_cpumask_any_and_distribute: (call) => value(first(call, bitsArg(call, 0) & bitsArg(call, 1))),
  bpf_cpumask_weight: (call) => {
    const mask = bitsArg(call, 0);
    let weight = 0;
    for (let cpu = 0; cpu < call.kernel.cpuCount; cpu++) if (isSet(mask, cpu)) weight++;
    return value(weight);
  },
} satisfies Record<string, HelperHandler>;
