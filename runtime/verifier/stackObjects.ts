/**
 * Kernel objects that live in a program's stack: dynptrs (two slots) and iterators (as many as their struct needs). Here
 * is what the slots hold and how objects come and go; what calls demand of them is in `dynptrs.ts` and `iterators.ts`.
 * An object is always whole: overwriting one slot of a dynptr destroys it. Older kernels do not watch dynptrs' slots.
 * Evidence: fixtures `dynptr-*`, `iter-*`, recorded on 6.1, 6.12 and 7.2.
 */
import { curFrame, newId, reject, type VerifierEnv } from './env';
import { forEachReg } from './everyRegister';
import { setSlot, type FuncFrame } from './frame';
import { markSlotRead, markSlotWritten } from './liveness';
import { EINVAL } from './outcome';
import { acquireReference, releaseReference } from './references';
import {
  changed,
  MAYBE_NULL,
  MEM_RCU,
  pointer,
  PTR_UNTRUSTED,
  UNKNOWN_SCALAR,
  type DynptrKind,
  type RegState,
  type StackObject,
} from './regState';
import { addSlot } from './slotSet';
import { allKinds, EMPTY_SLOT, SLOT_DYNPTR, SLOT_ITER, slotKind, type StackSlot } from './stackState';
import { tnumIsConst } from './tnum';
import type { VerifierState } from './verifierState';

export const DYNPTR_SLOTS = 2;
const SLOT_BYTES = 8;

type DynptrPart = Extract<StackObject, { kind: 'dynptr' }>;
type IterPart = Extract<StackObject, { kind: 'iter' }>;

const parts = (of: DynptrKind): readonly [DynptrPart, DynptrPart] => [
  { kind: 'dynptr', of, first: true },
  { kind: 'dynptr', of, first: false },
];
/** One constant for each slot of each kind, so that equality is identity. */
const DYNPTR_PARTS: Readonly<Record<DynptrKind, readonly [DynptrPart, DynptrPart]>> = {
  local: parts('local'),
  ringbuf: parts('ringbuf'),
  skb: parts('skb'),
  xdp: parts('xdp'),
  skbMeta: parts('skbMeta'),
  file: parts('file'),
};

/** Kinds that hold a reference which must be given back. */
export const holdsReference = (of: DynptrKind): boolean => of === 'ringbuf' || of === 'file';

/** A register that points to a dynptr which the kernel made: the program may use but not replace it. */
export const constDynptr = (id: number): RegState =>
  pointer('dynptrPtr', { id, object: DYNPTR_PARTS.local[0] });

/** Where an object's first slot is (the deepest one): a slot number, or why there is none. */
export type Place = number | 'refused' | 'beyond';

/**
 * The first of `slots` slots that register `reg` (a stack pointer) names. What is wrong with the offset becomes a line of
 * the log (`refused`); `beyond`: stack that the function has not used yet.
 */
export function placeOf(
  env: VerifierEnv,
  reg: RegState,
  word: 'dynptr' | 'iter' | 'irq_flag',
  slots: number,
): Place {
  const frame = env.cur.frames[reg.frameNo];
  if (!env.features.dynptrSlotsTracked) {
    // Older kernels look at the fixed offset only.
    const at = Math.trunc((-reg.off - 1) / SLOT_BYTES);
    return at - slots + 1 >= 0 && at < frame.stack.length ? at : 'beyond';
  }
  if (!tnumIsConst(reg.bits)) {
    env.log.message(`${word} has to be at a constant offset`);
    return 'refused';
  }
  const off = reg.off + Number(BigInt.asIntN(32, reg.bits.value));
  const first = Math.trunc((-off - 1) / SLOT_BYTES);
  if (off % SLOT_BYTES !== 0 || first + 1 < slots) {
    env.log.message(`cannot pass in ${word} at an offset=${off}`);
    return 'refused';
  }
  return first - slots + 1 >= 0 && first < frame.stack.length ? first : 'beyond';
}

const isWhole = (slot: StackSlot, kind: 4 | 5): boolean => slot.kinds === allKinds(kind);

/** The initialised dynptr whose first slot is `at`, else null. */
export function dynptrAt(frame: FuncFrame, at: number): DynptrPart | null {
  const slot = frame.stack[at];
  const other = frame.stack[at - 1];
  if (slot === undefined || other === undefined) return null;
  const { object } = slot.spilled;
  if (object?.kind !== 'dynptr' || !object.first) return null;
  return isWhole(slot, SLOT_DYNPTR) && isWhole(other, SLOT_DYNPTR) ? object : null;
}

/** Calls read the object: its slots matter to whatever comes before. */
export function readSlots(frame: FuncFrame, at: number, slots: number): void {
  for (let i = 0; i < slots; i++) markSlotRead(frame, at - i);
}

const touch = (env: VerifierEnv, frame: FuncFrame, slot: number): void => {
  addSlot(env.unprinted.slots, slot);
  markSlotWritten(frame, slot);
};

/**
 * A dynptr in the slots from `at` on. It holds reference `cloneOf` if that is not 0, else a new one if its kind needs one, and lives
 * no longer than the object with reference `owner`.
 */
