/**
 * How commands speak: text to standard output, one clear line per error to standard error, an exit status. Nothing else
 * of the command line writes to the process's streams.
 */
import type { Problem } from '../runtime/util/problem';

/** All well; the programs fall short; usage or unreadable input. */
export const EXIT = { ok: 0, short: 1, usage: 2 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

export interface Streams {
  out(text: string): void;
  error(line: string): void;
  /** Shows how far a long command is, in place of what was shown before; only where a person looks on. */
  progress?(text: string): void;
}

export const processStreams: Streams = {
  out: (text) => void process.stdout.write(text),
  error: (line) => void process.stderr.write(`${line}\n`),
  ...(process.stderr.isTTY
    ? { progress: (text: string): void => void process.stderr.write(`\r\u001b[K${text}`) }
    : {}),
};

/** `bpf-studio: a.o: no such file. Do this.` on one line. */
export function problemLine(problem: Problem): string {
  const { place } = problem;
  let text = problem.message;
  if (place?.line !== undefined) {
    text = `${place.file}:${place.line}${place.column === undefined ? '' : `:${place.column}`}: ${text}`;
  } else if (place !== undefined && !text.includes(place.file)) {
    text = `${place.file}: ${text}`;
  }
  // Of C sources the offset would count bytes of an object that nobody sees.
  if (place?.offset !== undefined && !/\.c$/i.test(place.file)) text += ` (at byte ${place.offset})`;
  const remedy = problem.remedy === undefined ? '' : ` — ${problem.remedy}`;
  return `bpf-studio: ${text}${remedy}`.replace(/\s*\n\s*/g, ' ');
}

/** A problem that ends the command. */
export class CommandFailure extends Error {
  override name = 'CommandFailure';
  constructor(readonly problem: Problem) {
    super(problem.message);
  }
}

export const usage = (message: string, remedy?: string): CommandFailure =>
  new CommandFailure({ code: 'usage', message, remedy });

/** JSON with bigint as decimal strings, two spaces, a newline at the end. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? v.toString() : v), 2)}\n`;
}
