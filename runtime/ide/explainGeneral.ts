/**
 * What a refusal means when the log does not tell the names that the rule book's rows speak of: older kernels print no map
 * names, none prints members, licences or functions. A row applies when one of `needs` is not known.
 */
import type { Explanation } from '../verifier/diagnose/explanations';

export interface GeneralRow extends Explanation {
  /** Facts without which the rule book's own row would have holes. */
  readonly needs: readonly string[];
}

const row = (needs: string, reason: string, suggestion: string): GeneralRow => ({
  needs: needs.split(' '),
  reason,
  suggestion,
});

const MEMBER = 'Pass the address of the member itself: &value->timer.';

export const GENERAL: Readonly<Record<string, GeneralRow>> = {
  'timer-map-mismatch': row(
    'timerMap map',
    'The timer lives in a value of one map, but bpf_timer_init is told that it belongs to another.',
    'Pass the map that the value was looked up in; for maps in maps, use one lookup for both.',
  ),
  'timer-wrong-offset': row(
    'map field',
    'The pointer does not point at the struct bpf_timer of the value.',
    MEMBER,
  ),
  'timer-map-without-btf': row(
    'map',
    'The kernel has no type information of the values of this map, so it cannot know where the timer is.',
    'Declare the map with __type(key, …) and __type(value, …), and compile with -g; libbpf drops the type information silently when the map may not hold a timer.',
  ),
  'timer-missing-in-value': row(
    'single',
    'The values of this map have no struct bpf_timer that the kernel finds, or not exactly one, or not at a multiple of 8 bytes directly in the value.',
    "Add one struct bpf_timer as a direct member of the map's value struct.",
  ),
  'timer-direct-access': row(
    'map field',
    'The access may touch the struct bpf_timer in the value of a map. Only the timer helpers may.',
    'Access the members around the timer one by one; copy values member by member instead of as a whole.',
  ),
  'timer-callback-return': row(
    'function',
    'The timer callback can return something other than 0.',
    'Return 0 on every path of the callback.',
  ),
  'tracing-program-uses-timer': row(
    'map',
    'Programs of this type may not use this map at all on this kernel, because its values hold a struct bpf_timer.',
    'Start timers from a program type that may (tc, XDP, syscall, fentry …), or use a kernel from 7.0 on.',
  ),
  'lock-direct-access': row(
    'map field',
    'The access may touch the struct bpf_spin_lock in the value of a map.',
    'Access the members around the lock one by one.',
  ),
  'special-field-direct-access': row(
    'map field',
    'The access may touch a member of the value that only its own helpers may touch.',
    'Access the members around it one by one.',
  ),
  'lock-map-without-btf': row(
    'map',
    'The kernel has no type information of the values of this map, so it cannot know where the lock is.',
    'Declare the map with __type(value, …), in a map type that may hold locks.',
  ),
  'lock-missing-in-value': row(
    'map',
    'The values of this map have no struct bpf_spin_lock that the kernel finds.',
    'Add one struct bpf_spin_lock as a direct member of the value.',
  ),
  'lock-wrong-offset': row(
    'map field',
    'The pointer does not point at the struct bpf_spin_lock of the value.',
    'Pass the address of the member itself: &value->lock.',
  ),
  'socket-filter-uses-lock': row(
    'map',
    'Socket filters may not use a map whose values hold a spin lock.',
    'Use another program type or a map without a lock.',
  ),
  'tracing-program-uses-lock': row(
    'map',
    'Programs of this type may not use a map whose values hold a spin lock.',
    'Use atomic operations on values of a map without a lock.',
  ),
  'sleepable-program-uses-lock': row(
    'map',
    'Sleepable programs may not use a map whose values hold a spin lock on this kernel.',
    'Make the program non-sleepable, or use atomics.',
  ),
  'tracing-program-uses-graph': row(
    'map',
    'Programs of this type may not use a map whose values hold a list or tree.',
    'Use another program type.',
  ),
  'tracing-program-uses-workqueue': row(
    'map',
    'Programs of this type may not use a map whose values hold a workqueue on this kernel.',
    'Use another program type.',
  ),
  'map-in-sleepable-program': row(
    'map',
    'One of the maps is of a type that sleepable programs may not use.',
    'Use an array, hash, ring buffer or local storage map, or make the program non-sleepable.',
  ),
  'struct-ops-map': row(
    'map',
    'The map is a table of kernel callbacks, not data for programs.',
    'Do not refer to it from program code.',
  ),
  'null-dereference': row(
    'what',
    'The pointer may be NULL, and no test on this path has excluded that.',
    'Compare it with NULL and leave (or skip the access) if it is.',
  ),
  'maybe-null-argument': row(
    'what',
    'The argument may be NULL, and no test on this path has excluded that.',
    'Compare it with NULL before the call.',
  ),
  'not-a-pointer': row(
    'what',
    'What is dereferenced here is not a pointer that programs may follow.',
    'Keep the pointer unchanged between where it came from and here; kernel addresses are read with bpf_probe_read_kernel.',
  ),
  'argument-type': row(
    'what expected',
    'The argument is not what the helper takes.',
    'Pass what the helper is declared to take; check the order of the arguments.',
  ),
  'out-of-bounds': row(
    'regionBytes at sizeBytes',
    'The access may leave the memory that is there.',
    'Bound the index before the access so that its largest value still fits, or correct the size of the value.',
  ),
  'write-to-read-only': row(
    'map what',
    'This memory is read-only for programs.',
    'Copy the data and change the copy, or drop the read-only flag or const.',
  ),
  'read-from-write-only': row(
    'map',
    'Programs may not read this map.',
    'Drop BPF_F_WRONLY_PROG from the map.',
  ),
  'write-to-map-key': row(
    'map',
    'The key of an element of a map cannot be changed in place.',
    'Delete the element and insert it under the new key.',
  ),
  'misaligned-access': row(
    'sizeBytes',
    'The access is not at a multiple of its size.',
    'Align the variable, or access it in smaller pieces.',
  ),
  'packet-out-of-bounds': row(
    'range off sizeBytes',
    'No comparison with the end of the packet on this path covers these bytes.',
    'Before the access, test that the pointer plus the size does not pass data_end; repeat the test after anything that may move the packet.',
  ),
  'packet-to-helper': row(
    'helper',
    'This helper does not take packet memory in this program type.',
    'Copy the bytes to the stack and pass the copy.',
  ),
  'context-access': row(
    'field kind',
    'Programs of this type may not access the context at this place and size in this way.',
    'Use a field and size that this program type offers, or a helper that does the same.',
  ),
  'size-not-constant': row(
    'helper',
    'This helper needs a size that is known when the program is loaded.',
    'Pass a constant (sizeof), or use the copying variant of the helper.',
  ),
  'helper-not-for-program': row(
    'helper programType',
    'The helper is not offered to programs of this type on this kernel.',
    'Use a helper that this program type has, or another program type.',
  ),
  'helper-needs-gpl': row(
    'helper license',
    "The helper is for GPL-compatible programs only, and the program's licence is not.",
    'Declare a compatible licence: char _license[] SEC("license") = "Dual BSD/GPL";',
  ),
  'helper-may-sleep': row(
    'helper',
    'The helper may sleep, and this code may not.',
    'Make the program sleepable (SEC("….s")), or use a helper that does not sleep; timer callbacks never may.',
  ),
  'map-type-for-helper': row(
    'helper mapType map',
    'The helper does not work on maps of this type.',
    'Use the helpers made for this map type, or another map type.',
  ),
  'string-not-constant': row(
    'helper',
    'The helper needs a constant string in read-only data.',
    'Use a string literal, or a static const char array.',
  ),
  'tail-call-map': row(
    'map',
    'The map is not a program array.',
    'Use a map of type BPF_MAP_TYPE_PROG_ARRAY.',
  ),
  'callback-map-type': row(
    'mapType',
    'Maps of this type cannot be walked with a callback.',
    'Use an array or hash map.',
  ),
  'release-of-unowned': row(
    'helper',
    'What is released here was not acquired on this path, or was released before.',
    'Release each record or socket exactly once.',
  ),
  'reference-leak': row(
    'acquirer',
    'What was acquired on this path (a ring buffer record or a socket) is still held at the end.',
    'Release it on every path: submit or discard the record, release the socket.',
  ),
  'lock-not-released': row(
    'function',
    'The path ends with the spin lock held.',
    'Unlock on every path before the end.',
  ),
  'stack-too-large': row(
    'subprog',
    'The functions of one chain of calls need more than the 512 bytes of stack that they have together. A timer callback starts a chain of its own.',
    'Move large local variables into a map (a per-CPU array serves as scratch space), or shorten the chain.',
  ),
  'callback-return-value': row(
    'function',
    'The callback must return 0 (go on) or 1 (stop).',
    'Return 0 or 1 on every path.',
  ),
  'callback-return': row(
    'function',
    'The callback must return 0 (go on) or 1 (stop).',
    'Return 0 or 1 on every path.',
  ),
  'kernel-struct-access': row(
    'struct',
    'The access leaves the kernel structure, or its place in it is not constant.',
    'Read members by name.',
  ),
  'kernel-struct-needs-gpl': row(
    'struct license',
    'Following kernel pointers is for GPL-compatible programs only.',
    'Declare a compatible licence, or read with bpf_probe_read_kernel.',
  ),
  'program-return': row(
    'min max',
    'Programs of this type must return one of a few values, and this one can return another.',
    'Return one of the allowed values on every path; mask or test values that come from elsewhere.',
  ),
  'return-not-a-number': row(
    'function',
    'The function returns a pointer instead of a number.',
    'Return a number.',
  ),
};
