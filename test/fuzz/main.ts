/**
 * `npm run fuzz -- [--from SEED] [--count N] [--kernel LIST] [--list]`: generated programs judged by real kernels and by our
 * verifier. Prints the agreement per kernel; with --list every disagreement with the seed that makes it again.
 */
import { parseArgs } from 'node:util';
import { rawObject } from '../../runtime/loader/rawProgram';
import { findProfile } from '../../runtime/spec/profile';
import { verify } from '../../runtime/verifier/verify';
import type { Verdict } from '../../runtime/verifier/verdict';
import { agreementLine, compare, summarise } from '../oracle/agreement';
import { KERNELS, setUp, type KernelName } from '../oracle/boot';
import { rawOnKernel } from '../oracle/rawPrograms';
import { generate } from './generate';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      from: { type: 'string', default: '1' },
      count: { type: 'string', default: '1000' },
      kernel: { type: 'string', default: KERNELS.join(',') },
      list: { type: 'boolean', default: false },
    },
  });
  setUp();
  const from = Number(values.from);
  const programs = Array.from({ length: Number(values.count) }, (_, i) => generate(from + i));
  for (const kernel of values.kernel.split(',') as KernelName[]) {
    const profile = findProfile(kernel);
    if (!profile) throw new Error(`no profile ${kernel}`);
    const answers = await rawOnKernel(kernel, programs);
    const comparisons = programs.flatMap((raw, i) => {
      const answer = answers[i];
      if (answer.verdict === 'setup_error' || answer.verdict === 'kernel_crash') return [];
      const read = rawObject(raw);
      if (!read.ok) throw new Error(read.problem.message);
      let ours: Verdict | Error;
      try {
        ours = verify(read.value.program, read.value.object, profile, {});
      } catch (error) {
        ours = error as Error;
      }
      return [compare({ ...answer, verdict: answer.verdict, file: `seed ${raw.id}`, prog: '' }, ours)];
    });
    if (values.list) {
      for (const c of comparisons) {
        const differs =
          c.kernelSays !== c.weSay ||
          c.ourMessage !== c.kernelMessage ||
          (c.weSay === 'accepted' && c.ourInsns !== c.kernelInsns);
        if (differs) {
          console.log(
            `${kernel} ${c.file}: kernel ${c.kernelSays} «${c.kernelMessage}» ${c.kernelInsns}, we ${c.weSay} «${c.ourMessage}» ${c.ourInsns}`,
          );
        }
      }
    }
    console.log(agreementLine(kernel, summarise(comparisons)));
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 2;
});
