/**
 * Call frames of a context block: bpf-to-bpf calls, callbacks that run on top of the code that a helper interrupted,
 * and starting a block. Drivers (kernel, helpers, machine) and the engine share these; nothing here runs instructions.
 *
 * Stacks are zeroed when a block starts and never again: a frame that reuses a stack sees what the last one left there,
 * as on a real kernel, yet the same inputs give the same bytes.
 */
import { asU64, type U64 } from '../util/u64';
import { assert } from '../util/assert';
import {
  BLOCK_BASE,
  BLOCK_DEPTH,
  BLOCK_FRAMES,
  BLOCK_FUEL,
  BLOCK_PC,
  BLOCK_PROGRAM,
  BLOCK_REGISTERS,
  BLOCK_SIZE_BYTES,
  BLOCK_STACKS,
  BLOCK_TAIL_CALLS,
  BLOCK_USED,
  FRAME_BASE,
  FRAME_FLAGS,
  FRAME_IS_CALLBACK,
  FRAME_MAY_GOTO,
  FRAME_PROGRAM,
  FRAME_RETURN_PC,
  FRAME_SAVED,
  FRAME_SIZE_BYTES,
  FRAMES_MAX,
  frameStackEnd,
  registerOffset,
  STACK_SIZE_BYTES,
} from './contextBlock';
import { MEMORY_TAG, memoryAddress } from './addresses';
import type { Memory } from './memory';

/** Reserves a block and registers its regions: programs may touch the stacks, never the registers and frames. */
export function allocateBlock(memory: Memory, label: string): number {
  const block = memory.allocate(BLOCK_SIZE_BYTES);
  memory.addRegion('registers', block, BLOCK_STACKS, `registers of ${label}`, false);
  memory.addRegion('stack', block + BLOCK_STACKS, FRAMES_MAX * STACK_SIZE_BYTES, `stack of ${label}`);
  const frames = block + BLOCK_FRAMES;
  memory.addRegion('registers', frames, FRAMES_MAX * FRAME_SIZE_BYTES, `frames of ${label}`, false);
  return block;
}

/** Gives a block back; its stacks are dead from now on. */
export function releaseBlock(memory: Memory, block: number): void {
  for (const start of [block, block + BLOCK_STACKS, block + BLOCK_FRAMES]) {
    const region = memory.findRegion(start);
    if (region !== undefined && region.start === start) memory.endRegion(start);
  }
  memory.release(block, BLOCK_SIZE_BYTES);
}

/** Makes the block ready to run `programId` from slot `pc`: all that was ever used is zero but r1 … = `args` and r10. */
export function initBlock(
  memory: Memory,
  block: number,
  programId: number,
  pc: number,
  args: readonly bigint[],
): void {
  assert(args.length <= 5, 'a program has at most five arguments');
  const used = memory.load32(block + BLOCK_USED);
  memory.fill(block + BLOCK_FRAMES, used * FRAME_SIZE_BYTES, 0);
  memory.fill(block, BLOCK_STACKS + Math.max(1, used) * STACK_SIZE_BYTES, 0);
  memory.store32(block + BLOCK_PROGRAM, programId);
  memory.store32(block + BLOCK_PC, pc);
  args.forEach((value, i) => writeRegister(memory, block, i + 1, value));
  writeRegister(memory, block, 10, memoryAddress(frameStackEnd(block, 0)));
}

export const readRegister = (memory: Memory, block: number, register: number): U64 =>
  memory.load64(registerOffset(block, register));

export function writeRegister(memory: Memory, block: number, register: number, value: bigint): void {
  memory.store64(registerOffset(block, register), asU64(value));
}

export const readPc = (memory: Memory, block: number): number => memory.load32(block + BLOCK_PC);
export const readProgram = (memory: Memory, block: number): number => memory.load32(block + BLOCK_PROGRAM);
export const readDepth = (memory: Memory, block: number): number => memory.load32(block + BLOCK_DEPTH);
export const readFuel = (memory: Memory, block: number): number => memory.load32(block + BLOCK_FUEL);
export const writeFuel = (memory: Memory, block: number, instructions: number): void =>
  memory.store32(block + BLOCK_FUEL, instructions);
export const readTailCalls = (memory: Memory, block: number): number =>
  memory.load32(block + BLOCK_TAIL_CALLS);

/**
 * Replaces the code of the current frame, as a tail call does: the frame keeps its caller and its stack.
 * r1–r5 and r10 are the driver's to set; r6–r9 become whatever the callee makes of them.
 */
export function tailCallTo(memory: Memory, block: number, programId: number): void {
  memory.store32(block + BLOCK_PROGRAM, programId);
  memory.store32(block + BLOCK_PC, 0);
  memory.store32(block + BLOCK_TAIL_CALLS, readTailCalls(memory, block) + 1);
}

