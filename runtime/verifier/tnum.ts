/**
 * Tracked numbers: what is known of each of 64 bits. A set bit in `mask` is unknown; elsewhere `value` holds the bit.
 * Invariant: value & mask = 0, both unsigned 64-bit. Immutable. The arithmetic is from its definition (which sums,
 * products, shifts can arise bit by bit); properties in test/verifier/tnum.test.ts check soundness against samples.
 */
import { asS64, asU64, highWord, lowWord, U64_MAX } from '../util/u64';

export interface Tnum {
  readonly value: bigint;
  readonly mask: bigint;
}

const make = (value: bigint, mask: bigint): Tnum => ({ value, mask });

export const TNUM_UNKNOWN: Tnum = make(0n, U64_MAX);
export const TNUM_ZERO: Tnum = make(0n, 0n);

export const tnumConst = (value: bigint): Tnum => make(asU64(value), 0n);
export const tnumIsConst = (t: Tnum): boolean => t.mask === 0n;
export const tnumIsZero = (t: Tnum): boolean => t.mask === 0n && t.value === 0n;
export const tnumIsUnknown = (t: Tnum): boolean => t.mask === U64_MAX;
export const tnumEquals = (a: Tnum, b: Tnum): boolean =>
  a === b || (a.value === b.value && a.mask === b.mask);

/** By number of bits, the value that has just these set. Big integers are dear to make. */
const LOW_BITS: readonly bigint[] = Array.from({ length: 65 }, (_, bits) => (1n << BigInt(bits)) - 1n);

/** Number of significant bits of an unsigned value. */
function bitLength(x: bigint): number {
  const high = highWord(x);
  return high !== 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(lowWord(x));
}

/** Everything below the highest bit in which the ends differ is unknown. */
export function tnumRange(min: bigint, max: bigint): Tnum {
  if (min === max) return make(min, 0n);
  if (min === 0n && max === U64_MAX) return TNUM_UNKNOWN;
  const bits = bitLength(min ^ max);
  if (bits === 64) return TNUM_UNKNOWN;
  const mask = LOW_BITS[bits];
  return make(min & ~mask, mask);
}

export function tnumAdd(a: Tnum, b: Tnum): Tnum {
  // The carries differ between the smallest and the largest sum exactly where they are unknown.
  const least = asU64(a.value + b.value);
  const most = asU64(a.value + a.mask + b.value + b.mask);
  const mask = (least ^ most) | a.mask | b.mask;
  return make(least & ~mask, mask);
}

export function tnumSub(a: Tnum, b: Tnum): Tnum {
  const exact = asU64(a.value - b.value);
  const most = asU64(exact + a.mask);
  const least = asU64(exact - b.mask);
  const mask = (most ^ least) | a.mask | b.mask;
  return make(exact & ~mask, mask);
}

export const tnumNeg = (a: Tnum): Tnum => tnumSub(TNUM_ZERO, a);

export function tnumAnd(a: Tnum, b: Tnum): Tnum {
  const ones = a.value & b.value;
  return make(ones, (a.value | a.mask) & (b.value | b.mask) & ~ones);
}

export function tnumOr(a: Tnum, b: Tnum): Tnum {
  if (tnumIsZero(a)) return b;
  const ones = a.value | b.value;
  return make(ones, (a.mask | b.mask) & ~ones);
}

export function tnumXor(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask | b.mask;
  return make((a.value ^ b.value) & ~mask, mask);
}

/** Bit by bit: every bit of `a` adds a shifted copy of `b`; unknown bits add uncertainty only. */
export function tnumMul(a: Tnum, b: Tnum): Tnum {
  const known = asU64(a.value * b.value);
  if (a.mask === 0n && b.mask === 0n) return make(known, 0n);
  if (a.mask === U64_MAX) {
    // Everything from the other factor's lowest possible bit upwards is open.
    const possible = b.value | b.mask;
    return make(0n, asU64(-(possible & -possible)));
  }
  let uncertain = TNUM_ZERO;
  let { value, mask } = a;
  let shifted = b;
  while (value !== 0n || mask !== 0n) {
    if ((value & 1n) !== 0n) uncertain = tnumAdd(uncertain, make(0n, shifted.mask));
    else if ((mask & 1n) !== 0n) uncertain = tnumAdd(uncertain, make(0n, shifted.value | shifted.mask));
    value >>= 1n;
    mask >>= 1n;
    shifted = tnumLsh(shifted, 1);
  }
  return tnumAdd(make(known, 0n), uncertain);
}

