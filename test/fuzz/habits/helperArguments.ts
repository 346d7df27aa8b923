/** Helpers of every program type with arguments of the right kind, or nearly. */
import type { RawMap, RawProgram } from '../../../runtime/loader/rawProgram';
import { helperAllowed, helperPrototype } from '../../../runtime/spec/helperPrograms';
import { HELPERS, type ArgKind, type HelperRow } from '../../../runtime/spec/helpers';
import { BTF_ATTACHED } from '../../../runtime/spec/loadAttributes';
import { HELPER_MAP_TYPES, MAP_TYPES } from '../../../runtime/spec/mapTypes';
import { PROFILES } from '../../../runtime/spec/profile';
import { PROG_TYPES } from '../../../runtime/spec/progTypes';
import { ProgramBuilder, SIZES, WORD } from '../builder';

const TYPES = PROG_TYPES.filter((row) => !BTF_ATTACHED.has(row.name));
const ROWS: readonly HelperRow[] = HELPERS;
const NEWEST = PROFILES[PROFILES.length - 1];
const KINDS = MAP_TYPES.filter((row) => row.family !== 'other' || row.name === 'BPF_MAP_TYPE_BLOOM_FILTER');

const shortName = (name: string, prefix: string): string => name.slice(prefix.length).toLowerCase();

class HelperArguments extends ProgramBuilder {
  private readonly type = this.pick(TYPES);
  private readonly sleepable =
    this.type.sleepable === 'always' || (this.type.sleepable === 'may' && this.oneIn(3));

  constructor(seed: number) {
    super(seed, 0xa6e5);
  }

  build(): RawProgram {
    this.mov(6, 1);
    for (const at of [8, 16, 24, 32, 40]) this.storeNumber(WORD, 10, -at, this.oneIn(3) ? 0 : this.number());
    this.helper(this.pick([5, 7]));
    this.mov(8, 0);
    this.prepare();
    for (let n = this.between(1, 2); n > 0; n--) this.call();
    this.constant(0, this.below(2));
    this.exit();
    return this.finish({
      type: shortName(this.type.name, 'BPF_PROG_TYPE_'),
      ...(this.sleepable ? { flags: 16 } : {}),
      ...(this.oneIn(15) ? { license: 'BSD' } : {}),
    });
  }

  /** R7: a packet pointer or a map value; R9: its end, or anything. */
  private prepare(): void {
    const packet = {
      BPF_PROG_TYPE_XDP: [0, 4],
      BPF_PROG_TYPE_SCHED_CLS: [76, 80],
      BPF_PROG_TYPE_SCHED_ACT: [76, 80],
      BPF_PROG_TYPE_CGROUP_SKB: [76, 80],
      BPF_PROG_TYPE_LWT_XMIT: [76, 80],
      BPF_PROG_TYPE_SK_SKB: [76, 80],
    }[this.type.name];
    if (packet !== undefined && this.oneIn(2)) {
      this.load(SIZES[2], 7, 6, packet[0]);
      this.load(SIZES[2], 9, 6, packet[1]);
      this.address(2, 7, 32);
      this.emit(0xbd, 2, 9, 2);
      this.constant(0, 0);
      this.exit();
    } else {
      this.lookUp(this.useMap({ type: 'array', key: 4, value: 48, max: 2 }), -48);
      if (!this.oneIn(12)) this.unlessNull(0);
      this.mov(7, 0);
      this.constant(9, this.number());
    }
  }

  private chooseHelper(): HelperRow {
    for (let tries = 0; tries < 12; tries++) {
      const row = this.pick(ROWS);
      if (helperAllowed(NEWEST, this.type.name, undefined, row.id) === 'yes') return row;
    }
    return this.pick(ROWS);
  }

  private call(): void {
    const row = this.chooseHelper();
    const { args } = helperPrototype(NEWEST, row, this.type.name);
    let map: RawMap | undefined;
    args.forEach((kind, i) => {
      if (kind === 'mapPtr') map = this.chooseMap(row);
      if (this.oneIn(25)) this.anything(i + 1);
      else this.argument(i + 1, kind, map);
    });
    if (this.oneIn(60)) this.emit(0x85, 0, 0, 0, this.pick([0, 211, 212, 250, -1, 1000]));
    else this.helper(row.id);
    this.after(row);
  }

  private after(row: HelperRow): void {
    if (this.oneIn(2)) return;
    const ret = row.ret;
    if (ret.includes('OrNull') && !this.oneIn(6)) this.unlessNull(0);
    if (ret === 'integer' || ret === 'void') {
      if (this.oneIn(2)) this.mov(8, 0);
      return;
    }
    if (this.oneIn(2)) this.load(this.pick(SIZES), 8, 0, this.pick([0, 0, 4, 8, 16]));
    else this.store(this.pick(SIZES), 0, this.pick([0, 4]), 8);
  }

