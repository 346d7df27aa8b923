/**
 * `npm test`: sets everything up (dependencies, build) and runs every suite that this machine can run, then says in a
 * table what passed, failed and was skipped, and with which one command a skipped suite is enabled. Needs only Node.
 * `--only a,b` runs some suites, `--list` names them, `--check` is the quick set (lint, tidy, unit; `npm run check`).
 * In CI (`CI=true`) a skipped suite is a failure. The last line is `N passed, N failed, N skipped`.
 */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import {
  bin,
  bundleAll,
  chromium,
  compileAll,
  installDependencies,
  nodeProblem,
  onPath,
  packageExtension,
  root,
} from './support/setUp.mjs';
import { hostProblem } from './e2e/installHost.mjs';

const ci = process.env.CI === 'true';
const say = (line = '') => process.stdout.write(`${line}\n`);
const at = (...parts) => path.join(root, ...parts);

/** Folders below test/ that are no mocha suites run by Node alone. */
const NOT_UNIT = new Set(['e2e', 'oracle', 'support', 'fixtures']);

/** Runs a program and keeps what it prints. */
function capture(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    const keep = (chunk) => {
      output += chunk.toString();
      if (output.length > 2_000_000) output = output.slice(-1_000_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: -1, output: String(error) }));
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });
}

/** Compiled tests below a folder of out/test. */
function compiledTests(folder) {
  const dir = at('out', 'test', folder);
  if (!fs.existsSync(dir)) return [];
  return (
    fs
      .readdirSync(dir, { recursive: true })
      .map(String)
      .filter((file) => file.endsWith('.test.js'))
      // A test whose source is gone is a leftover of an older build.
      .filter((file) => fs.existsSync(at('test', folder, file.replace(/\.js$/, '.ts'))))
      .sort()
      .map((file) => path.join(dir, file))
  );
}

/** Runs mocha on files; its counts and the text of its failures. */
async function mocha(files, { timeoutMs = 20_000, serial = false } = {}) {
  const report = path.join(
    os.tmpdir(),
    `bpf-studio-mocha-${process.pid}-${Math.random().toString(36).slice(2)}.json`,
  );
  const result = await capture(process.execPath, [
    '--enable-source-maps',
    bin('mocha', 'bin', 'mocha.js'),
    '--no-config',
    '--timeout',
    String(timeoutMs),
    '--reporter',
    'json',
    '--reporter-option',
    `output=${report}`,
    ...(serial ? ['--exit'] : []),
    ...files,
  ]);
  let parsed;
  try {
    parsed = JSON.parse(fs.readFileSync(report, 'utf8'));
    fs.rmSync(report);
  } catch {
    return {
      passed: 0,
      failed: 1,
      skipped: 0,
      detail: `mocha gave no report (code ${result.code}):\n${result.output.slice(-6000)}`,
    };
  }
  const detail = parsed.failures
    .map(
      ({ fullTitle, err }) =>
        `✖ ${fullTitle}\n${indent(String(err.stack ?? err.message ?? err).slice(0, 3000))}`,
    )
    .join('\n');
  const { passes: passed, failures: failed, pending: skipped } = parsed.stats;
  // A crash after the last test, or none at all, is a failure too.
  if (failed === 0 && (result.code !== 0 || passed + skipped === 0)) {
    return {
      passed,
      failed: 1,
      skipped,
      detail: `mocha ended with code ${result.code}, ${passed} tests\n${result.output.slice(-3000)}`,
    };
  }
  return { passed, failed, skipped, detail };
}

const indent = (text) => text.replace(/^/gm, '    ');

/** A program whose exit code is the result. */
async function program(command, args, options) {
  const { code, output } = await capture(command, args, options);
  return code === 0
    ? { passed: 1, failed: 0, skipped: 0, detail: '' }
    : { passed: 0, failed: 1, skipped: 0, detail: output.slice(-8000) };
}

const apt = (packages) => `apt-get install -y --no-install-recommends ${packages}`;

