/**
 * Spills around calls that the kernel replaces by a few instructions, which leave all registers but their own alone: compilers
 * store what the call could destroy at the bottom of the frame and load it again, and the kernel removes both, if
 * nothing else touches that part of the frame. The frame is then so much smaller when the stack of calls is added up.
 * Evidence: programs `fast_call_*` of test/fixtures/rulebook, measured on 6.12 and 7.2.
 */
import { resolvedType } from '../btf/query';
import { FAST_KFUNCS } from '../spec/kfuncs';
import { helperById } from '../spec/helpers';
import { isHelperCall, isKfuncCall, kfuncAt } from './callKinds';
import type { VerifierEnv } from './env';
import { callableHelper } from './helperPrototypes';

const STORE = 0x7b;
const LOAD = 0x79;
const FRAME_POINTER = 10;
/** R0–R5. */
const CALLER_SAVED = 6;
const ALL_CALLER_SAVED = (1 << CALLER_SAVED) - 1;

/** What is removed of one function. */
interface Spills {
  /** Lowest offset that the rest of the function may touch. */
  bottom: number;
  /** Some spills surround a call that is not replaced, so that their place is needed. */
  kept: boolean;
  /** Spills were found around a call that is replaced. */
  removed: boolean;
  /** Something else touched their place: all stay. */
  broken: boolean;
}

export interface FastCalls {
  /** Stores and loads that are such spills. */
  readonly isSpill: Uint8Array;
  /** By function; undefined where there are none. */
  readonly functions: readonly (Spills | undefined)[];
}

/** Registers that a call may change, if it leaves all others alone, and whether the kernel replaces it; undefined if unknown. */
function callEffect(env: VerifierEnv, at: number): { changed: number; replaced: boolean } | undefined {
  const insn = env.insns[at];
  const mask = (parameters: number, returnsNothing: boolean): number =>
    ((1 << (parameters + 1)) - 1) & (returnsNothing ? ~1 : ~0);
  if (isHelperCall(insn)) {
    const proto = callableHelper(env, insn.imm);
    if (proto === undefined) return undefined;
    const replaced = helperById(insn.imm)?.fast === true;
    return { changed: mask(proto.args.length, proto.ret === 'void'), replaced };
  }
  if (!isKfuncCall(insn)) return undefined;
  const { kernelBtf } = env;
  const func = kernelBtf?.types[insn.imm];
  const proto = func?.kind === 'func' ? kernelBtf?.types[func.type] : undefined;
  if (kernelBtf === undefined || proto?.kind !== 'funcProto') return undefined;
  const returnsNothing = resolvedType(kernelBtf, proto.returnType).kind === 'void';
  return { changed: mask(proto.params.length, returnsNothing), replaced: FAST_KFUNCS.has(kfuncAt(env, at)) };
}

/** Number of spills around the call at `at`, the innermost at offset `bottom`; marks them. */
function spillsAround(
  env: VerifierEnv,
  at: number,
  bottom: number,
  changed: number,
  marks: Uint8Array,
): number {
  const { insns, aux } = env;
  let open = ~changed & ALL_CALLER_SAVED;
  for (let n = 1; n <= CALLER_SAVED; n++) {
    const before = at - n;
    const after = at + n;
    if (before < 0 || after >= insns.length) return n - 1;
    // Nothing may jump in between; to the first store it may.
    if (aux[before + 1].jumpTarget || aux[after].jumpTarget) return n - 1;
    const store = insns[before];
    const load = insns[after];
    const off = bottom + 8 * (n - 1);
    const pair =
      store.code === STORE &&
      load.code === LOAD &&
      store.dst === FRAME_POINTER &&
      load.src === FRAME_POINTER &&
      store.src === load.dst &&
      store.off === off &&
      load.off === off;
    if (!pair || (open & (1 << store.src)) === 0) return n - 1;
    open &= ~(1 << store.src);
    marks[before] = marks[after] = 1;
  }
  return CALLER_SAVED;
}

/** Finds the spills of all functions before the walk; null if there are none. */
export function findFastCalls(env: VerifierEnv): FastCalls | null {
  const isSpill = new Uint8Array(env.insns.length);
  let found = false;
  const functions = env.subprogs.map(({ start, end }): Spills | undefined => {
    let bottom = 0;
    for (let i = start; i < end; i++) {
      const insn = env.insns[i];
      if (insn.code === STORE && insn.dst === FRAME_POINTER) bottom = Math.min(bottom, insn.off);
    }
    const spills: Spills = { bottom: 0, kept: false, removed: false, broken: false };
    for (let i = start; i < end; i++) {
      const effect = callEffect(env, i);
      if (effect === undefined) continue;
      const count = spillsAround(env, i, bottom, effect.changed, isSpill);
      if (count === 0) continue;
      found = true;
      if (effect.replaced) spills.removed = true;
      else spills.kept = true;
      spills.bottom = Math.min(spills.bottom, bottom + 8 * count);
    }
    return spills.removed || spills.kept ? spills : undefined;
  });
  return found ? { isSpill, functions } : null;
}

/** An access to the frame of function `index` from `off` on by the current instruction. */
export function noteFrameAccess(env: VerifierEnv, index: number, off: number): void {
  const spills = env.fastCalls?.functions[index];
  if (spills === undefined || spills.broken || off >= spills.bottom) return;
  if (env.fastCalls?.isSpill[env.insnIdx] !== 1) spills.broken = true;
}

/** After the walk: what remains of the frames without the spills. */
export function removeSpills(env: VerifierEnv): void {
  env.fastCalls?.functions.forEach((spills, i) => {
    if (spills?.removed === true && !spills.kept && !spills.broken)
      env.subprogs[i].stackDepth = -spills.bottom;
  });
}
