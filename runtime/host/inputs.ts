/**
 * From what the user names (files, folders, globs) to a list of BPF files in a fixed order. Folders are searched for
 * `*.bpf.c` and for BPF objects that were not built from one of those; hidden folders and node_modules are left out.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fail, ok, type Result } from '../util/problem';

const MAX_FILES = 100_000;
const MAX_DEPTH = 40;
const EM_BPF = 247;

/** @returns paths as the user would write them (relative when the argument was). */
export function expandInputs(names: readonly string[], cwd: string): Result<string[]> {
  const files: string[] = [];
  for (const name of names) {
    const absolute = path.resolve(cwd, name);
    const stat = fs.statSync(absolute, { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      const found = searchFolder(name, absolute);
      if (found.length === 0) {
        return fail({
          code: 'nothing-found',
          message: `${name}: no *.bpf.c and no BPF object in this folder`,
          remedy: 'Name the files, or a folder that holds some.',
        });
      }
      files.push(...found);
    } else if (stat) {
      files.push(name);
    } else if (/[*?{[]/.test(name)) {
      const found = expandGlob(name, cwd);
      if (found.length === 0) return fail({ code: 'nothing-found', message: `${name}: matches no file` });
      files.push(...found);
    } else {
      return fail({
        code: 'file-missing',
        message: `${name}: no such file or folder`,
        place: { file: name },
      });
    }
  }
  return ok([...new Set(files)]);
}

function searchFolder(shown: string, absolute: string): string[] {
  const sources: string[] = [];
  const objects: string[] = [];
  walk(absolute, (file) => {
    if (file.endsWith('.bpf.c')) sources.push(file);
    else if (file.endsWith('.o') && isBpfObject(file)) objects.push(file);
  });
  const stems = new Set(sources.map((file) => file.slice(0, -'.bpf.c'.length)));
  const kept = objects.filter((file) => !stems.has(file.replace(/(?:\.bpf)?\.o$/, '')));
  return [...sources, ...kept].sort(byText).map((file) => path.join(shown, path.relative(absolute, file)));
}

/** ELF64 for machine BPF, by its header alone. */
export function isBpfObject(file: string): boolean {
  try {
    const handle = fs.openSync(file, 'r');
    try {
      const header = Buffer.alloc(20);
      if (fs.readSync(handle, header, 0, 20, 0) < 20) return false;
      if (header.readUInt32BE(0) !== 0x7f454c46) return false;
      return (header[5] === 2 ? header.readUInt16BE(18) : header.readUInt16LE(18)) === EM_BPF;
    } finally {
      fs.closeSync(handle);
    }
  } catch {
    return false;
  }
}

function walk(folder: string, visit: (file: string) => void): void {
  let seen = 0;
  const stack: { dir: string; depth: number }[] = [{ dir: folder, depth: 0 }];
  for (let next = stack.pop(); next; next = stack.pop()) {
    let entries: fs.Dirent[];
    try {
      entries = fs.readdirSync(next.dir, { withFileTypes: true });
    } catch {
      continue; // A folder that may not be read holds nothing for us.
    }
    for (const entry of entries) {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const full = path.join(next.dir, entry.name);
      if (entry.isDirectory() && next.depth < MAX_DEPTH) stack.push({ dir: full, depth: next.depth + 1 });
      else if (entry.isFile() && seen++ < MAX_FILES) visit(full);
    }
  }
}

function expandGlob(pattern: string, cwd: string): string[] {
  const normal = pattern.split(path.sep).join('/');
  const fixed = normal.slice(0, normal.search(/[*?{[]/));
  const base = fixed.slice(0, fixed.lastIndexOf('/') + 1);
  const match = new RegExp(`^${globSource(normal)}$`);
  const found: string[] = [];
  const start = path.resolve(cwd, base || '.');
  walk(start, (file) => {
    const shown = base + path.relative(start, file).split(path.sep).join('/');
    if (match.test(shown)) found.push(shown);
  });
  return found.sort(byText);
}

/** Regular expression source for `*`, `**`, `?`, `[…]` and `{a,b}`. */
export function globSource(pattern: string): string {
  let out = '';
  let braces = 0;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === '*') {
      if (pattern[i + 1] === '*') {
        i++;
        if (pattern[i + 1] === '/') {
          i++;
          out += '(?:[^/]+/)*';
        } else out += '.*';
      } else out += '[^/]*';
    } else if (c === '?') out += '[^/]';
    else if (c === '{') {
      braces++;
      out += '(?:';
    } else if (c === '}' && braces > 0) {
      braces--;
      out += ')';
    } else if (c === ',' && braces > 0) out += '|';
    else if (c === '[') {
      const close = pattern.indexOf(']', i + 2);
      if (close < 0) out += '\\[';
      else {
        const inside = pattern.slice(i + 1, close).replace(/[\\\]^]/g, '\\$&');
        out += inside.startsWith('!') ? `[^${inside.slice(1)}]` : `[${inside}]`;
        i = close;
      }
    } else out += c.replace(/[.+^$()|\\]/g, '\\$&');
  }
  return out + ')'.repeat(braces);
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
