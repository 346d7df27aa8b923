/**
 * Ranges on the circle of 64-bit numbers: newest kernels keep one arc per width, from which the unsigned and the signed range
 * are read. An arc may cross both boundaries (largest → 0 and largest positive → smallest negative); then neither reading tells
 * anything, but the arc still does. Not here: bit patterns and what refines what (`bounds.ts`); 32 bits (`arcs32.ts`, the same
 * in plain numbers: big integers are dear).
 *
 * An arc holds `first`, `first + 1`, … `last`, wrapping where `last` is smaller. All numbers are `FULL` and no number is `EMPTY`,
 * both compared by identity. An operation that leaves an operand as it is gives the very operand, so that callers see it.
 */
import { asS64, asU64, lowWord, S64_MAX, S64_MIN, U64_MAX } from '../util/u64';
import { arc32Between, EMPTY32, FULL32, type Arc32 } from './arcs32';

export interface Arc {
  readonly first: bigint;
  readonly last: bigint;
}

export const EMPTY: Arc = { first: -1n, last: -1n };
export const FULL: Arc = { first: 0n, last: U64_MAX };

const make = (first: bigint, last: bigint): Arc =>
  (last === U64_MAX ? first === 0n : last + 1n === first) ? FULL : { first, last };

/** From `min` up to `max`, both wrapped: for unsigned and for signed ends alike. */
export const arcBetween = (min: bigint, max: bigint): Arc => make(asU64(min), asU64(max));

/** Every number but `value`. */
export const arcWithout = (value: bigint): Arc => make(asU64(value + 1n), asU64(value - 1n));

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

const crossesZero = (a: Arc): boolean => a.first > a.last;
/** Count of numbers less one. */
const sizeOf = (a: Arc): bigint => asU64(a.last - a.first);

/** The signed reading of an unsigned number, without making a new one where they are alike. */
const signed = (x: bigint): bigint => (x <= S64_MAX ? x : asS64(x));

export const arcUmin = (a: Arc): bigint => (a === EMPTY || crossesZero(a) ? 0n : a.first);
export const arcUmax = (a: Arc): bigint => (a === EMPTY || crossesZero(a) ? U64_MAX : a.last);

const crossesSign = (a: Arc): boolean => a === EMPTY || signed(a.first) > signed(a.last);
export const arcSmin = (a: Arc): bigint => (crossesSign(a) ? S64_MIN : signed(a.first));
export const arcSmax = (a: Arc): bigint => (crossesSign(a) ? S64_MAX : signed(a.last));

/** The stretch from `first` to `last` that `a` and `b` share. */
function shared(a: Arc, b: Arc, first: bigint, last: bigint): Arc {
  if (first === a.first && last === a.last) return a;
  return first === b.first && last === b.last ? b : { first, last };
}

function smaller(a: Arc, b: Arc): Arc {
  const x = sizeOf(a);
  const y = sizeOf(b);
  return x < y || (x === y && a.first <= b.first) ? a : b;
}

/** `crossing` crosses from the largest number to 0, `plain` does not. */
function meetCrossing(crossing: Arc, plain: Arc): Arc {
  const high = plain.last >= crossing.first;
  const low = plain.first <= crossing.last;
  if (high && low) return smaller(crossing, plain);
  if (high) return shared(crossing, plain, max(plain.first, crossing.first), plain.last);
  return low ? shared(crossing, plain, plain.first, min(plain.last, crossing.last)) : EMPTY;
}

/**
 * What both hold. Two stretches cannot be told in one arc: then the smaller operand stands for both (the one that begins
 * at the lower number if they are equally long).
 */
export function arcMeet(a: Arc, b: Arc): Arc {
  if (a === b || b === FULL) return a;
  if (a === FULL) return b;
  if (a === EMPTY || b === EMPTY) return EMPTY;
  const crosses = crossesZero(a);
  if (crosses !== crossesZero(b)) return crosses ? meetCrossing(a, b) : meetCrossing(b, a);
  const first = max(a.first, b.first);
  const last = min(a.last, b.last);
  if (crosses)
    return min(a.first, b.first) <= max(a.last, b.last) ? smaller(a, b) : shared(a, b, first, last);
  return first > last ? EMPTY : shared(a, b, first, last);
}

export function arcSum(a: Arc, b: Arc): Arc {
  if (a === EMPTY || b === EMPTY) return EMPTY;
  if (a === FULL || b === FULL || sizeOf(a) + sizeOf(b) >= U64_MAX) return FULL;
  return { first: asU64(a.first + b.first), last: asU64(a.last + b.last) };
}

export const arcNegated = (a: Arc): Arc =>
  a === EMPTY || a === FULL ? a : { first: asU64(-a.last), last: asU64(-a.first) };

/** Whether `outer` holds every number of `inner`. */
export function arcHolds(outer: Arc, inner: Arc): boolean {
  if (inner === EMPTY || outer === FULL) return true;
  if (outer === EMPTY || inner === FULL) return false;
  const begins = outer.first <= inner.first;
  const ends = inner.last <= outer.last;
  if (crossesZero(outer) === crossesZero(inner)) return begins && ends;
  return crossesZero(outer) && (begins || ends);
}

export const sameArc = (a: Arc | null, b: Arc | null): boolean =>
  a === b || (a !== null && b !== null && a.first === b.first && a.last === b.last);

/** The low halves of a 64-bit arc. */
export function lowArc(a: Arc): Arc32 {
  if (a === EMPTY) return EMPTY32;
  return a === FULL || sizeOf(a) >= 0xffff_ffffn ? FULL32 : arc32Between(lowWord(a.first), lowWord(a.last));
}

/** The part of 64-bit arc `a` from its first to its last number whose low half is in `low`. */
export function meetLowHalves(a: Arc, low: Arc32): Arc {
  if (a === EMPTY || low === EMPTY32) return EMPTY;
  if (low === FULL32) return a;
  const size = (low.last - low.first) >>> 0;
  const first = lowWord(a.first);
  const last = lowWord(a.last);
  const skip = (first - low.first) >>> 0 <= size ? 0 : (low.first - first) >>> 0;
  const back = (last - low.first) >>> 0 <= size ? 0 : (last - low.last) >>> 0;
  if (skip === 0 && back === 0) return a;
  if (BigInt(skip + back) > sizeOf(a)) return EMPTY;
  return { first: asU64(a.first + BigInt(skip)), last: asU64(a.last - BigInt(back)) };
}
