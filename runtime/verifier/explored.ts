/**
 * Checkpoints: at prune points the current state is compared with what was explored from here before. Covered: the
 * path ends as safe. Equal to a state whose exploration has not ended: an endless loop. Else it may become a
 * checkpoint itself; when, decides the counts that users see, so the heuristics are the kernel's.
 */
import { OPCODES } from '../spec/opcodes';
import { copyState } from './branches';
import { reject, type ExploredState, type VerifierEnv } from './env';
import { changeStackArguments, setSlot, type FuncFrame } from './frame';
import { pushHistory } from './history';
import { markRegRead, markSlotRead, splitLiveness } from './liveness';
import { clearLoopMarks } from './loopEntry';
import { printWholeState } from './stateText';
import { EINVAL } from './outcome';
import { propagatePrecision } from './precision';
import { unlinked, NOT_INIT, originId, type RegState } from './regState';
import { clearSlots, hasSlot, nextSlot } from './slotSet';
import { EMPTY_SLOT, isSpilled } from './stackState';
import { forgetDead } from './staticLiveness';
import { countStates, enterLoop, inOpenLoop, keepBackEdge, maybeDrop } from './loopVisits';
import { maybeLooping, statesEqual } from './stateEquality';
import { loopEntryOf, updateLoopEntry } from './loopEntry';
import { activeIteratorIn, iteratorsAdvanced } from './stackObjects';
import type { VerifierState } from './verifierState';

function bucketOf(env: VerifierEnv, insnIdx: number, state: VerifierState): ExploredState[] {
  const { callsite } = state.frames[state.frames.length - 1];
  const buckets = (env.explored[insnIdx] ??= []);
  for (const bucket of buckets) if (bucket.callsite === callsite) return bucket.states;
  const states: ExploredState[] = [];
  buckets.push({ callsite, states });
  return states;
}

export function sameCallsites(a: VerifierState, b: VerifierState): boolean {
  if (a.frames.length !== b.frames.length) return false;
  for (let n = 0; n < a.frames.length; n++) if (a.frames[n].callsite !== b.frames[n].callsite) return false;
  return true;
}

/** A checkpoint at `insnIdx` that `state` came from and that is still being explored: the iteration before. */
export function earlierIteration(
  env: VerifierEnv,
  state: VerifierState,
  insnIdx: number,
): VerifierState | null {
  const bucket = bucketOf(env, insnIdx, state);
  for (let i = bucket.length - 1; i >= 0; i--) {
    const earlier = bucket[i].state;
    if (earlier.branches > 0 && sameCallsites(earlier, state) && earlier.dfsDepth < state.dfsDepth)
      return earlier;
  }
  return null;
}

/** A finished checkpoint forgets what nobody read, so that more states are covered by it. */
function cleanFinished(bucket: readonly ExploredState[], cur: VerifierState): void {
  for (let i = 0; i < bucket.length; i++) {
    const { state } = bucket[i];
    // Most were cleaned before.
    if (state.branches > 0 || state.frames[0].marks?.done) continue;
    const entry = loopEntryOf(state);
    if (entry !== null && entry.branches > 0) continue;
    if (!sameCallsites(state, cur)) continue;
    for (const frame of state.frames) cleanFrame(frame);
  }
}

function cleanFrame(frame: FuncFrame): void {
  const { marks } = frame;
  if (marks === null) return;
  marks.done = true;
  for (let n = 0; n < 10; n++) if ((marks.regsRead & (1 << n)) === 0) frame.regs[n] = NOT_INIT;
  for (let s = 0; s < frame.stack.length; s++)
    if (!hasSlot(marks.slotsRead, s) && frame.stack[s] !== EMPTY_SLOT) setSlot(frame, s, EMPTY_SLOT);
}

/** What the covering checkpoint's continuation read, the current path's ancestors must keep, too. */
function propagateLiveness(old: VerifierState, cur: VerifierState): void {
  const top = old.frames.length - 1;
  for (let f = 0; f <= top; f++) {
    const { marks, stack } = old.frames[f];
    const to = cur.frames[f];
    if (marks === null) continue;
    for (let n = f < top ? 6 : 0; n < 10; n++) if ((marks.regsRead & (1 << n)) !== 0) markRegRead(to, n);
    const count = Math.min(stack.length, to.stack.length);
    const { slotsRead } = marks;
    for (let s = nextSlot(slotsRead, 0); s < count; s = nextSlot(slotsRead, s + 1)) markSlotRead(to, s);
  }
}

