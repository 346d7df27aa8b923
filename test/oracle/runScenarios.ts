/** Plays run scenarios on a real kernel: loads objects, runs programs, sleeps, dumps maps (the loader's `run` mode). */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { OracleScenario, OracleStep } from '../../runtime/machine/oracleRun';
import { boot, type KernelName } from './boot';

/** As the model's guests. */
const GUEST_CPUS = 2;
const BESIDE_RUN = ['data', 'ctx', 'repeat', 'flags', 'cpu'] as const;

/** A step in the loader's line language (guest/loader.c). */
function lineOf(step: OracleStep): string {
  if (step.run !== undefined) {
    const beside = BESIDE_RUN.flatMap((name) => {
      const value = step[name];
      return value === undefined ? [] : [`${name}=${value}`];
    });
    return [`R prog=${step.run}`, ...beside].join(' ');
  }
  if (step.attach !== undefined) return `A prog=${step.attach}`;
  if (step.sleep_ms !== undefined) return `W ms=${step.sleep_ms}`;
  if (step.update !== undefined)
    return `U map=${step.update} key=${step.key ?? ''} value=${step.value ?? ''} flags=${step.flags ?? 0}`;
  if (step.delete !== undefined) return `K map=${step.delete} key=${step.key ?? ''}`;
  return 'V';
}

/** The kernel's answers as the loader printed them, in the order of the scenarios. @param folder of the objects. */
export async function runOnKernel(
  kernel: KernelName,
  folder: string,
  scenarios: readonly OracleScenario[],
): Promise<readonly unknown[]> {
  const files = new Map<string, Uint8Array>();
  const lines: string[] = [];
  for (const { object, name, only, steps } of scenarios) {
    // Names of data maps come from the file's.
    const inside = `in/o/${path.basename(object)}`;
    files.set(inside, fs.readFileSync(path.resolve(folder, object)));
    const chosen = only === undefined ? '' : ` only=${only.join(',')}`;
    lines.push(`S name=${name.replaceAll(' ', '_')} obj=/${inside}${chosen}`);
    for (const step of steps) lines.push(lineOf(step));
    lines.push('E');
  }
  files.set('in/spec', Buffer.from(lines.join('\n') + '\n'));
  const { records, finished, console } = await boot(kernel, ['run', '/in/spec', 'timeout=120'], files, {
    cpus: GUEST_CPUS,
  });
  if (!finished) throw new Error(`the guest with ${kernel} died:\n${console.slice(-2000)}`);
  return records
    .filter(({ tag }) => tag === 'J')
    .map(({ body }) => JSON.parse(body.toString('utf8')) as unknown);
}
