/**
 * Programs of typed statements from a seed: sign extension, atomics, byte swaps, 32-bit jumps, bounded loops, functions that get
 * pointers to the caller's stack, spin locks, ring buffer records, callbacks of loops, packets behind a check. Each
 * statement is right, except that one in some twenty is careless about just one thing. Same seed, same program.
 */
import { encode } from '../../runtime/insn/encode';
import type { Insn } from '../../runtime/insn/insn';
import type { RawMap, RawProgram } from '../../runtime/loader/rawProgram';
import { bytesToHex } from '../../runtime/util/hexText';
import { nextBelow, nextU32, seedPrng, type PrngState } from '../../runtime/util/prng';

/** R6 holds the context, R7–R9 scalars; R0–R5 are scratch. */
const SCALARS = [7, 8, 9];
const SIZES = [
  { bits: 0x10, bytes: 1 },
  { bits: 0x08, bytes: 2 },
  { bits: 0x00, bytes: 4 },
  { bits: 0x18, bytes: 8 },
];
const SMALL = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 63, -1, -2, -8];
const LARGE = [255, 256, 4095, 65535, 0x7fffffff, -0x80000000, -0x7fffffff, 0x12345678];
const JUMPS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const ALU = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xc0];
const ATOMICS = [0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1];
const ARRAY = 0;
const LOCKED = 1;
const RING = 2;
const VALUE_BYTES = 32;

const MAPS: readonly RawMap[] = [
  { type: 'array', key: 4, value: VALUE_BYTES, max: 4 },
  { type: 'hash', key: 4, value: 16, max: 8, fields: [['spin_lock', 0]] },
  { type: 'ringbuf', key: 0, value: 0, max: 4096 },
];

class Builder {
  private readonly random: PrngState;
  private readonly insns: Insn[] = [];
  private readonly calls: { readonly at: number; readonly takesPointer: boolean }[] = [];
  private readonly callbacks: number[] = [];
  private depth = 0;
  private readonly type: string;

  constructor(private readonly seed: number) {
    this.random = seedPrng(seed ^ 0x5eed);
    this.type = this.pick(['tc', 'tc', 'xdp', 'socket_filter']);
  }

  private below(n: number): number {
    return nextBelow(this.random, n);
  }
  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  private get careless(): boolean {
    return this.below(22) === 0;
  }
  private imm(): number {
    const kind = this.below(8);
    return kind === 0 ? nextU32(this.random) | 0 : kind < 3 ? this.pick(LARGE) : this.pick(SMALL);
  }
  private emit(code: number, dst: number, src = 0, off = 0, imm = 0): number {
    return this.insns.push({ code, dst, src, off, imm }) - 1;
  }
  private scalar(): number {
    return this.pick(SCALARS);
  }
  /** Makes the jump at `at` go to the next instruction. */
  private land(at: number): void {
    this.insns[at] = { ...this.insns[at], off: this.insns.length - at - 1 };
  }

  build(): RawProgram {
    this.emit(0xbf, 6, 1);
    for (const r of SCALARS) this.input(r);
    for (let s = 1; s <= 4; s++) this.emit(0x7a, 10, 0, -8 * s, this.pick(SMALL));
    for (let n = 4 + this.below(14); n > 0; n--) this.statement();
    if (this.below(3) === 0) this.emit(0xbf, 0, this.scalar());
    else this.emit(0xb7, 0, 0, 0, this.pick([0, 1, 2]));
    this.emit(0x95, 0);
    const funcs: [number, number][] = [[0, 1]];
    this.functions(funcs);
    return {
      id: this.seed,
      type: this.type,
      insns: bytesToHex(encode(this.insns)),
      maps: MAPS,
      ...(funcs.length > 1 ? { funcs } : {}),
    };
  }

  private input(r: number): void {
    if (this.below(3) === 0) this.emit(0xb7, r, 0, 0, this.imm());
    else if (this.type === 'xdp' || this.below(3) === 0) {
      this.emit(0x85, 0, 0, 0, 7);
      this.emit(0xbf, r, 0);
    } else this.emit(0x61, r, 6, this.pick([0, 8, 16]));
  }

