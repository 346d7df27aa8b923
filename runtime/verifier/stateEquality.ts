/**
 * Whether a stored checkpoint covers the current state: everything that was safe from there is safe from here. Ids are
 * compared by a mapping (old id ↔ current id), values by range. One entry point, `statesEqual`, so that another
 * representation can take its place.
 */
import { arc32Of, arc64Of } from './arcEnds';
import { arcHolds } from './arcs';
import { arc32Holds } from './arcs32';
import type { ExploredState, FeatureFlags, VerifierEnv } from './env';
import { foldedOffset } from './pointerAlu';
import { objectCovers } from './stackObjects';
import { NEVER_STORED, setSlot, type FuncFrame } from './frame';
import { frameInsn } from './staticLiveness';
import {
  addFlag,
  isScalar,
  mayBeNull,
  originId,
  sameNumbers,
  UNKNOWN_SCALAR,
  type RegState,
} from './regState';
import { hasSlot, nextSlot, type SlotSet } from './slotSet';
import {
  allKinds,
  asNeverWritten,
  isNothing,
  isSpilled,
  isSpilledScalar,
  SLOT_DYNPTR,
  SLOT_IRQ,
  SLOT_ITER,
  SLOT_MISC,
  SLOT_SPILL,
  SLOT_ZERO,
  slotKind,
  type StackSlot,
} from './stackState';
import { tnumContains } from './tnum';
import type { ActiveLock, VerifierState } from './verifierState';

/**
 * `covers`: unread places and imprecise scalars do not matter. `within`: everything matters, by range.
 * `exact`: the same but for names of ids.
 */
export type Closeness = 'covers' | 'within' | 'exact';

/** Pairs of ids seen so far in one comparison. */
class IdMap {
  private readonly old: number[] = [];
  private readonly cur: number[] = [];
  private count = 0;
  private invented = 0;
  private strict = true;

  /** Forgets all pairs. Maps are used again: states are compared too often to make new ones. */
  restart(strict: boolean): this {
    this.count = 0;
    this.invented = 0;
    this.strict = strict;
    return this;
  }

  /** Both absent, or consistently paired. */
  same(oldId: number, curId: number): boolean {
    if (this.strict) {
      if ((oldId !== 0) !== (curId !== 0)) return false;
      if (oldId === 0) return true;
    }
    const { old, cur, count } = this;
    for (let i = 0; i < count; i++) {
      if (old[i] === oldId) return cur[i] === curId;
      if (this.strict && cur[i] === curId) return false;
    }
    old[count] = oldId;
    cur[count] = curId;
    this.count = count + 1;
    return true;
  }

  /** A scalar without id in the stored state is linked to nothing: any current id will do. */
  sameScalar(oldId: number, curId: number): boolean {
    if (oldId === 0) return true;
    const current = curId !== 0 ? curId : 0x1000_0000 + ++this.invented;
    if (!this.same(oldId, current)) return false;
    return addFlag(oldId) === 0 || this.same(originId(oldId), originId(current));
  }
}

const IDS = new IdMap();
/** For a look at one place before the others. */
const IDS_OF_PLACE = new IdMap();

const rangeWithin = (old: RegState, cur: RegState): boolean =>
  old === cur ||
  ((old.arc64 === null || arcHolds(old.arc64, arc64Of(cur))) &&
    (old.arc32 === null || arc32Holds(old.arc32, arc32Of(cur))) &&
    old.u32min <= cur.u32min &&
    old.u32max >= cur.u32max &&
    old.s32min <= cur.s32min &&
    old.s32max >= cur.s32max &&
    old.umin <= cur.umin &&
    old.umax >= cur.umax &&
    old.smin <= cur.smin &&
    old.smax >= cur.smax);

const sameTarget = (a: RegState, b: RegState): boolean => a.off === b.off && sameRegion(a, b);

/** They point into the same thing, wherever. */
const sameRegion = (a: RegState, b: RegState): boolean =>
  a === b ||
  (a.type === b.type &&
    a.flags === b.flags &&
    a.range === b.range &&
    a.map === b.map &&
    a.mapUid === b.mapUid &&
    a.memSize === b.memSize &&
    a.btfId === b.btfId &&
    a.btfOf === b.btfOf &&
    a.subprog === b.subprog &&
    a.dynptrId === b.dynptrId &&
    a.object === b.object);

/** Equal but for the names of ids. */
const sameButIds = (a: RegState, b: RegState): boolean => a === b || (sameTarget(a, b) && sameNumbers(a, b));

