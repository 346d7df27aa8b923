/**
 * What is known of one register (or one spilled register): its kind, what it points at, and the bounds of its value
 * (scalars) or of the variable part of its offset (pointers). Immutable: a change makes a new object, so states share
 * registers freely. Liveness and precision are not here, they belong to the place, not to the value
 * (`liveness.ts`, `precision.ts`). `draft` is where all are made.
 */
import type { MapSpec } from '../loader/objectSpec';
import { asS64, asU64, lowWord, S64_MAX, S64_MIN, U64_MAX } from '../util/u64';
import { sameArc, type Arc } from './arcs';
import { sameArc32, type Arc32 } from './arcs32';
import { TNUM_UNKNOWN, tnumConst, tnumEquals, type Tnum } from './tnum';

/** Kernel register types; nullability and trust are `flags`. */
export type RegType =
  | 'notInit'
  | 'scalar'
  | 'ctx'
  | 'mapPtr'
  | 'mapValue'
  | 'mapKey'
  | 'stack'
  | 'packetMeta'
  | 'packet'
  | 'packetEnd'
  | 'flowKeys'
  | 'socket'
  | 'sockCommon'
  | 'tcpSock'
  | 'tpBuffer'
  | 'xdpSock'
  | 'btfId'
  | 'mem'
  | 'buf'
  | 'func'
  | 'dynptrPtr'
  | 'arena'
  | 'insn';

/** Bits of `RegState.flags`. */
export const MAYBE_NULL = 1;
export const MEM_RDONLY = 2;
export const MEM_RINGBUF = 4;
export const MEM_USER = 8;
export const MEM_PERCPU = 16;
export const MEM_UNINIT = 32;
export const PTR_UNTRUSTED = 64;
export const PTR_TRUSTED = 128;
export const MEM_RCU = 256;
export const MEM_ALLOC = 512;
export const NON_OWN_REF = 1024;
/** A slice of packet data got through a dynptr: it ends when the packet may have moved. */
export const PACKET_SLICE = 2048;

/** `range` of a packet pointer that was compared with the end and found behind it / exactly at it. */
export const BEYOND_PKT_END = -2;
export const AT_PKT_END = -1;

export type DynptrKind = 'local' | 'ringbuf' | 'skb' | 'xdp' | 'skbMeta' | 'file';

/** A kernel object kept in stack slots (`stackObjects.ts`); compared by reference, so dynptrs share constants. */
export type StackObject =
  | { readonly kind: 'irq'; readonly saver: 'native' | 'lock' }
  | { readonly kind: 'dynptr'; readonly of: DynptrKind; readonly first: boolean }
  | {
      readonly kind: 'iter';
      /** The iterator's struct in the kernel's BTF. */
      readonly typeId: number;
      readonly drained: boolean;
      /** Iterations begun on this path; tells loops that advance from endless ones. */
      readonly depth: number;
    };

export interface RegState {
  readonly type: RegType;
  /** MAYBE_NULL, MEM_RDONLY, PTR_TRUSTED … */
  readonly flags: number;
  /** Fixed offset of a pointer, bytes; the constant delta of a linked scalar. */
  readonly off: number;
  /** Bits of the scalar, or of a pointer's variable offset. */
  readonly bits: Tnum;
  readonly smin: bigint;
  readonly smax: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
  /** 32-bit halves, plain numbers. */
  readonly s32min: number;
  readonly s32max: number;
  readonly u32min: number;
  readonly u32max: number;
  /** Newest kernels: the range as an arc where the four ends of its width tell nothing; null where they tell all. */
  readonly arc64: Arc | null;
  readonly arc32: Arc32 | null;
  /** Registers with one id were copies of each other; 0 none. Bit 31 (ADD_CONST): differs by `off`. */
  readonly id: number;
  /** Acquired reference that it belongs to; 0 none. */
  readonly refObjId: number;
  /** Packet pointers: bytes behind it that are proven to exist, or BEYOND_PKT_END / AT_PKT_END. */
  readonly range: number;
  /** Map of mapPtr, mapValue, mapKey, insn. For inner maps the outer map's template object. */
  readonly map: MapSpec | null;
  /** Tells inner maps of different lookups apart; 0 for maps of the object itself. */
  readonly mapUid: number;
  /** `mem`: size in bytes. */
  readonly memSize: number;
  /** btfId: type id; `btfOf` says in which BTF. */
  readonly btfId: number;
  readonly btfOf: 'kernel' | 'object';
  /** stack: index of the frame it points into. */
  readonly frameNo: number;
  /** func: index of the subprogram. */
  readonly subprog: number;
  /** Id of the dynptr that a slice came from; 0 none. */
  readonly dynptrId: number;
  /** Slots of dynptrs and iterators, and registers that point to a constant dynptr; else null. */
  readonly object: StackObject | null;
  /** Insn that last gave this value, for explanations only; -1 unknown. Ignored by comparisons. */
  readonly origin: number;
}

