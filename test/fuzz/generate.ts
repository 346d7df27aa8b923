/**
 * Plausible programs from a seed: typed enough that most get past the first instructions, careless enough that many are refused
 * for interesting reasons. The generator keeps a rough idea of what each register holds and sometimes ignores it on purpose.
 * Same seed, same program. The form is that of runtime/loader/rawProgram.ts.
 */
import { encode } from '../../runtime/insn/encode';
import type { Insn } from '../../runtime/insn/insn';
import type { RawMap, RawProgram } from '../../runtime/loader/rawProgram';
import { bytesToHex } from '../../runtime/util/hexText';
import { nextBelow, nextU32, seedPrng, type PrngState } from '../../runtime/util/prng';

type Held =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'scalar'; readonly max?: number }
  | { readonly kind: 'ctx' }
  | { readonly kind: 'frame' }
  | { readonly kind: 'map'; readonly map: number }
  | { readonly kind: 'valueOrNull' | 'value'; readonly map: number; readonly off: number }
  | { readonly kind: 'packet' | 'packetEnd' };

const NOTHING: Held = { kind: 'nothing' };
const SCALAR: Held = { kind: 'scalar' };

/** Opcode bytes by name (RFC 9669). */
const OP = {
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
} as const;
const JUMPS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const SIZES = [
  { bits: 0x10, bytes: 1 },
  { bits: 0x08, bytes: 2 },
  { bits: 0x00, bytes: 4 },
  { bits: 0x18, bytes: 8 },
];
const INTERESTING = [
  0, 1, -1, 2, 7, 8, 15, 16, 24, 31, 32, 63, 64, 255, 256, 4095, 65535, 0x7fffffff, -0x80000000,
];

export type Flavour = 'alu' | 'branches' | 'stack' | 'maps' | 'packet' | 'loops' | 'timers' | 'mixed';
const FLAVOURS: readonly Flavour[] = [
  'alu',
  'branches',
  'stack',
  'maps',
  'packet',
  'loops',
  'timers',
  'mixed',
];

/** Methods that add one plausible step. */
type Step =
  | 'alu'
  | 'branch'
  | 'stackStore'
  | 'stackLoad'
  | 'stackPointer'
  | 'lookup'
  | 'nullCheck'
  | 'valueAccess'
  | 'boundedIndex'
  | 'packetLoad'
  | 'packetCheck'
  | 'packetAccess'
  | 'timerCall'
  | 'helper'
  | 'contextLoad';

class Generator {
  private readonly random: PrngState;
  private readonly insns: Insn[] = [];
  private held: Held[] = Array.from({ length: 11 }, () => NOTHING);
  private readonly maps: RawMap[] = [];
  private readonly funcs: [number, number][] = [];
  /** Offsets below the frame pointer that were written with 8 bytes. */
  private written = new Set<number>();
  private nesting = 0;
  private readonly flavour: Flavour;
  private readonly packet: boolean;

  constructor(private readonly seed: number) {
    this.random = seedPrng(seed);
    this.flavour = this.pick(FLAVOURS);
    this.packet = this.flavour === 'packet' || (this.flavour === 'mixed' && this.chance(1, 2));
  }

  private below(n: number): number {
    return nextBelow(this.random, n);
  }
  private chance(part: number, whole: number): boolean {
    return this.below(whole) < part;
  }
  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  private imm(): number {
    return this.chance(3, 4) ? this.pick(INTERESTING) : nextU32(this.random) | 0;
  }

  private emit(code: number, dst: number, src = 0, off = 0, imm = 0): void {
    this.insns.push({ code, dst, src, off, imm });
  }

  private find(test: (h: Held) => boolean): number | undefined {
    const found = this.held.flatMap((h, r) => (test(h) ? [r] : []));
    return found.length > 0 ? this.pick(found) : undefined;
  }
  /** A register that may be written; rarely the frame pointer itself. */
  private target(): number {
    return this.chance(1, 200) ? 10 : this.below(10);
  }
  /** Mostly a scalar; sometimes anything. */
  private scalar(): number {
    const r = this.chance(1, 40) ? undefined : this.find((h) => h.kind === 'scalar');
    return r ?? this.find((h) => h.kind !== 'nothing') ?? this.below(11);
  }

