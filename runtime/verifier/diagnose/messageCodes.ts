/**
 * Which finding of the rule book a kernel's final message is: one row per wording, over the kernels 5.15 to 7.x. It lets a log
 * that some kernel printed be explained with the rows that explain our own verifier's refusals; a test holds the codes and
 * categories here against those that the verifier gives for the same messages.
 *
 * Rows are tried in order on the last lines of the log (message last), so rows about the last line stand before rows about
 * a line in front of it. Named groups: `reg…` are registers, the others are facts for the explanation.
 */
import type { DiagnosticCategory } from '../verdict';
import { STRUCTURE_ROWS } from './messageCodesStructure';
import {
  CALL,
  CONTEXT,
  LIFETIME,
  MEMORY,
  POLICY,
  row,
  STRUCTURE,
  TYPES,
  type MessageRow,
} from './messageRow';

export const MESSAGE_ROWS: readonly MessageRow[] = [
  row(
    /^(?<helper>bpf_\w+)\(\) may write into memory pointed by R(?<reg>\d+)/m,
    'kernel-struct-as-memory',
    CALL,
  ),
  row(/^R(?<reg>\d+) is of type (?<type>\w+) but (?<expected>\w+) is expected/m, 'argument-type', CALL),
  row(
    /^(?:R\d+ is \w+ invalid (?:negative access|variable offset): off=|access beyond struct )/m,
    'kernel-struct-access',
    MEMORY,
  ),
  row(/^At bpf_set_retval the register R\d+ /m, 'retval-range', POLICY),
  row(/^R(?<reg>\d+) is not a scalar$/m, 'kfunc-argument', CALL),
  // operation tables
  row(/^struct ops programs must have a GPL/m, 'struct-ops-needs-gpl', POLICY),
  row(/^attach_btf_id \d+ is not a supported struct/m, 'struct-ops-table', POLICY),
  row(/^attach to (?:invalid|unsupported) member /m, 'struct-ops-member', POLICY),
  row(
    /^(?:Only fentry\/fexit\/\S+, .* programs can be sleepable|Program of this type cannot be sleepable|BPF_LSM_CGROUP programs cannot be sleepable)/m,
    'program-may-not-sleep',
    POLICY,
  ),
  row(
    /^(?:Tracing programs must provide btf_id|Cannot replace kernel functions|attach_btf_id \d+ (?:is invalid|is not a (?:function|typedef)|points to wrong type name))/m,
    'attach-number',
    POLICY,
  ),
  row(
    /^(?:nonzero insn_off \d+ for the first func info record|same or smaller insn offset \(\d+\) than previous func info record|number of funcs in func_info doesn't match|func_info BTF section doesn't match|invalid type id \d+ in func info)/m,
    'function-records',
    STRUCTURE,
  ),
  row(
    /^(?:R(?<reg>\d+) cannot write into ptr_(?<struct>\w+) at off=(?<off>-?\d+) size=|no write support to (?<struct2>\w+) at off (?<off2>-?\d+)|write access at off |only access to bpf_dummy_ops_state is supported)/m,
    'kernel-struct-write',
    MEMORY,
  ),
  // attach points, typed kernel pointers, kernel functions
  row(/^(?<target>\w+) is not sleepable/m, 'attach-not-sleepable', POLICY),
  row(
    /^Sleepable program cannot attach to non-faultable tracepoint (?<target>\w+)/m,
    'attach-not-sleepable',
    POLICY,
  ),
  row(/^(?<target>\w+)\(\) is not modifiable/m, 'attach-not-replaceable', POLICY),
  row(/^Attaching fexit\/(?:fsession\/)?fmod_ret to __noreturn function/m, 'attach-not-replaceable', POLICY),
  row(/^The function (?<target>\w+) (?:has|with|return type|arg\d+ type) /m, 'attach-prototype', POLICY),
  row(/^helper call is not allowed in probe/m, 'helper-not-for-program', POLICY),
  row(/^attach_btf_id \d+ points to disabled hook (?<target>\w+)/m, 'closed-hook', POLICY),
  row(/^LSM programs must have a GPL compatible license/m, 'hook-needs-gpl', POLICY),
  row(/^store to referenced kptr disallowed|^kptr (?:access|cannot be)/m, 'kptr-access', MEMORY),
  row(/^invalid kptr access, R(?<reg>\d+) /m, 'kptr-type', CALL),
  row(
    /^R(?<reg>\d+) has no valid kptr|^off=\d+ (?:doesn't point to kptr|kptr isn't)/m,
    'kptr-argument',
    CALL,
  ),
  row(/^Possibly NULL pointer passed to (?:trusted|helper) /m, 'maybe-null-argument', CALL),
  row(/^R(?<reg>\d+) must be (?:referenced$|referenced or trusted|a rcu pointer)/m, 'kfunc-untrusted', CALL),
  row(/^release (?:kernel function|kfunc) \w+ expects /m, 'release-of-unowned', CALL),
  row(/^bpf_spin_lock at off=-?\d+ must be held for /m, 'lock-not-held', LIFETIME),
  row(/^calling kernel function \w+ is not allowed/m, 'kfunc-not-for-program', CONTEXT),
  row(/^cannot call kernel function from non-GPL/m, 'kfunc-needs-gpl', CONTEXT),
  row(/^program must be sleepable to call sleepable kfunc /m, 'kfunc-may-sleep', CONTEXT),
  // dynptrs and iterators
  row(/^cannot overwrite referenced dynptr/m, 'dynptr-overwritten', LIFETIME),
  row(/^potential write to dynptr at off=/m, 'dynptr-overwritten', MEMORY),
  row(/^Dynptr has to be an uninitialized dynptr/m, 'dynptr-not-uninitialized', LIFETIME),
  row(/^Expected an initialized dynptr as (?:arg #\d+|R(?<reg>\d+))/m, 'dynptr-not-initialized', LIFETIME),
  row(/^Expected a dynptr of type \w+ as (?:arg #\d+|R(?<reg>\d+))/m, 'dynptr-kind', LIFETIME),
  row(/^cannot pass in dynptr at an offset$/m, 'dynptr-offset', LIFETIME),
  row(
    /^(?:cannot pass pointer to const bpf_dynptr|cannot release unowned const bpf_dynptr|CONST_PTR_TO_DYNPTR cannot be released)/m,
    'dynptr-constant',
    LIFETIME,
  ),
  row(/^arg (?<reg>\d+) is an unacquired reference/m, 'dynptr-not-acquired', LIFETIME),
  row(
    /^(?:arg#\d+|R(?<reg>\d+)) expected pointer to stack or const struct bpf_dynptr/m,
    'dynptr-argument',
    LIFETIME,
  ),
  row(/^Unsupported reg type \S+ for bpf_dynptr_from_mem data/m, 'dynptr-memory', CALL),
  row(
    /^(?:(?:arg#\d+|R(?<reg>\d+)) expected pointer to an iterator on stack|expected valid iter pointer as )/m,
    'iterator-argument',
    LIFETIME,
  ),
  row(/^expected uninitialized iter_\w+ as /m, 'iterator-not-uninitialized', LIFETIME),
  row(/^expected an initialized iter_\w+ as /m, 'iterator-not-initialized', LIFETIME),
  row(/^expected an RCU CS when using /m, 'iterator-outside-rcu', LIFETIME),
  row(/^kernel func \w+ requires RCU critical section/m, 'kfunc-outside-rcu', CONTEXT),
  row(/^css_task_iter is only allowed in /m, 'iterator-context', CONTEXT),
  row(/^Invalid format string/m, 'bad-format', CALL),
  row(/^bpf_throw cannot be used inside /m, 'throw-in-region', LIFETIME),
  row(/^bpf_throw kfunc \(insn \d+\) cannot be called from callback/m, 'throw-in-callback', STRUCTURE),
  row(
    /^(?:only read is supported$|struct \S+ doesn't have field at offset|access beyond the end of member|cannot access ptr member)/m,
    'kernel-struct-access',
    MEMORY,
  ),
  // timers
  row(
    /^timer pointer in R(?<reg1>\d+) map_uid=\d+ doesn't match map pointer in R(?<reg2>\d+)/m,
    'timer-map-mismatch',
    CALL,
  ),
  row(
    /^off (?<at>-?\d+) doesn't point to 'struct bpf_timer' that is at (?<fieldOffset>\d+)/m,
    'timer-wrong-offset',
    CALL,
  ),
  row(/^R(?<reg>\d+) doesn't have constant offset\. bpf_timer/m, 'timer-offset-not-constant', CALL),
  row(/^map '(?<map>[^']*)' has to have BTF in order to use bpf_timer/m, 'timer-map-without-btf', CALL),
  row(/^map '(?<map>[^']*)' has more than one 'struct bpf_timer'/m, 'timer-many-in-value', CALL),
  row(/^map '(?<map>[^']*)' is not a struct type or bpf_timer is mangled/m, 'timer-mangled-in-value', CALL),
  row(
    /^map '(?<map>[^']*)' (?:doesn't have 'struct bpf_timer'|has no valid bpf_timer)/m,
    'timer-missing-in-value',
    CALL,
  ),
  row(/^bpf_timer cannot be used for PREEMPT_RT/m, 'timer-on-rt', CONTEXT),
  row(/^bpf_timer cannot be accessed directly by load\/store/m, 'timer-direct-access', MEMORY),
  row(/^tracing progs cannot use bpf_timer yet/m, 'tracing-program-uses-timer', CONTEXT),
  row(/^At async callback (?:return )?the register R(?<reg>\d+) has /m, 'timer-callback-return', POLICY),
  // locks
  row(
    /^off (?<at>-?\d+) doesn't point to 'struct bpf_spin_lock'(?: that is at (?<fieldOffset>\d+))?/m,
    'lock-wrong-offset',
    LIFETIME,
  ),
  row(/^R(?<reg>\d+) doesn't have constant offset\. bpf_spin_lock/m, 'lock-offset-not-constant', LIFETIME),
  row(
    /^map '(?<map>[^']*)' has to have BTF in order to use bpf_spin_lock/m,
    'lock-map-without-btf',
    LIFETIME,
  ),
  row(
    /^map '(?<map>[^']*)' (?:doesn't have 'struct bpf_spin_lock'|has no valid bpf_spin_lock)/m,
    'lock-missing-in-value',
    LIFETIME,
  ),
  row(
    /^(?:R(?<reg>\d+) doesn't (?:have constant offset\. bpf_res_spin_lock|point to map value or allocated object$)|map '[^']*' has (?:to have BTF in order to use|no valid) bpf_res_spin_lock|local 'kptr' has no valid bpf_res_spin_lock|off -?\d+ doesn't point to 'struct bpf_res_spin_lock')/m,
    'guard-argument',
    CALL,
  ),
  row(
    /^(?:Acquiring the same lock again, AA deadlock|bpf_res_spin_unlock (?:without|of different|cannot be out)|can't res_spin_\{lock,unlock\} in rbtree)/m,
    'guard-order',
    CALL,
  ),
  row(
    /^(?:expected (?:an initialized|uninitialized) irq flag|R(?<reg>\d+) doesn't point to an irq flag on stack|irq flag acquired by |cannot restore irq state out of order)/m,
    'interrupt-flags',
    CALL,
  ),
  row(
    /^(?:BPF_EXIT instruction in main prog|BPF_LD_\S+|tail_call) cannot be used inside bpf_local_irq_save/m,
    'interrupts-not-restored',
    LIFETIME,
  ),
  row(/^arena's user address must be set/m, 'arena-without-address', POLICY),
  row(/^Only one arena per program/m, 'two-arenas', POLICY),
  row(/^addr_space_cast insn can only be used in a program that has/m, 'cast-without-arena', STRUCTURE),
  row(/^sign extending loads from arena are not supported/m, 'arena-signed-load', MEMORY),
  row(
    /^(?:R(?<reg>\d+)|arg#\d+) doesn't (?:point to a map value|have constant offset\. bpf_(?:wq|task_work) )/m,
    'work-argument',
    CALL,
  ),
  row(
    /^map '(?<map>[^']*)' (?:has to have BTF in order to use|has no valid) bpf_(?:wq|task_work)/m,
    'work-argument',
    CALL,
  ),
  row(/^off -?\d+ doesn't point to 'struct bpf_(?:wq|task_work)' that is at/m, 'work-argument', CALL),
  row(/^(?:pointer in R(?<reg>\d+) isn't map pointer|\w+ pointer in R\d map_uid=)/m, 'map-argument', CALL),
  row(/^Locking two bpf_spin_locks are not allowed/m, 'two-locks', LIFETIME),
  row(/^bpf_spin_unlock without taking a lock/m, 'unlock-without-lock', LIFETIME),
  row(/^bpf_spin_unlock of different lock/m, 'unlock-of-other-lock', LIFETIME),
  row(/^bpf_spin_lock cannot be accessed directly by load\/store/m, 'lock-direct-access', MEMORY),
  row(/^bpf_\w+ cannot be accessed directly by load\/store/m, 'special-field-direct-access', MEMORY),
  row(/^tail_call cannot be used inside bpf_spin_lock-ed region/m, 'tail-call-under-lock', LIFETIME),
  row(/^BPF_LD_\[ABS\|IND\] cannot be used inside /m, 'packet-load', LIFETIME),
  row(
    /^(?:bpf_spin_unlock is missing|.* cannot be used inside bpf_spin_lock-ed region)/m,
    'lock-not-released',
    LIFETIME,
  ),
  row(
    /^(?:global )?function calls are not allowed (?:while holding a lock|with preemption disabled)/m,
    'call-under-lock',
    CONTEXT,
  ),
  row(/^socket filter progs cannot use bpf_spin_lock yet/m, 'socket-filter-uses-lock', CONTEXT),
  row(/^tracing progs cannot use bpf_spin_lock yet/m, 'tracing-program-uses-lock', CONTEXT),
  row(/^sleepable progs cannot use bpf_spin_lock yet/m, 'sleepable-program-uses-lock', CONTEXT),
  row(/^tracing progs cannot use bpf_\{list_head,rb_root\} yet/m, 'tracing-program-uses-graph', CONTEXT),
  row(/^tracing progs cannot use bpf_wq yet/m, 'tracing-program-uses-workqueue', CONTEXT),
  row(/^bpf_struct_ops map cannot be used in prog/m, 'struct-ops-map', CONTEXT),
  row(/^Sleepable programs can only use /m, 'map-in-sleepable-program', CONTEXT),
  // ends of programs and callbacks
  row(
    /^(?:Unreleased reference id=\d+ alloc_insn=(?<allocInsn>\d+)[^]*|.* would lead to reference leak)/m,
    'reference-leak',
    LIFETIME,
  ),
  row(
    /^(?:bpf_rcu_read_unlock is missing|.* cannot be used inside bpf_rcu_read_lock-ed region)/m,
    'rcu-not-released',
    LIFETIME,
  ),
  row(
    /^(?:\d+ bpf_preempt_enable(?:s are| is) missing|.* cannot be used inside bpf_preempt_disable-ed region)/m,
    'preempt-not-enabled',
    LIFETIME,
  ),
  row(/^At callback return the register R(?<reg>\d+) has /m, 'callback-return', POLICY),
  row(
    /^At program exit the register R(?<reg>\d+) has .*should have been in \[(?<min>-?\d+), (?<max>-?\d+)\]/m,
    'program-return',
    POLICY,
  ),
  row(/^At program exit the register R(?<reg>\d+) has /m, 'program-return', POLICY),
  row(/^(?:At|In) .* the register R(?<reg>\d+) is not a known value/m, 'return-not-a-number', TYPES),
  row(/^R(?<reg>\d+) leaks addr as return value/m, 'return-not-a-number', TYPES),
  // arguments of helpers
  row(
    /^R(?<reg>\d+) type=(?<type>(?<base>\w+)_or_null_?) expected=\k<base>_?$/m,
    'maybe-null-argument',
    CALL,
  ),
  row(
    /^R(?<reg>\d+) type=(?<type>(?<base>\w+)_or_null) expected=(?:[\w, ]*\W)?\k<base>(?:,|$)/m,
    'maybe-null-argument',
    CALL,
  ),
  row(/^R(?<reg>\d+) type=(?<type>\S+) expected=(?<expected>.*)$/m, 'argument-type', CALL),
  row(/^Possibly NULL pointer passed to (?:trusted|helper) arg\d+/m, 'maybe-null-argument', CALL),
  row(/^R(?<reg>\d+) is not a known constant'/m, 'size-not-constant', CALL),
  row(/^R(?<reg>\d+) must have zero offset when passed to release func/m, 'release-at-offset', LIFETIME),
  row(
    /^(?:R(?<reg>\d+) must be referenced when passed to release function|func (?<helper>\w+)#\d+ reference has not been acquired before)/m,
    'release-of-unowned',
    LIFETIME,
  ),
  row(/^helper access to the packet is not allowed/m, 'packet-to-helper', POLICY),
  row(/^invalid map_ptr to access map->/m, 'helper-without-map', CALL),
  row(/^invalid func unknown#-?\d+/m, 'no-such-helper', CALL),
  row(
    /^(?:unknown func|program of this type cannot use helper) (?<helper>\w+)#\d+/m,
    'helper-not-for-program',
    POLICY,
  ),
  row(/^cannot call GPL-restricted function from non-GPL compatible program/m, 'helper-needs-gpl', POLICY),
  row(
    /^(?:sleepable helper (?<helper>\w+)#\d+ in |helper call might sleep in a non-sleepable prog)/m,
    'helper-may-sleep',
    CONTEXT,
  ),
  row(/^cannot pass map_type \d+ into func (?<helper>\w+)#\d+/m, 'map-type-for-helper', CALL),
  row(
    /^(?:expected prog array map for tail call|kernel subsystem misconfigured verifier)/m,
    'tail-call-map',
    CALL,
  ),
  row(/^callback function not allowed for map/m, 'callback-map-type', CALL),
  row(/^callback function not static/m, 'callback-not-static', CALL),
  row(/^callback function cannot be the main program/m, 'callback-is-main', CALL),
  row(/^missing btf func_info/m, 'callback-without-btf', CALL),
  row(/^tail_call abusing map_ptr/m, 'callback-map-varies', CALL),
  row(
    /^R(?<reg>\d+) does not point to a readonly map'|^string is not zero-terminated|^no direct value access support for this map type/m,
    'string-not-constant',
    CALL,
  ),
  row(/^only one cgroup storage of each type is allowed/m, 'two-group-storages', POLICY),
  row(/^The total number of maps per program has reached the limit/m, 'too-many-maps', STRUCTURE),
  row(
    /^fd_idx without fd_array is invalid|^fd -?\d+ is not pointing to valid bpf_map/m,
    'map-without-object',
    STRUCTURE,
  ),
  row(/^Invalid insn code at line_info\[\d+\]/m, 'line-without-instruction', STRUCTURE),
  row(/^(?:direct value offset of|invalid access to map value pointer)/m, 'direct-value', STRUCTURE),
  row(/^invalid arg_type for sockmap\/sockhash/m, 'map-type-for-helper', CALL),
  row(/^callee expects \d+ args, stack arg\d+ is not initialized/m, 'stack-argument-missing', CALL),
  row(/^too many subprograms/m, 'too-many-functions', STRUCTURE),
  row(/^unexpected __bpf_trap\(\)/m, 'compiler-trap', CONTEXT),
  row(/^Attaching tracing programs to function '(?<target>\w+)' is rejected/m, 'attach-closed', POLICY),
  row(/^release helper \w+ expects referenced/m, 'release-of-unowned', LIFETIME),
  row(/^func bpf_get_func_ip#\d+ supported only for/m, 'helper-not-for-program', POLICY),
  row(/^cannot tail call within callback/m, 'tail-call-in-callback', STRUCTURE),
  row(/^no jump tables found for subprog starting at \d+/m, 'jump-without-table', STRUCTURE),
  row(/^BPF_LSM_CGROUP that attach to void LSM hooks can't modify/m, 'void-hook-result', POLICY),
  row(/^get_local_storage\(\) doesn't support non-zero flags/m, 'helper-flags', CALL),
  row(
    /^arg#\d+ expected pointer to (?:ctx|map value$|(?:map value or )?allocated object)/m,
    'kfunc-argument',
    CALL,
  ),
  row(
    /^(?:Caller passes invalid args into func#\d+|arg#\d+ (?:expected(?! for )|is expected))/m,
    'global-function-argument',
    CALL,
  ),
  row(
    /^Global function \w+\(\) (?:with|doesn't)|^Global functions need valid BTF|^Arg#\d+ type .* is not supported yet|^arg#\d+ reference type\('.*'\) size cannot be determined/m,
    'global-function-prototype',
    CALL,
  ),
  // memory
  row(/^R(?<reg>\d+) invalid mem access '(?<type>\w+_or_null_?)'/m, 'null-dereference', MEMORY),
  row(/^R(?<reg>\d+) invalid mem access '(?<type>[^']*)'/m, 'not-a-pointer', TYPES),
  row(
    /^R(?<reg>\d+) (?:unbounded memory access, use 'var &= const'|unbounded size)/m,
    'unbounded-size',
    MEMORY,
  ),
  row(/^R(?<reg>\d+) unbounded memory access/m, 'unbounded-offset', MEMORY),
  row(/^R(?<reg>\d+) min value is negative, either use unsigned or 'var &= const'/m, 'negative-size', MEMORY),
  row(/^R(?<reg>\d+) min value is negative/m, 'negative-offset', MEMORY),
  row(/^(?:R(?<reg>\d+) )?invalid zero-sized read/m, 'zero-size', MEMORY),
  row(
    /^cannot write into packet|^the prog does not allow writes to packet data/m,
    'packet-read-only',
    POLICY,
  ),
  row(/^write to change key R(?<reg>\d+) not allowed/m, 'write-to-map-key', MEMORY),
  row(/^only read from \w+ is supported/m, 'write-to-map-pointer', TYPES),
  row(/^write into map forbidden/m, 'write-to-read-only', MEMORY),
  row(/^read from map forbidden/m, 'read-from-write-only', MEMORY),
  row(/^R(?<reg>\d+) cannot write into (?<type>\w+)/m, 'write-to-read-only', MEMORY),
  row(
    /^invalid access to packet, off=(?<off>-?\d+) size=(?<sizeBytes>\d+), R(?<reg>\d+)\(.*?r=(?<range>-?\d+)\)/m,
    'packet-out-of-bounds',
    MEMORY,
  ),
  row(/^R(?<reg>\d+) offset is outside of the packet/m, 'packet-out-of-bounds', MEMORY),
  row(
    /^invalid access to map value, value_size=(?<regionBytes>\d+) off=(?<at>-?\d+) size=(?<sizeBytes>\d+)(?:\nR(?<reg>\d+) )?/m,
    'out-of-bounds',
    MEMORY,
  ),
  row(
    /^invalid access to map key, key_size=(?<regionBytes>\d+) off=(?<at>-?\d+) size=(?<sizeBytes>\d+)(?:\nR(?<reg>\d+) )?/m,
    'out-of-bounds',
    MEMORY,
  ),
  row(
    /^invalid access to memory, mem_size=(?<regionBytes>\d+) off=(?<at>-?\d+) size=(?<sizeBytes>\d+)(?:\nR(?<reg>\d+) )?/m,
    'out-of-bounds',
    MEMORY,
  ),
  row(
    /^R(?<reg>\d+) (?:min|max) value is outside of the (?:allowed memory range|array range)/m,
    'out-of-bounds',
    MEMORY,
  ),
  row(
    /^R(?<reg>\d+) invalid (?<type>sock|sock_common|tcp_sock|xdp_sock) access off=(?<off>-?\d+) size=(?<sizeBytes>\d+)/m,
    'socket-access',
    MEMORY,
  ),
  row(
    /^(?:bpf verifier is misconfigured$|verifier bug: error during ctx access conversion)/m,
    'socket-access',
    MEMORY,
  ),
  row(
    /^R(?<reg>\d+) invalid (?:negative |variable )?(?:\w+ )?buffer (?:access|offset): off=/m,
    'buffer-access',
    MEMORY,
  ),
  row(/^invalid access to flow keys off=(?<off>-?\d+) size=(?<sizeBytes>\d+)/m, 'flow-keys-access', MEMORY),
  row(/^invalid bpf_context access off=(?<off>-?\d+) size=(?<sizeBytes>\d+)/m, 'context-access', POLICY),
  row(/^dereference of modified \w+ ptr R(?<reg>\d+) off=/m, 'modified-pointer', TYPES),
  row(
    /^(?:variable [?\w]+ access var_off=|negative offset \w+ ptr R(?<reg>\d+))/m,
    'modified-pointer',
    TYPES,
  ),
  row(/^misaligned (?:\w+ )?access off /m, 'misaligned-access', MEMORY),
  row(
    /^Cannot access kernel 'struct (?<struct>\w+)' from non-GPL compatible program/m,
    'kernel-struct-needs-gpl',
    POLICY,
  ),
  row(
    /^(?:access beyond struct (?<struct>\w+)|R(?<reg>\d+) is ptr_(?<struct2>\w+) invalid )/m,
    'kernel-struct-access',
    MEMORY,
  ),
  row(/^BPF_ATOMIC stores into R(?<reg>\d+) (?<type>\w+) is not allowed/m, 'atomic-target', MEMORY),
  // stack and registers
  row(/^R(?<reg>\d+) !read_ok/m, 'uninitialized-register', TYPES),
  row(/^frame pointer is read only/m, 'frame-pointer-write', TYPES),
  row(
    /^R(?<reg>\d+) pointer arithmetic on (?<type>\w+_or_null_?) prohibited, null-check it first/m,
    'pointer-may-be-null',
    TYPES,
  ),
  row(
    /^R(?<reg>\d+) .*pointer arithmetic|^R(?<reg2>\d+) (?:tried to (?:add|subtract)|bitwise operator|32-bit)/m,
    'pointer-arithmetic',
    TYPES,
  ),
  row(
    /^(?:math between \w+ pointer and|value -?\d+ makes \w+ pointer be out of bounds|\w+ pointer offset -?\d+ is not allowed)/m,
    'pointer-offset-range',
    TYPES,
  ),
  row(/^same insn cannot be used with different pointers/m, 'mixed-pointers', STRUCTURE),
  row(
    /^invalid (?:indirect )?(?:read from|access to) stack (?:R\d+ )?off[ =]?\S*\+\d+ size|^invalid (?:indirect )?read from stack (?:R\d+ )?off .*\+\d+/m,
    'stack-uninitialized',
    MEMORY,
  ),
  row(
    /^invalid unbounded variable-offset.* stack R(?<reg>\d+)|^R(?<reg2>\d+) (?:unbounded|variable offset) stack access/m,
    'stack-variable-offset',
    MEMORY,
  ),
  row(
    /^invalid (?:variable-offset|write to|read from|(?:indirect )?access to|(?:in)?direct .* to|stack type).*stack.* R(?<reg>\d+)/m,
    'stack-out-of-bounds',
    MEMORY,
  ),
  row(/^combined stack size of \d+ calls is \d+\. Too large/m, 'stack-too-large', STRUCTURE),
  row(/^the call stack of \d+ frames is too deep/m, 'call-stack-too-deep', STRUCTURE),
  row(
    /^tail_calls are not allowed when call stack of previous frames is \d+ bytes/m,
    'tail-call-stack',
    STRUCTURE,
  ),
  row(/^cannot return stack pointer to the caller/m, 'returns-stack-pointer', MEMORY),
  row(/^cannot spill pointers to stack into stack frame of the caller/m, 'stack-pointer-escapes', MEMORY),
  row(/^invalid size of register fill|^corrupted spill memory/m, 'partial-fill-of-pointer', TYPES),
  row(
    /^invalid size of register spill|^attempt to corrupt spilled pointer on stack/m,
    'partial-spill-of-pointer',
    TYPES,
  ),
  row(/^R0 not a scalar value/m, 'callback-return-value', CALL),
  // structure
  row(/^infinite loop detected at insn (?<insn>\d+)/m, 'infinite-loop', STRUCTURE),
  row(/^back-edge from insn (?<insn>\d+) to \d+/m, 'back-edge', STRUCTURE),
  row(/^unreachable insn (?<insn>\d+)/m, 'unreachable-code', STRUCTURE),
  row(/^last insn is not an exit or jmp/m, 'falls-off-end', STRUCTURE),
  row(/^div by zero/m, 'division-by-zero', STRUCTURE),
  row(
    /^BPF program is too large\. Processed \d+ insn|^The sequence of \d+ jumps is too complex/m,
    'too-complex',
    POLICY,
  ),
  row(/^Syscall programs can only be sleepable/m, 'program-must-sleep', POLICY),
  // kernel functions and kernel pointers
  row(/^only read is supported$/m, 'kernel-struct-access', MEMORY),
  row(/^attach_btf_id \d+ points to disabled hook /m, 'closed-hook', POLICY),
  row(/^\S+ is not sleepable$/m, 'attach-not-sleepable', POLICY),
  row(/^R(?<reg>\d+) must be (?:a rcu pointer|referenced or trusted)$/m, 'kfunc-untrusted', CALL),
  row(
    /^Possibly NULL pointer passed to (?:trusted |helper )?(?:arg|R)(?<reg>\d+)/m,
    'maybe-null-argument',
    CALL,
  ),
  row(/^bpf_spin_lock at off=-?\d+ must be held for /m, 'lock-not-held', LIFETIME),
  row(/^store to (?:un)?referenced kptr disallowed$/m, 'kptr-access', MEMORY),
  row(/^kptr access (?:misaligned|cannot) /m, 'kptr-access', MEMORY),
  row(/^off=-?\d+ (?:doesn't point to kptr|kptr isn't referenced kptr)$/m, 'kptr-argument', CALL),
  row(/^R(?<reg>\d+) has no valid kptr$/m, 'kptr-argument', CALL),
  row(
    /^map '[^']*' has (?:no valid kptr$|to have BTF in order to use bpf_kptr_xchg)/m,
    'kptr-argument',
    CALL,
  ),
  row(/^BPF_ST imm must be 0 when storing to kptr /m, 'kptr-access', MEMORY),
  row(/^kptr in map can only be accessed using /m, 'kptr-access', MEMORY),
  row(
    /^bpf_percpu_obj_new type |^bpf_obj_new\/bpf_percpu_obj_new |^local type ID argument must be in range/m,
    'kfunc-argument',
    CALL,
  ),
  row(/^invalid kptr access, R(?<reg>\d+) type=/m, 'kptr-type', CALL),
  row(/^calling kernel function \S+ is not allowed$/m, 'kfunc-not-for-program', CONTEXT),
  row(/^program must be sleepable to call sleepable kfunc /m, 'kfunc-may-sleep', CONTEXT),
  row(/^(?:nested|unmatched) rcu read (?:un)?lock/m, 'kfunc-section', CONTEXT),
  row(/^Calling bpf_rcu_read_\{lock,unlock\} in unnecessary rbtree callback/m, 'kfunc-section', CONTEXT),
  row(/^can't spin_\{lock,unlock\} in rbtree cb$/m, 'lock-in-tree-callback', CONTEXT),
  row(
    /^\S+ can only take non-owning or refcounted bpf_rb_node pointer|^rbtree_remove node input must be non-owning ref|^\S+ not allowed in rbtree cb$/m,
    'kfunc-argument',
    CALL,
  ),
  row(/^\S+ cannot be used in tracing programs on types with NMI unsafe fields/m, 'drop-in-tracing', CALL),
  row(
    /^verifier (?:bug|internal error): invalid PTR_TO_BTF_ID register for type match/m,
    'maybe-null-argument',
    CALL,
  ),
  row(/^(?:arg#\d+ arg#\d+|R\d+ and R\d+) memory, len pair leads to/m, 'kfunc-argument', CALL),
  row(/^R(?<reg>\d+) must be a known constant$/m, 'kfunc-argument', CALL),
  row(/^metadata kfuncs require device-bound program/m, 'kfunc-not-for-program', CONTEXT),
  row(
    /^operation on bpf_(?:list_head|rb_root) expects |^arg#1 offset=-?\d+, but expected |^allocated object must be referenced|not found at offset=\d+$/m,
    'kfunc-argument',
    CALL,
  ),
  row(/^R(?<reg>\d+) is ptr_\S* access percpu memory: off=/m, 'kernel-struct-access', MEMORY),
  row(/^exception cb only supports single integer argument/m, 'exception-callback', CALL),
  row(
    /^multiple exception callback tags for main subprog|^exception callback '[^']*' |^insn \d+ cannot call exception cb directly|^cannot tail call within exception cb/m,
    'exception-callback',
    STRUCTURE,
  ),
  row(/^unmatched attempt to enable preemption/m, 'kfunc-section', CONTEXT),
  row(/^kernel func \S+ is sleepable within /m, 'kfunc-section', CONTEXT),
  row(
    /^(?:arg#\d+|R\d+) (?:expected pointer to|expected for |is neither owning|doesn't point to a type with)/m,
    'kfunc-argument',
    CALL,
  ),
  row(/^release (?:kfunc|kernel function) \S+ expects /m, 'kfunc-argument', CALL),
  ...STRUCTURE_ROWS,
];

/** What a kernel's last words are about. */
export interface KnownMessage {
  readonly code: string;
  readonly category: DiagnosticCategory;
  readonly registers: readonly number[];
  readonly facts: Readonly<Record<string, string>>;
}

/** The register that a message is about where its row has no group for it; kernel functions' arguments count from 0. */
function argumentOf(message: string): number | undefined {
  const register = /^R(\d+) |(?: as|passed to \w+) R(\d+)$|passed to helper arg(\d+)$/.exec(message);
  if (register !== null) return Number(register[1] ?? register[2] ?? register[3]);
  const argument = /^arg#(\d+) |\bargs#(\d+) |passed to trusted arg(\d+)$/.exec(message);
  return argument === null ? undefined : Number(argument[1] ?? argument[2] ?? argument[3]) + 1;
}

/** The allowed results in the older wording: a number and the bits that may differ from it. */
function rangeOf(message: string): Record<string, string> {
  const bits = /should have been in \(0x([0-9a-f]+); 0x([0-9a-f]+)\)/.exec(message);
  if (bits === null) return {};
  const [value, mask] = [BigInt(`0x${bits[1]}`), BigInt(`0x${bits[2]}`)];
  return { min: String(value), max: String(value | mask) };
}

/** @param lines the last lines of a log that are neither state nor source nor statistics; the message last. */
export function knownMessage(lines: readonly string[]): KnownMessage | undefined {
  const last = lines.at(-1);
  if (last === undefined) return undefined;
  // The last line alone first: what stands before it may be about something that was forgiven.
  const tail = lines.slice(-3).join('\n');
  const special =
    /^(?:R\d+ (?:min|max) value is outside|R\d+ offset is outside of the packet)| would lead to reference leak$|cannot be mixed with socket references$/.test(
      last,
    );
  for (const text of special ? [tail, last] : [last, tail]) {
    for (const { pattern, code, category } of MESSAGE_ROWS) {
      const found = pattern.exec(text);
      if (found === null) continue;
      const registers: number[] = [];
      const facts: Record<string, string> = {};
      for (const [name, value] of Object.entries(found.groups ?? {})) {
        if ((value as string | undefined) === undefined) continue;
        if (name.startsWith('reg') && /^reg\d?$/.test(name)) registers.push(Number(value));
        else facts[name.replace(/\d$/, '')] = value;
      }
      const argument = registers.length > 0 ? undefined : argumentOf(last);
      if (argument !== undefined) registers.push(argument);
      return { code, category, registers, facts: { ...rangeOf(last), ...facts } };
    }
  }
  return undefined;
}
