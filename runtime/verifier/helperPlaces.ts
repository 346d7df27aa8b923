/**
 * Helpers whose use depends on the function, hook or iterator that the program attaches to, beyond what its type and attach type say.
 * Facts: `spec/attachPoints.ts`. Evidence: fixtures `helperPlaces-*`, recorded answers of 6.1, 6.12 and 7.2.
 */
import { PATH_FUNCTIONS, SOCKET_OPTION_HOOKS, SOCKET_OPTION_ITERATORS } from '../spec/attachPoints';
import type { HelperRow } from '../spec/helpers';
import { reject, type VerifierEnv } from './env';
import { hookMaySleep } from './hooks';
import { EINVAL } from './outcome';

/** A helper that programs of this type may not call in general, but from some hooks and iterators. */
export function allowedFromHere(env: VerifierEnv, row: HelperRow): boolean {
  if (row.name !== 'bpf_setsockopt' && row.name !== 'bpf_getsockopt') return false;
  const target = env.program.attachTo ?? '';
  if (env.program.attachType === 'BPF_TRACE_ITER') return SOCKET_OPTION_ITERATORS.has(target);
  return env.program.attachType === 'BPF_LSM_CGROUP' && SOCKET_OPTION_HOOKS.has(target);
}

const SOCKET_STORAGE = new Set<string>(['bpf_sk_storage_get', 'bpf_sk_storage_delete']);
const FILE_HASHES = new Set<string>(['bpf_ima_inode_hash', 'bpf_ima_file_hash']);

function mayCallFrom(env: VerifierEnv, name: string): boolean {
  const { type, attachType, attachTo = '' } = env.program;
  if (name === 'bpf_d_path') {
    if (attachType === 'BPF_TRACE_ITER') return true;
    if (type === 'BPF_PROG_TYPE_LSM') return hookMaySleep(env, attachTo);
    return PATH_FUNCTIONS.has(attachTo);
  }
  if (FILE_HASHES.has(name)) return type === 'BPF_PROG_TYPE_LSM' && hookMaySleep(env, attachTo);
  if (!SOCKET_STORAGE.has(name)) return true;
  // programs of system calls get it from tracing programs, but attach to nothing that could have it
  if (type === 'BPF_PROG_TYPE_SYSCALL') return false;
  if (type !== 'BPF_PROG_TYPE_TRACING') return true;
  // a program that traces the storage of sockets must not use it
  if (attachType === 'BPF_TRACE_RAW_TP' || attachType === 'BPF_TRACE_ITER') return true;
  const traced =
    attachType === 'BPF_TRACE_FENTRY' ||
    attachType === 'BPF_TRACE_FEXIT' ||
    attachType === 'BPF_TRACE_FSESSION';
  return traced && !attachTo.startsWith('bpf_sk_storage');
}

export function checkHelperPlace(env: VerifierEnv, row: HelperRow): void {
  if (mayCallFrom(env, row.name)) return;
  reject(env, {
    code: 'helper-not-for-program',
    category: 'Policy',
    errno: EINVAL,
    message: 'helper call is not allowed in probe',
    facts: { helper: row.name, programType: env.program.type },
  });
}