  generate(): RawProgram {
    if (this.flavour === 'maps' || this.flavour === 'mixed' || this.flavour === 'timers') {
      const timer = this.flavour === 'timers' || this.chance(1, 4);
      const size = timer ? 16 + 8 * (1 + this.below(4)) : this.pick([4, 8, 16, 24, 64]);
      const fields: [string, number][] | undefined = timer
        ? [['timer', 8 * this.below((size - 16) / 8 + 1)]]
        : undefined;
      this.maps.push({
        type: this.pick(['array', 'hash']),
        key: this.pick([4, 4, 4, 8]),
        value: size,
        max: this.pick([1, 4, 16]),
        fields,
      });
      if (this.maps[0].type === 'array') this.maps[0] = { ...this.maps[0], key: 4 };
    }
    this.held[1] = { kind: 'ctx' };
    this.held[10] = { kind: 'frame' };
    if (this.chance(1, 2)) {
      this.emit(0xbf, 6, 1);
      this.held[6] = { kind: 'ctx' };
    }
    for (const r of [0, 7, 8, 9]) {
      if (!this.chance(2, 3)) continue;
      if (this.chance(1, 2)) this.constant(r, this.imm());
      else this.contextLoad(r);
    }
    const steps = 3 + this.below(this.flavour === 'branches' ? 30 : 20);
    for (let i = 0; i < steps; i++) this.step();
    if (this.flavour === 'loops') this.loop();
    if (this.held[0].kind !== 'scalar' || this.chance(1, 20)) this.constant(0, this.pick([0, 1, 2]));
    if (!this.chance(1, 100)) this.emit(0x95, 0);
    const callback = this.flavour === 'timers' ? this.callback() : undefined;
    if (callback !== undefined) this.funcs.push([0, 1], [callback, 3]);
    return {
      id: this.seed,
      type: this.packet ? this.pick(['xdp', 'tc']) : this.pick(['socket_filter', 'xdp', 'tc']),
      insns: bytesToHex(encode(this.insns)),
      ...(this.maps.length > 0 ? { maps: this.maps } : {}),
      ...(this.funcs.length > 0 ? { funcs: this.funcs } : {}),
    };
  }

  private constant(dst: number, value: number): void {
    this.emit(0xb7, dst, 0, 0, value);
    this.held[dst] = { kind: 'scalar', max: value >= 0 ? value : undefined };
  }

  private step(): void {
    const weights: Record<Flavour, readonly Step[]> = {
      alu: ['alu', 'alu', 'alu', 'branch'],
      branches: ['branch', 'branch', 'alu', 'stackStore', 'stackLoad'],
      stack: ['stackStore', 'stackLoad', 'stackStore', 'alu', 'branch', 'stackPointer'],
      maps: ['lookup', 'nullCheck', 'valueAccess', 'valueAccess', 'alu', 'branch', 'boundedIndex'],
      packet: ['packetLoad', 'packetCheck', 'packetAccess', 'packetAccess', 'alu', 'branch'],
      loops: ['alu', 'stackStore', 'stackLoad', 'branch'],
      timers: ['lookup', 'nullCheck', 'timerCall', 'timerCall', 'valueAccess', 'alu'],
      mixed: [
        'alu',
        'branch',
        'stackStore',
        'stackLoad',
        'lookup',
        'nullCheck',
        'valueAccess',
        'packetLoad',
        'packetCheck',
        'packetAccess',
        'helper',
        'contextLoad',
      ],
    };
    this[this.pick(weights[this.flavour])]();
  }

  private alu(): void {
    const dst = this.chance(1, 3) ? this.target() : (this.find((h) => h.kind === 'scalar') ?? this.target());
    if (this.held[dst].kind !== 'scalar' && !this.chance(1, 50)) {
      if (this.chance(1, 2)) this.constant(dst, this.imm());
      else if (this.chance(1, 3)) {
        this.emit(0x18, dst, 0, 0, this.imm());
        this.emit(0, 0, 0, 0, this.imm());
        this.held[dst] = SCALAR;
      } else this.contextLoad(dst);
      return;
    }
    const wide = this.chance(2, 3) ? 0x07 : 0x04;
    const op = this.pick(Object.values(OP));
    if (op === OP.neg) this.emit(wide | op, dst);
    else if (this.chance(1, 2)) {
      let value = this.imm();
      if (op === OP.lsh || op === OP.rsh || op === OP.arsh)
        value = this.chance(1, 30) ? 64 : this.below(wide === 0x07 ? 64 : 32);
      if ((op === OP.div || op === OP.mod) && value === 0 && !this.chance(1, 20)) value = 3;
      this.emit(wide | op, dst, 0, 0, value);
    } else this.emit(wide | op | 0x08, dst, this.scalar());
    this.held[dst] = SCALAR;
  }

