/** Entering and leaving frames: calls, callbacks entered at once, callbacks that run later. */
import { unknown, type VerifierEnv } from './env';
import type { FuncFrame } from './frame';

/** Sets up the callee's registers from the caller's. */
export type CalleeSetup = (env: VerifierEnv, caller: FuncFrame, callee: FuncFrame) => void;

/**
 * A callback that runs some time later (timer, workqueue): an independent state starting at the subprogram is put
 * aside and the path goes on behind the call. `setup` fills R1–R5 of the fresh frame (all registers are unreadable).
 */
export function pushAsyncCallback(
  env: VerifierEnv,
  _insnIdx: number,
  _subprog: number,
  _setup: CalleeSetup,
  _options: { readonly sleepable: boolean; readonly returnRange: { min: number; max: number } },
): void {
  unknown(env, 'async callbacks');
}

/** A callback that the helper calls itself, any number of times: both no call and one more call are explored. */
export function enterCallback(
  env: VerifierEnv,
  _insnIdx: number,
  _subprog: number,
  _setup: CalleeSetup,
  _options: { readonly returnRange: { min: number; max: number }; readonly name: string },
): void {
  unknown(env, 'callbacks of helpers');
}
