/**
 * The 64-bit addresses that BPF programs see. The high half is a tag that says what the address is; the low half is
 * an offset. Values look like kernel addresses, stay the same from run to run, and never alias each other.
 *
 *   MEMORY_TAG   : offset into the machine's linear memory (stacks, map values, packets, ring buffers)
 *   CONTEXT_TAG  : offset into linear memory of a program context; accesses are translated field by field
 *   MAP_TAG      : map id << 12; an opaque `struct bpf_map *`
 *   FUNCTION_TAG : program id << 16 | instruction slot; a callback's address
 *   PERCPU_TAG   : reserved for per-CPU pointers
 */
import { u64FromHalves, type U64 } from '../util/u64';

export const MEMORY_TAG = 0xffff8881 | 0;
export const CONTEXT_TAG = 0xffffc900 | 0;
export const MAP_TAG = 0xffff8882 | 0;
export const FUNCTION_TAG = 0xffffffff | 0;
export const PERCPU_TAG = 0xffffe8ff | 0;

/** Address of linear-memory offset `offset`. */
export const memoryAddress = (offset: number): U64 => u64FromHalves(offset, MEMORY_TAG);
export const contextAddress = (offset: number): U64 => u64FromHalves(offset, CONTEXT_TAG);
export const mapAddress = (mapId: number): U64 => u64FromHalves(mapId << 12, MAP_TAG);
export const functionAddress = (programId: number, insnIdx: number): U64 =>
  u64FromHalves(((programId << 16) | insnIdx) >>> 0, FUNCTION_TAG);

/** The tag (high half, int32) of an address. */
export const tagOf = (address: U64): number => Number(BigInt.asIntN(32, address >> 32n));
/** The low half, unsigned. */
export const offsetOf = (address: U64): number => Number(address & 0xffff_ffffn);
export const mapIdOf = (address: U64): number => offsetOf(address) >>> 12;
export const functionOf = (address: U64): { programId: number; insnIdx: number } => ({
  programId: offsetOf(address) >>> 16,
  insnIdx: offsetOf(address) & 0xffff,
});