/** Returns true when the current state is covered: the path is done. */
export function isStateVisited(env: VerifierEnv): boolean {
  const { cur, insnIdx } = env;
  const aux = env.aux[insnIdx];
  const f = env.features;
  const force =
    env.testStateFreq ||
    aux.forceCheckpoint ||
    (f.longHistoryCheckpoint && cur.history !== null && cur.history.count > 40);
  let add =
    force ||
    (env.jumpsProcessed - env.prevJumpsProcessed >= 2 && env.processedInsns - env.prevInsnsProcessed >= 8);
  const bucket = bucketOf(env, insnIdx, cur);
  if (f.staticLiveness) forgetDead(env, cur, insnIdx);
  else cleanFinished(bucket, cur);
  const compared = bucket.length;

  for (let i = bucket.length - 1; i >= 0; i--) {
    const explored = bucket[i];
    const { state } = explored;
    if (state.branches > 0) {
      const verdict = compareUnfinished(env, explored, cur);
      if (verdict === 'covered') return hit(env, explored, true);
      if (
        !force &&
        env.jumpsProcessed - env.prevJumpsProcessed < 20 &&
        env.processedInsns - env.prevInsnsProcessed < 100
      ) {
        add = false;
      }
    } else if (f.staticLiveness) {
      const open = inOpenLoop(env, state);
      if (statesEqual(env, explored, cur, open ? 'within' : 'covers')) return hit(env, explored, open);
    } else {
      const entry = loopEntryOf(state);
      const within = entry !== null && entry.branches > 0;
      if (statesEqual(env, explored, cur, within ? 'within' : 'covers')) {
        if (within && entry !== null) updateLoopEntry(cur, entry);
        return hit(env, explored, false);
      }
    }
    if (add) explored.misses++;
    const patience = f.callbacksIterated && aux.forceCheckpoint && state.branches > 0 ? 64 : 3;
    if (explored.misses > explored.hits * patience + patience) {
      // Compared often in vain: not compared again. It stays alive as an ancestor.
      if (f.staticLiveness) {
        state.retired = true;
        maybeDrop(env, state);
      } else if (state.frames[0].marks?.done && !state.usedAsLoopEntry) {
        env.peakStates--;
      }
      bucket.splice(i, 1);
    }
  }
  if (env.maxStatesPerInsn < compared) env.maxStatesPerInsn = compared;
  if (add) addCheckpoint(env, bucket);
  return false;
}

/** Against a checkpoint from which paths are still open. */
function compareUnfinished(
  env: VerifierEnv,
  explored: ExploredState,
  cur: VerifierState,
): 'covered' | 'miss' {
  const old = explored.state;
  const oldTop = old.frames[old.frames.length - 1];
  const curTop = cur.frames[cur.frames.length - 1];
  if (oldTop.inAsyncCallback && oldTop.asyncEntryCount !== curTop.asyncEntryCount) return 'miss';
  const f = env.features;
  if (env.aux[env.insnIdx].iteratorNext) {
    // Rounds of the loop may look alike: it ends because the iterator does.
    if (!statesEqual(env, explored, cur, 'within') || !activeIteratorIn(cur)) return 'miss';
    updateLoopEntry(cur, old);
    return 'covered';
  }
  if (env.insns[env.insnIdx].code === OPCODES.mayGoto.code && f.mayGoto) {
    if (old.mayGotoDepth !== cur.mayGotoDepth && statesEqual(env, explored, cur, 'within')) {
      updateLoopEntry(cur, old);
      return 'covered';
    }
  }
  if (env.aux[env.insnIdx].callsCallback) {
    return statesEqual(env, explored, cur, 'within') ? 'covered' : 'miss';
  }
  if (
    maybeLooping(old, cur) &&
    statesEqual(env, explored, cur, f.loopsCompareExactly ? 'exact' : 'covers') &&
    !iteratorsAdvanced(old, cur) &&
    old.mayGotoDepth === cur.mayGotoDepth &&
    old.callbackUnrollDepth === cur.callbackUnrollDepth
  ) {
    const message = `infinite loop detected at insn ${env.insnIdx}`;
    reject(env, {
      code: 'infinite-loop',
      category: 'Program Structure',
      errno: EINVAL,
      message,
      after: f.loopsCompareExactly
        ? `cur state:${printWholeState(env, cur)}\nold state:${printWholeState(env, old)}`
        : undefined,
    });
  }
  return 'miss';
}

