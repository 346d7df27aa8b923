/**
 * What a comparison tells: whether it is decided by the bounds of its operands, and how each outcome narrows them.
 * Scalars only. Two generations: newer kernels compare and narrow range against range, older ones only against a
 * constant (or equal ranges of 64 bits).
 */
import { asS64, asU64, S64_MAX, S64_MIN, U64_MAX } from '../util/u64';
import {
  assign32Into64,
  lowU32,
  maxBig,
  minBig,
  setKnown,
  setSubregKnown,
  subregIsConst,
  syncBounds,
  unbound32,
  unbound64,
} from './bounds';
import { arc32Of, arc64Of, setArc32, setArc64 } from './arcEnds';
import { arcBetween, arcMeet, arcSmax, arcSmin, arcUmax, arcUmin, arcWithout } from './arcs';
import { arc32Between, arc32Meet, arc32Smax, arc32Smin, arc32Umax, arc32Umin, arc32Without } from './arcs32';
import type { FeatureFlags } from './env';
import { draft, type Draft, S32_MAX, S32_MIN, U32_MAX, type RegState } from './regState';
import {
  tnumAnd,
  tnumClearSubreg,
  tnumConst,
  tnumIntersect,
  tnumIsConst,
  tnumOr,
  tnumOverlaps,
  tnumSubreg,
  tnumWithSubreg,
} from './tnum';

/** What holds between left and right. `notSet`: no common bit; it is the negation of `set`. */
export type Relation =
  'eq' | 'ne' | 'set' | 'notSet' | 'gt' | 'ge' | 'lt' | 'le' | 'sgt' | 'sge' | 'slt' | 'sle';

/** By opcode bits 4–7 of conditional jumps. */
export const RELATIONS: readonly (Relation | undefined)[] = [
  undefined,
  'eq',
  'gt',
  'ge',
  'set',
  'ne',
  'sgt',
  'sge',
  undefined,
  undefined,
  'lt',
  'le',
  'slt',
  'sle',
];

export const NEGATION: Readonly<Record<Relation, Relation>> = {
  eq: 'ne',
  ne: 'eq',
  set: 'notSet',
  notSet: 'set',
  gt: 'le',
  ge: 'lt',
  lt: 'ge',
  le: 'gt',
  sgt: 'sle',
  sge: 'slt',
  slt: 'sge',
  sle: 'sgt',
};

/** `a R b` ⇔ `b MIRROR[R] a`. */
export const MIRROR: Readonly<Record<Relation, Relation>> = {
  eq: 'eq',
  ne: 'ne',
  set: 'set',
  notSet: 'notSet',
  gt: 'lt',
  ge: 'le',
  lt: 'gt',
  le: 'ge',
  sgt: 'slt',
  sge: 'sle',
  slt: 'sgt',
  sle: 'sge',
};

const isConst = (reg: RegState, narrow: boolean): boolean =>
  narrow ? subregIsConst(reg.bits) : tnumIsConst(reg.bits);

/** a < b (`strict`) or a <= b, from the ends of their ranges. */
const below = <T extends number | bigint>(
  aMin: T,
  aMax: T,
  bMin: T,
  bMax: T,
  strict: boolean,
): boolean | undefined => {
  if (strict ? aMax < bMin : aMax <= bMin) return true;
  if (strict ? aMin >= bMax : aMin > bMax) return false;
  return undefined;
};

function ordered(
  a: RegState,
  b: RegState,
  strict: boolean,
  narrow: boolean,
  signed: boolean,
): boolean | undefined {
  if (narrow) {
    return signed
      ? below(a.s32min, a.s32max, b.s32min, b.s32max, strict)
      : below(a.u32min, a.u32max, b.u32min, b.u32max, strict);
  }
  return signed
    ? below(a.smin, a.smax, b.smin, b.smax, strict)
    : below(a.umin, a.umax, b.umin, b.umax, strict);
}

function disjoint(a: RegState, b: RegState, narrow: boolean): boolean {
  if (a.u32min > b.u32max || a.u32max < b.u32min || a.s32min > b.s32max || a.s32max < b.s32min) return true;
  return !narrow && (a.umin > b.umax || a.umax < b.umin || a.smin > b.smax || a.smax < b.smin);
}

