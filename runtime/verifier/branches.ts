/** Copying states and putting paths aside. The order is the kernel's: last aside, first resumed. */
import { reject, type VerifierEnv } from './env';
import { copyFrame, newFrame, type FuncFrame } from './frame';
import { E2BIG, EFAULT } from './outcome';
import type { VerifierState } from './verifierState';

/** So many paths may wait at once. */
const MAX_PENDING = 8192;

export function newState(env: VerifierEnv, frame: FuncFrame): VerifierState {
  return {
    frames: [frame],
    parent: null,
    branches: 1,
    insnIdx: 0,
    firstInsnIdx: 0,
    lastInsnIdx: 0,
    activeLock: null,
    activeRcuLock: false,
    activePreemptLocks: 0,
    outerRcuLocks: 0,
    savedInterrupts: [],
    inSleepable: false,
    history: null,
    loopEntry: null,
    usedAsLoopEntry: false,
    retired: false,
    dfsDepth: 0,
    callbackUnrollDepth: 0,
    mayGotoDepth: 0,
    serial: ++env.stateSerial,
  };
}

/** By `slice` and not by `map`, whose arrays the engine reads by other code than `[frame]`. */
function copyFrames(from: readonly FuncFrame[]): FuncFrame[] {
  const frames = from.slice();
  for (let n = 0; n < frames.length; n++) frames[n] = copyFrame(frames[n]);
  return frames;
}

/** A copy that shares registers and slots. */
export function copyState(env: VerifierEnv, from: VerifierState): VerifierState {
  return {
    frames: copyFrames(from.frames),
    parent: from.parent,
    branches: from.branches,
    insnIdx: from.insnIdx,
    firstInsnIdx: from.firstInsnIdx,
    lastInsnIdx: from.lastInsnIdx,
    activeLock: from.activeLock,
    activeRcuLock: from.activeRcuLock,
    activePreemptLocks: from.activePreemptLocks,
    outerRcuLocks: from.outerRcuLocks,
    savedInterrupts: from.savedInterrupts,
    inSleepable: from.inSleepable,
    history: from.history,
    loopEntry: from.loopEntry,
    usedAsLoopEntry: false,
    retired: false,
    dfsDepth: from.dfsDepth,
    callbackUnrollDepth: from.callbackUnrollDepth,
    mayGotoDepth: from.mayGotoDepth,
    serial: ++env.stateSerial,
  };
}

function putAside(
  env: VerifierEnv,
  state: VerifierState,
  insnIdx: number,
  prevInsnIdx: number,
  what: string,
): void {
  env.pending.push({ state, insnIdx, prevInsnIdx, logPos: env.log.length });
  if (env.pending.length > MAX_PENDING) {
    reject(env, {
      code: 'too-complex',
      category: 'Policy',
      errno: env.features.jumpLimitTooBig ? E2BIG : EFAULT,
      message: `The sequence of ${env.pending.length} jumps is too complex${what}.`,
    });
  }
}

/** Puts a copy of the current path aside, to go on at `insnIdx`; returns the copy for changes. */
export function pushBranch(env: VerifierEnv, insnIdx: number, prevInsnIdx: number): VerifierState {
  const state = copyState(env, env.cur);
  putAside(env, state, insnIdx, prevInsnIdx, '');
  if (state.parent) state.parent.branches++;
  return state;
}

/** Puts an independent path aside that starts at subprogram `subprog` with nothing readable. */
export function pushIndependent(
  env: VerifierEnv,
  insnIdx: number,
  prevInsnIdx: number,
  subprog: number,
  sleepable: boolean,
): VerifierState {
  const state = newState(env, newFrame(-1, 0, subprog));
  state.inSleepable = sleepable;
  putAside(env, state, insnIdx, prevInsnIdx, ' for async cb');
  return state;
}
