/**
 * Bounds of a value: bits, unsigned and signed ranges of 64 and 32 bits. Five views of one set of values; `syncBounds`
 * lets each learn from the others, as far as the profile's kernel does (comparisons see the result, so it must be
 * neither weaker nor stronger). Works on a `Draft`, a register being made.
 */
import { asS64, asU64, highWord, lowWord, S64_MAX, S64_MIN, U64_MAX } from '../util/u64';
import { arc32Of, arc32OfBits, arc64Of, arcOfBits, isFull32, isFull64, setArc32, setArc64 } from './arcEnds';
import { arcMeet, arcUmax, arcUmin, EMPTY, lowArc, meetLowHalves } from './arcs';
import { arc32Meet, EMPTY32 } from './arcs32';
import type { FeatureFlags } from './env';
import { draft, type Draft, S32_MAX, S32_MIN, U32_MAX, type RegState } from './regState';
import {
  TNUM_UNKNOWN,
  tnumCast,
  tnumClearSubreg,
  tnumConst,
  tnumIntersect,
  tnumNext,
  tnumOr,
  tnumRange,
  tnumSubreg,
  tnumWithinRange,
  type Tnum,
} from './tnum';

const LOW32 = 0xffff_ffffn;
const HIGH_MASK = U64_MAX ^ LOW32;

/** Low half of a (signed or unsigned) 64-bit value as unsigned number. */
export const lowU32 = lowWord;
/** Low half as signed number. */
export const lowS32 = (x: bigint): number => lowWord(x) | 0;

export const maxBig = (a: bigint, b: bigint): bigint => (a > b ? a : b);
export const minBig = (a: bigint, b: bigint): bigint => (a < b ? a : b);

export function setKnown(d: Draft, value: bigint): void {
  const unsigned = asU64(value);
  const signed = asS64(unsigned);
  const low = lowU32(unsigned);
  d.bits = tnumConst(unsigned);
  d.arc64 = d.arc32 = null;
  d.umin = d.umax = unsigned;
  d.smin = d.smax = signed;
  d.u32min = d.u32max = low;
  d.s32min = d.s32max = low | 0;
}

/** The low half is known; the rest of the bits stays as it is. */
export function setSubregKnown(d: Draft, value: number): void {
  const high = tnumClearSubreg(d.bits);
  d.bits = { value: high.value | BigInt(value >>> 0), mask: high.mask };
  d.arc32 = null;
  d.s32min = d.s32max = value | 0;
  d.u32min = d.u32max = value >>> 0;
}

export function unbound64(d: Draft): void {
  d.arc64 = null;
  d.smin = S64_MIN;
  d.smax = S64_MAX;
  d.umin = 0n;
  d.umax = U64_MAX;
}

export function unbound32(d: Draft): void {
  d.arc32 = null;
  d.s32min = S32_MIN;
  d.s32max = S32_MAX;
  d.u32min = 0;
  d.u32max = U32_MAX;
}

export function unboundAll(d: Draft): void {
  d.bits = TNUM_UNKNOWN;
  unbound64(d);
  unbound32(d);
}

export const subregIsConst = (t: Tnum): boolean => lowWord(t.mask) === 0;

/** Ranges of 32 bits learn from the bits. */
export function learn32FromBits(d: Draft, f: FeatureFlags): void {
  if (f.circularRanges) setArc32(d, arc32Meet(arc32Of(d), arc32OfBits(d.bits)));
  else narrow32ToBits(d);
}

function narrow32ToBits(d: Draft): void {
  const value = lowU32(d.bits.value);
  const mask = lowU32(d.bits.mask);
  d.s32min = Math.max(d.s32min, value | (mask & S32_MIN));
  d.s32max = Math.min(d.s32max, value | (mask & S32_MAX));
  d.u32min = Math.max(d.u32min, value);
  d.u32max = Math.min(d.u32max, (value | mask) >>> 0);
}

const SIGN_BIT = 1n << 63n;

function narrow64ToBits(d: Draft): void {
  const { value, mask } = d.bits;
  d.smin = maxBig(d.smin, asS64(value | (mask & SIGN_BIT)));
  d.smax = minBig(d.smax, asS64(value | (mask & S64_MAX)));
  d.umin = maxBig(d.umin, value);
  d.umax = minBig(d.umax, value | mask);
}

export function learnFromBits(d: Draft, f: FeatureFlags): void {
  if (d.bits.mask === U64_MAX) return;
  if (f.circularRanges) {
    arcsFromBits(d);
    return;
  }
  narrow32ToBits(d);
  narrow64ToBits(d);
}

