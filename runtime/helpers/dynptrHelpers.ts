/**
 * Dynptrs: sixteen bytes on a program's stack that stand for a piece of memory whose size is known only at run time —
 * map values and other plain memory, ring buffer records, packets. Helpers, and the kernel functions beside them.
 *
 * A dynptr holds an address (of the bytes; for packets of the context) u64, a word with size, kind and the read-only
 * bit u32, and the offset of its first byte u32; address 0 = none. Only these functions read it. Packets lie in one
 * piece here, so that slices always point into the packet. Evidence: results on 6.1, 6.12 and 7.2.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import { commitRecord, reserveRecord } from '../maps/ringbuf';
import { memoryAddress, offsetOf } from '../vm/addresses';
import {
  HelperFault,
  memoryArg,
  u32Arg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
} from './protocol';
import { ringbufArg } from './ringbufHelpers';

const DYNPTR_SIZE_BYTES = 16;
const SIZE = 8;
const OFFSET = 12;
const SIZE_MAX = 0xff_ffff;
const KIND_SHIFT = 28;
const READ_ONLY = 0x8000_0000;

const LOCAL = 1;
const RINGBUF = 2;
const SKB = 3;
const XDP = 4;

interface Dynptr {
  readonly address: bigint;
  readonly sizeBytes: number;
  readonly offset: number;
  readonly kind: number;
  readonly readOnly: boolean;
}

/** The dynptr that an argument points to; undefined: it was cleared, or its making failed. */
function dynptrArg(call: HelperCall, index: number): Dynptr | undefined {
  const { memory } = call.kernel;
  const at = memoryArg(call, index, DYNPTR_SIZE_BYTES);
  const address = memory.load64(at);
  if (address === 0n) return undefined;
  const word = memory.load32(at + SIZE);
  return {
    address,
    sizeBytes: word & SIZE_MAX,
    offset: memory.load32(at + OFFSET),
    kind: (word >>> KIND_SHIFT) & 7,
    readOnly: (word & READ_ONLY) !== 0,
  };
}

function store(call: HelperCall, index: number, made: Dynptr | undefined): void {
  const { memory } = call.kernel;
  const at = memoryArg(call, index, DYNPTR_SIZE_BYTES, true);
  memory.fill(at, DYNPTR_SIZE_BYTES, 0);
  if (made === undefined) return;
  memory.store64(at, made.address);
  const word = (made.sizeBytes | (made.kind << KIND_SHIFT) | (made.readOnly ? READ_ONLY : 0)) >>> 0;
  memory.store32(at + SIZE, word);
  memory.store32(at + OFFSET, made.offset);
}

/** Leaves an empty dynptr and answers with the error. */
function failed(call: HelperCall, index: number, errno: number): HelperResult {
  store(call, index, undefined);
  return value(-errno);
}

const outside = (ptr: Dynptr, offset: number, sizeBytes: number): boolean =>
  sizeBytes > ptr.sizeBytes || offset > ptr.sizeBytes - sizeBytes;

/** Linear offset of bytes behind a dynptr; undefined when the packet has become too short for them. */
function bytesAt(call: HelperCall, ptr: Dynptr, offset: number, sizeBytes: number): number | undefined {
  if (ptr.kind === LOCAL || ptr.kind === RINGBUF) return offsetOf(ptr.address) + ptr.offset + offset;
  const packet = call.packets.packetAt(ptr.address);
  if (packet === undefined) throw new HelperFault(`${call.name}: the dynptr's packet is gone`);
  const at = packet.data + ptr.offset + offset;
  return at + sizeBytes > packet.dataEnd ? undefined : at;
}

const tooShort = (ptr: Dynptr): number => (ptr.kind === SKB ? -ERRNO.EFAULT : -ERRNO.EINVAL);

function fromMemory(call: HelperCall): HelperResult {
  const sizeBytes = u32Arg(call, 1);
  if (sizeBytes > SIZE_MAX) return failed(call, 3, ERRNO.E2BIG);
  if (call.args[2] !== 0n) return failed(call, 3, ERRNO.EINVAL);
  memoryArg(call, 0, sizeBytes);
  store(call, 3, { address: call.args[0], sizeBytes, offset: 0, kind: LOCAL, readOnly: false });
  return value(0);
}

