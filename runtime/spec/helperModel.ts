/**
 * What the kernel model does when a program calls a helper. Absent: not modelled, calling it is an explained stop.
 * The verifier does not read this; the compatibility page, hovers and the model do.
 */
import type { HelperName } from './helpers';

export interface HelperModel {
  readonly level: 'full' | 'partial';
  /** What differs from the kernel, for `partial`. */
  readonly note?: string;
}

export const HELPER_MODEL: Readonly<Partial<Record<HelperName, HelperModel>>> = {};
