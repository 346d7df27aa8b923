/** Refusals of the way through a program: instructions, loops, budgets, stack depth and what is returned. */
import { functionAt } from '../names';
import { row, valued, type Row } from './words';

export const CONTROL_FLOW_EXPLANATIONS: Readonly<Record<string, Row>> = {
  trap: row(
    'The compiler found that this path uses a variable without a value and put a trap in its place.',
    "Give the variable a value on every path, and heed the compiler's warnings.",
  ),
  'compiler-trap': row(
    'The compiler put a trap here: on this way the program does what C gives no meaning to, such as using a variable that was never set.',
    'Initialise the variable, and heed the warnings of the compiler.',
  ),
  'jump-without-table': row(
    'The indirect jump has no table: no array of instructions in this object leads into its function.',
    'Let the compiler make the table, or use a direct jump.',
  ),
  'void-hook-result': row(
    'The hook that the program attaches to returns nothing, so there is no result that the program could set.',
    'Attach to a hook that returns a number.',
  ),
  'retval-range': row(
    'bpf_set_retval takes 0 or a negative error number down to -4095, and the value here may be something else.',
    'Compare the value with these bounds before the call.',
  ),
  'stack-too-large': row(
    (s) =>
      `The call chain ${s.fact('chain') || `that ends in ${s.fact('subprog') || functionAt(s.env, s.insn)}()`} needs more than the 512 bytes of stack that all its functions have together. A timer callback starts a chain of its own.`,
    'Move large local variables into a map (a per-CPU array serves as scratch space), or shorten the chain.',
  ),
  'call-stack-too-deep': row(
    'Calls go deeper than the kernel has frames for (8, the newest 16): the chain is too long, or a function reaches itself.',
    'Inline functions, or turn recursion into a loop.',
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
  'program-return': row(
    (s) =>
      `Programs of this type must return ${s.fact('min') === s.fact('max') ? s.fact('min') : `a value from ${s.fact('min')} to ${s.fact('max')}`}; this path returns ${s.what || 'something else'}${valued(s)}.`,
    'Return one of the allowed values on every path; mask or test values that come from elsewhere.',
  ),
  'return-not-a-number': row(
    (s) => `${functionAt(s.env, s.insn)}() returns ${s.what || 'a pointer'} instead of a number.`,
    'Return a number.',
  ),
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
  'empty-program': row('The program has no instructions.', 'Check that the function is not optimised away.'),
  backtracking: row(
    'The kernel lost track of where a value came from; on this kernel that ends verification.',
    'Simplify the code before this instruction, for example by recomputing the value.',
  ),
};
