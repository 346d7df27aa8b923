/** bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf, and output to perf buffers. */
import { ERRNO } from '../spec/errno';
import { bytesToHex } from '../util/hexText';
import { utf8Encode } from '../util/utf8';
import { formatKernel } from './format';
import {
  mapArg,
  memoryArg,
  u32Arg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
} from './protocol';

const PRINT_BYTES_MAX = 1024;
const ARGUMENTS_MAX = 12;

/** Records a line of output; a trailing newline is not part of it. */
function print(call: HelperCall, text: string): HelperResult {
  const { kernel } = call;
  const bytes = utf8Encode(text);
  const shown = bytes.length < PRINT_BYTES_MAX ? text : text.slice(0, PRINT_BYTES_MAX - 1);
  kernel.event({
    kind: 'print',
    atNs: kernel.nowNs,
    cpu: kernel.cpu,
    text: shown.endsWith('\n') ? shown.slice(0, -1) : shown,
    place: kernel.callPlace(),
  });
  return value(bytes.length);
}

/** Eight-byte arguments in memory, or a negative errno. */
function arrayArgs(call: HelperCall, pointer: number, size: number): bigint[] | number {
  const bytes = u32Arg(call, size);
  if (bytes % 8 !== 0 || bytes > 8 * ARGUMENTS_MAX || (bytes > 0 && call.args[pointer] === 0n))
    return -ERRNO.EINVAL;
  if (bytes === 0) return [];
  const at = memoryArg(call, pointer, bytes);
  return Array.from({ length: bytes / 8 }, (_, i) => call.kernel.memory.load64(at + 8 * i));
}

function formatArg(call: HelperCall, pointer: number, size: number): Uint8Array {
  return call.kernel.memory.read(memoryArg(call, pointer, size), size);
}

/** A format without a size of its own: it ends at its zero, or with its region. */
function constantFormat(call: HelperCall, pointer: number): Uint8Array {
  const at = memoryArg(call, pointer, 1);
  const region = call.kernel.memory.findRegion(at);
  return call.kernel.memory.read(at, region === undefined ? 0 : region.start + region.sizeBytes - at);
}

function snprintf(call: HelperCall): HelperResult {
  const size = u32Arg(call, 1);
  // Nothing is written into no bytes, wherever they are.
  const to = size === 0 ? 0 : memoryArg(call, 0, size, true);
  const args = arrayArgs(call, 3, 4);
  if (typeof args === 'number') return value(args);
  const text = formatKernel(call.kernel, constantFormat(call, 2), args);
  if (typeof text === 'number') return value(text);
  const bytes = utf8Encode(text);
  if (size > 0) {
    const kept = bytes.subarray(0, size - 1);
    call.kernel.memory.write(to, kept);
    call.kernel.memory.store8(to + kept.length, 0);
  }
  return value(bytes.length + 1);
}

const CPU_MASK = 0xffff_ffffn;
const PACKET_LENGTH_MASK = 0xfffffn << 32n;

/** Flags hold a CPU in their lower half and, for packets, bytes of the packet to append in bits 32 to 51. */
function perfOutput(call: HelperCall, ofPacket: boolean): HelperResult {
  const { kernel } = call;
  const map = mapArg(call, 1);
  const flags = call.args[2];
  const size = u32Arg(call, 4);
  const data = kernel.memory.read(memoryArg(call, 3, size), size);
  const known = ofPacket ? CPU_MASK | PACKET_LENGTH_MASK : CPU_MASK;
  if ((flags & ~known) !== 0n) return value(-ERRNO.EINVAL);
  const packet = ofPacket ? call.packets.packetAt(call.args[0]) : undefined;
  const appended = Number((flags & PACKET_LENGTH_MASK) >> 32n);
  if (packet !== undefined && appended > packet.dataEnd - packet.data) return value(-ERRNO.EFAULT);
  const index = (flags & CPU_MASK) === CPU_MASK ? kernel.cpu : Number(flags & CPU_MASK);
  if (index >= map.definition.maxEntries) return value(-ERRNO.E2BIG);
  if (map.data.kind === 'opaque' && !map.data.readers) return value(-ERRNO.ENOENT);
  call.packets.note(`${map.definition.name}: ${bytesToHex(data)}`);
  return value(0);
}

/** Packets' programs give their context as the packet to append from. */
const eventOutput = (call: HelperCall): HelperResult =>
  perfOutput(call, call.packets.packetAt(call.args[0]) !== undefined);

export const printHelpers = {
  bpf_trace_printk: (call) => {
    const result = formatKernel(call.kernel, formatArg(call, 0, u32Arg(call, 1)), call.args.slice(2));
    return typeof result === 'number' ? value(result) : print(call, result);
  },
  bpf_trace_vprintk: (call) => {
    const args = arrayArgs(call, 2, 3);
    if (typeof args === 'number') return value(args);
    const result = formatKernel(call.kernel, formatArg(call, 0, u32Arg(call, 1)), args);
    return typeof result === 'number' ? value(result) : print(call, result);
  },
  bpf_snprintf: snprintf,
  bpf_perf_event_output: eventOutput,
  bpf_skb_output: eventOutput,
  bpf_xdp_output: eventOutput,
} satisfies Record<string, HelperHandler>;