/** Ids are 32-bit integers with a sign: these the engine keeps without a box. */
export const ADD_CONST = 0x8000_0000 | 0;
/** Like ADD_CONST, the sum being one of 32 bits. */
export const ADD_CONST32 = 0x4000_0000;
const ANY_ADD = ADD_CONST | ADD_CONST32;
/** The id of the origin that a linked scalar differs from. */
export const originId = (id: number): number => id & ~ANY_ADD;
/** ADD_CONST, ADD_CONST32 or 0. */
export const addFlag = (id: number): number => id & ANY_ADD;

export const S32_MIN = -0x8000_0000;
export const S32_MAX = 0x7fff_ffff;
export const U32_MAX = 0xffff_ffff;

/** A register under construction; freeze it by storing it (nobody writes to stored registers). */
export type Draft = { -readonly [K in keyof RegState]: RegState[K] };

/**
 * A copy to work on, and the only place that makes registers: one object layout for all of them, which the engine reads
 * and copies far faster than several. So no spreads of registers: `changed` instead.
 */
export const draft = (reg: RegState): Draft => ({
  type: reg.type,
  flags: reg.flags,
  off: reg.off,
  bits: reg.bits,
  smin: reg.smin,
  smax: reg.smax,
  umin: reg.umin,
  umax: reg.umax,
  s32min: reg.s32min,
  s32max: reg.s32max,
  u32min: reg.u32min,
  u32max: reg.u32max,
  arc64: reg.arc64,
  arc32: reg.arc32,
  id: reg.id,
  refObjId: reg.refObjId,
  range: reg.range,
  map: reg.map,
  mapUid: reg.mapUid,
  memSize: reg.memSize,
  btfId: reg.btfId,
  btfOf: reg.btfOf,
  frameNo: reg.frameNo,
  subprog: reg.subprog,
  dynptrId: reg.dynptrId,
  object: reg.object,
  origin: reg.origin,
});

/** A copy with other values in some fields. */
export const changed = (reg: RegState, more: Partial<RegState>): RegState => Object.assign(draft(reg), more);

/** The same value, linked to no other. */
export function unlinked(reg: RegState): RegState {
  const d = draft(reg);
  d.id = 0;
  d.off = 0;
  return d;
}

/** An unreadable register. */
export const NOT_INIT: RegState = draft({
  type: 'notInit',
  flags: 0,
  off: 0,
  bits: TNUM_UNKNOWN,
  smin: S64_MIN,
  smax: S64_MAX,
  umin: 0n,
  umax: U64_MAX,
  s32min: S32_MIN,
  s32max: S32_MAX,
  u32min: 0,
  u32max: U32_MAX,
  arc64: null,
  arc32: null,
  id: 0,
  refObjId: 0,
  range: 0,
  map: null,
  mapUid: 0,
  memSize: 0,
  btfId: 0,
  btfOf: 'kernel',
  frameNo: 0,
  subprog: 0,
  dynptrId: 0,
  object: null,
  origin: -1,
});

