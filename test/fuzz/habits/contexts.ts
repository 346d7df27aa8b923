/** Contexts: loads and stores of every size at any offset, for every program type and many attach types. */
import type { RawProgram } from '../../../runtime/loader/rawProgram';
import { ATTACH_TYPES } from '../../../runtime/spec/attachTypes';
import { ATTACH_RULES, BTF_ATTACHED } from '../../../runtime/spec/loadAttributes';
import { PROG_TYPES } from '../../../runtime/spec/progTypes';
import { ALU64, BY_REGISTER, OP, ProgramBuilder, SIZES, WORD } from '../builder';

const TYPES = PROG_TYPES.filter((row) => !BTF_ATTACHED.has(row.name));

class Contexts extends ProgramBuilder {
  constructor(seed: number) {
    super(seed, 0xc0ffee);
  }

  build(): RawProgram {
    const row = this.pick(TYPES);
    const rules = Object.hasOwn(ATTACH_RULES, row.name) ? ATTACH_RULES[row.name].types : [];
    const attach = this.oneIn(12)
      ? this.below(62)
      : rules.length > 0
        ? ATTACH_TYPES.find((a) => a.name === this.pickName(rules))?.id
        : undefined;
    this.mov(6, 1);
    this.constant(7, this.number());
    this.constant(8, 4 * this.below(8));
    this.constant(9, 0);
    for (let n = this.between(1, 4); n > 0; n--) this.access();
    if (this.oneIn(6)) this.mov(0, this.pick([6, 7, 9]));
    else this.constant(0, this.oneIn(5) ? this.number() : this.below(4));
    this.exit();
    return this.finish({
      type: row.name.replace('BPF_PROG_TYPE_', '').toLowerCase(),
      ...(attach === undefined ? {} : { expected_attach_type: attach }),
      ...(row.sleepable === 'always' || this.oneIn(30) ? { flags: 16 } : {}),
      ...(this.oneIn(20) ? { license: 'Proprietary' } : {}),
    });
  }

  private pickName(rules: readonly string[]): string {
    return this.pick(rules);
  }

  private access(): void {
    const size = this.oneIn(2) ? SIZES[2] : this.pick(SIZES);
    const off = this.oneIn(8)
      ? this.between(-8, 300)
      : this.oneIn(6)
        ? size.bytes * this.below(256 / size.bytes)
        : 4 * this.below(48);
    let base = 6;
    if (this.oneIn(10)) {
      base = 2;
      this.mov(2, 6);
      if (this.oneIn(2)) this.add(2, this.pick([4, 8, -4, 16]));
      else {
        if (this.oneIn(2)) {
          this.helper(7);
          this.mov(8, 0);
          this.emit(0x57, 8, 0, 0, this.pick([4, 12, 28]));
        }
        this.emit(ALU64 | OP.add | BY_REGISTER, 2, 8);
      }
    }
    switch (this.below(9)) {
      case 0:
        this.storeNumber(size, base, off, this.below(3));
        break;
      case 1:
        this.store(size, base, off, this.oneIn(8) ? 6 : 7);
        break;
      case 2:
        this.emit(0xc3 | this.pick([SIZES[2], WORD]).bits, base, 7, off, this.pick([0, 1, 0xe1]));
        break;
      case 3:
        if (size !== WORD) {
          this.emit(0x81 | size.bits, 9, base, off);
          break;
        }
        this.load(size, 9, base, off);
        break;
      default: {
        const dst = this.pick([7, 9, 9]);
        this.load(size, dst, base, off);
        this.afterLoad(dst);
      }
    }
  }

  /** What was loaded may be a packet, a socket, a number. */
  private afterLoad(r: number): void {
    switch (this.below(6)) {
      case 0:
        this.load(this.pick(SIZES), 9, r, this.pick([0, 4, 8, 12]));
        break;
      case 1:
        this.unlessNull(r, this.below(2));
        this.load(this.pick(SIZES), 9, r, 4 * this.below(24));
        break;
      case 2: {
        const end = this.pick([4, 80, 8, 16, 24]);
        this.load(this.pick([SIZES[2], WORD]), 3, 6, end);
        this.address(4, r, this.pick([1, 8, 14]));
        this.emit(this.pick([0xbd, 0xad, 0x3d]), 4, 3, 2);
        this.constant(0, 0);
        this.exit();
        if (this.oneIn(3)) this.storeNumber(this.pick(SIZES), r, this.below(9), 1);
        else this.load(this.pick(SIZES), 9, r, this.below(9));
        break;
      }
      case 3:
        this.emit(ALU64 | this.pick([OP.add, OP.and, OP.sub]), r, 0, 0, this.pick([1, 8, -8]));
        break;
    }
  }
}

export const contexts = (seed: number): RawProgram => new Contexts(seed).build();
