/**
 * Arithmetic on two scalars: what is known of the result. One function per operator; each updates bits, 64-bit and
 * 32-bit ranges of the destination draft. Differences of kernels are feature flags; where a kernel gives up
 * (shift by an unknown amount), so do we, because programs are judged by what it knows, not by what is true.
 */
import { asS64, asU64, lowWord, S64_MAX, S64_MIN, U64_MAX } from '../util/u64';
import {
  learn32FromBits,
  learnFromBits,
  maxBig,
  minBig,
  setKnown,
  setSubregKnown,
  subregIsConst,
  syncBounds,
  unbound32,
  unbound64,
  unboundAll,
  zeroExtend32,
} from './bounds';
import { arc32Of, arc64Of, setArc32, setArc64 } from './arcEnds';
import { arcNegated, arcSum } from './arcs';
import { arc32Negated, arc32Sum } from './arcs32';
import type { FeatureFlags } from './env';
import { type Draft, S32_MAX, S32_MIN, U32_MAX, type RegState } from './regState';
import {
  tnumAdd,
  tnumAnd,
  tnumArsh,
  tnumIsConst,
  tnumLsh,
  tnumMul,
  tnumOr,
  tnumRsh,
  tnumSub,
  tnumSubreg,
  tnumXor,
} from './tnum';

export type ScalarOp = 'add' | 'sub' | 'mul' | 'div' | 'or' | 'and' | 'lsh' | 'rsh' | 'mod' | 'xor' | 'arsh';

const fitsS64 = (x: bigint): boolean => x >= S64_MIN && x <= S64_MAX;
const fitsS32 = (x: number): boolean => x >= S32_MIN && x <= S32_MAX;

function addRanges(d: Draft, s: RegState, f: FeatureFlags): void {
  if (f.circularRanges) {
    setArc64(d, arcSum(arc64Of(d), arc64Of(s)));
    setArc32(d, arc32Sum(arc32Of(d), arc32Of(s)));
    return;
  }
  addRanges32(d, s, f);
  const smin = d.smin + s.smin;
  const smax = d.smax + s.smax;
  const umin = d.umin + s.umin;
  const umax = d.umax + s.umax;
  if (fitsS64(smin) && fitsS64(smax)) {
    d.smin = smin;
    d.smax = smax;
  } else {
    d.smin = S64_MIN;
    d.smax = S64_MAX;
  }
  const wrapsMin = umin > U64_MAX;
  const wrapsMax = umax > U64_MAX;
  if (!wrapsMax || (f.addSubBothWrap && wrapsMin)) {
    d.umin = asU64(umin);
    d.umax = asU64(umax);
  } else {
    d.umin = 0n;
    d.umax = U64_MAX;
  }
}

function addRanges32(d: Draft, s: RegState, f: FeatureFlags): void {
  const smin = d.s32min + s.s32min;
  const smax = d.s32max + s.s32max;
  const umin = d.u32min + s.u32min;
  const umax = d.u32max + s.u32max;
  if (fitsS32(smin) && fitsS32(smax)) {
    d.s32min = smin;
    d.s32max = smax;
  } else {
    d.s32min = S32_MIN;
    d.s32max = S32_MAX;
  }
  if (umax <= U32_MAX || (f.addSubBothWrap && umin > U32_MAX)) {
    d.u32min = umin >>> 0;
    d.u32max = umax >>> 0;
  } else {
    d.u32min = 0;
    d.u32max = U32_MAX;
  }
}

