/** Map values with timers, locks, work queues, lists: the helpers that take them, and accesses that touch them. */
import type { RawMap, RawProgram } from '../../../runtime/loader/rawProgram';
import { ALU64, OP, ProgramBuilder, SIZES, WORD } from '../builder';

const FIELD_BYTES: Readonly<Record<string, number>> = { timer: 16, spin_lock: 4, wq: 16, refcount: 4 };
const MAP_KINDS = [
  'array',
  'array',
  'hash',
  'hash',
  'lru_hash',
  'percpu_array',
  'percpu_hash',
  'queue',
  'lpm_trie',
];
const HELPER = {
  timerInit: 169,
  timerSetCallback: 170,
  timerStart: 171,
  timerCancel: 172,
  lock: 93,
  unlock: 94,
} as const;

class SpecialFields extends ProgramBuilder {
  private readonly kinds = this.pick([
    ['timer'],
    ['timer'],
    ['spin_lock'],
    ['spin_lock'],
    ['timer', 'spin_lock'],
    ['wq'],
    ['refcount'],
    ['timer', 'timer'],
  ]);
  private readonly fields: [string, number][] = [];
  private readonly valueBytes: number;
  private readonly map: number;
  private readonly mapType = this.oneIn(3) ? this.pick(MAP_KINDS) : this.pick(['array', 'hash']);
  private locked = 0;

  constructor(seed: number) {
    super(seed, 0x5fec1a);
    let at = this.pick([0, 0, 8, 16, 4]);
    for (const kind of this.kinds) {
      const align = FIELD_BYTES[kind] === 4 ? 4 : 8;
      at = Math.ceil(at / align) * align + (this.oneIn(25) ? 4 : 0);
      this.fields.push([kind, at]);
      at += FIELD_BYTES[kind] + this.pick([0, 0, 8]);
    }
    this.valueBytes = Math.ceil(at / 8) * 8 + this.pick([0, 8, 16]);
    this.map = this.useMap(this.described());
  }

  private described(): RawMap {
    return {
      type: this.mapType,
      key: this.mapType === 'queue' ? 0 : this.mapType === 'lpm_trie' ? 8 : 4,
      value: this.valueBytes,
      max: 4,
      fields: this.fields,
      ...(this.mapType === 'lpm_trie' ? { flags: 1 } : {}),
    };
  }

  build(): RawProgram {
    this.mov(6, 1);
    this.storeNumber(WORD, 10, -8, 0);
    this.helper(7);
    this.mov(9, 0);
    this.value(7);
    if (this.oneIn(3)) this.value(8);
    else this.mov(8, 7);
    for (let n = this.between(1, 7); n > 0; n--) this.step();
    while (this.locked > 0 && !this.oneIn(9)) this.unlock();
    this.constant(0, 0);
    this.exit();
    return this.finish({
      type: this.pick(['tc', 'xdp', 'tc', 'socket_filter', 'kprobe', 'cgroup_skb']),
      typed: !this.oneIn(12),
    });
  }

  private value(r: number): void {
    if (this.mapType === 'array' && this.oneIn(5)) {
      this.wide(r, this.map, this.oneIn(3) ? 8 : 0, 2);
      return;
    }
    this.mapPointer(1, this.map);
    this.address(2, 10, -8);
    this.helper(1);
    if (!this.oneIn(14)) this.unlessNull(0);
    this.mov(r, 0);
  }

  private fieldOffset(kind: string): number {
    const found = this.fields.filter(([k]) => k === kind);
    const at = found.length > 0 && !this.oneIn(20) ? this.pick(found)[1] : 8 * this.below(4);
    return this.oneIn(20) ? at + this.pick([4, 8, -8]) : at;
  }

  private place(r: number, kind: string): void {
    const base = this.oneIn(25) ? this.pick([6, 9, 10]) : this.pick([7, 7, 8]);
    this.address(r, base, this.fieldOffset(kind));
    if (this.oneIn(20)) {
      this.mov(2, 9);
      this.emit(0x57, 2, 0, 0, this.pick([0, 7, 8]));
      this.emit(0x0f, r, 2);
    }
  }

  private step(): void {
    if (this.kinds.includes('timer') && this.oneIn(2)) return this.timer(0);
    if (this.kinds.includes('spin_lock') && this.oneIn(2)) {
      if (this.locked > 0 ? !this.oneIn(8) : this.oneIn(12)) return this.unlock();
      return this.lock();
    }
    this.access();
  }

