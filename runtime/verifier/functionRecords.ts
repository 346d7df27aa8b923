/**
 * What the debug information says of a program's functions, against the functions that its calls make: one record each, in their
 * order. Loaders write it so; programs given as bare instructions may bring anything.
 *
 * Evidence: programs `functions_*` of test/fixtures/rulebook/raw.json, measured on 6.1, 6.12 and 7.2.
 */
import { hasFeature, reject, type VerifierEnv } from './env';
import { EINVAL } from './outcome';

const isSubprog = (env: VerifierEnv, slot: number): boolean =>
  env.subprogs.some(({ start }) => start === slot);

/** What the records say of themselves. Newer kernels ask this before they look for functions. */
export function checkFunctionRecords(env: VerifierEnv, when: 'early' | 'late'): void {
  const records = env.program.load?.functionRecords ?? [];
  const early = hasFeature(env, 'functionRecordsEarly');
  const bad = (message: string): never =>
    reject(env, {
      code: 'function-records',
      category: 'Program Structure',
      errno: EINVAL,
      message,
      insn: -1,
    });
  // a loader's records tell of functions for exceptions, too, which older kernels do not look for
  if (
    when === 'late' &&
    env.program.functions.some(({ insnIdx, btfId }) => btfId !== 0 && !isSubprog(env, insnIdx))
  )
    bad("number of funcs in func_info doesn't match number of subprogs");
  if (records.length === 0 || (when === 'early' && !early)) return;
  if (when === 'late' && records.length !== env.subprogs.length)
    bad("number of funcs in func_info doesn't match number of subprogs");
  records.forEach(([start, typeId], i) => {
    if (when === 'early' || !early) {
      if (i === 0 && start !== 0) bad(`nonzero insn_off ${start} for the first func info record`);
      else if (i > 0 && start <= records[i - 1][0])
        bad(`same or smaller insn offset (${start}) than previous func info record (${records[i - 1][0]})`);
    }
    if (when === 'late' && env.subprogs[i].start !== start)
      bad("func_info BTF section doesn't match subprog layout in BPF program");
    const type = env.object.btf?.types.at(typeId);
    if (type?.kind !== 'func' && (when === 'early' || !early)) bad(`invalid type id ${typeId} in func info`);
  });
}
