/**
 * Program contexts (`struct xdp_md`, `struct __sk_buff`) and the packets behind them. Programs read and write context
 * fields one by one; packet fields are 32 bits wide in C and yield 64-bit addresses here, as in a kernel.
 *
 * A context takes its C size in linear memory, so that its fields have addresses; its values live in the record.
 */
import { fieldAt, type CtxStruct } from '../spec/ctxField';
import { SK_BUFF, XDP_MD } from '../spec/ctxFields';
import { contextAddress, CONTEXT_TAG, memoryAddress, offsetOf, tagOf } from '../vm/addresses';
import type { ContextAccess } from '../vm/engine';
import type { Memory } from '../vm/memory';
import type { Packet, PacketServices } from '../helpers/protocol';

export interface PacketRecord {
  /** The whole buffer: headroom, packet, tailroom. */
  readonly start: number;
  readonly limit: number;
  meta: number;
  data: number;
  dataEnd: number;
}

export interface ContextRecord {
  readonly struct: 'xdp_md' | '__sk_buff';
  readonly start: number;
  packet: PacketRecord;
  /** Values of the plain fields by name, unsigned; absent fields are zero. */
  readonly fields: Map<string, bigint>;
}

const STRUCTS: Readonly<Record<ContextRecord['struct'], CtxStruct>> = { xdp_md: XDP_MD, __sk_buff: SK_BUFF };

export const structOf = (record: ContextRecord): CtxStruct => STRUCTS[record.struct];

/** `struct bpf_flow_keys`. */
export const FLOW_KEYS_BYTES = 56;
/** `struct bpf_sock`. */
export const SOCKET_BYTES = 80;
/** Behind every packet: `struct skb_shared_info`. */
const SHARED_INFO_BYTES = 320;
/** Objects of their own that fields of a context point to. */
const BESIDE_PACKETS: readonly (readonly [string, number])[] = [
  ['flow_keys', FLOW_KEYS_BYTES],
  ['sk', SOCKET_BYTES],
];

export interface PacketLayout {
  readonly headroomBytes: number;
  readonly tailroomBytes: number;
  /** So many of the packet's first bytes are meta data. */
  readonly metaBytes: number;
}

/** Puts a packet and a context for it into memory. */
export function createContext(
  memory: Memory,
  struct: ContextRecord['struct'],
  packet: Uint8Array,
  layout: PacketLayout,
  fields: ReadonlyMap<string, bigint>,
): ContextRecord {
  const size = layout.headroomBytes + packet.length + layout.tailroomBytes;
  const buffer = memory.allocate(size + SHARED_INFO_BYTES);
  const data = buffer + layout.headroomBytes;
  memory.write(data, packet);
  const start = memory.allocate(STRUCTS[struct].sizeBytes);
  memory.addRegion('context', start, STRUCTS[struct].sizeBytes, `struct ${struct}`);
  const bounds = {
    start: buffer,
    limit: buffer + size,
    meta: data,
    data: data + layout.metaBytes,
    dataEnd: data + packet.length,
  };
  if (packet.length > 0) memory.addRegion('packet', data, packet.length, 'packet');
  return { struct, start, packet: bounds, fields: new Map(fields) };
}

/** The packet's region moves with its bounds. */
export function movePacket(
  memory: Memory,
  packet: PacketRecord,
  bounds: { readonly meta: number; readonly data: number; readonly dataEnd: number },
): void {
  memory.endRegion(packet.meta);
  packet.meta = bounds.meta;
  packet.data = bounds.data;
  packet.dataEnd = bounds.dataEnd;
  if (bounds.dataEnd > bounds.meta)
    memory.addRegion('packet', bounds.meta, bounds.dataEnd - bounds.meta, 'packet');
}

/** Gives a context and its packet back. */
export function dropContext(memory: Memory, record: ContextRecord): void {
  for (const at of [record.start, record.packet.meta]) memory.endRegion(at);
  for (const [name, sizeBytes] of BESIDE_PACKETS) {
    const at = offsetOf(record.fields.get(name) ?? 0n);
    if (at === 0) continue;
    memory.endRegion(at);
    memory.release(at, sizeBytes);
  }
  memory.release(record.start, structOf(record).sizeBytes);
  memory.release(record.packet.start, record.packet.limit - record.packet.start + SHARED_INFO_BYTES);
}