function subRanges(d: Draft, s: RegState, f: FeatureFlags): void {
  if (f.circularRanges) {
    setArc64(d, arcSum(arc64Of(d), arcNegated(arc64Of(s))));
    setArc32(d, arc32Sum(arc32Of(d), arc32Negated(arc32Of(s))));
    return;
  }
  const smin32 = d.s32min - s.s32max;
  const smax32 = d.s32max - s.s32min;
  if (fitsS32(smin32) && fitsS32(smax32)) {
    d.s32min = smin32;
    d.s32max = smax32;
  } else {
    d.s32min = S32_MIN;
    d.s32max = S32_MAX;
  }
  const umin32 = d.u32min - s.u32max;
  const umax32 = d.u32max - s.u32min;
  if (umin32 >= 0 || (f.addSubBothWrap && umax32 < 0)) {
    d.u32min = umin32 >>> 0;
    d.u32max = umax32 >>> 0;
  } else {
    d.u32min = 0;
    d.u32max = U32_MAX;
  }
  const smin = d.smin - s.smax;
  const smax = d.smax - s.smin;
  if (fitsS64(smin) && fitsS64(smax)) {
    d.smin = smin;
    d.smax = smax;
  } else {
    d.smin = S64_MIN;
    d.smax = S64_MAX;
  }
  const umin = d.umin - s.umax;
  const umax = d.umax - s.umin;
  if (umin >= 0n || (f.addSubBothWrap && umax < 0n)) {
    d.umin = asU64(umin);
    d.umax = asU64(umax);
  } else {
    d.umin = 0n;
    d.umax = U64_MAX;
  }
}

/** Products of small non-negative factors only; anything else is unknown. */
function mulRanges(d: Draft, s: RegState): void {
  if (s.s32min < 0 || d.s32min < 0 || s.u32max > 0xffff || d.u32max > 0xffff) {
    unbound32(d);
  } else {
    d.u32min *= s.u32min;
    d.u32max *= s.u32max;
    const signed = d.u32max <= S32_MAX;
    d.s32min = signed ? d.u32min : S32_MIN;
    d.s32max = signed ? d.u32max : S32_MAX;
  }
  if (s.smin < 0n || d.smin < 0n || s.umax > BigInt(U32_MAX) || d.umax > BigInt(U32_MAX)) {
    unbound64(d);
  } else {
    d.umin *= s.umin;
    d.umax *= s.umax;
    const signed = d.umax <= S64_MAX;
    d.smin = signed ? d.umin : S64_MIN;
    d.smax = signed ? d.umax : S64_MAX;
  }
}

/** Kernels with range-checked multiplication: ends multiply unless they overflow. */
function mulRangesWide(d: Draft, s: RegState): void {
  const u32max = d.u32max * s.u32max;
  if (u32max > U32_MAX) {
    d.u32min = 0;
    d.u32max = U32_MAX;
  } else {
    d.u32min *= s.u32min;
    d.u32max = u32max;
  }
  const products32 = [d.s32min * s.s32min, d.s32min * s.s32max, d.s32max * s.s32min, d.s32max * s.s32max];
  if (products32.every(fitsS32)) {
    d.s32min = Math.min(...products32) | 0;
    d.s32max = Math.max(...products32) | 0;
  } else {
    d.s32min = S32_MIN;
    d.s32max = S32_MAX;
  }
  const umax = d.umax * s.umax;
  if (umax > U64_MAX) {
    d.umin = 0n;
    d.umax = U64_MAX;
  } else {
    d.umin *= s.umin;
    d.umax = umax;
  }
  const products = [d.smin * s.smin, d.smin * s.smax, d.smax * s.smin, d.smax * s.smax];
  if (products.every(fitsS64)) {
    d.smin = products.reduce(minBig);
    d.smax = products.reduce(maxBig);
  } else {
    d.smin = S64_MIN;
    d.smax = S64_MAX;
  }
}

/**
 * Signed ranges after a bitwise operation. Newer kernels cast the unsigned range when it does not cross the sign;
 * older ones only when both operands were non-negative.
 */
function signedAfterBitwise(d: Draft, s: RegState, f: FeatureFlags, wide: boolean, narrow: boolean): void {
  if (narrow) {
    const cast = f.bitwiseSignFromUnsigned
      ? (d.u32min | 0) <= (d.u32max | 0)
      : d.s32min >= 0 && s.s32min >= 0;
    d.s32min = cast ? d.u32min | 0 : S32_MIN;
    d.s32max = cast ? d.u32max | 0 : S32_MAX;
  }
  if (wide) {
    const min = asS64(d.umin);
    const max = asS64(d.umax);
    const cast = f.bitwiseSignFromUnsigned ? min <= max : d.smin >= 0n && s.smin >= 0n;
    d.smin = cast ? min : S64_MIN;
    d.smax = cast ? max : S64_MAX;
  }
}

