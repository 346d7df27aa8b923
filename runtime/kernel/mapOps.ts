/**
 * Updates and deletions of maps with timers where they take more than one step: a bucket whose lock another CPU holds
 * while it frees a timer (and waits for that timer's callback), and LRU maps, whose evicted elements are freed before the
 * slot is filled again. All other updates and deletions are one action; see `freeingOf` for what follows them.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import { bucketOfKey, bucketOfValue, elementValue } from '../maps/hash';
import { insertLru, refusedFlags, tableOf, takeLruSlot } from '../maps/lruHash';
import type { MapOutcome } from '../maps/bpfMap';
import type { HashData, LruData } from '../maps/mapData';
import type { MapRecord } from '../maps/mapFamily';
import { familyOf } from '../maps/maps';
import { doneWith, startOp, WAIT, type OpActivation, type StepResult } from './activations';
import { BPF_F_LOCK } from '../maps/mapFamily';
import { hasField, lockOffset } from '../maps/values';
import type { Kernel } from './kernel';
import { spinLockHolder } from './spinLockOps';
import type { BucketLock } from './state';
import { freeingOf, freeingOp, lockBucket } from './timerFree';
import { asyncOffsets } from './timerSlots';
import { peekTimer } from './timerTable';

/** An error as this kernel's map helpers leave it in R0. */
export const mapError = (kernel: Kernel, error: number): bigint =>
  error === 0 || has(kernel.profile, 'mapHelperLong') ? BigInt(error) : BigInt(error >>> 0);

/** How long a waiting loop for a bucket lasts where it gives up at all. */
const BUCKET_TIMEOUT_NS = 250_000_000n;

const isHash = (map: MapRecord): map is MapRecord<HashData> => map.data.kind === 'hash';
const isLru = (map: MapRecord): map is MapRecord<LruData> => map.data.kind === 'lru';

/** The lock of the bucket that a key belongs to, if somebody holds it. */
function lockOf(kernel: Kernel, map: MapRecord, key: number): BucketLock | undefined {
  const { bucketLocks } = kernel.state;
  kernel.touch('map', map.definition.id, false);
  if (bucketLocks.length === 0) return undefined;
  const table = isHash(map) ? map : isLru(map) ? tableOf(map) : undefined;
  if (table === undefined) return undefined;
  const bucket = bucketOfKey(kernel, table, key);
  return bucketLocks.find((lock) => lock.map === map.definition.id && lock.bucket === bucket);
}

/** Whether an update or deletion of this key must be an operation of its own. */
export const needsSteps = (
  kernel: Kernel,
  map: MapRecord,
  key: number,
  what: 'update' | 'delete',
  flags: bigint,
): boolean =>
  (asyncOffsets(map.definition).length > 0 &&
    ((what === 'update' && isLru(map)) || lockOf(kernel, map, key) !== undefined)) ||
  valueLockHolder(kernel, kernel.cpu, map, key, flags) >= 0;

/** Another CPU that holds the bpf_spin_lock of the value which an update with BPF_F_LOCK overwrites; -1 = nobody does. */
export function valueLockHolder(
  kernel: Kernel,
  cpu: number,
  map: MapRecord,
  key: number,
  flags: bigint,
): number {
  const { definition, data } = map;
  if ((flags & BPF_F_LOCK) === 0n || !hasField(definition, 'spinLock')) return -1;
  if (data.kind !== 'array' && data.kind !== 'hash') return -1;
  const value = familyOf(map).lookup(kernel, map, key);
  if (value === 0) return -1;
  const lock = value + lockOffset(definition);
  kernel.touch('address', lock, false);
  const holder = spinLockHolder(kernel, lock);
  return holder === cpu ? -1 : holder;
}

/** @param scratchBytes so many bytes at `key` are given back at the end. */
export const mapWriteOp = (
  map: MapRecord,
  what: 'update' | 'delete',
  at: { readonly key: number; readonly value: number; readonly flags: bigint; readonly scratchBytes: number },
): ReturnType<typeof startOp> =>
  startOp('mapWrite', { map: map.definition.id, what, ...at, evicted: [], element: 0, error: 0, index: 0 });

