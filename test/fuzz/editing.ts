/** Changes of the instructions of a bare program that let jumps, calls and function records follow. */
import { decode, isWide } from '../../runtime/insn/decode';
import { encode } from '../../runtime/insn/encode';
import type { Insn } from '../../runtime/insn/insn';
import type { RawProgram } from '../../runtime/loader/rawProgram';
import { bytesToHex, hexToBytes } from '../../runtime/util/hexText';

export function insnsOf(raw: RawProgram): Insn[] {
  const bytes = hexToBytes(raw.insns.replace(/\s/g, ''));
  if (!bytes.ok) throw new Error(bytes.problem.message);
  return decode(bytes.value.subarray(0, bytes.value.length & ~7));
}

export const withInsns = (raw: RawProgram, insns: readonly Insn[]): RawProgram => ({
  ...raw,
  insns: bytesToHex(encode(insns)),
});

/**
 * The program in which each slot is what `pieces` gives for it: nothing, itself, itself with others in front. What
 * went to a slot goes to the first of its pieces, or to what follows.
 */
export function rearranged(
  raw: RawProgram,
  insns: readonly Insn[],
  pieces: (slot: number) => readonly Insn[],
): RawProgram {
  const parts = insns.map((_, slot) => pieces(slot));
  const place: number[] = [0];
  for (const part of parts) place.push(place[place.length - 1] + part.length);
  const out: Insn[] = [];
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i];
    const cls = insn.code & 7;
    const op = insn.code >> 4;
    const last = place[i + 1] - 1;
    const move = (by: number): number =>
      (place.at(Math.max(0, i + 1 + by)) ?? place[insns.length]) - last - 1;
    for (const piece of parts[i]) {
      if (piece !== insn) out.push(piece);
      else if (insn.code === 0x06) out.push({ ...insn, imm: move(insn.imm) });
      else if ((cls === 5 || cls === 6) && op !== 8 && op !== 9) out.push({ ...insn, off: move(insn.off) });
      else if ((insn.code === 0x85 && insn.src === 1) || (isWide(insn) && insn.src === 4))
        out.push({ ...insn, imm: move(insn.imm) });
      else out.push(insn);
    }
    if (isWide(insn) && i + 1 < insns.length) out.push(...parts[++i]);
  }
  const starts = <T>(list: readonly (readonly [number, T])[]): (readonly [number, T])[] =>
    list.map(([start, rest]) => [place.at(start) ?? start, rest]);
  return {
    ...withInsns(raw, out),
    ...(raw.funcs ? { funcs: starts(raw.funcs) } : {}),
    ...(raw.func_info ? { func_info: starts(raw.func_info) } : {}),
  };
}

/** Without the instruction at `slot`, wide ones whole. */
export function removeAt(raw: RawProgram, slot: number): RawProgram {
  const insns = insnsOf(raw);
  const end = slot + (isWide(insns[slot]) ? 2 : 1);
  return rearranged(raw, insns, (i) => (i >= slot && i < end ? [] : [insns[i]]));
}

/** With `more` in front of the instruction at `slot`. */
export function insertAt(raw: RawProgram, slot: number, more: readonly Insn[]): RawProgram {
  const insns = insnsOf(raw);
  return rearranged(raw, insns, (i) => (i === slot ? [...more, insns[i]] : [insns[i]]));
}
