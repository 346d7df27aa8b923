/**
 * Packets and contexts as test-run makes them: checks, head- and tailroom, the fields that the user may set.
 * Evidence: behaviour of BPF_PROG_TEST_RUN on 6.1, 6.12 and 7.2.
 */
import { ERRNO, errnoName, type ErrnoName } from '../spec/errno';
import { SK_BUFF, XDP_MD } from '../spec/ctxFields';
import { bytesToHex } from '../util/hexText';
import { has, type Profile } from '../spec/profile';
import { fail, ok, type Problem, type Result } from '../util/problem';
import type { PacketLayout } from './contexts';

const ETHERNET_HEADER_BYTES = 14;
const XDP_HEADROOM_BYTES = 256;
const PAGE_BYTES = 4096;
/** Room for `struct skb_shared_info` behind an XDP packet. */
const XDP_TAILROOM_BYTES = 320;
const SKB_HEADROOM_BYTES = 64;
const SKB_TAILROOM_BYTES = 320;
const GSO_SEGMENTS_MAX = 65535n;
const GSO_SIZE_MAX = 65536n;
const IPV4 = 0x0008;
const IPV6 = 0xdd86;
/** Below it the EtherType is a length; what such frames count as, by the two bytes behind it. */
const ETHERTYPE_MIN = 0x600;
const FRAME_802_3 = 0x0100;
const FRAME_802_2 = 0x0400;
const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
/** Meta data that user space may hand over. */
const META_BYTES_MAX = 32;
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

const REFUSED = 'the kernel refuses this run with -';

const refuse = (errno: keyof typeof ERRNO, why: string): Result<PacketContext> =>
  fail({ code: 'test-run-refused', message: `${REFUSED}${errno}: ${why}` });

/** The errno of a refused run; undefined for other problems. */
export function refusedErrno(problem: Problem): number | undefined {
  const name = problem.code === 'test-run-refused' ? problem.message.slice(REFUSED.length).split(':')[0] : '';
  return name in ERRNO ? ERRNO[name as ErrnoName] : undefined;
}

/** Little-endian unsigned field of a context. */
function fieldOf(bytes: Uint8Array, offset: number, sizeBytes: number): bigint {
  let value = 0n;
  for (let i = Math.min(sizeBytes, bytes.length - offset) - 1; i >= 0; i--)
    value = (value << 8n) | BigInt(bytes[offset + i]);
  return value;
}

/** What a run of `programType` with this packet and context begins with. */
export function packetContext(
  profile: Profile,
  struct: 'xdp_md' | '__sk_buff',
  programType: string,
  packet: Uint8Array,
  ctx: Uint8Array | undefined,
): Result<PacketContext> {
  if (packet.length < ETHERNET_HEADER_BYTES)
    return refuse(
      'EINVAL',
      `a packet has at least ${ETHERNET_HEADER_BYTES} bytes, this one ${packet.length}`,
    );
  return struct === 'xdp_md'
    ? xdpContext(profile, packet, ctx)
    : skbContext(profile, programType, packet, ctx);
}

function xdpContext(
  profile: Profile,
  packet: Uint8Array,
  ctx: Uint8Array | undefined,
): Result<PacketContext> {
  const room = PAGE_BYTES - XDP_HEADROOM_BYTES - XDP_TAILROOM_BYTES;
  if (packet.length > room)
    return refuse('EINVAL', `packets in pieces are not modelled; one piece has at most ${room} bytes`);
  const fields = new Map<string, bigint>([['ingress_ifindex', LOOPBACK_IFINDEX]]);
  let metaBytes = 0;
  if (ctx !== undefined) {
    const bytes = ctx.subarray(0, XDP_MD.sizeBytes);
    const [data, dataEnd, dataMeta] = [0, 4, 8].map((offset) => Number(fieldOf(bytes, offset, 4)));
    if (dataMeta !== 0 || dataEnd > packet.length || data > dataEnd)
      return refuse('EINVAL', 'data, data_end and data_meta of the context do not fit the packet');
    if (dataEnd !== packet.length)
      return fail({
        code: 'packet-in-pieces',
        message: `data_end of the context is ${dataEnd}, the packet has ${packet.length} bytes: packets in pieces are not modelled`,
        remedy: `Set data_end to ${packet.length}.`,
      });
    if (data % 4 !== 0 || data > (has(profile, 'xdpMetaUpTo252') ? 252 : META_BYTES_MAX))
      return refuse('EINVAL', 'the meta data has no acceptable size');
    metaBytes = data;
    if (fieldOf(bytes, 20, 4) !== 0n) return refuse('EINVAL', 'egress_ifindex of the context is not zero');
    const ifindex = fieldOf(bytes, 12, 4);
    if (ifindex > 1n) return refuse('ENODEV', 'the context names an interface other than lo');
    // The program sees the loopback device in any case; the user gets back what was given.
    fields.set('given ingress_ifindex', ifindex);
    // The loopback has one queue.
    if (fieldOf(bytes, 16, 4) !== 0n) return refuse('EINVAL', 'the context names a queue that is not there');
  }
  return ok({
    packet,
    layout: {
      // Meta data is taken from the headroom.
      headroomBytes: XDP_HEADROOM_BYTES - metaBytes,
      tailroomBytes: room - packet.length + metaBytes,
      metaBytes,
    },
    fields,
  });
}