  private timer(level: number): void {
    const call = this.pick([
      HELPER.timerInit,
      HELPER.timerSetCallback,
      HELPER.timerStart,
      HELPER.timerCancel,
    ]);
    this.place(1, 'timer');
    if (call === HELPER.timerInit) {
      if (this.oneIn(15))
        this.mapPointer(2, this.useMap({ type: 'hash', key: 4, value: 24, max: 1, fields: [['timer', 0]] }));
      else this.mapPointer(2, this.map);
      if (this.oneIn(8)) this.mov(3, 9);
      else this.constant(3, this.pick([0, 1, 7, 2, 100]));
    } else if (call === HELPER.timerSetCallback) {
      if (this.oneIn(20)) this.constant(2, 0);
      else this.functionAddress(2, this.callback(level));
    } else if (call === HELPER.timerStart) {
      if (this.oneIn(3)) this.mov(2, 9);
      else this.constant(2, this.number());
      this.constant(3, this.pick([0, 0, 1, 2, 3, 4]));
    }
    this.helper(call);
    if (this.oneIn(4)) this.mov(9, 0);
  }

  private callback(level: number): string {
    const name = `fired${this.below(2)}`;
    return this.define(name, this.oneIn(20) ? 1 : 3, () => {
      for (let n = this.below(4); n > 0; n--) {
        switch (this.below(6)) {
          case 0:
            this.load(this.pick(SIZES), 4, 3, 8 * this.below(4));
            break;
          case 1:
            this.load(this.pick(SIZES), 4, 2, this.pick([0, 4]));
            break;
          case 2:
            this.storeNumber(this.pick(SIZES), 3, 8 * this.below(4), 1);
            break;
          case 3:
            this.mov(7, 3);
            this.mov(8, 3);
            this.constant(9, 5);
            if (level < 2) this.timer(level + 1);
            break;
          case 4:
            this.mov(7, 3);
            this.address(1, 3, this.fieldOffset('timer'));
            this.constant(2, 1000);
            this.constant(3, 0);
            this.helper(HELPER.timerStart);
            this.mov(3, 7);
            break;
          default:
            this.load(WORD, 4, 1, this.pick([0, 8]));
        }
      }
      if (!this.oneIn(15)) this.constant(0, this.oneIn(10) ? 1 : 0);
      this.exit();
    });
  }

  private lock(): void {
    this.place(1, 'spin_lock');
    this.helper(HELPER.lock);
    this.locked++;
  }
  private unlock(): void {
    this.place(1, 'spin_lock');
    this.helper(HELPER.unlock);
    this.locked--;
  }

  private access(): void {
    const base = this.pick([7, 8]);
    const size = this.pick(SIZES);
    const off = this.oneIn(3)
      ? this.below(this.valueBytes)
      : size.bytes * this.below(this.valueBytes / size.bytes);
    switch (this.below(8)) {
      case 0:
        this.storeNumber(size, base, off, 1);
        break;
      case 1:
        this.store(size, base, off, 9);
        break;
      case 2: {
        this.emit(ALU64 | OP.and, 9, 0, 0, this.pick([7, 15, 31]));
        this.mov(2, base);
        this.emit(0x0f, 2, 9);
        this.load(size, 3, 2, 0);
        break;
      }
      case 3: // the whole value to a helper
        this.mapPointer(1, this.map);
        this.address(2, 10, -8);
        this.mov(3, base);
        this.constant(4, 0);
        this.helper(this.pick([2, 2, 87]));
        break;
      case 4: {
        const at = this.emit(this.pick([0x55, 0x15]), 9, 0, 0, this.below(3));
        this.storeNumber(WORD, 10, -8, 1);
        if (this.oneIn(3)) this.exit();
        this.land(at);
        break;
      }
      case 5:
        this.callFunction(
          this.define('plain', 2, () => {
            if (this.oneIn(2)) this.load(WORD, 0, 1, 0);
            this.constant(0, 1);
            this.exit();
          }),
        );
        break;
      case 6:
        this.emit(0xc3 | this.pick([SIZES[2], WORD]).bits, base, 9, off, this.pick([0, 1]));
        break;
      default:
        this.load(size, 3, base, off);
    }
  }
}

export const specialFields = (seed: number): RawProgram => new SpecialFields(seed).build();
