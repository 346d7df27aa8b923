/**
 * Makes a program smaller while a kernel and we go on to disagree in the same way. Instructions are blanked in stretches of all
 * lengths at once, what goes well alone is tried together, and at last the blanks are cut out: a boot costs more than its questions.
 */
import { isWide } from '../../runtime/insn/decode';
import type { Insn } from '../../runtime/insn/insn';
import type { RawProgram } from '../../runtime/loader/rawProgram';
import { nextBelow, seedPrng } from '../../runtime/util/prng';
import type { KernelName } from '../oracle/boot';
import { rawOnKernel } from '../oracle/rawPrograms';
import { differs } from '../oracle/agreement';
import { insnsOf, rearranged, withInsns } from './editing';
import { compareRaw, profileOf } from './judge';

const MIXTURES = 150;
const BLANK: Insn = { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 };
const isBlank = (insn: Insn): boolean => insn.code === 0x05 && insn.off === 0;

/** The kind of disagreement: verdicts, or messages, or counts. */
function kindOf(c: { kernelSays: string; weSay: string; kernelMessage: string; ourMessage: string }): string {
  if (c.kernelSays !== c.weSay) return `${c.kernelSays}/${c.weSay}`;
  return c.kernelMessage !== c.ourMessage ? 'message' : 'count';
}

/** What kind of disagreement each program is, '' for none: one guest answers for all. */
export type Ask = (programs: readonly RawProgram[]) => Promise<string[]>;

const asking =
  (kernel: KernelName): Ask =>
  async (programs) => {
    const answers = await rawOnKernel(kernel, programs);
    const profile = profileOf(kernel);
    return programs.map((raw, i) => {
      const c = compareRaw(raw, answers[i], profile);
      return c === undefined || !differs(c) ? '' : kindOf(c);
    });
  };

/** Blanks slots [from, to), wide instructions whole. */
function blanked(insns: readonly Insn[], from: number, to: number): Insn[] {
  const out = insns.slice();
  for (let i = 0; i < insns.length; i++) {
    const wide = isWide(insns[i]);
    if (i >= from && i < to) {
      out[i] = BLANK;
      if (wide) out[i + 1] = BLANK;
    }
    if (wide) i++;
  }
  return out;
}

/** Cuts the blanks out and lets jumps, calls and functions follow. */
export function withoutBlanks(raw: RawProgram): RawProgram {
  const insns = insnsOf(raw);
  return rearranged(raw, insns, (i) => (isBlank(insns[i]) ? [] : [insns[i]]));
}

/** Every stretch of 1, 2, 4 … slots that is not blank already, long ones first. */
function stretches(insns: readonly Insn[]): Insn[][] {
  const found: Insn[][] = [];
  for (let size = 1 << Math.ceil(Math.log2(Math.max(2, insns.length))); size >= 1; size >>= 1)
    for (let from = 0; from < insns.length; from += size)
      if (!insns.slice(from, from + size).every(isBlank)) found.push(blanked(insns, from, from + size));
  return found;
}

/** Blank wherever one of `parts` is. */
const together = (insns: readonly Insn[], parts: readonly (readonly Insn[])[]): Insn[] =>
  insns.map((insn, i) => (parts.some((part) => isBlank(part[i])) ? BLANK : insn));

/** What goes well alone, combined: runs from the front and the back of the list, and chance mixtures. */
function mixtures(insns: readonly Insn[], good: readonly Insn[][]): Insn[][] {
  const random = seedPrng(good.length);
  const subsets: Insn[][][] = [];
  for (let n = 1; n <= good.length; n++) subsets.push(good.slice(0, n), good.slice(-n));
  for (let n = 0; n < MIXTURES; n++) {
    const part = 1 + nextBelow(random, 7);
    subsets.push(good.filter(() => nextBelow(random, 8) < part));
  }
  return subsets.filter((subset) => subset.length > 0).map((subset) => together(insns, subset));
}

const blanksIn = (insns: readonly Insn[]): number => insns.filter(isBlank).length;

/** @returns the smaller program; the same one when kernel and we agree on it. Two guests a round. */
export async function minimiseWith(ask: Ask, raw: RawProgram): Promise<RawProgram> {
  const [kind] = await ask([raw]);
  if (kind === '') return raw;
  let best = insnsOf(raw);
  for (;;) {
    const alone = stretches(best);
    const answers = await ask(alone.map((insns) => withInsns(raw, insns)));
    const good = alone.filter((_, i) => answers[i] === kind);
    if (good.length === 0) break;
    const mixed = mixtures(best, good);
    const mixedAnswers = await ask(mixed.map((insns) => withInsns(raw, insns)));
    const candidates = [...good, ...mixed.filter((_, i) => mixedAnswers[i] === kind)];
    best = candidates.reduce((a, b) => (blanksIn(b) > blanksIn(a) ? b : a));
  }
  const cut = withoutBlanks(withInsns(raw, best));
  const [still] = await ask([cut]);
  return still === kind ? cut : withInsns(raw, best);
}

export const minimise = (kernel: KernelName, raw: RawProgram): Promise<RawProgram> =>
  minimiseWith(asking(kernel), raw);