export function putDynptr(
  env: VerifierEnv,
  frame: FuncFrame,
  at: number,
  of: DynptrKind,
  insnIdx: number,
  { cloneOf, owner }: { readonly cloneOf: number; readonly owner: number },
): void {
  const tracked = env.features.dynptrSlotsTracked;
  const acquire = (): number =>
    !holdsReference(of) ? 0 : cloneOf !== 0 ? cloneOf : acquireReference(env, insnIdx);
  // Only logs show which number was given first.
  const acquiredFirst = env.features.logNamesParents ? acquire() : 0;
  const id = tracked ? newId(env) : 0;
  const refObjId = env.features.logNamesParents ? acquiredFirst : acquire();
  for (let i = 0; i < DYNPTR_SLOTS; i++) {
    const spilled = pointer('dynptrPtr', { id, refObjId, dynptrId: owner, object: DYNPTR_PARTS[of][i] });
    setSlot(frame, at - i, { kinds: allKinds(SLOT_DYNPTR), spilled });
    touch(env, frame, at - i);
  }
}

function clearSlots(env: VerifierEnv, frame: FuncFrame, at: number, slots: number): void {
  for (let i = 0; i < slots; i++) {
    setSlot(frame, at - i, EMPTY_SLOT);
    touch(env, frame, at - i);
  }
}

/** The dynptr at `at` is given back: its slices, and all its clones in that frame, are gone. */
export function releaseDynptr(env: VerifierEnv, frame: FuncFrame, at: number): void {
  const { object, refObjId } = frame.stack[at].spilled;
  if (object?.kind !== 'dynptr' || !holdsReference(object.of)) {
    clearSlots(env, frame, at, DYNPTR_SLOTS);
    return;
  }
  releaseReference(env, refObjId);
  if (!env.features.dynptrSlotsTracked) {
    clearSlots(env, frame, at, DYNPTR_SLOTS);
    return;
  }
  for (let s = 1; s < frame.stack.length; s++) {
    const { spilled } = frame.stack[s];
    if (spilled.object?.kind === 'dynptr' && spilled.object.first && spilled.refObjId === refObjId)
      clearSlots(env, frame, s, DYNPTR_SLOTS);
  }
}

/**
 * The program writes into slot `slot`: a dynptr there is destroyed as a whole, and what was sliced from it becomes a mere
 * number. One that holds a reference must not be lost this way.
 */
export function destroyDynptrIn(env: VerifierEnv, frame: FuncFrame, slot: number): void {
  if (!env.features.dynptrSlotsTracked) return;
  const hit = frame.stack[slot];
  if (hit === undefined || slotKind(hit, 0) !== SLOT_DYNPTR) return;
  const at = hit.spilled.object?.kind === 'dynptr' && hit.spilled.object.first ? slot : slot + 1;
  const { object, id, refObjId } = frame.stack[at].spilled;
  if (object?.kind === 'dynptr' && holdsReference(object.of) && !hasClone(env, frame, at, refObjId)) {
    reject(env, {
      code: 'dynptr-overwritten',
      category: 'Resource Lifetime Safety',
      errno: EINVAL,
      message: 'cannot overwrite referenced dynptr',
      facts: { off: -SLOT_BYTES * (at + 1) },
    });
  }
  clearSlots(env, frame, at, DYNPTR_SLOTS);
  forEachReg(env, env.cur, (reg) =>
    reg.type === 'mem' && (reg.flags & ~MAYBE_NULL) === 0 && reg.dynptrId === id ? UNKNOWN_SCALAR : reg,
  );
}

/**
 * The object with reference `owner` is given away: dynptrs that were made from it are gone, and what was sliced from them. One
 * that must be given back itself must have been.
 */
export function loseDynptrsOf(env: VerifierEnv, owner: number): void {
  if (owner === 0 || !env.features.dynptrsFollowObjects) return;
  const { refs } = curFrame(env);
  for (const frame of env.cur.frames) {
    for (let at = 1; at < frame.stack.length; at++) {
      const { object, id, refObjId, dynptrId } = frame.stack[at].spilled;
      if (object?.kind !== 'dynptr' || !object.first || dynptrId !== owner) continue;
      const ref = refs.find((held) => held.id === refObjId);
      if (ref !== undefined) {
        reject(env, {
          code: 'reference-leak',
          category: 'Resource Lifetime Safety',
          errno: EINVAL,
          message: `Leaking reference id=${ref.id} alloc_insn=${ref.insnIdx}. Release it first.`,
        });
      }
      clearSlots(env, frame, at, DYNPTR_SLOTS);
      forEachReg(env, env.cur, (reg) => (reg.type === 'mem' && reg.dynptrId === id ? UNKNOWN_SCALAR : reg));
    }
  }
}

/** Newer kernels let go of a dynptr while another one holds the same reference. */
function hasClone(env: VerifierEnv, frame: FuncFrame, at: number, refObjId: number): boolean {
  if (!env.features.dynptrCloneOverwritable) return false;
  return frame.stack.some(
    ({ spilled }, s) =>
      s !== at && spilled.object?.kind === 'dynptr' && spilled.object.first && spilled.refObjId === refObjId,
  );
}