/** Every suite: why it cannot run here (with the command that helps), and how it runs. */
function suites() {
  const unit = fs
    .readdirSync(at('test'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !NOT_UNIT.has(entry.name))
    .map((entry) => entry.name)
    .filter((name) => compiledTests(name).length > 0)
    .map((name) => ({ name, quick: true, run: () => mocha(compiledTests(name), { timeoutMs: 60_000 }) }));
  return [
    {
      name: 'lint',
      quick: true,
      beside: true,
      run: () =>
        program(process.execPath, [
          bin('eslint', 'bin', 'eslint.js'),
          ...['--cache', '--cache-strategy', 'content', '--cache-location', at('.cache', 'eslint')],
          '.',
        ]),
    },
    {
      name: 'format',
      quick: true,
      beside: true,
      run: () =>
        program(process.execPath, [
          bin('prettier', 'bin', 'prettier.cjs'),
          '--check',
          ...['--cache', '--cache-location', at('.cache', 'prettier')],
          '--log-level',
          'warn',
          '.',
        ]),
    },
    ...unit,
    {
      name: 'e2e',
      missing: () => {
        const host = hostProblem();
        if (host !== undefined) return { why: host, command: 'run it on Linux x86-64' };
        if (chromium() === undefined)
          return { why: 'Chromium is missing', command: apt('chromium fonts-liberation') };
        return undefined;
      },
      prepare: async () => {
        const { installHost } = await import('./e2e/installHost.mjs');
        await installHost(say);
      },
      run: () => mocha(compiledTests('e2e'), { timeoutMs: 180_000, serial: true }),
    },
    {
      name: 'oracle',
      missing: () =>
        onPath('qemu-system-x86_64') === undefined
          ? {
              why: 'QEMU is missing',
              command: apt('qemu-system-x86 busybox-static cpio xz-utils binutils gcc libelf-dev zlib1g-dev'),
            }
          : undefined,
      run: async () => {
        const agreement = await program(process.execPath, [
          '--enable-source-maps',
          at('out', 'test', 'agreement', 'main.js'),
          '--list',
        ]);
        const asked = await mocha(compiledTests('oracle'), { timeoutMs: 300_000 });
        return {
          passed: agreement.passed + asked.passed,
          failed: agreement.failed + asked.failed,
          skipped: asked.skipped,
          detail: [agreement.detail, asked.detail].filter(Boolean).join('\n'),
        };
      },
    },
  ];
}

/** One suite's row of the table; says what happened as soon as it is known. */
async function runOne(suite) {
  const missing = suite.missing?.();
  if (missing !== undefined) {
    say(`- ${suite.name}: skipped, ${missing.why}`);
    return { suite: suite.name, passed: 0, failed: ci ? 1 : 0, skipped: 1, seconds: 0, missing };
  }
  const from = Date.now();
  let result;
  try {
    await suite.prepare?.();
    result = await suite.run();
  } catch (error) {
    result = { passed: 0, failed: 1, skipped: 0, detail: String(error.stack ?? error) };
  }
  const seconds = (Date.now() - from) / 1000;
  if (ci && result.skipped > 0) {
    result.failed += result.skipped;
    result.detail += `\n${result.skipped} tests were skipped, which is a failure in CI`;
  }
  say(
    `${result.failed === 0 ? '✔' : '✖'} ${suite.name}: ${result.passed} passed, ${result.failed} failed (${seconds.toFixed(1)} s)`,
  );
  if (result.detail) say(indent(result.detail));
  return { suite: suite.name, ...result, seconds };
}

function chosen(all) {
  const only = process.argv.indexOf('--only');
  if (process.argv.includes('--check')) return all.filter((suite) => suite.quick);
  if (only < 0) return all;
  const names = (process.argv[only + 1] ?? '').split(',');
  const unknown = names.filter((name) => !all.some((suite) => suite.name === name));
  if (unknown.length > 0)
    throw new Error(`no suite "${unknown.join(', ')}"; there are: ${all.map((s) => s.name).join(', ')}`);
  return all.filter((suite) => names.includes(suite.name));
}

async function main() {
  const problem = nodeProblem();
  if (problem !== undefined) throw new Error(problem);
  await installDependencies(say);
  const rows = [];
  // Compiling and packaging are suites of their own; what did compile is tested all the same.
  for (const [suite, step] of [
    ['compile', () => compileAll(say)],
    // The quick set needs the bundles, not the package.
    process.argv.includes('--check')
      ? ['bundle', () => bundleAll(say)]
      : ['package', () => packageExtension(say)],
  ]) {
    const from = Date.now();
    const failed = await step().then(
      () => 0,
      (error) => (say(indent(error.message)), 1),
    );
    rows.push({ suite, passed: 1 - failed, failed, skipped: 0, seconds: (Date.now() - from) / 1000 });
  }
  const list = chosen(suites());
  if (process.argv.includes('--list')) {
    for (const suite of list) say(suite.name);
    return;
  }
  // Reading the sources (lint, format) needs no quiet machine: it goes on beside the quick tests. The rest comes alone.
  const results = new Map();
  const lane = async (members) => {
    for (const suite of members) results.set(suite.name, await runOne(suite));
  };
  await Promise.all([
    lane(list.filter((suite) => suite.beside)),
    lane(list.filter((suite) => suite.quick && !suite.beside)),
  ]);
  await lane(list.filter((suite) => !suite.quick));
  for (const suite of list) rows.push(results.get(suite.name));
  say();
  say(
    `${'suite'.padEnd(14)}${'passed'.padStart(8)}${'failed'.padStart(8)}${'skipped'.padStart(9)}${'seconds'.padStart(9)}`,
  );
  for (const row of rows) {
    say(
      row.suite.padEnd(14) +
        String(row.passed).padStart(8) +
        String(row.failed).padStart(8) +
        String(row.skipped).padStart(9) +
        row.seconds.toFixed(1).padStart(9) +
        (row.missing === undefined ? '' : `   ${row.missing.why}; to enable it: ${row.missing.command}`),
    );
  }
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  say();
  say(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  if (sum('failed') > 0 || sum('passed') === 0) process.exitCode = 1;
}

main().catch((error) => {
  process.stderr.write(`npm test: ${error.message}\n`);
  process.exitCode = 1;
});
