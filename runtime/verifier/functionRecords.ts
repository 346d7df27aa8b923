/**
 * What the debug information says of a program's functions, against the functions that its calls make: one record each, in their
 * order. Loaders write it so; programs given as bare instructions may bring anything.
 *
 * Evidence: programs `functions_*` of test/fixtures/rulebook/raw.json, measured on 6.1, 6.12 and 7.2.
 */
import { reject, type VerifierEnv } from './env';
import { EINVAL } from './outcome';

const refuse = (env: VerifierEnv, message: string): never =>
  reject(env, { code: 'function-records', category: 'Program Structure', errno: EINVAL, message, insn: -1 });

/** The kernel has records of all functions or of none. */
const hasRecords = (env: VerifierEnv): boolean =>
  env.program.functions.length > 0 && env.program.functions.every((func) => func.btfId !== 0);

/** Records start with the main program and go on in order. */
export function checkFunctionOrder(env: VerifierEnv): void {
  if (!hasRecords(env)) return;
  const { functions } = env.program;
  if (functions[0].insnIdx !== 0) {
    refuse(env, `nonzero insn_off ${functions[0].insnIdx} for the first func info record`);
  }
  functions.forEach(({ insnIdx }, i) => {
    const before = i === 0 ? -1 : functions[i - 1].insnIdx;
    if (insnIdx > before) return;
    refuse(env, `same or smaller insn offset (${insnIdx}) than previous func info record (${before})`);
  });
}

/**
 * Whether the records are of the functions that start at `called`. A global function that nobody calls is one too: exceptions
 * may lead there.
 */
export function checkFunctionRecords(env: VerifierEnv, called: ReadonlySet<number>): boolean {
  if (!hasRecords(env)) return true;
  const { functions } = env.program;
  const uncalled = functions.filter((func) => !called.has(func.insnIdx) && func.linkage !== 'global');
  return uncalled.length === 0 && [...called].every((at) => functions.some((func) => func.insnIdx === at));
}

/** Says how records and functions differ. */
export function refuseFunctionRecords(env: VerifierEnv): never {
  return refuse(
    env,
    env.program.functions.length === env.subprogs.length
      ? "func_info BTF section doesn't match subprog layout in BPF program"
      : "number of funcs in func_info doesn't match number of subprogs",
  );
}