/** Equal with the very same ids. */
const identical = (a: RegState, b: RegState): boolean =>
  a === b || (sameTarget(a, b) && sameNumbers(a, b) && a.id === b.id && a.refObjId === b.refObjId);

const exactRegs = (old: RegState, cur: RegState, ids: IdMap): boolean =>
  sameButIds(old, cur) && ids.same(old.id, cur.id) && ids.same(old.refObjId, cur.refObjId);

function packetCovers(old: RegState, cur: RegState, folded: boolean): boolean {
  if (old.range < 0 || cur.range < 0 ? old.range !== cur.range : old.range > cur.range) return false;
  // Bytes proven behind another offset would be other bytes; kernels that fold the offsets go by the smallest one.
  return folded ? old.smin + BigInt(old.off) === cur.smin + BigInt(cur.off) : old.off === cur.off;
}

/** Every place that `cur` may point at is one for `old`, too. */
function offsetWithin(old: RegState, cur: RegState, folded: boolean): boolean {
  if (!folded || old.off === cur.off)
    return old.off === cur.off && rangeWithin(old, cur) && tnumContains(old.bits, cur.bits);
  // Beside a fixed offset there is no variable one: such a pointer stands for one place only.
  if (old.off !== 0) return false;
  const whole = foldedOffset(cur);
  return rangeWithin(old, whole) && tnumContains(old.bits, whole.bits);
}

function regCovers(
  old: RegState,
  cur: RegState,
  read: boolean,
  precise: boolean,
  ids: IdMap,
  closeness: Closeness,
  f: FeatureFlags,
): boolean {
  if (closeness === 'exact') return exactRegs(old, cur, ids);
  if (!read && closeness === 'covers') return true;
  if (old.type === 'notInit' && (f.staticLiveness || closeness === 'covers' || cur.type === 'notInit'))
    return true;
  if (old.type !== cur.type || old.flags !== cur.flags) return false;
  switch (old.type) {
    case 'scalar': {
      if (!precise && closeness === 'covers') return true;
      if (old.id !== 0 && addFlag(old.id) !== addFlag(cur.id)) return false;
      if (addFlag(old.id) !== 0 && old.off !== cur.off) return false;
      if (!ids.sameScalar(old.id, cur.id)) return false;
      return old === cur || (rangeWithin(old, cur) && tnumContains(old.bits, cur.bits));
    }
    case 'mapKey':
    case 'mapValue':
    case 'mem':
    case 'buf':
    case 'tpBuffer':
      return (
        sameRegion(old, cur) &&
        offsetWithin(old, cur, f.pointerOffsetFolded) &&
        ids.same(old.id, cur.id) &&
        ids.same(old.refObjId, cur.refObjId)
      );
    case 'packet':
    case 'packetMeta':
      return (
        packetCovers(old, cur, f.pointerOffsetFolded) &&
        ids.same(old.id, cur.id) &&
        offsetWithin(old, cur, f.pointerOffsetFolded)
      );
    case 'stack':
      return exactRegs(old, cur, ids) && old.frameNo === cur.frameNo;
    case 'arena':
      return true;
    case 'insn':
      return sameTarget(old, cur) && rangeWithin(old, cur) && tnumContains(old.bits, cur.bits);
    default:
      return exactRegs(old, cur, ids);
  }
}

/** Older kernels: ids of values matter only where NULL is still open. */
function regCoversOld(old: RegState, cur: RegState, read: boolean, precise: boolean, ids: IdMap): boolean {
  if (!read) return true;
  const equal = identical(old, cur);
  if (old.type === 'stack') return equal && old.frameNo === cur.frameNo;
  if (equal) return true;
  if (old.type === 'notInit') return true;
  if (cur.type === 'notInit') return false;
  switch (old.type) {
    case 'scalar':
      if (!isScalar(cur)) return false;
      return !precise || (rangeWithin(old, cur) && tnumContains(old.bits, cur.bits));
    case 'mapKey':
    case 'mapValue':
      if (mayBeNull(old)) return mayBeNull(cur) && sameTarget(old, cur) && ids.same(old.id, cur.id);
      return sameTarget(old, cur) && rangeWithin(old, cur) && tnumContains(old.bits, cur.bits);
    case 'packet':
    case 'packetMeta':
      return (
        cur.type === old.type &&
        packetCovers(old, cur, false) &&
        (old.id === 0 || ids.same(old.id, cur.id)) &&
        rangeWithin(old, cur) &&
        tnumContains(old.bits, cur.bits)
      );
    default:
      return false;
  }
}

