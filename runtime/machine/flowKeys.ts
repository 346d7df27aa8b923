/**
 * What flow dissectors fill in: `struct bpf_flow_keys` beside the packet, as a test run begins it and hands it back. Offsets of
 * headers in it count from the link header and stay inside the packet.
 */
import { memoryAddress, offsetOf } from '../vm/addresses';
import type { Memory } from '../vm/memory';
import { FLOW_KEYS_BYTES, type ContextRecord } from './contexts';

const NETWORK_OFFSET = 0;
const TRANSPORT_OFFSET = 2;
const PROTOCOL = 10;
const FLAGS = 48;
const LINK_HEADER_BYTES = 14;
/** Place in the link header of what follows it, even where that is a length. */
const ETHERTYPE = 12;

/** @param given what the user handed over: only its flags count. */
export function addFlowKeys(memory: Memory, record: ContextRecord, given: Uint8Array | undefined): void {
  const at = memory.allocate(FLOW_KEYS_BYTES);
  memory.fill(at, FLOW_KEYS_BYTES, 0);
  memory.store16(at + NETWORK_OFFSET, LINK_HEADER_BYTES);
  memory.store16(at + TRANSPORT_OFFSET, LINK_HEADER_BYTES);
  memory.store16(at + PROTOCOL, memory.load16(record.packet.data + ETHERTYPE));
  if (given !== undefined && given.length >= FLAGS + 4)
    memory.write(at + FLAGS, given.subarray(FLAGS, FLAGS + 4));
  memory.addRegion('context', at, FLOW_KEYS_BYTES, 'struct bpf_flow_keys');
  record.fields.set('flow_keys', memoryAddress(at));
}

/** The keys as the program left them; undefined where there are none. */
export function flowKeysOf(memory: Memory, record: ContextRecord): Uint8Array | undefined {
  const at = offsetOf(record.fields.get('flow_keys') ?? 0n);
  if (at === 0) return undefined;
  const length = record.packet.dataEnd - record.packet.data;
  const clamp = (offset: number, low: number): number =>
    Math.min(Math.max(memory.load16(at + offset), low), length);
  const network = clamp(NETWORK_OFFSET, LINK_HEADER_BYTES);
  const transport = clamp(TRANSPORT_OFFSET, network);
  const keys = memory.read(at, FLOW_KEYS_BYTES);
  keys.set([network & 255, network >>> 8, transport & 255, transport >>> 8]);
  return keys;
}
