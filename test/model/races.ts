/** Every lesson of examples/races by search, without its fix and with it: one row each, for the table of `npm run test:model`. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { main } from '../../cli/main';
import { example } from '../support/paths';

interface Report {
  readonly fixes: Readonly<Record<string, string>>;
  readonly found: readonly { readonly invariant: string }[];
  readonly complete: boolean;
  readonly executions: number;
}

export interface RaceRow {
  readonly name: string;
  readonly fix: string;
  /** The invariant that breaks without the fix; undefined: nothing was found. */
  readonly without?: string;
  /** The bounded space was exhausted with the fix, and nothing found. */
  readonly absent: boolean;
  /** With the fix. */
  readonly executions: number;
  readonly seconds: number;
}

async function explore(file: string, schedule: string, ...more: string[]): Promise<Report> {
  let out = '';
  const streams = { out: (text: string) => (out += text), error: () => undefined };
  await main(['explore', file, '--format', 'json', '--out', schedule, ...more], streams);
  return JSON.parse(out) as Report;
}

export async function* races(): AsyncGenerator<RaceRow> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-model-'));
  const schedule = path.join(dir, 'found.bpfschedule');
  for (const file of fs.readdirSync(example('races')).sort()) {
    const name = /^(.*)\.bpf\.yaml$/.exec(file)?.[1];
    if (name === undefined) continue;
    const from = process.hrtime.bigint();
    const without = await explore(example(`races/${file}`), schedule);
    const fix = Object.keys(without.fixes).find((key) => without.fixes[key] === 'off') ?? '';
    const fixed = await explore(example(`races/${file}`), schedule, '--fix', `${fix}=on`);
    yield {
      name,
      fix,
      without: without.found.at(0)?.invariant,
      absent: fixed.complete && fixed.found.length === 0,
      executions: fixed.executions,
      seconds: Number(process.hrtime.bigint() - from) / 1e9,
    };
  }
  fs.rmSync(dir, { recursive: true });
}