function bitwise(d: Draft, s: RegState, f: FeatureFlags, op: 'and' | 'or' | 'xor'): void {
  const known64 = tnumIsConst(d.bits) && tnumIsConst(s.bits);
  const known32 = subregIsConst(d.bits) && subregIsConst(s.bits);
  d.bits =
    op === 'and' ? tnumAnd(d.bits, s.bits) : op === 'or' ? tnumOr(d.bits, s.bits) : tnumXor(d.bits, s.bits);
  const low = lowWord(d.bits.value);
  const lowMask = lowWord(d.bits.mask);
  if (known32) {
    setSubregKnown(d, low);
  } else {
    const most = (low | lowMask) >>> 0;
    d.u32min = op === 'or' ? Math.max(d.u32min, s.u32min) : low;
    d.u32max = op === 'and' ? Math.min(d.u32max, s.u32max) : most;
    signedAfterBitwise(d, s, f, false, true);
  }
  if (known64) {
    setKnown(d, d.bits.value);
    return;
  }
  const most = d.bits.value | d.bits.mask;
  d.umin = op === 'or' ? maxBig(d.umin, s.umin) : d.bits.value;
  d.umax = op === 'and' ? minBig(d.umax, s.umax) : most;
  signedAfterBitwise(d, s, f, true, false);
  learnFromBits(d, f);
}

function lsh32Range(d: Draft, least: number, most: number): void {
  d.s32min = S32_MIN;
  d.s32max = S32_MAX;
  if (most > 31 || d.u32max > 2 ** (31 - most)) {
    d.u32min = 0;
    d.u32max = U32_MAX;
  } else {
    d.u32min = (d.u32min << least) >>> 0;
    d.u32max = (d.u32max << most) >>> 0;
  }
}

function lsh(d: Draft, s: RegState, alu32: boolean, f: FeatureFlags): void {
  if (alu32) {
    lsh32Range(d, s.u32min, s.u32max);
    d.bits = tnumSubreg(tnumLsh(tnumSubreg(d.bits), s.u32min));
    unbound64(d);
    learn32FromBits(d, f);
    return;
  }
  const by = Number(s.umin);
  // A left shift by 32 keeps the signed 32-bit range as the high half's.
  d.smin = by === 32 ? BigInt(d.s32min) << 32n : S64_MIN;
  d.smax = by === 32 ? BigInt(d.s32max) << 32n : S64_MAX;
  if (d.umax > 1n << BigInt(63 - by)) {
    d.umin = 0n;
    d.umax = U64_MAX;
  } else {
    d.umin <<= BigInt(by);
    d.umax <<= BigInt(by);
  }
  lsh32Range(d, by, by);
  d.bits = tnumLsh(d.bits, by);
  learnFromBits(d, f);
}

function rsh(d: Draft, s: RegState, alu32: boolean, f: FeatureFlags): void {
  if (alu32) {
    const by = s.u32min;
    d.s32min = S32_MIN;
    d.s32max = S32_MAX;
    d.bits = tnumRsh(tnumSubreg(d.bits), by);
    d.u32min >>>= s.u32max;
    d.u32max >>>= by;
    unbound64(d);
    learn32FromBits(d, f);
    return;
  }
  const by = Number(s.umin);
  d.smin = S64_MIN;
  d.smax = S64_MAX;
  d.bits = tnumRsh(d.bits, by);
  d.umin >>= s.umax;
  d.umax >>= s.umin;
  unbound32(d);
  learnFromBits(d, f);
}

function arsh(d: Draft, s: RegState, alu32: boolean, f: FeatureFlags): void {
  if (alu32) {
    const by = s.u32min;
    d.s32min >>= by;
    d.s32max >>= by;
    d.bits = tnumArsh(tnumSubreg(d.bits), by, 32);
    d.u32min = 0;
    d.u32max = U32_MAX;
    unbound64(d);
    learn32FromBits(d, f);
    return;
  }
  const by = s.umin;
  d.smin >>= by;
  d.smax >>= by;
  d.bits = tnumArsh(d.bits, Number(by), 64);
  d.umin = 0n;
  d.umax = U64_MAX;
  unbound32(d);
  learnFromBits(d, f);
}

