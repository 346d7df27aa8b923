/**
 * Packet helpers of XDP and TC programs. Packets lie in one piece here; what kernels do with fragments, offloads and
 * devices is not modelled: redirections and copies are recorded as notes.
 */
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import { fold, partial, replaceByDifference, replaceSum } from './checksum';
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
/** `struct xdp_frame`, kept in front of the packet. */
const XDP_FRAME_BYTES = 40;
/** Longest packet that change_tail and change_head make: four pages less `struct skb_shared_info`. */
const SKB_LENGTH_MAX = 16384 - 320;

function packetArg(call: HelperCall): Packet {
  const packet = call.packets.packetAt(call.args[0]);
  if (packet === undefined) throw new HelperFault(`${call.name}: argument 1 is no packet context`);
  return packet;
}

const s32Arg = (call: HelperCall, index: number): number => u32Arg(call, index) | 0;

function adjustHead(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  const by = s32Arg(call, 1);
  const metaBytes = packet.data - packet.meta;
  const data = packet.data + by;
  if (data < packet.start + XDP_FRAME_BYTES + metaBytes || data > packet.dataEnd - ETHERNET_HEADER_BYTES)
    return value(-ERRNO.EINVAL);
  call.kernel.memory.copy(packet.meta + by, packet.meta, metaBytes);
  call.packets.setBounds(call.args[0], { meta: packet.meta + by, data, dataEnd: packet.dataEnd });
  return value(0);
}

function adjustTail(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  const by = s32Arg(call, 1);
  const dataEnd = packet.dataEnd + by;
  if (dataEnd > packet.limit || dataEnd < packet.data + ETHERNET_HEADER_BYTES) return value(-ERRNO.EINVAL);
  if (by > 0) call.kernel.memory.fill(packet.dataEnd, by, 0);
  call.packets.setBounds(call.args[0], { meta: packet.meta, data: packet.data, dataEnd });
  return value(0);
}

function adjustMeta(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  const meta = packet.meta + s32Arg(call, 1);
  if (meta < packet.start + XDP_FRAME_BYTES || meta > packet.data) return value(-ERRNO.EINVAL);
  const size = packet.data - meta;
  const sizeMax = has(call.kernel.profile, 'xdpMetaUpTo252') ? 252 : 32;
  if (size % 4 !== 0 || size > sizeMax) return value(-ERRNO.EACCES);
  call.packets.setBounds(call.args[0], { meta, data: packet.data, dataEnd: packet.dataEnd });
  return value(0);
}

/** Linear offset of packet bytes, or undefined when they are not all in the packet. */
function packetBytes(packet: Packet, offset: number, sizeBytes: number): number | undefined {
  if (offset > 0x7fff_ffff || packet.data + offset + sizeBytes > packet.dataEnd) return undefined;
  return packet.data + offset;
}

function skbLoad(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  const size = u32Arg(call, 3);
  const to = memoryArg(call, 2, size, true);
  const from = packetBytes(packet, u32Arg(call, 1), size);
  if (from === undefined) {
    call.kernel.memory.fill(to, size, 0);
    return value(-ERRNO.EFAULT);
  }
  call.kernel.memory.copy(to, from, size);
  return value(0);
}

const START_MAC = 0;
const START_NETWORK = 1;

/** Like skbLoad, counted from the link or the network header; offsets beyond 64 KiB are refused. */
function skbLoadRelative(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  const size = u32Arg(call, 3);
  const to = memoryArg(call, 2, size, true);
  const offset = u32Arg(call, 1);
  const start = u32Arg(call, 4);
  const base = start === START_NETWORK ? ETHERNET_HEADER_BYTES : 0;
  const known = offset <= 0xffff && (start === START_MAC || start === START_NETWORK);
  const from = known ? packetBytes(packet, base + offset, size) : undefined;
  if (from === undefined) {
    call.kernel.memory.fill(to, size, 0);
    return value(-ERRNO.EFAULT);
  }
  call.kernel.memory.copy(to, from, size);
  return value(0);
}

const STORE_FLAGS = 3n;

function skbStore(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  if ((call.args[4] & ~STORE_FLAGS) !== 0n) return value(-ERRNO.EINVAL);
  const size = u32Arg(call, 3);
  const to = packetBytes(packet, u32Arg(call, 1), size);
  if (to === undefined) return value(-ERRNO.EFAULT);
  call.kernel.memory.copy(to, memoryArg(call, 2, size), size);
  return value(0);
}

