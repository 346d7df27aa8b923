/** Ring buffer helpers. Those for records in dynptrs are in `dynptrHelpers.ts`. */
import { ERRNO } from '../spec/errno';
import type { RingbufData } from '../maps/mapData';
import type { MapRecord } from '../maps/mapFamily';
import { availableBytes, commitRecord, recordProblem, reserveRecord } from '../maps/ringbuf';
import { MEMORY_TAG, memoryAddress, offsetOf, tagOf } from '../vm/addresses';
import {
  HelperFault,
  mapArg,
  memoryArg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
} from './protocol';

/** BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP: nobody sleeps here, so they change nothing. */
const WAKEUP_FLAGS = 3n;

/** The ring buffer that argument 1 names. */
export function ringbufArg(call: HelperCall): MapRecord<RingbufData> {
  const map = mapArg(call, 0);
  if (map.data.kind !== 'ringbuf')
    throw new HelperFault(`${call.name}: map ${map.definition.name} is no ring buffer`);
  return map as MapRecord<RingbufData>;
}

function end(call: HelperCall, discard: boolean): HelperResult {
  const [address] = call.args;
  const record = offsetOf(address);
  const problem =
    tagOf(address) === MEMORY_TAG ? recordProblem(call.kernel, record) : 'is no record of a ring buffer';
  if (problem !== undefined) throw new HelperFault(`${call.name}: argument 1 ${problem}`);
  commitRecord(call.kernel, record, discard);
  return value(0);
}

/** What `bpf_ringbuf_query` answers, by flag; others are 0. */
const QUERIES: readonly ((map: MapRecord<RingbufData>) => number)[] = [
  availableBytes,
  (map) => map.data.sizeBytes,
  (map) => map.data.consumer,
  (map) => map.data.producer,
];

export const ringbufHelpers = {
  bpf_ringbuf_reserve: (call) => {
    const map = ringbufArg(call);
    if (call.args[2] !== 0n) return value(0);
    const record = reserveRecord(call.kernel, map, call.args[1]);
    return value(record === 0 ? 0n : memoryAddress(record));
  },
  bpf_ringbuf_submit: (call) => end(call, false),
  bpf_ringbuf_discard: (call) => end(call, true),
  bpf_ringbuf_output: (call) => {
    const map = ringbufArg(call);
    const [, , size, flags] = call.args;
    if ((flags & ~WAKEUP_FLAGS) !== 0n) return value(-ERRNO.EINVAL);
    const sizeBytes = Number(size);
    const from = memoryArg(call, 1, sizeBytes);
    const record = reserveRecord(call.kernel, map, size);
    if (record === 0) return value(-ERRNO.EAGAIN);
    call.kernel.memory.copy(record, from, sizeBytes);
    commitRecord(call.kernel, record, false);
    return value(0);
  },
  bpf_ringbuf_query: (call) => {
    const map = ringbufArg(call);
    const query = call.args[1] < 4n ? QUERIES[Number(call.args[1])] : undefined;
    return value(query?.(map) ?? 0);
  },
} satisfies Record<string, HelperHandler>;
