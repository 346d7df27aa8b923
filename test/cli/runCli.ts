/** Runs the command line in this process, with its streams caught. */
import { main } from '../../cli/main';

export interface CliOutcome {
  readonly status: number;
  readonly out: string;
  /** Lines of standard error. */
  readonly errors: readonly string[];
}

export async function cli(...argv: string[]): Promise<CliOutcome> {
  let out = '';
  const errors: string[] = [];
  const status = await main(argv, {
    out: (text) => {
      out += text;
    },
    error: (line) => errors.push(line),
  });
  return { status, out, errors };
}
