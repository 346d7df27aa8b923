/**
 * Reads `compile_commands.json`: the nearest one above a C file (also in a `build` folder beside it) and the entry of that
 * file. The flags still have to pass the allowlist. A malformed database is a problem, never a crash.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fail, ok, type Result } from '../util/problem';
import { chooseFlags, type FlagChoice } from './compilerFlags';
import { reasonOf } from './compiler';

export interface CompileCommand extends FlagChoice {
  readonly database: string;
  readonly directory: string;
}

interface Entry {
  readonly file: string;
  readonly directory: string;
  readonly args: readonly string[];
}

const SIZE_LIMIT_BYTES = 64 << 20;
const loaded = new Map<string, { mtimeMs: number; entries: Result<ReadonlyMap<string, Entry>> }>();

/** The recorded command of `file`; undefined when there is no database or no entry. */
export function compileCommandFor(file: string): Result<CompileCommand | undefined> {
  const wanted = path.resolve(file);
  for (let dir = path.dirname(wanted); ; dir = path.dirname(dir)) {
    for (const database of [
      path.join(dir, 'compile_commands.json'),
      path.join(dir, 'build', 'compile_commands.json'),
    ]) {
      if (!fs.existsSync(database)) continue;
      const entries = readDatabase(database);
      if (!entries.ok) return entries;
      const entry = entries.value.get(wanted);
      if (!entry) return ok(undefined);
      return ok({ database, directory: entry.directory, ...chooseFlags(entry.args, entry.directory) });
    }
    if (path.dirname(dir) === dir) return ok(undefined);
  }
}

function readDatabase(database: string): Result<ReadonlyMap<string, Entry>> {
  try {
    const { mtimeMs, size } = fs.statSync(database);
    const before = loaded.get(database);
    if (before?.mtimeMs === mtimeMs) return before.entries;
    const entries =
      size > SIZE_LIMIT_BYTES
        ? problem(database, 'it is larger than 64 MiB')
        : parseDatabase(database, fs.readFileSync(database, 'utf8'));
    loaded.set(database, { mtimeMs, entries });
    return entries;
  } catch (error) {
    return problem(database, reasonOf(error));
  }
}

function parseDatabase(database: string, text: string): Result<ReadonlyMap<string, Entry>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return problem(database, reasonOf(error));
  }
  if (!Array.isArray(parsed)) return problem(database, 'it is not a list of commands');
  const entries = new Map<string, Entry>();
  for (const item of parsed as unknown[]) {
    if (typeof item !== 'object' || item === null) continue;
    const { file, directory, command, arguments: args } = item as Record<string, unknown>;
    if (typeof file !== 'string') continue;
    const dir = path.resolve(path.dirname(database), typeof directory === 'string' ? directory : '.');
    const list = Array.isArray(args)
      ? args.filter((arg): arg is string => typeof arg === 'string')
      : typeof command === 'string'
        ? splitCommand(command)
        : [];
    const absolute = path.resolve(dir, file);
    if (!entries.has(absolute))
      entries.set(absolute, { file: absolute, directory: dir, args: list.slice(1) });
  }
  return ok(entries);
}

/** Words of a shell command: quotes and backslashes, nothing else of the shell. */
export function splitCommand(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < command.length; i++) {
    const c = command[i];
    if (quote !== '') {
      if (c === quote) quote = '';
      else if (c === '\\' && quote === '"' && i + 1 < command.length) word = (word ?? '') + command[++i];
      else word = (word ?? '') + c;
    } else if (c === '"' || c === "'") {
      quote = c;
      word ??= '';
    } else if (c === '\\' && i + 1 < command.length) {
      word = (word ?? '') + command[++i];
    } else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + c;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

const problem = (database: string, why: string): Result<never> =>
  fail({
    code: 'compile-commands-malformed',
    message: `${database} cannot be used: ${why}`,
    place: { file: database },
    remedy: 'Generate it again, or delete it.',
  });
