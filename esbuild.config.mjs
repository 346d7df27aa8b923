/**
 * Makes the bundles in dist/ from the TypeScript sources (types are checked by `tsc -b`, not here):
 * extension (tiny; loads languageClient only when a BPF file is open), server, adapter, worker, cli (Node 20, CJS),
 * timersView (the Timers panel's page) and browser (runtime and ide without Node, must load in a web worker).
 * Copies resources (BPF headers, kernel BTF) to dist/resources. `--production` minifies and writes no source maps.
 * Entry points of parts that do not exist yet are reported and left out.
 */
import * as esbuild from 'esbuild';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(fileURLToPath(import.meta.url));
const production = process.argv.includes('--production');
const quiet = process.argv.includes('--quiet');
const at = (...parts) => path.join(root, ...parts);

/** Left for `require` at run time, so that starting the extension reads no language client. */
const lazyLanguageClient = {
  name: 'lazy-language-client',
  setup(build) {
    build.onResolve({ filter: /^\.\/languageClient$/ }, () => ({
      path: './languageClient.js',
      external: true,
    }));
  },
};

/** The browser bundle must not reach for Node: an import of a Node module is an error of ours. */
const noNode = {
  name: 'no-node',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, (args) => ({
      errors: [
        { text: `${path.relative(root, args.importer)} imports ${args.path}, but must run in a browser` },
      ],
    }));
  },
};

const common = {
  bundle: true,
  absWorkingDir: root,
  sourcemap: production ? false : 'linked',
  minify: production,
  // Names of our own errors are shown to people.
  keepNames: false,
  legalComments: 'none',
  logLevel: 'warning',
  tsconfigRaw: { compilerOptions: { target: 'es2023', useDefineForClassFields: true } },
};
const node = { ...common, platform: 'node', format: 'cjs', target: 'node20', mainFields: ['module', 'main'] };

/** What the browser bundle offers: the engine and the editor's answers. */
const BROWSER_EXPORTS = [
  'runtime/loader/loadObject',
  'runtime/verifier/verify',
  'runtime/machine/machine',
  'runtime/ide/verdictReport',
  'runtime/ide/diagnostics',
  'runtime/ide/expressionRange',
];

const bundles = [
  {
    ...node,
    entry: 'client/extension.ts',
    out: 'extension',
    external: ['vscode'],
    plugins: [lazyLanguageClient],
  },
  { ...node, entry: 'client/languageClient.ts', out: 'languageClient', external: ['vscode'] },
  { ...node, entry: 'server/main.ts', out: 'server' },
  { ...node, entry: 'debugger/main.ts', out: 'adapter' },
  { ...node, entry: 'runtime/host/worker.ts', out: 'worker' },
  { ...node, entry: 'cli/main.ts', out: 'cli', banner: { js: '#!/usr/bin/env node' } },
  {
    ...common,
    entry: 'client/webview/timers.ts',
    out: 'timersView',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
  },
  {
    ...common,
    // No floor may import both; only this bundle joins them.
    stdin: {
      contents: BROWSER_EXPORTS.map((file) => `export * from './${file}';`).join('\n'),
      resolveDir: root,
      loader: 'ts',
    },
    needs: BROWSER_EXPORTS,
    out: 'browser',
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    plugins: [noNode],
  },
];

function copyResources() {
  const target = at('dist', 'resources');
  fs.rmSync(target, { recursive: true, force: true });
  for (const name of ['headers', 'btf', 'kconfig']) {
    const source = at('runtime', 'host', name);
    if (!fs.existsSync(source)) continue;
    fs.cpSync(source, path.join(target, name), {
      recursive: true,
      // Scripts that build the resources are not resources.
      filter: (file) => !/\.(ts|mjs|sh)$/.test(file) && path.basename(file) !== 'tsconfig.json',
    });
  }
}

async function build({ entry, out, needs, ...options }) {
  const sources = entry === undefined ? needs.map((file) => `${file}.ts`) : [entry];
  const missing = sources.find((file) => !fs.existsSync(at(file)));
  if (missing !== undefined) return { out, missing };
  const input = entry === undefined ? {} : { entryPoints: [at(entry)] };
  await esbuild.build({ ...options, ...input, outfile: at('dist', `${out}.js`) });
  return { out, sizeBytes: fs.statSync(at('dist', `${out}.js`)).size };
}

fs.mkdirSync(at('dist'), { recursive: true });
if (production)
  for (const file of fs.readdirSync(at('dist'))) if (file.endsWith('.map')) fs.rmSync(at('dist', file));
const results = await Promise.allSettled(bundles.map(build));
copyResources();
let failed = false;
for (const [index, result] of results.entries()) {
  if (result.status === 'rejected') {
    failed = true;
    process.stderr.write(`dist/${bundles[index].out}.js was not built\n`);
  } else if (result.value.missing) {
    process.stderr.write(`dist/${result.value.out}.js left out: ${result.value.missing} does not exist\n`);
  } else if (!quiet) {
    process.stdout.write(`dist/${result.value.out}.js  ${Math.ceil(result.value.sizeBytes / 1024)} KB\n`);
  }
}
if (failed) process.exitCode = 1;
