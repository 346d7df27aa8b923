/**
 * Size of a function's stack frame, inferred from its code. LLVM's BPF back end writes frame offsets of variables as
 * distances from the frame's lowest byte, and nothing in the object states where that is (BPF has no stack pointer).
 * The lowest r10-relative offset that the code mentions, rounded down to the stack alignment of 8, is that place: the
 * frame is packed, so its lowest object is one that the code touches.
 */
import type { Insn } from '../insn/insn';

const CLASS_LDX = 1;
const CLASS_ST = 2;
const CLASS_STX = 3;
const MOV64_REG = 0xbf;
const ADD64_IMM = 0x07;
const FRAME_POINTER = 10;

/** @returns bytes below r10, a multiple of 8. */
export function frameSizeOf(insns: readonly Insn[], from: number, to: number): number {
  let lowest = 0;
  /** Registers that hold r10 + a known offset, in straight-line order. */
  const copies = new Map<number, number>([[FRAME_POINTER, 0]]);
  for (let i = from; i < to; i++) {
    const { code, dst, src, off, imm } = insns[i];
    const cls = code & 7;
    if (code === 0x18) {
      copies.delete(dst);
      i++;
      continue;
    }
    if (cls === CLASS_ST || cls === CLASS_STX) {
      const base = copies.get(dst);
      if (base !== undefined) lowest = Math.min(lowest, base + off);
    } else if (cls === CLASS_LDX) {
      const base = copies.get(src);
      if (base !== undefined) lowest = Math.min(lowest, base + off);
      if (dst !== FRAME_POINTER) copies.delete(dst);
    } else if (code === MOV64_REG && off === 0) {
      const base = copies.get(src);
      if (base === undefined) copies.delete(dst);
      else copies.set(dst, base);
    } else if (code === ADD64_IMM && copies.has(dst)) {
      const sum = (copies.get(dst) ?? 0) + imm;
      copies.set(dst, sum);
      lowest = Math.min(lowest, sum);
    } else if (cls === 4 || cls === 7) {
      copies.delete(dst);
    } else if (code === 0x85) {
      for (let r = 0; r <= 5; r++) copies.delete(r);
    }
  }
  return (-lowest + 7) & ~7;
}
