/**
 * The kernel's format language of bpf_trace_printk, bpf_snprintf and bpf_seq_printf. It is checked whole before any of
 * it is used; what it does not allow is -EINVAL.
 */
import { ERRNO } from '../spec/errno';
import type { Kernel } from '../kernel/kernel';
import { utf8Decode } from '../util/utf8';
import { MEMORY_TAG, offsetOf, tagOf } from '../vm/addresses';

/** Reads a C string at an address; an unreadable address gives the empty string, as the kernel's copy does. */
export function readCString(kernel: Kernel, address: bigint, sizeMax = 512): string {
  if (tagOf(address) !== MEMORY_TAG) return '';
  const offset = offsetOf(address);
  const region = kernel.memory.findRegion(offset);
  if (region === undefined) return '';
  const limit = Math.min(region.start + region.sizeBytes, offset + sizeMax);
  let end = offset;
  while (end < limit && kernel.memory.u8[end] !== 0) end++;
  return utf8Decode(kernel.memory.read(offset, end - offset));
}

/** The text, or a negative errno. `args` are 64-bit registers or array elements. */
export function formatKernel(kernel: Kernel, format: Uint8Array, args: readonly bigint[]): string | number {
  const zero = format.indexOf(0);
  if (zero < 0) return -ERRNO.EINVAL;
  for (let i = 0; i < zero; i++) if (format[i] >= 0x80 || (format[i] < 0x20 && !isSpace(format[i]))) return -ERRNO.EINVAL;
  const text = utf8Decode(format.subarray(0, zero));
  let out = '';
  let used = 0;
  for (let i = 0; i < text.length;) {
    if (text[i] !== '%') {
      out += text[i++];
      continue;
    }
    if (text[i + 1] === '%') {
      out += '%';
      i += 2;
      continue;
    }
    const spec = /^%([0+\- ]*)(\d*)(?:\.(\d*))?(pKi4|pKi6|pi4|pI4|pi6|pI6|pks|pus|pK|px|pS|ps|pB|p|s|c|(?:ll|l|z)?[dixXu])/.exec(
      text.slice(i),
    );
    if (spec === null || used >= args.length) return -ERRNO.EINVAL;
    out += formatOne(kernel, spec[1], spec[2], spec[3], spec[4], args[used++]);
    i += spec[0].length;
  }
  return out;
}

const isSpace = (byte: number): boolean => byte >= 9 && byte <= 13;

function pad(text: string, flags: string, width: string): string {
  const size = width === '' ? 0 : Math.min(Number(width), 4096);
  return flags.includes('-') ? text.padEnd(size) : text.padStart(size);
}

function formatInteger(flags: string, width: string, precision: string | undefined, negative: boolean, digits: string): string {
  let body = digits;
  if (precision !== undefined && precision !== '') body = body.padStart(Math.min(Number(precision), 4096), '0');
  const sign = negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  if (flags.includes('0') && !flags.includes('-') && precision === undefined && width !== '')
    body = body.padStart(Math.min(Number(width), 4096) - sign.length, '0');
  return pad(sign + body, flags, width);
}

function formatOne(
  kernel: Kernel,
  flags: string,
  width: string,
  precision: string | undefined,
  conversion: string,
  arg: bigint,
): string {
  const last = conversion.at(-1) ?? '';
  if (conversion === 's' || conversion === 'pks' || conversion === 'pus') {
    const text = readCString(kernel, arg);
    return pad(precision === undefined ? text : text.slice(0, Number(precision)), flags, width);
  }
  if (conversion === 'c') return pad(String.fromCharCode(Number(arg & 0xffn)), flags, width);
  if (conversion === 'pi4' || conversion === 'pI4') {
    const bytes = addressBytes(kernel, arg, 4);
    return pad([...bytes].map((b) => (conversion === 'pi4' ? String(b).padStart(3, '0') : String(b))).join('.'), flags, width);
  }
  if (conversion === 'pi6' || conversion === 'pI6') {
    const bytes = addressBytes(kernel, arg, 16);
    const words: string[] = [];
    for (let i = 0; i < 16; i += 2) words.push(((bytes[i] << 8) | bytes[i + 1]).toString(16).padStart(4, '0'));
    return pad(words.join(conversion === 'pi6' ? '' : ':'), flags, width);
  }
  if (conversion.startsWith('p')) {
    const digits = BigInt.asUintN(64, arg).toString(16);
    return pad(conversion === 'px' ? digits : digits.padStart(16, '0'), flags, width);
  }
  const bits = conversion.startsWith('l') || conversion.startsWith('z') ? 64 : 32;
  if (last === 'd' || last === 'i') {
    const signed = BigInt.asIntN(bits, arg);
    return formatInteger(flags, width, precision, signed < 0n, (signed < 0n ? -signed : signed).toString());
  }
  const unsigned = BigInt.asUintN(bits, arg);
  const digits = unsigned.toString(last === 'u' ? 10 : 16);
  return formatInteger(flags, width, precision, false, last === 'X' ? digits.toUpperCase() : digits);
}

function addressBytes(kernel: Kernel, address: bigint, sizeBytes: number): Uint8Array {
  if (tagOf(address) !== MEMORY_TAG || kernel.memory.findRegion(offsetOf(address)) === undefined)
    return new Uint8Array(sizeBytes);
  return kernel.memory.read(offsetOf(address), sizeBytes);
}