  private statement(): void {
    const steps = [
      () => this.arithmetic(),
      () => this.arithmetic(),
      () => this.extend(),
      () => this.branch(),
      () => this.branch(),
      () => this.stack(),
      () => this.atomic(),
      () => this.value(),
      () => this.locked(),
      () => this.record(),
      () => this.call(),
      () => this.loop(),
      () => this.callbackLoop(),
      () => this.packet(),
      () => this.mask(),
    ];
    this.pick(steps)();
  }

  private arithmetic(): void {
    const dst = this.scalar();
    const op = this.pick(ALU);
    const cls = this.below(2) === 0 ? 7 : 4;
    if (op === 0x30 || op === 0x90) {
      const signed = this.below(3) === 0 ? 1 : 0;
      if (this.below(3) === 0) this.emit(cls | op | 8, dst, this.scalar(), signed);
      else this.emit(cls | op, dst, 0, signed, this.imm() || 3);
    } else if (op === 0x60 || op === 0x70 || op === 0xc0) {
      this.emit(cls | op, dst, 0, 0, this.below(cls === 7 ? 64 : 32));
    } else if (this.below(2) === 0) this.emit(cls | op | 8, dst, this.scalar());
    else this.emit(cls | op, dst, 0, 0, this.imm());
  }

  /** Moves with and without sign, negation, byte order. */
  private extend(): void {
    const dst = this.scalar();
    const cls = this.below(2) === 0 ? 7 : 4;
    switch (this.below(4)) {
      case 0:
        this.emit(cls | 0xb8, dst, this.scalar(), this.pick(cls === 7 ? [8, 16, 32] : [8, 16]));
        break;
      case 1:
        this.emit(cls | 0x80, dst);
        break;
      case 2:
        this.emit(this.pick([0xd4, 0xdc, 0xd7]), dst, 0, 0, this.pick([16, 32, 64]));
        break;
      default:
        this.emit(cls | 0xb8, dst, this.scalar());
    }
  }

  private branch(): void {
    if (this.depth >= 3) return this.arithmetic();
    this.depth++;
    const code = this.pick(JUMPS) | (this.below(2) === 0 ? 5 : 6);
    const at =
      this.below(3) === 0
        ? this.emit(code | 8, this.scalar(), this.scalar())
        : this.emit(code, this.scalar(), 0, 0, this.imm());
    for (let n = 1 + this.below(3); n > 0; n--) this.statement();
    if (this.below(3) === 0) {
      const end = this.emit(0x05, 0);
      this.land(at);
      for (let n = 1 + this.below(2); n > 0; n--) this.statement();
      this.land(end);
    } else this.land(at);
    this.depth--;
  }

  private slot(bytes: number): number {
    return this.careless ? -41 : -8 * (1 + this.below(4)) + bytes * this.below(8 / bytes);
  }

  private stack(): void {
    const size = this.pick(SIZES);
    const off = this.slot(size.bytes);
    switch (this.below(4)) {
      case 0:
        this.emit(0x62 | size.bits, 10, 0, off, this.imm());
        break;
      case 1:
        this.emit(0x63 | size.bits, 10, this.scalar(), off);
        break;
      case 2:
        this.emit(size.bytes === 8 ? 0x79 : 0x81 | size.bits, this.scalar(), 10, off);
        break;
      default:
        this.emit(0x61 | size.bits, this.scalar(), 10, off);
    }
  }

  private atomic(): void {
    const size = this.below(2) === 0 ? 0x18 : 0;
    const imm = this.pick(ATOMICS);
    if (imm === 0xf1) this.emit(0xbf, 0, this.scalar());
    const off = -8 * (1 + this.below(4)) + (this.careless ? 1 : 0);
    this.emit(0xc3 | size, 10, this.scalar(), off, imm);
  }

