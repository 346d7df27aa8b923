/**
 * Which halves of stack slots may still be read, computed before the walk. Pointers derived from frame pointers are followed
 * through registers, spills and arguments (`tracks`); each load, store and call then reads or overwrites halves of frames; what
 * lives before an instruction follows backwards. A function is looked at once per call site and depth for which it gets frame
 * pointers, else once on its own. Half `2n` of a frame is the upper four bytes of slot n (fp-8n-4), half `2n + 1` the lower four.
 * Evidence: the tables that level 2 logs of 7.2 print.
 */
import type { ArgKind } from '../spec/helpers';
import { CLASS, classOf } from '../spec/opcodes';
import { calleeOf, subprogAt } from './cfg';
import { isHelperCall, isLocalCall } from './callKinds';
import { unknown, type VerifierEnv } from './env';
import type { FlowGraph } from './flowGraph';
import { helperArguments } from './helperPrototypes';
import { smallNumber, type Known } from './knownRegisters';
import { MAX_STACK_ARGUMENTS, stackArgumentAccess, stackArgumentIndex } from './stackArguments';
import { HalfSets, HALVES_WORDS } from './stackHalves';
import type { VerifierState } from './verifierState';

const HALF_BYTES = 4;
const STACK_BYTES = 512;
const SLOTS = STACK_BYTES / 8;
const MAX_OFFSETS = 4;
const MAX_DEPTH = 8;
const MAX_VISITS = 10_000;
const LEAST_OFFSET = -0x7fff;
const MOST_OFFSET = 0x7fff;

/** Where a value may point: `offsets` null when only the frame is known; frame `SEVERAL` when not even that. */
interface Track {
  readonly frame: number;
  /** Ascending; null: any. */
  readonly offsets: readonly number[] | null;
  /** Bit mask of frames when `frame` is SEVERAL. */
  readonly mask: number;
}

const NONE = -1;
const SEVERAL = -3;
const NO_TRACK: Track = { frame: NONE, offsets: null, mask: 0 };

const exactly = (frame: number, offsets: readonly number[]): Track => ({ frame, offsets, mask: 0 });
const somewhere = (frame: number): Track => ({ frame, offsets: null, mask: 0 });
const several = (mask: number): Track => ({ frame: SEVERAL, offsets: null, mask });

const framesOf = (t: Track): number => (t.frame >= 0 ? 1 << t.frame : t.mask);

function sameTrack(a: Track, b: Track): boolean {
  if (a === b) return true;
  if (a.frame !== b.frame || a.mask !== b.mask) return false;
  const { offsets } = a;
  const others = b.offsets;
  if (offsets === null || others === null) return offsets === others;
  if (offsets.length !== others.length) return false;
  for (let i = 0; i < offsets.length; i++) if (offsets[i] !== others[i]) return false;
  return true;
}

function union(frame: number, a: readonly number[], b: readonly number[]): Track {
  const offsets: number[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const off = i === a.length ? b[j] : j === b.length ? a[i] : Math.min(a[i], b[j]);
    if (a[i] === off) i++;
    if (b[j] === off) j++;
    offsets.push(off);
  }
  return offsets.length > MAX_OFFSETS ? somewhere(frame) : exactly(frame, offsets);
}

/** Where ways meet. A pointer on one way only keeps its reads but must not count as a sure write: offset 0 joins it. */
function join(a: Track, b: Track): Track {
  if (sameTrack(a, b)) return a;
  if (a.frame >= 0 && a.frame === b.frame) {
    return a.offsets === null || b.offsets === null
      ? somewhere(a.frame)
      : union(a.frame, a.offsets, b.offsets);
  }
  const [pointer, other] = a.frame >= 0 ? [a, b] : [b, a];
  if (pointer.frame >= 0 && other.frame === NONE) {
    return pointer.offsets?.length === 1 ? union(pointer.frame, pointer.offsets, [0]) : pointer;
  }
  return several(framesOf(a) | framesOf(b));
}

const movedOffset = (off: number, by: number): number | undefined =>
  off + by < LEAST_OFFSET || off + by > MOST_OFFSET ? undefined : off + by;

