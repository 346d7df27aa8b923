/** Acquired references: sockets, ring-buffer records and the like must be released on every path. */
import { curFrame, newId, type VerifierEnv } from './env';

/** Registers a new reference acquired at `insnIdx`; returns its id. */
export function acquireReference(env: VerifierEnv, insnIdx: number): number {
  const frame = curFrame(env);
  const id = newId(env);
  frame.refs = [...frame.refs, { id, insnIdx, callbackRef: frame.inCallback ? frame.frameNo : 0 }];
  return id;
}
