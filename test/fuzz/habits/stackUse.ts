/** The stack: spills, parts written over, bytes of several kinds in one slot, variable offsets, helpers that read and fill it. */
import type { RawProgram } from '../../../runtime/loader/rawProgram';
import { ALU64, BY_REGISTER, CONDITIONS, JMP, OP, ProgramBuilder, SIZES, WORD, type Size } from '../builder';

const SCRATCH = [0, 2, 3, 4, 5, 7, 8, 9];

class StackUse extends ProgramBuilder {
  private depth = 0;
  private readonly slots = this.between(2, 6);

  constructor(seed: number) {
    super(seed, 0x57ac);
  }

  build(): RawProgram {
    this.mov(6, 1);
    for (const r of [0, 7, 8, 9]) this.input(r);
    for (let s = 1; s <= this.slots; s++)
      if (!this.oneIn(6)) this.storeNumber(WORD, 10, -8 * s, this.number());
    for (let n = this.between(4, 16); n > 0; n--) this.step();
    if (this.oneIn(2)) this.constant(0, 0);
    this.exit();
    return this.finish({ type: this.pick(['tc', 'socket_filter', 'xdp', 'kprobe', 'raw_tracepoint']) });
  }

  private input(r: number): void {
    switch (this.below(4)) {
      case 0:
        this.constant(r, this.number());
        break;
      case 1:
        this.mov(r, this.pick([6, 10]));
        break;
      default:
        this.helper(this.pick([7, 8, 5]));
        this.mov(r, 0);
    }
  }

  private offset(size: Size): number {
    if (this.oneIn(30)) return this.pick([-512, -513, -520, 0, -1, -4, 8]);
    const slot = -8 * this.between(1, this.slots);
    return slot + (this.oneIn(12) ? this.between(0, 7) : size.bytes * this.below(8 / size.bytes));
  }
  private register(): number {
    return this.pick([0, 6, 7, 7, 8, 8, 9, 9, 10]);
  }

  private step(): void {
    const steps = [
      () => this.write(),
      () => this.write(),
      () => this.read(),
      () => this.read(),
      () => this.refine(),
      () => this.branch(),
      () => this.variable(),
      () => this.giveToHelper(),
      () => this.giveToFunction(),
      () => this.atomic(),
    ];
    this.pick(steps)();
  }

  private write(): void {
    const size = this.oneIn(2) ? WORD : this.pick(SIZES);
    if (this.oneIn(3)) this.storeNumber(size, 10, this.offset(size), this.oneIn(2) ? 0 : this.number());
    else this.store(size, 10, this.offset(size), size === WORD ? this.register() : this.pick([7, 8, 9]));
  }

  private read(): void {
    const size = this.oneIn(2) ? WORD : this.pick(SIZES);
    const dst = this.pick([0, 7, 8, 9, 9]);
    if (size !== WORD && this.oneIn(5)) this.emit(0x81 | size.bits, dst, 10, this.offset(size));
    else this.load(size, dst, 10, this.offset(size));
  }

  /** Learns something about a register whose value may also be in slots. */
  private refine(): void {
    const r = this.pick([7, 8, 9]);
    this.emit(this.pick(CONDITIONS) | this.pick([5, 5, 6]), r, 0, 1, this.number());
    this.emit(this.pick([ALU64 | OP.and, ALU64 | OP.mov]), r, 0, 0, this.pick([0, 1, 7, 255]));
  }

  private branch(): void {
    if (this.depth >= 2) return this.read();
    this.depth++;
    const at = this.emit(this.pick(CONDITIONS) | JMP, this.pick([7, 8, 9]), 0, 0, this.number());
    for (let n = this.between(1, 3); n > 0; n--) this.step();
    if (this.oneIn(2)) {
      const end = this.emit(JMP, 0);
      this.land(at);
      for (let n = this.between(1, 2); n > 0; n--) this.step();
      this.land(end);
    } else this.land(at);
    this.depth--;
  }