function moved(t: Track, by: number): Track {
  if (t.frame < 0 || t.offsets === null) return t;
  const offsets = t.offsets.map((off) => movedOffset(off, by));
  return offsets.every((off) => off !== undefined) ? exactly(t.frame, offsets) : somewhere(t.frame);
}

/** A sum or another operation with a register: the frame may stay known. */
function mixed(dst: Track, src: Track): Track {
  if (dst.frame >= 0 && (src.frame === NONE || src.frame === dst.frame)) return somewhere(dst.frame);
  if (src.frame >= 0 && dst.frame === NONE) return somewhere(src.frame);
  if (dst.frame === NONE && src.frame === NONE) return dst;
  return several(framesOf(dst) | framesOf(src));
}

/** Behind R0–R10 in `regs`: the arguments on the stack stored for the next call. */
const FIRST_ARGUMENT = 11;
const TRACKED = FIRST_ARGUMENT + MAX_STACK_ARGUMENTS;

interface Tracks {
  readonly regs: readonly Track[];
  readonly slots: readonly Track[];
}

const NO_SLOTS: readonly Track[] = Array.from({ length: SLOTS }, () => NO_TRACK);
const slotAt = (off: number): number => (off >= 0 || off < -STACK_BYTES || off % 8 !== 0 ? -1 : -off / 8 - 1);

/** Reads, sure writes and what lives before each instruction, for one frame. */
interface FrameUse {
  readonly reads: HalfSets;
  readonly writes: HalfSets;
  readonly live: HalfSets;
}

/** A function as called from one place at one depth. */
interface Instance {
  readonly subprog: number;
  readonly start: number;
  readonly count: number;
  readonly depth: number;
  readonly frames: (FrameUse | undefined)[];
  merged: boolean;
}

const instanceKey = (place: number, depth: number): number => place * MAX_DEPTH + depth;

const SIZES = [4, 2, 1, 8] as const;
/** Unknown how many bytes. */
const UNSURE = 'unsure';
const LOAD_ACQUIRE = 0x100;
const STORE_RELEASE = 0x110;

export interface StackLiveness {
  /** Puts into `live` which halves of frame `frameNo` of `state` may be read from `insnIdx` on (`HALVES_WORDS` words). */
  liveHalves(state: VerifierState, insnIdx: number, frameNo: number, live: Int32Array): void;
}

export function stackLiveness(
  env: VerifierEnv,
  graph: FlowGraph,
  known: readonly (readonly (Known | undefined)[] | undefined)[],
): StackLiveness {
  return new Analysis(env, graph, known);
}

class Analysis implements StackLiveness {
  /** By place and depth (`instanceKey`). */
  private readonly instances = new Map<number, Instance>();
  /** Slots' tracks at call sites, for callees that load from them. */
  private readonly slotsAtCall = new Map<number, readonly Track[]>();
  private readonly visited = new Set<number>();
  private visits = 0;

  constructor(
    private readonly env: VerifierEnv,
    private readonly graph: FlowGraph,
    private readonly known: readonly (readonly (Known | undefined)[] | undefined)[],
  ) {
    this.analyse(this.instanceOf(0, 0, 0), undefined, []);
    for (const subprog of this.callersFirst()) {
      const global = subprog !== 0 && env.subprogs[subprog].linkage === 'global';
      if (this.visited.has(subprog) && !global) continue;
      this.analyse(this.instanceOf(env.subprogs[subprog].start, 0, subprog), undefined, []);
    }
  }

  liveHalves(state: VerifierState, insnIdx: number, frameNo: number, live: Int32Array): void {
    live.fill(0);
    const top = state.frames.length - 1;
    // From the innermost frame on, which runs at `insnIdx`, to the callers that wait and will go on.
    for (let n = top; n >= frameNo; n--) {
      const instance = this.instanceFor(state, n);
      const frame = instance === undefined ? -1 : frameNo + instance.depth - n;
      if (instance === undefined || (n < top && frame > instance.depth)) {
        live.fill(-1);
        return;
      }
      const at = n === top ? insnIdx : this.afterCall(state.frames[n + 1].callsite);
      instance.frames[frame]?.live.addTo(live, at - instance.start);
    }
  }

