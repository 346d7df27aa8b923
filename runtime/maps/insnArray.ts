/**
 * BPF_MAP_TYPE_INSN_ARRAY: a jump table. User space sees 16 bytes an entry, of which it may set the slot alone; programs see the
 * addresses of the instructions in a row, which loading the program fills in.
 * Evidence: errno values on 7.2. Offsets in translated and compiled code, which a kernel adds to the entries, stay zero.
 */
import { ERRNO } from '../spec/errno';
import { indexBytes, nextIndex } from './array';
import type { MapEntry, MapOutcome, ValueRef } from './bpfMap';
import type { InsnArrayData } from './mapData';
import { BPF_NOEXIST, DONE, refused, type MapEnv, type MapFamily, type MapRecord } from './mapFamily';

const VALUE_BYTES = 16;
const ADDRESS_BYTES = 8;

type InsnArray = MapRecord<InsnArrayData>;

const valueAt = (map: InsnArray, index: number): ValueRef => map.data.values + index * VALUE_BYTES;

/** Fills in what programs load: the address of each entry's instruction. */
export function setAddresses(env: MapEnv, map: InsnArray, addresses: readonly bigint[]): void {
  addresses.forEach((address, i) => env.memory.store64(map.data.addresses + i * ADDRESS_BYTES, address));
}

/** Fills in what user space set before the load. */
export function setSlots(env: MapEnv, map: InsnArray, slots: readonly number[]): void {
  slots.forEach((slot, i) => env.memory.store32(valueAt(map, i), slot));
}

export const isInsnArray = (map: MapRecord): map is InsnArray => map.data.kind === 'insnArray';

export const insnArrayFamily: MapFamily<InsnArrayData> = {
  types: ['BPF_MAP_TYPE_INSN_ARRAY'],

  create(env, { name, maxEntries }): InsnArrayData {
    const values = env.memory.allocate(VALUE_BYTES * maxEntries);
    const addresses = env.memory.allocate(ADDRESS_BYTES * maxEntries);
    env.memory.addRegion('mapPool', addresses, ADDRESS_BYTES * maxEntries, `addresses of ${name}`, false);
    return { kind: 'insnArray', values, addresses };
  },

  lookup(env, map, key): ValueRef {
    const index = env.memory.load32(key);
    return index < map.definition.maxEntries ? valueAt(map, index) : 0;
  },

  update(env, map, key, value, flags): MapOutcome {
    const index = env.memory.load32(key);
    if (index >= map.definition.maxEntries) return refused('E2BIG', ERRNO);
    if ((flags & BPF_NOEXIST) !== 0n) return refused('EEXIST', ERRNO);
    if (env.memory.load64(value + 4) !== 0n) return refused('EINVAL', ERRNO);
    env.memory.store32(valueAt(map, index), env.memory.load32(value));
    return DONE;
  },

  delete: () => refused('EINVAL', ERRNO),
  nextKey: nextIndex,
  recycle: () => undefined,
  slots: () => [],
  keyOffset: () => 0,
  indexOf: (map, value) => Math.floor((value - map.data.values) / VALUE_BYTES),
  entryCount: (_env, map) => map.definition.maxEntries,

  entries(env, map, start, count): MapEntry[] {
    const end = Math.min(map.definition.maxEntries, start + count);
    return Array.from({ length: Math.max(0, end - start) }, (_, i) => {
      const valueRef = valueAt(map, start + i);
      return { key: indexBytes(start + i), values: [env.memory.read(valueRef, VALUE_BYTES)], valueRef };
    });
  },
};