  private chooseMap(row: HelperRow): RawMap {
    const wanted = HELPER_MAP_TYPES[row.name as keyof typeof HELPER_MAP_TYPES];
    const suited = wanted && KINDS.filter((k) => wanted.includes(k.name));
    const kind = this.pick(suited !== undefined && suited.length > 0 && !this.oneIn(9) ? suited : KINDS);
    const key = kind.key === 'any' ? this.pick([4, 4, 8]) : kind.key;
    const value = kind.value === 'any' ? this.pick([4, 8, 16]) : kind.value;
    const type = shortName(kind.name, 'BPF_MAP_TYPE_');
    const keyless = ['queue', 'stack', 'bloom_filter'].includes(type);
    return {
      type,
      key: keyless ? 0 : kind.family === 'trie' ? 8 : key,
      value: kind.family === 'events' && kind.value === 'any' ? 8 : value,
      max: kind.family === 'ringbuf' ? 4096 : kind.family === 'storage' ? 0 : 2,
      ...(kind.family === 'trie' || kind.family === 'storage' ? { flags: 1 } : {}),
      ...(kind.family === 'mapInMap' ? { inner: { type: 'array', key: 4, value: 8, max: 1 } } : {}),
      ...(kind.family === 'storage' ? { fields: [] } : {}),
    };
  }

  private anything(r: number): void {
    switch (this.below(8)) {
      case 0:
        return;
      case 1:
        this.mov(r, 6);
        return;
      case 2:
        this.mov(r, 10);
        return;
      case 3:
        this.mov(r, 7);
        return;
      case 4:
        this.address(r, 10, -8 * this.between(1, 7));
        return;
      case 5:
        this.mapPointer(r, this.useMap({ type: 'hash', key: 4, value: 8, max: 1 }));
        return;
      default:
        this.constant(r, this.number());
    }
  }

  private memory(r: number): void {
    switch (this.below(8)) {
      case 0:
        this.mov(r, 7);
        return;
      case 1:
        this.address(r, 7, this.pick([4, 8, 40]));
        return;
      case 2:
        this.address(r, 10, -this.between(1, 56));
        return;
      default:
        this.address(r, 10, -8 * this.between(1, 5));
    }
  }

  private argument(r: number, kind: ArgKind, map: RawMap | undefined): void {
    const orNull = kind.includes('OrNull') && this.oneIn(3);
    if (orNull) return this.constant(r, 0);
    if (kind.startsWith('fixed') || kind.toLowerCase().includes('mem')) {
      if (kind === 'ringbufMemRelease') return this.anything(r);
      return this.memory(r);
    }
    switch (kind) {
      case 'anything':
      case 'scalar':
        if (this.oneIn(3)) this.mov(r, 8);
        else this.constant(r, this.oneIn(2) ? this.below(4) : this.number());
        return;
      case 'ctx':
      case 'ctxOrNull':
        this.mov(r, 6);
        return;
      case 'mapPtr':
        this.mapPointer(r, this.useMap(map ?? { type: 'array' }));
        return;
      case 'size':
      case 'sizeOrZero':
      case 'allocSizeOrZero':
        if (this.oneIn(4)) {
          this.mov(r, 8);
          this.emit(0x57, r, 0, 0, this.pick([7, 15, 31]));
        } else this.constant(r, this.pick([1, 4, 8, 8, 16, 24, 0, 40, -1]));
        return;
      case 'mapKey':
      case 'mapValue':
      case 'mapValueOrNull':
      case 'uninitMapValue':
        return this.memory(r);
      case 'func': {
        const name = this.define(`callback${this.below(2)}`, this.between(1, 4), () => {
          if (this.oneIn(2)) this.load(this.pick(SIZES), 0, this.between(1, 4), 0);
          this.constant(0, this.below(2));
          this.exit();
        });
        return this.functionAddress(r, name);
      }
      case 'stackOrNull':
        return this.address(r, 10, -8 * this.between(1, 5));
      case 'spinLock':
      case 'timer':
        return this.mov(r, 7);
      case 'constStr': {
        const text = this.useMap({ type: 'array', key: 4, value: 16, max: 1, flags: 128, freeze: 1 });
        this.wide(r, text, this.oneIn(4) ? this.pick([4, 15, 16]) : 0, 2);
        return;
      }
      case 'dynptr':
      case 'dynptrRingbufUninit':
      case 'dynptrLocalUninit':
      case 'dynptrRingbufRelease':
        this.address(r, 10, this.pick([-16, -32, -40, -12]));
        return;
      default:
        // A socket out of the context, perhaps.
        if (this.oneIn(2)) {
          this.load(WORD, r, 6, this.pick([168, 0, 8, 184, 64]));
          if (this.oneIn(2)) this.unlessNull(r);
        } else this.anything(r);
    }
  }
}

export const helperArguments = (seed: number): RawProgram => new HelperArguments(seed).build();