/** Whether the profile's kernel computes a range for this operation at all. */
function isComputable(op: ScalarOp, s: RegState, alu32: boolean, f: FeatureFlags): boolean {
  const known = alu32
    ? subregIsConst(s.bits) && s.s32min === s.s32max && s.u32min === s.u32max
    : tnumIsConst(s.bits) && s.smin === s.smax && s.umin === s.umax;
  switch (op) {
    case 'add':
    case 'sub':
    case 'and':
      return true;
    case 'mul':
    case 'or':
    case 'xor':
      return f.bitwiseSignFromUnsigned || known;
    case 'div':
    case 'mod':
      return f.divisionRanges && known;
    case 'lsh':
    case 'rsh':
    case 'arsh':
      return known && s.umax < (alu32 ? 32n : 64n);
    default:
      return false;
  }
}

/** One value, on which all views agree. */
const isSettled = (r: RegState): boolean =>
  r.bits.mask === 0n &&
  r.u32min === r.u32max &&
  r.s32min === r.s32max &&
  r.s32min === (r.u32min | 0) &&
  r.umin === r.umax &&
  r.umin === r.bits.value &&
  r.smin === r.smax &&
  BigInt.asUintN(64, r.smin) === r.umin &&
  lowWord(r.umin) === r.u32min;

/** Constants need no ranges: every kernel computes them exactly. Undefined for the rarer operators. */
function constantResult(d: RegState, s: RegState, op: ScalarOp, alu32: boolean): bigint | undefined {
  switch (op) {
    case 'add':
      return asU64(d.umin + s.umin);
    case 'sub':
      return asU64(d.umin - s.umin);
    case 'mul':
      return asU64(d.umin * s.umin);
    case 'and':
      return d.umin & s.umin;
    case 'or':
      return d.umin | s.umin;
    case 'xor':
      return d.umin ^ s.umin;
    case 'lsh':
      return asU64(d.umin << s.umin);
    case 'rsh':
      return alu32 ? BigInt(d.u32min >>> s.u32min) : d.umin >> s.umin;
    default:
      return undefined;
  }
}

/** `d = d op s` on scalars, 64-bit or 32-bit with zero extension. */
export function scalarAlu(
  d: Draft,
  s: RegState,
  op: ScalarOp,
  alu32: boolean,
  f: FeatureFlags,
  signed = false,
): void {
  if (!isComputable(op, s, alu32, f)) {
    unboundAll(d);
    // Older kernels zero-extend even what they gave up on, if the operand was known.
    if (!f.bitwiseSignFromUnsigned && alu32 && subregIsConst(s.bits)) {
      zeroExtend32(d);
      syncBounds(d, f);
    }
    return;
  }
  if (isSettled(d) && isSettled(s)) {
    const result = constantResult(d, s, op, alu32);
    if (result !== undefined) {
      setKnown(d, alu32 ? BigInt.asUintN(32, result) : result);
      return;
    }
  }
  if (op === 'mod' && isSmallerThan(d, s, alu32, signed)) {
    if (alu32) zeroExtend32(d);
    syncBounds(d, f);
    return;
  }
  if (op !== 'add' && op !== 'sub') d.arc64 = d.arc32 = null;
  switch (op) {
    case 'add':
      addRanges(d, s, f);
      d.bits = tnumAdd(d.bits, s.bits);
      break;
    case 'sub':
      subRanges(d, s, f);
      d.bits = tnumSub(d.bits, s.bits);
      break;
    case 'mul':
      d.bits = tnumMul(d.bits, s.bits);
      if (f.mulWideRanges) mulRangesWide(d, s);
      else mulRanges(d, s);
      break;
    case 'and':
    case 'or':
    case 'xor':
      bitwise(d, s, f, op);
      break;
    case 'lsh':
      lsh(d, s, alu32, f);
      break;
    case 'rsh':
      rsh(d, s, alu32, f);
      break;
    case 'arsh':
      arsh(d, s, alu32, f);
      break;
    case 'div':
    case 'mod':
      divide(d, s, op, alu32, signed);
      break;
    default:
      unboundAll(d);
  }
  if (alu32) zeroExtend32(d);
  syncBounds(d, f);
}

