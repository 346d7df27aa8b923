/** What kernels say of generated programs; kept in files on demand, so that judging again needs no kernel. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { finalMessage } from '../oracle/agreement';
import type { KernelName } from '../oracle/boot';
import { rawOnKernel, type RawAnswer } from '../oracle/rawPrograms';
import type { RawProgram } from '../../runtime/loader/rawProgram';
import { noAnswer } from './judge';

export interface Question {
  /** Which programs these are: two questions of one name are the same. */
  readonly name: string;
  readonly programs: readonly RawProgram[];
}

/** Answers to each question. What is not in `folder` is asked, all in one guest. */
export async function answersOf(
  kernel: KernelName,
  questions: readonly Question[],
  folder: string | undefined,
): Promise<RawAnswer[][]> {
  const fileOf = ({ name }: Question): string | undefined =>
    folder === undefined ? undefined : path.join(folder, `${name}-${kernel}.json`);
  const known = (file: string | undefined): file is string => file !== undefined && fs.existsSync(file);
  const open = questions.filter((question) => !known(fileOf(question)));
  const asked =
    open.length === 0
      ? []
      : await rawOnKernel(
          kernel,
          open.flatMap((q) => q.programs),
        );
  if (folder !== undefined) fs.mkdirSync(folder, { recursive: true });
  let at = 0;
  return questions.map((question) => {
    const file = fileOf(question);
    if (!open.includes(question) && file !== undefined)
      return JSON.parse(fs.readFileSync(file, 'utf8')) as RawAnswer[];
    const answers = asked.slice(at, (at += question.programs.length));
    if (file !== undefined) fs.writeFileSync(file, JSON.stringify(answers));
    return answers;
  });
}

/** Accepted programs as their count of processed instructions, refused ones as the message; null: no answer, or never asked. */
export function compact(answer: RawAnswer): number | string | null {
  if (answer.verdict === 'ok') return answer.processed_insns ?? 0;
  if (answer.verdict !== 'fail' || noAnswer(answer)) return null;
  return finalMessage({ ...answer, verdict: 'fail', file: '', prog: '' });
}