  /** An access at an offset that is only known within limits. */
  private variable(): void {
    const index = this.pick([7, 8, 9]);
    this.emit(this.oneIn(2) ? 0x57 : 0x54, index, 0, 0, this.pick([1, 3, 7, 8, 15, 24, 31]));
    if (this.oneIn(3)) this.emit(0x65, index, 0, 1, this.pick([4, 8, 12]));
    this.address(2, 10, -8 * this.between(1, this.slots));
    this.emit(this.oneIn(6) ? 0x1f : 0x0f, 2, index);
    const size = this.pick(SIZES);
    const off = this.oneIn(4) ? this.pick([-8, -1, 1, 8]) : 0;
    switch (this.below(4)) {
      case 0:
        this.storeNumber(size, 2, off, this.oneIn(2) ? 0 : this.number());
        break;
      case 1:
        this.store(size, 2, off, this.oneIn(8) ? 10 : this.pick([7, 8, 9]));
        break;
      default:
        this.load(size, this.pick([0, 7, 8, 9]), 2, off);
    }
  }

  private giveToHelper(): void {
    const bytes = this.pick([1, 4, 7, 8, 9, 16, 24, 0]);
    const at = -8 * this.between(1, this.slots) + (this.oneIn(4) ? this.below(8) : 0);
    const size = (r: number): void => {
      if (this.oneIn(4)) {
        this.mov(r, this.pick([7, 8, 9]));
        this.emit(0x57, r, 0, 0, this.pick([7, 15, 31]));
        if (this.oneIn(2)) this.add(r, 1);
      } else this.constant(r, bytes);
    };
    switch (this.below(5)) {
      case 0: // csum_diff: reads two ranges
        this.address(1, 10, at);
        size(2);
        this.address(3, 10, -8 * this.between(1, this.slots));
        this.constant(4, this.pick([0, 4, 8]));
        this.constant(5, 0);
        this.helper(28);
        break;
      case 1: // skb_load_bytes: fills
        this.mov(1, 6);
        this.constant(2, 0);
        this.address(3, 10, at);
        size(4);
        this.helper(26);
        break;
      case 2: // probe_read_kernel: fills
        this.address(1, 10, at);
        size(2);
        this.mov(3, this.pick([7, 8, 9]));
        this.helper(113);
        break;
      case 3: // trace_printk
        this.address(1, 10, at);
        size(2);
        this.helper(6);
        break;
      default: // get_current_comm: fills
        this.address(1, 10, at);
        size(2);
        this.helper(16);
    }
    if (this.oneIn(2)) this.mov(this.pick([7, 8, 9]), 0);
  }

  /** A function of its own frame gets an address in this one. */
  private giveToFunction(): void {
    this.address(1, 10, -8 * this.between(1, this.slots));
    this.mov(2, this.pick([7, 8, 9]));
    const kind = this.below(4);
    this.define(`f${kind}`, 2, () => {
      const size = this.pick(SIZES);
      const at = this.pick([0, 0, 0, 4, -8]);
      if (kind === 0) this.load(size, 0, 1, at);
      else if (kind === 1) this.store(size, 1, at, 2);
      else if (kind === 2) {
        this.store(WORD, 10, -8, 1);
        this.load(WORD, 3, 10, -8);
        this.storeNumber(size, 3, at, this.number());
      } else {
        this.store(WORD, 1, 0, 1);
        this.load(this.pick(SIZES), 2, 1, 0);
      }
      if (kind !== 0 || size !== WORD) this.emit(this.pick([0xb7, 0xb7, 0xbf]), 0, this.oneIn(2) ? 2 : 0);
      this.exit();
    });
    this.callFunction(`f${kind}`);
    this.mov(this.pick([7, 8, 9]), this.oneIn(9) ? this.pick(SCRATCH) : 0);
  }

  private atomic(): void {
    const size = this.pick([SIZES[2], WORD]);
    const op = this.pick([0x00, 0x01, 0x40, 0x51, 0xe1, 0xf1]);
    if (op === 0xf1) this.mov(0, this.pick([7, 8, 9]));
    this.emit(0xc3 | size.bits, 10, this.pick([7, 8, 9]), this.offset(size), op);
    if (this.oneIn(5)) this.emit(ALU64 | OP.add | BY_REGISTER, 7, 8);
  }
}

export const stackUse = (seed: number): RawProgram => new StackUse(seed).build();