/** Whether `a R b` is certain (true), impossible (false) or open (undefined). Both scalars. */
export function decide(
  a: RegState,
  b: RegState,
  relation: Relation,
  narrow: boolean,
  f: FeatureFlags,
): boolean | undefined {
  if (!f.jumpRefineBoth && !isConst(b, narrow)) return undefined;
  const aBits = narrow ? tnumSubreg(a.bits) : a.bits;
  const bBits = narrow ? tnumSubreg(b.bits) : b.bits;
  switch (relation) {
    case 'eq':
    case 'ne': {
      let equal: boolean | undefined;
      if (tnumIsConst(aBits) && tnumIsConst(bBits)) equal = aBits.value === bBits.value;
      else if (f.jumpRefineBoth && (!tnumOverlaps(aBits, bBits) || disjoint(a, b, narrow))) equal = false;
      return equal === undefined ? undefined : relation === 'eq' ? equal : !equal;
    }
    case 'set':
    case 'notSet': {
      const [open, mask] = tnumIsConst(bBits) ? [aBits, bBits] : [bBits, aBits];
      if (!tnumIsConst(mask)) return undefined;
      if ((open.value & mask.value) !== 0n) return relation === 'set';
      if (((open.value | open.mask) & mask.value) === 0n) return relation !== 'set';
      return undefined;
    }
    case 'lt':
      return ordered(a, b, true, narrow, false);
    case 'le':
      return ordered(a, b, false, narrow, false);
    case 'gt':
      return ordered(b, a, true, narrow, false);
    case 'ge':
      return ordered(b, a, false, narrow, false);
    case 'slt':
      return ordered(a, b, true, narrow, true);
    case 'sle':
      return ordered(a, b, false, narrow, true);
    case 'sgt':
      return ordered(b, a, true, narrow, true);
    case 'sge':
      return ordered(b, a, false, narrow, true);
  }
}

const isPowerOf2 = (x: bigint): boolean => x !== 0n && (x & (x - 1n)) === 0n;

/** a < b or a <= b holds: a's top comes down, b's bottom goes up. Ends wrap as the kernel's do on impossible paths. */
function narrowOrdered(a: Draft, b: Draft, strict: boolean, narrow: boolean, signed: boolean): void {
  const step = strict ? 1 : 0;
  if (narrow && signed) {
    a.s32max = Math.min(a.s32max, (b.s32max - step) | 0);
    b.s32min = Math.max(b.s32min, (a.s32min + step) | 0);
  } else if (narrow) {
    a.u32max = Math.min(a.u32max, (b.u32max - step) >>> 0);
    b.u32min = Math.max(b.u32min, (a.u32min + step) >>> 0);
  } else if (signed) {
    a.smax = minBig(a.smax, asS64(b.smax - BigInt(step)));
    b.smin = maxBig(b.smin, asS64(a.smin + BigInt(step)));
  } else {
    a.umax = minBig(a.umax, asU64(b.umax - BigInt(step)));
    b.umin = maxBig(b.umin, asU64(a.umin + BigInt(step)));
  }
}

function narrowEqual(a: Draft, b: Draft, narrow: boolean): void {
  if (narrow) {
    a.u32min = b.u32min = Math.max(a.u32min, b.u32min);
    a.u32max = b.u32max = Math.min(a.u32max, b.u32max);
    a.s32min = b.s32min = Math.max(a.s32min, b.s32min);
    a.s32max = b.s32max = Math.min(a.s32max, b.s32max);
    const common = tnumIntersect(tnumSubreg(a.bits), tnumSubreg(b.bits));
    a.bits = tnumWithSubreg(a.bits, common);
    b.bits = tnumWithSubreg(b.bits, common);
  } else {
    a.umin = b.umin = maxBig(a.umin, b.umin);
    a.umax = b.umax = minBig(a.umax, b.umax);
    a.smin = b.smin = maxBig(a.smin, b.smin);
    a.smax = b.smax = minBig(a.smax, b.smax);
    a.bits = b.bits = tnumIntersect(a.bits, b.bits);
  }
}