  /** A forward jump over a few steps; what both ways hold is merged. */
  private branch(): void {
    if (this.nesting >= 3 || this.insns.length > 400) return this.alu();
    this.nesting++;
    const a = this.scalar();
    const at = this.insns.length;
    const code = this.pick(JUMPS) | (this.chance(2, 3) ? 0x05 : 0x06);
    if (this.chance(2, 3)) this.emit(code, a, 0, 0, this.imm());
    else this.emit(code | 0x08, a, this.scalar());
    const before = this.held.slice();
    const writtenBefore = new Set(this.written);
    const depth = 1 + this.below(4);
    for (let i = 0; i < depth; i++) this.step();
    this.nesting--;
    const skip = this.insns.length - at - 1;
    this.insns[at] = { ...this.insns[at], off: this.chance(1, 150) ? -1 - this.below(at + 1) : skip };
    this.held = this.held.map((h, r) => (h.kind === before[r].kind ? h : NOTHING));
    this.written = new Set([...this.written].filter((o) => writtenBefore.has(o)));
  }

  private slot(): number {
    return this.chance(1, 60) ? this.pick([-520, 0, 8, -4, -1]) : -8 * (1 + this.below(8));
  }

  private stackStore(): void {
    const off = this.slot();
    const size = this.chance(2, 3) ? SIZES[3] : this.pick(SIZES);
    if (this.chance(1, 4)) this.emit(0x62 | size.bits, 10, 0, off, this.imm());
    else {
      // Pointers are stored whole, but for the odd mistake.
      const src =
        this.find((h) =>
          size.bytes === 8 || this.chance(1, 60) ? h.kind !== 'nothing' : h.kind === 'scalar',
        ) ?? 10;
      if (src === 10 && size.bytes !== 8 && !this.chance(1, 10)) return;
      this.emit(0x63 | size.bits, 10, src, off);
    }
    if (size.bytes === 8) this.written.add(off);
  }

  private stackLoad(): void {
    if (this.written.size === 0 && !this.chance(1, 10)) return this.stackStore();
    const off = this.written.size > 0 && !this.chance(1, 20) ? this.pick([...this.written]) : this.slot();
    const size = this.chance(2, 3) ? SIZES[3] : this.pick(SIZES);
    const dst = this.below(10);
    this.emit(0x61 | size.bits, dst, 10, off);
    this.held[dst] = SCALAR;
  }

  /** Arithmetic on a copy of the frame pointer, then an access through it. */
  private stackPointer(): void {
    const r = this.below(10);
    this.emit(0xbf, r, 10);
    this.emit(0x07, r, 0, 0, this.slot());
    if (this.chance(1, 6)) {
      const index = this.scalar();
      this.emit(0x57, index, 0, 0, this.pick([7, 8, 15]));
      this.emit(0x0f, r, index);
    }
    const size = this.pick(SIZES);
    if (this.chance(1, 2)) this.emit(0x62 | size.bits, r, 0, 0, this.imm());
    else {
      const dst = this.below(10);
      this.emit(0x61 | size.bits, dst, r, 0);
      this.held[dst] = SCALAR;
      if (dst === r) return;
    }
    this.held[r] = NOTHING;
  }

  private contextLoad(into?: number): void {
    const ctx = this.find((h) => h.kind === 'ctx');
    if (ctx === undefined) return;
    const dst = into ?? this.below(10);
    this.emit(0x61, dst, ctx, this.packet ? this.pick([12, 16]) : this.pick([16, 16, 12]));
    this.held[dst] = SCALAR;
  }

  private mapPointer(dst: number): void {
    this.emit(0x18, dst, 1, 0, 0);
    this.emit(0, 0);
    this.held[dst] = { kind: 'map', map: 0 };
  }

