/** Which scalars' exact values mattered: walked back through the path's history into the checkpoints. */
import type { VerifierEnv } from './env';

/** The exact value of scalar register `regno` decided something: every checkpoint on the path must keep it. */
export function markPrecise(_env: VerifierEnv, _regno: number): void {
  // Until values are walked back, comparison treats every scalar as precise.
}