/** Only an end of the range can be excluded. */
function narrowUnequal(a: Draft, value: bigint, narrow: boolean): void {
  if (narrow) {
    const u = lowU32(value);
    if (a.u32min === u) a.u32min = (a.u32min + 1) >>> 0;
    if (a.u32max === u) a.u32max = (a.u32max - 1) >>> 0;
    if (a.s32min === (u | 0)) a.s32min = (a.s32min + 1) | 0;
    if (a.s32max === (u | 0)) a.s32max = (a.s32max - 1) | 0;
  } else {
    const s = asS64(value);
    if (a.umin === value) a.umin = asU64(a.umin + 1n);
    if (a.umax === value) a.umax = asU64(a.umax - 1n);
    if (a.smin === s) a.smin = asS64(a.smin + 1n);
    if (a.smax === s) a.smax = asS64(a.smax - 1n);
  }
}

/** An order between the operands, on arcs: each is met with what the other's ends leave to it. */
function assumeOrder(a: Draft, b: Draft, strict: boolean, narrow: boolean, signed: boolean): void {
  if (narrow) assumeOrder32(a, b, strict ? 1 : 0, signed);
  else assumeOrder64(a, b, strict ? 1n : 0n, signed);
}

function assumeOrder64(a: Draft, b: Draft, step: bigint, signed: boolean): void {
  const upper = signed ? arcSmax(arc64Of(b)) : arcUmax(arc64Of(b));
  setArc64(a, arcMeet(arc64Of(a), arcBetween(signed ? S64_MIN : 0n, upper - step)));
  const lower = signed ? arcSmin(arc64Of(a)) : arcUmin(arc64Of(a));
  setArc64(b, arcMeet(arc64Of(b), arcBetween(lower + step, signed ? S64_MAX : U64_MAX)));
}

function assumeOrder32(a: Draft, b: Draft, step: number, signed: boolean): void {
  const upper = signed ? arc32Smax(arc32Of(b)) : arc32Umax(arc32Of(b));
  setArc32(a, arc32Meet(arc32Of(a), arc32Between(signed ? S32_MIN : 0, upper - step)));
  const lower = signed ? arc32Smin(arc32Of(a)) : arc32Umin(arc32Of(a));
  setArc32(b, arc32Meet(arc32Of(b), arc32Between(lower + step, signed ? S32_MAX : U32_MAX)));
}

function assumeArcs(
  a: Draft,
  b: Draft,
  relation: Exclude<Relation, 'set' | 'notSet'>,
  narrow: boolean,
  constant: Draft | undefined,
  open: Draft,
): void {
  switch (relation) {
    case 'eq':
      if (narrow) {
        const both = arc32Meet(arc32Of(a), arc32Of(b));
        setArc32(a, both);
        setArc32(b, both);
        const common = tnumIntersect(tnumSubreg(a.bits), tnumSubreg(b.bits));
        a.bits = tnumWithSubreg(a.bits, common);
        b.bits = tnumWithSubreg(b.bits, common);
      } else {
        const both = arcMeet(arc64Of(a), arc64Of(b));
        setArc64(a, both);
        setArc64(b, both);
        a.bits = b.bits = tnumIntersect(a.bits, b.bits);
      }
      return;
    case 'ne':
      if (!constant) return;
      if (narrow) setArc32(open, arc32Meet(arc32Of(open), arc32Without(lowU32(constant.bits.value))));
      else setArc64(open, arcMeet(arc64Of(open), arcWithout(constant.bits.value)));
      return;
    case 'lt':
    case 'le':
      return assumeOrder(a, b, relation === 'lt', narrow, false);
    case 'gt':
    case 'ge':
      return assumeOrder(b, a, relation === 'gt', narrow, false);
    case 'slt':
    case 'sle':
      return assumeOrder(a, b, relation === 'slt', narrow, true);
    case 'sgt':
    case 'sge':
      return assumeOrder(b, a, relation === 'sgt', narrow, true);
  }
}

/**
 * Narrows both operands by the fact that `a R b` holds; `a` and `b` may be one register (then it learns nothing).
 * Without `keepB` nobody looks at `b` afterwards.
 */
