/** Refusals about dynptrs and iterators. */
import { row, type Row } from './words';

export const DYNPTR_EXPLANATIONS: Readonly<Record<string, Row>> = {
  'dynptr-overwritten': row(
    'The stack slots being written hold a dynptr. Some of its bytes would be lost, and with them what it must give back.',
    'Give the dynptr back first (submit or discard it), or write to other stack.',
  ),
  'dynptr-not-uninitialized': row(
    'The call makes a new dynptr, so it wants stack of its own: 16 bytes at a fixed, aligned place. A dynptr that the kernel passed in, or a place that holds one, will not do.',
    'Pass the address of a local struct bpf_dynptr that is not in use.',
  ),
  'dynptr-not-initialized': row(
    'There is no dynptr there: none was made on this path, it was given back, a write destroyed it, or the pointer is not to its beginning.',
    'Make the dynptr on every path that leads here, and use its own address.',
  ),
  'dynptr-kind': row(
    'The dynptr is of another kind than the call works with.',
    'Pass a dynptr made by the matching function; ring buffer calls want one from bpf_ringbuf_reserve_dynptr.',
  ),
  'dynptr-offset': row(
    'The pointer is into the middle of a dynptr, or not aligned to eight bytes.',
    'Pass the address of the struct bpf_dynptr itself.',
  ),
  'dynptr-constant': row(
    'This dynptr belongs to the kernel: the callback or function may read and write its data, but not change the dynptr or give it back.',
    'Leave it alone: whoever made the dynptr gives it back.',
  ),
  'dynptr-not-acquired': row(
    'Nothing is there to give back: the dynptr was never reserved on this path, or it was given back before.',
    'Submit or discard each reserved dynptr exactly once, also when the reservation failed.',
  ),
  'dynptr-argument': row(
    (s) =>
      `The call wants the address of a dynptr in the stack; this is ${s.what === '' ? 'something else' : s.what}.`,
    'Keep the struct bpf_dynptr in a local variable and pass its address.',
  ),
  'dynptr-memory': row(
    (s) =>
      `A dynptr over memory needs a value of a map behind it; this is ${s.what === '' ? 'something else' : s.what}.`,
    'Keep the data in a map and look it up first.',
  ),
  'iterator-argument': row(
    'An iterator lives in the stack of the program that uses it, and is passed by its address.',
    'Keep the struct bpf_iter_… in a local variable and pass its address.',
  ),
  'iterator-not-uninitialized': row(
    'A live iterator is in that place already: creating another one would lose it.',
    'Destroy the iterator first, or use another variable.',
  ),
  'iterator-not-initialized': row(
    'There is no iterator of that type there: none was created on this path, it was destroyed, or a write damaged it.',
    'Call the matching _new first, and _destroy exactly once, at the end.',
  ),
  'iterator-outside-rcu': row(
    'The RCU section in which the iterator was created has ended (or there was none), so its elements may be gone.',
    'Create, use and destroy the iterator between one bpf_rcu_read_lock and its bpf_rcu_read_unlock.',
  ),
  'kfunc-outside-rcu': row(
    'What this function works on is kept alive by RCU only, and no RCU section is open here.',
    'Call bpf_rcu_read_lock before, and bpf_rcu_read_unlock when the results are no longer used.',
  ),
  'iterator-context': row(
    "Iterating over a cgroup's tasks takes a lock that programs of this kind could deadlock on.",
    'Do it in a sleepable program, an LSM program or an iterator program.',
  ),
};
