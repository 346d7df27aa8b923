/**
 * The machine's one linear memory. Everything that a BPF program can address lives here; everything that writes goes
 * through the store methods of this class, which mark dirty pages, so that snapshots copy only what changed.
 *
 * Allocation is deterministic: same calls, same offsets. The bookkeeping is plain data (`MemoryState`).
 */
import { assert } from '../util/assert';

export const PAGE_SHIFT = 12;
export const PAGE_SIZE_BYTES = 1 << PAGE_SHIFT;
const WASM_PAGE_SIZE_BYTES = 65536;
/** Offset 0 is never handed out, so that a null offset is recognisable. */
const FIRST_OFFSET = PAGE_SIZE_BYTES;

export type RegionKind =
  'stack' | 'registers' | 'context' | 'packet' | 'mapKey' | 'mapValue' | 'mapPool' | 'ringbuf' | 'scratch';

/** A piece of memory that checked programs may touch while it is live. Never changed, only replaced. */
export interface Region {
  readonly id: number;
  readonly start: number;
  readonly sizeBytes: number;
  readonly kind: RegionKind;
  /** For messages: `flows value`, `packet`, `stack of frame 1`. */
  readonly label: string;
  readonly writable: boolean;
  readonly live: boolean;
}

/** Everything about memory except its bytes; cloned by snapshots. */
export interface MemoryState {
  brk: number;
  limitBytes: number;
  nextRegionId: number;
  /** Sorted by start; regions never overlap. Dead ones stay until their bytes are reused, to explain late accesses. */
  regions: Region[];
  /** Freed blocks by rounded size, last freed first. */
  free: { sizeBytes: number; offsets: number[] }[];
}

export class OutOfMemory extends Error {
  override name = 'OutOfMemory';
}

export class Memory {
  readonly wasm: WebAssemblyMemory;
  /** Views of the whole memory; replaced when it grows, so never keep them across an allocation. */
  u8!: Uint8Array;
  i32!: Int32Array;
  view!: DataView;
  /** One byte per page: 1 = written since the last `takeDirtyPages`. */
  dirty!: Uint8Array;
  state: MemoryState;
  /** Others hold `state`: it is copied before the next change. */
  private isShared = false;

  /** @param limitBytes allocation beyond it throws `OutOfMemory`, which the caller reports as the user's problem. */
  constructor(limitBytes = 1 << 30) {
    const pages = Math.min(Math.ceil(limitBytes / WASM_PAGE_SIZE_BYTES), 65535);
    this.wasm = new WebAssembly.Memory({ initial: Math.min(16, pages), maximum: pages });
    this.state = {
      brk: FIRST_OFFSET,
      limitBytes: pages * WASM_PAGE_SIZE_BYTES,
      nextRegionId: 1,
      regions: [],
      free: [],
    };
    this.refreshViews();
  }

  private refreshViews(): void {
    const buffer = this.wasm.buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.view = new DataView(buffer);
    const dirty = new Uint8Array(buffer.byteLength / PAGE_SIZE_BYTES);
    if (this.dirty) dirty.set(this.dirty);
    this.dirty = dirty;
  }

  /** Zeroed bytes, 8-byte aligned, at a fresh or reused offset. */
  allocate(sizeBytes: number): number {
    assert(sizeBytes >= 0 && Number.isInteger(sizeBytes), `allocation of ${sizeBytes} bytes`);
    const rounded = Math.max(8, Math.ceil(sizeBytes / 8) * 8);
    this.own();
    const list = this.state.free.find((f) => f.sizeBytes === rounded);
    const reused = list?.offsets.pop();
    if (reused !== undefined) {
      this.fill(reused, rounded, 0);
      return reused;
    }
    const offset = this.state.brk;
    if (rounded > this.state.limitBytes - offset)
      throw new OutOfMemory(`${sizeBytes} bytes wanted, ${this.state.limitBytes - offset} left`);
    this.state.brk = offset + rounded;
    this.ensure(this.state.brk);
    return offset;
  }

  /** Gives an allocation back; its regions must be dead or removed. */
  release(offset: number, sizeBytes: number): void {
    const rounded = Math.max(8, Math.ceil(sizeBytes / 8) * 8);
    this.own();
    let list = this.state.free.find((f) => f.sizeBytes === rounded);
    if (!list) this.state.free.push((list = { sizeBytes: rounded, offsets: [] }));
    list.offsets.push(offset);
  }

  private ensure(endOffset: number): void {
    const have = this.wasm.buffer.byteLength;
    if (endOffset <= have) return;
    const wanted = Math.max(endOffset, Math.min(have * 2, this.state.limitBytes));
    this.wasm.grow(Math.ceil((wanted - have) / WASM_PAGE_SIZE_BYTES));
    this.refreshViews();
  }