function narrowU32(d: Draft, min: number, max: number): void {
  if (min > d.u32min) d.u32min = min;
  if (max < d.u32max) d.u32max = max;
}
function narrowS32(d: Draft, min: number, max: number): void {
  if (min > d.s32min) d.s32min = min;
  if (max < d.s32max) d.s32max = max;
}
function narrowU64(d: Draft, min: bigint, max: bigint): void {
  if (min > d.umin) d.umin = min;
  if (max < d.umax) d.umax = max;
}
function narrowS64(d: Draft, min: bigint, max: bigint): void {
  if (min > d.smin) d.smin = min;
  if (max < d.smax) d.smax = max;
}

/** Half a 64-bit range's ends tell of the low half when the high halves agree or are neighbours. */
function learn32From64(d: Draft): void {
  if (d.umin !== 0n || d.umax !== U64_MAX) learn32FromUnsigned(d);
  // Equal signed ends say nothing that the unsigned ones did not.
  if (d.smin === d.umin && d.smax === d.umax && d.umin <= d.umax) return;
  if (d.smin !== S64_MIN || d.smax !== S64_MAX) learn32FromSigned(d);
}

// A range may straddle one multiple of 2^32, from a "negative" low half up to a "positive" one.
const straddles = (left: number, right: number, low: number, high: number): boolean =>
  (low | 0) < 0 && (high | 0) >= 0 && (left + 1) >>> 0 === right;

function learn32FromUnsigned(d: Draft): void {
  const uLow = lowU32(d.umin);
  const uHigh = lowU32(d.umax);
  const uLeft = highWord(d.umin);
  const uRight = highWord(d.umax);
  if (uLeft === uRight) {
    narrowU32(d, uLow, uHigh);
    if ((uLow | 0) <= (uHigh | 0)) narrowS32(d, uLow | 0, uHigh | 0);
  } else if (straddles(uLeft, uRight, uLow, uHigh)) {
    narrowS32(d, uLow | 0, uHigh | 0);
  }
}

function learn32FromSigned(d: Draft): void {
  const sLow = lowU32(d.smin);
  const sHigh = lowU32(d.smax);
  const sLeft = highWord(d.smin);
  const sRight = highWord(d.smax);
  if (sLeft === sRight) {
    if (sLow <= sHigh) narrowU32(d, sLow, sHigh);
    if ((sLow | 0) <= (sHigh | 0)) narrowS32(d, sLow | 0, sHigh | 0);
  } else if (straddles(sLeft, sRight, sLow, sHigh)) {
    narrowS32(d, sLow | 0, sHigh | 0);
  }
}

function deduce32(d: Draft, f: FeatureFlags): void {
  learn32From64(d);
  if ((d.u32min | 0) <= (d.u32max | 0)) narrowS32(d, d.u32min | 0, d.u32max | 0);
  const low = d.s32min >>> 0;
  const high = d.s32max >>> 0;
  if (low <= high) {
    narrowU32(d, low, high);
  } else if (f.boundsDeduceAcrossSign) {
    // The signed range covers two unsigned stretches; the unsigned range may touch only one of them.
    if (d.u32max < low) {
      d.s32min = d.u32min | 0;
      d.u32max = Math.min(d.u32max, high);
    } else if (high < d.u32min) {
      d.s32max = d.u32max | 0;
      d.u32min = Math.max(d.u32min, low);
    }
  }
}

function deduce64(d: Draft, f: FeatureFlags): void {
  if (d.smin === d.umin && d.smax === d.umax && d.umin <= d.umax) return;
  const uminS = asS64(d.umin);
  const umaxS = asS64(d.umax);
  if (uminS <= umaxS) narrowS64(d, uminS, umaxS);
  const low = asU64(d.smin);
  const high = asU64(d.smax);
  if (low <= high) {
    narrowU64(d, low, high);
  } else if (f.boundsDeduceAcrossSign) {
    if (d.umax < low) {
      d.smin = asS64(d.umin);
      d.umax = minBig(d.umax, high);
    } else if (high < d.umin) {
      d.smax = asS64(d.umax);
      d.umin = maxBig(d.umin, low);
    }
  }
}

const withLow = (x: bigint, low: number): bigint => (asU64(x) & HIGH_MASK) | BigInt(low);

/**
 * The low halves of the ends lie within [min, max]. Same high half: the low ones decide whether an end moves, so big
 * integers, which are dear, are made only if it does.
 */
