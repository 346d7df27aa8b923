/** Refusals of loading: the type of the program, where it attaches, its maps and what describes it. */
import { row, type Row } from './words';

export const LOADING_EXPLANATIONS: Readonly<Record<string, Row>> = {
  'function-records': row(
    'The debug information lists other functions than the calls of the program lead to.',
    'Let the compiler and the loader write it.',
  ),
  'attach-number': row(
    'The number that names what the program attaches to is missing, or is no such thing in the types of this kernel.',
    'Name the target in the section of the program, and let the loader find its number.',
  ),
  'too-many-functions': row(
    'The program has more functions than a kernel lets one program have.',
    'Merge or inline some.',
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
  'struct-ops-map': row(
    (s) => `Map '${s.fact('map')}' is a table of kernel callbacks, not data for programs.`,
    'Do not refer to it from program code.',
  ),
  'struct-ops-needs-gpl': row(
    'Programs that implement an operation table of the kernel must have a GPL compatible licence.',
    'Use a GPL-compatible licence, such as "GPL" or "Dual BSD/GPL".',
  ),
  'struct-ops-table': row(
    'The struct that the program is to implement a member of is not one that this kernel lets programs implement.',
    'Choose a table that this kernel offers: its BTF has a struct bpf_struct_ops_… for each.',
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
  'attach-prototype': row(
    (s) =>
      `Kernel function ${s.fact('target')} has arguments or a result that tracing programs cannot be given: too many, variable, or structs by value.`,
    'Trace a function with a plain prototype, or use a kprobe.',
  ),
  'program-type-missing': row(
    (s) =>
      `This kernel has no programs of type ${s.fact('programType')}: it is too old, or built without them.`,
    'Choose a kernel that has this program type, or leave the program out with SEC("?…").',
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
  'program-must-sleep': row(
    'Programs of this type exist only as sleepable ones.',
    'Use SEC("syscall") as libbpf does.',
  ),
};
