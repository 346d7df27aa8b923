/** Functions: static and global ones, pointers across frames, recursion, deep stacks, tail calls, callbacks, exceptions by their absence. */
import type { RawProgram } from '../../../runtime/loader/rawProgram';
import { ALU64, CONDITIONS, JMP, OP, ProgramBuilder, SIZES, WORD } from '../builder';

const NAMES = ['a', 'b', 'c', 'd'];

class Calls extends ProgramBuilder {
  private readonly type = this.pick(['tc', 'tc', 'xdp', 'socket_filter', 'kprobe']);
  private readonly typed = !this.oneIn(4);
  /** Bytes of stack that functions use; some together are too much. */
  private readonly deep = this.oneIn(5);
  private readonly map = this.useMap({ type: 'hash', key: 4, value: 32, max: 4 });

  constructor(seed: number) {
    super(seed, 0xca115);
  }

  build(): RawProgram {
    this.mov(6, 1);
    this.constant(7, this.number());
    this.helper(7);
    this.mov(8, 0);
    for (let n = this.between(1, 5); n > 0; n--) this.statement(0);
    if (this.oneIn(6)) this.mov(0, this.pick([6, 7, 8, 10]));
    else this.constant(0, this.below(2));
    this.exit();
    return this.finish({ type: this.type, typed: this.typed });
  }

  private statement(level: number): void {
    const calls = [
      () => this.call(level),
      () => this.call(level),
      () => this.stack(),
      () => this.skip(level),
      () => this.forEach(),
      () => this.tailCall(),
      () => this.lookUpAndPass(level),
    ];
    this.pick(calls)();
  }

  private stack(): void {
    const at = this.deep ? -8 * this.between(1, 64) : -8 * this.between(1, 6);
    if (this.oneIn(2)) this.storeNumber(WORD, 10, at, this.number());
    else this.store(this.pick(SIZES), 10, at, this.oneIn(9) ? 6 : 8);
  }

  private skip(level: number): void {
    const at = this.emit(this.pick(CONDITIONS) | this.pick([5, 6]), this.pick([7, 8]), 0, 0, this.number());
    if (level < 6) this.call(level + 1);
    else this.stack();
    this.land(at);
  }

  private arguments(count: number): void {
    for (let r = 1; r <= Math.min(count, 5); r++) {
      switch (this.below(9)) {
        case 0:
          this.mov(r, 6);
          break;
        case 1:
          this.storeNumber(WORD, 10, -16, this.below(9));
          this.address(r, 10, -16);
          break;
        case 2:
          this.address(r, 10, -8 * this.between(1, 8));
          break;
        case 3:
          break;
        case 4:
          this.mapPointer(r, this.map);
          break;
        case 5:
          this.mov(r, 7);
          break;
        case 6:
          this.constant(r, this.number());
          break;
        default:
          this.mov(r, 8);
      }
    }
  }

  private call(level: number): void {
    if (level > 9) return this.stack();
    const name = this.pick(NAMES);
    const count = this.oneIn(40) ? this.pick([6, 7, 12]) : this.below(5) + (this.oneIn(5) ? 1 : 0);
    this.define(name, count, () => this.body(level + 1));
    this.arguments(4);
    this.callFunction(name);
    if (this.oneIn(2)) this.mov(this.pick([7, 8]), 0);
  }

  private body(level: number): void {
    this.mov(6, 1);
    if (this.oneIn(4)) this.mov(7, 2);
    else this.constant(7, this.number());
    if (this.oneIn(3)) this.mov(8, 2);
    else this.constant(8, this.below(20));
    for (let n = this.below(4); n > 0; n--) {
      switch (this.below(9)) {
        case 0:
          this.load(this.pick(SIZES), 8, this.pick([6, 6, 7]), this.pick([0, 0, 4, 8]));
          break;
        case 1:
          this.store(this.pick(SIZES), this.pick([6, 6, 7]), this.pick([0, 0, 4, 8]), 8);
          break;
        case 2:
          this.storeNumber(this.pick(SIZES), 6, this.pick([0, 8]), this.number());
          break;
        case 3:
          this.emit(ALU64 | this.pick([OP.add, OP.and, OP.or, OP.lsh]), 8, 0, 0, this.below(32));
          break;
        case 4:
          if (level < 8 && this.oneIn(2)) this.statement(level);
          break;
        case 5: {
          const at = this.emit(
            this.pick(CONDITIONS) | JMP,
            this.pick([6, 7, 8]),
            0,
            0,
            this.oneIn(2) ? 0 : this.number(),
          );
          this.constant(8, 1);
          this.land(at);
          break;
        }
        default:
          this.stack();
      }
    }
    switch (this.below(12)) {
      case 0:
        this.mov(0, this.pick([6, 10]));
        break;
      case 1:
        break;
      case 2:
      case 3:
      case 4:
        this.mov(0, this.pick([7, 8]));
        break;
      default:
        this.constant(0, this.below(3));
    }
    this.exit();
  }

  private lookUpAndPass(level: number): void {
    this.lookUp(this.map, -24);
    if (!this.oneIn(4)) this.unlessNull(0, 0);
    this.mov(1, 0);
    this.mov(2, 8);
    const name = this.pick(NAMES);
    this.define(name, this.between(1, 3), () => this.body(level + 1));
    this.callFunction(name);
  }

  private forEach(): void {
    const array = this.useMap({
      type: this.pick(['array', 'hash', 'percpu_array', 'lru_hash']),
      key: 4,
      value: 16,
      max: 2,
    });
    this.mapPointer(1, array);
    const name = `each${this.below(2)}`;
    this.define(name, this.oneIn(15) ? this.pick([0, 3]) : 4, () => {
      switch (this.below(5)) {
        case 0:
          this.load(this.pick(SIZES), 5, 3, this.pick([0, 8, 12, 16]));
          break;
        case 1:
          this.store(this.pick(SIZES), this.pick([2, 3]), this.pick([0, 8]), 10);
          break;
        case 2:
          this.load(this.pick(SIZES), 5, this.pick([2, 4]), 0);
          break;
        case 3:
          this.mov(2, 2);
          this.mapPointer(1, array);
          this.helper(this.pick([1, 3]));
          break;
        default:
          this.storeNumber(WORD, 4, 0, 7);
      }
      if (!this.oneIn(8)) this.constant(0, this.oneIn(10) ? 2 : this.below(2));
      this.exit();
    });
    this.functionAddress(2, name);
    this.storeNumber(WORD, 10, -40, 0);
    if (this.oneIn(3)) this.constant(3, 0);
    else this.address(3, 10, -40);
    this.constant(4, this.oneIn(15) ? 1 : 0);
    this.helper(164);
  }

  private tailCall(): void {
    const programs = this.useMap({ type: 'prog_array', key: 4, value: 4, max: 3 });
    this.mov(1, this.oneIn(12) ? 10 : 6);
    this.mapPointer(2, this.oneIn(12) ? this.map : programs);
    if (this.oneIn(2)) this.constant(3, this.below(4));
    else this.mov(3, this.oneIn(10) ? 10 : 8);
    this.helper(12);
  }
}

export const calls = (seed: number): RawProgram => new Calls(seed).build();
