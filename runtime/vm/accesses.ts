/**
 * Memory accesses that the hot loop does not take itself: program contexts, atomics, everything in checked mode, and
 * the explanation of what went wrong. An access is either done or leaves one precise `Fault` behind.
 *
 * Unchecked mode guarantees that nothing outside linear memory is touched; checked mode that only live, writable-enough
 * regions are, and of the stack only the frames that exist.
 */
import { asS64, hex, u64FromHalves } from '../util/u64';
import { assert } from '../util/assert';
import { CONTEXT_TAG, FUNCTION_TAG, MAP_TAG, MEMORY_TAG } from './addresses';
import { BLOCK_DEPTH, BLOCK_PROGRAM, BLOCK_STACKS, STACK_SIZE_BYTES } from './contextBlock';
import { NOWHERE, PAUSE, type AccessOrder, type AccessWatch, type ContextAccess, type Fault } from './engine';
import type { Memory, Region } from './memory';

/** `resolve` found a context address; the field's value comes from `ContextAccess`. */
export const IN_CONTEXT = -2;
/** `resolve` recorded a fault. */
export const FAULTED = -1;

/** No object of a kernel is larger, nor lies at an address below. */
const NULL_OBJECT_BYTES = 0x1_0000;

const accessText = (sizeBytes: number, write: boolean): string =>
  `${write ? 'Write' : 'Read'} of ${sizeBytes} bytes`;

export class Accesses {
  fault: Fault | undefined;
  watch: AccessWatch | undefined;
  /** What the access under way orders. */
  order: AccessOrder = 'plain';
  private block = 0;
  private checked = false;
  private nullReadsZero = false;
  // Checked mode looks regions up once and remembers the last two places: regions do not change while the engine runs,
  // frames only by calls and exits, which call `forgetStack`. Empty windows have an end of 0.
  private dataStart = 0;
  private dataEnd = 0;
  private dataWritable = false;
  private stackStart = 0;
  private stackEnd = 0;

  constructor(
    readonly memory: Memory,
    private readonly context: ContextAccess,
  ) {}

  /** @param nullReadsZero see `Code`. */
  begin(block: number, checked: boolean, nullReadsZero: boolean): void {
    this.block = block;
    this.checked = checked;
    this.nullReadsZero = nullReadsZero;
    this.dataEnd = 0;
    this.stackEnd = 0;
  }

  /** A frame was pushed or popped. */
  forgetStack(): void {
    this.stackEnd = 0;
  }

  takeFault(): Fault {
    const fault = this.fault;
    assert(fault !== undefined, 'a failed access left no fault');
    this.fault = undefined;
    return fault;
  }

  /** Loads into the register pair at int32 index `d`. @returns false with a fault recorded. */
  load(d: number, lo: number, hi: number, off: number, size: number, signed: boolean, slot: number): boolean {
    const at = this.resolve(lo, hi, off, size, false, slot);
    const { i32, u8, view } = this.memory;
    if (at >= 0) {
      if (this.watch !== undefined && !this.mayAccess(at, size, false, slot)) return false;
      let low: number;
      if (size === 8) {
        low = view.getInt32(at, true);
        i32[d + 1] = view.getInt32(at + 4, true);
        i32[d] = low;
        return true;
      }
      if (size === 4) low = view.getInt32(at, true);
      else if (size === 2) low = signed ? view.getInt16(at, true) : view.getUint16(at, true);
      else low = signed ? (u8[at] << 24) >> 24 : u8[at];
      i32[d] = low;
      i32[d + 1] = signed ? low >> 31 : 0;
      return true;
    }
    if (at === FAULTED) {
      if (!this.nullReadsZero || hi !== 0 || lo >>> 0 >= NULL_OBJECT_BYTES || this.fault?.kind === 'paused')
        return false;
      this.fault = undefined;
      i32[d] = 0;
      i32[d + 1] = 0;
      return true;
    }
    const offset = (lo + off) >>> 0;
    const value = this.context.load(offset, size);
    if (value === undefined) return this.noField(offset, size, false, slot);
    const extended = signed ? asS64(BigInt.asIntN(size * 8, value)) : value;
    i32[d] = Number(BigInt.asIntN(32, extended));
    i32[d + 1] = Number(BigInt.asIntN(32, extended >> 32n));
    return true;
  }

