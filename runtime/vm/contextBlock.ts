/**
 * One execution context's machine state in linear memory: registers, call frames, stacks. The interpreter and the
 * (later) WebAssembly compiler share this layout, so either can stop at any instruction and the other resume.
 *
 *   block +0    pc            u32   slot of the next instruction
 *         +4    program       u32   id of the program whose code runs
 *         +8    depth         u32   index of the current frame, 0 = entry
 *         +12   base          u32   the frame whose `exit` leaves the engine (callbacks run on top of others)
 *         +16   fuel          u32   instructions left in the slice
 *         +20   tailCalls     u32
 *         +24   used          u32   so many frames have records since the block was started; the first one may have none
 *         +28   reserved      4 bytes
 *         +32   registers     11 × 8 bytes (r0 … r10), the current frame's
 *         +120  reserved      8 bytes
 *         +128  stacks        FRAMES_MAX × 512 bytes; frame i's stack is [i*512, (i+1)*512), r10 = its end
 *         then  frames        FRAMES_MAX × 64 bytes: saved r6 … r9, r10 (5 × 8), return pc u32, program u32,
 *                             base u32 to restore, flags u32, may_goto count u32, reserved 4
 *
 * Most programs use the first frames only, whose stacks share a page with the registers.
 */
/** 33 tail calls, each from the deepest of eight frames, and callbacks on top. */
export const FRAMES_MAX = 256;
export const STACK_SIZE_BYTES = 512;

export const BLOCK_PC = 0;
export const BLOCK_PROGRAM = 4;
export const BLOCK_DEPTH = 8;
export const BLOCK_BASE = 12;
export const BLOCK_FUEL = 16;
export const BLOCK_TAIL_CALLS = 20;
export const BLOCK_USED = 24;
export const BLOCK_REGISTERS = 32;
export const BLOCK_STACKS = 128;
export const BLOCK_FRAMES = BLOCK_STACKS + FRAMES_MAX * STACK_SIZE_BYTES;
export const FRAME_SIZE_BYTES = 64;
export const FRAME_SAVED = 0;
export const FRAME_RETURN_PC = 40;
export const FRAME_PROGRAM = 44;
/** The block's base before a callback frame was pushed. */
export const FRAME_BASE = 48;
/** FRAME_IS_CALLBACK when the frame was entered by `pushCallback`. */
export const FRAME_FLAGS = 52;
export const FRAME_IS_CALLBACK = 1;
/** How often `may_goto` let this frame go on. */
export const FRAME_MAY_GOTO = 56;
export const BLOCK_SIZE_BYTES = BLOCK_FRAMES + FRAMES_MAX * FRAME_SIZE_BYTES;

/** Linear offset of register `r` of the block. */
export const registerOffset = (block: number, register: number): number =>
  block + BLOCK_REGISTERS + 8 * register;
/** Linear offset of frame record `i`: it holds what frame i's caller (frame i-1) gets back on exit. */
export const frameOffset = (block: number, frame: number): number =>
  block + BLOCK_FRAMES + FRAME_SIZE_BYTES * frame;
/** Linear offset one past frame `i`'s stack: the value of its r10. */
export const frameStackEnd = (block: number, frame: number): number =>
  block + BLOCK_STACKS + STACK_SIZE_BYTES * (frame + 1);
