/**
 * Variables and functions that the object expects the kernel to have: `__kconfig`, `__ksym` and kernel functions.
 */
import type { Problem } from '../util/problem';
import type { ExternSpec, InsnReference } from './objectSpec';

export type ExternReference = Extract<InsnReference, { kind: 'kfunc' | 'ksym' | 'mapValue' }>;

export interface Externs {
  /** By index of the ELF symbol. */
  readonly bySymbol: ReadonlyMap<number, { readonly reference: ExternReference; readonly problem?: Problem }>;
  readonly specs: readonly ExternSpec[];
}