  /** Stores the low `size` bytes of a value. @returns false with a fault recorded. */
  store(
    lo: number,
    hi: number,
    off: number,
    size: number,
    valueLo: number,
    valueHi: number,
    slot: number,
  ): boolean {
    const at = this.resolve(lo, hi, off, size, true, slot);
    if (at >= 0) {
      if (this.watch !== undefined && !this.mayAccess(at, size, true, slot)) return false;
      const memory = this.memory;
      if (size === 1) memory.store8(at, valueLo);
      else if (size === 2) memory.store16(at, valueLo);
      else {
        memory.store32(at, valueLo);
        if (size === 8) memory.store32(at + 4, valueHi);
      }
      return true;
    }
    if (at === FAULTED) return false;
    const offset = (lo + off) >>> 0;
    const value = BigInt.asUintN(size * 8, u64FromHalves(valueLo, valueHi));
    return this.context.store(offset, size, value) || this.noField(offset, size, true, slot);
  }

  /** Asks the watch; stacks are nobody else's business. */
  mayAccess(at: number, size: number, write: boolean, slot: number): boolean {
    if (at >= this.stackStart && at + size <= this.stackEnd) return true;
    if (this.watch?.access(at, size, write, this.order, slot) !== false) return true;
    this.fault = { kind: 'paused', insnIdx: slot, message: '' };
    return false;
  }

  /**
   * The linear offset of base + off when `size` bytes there may be accessed, IN_CONTEXT for a context address,
   * FAULTED otherwise.
   */
  resolve(lo: number, hi: number, off: number, size: number, write: boolean, slot: number): number {
    const near = (lo + off) | 0;
    if (hi === MEMORY_TAG && (lo | near) >= 0) {
      const end = near + size;
      if (near >= this.stackStart && end <= this.stackEnd) return near;
      if (near >= this.dataStart && end <= this.dataEnd && (!write || this.dataWritable)) return near;
    }
    const sum = (lo >>> 0) + off;
    const at = sum >>> 0;
    const high = sum < 0 ? (hi - 1) | 0 : sum > 0xffff_ffff ? (hi + 1) | 0 : hi;
    if (high === CONTEXT_TAG) return IN_CONTEXT;
    if (high !== MEMORY_TAG || at + size > this.memory.u8.length) {
      const elsewhere = this.elsewhere(high, (lo >>> 0) + off, size, write);
      if (elsewhere >= 0) return elsewhere;
      if (elsewhere === PAUSE) return this.refuse('paused', at, high, size, slot, '');
      return this.refuse('badAccess', at, high, size, slot, this.describe(at, high, size, write));
    }
    if (!this.checked) return at;
    const region = this.memory.findRegion(at);
    if (region === undefined || region.kind === 'registers') {
      return this.refuse(
        'badAccess',
        at,
        high,
        size,
        slot,
        `${accessText(size, write)} at ${this.nearest(at, high)}.`,
      );
    }
    const inside = at - region.start;
    if (!region.live) {
      return this.refuse(
        'useAfterFree',
        at,
        high,
        size,
        slot,
        `${accessText(size, write)} at offset ${inside} of ${region.label}, which has been freed.`,
      );
    }
    if (inside + size > region.sizeBytes) {
      const over = inside + size - region.sizeBytes;
      return this.refuse(
        'badAccess',
        at,
        high,
        size,
        slot,
        `${accessText(size, write)} at offset ${inside} of ${region.label} runs ${over} bytes over its end (${region.sizeBytes} bytes).`,
      );
    }
    if (write && !region.writable) {
      return this.refuse(
        'readOnly',
        at,
        high,
        size,
        slot,
        `${accessText(size, write)} at offset ${inside} of ${region.label}, which is read-only.`,
      );
    }
    if (region.kind === 'stack' && region.start === this.block + BLOCK_STACKS) {
      return this.resolveStack(at, high, inside, size, write, slot);
    }
    this.dataStart = region.start;
    this.dataEnd = region.start + region.sizeBytes;
    this.dataWritable = region.writable;
    return at;
  }

