/**
 * Long arithmetic on unknown numbers, refined by comparisons, that at last indexes a map value, the stack or a packet: a wrong bound
 * becomes a wrong verdict.
 */
import type { RawProgram } from '../../../runtime/loader/rawProgram';
import {
  ALU32,
  ALU64,
  BINARY_OPS,
  BY_REGISTER,
  CONDITIONS,
  JMP,
  JMP32,
  OP,
  ProgramBuilder,
  SIZES,
} from '../builder';

const NUMBERS = [6, 7, 8, 9];
const VALUE_BYTES = [16, 48, 64, 256, 4096];

class Scalars extends ProgramBuilder {
  private readonly type = this.pick(['tc', 'tc', 'xdp', 'socket_filter']);
  private readonly valueBytes = this.pick(VALUE_BYTES);
  private nesting = 0;

  constructor(seed: number) {
    super(seed, 0x5ca1a5);
  }

  build(): RawProgram {
    const map = this.useMap({ type: 'array', key: 4, value: this.valueBytes, max: 2 });
    const target = this.pick(['value', 'value', 'stack', 'packet']);
    if (target === 'packet') this.store(SIZES[3], 10, -16, 1);
    this.lookUp(map);
    this.unlessNull(0);
    this.store(SIZES[3], 10, -24, 0);
    for (const r of NUMBERS) this.input(r);
    for (let n = this.between(1, 9); n > 0; n--) this.step();
    if (!this.oneIn(5)) this.narrow();
    for (let n = this.below(4); n > 0; n--) this.arithmetic();
    this.use(target);
    if (this.oneIn(3)) {
      this.step();
      this.use(target);
    }
    this.constant(0, 0);
    this.exit();
    return this.finish({ type: this.type });
  }

  /** An unknown of some width, out of the value whose address is on the stack. */
  private input(r: number): void {
    switch (this.below(8)) {
      case 0:
        this.constant(r, this.number());
        break;
      case 1:
        this.wide(r, this.number(), this.number());
        break;
      case 2:
        this.helper(7);
        this.mov(r, 0);
        break;
      default:
        this.load(SIZES[3], 0, 10, -24);
        // Loads with sign extension are younger than the oldest kernel.
        if (this.oneIn(6)) this.emit(this.pick([0x81, 0x89, 0x91]), r, 0, 8 * this.below(2));
        else this.load(this.pick(SIZES), r, 0, 8 * this.below(2));
    }
  }

  private step(): void {
    if (this.oneIn(3)) this.branch();
    else this.arithmetic();
  }

  private arithmetic(): void {
    const dst = this.pick(NUMBERS);
    const cls = this.pick([ALU64, ALU64, ALU32]);
    const bits = cls === ALU64 ? 64 : 32;
    switch (this.below(12)) {
      case 0:
        this.emit(cls | OP.neg, dst);
        return;
      case 1:
        this.emit(
          this.pick([ALU32 | OP.end, ALU32 | OP.end | 8, ALU64 | OP.end]),
          dst,
          0,
          0,
          this.pick([16, 32, 64]),
        );
        return;
      case 2:
        this.emit(cls | OP.mov | BY_REGISTER, dst, this.pick(NUMBERS));
        return;
      case 3:
        this.emit(
          cls | OP.mov | BY_REGISTER,
          dst,
          this.pick(NUMBERS),
          this.pick(cls === ALU64 ? [8, 16, 32] : [8, 16]),
        );
        return;
      case 4:
        this.emit(
          cls | OP.and,
          dst,
          0,
          0,
          this.pick([0xff, 0xfff, 0x3f, 7, -8, -256, 0x7ffffff0, this.number()]),
        );
        return;
    }
    const op = this.pick(BINARY_OPS);
    const shift = op === OP.lsh || op === OP.rsh || op === OP.arsh;
    const signed = (op === OP.div || op === OP.mod) && this.oneIn(3) ? 1 : 0;
    if (this.oneIn(2)) {
      const src = this.pick(NUMBERS);
      if (shift && !this.oneIn(8)) this.emit(ALU64 | OP.and, src, 0, 0, bits - 1);
      this.emit(cls | op | BY_REGISTER, dst, src, signed);
    } else {
      const value = shift ? this.below(bits) : this.number();
      this.emit(cls | op, dst, 0, signed, (op === OP.div || op === OP.mod) && value === 0 ? 5 : value);
    }
  }