/** Field-by-field access for the engine, and packet services for helpers, over the records of a machine. */
export class Contexts implements ContextAccess, PacketServices {
  constructor(
    private readonly memory: Memory,
    private readonly records: () => ReadonlyMap<number, ContextRecord>,
    readonly note: (text: string) => void,
    readonly elsewhere: NonNullable<ContextAccess['elsewhere']>,
  ) {}

  private recordAt(offset: number): ContextRecord | undefined {
    for (const record of this.records().values())
      if (offset >= record.start && offset < record.start + structOf(record).sizeBytes) return record;
    return undefined;
  }

  load(offset: number, sizeBytes: number): bigint | undefined {
    const record = this.recordAt(offset);
    if (record === undefined) return undefined;
    const field = fieldAt(structOf(record), offset - record.start);
    if (field === undefined) return undefined;
    const at = offset - record.start - field.offset;
    const { packet } = record;
    if (field.kind === 'packet' || field.kind === 'packetEnd' || field.kind === 'packetMeta') {
      if (at !== 0 || sizeBytes !== 4) return undefined;
      if (field.kind === 'packet') return memoryAddress(packet.data);
      return memoryAddress(field.kind === 'packetEnd' ? packet.dataEnd : packet.meta);
    }
    if (at + sizeBytes > field.sizeBytes) return undefined;
    const value =
      field.name === 'len' ? BigInt(packet.dataEnd - packet.data) : (record.fields.get(field.name) ?? 0n);
    return BigInt.asUintN(8 * sizeBytes, value >> BigInt(8 * at));
  }

  store(offset: number, sizeBytes: number, value: bigint): boolean {
    const record = this.recordAt(offset);
    if (record === undefined) return false;
    const field = fieldAt(structOf(record), offset - record.start);
    if (field === undefined || field.kind !== 'scalar') return false;
    const at = offset - record.start - field.offset;
    if (at + sizeBytes > field.sizeBytes) return false;
    const mask = ((1n << BigInt(8 * sizeBytes)) - 1n) << BigInt(8 * at);
    const old = record.fields.get(field.name) ?? 0n;
    record.fields.set(field.name, (old & ~mask) | ((value << BigInt(8 * at)) & mask));
    return true;
  }

  /** Bytes of the packet in network order, for the legacy `skb[…]` loads; undefined: outside the packet. */
  packet(contextOffset: number, packetOffset: number, sizeBytes: number): number | undefined {
    const packet = this.recordAt(contextOffset)?.packet;
    if (packet === undefined || packetOffset < 0) return undefined;
    const at = packet.data + packetOffset;
    if (at + sizeBytes > packet.dataEnd) return undefined;
    let value = 0;
    for (let i = 0; i < sizeBytes; i++) value = value * 256 + this.memory.u8[at + i];
    return value;
  }

  private recordOf(address: bigint): ContextRecord | undefined {
    return tagOf(address) === CONTEXT_TAG ? this.records().get(offsetOf(address)) : undefined;
  }

  packetAt(address: bigint): Packet | undefined {
    const record = this.recordOf(address);
    if (record === undefined) return undefined;
    return { kind: record.struct === 'xdp_md' ? 'xdp' : 'skb', ...record.packet };
  }

  field(address: bigint, name: string): bigint {
    return this.recordOf(address)?.fields.get(name) ?? 0n;
  }

  setField(address: bigint, name: string, value: bigint): void {
    this.recordOf(address)?.fields.set(name, value);
  }

  setBounds(address: bigint, bounds: { meta: number; data: number; dataEnd: number }): void {
    const record = this.recordOf(address);
    if (record !== undefined) movePacket(this.memory, record.packet, bounds);
  }
}

export const addressOfContext = (record: ContextRecord): bigint => contextAddress(record.start);

/** What a run hands back: the fields in `given` as the program left them, for XDP offsets from the meta data. */
export function contextBytes(record: ContextRecord, given: readonly string[]): Uint8Array {
  const struct = structOf(record);
  const { meta, data, dataEnd } = record.packet;
  const bytes = new Uint8Array(struct.sizeBytes);
  for (const field of struct.fields) {
    let value = given.includes(field.name) ? (record.fields.get(field.name) ?? 0n) : 0n;
    if (record.struct === 'xdp_md' && field.kind === 'scalar')
      value = record.fields.get(`given ${field.name}`) ?? 0n;
    if (record.struct === 'xdp_md' && field.kind === 'packet') value = BigInt(data - meta);
    if (record.struct === 'xdp_md' && field.kind === 'packetEnd') value = BigInt(dataEnd - meta);
    for (let i = 0; i < field.sizeBytes; i++)
      bytes[field.offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  return bytes;
}