export function assume(
  a: Draft,
  b: Draft,
  relation: Relation,
  narrow: boolean,
  f: FeatureFlags,
  keepB = true,
): void {
  const constant = isConst(b, narrow) ? b : isConst(a, narrow) ? a : undefined;
  const open = constant === b ? a : b;
  if (f.circularRanges && relation !== 'set' && relation !== 'notSet') {
    assumeArcs(a, b, relation, narrow, constant, open);
    syncBounds(a, f);
    if (keepB) syncBounds(b, f);
    return;
  }
  switch (relation) {
    case 'eq':
      narrowEqual(a, b, narrow);
      break;
    case 'ne':
      if (constant)
        narrowUnequal(open, narrow ? constant.bits.value & 0xffff_ffffn : constant.bits.value, narrow);
      break;
    case 'set':
    case 'notSet': {
      if (!constant) break;
      const value = narrow ? constant.bits.value & 0xffff_ffffn : constant.bits.value;
      const bits = narrow ? tnumSubreg(open.bits) : open.bits;
      if (relation === 'set') {
        if (!isPowerOf2(value)) break;
        const known = tnumOr(bits, tnumConst(value));
        open.bits = narrow ? tnumWithSubreg(open.bits, known) : known;
      } else {
        // The ranges are forgotten and learned anew from the bits.
        unbound64(open);
        unbound32(open);
        const known = tnumAnd(bits, tnumConst(~value));
        open.bits = narrow ? tnumWithSubreg(open.bits, known) : known;
      }
      break;
    }
    case 'lt':
    case 'le':
      narrowOrdered(a, b, relation === 'lt', narrow, false);
      break;
    case 'gt':
    case 'ge':
      narrowOrdered(b, a, relation === 'gt', narrow, false);
      break;
    case 'slt':
    case 'sle':
      narrowOrdered(a, b, relation === 'slt', narrow, true);
      break;
    case 'sgt':
    case 'sge':
      narrowOrdered(b, a, relation === 'sgt', narrow, true);
      break;
  }
  syncBounds(a, f);
  if (keepB) syncBounds(b, f);
}

/** Older kernels: 32-bit knowledge flows into 64 bits only when the high half is zero, else 64 bits are reset. */
function widen32(d: Draft, f: FeatureFlags): void {
  const high = tnumClearSubreg(d.bits);
  if (high.value === 0n && high.mask === 0n) assign32Into64(d);
  else unbound64(d);
  syncBounds(d, f);
}

/** Older kernels: 32-bit ranges are made anew from 64-bit ones that fit. */
function renarrow(d: Draft, f: FeatureFlags): void {
  unbound32(d);
  if (
    d.smin >= BigInt(S32_MIN) &&
    d.smax <= BigInt(S32_MAX) &&
    d.smin <= BigInt(S32_MAX) &&
    d.smax >= BigInt(S32_MIN)
  ) {
    d.s32min = Number(d.smin);
    d.s32max = Number(d.smax);
  }
  if (d.umin <= BigInt(U32_MAX) && d.umax <= BigInt(U32_MAX)) {
    d.u32min = Number(d.umin);
    d.u32max = Number(d.umax);
  }
  syncBounds(d, f);
}

/** Older kernels: `open R value` holds. */
export function assumeConst(
  open: Draft,
  value64: bigint,
  relation: Relation,
  narrow: boolean,
  f: FeatureFlags,
): void {
  const value = narrow ? value64 & 0xffff_ffffn : value64;
  let bits = open.bits;
  switch (relation) {
    case 'eq':
      if (narrow) setSubregKnown(open, lowU32(value));
      else setKnown(open, value);
      bits = open.bits;
      break;
    case 'ne':
      break;
    case 'set':
      if (isPowerOf2(value)) {
        bits = narrow
          ? tnumWithSubreg(bits, tnumOr(tnumSubreg(bits), tnumConst(value)))
          : tnumOr(bits, tnumConst(value));
      }
      break;
    case 'notSet': {
      const known = tnumAnd(
        narrow ? tnumSubreg(bits) : bits,
        tnumConst(narrow ? ~value & 0xffff_ffffn : ~value),
      );
      unbound64(open);
      unbound32(open);
      bits = narrow ? tnumWithSubreg(bits, known) : known;
      break;
    }
    default: {
      const fixed = draft(open);
      setKnown(fixed, narrow ? value : value64);
      if (narrow) setSubregKnown(fixed, lowU32(value));
      const strict = relation === 'lt' || relation === 'gt' || relation === 'slt' || relation === 'sgt';
      const signed = relation.startsWith('s');
      if (relation === 'lt' || relation === 'le' || relation === 'slt' || relation === 'sle') {
        narrowOrdered(open, fixed, strict, narrow, signed);
      } else {
        narrowOrdered(fixed, open, strict, narrow, signed);
      }
    }
  }
  open.bits = bits;
  if (narrow) widen32(open, f);
  else renarrow(open, f);
}
