/** Internet checksums in ones' complement arithmetic, over 16-bit words in memory order. */

/** Adds with the carry brought round, 32 bits. */
export function add32(a: number, b: number): number {
  const sum = (a >>> 0) + (b >>> 0);
  return ((sum >>> 0) + (sum > 0xffff_ffff ? 1 : 0)) >>> 0;
}

/** Folds to 16 bits and complements: what a header field holds. */
export function fold(sum: number): number {
  let folded = (sum & 0xffff) + (sum >>> 16);
  folded = (folded & 0xffff) + (folded >>> 16);
  return ~folded & 0xffff;
}

const MASK64 = 0xffff_ffff_ffff_ffffn;

/** A 32-bit sum of the bytes (a multiple of four) on top of `seed`, in the form that x86-64 computes: 64 bits at a time. */
export function partial(bytes: Uint8Array, seed: number): number {
  let sum = BigInt(seed >>> 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const add = (word: bigint): void => {
    sum += word;
    if (sum > MASK64) sum = (sum & MASK64) + 1n;
  };
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) add(view.getBigUint64(at, true));
  if (at + 4 <= bytes.length) add(BigInt(view.getUint32(at, true)));
  const turned = ((sum << 32n) & MASK64) | (sum >> 32n);
  return Number(((sum + turned) & MASK64) >> 32n);
}

/** The field's new content after the 32-bit sum `from` in the data became `to`. */
export const replaceSum = (field: number, from: number, to: number): number =>
  fold(add32(add32(~field & 0xffff, ~from >>> 0), to));

/** The field's new content after data changed by the difference `difference`. */
export const replaceByDifference = (field: number, difference: number): number =>
  fold(add32(difference, ~field >>> 0));