function narrowLowHalves(d: Draft, min: number, max: number): void {
  if (lowU32(d.umin) < min) d.umin = withLow(d.umin, min);
  if (lowU32(d.umax) > max) d.umax = withLow(d.umax, max);
  if (lowU32(d.smin) < min) d.smin = asS64(withLow(d.smin, min));
  if (lowU32(d.smax) > max) d.smax = asS64(withLow(d.smax, max));
}

function learn64From32(d: Draft): void {
  if (d.u32min !== 0 || d.u32max !== U32_MAX) narrowLowHalves(d, d.u32min, d.u32max);
  const low = d.s32min >>> 0;
  const high = d.s32max >>> 0;
  if (low <= high && (low !== d.u32min || high !== d.u32max)) narrowLowHalves(d, low, high);
  // A sign-extended 32-bit value that is not negative.
  if (d.s32min >= 0 && d.smin >= BigInt(S32_MIN) && d.smax <= BigInt(S32_MAX)) {
    d.smin = d.umin = BigInt(d.s32min);
    d.smax = d.umax = BigInt(d.s32max);
    d.bits = tnumIntersect(d.bits, tnumRange(asU64(d.smin), asU64(d.smax)));
  }
}

/** Older kernels: the sign, once known from one range, joins signed and unsigned. */
function deduceBySign(d: Draft): void {
  if (d.s32min >= 0 || d.s32max < 0) {
    const min = Math.max(d.s32min >>> 0, d.u32min);
    const max = Math.min(d.s32max >>> 0, d.u32max);
    d.u32min = min;
    d.s32min = min | 0;
    d.u32max = max;
    d.s32max = max | 0;
  } else if ((d.u32max | 0) >= 0) {
    d.s32min = d.u32min | 0;
    const max = Math.min(d.s32max >>> 0, d.u32max);
    d.u32max = max;
    d.s32max = max | 0;
  } else if ((d.u32min | 0) < 0) {
    const min = Math.max(d.s32min >>> 0, d.u32min);
    d.u32min = min;
    d.s32min = min | 0;
    d.s32max = d.u32max | 0;
  }
  if (d.smin >= 0n || d.smax < 0n) {
    const min = maxBig(asU64(d.smin), d.umin);
    const max = minBig(asU64(d.smax), d.umax);
    d.umin = min;
    d.smin = asS64(min);
    d.umax = max;
    d.smax = asS64(max);
  } else if (asS64(d.umax) >= 0n) {
    d.smin = asS64(d.umin);
    const max = minBig(asU64(d.smax), d.umax);
    d.umax = max;
    d.smax = asS64(max);
  } else if (asS64(d.umin) < 0n) {
    const min = maxBig(asU64(d.smin), d.umin);
    d.umin = min;
    d.smin = asS64(min);
    d.smax = asS64(d.umax);
  }
}

/** No bit above those of `max` is open or set: a range from 0 to `max` says nothing new of the low half. */
const low32Fit = ({ value, mask }: Tnum, max: number): boolean =>
  Math.clz32(lowU32(value) | lowU32(mask)) >= Math.clz32(max);

function learnBits(d: Draft): void {
  const full64 = d.umin === 0n && d.umax === U64_MAX;
  const wide = full64 ? d.bits : tnumWithinRange(d.bits, d.umin, d.umax);
  if (d.u32min === 0 && low32Fit(wide, d.u32max)) {
    d.bits = wide;
    return;
  }
  const low = tnumIntersect(tnumSubreg(wide), tnumRange(BigInt(d.u32min), BigInt(d.u32max)));
  d.bits = tnumOr(tnumClearSubreg(wide), low);
}

/** The bits leave one value and every range has it: then all views say just that. */
function settlesOnConstant(d: Draft): boolean {
  const { value, mask } = d.bits;
  if (mask !== 0n || value < d.umin || value > d.umax) return false;
  const low = lowU32(value);
  if (low < d.u32min || low > d.u32max || (low | 0) < d.s32min || (low | 0) > d.s32max) return false;
  const signed = asS64(value);
  if (signed < d.smin || signed > d.smax) return false;
  d.umin = d.umax = value;
  d.smin = d.smax = signed;
  d.u32min = d.u32max = low;
  d.s32min = d.s32max = low | 0;
  return true;
}

const isUnbounded = (d: Draft): boolean =>
  d.u32min === 0 &&
  d.u32max === U32_MAX &&
  d.s32min === S32_MIN &&
  d.s32max === S32_MAX &&
  d.umin === 0n &&
  d.umax === U64_MAX &&
  d.smin === S64_MIN &&
  d.smax === S64_MAX &&
  d.bits.mask === U64_MAX;

