/**
 * 64-bit integers as they cross floors: `bigint`, unsigned unless the name says otherwise.
 * Hot loops keep their own representation (int32 pairs); these helpers are for the boundaries.
 */

/** An unsigned 64-bit value, 0 … 2^64-1. */
export type U64 = bigint;
/** A signed 64-bit value, -2^63 … 2^63-1. */
export type S64 = bigint;

export const U64_MAX: U64 = 0xffff_ffff_ffff_ffffn;
export const S64_MAX: S64 = 0x7fff_ffff_ffff_ffffn;
export const S64_MIN: S64 = -0x8000_0000_0000_0000n;

/** Wraps any integer to unsigned 64 bits. */
export const asU64 = (value: bigint): U64 => BigInt.asUintN(64, value);
/** Wraps any integer to signed 64 bits. */
export const asS64 = (value: bigint): S64 => BigInt.asIntN(64, value);

/** Joins two 32-bit halves (signedness of the halves does not matter). */
export function u64FromHalves(lo: number, hi: number): U64 {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** Low 32 bits as an int32 number. */
export const loHalf = (value: bigint): number => Number(BigInt.asIntN(32, value));
/** High 32 bits as an int32 number. */
export const hiHalf = (value: bigint): number => Number(BigInt.asIntN(32, value >> 32n));

/** `0x`-prefixed lower-case hexadecimal of the unsigned value. */
export const hex = (value: bigint | number): string =>
  '0x' + (typeof value === 'number' ? (value >>> 0).toString(16) : asU64(value).toString(16));
