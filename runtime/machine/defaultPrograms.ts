/**
 * Which programs the default scenario runs, and how that is to be told to people. Test-run takes packets and contexts;
 * tracing programs run when their hook fires, which nothing does here: they are called as if it had, with arguments
 * that are all zero. Not the run itself.
 */
import { progTypeByName, type ProgTypeRow } from '../spec/progTypes';

/** What is asked of a program here: its type. */
export interface TypedProgram {
  /** BPF_PROG_TYPE_… */
  readonly type: string;
}

const testRunOf = (program: TypedProgram): ProgTypeRow['testRun'] =>
  progTypeByName(program.type)?.testRun ?? 'none';

/** Those that test-run can run, in order; where there are none, all. */
export function defaultPrograms<T extends TypedProgram>(programs: readonly T[]): readonly T[] {
  const runnable = programs.filter((program) => testRunOf(program) !== 'none');
  return runnable.length > 0 ? runnable : programs;
}

/** Whether the program gets arguments that no packet and no given context stands for. */
export function isHookCall(program: TypedProgram): boolean {
  const testRun = testRunOf(program);
  return testRun === 'args' || testRun === 'none';
}

/** Said of such a program beside its result. */
export const HOOK_CALL_TEXT = 'called with zeroed arguments, as if its hook had fired';