const isMiscFrom = (slot: StackSlot, from: number): boolean => {
  for (let i = from; i < 8; i++) {
    const kind = slotKind(slot, i);
    if (kind !== SLOT_MISC && !isNothing(kind)) return false;
  }
  return true;
};

/**
 * What a slot's bytes from kind index `from` (0: all, 4: the lower half) can stand for as one scalar: a spill that covers
 * them, or bytes of which nothing is known.
 */
function asScalar(slot: StackSlot, from: 0 | 4): RegState | null {
  if (isSpilledScalar(slot) && slotKind(slot, from) === SLOT_SPILL) return slot.spilled;
  return isMiscFrom(slot, from) ? UNKNOWN_SCALAR : null;
}

const FULL_SPILL = allKinds(SLOT_SPILL);
const MISC_EVERYWHERE = allKinds(SLOT_MISC);

/** Uninitialised bytes may be read by privileged programs: no demand on them, nor on bytes of unknown data. */
const demandsNothing = (slot: StackSlot): boolean => (asNeverWritten(slot.kinds) & ~MISC_EVERYWHERE) === 0;

function slotCovers(
  env: VerifierEnv,
  old: FuncFrame,
  cur: FuncFrame,
  s: number,
  ids: IdMap,
  closeness: Closeness,
): boolean {
  const newer = env.features.narrowFills;
  const isStatic = env.features.staticLiveness;
  const { marks } = old;
  const oldSlot = old.stack[s];
  const curSlot = s < cur.stack.length ? cur.stack[s] : null;
  if (
    (isStatic ? closeness === 'exact' : closeness !== 'covers') &&
    (curSlot === null || asNeverWritten(oldSlot.kinds) !== asNeverWritten(curSlot.kinds))
  )
    return false;
  const read = marks === null || hasSlot(marks.slotsRead, s);
  if (!read && closeness === 'covers') return true;
  if (demandsNothing(oldSlot)) return true;
  if (curSlot === null) return false;
  const precise = hasSlot(old.preciseSlots, s);
  if (oldSlot.kinds === FULL_SPILL && curSlot.kinds === FULL_SPILL) {
    // The usual slot, without looking at its bytes.
    return newer
      ? regCovers(oldSlot.spilled, curSlot.spilled, true, precise, ids, closeness, env.features)
      : regCoversOld(oldSlot.spilled, curSlot.spilled, read, precise, ids);
  }
  return bytesCover(env, oldSlot, curSlot, read, precise, ids, closeness);
}

function bytesCover(
  env: VerifierEnv,
  oldSlot: StackSlot,
  curSlot: StackSlot,
  read: boolean,
  precise: boolean,
  ids: IdMap,
  closeness: Closeness,
): boolean {
  const newer = env.features.narrowFills;
  const halves = env.features.halfSlotLiveness;
  let asked = false;
  for (let i = 0; i < 8; i++) {
    const oldKind = slotKind(oldSlot, i);
    if (isNothing(oldKind) || oldKind === SLOT_MISC) continue;
    // Of the whole slot, asking once is enough.
    if (newer && (halves ? i === 0 || i === 4 : !asked)) {
      asked = true;
      const from = halves && i === 4 ? 4 : 0;
      const oldReg = asScalar(oldSlot, from);
      const curReg = asScalar(curSlot, from);
      if (oldReg !== null && curReg !== null)
        return regCovers(
          oldReg,
          curReg,
          true,
          precise && oldReg === oldSlot.spilled,
          ids,
          closeness,
          env.features,
        );
    }
    const curKind = slotKind(curSlot, i);
    if (oldKind !== curKind) return false;
    if (i !== 7) continue;
    if (oldKind === SLOT_SPILL) {
      return newer
        ? regCovers(oldSlot.spilled, curSlot.spilled, read, precise, ids, closeness, env.features)
        : regCoversOld(oldSlot.spilled, curSlot.spilled, read, precise, ids);
    }
    if (oldKind === SLOT_DYNPTR || oldKind === SLOT_ITER || oldKind === SLOT_IRQ) {
      if (newer && !objectCovers(oldSlot.spilled, curSlot.spilled, (a, b) => ids.same(a, b))) return false;
    } else if (oldKind !== SLOT_ZERO) {
      return false;
    }
  }
  return true;
}

