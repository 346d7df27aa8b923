/**
 * Non-functional properties of the code itself, as tests: floors import only what their tsconfig lists, `runtime/` stays
 * deterministic and platform-free, machine state stays plain data, every file says what it is, no fact table row twice.
 * Project references alone leave a hole (a floor reached through another's reference compiles); this closes it.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { repoRoot } from '../support/paths';

const SKIP = new Set([
  'node_modules',
  'out',
  'dist',
  '.git',
  '.cache',
  'coverage',
  'fixtures',
  'media',
  'screenshots',
]);

function sourceFiles(dir: string, extensions: readonly string[]): string[] {
  const found: string[] = [];
  for (const entry of fs.readdirSync(path.join(repoRoot, dir), { withFileTypes: true })) {
    if (SKIP.has(entry.name)) continue;
    const name = path.posix.join(dir, entry.name);
    if (entry.isDirectory()) found.push(...sourceFiles(name, extensions));
    else if (extensions.some((e) => entry.name.endsWith(e)) && !entry.name.endsWith('.d.ts'))
      found.push(name);
  }
  return found.sort();
}

const read = (file: string): string => fs.readFileSync(path.join(repoRoot, file), 'utf8');

/** Text with comments and string contents blanked, so that words in prose do not count as code. */
function codeOnly(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g,
    (m) => m[0] + m.slice(1).replace(/[^\n]/g, ' '),
  );
}

const TOP = ['runtime', 'client', 'server', 'debugger', 'cli', 'test', 'bench'];
const allTypeScript = TOP.flatMap((d) => sourceFiles(d, ['.ts']));

/** The project (folder with a tsconfig.json) that a file belongs to. */
function projectOf(file: string): string | undefined {
  for (let dir = path.posix.dirname(file); dir !== '.'; dir = path.posix.dirname(dir)) {
    if (fs.existsSync(path.join(repoRoot, dir, 'tsconfig.json'))) return dir;
  }
  return undefined;
}