  /** Where a frame goes on once what it called at `callsite` is done: a callback may be called again. */
  private afterCall(callsite: number): number {
    return this.env.aux[callsite].callsCallback ? callsite : callsite + 1;
  }

  private instanceFor(state: VerifierState, frameNo: number): Instance | undefined {
    const { subprog, callsite } = state.frames[frameNo];
    const { start } = this.env.subprogs[subprog];
    for (let depth = Math.min(frameNo, MAX_DEPTH - 1); depth > 0; depth--) {
      const found = this.instances.get(instanceKey(frameNo > 0 ? callsite : start, depth));
      if (found !== undefined) return found;
    }
    return this.instances.get(instanceKey(start, 0));
  }

  private instanceOf(callsite: number, depth: number, subprog: number): Instance {
    const { start, end } = this.env.subprogs[subprog];
    const key = instanceKey(depth > 0 ? callsite : start, depth);
    let instance = this.instances.get(key);
    if (instance === undefined) {
      instance = { subprog, start, count: end - start, depth, frames: [], merged: false };
      this.instances.set(key, instance);
    }
    return instance;
  }

  private callersFirst(): number[] {
    const { env } = this;
    const calleesFirst: number[] = [];
    const seen = new Set<number>();
    const visit = (subprog: number): void => {
      if (seen.has(subprog)) return;
      seen.add(subprog);
      for (let i = env.subprogs[subprog].start; i < env.subprogs[subprog].end; i++) {
        const insn = env.insns[i];
        if (!isLocalCall(insn) && !(insn.code === 0x18 && insn.src === 4)) continue;
        const callee = subprogAt(env, calleeOf(env, i));
        if (callee >= 0) visit(callee);
      }
      calleesFirst.push(subprog);
    };
    for (let subprog = 0; subprog < env.subprogs.length; subprog++) visit(subprog);
    return calleesFirst.reverse();
  }

  /** `args`: tracks of R1–R5 (index 1–5) and of the arguments on the stack, undefined for a function nobody passes frame pointers to. */
  private analyse(target: Instance, args: readonly Track[] | undefined, callsites: readonly number[]): void {
    if (++this.visits > MAX_VISITS) unknown(this.env, 'liveness of so many nested calls');
    const { env } = this;
    const instance: Instance = target.merged ? { ...target, frames: [] } : target;
    const { subprog, depth, start } = instance;
    this.visited.add(subprog);
    const before = this.track(instance, args, callsites);
    const order = this.graph.orders[subprog];
    for (let n = order.length - 1; n >= 0; n--) {
      const at = order[n];
      const tracks = before[at - start];
      if (tracks === undefined) continue;
      this.recordMemory(instance, at, tracks.regs);
      const insn = env.insns[at];
      if (insn.code === 0x85 && !isLocalCall(insn)) this.recordCall(instance, at, tracks.regs);
      if (isLocalCall(insn) || env.aux[at].callsCallback) this.slotsAtCall.set(at, tracks.slots);
    }
    for (const at of order) {
      const tracks = before[at - start];
      if (tracks === undefined) continue;
      const call = this.calleeAt(instance, at, tracks.regs);
      if (call === undefined || call.args.every((t) => t.frame === NONE)) continue;
      if (depth === MAX_DEPTH - 1) continue;
      const callee = this.instanceOf(at, depth + 1, call.subprog);
      this.analyse(callee, call.args, [...callsites.slice(0, depth), at]);
      for (let f = 0; f < callee.depth; f++) {
        const use = callee.frames[f];
        if (use !== undefined) this.use(instance, f).reads.addSet(at - start, use.live, 0);
      }
    }
    if (instance !== target) mergeInto(target, instance);
    this.settle(target);
  }

