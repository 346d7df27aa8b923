/** Refusals of accesses: registers, stack, pointers, packets, the context and structures of the kernel. */
import { helperByName } from '../../../spec/helpers';
import { gone, row, type Row, type Scene } from './words';

export const MEMORY_EXPLANATIONS: Readonly<Record<string, Row>> = {
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
  'direct-value': row(
    'The instruction takes an address inside a map value that the kernel cannot give out.',
    'Take addresses inside the one value of an array map, or look the value up.',
  ),
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
  'struct-ops-member': row(
    'This member of the operation table cannot be implemented by this program: it is no function, it is closed to programs, or it may not sleep.',
    'Leave the member out; a program that sleeps (struct_ops.s) can implement only members that may sleep.',
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
  'packet-load': row(
    'The old packet-load instructions are not allowed here: they need the packet context in r6, and no lock, callback or other context.',
    'Use direct packet access or bpf_skb_load_bytes.',
  ),
};

/** Whether the called helper is told a key but no size. */
const takesKeyOnly = (s: Scene): boolean => {
  const args = helperByName(s.fact('callee'))?.args ?? [];
  return args.includes('mapKey') && !args.includes('size');
};

/** The values of an index, where they are bounded. */
const index = (s: Scene): string => {
  const range = s.fact('range');
  return range === '' || range.startsWith('always') ? '' : `; the index is ${range}`;
};
