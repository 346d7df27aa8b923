/**
 * Set-up shared by `npm start` and `npm test`: from an empty clone to installed dependencies and built bundles, with
 * nothing but Node. Idempotent and quick when nothing is to be done. Uses Node's own modules only, because it runs
 * before anything is installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const at = (...parts) => path.join(root, ...parts);

/** Why this Node is too old, or undefined. */
export function nodeProblem(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  const fine = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
  return fine
    ? undefined
    : `Node ${version} is too old: version 20.19, 22.12 or newer is needed (https://nodejs.org)`;
}

/** True when node_modules holds every package of the lockfile in its version (optional ones for other systems aside). */
export function dependenciesInstalled() {
  try {
    const wanted = JSON.parse(fs.readFileSync(at('package-lock.json'), 'utf8')).packages;
    const installed = JSON.parse(fs.readFileSync(at('node_modules', '.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(
      ([name, { version, optional }]) => name === '' || optional || installed[name]?.version === version,
    );
  } catch {
    return false;
  }
}

/** Runs a program, showing its output; rejects when it fails. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: 'inherit',
      shell: process.platform === 'win32' && command === 'npm',
      ...options,
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`${[path.basename(command), ...args].join(' ')} ended with code ${code}`)),
    );
  });
}

export const runNode = (args, options) => run(process.execPath, args, options);

/** A program of node_modules, run by this Node. */
export const bin = (...parts) => at('node_modules', ...parts);

export async function installDependencies(say) {
  if (dependenciesInstalled()) return;
  say('Installing dependencies (npm ci) …');
  await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** Type check and compile everything to out/, then make the bundles. */
export async function compileAll(say) {
  say('Compiling …');
  await runNode([bin('typescript', 'bin', 'tsc'), '-b']);
}

/** Bundles in dist/, as they are shipped. */
export async function bundleAll(say) {
  say('Bundling …');
  await runNode([at('esbuild.config.mjs'), '--production', '--quiet']);
}

/** Bundles in dist/ and the extension package bpf-studio.vsix. */
export async function packageExtension(say) {
  say('Bundling and packaging the extension …');
  await runNode([at('esbuild.config.mjs'), '--production', '--quiet']);
  await runNode(
    [
      bin('@vscode', 'vsce', 'vsce'),
      'package',
      '--no-dependencies',
      '--allow-missing-repository',
      '--no-rewrite-relative-links',
      '--out',
      'bpf-studio.vsix',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

/** Path of a program on PATH, undefined if there is none. */
export function onPath(name) {
  const extensions = process.platform === 'win32' ? (process.env.PATHEXT ?? '.EXE;.CMD').split(';') : [''];
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    for (const extension of extensions) {
      const file = path.join(folder, name + extension);
      if (folder !== '' && fs.existsSync(file)) return file;
    }
  }
  return undefined;
}

const CHROMIUM_PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
export const chromium = () =>
  [process.env.CHROMIUM, ...CHROMIUM_PLACES].find((place) => place && fs.existsSync(place));

/** The zig that npm installed, for machines without clang. */
export function zigPath() {
  const name = process.platform === 'win32' ? 'zig.exe' : 'zig';
  const file = at('node_modules', '@oven', `zig-${process.platform}-${process.arch}`, name);
  return fs.existsSync(file) ? file : undefined;
}

/** A clang that has the BPF target, by the names that distributions use. */
export function clangPath() {
  const names = ['clang', ...Array.from({ length: 19 }, (_, i) => `clang-${30 - i}`)];
  for (const name of names) {
    const file = onPath(name);
    if (file === undefined) continue;
    const asked = spawnSync(file, ['--print-targets'], { encoding: 'utf8' });
    if (asked.status === 0 && /^\s*bpfel?\b/m.test(asked.stdout)) return file;
  }
  return undefined;
}
