/**
 * BPF_MAP_TYPE_BLOOM_FILTER: remembers values without keeping them. A peek says "perhaps" (0) or "surely not" (ENOENT).
 *
 * The number of bits and of hash functions is the kernel's, so that wrong answers are as rare as there; the hash is ours
 * and has no seed, so that which values are confused differs. Evidence: errno values on 6.1, 6.12 and 7.2.
 */
import { ERRNO } from '../spec/errno';
import type { MapOutcome } from './bpfMap';
import { hashKey } from './hash';
import type { BloomData } from './mapData';
import { BPF_ANY, refused, type MapEnv, type MapFamily, type MapRecord } from './mapFamily';

type BloomMap = MapRecord<BloomData>;

const FUNCTIONS_DEFAULT = 5;
const BITS_MIN = 64;
const BITS_MAX = 2 ** 32;

/** Seven bits for every five (entry, function) pairs, up to a power of two. */
function bitCount(maxEntries: number, functions: number): number {
  const pairs = maxEntries * functions;
  const wanted = Math.floor(pairs / 5) * 7;
  if (pairs > 0xffff_ffff || wanted > 2 ** 31) return BITS_MAX;
  let bits = BITS_MIN;
  while (bits < wanted) bits *= 2;
  return bits;
}

/** The bits of a value: one hash split into a start and an odd stride. */
function bitsOf(env: MapEnv, map: BloomMap, value: number): number[] {
  const { valueSizeBytes } = map.definition;
  const hash = hashKey(env.memory.u8, value, valueSizeBytes);
  const stride = (Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0) | 1;
  return Array.from(
    { length: map.data.functions },
    (_, i) => ((hash + i * (stride >>> 0)) % BITS_MAX) % map.data.bits,
  );
}

function push(env: MapEnv, map: BloomMap, value: number, flags: bigint): number {
  if (flags !== BPF_ANY) return -ERRNO.EINVAL;
  for (const bit of bitsOf(env, map, value)) {
    const at = map.data.base + Math.floor(bit / 8);
    env.memory.store8(at, env.memory.u8[at] | (1 << (bit % 8)));
  }
  return 0;
}

function peek(env: MapEnv, map: BloomMap, value: number): number {
  for (const bit of bitsOf(env, map, value))
    if ((env.memory.u8[map.data.base + Math.floor(bit / 8)] & (1 << (bit % 8))) === 0) return -ERRNO.ENOENT;
  return 0;
}

export const bloomFamily: MapFamily<BloomData> = {
  types: ['BPF_MAP_TYPE_BLOOM_FILTER'],
  create(env, definition): BloomData {
    const functions = Number(definition.mapExtra) || FUNCTIONS_DEFAULT;
    const bits = bitCount(definition.maxEntries, functions);
    return { kind: 'bloom', base: env.memory.allocate(bits / 8), bits, functions };
  },
  lookup: () => 0,
  update: () => refused('EINVAL', ERRNO),
  delete: () => refused('EOPNOTSUPP', ERRNO),
  nextKey: () => -ERRNO.EOPNOTSUPP,
  recycle: () => undefined,
  slots: () => [],
  keyOffset: () => 0,
  push,
  pop: () => -ERRNO.EOPNOTSUPP,
  peek,
  userRead: () => undefined,
  userWrite(env, map, _key, values, flags): MapOutcome {
    const at = env.memory.allocate(values[0].length);
    env.memory.write(at, values[0]);
    const error = push(env, map, at, flags);
    env.memory.release(at, values[0].length);
    return { error, freed: [], recycle: [] };
  },
  entryCount: () => 0,
  entries: () => [],
  note: 'a bloom filter does not keep its values: they can be asked for, not listed',
};
