/**
 * What each refusal means for the user's program, and what to do: one row per code of the rule book. Rows speak of maps,
 * fields and functions by name where the refusal recorded them; they never repeat the kernel's message.
 */
import { helperByName } from '../../spec/helpers';
import { poisonedCall } from '../../spec/poisonedCalls';
import type { RejectionData } from '../outcome';
import { byMessage } from './explanationsByMessage';
import { STRUCTURE_EXPLANATIONS } from './explanationsStructure';
import { functionAt, type Named } from './names';

export interface Explanation {
  readonly reason: string;
  readonly suggestion: string;
}

/** What a row may look at. */
export interface Scene {
  readonly env: Named;
  readonly data: RejectionData;
  /** Slot of the refused instruction; -1 when refused before the walk. */
  readonly insn: number;
  /** What the first refused register holds, in words; '' if none. */
  readonly what: string;
  readonly fact: (name: string) => string;
}

type Row = (scene: Scene) => Explanation;

const row =
  (reason: string | ((s: Scene) => string), suggestion: string | ((s: Scene) => string)): Row =>
  (scene) => ({
    reason: typeof reason === 'string' ? reason : reason(scene),
    suggestion: typeof suggestion === 'string' ? suggestion : suggestion(scene),
  });

const timerStruct = 'struct bpf_timer';