function refsCover(env: VerifierEnv, old: FuncFrame, cur: FuncFrame, ids: IdMap): boolean {
  if (old.refs.length !== cur.refs.length) return false;
  for (let i = 0; i < old.refs.length; i++) {
    const ref = old.refs[i];
    const other = cur.refs[i];
    const covers = env.features.narrowFills
      ? ids.same(ref.id, other.id)
      : ref.id === other.id && ref.insnIdx === other.insnIdx && ref.callbackRef === other.callbackRef;
    if (!covers) return false;
  }
  return true;
}

function stackArgumentsCover(
  env: VerifierEnv,
  old: FuncFrame,
  cur: FuncFrame,
  ids: IdMap,
  closeness: Closeness,
): boolean {
  const count = Math.max(old.stackArguments.length, cur.stackArguments.length);
  for (let n = 0; n < count; n++) {
    const a = old.stackArguments.at(n) ?? NEVER_STORED;
    const b = cur.stackArguments.at(n) ?? NEVER_STORED;
    const precise = (old.preciseStackArguments & (1 << n)) !== 0;
    if (!regCovers(a, b, true, precise, ids, closeness, env.features)) return false;
  }
  return true;
}

function regPlaceCovers(
  env: VerifierEnv,
  old: FuncFrame,
  cur: FuncFrame,
  n: number,
  ids: IdMap,
  closeness: Closeness,
): boolean {
  const { marks } = old;
  const read = marks === null || (marks.regsRead & (1 << n)) !== 0;
  const precise = (old.preciseRegs & (1 << n)) !== 0;
  return env.features.narrowFills
    ? regCovers(old.regs[n], cur.regs[n], read, precise, ids, closeness, env.features)
    : regCoversOld(old.regs[n], cur.regs[n], read, precise, ids);
}

/** The very same value, which has no id that others might share and is no object: it covers itself however closely one looks. */
const coversItself = (old: RegState, cur: RegState): boolean =>
  old === cur && old.id === 0 && old.refObjId === 0 && old.object === null;

/** Places of a frame as numbers: its registers, then its slots. */
const FIRST_SLOT = 16;
const PLACES = 128;
/** Instead of a place: they differ in none, or in something that has no place. */
const NOWHERE = -1;
const ELSEWHERE = -2;

const ALL_SLOTS: SlotSet = { lo: -1, hi: -1 };

/** The first place where a frame is not covered. */
function uncovered(
  env: VerifierEnv,
  live: number,
  old: FuncFrame,
  cur: FuncFrame,
  ids: IdMap,
  closeness: Closeness,
): number {
  if (env.features.narrowFills && old.callbackDepth > cur.callbackDepth) return ELSEWHERE;
  if (cur.stackArgumentsTaken && !old.stackArgumentsTaken) return ELSEWHERE;
  for (let n = 0; n < 11; n++) {
    if ((live & (1 << n)) === 0 || coversItself(old.regs[n], cur.regs[n])) continue;
    if (!regPlaceCovers(env, old, cur, n, ids, closeness)) return n;
  }
  const { stack, marks } = old;
  // Slots that nobody read are left out, if they do not matter.
  const read = closeness === 'covers' && marks !== null ? marks.slotsRead : ALL_SLOTS;
  const curStack = cur.stack;
  for (let s = nextSlot(read, 0); s < stack.length; s = nextSlot(read, s + 1)) {
    const slot = stack[s];
    if (closeness === 'covers' && demandsNothing(slot)) continue;
    // Most slots were spilled before the ways parted.
    if (s < curStack.length && slot === curStack[s] && coversItself(slot.spilled, slot.spilled)) continue;
    if (!slotCovers(env, old, cur, s, ids, closeness)) return FIRST_SLOT + s;
  }
  return stackArgumentsCover(env, old, cur, ids, closeness) && refsCover(env, old, cur, ids)
    ? NOWHERE
    : ELSEWHERE;
}

/** Whether the frames are not alike at one place, whatever the ids elsewhere. */
function differAt(
  env: VerifierEnv,
  live: number,
  old: FuncFrame,
  cur: FuncFrame,
  place: number,
  closeness: Closeness,
): boolean {
  const ids = IDS_OF_PLACE.restart(env.features.narrowFills);
  if (place < FIRST_SLOT)
    return (live & (1 << place)) !== 0 && !regPlaceCovers(env, old, cur, place, ids, closeness);
  const s = place - FIRST_SLOT;
  return s < old.stack.length && !slotCovers(env, old, cur, s, ids, closeness);
}

