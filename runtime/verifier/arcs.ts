/**
 * Ranges on the circle of 64-bit or 32-bit numbers: newest kernels keep one arc per width, from which the unsigned and the
 * signed range are read. An arc may cross both boundaries (largest → 0 and largest positive → smallest negative); then neither
 * reading tells anything, but the arc still does. Not here: bit patterns and what refines what (`bounds.ts`).
 *
 * An arc holds `base`, `base + 1`, … `base + size` (wrapping). All 2^n numbers are `{0, 2^n - 1}`; the empty arc is `EMPTY`.
 * Arcs are unsigned bigints of both widths; `top` is the largest number of the width.
 */
import { U64_MAX } from '../util/u64';

export interface Arc {
  readonly base: bigint;
  /** Count of numbers less one. */
  readonly size: bigint;
}

export const TOP64 = U64_MAX;
export const TOP32 = 0xffff_ffffn;

/** No number at all. Compared by identity. */
export const EMPTY: Arc = { base: -1n, size: -1n };

const FULL64: Arc = { base: 0n, size: TOP64 };
const FULL32: Arc = { base: 0n, size: TOP32 };

export const fullArc = (top: bigint): Arc => (top === TOP64 ? FULL64 : FULL32);

const arc = (base: bigint, size: bigint, top: bigint): Arc =>
  size >= top ? fullArc(top) : { base: base & top, size };

/** From `min` up to `max`, both wrapped to the width: for unsigned and for signed ends alike. */
export const arcBetween = (min: bigint, max: bigint, top: bigint): Arc =>
  arc(min & top, (max - min) & top, top);

/** Every number but `value`. */
export const arcWithout = (value: bigint, top: bigint): Arc => ({ base: (value + 1n) & top, size: top - 1n });

const crossesZero = (a: Arc, top: bigint): boolean => a.base + a.size > top;

export const arcUmin = (a: Arc, top: bigint): bigint => (a === EMPTY || crossesZero(a, top) ? 0n : a.base);
export const arcUmax = (a: Arc, top: bigint): bigint =>
  a === EMPTY || crossesZero(a, top) ? top : a.base + a.size;

/** Distance from the smallest negative number: turns signed order into unsigned order. */
const turned = (a: Arc, top: bigint): Arc => ({ base: (a.base + (top >> 1n) + 1n) & top, size: a.size });

export const arcSmin = (a: Arc, top: bigint): bigint =>
  arcUmin(turnedOrEmpty(a, top), top) - (top >> 1n) - 1n;
export const arcSmax = (a: Arc, top: bigint): bigint =>
  arcUmax(turnedOrEmpty(a, top), top) - (top >> 1n) - 1n;

const turnedOrEmpty = (a: Arc, top: bigint): Arc => (a === EMPTY ? a : turned(a, top));

/**
 * What both hold. Two stretches cannot be told in one arc: then the smaller operand stands for both (the one with the
 * lower base if they are equally long).
 */
export function arcMeet(one: Arc, other: Arc, top: bigint): Arc {
  if (one === EMPTY || other === EMPTY) return EMPTY;
  const [a, b] = one.base > other.base ? [other, one] : [one, other];
  const start = b.base - a.base;
  const startsInside = start <= a.size;
  // How far the second arc reaches beyond the point where the first begins; negative: it does not come round.
  const beyond = start + b.size - top - 1n;
  if (startsInside && beyond >= 0n) return a.size <= b.size ? a : b;
  if (startsInside) return arc(b.base, min(a.size - start, b.size), top);
  return beyond >= 0n ? arc(a.base, min(a.size, beyond), top) : EMPTY;
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

export function arcSum(a: Arc, b: Arc, top: bigint): Arc {
  if (a === EMPTY || b === EMPTY) return EMPTY;
  return arc((a.base + b.base) & top, a.size + b.size, top);
}

export function arcNegated(a: Arc, top: bigint): Arc {
  return a === EMPTY ? EMPTY : arc(-(a.base + a.size) & top, a.size, top);
}

/** Whether `outer` holds every number of `inner`. */
export function arcHolds(outer: Arc, inner: Arc, top: bigint): boolean {
  if (inner === EMPTY) return true;
  if (outer === EMPTY) return false;
  if (outer.size === top) return true;
  return ((inner.base - outer.base) & top) + inner.size <= outer.size;
}

export const sameArc = (a: Arc | null, b: Arc | null): boolean =>
  a === b ||
  (a !== null && b !== null && a !== EMPTY && b !== EMPTY && a.base === b.base && a.size === b.size);

/** The low halves of a 64-bit arc. */
export function lowArc(a: Arc): Arc {
  return a === EMPTY ? EMPTY : arc(a.base & TOP32, a.size, TOP32);
}

/** The part of 64-bit arc `a` from its first to its last number whose low half is in `low`. */
export function meetLowHalves(a: Arc, low: Arc): Arc {
  if (a === EMPTY || low === EMPTY) return EMPTY;
  const inLow = (x: bigint): boolean => ((x - low.base) & TOP32) <= low.size;
  const skip = inLow(a.base) ? 0n : (low.base - a.base) & TOP32;
  const end = a.base + a.size;
  const back = inLow(end) ? 0n : (end - low.base - low.size) & TOP32;
  return skip + back > a.size ? EMPTY : arc((a.base + skip) & TOP64, a.size - skip - back, TOP64);
}
