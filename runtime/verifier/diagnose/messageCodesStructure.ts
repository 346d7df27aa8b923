/**
 * Messages about a program before anyone asks what its values are: instructions that are not well formed, jumps, functions and
 * their type information, where it attaches; and those about arenas, jump tables, interrupts and deferred work, which few
 * programs meet. A continuation of `messageCodes.ts`, with the same meaning; patterns here match no message of the rows there.
 */
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

export const STRUCTURE_ROWS: readonly MessageRow[] = [
  // instructions
  row(/^(?:BPF_\S+|BPF_JA\|BPF_X) uses reserved fields$/m, 'reserved-fields', STRUCTURE),
  row(/^invalid may_goto (?:off -?\d+ )?imm /m, 'reserved-fields', STRUCTURE),
  row(/^addr_space_cast insn can only convert /m, 'reserved-fields', STRUCTURE),
  row(/^reserved field/m, 'reserved-fields', STRUCTURE),
  row(
    /^(?:unknown opcode |BPF_ATOMIC uses invalid atomic opcode |invalid atomic operand size|unknown insn class )/m,
    'invalid-opcode',
    STRUCTURE,
  ),
  row(/^R\d+ is invalid$/m, 'invalid-register', STRUCTURE),
  row(/^invalid shift -?\d+$/m, 'invalid-shift', STRUCTURE),
  row(/^(?:invalid|unrecognized) bpf_ld_imm64 insn$/m, 'invalid-wide-load', STRUCTURE),
  row(
    /^(?:at the time of BPF_LD_ABS\|IND R6 != pointer to skb|BPF_LD_\[ABS\|IND\] instructions not allowed|cannot use BPF_LD_\[ABS\|IND\] within callback)/m,
    'packet-load',
    STRUCTURE,
  ),
  // the way through the program
  row(/^jump out of range from insn (?<insn>\d+) to /m, 'jump-out-of-range', STRUCTURE),
  row(/^jump into the middle of ldimm64 insn (?<insn>\d+)/m, 'jump-into-wide-load', STRUCTURE),
  row(/^call to invalid destination$/m, 'call-out-of-range', STRUCTURE),
  row(/^verifier bug: No program to jit at insn \d+ /m, 'dead-callback', STRUCTURE),
  row(/^recursive call from (?<function>\w+)\(\) to /m, 'recursion', STRUCTURE),
  row(/^(?:LD_ABS|tail_call) is (?:only allowed in functions|not allowed in)/m, 'abnormal-return', STRUCTURE),
  row(
    /^stack size (?:of subprog \d+ is )?\d+.* too large|^stack size of subprog /im,
    'stack-too-large',
    STRUCTURE,
  ),
  row(/^insn \d+ cannot be patched due to 16-bit range/m, 'too-complex', POLICY),
  row(/^(?:liveness analysis exceeded|Func\S* exceeded|too many states)/m, 'too-complex', POLICY),
  // type information
  row(
    /^(?:func_info BTF section doesn't match|invalid type id \d+ in func info|nonzero insn_off \d+ for the first func info|number of funcs in func_info|same or smaller insn offset)/m,
    'function-information',
    STRUCTURE,
  ),
  row(/^(?:Invalid line_info\[|missing bpf_line_info for )/m, 'line-information', STRUCTURE),
  row(
    /^(?:pseudo btf_id \d+ in ldimm64|ldimm64 insn specifies invalid btf_id|ldimm64 failed to find the address|ldimm64 unable to resolve|invalid module BTF object FD)/m,
    'kernel-symbol',
    STRUCTURE,
  ),
  row(
    /^(?:kernel btf_id \d+ is not a function|invalid kernel function btf_id|failed to find BTF for kernel function|kfunc offset > 0 without fd_array|negative offset disallowed for kernel module function|too many different kernel function calls|kernel function btf_id \d+ does not have|The function \S+ (?:has|arg\d+|return|with)|invalid kernel function call not eliminated)/m,
    'no-such-kfunc',
    CALL,
  ),
  // where a program attaches
  row(
    /^(?:attach_btf_id \d+ is (?:invalid|not a )|attach_btf_id \d+ points to wrong type name|Tracing programs must provide btf_id|Cannot replace kernel functions)/m,
    'attach-target',
    POLICY,
  ),
  row(/^(?:ret type \S+ not allowed for fmod_ret)/m, 'attach-not-replaceable', POLICY),
  row(
    /^(?:Program of this type cannot be sleepable|BPF_LSM_CGROUP programs cannot be sleepable)/m,
    'program-may-not-sleep',
    POLICY,
  ),
  row(
    /^Sleepable program cannot attach to non-faultable tracepoint (?<target>\S+)/m,
    'attach-not-sleepable',
    POLICY,
  ),
  row(/^func '(?<struct>\S+)' (?:doesn't have \d+-th argument|size \d+ must be )/m, 'context-access', MEMORY),
  row(/^func '\S+' arg\d+ (?:has|type) /m, 'context-access', MEMORY),
  // global functions
  row(/^use static function instead$/m, 'call-under-lock', CONTEXT),
  row(
    /^arg#\d+ (?:arena cannot be|untrusted cannot be|has invalid combination|has pointer tag|has type |has unsupported set|should be |type tag is|type doesn't have)/m,
    'global-function-prototype',
    CALL,
  ),
  row(/^Global function \S+ return value not void or scalar/m, 'global-function-prototype', CALL),
  row(/^(?:exception cb cannot return void)/m, 'exception-callback', CALL),
  // calls
  row(
    /^R(?<reg>\d+) (?:is not a constant address'|points to insn_array map which cannot be used as const string)/m,
    'string-not-constant',
    CALL,
  ),
  row(/^direct value access on string failed/m, 'string-not-constant', CALL),
  row(/^R(?<reg>\d+) memory size \d+ is too large/m, 'unbounded-size', MEMORY),
  row(/^reg type unsupported for arg#\d+ /m, 'helper-argument-unsupported', CALL),
  row(/^cannot update sockmap in this context/m, 'sockmap-update', CALL),
  row(/^invalid arg_type for sockmap\/sockhash/m, 'map-type-for-helper', CALL),
  row(/^func \w+#\d+ not supported for program type/m, 'helper-not-for-program', POLICY),
  row(/^func \w+#\d+ supported only for fentry/m, 'helper-not-for-program', POLICY),
  row(/^kernel function \S+ (?:args#\d+|R(?<reg>\d+)) expected pointer to /m, 'kfunc-argument', CALL),
  row(/^kernel function \S+ (?:args#\d+|returns) pointer type .* is not supported/m, 'kfunc-argument', CALL),
  row(/^kernel function \S+ is sleepable but the program is not/m, 'kfunc-may-sleep', CONTEXT),
  row(/^sleepable global function \S+ called in /m, 'helper-may-sleep', CONTEXT),
  row(
    /^(?:arg#\d+|R(?<reg>\d+)) pointer type .* (?:must point to|must be valid|not to stack|points to)/m,
    'kfunc-argument',
    CALL,
  ),
  row(
    /^(?:kfunc bpf_rdonly_cast type ID|Unknown type ID \d+ passed to kfunc|acquire kernel function does not return|R\d+ is not a const$|R\d+ rdonly\/rdwr_buf_size|max struct nesting depth|arg#\d+ must have constant offset|arg#\d+ no referenced kptr|arg\d+ expected pointer to func|pointer in \S+ isn't map pointer|(?:arg#\d+|R\d+) is \S+ expected \S+ or socket)/m,
    'kfunc-argument',
    CALL,
  ),
  row(/^kfunc \S+ reference has not been acquired before/m, 'release-of-unowned', CALL),
  row(/^R(?<reg>\d+) doesn't have constant offset\. kptr has to be/m, 'kptr-argument', CALL),
  row(
    /^R(?<reg>\d+) doesn't have constant offset\. bpf_(?:list_head|rb_root|list_node|rb_node) has to be/m,
    'kfunc-argument',
    CALL,
  ),
  row(/^held lock and object are not in the same allocation/m, 'lock-not-held', LIFETIME),
  // deferred work
  row(/^(?:workqueue|bpf_\w+) pointer in R(?<reg>\d+) map_uid=/m, 'work-map-mismatch', CALL),
  row(
    /^off -?\d+ doesn't point to 'struct (?:bpf_wq|bpf_task_work)'|^map '[^']*' (?:has no valid|has to have BTF in order to use) (?:bpf_wq|bpf_task_work)|^R(?<reg>\d+) doesn't have constant offset\. (?:bpf_wq|bpf_task_work)|^(?:arg#\d+|R(?<reg2>\d+)) doesn't point to a map value/m,
    'work-argument',
    CALL,
  ),
  // locks
  row(
    /^off (?<at>-?\d+) doesn't point to 'struct bpf_res_spin_lock' that is at (?<fieldOffset>\d+)/m,
    'lock-wrong-offset',
    LIFETIME,
  ),
  row(
    /^R(?<reg>\d+) doesn't have constant offset\. bpf_res_spin_lock/m,
    'lock-offset-not-constant',
    LIFETIME,
  ),
  row(/^R(?<reg>\d+) doesn't point to map value or allocated object/m, 'lock-missing-in-value', LIFETIME),
  row(
    /^map '(?<map>[^']*)' (?:has more than one 'struct bpf_spin_lock'|is not a struct type or bpf_spin_lock is mangled|has no valid bpf_res_spin_lock)/m,
    'lock-missing-in-value',
    LIFETIME,
  ),
  row(
    /^map '(?<map>[^']*)' has to have BTF in order to use bpf_res_spin_lock/m,
    'lock-map-without-btf',
    LIFETIME,
  ),
  row(/^(?:Acquiring the same lock again, AA deadlock)/m, 'two-locks', LIFETIME),
  row(/^bpf_\w+_unlock cannot be out of order/m, 'lock-order', LIFETIME),
  row(
    /^bpf_res_spin_unlock\w* without taking a lock|^bpf_\w+_unlock without taking a lock/m,
    'unlock-without-lock',
    LIFETIME,
  ),
  row(/^bpf_\w+_unlock of different lock/m, 'unlock-of-other-lock', LIFETIME),
  row(/^can't res_spin_\{lock,unlock\} in rbtree cb/m, 'lock-in-tree-callback', CONTEXT),
  // interrupts and preemption
  row(/^\d+ bpf_preempt_enable\S* (?:are|is) missing/m, 'preempt-not-enabled', LIFETIME),
  row(
    /^(?:R\d+ doesn't point to an irq flag|expected (?:an initialized|uninitialized) irq flag|irq flag acquired by )/m,
    'irq-flag',
    CALL,
  ),
  row(/^cannot restore irq state out of order/m, 'irq-order', LIFETIME),
  row(/ cannot be used inside bpf_local_irq_save-ed region$/m, 'irq-not-restored', LIFETIME),
  // references
  row(/^BPF_LD_\[ABS\|IND\] cannot be mixed with socket references/m, 'reference-leak', LIFETIME),
  row(/^Leaking reference id=\d+ alloc_insn=(?<allocInsn>\d+)/m, 'reference-leak', LIFETIME),
  // memory
  row(/^direct access to bpf_\w+ is disallowed/m, 'kernel-struct-access', MEMORY),
  row(/^BPF_ST stores into R(?<reg>\d+) ctx is not allowed/m, 'context-access', MEMORY),
  row(/^BPF_ATOMIC (?:loads from|stores into) R(?<reg>\d+) /m, 'atomic-target', MEMORY),
  row(
    /^invalid access to context, ctx_size=\d+ off=(?<off>-?\d+) size=(?<sizeBytes>\d+)/m,
    'context-access',
    MEMORY,
  ),
  row(/^variable offset stack pointer cannot be passed into helper/m, 'stack-variable-offset', MEMORY),
  row(/^reading from stack .* slot poisoned by dead code elimination/m, 'stack-uninitialized', MEMORY),
  row(/^R(?<reg>\d+) invalid variable offset to flow keys/m, 'flow-keys-access', MEMORY),
  row(/^(?:store to uptr disallowed)/m, 'kptr-access', MEMORY),
  row(
    /^\w+ access (?:cannot have variable offset|misaligned expected=|size must be BPF_DW)|^\w+ cannot be accessed indirectly by helper/m,
    'kptr-access',
    MEMORY,
  ),
  row(
    /^R(?<reg>\d+) is a packet pointer, but func#\d+ may change packet data/m,
    'packet-out-of-bounds',
    MEMORY,
  ),
  // pointers
  row(
    /^R(?<reg>\d+) (?:subtraction from stack pointer|pointer \S+ pointer) prohibited/m,
    'pointer-arithmetic',
    TYPES,
  ),
  row(/^the sum of R(?<reg>\d+) um(?:ax|in)_value /m, 'pointer-offset-range', TYPES),
  // arenas
  row(
    /^(?:addr_space_cast insn can only be used in a program|sign extending loads from arena|R(?<reg>\d+) is not a pointer to arena)/m,
    'arena-use',
    STRUCTURE,
  ),
  row(/^(?:Arena (?:variable|inner)|one program|only one arena)/im, 'arena-use', STRUCTURE),
  // jump tables
  row(
    /^(?:Failed to properly initialize insn array|jump table for insn|R\d+ points to outside of jump table|R\d+ has type \S+, expected PTR_TO_INSN|Invalid read of \d+ bytes from insn_array|the sum of R\d+ um(?:in|ax)_value|register R\d+ doesn't point to any offset in map)/m,
    'jump-table',
    STRUCTURE,
  ),
  // arguments on the stack
  row(
    /^(?:r11 load must be before|func#\d+ writes \d+ stack arg|stack arg write offset|invalid read from stack arg|callee expects \d+ args, stack arg|tail_calls are not allowed in programs with stack args|global function \S+ has \d+ > \d+ args|kernel supports at most \d+ parameters|program with __ref argument cannot tail call)/m,
    'stack-argument',
    CALL,
  ),
  // results
  row(/^Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify/m, 'program-return', POLICY),
  row(/^map '[^']*' has repeating kptr BTF tags/m, 'kptr-argument', CALL),
  row(/^verifier (?:bug|internal error)/m, 'kernel-bug', STRUCTURE),
  row(/^At subprogram exit the register R(?<reg>\d+) is not a scalar value/m, 'return-not-a-number', TYPES),
];
