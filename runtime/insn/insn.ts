/**
 * One decoded BPF instruction slot (RFC 9669 §3).
 *
 * Programs are arrays indexed by slot, so that jump offsets, line info and the kernel's instruction numbers need no
 * translation: a 64-bit immediate load occupies two slots, the second of which has `code` 0.
 */
export interface Insn {
  /** Opcode byte. */
  readonly code: number;
  /** Destination register, 0–15 as encoded. */
  readonly dst: number;
  /** Source register, or the pseudo number that gives `lddw` and `call` their meaning. */
  readonly src: number;
  /** Signed 16-bit offset. */
  readonly off: number;
  /** Signed 32-bit immediate. In the second slot of `lddw` it holds the high half. */
  readonly imm: number;
}