  private elsewhere(high: number, low: number, size: number, write: boolean): number {
    const program = this.memory.load32(this.block + BLOCK_PROGRAM);
    return this.context.elsewhere?.(program, high, low, size, write) ?? NOWHERE;
  }

  /** The stacks of all frames lie side by side: an access must stay within one that exists. */
  private resolveStack(
    at: number,
    high: number,
    inside: number,
    size: number,
    write: boolean,
    slot: number,
  ): number {
    const frame = Math.floor(inside / STACK_SIZE_BYTES);
    const last = Math.floor((inside + size - 1) / STACK_SIZE_BYTES);
    const place = inside - STACK_SIZE_BYTES * (frame + 1);
    if (frame > this.memory.load32(this.block + BLOCK_DEPTH)) {
      return this.refuse(
        'useAfterFree',
        at,
        high,
        size,
        slot,
        `${accessText(size, write)} at r10${place} of stack frame ${frame}, whose function has returned.`,
      );
    }
    if (frame !== last) {
      return this.refuse(
        'badAccess',
        at,
        high,
        size,
        slot,
        `${accessText(size, write)} at r10${place} runs over the top of stack frame ${frame}.`,
      );
    }
    this.stackStart = at - inside + STACK_SIZE_BYTES * frame;
    this.stackEnd = this.stackStart + STACK_SIZE_BYTES;
    return at;
  }

  private refuse(
    kind: Fault['kind'],
    lo: number,
    hi: number,
    sizeBytes: number,
    insnIdx: number,
    message: string,
  ): typeof FAULTED {
    this.fault = { kind, insnIdx, address: u64FromHalves(lo, hi), sizeBytes, message };
    return FAULTED;
  }

  private noField(offset: number, size: number, write: boolean, slot: number): false {
    const region = this.memory.findRegion(offset);
    const place = region === undefined ? '' : ` at offset ${offset - region.start} of ${region.label}`;
    this.refuse(
      'badAccess',
      offset,
      CONTEXT_TAG,
      size,
      slot,
      `${accessText(size, write)}${place}: the context has no such ${write ? 'writable ' : ''}field.`,
    );
    return false;
  }

  private describe(at: number, high: number, size: number, write: boolean): string {
    const what = accessText(size, write);
    const address = hex(u64FromHalves(at, high));
    if (high === 0 && at < 4096) return `${what} at ${address}: a null pointer was followed.`;
    if (high === MAP_TAG) return `${what} at ${address}: a map itself, not one of its values.`;
    if (high === FUNCTION_TAG && at >= 0xffff_f000)
      return `${what} at ${address}: a negative error code was followed as a pointer.`;
    if (high === FUNCTION_TAG) return `${what} at ${address}: code, not data.`;
    return `${what} at ${address}: no memory of this machine.`;
  }

  /** Where a stray offset lies: for people who look for an off-by-one. */
  private nearest(at: number, high: number): string {
    const address = hex(u64FromHalves(at, high));
    let before: Region | undefined;
    for (const region of this.memory.state.regions) {
      if (region.start > at) break;
      if (region.kind !== 'registers') before = region;
    }
    if (before === undefined) return `${address}, which belongs to nothing`;
    return `${address}, ${at - before.start - before.sizeBytes} bytes past the end of ${before.label}`;
  }
}
