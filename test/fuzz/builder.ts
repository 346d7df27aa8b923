/**
 * What all generators need to write a program: random choices from a seed, instructions by name of their kind, jumps and
 * functions that are filled in later, maps by description.
 */
import { encode } from '../../runtime/insn/encode';
import type { Insn } from '../../runtime/insn/insn';
import type { RawMap, RawProgram } from '../../runtime/loader/rawProgram';
import { bytesToHex } from '../../runtime/util/hexText';
import { nextBelow, nextU32, seedPrng, type PrngState } from '../../runtime/util/prng';

/** Opcode bytes (RFC 9669). */
export const ALU64 = 0x07;
export const ALU32 = 0x04;
export const JMP = 0x05;
export const JMP32 = 0x06;
export const BY_REGISTER = 0x08;
export const OP = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const;
export const BINARY_OPS = [
  OP.add,
  OP.sub,
  OP.mul,
  OP.div,
  OP.or,
  OP.and,
  OP.lsh,
  OP.rsh,
  OP.mod,
  OP.xor,
  OP.arsh,
] as const;
/** JEQ, JGT, JGE, JSET, JNE, JSGT, JSGE, JLT, JLE, JSLT, JSLE. */
export const CONDITIONS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0] as const;
export interface Size {
  /** Of a load or store opcode. */
  readonly bits: number;
  readonly bytes: number;
}
export const SIZES: readonly Size[] = [
  { bits: 0x10, bytes: 1 },
  { bits: 0x08, bytes: 2 },
  { bits: 0x00, bytes: 4 },
  { bits: 0x18, bytes: 8 },
];
export const WORD: Size = SIZES[3];

/** Where ranges of numbers begin and end. */
export const BOUNDARIES = [
  0, 1, -1, 2, -2, 3, 7, 8, -8, 15, 16, 31, 32, 63, 64, 127, 128, -128, 255, 256, 4095, 4096, 32767, 32768,
  65535, 65536, 0x7ffffffe, 0x7fffffff, -0x80000000, -0x7fffffff, 0x40000000, -0x40000000,
] as const;

export abstract class ProgramBuilder {
  protected readonly random: PrngState;
  protected readonly insns: Insn[] = [];
  protected readonly maps: RawMap[] = [];
  /** Made in `finish`, where the called functions stand. */
  private readonly waiting: { readonly at: number; readonly name: string }[] = [];
  private readonly bodies = new Map<string, { readonly args: number; readonly body: () => void }>();

  constructor(
    protected readonly seed: number,
    salt: number,
  ) {
    this.random = seedPrng(Math.imul(seed, 0x9e3779b1) ^ salt);
  }

  protected below(n: number): number {
    return nextBelow(this.random, n);
  }
  protected between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }
  /** True once in `n` times. */
  protected oneIn(n: number): boolean {
    return this.below(n) === 0;
  }
  protected pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  protected bits32(): number {
    return nextU32(this.random) | 0;
  }
  /** Boundaries, neighbours of powers of two, anything. */
  protected number(): number {
    switch (this.below(6)) {
      case 0:
        return this.bits32();
      case 1:
        return ((1 << this.below(32)) + this.between(-1, 1)) | 0;
      case 2:
        return this.between(-16, 64);
      default:
        return this.pick(BOUNDARIES);
    }
  }

  /** @returns where the instruction stands. */
  protected emit(code: number, dst: number, src = 0, off = 0, imm = 0): number {
    return this.insns.push({ code, dst, src, off, imm }) - 1;
  }
  protected mov(dst: number, src: number): void {
    this.emit(0xbf, dst, src);
  }
  protected constant(dst: number, value: number): void {
    this.emit(0xb7, dst, 0, 0, value);
  }
  protected add(dst: number, value: number): void {
    this.emit(0x07, dst, 0, 0, value);
  }
  /** dst = base + offset. */
  protected address(dst: number, base: number, offset: number): void {
    this.mov(dst, base);
    if (offset !== 0) this.add(dst, offset);
  }
  protected wide(dst: number, low: number, high = 0, src = 0): number {
    const at = this.emit(0x18, dst, src, 0, low);
    this.emit(0, 0, 0, 0, high);
    return at;
  }
  protected load(size: Size, dst: number, base: number, off: number): void {
    this.emit(0x61 | size.bits, dst, base, off);
  }
  protected store(size: Size, base: number, off: number, src: number): void {
    this.emit(0x63 | size.bits, base, src, off);
  }
  protected storeNumber(size: Size, base: number, off: number, value: number): void {
    this.emit(0x62 | size.bits, base, 0, off, value);
  }
  protected helper(id: number): void {
    this.emit(0x85, 0, 0, 0, id);
  }
  protected exit(): void {
    this.emit(0x95, 0);
  }
  /** Makes the jump at `at` go to the next instruction that is emitted. */
  protected land(at: number): void {
    this.insns[at] = { ...this.insns[at], off: this.insns.length - at - 1 };
  }
  /** Makes the 32-bit jump, call or function address at `at` go to the next instruction. */
  protected landFar(at: number): void {
    this.insns[at] = { ...this.insns[at], imm: this.insns.length - at - 1 };
  }

  protected useMap(map: RawMap): number {
    const text = JSON.stringify(map);
    const known = this.maps.findIndex((m) => JSON.stringify(m) === text);
    return known >= 0 ? known : this.maps.push(map) - 1;
  }
  protected mapPointer(dst: number, map: number): void {
    this.wide(dst, map, 0, 1);
  }
  /** R0 = value of some key, or NULL; uses four bytes of stack at `at` and R1, R2. */
  protected lookUp(map: number, at = -4): void {
    this.storeNumber(SIZES[2], 10, at, this.below(3));
    this.mapPointer(1, map);
    this.address(2, 10, at);
    this.helper(1);
  }
  /** Ends the program when `register` is NULL. */
  protected unlessNull(register: number, result = 0): void {
    this.emit(0x55, register, 0, 2, 0);
    this.constant(0, result);
    this.exit();
  }

  /** Says what a function is; it is written behind the program when something calls it. */
  protected define(name: string, args: number, body: () => void): string {
    if (!this.bodies.has(name)) this.bodies.set(name, { args, body });
    return name;
  }
  protected callFunction(name: string): void {
    this.waiting.push({ at: this.emit(0x85, 0, 1), name });
  }
  protected functionAddress(dst: number, name: string): void {
    this.waiting.push({ at: this.wide(dst, 0, 0, 4), name });
  }

  /** Writes the functions that are used, and describes the whole. */
  protected finish(rest: Omit<RawProgram, 'insns'> & { readonly typed?: boolean } = {}): RawProgram {
    const funcs: [number, number][] = [[0, 1]];
    const written = new Map<string, number>();
    // Bodies may use further functions.
    for (let i = 0; i < this.waiting.length; i++) {
      const { at, name } = this.waiting[i];
      let start = written.get(name);
      if (start === undefined) {
        start = this.insns.length;
        written.set(name, start);
        const found = this.bodies.get(name);
        funcs.push([start, found?.args ?? 0]);
        found?.body();
      }
      this.insns[at] = { ...this.insns[at], imm: start - at - 1 };
    }
    const { typed = true, ...description } = rest;
    return {
      id: this.seed,
      ...description,
      insns: bytesToHex(encode(this.insns)),
      ...(this.maps.length > 0 ? { maps: this.maps } : {}),
      ...(typed && funcs.length > 1 ? { funcs } : {}),
    };
  }
}