  /** The function that an instruction enters, with the tracks of its arguments; undefined: none, or none to follow. */
  private calleeAt(
    instance: Instance,
    at: number,
    regs: readonly Track[],
  ): { readonly subprog: number; readonly args: readonly Track[] } | undefined {
    const { env } = this;
    const insn = env.insns[at];
    if (isLocalCall(insn)) {
      const subprog = subprogAt(env, calleeOf(env, at));
      if (subprog < 0) return undefined;
      return { subprog, args: regs.map((t, r) => (isArgument(r) ? t : NO_TRACK)) };
    }
    const passes = isHelperCall(insn) && env.aux[at].callsCallback ? CALLBACKS.get(insn.imm) : undefined;
    if (passes === undefined) return undefined;
    const callback = this.known[at]?.[passes.callback];
    const passed = regs[passes.context];
    if (callback?.kind !== 'function') {
      if (passed.frame !== NONE) for (let f = 0; f <= instance.depth; f++) this.readAll(instance, f, at);
      return undefined;
    }
    const args = regs.map((_, r) => (r === passes.argument ? passed : NO_TRACK));
    return { subprog: callback.subprog, args };
  }

  /** Tracks before each instruction of the function, by a fixed point over its graph. */
  private track(
    instance: Instance,
    args: readonly Track[] | undefined,
    callsites: readonly number[],
  ): (Tracks | undefined)[] {
    const { start, count, depth, subprog } = instance;
    const before: (Tracks | undefined)[] = Array.from({ length: count }, () => undefined);
    const regs = Array.from({ length: TRACKED }, (_, r) =>
      r === 10 ? exactly(depth, [0]) : r >= 1 && r <= 5 ? (args?.[r] ?? NO_TRACK) : NO_TRACK,
    );
    before[0] = { regs, slots: NO_SLOTS };
    const order = this.graph.orders[subprog];
    for (let changed = true; changed;) {
      changed = false;
      for (let n = order.length - 1; n >= 0; n--) {
        const at = order[n];
        const here = before[at - start];
        if (here === undefined) continue;
        const out = this.transfer(here, at, depth, callsites, args);
        for (const to of this.graph.successors(at)) {
          if (to < start || to >= start + count) continue;
          const old = before[to - start];
          const next = old === undefined ? out : joinTracks(old, out);
          if (next === old) continue;
          before[to - start] = next;
          if (this.graph.isHead(to)) changed = true;
        }
      }
    }
    return before;
  }

  private transfer(
    here: Tracks,
    at: number,
    depth: number,
    callsites: readonly number[],
    args: readonly Track[] | undefined,
  ): Tracks {
    const insn = this.env.insns[at];
    const { regs } = here;
    const argument = stackArgumentAccess(insn);
    if (argument !== undefined) {
      const place = FIRST_ARGUMENT + stackArgumentIndex(insn);
      if (argument === 'read') return withTrack(here, insn.dst, args?.[place] ?? NO_TRACK);
      const stored = classOf(insn.code) === CLASS.stx ? regs[insn.src] : NO_TRACK;
      return place < TRACKED ? withTrack(here, place, stored) : here;
    }
    const dst = regs[insn.dst];
    const src = regs[insn.src];
    const op = insn.code >> 4;
    const mode = insn.code & 0xe0;
    const size = SIZES[(insn.code >> 3) & 3];
    switch (insn.code & 7) {
      case 7:
        if ((insn.code & 8) !== 0) {
          if (op === 11) return withTrack(here, insn.dst, insn.off === 0 ? src : NO_TRACK);
          return withTrack(here, insn.dst, mixed(dst, src));
        }
        if (op === 11) return withTrack(here, insn.dst, NO_TRACK);
        if (dst.frame < 0) return here;
        if (op === 0) return withTrack(here, insn.dst, moved(dst, insn.imm));
        return withTrack(here, insn.dst, op === 1 ? moved(dst, -insn.imm) : somewhere(dst.frame));
      case 4:
        return withTrack(here, insn.dst, NO_TRACK);
      case 5:
        if (op !== 8) return here;
        return withoutCallerSaved(here);
      case 0:
        return mode === 0 ? withTrack(here, insn.dst, NO_TRACK) : here;
      case 1: {
        if (mode !== 0x60 || size !== 8) return withTrack(here, insn.dst, NO_TRACK);
        if (src.frame === depth || (src.frame === SEVERAL && (src.mask & (1 << depth)) !== 0))
          return withTrack(here, insn.dst, filled(src, insn.off, here.slots, depth, insn.src === 10));
        if (src.frame >= 0) {
          const slots = this.slotsAtCall.get(callsites[src.frame]) ?? NO_SLOTS;
          return withTrack(here, insn.dst, filled(src, insn.off, slots, src.frame, false));
        }
        return withTrack(here, insn.dst, src.frame === SEVERAL && src.mask !== 0 ? src : NO_TRACK);
      }
      case 2:
        if (mode !== 0x60 || dst.frame !== depth) return here;
        return withSlots(here, overwritten(here.slots, dst, insn.off, size));
      case 3: {
        const local = dst.frame === depth;
        if (mode === 0x60) {
          if (!local) return here;
          return withSlots(here, spilled(here.slots, dst, insn.off, size === 8 ? src : NO_TRACK));
        }
        if (mode !== 0xc0) return here;
        const slots =
          local && insn.imm !== LOAD_ACQUIRE ? overwritten(here.slots, dst, insn.off, size) : here.slots;
        const gets = insn.imm === 0xf1 ? 0 : insn.imm === LOAD_ACQUIRE ? insn.dst : insn.src;
        const fetches = insn.imm === 0xf1 || insn.imm === LOAD_ACQUIRE || (insn.imm & 1) !== 0;
        const after = withSlots(here, slots);
        return fetches ? withTrack(after, gets, NO_TRACK) : after;
      }
      default:
        return here;
    }
  }