  private lookup(): void {
    if (this.maps.length === 0) return this.stackStore();
    const key = this.maps[0].key ?? 4;
    const off = this.chance(1, 40) ? -2 : -8;
    if (!this.chance(1, 30)) this.emit(0x7a, 10, 0, -8, this.pick([0, 1, 3, 100]));
    this.mapPointer(1);
    this.emit(0xbf, 2, 10);
    this.emit(0x07, 2, 0, 0, key === 4 ? off : -8);
    this.call(1);
    this.held[0] = { kind: 'valueOrNull', map: 0, off: 0 };
    this.written.add(-8);
    if (this.chance(1, 2)) {
      const keep = 6 + this.below(4);
      this.emit(0xbf, keep, 0);
      this.held[keep] = this.held[0];
    }
  }

  private call(id: number): void {
    this.emit(0x85, 0, 0, 0, id);
    for (let r = 0; r <= 5; r++) this.held[r] = NOTHING;
  }

  private nullCheck(): void {
    const r = this.find((h) => h.kind === 'valueOrNull');
    if (r === undefined) return;
    // Either leave the program when NULL, or (wrongly, now and then) when not.
    this.emit(this.chance(1, 15) ? 0x15 : 0x55, r, 0, 2, 0);
    this.emit(0xb7, 0, 0, 0, 0);
    this.emit(0x95, 0);
    this.held = this.held.map((h) =>
      h.kind === 'valueOrNull' ? { kind: 'value', map: h.map, off: h.off } : h,
    );
  }

  private valueAccess(): void {
    const r =
      this.find((h) => h.kind === 'value') ??
      (this.chance(1, 8) ? this.find((h) => h.kind === 'valueOrNull') : undefined);
    if (r === undefined) return this.lookup();
    const size = this.pick(SIZES);
    const last = (this.maps[0].value ?? 8) - size.bytes;
    const off = this.chance(1, 12)
      ? this.pick([-1, last + 1, last + size.bytes])
      : size.bytes * this.below(Math.floor(Math.max(0, last) / size.bytes) + 1);
    if (this.chance(1, 3)) this.emit(0x62 | size.bits, r, 0, off, this.imm());
    else if (this.chance(1, 3)) this.emit(0x63 | size.bits, r, this.scalar(), off);
    else {
      const dst = this.below(10);
      this.emit(0x61 | size.bits, dst, r, off);
      this.held[dst] = SCALAR;
    }
  }

  /** value + bounded scalar. */
  private boundedIndex(): void {
    const r = this.find((h) => h.kind === 'value');
    const index = this.find((h) => h.kind === 'scalar');
    if (r === undefined || index === undefined || r === index) return this.valueAccess();
    const limit = this.pick([1, 3, 7, 15, 63]);
    if (this.chance(1, 2)) this.emit(0x57, index, 0, 0, limit);
    else {
      this.emit(this.chance(1, 4) ? 0xd5 : 0xb5, index, 0, 2, limit);
      this.emit(0xb7, 0, 0, 0, 1);
      this.emit(0x95, 0);
    }
    this.emit(0x0f, r, index);
    const size = this.pick(SIZES);
    const dst = this.below(10);
    this.emit(0x61 | size.bits, dst, r, 0);
    this.held[r] = NOTHING;
    this.held[dst] = SCALAR;
  }

  private packetLoad(): void {
    const ctx = this.find((h) => h.kind === 'ctx');
    if (!this.packet || ctx === undefined) return this.alu();
    const [data, end] = [2, 3];
    // xdp_md.data/.data_end; for other types the offsets are wrong, which is interesting too.
    this.emit(0x61, data, ctx, 0);
    this.emit(0x61, end, ctx, 4);
    this.held[data] = { kind: 'packet' };
    this.held[end] = { kind: 'packetEnd' };
    if (data === ctx || end === ctx) this.held[ctx] = NOTHING;
  }

