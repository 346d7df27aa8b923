/** Loops: counted up and down, over registers and slots, nested, without an end, `may_goto`, bpf_loop, iterators of numbers. */
import type { RawProgram } from '../../../runtime/loader/rawProgram';
import { ALU64, ALU32, BY_REGISTER, CONDITIONS, JMP, OP, ProgramBuilder, SIZES, WORD } from '../builder';

const SPARE = [0, 2, 3, 4];

class Loops extends ProgramBuilder {
  private depth = 0;
  private readonly map = this.useMap({ type: 'array', key: 4, value: 64, max: 2 });

  constructor(seed: number) {
    super(seed, 0x100b5);
  }

  build(): RawProgram {
    this.mov(6, 1);
    this.lookUp(this.map);
    this.unlessNull(0);
    this.mov(9, 0);
    for (const r of SPARE) this.constant(r, this.below(4));
    for (let n = this.between(1, 3); n > 0; n--) this.loop();
    this.constant(0, 0);
    this.exit();
    return this.finish({ type: this.pick(['tc', 'xdp', 'socket_filter']) });
  }

  private loop(): void {
    // Deep nests take a guest minutes.
    if (this.depth >= 2 && !this.oneIn(8)) return;
    this.depth++;
    this.pick([
      () => this.counted(),
      () => this.counted(),
      () => this.inSlot(),
      () => this.unknownBound(),
      () => this.mayGoto(),
      () => this.callback(),
      () => this.endless(),
      () => this.pointer(),
    ])();
    this.depth--;
  }

  private body(): void {
    for (let n = this.below(3); n > 0; n--) {
      switch (this.below(7)) {
        case 0:
          this.emit(
            this.pick([ALU64, ALU32]) | this.pick([OP.add, OP.xor, OP.and, OP.mul]),
            this.pick(SPARE),
            0,
            0,
            this.number(),
          );
          break;
        case 1:
          this.emit(
            ALU64 | this.pick([OP.add, OP.or, OP.mov]) | BY_REGISTER,
            this.pick(SPARE),
            this.pick(SPARE),
          );
          break;
        case 2: {
          const at = this.emit(
            this.pick(CONDITIONS) | this.pick([5, 6]),
            this.pick(SPARE),
            0,
            0,
            this.number(),
          );
          this.constant(this.pick(SPARE), this.below(3));
          this.land(at);
          break;
        }
        case 3:
          this.load(this.pick(SIZES), this.pick(SPARE), 9, 8 * this.below(7));
          break;
        case 4:
          this.store(this.pick(SIZES), 9, 8 * this.below(7), this.pick(SPARE));
          break;
        case 5:
          this.store(WORD, 10, -8 * this.between(8, 10), this.pick(SPARE));
          break;
        default:
          if (this.oneIn(2)) this.loop();
          else this.load(WORD, this.pick(SPARE), 10, -8 * this.between(8, 10));
      }
    }
  }
  private get counter(): number {
    return this.depth === 1 ? 7 : this.depth === 2 ? 8 : 5;
  }

  /** The counter uses the array sometimes. */
  private index(r: number): void {
    if (!this.oneIn(3)) return;
    this.mov(3, 9);
    if (this.oneIn(3)) this.emit(0x57, r, 0, 0, 63);
    this.emit(0x0f, 3, r);
    this.load(this.pick(SIZES), 0, 3, this.oneIn(4) ? this.between(-1, 60) : 0);
    this.constant(3, 0);
  }

  private counted(): void {
    const r = this.counter;
    const up = !this.oneIn(3);
    const bound = this.depth > 1 ? this.pick([1, 2, 4]) : this.pick([1, 2, 5, 8, 16, 56, 60, 100]);
    this.constant(r, up ? this.pick([0, 0, 0, 1, -3]) : bound);
    const top = this.insns.length;
    const exitAtTop = this.oneIn(2)
      ? this.emit(
          up ? this.pick([0x35, 0x75, 0x15, 0x36]) : this.pick([0x15, 0xd5, 0xb5]),
          r,
          0,
          0,
          up ? bound : 0,
        )
      : undefined;
    this.body();
    this.index(r);
    this.emit(
      this.pick([ALU64, ALU64, ALU32]) | OP.add,
      r,
      0,
      0,
      this.oneIn(25) ? 0 : up ? this.pick([1, 1, 1, 2, 3]) : -1,
    );
    const back = (): number => top - this.insns.length - 1;
    if (exitAtTop !== undefined) {
      this.emit(JMP, 0, 0, back());
      this.land(exitAtTop);
    } else
      this.emit(
        up ? this.pick([0xa5, 0xc5, 0x55, 0xa6]) : this.pick([0x55, 0x65, 0x25]),
        r,
        0,
        back(),
        up ? bound : 0,
      );
  }

