/**
 * Helpers that rebuild a packet of the stack or change what is known of it: VLAN tags, room, protocol, type, hash, checksum
 * state, time stamp, MTU. The first tag of a packet lies beside it (`vlan_tci` of the context), further ones in it.
 *
 * The network header follows the Ethernet header where the program sees one, else it is what the packet begins with.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import {
  HelperFault,
  memoryArg,
  u32Arg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
  type Packet,
} from './protocol';

const ETHERNET_HEADER_BYTES = 14;
const VLAN_TAG_BYTES = 4;
const PROTOCOL_OFFSET = 12;
/** EtherTypes as they lie in a packet, read as a little-endian number. */
const IPV4 = 0x0008;
const IPV6 = 0xdd86;
const VLAN_8021Q = 0x0081;
const VLAN_8021AD = 0xa888;
const ETHERNET_802_3 = 0x0100;
const ETHERNET_802_2 = 0x0400;
const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;

function packetArg(call: HelperCall): Packet {
  const packet = call.packets.packetAt(call.args[0]);
  if (packet === undefined) throw new HelperFault(`${call.name}: argument 1 is no packet context`);
  return packet;
}

const field = (call: HelperCall, name: string): number =>
  Number(call.packets.field(call.args[0], name) & 0xffff_ffffn);
const setField = (call: HelperCall, name: string, to: number | bigint): void =>
  call.packets.setField(call.args[0], name, BigInt(to));
const isVlan = (protocol: number): boolean => protocol === VLAN_8021Q || protocol === VLAN_8021AD;
const isIp = (protocol: number): boolean => protocol === IPV4 || protocol === IPV6;

/** Makes room for zeros behind the packet's first `offset` bytes; false: the headroom does not hold them. */
function openGap(call: HelperCall, offset: number, sizeBytes: number): boolean {
  const packet = packetArg(call);
  const data = packet.data - sizeBytes;
  if (data < packet.start) return false;
  call.kernel.memory.copy(data, packet.data, offset);
  call.kernel.memory.fill(data + offset, sizeBytes, 0);
  call.packets.setBounds(call.args[0], { meta: data, data, dataEnd: packet.dataEnd });
  return true;
}

/** Takes bytes out behind the packet's first `offset` ones. */
function closeGap(call: HelperCall, offset: number, sizeBytes: number): void {
  const packet = packetArg(call);
  const data = packet.data + sizeBytes;
  call.kernel.memory.copy(data, packet.data, offset);
  call.packets.setBounds(call.args[0], { meta: data, data, dataEnd: packet.dataEnd });
}

function setTag(call: HelperCall, protocol: number, tci: number): void {
  setField(call, 'vlan_present', 1);
  setField(call, 'vlan_proto', protocol);
  setField(call, 'vlan_tci', tci & 0xffff);
}

function vlanPush(call: HelperCall): HelperResult {
  const asked = u32Arg(call, 1) & 0xffff;
  if (field(call, 'vlan_present') !== 0) {
    const [protocol, tci] = [field(call, 'vlan_proto'), field(call, 'vlan_tci')];
    if (!openGap(call, PROTOCOL_OFFSET, VLAN_TAG_BYTES)) return value(-ERRNO.ENOMEM);
    const at = packetArg(call).data + PROTOCOL_OFFSET;
    call.kernel.memory.store16(at, protocol);
    call.kernel.memory.store16(at + 2, ((tci & 0xff) << 8) | (tci >>> 8));
    setField(call, 'protocol', protocol);
  }
  setTag(call, isVlan(asked) ? asked : VLAN_8021Q, u32Arg(call, 2));
  return value(0);
}

/** Takes the outermost tag out of the packet: its number, or a negative errno. */
function popFromPacket(call: HelperCall): number {
  const packet = packetArg(call);
  const { memory } = call.kernel;
  if (packet.dataEnd - packet.data < ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES) return -ERRNO.ENOMEM;
  const at = packet.data + PROTOCOL_OFFSET;
  const tci = (memory.u8[at + 2] << 8) | memory.u8[at + 3];
  const inner = memory.load16(at + 4);
  closeGap(call, PROTOCOL_OFFSET, VLAN_TAG_BYTES);
  // Small numbers are lengths, behind which an older header follows.
  const isType = (inner & 0xff) >= 6;
  const first = memory.load16(packetArg(call).data + ETHERNET_HEADER_BYTES);
  setField(call, 'protocol', isType ? inner : first === 0xffff ? ETHERNET_802_3 : ETHERNET_802_2);
  return tci;
}

