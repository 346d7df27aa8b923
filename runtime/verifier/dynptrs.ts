/**
 * Dynptrs as arguments: a helper or kernel function makes one in uninitialised stack, uses one, or gives one back.
 * Slots are `stackObjects.ts`. A dynptr that the kernel hands to a callback or a global function is constant: it may be used
 * but not changed.
 * Evidence: fixtures `dynptr-*`, recorded on 6.1, 6.12 and 7.2.
 */
import { dynptrKindWord } from './dynptrWords';
import { hasFeature, regOf, reject, type VerifierEnv } from './env';
import { EINVAL } from './outcome';
import type { DynptrKind, RegState } from './regState';
import { writeStack } from './stackAccess';
import { dynptrAt, DYNPTR_SLOTS, placeOf, putDynptr, readSlots, releaseDynptr } from './stackObjects';

/** What a call finds out about an initialised dynptr among its arguments. */
export interface GivenDynptr {
  readonly of: DynptrKind;
  readonly id: number;
  readonly refObjId: number;
  /** Reference of the object that it was made from; 0 for none. */
  readonly owner: number;
}

const refuse = (env: VerifierEnv, regno: number, code: string, message: string): never =>
  reject(env, { code, category: 'Resource Lifetime Safety', errno: EINVAL, message, registers: [regno] });

/** An argument as messages name it: by number from one, from zero, or by register. */
function argumentWord(env: VerifierEnv, regno: number): string {
  if (hasFeature(env, 'objectsNamedByRegister')) return `R${regno}`;
  return hasFeature(env, 'dynptrSlotsTracked') ? `arg #${regno - 1}` : `arg #${regno}`;
}

/** Kernels that do not watch slots demand alignment of the fixed offset only. */
function checkOldOffset(env: VerifierEnv, regno: number, reg: RegState): void {
  if (hasFeature(env, 'dynptrSlotsTracked') || reg.off % 8 === 0) return;
  refuse(env, regno, 'dynptr-offset', 'cannot pass in dynptr at an offset');
}

/** Register `regno` must point to stack (or to a constant dynptr, of which the uninitialised uses know nothing). */
export function checkDynptrPointer(env: VerifierEnv, regno: number): void {
  const reg = regOf(env, regno);
  if (reg.type === 'stack' || reg.type === 'dynptrPtr') return;
  const word = hasFeature(env, 'objectsNamedByRegister') ? `R${regno}` : `arg#${regno - 1}`;
  refuse(env, regno, 'dynptr-argument', `${word} expected pointer to stack or const struct bpf_dynptr`);
}

/**
 * The call makes a dynptr of kind `of` where register `regno` points. Kernels that do not watch slots do so when all
 * arguments have been judged, by `makeDynptr`.
 */
export function checkUninitDynptr(
  env: VerifierEnv,
  regno: number,
  of: DynptrKind,
  insnIdx: number,
  cloneOf = 0,
  owner = 0,
): void {
  const reg = regOf(env, regno);
  const tracked = hasFeature(env, 'dynptrSlotsTracked');
  if (reg.type === 'dynptrPtr' && !tracked) return;
  checkOldOffset(env, regno, reg);
  const place = reg.type === 'dynptrPtr' ? 'refused' : placeOf(env, reg, 'dynptr', DYNPTR_SLOTS);
  const occupied =
    !tracked && typeof place === 'number' && overlapsDynptr(env.cur.frames[reg.frameNo].stack, place);
  if ((tracked && place === 'refused') || occupied)
    refuse(env, regno, 'dynptr-not-uninitialized', 'Dynptr has to be an uninitialized dynptr');
  if (tracked) makeDynptr(env, regno, of, insnIdx, cloneOf, owner);
}

const overlapsDynptr = (stack: readonly { readonly kinds: number }[], at: number): boolean => {
  for (let slot = at; slot > at - DYNPTR_SLOTS; slot--) {
    for (let i = 0; i < 8; i++) if (((stack[slot].kinds >>> (4 * i)) & 15) === 4) return true;
  }
  return false;
};