/** Ends of the values in the width and the sign that an operation takes them in. */
function endsOf(d: Draft, alu32: boolean, signed: boolean): readonly [bigint, bigint] {
  if (alu32) return signed ? [BigInt(d.s32min), BigInt(d.s32max)] : [BigInt(d.u32min), BigInt(d.u32max)];
  return signed ? [d.smin, d.smax] : [d.umin, d.umax];
}

function knownOf(s: RegState, alu32: boolean, signed: boolean): bigint {
  const bits = alu32 ? 32 : 64;
  return signed ? BigInt.asIntN(bits, s.bits.value) : BigInt.asUintN(bits, s.bits.value);
}

/** Whether what is divided is nearer to zero than the divisor: then it is the remainder, with all that is known of it. */
function isSmallerThan(d: Draft, s: RegState, alu32: boolean, signed: boolean): boolean {
  const by = knownOf(s, alu32, signed);
  const size = by < 0n ? -by : by;
  const [min, max] = endsOf(d, alu32, signed);
  return size !== 0n && min > -size && max < size;
}

/** Division by a known number: quotients and remainders have ranges of their own. */
function divide(d: Draft, s: RegState, op: 'div' | 'mod', alu32: boolean, signed: boolean): void {
  const bits = alu32 ? 32 : 64;
  // By zero: the quotient is zero, the remainder what was divided.
  if (BigInt.asUintN(bits, s.bits.value) === 0n) {
    if (op === 'mod') return;
    if (alu32) setSubregKnown(d, 0);
    else setKnown(d, 0n);
    return;
  }
  const by = knownOf(s, alu32, signed);
  const [min, max] = endsOf(d, alu32, signed);
  const lowest = -(1n << BigInt(bits - 1));
  unboundAll(d);
  // The one quotient that does not fit wraps around.
  if (signed && by === -1n && min === lowest) {
    if (op === 'mod') setRange(d, 0n, 0n, alu32, true);
    else if (max === lowest) setRange(d, lowest, lowest, alu32, true);
    return;
  }
  if (op === 'div') {
    const a = min / by;
    const b = max / by;
    setRange(d, minBig(a, b), maxBig(a, b), alu32, signed);
    return;
  }
  const size = by < 0n ? -by : by;
  setRange(d, min < 0n ? maxBig(min, 1n - size) : 0n, max > 0n ? minBig(max, size - 1n) : 0n, alu32, signed);
}

function setRange(d: Draft, min: bigint, max: bigint, alu32: boolean, signed: boolean): void {
  if (alu32 && signed) {
    d.s32min = Number(min);
    d.s32max = Number(max);
  } else if (alu32) {
    d.u32min = Number(min);
    d.u32max = Number(max);
  } else if (signed) {
    d.smin = min;
    d.smax = max;
  } else {
    d.umin = min;
    d.umax = max;
  }
}

/** Reordering or cutting bytes: the bits move, the ranges follow from them; where nothing moves, nothing is forgotten. */
export function byteSwap(d: Draft, bits: 16 | 32 | 64, swap: boolean, f: FeatureFlags): void {
  if (bits === 64 && !swap) return;
  const move = (x: bigint): bigint => {
    let from = BigInt.asUintN(bits, x);
    if (!swap) return from;
    let to = 0n;
    for (let i = 0; i < bits; i += 8) {
      to = (to << 8n) | (from & 0xffn);
      from >>= 8n;
    }
    return to;
  };
  const moved = { value: move(d.bits.value), mask: move(d.bits.mask) };
  unboundAll(d);
  d.bits = moved;
  syncBounds(d, f);
}

/**
 * Adds a constant delta to a linked scalar's knowledge: ranges and bits. Older kernels do not let them learn from each other;
 * newer ones do, and a sum of 32 bits (`narrow`) is zero-extended.
 */
export function addDelta(d: Draft, delta: RegState, narrow: boolean, f: FeatureFlags): void {
  addRanges(d, delta, f);
  d.bits = tnumAdd(d.bits, delta.bits);
  if (!f.linkedScalarWidths) return;
  if (narrow) zeroExtend32(d);
  syncBounds(d, f);
}