  /** A comparison: leaves the program, skips a little, or joins two ways again. */
  private branch(): void {
    const code = this.pick(CONDITIONS) | this.pick([JMP, JMP, JMP32]);
    const dst = this.pick(NUMBERS);
    const at = this.oneIn(3)
      ? this.emit(code | BY_REGISTER, dst, this.pick(NUMBERS))
      : this.emit(code, dst, 0, 0, this.number());
    if (this.oneIn(2)) {
      this.constant(0, 0);
      this.exit();
      this.land(at);
      return;
    }
    this.nesting++;
    for (let n = this.between(1, 2); n > 0; n--) {
      if (this.nesting < 3) this.step();
      else this.arithmetic();
    }
    this.nesting--;
    if (this.oneIn(3)) {
      const end = this.emit(JMP, 0);
      this.land(at);
      this.arithmetic();
      this.land(end);
    } else this.land(at);
  }

  /** Bounds of R6 in one of the ways that compilers and people use. */
  private narrow(): void {
    const limit = this.valueBytes - this.pick([0, 1, 2, 4, 8, 8, 9]);
    switch (this.below(7)) {
      case 0:
        this.emit(ALU64 | OP.and, 6, 0, 0, this.pick([7, 15, 63, this.valueBytes - 1]));
        break;
      case 1:
        this.emit(ALU32 | OP.and, 6, 0, 0, this.pick([7, 15, 63, this.valueBytes - 1]));
        break;
      case 2:
        this.leaveUnless(0xb5, 6, limit);
        break;
      case 3:
        this.leaveUnless(0xb6, 6, limit);
        break;
      case 4:
        this.leaveUnless(this.pick([0xd5, 0xd6]), 6, limit);
        this.leaveUnless(this.pick([0x75, 0x76]), 6, this.pick([0, 0, -1]));
        break;
      case 5:
        this.emit(ALU64 | OP.rsh, 6, 0, 0, this.pick([56, 58, 60, 61]));
        break;
      default:
        this.emit(ALU64 | OP.mod, 6, 0, 0, Math.max(1, limit));
    }
  }
  private leaveUnless(code: number, r: number, value: number): void {
    this.emit(code, r, 0, 2, value);
    this.constant(0, 0);
    this.exit();
  }

  private use(target: string): void {
    const size = this.pick(SIZES);
    const off = this.oneIn(2) ? 0 : this.between(-8, 8);
    if (target === 'stack') {
      for (let s = 4; s <= 8; s++) this.storeNumber(SIZES[3], 10, -8 * s, 0);
      this.address(0, 10, -64);
      if (this.oneIn(2)) this.emit(ALU64 | OP.and, 6, 0, 0, this.pick([7, 15, 31, 24]));
    } else if (target === 'packet' && this.type !== 'socket_filter') {
      const [data, end] = this.type === 'xdp' ? [0, 4] : [76, 80];
      this.load(SIZES[3], 1, 10, -16);
      this.load(SIZES[2], 0, 1, data);
      this.load(SIZES[2], 2, 1, end);
      if (this.oneIn(2)) {
        this.emit(0x0f, 0, 6);
        this.address(3, 0, this.pick([1, 8, 16]));
        this.emit(this.pick([0xbd, 0xad]), 3, 2, 2);
        this.constant(0, 0);
        this.exit();
        this.load(size, 0, 0, this.oneIn(3) ? off : 0);
        return;
      }
      this.address(3, 0, this.pick([16, 64, 300]));
      this.emit(0xbd, 3, 2, 2);
      this.constant(0, 0);
      this.exit();
    } else this.load(SIZES[3], 0, 10, -24);
    this.emit(this.oneIn(8) ? 0x1f : 0x0f, 0, 6);
    if (this.oneIn(4)) this.store(size, 0, off, 7);
    else this.load(size, 0, 0, off);
  }
}

export const scalars = (seed: number): RawProgram => new Scalars(seed).build();