/** Fields of a `__sk_buff` that user space may set for a run. */
export const SKB_GIVEN = [
  'mark',
  'priority',
  'ingress_ifindex',
  'ifindex',
  'cb',
  'tstamp',
  'wire_len',
  'gso_segs',
  'gso_size',
  'hwtstamp',
];

/** Whom the loopback device (address zero) takes the frame to be for. */
function packetType(packet: Uint8Array): bigint {
  const destination = packet.subarray(0, 6);
  if (destination.every((byte) => byte === 0)) return 0n;
  // Its broadcast address is zero as well.
  return (destination[0] & 1) !== 0 ? 2n : 3n;
}

/** Bytes of link-layer header that a run cuts off, and hands back as zeros. */
export const hiddenHeaderBytes = (programType: string): number =>
  ['BPF_PROG_TYPE_SCHED_CLS', 'BPF_PROG_TYPE_SCHED_ACT', 'BPF_PROG_TYPE_FLOW_DISSECTOR'].includes(programType)
    ? 0
    : ETHERNET_HEADER_BYTES;

function protocolOf(packet: Uint8Array): number {
  if (((packet[12] << 8) | packet[13]) >= ETHERTYPE_MIN) return packet[12] | (packet[13] << 8);
  return packet[14] === 255 && packet[15] === 255 ? FRAME_802_3 : FRAME_802_2;
}

function skbContext(
  profile: Profile,
  programType: string,
  packet: Uint8Array,
  ctx: Uint8Array | undefined,
): Result<PacketContext> {
  const type = packet[12] | (packet[13] << 8);
  const header = type === IPV4 ? IPV4_HEADER_BYTES : type === IPV6 ? IPV6_HEADER_BYTES : 0;
  if (packet.length < ETHERNET_HEADER_BYTES + header)
    return refuse('EINVAL', 'the packet is too short for the header that it announces');
  const room = PAGE_BYTES - SKB_HEADROOM_BYTES - SKB_TAILROOM_BYTES;
  if (packet.length > room && !has(profile, 'testRunLargePackets'))
    return refuse('EINVAL', `this kernel takes packets of at most ${room} bytes for a test run`);
  const hidden = hiddenHeaderBytes(programType);
  const fields = new Map<string, bigint>([
    // As it lies in the packet, read as a little-endian number.
    ['protocol', BigInt(protocolOf(packet))],
    ['ifindex', LOOPBACK_IFINDEX],
    ['pkt_type', packetType(packet)],
  ]);
  if (ctx !== undefined) {
    for (const field of SK_BUFF.fields) {
      const value = fieldOf(ctx, field.offset, field.sizeBytes);
      if (value === 0n || field.offset >= ctx.length) continue;
      if (!SKB_GIVEN.includes(field.name))
        return refuse(
          'EINVAL',
          `${field.name} of the context is not zero (${bytesToHex(ctx.subarray(field.offset, field.offset + field.sizeBytes))})`,
        );
      fields.set(field.name, value);
    }
    if (ctx.subarray(SK_BUFF.sizeBytes).some((byte) => byte !== 0))
      return refuse('E2BIG', 'the context is longer than the kernel knows, and not zero there');
    if ((fields.get('ifindex') ?? 0n) !== LOOPBACK_IFINDEX)
      return refuse('ENODEV', 'the context names an interface other than lo');
    if ((fields.get('gso_segs') ?? 0n) > GSO_SEGMENTS_MAX) return refuse('EINVAL', 'too many segments');
    // The link-layer header, where the run cuts it off, does not count.
    const kept = BigInt(packet.length - hidden);
    const wire = fields.get('wire_len') ?? kept;
    if (wire < kept || wire > GSO_SIZE_MAX)
      return refuse('EINVAL', 'wire_len of the context does not fit the packet');
    fields.set('wire_len', wire);
  }
  if (hidden > 0) fields.set('hidden link header', 1n);
  return ok({
    packet: packet.subarray(hidden),
    layout: {
      headroomBytes: SKB_HEADROOM_BYTES + hidden,
      tailroomBytes: 64,
      metaBytes: 0,
    },
    fields,
  });
}

/** For messages: `-EINVAL`. */
export const errnoText = (error: number): string => `-${errnoName(error) ?? String(error)}`;