  private use(instance: Instance, frame: number): FrameUse {
    return (instance.frames[frame] ??= {
      reads: new HalfSets(instance.count),
      writes: new HalfSets(instance.count),
      live: new HalfSets(instance.count),
    });
  }

  private readAll(instance: Instance, frame: number, at: number): void {
    this.use(instance, frame).reads.addAll(at - instance.start);
  }

  private recordMemory(instance: Instance, at: number, regs: readonly Track[]): void {
    const insn = this.env.insns[at];
    const cls = insn.code & 7;
    if (cls < 1 || cls > 3 || stackArgumentAccess(insn) !== undefined) return;
    const size = SIZES[(insn.code >> 3) & 3];
    const atomic = cls === 3 && (insn.code & 0xe0) === 0xc0;
    const bySrc = cls === 1 || (atomic && insn.imm === LOAD_ACQUIRE);
    const writes = !atomic ? cls !== 1 : insn.imm === STORE_RELEASE;
    const pointer = moved(regs[bySrc ? insn.src : insn.dst], insn.off);
    this.recordAccess(instance, at, pointer, writes ? -size : size);
  }

  /** `bytes`: > 0 read, < 0 written. */
  private recordAccess(instance: Instance, at: number, t: Track, bytes: number | typeof UNSURE): void {
    if (bytes === 0 || t.frame === NONE) return;
    if (t.frame === SEVERAL) {
      for (let f = 0; f <= instance.depth; f++) if ((t.mask & (1 << f)) !== 0) this.readAll(instance, f, at);
      return;
    }
    if (t.frame > instance.depth) return;
    const reads = bytes === UNSURE || bytes > 0;
    if (t.offsets === null) {
      if (reads) this.readAll(instance, t.frame, at);
      return;
    }
    if (!reads && t.offsets.length !== 1) return;
    for (const off of t.offsets) {
      if (off >= 0) continue;
      if (reads) {
        const lowest = bytes === UNSURE ? 0 : Math.max(0, Math.floor((-off - bytes) / HALF_BYTES));
        const highest = Math.floor((-off - 1) / HALF_BYTES);
        this.use(instance, t.frame).reads.addRange(at - instance.start, lowest, highest);
      } else {
        const lowest = Math.max(0, Math.ceil((-off + bytes) / HALF_BYTES));
        const highest = Math.floor(-off / HALF_BYTES) - 1;
        this.use(instance, t.frame).writes.addRange(at - instance.start, lowest, highest);
      }
    }
  }

  private recordCall(instance: Instance, at: number, regs: readonly Track[]): void {
    const { env } = this;
    const insn = env.insns[at];
    const args = isHelperCall(insn) ? helperArguments(env, insn.imm) : undefined;
    const count = args?.length ?? 5;
    for (let r = 1; r <= count; r++) {
      if (regs[r].frame === NONE) continue;
      this.recordAccess(
        instance,
        at,
        regs[r],
        args === undefined ? UNSURE : this.argumentBytes(at, args, r - 1),
      );
    }
  }

