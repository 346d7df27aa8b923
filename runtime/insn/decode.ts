/**
 * Bytes to instruction slots. Decoding is total on whole slots: what a slot means, and whether it means anything, is
 * asked of the instruction table by whoever needs to know. Evidence: RFC 9669 §3.
 */
import { FormatError } from '../util/problem';
import { CLASS, OPCODES } from '../spec/opcodes';
import type { Insn } from './insn';

export const INSN_SIZE_BYTES = 8;

/** Whether the instruction occupies two slots. */
export const isWide = (insn: Insn): boolean => insn.code === OPCODES.lddw.code;

/**
 * @param littleEndian byte order of the object the bytes come from; it also swaps the two register nibbles.
 * @throws FormatError when the bytes are not whole slots.
 */
export function decode(bytes: Uint8Array, littleEndian = true): Insn[] {
  if (bytes.length % INSN_SIZE_BYTES !== 0) {
    throw new FormatError(
      'BPF',
      `instructions are 8 bytes each; ${bytes.length} bytes are not a whole number of them`,
      bytes.length - (bytes.length % INSN_SIZE_BYTES),
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const insns: Insn[] = [];
  for (let at = 0; at < bytes.length; at += INSN_SIZE_BYTES) {
    const registers = bytes[at + 1];
    const low = registers & 0xf;
    const high = registers >>> 4;
    insns.push({
      code: bytes[at],
      dst: littleEndian ? low : high,
      src: littleEndian ? high : low,
      off: view.getInt16(at + 2, littleEndian),
      imm: view.getInt32(at + 4, littleEndian),
    });
  }
  return insns;
}

/** The 64-bit immediate of the `lddw` at `slot`; its high half is 0 when the second slot is missing. */
export function wideImmediate(insns: readonly Insn[], slot: number): bigint {
  const high = slot + 1 < insns.length ? insns[slot + 1].imm : 0;
  return (BigInt(high >>> 0) << 32n) | BigInt(insns[slot].imm >>> 0);
}

/** Whether the byte is of a class that jumps or calls. */
export const isJumpClass = (code: number): boolean => {
  const insnClass = code & 7;
  return insnClass === CLASS.jmp || insnClass === CLASS.jmp32;
};
