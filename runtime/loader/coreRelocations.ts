/**
 * CO-RE: adapts field offsets, sizes, existence and type ids to the kernel's BTF.
 */
import type { Insn } from '../insn/insn';
import type { CodeFunction } from './code';

/** Code of one function after its CO-RE relocations. */
export interface CoreCode {
  readonly insns: readonly Insn[];
  /** Slots that no kernel of this BTF can run, with the reason. */
  readonly poisoned: ReadonlyMap<number, string>;
}

export function relocateFunction(code: CodeFunction): CoreCode {
  return { insns: code.section.insns.slice(code.start, code.start + code.count), poisoned: new Map() };
}
