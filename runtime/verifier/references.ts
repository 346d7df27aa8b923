/** Acquired references: sockets, ring-buffer records and the like must be released on every path. */
import { curFrame, newId, type VerifierEnv } from './env';
import type { FuncFrame } from './frame';
import { forEachReg } from './everyRegister';
import { UNKNOWN_SCALAR } from './regState';

/** Registers a new reference acquired at `insnIdx`; returns its id. */
export function acquireReference(env: VerifierEnv, insnIdx: number): number {
  const frame = curFrame(env);
  const id = newId(env);
  frame.refs = [...frame.refs, { id, insnIdx, callbackRef: frame.inCallback ? frame.frameNo : 0 }];
  return id;
}

/** Drops reference `id` of `frame`; false when it does not hold it. Registers that point at it are the caller's. */
export function dropReference(env: VerifierEnv, frame: FuncFrame, id: number): boolean {
  const at = frame.refs.findIndex((ref) => ref.id === id);
  if (at < 0) return false;
  const left = frame.refs.slice();
  const last = left.length - 1;
  // Older kernels fill the gap with the last one: states are compared, and leaks told, in that order.
  if (env.features.releaseKeepsOrder) left.splice(at, 1);
  else {
    left[at] = left[last];
    left.pop();
  }
  frame.refs = left;
  return true;
}

/**
 * Releases reference `id`: every register and spilled register that belongs to it becomes unusable. False when the
 * current frame does not hold it.
 */
export function releaseReference(env: VerifierEnv, id: number): boolean {
  if (!dropReference(env, curFrame(env), id)) return false;
  forEachReg(env, env.cur, (reg) => (reg.refObjId === id ? NOT_INIT_OR_UNKNOWN : reg));
  return true;
}

/** Privileged programs may go on reading the number that the pointer was. */
const NOT_INIT_OR_UNKNOWN = UNKNOWN_SCALAR;
