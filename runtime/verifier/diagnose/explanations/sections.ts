/** Refusals about what is taken and must be given back: locks, references, RCU, preemption and interrupt sections. */
import { functionAt } from '../names';
import { row, type Row, type Scene } from './words';

export const SECTION_EXPLANATIONS: Readonly<Record<string, Row>> = {
  'lock-direct-access': row(
    (s) =>
      `This access may touch '${s.fact('field')}' (struct bpf_spin_lock) in the value of map '${s.fact('map')}'.`,
    'Access the members around the lock one by one.',
  ),
  'lock-offset-not-constant': row(
    'The lock is reached with an index that is not known when the program is loaded.',
    'Take the address of the lock member directly.',
  ),
  'lock-map-without-btf': row(
    (s) =>
      `The kernel has no type information of the values of map '${s.fact('map')}', so it cannot know where the lock is.`,
    'Declare the map with __type(value, …), in a map type that may hold locks.',
  ),
  'lock-missing-in-value': row(
    (s) => `The values of map '${s.fact('map')}' have no struct bpf_spin_lock that this kernel finds.`,
    'Add one struct bpf_spin_lock as a direct member of the value.',
  ),
  'lock-wrong-offset': row(
    (s) =>
      `The pointer is ${s.fact('at')} bytes into the value of map '${s.fact('map')}', but its lock is at byte ${s.fact('fieldOffset')}.`,
    (s) => `Pass the address of the member: &value->${s.fact('field')}.`,
  ),
  'guard-argument': row(
    'The pointer must lead exactly to the bpf_res_spin_lock inside a map value or an allocated object.',
    'Look the value up and pass the address of that field.',
  ),
  'guard-order': row(
    'Locks are taken once each and given back in the reverse order, and only when taking them has returned 0.',
    'Test the result of bpf_res_spin_lock, and release the lock taken last first.',
  ),
  'interrupt-flags': row(
    'The flags of interrupts live in a stack variable that one call saves and the matching call restores, innermost first.',
    'Use one unsigned long variable for each pair of calls and leave it alone between them.',
  ),
  'interrupts-not-restored': row(
    'Interrupts are still off on this path.',
    'Call bpf_local_irq_restore on every path that leads here.',
  ),
  'two-locks': row(
    'The path already holds a lock; a program may hold one at a time.',
    'Unlock the first lock before taking the second.',
  ),
  'unlock-without-lock': row('No lock is held on this path.', 'Take the lock on every path that leads here.'),
  'unlock-of-other-lock': row(
    'The lock that is held belongs to another value than the one being unlocked.',
    'Unlock through the very pointer that was locked.',
  ),
  'call-under-lock': row(
    (s) =>
      `${s.fact('helper') || 'A function'} is called while a spin lock is held; only plain loads, stores and the unlock may happen then.`,
    'Do the call before taking the lock or after releasing it.',
  ),
  'tail-call-under-lock': row('The tail call would leave the program with the lock held.', 'Unlock first.'),
  'socket-filter-uses-lock': row(
    (s) => `Socket filters may not use map '${s.fact('map')}', because its values hold a spin lock.`,
    'Use another program type or a map without a lock.',
  ),
  'tracing-program-uses-lock': row(
    (s) => `Programs of this type may not use map '${s.fact('map')}', because its values hold a spin lock.`,
    'Use atomic operations on values of a map without a lock.',
  ),
  'sleepable-program-uses-lock': row(
    (s) =>
      `Sleepable programs may not use map '${s.fact('map')}' on this kernel, because its values hold a spin lock.`,
    'Make the program non-sleepable, or use atomics.',
  ),
  'release-of-unowned': row(
    (s) =>
      `What is given to ${s.fact('helper') || 'the call'} was not acquired on this path, or was released before.`,
    'Release each record or socket exactly once.',
  ),
  'release-at-offset': row(
    'The pointer was moved since it was acquired.',
    'Release through the original pointer.',
  ),

  'reference-leak': row(
    (s) =>
      s.fact('resource') === ''
        ? `What ${s.fact('acquirer') || 'was acquired before'} returned is still held when ${ending(s)} on this path.`
        : `The ${s.fact('resource')} from ${s.fact('acquirer')} is still held when ${ending(s)} on this path.`,
    (s) =>
      s.fact('release') === ''
        ? 'Release it on every path that leads here.'
        : `Give it back on every path that leads here: ${s.fact('release')}.`,
  ),
  'lock-not-released': row(
    (s) => `${functionAt(s.env, s.insn)}() ends on this path with the spin lock held.`,
    'Unlock on every path before the end.',
  ),
  'rcu-not-released': row(
    'The path ends inside an RCU read section.',
    'Call bpf_rcu_read_unlock on every path.',
  ),
  'preempt-not-enabled': row(
    'The path ends with preemption disabled.',
    'Call bpf_preempt_enable on every path.',
  ),
  'lock-not-held': row(
    'A list or tree may be touched only while the lock beside it (in the same value or object) is held.',
    'Take that lock with bpf_spin_lock before the call and release it after.',
  ),
  'throw-in-region': row(
    'An exception would leave the program with a lock held, or inside an RCU or non-preemptible section.',
    'Leave the section before bpf_throw is called.',
  ),
};

/** The function that ends, where its name is known. */
const ending = (s: Scene): string => {
  const name = functionAt(s.env, s.insn);
  return name === '' ? 'the function ends' : `${name}() ends`;
};