  private inSlot(): void {
    const at = -8 * (3 + this.depth);
    const size = this.pick([WORD, SIZES[2]]);
    if (size !== WORD || this.oneIn(4)) this.storeNumber(WORD, 10, at, 0);
    this.storeNumber(size, 10, at, 0);
    const top = this.insns.length;
    this.body();
    this.load(size, 1, 10, at);
    this.add(1, 1);
    this.store(size, 10, at, 1);
    this.emit(
      this.pick([0xa5, 0xc5, 0x55, 0xa6]),
      1,
      0,
      top - this.insns.length - 1,
      this.depth > 1 ? 2 : this.pick([2, 5, 20]),
    );
  }

  /** Up to a number that is only known within limits. */
  private unknownBound(): void {
    const r = this.counter;
    this.load(this.pick(SIZES), 1, 9, 0);
    if (!this.oneIn(12)) this.emit(0x57, 1, 0, 0, this.depth > 1 ? 3 : this.pick([3, 7, 15, 31]));
    this.store(WORD, 10, -8 * (6 + this.depth) - 40, 1);
    this.constant(r, 0);
    const top = this.insns.length;
    this.load(WORD, 1, 10, -8 * (6 + this.depth) - 40);
    const out = this.emit(this.pick([0x3d, 0x7d, 0x3e]), r, 1);
    this.body();
    this.index(r);
    this.add(r, 1);
    this.emit(JMP, 0, 0, top - this.insns.length - 1);
    this.land(out);
  }

  private mayGoto(): void {
    const r = this.counter;
    this.constant(r, 0);
    const top = this.insns.length;
    const out = this.emit(0xe5, 0);
    this.body();
    if (this.oneIn(2)) this.add(r, 1);
    this.index(r);
    this.emit(this.oneIn(3) ? 0xa5 : JMP, this.insns.length > 0 ? r : 0, 0, top - this.insns.length - 1, 8);
    const last = this.insns[this.insns.length - 1];
    if (last.code === JMP) this.insns[this.insns.length - 1] = { ...last, dst: 0, imm: 0 };
    this.land(out);
  }

  private callback(): void {
    const name = `body${this.below(2)}`;
    const nests = this.oneIn(5);
    this.define(name, 2, () => {
      this.load(WORD, 0, 2, 0);
      if (this.oneIn(2)) this.store(WORD, 2, 0, 1);
      if (this.oneIn(4)) this.storeNumber(WORD, 2, -8, 1);
      if (nests) {
        this.constant(1, 2);
        this.functionAddress(
          2,
          this.define('inner', 2, () => {
            this.constant(0, this.oneIn(6) ? 2 : this.below(2));
            this.exit();
          }),
        );
        this.constant(3, 0);
        this.constant(4, 0);
        this.helper(181);
      }
      if (this.oneIn(6)) this.emit(0x57, 0, 0, 0, 1);
      else this.constant(0, this.oneIn(9) ? 2 : this.below(2));
      this.exit();
    });
    this.storeNumber(WORD, 10, -96, this.below(5));
    if (this.oneIn(3)) {
      this.load(SIZES[2], 1, 9, 0);
    } else this.constant(1, this.pick([0, 1, 4, 100, -1, 0x7fffffff]));
    this.functionAddress(2, name);
    this.address(3, 10, -96);
    this.constant(4, this.oneIn(12) ? 1 : 0);
    this.helper(181);
    for (const r of [2, 3, 4, 5]) this.constant(r, 1);
    // What the callback left there bounds an access.
    if (this.oneIn(3)) {
      this.load(WORD, 1, 10, -96);
      this.mov(2, 9);
      this.emit(0x0f, 2, 1);
      this.load(SIZES[0], 0, 2, 0);
      this.constant(2, 1);
    }
  }

  /** Loops that do not come to an end, or only do on some way. */
  private endless(): void {
    const r = this.counter;
    this.constant(r, 0);
    if (!this.oneIn(6)) return this.counted();
    const top = this.insns.length;
    this.body();
    if (this.oneIn(2)) this.emit(0xb7, this.pick(SPARE), 0, 0, 1);
    this.emit(this.pick([JMP, 0x15, 0x55, 0xa5, 0x06]), r, 0, top - this.insns.length - 1, this.below(2));
    const at = this.insns.length - 1;
    const jump = this.insns[at];
    if (jump.code === JMP) this.insns[at] = { ...jump, dst: 0, imm: 0 };
    if (jump.code === 0x06) this.insns[at] = { ...jump, dst: 0, imm: jump.off, off: 0 };
  }

  /** A pointer into the value walks. */
  private pointer(): void {
    this.mov(3, 9);
    const r = this.counter;
    this.constant(r, 0);
    const top = this.insns.length;
    this.load(SIZES[0], 0, 3, 0);
    this.add(3, this.pick([1, 4, 8]));
    this.add(r, 1);
    this.emit(this.pick([0xa5, 0xc5]), r, 0, top - this.insns.length - 1, this.pick([4, 8, 9, 16]));
    this.constant(3, 0);
  }
}

export const loops = (seed: number): RawProgram => new Loops(seed).build();
