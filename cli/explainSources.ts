/**
 * Finds the lines that a log shows in the user's files. Logs name at most the last part of a path, older ones only the text of
 * the line; so C files below a folder are looked through once, within bounds, and a place counts only when its text agrees.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { SourceFinder } from '../runtime/ide/explainLog';

const MAX_FILES = 2000;
const MAX_FOLDERS = 2000;
const MAX_BYTES = 4 << 20;

interface SourceFile {
  readonly file: string;
  readonly lines: readonly string[];
}

const plain = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** C files below `folder`, nearest first; hidden folders and node_modules are left out. */
function cFilesBelow(folder: string): string[] {
  const found: string[] = [];
  const queue = [folder];
  for (let seen = 0; queue.length > 0 && seen < MAX_FOLDERS && found.length < MAX_FILES; seen++) {
    const dir = queue.shift() as string;
    let entries: fs.Dirent[];
    try {
      entries = fs.readdirSync(dir, { withFileTypes: true });
    } catch {
      continue; // A folder that may not be read holds no source of ours.
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const file = path.join(dir, entry.name);
      if (entry.isDirectory()) queue.push(file);
      else if (entry.isFile() && /\.[ch]$/i.test(entry.name)) found.push(file);
    }
  }
  return found;
}

/**
 * A finder over the C files below `folders`; nothing is read before the first question. Where lines of `log` name no place, the
 * file that has most of them comes first.
 */
export function sourcesBelow(folders: readonly string[], log = ''): SourceFinder {
  let names: string[] | undefined;
  let likely: string | undefined;
  const read = new Map<string, SourceFile | undefined>();
  const load = (file: string): SourceFile | undefined => {
    if (!read.has(file)) {
      let source: SourceFile | undefined;
      try {
        if (fs.statSync(file).size <= MAX_BYTES)
          source = { file, lines: fs.readFileSync(file, 'utf8').split(/\r?\n/) };
      } catch {
        // Went away in between: it is not there then.
      }
      read.set(file, source);
    }
    return read.get(file);
  };
  return ({ file, line, text }) => {
    names ??= [...new Set(folders.flatMap((folder) => cFilesBelow(folder)))];
    const wanted = plain(text);
    if (wanted === '') return undefined;
    if (line > 0) {
      const tail = file.split(/[\\/]/).at(-1);
      for (const name of names) {
        if (path.basename(name) !== tail) continue;
        const own = load(name)?.lines[line - 1];
        if (own !== undefined && plain(own) === wanted) return { file: name, line, text: own };
      }
      return undefined;
    }
    // Only the text: it must stand in one place alone, of all files or of the one that the log is about.
    likely ??= mostLines(names, load, log);
    const own = placesOf(load(likely), wanted);
    if (own.length === 1) return own[0];
    const all = own.length > 1 ? own : names.flatMap((name) => placesOf(load(name), wanted));
    return all.length === 1 ? all[0] : undefined;
  };
}

type Place = NonNullable<ReturnType<SourceFinder>>;

function placesOf(source: SourceFile | undefined, wanted: string): Place[] {
  return (source?.lines ?? []).flatMap((text, at) =>
    plain(text) === wanted ? [{ file: source?.file ?? '', line: at + 1, text }] : [],
  );
}

/** The one file that has more of the log's source lines than any other; '' if there is none. */
function mostLines(
  names: readonly string[],
  load: (file: string) => SourceFile | undefined,
  log: string,
): string {
  const shown = new Set([...log.matchAll(/^.*?; (.+)$/gm)].map((match) => plain(match[1])));
  let best = '';
  let most = 0;
  for (const name of names) {
    const own = new Set(
      load(name)
        ?.lines.map(plain)
        .filter((line) => shown.has(line)),
    );
    if (own.size > most) [best, most] = [name, own.size];
    else if (own.size === most) best = '';
  }
  return best;
}
