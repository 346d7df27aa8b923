/**
 * Sets of halves of a frame's stack slots, one set for each instruction of a function. Half `2n` is the upper four bytes of slot n
 * (fp-8n-4), half `2n + 1` the lower four. In words of 32 bits, because big integers are dear.
 */
const HALVES = 128;
/** Words of one set. */
export const HALVES_WORDS = HALVES / 32;

export class HalfSets {
  /** The sets one after the other. */
  readonly words: Int32Array;

  constructor(count: number) {
    this.words = new Int32Array(count * HALVES_WORDS);
  }

  addAll(i: number): void {
    this.words.fill(-1, i * HALVES_WORDS, (i + 1) * HALVES_WORDS);
  }

  /** Halves `from` to `to`, as far as a frame has them. */
  addRange(i: number, from: number, to: number): void {
    for (let half = from; half <= Math.min(to, HALVES - 1); half++)
      this.words[i * HALVES_WORDS + (half >> 5)] |= 1 << (half & 31);
  }

  /** Adds set `j` of `other` to set `i`. */
  addSet(i: number, other: HalfSets, j: number): void {
    for (let w = 0; w < HALVES_WORDS; w++)
      this.words[i * HALVES_WORDS + w] |= other.words[j * HALVES_WORDS + w];
  }

  /** Adds set `i` to `to`. */
  addTo(to: Int32Array, i: number): void {
    for (let w = 0; w < HALVES_WORDS; w++) to[w] |= this.words[i * HALVES_WORDS + w];
  }

  /** Adds or, with `both`, intersects all sets with those of `other`. */
  merge(other: HalfSets, both: boolean): void {
    const { words } = this;
    for (let n = 0; n < words.length; n++)
      words[n] = both ? words[n] & other.words[n] : words[n] | other.words[n];
  }

  clear(): void {
    this.words.fill(0);
  }
}