function referencesOf(project: string): Set<string> {
  const config = JSON.parse(read(path.posix.join(project, 'tsconfig.json'))) as {
    references?: { path: string }[];
  };
  return new Set(
    (config.references ?? []).map((r) => path.posix.normalize(path.posix.join(project, r.path))),
  );
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|\brequire\(\s*['"]([^'"]+)['"]\s*\)/g;

interface Import {
  readonly file: string;
  readonly target: string;
}
const imports: Import[] = allTypeScript.flatMap((file) =>
  [...read(file).matchAll(IMPORT)].map((m) => ({ file, target: m[1] ?? m[2] ?? m[3] })),
);

const report = (problems: string[]): void => assert.deepEqual(problems, []);

describe('tidy', () => {
  it('every floor imports only the projects that its tsconfig references', () => {
    const problems: string[] = [];
    for (const { file, target } of imports) {
      if (!target.startsWith('.')) continue;
      const from = projectOf(file);
      const to = projectOf(path.posix.join(path.posix.dirname(file), target) + '.ts');
      if (from === undefined || to === undefined || from === to) continue;
      if (!referencesOf(from).has(to))
        problems.push(`${file} imports ${to}, which ${from}/tsconfig.json does not list`);
    }
    report(problems);
  });

  it('every project is built: tsconfig.json at the top lists them all', () => {
    const top = referencesOf('.');
    const projects = new Set(allTypeScript.map(projectOf).filter((p) => p !== undefined));
    report([...projects].filter((p) => !top.has(p)).map((p) => `${p} is not listed in tsconfig.json`));
  });

  it('only the client imports vscode', () => {
    report(imports.filter((i) => i.target === 'vscode' && !i.file.startsWith('client/')).map((i) => i.file));
  });

  it('only host, the edges and tests import Node modules', () => {
    const inner = imports.filter((i) => i.file.startsWith('runtime/') && !i.file.startsWith('runtime/host/'));
    report(inner.filter((i) => !i.target.startsWith('.')).map((i) => `${i.file} imports ${i.target}`));
  });

  it('runtime code uses no wall clock, no randomness and no hidden ambient state', () => {
    const banned: readonly (readonly [RegExp, string])[] = [
      [
        /\bDate\.now\b|\bnew Date\b|\bperformance\.now\b/,
        'virtual time (kernel clock), or host for wall time',
      ],
      [/\bMath\.random\b/, 'the scheduler, or util/prng'],
      [/\bsetTimeout\b|\bsetInterval\b|\bqueueMicrotask\b/, 'slices driven by the caller'],
      [/\beval\(|\bnew Function\b/, 'plain code'],
    ];
    const problems: string[] = [];
    for (const file of sourceFiles('runtime', ['.ts'])) {
      if (file.startsWith('runtime/host/')) continue;
      const code = codeOnly(read(file));
      for (const [pattern, instead] of banned)
        if (pattern.test(code)) problems.push(`${file}: ${pattern.source}; use ${instead}`);
    }
    report(problems);
  });

  it('machine state stays plain data: no generators or promises where it lives', () => {
    const problems: string[] = [];
    for (const floor of ['vm', 'maps', 'kernel', 'helpers', 'machine']) {
      for (const file of sourceFiles(`runtime/${floor}`, ['.ts'])) {
        if (/\bfunction\s*\*|\basync\b|\bawait\b|\bPromise\b|\byield\b/.test(codeOnly(read(file))))
          problems.push(file);
      }
    }
    report(problems);
  });

  it('no code asks for a kernel version by number outside the fact tables', () => {
    const problems: string[] = [];
    for (const file of sourceFiles('runtime', ['.ts'])) {
      if (file.startsWith('runtime/spec/') || file.startsWith('runtime/host/')) continue;
      if (/profile\.(name|release)\s*(===|!==|<|>)/.test(codeOnly(read(file))))
        problems.push(`${file}: use has(profile, feature)`);
    }
    report(problems);
  });

  it('every file opens with a comment that says what it is', () => {
    const all = [
      ...allTypeScript,
      ...['client', 'cli', 'test', 'bench', 'runtime'].flatMap((d) => sourceFiles(d, ['.mjs'])),
    ];
    report(all.filter((f) => !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(read(f)) && !isPlainTest(f)));
  });

  it('no placeholder is left behind', () => {
    report(allTypeScript.filter((f) => read(f).trim() === 'export {};'));
  });

  it('no file holds a leftover marker, a focused test or a skipped one', () => {
    const problems: string[] = [];
    for (const file of allTypeScript) {
      if (file === 'test/tidy/tidy.test.ts') continue;
      const text = read(file);
      if (/\b(TODO|FIXME|XXX)\b/.test(text)) problems.push(`${file}: leftover marker`);
      if (/\b(describe|it)\.(only|skip)\(/.test(codeOnly(text)))
        problems.push(`${file}: focused or skipped test`);
      if (/@ts-(ignore|nocheck|expect-error)/.test(text)) problems.push(`${file}: type check switched off`);
    }
    report(problems);
  });

  it('every module is reached from an entry point or a test', () => {
    const reached = new Set<string>();
    for (const { file, target } of imports) {
      if (target.startsWith('.'))
        reached.add(path.posix.join(path.posix.dirname(file), target).replace(/\.js$/, '') + '.ts');
    }
    const entries = new Set(entryPoints());
    const problems = allTypeScript.filter(
      (f) => !f.startsWith('test/') && !reached.has(f) && !entries.has(f),
    );
    report(problems.map((f) => `${f} is imported by nobody`));
  });
});

/** Tests' names are sentences; `describe` at the top says what they are about. */
const isPlainTest = (file: string): boolean => file.endsWith('.test.ts');

function entryPoints(): string[] {
  const bundle = read('esbuild.config.mjs');
  const named = [...bundle.matchAll(/['"]((?:client|server|debugger|cli|runtime)\/[\w/.]+\.ts)['"]/g)].map(
    (m) => m[1],
  );
  const scripts = [...read('package.json').matchAll(/out\/([\w/.-]+)\.js/g)].map((m) => m[1] + '.ts');
  return [...named, ...scripts];
}
