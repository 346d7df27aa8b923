/**
 * BPF_MAP_TYPE_RINGBUF: records that programs reserve and submit and user space drains in order.
 *
 * A record is an 8-byte header (length with busy and discard bits u32, map id u32) and its bytes, rounded up to 8.
 * Where the kernel maps its pages twice in a row, twice the size is reserved here, so a record never wraps; capacity
 * is the kernel's. Nobody reads while programs run unless the scenario drains: a full buffer refuses.
 * Evidence: sizes, bits and results on 6.1, 6.12 and 7.2.
 */
import { ERRNO } from '../spec/errno';
import type { MapEntry, MapOutcome } from './bpfMap';
import type { RingbufData } from './mapData';
import { refused, type MapEnv, type MapFamily, type MapRecord } from './mapFamily';

const HEADER_SIZE_BYTES = 8;
const BUSY = 0x8000_0000;
const DISCARDED = 0x4000_0000;
const LENGTH = 0x3fff_ffff;
const RECORD_SIZE_MAX = 0x3fff_ffff;

type Ringbuf = MapRecord<RingbufData>;

const recordSize = (lengthBytes: number): number => (lengthBytes + HEADER_SIZE_BYTES + 7) & ~7;
/** Linear offset of the header at a position. */
const headerAt = (map: Ringbuf, position: number): number => map.data.base + (position % map.data.sizeBytes);

/** Linear offset of the new record's bytes; 0: no room, or too long for this buffer. */
export function reserveRecord(env: MapEnv, map: Ringbuf, sizeBytes: bigint): number {
  const { memory } = env;
  const { data } = map;
  if (sizeBytes > BigInt(RECORD_SIZE_MAX)) return 0;
  const size = Number(sizeBytes);
  const total = recordSize(size);
  if (total > data.sizeBytes) return 0;
  // Committed records from the oldest on no longer hold the producer back.
  while (data.pending < data.producer) {
    const header = memory.load32(headerAt(map, data.pending));
    if ((header & BUSY) !== 0) break;
    data.pending += recordSize(header & LENGTH);
  }
  const after = data.producer + total;
  if (after - data.consumer >= data.sizeBytes || after - data.pending >= data.sizeBytes) return 0;
  const header = headerAt(map, data.producer);
  memory.store32(header, size | BUSY);
  memory.store32(header + 4, map.definition.id);
  data.producer = after;
  if (size > 0)
    memory.addRegion('ringbuf', header + HEADER_SIZE_BYTES, size, `record of ${map.definition.name}`);
  return header + HEADER_SIZE_BYTES;
}

/** Why a record cannot be submitted, or undefined: programs that no verifier saw may hand over anything. */
export function recordProblem(env: MapEnv, record: number): string | undefined {
  const header = record - HEADER_SIZE_BYTES;
  const map = header > 0 ? env.findMap(env.memory.load32(header + 4)) : undefined;
  const data = map?.data;
  if (
    data?.kind !== 'ringbuf' ||
    header < data.base ||
    header >= data.base + data.sizeBytes ||
    header % 8 !== 0
  )
    return 'is no record of a ring buffer';
  return (env.memory.load32(header) & BUSY) === 0 ? 'was submitted or discarded before' : undefined;
}

/** Ends a reservation; the record is the consumer's, or nobody's. */
export function commitRecord(env: MapEnv, record: number, discard: boolean): void {
  const header = record - HEADER_SIZE_BYTES;
  const length = env.memory.load32(header) & LENGTH;
  env.memory.store32(header, discard ? length | DISCARDED : length);
  const region = env.memory.findRegion(record);
  if (region !== undefined && region.start === record) env.memory.endRegion(record);
}

/** Bytes that a consumer has not taken, headers and unfinished records included. */
export const availableBytes = (map: Ringbuf): number => map.data.producer - map.data.consumer;

interface Unread {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** Committed records from the consumer's position up to the first unfinished one, and the position behind them. */
function unread(env: MapEnv, map: Ringbuf, count = Infinity): { records: Unread[]; end: number } {
  const records: Unread[] = [];
  let position = map.data.consumer;
  while (position < map.data.producer && records.length < count) {
    const at = headerAt(map, position);
    const header = env.memory.load32(at);
    if ((header & BUSY) !== 0) break;
    if ((header & DISCARDED) === 0)
      records.push({ position, bytes: env.memory.read(at + HEADER_SIZE_BYTES, header & LENGTH) });
    position += recordSize(header & LENGTH);
  }
  return { records, end: position };
}

/** What user space consumes: every finished record, oldest first; makes room. */
export function drainRingbuf(env: MapEnv, map: Ringbuf): Uint8Array[] {
  const { records, end } = unread(env, map);
  map.data.consumer = end;
  return records.map((record) => record.bytes);
}

const unsupported = (): MapOutcome => refused('ENOTSUPP', ERRNO);

export const ringbufFamily: MapFamily<RingbufData> = {
  types: ['BPF_MAP_TYPE_RINGBUF'],

  create: (env, definition): RingbufData => ({
    kind: 'ringbuf',
    base: env.memory.allocate(2 * definition.maxEntries),
    sizeBytes: definition.maxEntries,
    consumer: 0,
    producer: 0,
    pending: 0,
  }),

  lookup: () => 0,
  userRead: () => undefined,
  update: unsupported,
  userWrite: unsupported,
  delete: unsupported,
  nextKey: () => -ERRNO.ENOTSUPP,
  recycle: () => undefined,
  slots: () => [],
  keyOffset: () => 0,
  entryCount: (env, map) => unread(env, map).records.length,
  drained: (env, map) => void drainRingbuf(env, map),

  entries(env, map, start, count): MapEntry[] {
    return unread(env, map, start + count)
      .records.slice(start)
      .map(({ position, bytes }) => ({
        values: [bytes],
        valueRef: headerAt(map, position) + HEADER_SIZE_BYTES,
      }));
  },
};