/** Older kernels copy from the front, byte by byte, so that what overlaps is repeated. */
function copyBytes(call: HelperCall, to: number, from: number, sizeBytes: number): void {
  const { memory, profile } = call.kernel;
  if (has(profile, 'dynptrWriteMoves') || to <= from || to >= from + sizeBytes)
    memory.copy(to, from, sizeBytes);
  else for (let i = 0; i < sizeBytes; i++) memory.store8(to + i, memory.u8[from + i]);
}

function read(call: HelperCall): HelperResult {
  const ptr = dynptrArg(call, 2);
  if (ptr === undefined || call.args[4] !== 0n) return value(-ERRNO.EINVAL);
  const sizeBytes = u32Arg(call, 1);
  const offset = u32Arg(call, 3);
  if (outside(ptr, offset, sizeBytes)) return value(-ERRNO.E2BIG);
  const to = memoryArg(call, 0, sizeBytes, true);
  const from = bytesAt(call, ptr, offset, sizeBytes);
  if (from === undefined) {
    if (ptr.kind === SKB) call.kernel.memory.fill(to, sizeBytes, 0);
    return value(tooShort(ptr));
  }
  copyBytes(call, to, from, sizeBytes);
  return value(0);
}

/** BPF_F_RECOMPUTE_CSUM and BPF_F_INVALIDATE_HASH: packets only. */
const PACKET_FLAGS = 3n;

function write(call: HelperCall): HelperResult {
  const ptr = dynptrArg(call, 0);
  if (ptr === undefined || ptr.readOnly) return value(-ERRNO.EINVAL);
  const offset = u32Arg(call, 1);
  const sizeBytes = u32Arg(call, 3);
  if (outside(ptr, offset, sizeBytes)) return value(-ERRNO.E2BIG);
  if ((call.args[4] & ~(ptr.kind === SKB ? PACKET_FLAGS : 0n)) !== 0n) return value(-ERRNO.EINVAL);
  const to = bytesAt(call, ptr, offset, sizeBytes);
  if (to === undefined) return value(tooShort(ptr));
  copyBytes(call, to, memoryArg(call, 2, sizeBytes), sizeBytes);
  return value(0);
}

function data(call: HelperCall): HelperResult {
  const ptr = dynptrArg(call, 0);
  const offset = u32Arg(call, 1);
  const sizeBytes = u32Arg(call, 2);
  if (ptr === undefined || ptr.readOnly || outside(ptr, offset, sizeBytes)) return value(0);
  if (ptr.kind === SKB || ptr.kind === XDP) return value(0);
  return value(memoryAddress(bytesAt(call, ptr, offset, sizeBytes) ?? 0));
}

function reserve(call: HelperCall): HelperResult {
  const map = ringbufArg(call);
  const sizeBytes = u32Arg(call, 1);
  if (call.args[2] !== 0n) return failed(call, 3, ERRNO.EINVAL);
  if (sizeBytes > SIZE_MAX) return failed(call, 3, ERRNO.E2BIG);
  const record = reserveRecord(call.kernel, map, BigInt(sizeBytes));
  if (record === 0) return failed(call, 3, ERRNO.EINVAL);
  store(call, 3, { address: memoryAddress(record), sizeBytes, offset: 0, kind: RINGBUF, readOnly: false });
  return value(0);
}

/** Submits or discards the record; a dynptr without one is left alone. */
function end(call: HelperCall, discard: boolean): HelperResult {
  const ptr = dynptrArg(call, 0);
  if (ptr === undefined) return value(0);
  if (ptr.kind !== RINGBUF) throw new HelperFault(`${call.name}: argument 1 holds no record`);
  commitRecord(call.kernel, offsetOf(ptr.address), discard);
  store(call, 0, undefined);
  return value(0);
}

export const dynptrHelpers = {
  bpf_dynptr_from_mem: fromMemory,
  bpf_dynptr_read: read,
  bpf_dynptr_write: write,
  bpf_dynptr_data: data,
  bpf_ringbuf_reserve_dynptr: reserve,
  bpf_ringbuf_submit_dynptr: (call) => end(call, false),
  bpf_ringbuf_discard_dynptr: (call) => end(call, true),
} satisfies Record<string, HelperHandler>;

/** Types of programs that may write packets; dynptrs of others are read-only. */
const PACKET_WRITERS = ['BPF_PROG_TYPE_SCHED_CLS', 'BPF_PROG_TYPE_SCHED_ACT', 'BPF_PROG_TYPE_XDP'];

