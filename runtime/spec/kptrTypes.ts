/**
 * Kernel structs that maps may hold owned pointers to (`__kptr`): the kernel must know how to give them back, and some
 * of them are kept alive by RCU, so that a load within an RCU section yields a usable pointer.
 * Evidence: the `*_dtor` functions in the kernels' BTF; recorded answers of 6.1, 6.12 and 7.2.
 */
import { isSince, type Profile } from './profile';

export interface KptrTypeRow {
  readonly struct: string;
  /** First profile that can give it back. */
  readonly since: string;
  readonly rcu: boolean;
}

const ROWS: readonly KptrTypeRow[] = [
  { struct: 'prog_test_ref_kfunc', since: '6.1', rcu: true },
  { struct: 'prog_test_member', since: '6.1', rcu: false },
  { struct: 'task_struct', since: '6.6', rcu: true },
  { struct: 'cgroup', since: '6.6', rcu: true },
  { struct: 'bpf_cpumask', since: '6.6', rcu: true },
  { struct: 'bpf_crypto_ctx', since: '6.12', rcu: true },
  { struct: 'sk_buff', since: '6.18', rcu: false },
];

/** The row of a kernel struct that this kernel lets maps own; undefined for all others. */
export const kptrTypeByName = (profile: Profile, struct: string): KptrTypeRow | undefined =>
  ROWS.find((row) => row.struct === struct && isSince(profile, row.since));