export const EXPLANATIONS: Readonly<Record<string, Row>> = {
  // dynptrs and iterators
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
  'bad-format': row(
    'The format string has a conversion that printing helpers do not know, a character that cannot be printed, or more conversions than arguments.',
    'Use %d %i %u %x %X (with l or ll), %c, %s, %p and its kinds, and pass eight bytes for each.',
  ),
  // timers
  'timer-map-mismatch': row(
    (s) =>
      s.fact('inner') === '1'
        ? `The timer lives in an inner map that one lookup returned, and bpf_timer_init names another. Each lookup in the outer map counts as a map of its own, even with the same key.`
        : `The timer lives in a value of map '${s.fact('timerMap')}', but bpf_timer_init is told that it belongs to map '${s.fact('map')}'.`,
    (s) =>
      s.fact('inner') === '1'
        ? 'Use one lookup in the outer map, and pass its result both to the lookup of the value and to bpf_timer_init.'
        : `Pass &${s.fact('timerMap')}, the map that the value was looked up in.`,
  ),
  'timer-wrong-offset': row(
    (s) =>
      `The pointer is ${s.fact('at')} bytes into the value of map '${s.fact('map')}', but the value's ${timerStruct} ('${s.fact('field')}') is at byte ${s.fact('fieldOffset')}.`,
    (s) => `Pass the address of the member: &value->${s.fact('field')}.`,
  ),
  'timer-offset-not-constant': row(
    'The timer is reached with an index that is not known when the program is loaded. A value has one timer at one fixed place.',
    'Take the address of the timer member directly; to choose between timers, choose between map elements.',
  ),
  'timer-map-without-btf': row(
    (s) =>
      s.fact('why') === ''
        ? `The kernel has no type information of the values of map '${s.fact('map')}', so it cannot know where the timer is.`
        : `The kernel refused the type information of map '${s.fact('map')}' because ${s.fact('why')}; libbpf then created the map without it, silently, so that no timer in it can be used.`,
    (s) =>
      s.fact('why') === ''
        ? 'Declare the map with __type(key, …) and __type(value, …) instead of key_size and value_size, and compile with -g.'
        : 'Put the timer into an array, hash or LRU hash map that programs may write, without a spin lock in an LRU map.',
  ),
  'timer-missing-in-value': row(
    (s) => `The values of map '${s.fact('map')}' have no ${timerStruct} that this kernel finds.`,
    `Add a ${timerStruct} as a direct member of the map's value struct.`,
  ),
  'timer-many-in-value': row(
    (s) => `The values of map '${s.fact('map')}' have more than one ${timerStruct}; a value can have one.`,
    'Split the timers over two maps, or let one timer serve both purposes.',
  ),
  'timer-mangled-in-value': row(
    (s) =>
      `The ${timerStruct} in the values of map '${s.fact('map')}' is not at a multiple of 8 bytes, or not a direct member of a struct.`,
    'Remove "packed", or move the timer to an offset that is a multiple of 8.',
  ),
  'timer-on-rt': row(
    'Kernels with PREEMPT_RT do not offer bpf_timer.',
    'Use a kernel without PREEMPT_RT, or another mechanism.',
  ),
  'timer-direct-access': row(
    (s) =>
      `${s.fact('direct') === '1' ? 'This access' : 'The helper'} may touch bytes ${s.fact('fieldOffset')}–${Number(s.fact('fieldOffset')) + Number(s.fact('fieldSize')) - 1} of the value of map '${s.fact('map')}', where '${s.fact('field')}' (${timerStruct}) is. Only the timer helpers may.`,
    'Access the members around the timer one by one; copy values member by member instead of as a whole.',
  ),
  'timer-callback-return': row(
    (s) => `The callback ${functionAt(s.env, s.insn)}() can return something other than 0${valued(s)}.`,
    'Return 0 on every path of the callback.',
  ),
  'tracing-program-uses-timer': row(
    (s) =>
      `Programs of this type may not use map '${s.fact('map')}' at all on this kernel, because its values hold a ${timerStruct}.`,
    'Start timers from a program type that may (tc, XDP, syscall, fentry …), or use a kernel from 7.0 on.',
  ),
  // locks
  'lock-direct-access': row(
    (s) =>
      `This access may touch '${s.fact('field')}' (struct bpf_spin_lock) in the value of map '${s.fact('map')}'.`,
    'Access the members around the lock one by one.',
  ),
  'special-field-direct-access': row(
    (s) =>
      `This access may touch '${s.fact('field')}' (struct ${s.fact('fieldKind')}) in the value of map '${s.fact('map')}', which only its own helpers may.`,
    'Access the members around it one by one.',
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
  trap: row(
    'The compiler found that this path uses a variable without a value and put a trap in its place.',
    "Give the variable a value on every path, and heed the compiler's warnings.",
  ),
  'arena-without-address': row(
    'An arena needs a place in user space before a program that uses it is loaded.',
    'Map the arena into memory first, or give its address as map_extra when it is created.',
  ),
  'two-arenas': row(
    'A program may use one arena only, and this one names two.',
    'Put the data of both into one arena, or split the program.',
  ),
  'cast-without-arena': row(
    'A cast between address spaces belongs to an arena, and this program names none.',
    'Use the arena map in this program, or take the cast out.',
  ),
  'arena-signed-load': row(
    'This kernel cannot load signed values narrower than the register from an arena.',
    'Load into an unsigned variable and convert it, or build with -mcpu=v3.',
  ),
  'work-argument': row(
    'The pointer must lead exactly to the bpf_wq or bpf_task_work inside a map value.',
    'Look the value up and pass the address of that field.',
  ),
  'map-argument': row(
    'This argument must be a map, and where work in a map value stands before it, the map that the value came from.',
    'Pass the address of that map itself.',
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
  'tracing-program-uses-graph': row(
    (s) =>
      `Programs of this type may not use map '${s.fact('map')}', because its values hold a list or tree.`,
    'Use another program type.',
  ),
  'tracing-program-uses-workqueue': row(
    (s) =>
      `Programs of this type may not use map '${s.fact('map')}' on this kernel, because its values hold a workqueue.`,
    'Use another program type.',
  ),
  'map-in-sleepable-program': row(
    (s) => `Map '${s.fact('map')}' is of a type that sleepable programs may not use.`,
    'Use an array, hash, ring buffer or local storage map, or make the program non-sleepable.',
  ),
  'two-group-storages': row(
    'The program names a second cgroup storage of the same kind; the kernel hands a program one of each.',
    'Put both values into one map.',
  ),
  'direct-value': row(
    'The instruction takes an address inside a map value that the kernel cannot give out.',
    'Take addresses inside the one value of an array map, or look the value up.',
  ),
  'function-records': row(
    'The debug information lists other functions than the calls of the program lead to.',
    'Let the compiler and the loader write it.',
  ),
  'attach-number': row(
    'The number that names what the program attaches to is missing, or is no such thing in the types of this kernel.',
    'Name the target in the section of the program, and let the loader find its number.',
  ),
  'stack-argument-missing': row(
    'The function has more than five arguments, and the caller left out one of those that go over the stack.',
    'Pass at most five arguments, or a pointer to a struct.',
  ),
  'too-many-functions': row(
    'The program has more functions than a kernel lets one program have.',
    'Merge or inline some.',
  ),
  'compiler-trap': row(
    'The compiler put a trap here: on this way the program does what C gives no meaning to, such as using a variable that was never set.',
    'Initialise the variable, and heed the warnings of the compiler.',
  ),
  'attach-closed': row(
    'Tracing programs themselves run through this function, so none may attach to it.',
    'Attach to one of its callers.',
  ),
  'too-many-maps': row('The program names more maps than a kernel lets one program have.', 'Merge maps.'),
  'map-without-object': row(
    'The instruction names a map by a number of the loading process, and no map of the object belongs to it.',
    'Refer to the map by its symbol, so that the loader puts the number in.',
  ),
  'line-without-instruction': row(
    'The line information names a place where no instruction stands: an opcode of zero, or the second half of a wide load.',
    'Compile again; if the instructions are written by hand, correct them.',
  ),
  'jump-without-table': row(
    'The indirect jump has no table: no array of instructions in this object leads into its function.',
    'Let the compiler make the table, or use a direct jump.',
  ),
  'void-hook-result': row(
    'The hook that the program attaches to returns nothing, so there is no result that the program could set.',
    'Attach to a hook that returns a number.',
  ),
  'struct-ops-map': row(
    (s) => `Map '${s.fact('map')}' is a table of kernel callbacks, not data for programs.`,
    'Do not refer to it from program code.',
  ),
  // pointers and memory
  'null-dereference': row(
    (s) => `The pointer is ${s.what}, and no test on this path has excluded NULL.`,
    'Compare it with NULL and leave (or skip the access) if it is.',
  ),
  'maybe-null-argument': row(
    (s) => `The argument is ${s.what}, and no test on this path has excluded NULL.`,
    'Compare it with NULL before the call.',
  ),
  'not-a-pointer': row(
    (s) =>
      s.what === 'the number 0'
        ? 'The pointer is NULL on this path.'
        : `What is dereferenced here is ${s.what}, not a pointer that programs may follow.${gone(s)}`,
    (s) =>
      s.what === 'the number 0'
        ? 'Compare it with NULL and leave (or skip the access) if it is.'
        : s.fact('gone') === ''
          ? 'Keep the pointer unchanged between where it came from and here; kernel addresses are read with bpf_probe_read_kernel.'
          : 'Do what needs the pointer before that call, or get it anew after it (and test it again).',
  ),
  'out-of-bounds': row(
    (s) =>
      s.fact('type') === 'mapKey'
        ? `The access reaches byte ${s.fact('at')} of a key of map '${s.fact('map')}' with ${s.fact('sizeBytes')} bytes; keys are ${s.fact('regionBytes')} bytes.`
        : s.fact('map') === ''
          ? `The ${s.fact('sizeBytes')}-byte access at offset ${s.fact('at')} leaves the ${s.fact('regionBytes')} bytes that are there${index(s)}.`
          : `The ${s.fact('sizeBytes')}-byte access at offset ${s.fact('at')} leaves the value of map '${s.fact('map')}', which is ${s.fact('regionBytes')} bytes long${index(s)}.`,
    (s) =>
      s.fact('fixed') === '1'
        ? 'Stay within the object: the offset is a constant, so the index or the type used here is larger than the object.'
        : 'Bound the index before the access so that its largest value still fits, or correct the size of the value.',
  ),
  'unbounded-offset': row(
    'The index has no upper bound that the verifier knows on this path.',
    'Compare the index with the size before the access (and keep it unsigned), or mask it.',
  ),
  'negative-offset': row(
    'The index may be negative: it is signed, and no test on this path excludes values below 0.',
    'Make the index unsigned, or test that it is at least 0.',
  ),
  'negative-size': row('The size may be negative.', 'Make the size unsigned, or mask it.'),
  'zero-size': row(
    (s) =>
      takesKeyOnly(s)
        ? `The keys of this map have no bytes, so ${s.fact('callee')} has nothing to look for.`
        : 'The size may be 0, and this helper needs at least one byte.',
    (s) =>
      takesKeyOnly(s)
        ? 'Use the helpers that are made for this type of map.'
        : 'Test that the size is not 0 before the call.',
  ),
  'unbounded-size': row(
    'The size has no upper bound that the verifier knows on this path.',
    'Compare the size with the size of the buffer before the call, or mask it.',
  ),
  'size-not-constant': row(
    (s) => `${s.fact('helper')} needs a size that is known when the program is loaded.`,
    'Pass a constant (sizeof), or use the copying variant of the helper.',
  ),
  'misaligned-access': row(
    (s) => `The access of ${s.fact('sizeBytes')} bytes is not at a multiple of ${s.fact('sizeBytes')}.`,
    'Align the variable, or access it in smaller pieces.',
  ),
  'write-to-read-only': row(
    (s) =>
      s.fact('map')
        ? `Programs may not write to map '${s.fact('map')}'.`
        : `${s.what || 'This memory'} is read-only.`,
    'Copy the data and change the copy, or drop the read-only flag or const.',
  ),
  'read-from-write-only': row(
    (s) => `Programs may not read map '${s.fact('map')}'.`,
    'Drop BPF_F_WRONLY_PROG from the map.',
  ),
  'write-to-map-key': row(
    (s) => `The key of an element of map '${s.fact('map')}' cannot be changed in place.`,
    'Delete the element and insert it under the new key.',
  ),
  'write-to-map-pointer': row(
    'A map is not memory; its elements are reached with helpers.',
    'Use bpf_map_lookup_elem or bpf_map_update_elem.',
  ),
  'modified-pointer': row(
    (s) =>
      `This pointer${s.what === '' ? '' : ` (${s.what})`} was moved by arithmetic; it may be used only as it came.`,
    'Use the original pointer, and let the offset be part of the access.',
  ),
  'packet-out-of-bounds': row(
    (s) =>
      Number(s.fact('range')) <= 0
        ? 'No comparison with the end of the packet on this path covers these bytes.'
        : `Comparisons with the end of the packet have proven ${s.fact('range')} bytes, the access needs bytes up to ${Number(s.fact('off')) + Number(s.fact('sizeBytes'))}.`,
    'Before the access, test that the pointer plus the size does not pass data_end; repeat the test after anything that may move the packet.',
  ),
  'packet-read-only': row(
    'Programs of this type may read the packet but not write to it.',
    'Use bpf_skb_store_bytes, or another program type.',
  ),
  'packet-to-helper': row(
    (s) => `${s.fact('helper')} does not take packet memory in this program type.`,
    'Copy the bytes to the stack and pass the copy.',
  ),
  'context-access': row(
    (s) =>
      s.fact('field') === ''
        ? 'There is no field of the context at this place and size.'
        : `Programs of this type may not ${s.fact('kind') === 'write' ? 'write' : 'read'} the context field '${s.fact('field')}' with ${s.fact('sizeBytes')} bytes.`,
    'Use a field and size that this program type offers, or a helper that does the same.',
  ),
  'socket-access': row(
    (s) => `A ${s.fact('type')} has no field of ${s.fact('sizeBytes')} bytes at byte ${s.fact('off')}.`,
    'Read whole members of struct bpf_sock, bpf_tcp_sock or bpf_xdp_sock; what only full sockets have needs bpf_sk_fullsock first.',
  ),
  'flow-keys-access': row(
    (s) => `The ${s.fact('sizeBytes')} bytes at byte ${s.fact('off')} are not inside struct bpf_flow_keys.`,
    'Use the members of struct bpf_flow_keys.',
  ),
  'struct-ops-needs-gpl': row(
    'Programs that implement an operation table of the kernel must have a GPL compatible licence.',
    'Use a GPL-compatible licence, such as "GPL" or "Dual BSD/GPL".',
  ),
  'struct-ops-table': row(
    'The struct that the program is to implement a member of is not one that this kernel lets programs implement.',
    'Choose a table that this kernel offers: its BTF has a struct bpf_struct_ops_… for each.',
  ),
  'struct-ops-member': row(
    'This member of the operation table cannot be implemented by this program: it is no function, it is closed to programs, or it may not sleep.',
    'Leave the member out; a program that sleeps (struct_ops.s) can implement only members that may sleep.',
  ),
  'program-may-not-sleep': row(
    'On this kernel programs of this type cannot sleep.',
    'Drop the ".s" from the section name, or choose a newer kernel.',
  ),
  'load-flags': row(
    'The load asks for program flags that this kernel does not know.',
    'Clear the flags that the kernel has no name for.',
  ),
  'load-attach-type': row(
    'Programs of this type cannot be loaded with this expected attach type.',
    'Set expected_attach_type to one that belongs to the program type; some types have no default.',
  ),
  'kernel-struct-write': row(
    (s) =>
      `Programs of this type may change only some members of kernel structs, and byte ${s.fact('off')} of struct ${s.fact('struct')} is in none of them.`,
    'Store whole members that the operation table may change, or keep the value in a map.',
  ),
  'kernel-struct-as-memory': row(
    (s) =>
      `${s.fact('helper')} may change the memory that it gets, and programs may only read kernel structs.`,
    'Copy what is needed to the stack or to a map value and pass that.',
  ),
  'attach-prototype': row(
    (s) =>
      `Kernel function ${s.fact('target')} has arguments or a result that tracing programs cannot be given: too many, variable, or structs by value.`,
    'Trace a function with a plain prototype, or use a kprobe.',
  ),
  'retval-range': row(
    'bpf_set_retval takes 0 or a negative error number down to -4095, and the value here may be something else.',
    'Compare the value with these bounds before the call.',
  ),
  'program-type-missing': row(
    (s) =>
      `This kernel has no programs of type ${s.fact('programType')}: it is too old, or built without them.`,
    'Choose a kernel that has this program type, or leave the program out with SEC("?…").',
  ),
  // registers, stack
  'uninitialized-register': row(
    (s) =>
      s.fact('clobberer') === ''
        ? `R${s.data.registers?.[0] ?? 0} has no value here: nothing on this path has set it.`
        : `R${s.data.registers?.[0] ?? 0} has no value here: ${s.fact('clobberer')} destroyed it.`,
    'Set the variable on every path before it is used; after calls only R6–R9 and the stack keep their values.',
  ),
  'frame-pointer-write': row(
    'R10 is the frame pointer and cannot be changed.',
    'Copy it to another register first.',
  ),
  // helpers
  'argument-type': row(
    (s) =>
      `Argument ${s.data.registers?.[0] ?? '?'} is ${s.what}; ${s.fact('callee') || 'the helper'} wants ${wanted(s)}.${gone(s)}`,
    (s) =>
      s.fact('callee').startsWith('bpf_timer_') && s.data.registers?.[0] === 1
        ? 'Pass the address of the struct bpf_timer inside a map value that was looked up and tested for NULL; a timer on the stack or in a global variable cannot be.'
        : 'Pass what the helper is declared to take; check the order of the arguments.',
  ),
  'no-such-helper': row(
    (s) => s.fact('missing') || 'This kernel has no helper of that number.',
    (s) => REMEDIES[poisonedCall(Number(s.fact('id'))) ?? 'helper'],
  ),
  'helper-not-for-program': row(
    (s) =>
      `${s.fact('helper')} is not offered to programs of type ${s.fact('programType')} on this kernel${s.fact('offered') === '' ? '' : `; these types have it: ${s.fact('offered')}`}.`,
    'Use a helper that this program type has, or another program type.',
  ),
  'helper-needs-gpl': row(
    (s) =>
      `${s.fact('helper')} is for GPL-compatible programs only, and this object's licence is '${s.fact('license')}'.`,
    'Declare a compatible licence: char _license[] SEC("license") = "Dual BSD/GPL";',
  ),
  'helper-may-sleep': row(
    (s) => `${s.fact('helper') || 'What is called here'} may sleep, and this code may not.`,
    'Make the program sleepable (SEC("….s")), or use a helper that does not sleep; timer callbacks never may.',
  ),
  'helper-without-map': row('The call has no map argument before this one.', ''),
  'map-type-for-helper': row(
    (s) => `${s.fact('helper')} does not work on maps of type ${s.fact('mapType')} ('${s.fact('map')}').`,
    'Use the helpers made for this map type, or another map type.',
  ),
  'string-not-constant': row(
    (s) => `${s.fact('helper')} needs a constant string in read-only data.`,
    'Use a string literal, or a static const char array.',
  ),
  'helper-flags': row('This helper takes no flags.', 'Pass 0.'),
  'tail-call-map': row(
    (s) => `Map '${s.fact('map')}' is not a program array.`,
    'Use a map of type BPF_MAP_TYPE_PROG_ARRAY.',
  ),
  'callback-map-type': row(
    (s) => `Maps of type ${s.fact('mapType')} cannot be walked with a callback.`,
    'Use an array or hash map.',
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
  'pointer-offset-range': row(
    'The number added to the pointer may be so large or so negative that the pointer could leave its object by far.',
    'Make the index unsigned and compare it with the size before adding it.',
  ),
  'pointer-arithmetic': row(
    (s) => `This arithmetic is not possible on ${s.what || 'this pointer'}.`,
    'Add or subtract bounded numbers only; compute with a number and add it to the pointer last.',
  ),
  'pointer-may-be-null': row(
    (s) => `The pointer is ${s.what || 'possibly NULL'}, and it is moved before any test has excluded NULL.`,
    'Compare the pointer with NULL before computing with it.',
  ),
  'mixed-pointers': row(
    'The same instruction is reached with pointers of different kinds, which the kernel compiles differently.',
    'Split the code so that each kind of pointer has its own access.',
  ),
  'stack-out-of-bounds': row(
    'The access leaves the 512 bytes of stack of this function, or the variable that it is meant for.',
    'Correct the size, use a smaller buffer, or keep large data in a map.',
  ),
  'stack-uninitialized': row(
    'Bytes of the stack are read that were not written on this path.',
    'Initialise the whole variable (= {}), padding included, before it is read or passed on.',
  ),
  'stack-variable-offset': row(
    'The stack is accessed with an index that has no known bounds.',
    'Bound the index before the access.',
  ),
  'stack-too-large': row(
    (s) =>
      `The call chain ${s.fact('chain') || `that ends in ${s.fact('subprog') || functionAt(s.env, s.insn)}()`} needs more than the 512 bytes of stack that all its functions have together. A timer callback starts a chain of its own.`,
    'Move large local variables into a map (a per-CPU array serves as scratch space), or shorten the chain.',
  ),
  'call-stack-too-deep': row(
    'The chain of calls is deeper than 8 functions, or recursive.',
    'Inline functions, or turn recursion into a loop.',
  ),
  'tail-call-stack': row(
    'A function of this chain makes a tail call, which leaves only 256 bytes of stack to its callers.',
    'Reduce the stack of the callers, or move the tail call to the main function.',
  ),
  'tail-call-in-callback': row(
    'A callback cannot make a tail call.',
    'Make the tail call after the helper that runs the callback.',
  ),
  'partial-spill-of-pointer': row(
    'A pointer on the stack would be overwritten in part.',
    'Store pointers whole.',
  ),
  'partial-fill-of-pointer': row('A pointer on the stack is read in part.', 'Load pointers whole.'),
  'stack-pointer-escapes': row(
    "The address of this function's stack would outlive the function.",
    'Copy the data instead of its address.',
  ),
  'returns-stack-pointer': row(
    'The function returns the address of its own stack.',
    'Return the data, or write it to memory that the caller gave.',
  ),
  'atomic-target': row(
    (s) => `Atomic operations do not work on ${s.what || 'this memory'}.`,
    'Use atomics on map values or the stack.',
  ),
  'callback-not-static': row(
    'The callback is a global function; the kernel takes static ones only.',
    'Declare the callback static.',
  ),
  'callback-without-btf': row(
    'The program has no type information of its functions, which callbacks need.',
    'Compile with -g.',
  ),
  'callback-is-main': row('The program itself cannot be a callback.', 'Write a static function of its own.'),
  'callback-map-varies': row(
    'The same call is reached with different maps, which this kernel does not take.',
    'Write one call per map.',
  ),
  'callback-return-value': row(
    (s) => `${functionAt(s.env, s.insn)}() must return 0 (go on) or 1 (stop).`,
    'Return 0 or 1 on every path.',
  ),
  'global-function-argument': row(
    'The argument does not fit the declared type of the global function, which is verified on its own.',
    'Pass what the declaration says, or make the function static.',
  ),
  'global-function-prototype': row(
    'Global functions take and return plain numbers, the context, and pointers to data of known size.',
    'Change the prototype, or make the function static.',
  ),
  'attach-not-sleepable': row(
    (s) => `A program that may sleep cannot be attached to ${s.fact('target')} on this kernel.`,
    'Drop the ".s" from the section name, or attach somewhere that may sleep.',
  ),
  'attach-not-replaceable': row(
    (s) => `This kernel does not let programs replace what ${s.fact('target') || 'this function'} returns.`,
    'Attach with fentry or fexit, or to a security hook.',
  ),
  'hook-needs-gpl': row(
    'Security programs must have a GPL-compatible licence, and this object has none.',
    'Declare a compatible licence in the license section.',
  ),
  'closed-hook': row(
    (s) => `The security hook ${s.fact('target')} is closed to programs on this kernel.`,
    'Choose another hook.',
  ),
  'kfunc-argument': row(
    'An argument does not fit what the kernel function wants: its type, its size, or where it points.',
    'Compare the call with the prototype of the function in vmlinux.h.',
  ),
  'kfunc-untrusted': row(
    'The kernel function wants a pointer whose target is sure to live; this one was found by following other pointers.',
    'Acquire the object first, or take it from an argument of the program, under bpf_rcu_read_lock where that is enough.',
  ),
  'kfunc-needs-gpl': row(
    'Kernel functions are for GPL-compatible programs only.',
    'Declare a compatible licence in the license section.',
  ),
  'kfunc-not-for-program': row(
    'Programs of this type may not call that kernel function.',
    'Use another function, or another program type.',
  ),
  'kfunc-may-sleep': row(
    'The kernel function may sleep, and this program must not.',
    'Make the program sleepable (".s" in its section name), or call it from one that is.',
  ),
  'kfunc-section': row(
    'RCU sections and disabled preemption must be entered and left in pairs, and nothing in them may sleep.',
    'Match every lock with one unlock on every path, and sleep outside.',
  ),
  'lock-not-held': row(
    'A list or tree may be touched only while the lock beside it (in the same value or object) is held.',
    'Take that lock with bpf_spin_lock before the call and release it after.',
  ),
  'throw-in-region': row(
    'An exception would leave the program with a lock held, or inside an RCU or non-preemptible section.',
    'Leave the section before bpf_throw is called.',
  ),
  'drop-in-tracing': row(
    'The object owns others, or is linked; a tracing program may run in an interrupt that nothing masks, where they cannot be given back.',
    'Keep such objects in programs of other types, or hand the object to a map and drop it there.',
  ),
  'exception-callback': row(
    'The function that a program names as its exception callback is a global one with a single number as argument, and is called by nothing else.',
    'Name one global function `int NAME(u64 cookie)` with __exception_cb, and do not call it.',
  ),
  'lock-in-tree-callback': row(
    'The comparison function of a tree runs with the lock of the tree held, and must leave it as it is.',
    'Only compare the two nodes in it.',
  ),
  'throw-in-callback': row(
    'Functions that helpers call back must return to them: they may not throw.',
    'Return a value from the callback and throw behind the helper call.',
  ),
  'kptr-access': row(
    'Kernel pointers in map values may be loaded whole, but owned ones are changed with bpf_kptr_xchg only.',
    'Use bpf_kptr_xchg to store, and a plain eight-byte load to look.',
  ),
  'kptr-argument': row(
    'The first argument of bpf_kptr_xchg does not point at an owned kernel pointer in a map value.',
    'Pass the address of a __kptr member of the value.',
  ),
  'kptr-type': row(
    'The pointer is of another struct than the one that the map value keeps.',
    'Store only pointers of the struct that the member is declared with.',
  ),
  'buffer-access': row(
    'The buffer of an iterator or tracepoint is read and written at constant, non-negative offsets only.',
    'Access it through a pointer to the struct that it holds.',
  ),
  'kernel-struct-access': row(
    (s) => `The access leaves struct ${s.fact('struct')}, or its place in it is not constant.`,
    'Read members by name.',
  ),
  'kernel-struct-needs-gpl': row(
    (s) =>
      `Following kernel pointers (struct ${s.fact('struct')}) is for GPL-compatible programs, and this object's licence is '${s.fact('license')}'.`,
    'Declare a compatible licence, or read with bpf_probe_read_kernel.',
  ),
  'infinite-loop': row(
    'The path comes back to the same place with nothing changed, so the loop would never end.',
    'Give the loop a counter that changes and a bound that is tested.',
  ),
  'back-edge': row(
    'The program jumps backwards, which this kernel does not allow here.',
    'Unroll the loop or use bpf_loop.',
  ),
  'too-complex': row(
    'The program has more paths than the verifier is willing to walk.',
    'Reduce branches inside loops, move code into global functions, or use bpf_loop.',
  ),
  'unreachable-code': row(
    'Some instructions can never be reached.',
    'Remove them; the compiler usually does.',
  ),
  'falls-off-end': row(
    'The last instruction is neither an exit nor a jump.',
    'End every function with a return.',
  ),
  'division-by-zero': row('The constant divisor is 0.', 'Divide by something else.'),
  // returns
  'program-return': row(
    (s) =>
      `Programs of this type must return ${s.fact('min') === s.fact('max') ? s.fact('min') : `a value from ${s.fact('min')} to ${s.fact('max')}`}; this path returns ${s.what || 'something else'}${valued(s)}.`,
    'Return one of the allowed values on every path; mask or test values that come from elsewhere.',
  ),
  'callback-return': row(
    (s) => `${functionAt(s.env, s.insn)}() must return 0 (go on) or 1 (stop).`,
    'Return 0 or 1 on every path.',
  ),
  'return-not-a-number': row(
    (s) => `${functionAt(s.env, s.insn)}() returns ${s.what || 'a pointer'} instead of a number.`,
    'Return a number.',
  ),
  'program-must-sleep': row(
    'Programs of this type exist only as sleepable ones.',
    'Use SEC("syscall") as libbpf does.',
  ),
  // kernel functions and kernel pointers
  'invalid-opcode': row(
    'The kernel knows no such instruction.',
    'Compile for an older instruction set: -mcpu=v3, v2 or v1.',
  ),
  'invalid-register': row(
    'The instruction names a register that does not exist.',
    'Registers are r0 to r10.',
  ),
  'invalid-shift': row(
    'The shift count is not smaller than the width of the value.',
    'Shift by less than 32 or 64.',
  ),
  'call-out-of-range': row('The call leads outside the program.', 'Check how the program was linked.'),
  'empty-program': row('The program has no instructions.', 'Check that the function is not optimised away.'),
  'packet-load': row(
    'The old packet-load instructions are not allowed here: they need the packet context in r6, and no lock, callback or other context.',
    'Use direct packet access or bpf_skb_load_bytes.',
  ),
  'map-global-special-field': row(
    'Global variables are mapped into user space, and a kernel-managed field must not be.',
    'Put it into the value of an array map with one entry.',
  ),
  backtracking: row(
    'The kernel lost track of where a value came from; on this kernel that ends verification.',
    'Simplify the code before this instruction, for example by recomputing the value.',
  ),
  ...Object.fromEntries(
    Object.entries(STRUCTURE_EXPLANATIONS).map(([code, words]) => [
      code,
      row(words.reason, words.suggestion),
    ]),
  ),
};

/** What a call wants, in words, by the kernel's name of the first register type that it takes. */
const WANTED: Readonly<Record<string, string>> = {
  map_value: 'a value of a map, proven not to be NULL',
  map_ptr: 'a map',
  fp: 'memory, on the stack for instance',
  ctx: "the program's own context",
  func: 'a function of the program',
  scalar: 'a number',
  ringbuf_mem: 'a ring buffer record, proven not to be NULL',
  alloc_mem: 'a ring buffer record, proven not to be NULL',
  sock_common: 'a socket, proven not to be NULL',
  sock: 'a socket, proven not to be NULL',
  ptr_: 'a pointer to a structure of the kernel',
  trusted_ptr_: 'a pointer to a structure of the kernel',
  percpu_ptr_: 'the address of a per-CPU variable of the kernel',
  dynptr_ptr: 'a dynptr',
};

function wanted(s: Scene): string {
  const list = s.fact('expected');
  const first = list.split(', ')[0] ?? '';
  if (/^[a-z]\w*$/.test(list) && WANTED[list] === undefined) return `a pointer to struct ${list}`;
  return WANTED[first] ?? list;
}

/** The function that ends, where its name is known. */
const ending = (s: Scene): string => {
  const name = functionAt(s.env, s.insn);
  return name === '' ? 'the function ends' : `${name}() ends`;
};

/** Whether the called helper is told a key but no size. */
const takesKeyOnly = (s: Scene): boolean => {
  const args = helperByName(s.fact('callee'))?.args ?? [];
  return args.includes('mapKey') && !args.includes('size');
};

/** Why what was a pointer is none any more. */
const gone = (s: Scene): string => (s.fact('gone') === '' ? '' : ` ${s.fact('gone')}`);
/** The values of an index, where they are bounded. */
const index = (s: Scene): string => {
  const range = s.fact('range');
  return range === '' || range.startsWith('always') ? '' : `; the index is ${range}`;
};
const valued = (s: Scene): string =>
  s.fact('range').startsWith('between') ? `: it is ${s.fact('range')}` : '';

const REMEDIES: Readonly<Record<'helper' | 'relocation' | 'kfunc', string>> = {
  helper: 'Use a newer kernel, or another helper.',
  kfunc: 'Test with bpf_ksym_exists before the call, so that kernels without the function skip it.',
  relocation:
    'Guard the access with bpf_core_field_exists, bpf_core_type_exists or bpf_core_enum_value_exists, so that kernels without it skip it.',
};

/** What a refusal means and what to do about it. */
export function explanationOf(scene: Scene): Explanation {
  const row = EXPLANATIONS[scene.data.code] as Row | undefined;
  return byMessage(scene) ?? (row ?? generic)(scene);
}

/** For codes without a row: what can be said in general. */
export function generic(scene: Scene): Explanation {
  return {
    reason:
      scene.what === ''
        ? 'The kernel refuses this instruction.'
        : `The kernel refuses this use of ${scene.what}.`,
    suggestion: '',
  };
}