function fromPacket(call: HelperCall): HelperResult {
  const packet = call.packets.packetAt(call.args[0]);
  if (packet === undefined) throw new HelperFault(`${call.name}: argument 1 is no packet context`);
  if (call.args[1] !== 0n) return failed(call, 2, ERRNO.EINVAL);
  const { type } = call.kernel.programs[call.kernel.currentProgram()];
  store(call, 2, {
    address: call.args[0],
    sizeBytes: packet.dataEnd - packet.data,
    offset: 0,
    kind: packet.kind === 'xdp' ? XDP : SKB,
    readOnly: !PACKET_WRITERS.includes(type),
  });
  return value(0);
}

function slice(call: HelperCall, writable: boolean): HelperResult {
  const ptr = dynptrArg(call, 0);
  const offset = u32Arg(call, 1);
  const sizeBytes = u32Arg(call, 3);
  if (ptr === undefined || (writable && ptr.readOnly) || outside(ptr, offset, sizeBytes)) return value(0);
  const at = bytesAt(call, ptr, offset, sizeBytes);
  return value(at === undefined ? 0n : memoryAddress(at));
}

function adjust(call: HelperCall): HelperResult {
  const ptr = dynptrArg(call, 0);
  const start = u32Arg(call, 1);
  const stop = u32Arg(call, 2);
  if (ptr === undefined || start > stop) return value(-ERRNO.EINVAL);
  if (start > ptr.sizeBytes || stop > ptr.sizeBytes) return value(-ERRNO.ERANGE);
  store(call, 0, { ...ptr, offset: ptr.offset + start, sizeBytes: stop - start });
  return value(0);
}

/** Copies between two dynptrs; what both name is copied as if through a buffer. */
function copy(call: HelperCall): HelperResult {
  const [to, from] = [dynptrArg(call, 0), dynptrArg(call, 2)];
  if (to === undefined || from === undefined || to.readOnly) return value(-ERRNO.EINVAL);
  const [toOffset, fromOffset, sizeBytes] = [u32Arg(call, 1), u32Arg(call, 3), u32Arg(call, 4)];
  if (outside(to, toOffset, sizeBytes) || outside(from, fromOffset, sizeBytes)) return value(-ERRNO.E2BIG);
  const target = bytesAt(call, to, toOffset, sizeBytes);
  const source = bytesAt(call, from, fromOffset, sizeBytes);
  if (target === undefined || source === undefined) return value(-ERRNO.EFAULT);
  call.kernel.memory.copy(target, source, sizeBytes);
  return value(0);
}

function memset(call: HelperCall): HelperResult {
  const ptr = dynptrArg(call, 0);
  if (ptr === undefined || ptr.readOnly) return value(-ERRNO.EINVAL);
  const [offset, sizeBytes] = [u32Arg(call, 1), u32Arg(call, 2)];
  if (outside(ptr, offset, sizeBytes)) return value(-ERRNO.E2BIG);
  const at = bytesAt(call, ptr, offset, sizeBytes);
  if (at === undefined) return value(tooShort(ptr));
  call.kernel.memory.fill(at, sizeBytes, u32Arg(call, 3) & 0xff);
  return value(0);
}

export const dynptrKfuncs = {
  bpf_dynptr_copy: copy,
  bpf_dynptr_memset: memset,
  bpf_dynptr_from_skb: fromPacket,
  bpf_dynptr_from_xdp: fromPacket,
  bpf_dynptr_slice: (call) => slice(call, false),
  bpf_dynptr_slice_rdwr: (call) => slice(call, true),
  bpf_dynptr_adjust: adjust,
  bpf_dynptr_is_null: (call) => value(dynptrArg(call, 0) === undefined ? 1 : 0),
  bpf_dynptr_is_rdonly: (call) => value(dynptrArg(call, 0)?.readOnly === true ? 1 : 0),
  bpf_dynptr_size: (call) => value((dynptrArg(call, 0)?.sizeBytes ?? -ERRNO.EINVAL) >>> 0),
  bpf_dynptr_clone: (call) => {
    const ptr = dynptrArg(call, 0);
    if (ptr === undefined) return failed(call, 1, ERRNO.EINVAL);
    store(call, 1, ptr);
    return value(0);
  },
} satisfies Record<string, HelperHandler>;
