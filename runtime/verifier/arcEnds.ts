/**
 * Arcs of registers: newest kernels keep ranges as arcs, registers here keep their ends. Read from the ends where these tell all,
 * else the arc that is kept beside them; written back the same way.
 */
import { asU64, loHalf, S64_MAX, S64_MIN, U64_MAX } from '../util/u64';
import { arcBetween, arcMeet, arcSmax, arcSmin, arcUmax, arcUmin, FULL, type Arc } from './arcs';
import {
  arc32Between,
  arc32Meet,
  arc32Smax,
  arc32Smin,
  arc32Umax,
  arc32Umin,
  FULL32,
  type Arc32,
} from './arcs32';
import { type Draft, S32_MAX, S32_MIN, U32_MAX, type RegState } from './regState';
import type { Tnum } from './tnum';

export const isFull64 = (d: RegState): boolean =>
  d.umin === 0n && d.umax === U64_MAX && d.smin === S64_MIN && d.smax === S64_MAX;
export const isFull32 = (d: RegState): boolean =>
  d.u32min === 0 && d.u32max === U32_MAX && d.s32min === S32_MIN && d.s32max === S32_MAX;

export function arc64Of(r: RegState): Arc {
  const hasSigned = r.smin !== S64_MIN || r.smax !== S64_MAX;
  const hasUnsigned = r.umin !== 0n || r.umax !== U64_MAX;
  if (!hasSigned) return hasUnsigned ? arcBetween(r.umin, r.umax) : (r.arc64 ?? FULL);
  if (!hasUnsigned) return arcBetween(r.smin, r.smax);
  const unsigned = arcBetween(r.umin, r.umax);
  return r.smin === r.umin && r.smax === r.umax ? unsigned : arcMeet(unsigned, arcBetween(r.smin, r.smax));
}

export function arc32Of(r: RegState): Arc32 {
  const hasSigned = r.s32min !== S32_MIN || r.s32max !== S32_MAX;
  const hasUnsigned = r.u32min !== 0 || r.u32max !== U32_MAX;
  if (!hasSigned) return hasUnsigned ? arc32Between(r.u32min, r.u32max) : (r.arc32 ?? FULL32);
  if (!hasUnsigned) return arc32Between(r.s32min, r.s32max);
  const unsigned = arc32Between(r.u32min, r.u32max);
  return r.s32min === r.u32min && r.s32max === r.u32max
    ? unsigned
    : arc32Meet(unsigned, arc32Between(r.s32min, r.s32max));
}

export function setArc64(d: Draft, a: Arc): void {
  d.umin = arcUmin(a);
  d.umax = arcUmax(a);
  d.smin = arcSmin(a);
  d.smax = arcSmax(a);
  d.arc64 = a !== FULL && isFull64(d) ? a : null;
}

export function setArc32(d: Draft, a: Arc32): void {
  d.u32min = arc32Umin(a);
  d.u32max = arc32Umax(a);
  d.s32min = arc32Smin(a);
  d.s32max = arc32Smax(a);
  d.arc32 = a !== FULL32 && isFull32(d) ? a : null;
}

const SIGN_BIT = 1n << 63n;

/** The smallest and largest pattern, in signed order if the sign is set or open. */
export function arcOfBits({ value, mask }: Tnum): Arc {
  if (mask === U64_MAX) return FULL;
  const most = value | mask;
  if (most <= S64_MAX) return arcBetween(value, most);
  return value > S64_MAX ? arcBetween(value, most) : arcBetween(value | SIGN_BIT, asU64(most ^ SIGN_BIT));
}

/** The same of the low half. */
export function arc32OfBits({ value, mask }: Tnum): Arc32 {
  if (mask === U64_MAX) return FULL32;
  const low = loHalf(value);
  const open = loHalf(mask);
  return open < 0 ? arc32Between(low | S32_MIN, low | (open & S32_MAX)) : arc32Between(low, low | open);
}