/** Drops all frames but the first, which gets its stack pointer back. @returns the program that was entered first */
export function leaveFrames(memory: Memory, block: number): number {
  const entered =
    readDepth(memory, block) === 0
      ? readProgram(memory, block)
      : memory.load32(block + BLOCK_FRAMES + FRAME_SIZE_BYTES + FRAME_PROGRAM);
  memory.store32(block + BLOCK_DEPTH, 0);
  memory.store32(block + BLOCK_BASE, 0);
  writeRegister(memory, block, 10, memoryAddress(frameStackEnd(block, 0)));
  return entered;
}

/** The current frame goes on at a slot of a program. */
export function jumpTo(memory: Memory, block: number, programId: number, pc: number): void {
  memory.store32(block + BLOCK_PROGRAM, programId);
  memory.store32(block + BLOCK_PC, pc);
}

/** Pushes a frame that will return to `returnPc`; false when the stacks are full. Marks the frame's pages itself. */
export function pushCallFrame(memory: Memory, block: number, returnPc: number): boolean {
  const { i32 } = memory;
  const header = block >> 2;
  const depth = i32[header + BLOCK_DEPTH / 4] + 1;
  if (depth >= FRAMES_MAX) return false;
  const frame = (block + BLOCK_FRAMES + depth * FRAME_SIZE_BYTES) >> 2;
  const saved = (block + BLOCK_REGISTERS + 6 * 8) >> 2;
  // r6 … r9 and r10 lie side by side, in the block as in the frame.
  for (let i = 0; i < 10; i++) i32[frame + FRAME_SAVED / 4 + i] = i32[saved + i];
  i32[frame + FRAME_RETURN_PC / 4] = returnPc;
  i32[frame + FRAME_PROGRAM / 4] = i32[header + BLOCK_PROGRAM / 4];
  i32[frame + FRAME_BASE / 4] = i32[header + BLOCK_BASE / 4];
  i32[frame + FRAME_FLAGS / 4] = 0;
  i32[frame + FRAME_MAY_GOTO / 4] = 0;
  i32[header + BLOCK_DEPTH / 4] = depth;
  if (depth >= i32[header + BLOCK_USED / 4]) i32[header + BLOCK_USED / 4] = depth + 1;
  const r10 = (block + BLOCK_REGISTERS + 10 * 8) >> 2;
  i32[r10] = frameStackEnd(block, depth);
  i32[r10 + 1] = MEMORY_TAG;
  return true;
}

/** Drops the current frame, restores the caller's registers and program, and returns the caller's next slot. */
export function popCallFrame(memory: Memory, block: number): number {
  const { i32 } = memory;
  const header = block >> 2;
  const depth = i32[header + BLOCK_DEPTH / 4];
  const frame = (block + BLOCK_FRAMES + depth * FRAME_SIZE_BYTES) >> 2;
  const saved = (block + BLOCK_REGISTERS + 6 * 8) >> 2;
  for (let i = 0; i < 10; i++) i32[saved + i] = i32[frame + FRAME_SAVED / 4 + i];
  i32[header + BLOCK_PROGRAM / 4] = i32[frame + FRAME_PROGRAM / 4];
  i32[header + BLOCK_DEPTH / 4] = depth - 1;
  return i32[frame + FRAME_RETURN_PC / 4];
}

/**
 * Enters a callback on top of the current frame: the engine then runs it and stops with `exit` when it returns.
 * The code underneath continues where pc stands now. False, and nothing changed, when the stacks are full.
 */
export function pushCallback(
  memory: Memory,
  block: number,
  programId: number,
  pc: number,
  args: readonly bigint[],
): boolean {
  assert(args.length <= 5, 'a callback has at most five arguments');
  if (!pushCallFrame(memory, block, readPc(memory, block))) return false;
  const depth = readDepth(memory, block);
  memory.store32(block + BLOCK_FRAMES + depth * FRAME_SIZE_BYTES + FRAME_FLAGS, FRAME_IS_CALLBACK);
  memory.store32(block + BLOCK_BASE, depth);
  memory.store32(block + BLOCK_PROGRAM, programId);
  memory.store32(block + BLOCK_PC, pc);
  args.forEach((value, i) => writeRegister(memory, block, i + 1, value));
  return true;
}

/** Leaves the callback frame that just returned and gives its r0; r1–r5 are garbage, as after any call. */
export function popCallback(memory: Memory, block: number): U64 {
  const depth = readDepth(memory, block);
  assert(depth === memory.load32(block + BLOCK_BASE) && depth > 0, 'no callback frame to leave');
  const base = memory.load32(block + BLOCK_FRAMES + depth * FRAME_SIZE_BYTES + FRAME_BASE);
  memory.store32(block + BLOCK_PC, popCallFrame(memory, block));
  memory.store32(block + BLOCK_BASE, base);
  return readRegister(memory, block, 0);
}