/** What the operation waits for: the lock of its bucket, held by another CPU. */
export function bucketWait(
  kernel: Kernel,
  cpu: number,
  op: OpActivation<'mapWrite'>,
): BucketLock | undefined {
  if (op.pc !== 0) return undefined;
  const { map, key } = op.locals;
  const lock = lockOf(kernel, kernel.map(map), key);
  if (lock === undefined || lock.cpu === cpu) return undefined;
  return has(kernel.profile, 'bucketLockTimesOut') && waitsForUs(kernel, lock, cpu) ? undefined : lock;
}

/** Whether the holder of the lock waits for a callback that runs on this CPU, so that it never lets go. */
function waitsForUs(kernel: Kernel, lock: BucketLock, cpu: number): boolean {
  const holder = kernel.state.cpus[lock.cpu].contexts.at(-1)?.activations.at(-1);
  if (holder?.kind !== 'op' || holder.op !== 'freeValues') return false;
  return peekTimer(kernel.state.timers, holder.locals.timer)?.runningOn === cpu;
}

export function mapWriteStep(kernel: Kernel, op: OpActivation<'mapWrite'>): StepResult {
  const l = op.locals;
  const map = kernel.map(l.map);
  if (op.pc === 0) {
    if (bucketWait(kernel, kernel.cpu, op) !== undefined) return WAIT;
    if (valueLockHolder(kernel, kernel.cpu, map, l.key, l.flags) >= 0) return WAIT;
    const lock = lockOf(kernel, map, l.key);
    // A CPU that holds the lock already, beneath an interrupt, is told so; so is one that waits for too long.
    if (lock !== undefined) {
      if (lock.cpu !== kernel.cpu) kernel.here.timeNs += BUCKET_TIMEOUT_NS;
      return end(kernel, op, lock.cpu === kernel.cpu ? -ERRNO.EBUSY : -ERRNO.ETIMEDOUT);
    }
    if (l.what === 'update' && isLru(map)) return beginLru(kernel, map, op);
    const family = familyOf(map);
    const outcome =
      l.what === 'update'
        ? family.update(kernel, map, l.key, l.value, l.flags)
        : family.delete(kernel, map, l.key);
    return afterWrite(kernel, map, op, outcome);
  }
  if (op.pc === 2) return end(kernel, op, l.error);
  return continueLru(kernel, map as MapRecord<LruData>, op);
}

function end(kernel: Kernel, op: OpActivation<'mapWrite'>, error: number): StepResult {
  const { key, scratchBytes } = op.locals;
  op.locals.error = error;
  if (scratchBytes > 0) kernel.memory.release(key, scratchBytes);
  return doneWith(mapError(kernel, error));
}

function afterWrite(
  kernel: Kernel,
  map: MapRecord,
  op: OpActivation<'mapWrite'>,
  outcome: MapOutcome,
): StepResult {
  op.locals.error = outcome.error;
  op.pc = 2;
  const freeing = freeingOf(kernel, map, outcome, 0n);
  return freeing === undefined ? end(kernel, op, outcome.error) : { kind: 'enter', op: freeing };
}

/** pc 0: takes a slot; pc 1: frees what was evicted for it, one element after another, then fills the slot. */
function beginLru(kernel: Kernel, map: MapRecord<LruData>, op: OpActivation<'mapWrite'>): StepResult {
  const l = op.locals;
  const bad = refusedFlags(map, l.flags);
  if (bad !== 0) return end(kernel, op, bad);
  const evicted: number[] = [];
  l.element = takeLruSlot(kernel, map, evicted);
  l.evicted = evicted;
  op.pc = 1;
  return continueLru(kernel, map, op);
}

function continueLru(kernel: Kernel, map: MapRecord<LruData>, op: OpActivation<'mapWrite'>): StepResult {
  const l = op.locals;
  if (has(kernel.profile, 'timerFreedOnEviction') && l.index < l.evicted.length) {
    const value = l.evicted[l.index++] + elementValue(map.definition);
    const { profile } = kernel;
    const underLock = !has(profile, 'lruFreeAfterUnlock') && !has(profile, 'timerLockFree');
    const bucket = underLock ? bucketOfValue(kernel, tableOf(map), value) : 0;
    if (bucket !== 0) lockBucket(kernel, l.map, bucket);
    return { kind: 'enter', op: freeingOp(l.map, [value], [], 0n, false, bucket) };
  }
  return afterWrite(kernel, map, op, insertLru(kernel, map, l.element, l.key, l.value, l.flags));
}
