/**
 * BPF_MAP_TYPE_QUEUE and BPF_MAP_TYPE_STACK: values without keys, first in first out, or last in first out.
 *
 * A ring of `maxEntries` slots in linear memory; the record holds the slot of the oldest value and the count. A push
 * into a full map fails with E2BIG, or with BPF_EXIST throws the oldest value away, in a stack too. What is taken out
 * is copied; nobody ever holds an address of a slot. Evidence: results on 6.1, 6.12 and 7.2.
 */
import { ERRNO } from '../spec/errno';
import type { MapEntry, MapOutcome } from './bpfMap';
import type { QueueData } from './mapData';
import { BPF_ANY, BPF_EXIST, refused, type MapEnv, type MapFamily, type MapRecord } from './mapFamily';

type QueueMap = MapRecord<QueueData>;

/** Linear offset of the value that is `age` places behind the oldest. */
const slotAt = (map: QueueMap, age: number): number =>
  map.data.base + ((map.data.oldest + age) % map.definition.maxEntries) * map.definition.valueSizeBytes;

function push(env: MapEnv, map: QueueMap, value: number, flags: bigint): number {
  const { data, definition } = map;
  if (flags !== BPF_ANY && flags !== BPF_EXIST) return -ERRNO.EINVAL;
  if (data.count === definition.maxEntries) {
    if (flags === BPF_ANY) return -ERRNO.E2BIG;
    data.oldest = (data.oldest + 1) % definition.maxEntries;
    data.count--;
  }
  env.memory.copy(slotAt(map, data.count), value, definition.valueSizeBytes);
  data.count++;
  return 0;
}

/** Copies the next value out and takes it away if asked to; an empty map clears the buffer. */
function take(env: MapEnv, map: QueueMap, to: number, newest: boolean, remove: boolean): number {
  const { data, definition } = map;
  if (data.count === 0) {
    env.memory.fill(to, definition.valueSizeBytes, 0);
    return -ERRNO.ENOENT;
  }
  env.memory.copy(to, slotAt(map, newest ? data.count - 1 : 0), definition.valueSizeBytes);
  if (!remove) return 0;
  data.count--;
  if (!newest) data.oldest = (data.oldest + 1) % definition.maxEntries;
  return 0;
}

const family = (type: string, newest: boolean): MapFamily<QueueData> => {
  /** Place of the value that would come out as number `turn`. */
  const inTurn = (map: QueueMap, turn: number): number =>
    slotAt(map, newest ? map.data.count - 1 - turn : turn);
  return {
    types: [type],
    create(env, definition): QueueData {
      const sizeBytes = definition.maxEntries * definition.valueSizeBytes;
      return { kind: 'queue', base: env.memory.allocate(sizeBytes), oldest: 0, count: 0 };
    },
    lookup: () => 0,
    update: () => refused('EINVAL', ERRNO),
    delete: () => refused('EINVAL', ERRNO),
    nextKey: () => -ERRNO.EINVAL,
    recycle: () => undefined,
    slots: () => [],
    keyOffset: () => 0,
    push,
    pop: (env, map, to) => take(env, map, to, newest, true),
    peek: (env, map, to) => take(env, map, to, newest, false),
    userRead: (env, map) =>
      map.data.count === 0 ? undefined : [env.memory.read(inTurn(map, 0), map.definition.valueSizeBytes)],
    userWrite(env, map, _key, values, flags): MapOutcome {
      const at = env.memory.allocate(values[0].length);
      env.memory.write(at, values[0]);
      const error = push(env, map, at, flags);
      env.memory.release(at, values[0].length);
      return { error, freed: [], recycle: [] };
    },
    drained(_env, map): void {
      map.data.count = 0;
    },
    entryCount: (_env, map) => map.data.count,
    entries(env, map, start, count): MapEntry[] {
      const found: MapEntry[] = [];
      for (let turn = start; turn < Math.min(map.data.count, start + count); turn++) {
        const valueRef = inTurn(map, turn);
        found.push({ values: [env.memory.read(valueRef, map.definition.valueSizeBytes)], valueRef });
      }
      return found;
    },
  };
};

export const queueFamily = family('BPF_MAP_TYPE_QUEUE', false);
export const stackFamily = family('BPF_MAP_TYPE_STACK', true);