/** Lets every view learn from every other, as much as the profile's kernel does. */
export function syncBounds(d: Draft, f: FeatureFlags): void {
  if (
    d.bits.mask === 0n &&
    d.umin === d.umax &&
    d.umin === d.bits.value &&
    d.smin === d.smax &&
    d.u32min === d.u32max &&
    d.s32min === d.s32max
  )
    return;
  if (f.circularRanges) {
    if (settlesOnConstant(d)) return;
    syncArcs(d);
    return;
  }
  if (isUnbounded(d) || settlesOnConstant(d)) return;
  learnFromBits(d, f);
  if (f.boundsDeduceMixed) {
    for (let round = 0; round < 3; round++) {
      const { umin, umax, smin, smax, s32min, s32max, u32min, u32max } = d;
      deduce32(d, f);
      deduce64(d, f);
      learn64From32(d);
      // A round that changed nothing would do so again.
      if (
        d.u32min === u32min &&
        d.u32max === u32max &&
        d.s32min === s32min &&
        d.s32max === s32max &&
        d.umin === umin &&
        d.umax === umax &&
        d.smin === smin &&
        d.smax === smax
      )
        break;
    }
  } else {
    deduceBySign(d);
  }
  learnBits(d);
  learnFromBits(d, f);
}

/**
 * The one pattern of the bits that the range from `umin` to `umax` holds; undefined: there may be several, or the bits and the range
 * say the same anyway.
 */
function onlyMember(bits: Tnum, umin: bigint, umax: bigint): bigint | undefined {
  const { mask } = bits;
  const largest = bits.value | mask;
  const beginsWithMember = (umin | mask) === largest;
  // The usual range begins and ends with members.
  if (beginsWithMember && umin < umax && (umax | mask) === largest) return undefined;
  const next = tnumNext(bits, umin);
  if (beginsWithMember) return next > umax ? umin : undefined;
  if (next === largest) return largest;
  return next <= umax && tnumNext(bits, next) > umax ? next : undefined;
}

/** One pass of learning from the bits; a range that holds just one pattern of the bits is that value. */
function arcsFromBits(d: Draft): void {
  setArc32(d, arc32Meet(arc32Of(d), arc32OfBits(d.bits)));
  setArc64(d, arcMeet(arc64Of(d), arcOfBits(d.bits)));
  const only = onlyMember(d.bits, d.umin, d.umax);
  if (only !== undefined) setKnown(d, only);
}

/**
 * Bits, 64-bit arc and 32-bit arc learn from each other. An empty arc (an impossible path) learns no more. The arcs are worked on by
 * themselves and the ends written when they are needed.
 */
function syncArcs(d: Draft): void {
  if (d.bits.mask === U64_MAX && isFull64(d) && isFull32(d) && d.arc64 === null && d.arc32 === null) return;
  let wide = arc64Of(d);
  let narrow = arc32Of(d);
  if (wide === EMPTY || narrow === EMPTY32) {
    setArc64(d, wide);
    setArc32(d, narrow);
    return;
  }
  narrow = arc32Meet(narrow, arc32OfBits(d.bits));
  wide = arcMeet(wide, arcOfBits(d.bits));
  const only = onlyMember(d.bits, arcUmin(wide), arcUmax(wide));
  if (only !== undefined) {
    setKnown(d, only);
    d.arc64 = d.arc32 = null;
    return;
  }
  for (let round = 0; round < 2; round++) {
    narrow = arc32Meet(narrow, lowArc(wide));
    wide = meetLowHalves(wide, narrow);
  }
  setArc64(d, wide);
  setArc32(d, narrow);
  learnBits(d);
  arcsFromBits(d);
}

/** 64-bit ranges of a value whose high half is zero, from the 32-bit ones. */
export function assign32Into64(d: Draft): void {
  d.umin = BigInt(d.u32min);
  d.umax = BigInt(d.u32max);
  if (d.s32min >= 0 && d.s32max >= 0) {
    d.smin = BigInt(d.s32min);
    d.smax = BigInt(d.s32max);
  } else {
    d.smin = 0n;
    d.smax = LOW32;
  }
}

/** The high half becomes zero, as every 32-bit operation leaves it. */
export function zeroExtend32(d: Draft): void {
  d.arc64 = null;
  d.bits = tnumSubreg(d.bits);
  assign32Into64(d);
}

