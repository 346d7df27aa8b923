/**
 * Freeing timers: when an element is deleted, overwritten or evicted, and when a map loses its last user reference.
 * Who waits for a running callback, and where, is what kernels differ in most; the rows of the feature table decide.
 */
import { has } from '../spec/profile';
import type { MapOutcome } from '../maps/bpfMap';
import { bucketOfValue } from '../maps/hash';
import type { HashData } from '../maps/mapData';
import { BPF_F_NO_PREALLOC, type MapRecord } from '../maps/mapFamily';
import { familyOf } from '../maps/maps';
import { doneWith, NEXT, startOp, WAIT, type OpActivation, type StepResult } from './activations';
import { dequeue } from './hrtimers';
import type { Kernel } from './kernel';
import { afterGrace, freeUnusedMap, takeDownProgram } from './lifetimes';
import { cancelAndPut, dropCallback, hasLock, reap, unlock } from './timerOps';
import { MEMORY_GONE, type TimerObject } from './state';
import { publishOp } from './timerPublish';
import { asyncOffsets, isTimerLocked, readTimerSlot, setTimerLock, writeTimerSlot } from './timerSlots';
import { defer, nextWork } from './workers';
import { peekTimer, removeTimer, timerIn } from './timerTable';

/**
 * What the kernel does with values that left a map: nothing, an operation that frees their timers and then recycles the
 * slots, or (5.15, elements from the allocator) the same after a grace period.
 */
export function freeingOf(
  kernel: Kernel,
  map: MapRecord,
  outcome: MapOutcome,
  result: bigint,
): ReturnType<typeof startOp> | undefined {
  const { freed, recycle } = outcome;
  const family = familyOf(map);
  const { id, flags, type } = map.definition;
  const isEmpty = freed.length === 0 || asyncOffsets(map.definition).length === 0;
  const isAllocated = type === 'BPF_MAP_TYPE_HASH' && (flags & BPF_F_NO_PREALLOC) !== 0;
  if (isEmpty) {
    for (const slot of recycle) family.recycle(kernel, map, slot);
    return undefined;
  }
  if (isAllocated && !has(kernel.profile, 'hashElementReuse')) {
    afterGrace(kernel, { kind: 'values', map: id, values: freed, recycle });
    return undefined;
  }
  const bucket = heldBucket(kernel, map, outcome);
  if (bucket !== 0) lockBucket(kernel, id, bucket);
  return freeingOp(id, freed, recycle, result, false, bucket);
}

/** The bucket whose lock the kernel holds while it frees the timer of an element that left, 0 if none. */
function heldBucket(kernel: Kernel, map: MapRecord, outcome: MapOutcome): number {
  if (map.data.kind !== 'hash' || has(kernel.profile, 'timerLockFree')) return 0;
  // Slots that do not go back to a list were swapped for the spare one: the update of a preallocated map.
  const isSwapped = outcome.recycle.length === 0;
  if (!isSwapped && has(kernel.profile, 'hashFreeAfterUnlock')) return 0;
  return bucketOfValue(kernel, map as MapRecord<HashData>, outcome.freed[0]);
}

/**
 * @param release the map's user references are gone.
 * @param bucket linear offset of the bucket whose lock is held already, until the end; 0 = none.
 */
export const freeingOp = (
  map: number,
  values: readonly number[],
  recycle: readonly number[],
  result: bigint,
  release: boolean,
  bucket = 0,
): ReturnType<typeof startOp> =>
  startOp('freeValues', { map, values, recycle, index: 0, timer: 0, result, release, bucket });

/** Takes the lock of a bucket that nobody holds. */
export function lockBucket(kernel: Kernel, map: number, bucket: number): void {
  kernel.state.bucketLocks.push({ map, bucket, cpu: kernel.cpu });
  kernel.here.irqsOff++;
}

function unlockBucket(kernel: Kernel, map: number, bucket: number): void {
  const { bucketLocks } = kernel.state;
  bucketLocks.splice(
    bucketLocks.findIndex((lock) => lock.map === map && lock.bucket === bucket),
    1,
  );
  kernel.here.irqsOff--;
}

function finish(kernel: Kernel, op: OpActivation<'freeValues'>): StepResult {
  const { locals } = op;
  const map = kernel.map(locals.map);
  for (const value of locals.recycle) {
    familyOf(map).recycle(kernel, map, value);
    if (!has(kernel.profile, 'timerReleaseRcu')) afterGrace(kernel, { kind: 'element', value });
  }
  if (locals.release) freeUnusedMap(kernel, locals.map);
  if (locals.bucket !== 0) unlockBucket(kernel, locals.map, locals.bucket);
  return doneWith(locals.result);
}

/** Whether a walk without protection comes to an element that was deleted, and whose memory was given back. */
function isGone(kernel: Kernel, op: OpActivation<'freeValues'>, offsets: readonly number[]): boolean {
  const { release, values, index } = op.locals;
  if (!release || kernel.state.returned.length === 0) return false;
  return kernel.state.returned.includes(values[Math.floor(index / offsets.length)] ?? 0);
}

/** Linear offset of the field that is freed next: `index` counts the fields of all values. */
export function slotOf(
  op: OpActivation<'freeValues'>,
  offsets: readonly number[],
  index = op.locals.index,
): number {
  const { values } = op.locals;
  return (values[Math.floor(index / offsets.length)] ?? 0) + offsets[index % offsets.length];
}

