/**
 * How a helper is called and what it answers. A helper never runs BPF code and never waits: it is done, or it enters a
 * kernel operation, which the driver then steps.
 */
import type { OpActivation, OpName } from '../kernel/activations';
import type { Kernel } from '../kernel/kernel';
import type { MapRecord } from '../maps/mapFamily';
import { functionOf, mapIdOf, offsetOf, tagOf, FUNCTION_TAG, MAP_TAG, MEMORY_TAG } from '../vm/addresses';
import { hex } from '../util/u64';

export type HelperResult =
  | { readonly kind: 'done'; readonly value: bigint }
  | { readonly kind: 'enter'; readonly op: { [N in OpName]: OpActivation<N> }[OpName] }
  /** The current frame goes on in another program (bpf_tail_call). */
  | { readonly kind: 'tailCall'; readonly program: number }
  /** The program ends here, whatever it is in the middle of (bpf_throw). */
  | { readonly kind: 'throw'; readonly cookie: bigint }
  | { readonly kind: 'fault'; readonly message: string };

/** A packet in linear memory: data lies in [data, dataEnd), meta data in [meta, data). */
export interface Packet {
  readonly kind: 'xdp' | 'skb';
  readonly start: number;
  readonly limit: number;
  meta: number;
  data: number;
  dataEnd: number;
}

export interface HelperCall {
  readonly kernel: Kernel;
  readonly name: string;
  /** r1 … r5, unsigned. */
  readonly args: readonly bigint[];
  readonly packets: PacketServices;
}

/** Context services for helpers; implemented over the machine's context records. */
export interface PacketServices {
  packetAt(contextAddress: bigint): Packet | undefined;
  /** Moves the packet's bounds and the regions with them. */
  setBounds(contextAddress: bigint, bounds: { meta: number; data: number; dataEnd: number }): void;
  /** A plain field of the context, or something beside the packet that programs see through helpers only; 0 if unset. */
  field(contextAddress: bigint, name: string): bigint;
  setField(contextAddress: bigint, name: string, value: bigint): void;
  /** Redirections and clones, for the report. */
  note(text: string): void;
}

export type HelperHandler = (call: HelperCall) => HelperResult;

export const value = (result: number | bigint): HelperResult => ({ kind: 'done', value: BigInt(result) });

/** What the program handed over is not what the helper needs: only possible for unverified programs. */
export class HelperFault extends Error {
  override name = 'HelperFault';
}

/** Linear offset of `sizeBytes` that the program may read (and write). */
export function memoryArg(call: HelperCall, index: number, sizeBytes: number, write = false): number {
  const at = objectArg(call, index, sizeBytes, write);
  call.kernel.watch?.copy(at, sizeBytes, write);
  return at;
}

/** As `memoryArg`, for an object of the kernel's in those bytes (a lock, a timer), which has its own order. */
export function objectArg(call: HelperCall, index: number, sizeBytes: number, write = false): number {
  const address = call.args[index];
  const refuse = (why: string): never => {
    throw new HelperFault(`${call.name}: argument ${index + 1} (${hex(address)}) ${why}`);
  };
  if (tagOf(address) !== MEMORY_TAG) refuse(address === 0n ? 'is NULL' : 'is no address of memory');
  const offset = offsetOf(address);
  if (sizeBytes === 0) return offset;
  const region = call.kernel.memory.findRegion(offset);
  if (region === undefined || region.kind === 'registers' || region.kind === 'context')
    return refuse('points nowhere');
  if (!region.live) refuse(`points into ${region.label}, which is gone`);
  if (offset + sizeBytes > region.start + region.sizeBytes)
    refuse(`is not right: ${sizeBytes} bytes do not fit into ${region.label}`);
  if (write && !region.writable) refuse(`points into ${region.label}, which is read-only`);
  return offset;
}

export function mapArg(call: HelperCall, index: number): MapRecord {
  const address = call.args[index];
  const map = tagOf(address) === MAP_TAG ? call.kernel.maps.get(mapIdOf(address)) : undefined;
  if (map === undefined)
    throw new HelperFault(`${call.name}: argument ${index + 1} (${hex(address)}) is no map`);
  return map;
}

export function functionArg(call: HelperCall, index: number): { program: number; insnIdx: number } {
  const address = call.args[index];
  if (tagOf(address) !== FUNCTION_TAG)
    throw new HelperFault(`${call.name}: argument ${index + 1} (${hex(address)}) is no function`);
  const { programId, insnIdx } = functionOf(address);
  return { program: programId, insnIdx };
}

export const u32Arg = (call: HelperCall, index: number): number => Number(call.args[index] & 0xffff_ffffn);
