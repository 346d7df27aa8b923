/**
 * 64-bit arithmetic on int32 pairs, for what does not fit on a line of the interpreter: multiplication, division,
 * shifts by a register, byte swaps. Every function works in place on the pair at index `d` of `i32` (low half first).
 * Semantics: RFC 9669 §4.1 (division by zero gives 0, modulo by zero leaves the dividend, shifts are masked).
 * No bigint: measured several times slower.
 */

/** High 32 bits of the unsigned product, as int32. Partial products stay below 2^49, so doubles are exact. */
export function mulHigh32(a: number, b: number): number {
  const wide = a >>> 0;
  const low = wide * (b & 0xffff);
  const high = wide * (b >>> 16);
  return ((high + ((low / 65536) >>> 0)) / 65536) | 0;
}

export function mul64(i32: Int32Array, d: number, lo: number, hi: number): void {
  const myLo = i32[d];
  i32[d + 1] = (mulHigh32(myLo, lo) + Math.imul(myLo, hi) + Math.imul(i32[d + 1], lo)) | 0;
  i32[d] = Math.imul(myLo, lo);
}

export function lsh64(i32: Int32Array, d: number, amount: number): void {
  const by = amount & 63;
  if (by === 0) return;
  const lo = i32[d];
  if (by >= 32) {
    i32[d + 1] = lo << (by - 32);
    i32[d] = 0;
  } else {
    i32[d + 1] = (i32[d + 1] << by) | (lo >>> (32 - by));
    i32[d] = lo << by;
  }
}

export function rsh64(i32: Int32Array, d: number, amount: number): void {
  const by = amount & 63;
  if (by === 0) return;
  const hi = i32[d + 1];
  if (by >= 32) {
    i32[d] = hi >>> (by - 32);
    i32[d + 1] = 0;
  } else {
    i32[d] = (i32[d] >>> by) | (hi << (32 - by));
    i32[d + 1] = hi >>> by;
  }
}

export function arsh64(i32: Int32Array, d: number, amount: number): void {
  const by = amount & 63;
  if (by === 0) return;
  const hi = i32[d + 1];
  if (by >= 32) {
    i32[d] = hi >> (by - 32);
    i32[d + 1] = hi >> 31;
  } else {
    i32[d] = (i32[d] >>> by) | (hi << (32 - by));
    i32[d + 1] = hi >> by;
  }
}

export function neg64(i32: Int32Array, d: number): void {
  const lo = -i32[d] | 0;
  i32[d] = lo;
  i32[d + 1] = (~i32[d + 1] + (lo === 0 ? 1 : 0)) | 0;
}

/** Results of the last `divideUnsigned`: scratch between two lines, never state. */
let quotientLo = 0;
let quotientHi = 0;
let remainderLo = 0;
let remainderHi = 0;

const TWO32 = 4294967296;
const TWO53_HIGH = 0x200000;

/** Unsigned 64-bit division of pairs; the divisor is not zero. */
function divideUnsigned(aLo: number, aHi: number, bLo: number, bHi: number): void {
  if (aHi === 0 && bHi === 0) {
    const a = aLo >>> 0;
    const b = bLo >>> 0;
    quotientLo = (a / b) | 0;
    quotientHi = 0;
    remainderLo = (a % b) | 0;
    remainderHi = 0;
    return;
  }
  const a = (aHi >>> 0) * TWO32 + (aLo >>> 0);
  if (bHi === 0) {
    // Schoolbook division in 16-bit digits below the high word: every dividend stays under 2^48.
    const b = bLo >>> 0;
    const high = Math.floor((aHi >>> 0) / b);
    let rest = (aHi >>> 0) - high * b;
    let part = rest * 65536 + (aLo >>> 16);
    const upper = Math.floor(part / b);
    rest = part - upper * b;
    part = rest * 65536 + (aLo & 0xffff);
    const lower = Math.floor(part / b);
    quotientHi = high | 0;
    quotientLo = (upper * 65536 + lower) | 0;
    remainderLo = (part - lower * b) | 0;
    remainderHi = 0;
    return;
  }
  const b = (bHi >>> 0) * TWO32 + (bLo >>> 0);
  if (aHi >>> 0 < TWO53_HIGH && bHi >>> 0 < TWO53_HIGH) {
    let quotient = Math.floor(a / b);
    let rest = a - quotient * b;
    if (rest < 0) {
      quotient--;
      rest += b;
    }
    quotientLo = quotient | 0;
    quotientHi = 0;
    remainderLo = rest | 0;
    remainderHi = (rest / TWO32) | 0;
    return;
  }
  // The quotient is below 2^32, so the rounded estimate is off by at most one; start one lower and correct upwards.
  let quotient = Math.max(0, Math.floor(a / b) - 1) >>> 0;
  const productLo = Math.imul(quotient, bLo);
  const productHi = (mulHigh32(quotient, bLo) + Math.imul(quotient, bHi)) | 0;
  let restLo = (aLo - productLo) | 0;
  let restHi = (aHi - productHi - (aLo >>> 0 < productLo >>> 0 ? 1 : 0)) | 0;
  while (restHi >>> 0 > bHi >>> 0 || (restHi === bHi && restLo >>> 0 >= bLo >>> 0)) {
    restHi = (restHi - bHi - (restLo >>> 0 < bLo >>> 0 ? 1 : 0)) | 0;
    restLo = (restLo - bLo) | 0;
    quotient++;
  }
  quotientLo = quotient | 0;
  quotientHi = 0;
  remainderLo = restLo;
  remainderHi = restHi;
}