function xdpCopy(call: HelperCall, store: boolean): HelperResult {
  const packet = packetArg(call);
  const size = u32Arg(call, 3);
  const offset = u32Arg(call, 1);
  if (offset > 0xffff || size > 0xffff) return value(-ERRNO.EFAULT);
  const at = packetBytes(packet, offset, size);
  if (at === undefined) return value(-ERRNO.EINVAL);
  const buffer = memoryArg(call, 2, size, !store);
  if (store) call.kernel.memory.copy(at, buffer, size);
  else call.kernel.memory.copy(buffer, at, size);
  return value(0);
}

const CSUM_BYTES_MAX = 512;

function csumDiff(call: HelperCall): HelperResult {
  const fromSize = u32Arg(call, 1);
  const toSize = u32Arg(call, 3);
  const any = has(call.kernel.profile, 'csumDiffAnySize');
  if (!any && (((fromSize | toSize) & 3) !== 0 || fromSize + toSize > CSUM_BYTES_MAX))
    return value(-ERRNO.EINVAL);
  const round4 = (sizeBytes: number): number => (sizeBytes + 3) & ~3;
  const bytes = new Uint8Array(round4(fromSize) + round4(toSize));
  if (fromSize > 0) bytes.set(call.kernel.memory.read(memoryArg(call, 0, fromSize), fromSize));
  for (let i = 0; i < round4(fromSize); i++) bytes[i] = ~bytes[i] & 0xff;
  if (toSize > 0) bytes.set(call.kernel.memory.read(memoryArg(call, 2, toSize), toSize), round4(fromSize));
  const seed = u32Arg(call, 4);
  // With nothing to add, kernels that fold take the difference from the other side, which tells zero from minus zero.
  if (has(call.kernel.profile, 'csumDiffFolds') && fromSize > 0 && toSize === 0) {
    const from = bytes.map((byte) => ~byte & 0xff);
    return value(~fold(~partial(from, ~seed >>> 0) >>> 0) & 0xffff);
  }
  const sum = partial(bytes, seed);
  return value(has(call.kernel.profile, 'csumDiffFolds') ? ~fold(sum) & 0xffff : sum);
}

const FIELD_SIZE = 0xfn;
const PSEUDO_HEADER = 0x10n;
const MARK_MANGLED_0 = 0x20n;
const MARK_ENFORCE = 0x40n;
const IPV6 = 0x80n;

/** @param layer4 the field may be absent (zero) in UDP, and a computed zero is written as all ones. */
function csumReplace(call: HelperCall, layer4: boolean): HelperResult {
  const packet = packetArg(call);
  const { memory } = call.kernel;
  const [, , from, to, flags] = call.args;
  const known = layer4 ? FIELD_SIZE | PSEUDO_HEADER | MARK_MANGLED_0 | MARK_ENFORCE | IPV6 : FIELD_SIZE;
  if ((flags & ~known) !== 0n) return value(-ERRNO.EINVAL);
  const offset = u32Arg(call, 1);
  const at = packetBytes(packet, offset, 2);
  if (offset > 0xffff || offset % 2 !== 0 || at === undefined) return value(-ERRNO.EFAULT);
  const old = memory.load16(at);
  const mangled0 = layer4 && (flags & MARK_MANGLED_0) !== 0n;
  if (mangled0 && (flags & MARK_ENFORCE) === 0n && old === 0) return value(0);
  const low = (number: bigint, bits: number): number => Number(BigInt.asUintN(bits, number));
  let field: number;
  switch (Number(flags & FIELD_SIZE)) {
    case 0:
      if (from !== 0n) return value(-ERRNO.EINVAL);
      field = replaceByDifference(old, low(to, 32));
      break;
    case 2:
      field = replaceSum(old, low(from, 16), low(to, 16));
      break;
    case 4:
      field = replaceSum(old, low(from, 32), low(to, 32));
      break;
    default:
      return value(-ERRNO.EINVAL);
  }
  memory.store16(at, mangled0 && field === 0 ? 0xffff : field);
  return value(0);
}

const TC_ACT_REDIRECT = 7;
const TC_ACT_SHOT = 2;
const XDP_REDIRECT = 4;
const XDP_ABORTED = 0;
const INGRESS = 1n;

