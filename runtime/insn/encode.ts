/** Instruction slots to bytes: the exact inverse of `decode`. Fields out of range are our own bug. */
import { assert } from '../util/assert';
import { INSN_SIZE_BYTES } from './decode';
import type { Insn } from './insn';

export function encode(insns: readonly Insn[], littleEndian = true): Uint8Array {
  const bytes = new Uint8Array(insns.length * INSN_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  insns.forEach((insn, slot) => {
    const at = slot * INSN_SIZE_BYTES;
    assert(
      (insn.dst & ~0xf) === 0 && (insn.src & ~0xf) === 0,
      `register number out of range in slot ${slot}`,
    );
    assert(insn.off === (insn.off << 16) >> 16, `offset ${insn.off} does not fit 16 bits in slot ${slot}`);
    assert(insn.imm === (insn.imm | 0), `immediate ${insn.imm} does not fit 32 bits in slot ${slot}`);
    bytes[at] = insn.code;
    bytes[at + 1] = littleEndian ? insn.dst | (insn.src << 4) : (insn.dst << 4) | insn.src;
    view.setInt16(at + 2, insn.off, littleEndian);
    view.setInt32(at + 4, insn.imm, littleEndian);
  });
  return bytes;
}
