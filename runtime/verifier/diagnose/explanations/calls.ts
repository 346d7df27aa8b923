/** Refusals of calls: helpers, kernel functions, callbacks and functions of the program. */
import { poisonedCall } from '../../../spec/poisonedCalls';
import { functionAt } from '../names';
import { gone, row, type Row, type Scene } from './words';

const REMEDIES: Readonly<Record<'helper' | 'relocation' | 'kfunc', string>> = {
  helper: 'Use a newer kernel, or another helper.',
  kfunc: 'Test with bpf_ksym_exists before the call, so that kernels without the function skip it.',
  relocation:
    'Guard the access with bpf_core_field_exists, bpf_core_type_exists or bpf_core_enum_value_exists, so that kernels without it skip it.',
};

export const CALL_EXPLANATIONS: Readonly<Record<string, Row>> = {
  'bad-format': row(
    'The format string has a conversion that printing helpers do not know, a character that cannot be printed, or more conversions than arguments.',
    'Use %d %i %u %x %X (with l or ll), %c, %s, %p and its kinds, and pass eight bytes for each.',
  ),
  'map-argument': row(
    'This argument must be a map, and where work in a map value stands before it, the map that the value came from.',
    'Pass the address of that map itself.',
  ),
  'map-in-sleepable-program': row(
    (s) => `Map '${s.fact('map')}' is of a type that sleepable programs may not use.`,
    'Use an array, hash, ring buffer or local storage map, or make the program non-sleepable.',
  ),
  'two-group-storages': row(
    'The program names a second cgroup storage of the same kind; the kernel hands a program one of each.',
    'Put both values into one map.',
  ),
  'stack-argument-missing': row(
    'The function has more than five arguments, and the caller left out one of those that go over the stack.',
    'Pass at most five arguments, or a pointer to a struct.',
  ),
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
  'tail-call-stack': row(
    'A function of this chain makes a tail call, which leaves only 256 bytes of stack to its callers.',
    'Reduce the stack of the callers, or move the tail call to the main function.',
  ),
  'tail-call-in-callback': row(
    'A callback cannot make a tail call.',
    'Make the tail call after the helper that runs the callback.',
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
  'exception-callback': row(
    'The function that a program names as its exception callback is a global one with a single number as argument, and is called by nothing else.',
    'Name one global function `int NAME(u64 cookie)` with __exception_cb, and do not call it.',
  ),
  'throw-in-callback': row(
    'Functions that helpers call back must return to them: they may not throw.',
    'Return a value from the callback and throw behind the helper call.',
  ),
  'callback-return': row(
    (s) => `${functionAt(s.env, s.insn)}() must return 0 (go on) or 1 (stop).`,
    'Return 0 or 1 on every path.',
  ),
  'dead-callback': row(
    'The address of a function is taken that no path ever calls: the kernel cuts the function out, and the address leads nowhere.',
    'Remove the unused callback, or call it on some path.',
  ),
  'call-out-of-range': row('The call leads outside the program.', 'Check how the program was linked.'),
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