function redirect(call: HelperCall): HelperResult {
  const interfaceIndex = u32Arg(call, 0);
  const xdp = call.kernel.programs[call.kernel.currentProgram()].type === 'BPF_PROG_TYPE_XDP';
  const allowed = xdp ? 0n : INGRESS;
  if ((call.args[1] & ~allowed) !== 0n) return value(xdp ? XDP_ABORTED : TC_ACT_SHOT);
  call.packets.note(`redirect to interface ${interfaceIndex}${call.args[1] === INGRESS ? ' (ingress)' : ''}`);
  return value(xdp ? XDP_REDIRECT : TC_ACT_REDIRECT);
}

function changeTail(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  const length = u32Arg(call, 1);
  if (call.args[2] !== 0n || length > SKB_LENGTH_MAX || length < ETHERNET_HEADER_BYTES)
    return value(-ERRNO.EINVAL);
  const dataEnd = packet.data + length;
  if (dataEnd > packet.limit) return value(-ERRNO.ENOMEM);
  if (dataEnd > packet.dataEnd) call.kernel.memory.fill(packet.dataEnd, dataEnd - packet.dataEnd, 0);
  call.packets.setBounds(call.args[0], { meta: packet.meta, data: packet.data, dataEnd });
  return value(0);
}

function changeHead(call: HelperCall): HelperResult {
  const packet = packetArg(call);
  const room = u32Arg(call, 1);
  if (call.args[2] !== 0n || packet.dataEnd - packet.data + room > SKB_LENGTH_MAX)
    return value(-ERRNO.EINVAL);
  const data = packet.data - room;
  if (data < packet.start) return value(-ERRNO.ENOMEM);
  call.kernel.memory.fill(data, room, 0);
  call.packets.setBounds(call.args[0], { meta: data, data, dataEnd: packet.dataEnd });
  return value(0);
}

export const packetHelpers = {
  bpf_xdp_adjust_head: adjustHead,
  bpf_xdp_adjust_tail: adjustTail,
  bpf_xdp_adjust_meta: adjustMeta,
  bpf_xdp_get_buff_len: (call) => {
    const packet = packetArg(call);
    return value(packet.dataEnd - packet.data);
  },
  bpf_xdp_load_bytes: (call) => xdpCopy(call, false),
  bpf_xdp_store_bytes: (call) => xdpCopy(call, true),
  bpf_skb_load_bytes: skbLoad,
  bpf_skb_load_bytes_relative: skbLoadRelative,
  bpf_skb_store_bytes: skbStore,
  bpf_skb_pull_data: (call) => {
    const packet = packetArg(call);
    return value(u32Arg(call, 1) > packet.dataEnd - packet.data ? -ERRNO.ENOMEM : 0);
  },
  bpf_skb_change_tail: changeTail,
  bpf_skb_change_head: changeHead,
  bpf_csum_diff: csumDiff,
  // Only packets whose whole sum a device computed take it.
  bpf_csum_update: () => value(-ERRNO.ENOTSUPP),
  bpf_l3_csum_replace: (call) => csumReplace(call, false),
  bpf_l4_csum_replace: (call) => csumReplace(call, true),
  bpf_redirect: redirect,
  bpf_redirect_peer: (call) => {
    if (call.args[1] !== 0n) return value(TC_ACT_SHOT);
    call.packets.note(`redirect to the peer of interface ${u32Arg(call, 0)}`);
    return value(TC_ACT_REDIRECT);
  },
  bpf_clone_redirect: (call) => {
    const packet = packetArg(call);
    if ((call.args[2] & ~INGRESS) !== 0n) return value(-ERRNO.EINVAL);
    // A run may say that the packet stands for several segments, but not of what.
    const segments = call.packets.field(call.args[0], 'gso_size') !== 0n;
    if (segments && has(call.kernel.profile, 'cloneRefusesUntypedSegments')) return value(-ERRNO.EBADMSG);
    // The only device is the loopback.
    if (u32Arg(call, 1) !== 1) return value(-ERRNO.EINVAL);
    call.packets.note(`copy of ${packet.dataEnd - packet.data} bytes to interface ${u32Arg(call, 1)}`);
    return value(0);
  },
  bpf_get_cgroup_classid: () => value(0),
  bpf_get_route_realm: () => value(0),
} satisfies Record<string, HelperHandler>;
