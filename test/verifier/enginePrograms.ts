/**
 * Small programs that each exercise one part of the engine, in the kernel log's own dialect. What three real kernels
 * said of them stands in `test/fixtures/verifier/engine.json`; it is made by writing these programs in the raw format
 * (`node out/test/verifier/enginePrograms.js > programs.jsonl`), judging them on the kernels and keeping verdict, error
 * number, message and counts.
 */
import { assemble } from '../../runtime/insn/assemble';
import { encode } from '../../runtime/insn/encode';
import { bytesToHex } from '../../runtime/util/hexText';
import type { RawMap, RawProgram } from '../../runtime/loader/rawProgram';

interface EngineProgram {
  readonly id: string;
  readonly text: string;
  readonly type?: string;
  readonly maps?: readonly RawMap[];
  /** First slots and argument counts of the main program and its static functions. */
  readonly funcs?: readonly (readonly [number, number])[];
}

const UNKNOWN_R0 = 'call 7'; // a helper that returns any number
const ARRAY: readonly RawMap[] = [{ type: 'array', key: 4, value: 16, max: 4 }];
const LOOKUP = `
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = 0 ll src 1
  call 1`;

export const ENGINE_PROGRAMS: readonly EngineProgram[] = [
  { id: 'returns-zero', text: 'r0 = 0\nexit' },
  { id: 'uninitialised-result', text: 'exit' },
  { id: 'uninitialised-operand', text: 'r0 = r3\nexit' },
  { id: 'writes-frame-pointer', text: 'r10 = 0\nr0 = 0\nexit' },
  { id: 'unreachable-code', text: 'r0 = 0\nexit\nr0 = 1\nexit' },
  { id: 'falls-off-the-end', text: 'r0 = 0' },
  { id: 'jumps-out', text: 'if r1 == 0 goto +5\nr0 = 0\nexit' },
  { id: 'divides-by-zero', text: 'r0 = 1\nr0 /= 0\nexit' },
  { id: 'shifts-too-far', text: 'r0 = 1\nr0 <<= 64\nexit' },
  { id: 'endless-loop', text: 'r0 = 0\ngoto -1' },
  { id: 'endless-loop-in-two-steps', text: 'r0 = 0\nr1 = 0\ngoto -2' },
  { id: 'bounded-loop', text: 'r0 = 0\nr0 += 1\nif r0 < 10 goto -2\nr0 = 0\nexit' },
  {
    id: 'bounded-loop-of-unknown-length',
    text: `${UNKNOWN_R0}\nr6 = r0\nr6 &= 31\nr7 = 0\nr7 += 1\nif r7 < r6 goto -2\nr0 = 0\nexit`,
  },
  {
    id: 'loop-with-imprecise-counter',
    text: `r6 = 0\n${UNKNOWN_R0}\nr6 += r0\nr7 = 0\nr7 += 1\nr6 += 3\nif r7 < 50 goto -3\nr0 = 0\nexit`,
  },
  { id: 'diamond', text: `${UNKNOWN_R0}\nif r0 == 0 goto +1\nr0 = 1\nr0 = 0\nexit` },
  {
    id: 'diamonds-in-a-row-prune',
    text:
      Array.from({ length: 12 }, () => `${UNKNOWN_R0}\nif r0 == 0 goto +1\nr1 = 1`).join('\n') +
      '\nr0 = 0\nexit',
  },
  {
    id: 'values-kept-alive-do-not-prune',
    text:
      'r6 = 0\n' +
      Array.from({ length: 8 }, (_, i) => `${UNKNOWN_R0}\nif r0 == 0 goto +1\nr6 += ${1 << i}`).join('\n') +
      '\nif r6 == 1000 goto +0\nr0 = 0\nexit',
  },
  {
    id: 'precise-offset-explores-each-value',
    text: `${UNKNOWN_R0}\nr6 = 1\nif r0 == 0 goto +1\nr6 = 2\n${UNKNOWN_R0}\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr1 += r6\nr0 = *(u8 *)(r1 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'spill-and-fill-keeps-bounds',
    text: `${UNKNOWN_R0}\nr0 &= 7\n*(u64 *)(r10 - 8) = r0\nr1 = *(u64 *)(r10 - 8)\nr2 = r10\nr2 += -16\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'narrow-fill',
    text: `${UNKNOWN_R0}\nr0 &= 7\n*(u64 *)(r10 - 8) = r0\nr1 = *(u32 *)(r10 - 8)\nr2 = r10\nr2 += -16\nr2 += r1\nr0 = *(u8 *)(r2 + 0)\nr0 = 0\nexit`,
  },
  { id: 'stack-too-deep', text: 'r1 = 0\n*(u64 *)(r10 - 520) = r1\nr0 = 0\nexit' },
  { id: 'stack-above-frame', text: 'r1 = 0\n*(u64 *)(r10 + 0) = r1\nr0 = 0\nexit' },
  {
    id: 'stack-variable-out-of-bounds',
    text: `${UNKNOWN_R0}\nr1 = r10\nr1 += r0\nr0 = *(u8 *)(r1 - 8)\nexit`,
  },
  {
    id: 'pointer-plus-unbounded',
    maps: ARRAY,
    text: `${LOOKUP}\nif r0 == 0 goto +4\nr6 = r0\n${UNKNOWN_R0}\nr6 += r0\nr0 = *(u8 *)(r6 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'signed-check-leaves-negative',
    maps: ARRAY,
    text: `${LOOKUP}\nif r0 == 0 goto +5\nr6 = r0\n${UNKNOWN_R0}\nif r0 s> 8 goto +2\nr6 += r0\nr0 = *(u8 *)(r6 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'two-signed-checks-bound',
    maps: ARRAY,
    text: `${LOOKUP}\nif r0 == 0 goto +6\nr6 = r0\n${UNKNOWN_R0}\nif r0 s> 8 goto +3\nif r0 s< 0 goto +2\nr6 += r0\nr0 = *(u8 *)(r6 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'masked-index',
    maps: ARRAY,
    text: `${LOOKUP}\nif r0 == 0 goto +5\nr6 = r0\n${UNKNOWN_R0}\nr0 &= 15\nr6 += r0\nr0 = *(u8 *)(r6 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'masked-index-too-large',
    maps: ARRAY,
    text: `${LOOKUP}\nif r0 == 0 goto +5\nr6 = r0\n${UNKNOWN_R0}\nr0 &= 16\nr6 += r0\nr0 = *(u8 *)(r6 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'copied-register-shares-bounds',
    maps: ARRAY,
    text: `${LOOKUP}\nif r0 == 0 goto +6\nr6 = r0\n${UNKNOWN_R0}\nr7 = r0\nif r0 > 15 goto +2\nr6 += r7\nr0 = *(u8 *)(r6 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'copy-plus-constant-shares-bounds',
    maps: ARRAY,
    text: `${LOOKUP}\nif r0 == 0 goto +7\nr6 = r0\n${UNKNOWN_R0}\nr7 = r0\nr7 += 4\nif r0 > 8 goto +2\nr6 += r7\nr0 = *(u8 *)(r6 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'compares-two-unknowns',
    text: `${UNKNOWN_R0}\nr6 = r0\nr6 &= 255\n${UNKNOWN_R0}\nif r0 > r6 goto +4\nr1 = r10\nr1 += -256\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'narrow-comparison',
    text: `${UNKNOWN_R0}\nif w0 > 7 goto +5\nw0 = w0\nr1 = r10\nr1 += -8\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'bit-test',
    text: `${UNKNOWN_R0}\nif r0 & 0xfffffff8 goto +5\nw0 = w0\nr1 = r10\nr1 += -8\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nr0 = 0\nexit`,
  },
  { id: 'null-not-checked', maps: ARRAY, text: `${LOOKUP}\nr0 = *(u8 *)(r0 + 0)\nexit` },
  {
    id: 'null-checked-the-wrong-way',
    maps: ARRAY,
    text: `${LOOKUP}\nif r0 != 0 goto +1\nr0 = *(u8 *)(r0 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'null-check-covers-copies',
    maps: ARRAY,
    text: `${LOOKUP}\nr7 = r0\nif r0 == 0 goto +1\nr0 = *(u8 *)(r7 + 0)\nr0 = 0\nexit`,
  },
  { id: 'pointer-times-two', text: 'r1 = r10\nr1 *= 2\nr0 = 0\nexit' },
  { id: 'pointer-and-mask', text: 'r1 = r10\nr1 &= -8\nr0 = 0\nexit' },
  { id: 'narrow-pointer-sum', text: 'r1 = r10\nw1 += 4\nr0 = 0\nexit' },
  { id: 'sum-of-pointers', text: 'r2 = r10\nr2 += r10\nr0 = 0\nexit' },
  { id: 'difference-of-pointers', text: 'r2 = r10\nr2 -= r10\nr0 = 0\nexit' },
  {
    id: 'calls-a-function',
    funcs: [
      [0, 1],
      [3, 1],
    ],
    text: 'call pc+2\nr0 = 0\nexit\nr0 = 1\nexit',
  },
  {
    id: 'function-result-precise',
    funcs: [
      [0, 1],
      [8, 1],
    ],
    text: 'r1 = 3\ncall pc+6\nr2 = r10\nr2 += -16\nr2 += r0\nr0 = *(u8 *)(r2 + 0)\nr0 = 0\nexit\nr0 = r1\nr0 += 1\nexit',
  },
  {
    id: 'function-clobbers-arguments',
    funcs: [
      [0, 1],
      [4, 1],
    ],
    text: 'r1 = 1\ncall pc+2\nr0 = r1\nexit\nr0 = 1\nexit',
  },
  {
    id: 'function-writes-callers-stack',
    funcs: [
      [0, 1],
      [6, 1],
    ],
    text: 'r1 = r10\nr1 += -8\ncall pc+3\nr0 = *(u64 *)(r10 - 8)\nr0 = 0\nexit\nr2 = 5\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit',
  },
  {
    id: 'function-returns-its-stack',
    funcs: [
      [0, 1],
      [3, 1],
    ],
    text: 'call pc+2\nr0 = 0\nexit\nr0 = r10\nexit',
  },
  {
    id: 'recursion',
    funcs: [
      [0, 1],
      [3, 1],
    ],
    text: 'call pc+2\nr0 = 0\nexit\ncall pc-1\nr0 = 0\nexit',
  },
  {
    id: 'deep-stack-over-calls',
    funcs: [
      [0, 1],
      [4, 1],
    ],
    text: 'r1 = 0\n*(u64 *)(r10 - 300) = r1\ncall pc+1\nexit\nr1 = 0\n*(u64 *)(r10 - 304) = r1\nr0 = 0\nexit',
  },
  {
    id: 'atomic-add-on-stack',
    text: 'r1 = 1\n*(u64 *)(r10 - 8) = r1\nlock *(u64 *)(r10 - 8) += r1\nr0 = 0\nexit',
  },
  {
    id: 'atomic-fetch',
    text: 'r1 = 1\n*(u64 *)(r10 - 8) = r1\nr1 = atomic64_fetch_add((u64 *)(r10 - 8), r1)\nr0 = r1\nr0 = 0\nexit',
  },
  {
    id: 'compare-and-exchange',
    text: 'r0 = 1\nr1 = 2\n*(u64 *)(r10 - 8) = r1\nr0 = atomic64_cmpxchg((u64 *)(r10 - 8), r0, r1)\nr0 = 0\nexit',
  },
  { id: 'byte-swaps', text: `${UNKNOWN_R0}\nr0 = be16 r0\nr0 = le32 r0\nr0 = 0\nexit` },
  {
    id: 'sign-extension',
    text: `${UNKNOWN_R0}\nr1 = (s8)r0\nif r1 s> 127 goto +1\nr0 = 0\nexit\nr0 = *(u8 *)(r9 + 0)\nexit`,
  },
  {
    id: 'arithmetic-shift-mask',
    text: `${UNKNOWN_R0}\nr0 s>>= 63\nr0 &= 8\nr1 = r10\nr1 += -16\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'product-of-small-numbers',
    text: `${UNKNOWN_R0}\nr0 &= 3\nr0 *= 5\nr1 = r10\nr1 += -16\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nr0 = 0\nexit`,
  },
  {
    id: 'remainder',
    text: `${UNKNOWN_R0}\nr0 %= 8\nr1 = r10\nr1 += -8\nr1 += r0\nr0 = *(u8 *)(r1 + 0)\nr0 = 0\nexit`,
  },
];

export const rawOf = (program: EngineProgram): RawProgram => ({
  id: program.id,
  type: program.type ?? 'socket_filter',
  insns: bytesToHex(encode(assemble(program.text))),
  maps: program.maps,
  funcs: program.funcs,
});

if (require.main === module) {
  for (const program of ENGINE_PROGRAMS) console.log(JSON.stringify(rawOf(program)));
}