export function tnumLsh(a: Tnum, shift: number): Tnum {
  return make(asU64(a.value << BigInt(shift)), asU64(a.mask << BigInt(shift)));
}

export function tnumRsh(a: Tnum, shift: number): Tnum {
  return make(a.value >> BigInt(shift), a.mask >> BigInt(shift));
}

/** Arithmetic shift of 32 or 64 bits: an unknown sign smears as unknown. */
export function tnumArsh(a: Tnum, shift: number, bits: 32 | 64): Tnum {
  const by = BigInt(shift);
  if (bits === 32) {
    return make(
      BigInt.asUintN(32, BigInt.asIntN(32, a.value) >> by),
      BigInt.asUintN(32, BigInt.asIntN(32, a.mask) >> by),
    );
  }
  return make(asU64(asS64(a.value) >> by), asU64(asS64(a.mask) >> by));
}

/** What both say together; meaningless if they contradict each other. */
export function tnumIntersect(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask & b.mask;
  return make((a.value | b.value) & ~mask, mask);
}

/** The smallest member above `x`; the largest member if there is none. */
export function tnumNext(t: Tnum, x: bigint): bigint {
  const { value, mask } = t;
  const largest = value | mask;
  if (x >= largest) return largest;
  if (x < value) return value;
  const wanted = x + 1n;
  const conflict = (value ^ wanted) & ~mask;
  if (conflict === 0n) return wanted;
  // Above the highest bit where they conflict, `wanted` is a beginning of a member.
  const below = LOW_BITS[bitLength(conflict)];
  if ((value & ((below >> 1n) + 1n)) !== 0n) return (wanted & ~below) | (value & below);
  // The member has a zero where `wanted` has a one: a higher open bit must become one.
  const open = mask & ~wanted & ~below & U64_MAX;
  const step = open & -open;
  return (wanted & ~(step | (step - 1n))) | step | (value & (step - 1n));
}

/** What `a` and a range say together. */
export function tnumWithinRange(a: Tnum, min: bigint, max: bigint): Tnum {
  // Usual ranges begin at 0 and tell only of upper bits, which are mostly known to be zero.
  if (min === 0n && bitLength(a.value | a.mask) <= bitLength(max)) return a;
  return tnumIntersect(a, tnumRange(min, max));
}

/** Keeps the low `sizeBytes` bytes. */
export function tnumCast(a: Tnum, sizeBytes: number): Tnum {
  const bits = sizeBytes * 8;
  return make(BigInt.asUintN(bits, a.value), BigInt.asUintN(bits, a.mask));
}

/** The low half, high half zero. */
export function tnumSubreg(a: Tnum): Tnum {
  return highWord(a.value) === 0 && highWord(a.mask) === 0 ? a : tnumCast(a, 4);
}
/** The high half, low half zero. */
export function tnumClearSubreg(a: Tnum): Tnum {
  if (highWord(a.value) === 0 && highWord(a.mask) === 0) return TNUM_ZERO;
  return make((a.value >> 32n) << 32n, (a.mask >> 32n) << 32n);
}
/** High half of `a`, low half of `b`. */
export const tnumWithSubreg = (a: Tnum, b: Tnum): Tnum => tnumOr(tnumClearSubreg(a), tnumSubreg(b));

/** Whether every value of `b` is one of `a`. */
export function tnumContains(a: Tnum, b: Tnum): boolean {
  if (a === b || a.mask === U64_MAX) return true;
  if (a.mask === 0n) return b.mask === 0n && a.value === b.value;
  // Without complements: negative big integers are dear.
  return (b.mask | a.mask) === a.mask && (b.value | a.mask) === (a.value | a.mask);
}

/** Whether the two have a value in common. */
export function tnumOverlaps(a: Tnum, b: Tnum): boolean {
  const known = ~(a.mask | b.mask);
  return (a.value & known) === (b.value & known);
}

/** Whether every value is a multiple of `size` (a power of two). */
export function tnumIsAligned(a: Tnum, size: number): boolean {
  return ((a.value | a.mask) & BigInt(size - 1)) === 0n;
}

/** A bit pattern as the kernel's log prints it: a constant in decimal or `(0x0; 0xff)`. */
export function tnumText(a: Tnum): string {
  return `(0x${a.value.toString(16)}; 0x${a.mask.toString(16)})`;
}