function vlanPop(call: HelperCall): HelperResult {
  packetArg(call);
  if (field(call, 'vlan_present') !== 0) {
    setField(call, 'vlan_present', 0);
    if (has(call.kernel.profile, 'vlanTagClears'))
      for (const name of ['vlan_tci', 'vlan_proto']) setField(call, name, 0);
  } else {
    if (!isVlan(field(call, 'protocol'))) return value(0);
    const popped = popFromPacket(call);
    if (popped < 0) return value(popped);
  }
  // What is outermost now moves beside the packet.
  const protocol = field(call, 'protocol');
  if (!isVlan(protocol)) return value(0);
  const next = popFromPacket(call);
  if (next < 0) return value(next);
  setTag(call, protocol, next);
  return value(0);
}

function changeType(call: HelperCall): HelperResult {
  const asked = u32Arg(call, 1);
  if (field(call, 'pkt_type') > 3 || asked > 3) return value(-ERRNO.EINVAL);
  setField(call, 'pkt_type', asked);
  return value(0);
}

/** Between IPv4 and IPv6, whose headers differ by twenty bytes. */
function changeProtocol(call: HelperCall): HelperResult {
  packetArg(call);
  if (call.args[2] !== 0n) return value(-ERRNO.EINVAL);
  const [from, to] = [field(call, 'protocol'), u32Arg(call, 1) & 0xffff];
  const difference = IPV6_HEADER_BYTES - IPV4_HEADER_BYTES;
  if (from === IPV4 && to === IPV6) {
    if (!openGap(call, ETHERNET_HEADER_BYTES, difference)) return value(-ERRNO.ENOMEM);
  } else if (from === IPV6 && to === IPV4) {
    const packet = packetArg(call);
    if (packet.dataEnd - packet.data < ETHERNET_HEADER_BYTES + difference) return value(-ERRNO.ENOMEM);
    closeGap(call, ETHERNET_HEADER_BYTES, difference);
  } else return value(-ERRNO.ENOTSUPP);
  setField(call, 'protocol', to);
  setField(call, 'hash', 0);
  return value(0);
}

const ROOM_NET = 0;
const ROOM_MAC = 1;
const ROOM_FIXED_GSO = 1n;
const ENCAP_L3_IPV4 = 2n;
const ENCAP_L3_IPV6 = 4n;
const ENCAP_L4_GRE = 8n;
const ENCAP_L4_UDP = 16n;
const ROOM_NO_CSUM_RESET = 32n;
const ENCAP_L2_ETH = 64n;
const DECAP_L3_IPV4 = 128n;
const DECAP_L3_IPV6 = 256n;
const INNER_MAC_BYTES = 0xff00_0000_0000_0000n;
const ENCAP = ENCAP_L3_IPV4 | ENCAP_L3_IPV6 | ENCAP_L4_GRE | ENCAP_L4_UDP | ENCAP_L2_ETH | INNER_MAC_BYTES;
const DECAP = DECAP_L3_IPV4 | DECAP_L3_IPV6;
const ROOM_CHANGE_MAX = 0xfff;
/** Four pages less `struct skb_shared_info`. */
const SKB_LENGTH_MAX = 16384 - 320;

/** Which protocol an outer header of these flags announces; 0: the present one. */
function outerProtocol(protocol: number, flags: bigint): number {
  if (protocol === IPV6 && (flags & ENCAP_L3_IPV4) !== 0n) return IPV4;
  return protocol === IPV4 && (flags & ENCAP_L3_IPV6) !== 0n ? IPV6 : 0;
}

function growRoom(call: HelperCall, offset: number, sizeBytes: number, flags: bigint): number {
  const encap = (flags & ENCAP) !== 0n;
  if (encap) {
    const both = (a: bigint, b: bigint): boolean => (flags & a) !== 0n && (flags & b) !== 0n;
    if (both(ENCAP_L3_IPV4, ENCAP_L3_IPV6) || both(ENCAP_L4_GRE, ENCAP_L4_UDP)) return -ERRNO.EINVAL;
    if ((flags & ENCAP_L2_ETH) !== 0n && flags >> 56n < BigInt(ETHERNET_HEADER_BYTES)) return -ERRNO.EINVAL;
    if (field(call, 'encapsulated') !== 0) return -ERRNO.EALREADY;
  }
  if (!openGap(call, offset, sizeBytes)) return -ERRNO.ENOMEM;
  if (!encap) return 0;
  if (flags >> 56n > BigInt(sizeBytes)) return -ERRNO.EINVAL;
  setField(call, 'encapsulated', 1);
  const outer = outerProtocol(field(call, 'protocol'), flags);
  if (outer !== 0) setField(call, 'protocol', outer);
  return 0;
}

