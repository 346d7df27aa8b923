/**
 * Kernel functions on C strings (bpf_str*): they read memory that nobody checked, byte by byte, and stop at 64 KiB. Letters
 * are compared without case in ASCII only.
 */
import { ERRNO } from '../spec/errno';
import { MEMORY_TAG, offsetOf, tagOf } from '../vm/addresses';
import { u32Arg, value, type HelperCall, type HelperHandler, type HelperResult } from './protocol';

const LENGTH_MAX = 65536;
/** What a read of a byte gives where there is none: a negative errno. */
type Byte = number;

function reader(call: HelperCall, index: number): (i: number) => Byte {
  const address = call.args[index];
  const { memory } = call.kernel;
  // Small numbers and addresses of user space are told apart from kernel addresses that hold nothing.
  if (address >> 63n === 0n) return () => -ERRNO.ERANGE;
  const from = offsetOf(address);
  const region = tagOf(address) === MEMORY_TAG ? memory.findRegion(from) : undefined;
  if (region === undefined) return () => -ERRNO.EFAULT;
  const end = region.start + region.sizeBytes;
  return (i) => (from + i < end ? memory.u8[from + i] : -ERRNO.EFAULT);
}

const lower = (byte: Byte): Byte => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
const errno = (error: number): HelperResult => value(error);

function compare(call: HelperCall, lengthMax: number, fold: boolean): HelperResult {
  const [a, b] = [reader(call, 0), reader(call, 1)];
  for (let i = 0; i < lengthMax; i++) {
    const [x, y] = [a(i), b(i)];
    if (x < 0 || y < 0) return errno(x < 0 ? x : y);
    const [left, right] = fold ? [lower(x), lower(y)] : [x, y];
    if (left !== right) return value(left < right ? -1 : 1);
    if (x === 0) return value(0);
  }
  return lengthMax === LENGTH_MAX ? errno(-ERRNO.E2BIG) : value(0);
}

/** Where a byte stands first; the string's end counts if it is asked for, or always (`orEnd`). */
function find(call: HelperCall, lengthMax: number, wanted: number, orEnd: boolean): HelperResult {
  const at = reader(call, 0);
  for (let i = 0; i < lengthMax; i++) {
    const byte = at(i);
    if (byte < 0) return errno(byte);
    if (byte === wanted) return value(i);
    if (byte === 0) return orEnd ? value(i) : errno(-ERRNO.ENOENT);
  }
  return errno(lengthMax === LENGTH_MAX ? -ERRNO.E2BIG : -ERRNO.ENOENT);
}

function length(call: HelperCall, lengthMax: number): HelperResult {
  const at = reader(call, 0);
  for (let i = 0; i < lengthMax; i++) {
    const byte = at(i);
    if (byte < 0) return errno(byte);
    if (byte === 0) return value(i);
  }
  return lengthMax === LENGTH_MAX ? errno(-ERRNO.E2BIG) : value(lengthMax);
}

function findLast(call: HelperCall): HelperResult {
  const at = reader(call, 0);
  const wanted = u32Arg(call, 1) & 0xff;
  let last = -ERRNO.ENOENT;
  for (let i = 0; i < LENGTH_MAX; i++) {
    const byte = at(i);
    if (byte < 0) return errno(byte);
    if (byte === wanted) last = i;
    if (byte === 0) return value(last);
  }
  return errno(-ERRNO.E2BIG);
}

/** How many leading bytes are (or are not) among those of the second string. */
function span(call: HelperCall, among: boolean): HelperResult {
  const [text, set] = [reader(call, 0), reader(call, 1)];
  for (let i = 0; i < LENGTH_MAX; i++) {
    const byte = text(i);
    if (byte < 0) return errno(byte);
    if (byte === 0) return value(i);
    let found = false;
    for (let j = 0; ; j++) {
      if (j === LENGTH_MAX) return errno(-ERRNO.E2BIG);
      const other = set(j);
      if (other < 0) return errno(other);
      if (other === 0) break;
      if (other === byte) {
        found = true;
        break;
      }
    }
    if (found !== among) return value(i);
  }
  return errno(-ERRNO.E2BIG);
}

/** Where the second string stands in the first, whose bytes beyond `lengthMax` do not count. */
function findString(call: HelperCall, lengthMax: number, fold: boolean): HelperResult {
  const [text, wanted] = [reader(call, 0), reader(call, 1)];
  const shown = (byte: Byte): Byte => (fold ? lower(byte) : byte);
  for (let i = 0; i < LENGTH_MAX; i++) {
    for (let j = 0; ; j++) {
      if (j === LENGTH_MAX) return errno(-ERRNO.E2BIG);
      const other = wanted(j);
      if (other < 0) return errno(other);
      if (other === 0) return value(i);
      if (i + j >= lengthMax) return errno(-ERRNO.ENOENT);
      const byte = text(i + j);
      if (byte < 0) return errno(byte);
      if (byte === 0) return errno(-ERRNO.ENOENT);
      if (shown(byte) !== shown(other)) break;
    }
  }
  return errno(-ERRNO.E2BIG);
}

const atMost = (call: HelperCall, index: number): number => Number(call.args[index] & 0xffff_ffffn);

export const stringKfuncs = {
  bpf_strcmp: (call) => compare(call, LENGTH_MAX, false),
  bpf_strcasecmp: (call) => compare(call, LENGTH_MAX, true),
  bpf_strncasecmp: (call) => compare(call, Math.min(atMost(call, 2), LENGTH_MAX), true),
  bpf_strchr: (call) => find(call, LENGTH_MAX, u32Arg(call, 1) & 0xff, false),
  bpf_strnchr: (call) => find(call, Math.min(atMost(call, 1), LENGTH_MAX), u32Arg(call, 2) & 0xff, false),
  bpf_strchrnul: (call) => find(call, LENGTH_MAX, u32Arg(call, 1) & 0xff, true),
  bpf_strrchr: findLast,
  bpf_strlen: (call) => length(call, LENGTH_MAX),
  bpf_strnlen: (call) => length(call, Math.min(atMost(call, 1), LENGTH_MAX)),
  bpf_strspn: (call) => span(call, true),
  bpf_strcspn: (call) => span(call, false),
  bpf_strstr: (call) => findString(call, LENGTH_MAX, false),
  bpf_strcasestr: (call) => findString(call, LENGTH_MAX, true),
  bpf_strnstr: (call) => findString(call, atMost(call, 2), false),
  bpf_strncasestr: (call) => findString(call, atMost(call, 2), true),
} satisfies Record<string, HelperHandler>;