/** Divides magnitudes; signs are the callers' business. */
function divideMagnitudes(aLo: number, aHi: number, bLo: number, bHi: number): void {
  if (aHi < 0) {
    aHi = (~aHi + (aLo === 0 ? 1 : 0)) | 0;
    aLo = -aLo | 0;
  }
  if (bHi < 0) {
    bHi = (~bHi + (bLo === 0 ? 1 : 0)) | 0;
    bLo = -bLo | 0;
  }
  divideUnsigned(aLo, aHi, bLo, bHi);
}

export function div64(i32: Int32Array, d: number, lo: number, hi: number): void {
  if ((lo | hi) === 0) {
    i32[d] = 0;
    i32[d + 1] = 0;
    return;
  }
  divideUnsigned(i32[d], i32[d + 1], lo, hi);
  i32[d] = quotientLo;
  i32[d + 1] = quotientHi;
}

export function mod64(i32: Int32Array, d: number, lo: number, hi: number): void {
  if ((lo | hi) === 0) return;
  divideUnsigned(i32[d], i32[d + 1], lo, hi);
  i32[d] = remainderLo;
  i32[d + 1] = remainderHi;
}

/** Truncates towards zero; the smallest number divided by -1 wraps to itself. */
export function sdiv64(i32: Int32Array, d: number, lo: number, hi: number): void {
  if ((lo | hi) === 0) {
    i32[d] = 0;
    i32[d + 1] = 0;
    return;
  }
  const negative = (i32[d + 1] ^ hi) < 0;
  divideMagnitudes(i32[d], i32[d + 1], lo, hi);
  i32[d] = quotientLo;
  i32[d + 1] = quotientHi;
  if (negative) neg64(i32, d);
}

/** The remainder has the dividend's sign. */
export function smod64(i32: Int32Array, d: number, lo: number, hi: number): void {
  if ((lo | hi) === 0) return;
  const negative = i32[d + 1] < 0;
  divideMagnitudes(i32[d], i32[d + 1], lo, hi);
  i32[d] = remainderLo;
  i32[d + 1] = remainderHi;
  if (negative) neg64(i32, d);
}

export const div32 = (a: number, b: number): number => (b === 0 ? 0 : ((a >>> 0) / (b >>> 0)) | 0);
export const mod32 = (a: number, b: number): number => (b === 0 ? a : ((a >>> 0) % (b >>> 0)) | 0);
export const sdiv32 = (a: number, b: number): number => (b === 0 ? 0 : (a / b) | 0);
export const smod32 = (a: number, b: number): number => (b === 0 ? a : (a % b) | 0);

const swap16 = (x: number): number => ((x & 0xff) << 8) | ((x >>> 8) & 0xff);
const swap32 = (x: number): number => (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);

/** Reverses the low `width` bits' bytes and clears the rest. */
export function byteSwap(i32: Int32Array, d: number, width: number): void {
  const lo = i32[d];
  if (width === 64) {
    i32[d] = swap32(i32[d + 1]);
    i32[d + 1] = swap32(lo);
    return;
  }
  i32[d] = width === 32 ? swap32(lo) : swap16(lo);
  i32[d + 1] = 0;
}

/** Keeps the low `width` bits: what conversion to little-endian is on a little-endian machine. */
export function truncate(i32: Int32Array, d: number, width: number): void {
  if (width === 64) return;
  if (width === 16) i32[d] &= 0xffff;
  i32[d + 1] = 0;
}
