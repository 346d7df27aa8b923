/** A small seeded generator (xorshift128 seeded by splitmix32) whose whole state is four numbers: it can be snapshotted. */
export interface PrngState {
  a: number;
  b: number;
  c: number;
  d: number;
}

export function seedPrng(seed: number): PrngState {
  let x = seed | 0;
  const next = (): number => {
    x = (x + 0x9e3779b9) | 0;
    let z = x;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) | 0;
  };
  const state = { a: next(), b: next(), c: next(), d: next() };
  if ((state.a | state.b | state.c | state.d) === 0) state.d = 1;
  return state;
}

/** The next 32 random bits as an unsigned number; advances `state`. */
export function nextU32(state: PrngState): number {
  let t = state.d;
  const s = state.a;
  state.d = state.c;
  state.c = state.b;
  state.b = s;
  t ^= t << 11;
  t ^= t >>> 8;
  state.a = t ^ s ^ (s >>> 19);
  return state.a >>> 0;
}

/** An unbiased integer in 0 … bound-1. */
export function nextBelow(state: PrngState, bound: number): number {
  const limit = Math.floor(0x1_0000_0000 / bound) * bound;
  for (;;) {
    const value = nextU32(state);
    if (value < limit) return value % bound;
  }
}
