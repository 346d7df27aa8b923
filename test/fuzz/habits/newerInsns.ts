/**
 * Atomic operations, loads that order memory, the old packet loads, sign-extending moves and loads, casts between address
 * spaces, arenas, addresses of map values: instructions that not every kernel knows.
 */
import type { RawProgram } from '../../../runtime/loader/rawProgram';
import { ProgramBuilder, SIZES, WORD } from '../builder';

const ATOMICS = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1];
const ACQUIRE = 0x100;
const RELEASE = 0x110;

class NewerInsns extends ProgramBuilder {
  private readonly type = this.pick(['tc', 'socket_filter', 'socket_filter', 'xdp', 'syscall', 'cgroup_skb']);
  private readonly array = this.useMap({ type: 'array', key: 4, value: 32, max: 1 });
  /** Registers that are assumed to point at 32 bytes. */
  private places: number[] = [];

  constructor(seed: number) {
    super(seed, 0xa70e1c);
  }

  build(): RawProgram {
    this.mov(6, 1);
    for (let s = 1; s <= 4; s++) this.storeNumber(WORD, 10, -8 * s, this.number());
    this.constant(7, this.number());
    this.constant(8, this.below(64));
    this.address(9, 10, -32);
    this.constant(0, 0);
    this.places = [9, 9, 10];
    if (this.oneIn(2)) {
      if (this.oneIn(2)) {
        this.lookUp(this.array, -40);
        if (!this.oneIn(9)) this.unlessNull(0);
        this.mov(9, 0);
      } else this.wide(9, this.array, this.oneIn(6) ? this.pick([8, 28, 31, 32, -1]) : 0, 2);
    }
    for (let n = this.between(2, 9); n > 0; n--) this.step();
    this.constant(0, this.below(2));
    this.exit();
    return this.finish({ type: this.type, ...(this.type === 'syscall' ? { flags: 16 } : {}) });
  }

  private step(): void {
    this.pick([
      () => this.atomic(),
      () => this.atomic(),
      () => this.atomic(),
      () => this.ordered(),
      () => this.ordered(),
      () => this.oldPacketLoad(),
      () => this.extending(),
      () => this.plain(),
      () => this.cast(),
      () => this.kernelPlace(),
    ])();
  }

  private base(): readonly [number, number] {
    const r = this.oneIn(15) ? this.pick([6, 7, 0]) : this.pick(this.places);
    const off = r === 10 ? -8 * this.between(1, 4) : 8 * this.below(4);
    return [r, this.oneIn(12) ? off + this.pick([1, 2, 4, -8, 32]) : off];
  }

  private atomic(): void {
    const [base, off] = this.base();
    const size = this.oneIn(20) ? this.pick(SIZES) : this.pick([SIZES[2], WORD]);
    const op = this.oneIn(25)
      ? this.pick([0x10, 0x02, 0xe0, 0xf0, 0x60, 0x100, 0x110, 0x101])
      : this.pick(ATOMICS);
    if (op === 0xf1 && !this.oneIn(6)) this.constant(0, this.below(3));
    const src = this.oneIn(12) ? this.pick([6, 9, 10, 3]) : this.pick([7, 8]);
    this.emit(0xc3 | size.bits, base, src, off, op);
    if (this.oneIn(3)) this.load(WORD, this.pick([7, 8]), base, off);
  }

  private ordered(): void {
    const [base, off] = this.base();
    const size = this.pick(SIZES);
    if (this.oneIn(2))
      this.emit(0xc3 | size.bits, this.oneIn(20) ? base : this.pick([7, 8]), base, off, ACQUIRE);
    else
      this.emit(
        0xc3 | size.bits,
        base,
        this.oneIn(15) ? this.pick([6, 9, 10]) : this.pick([7, 8]),
        off,
        RELEASE,
      );
  }

  private oldPacketLoad(): void {
    const size = this.pick([SIZES[0], SIZES[1], SIZES[2], SIZES[2], WORD]);
    const odd = this.oneIn(20);
    if (this.oneIn(2)) this.emit(0x20 | size.bits, odd ? 1 : 0, 0, 0, this.number());
    else
      this.emit(
        0x40 | size.bits,
        0,
        this.oneIn(8) ? this.pick([6, 9]) : this.pick([7, 8]),
        odd ? 4 : 0,
        this.below(99),
      );
    if (this.oneIn(2)) this.mov(7, 0);
  }

  private extending(): void {
    const [base, off] = this.base();
    if (this.oneIn(2)) this.emit(this.pick([0x81, 0x89, 0x91, 0x91, 0x99]), this.pick([7, 8]), base, off);
    else
      this.emit(
        this.pick([0xbf, 0xbf, 0xbc]),
        this.pick([7, 8]),
        this.pick([7, 8, 8, 9]),
        this.pick([8, 16, 32, 32, 1]),
      );
  }

  private plain(): void {
    const [base, off] = this.base();
    const size = this.pick(SIZES);
    if (this.oneIn(2)) this.store(size, base, off, this.pick([7, 8]));
    else this.load(size, this.pick([7, 8]), base, off);
  }

  /** Casts, with an arena or without one; what they give is then used. */
  private cast(): void {
    const r = this.pick([7, 8]);
    if (this.oneIn(3)) {
      const arena = this.useMap({ type: 'arena', key: 0, value: 0, max: 4, flags: 1 << 10 });
      this.mapPointer(3, arena);
      if (this.oneIn(4)) this.wide(3, arena, this.pick([0, 8, 4096]), 2);
    }
    this.emit(0xbf, r, this.oneIn(5) ? 9 : this.pick([7, 8]), 1, this.pick([1, 1, 1 << 16, 1 << 16, 0, 2]));
    if (this.oneIn(2)) {
      const size = this.pick(SIZES);
      if (this.oneIn(2)) this.load(size, 8, r, this.pick([0, 8, -8, 4096]));
      else this.store(size, r, this.pick([0, 8]), this.pick([7, 8]));
    }
  }

  /** Atomic access to what is not memory of the program's own. */
  private kernelPlace(): void {
    const size = this.pick([SIZES[2], WORD]);
    this.emit(
      0xc3 | size.bits,
      this.pick([6, 6, 10]),
      this.pick([7, 8]),
      this.pick([0, 8, 16, 48]),
      this.pick([...ATOMICS, ACQUIRE, RELEASE]),
    );
  }
}

export const newerInsns = (seed: number): RawProgram => new NewerInsns(seed).build();
