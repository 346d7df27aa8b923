/**
 * Packets and contexts as test-run makes them: checks, head- and tailroom, the fields that the user may set.
 * Evidence: behaviour of BPF_PROG_TEST_RUN on 6.1, 6.12 and 7.2.
 */
import { ERRNO, errnoName } from '../spec/errno';
import { SK_BUFF, XDP_MD } from '../spec/ctxFields';
import { bytesToHex } from '../util/hexText';
import { fail, ok, type Result } from '../util/problem';
import type { PacketLayout } from './contexts';

const ETHERNET_HEADER_BYTES = 14;
const XDP_HEADROOM_BYTES = 256;
const PAGE_BYTES = 4096;
/** Room for `struct skb_shared_info` behind an XDP packet. */
const XDP_TAILROOM_BYTES = 320;
const SKB_HEADROOM_BYTES = 64;
const LOOPBACK_IFINDEX = 1n;

/** Ethernet, IPv4 10.0.0.1 → 10.0.0.2, UDP 40000 → 9, 22 bytes of zeros: 64 bytes in all. */
export function defaultPacket(): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00]);
  bytes.set([0x45, 0, 0, 50, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 14);
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
  sum = (sum & 0xffff) + (sum >>> 16);
  const check = ~sum & 0xffff;
  bytes[24] = check >>> 8;
  bytes[25] = check & 0xff;
  bytes.set([0x9c, 0x40, 0, 9, 0, 30, 0, 0], 34);
  return bytes;
}

export interface PacketContext {
  readonly packet: Uint8Array;
  readonly layout: PacketLayout;
  readonly fields: Map<string, bigint>;
}

const refuse = (errno: keyof typeof ERRNO, why: string): Result<PacketContext> =>
  fail({ code: 'test-run-refused', message: `the kernel refuses this run with -${errno}: ${why}` });

/** Little-endian unsigned field of a context. */
function fieldOf(bytes: Uint8Array, offset: number, sizeBytes: number): bigint {
  let value = 0n;
  for (let i = Math.min(sizeBytes, bytes.length - offset) - 1; i >= 0; i--)
    value = (value << 8n) | BigInt(bytes[offset + i]);
  return value;
}

/** What a run of `programType` with this packet and context begins with. */
export function packetContext(
  struct: 'xdp_md' | '__sk_buff',
  programType: string,
  packet: Uint8Array,
  ctx: Uint8Array | undefined,
): Result<PacketContext> {
  if (packet.length < ETHERNET_HEADER_BYTES)
    return refuse('EINVAL', `a packet has at least ${ETHERNET_HEADER_BYTES} bytes, this one ${packet.length}`);
  return struct === 'xdp_md' ? xdpContext(packet, ctx) : skbContext(programType, packet, ctx);
}

function xdpContext(packet: Uint8Array, ctx: Uint8Array | undefined): Result<PacketContext> {
  const room = PAGE_BYTES - XDP_HEADROOM_BYTES - XDP_TAILROOM_BYTES;
  if (packet.length > room)
    return refuse('EINVAL', `packets in pieces are not modelled; one piece has at most ${room} bytes`);
  const fields = new Map<string, bigint>([['ingress_ifindex', LOOPBACK_IFINDEX]]);
  if (ctx !== undefined) {
    const bytes = ctx.subarray(0, XDP_MD.sizeBytes);
    if (fieldOf(bytes, 20, 4) !== 0n) return refuse('EINVAL', 'egress_ifindex of the context is not zero');
    const ifindex = fieldOf(bytes, 12, 4);
    if (ifindex > 1n) return refuse('ENODEV', 'the context names an interface other than lo');
    if (ifindex === 0n && fieldOf(bytes, 16, 4) !== 0n)
      return refuse('EINVAL', 'the context names a queue without an interface');
  }
  const tailroomBytes = PAGE_BYTES - XDP_HEADROOM_BYTES - packet.length;
  return ok({
    packet,
    layout: { headroomBytes: XDP_HEADROOM_BYTES, tailroomBytes: tailroomBytes - XDP_TAILROOM_BYTES },
    fields,
  });
}

/** Fields of a `__sk_buff` that user space may set for a run. */
const SKB_SETTABLE = ['mark', 'priority', 'ingress_ifindex', 'ifindex', 'cb', 'tstamp', 'wire_len', 'gso_segs', 'gso_size', 'hwtstamp'];

function skbContext(
  programType: string,
  packet: Uint8Array,
  ctx: Uint8Array | undefined,
): Result<PacketContext> {
  const fields = new Map<string, bigint>([
    // The EtherType as it lies in the packet, read as a little-endian number.
    ['protocol', BigInt(packet[12] | (packet[13] << 8))],
    ['ifindex', LOOPBACK_IFINDEX],
    ['wire_len', BigInt(packet.length)],
    ['gso_segs', 0n],
  ]);
  if (ctx !== undefined) {
    for (const field of SK_BUFF.fields) {
      const value = fieldOf(ctx, field.offset, field.sizeBytes);
      if (value === 0n || field.offset >= ctx.length) continue;
      if (!SKB_SETTABLE.includes(field.name))
        return refuse('EINVAL', `${field.name} of the context is not zero (${bytesToHex(ctx.subarray(field.offset, field.offset + field.sizeBytes))})`);
      fields.set(field.name, value);
    }
  }
  const atLinkLayer = programType === 'BPF_PROG_TYPE_SCHED_CLS' || programType === 'BPF_PROG_TYPE_SCHED_ACT';
  return ok({
    packet: atLinkLayer ? packet : packet.subarray(ETHERNET_HEADER_BYTES),
    layout: {
      headroomBytes: SKB_HEADROOM_BYTES + (atLinkLayer ? 0 : ETHERNET_HEADER_BYTES),
      tailroomBytes: 64,
    },
    fields,
  });
}

/** For messages: `-EINVAL`. */
export const errnoText = (error: number): string => `-${errnoName(error) ?? String(error)}`;
