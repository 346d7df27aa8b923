/**
 * The contract between an engine (interpreter now, WebAssembly compiler later) and whoever drives it.
 *
 * An engine runs one context block until it needs somebody else: a helper call, the end of the slice, a breakpoint, a
 * fault. It never calls a helper itself: the driver performs the call on the block's registers and runs the engine
 * again. So nothing recurses, and a helper that must wait or call back is just a longer pause.
 */
import type { Insn } from '../insn/insn';

/** A program as the engine sees it: linked slots whose `lddw` immediates are final addresses. */
export interface Code {
  readonly id: number;
  readonly name: string;
  readonly insns: readonly Insn[];
  /**
   * Reads through a null pointer give 0 instead of a fault: so kernels read through typed pointers to their own objects,
   * which the verifier lets programs follow without a test.
   */
  readonly nullReadsZero?: boolean;
  /** Slots that stop the engine before they execute; replaced as a whole when breakpoints change. */
  breakpoints?: ReadonlySet<number>;
}

export type EngineStop =
  /** The slice is used up; `pc` is the next instruction. */
  | { readonly kind: 'fuel' }
  /** The base frame executed `exit`; r0 holds the result. */
  | { readonly kind: 'exit' }
  /** `call` of helper `id`; r1–r5 hold the arguments and pc already stands behind the call. */
  | { readonly kind: 'helper'; readonly id: number; readonly insnIdx: number }
  /** `call` of a kernel function by BTF id. */
  | { readonly kind: 'kfunc'; readonly btfId: number; readonly insnIdx: number }
  /** pc stands on a breakpoint; `skipBreakpoint` passes it. */
  | { readonly kind: 'breakpoint'; readonly insnIdx: number }
  /** An `AccessWatch`, or memory elsewhere, did not let an access happen yet. */
  | { readonly kind: 'paused' }
  | { readonly kind: 'fault'; readonly fault: Fault };

/** Told of the accesses of programs to memory outside their own stacks, before they happen; in checked mode only. */
export interface AccessWatch {
  /** False: the engine stops before the instruction (`paused`), which comes first when it runs again. */
  access(at: number, sizeBytes: number, write: boolean, how: AccessOrder, slot: number): boolean;
}

/**
 * What an access orders: `plain` ones are not even atomic; `relaxed` are atomic and order nothing (atomic operations that
 * fetch nothing, a compare-and-exchange that fails); `full` order everything before and after (those that fetch).
 */
export type AccessOrder = 'plain' | 'relaxed' | 'acquire' | 'release' | 'full';

/** A modelled fault: an outcome of the simulation, explained. pc stays on the instruction that caused it. */
export interface Fault {
  readonly kind:
    | 'paused'
    | 'badAccess'
    | 'badInsn'
    | 'stackOverflow'
    | 'badJump'
    | 'badCall'
    | 'readOnly'
    | 'useAfterFree';
  readonly insnIdx: number;
  readonly address?: bigint;
  readonly sizeBytes?: number;
  /** One sentence for people. */
  readonly message: string;
}

export const NOWHERE = -1;
export const PAUSE = -2;

/** Where program contexts (`struct xdp_md` …) are read and written, field by field: the machine implements it. */
export interface ContextAccess {
  /** @param offset linear-memory offset from a CONTEXT_TAG address. Undefined: no such field or size. */
  load(offset: number, sizeBytes: number): bigint | undefined;
  store(offset: number, sizeBytes: number, value: bigint): boolean;
  /**
   * Packet bytes for the legacy `skb[…]` loads: `sizeBytes` bytes at `packetOffset` in network order, as a number.
   * Undefined ends the program's frame with r0 = 0, as the kernel does. Absent: no packet can be read this way.
   */
  packet?(contextOffset: number, packetOffset: number, sizeBytes: number): number | undefined;
  /**
   * Linear offset of what an address outside linear memory stands for: bytes of the program's arena, of a map's own object.
   * `low` is the lower half of the address plus the offset of the access. `NOWHERE`: nothing; `PAUSE`: not before the
   * driver was asked (`paused`). Allocates nothing.
   */
  elsewhere?(programId: number, high: number, low: number, sizeBytes: number, write: boolean): number;
}

export interface EngineOptions {
  /** Look every access up in the region table (unverified programs, debugging); else only the tag is checked. */
  readonly checked: boolean;
  /** Execute the instruction at pc even if it has a breakpoint. */
  readonly skipBreakpoint: boolean;
}
