/** Real programs with a few things changed: registers swapped, offsets and numbers moved to limits, instructions lost or doubled. */
import { isWide } from '../../../runtime/insn/decode';
import type { Insn } from '../../../runtime/insn/insn';
import type { RawProgram } from '../../../runtime/loader/rawProgram';
import { CONDITIONS, ProgramBuilder, SIZES } from '../builder';
import { insertAt, insnsOf, removeAt, withInsns } from '../editing';

/** A number next to the largest is the smallest. */
const wrapped = (insn: Insn): Insn => ({ ...insn, imm: insn.imm | 0 });

class Mutations extends ProgramBuilder {
  constructor(
    seed: number,
    private readonly originals: readonly RawProgram[],
  ) {
    super(seed, 0x9e7);
  }

  build(): RawProgram {
    let raw = this.pick(this.originals);
    for (let n = this.between(1, 3); n > 0; n--) raw = this.change(raw);
    return { ...raw, id: this.seed };
  }

  private change(raw: RawProgram): RawProgram {
    const insns = insnsOf(raw);
    // The second half of a wide instruction is not one.
    const heads = insns.flatMap((_, i) => (i > 0 && isWide(insns[i - 1]) ? [] : [i]));
    const at = this.pick(heads);
    switch (this.below(10)) {
      case 0:
        return heads.length < 3 ? raw : removeAt(raw, at);
      case 1:
        return insertAt(raw, at, isWide(insns[at]) ? [insns[at], insns[at + 1]] : [insns[at]]);
      case 2: {
        const from = this.pick(heads);
        return isWide(insns[from]) ? raw : insertAt(raw, at, [insns[from]]);
      }
      default:
        insns[at] = wrapped(this.other(insns[at]));
        return withInsns(raw, insns);
    }
  }

  private other(insn: Insn): Insn {
    const cls = insn.code & 7;
    const register = (): number => this.below(11);
    const memory = cls === 1 || cls === 2 || cls === 3;
    switch (this.below(6)) {
      case 0:
        return { ...insn, dst: register() };
      case 1:
        return cls === 0 || (memory && cls === 2)
          ? { ...insn, dst: register() }
          : { ...insn, src: insn.code === 0x85 ? insn.src : register() };
      case 2:
        if (memory) return { ...insn, off: insn.off + this.pick([1, -1, 4, -4, 8, -8, 2, 64, -64]) };
        return cls === 5 || cls === 6
          ? { ...insn, off: insn.off + this.between(-2, 2) }
          : { ...insn, imm: insn.imm + this.between(-1, 1) };
      case 3:
        if (memory) return { ...insn, code: (insn.code & ~0x18) | this.pick(SIZES).bits };
        if (insn.code === 0x85 && insn.src === 0)
          return { ...insn, imm: this.oneIn(3) ? this.between(1, 211) : insn.imm + this.between(-1, 1) };
        return { ...insn, imm: this.number() };
      case 4:
        if (
          (cls === 5 || cls === 6) &&
          insn.code !== 0x85 &&
          insn.code !== 0x95 &&
          insn.code !== 0x05 &&
          insn.code !== 0x06
        )
          return { ...insn, code: (insn.code & 0x0f) | this.pick(CONDITIONS) };
        if (cls === 4 || cls === 7) return { ...insn, code: insn.code ^ (this.oneIn(2) ? 3 : 8) };
        return { ...insn, imm: this.number() };
      default:
        return insn.code === 0x85 || cls === 0 ? insn : { ...insn, imm: this.number() };
    }
  }
}

/** Programs of that seed made from `originals`. */
export const mutations =
  (originals: () => readonly RawProgram[]) =>
  (seed: number): RawProgram =>
    new Mutations(seed, originals()).build();