  /** Registers a live region over bytes that were allocated. Dead regions that it overlaps are forgotten. */
  addRegion(kind: RegionKind, start: number, sizeBytes: number, label: string, writable = true): Region {
    this.own();
    const regions = this.state.regions;
    let at = this.indexAfter(start);
    while (at > 0 && regions[at - 1].start + regions[at - 1].sizeBytes > start) at--;
    let count = 0;
    while (at + count < regions.length && regions[at + count].start < start + sizeBytes) {
      assert(!regions[at + count].live, `region ${label} overlaps live region ${regions[at + count].label}`);
      count++;
    }
    const region: Region = {
      id: this.state.nextRegionId++,
      start,
      sizeBytes,
      kind,
      label,
      writable,
      live: true,
    };
    regions.splice(at, count, region);
    return region;
  }

  /** The records as they are now, for whoever wants to come back to them: they are not changed any more, only replaced. */
  shareState(): MemoryState {
    this.isShared = true;
    return this.state;
  }

  /** Replaces all records. */
  setState(state: MemoryState): void {
    this.state = state;
    this.isShared = true;
  }

  /** Regions are never changed in place, so the list alone is copied. */
  private own(): void {
    if (!this.isShared) return;
    const { state } = this;
    this.state = {
      ...state,
      regions: state.regions.slice(),
      free: state.free.map(({ sizeBytes, offsets }) => ({ sizeBytes, offsets: offsets.slice() })),
    };
    this.isShared = false;
  }

  /** The region that holds `offset` is dead from now on. */
  endRegion(offset: number): void {
    const at = this.indexAfter(offset) - 1;
    const region = this.state.regions[at];
    if (region === undefined || offset >= region.start + region.sizeBytes) return;
    this.own();
    this.state.regions[at] = { ...region, live: false };
  }

  /** The region that holds `offset`, live or dead. */
  findRegion(offset: number): Region | undefined {
    const region = this.state.regions[this.indexAfter(offset) - 1];
    return region !== undefined && offset < region.start + region.sizeBytes ? region : undefined;
  }

  /** Index of the first region that starts after `offset`. */
  private indexAfter(offset: number): number {
    const regions = this.state.regions;
    let low = 0;
    let high = regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (regions[middle].start <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private touch(offset: number, sizeBytes: number): void {
    for (
      let page = offset >>> PAGE_SHIFT, last = (offset + sizeBytes - 1) >>> PAGE_SHIFT;
      page <= last;
      page++
    )
      this.dirty[page] = 1;
  }

  // Loads. Offsets may be unaligned. Multi-byte values are little-endian, as on the profiles' architecture.
  load8(offset: number): number {
    return this.u8[offset];
  }
  load16(offset: number): number {
    return this.view.getUint16(offset, true);
  }
  load32(offset: number): number {
    return this.view.getUint32(offset, true);
  }
  load64(offset: number): bigint {
    return this.view.getBigUint64(offset, true);
  }

  store8(offset: number, value: number): void {
    this.u8[offset] = value;
    this.dirty[offset >>> PAGE_SHIFT] = 1;
  }
  store16(offset: number, value: number): void {
    this.view.setUint16(offset, value, true);
    this.touch(offset, 2);
  }
  store32(offset: number, value: number): void {
    this.view.setInt32(offset, value, true);
    this.touch(offset, 4);
  }
  store64(offset: number, value: bigint): void {
    this.view.setBigUint64(offset, BigInt.asUintN(64, value), true);
    this.touch(offset, 8);
  }

  /** A copy. */
  read(offset: number, sizeBytes: number): Uint8Array {
    return this.u8.slice(offset, offset + sizeBytes);
  }
  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.u8.set(bytes, offset);
    this.touch(offset, bytes.length);
  }
  copy(to: number, from: number, sizeBytes: number): void {
    if (sizeBytes === 0) return;
    this.u8.copyWithin(to, from, from + sizeBytes);
    this.touch(to, sizeBytes);
  }
  fill(offset: number, sizeBytes: number, byte: number): void {
    if (sizeBytes === 0) return;
    this.u8.fill(byte, offset, offset + sizeBytes);
    this.touch(offset, sizeBytes);
  }

  /** The first page from `page` on that was written since the last `takeDirtyPages`; -1: none. */
  nextDirtyPage(page: number): number {
    return this.dirty.indexOf(1, page);
  }

  /** Pages written since the last call, ascending. */
  takeDirtyPages(): number[] {
    const pages: number[] = [];
    for (let i = 0; i < this.dirty.length; i++) if (this.dirty[i] !== 0) pages.push(i);
    this.dirty.fill(0);
    return pages;
  }

  /** Makes the memory at least this large (restoring a snapshot). */
  growTo(sizeBytes: number): void {
    this.ensure(sizeBytes);
  }
}

/** The part of the WebAssembly JavaScript API in use; the `es2023` library does not declare it. */
interface WebAssemblyMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
declare const WebAssembly: {
  Memory: new (descriptor: { initial: number; maximum: number }) => WebAssemblyMemory;
};