/** A new iterator in the slots from `at` on. `flags`: MEM_RCU or PTR_UNTRUSTED where it needs an RCU section. */
export function putIterator(
  env: VerifierEnv,
  frame: FuncFrame,
  at: number,
  slots: number,
  typeId: number,
  flags: number,
  insnIdx: number,
): void {
  const id = acquireReference(env, insnIdx);
  const object: IterPart = { kind: 'iter', typeId, drained: false, depth: 0 };
  for (let i = 0; i < slots; i++) {
    const spilled = pointer('stack', { flags, refObjId: i === 0 ? id : 0, object });
    setSlot(frame, at - i, { kinds: allKinds(SLOT_ITER), spilled });
    touch(env, frame, at - i);
  }
}

/** The initialised iterator at `at`: `rcu` when its RCU section has ended, null when there is none of that type. */
export function iteratorAt(
  frame: FuncFrame,
  at: number,
  slots: number,
  typeId: number,
): RegState | 'rcu' | null {
  for (let i = 0; i < slots; i++) {
    const slot = frame.stack[at - i];
    const { spilled } = slot;
    if ((spilled.flags & PTR_UNTRUSTED) !== 0) return 'rcu';
    if ((i === 0) !== (spilled.refObjId !== 0)) return null;
    if (spilled.object?.kind !== 'iter' || spilled.object.typeId !== typeId) return null;
    if (!isWhole(slot, SLOT_ITER)) return null;
  }
  return frame.stack[at].spilled;
}

/** Whether any of the slots belongs to an iterator. */
export function touchesIterator(frame: FuncFrame, at: number, slots: number): boolean {
  for (let i = 0; i < slots; i++) {
    for (let b = 0; b < SLOT_BYTES; b++) if (slotKind(frame.stack[at - i], b) === SLOT_ITER) return true;
  }
  return false;
}

/** The iterator at `at` is done with. */
export function dropIterator(env: VerifierEnv, frame: FuncFrame, at: number, slots: number): void {
  releaseReference(env, frame.stack[at].spilled.refObjId);
  clearSlots(env, frame, at, slots);
}

/** Replaces what is known of the iterator whose first slot is `at`. */
export function changeIterator(frame: FuncFrame, at: number, change: Partial<IterPart>): void {
  const slot = frame.stack[at];
  const { object } = slot.spilled;
  if (object?.kind !== 'iter') return;
  setSlot(frame, at, {
    kinds: slot.kinds,
    spilled: changed(slot.spilled, { object: { ...object, ...change } }),
  });
}

/** An RCU section ends: iterators that relied on it must not be used any more. */
export function endRcuOfIterators(state: VerifierState): void {
  for (const frame of state.frames) {
    frame.stack.forEach((slot, s) => {
      if (slotKind(slot, 7) !== SLOT_ITER || (slot.spilled.flags & MEM_RCU) === 0) return;
      const spilled = changed(slot.spilled, { flags: (slot.spilled.flags & ~MEM_RCU) | PTR_UNTRUSTED });
      setSlot(frame, s, { kinds: slot.kinds, spilled });
    });
  }
}

/** Whether some iterator that is not drained has advanced between two states at one place. */
export function iteratorsAdvanced(old: VerifierState, cur: VerifierState): boolean {
  return old.frames.some((frame, f) =>
    frame.stack.some((slot, s) => {
      const { object } = slot.spilled;
      if (slotKind(slot, 0) !== SLOT_ITER || object?.kind !== 'iter' || object.drained) return false;
      const now = cur.frames[f].stack[s]?.spilled.object;
      return now?.kind !== 'iter' || now.depth !== object.depth;
    }),
  );
}

/** Whether the iterator that R1 names has more elements: for states at a call that asks it. */
export function activeIteratorIn(state: VerifierState): boolean {
  const reg = state.frames[state.frames.length - 1].regs[1];
  const off = reg.off + Number(BigInt.asIntN(32, reg.bits.value));
  const object = state.frames[reg.frameNo]?.stack[(-off - 1) >> 3]?.spilled.object;
  return object?.kind === 'iter' && !object.drained;
}

/** Whether a stored object slot stands for the current one; `sameId` pairs references. */
export function objectCovers(
  old: RegState,
  cur: RegState,
  sameId: (oldId: number, curId: number) => boolean,
): boolean {
  const a = old.object;
  const b = cur.object;
  if (a?.kind === 'irq')
    return b?.kind === 'irq' && a.saver === b.saver && sameId(old.refObjId, cur.refObjId);
  if (a?.kind === 'dynptr')
    return a === b && sameId(old.refObjId, cur.refObjId) && sameId(old.dynptrId, cur.dynptrId);
  return (
    a?.kind === 'iter' &&
    b?.kind === 'iter' &&
    old.flags === cur.flags &&
    a.typeId === b.typeId &&
    a.drained === b.drained &&
    sameId(old.refObjId, cur.refObjId)
  );
}
