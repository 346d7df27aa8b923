/**
 * The two ways in which walking stops early. A `Rejection` is the kernel refusing the program: data about one
 * instruction. `NotModelled` says that an honest answer needs something that this verifier lacks.
 * Both are thrown inside the walk and become verdicts at its edge; neither is ever a guess.
 */
import type { DiagnosticCategory } from './verdict';

export interface RejectionData {
  /** Kebab-case word of the rule book, e.g. `timer-map-mismatch`. */
  readonly code: string;
  readonly category: DiagnosticCategory;
  /** Positive errno of the load. */
  readonly errno: number;
  /** The kernel's message in the profile's words, no line end. */
  readonly message: string;
  /** Registers that the refusal is about. */
  readonly registers?: readonly number[];
  /** Slot of the instruction; the current one if absent; -1 for none (refused before the walk). */
  readonly insn?: number;
  /** Log text that follows the message. */
  readonly after?: string;
  /** Facts for the explanation (names of maps, fields, sizes); plain data. */
  readonly facts?: Readonly<Record<string, string | number>>;
}

export class Rejection extends Error {
  override name = 'Rejection';
  constructor(readonly data: RejectionData) {
    super(data.message);
  }
}

export class NotModelled extends Error {
  override name = 'NotModelled';
  constructor(
    /** What would be needed, e.g. "kfunc bpf_dynptr_from_skb". */
    readonly need: string,
    readonly insn: number,
  ) {
    super(need);
  }
}

/** errno numbers that loads end with. */
export const EPERM = 1;
export const ENOENT = 2;
export const EEXIST = 17;
export const E2BIG = 7;
export const EBADF = 9;
export const EBUSY = 16;
export const EPROTO = 71;
export const ENOMEM = 12;
export const EACCES = 13;
export const ERANGE = 34;
export const EFAULT = 14;
export const EINVAL = 22;
export const ENOTSUPP = 524;
export const EOPNOTSUPP = 95;
