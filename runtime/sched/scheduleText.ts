/**
 * A schedule as a short printable string: the answers to all choices, in order, written as those that were not the first
 * option. `12.1 0.2` reads: twelve times the first option, then option 1, then at once option 2; whatever follows is the
 * first option again. The empty schedule is `-`.
 */
import { fail, ok, type Result } from '../util/problem';

const CHOICES_MAX = 1_000_000;

export function scheduleToText(choices: readonly number[]): string {
  const parts: string[] = [];
  let gap = 0;
  for (const choice of choices) {
    if (choice === 0) gap++;
    else {
      parts.push(`${gap}.${choice}`);
      gap = 0;
    }
  }
  return parts.length === 0 ? '-' : parts.join(' ');
}

export function scheduleFromText(text: string): Result<number[]> {
  const choices: number[] = [];
  const trimmed = text.trim();
  if (trimmed === '-') return ok(choices);
  for (const part of trimmed.split(/\s+/)) {
    const match = /^(\d{1,6})\.(\d{1,3})$/.exec(part);
    const gap = Number(match?.[1]);
    if (match === null || choices.length + gap >= CHOICES_MAX)
      return fail({
        code: 'bad-schedule',
        message: `"${part.slice(0, 40)}" is no part of a schedule`,
        remedy: 'A schedule looks like "12.1 0.2", or "-" when it is empty.',
      });
    for (let i = 0; i < gap; i++) choices.push(0);
    choices.push(Number(match[2]));
  }
  return ok(choices);
}
