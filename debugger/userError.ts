/** A request that cannot be answered, as the user should read it. Everything else that is thrown is our own bug. */
import type { Problem } from '../runtime/util/problem';

export class UserError extends Error {
  override name = 'UserError';
  /** @param show pop up in the editor, for what the user asked for and does not get. */
  constructor(
    message: string,
    readonly show = false,
  ) {
    super(message);
  }
}

/** One sentence or two: what is wrong, where, what to do. */
export function problemText(problem: Problem): string {
  const place = problem.place;
  const where =
    place === undefined || problem.message.includes(place.file)
      ? ''
      : place.line !== undefined
        ? `${place.file}:${place.line}: `
        : `${place.file}: `;
  const text = where + problem.message;
  const ended = /[.!?]$/.test(text) ? text : text + '.';
  return problem.remedy !== undefined ? `${ended} ${problem.remedy}` : ended;
}