/** Only the low `sizeBytes` bytes are kept (a narrow load of a spilled scalar, a zero-extending move). */
export function truncate(d: Draft, sizeBytes: number, f: FeatureFlags): void {
  if (sizeBytes === 8) return;
  d.arc64 = null;
  const mask = (1n << BigInt(8 * sizeBytes)) - 1n;
  d.bits = tnumCast(d.bits, sizeBytes);
  if (d.umin >> BigInt(8 * sizeBytes) === d.umax >> BigInt(8 * sizeBytes)) {
    d.umin &= mask;
    d.umax &= mask;
  } else {
    d.umin = 0n;
    d.umax = mask;
  }
  d.smin = d.umin;
  d.smax = d.umax;
  if (sizeBytes < 4) {
    unbound32(d);
    if (!f.boundsDeduceMixed) {
      d.s32min = d.u32min = Number(d.umin);
      d.s32max = d.u32max = Number(d.umax);
    }
    syncBounds(d, f);
  } else if (f.boundsDeduceMixed) {
    syncBounds(d, f);
  }
}

/** The low `fromBytes` bytes are sign-extended to 64 bits, or to 32 (`width` 4; the high half is the caller's). */
export function signExtend(d: Draft, fromBytes: number, width: 4 | 8): void {
  const bits = fromBytes * 8;
  d.arc32 = null;
  if (width === 8) d.arc64 = null;
  if (d.bits.mask === 0n) {
    const value = BigInt.asIntN(bits, d.bits.value);
    const low = lowU32(value);
    d.bits = tnumConst(value);
    d.s32min = d.s32max = low | 0;
    d.u32min = d.u32max = low;
    if (width === 8) {
      d.smin = d.smax = value;
      d.umin = d.umax = asU64(value);
    }
    return;
  }
  // If all bits above the narrow value agree at both ends, the ends keep their order unless the sign differs.
  const min = width === 8 ? d.smin : BigInt(d.s32min);
  const max = width === 8 ? d.smax : BigInt(d.s32max);
  const low = BigInt.asIntN(bits, min);
  const high = BigInt.asIntN(bits, max);
  const below = low < high ? low : high;
  const above = low < high ? high : low;
  if (min >> BigInt(bits) === max >> BigInt(bits) && above >= 0n === below >= 0n) {
    d.s32min = lowS32(below);
    d.s32max = lowS32(above);
    d.u32min = lowU32(below);
    d.u32max = lowU32(above);
    const range = tnumRange(asU64(below), asU64(above));
    if (width === 8) {
      d.smin = below;
      d.smax = above;
      d.umin = asU64(below);
      d.umax = asU64(above);
      d.bits = range;
    } else {
      d.bits = tnumSubreg(range);
    }
    return;
  }
  const limit = 1n << BigInt(bits - 1);
  d.s32min = Number(-limit);
  d.s32max = Number(limit - 1n);
  d.u32min = 0;
  d.u32max = U32_MAX;
  if (width === 8) {
    d.smin = -limit;
    d.smax = limit - 1n;
    d.umin = 0n;
    d.umax = U64_MAX;
    d.bits = TNUM_UNKNOWN;
  } else {
    d.bits = tnumSubreg(TNUM_UNKNOWN);
  }
}

/** Some range is empty. */
export const isEmptyRange = (d: RegState): boolean =>
  d.arc64 === EMPTY ||
  d.arc32 === EMPTY32 ||
  d.umin > d.umax ||
  d.smin > d.smax ||
  d.u32min > d.u32max ||
  d.s32min > d.s32max;

/** True when the views contradict each other: the path is impossible. */
function contradicts(d: RegState): boolean {
  if (isEmptyRange(d)) return true;
  const { value, mask } = d.bits;
  if (mask === 0n && (d.umin !== value || d.umax !== value || d.smin !== d.smax || asU64(d.smin) !== value))
    return true;
  if (!subregIsConst(d.bits)) return false;
  const low = lowU32(value);
  return d.u32min !== low || d.u32max !== low || d.s32min !== (low | 0) || d.s32max !== (low | 0);
}

/**
 * Newer kernels go on with an impossible path after resetting the ranges of what contradicts itself (its bits stay);
 * older ones just go on.
 */
export function repaired(reg: RegState, f: FeatureFlags): RegState {
  if (!f.boundsDeduceMixed || !contradicts(reg)) return reg;
  const d = draft(reg);
  unbound64(d);
  unbound32(d);
  return d;
}