/** The same locks are held, in the same order. */
function locksCover(old: ActiveLock | null, cur: ActiveLock | null, ids: IdMap): boolean {
  if (old === null || cur === null) return old === cur;
  if (old.of !== cur.of || old.kind !== cur.kind || !ids.same(old.id, cur.id)) return false;
  return locksCover(old.outer, cur.outer, ids);
}

/** Registers of frame `n` that are compared, as bit mask. */
const comparedRegs = (env: VerifierEnv, old: VerifierState, n: number): number =>
  env.features.staticLiveness ? env.aux[frameInsn(old, n, old.insnIdx)].liveRegsBefore : 0x7ff;

/** Whether a checkpoint covers `cur`. */
export function statesEqual(
  env: VerifierEnv,
  explored: ExploredState,
  cur: VerifierState,
  closeness: Closeness,
): boolean {
  const old = explored.state;
  if (old.frames.length !== cur.frames.length) return false;
  const newer = env.features.narrowFills;
  const { differedAt } = explored;
  if (differedAt >= 0) {
    // Where the last state was not covered, this one will probably not be either.
    const n = Math.trunc(differedAt / PLACES);
    const live = comparedRegs(env, old, n);
    if (differAt(env, live, old.frames[n], cur.frames[n], differedAt % PLACES, closeness)) return false;
  }
  const ids = IDS.restart(newer);
  if (newer) {
    if (!locksCover(old.activeLock, cur.activeLock, ids)) return false;
    if (old.outerRcuLocks !== cur.outerRcuLocks) return false;
    if (old.savedInterrupts.length !== cur.savedInterrupts.length) return false;
    for (let n = 0; n < old.savedInterrupts.length; n++)
      if (!ids.same(old.savedInterrupts[n].id, cur.savedInterrupts[n].id)) return false;
    if (old.activeRcuLock !== cur.activeRcuLock) return false;
    if (old.activePreemptLocks !== cur.activePreemptLocks) return false;
    if (old.inSleepable !== cur.inSleepable) return false;
  } else if ((old.activeLock?.id ?? 0) !== (cur.activeLock?.id ?? 0)) {
    return false;
  }
  for (let n = 0; n < old.frames.length; n++) {
    if (old.frames[n].callsite !== cur.frames[n].callsite) return false;
    if (!newer) ids.restart(false);
    const place = uncovered(env, comparedRegs(env, old, n), old.frames[n], cur.frames[n], ids, closeness);
    if (place === NOWHERE) continue;
    explored.differedAt = place >= 0 ? n * PLACES + place : NOWHERE;
    return false;
  }
  return true;
}

/** A cheap and strict test before the question of an endless loop is asked at all: same registers, same ids. */
export function maybeLooping(old: VerifierState, cur: VerifierState): boolean {
  if (old.frames.length !== cur.frames.length) return false;
  const a = old.frames[old.frames.length - 1];
  const b = cur.frames[cur.frames.length - 1];
  for (let n = 0; n < 11; n++) if (!identical(a.regs[n], b.regs[n])) return false;
  return true;
}

/** Forgets scalars' values that differ from an earlier iteration's and that nobody needed exactly. */
export function widenScalars(env: VerifierEnv, old: VerifierState, cur: VerifierState): void {
  const byValue = env.features.staticLiveness;
  const ids = IDS.restart(true);
  const differs = (a: RegState, b: RegState, precise: boolean): boolean =>
    a.type === 'scalar' &&
    b.type === 'scalar' &&
    !precise &&
    !(byValue ? sameNumbers(a, b) : exactRegs(a, b, ids));
  for (let f = old.frames.length - 1; f >= 0; f--) {
    const a = old.frames[f];
    const b = cur.frames[f];
    for (let n = 0; n < 11; n++) {
      const precise = ((a.preciseRegs | b.preciseRegs) & (1 << n)) !== 0;
      if (differs(a.regs[n], b.regs[n], precise)) b.regs[n] = UNKNOWN_SCALAR;
    }
    const count = Math.min(a.stack.length, b.stack.length);
    for (let s = 0; s < count; s++) {
      if (!isSpilled(a.stack[s]) || !isSpilled(b.stack[s])) continue;
      const precise = hasSlot(a.preciseSlots, s) || hasSlot(b.preciseSlots, s);
      if (differs(a.stack[s].spilled, b.stack[s].spilled, precise)) {
        setSlot(b, s, { kinds: b.stack[s].kinds, spilled: UNKNOWN_SCALAR });
      }
    }
  }
}
