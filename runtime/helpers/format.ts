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

/**
 * One conversion: flags, width, and what to print. A bare `%p` and every kind of string must be followed by white space,
 * punctuation or the end.
 */
const CONVERSION =
  /%([0+\- ]*)([1-9]\d*)?((?:pks|pus)(?=$|[\s!-/:-@[-`{-~])|pK|px|ps|pS|pB|p[iI][46]|p(?=$|[\s!-/:-@[-`{-~])|s(?=$|[\s!-/:-@[-`{-~])|c|(?:ll?)?[idxXu])/y;

/** The text, or a negative errno. `args` are 64-bit registers or array elements. */
export function formatKernel(kernel: Kernel, format: Uint8Array, args: readonly bigint[]): string | number {
  const zero = format.indexOf(0);
  if (zero < 0) return -ERRNO.EINVAL;
  for (let i = 0; i < zero; i++)
    if ((format[i] < 0x20 && !isSpace(format[i])) || format[i] === 0x7f) return -ERRNO.EINVAL;
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
    CONVERSION.lastIndex = i;
    const found = CONVERSION.exec(text);
    if (found === null || used >= args.length) return -ERRNO.EINVAL;
    out += formatOne(kernel, found[1], found[2] ?? '', found[3], args[used++]);
    i += found[0].length;
  }
  return out;
}

const isSpace = (byte: number): boolean => byte >= 9 && byte <= 13;

const WIDTH_MAX = 1024;

function pad(text: string, flags: string, width: string): string {
  const size = width === '' ? 0 : Math.min(Number(width), WIDTH_MAX);
  return flags.includes('-') ? text.padEnd(size) : text.padStart(size);
}

function formatInteger(flags: string, width: string, negative: boolean, digits: string): string {
  const sign = negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const zeros = flags.includes('0') && !flags.includes('-') && width !== '';
  const body = zeros ? digits.padStart(Math.min(Number(width), WIDTH_MAX) - sign.length, '0') : digits;
  return pad(sign + body, flags, width);
}

function formatOne(kernel: Kernel, flags: string, width: string, conversion: string, arg: bigint): string {
  switch (conversion) {
    case 's':
    case 'pks':
      return pad(readCString(kernel, arg), flags, width);
    case 'pus':
      // There is no user memory to read from.
      return pad('', flags, width);
    case 'c':
      return pad(String.fromCharCode(Number(arg & 0xffn)), flags, width);
    case 'pi4':
    case 'pI4': {
      const parts = [...addressBytes(kernel, arg, 4)].map(String);
      return pad((conversion === 'pi4' ? parts.map((p) => p.padStart(3, '0')) : parts).join('.'), '', '');
    }
    case 'pi6':
    case 'pI6': {
      const bytes = addressBytes(kernel, arg, 16);
      const words: string[] = [];
      for (let i = 0; i < 16; i += 2)
        words.push(((bytes[i] << 8) | bytes[i + 1]).toString(16).padStart(4, '0'));
      return words.join(conversion === 'pi6' ? '' : ':');
    }
    case 'ps':
    case 'pS':
    case 'pB':
      // No symbol of the kernel lies at a modelled address.
      return pad('0x' + BigInt.asUintN(64, arg).toString(16), flags, width);
    case 'p':
    case 'pK':
    case 'px':
      return pad(BigInt.asUintN(64, arg).toString(16).padStart(16, '0'), flags, width);
  }
  const bits = conversion.startsWith('l') ? 64 : 32;
  const last = conversion.at(-1);
  if (last === 'd' || last === 'i') {
    const signed = BigInt.asIntN(bits, arg);
    return formatInteger(flags, width, signed < 0n, (signed < 0n ? -signed : signed).toString());
  }
  const digits = BigInt.asUintN(bits, arg).toString(last === 'u' ? 10 : 16);
  // The sign flags mean nothing for unsigned numbers.
  return formatInteger(
    flags.replace(/[+ ]/g, ''),
    width,
    false,
    last === 'X' ? digits.toUpperCase() : digits,
  );
}

function addressBytes(kernel: Kernel, address: bigint, sizeBytes: number): Uint8Array {
  if (tagOf(address) !== MEMORY_TAG || kernel.memory.findRegion(offsetOf(address)) === undefined)
    return new Uint8Array(sizeBytes);
  return kernel.memory.read(offsetOf(address), sizeBytes);
}
