/** Refusals of the shape of a program, and what few programs meet: plain words, the same for every program. */
import { row, type Row } from './words';

export const STRUCTURE_EXPLANATIONS: Readonly<Record<string, Row>> = {
  'reserved-fields': row(
    'A part of the instruction that must be zero is not. Newer instructions (sign-extending moves and loads, signed division, long jumps) use these parts, so older kernels refuse them this way.',
    'Compile for an older instruction set (-mcpu=v3), or load on a newer kernel.',
  ),
  'jump-out-of-range': row(
    'The jump leads out of its function. Functions of one object are judged one by one; a jump may not go from one into another.',
    'In assembly, jump to a label of the same function. From C this means that the object was linked or patched wrongly, or compiled for a newer instruction set than the kernel knows (-mcpu=v4 has longer jumps).',
  ),
  'jump-into-wide-load': row(
    'The jump leads into the middle of an instruction: loading a 64-bit constant takes two slots.',
    'Jump to the first slot; count wide loads as two when offsets are written by hand.',
  ),
  'invalid-wide-load': row(
    'The two halves of a 64-bit constant do not belong together, or the instruction names a kind of constant that this kernel does not know.',
    'Let the compiler and libbpf make these instructions; a newer object may need a newer kernel.',
  ),
  'abnormal-return': row(
    'An old packet load or a tail call can end the function in the middle, so the function must be one that returns an int, and its type must be known.',
    'Give the function the result type int, and compile with -g.',
  ),
  recursion: row(
    'The function calls itself, directly or through others. The kernel must know the depth of the stack before it runs anything.',
    'Write it as a loop with a bound, or with bpf_loop and a small stack of your own in a map.',
  ),
  'map-definition': row(
    'The map cannot be made as it is defined: a size, a flag or a type does not fit its map type.',
    'Compare key size, value size, max_entries and flags with what the map type takes.',
  ),
  'map-type-missing': row(
    'This kernel has no such map type.',
    'Use a map type that the kernel has, or load on a newer one.',
  ),
  'special-field': row(
    'This member of the value is managed by the kernel; programs reach it only through its own functions.',
    'Access the members around it one by one.',
  ),
  'special-field-direct-access': row(
    'The access may touch a member of the value that only its own helpers may touch.',
    'Access the members around it one by one.',
  ),
  'struct-ops-link': row(
    'Since this kernel, tables of operations that are attached through a link need the link flag, and others must not have it.',
    'Put the table into SEC(".struct_ops.link"), or into SEC(".struct_ops") for attaching on load.',
  ),
  'function-information': row(
    "The object's list of functions does not fit its code: they are out of order, in other places, or not as many.",
    'Compile with -g and let one tool make both; strip or rewrite objects with bpftool or llvm-strip -g only.',
  ),
  'line-information': row(
    "The object's list of source lines does not fit its code.",
    'Compile again with -g, or drop the list: it is needed only for messages.',
  ),
  'kernel-symbol': row(
    'The program names a kernel variable or function that this kernel has not, or not as something whose address can be taken.',
    'Check the name in /proc/kallsyms and in vmlinux.h; declare it __weak if the program can do without it.',
  ),
  'no-such-kfunc': row(
    'The called kernel function is not there as a function that programs may name: it is missing on this kernel, or its module is not loaded.',
    'Check with bpftool btf dump; declare it __weak and test with bpf_ksym_exists before the call.',
  ),
  'attach-target': row(
    'The place that the program shall attach to is missing, or is not of the kind that this program type attaches to.',
    'Correct the name after the slash in SEC(…): a function for fentry and fexit, a tracepoint for tp_btf, a hook for lsm.',
  ),
  'helper-argument-unsupported': row(
    'The helper gives results of a kind that programs of this type cannot hold.',
    'Use the helper in a program type that has it in its documentation.',
  ),
  'sockmap-update': row(
    'Maps of sockets may be changed only by program types that can hold locks on sockets.',
    'Change the map from user space, or from a sockops, iterator or tc program.',
  ),
  'work-map-mismatch': row(
    'The deferred work lives in a value of one map, but the call that sets it up is told that it belongs to another.',
    'Pass the map that the value was looked up in.',
  ),
  'work-argument': row(
    'The pointer does not point at the struct bpf_wq or bpf_task_work of a value of a map with type information.',
    'Put exactly one as a direct member into the value, declare the map with __type(value, …), and pass the address of the member itself.',
  ),
  'kernel-bug': row(
    "The kernel's verifier met a state that it does not expect itself. The program may be right.",
    'Change the code around the place a little, and report the log to the kernel developers.',
  ),
  'lock-order': row(
    'Locks must be given back in the opposite order in which they were taken.',
    'Unlock the newest lock first.',
  ),
  'irq-flag': row(
    'Interrupt state is kept in a local unsigned long: the saving call writes it, the matching restoring call takes it, and nothing else touches it.',
    'Use one local variable per save, pass its address, and restore it with the call of the same family.',
  ),
  'irq-order': row(
    'Saved interrupt states must be restored in the opposite order in which they were saved.',
    'Restore the newest one first.',
  ),
  'irq-not-restored': row(
    'The path leaves the program, or calls something that may not run then, with interrupts still switched off.',
    'Call bpf_local_irq_restore on every path first.',
  ),
  'arena-use': row(
    'Arena memory needs an arena: one map of type BPF_MAP_TYPE_ARENA that the program uses, and plain loads and stores through __arena pointers.',
    'Refer to the arena map in the program (its address is enough), and compile with a clang that knows address spaces.',
  ),
  'jump-table': row(
    'The jump goes through a table of instructions, and the table or the index into it does not fit the program.',
    'Let clang and libbpf make the table, or compile with -fno-jump-tables.',
  ),
  'stack-argument': row(
    'Arguments behind the fifth are passed on the stack. The caller must write all of them right before the call, and only static functions of programs take them.',
    'Pass a pointer to a struct instead of more than five arguments.',
  ),
};
