/** A context block's call frames as debuggers see them: read-only, made on request. */
import type { U64 } from '../util/u64';
import { readDepth, readPc, readProgram, readRegister } from './calls';
import {
  FRAME_FLAGS,
  FRAME_IS_CALLBACK,
  FRAME_PROGRAM,
  FRAME_RETURN_PC,
  FRAME_SAVED,
  frameOffset,
} from './contextBlock';
import type { Memory } from './memory';

export interface Frame {
  /** 0 = entry. */
  readonly index: number;
  readonly programId: number;
  /** Innermost frame: the next instruction. Callers: the call that they wait for. */
  readonly insnIdx: number;
  /** One past the frame's stack, as an address. */
  readonly r10: U64;
  /** Entered by a helper or the kernel, not by a call instruction of the frame below. */
  readonly isCallback: boolean;
  /** r0 … r10; undefined where the frame's value no longer exists (r0–r5 of callers). */
  readonly registers: readonly (U64 | undefined)[];
}

/** Innermost first. */
export function readFrames(memory: Memory, block: number): Frame[] {
  const frames: Frame[] = [];
  const depth = readDepth(memory, block);
  let registers: (U64 | undefined)[] = [];
  for (let r = 0; r <= 10; r++) registers.push(readRegister(memory, block, r));
  let programId = readProgram(memory, block);
  let insnIdx = readPc(memory, block);
  for (let index = depth; index >= 0; index--) {
    const record = frameOffset(block, index);
    frames.push({
      index,
      programId,
      insnIdx,
      r10: registers[10] as U64,
      isCallback: index > 0 && (memory.load32(record + FRAME_FLAGS) & FRAME_IS_CALLBACK) !== 0,
      registers,
    });
    // The record of frame i holds what its caller gets back.
    programId = memory.load32(record + FRAME_PROGRAM);
    insnIdx = memory.load32(record + FRAME_RETURN_PC) - 1;
    registers = [undefined, undefined, undefined, undefined, undefined, undefined];
    for (let i = 0; i < 5; i++) registers.push(memory.load64(record + FRAME_SAVED + 8 * i));
  }
  return frames;
}

/** Program and slot of every frame, innermost first, as `readFrames` has them: pairs of numbers. */
export function readPlaces(memory: Memory, block: number): number[] {
  const places = [readProgram(memory, block), readPc(memory, block)];
  for (let index = readDepth(memory, block); index > 0; index--) {
    const record = frameOffset(block, index);
    places.push(memory.load32(record + FRAME_PROGRAM), memory.load32(record + FRAME_RETURN_PC) - 1);
  }
  return places;
}
