/**
 * The socket that a test run gives its packet: nobody's, closed, with the addresses of the packet; programs see it as
 * `struct bpf_sock`. It is gone with the run, and with it what programs stored for it.
 */
import { removeStored } from '../maps/localStorage';
import type { StorageData } from '../maps/mapData';
import type { MapRecord } from '../maps/mapFamily';
import { memoryAddress, offsetOf } from '../vm/addresses';
import type { Memory } from '../vm/memory';
import { SOCKET_BYTES, type ContextRecord } from './contexts';

const IPV4 = 0x0008;
const IPV6 = 0xdd86;
const AF_INET = 2;
const AF_INET6 = 10;
const TCP_CLOSE = 7;
const NETWORK_OFFSET = 14;

/** Offsets in `struct bpf_sock`. */
const FAMILY = 4;
const SOURCE4 = 24;
const SOURCE6 = 28;
const TARGET4 = 52;
const TARGET6 = 56;
const STATE = 72;
const RX_QUEUE = 76;

/** @param frame the packet with its link header */
export function addSocket(memory: Memory, record: ContextRecord, frame: Uint8Array): void {
  const at = memory.allocate(SOCKET_BYTES);
  memory.fill(at, SOCKET_BYTES, 0);
  const header = frame.subarray(NETWORK_OFFSET);
  const protocol = Number(record.fields.get('protocol') ?? 0n);
  if (protocol === IPV4) {
    memory.store32(at + FAMILY, AF_INET);
    memory.write(at + SOURCE4, header.subarray(12, 16));
    memory.write(at + TARGET4, header.subarray(16, 20));
  } else if (protocol === IPV6) {
    memory.store32(at + FAMILY, AF_INET6);
    memory.write(at + SOURCE6, header.subarray(8, 24));
    memory.write(at + TARGET6, header.subarray(24, 40));
  }
  memory.store32(at + STATE, TCP_CLOSE);
  memory.store32(at + RX_QUEUE, -1);
  memory.addRegion('context', at, SOCKET_BYTES, 'struct bpf_sock', false);
  record.fields.set('sk', memoryAddress(at));
}

/** The socket goes: what was stored for it goes, too. */
export function dropSocketStorage(maps: Iterable<MapRecord>, record: ContextRecord): void {
  const socket = offsetOf(record.fields.get('sk') ?? 0n);
  for (const map of maps)
    if (socket !== 0 && map.data.kind === 'storage') removeStored(map as MapRecord<StorageData>, socket);
}
