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

/*
 * A value written to memory and read back as two words: the engine makes no big integers for it, as it does for shifts and masks.
 */
const WHOLE = new BigUint64Array(1);
const WORDS = new Uint32Array(WHOLE.buffer);
WHOLE[0] = 1n;
const LOW = WORDS[0] === 1 ? 0 : 1;

/** Low 32 bits as an unsigned number. */
export function lowWord(value: bigint): number {
  WHOLE[0] = value;
  return WORDS[LOW];
}
/** High 32 bits as an unsigned number. */
export function highWord(value: bigint): number {
  WHOLE[0] = value;
  return WORDS[1 - LOW];
}
/** Low 32 bits as an int32 number. */
export const loHalf = (value: bigint): number => lowWord(value) | 0;
/** High 32 bits as an int32 number. */
export const hiHalf = (value: bigint): number => highWord(value) | 0;

/** `0x`-prefixed lower-case hexadecimal of the unsigned value. */
export const hex = (value: bigint | number): string =>
  '0x' + (typeof value === 'number' ? (value >>> 0).toString(16) : asU64(value).toString(16));
