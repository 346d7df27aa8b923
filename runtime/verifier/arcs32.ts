/**
 * Ranges on the circle of 32-bit numbers, as in `arcs.ts` for 64 bits: unsigned plain numbers, from `first` up to `last`, which may
 * wrap. `FULL32` and `EMPTY32` are compared by identity.
 */
export interface Arc32 {
  readonly first: number;
  readonly last: number;
}

const U32_MAX = 0xffff_ffff;
const S32_MIN = -0x8000_0000;
const S32_MAX = 0x7fff_ffff;

export const EMPTY32: Arc32 = { first: -1, last: -1 };
export const FULL32: Arc32 = { first: 0, last: U32_MAX };

/** From `min` up to `max`, both wrapped: for unsigned and for signed ends alike. */
export function arc32Between(min: number, max: number): Arc32 {
  const first = min >>> 0;
  const last = max >>> 0;
  return (last + 1) >>> 0 === first ? FULL32 : { first, last };
}

/** Every number but `value`. */
export const arc32Without = (value: number): Arc32 => arc32Between(value + 1, value - 1);

const crossesZero = (a: Arc32): boolean => a.first > a.last;
/** Count of numbers less one. */
const sizeOf = (a: Arc32): number => (a.last - a.first) >>> 0;

export const arc32Umin = (a: Arc32): number => (a === EMPTY32 || crossesZero(a) ? 0 : a.first);
export const arc32Umax = (a: Arc32): number => (a === EMPTY32 || crossesZero(a) ? U32_MAX : a.last);

const crossesSign = (a: Arc32): boolean => a === EMPTY32 || (a.first | 0) > (a.last | 0);
export const arc32Smin = (a: Arc32): number => (crossesSign(a) ? S32_MIN : a.first | 0);
export const arc32Smax = (a: Arc32): number => (crossesSign(a) ? S32_MAX : a.last | 0);

/** The stretch from `first` to `last` that `a` and `b` share. */
function shared(a: Arc32, b: Arc32, first: number, last: number): Arc32 {
  if (first === a.first && last === a.last) return a;
  return first === b.first && last === b.last ? b : { first, last };
}

function smaller(a: Arc32, b: Arc32): Arc32 {
  const x = sizeOf(a);
  const y = sizeOf(b);
  return x < y || (x === y && a.first <= b.first) ? a : b;
}

/** `crossing` crosses from the largest number to 0, `plain` does not. */
function meetCrossing(crossing: Arc32, plain: Arc32): Arc32 {
  const high = plain.last >= crossing.first;
  const low = plain.first <= crossing.last;
  if (high && low) return smaller(crossing, plain);
  if (high) return shared(crossing, plain, Math.max(plain.first, crossing.first), plain.last);
  return low ? shared(crossing, plain, plain.first, Math.min(plain.last, crossing.last)) : EMPTY32;
}

/** What both hold; of two stretches the smaller operand (the one that begins at the lower number if they are equally long). */
export function arc32Meet(a: Arc32, b: Arc32): Arc32 {
  if (a === b || b === FULL32) return a;
  if (a === FULL32) return b;
  if (a === EMPTY32 || b === EMPTY32) return EMPTY32;
  const crosses = crossesZero(a);
  if (crosses !== crossesZero(b)) return crosses ? meetCrossing(a, b) : meetCrossing(b, a);
  const first = Math.max(a.first, b.first);
  const last = Math.min(a.last, b.last);
  if (crosses)
    return Math.min(a.first, b.first) <= Math.max(a.last, b.last) ? smaller(a, b) : shared(a, b, first, last);
  return first > last ? EMPTY32 : shared(a, b, first, last);
}

export function arc32Sum(a: Arc32, b: Arc32): Arc32 {
  if (a === EMPTY32 || b === EMPTY32) return EMPTY32;
  if (a === FULL32 || b === FULL32 || sizeOf(a) + sizeOf(b) >= U32_MAX) return FULL32;
  return { first: (a.first + b.first) >>> 0, last: (a.last + b.last) >>> 0 };
}

export const arc32Negated = (a: Arc32): Arc32 =>
  a === EMPTY32 || a === FULL32 ? a : { first: -a.last >>> 0, last: -a.first >>> 0 };

/** Whether `outer` holds every number of `inner`. */
export function arc32Holds(outer: Arc32, inner: Arc32): boolean {
  if (inner === EMPTY32 || outer === FULL32) return true;
  if (outer === EMPTY32 || inner === FULL32) return false;
  const begins = outer.first <= inner.first;
  const ends = inner.last <= outer.last;
  if (crossesZero(outer) === crossesZero(inner)) return begins && ends;
  return crossesZero(outer) && (begins || ends);
}

export const sameArc32 = (a: Arc32 | null, b: Arc32 | null): boolean =>
  a === b || (a !== null && b !== null && a.first === b.first && a.last === b.last);
