/**
 * Packets of a capture file: classic pcap, both byte orders, micro- and nanosecond stamps, Ethernet only. pcapng is told
 * what to do with. Sizes are checked before anything is copied.
 */
import { ByteReader } from '../util/byteReader';
import { FormatError, parseWith, type Result } from '../util/problem';

const MAX_PACKETS = 1_000_000;
const MAX_PACKET_BYTES = 256 * 1024;
const ETHERNET = 1;

export function readPcap(file: string, bytes: Uint8Array): Result<Uint8Array[]> {
  return parseWith(
    file,
    () => packets(bytes),
    'Give a classic pcap file of Ethernet frames (editcap -F pcap IN OUT converts others), or the bytes in hexadecimal.',
  );
}

function packets(bytes: Uint8Array): Uint8Array[] {
  const magic = bytes.length >= 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : 0;
  if (magic === 0x0a0d0d0a) throw new FormatError('pcap', 'this is pcapng, which is not read', 0);
  const little = magic === 0xd4c3b2a1 || magic === 0x4d3cb2a1;
  if (!little && magic !== 0xa1b2c3d4 && magic !== 0xa1b23c4d) {
    throw new FormatError('pcap', 'not a capture file', 0);
  }
  const reader = new ByteReader(bytes, 'pcap', little);
  reader.skip(20);
  const link = reader.u32() & 0xffff;
  if (link !== ETHERNET) throw new FormatError('pcap', `link type ${link} is not Ethernet`, 20);
  const found: Uint8Array[] = [];
  while (!reader.atEnd) {
    if (found.length >= MAX_PACKETS)
      throw new FormatError('pcap', 'more than a million packets', reader.offset);
    reader.skip(8);
    const captured = reader.u32();
    reader.skip(4);
    if (captured > MAX_PACKET_BYTES) {
      throw new FormatError('pcap', `a packet of ${captured} bytes`, reader.offset - 8);
    }
    found.push(reader.slice(captured).slice());
  }
  if (found.length === 0) throw new FormatError('pcap', 'it holds no packet', 24);
  return found;
}