function adjustRoom(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  const by = u32Arg(call, 1) | 0;
  const mode = u32Arg(call, 2);
  const flags = call.args[3];
  const decaps = has(call.kernel.profile, 'roomDecapFlags') ? DECAP : 0n;
  if ((flags & ~(ROOM_FIXED_GSO | ENCAP | decaps | ROOM_NO_CSUM_RESET)) !== 0n) return value(-ERRNO.EINVAL);
  if (Math.abs(by) > ROOM_CHANGE_MAX) return value(-ERRNO.EFAULT);
  const protocol = field(call, 'protocol');
  if (!isIp(protocol) || (mode !== ROOM_NET && mode !== ROOM_MAC)) return value(-ERRNO.ENOTSUPP);
  const header = protocol === IPV4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  let kept = header;
  if ((flags & DECAP) !== 0n) {
    if (by >= 0 || (flags & DECAP) === DECAP) return value(-ERRNO.EINVAL);
    kept = (flags & DECAP_L3_IPV4) !== 0n ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  }
  const offset = ETHERNET_HEADER_BYTES + (mode === ROOM_NET ? header : 0);
  const length = packet.dataEnd - packet.data;
  const left = length - ETHERNET_HEADER_BYTES + by;
  if (by < 0 ? left <= 0 || left < kept : length + by > SKB_LENGTH_MAX) return value(-ERRNO.ENOTSUPP);
  if (by >= 0) return value(growRoom(call, offset, by, flags));
  if ((flags & ~(ROOM_FIXED_GSO | DECAP | ROOM_NO_CSUM_RESET)) !== 0n) return value(-ERRNO.EINVAL);
  if (length < offset - by) return value(-ERRNO.ENOMEM);
  closeGap(call, offset, -by);
  if ((flags & DECAP) !== 0n && protocol === IPV6 && (flags & DECAP_L3_IPV4) !== 0n)
    setField(call, 'protocol', IPV4);
  if ((flags & DECAP) !== 0n && protocol === IPV4 && (flags & DECAP_L3_IPV6) !== 0n)
    setField(call, 'protocol', IPV6);
  return value(0);
}

/** `csum level` of the record: 0 = nothing is known of checksums, else one more than how many were checked beyond the first. */
const CSUM_LEVEL = 'csum level';
const CSUM_LEVEL_MAX = 3;

function csumLevel(call: HelperCall): HelperResult {
  packetArg(call);
  const level = field(call, CSUM_LEVEL);
  switch (call.args[1]) {
    case 0n:
      return value(level === 0 ? -ERRNO.EACCES : level - 1);
    case 1n:
      setField(call, CSUM_LEVEL, Math.min(level + 1, CSUM_LEVEL_MAX + 1));
      return value(0);
    case 2n:
      setField(call, CSUM_LEVEL, Math.max(level - 1, 0));
      return value(0);
    case 3n:
      setField(call, CSUM_LEVEL, 0);
      return value(0);
    default:
      return value(-ERRNO.EINVAL);
  }
}

function setTimeStamp(call: HelperCall): HelperResult {
  packetArg(call);
  const [, stamp, type] = call.args;
  if (!isIp(field(call, 'protocol'))) return value(-ERRNO.EOPNOTSUPP);
  const clocks = has(call.kernel.profile, 'skbClocks');
  const kind = BigInt.asUintN(32, type);
  // Without clocks, kind 0 takes the stamp away; with them, it is the real-time clock.
  const fits = kind === 0n ? clocks || stamp === 0n : stamp !== 0n;
  if (kind > (clocks ? 2n : 1n) || !fits) return value(-ERRNO.EINVAL);
  setField(call, 'tstamp', stamp);
  setField(call, 'tstamp_type', kind);
  return value(0);
}