  private packetCheck(): void {
    const p = this.find((h) => h.kind === 'packet');
    const e = this.find((h) => h.kind === 'packetEnd');
    if (p === undefined || e === undefined) return this.packetLoad();
    const scratch = this.pick([4, 5]);
    this.emit(0xbf, scratch, p);
    this.emit(0x07, scratch, 0, 0, this.pick([1, 8, 14, 34, 64]));
    this.emit(this.pick([0x2d, 0x2d, 0x2d, 0x3d, 0xad, 0xbd]), scratch, e, 2);
    this.insns[this.insns.length - 1] = { ...this.insns[this.insns.length - 1], off: 2 };
    const good =
      this.insns[this.insns.length - 1].code === 0xad || this.insns[this.insns.length - 1].code === 0xbd;
    if (good) {
      this.emit(0xb7, 0, 0, 0, 1);
      this.emit(0x95, 0);
    } else {
      this.emit(0x05, 0, 0, 2);
      this.emit(0xb7, 0, 0, 0, 1);
      this.insns[this.insns.length - 3] = { ...this.insns[this.insns.length - 3], off: 1 };
      this.emit(0x95, 0);
    }
    this.held[scratch] = NOTHING;
  }

  private packetAccess(): void {
    const p = this.find((h) => h.kind === 'packet');
    if (p === undefined) return this.packetLoad();
    const size = this.pick(SIZES);
    const dst = this.below(10);
    this.emit(0x61 | size.bits, dst, p, this.pick([0, 0, 1, 6, 12, 13, 32, 60]));
    this.held[dst] = SCALAR;
  }

  private helper(): void {
    this.call(this.pick([5, 7, 8, 14]));
    this.held[0] = SCALAR;
  }

  private loop(): void {
    const counter = 6 + this.below(4);
    this.constant(counter, 0);
    const top = this.insns.length;
    for (let i = 0, n = this.below(3); i < n; i++) this.alu();
    if (this.held[counter].kind !== 'scalar') return;
    this.emit(0x07, counter, 0, 0, this.chance(1, 15) ? 0 : 1);
    const bound = this.pick([2, 4, 10, 50]);
    this.emit(this.pick([0xa5, 0x55, 0xc5]), counter, 0, top - this.insns.length - 1, bound);
  }

  private timerCall(): void {
    const r =
      this.find((h) => h.kind === 'value') ??
      (this.chance(1, 10) ? this.find((h) => h.kind === 'valueOrNull') : undefined);
    if (r === undefined) return this.chance(1, 2) ? this.nullCheck() : this.lookup();
    const keep = 9;
    if (r !== keep) {
      this.emit(0xbf, keep, r);
      this.held[keep] = this.held[r];
    }
    const offset = this.maps[0].fields?.[0][1] ?? 0;
    this.emit(0xbf, 1, keep);
    this.emit(0x07, 1, 0, 0, this.chance(1, 15) ? offset + 8 : offset);
    const id = this.pick([169, 170, 171, 172]);
    if (id === 169) {
      this.mapPointer(2);
      this.constant(3, this.pick([0, 1, 7, 99]));
    } else if (id === 170) {
      this.callbackUses.push(this.insns.length);
      this.emit(0x18, 2, 4, 0, 0);
      this.emit(0, 0);
    } else if (id === 171) {
      this.constant(2, this.pick([0, 1000, 1_000_000]));
      this.constant(3, this.pick([0, 0, 1, 2]));
    }
    this.call(id);
    this.held[0] = SCALAR;
  }

  private readonly callbackUses: number[] = [];

  /** A callback behind the program; returns its first slot. */
  private callback(): number | undefined {
    if (this.callbackUses.length === 0) return undefined;
    const start = this.insns.length;
    this.held = this.held.map(() => NOTHING);
    this.held[10] = { kind: 'frame' };
    this.held[3] = { kind: 'value', map: 0, off: 0 };
    this.held[1] = { kind: 'map', map: 0 };
    this.written.clear();
    for (let i = 0, n = this.below(5); i < n; i++)
      this[this.pick(['alu', 'stackStore', 'valueAccess', 'timerCall'] as const)]();
    this.constant(0, this.chance(1, 15) ? 1 : 0);
    this.emit(0x95, 0);
    for (const at of this.callbackUses) this.insns[at] = { ...this.insns[at], imm: start - at - 1 };
    return start;
  }
}

/** The program of a seed. */
export const generate = (seed: number): RawProgram => new Generator(seed).generate();
