/** Helpers that read memory which the verifier did not check, compare strings and parse numbers. */
import { ERRNO } from '../spec/errno';
import { asS64 } from '../util/u64';
import type { Kernel } from '../kernel/kernel';
import { MAP_TAG, mapIdOf, MEMORY_TAG, memoryAddress, offsetOf, tagOf } from '../vm/addresses';
import { mapObject, variableOnCpu } from './kernelObjects';
import { copyOnCpu } from './heap';
import { memoryArg, u32Arg, value, type HelperCall, type HelperHandler, type HelperResult } from './protocol';

/** Bytes that can be read at an address, 0 when none: what lies in no region is unmapped here. */
function readableBytes(kernel: Kernel, address: bigint): number {
  if (tagOf(address) !== MEMORY_TAG) return 0;
  const offset = offsetOf(address);
  const region = kernel.memory.findRegion(offset);
  return region === undefined ? 0 : region.start + region.sizeBytes - offset;
}

/** A CPU's copy of an object that the program allocated, or of a variable of the kernel's. */
function onCpu(call: HelperCall, cpu: number): bigint {
  const address = call.args[0];
  return variableOnCpu(call.kernel, address, cpu) ?? copyOnCpu(call, address, cpu);
}

/** A map's own address stands for its object. */
function readFrom(call: HelperCall): bigint {
  const address = call.args[2];
  const map = tagOf(address) === MAP_TAG ? call.kernel.maps.get(mapIdOf(address)) : undefined;
  const at = map === undefined ? 0 : mapObject(call.kernel, map);
  return at === 0 ? address : memoryAddress(at + (offsetOf(address) & 0xfff));
}

/** What a read of nothing gives: addresses of user space are no kernel addresses, others hold nothing. */
const unreadable = (call: HelperCall): number =>
  call.name.includes('_kernel') && !isKernelAddress(call.args[2]) ? ERRNO.ERANGE : ERRNO.EFAULT;
const isKernelAddress = (address: bigint): boolean => address >> 47n === 0x1ffffn;

/** Copies what an address holds; unreadable: zeroes the destination and gives -EFAULT. */
function probeRead(call: HelperCall): HelperResult {
  const size = u32Arg(call, 1);
  const to = memoryArg(call, 0, size, true);
  const { memory } = call.kernel;
  const from = readFrom(call);
  if (size > 0 && readableBytes(call.kernel, from) < size) {
    memory.fill(to, size, 0);
    return value(-unreadable(call));
  }
  memory.copy(to, offsetOf(from), size);
  return value(0);
}

/** Copies a C string, always ended by a zero; the length with the zero, or -EFAULT. */
function probeReadString(call: HelperCall): HelperResult {
  const size = u32Arg(call, 1);
  const to = memoryArg(call, 0, size, true);
  const { memory } = call.kernel;
  if (size === 0) return value(0);
  const source = readFrom(call);
  const limit = Math.min(size, readableBytes(call.kernel, source));
  const from = offsetOf(source);
  let length = 0;
  while (length < limit && memory.u8[from + length] !== 0) length++;
  if (length === limit && limit < size) {
    memory.fill(to, size, 0);
    return value(-unreadable(call));
  }
  const copied = Math.min(length, size - 1);
  memory.copy(to, from, copied);
  memory.store8(to + copied, 0);
  return value(copied + 1);
}

/** User memory does not exist here: every read of it faults. */
const noUserMemory = (call: HelperCall): HelperResult => {
  const size = u32Arg(call, 1);
  call.kernel.memory.fill(memoryArg(call, 0, size, true), size, 0);
  return value(-ERRNO.EFAULT);
};

function strncmp(call: HelperCall): HelperResult {
  const size = u32Arg(call, 1);
  const a = memoryArg(call, 0, size);
  const b = memoryArg(call, 2, 1);
  const { u8 } = call.kernel.memory;
  for (let i = 0; i < size; i++) {
    if (u8[a + i] !== u8[b + i]) return value(u8[a + i] < u8[b + i] ? -1 : 1);
    if (u8[a + i] === 0) break;
  }
  return value(0);
}

