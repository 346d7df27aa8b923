/**
 * The list of messages in `messages.tsv`: what the three kernels can print last when a privileged program is loaded, each with
 * fixtures whose recorded truth prints it. Columns: kernels, message (`%d`, `%s` stand for what varies; newer kernels name
 * arguments where older ones name registers, and share a row), fixtures; or, in place of fixtures, `left out:` and why.
 *
 * The texts are facts of 6.1.192, 6.12.117 and 7.2.13. What only a log shows is not in the list.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fixture, repoRoot } from '../support/paths';
import { KERNELS, type Kernel, type RecordedPrograms } from './fixturePrograms';

export const LIST = path.join(repoRoot, 'test', 'verifier', 'messages.tsv');
const LEFT_OUT = 'left out: ';
/** A row names this many fixtures at most. */
const NAMED = 4;

export interface MessageRow {
  readonly kernels: readonly string[];
  readonly text: string;
  readonly pattern: RegExp;
  /** Characters that do not vary: of two rows that fit, the one that says more is meant. */
  readonly literal: number;
  readonly fixtures: readonly string[];
  readonly leftOut?: string;
}

const CONVERSION = /%[-#0-9.*+ ]*(?:ll|l|h|z)?([a-zA-Z])/g;

function patternOf(text: string): RegExp {
  let source = '';
  let at = 0;
  const literal = (part: string): string => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  for (const match of text.matchAll(CONVERSION)) {
    source += literal(text.slice(at, match.index));
    source += /[dui]/.test(match[1]) ? '-?\\d+' : match[1] === 'x' ? '(?:0x)?[0-9a-fA-F]+' : '.*?';
    at = match.index + match[0].length;
  }
  return new RegExp(`^${source}${literal(text.slice(at))}$`);
}

export function readList(): MessageRow[] {
  return fs
    .readFileSync(LIST, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [kernels, text, last = ''] = line.split('\t');
      const leftOut = last.startsWith(LEFT_OUT) ? last.slice(LEFT_OUT.length) : undefined;
      return {
        kernels: kernels.split(','),
        text,
        pattern: patternOf(text),
        literal: text.replace(CONVERSION, '').length,
        fixtures: leftOut === undefined && last !== '' ? last.split(' ') : [],
        leftOut,
      };
    });
}

const recordedIn = (folder: string): RecordedPrograms =>
  JSON.parse(fs.readFileSync(path.join(fixture(folder), 'recorded.json'), 'utf8')) as RecordedPrograms;

interface Said {
  readonly by: string;
  readonly kernel: Kernel;
  readonly line: string;
}

/** Every line that a kernel said in refusing a fixture: `rulebook/…` and `verifier/…`. */
export function linesSaid(): Said[] {
  const said: Said[] = [];
  for (const folder of ['rulebook', 'verifier']) {
    for (const [file, programs] of Object.entries(recordedIn(folder))) {
      if (file === 'kernels') continue;
      for (const [program, kernels] of Object.entries(programs)) {
        for (const kernel of KERNELS) {
          const truth = kernels[kernel];
          if (truth?.verdict !== 'rejected') continue;
          for (const line of [...(truth.before ?? []), truth.message])
            if (line.trim() !== '')
              said.push({ by: `${folder}/${file}/${program}`, kernel, line: line.trim() });
        }
      }
    }
  }
  return said;
}

/** The row that a kernel's line is, if the list has one. */
export function rowOf(rows: readonly MessageRow[], { kernel, line }: Said): MessageRow | undefined {
  let best: MessageRow | undefined;
  for (const row of rows) {
    if (best !== undefined && row.literal <= best.literal) continue;
    if (row.kernels.includes(kernel) && row.pattern.test(line)) best = row;
  }
  return best;
}

/** The list with fixtures named anew. */
export function writeList(
  rows: readonly MessageRow[],
  fixtures: ReadonlyMap<MessageRow, ReadonlySet<string>>,
): void {
  const head = fs
    .readFileSync(LIST, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('#'));
  const lines = rows.map((row) => {
    const named = [...(fixtures.get(row) ?? [])].sort().slice(0, NAMED).join(' ');
    const last = named !== '' || row.leftOut === undefined ? named : LEFT_OUT + row.leftOut;
    return `${row.kernels.join(',')}\t${row.text}\t${last}`;
  });
  fs.writeFileSync(LIST, [...head, ...lines, ''].join('\n'));
}
