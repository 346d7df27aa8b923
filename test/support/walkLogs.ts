/** Our logs of the rule book's programs, to be held against recorded ones of kernels. */
import * as fs from 'node:fs';
import { judge } from '../../runtime/host/judge';
import { GUEST_CPUS } from '../../runtime/loader/rawProgram';
import { fixture } from './paths';
import { walkLines } from './walkLog';

export interface WalkLogs {
  /** By kernel and `OBJECT:PROGRAM`: lines of the walk. */
  readonly logs: Record<string, Record<string, string[]>>;
  /** Programs whose lines ours are known to differ from. */
  readonly differs: Record<string, string[]>;
}

/** @param ids `OBJECT:PROGRAM` of the rule book. */
export function ourWalkLogs(kernel: string, ids: readonly string[]): Map<string, string[]> {
  const ours = new Map<string, string[]>();
  for (const file of new Set(ids.map((id) => id.slice(0, id.indexOf(':'))))) {
    const judged = judge({
      file,
      bytes: fs.readFileSync(fixture('rulebook', file)),
      kernels: [kernel],
      logLevel: 2,
      relaxed: true,
      btf: {},
      possibleCpus: GUEST_CPUS,
    });
    for (const program of judged?.ok ? judged.value.programs : [])
      ours.set(`${file}:${program.name}`, walkLines(program.log ?? ''));
  }
  return ours;
}