/** Marks congestion in the IP header: 1 when it is marked now, 0 when the flow does not take part. */
function setCongestion(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  const { memory } = call.kernel;
  const hidesLink = field(call, 'hidden link header') !== 0;
  const at = packet.data + (hidesLink ? 0 : ETHERNET_HEADER_BYTES);
  const protocol = field(call, 'protocol');
  if (protocol === IPV4) {
    if (at + IPV4_HEADER_BYTES > packet.dataEnd) return value(0);
    const service = memory.u8[at + 1];
    if ((service & 3) === 0) return value(0);
    if ((service & 3) === 3) return value(1);
    memory.store8(at + 1, service | 3);
    // The header's sum of big-endian words changes by what was added, in ones' complement.
    const sum = ((memory.u8[at + 10] << 8) | memory.u8[at + 11]) - ((service | 3) - service);
    const folded = sum < 0 ? sum + 0xffff : sum;
    memory.store8(at + 10, folded >>> 8);
    memory.store8(at + 11, folded & 0xff);
    return value(1);
  }
  if (protocol !== IPV6 || at + IPV6_HEADER_BYTES > packet.dataEnd) return value(0);
  const bits = (memory.u8[at + 1] >>> 4) & 3;
  if (bits === 0) return value(0);
  memory.store8(at + 1, memory.u8[at + 1] | 0x30);
  return value(1);
}

const LOOPBACK_IFINDEX = 1;
const LOOPBACK_MTU = 65536;
const CHECK_SEGMENTS = 1n;
const FRAGMENTATION_NEEDED = 1;

function checkMtu(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  const [, , , difference, flags] = call.args;
  const { memory } = call.kernel;
  const at = memoryArg(call, 2, 4, true);
  const given = memory.load32(at);
  const segments = (flags & CHECK_SEGMENTS) !== 0n;
  const refused = packet.kind === 'xdp' ? flags !== 0n : (flags & ~CHECK_SEGMENTS) !== 0n;
  if (refused || (segments && (BigInt.asIntN(32, difference) !== 0n || given !== 0)))
    return value(-ERRNO.EINVAL);
  const device = u32Arg(call, 1);
  if (device !== 0 && device !== LOOPBACK_IFINDEX) return value(-ERRNO.ENODEV);
  const present = given === 0 ? packet.dataEnd - packet.data : given + ETHERNET_HEADER_BYTES;
  const length = present + Number(BigInt.asIntN(32, difference));
  memory.store32(at, LOOPBACK_MTU);
  return value(length <= LOOPBACK_MTU + ETHERNET_HEADER_BYTES ? 0 : FRAGMENTATION_NEEDED);
}

const OVERFLOW_UID = 65534;
const hasSocket = (call: HelperCall): boolean => call.packets.field(call.args[0], 'sk') !== 0n;

const TC_ACT_SHOT = 2;
const TC_ACT_REDIRECT = 7;
const NEIGHBOUR_BYTES = 20;
const TUNNEL_KEY_BYTES = 44;

export const skbHelpers = {
  bpf_skb_vlan_push: vlanPush,
  bpf_skb_vlan_pop: vlanPop,
  bpf_skb_change_type: changeType,
  bpf_skb_change_proto: changeProtocol,
  bpf_skb_adjust_room: adjustRoom,
  bpf_csum_level: csumLevel,
  bpf_skb_set_tstamp: setTimeStamp,
  bpf_skb_ecn_set_ce: setCongestion,
  bpf_set_hash: (call) => {
    packetArg(call);
    setField(call, 'hash', u32Arg(call, 1));
    return value(0);
  },
  bpf_set_hash_invalid: (call) => {
    packetArg(call);
    setField(call, 'hash', 0);
    return value(0);
  },
  bpf_get_hash_recalc: (call) => {
    packetArg(call);
    return value(field(call, 'hash'));
  },
  // The packet of a test run has a socket: the only one there is, nobody's, in the root cgroup.
  bpf_sk_fullsock: (call) => value(call.args[0]),
  bpf_get_socket_cookie: (call) => value(hasSocket(call) ? 1 : 0),
  bpf_get_socket_uid: (call) => value(hasSocket(call) ? 0 : OVERFLOW_UID),
  bpf_skb_cgroup_id: (call) => value(hasSocket(call) ? 1 : 0),
  bpf_check_mtu: checkMtu,
  bpf_redirect_neigh: (call) => {
    const size = u32Arg(call, 2);
    if ((size !== 0 && size < NEIGHBOUR_BYTES) || call.args[3] !== 0n) return value(TC_ACT_SHOT);
    call.packets.note(`redirect to a neighbour on interface ${u32Arg(call, 0)}`);
    return value(TC_ACT_REDIRECT);
  },
  bpf_skb_set_tunnel_key: (call) => {
    packetArg(call);
    return value(u32Arg(call, 2) === TUNNEL_KEY_BYTES ? 0 : -ERRNO.EINVAL);
  },
} satisfies Record<string, HelperHandler>;