  /** How many bytes a helper touches behind its argument: > 0 reads, < 0 only fills. */
  private argumentBytes(at: number, args: readonly ArgKind[], n: number): number | typeof UNSURE {
    const kind = args[n];
    const fixed = /^fixed(Uninit|Write)?Mem:(\d+)$/.exec(kind);
    if (fixed !== null) return fixed[1] === 'Uninit' ? -Number(fixed[2]) : Number(fixed[2]);
    switch (kind) {
      case 'mapKey':
        return this.mapBytes(at, args, n, true);
      case 'mapValue':
      case 'mapValueOrNull':
        return this.mapBytes(at, args, n, false);
      case 'uninitMapValue': {
        const bytes = this.mapBytes(at, args, n, false);
        return bytes === UNSURE ? bytes : -bytes;
      }
      case 'mem':
      case 'filledMem':
      case 'filledMemOrNull':
      case 'readonlyMem':
      case 'readonlyMemOrNull':
      case 'writeMem':
      case 'uninitMem': {
        const next = args[n + 1];
        if (next !== 'size' && next !== 'sizeOrZero') return UNSURE;
        const size = smallNumber(this.known[at]?.[n + 2]);
        if (kind === 'uninitMem') return size === undefined ? 0 : -Number(size);
        return size === undefined ? STACK_BYTES : Number(size);
      }
      case 'dynptr':
      case 'dynptrRingbufRelease':
        return 16;
      case 'dynptrRingbufUninit':
      case 'dynptrLocalUninit':
        return -16;
      case 'stackOrNull':
        return 0;
      default:
        return UNSURE;
    }
  }

  /** Size of the key or value of the map that a call is given; if that is not known, the largest of any that the program names. */
  private mapBytes(at: number, args: readonly ArgKind[], n: number, key: boolean): number | typeof UNSURE {
    const { maps, program } = this.env;
    const mapArg = args.slice(0, n).indexOf('mapPtr');
    const map = mapArg < 0 ? undefined : this.known[at]?.[mapArg + 1];
    if (map?.kind === 'map') return key ? maps[map.map].keySizeBytes : maps[map.map].valueSizeBytes;
    let most = 0;
    for (const reference of program.references.values()) {
      if (reference.kind !== 'map' && reference.kind !== 'mapValue') continue;
      for (const one of [maps[reference.map], maps[reference.map].inner])
        if (one !== undefined) most = Math.max(most, key ? one.keySizeBytes : one.valueSizeBytes);
    }
    return most === 0 ? UNSURE : most;
  }

  /** What lives before each instruction, backwards to a fixed point. */
  private settle(instance: Instance): void {
    instance.merged = true;
    for (const use of instance.frames)
      if (use !== undefined) settleFrame(this.graph, this.graph.orders[instance.subprog], instance, use);
  }
}

function settleFrame(
  graph: FlowGraph,
  order: readonly number[],
  { start, count }: Instance,
  { reads, writes, live }: FrameUse,
): void {
  for (let changed = true; changed;) {
    changed = false;
    for (const at of order) {
      const next = graph.successors(at);
      if (next.length === 0) continue;
      for (let w = 0; w < HALVES_WORDS; w++) {
        let after = 0;
        for (const to of next)
          if (to >= start && to < start + count) after |= live.words[(to - start) * HALVES_WORDS + w];
        const n = (at - start) * HALVES_WORDS + w;
        const before = (after & ~writes.words[n]) | reads.words[n];
        if (before === live.words[n]) continue;
        live.words[n] = before;
        if (graph.isHead(at)) changed = true;
      }
    }
  }
}

/** Which argument of a helper is the callback, which its context, and in which register the callback gets that. */
const CALLBACKS: ReadonlyMap<
  number,
  { readonly callback: number; readonly context: number; readonly argument: number }