/** `inLoop`: the covering state's loop is still being explored. */
function hit(env: VerifierEnv, explored: ExploredState, inLoop: boolean): true {
  explored.hits++;
  if (!env.features.staticLiveness) propagateLiveness(explored.state, env.cur);
  if (env.aux[env.insnIdx].jumpPoint) pushHistory(env);
  propagatePrecision(env, explored.state);
  if (inLoop && env.features.staticLiveness) keepBackEdge(env, explored.state);
  return true;
}

/** Ids of scalars and how many registers and slots have them. There are few, so they are searched one by one. */
class IdHolders {
  private readonly ids: number[] = [];
  private readonly counts: number[] = [];

  get isEmpty(): boolean {
    return this.ids.length === 0;
  }

  add(reg: RegState): void {
    if (reg.type !== 'scalar' || reg.id === 0) return;
    const id = originId(reg.id);
    const known = this.ids.indexOf(id);
    if (known >= 0) this.counts[known]++;
    else {
      this.ids.push(id);
      this.counts.push(1);
    }
  }

  isOnly(reg: RegState): boolean {
    return reg.type === 'scalar' && reg.id !== 0 && this.counts[this.ids.indexOf(originId(reg.id))] === 1;
  }
}

/** A scalar whose id no other register or slot has is linked to nothing. */
function clearSingularIds(state: VerifierState): void {
  const holders = new IdHolders();
  const cleared = (reg: RegState): RegState => (holders.isOnly(reg) ? unlinked(reg) : reg);
  for (const frame of state.frames) {
    for (let n = 0; n < 10; n++) holders.add(frame.regs[n]);
    for (const slot of frame.stack) if (isSpilled(slot)) holders.add(slot.spilled);
    for (const argument of frame.stackArguments) holders.add(argument);
  }
  if (holders.isEmpty) return;
  for (const frame of state.frames) {
    for (let n = 0; n < 10; n++) frame.regs[n] = cleared(frame.regs[n]);
    for (let s = 0; s < frame.stack.length; s++) {
      const slot = frame.stack[s];
      const spilled = isSpilled(slot) ? cleared(slot.spilled) : slot.spilled;
      if (spilled !== slot.spilled) setSlot(frame, s, { kinds: slot.kinds, spilled });
    }
    changeStackArguments(frame, cleared);
  }
}

function addCheckpoint(env: VerifierEnv, bucket: ExploredState[]): void {
  const { cur } = env;
  env.totalStates++;
  if (env.features.staticLiveness) countStates(env, 1);
  else env.peakStates++;
  env.prevJumpsProcessed = env.jumpsProcessed;
  env.prevInsnsProcessed = env.processedInsns;
  for (const frame of cur.frames) {
    frame.preciseRegs = 0;
    clearSlots(frame.preciseSlots);
  }
  if (env.features.singularIdsCleared) clearSingularIds(cur);
  const checkpoint = copyState(env, cur);
  checkpoint.insnIdx = env.insnIdx;
  checkpoint.branches = 1;
  if (env.features.staticLiveness) enterLoop(env, checkpoint);
  cur.parent = checkpoint;
  cur.firstInsnIdx = env.insnIdx;
  cur.history = null;
  cur.dfsDepth = checkpoint.dfsDepth + 1;
  clearLoopMarks(cur);
  if (!env.features.staticLiveness)
    for (let n = 0; n < cur.frames.length; n++)
      splitLiveness(checkpoint.frames[n], cur.frames[n], n === cur.frames.length - 1);
  bucket.push({ state: checkpoint, hits: 0, misses: 0, differedAt: -1 });
}
