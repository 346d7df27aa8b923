/** Shape: bytes that are no instructions, reserved fields, jumps into the middle and off the end, code that nothing reaches. */
import type { RawProgram } from '../../../runtime/loader/rawProgram';
import { ALU32, ALU64, CONDITIONS, JMP, ProgramBuilder, WORD } from '../builder';

class Shape extends ProgramBuilder {
  constructor(seed: number) {
    super(seed, 0x54a9e);
  }

  build(): RawProgram {
    for (const r of [0, 2, 3]) this.constant(r, this.number());
    if (this.oneIn(2)) this.storeNumber(WORD, 10, -8, 0);
    const length = this.between(2, 14);
    for (let i = 0; i < length; i++) this.plain(length);
    this.constant(0, 0);
    if (!this.oneIn(12)) this.exit();
    if (this.oneIn(6)) {
      this.constant(0, 1);
      this.exit();
    }
    for (let n = this.oneIn(3) ? this.between(1, 2) : 0; n > 0; n--) this.spoil();
    return this.finish({
      type: this.pick(['tc', 'socket_filter', 'kprobe', 'xdp']),
      ...(this.oneIn(10) ? { flags: this.pick([1, 2, 8, 16, 32, 64, 128, 1 << 16]) } : {}),
      ...this.functionRecords(),
    });
  }

  private functionRecords(): Partial<RawProgram> {
    if (!this.oneIn(6)) return {};
    const starts = [0, this.below(this.insns.length), this.below(this.insns.length + 2)];
    return { funcs: starts.slice(0, this.between(1, 3)).map((at) => [at, this.below(7)] as const) };
  }

  /** Small steps, jumps among them. */
  private plain(length: number): void {
    switch (this.below(8)) {
      case 0:
        this.emit(JMP, 0, 0, this.between(-3, 4));
        break;
      case 1:
        this.emit(0x06, 0, 0, 0, this.between(-3, 4));
        break;
      case 2:
        this.wide(this.pick([0, 2, 3]), this.number(), this.number());
        break;
      case 3:
        this.emit(0x85, 0, 1, 0, this.between(-4, length));
        break;
      case 4:
        this.emit(
          this.pick([ALU64, ALU32]) | this.pick([0, 0x10, 0xb0, 0x40]),
          this.pick([0, 2, 3]),
          0,
          0,
          this.number(),
        );
        break;
      case 5:
        this.exit();
        break;
      default:
        this.emit(
          this.pick(CONDITIONS) | this.pick([5, 6]),
          this.pick([0, 2, 3]),
          0,
          this.between(-2, 5),
          this.number(),
        );
    }
  }

  /** One field of one instruction becomes something else. */
  private spoil(): void {
    const at = this.below(this.insns.length);
    const insn = this.insns[at];
    switch (this.below(9)) {
      case 0:
        this.insns[at] = { ...insn, code: this.below(256) };
        break;
      case 1:
        this.insns[at] = { ...insn, dst: this.between(8, 15) };
        break;
      case 2:
        this.insns[at] = { ...insn, src: this.below(16) };
        break;
      case 3:
        this.insns[at] = { ...insn, off: this.pick([1, -1, 2, 100, 32767, -32768, 8, 16, 32]) };
        break;
      case 4:
        this.insns[at] = { ...insn, imm: this.number() };
        break;
      case 5:
        this.insns.splice(at, 1);
        break;
      case 6:
        this.insns.splice(at, 0, {
          code: this.below(256),
          dst: this.below(12),
          src: this.below(12),
          off: 0,
          imm: 0,
        });
        break;
      case 7:
        this.insns.splice(at, 0, {
          code: 0x18,
          dst: this.below(11),
          src: this.below(8),
          off: this.oneIn(5) ? 1 : 0,
          imm: this.pick([0, 0, 1, 7, -1]),
        });
        break;
      default:
        this.insns.splice(at, 0, {
          code: 0x85,
          dst: this.oneIn(9) ? 1 : 0,
          src: this.below(4),
          off: this.oneIn(9) ? 1 : 0,
          imm: this.number(),
        });
    }
  }
}

export const shape = (seed: number): RawProgram => new Shape(seed).build();