interface Parsed {
  readonly magnitude: bigint;
  readonly negative: boolean;
  readonly consumed: number;
}

const DIGITS_MAX = 63;
const BASE_MASK = 0x1fn;

/** A number at the start of the text, or a negative errno. */
function parseNumber(text: Uint8Array, flags: bigint): Parsed | number {
  let base = Number(flags & BASE_MASK);
  if (text.length === 0 || ![0, 8, 10, 16].includes(base) || (flags & ~BASE_MASK) !== 0n)
    return -ERRNO.EINVAL;
  let at = 0;
  while (at < text.length && (text[at] === 0x20 || (text[at] >= 9 && text[at] <= 13))) at++;
  const negative = text[at] === 0x2d;
  if (negative) at++;
  const end = Math.min(text.length, at + DIGITS_MAX);
  const digitAt = (i: number): number => {
    if (i >= end) return 99;
    const byte = text[i] | 0x20;
    return text[i] >= 0x30 && text[i] <= 0x39
      ? text[i] - 0x30
      : byte >= 0x61 && byte <= 0x66
        ? byte - 0x57
        : 99;
  };
  const hexPrefix =
    digitAt(at) === 0 && at + 2 < end && (text[at + 1] | 0x20) === 0x78 && digitAt(at + 2) < 16;
  if (base === 0) base = hexPrefix ? 16 : digitAt(at) === 0 ? 8 : 10;
  // Where base 16 is asked for, the prefix is skipped whatever follows.
  const anyPrefix = digitAt(at) === 0 && at + 1 < end && (text[at + 1] | 0x20) === 0x78;
  if (hexPrefix ? base === 16 : anyPrefix && (flags & BASE_MASK) === 16n) at += 2;
  const first = at;
  let magnitude = 0n;
  for (; digitAt(at) < base; at++) magnitude = magnitude * BigInt(base) + BigInt(digitAt(at));
  if (at === first) return -ERRNO.EINVAL;
  if (magnitude > 0xffff_ffff_ffff_ffffn) return -ERRNO.ERANGE;
  return { magnitude, negative, consumed: at };
}

function stringToNumber(call: HelperCall, signed: boolean): HelperResult {
  const size = u32Arg(call, 1);
  const text = call.kernel.memory.read(memoryArg(call, 0, size), size);
  const to = memoryArg(call, 3, 8, true);
  call.kernel.memory.store64(to, 0n);
  const parsed = parseNumber(text, call.args[2]);
  if (typeof parsed === 'number') return value(parsed);
  const { magnitude, negative, consumed } = parsed;
  if (!signed && negative) return value(-ERRNO.EINVAL);
  if (signed && negative && magnitude > 0x8000_0000_0000_0000n) return value(-ERRNO.ERANGE);
  if (signed && !negative && asS64(magnitude) < 0n) return value(-ERRNO.ERANGE);
  call.kernel.memory.store64(to, negative ? -magnitude : magnitude);
  return value(consumed);
}

export const memoryHelpers = {
  bpf_probe_read: probeRead,
  bpf_probe_read_kernel: probeRead,
  bpf_probe_read_str: probeReadString,
  bpf_probe_read_kernel_str: probeReadString,
  bpf_probe_read_user: noUserMemory,
  bpf_probe_read_user_str: noUserMemory,
  bpf_copy_from_user: noUserMemory,
  bpf_kptr_xchg: (call) => {
    const at = memoryArg(call, 0, 8, true);
    const old = call.kernel.memory.load64(at);
    call.kernel.memory.store64(at, call.args[1]);
    return value(old);
  },
  bpf_per_cpu_ptr: (call) => {
    const cpu = u32Arg(call, 1);
    return value(cpu >= call.kernel.cpuCount ? 0n : onCpu(call, cpu));
  },
  bpf_this_cpu_ptr: (call) => value(onCpu(call, call.kernel.cpu)),
  bpf_strncmp: strncmp,
  bpf_strtol: (call) => stringToNumber(call, true),
  bpf_strtoul: (call) => stringToNumber(call, false),
} satisfies Record<string, HelperHandler>;