  /** R0 becomes the value of some key of `map`; leaves the jump over the rest when there is none. */
  private lookUp(map: number): number | undefined {
    this.emit(0x62, 10, 0, -40, this.below(6));
    this.emit(0x18, 1, 1, 0, map);
    this.emit(0, 0);
    this.emit(0xbf, 2, 10);
    this.emit(0x07, 2, 0, 0, -40);
    this.emit(0x85, 0, 0, 0, 1);
    return this.careless ? undefined : this.emit(0x15, 0);
  }

  private mask(): void {
    const r = this.scalar();
    if (this.below(2) === 0) this.emit(0x57, r, 0, 0, this.pick([1, 3, 7, 15, 31]));
    else {
      const at = this.emit(this.pick([0xb5, 0xa5, 0xb6, 0xa6]), r, 0, 0, this.pick([1, 8, 16, 31]));
      this.emit(0xb7, r, 0, 0, this.below(8));
      this.land(at);
    }
  }

  private value(): void {
    const missing = this.lookUp(ARRAY);
    const size = this.pick(SIZES);
    const room = VALUE_BYTES - size.bytes;
    let off = this.below(room + 1);
    if (this.below(2) === 0) {
      const index = this.scalar();
      if (!this.careless) this.emit(0x57, index, 0, 0, this.pick([1, 7, 15]));
      this.emit(0x0f, 0, index);
      off = this.careless ? 28 : this.below(Math.max(1, room - 15));
    }
    switch (this.below(4)) {
      case 0:
        this.emit(0x62 | size.bits, 0, 0, off, this.imm());
        break;
      case 1:
        this.emit(0x63 | size.bits, 0, this.scalar(), off);
        break;
      case 2:
        this.emit(size.bytes === 8 ? 0x79 : 0x81 | size.bits, this.scalar(), 0, off);
        break;
      default:
        this.emit(0x61 | size.bits, this.scalar(), 0, off);
    }
    if (missing !== undefined) this.land(missing);
  }

  private locked(): void {
    const missing = this.lookUp(LOCKED);
    this.emit(0x7b, 10, 0, -48);
    this.emit(0xbf, 1, 0);
    this.emit(0x85, 0, 0, 0, 93);
    this.emit(0x79, 1, 10, -48);
    this.emit(0x7a, 1, 0, 8, this.imm());
    if (this.careless) this.emit(0x7a, 1, 0, 0, 1);
    if (!this.careless) this.emit(0x85, 0, 0, 0, 94);
    if (missing !== undefined) this.land(missing);
  }

  private record(): void {
    const bytes = this.pick([8, 16, 24]);
    this.emit(0x18, 1, 1, 0, RING);
    this.emit(0, 0);
    this.emit(0xb7, 2, 0, 0, bytes);
    this.emit(0xb7, 3, 0, 0, 0);
    this.emit(0x85, 0, 0, 0, 131);
    const missing = this.careless ? undefined : this.emit(0x15, 0);
    this.emit(0x7b, 0, this.scalar(), this.careless ? bytes - 4 : bytes - 8);
    this.emit(0xbf, 1, 0);
    this.emit(0xb7, 2, 0, 0, 0);
    if (!this.careless) this.emit(0x85, 0, 0, 0, this.pick([132, 133]));
    if (missing !== undefined) this.land(missing);
  }

  private call(): void {
    const takesPointer = this.below(2) === 0;
    if (takesPointer) {
      this.emit(0xbf, 1, 10);
      this.emit(0x07, 1, 0, 0, -8 * (1 + this.below(4)));
    } else this.emit(0xbf, 1, this.scalar());
    this.emit(0xbf, 2, this.scalar());
    this.calls.push({ at: this.emit(0x85, 0, 1), takesPointer });
    this.emit(0xbf, this.scalar(), 0);
  }

