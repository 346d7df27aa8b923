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
  const to = memoryArg(call, 0, size, true);
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

/** Flags hold a CPU in their lower half and bytes of the packet to append in bits 32 to 51. */
function perfOutput(call: HelperCall): HelperResult {
  const map = mapArg(call, 1);
  const size = u32Arg(call, 4);
  const data = call.kernel.memory.read(memoryArg(call, 3, size), size);
  call.packets.note(`${map.definition.name}: ${bytesToHex(data)}`);
  return value(0);
}

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
  bpf_perf_event_output: perfOutput,
  bpf_skb_output: perfOutput,
  bpf_xdp_output: perfOutput,
} satisfies Record<string, HelperHandler>;