> = new Map([
  [181, { callback: 2, context: 3, argument: 2 }],
  [164, { callback: 2, context: 3, argument: 4 }],
  [180, { callback: 3, context: 4, argument: 3 }],
  [209, { callback: 2, context: 3, argument: 2 }],
]);

/** Whether a callee is given what is tracked at this place. */
const isArgument = (place: number): boolean => (place >= 1 && place <= 5) || place >= FIRST_ARGUMENT;

/*
 * Tracks are shared between instructions as long as they stay the same: few instructions move frame pointers.
 */
function withTrack(here: Tracks, place: number, t: Track): Tracks {
  if (sameTrack(here.regs[place], t)) return here;
  const regs = here.regs.slice();
  regs[place] = t;
  return { regs, slots: here.slots };
}

const withSlots = (here: Tracks, slots: readonly Track[]): Tracks =>
  slots === here.slots ? here : { regs: here.regs, slots };

function withoutCallerSaved(here: Tracks): Tracks {
  let out = here;
  for (let r = 0; r <= 5; r++) out = withTrack(out, r, NO_TRACK);
  return out;
}

/** `slots` with `t` in place `slot`. */
function withSlot(slots: readonly Track[], slot: number, t: Track): readonly Track[] {
  if (sameTrack(slots[slot], t)) return slots;
  const out = slots.slice();
  out[slot] = t;
  return out;
}

function joinTracks(old: Tracks, out: Tracks): Tracks {
  if (old === out) return old;
  const regs = joinAll(old.regs, out.regs);
  const slots = joinAll(old.slots, out.slots);
  return regs === old.regs && slots === old.slots ? old : { regs, slots };
}

function joinAll(old: readonly Track[], out: readonly Track[]): readonly Track[] {
  if (old === out) return old;
  let joined: Track[] | undefined;
  for (let n = 0; n < old.length; n++) {
    const next = join(old[n], out[n]);
    if (sameTrack(next, old[n])) continue;
    joined ??= old.slice();
    joined[n] = next;
  }
  return joined ?? old;
}

/** A pointer filled from where `base` points; any frame up to `depth` if that is not a known slot. */
function filled(
  base: Track,
  off: number,
  slots: readonly Track[],
  depth: number,
  byFramePointer: boolean,
): Track {
  const lost = several((1 << (depth + 1)) - 1);
  if (base.offsets === null || base.frame < 0) return lost;
  let result = NO_TRACK;
  for (const one of base.offsets) {
    const at = movedOffset(one, off);
    const slot = at === undefined ? -1 : slotAt(at);
    if (slot < 0) return lost;
    if (byFramePointer) return slots[slot];
    result = join(result, slots[slot]);
  }
  return result;
}

function spilled(slots: readonly Track[], base: Track, off: number, value: Track): readonly Track[] {
  if (base.offsets === null) return slots.map((old) => join(old, value));
  let out = slots;
  for (const one of base.offsets) {
    const at = movedOffset(one, off);
    const slot = at === undefined ? -1 : slotAt(at);
    if (slot >= 0) out = withSlot(out, slot, base.offsets.length === 1 ? value : join(out[slot], value));
  }
  return out;
}

function overwritten(slots: readonly Track[], base: Track, off: number, size: number): readonly Track[] {
  if (base.offsets === null) return NO_SLOTS;
  let out = slots;
  for (const one of base.offsets) {
    const at = movedOffset(one, off);
    if (at === undefined) return NO_SLOTS;
    for (let s = 0; s < SLOTS; s++) {
      const low = -8 * (s + 1);
      if (low < at + size && low + 8 > at) out = withSlot(out, s, NO_TRACK);
    }
  }
  return out;
}

/** Another pass over the same call site: reads add up, a write is sure only if every pass makes it. */
function mergeInto(target: Instance, pass: Instance): void {
  for (let f = 0; f <= target.depth; f++) {
    const old = target.frames[f];
    const fresh = pass.frames[f];
    if (old === undefined) {
      target.frames[f] = fresh;
      fresh?.writes.clear();
      continue;
    }
    if (fresh === undefined) old.writes.clear();
    else {
      old.reads.merge(fresh.reads, false);
      old.writes.merge(fresh.writes, true);
    }
  }
}