  private loop(): void {
    if (this.depth >= 2) return this.arithmetic();
    this.depth++;
    const counter = -56 - 8 * this.depth;
    this.emit(0x7a, 10, 0, counter, 0);
    const top = this.insns.length;
    for (let n = 1 + this.below(2); n > 0; n--) this.pick([() => this.arithmetic(), () => this.stack()])();
    this.emit(0x79, 1, 10, counter);
    this.emit(0x07, 1, 0, 0, this.careless ? 0 : 1);
    this.emit(0x7b, 10, 1, counter);
    this.emit(this.pick([0xa5, 0xa6, 0xc5, 0x55]), 1, 0, top - this.insns.length - 1, this.pick([2, 5, 9]));
    this.depth--;
  }

  private callbackLoop(): void {
    if (this.callbacks.length > 1) return this.arithmetic();
    this.emit(0xb7, 1, 0, 0, this.pick([1, 3, 10]));
    this.callbacks.push(this.emit(0x18, 2, 4));
    this.emit(0, 0);
    this.emit(0xbf, 3, 10);
    this.emit(0x07, 3, 0, 0, -8 * (1 + this.below(4)));
    this.emit(0xb7, 4, 0, 0, 0);
    this.emit(0x85, 0, 0, 0, 181);
  }

  private packet(): void {
    if (this.type === 'socket_filter') return this.stack();
    const [data, end] = this.type === 'xdp' ? [0, 4] : [76, 80];
    this.emit(0x61, 2, 6, data);
    this.emit(0x61, 3, 6, end);
    const size = this.pick(SIZES);
    let extent = this.pick([8, 14, 34]);
    if (this.below(3) === 0) {
      const index = this.scalar();
      this.emit(0x57, index, 0, 0, 15);
      this.emit(0x0f, 2, index);
    }
    this.emit(0xbf, 4, 2);
    this.emit(0x07, 4, 0, 0, extent);
    const over = this.emit(this.pick([0x2d, 0x3d]), 4, 3);
    if (this.careless) extent += 8;
    this.emit(0x61 | size.bits, this.scalar(), 2, this.below(extent - size.bytes + 1));
    this.land(over);
  }

  /** The called functions, behind the program. */
  private functions(funcs: [number, number][]): void {
    for (const takesPointer of [true, false]) {
      const calls = this.calls.filter((call) => call.takesPointer === takesPointer);
      if (calls.length === 0) continue;
      const start = this.insns.length;
      for (const { at } of calls) this.insns[at] = { ...this.insns[at], imm: start - at - 1 };
      funcs.push([start, 2]);
      this.body(takesPointer ? 1 : undefined, 2);
      this.emit(0xbf, 0, 2);
      this.emit(0x95, 0);
    }
    for (const at of this.callbacks) {
      const start = this.insns.length;
      this.insns[at] = { ...this.insns[at], imm: start - at - 1 };
      funcs.push([start, 2]);
      this.body(2, 1);
      this.emit(0xb7, 0, 0, 0, this.careless ? 2 : this.below(2));
      this.emit(0x95, 0);
    }
  }

  /** A few statements on a scalar, and through a pointer to eight bytes of the caller's stack if there is one. */
  private body(pointer: number | undefined, scalar: number): void {
    for (let n = 1 + this.below(4); n > 0; n--) {
      const size = this.pick(SIZES);
      switch (pointer === undefined ? 3 + this.below(2) : this.below(5)) {
        case 0:
          this.emit(0x61 | size.bits, scalar, pointer ?? 10, 0);
          break;
        case 1:
          this.emit(0x63 | size.bits, pointer ?? 10, scalar, this.careless ? 8 : 0);
          break;
        case 2:
          this.emit(0x62 | size.bits, pointer ?? 10, 0, 0, this.imm());
          break;
        case 3:
          this.emit(
            (this.below(2) === 0 ? 7 : 4) | this.pick([0x00, 0x50, 0x40, 0x20]),
            scalar,
            0,
            0,
            this.imm(),
          );
          break;
        default: {
          const at = this.emit(this.pick(JUMPS) | 5, scalar, 0, 0, this.imm());
          this.emit(0xb7, scalar, 0, 0, this.imm());
          this.land(at);
        }
      }
    }
  }
}

/** The typed program of a seed. */
export const typedProgram = (seed: number): RawProgram => new Builder(seed).build();