/*
 * Made to be dropped: before any code is compiled the engine sees in every field all kinds of values that will stand there.
 * Code compiled for fewer kinds is thrown away when the first of another kind comes.
 */
changed(NOT_INIT, {
  u32min: U32_MAX,
  arc64: { first: 0n, last: 0n },
  arc32: { first: 0, last: 0 },
  map: {} as MapSpec,
  object: { kind: 'irq', saver: 'native' },
});

/** A scalar of which nothing is known. */
export const UNKNOWN_SCALAR: RegState = changed(NOT_INIT, { type: 'scalar' });

/** What all pointers are made from. */
const ZERO_OFFSET = withConst(NOT_INIT, 0n);

/** The scalar `value` (any integer, wrapped to 64 bits). */
export function knownScalar(value: bigint): RegState {
  return withConst(UNKNOWN_SCALAR, value);
}

/** The same register with its value (scalar) or variable offset (pointer) known to be `value`. */
export function withConst(reg: RegState, value: bigint): RegState {
  const unsigned = asU64(value);
  const low = lowWord(unsigned);
  const d = draft(reg);
  d.bits = tnumConst(unsigned);
  d.smin = d.smax = asS64(value);
  d.umin = d.umax = unsigned;
  d.s32min = d.s32max = low | 0;
  d.u32min = d.u32max = low;
  return d;
}

/** A pointer of `type` with offset 0; `more` sets what it points at. */
export function pointer(type: RegType, more: Partial<RegState> = {}): RegState {
  const d = draft(ZERO_OFFSET);
  d.type = type;
  return Object.assign(d, more);
}

/** Forgets bounds and bits (of a scalar's value, or of a pointer's variable offset). */
export function unbounded(reg: RegState): RegState {
  const d = draft(reg);
  d.bits = TNUM_UNKNOWN;
  d.smin = S64_MIN;
  d.smax = S64_MAX;
  d.umin = 0n;
  d.umax = U64_MAX;
  d.s32min = S32_MIN;
  d.s32max = S32_MAX;
  d.u32min = 0;
  d.u32max = U32_MAX;
  d.arc64 = d.arc32 = null;
  return d;
}

/** The same is known of their values (or variable offsets). */
export const sameNumbers = (a: RegState, b: RegState): boolean =>
  a === b ||
  (tnumEquals(a.bits, b.bits) &&
    a.u32min === b.u32min &&
    a.u32max === b.u32max &&
    a.s32min === b.s32min &&
    a.s32max === b.s32max &&
    a.umin === b.umin &&
    a.umax === b.umax &&
    a.smin === b.smin &&
    a.smax === b.smax &&
    sameArc(a.arc64, b.arc64) &&
    sameArc32(a.arc32, b.arc32));

/** `d` gets what is known of the value of `from`. */
export function setNumbers(d: Draft, from: RegState): void {
  d.bits = from.bits;
  d.smin = from.smin;
  d.smax = from.smax;
  d.umin = from.umin;
  d.umax = from.umax;
  d.s32min = from.s32min;
  d.s32max = from.s32max;
  d.u32min = from.u32min;
  d.u32max = from.u32max;
  d.arc64 = from.arc64;
  d.arc32 = from.arc32;
}

export const isScalar = (reg: RegState): boolean => reg.type === 'scalar';
export const isPointer = (reg: RegState): boolean => reg.type !== 'scalar' && reg.type !== 'notInit';
export const mayBeNull = (reg: RegState): boolean => (reg.flags & MAYBE_NULL) !== 0;
export const isPacketPointer = (reg: RegState): boolean => reg.type === 'packet' || reg.type === 'packetMeta';
/** The exact value of a constant scalar (unsigned), else undefined. */
export const constValue = (reg: RegState): bigint | undefined =>
  reg.bits.mask === 0n ? reg.bits.value : undefined;
/** A scalar known to be zero. */
export const isNullConst = (reg: RegState): boolean =>
  reg.type === 'scalar' && reg.bits.mask === 0n && reg.bits.value === 0n;
