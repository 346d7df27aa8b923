/**
 * The key of an array lookup when the program knows it: newer kernels then know that the element exists. Relying on the
 * value makes it precise.
 */
import type { MapSpec } from '../loader/objectSpec';
import { MAP_FLAGS } from '../spec/mapTypes';
import { regOf, type VerifierEnv } from './env';
import { markSlotPrecise } from './precision';
import { isSpilledScalar, SLOT_SPILL, SLOT_ZERO, slotKind, slotOf } from './stackState';
import { tnumIsConst } from './tnum';
import { asS64 } from '../util/u64';

const ALWAYS_FULL: ReadonlySet<string> = new Set(['BPF_MAP_TYPE_ARRAY', 'BPF_MAP_TYPE_PERCPU_ARRAY']);

/** The constant at the stack pointer in `regno`, undefined when it is not known (or the kernel does not look). */
export function constantMapKey(env: VerifierEnv, map: MapSpec, regno: number): bigint | undefined {
  if (!env.features.arrayLookupNonNull || !ALWAYS_FULL.has(map.type)) return undefined;
  // Maps of any size may stand in for such a template.
  if ((map.flags & MAP_FLAGS.BPF_F_INNER_MAP) !== 0) return undefined;
  const key = regOf(env, regno);
  if (key.type !== 'stack' || !tnumIsConst(key.bits)) return undefined;
  const off = Number(asS64(key.bits.value)) + key.off;
  const index = slotOf(off);
  const first = (-off - 1) & 7;
  const slot = env.cur.frames[key.frameNo].stack[index];
  if (slot === undefined) return undefined;
  const run = (kind: number): number => {
    let count = 0;
    for (let i = first; i >= 0 && slotKind(slot, i) === kind; i--) count++;
    return count;
  };
  if (run(SLOT_ZERO) >= map.keySizeBytes) return 0n;
  if (!isSpilledScalar(slot) || run(SLOT_SPILL) !== map.keySizeBytes) return undefined;
  if (!tnumIsConst(slot.spilled.bits)) return undefined;
  markSlotPrecise(env, key.frameNo, index);
  return slot.spilled.bits.value;
}