export function freeValuesStep(kernel: Kernel, op: OpActivation<'freeValues'>): StepResult {
  const { memory, state, profile } = kernel;
  const l = op.locals;
  const offsets = asyncOffsets(kernel.map(l.map).definition);
  const count = l.values.length * offsets.length;
  const slot = slotOf(op, offsets);
  switch (op.pc) {
    case 0:
      // Values whose timer was never initialised cost nothing.
      while (
        l.index < count &&
        readTimerSlot(memory, slotOf(op, offsets)) === 0 &&
        !isGone(kernel, op, offsets)
      )
        l.index++;
      if (isGone(kernel, op, offsets))
        return {
          kind: 'fault',
          message: `use after free: the walk that frees the timers of ${kernel.map(l.map).definition.name} comes to an element that was deleted meanwhile, and whose memory was given back`,
        };
      if (l.index >= count) return finish(kernel, op);
      op.pc = 1;
      return NEXT;
    case 1:
      if (hasLock(kernel) && isTimerLocked(memory, slot)) return WAIT;
      l.timer = readTimerSlot(memory, slot);
      if (l.timer <= 0 || peekTimer(state.timers, l.timer) === undefined) {
        if (l.timer !== 0)
          return {
            kind: 'fault',
            message: 'freeing a timer whose bytes were overwritten: a kernel would crash here',
          };
        l.index++;
        op.pc = 0;
        return NEXT;
      }
      if (hasLock(kernel)) {
        setTimerLock(memory, slot, true);
        kernel.here.irqsOff++;
      }
      op.pc = 2;
      return NEXT;
    case 2: {
      // Without a lock this is an exchange: whoever cleared the pointer first frees the object.
      if (!hasLock(kernel) && readTimerSlot(memory, slot) !== l.timer) {
        l.index++;
        op.pc = 0;
        return NEXT;
      }
      const timer = kernel.timer(l.timer);
      if (has(profile, 'timerLockFree')) {
        writeTimerSlot(memory, slot, 0);
        timer.freed = true;
        kernel.timerEvent('timerFree', timer);
        op.pc = 3;
        return { kind: 'enter', op: publishOp(l.timer, -1, 0) };
      }
      dropCallback(kernel, timer);
      if (kernel.broken !== undefined) return NEXT;
      writeTimerSlot(memory, slot, 0);
      timer.freed = true;
      if (has(profile, 'timerWaitOutsideLock')) unlock(kernel, slot);
      kernel.timerEvent('timerFree', timer);
      op.pc = 3;
      return NEXT;
    }
    default: {
      const timer = timerIn(state.timers, l.timer);
      const running = kernel.here.runningTimer;
      if (timer !== undefined) {
        if (has(profile, 'timerLockFree')) cancelAndPut(kernel, timer);
        else if (timer.isWork) defer(kernel, { kind: 'timer', timer: l.timer });
        else if (has(profile, 'timerDeferredFree') && running !== 0) {
          defer(kernel, { kind: 'timer', timer: l.timer });
        } else if (running !== l.timer || !has(profile, 'timerSelfCheck')) {
          if (timer.runningOn >= 0) return WAIT;
          if (timer.queuedOn >= 0) dequeue(state, timer);
        }
        reap(kernel, timer);
      }
      if (!has(profile, 'timerWaitOutsideLock')) unlock(kernel, slot);
      l.index++;
      op.pc = 0;
      return NEXT;
    }
  }
}

/** The worker: one piece of work after another; timers it cancels, waiting for their callbacks. */
export function deferredFreesStep(kernel: Kernel, op: OpActivation<'deferredFrees'>): StepResult {
  const { state } = kernel;
  const l = op.locals;
  if (l.timer === 0) {
    if (op.pc === 1) return doneWith(0);
    const at = nextWork(state, kernel.here);
    if (at < 0) return doneWith(0);
    // Work queues run in a context of their own kind: the worker begins anew.
    if (state.deferred[at].kind === 'queued' && kernel.context.reader !== 'trace') return doneWith(0);
    const [next] = state.deferred.splice(at, 1);
    switch (next.kind) {
      case 'queued':
        op.pc = 1;
        return { kind: 'enter', op: startOp('workRun', { timer: next.timer }) };
      case 'timer':
        l.timer = next.timer;
        return NEXT;
      case 'program':
        takeDownProgram(kernel, next.program);
        return NEXT;
      case 'values':
        return { kind: 'enter', op: freeingOp(next.map, next.values, next.recycle, 0n, false) };
    }
  }
  const timer = timerIn(state.timers, l.timer);
  if (timer !== undefined && has(kernel.profile, 'timerLockFree')) lastPut(kernel, timer);
  else if (timer !== undefined) {
    if (timer.runningOn >= 0) return WAIT;
    if (timer.queuedOn >= 0) dequeue(state, timer);
    reap(kernel, timer);
  }
  l.timer = 0;
  return NEXT;
}

/**
 * After the grace period: cancels once more; a callback that still runs gets another grace period. Before starts held a
 * reference nobody looked again: a timer that was queued meanwhile stays queued while its memory goes.
 */
function lastPut(kernel: Kernel, timer: TimerObject): void {
  if (!has(kernel.profile, 'timerStartReference') && timer.queuedOn >= 0) {
    dropCallback(kernel, timer);
    timer.references = MEMORY_GONE;
    return;
  }
  if (timer.runningOn >= 0) return afterGrace(kernel, { kind: 'timer', timer: timer.id }, true);
  if (timer.queuedOn >= 0) dequeue(kernel.state, timer);
  dropCallback(kernel, timer);
  removeTimer(kernel.state.timers, timer.id);
}
