/**
 * Programs for the verifier's benchmark, generated: the same seed gives the same text. Each stresses one thing that
 * makes verifying expensive. Not examples of good BPF: nobody writes such programs, compilers and unrolling do.
 * Socket filters without maps, so that any kernel's verifier can be asked for its counts, too.
 */

export interface GeneratedProgram {
  readonly name: string;
  readonly about: string;
  readonly text: string;
  /** What the verifier must say; a benchmark of a wrong answer is worthless. */
  readonly verdict: 'accepted' | 'rejected';
  /** Whether its speed counts; the others are about latency and memory. */
  readonly speed: boolean;
}

export const SEED = 0x5eed_2026;

/** xorshift32: enough to vary constants and operators. */
class Draws {
  constructor(private state: number) {}
  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }
}

/** A helper that returns any number. */
const ANY = 'call 7';

/** One arithmetic instruction on scratch registers R1–R5 (all readable scalars), results staying cheap to follow. */
function scratch(draws: Draws): string {
  const dst = 1 + draws.below(5);
  const src = 1 + draws.below(5);
  const value = 1 + draws.below(200);
  return draws.pick([
    `r${dst} += ${value}`,
    `r${dst} ^= ${value}`,
    `r${dst} &= ${0xff + value}`,
    `r${dst} = r${src}`,
    `r${dst} += r${src}`,
    `r${dst} |= r${src}`,
    `r${dst} >>= ${1 + draws.below(7)}`,
    `w${dst} <<= ${1 + draws.below(7)}`,
    `w${dst} -= ${value}`,
    `r${dst} = ${value}`,
  ]);
}

const fillScratch = (): string[] => ['r1 = 1', 'r2 = r0', 'r3 = 3', 'r4 = r0', 'r5 = 5'];

/** Diamonds whose outcome is needed exactly at the end: no path covers another, 2^levels of them. */
function branches(draws: Draws): string {
  const lines = ['r6 = 0', 'r7 = 0'];
  for (let level = 0; level < 13; level++) {
    lines.push(ANY, ...fillScratch());
    lines.push(`if r0 > ${50 + draws.below(400)} goto +2`, `r6 += ${1 << level}`, 'r7 ^= r0');
    for (let n = 0; n < 12; n++) lines.push(scratch(draws));
    lines.push(`if w2 s< ${draws.below(90)} goto +0`);
  }
  lines.push('if r6 == 1000000 goto +0', 'r0 = 0', 'exit');
  return lines.join('\n');
}

/** A loop in a loop, 120 × 100 rounds, with sums of known and unknown numbers inside. */
function loops(draws: Draws): string {
  const body: string[] = [];
  for (let n = 0; n < 22; n++) body.push(scratch(draws));
  const inner = [...body, 'r7 += 1', `if r7 < 100 goto -${body.length + 2}`];
  const outer = [ANY, ...fillScratch(), 'r7 = 0', ...inner, 'r6 += 1'];
  return ['r6 = 0', ...outer, `if r6 < 120 goto -${outer.length + 1}`, 'r0 = 0', 'exit'].join('\n');
}

/** The whole stack in use, spilled and filled in a loop; addresses computed, bytes and words mixed. */
function stack(draws: Draws, rounds: number): string {
  const lines: string[] = [ANY, 'r9 = r0', 'r9 &= 63', 'r6 = 0', 'r7 = 0'];
  for (let slot = 1; slot <= 64; slot++) lines.push(`*(u64 *)(r10 - ${slot * 8}) = r7`);
  const body: string[] = [];
  for (let n = 0; n < 30; n++) {
    // The deepest slot is the pointer's.
    const slot = 8 * (1 + draws.below(63));
    body.push(
      ...draws.pick([
        [`*(u64 *)(r10 - ${slot}) = r9`, `r1 = *(u64 *)(r10 - ${slot})`, 'r1 += 3'],
        [`r2 = *(u64 *)(r10 - ${slot})`, 'r2 &= 255', `*(u64 *)(r10 - ${slot}) = r2`],
        [`*(u32 *)(r10 - ${slot}) = r6`, `r3 = *(u32 *)(r10 - ${slot})`],
        [`*(u8 *)(r10 - ${slot}) = ${draws.below(100)}`, `r4 = *(u8 *)(r10 - ${slot})`],
        ['r5 = r10', 'r5 += -256', 'r5 += r9', 'r1 = *(u8 *)(r5 + 0)', 'r8 = r1'],
        ['*(u64 *)(r10 - 512) = r10', 'r5 = *(u64 *)(r10 - 512)', `*(u64 *)(r5 - ${slot}) = r6`],
      ]),
    );
  }
  lines.push(...body, 'r6 += 1', `if r6 < ${rounds} goto -${body.length + 2}`, 'r0 = 0', 'exit');
  return lines.join('\n');
}

/** A thousand instructions as a compiler might unroll them: what an editor's user waits for. */
function thousand(draws: Draws): string {
  const lines: string[] = ['r6 = 0'];
  while (lines.length < 1000 - 24) {
    lines.push(ANY, ...fillScratch());
    for (let n = 0; n < 12; n++) lines.push(scratch(draws));
    lines.push(`if r0 > ${draws.below(1000)} goto +1`, 'r6 += r1');
    lines.push(`*(u64 *)(r10 - ${8 * (1 + draws.below(64))}) = r6`);
  }
  while (lines.length < 998) lines.push('r6 += 1');
  return [...lines, 'r0 = 0', 'exit'].join('\n');
}

/** All programs, in the order in which they are printed. */
export function generatedPrograms(seed = SEED): GeneratedProgram[] {
  const draws = (): Draws => new Draws(seed);
  return [
    {
      name: 'branches',
      about: '2^13 paths that cannot be merged',
      text: branches(draws()),
      verdict: 'accepted',
      speed: true,
    },
    {
      name: 'loops',
      about: 'nested loops, 12,000 rounds of arithmetic',
      text: loops(draws()),
      verdict: 'accepted',
      speed: true,
    },
    {
      name: 'stack',
      about: '512 bytes of stack in a loop',
      text: stack(draws(), 4000),
      verdict: 'accepted',
      speed: true,
    },
    {
      name: 'thousand',
      about: '1,000 instructions: latency',
      text: thousand(draws()),
      verdict: 'accepted',
      speed: false,
    },
    {
      name: 'budget',
      about: 'the stack program until 1,000,000 are processed: memory',
      text: stack(draws(), 1_000_000),
      verdict: 'rejected',
      speed: false,
    },
  ];
}