/** Writes the dynptr into the stack. */
export function makeDynptr(
  env: VerifierEnv,
  regno: number,
  of: DynptrKind,
  insnIdx: number,
  cloneOf = 0,
  owner = 0,
): void {
  const reg = regOf(env, regno);
  if (reg.type !== 'stack') return;
  for (let off = 0; off < 8 * DYNPTR_SLOTS; off += 8) {
    writeStack(env, {
      insnIdx,
      regno,
      off,
      sizeBytes: 8,
      kind: 'write',
      valueRegno: -1,
      signExtend: false,
      immediate: undefined,
      strictAlignment: false,
    });
  }
  const place = placeOf(env, reg, 'dynptr', DYNPTR_SLOTS);
  if (typeof place !== 'number')
    return refuse(env, regno, 'dynptr-not-uninitialized', 'Dynptr has to be an uninitialized dynptr');
  putDynptr(env, env.cur.frames[reg.frameNo], place, of, insnIdx, { cloneOf, owner });
}

/**
 * The call uses an initialised dynptr, of kind `expected` if given.
 */
export function checkInitDynptr(env: VerifierEnv, regno: number, expected: DynptrKind | null): GivenDynptr {
  const reg = regOf(env, regno);
  if (reg.type === 'dynptrPtr') {
    const of = reg.object?.kind === 'dynptr' ? reg.object.of : 'local';
    if (expected !== null && of !== expected && hasFeature(env, 'dynptrSlotsTracked'))
      refuseKind(env, regno, expected);
    return { of, id: reg.id, refObjId: reg.refObjId, owner: reg.dynptrId };
  }
  checkOldOffset(env, regno, reg);
  const place = placeOf(env, reg, 'dynptr', DYNPTR_SLOTS);
  const frame = env.cur.frames[reg.frameNo];
  const found = typeof place === 'number' ? dynptrAt(frame, place) : null;
  if (found === null || typeof place !== 'number') {
    return refuse(
      env,
      regno,
      'dynptr-not-initialized',
      `Expected an initialized dynptr as ${argumentWord(env, regno)}`,
    );
  }
  if (expected !== null && found.of !== expected) refuseKind(env, regno, expected);
  if (hasFeature(env, 'dynptrSlotsTracked')) readSlots(frame, place, DYNPTR_SLOTS);
  const { id, refObjId, dynptrId: owner } = frame.stack[place].spilled;
  return { of: found.of, id, refObjId, owner };
}

const refuseKind = (env: VerifierEnv, regno: number, expected: DynptrKind): never =>
  refuse(
    env,
    regno,
    'dynptr-kind',
    `Expected a dynptr of type ${dynptrKindWord(expected)} as ${argumentWord(env, regno)}`,
  );

/** Before the release of a dynptr is judged further: there must be one that holds a reference. */
export function checkReleasedDynptr(env: VerifierEnv, regno: number): void {
  const reg = regOf(env, regno);
  if (hasFeature(env, 'dynptrReleaseLate')) return;
  const unacquired = (): never =>
    refuse(env, regno, 'dynptr-not-acquired', `arg ${regno} is an unacquired reference`);
  if (reg.type !== 'stack') {
    if (!hasFeature(env, 'dynptrSlotsTracked')) unacquired();
    refuse(env, regno, 'dynptr-constant', 'cannot release unowned const bpf_dynptr');
  }
  checkOldOffset(env, regno, reg);
  const place = placeOf(env, reg, 'dynptr', DYNPTR_SLOTS);
  if (typeof place !== 'number') return unacquired();
  const { spilled } = env.cur.frames[reg.frameNo].stack[place];
  if (spilled.object?.kind !== 'dynptr' || spilled.refObjId === 0) unacquired();
}

/** The call gives the dynptr at register `regno` back. */
export function giveBackDynptr(env: VerifierEnv, regno: number): void {
  const reg = regOf(env, regno);
  if (reg.type !== 'stack')
    return refuse(env, regno, 'dynptr-constant', 'CONST_PTR_TO_DYNPTR cannot be released');
  const place = placeOf(env, reg, 'dynptr', DYNPTR_SLOTS);
  if (typeof place === 'number') releaseDynptr(env, env.cur.frames[reg.frameNo], place);
}
