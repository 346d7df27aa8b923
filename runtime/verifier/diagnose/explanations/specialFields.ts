/** Refusals about the fields of values that the kernel manages: timers, work queues, kptrs, lists and trees. */
import { functionAt } from '../names';
import { row, valued, type Row } from './words';

const timerStruct = 'struct bpf_timer';

export const SPECIAL_FIELD_EXPLANATIONS: Readonly<Record<string, Row>> = {
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
  'special-field-direct-access': row(
    (s) =>
      `This access may touch '${s.fact('field')}' (struct ${s.fact('fieldKind')}) in the value of map '${s.fact('map')}', which only its own helpers may.`,
    'Access the members around it one by one.',
  ),
  'work-argument': row(
    'The pointer must lead exactly to the bpf_wq or bpf_task_work inside a map value.',
    'Look the value up and pass the address of that field.',
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
  'drop-in-tracing': row(
    'The object owns others, or is linked; a tracing program may run in an interrupt that nothing masks, where they cannot be given back.',
    'Keep such objects in programs of other types, or hand the object to a map and drop it there.',
  ),
  'lock-in-tree-callback': row(
    'The comparison function of a tree runs with the lock of the tree held, and must leave it as it is.',
    'Only compare the two nodes in it.',
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
  'map-global-special-field': row(
    'Global variables are mapped into user space, and a kernel-managed field must not be.',
    'Put it into the value of an array map with one entry.',
  ),
};
