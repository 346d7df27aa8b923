/**
 * Checkpoints of a machine for searches that go back often: a stack of states, where going back costs what changed since,
 * not what there is. Linear memory is compared with a shadow copy page by page; records are copied.
 *
 * Not `snapshot.ts`: snapshots are values that live as long as their holder and can be taken in any order; checkpoints are
 * a stack, and a machine uses either the one or the other, because both read the memory's dirty pages.
 *
 * Invariants: the shadow is the memory as it was at the topmost checkpoint, dirty pages are those that differ from it.
 */
import { assert } from '../util/assert';
import { PAGE_SIZE_BYTES, type Memory, type MemoryState } from '../vm/memory';
import { copyRecords } from './copyRecords';
import type { MachineState } from './state';

export interface Checkpoint {
  /** Place in the stack, 0 = lowest. */
  readonly level: number;
  readonly records: MachineState;
  readonly memory: MemoryState;
  /** Lengths of the lists that only grow; their elements are shared by all states. */
  readonly eventCount: number;
  readonly returnCount: number;
  /** Pages kept below this checkpoint's own. */
  readonly height: number;
}

export class Checkpoints {
  private shadow = new Uint8Array(0);
  private readonly stack: Checkpoint[] = [];
  /** Pages as they were one checkpoint lower, with their numbers; a checkpoint's own begin at its `height`. */
  private images = new Uint8Array(64 * PAGE_SIZE_BYTES);
  private pages = new Int32Array(64);
  private height = 0;

  constructor(private readonly memory: Memory) {}

  /** Puts the present state on top of the stack. */
  push(state: MachineState): Checkpoint {
    const { memory, height } = this;
    this.fitShadow();
    if (this.stack.length === 0) {
      this.shadow.set(memory.u8);
      memory.dirty.fill(0);
    } else this.keepDirtyPages();
    const checkpoint: Checkpoint = {
      level: this.stack.length,
      records: copyRecords(state),
      memory: memory.shareState(),
      eventCount: state.kernel.events.length,
      returnCount: state.returnValues.length,
      height,
    };
    this.stack.push(checkpoint);
    return checkpoint;
  }

  /**
   * Brings memory back to a checkpoint and gives its records; those above it are dropped.
   *
   * @param last the checkpoint is dropped too, so that its records need not be copied once more.
   */
  rewind(checkpoint: Checkpoint, last: boolean): MachineState {
    const { memory, stack } = this;
    assert(stack[checkpoint.level] === checkpoint, 'a checkpoint is on the stack');
    this.fitShadow();
    for (let page = memory.nextDirtyPage(0); page >= 0; page = memory.nextDirtyPage(page + 1)) {
      const from = page * PAGE_SIZE_BYTES;
      memory.u8.set(this.shadow.subarray(from, from + PAGE_SIZE_BYTES), from);
      memory.dirty[page] = 0;
    }
    while (stack.length - 1 > checkpoint.level) this.drop(true);
    if (memory.state !== checkpoint.memory) memory.setState(checkpoint.memory);
    const { records } = checkpoint;
    records.kernel.events.length = checkpoint.eventCount;
    records.returnValues.length = checkpoint.returnCount;
    if (!last) return copyRecords(records);
    this.drop(false);
    return records;
  }

  /** Takes the topmost checkpoint away. @param back memory goes back to the one below as well. */
  private drop(back: boolean): void {
    const { memory } = this;
    const checkpoint = this.stack.pop();
    assert(checkpoint, 'there is a checkpoint to drop');
    for (let i = this.height - 1; i >= checkpoint.height; i--) {
      const from = this.pages[i] * PAGE_SIZE_BYTES;
      const image = this.images.subarray(i * PAGE_SIZE_BYTES, (i + 1) * PAGE_SIZE_BYTES);
      this.shadow.set(image, from);
      if (back) memory.u8.set(image, from);
      else memory.dirty[this.pages[i]] = 1;
    }
    this.height = checkpoint.height;
  }

  private keepDirtyPages(): void {
    const { memory } = this;
    for (let page = memory.nextDirtyPage(0); page >= 0; page = memory.nextDirtyPage(page + 1)) {
      if (this.height === this.pages.length) this.growImages();
      const from = page * PAGE_SIZE_BYTES;
      this.pages[this.height] = page;
      this.images.set(this.shadow.subarray(from, from + PAGE_SIZE_BYTES), this.height * PAGE_SIZE_BYTES);
      this.shadow.set(memory.u8.subarray(from, from + PAGE_SIZE_BYTES), from);
      this.height++;
      memory.dirty[page] = 0;
    }
  }

  private growImages(): void {
    const pages = new Int32Array(this.pages.length * 2);
    const images = new Uint8Array(pages.length * PAGE_SIZE_BYTES);
    pages.set(this.pages);
    images.set(this.images);
    this.pages = pages;
    this.images = images;
  }

  /** What memory has grown by was zero before. */
  private fitShadow(): void {
    if (this.shadow.length === this.memory.u8.length) return;
    const shadow = new Uint8Array(this.memory.u8.length);
    shadow.set(this.shadow);
    this.shadow = shadow;
  }
}
