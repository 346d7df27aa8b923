/**
 * Functions that a kernel has for tests of tracing programs: a test run of such a program calls them, with these arguments.
 * Evidence: what programs attached to them saw on 6.1, 6.12 and 7.2.
 */
import type { FeatureName } from './features';

/** A number, or a pointer to memory that holds zeros, or to the number two. */
export type TestArgument = bigint | 'zeros' | 'two';

export interface TestFunction {
  readonly name: string;
  readonly args: readonly TestArgument[];
  readonly result: bigint;
  readonly feature?: FeatureName;
}

/** Called for programs that look on at the entry or the exit of functions. */
export const ENTRY_FUNCTIONS: readonly TestFunction[] = [
  { name: 'bpf_fentry_test1', args: [1n], result: 2n },
  { name: 'bpf_fentry_test2', args: [2n, 3n], result: 5n },
  { name: 'bpf_fentry_test3', args: [4n, 5n, 6n], result: 15n },
  { name: 'bpf_fentry_test4', args: [7n, 8n, 9n, 10n], result: 34n },
  { name: 'bpf_fentry_test5', args: [11n, 12n, 13n, 14n, 15n], result: 65n },
  { name: 'bpf_fentry_test6', args: [16n, 17n, 18n, 19n, 20n, 21n], result: 111n },
  { name: 'bpf_fentry_test7', args: [0n], result: 0n },
  { name: 'bpf_fentry_test8', args: ['zeros'], result: 0n },
  { name: 'bpf_fentry_test9', args: ['zeros'], result: 0n, feature: 'testFunctionNine' },
  { name: 'bpf_fentry_test10', args: [0n], result: 0n, feature: 'testFunctionTen' },
];

/** Called for programs that change what functions return; each adds one to the number behind its second argument. */
export const MODIFY_FUNCTIONS: readonly TestFunction[] = [
  { name: 'bpf_modify_return_test', args: [1n, 'two'], result: 4n },
  {
    name: 'bpf_modify_return_test2',
    args: [1n, 'two', 3n, 4n, 5n, 6n, 7n],
    result: 29n,
    feature: 'testFunctionsManyArguments',
  },
];
