/**
 * Makes a program smaller while a kernel and we go on to disagree in the same way. Instructions are blanked, ever smaller
 * stretches of them, many candidates a boot; at last the blanks are cut out.
 */
import { decode, isWide } from '../../runtime/insn/decode';
import { encode } from '../../runtime/insn/encode';
import type { Insn } from '../../runtime/insn/insn';
import type { RawProgram } from '../../runtime/loader/rawProgram';
import { bytesToHex, hexToBytes } from '../../runtime/util/hexText';
import type { KernelName } from '../oracle/boot';
import { rawOnKernel } from '../oracle/rawPrograms';
import { differs } from '../oracle/agreement';
import { compareRaw, profileOf } from './judge';

const BLANK: Insn = { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 };
const isBlank = (insn: Insn): boolean => insn.code === 0x05 && insn.off === 0;

const insnsOf = (raw: RawProgram): Insn[] => {
  const bytes = hexToBytes(raw.insns);
  if (!bytes.ok) throw new Error(bytes.problem.message);
  return decode(bytes.value);
};
const withInsns = (raw: RawProgram, insns: readonly Insn[]): RawProgram => ({
  ...raw,
  insns: bytesToHex(encode(insns)),
});

/** The kind of disagreement: verdicts, or messages, or counts. */
function kindOf(c: { kernelSays: string; weSay: string; kernelMessage: string; ourMessage: string }): string {
  if (c.kernelSays !== c.weSay) return `${c.kernelSays}/${c.weSay}`;
  return c.kernelMessage !== c.ourMessage ? 'message' : 'count';
}

async function kinds(kernel: KernelName, programs: readonly RawProgram[]): Promise<string[]> {
  const answers = await rawOnKernel(kernel, programs);
  const profile = profileOf(kernel);
  return programs.map((raw, i) => {
    const c = compareRaw(raw, answers[i], profile);
    return c === undefined || !differs(c) ? '' : kindOf(c);
  });
}

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
  const place: number[] = [];
  let kept = 0;
  for (let i = 0; i <= insns.length; i++) {
    place.push(kept);
    if (i < insns.length && !isBlank(insns[i])) kept++;
  }
  const out: Insn[] = [];
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i];
    if (isBlank(insn)) continue;
    const cls = insn.code & 7;
    const op = insn.code >> 4;
    const move = (by: number): number => (place[i + 1 + by] ?? kept) - place[i] - 1;
    if ((cls === 5 || cls === 6) && op !== 8 && op !== 9) out.push({ ...insn, off: move(insn.off) });
    else if ((insn.code === 0x85 && insn.src === 1) || (isWide(insn) && insn.src === 4))
      out.push({ ...insn, imm: move(insn.imm) });
    else out.push(insn);
    if (isWide(insn)) out.push(insns[++i]);
  }
  const funcs = raw.funcs?.map(([start, count]) => [place[start], count] as const);
  return { ...withInsns(raw, out), ...(funcs ? { funcs } : {}) };
}

/** @returns the smaller program; the same one when kernel and we agree on it. */
export async function minimise(kernel: KernelName, raw: RawProgram): Promise<RawProgram> {
  const [kind] = await kinds(kernel, [raw]);
  if (kind === '') return raw;
  let best = insnsOf(raw);
  for (let size = Math.max(1, best.length >> 1); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let again = true; again;) {
      again = false;
      const candidates: Insn[][] = [];
      for (let from = 0; from < best.length; from += size) {
        if (best.slice(from, from + size).every(isBlank)) continue;
        candidates.push(blanked(best, from, from + size));
      }
      const found = await kinds(
        kernel,
        candidates.map((insns) => withInsns(raw, insns)),
      );
      const good = candidates.filter((_, i) => found[i] === kind);
      if (good.length === 0) break;
      // All good blanks together, if that still disagrees; else the first of them.
      const together = best.map((insn, i) => (good.some((g) => isBlank(g[i])) ? BLANK : insn));
      const [all] = await kinds(kernel, [withInsns(raw, together)]);
      best = all === kind ? together : good[0];
      again = all !== kind || size === 1;
    }
  }
  const cut = withoutBlanks(withInsns(raw, best));
  const [still] = await kinds(kernel, [cut]);
  return still === kind ? cut : withInsns(raw, best);
}
