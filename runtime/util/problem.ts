/**
 * What is wrong with the user's input, as a value: one message, where it is, and what to do about it.
 * `FormatError` carries a problem out of a parser; the parser's public function turns it into a `Problem`.
 */
export interface Place {
  readonly file: string;
  /** 1-based line, 1-based column, when the input is text. */
  readonly line?: number;
  readonly column?: number;
  /** Byte offset, when the input is binary. */
  readonly offset?: number;
}

export interface Problem {
  /** Stable kebab-case word, e.g. `elf-truncated`. */
  readonly code: string;
  readonly message: string;
  readonly place?: Place;
  /** What the user can do, one sentence. */
  readonly remedy?: string;
}

export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });
export const fail = <T>(problem: Problem): Result<T> => ({ ok: false, problem });

/** Malformed input found inside a parser. `offset` counts bytes from the start of what `format` names. */
export class FormatError extends Error {
  override name = 'FormatError';
  constructor(
    readonly format: string,
    message: string,
    readonly offset?: number,
  ) {
    super(message);
  }
}

/** Runs a parser and turns its `FormatError` into a problem of `file`; other exceptions are our bugs and pass. */
export function parseWith<T>(file: string, parse: () => T, remedy?: string): Result<T> {
  try {
    return ok(parse());
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return fail({
      code: `malformed-${error.format.toLowerCase()}`,
      message: `${error.format}: ${error.message}`,
      place: { file, offset: error.offset },
      remedy,
    });
  }
}
