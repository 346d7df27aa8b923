/**
 * `npm start`: from an empty clone to BPF Studio in front of a person. Installs and builds what is missing, prints
 * what the command line says of two examples, then opens examples/ with the extension in the local VS Code, or else
 * in a VS Code server of its own that listens on this machine only. Ctrl-C stops that server.
 * Options: `--yes` asks nothing; `--port N`; `--no-open` ends after the examples.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline/promises';
import {
  clangPath,
  installDependencies,
  nodeProblem,
  onPath,
  packageExtension,
  root,
  zigPath,
} from '../test/support/setUp.mjs';
import { hostInstalled, hostProblem, installHost } from '../test/e2e/installHost.mjs';

const say = (line = '') => process.stdout.write(`${line}\n`);
const examples = path.join(root, 'examples');
const vsix = path.join(root, 'bpf-studio.vsix');
/** So long may the server take to end by itself. */
const STOP_MS = 3000;

/** What the command line says of an example; its exit code 1 (rejected) is no failure here. */
function showVerdict(file) {
  say(`\n$ node dist/cli.js verify ${file}`);
  const result = spawnSync(process.execPath, ['dist/cli.js', 'verify', file], {
    cwd: root,
    encoding: 'utf8',
  });
  process.stdout.write(result.stdout ?? '');
  process.stderr.write(result.stderr ?? '');
  if (result.status === null || result.status > 1) say(`(ended with code ${result.status})`);
}

async function agreed(question) {
  if (process.argv.includes('--yes') || !process.stdin.isTTY || !process.stdout.isTTY) return true;
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await lines.question(`${question} [Y/n] `);
  lines.close();
  return !/^n/i.test(answer.trim());
}

function openInLocalCode(code) {
  say(`\nInstalling the extension in your VS Code (${code}) and opening examples/ …`);
  const shell = process.platform === 'win32';
  const installed = spawnSync(code, ['--install-extension', vsix, '--force'], { stdio: 'inherit', shell });
  if (installed.status !== 0) return false;
  if (clangPath() === undefined && zigPath() !== undefined) {
    say('There is no clang on PATH. Set "bpfStudio.compiler.path" in VS Code to the zig that npm installed:');
    say(`  ${zigPath()}`);
  }
  const opened = spawnSync(code, ['--new-window', examples, path.join(examples, 'heartbeat.bpf.c')], {
    stdio: 'inherit',
    shell,
  });
  return opened.status === 0;
}

function argument(name) {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** Starts the server; resolves when it has ended. */
async function serveHere({ node, server }) {
  const data = path.join(root, '.cache', 'vscode-data');
  const user = path.join(data, 'data', 'User');
  const settings = path.join(user, 'settings.json');
  if (!fs.existsSync(settings)) {
    fs.mkdirSync(user, { recursive: true });
    fs.writeFileSync(
      settings,
      JSON.stringify(
        {
          'telemetry.telemetryLevel': 'off',
          'workbench.startupEditor': 'none',
          'workbench.secondarySideBar.defaultVisibility': 'hidden',
          'chat.disableAIFeatures': true,
          'files.autoSave': 'off',
          'security.workspace.trust.enabled': false,
          'extensions.autoUpdate': false,
          'extensions.autoCheckUpdates': false,
          'extensions.ignoreRecommendations': true,
          ...(clangPath() === undefined && zigPath() !== undefined
            ? { 'bpfStudio.compiler.path': zigPath() }
            : {}),
        },
        undefined,
        2,
      ),
    );
  }
  // Socket paths have a length limit: a short folder of its own.
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'bs-'));
  const env = { ...process.env, TMPDIR: temporary, EXTENSIONS_GALLERY: '{"serviceUrl":""}' };
  const dirs = ['--server-data-dir', data, '--extensions-dir', path.join(data, 'extensions')];
  const installed = spawnSync(node, [server, '--install-extension', vsix, '--force', ...dirs], {
    env,
    encoding: 'utf8',
  });
  if (installed.status !== 0)
    throw new Error(`the extension could not be installed:\n${installed.stdout}${installed.stderr}`);
  // Everybody on this machine can reach a local port; only who has the token gets in.
  const token = randomBytes(12).toString('hex');
  const child = spawn(
    node,
    [
      server,
      '--host',
      '127.0.0.1',
      '--port',
      argument('--port') ?? '0',
      '--connection-token',
      token,
      '--accept-server-license-terms',
      '--telemetry-level',
      'off',
      ...dirs,
    ],
    // A group of its own: the server starts others, and all of them have to go.
    { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  let output = '';
  let told = false;
  const listen = (chunk) => {
    if (told) return;
    output += chunk.toString();
    const found = /Extension host agent listening on (\d+)/.exec(output);
    if (found === null) return;
    told = true;
    const at = `127.0.0.1:${found[1]}`;
    const open = encodeURIComponent(
      JSON.stringify([['openFile', `vscode-remote://${at}${path.posix.join(examples, 'heartbeat.bpf.c')}`]]),
    );
    say('\nBPF Studio is ready. Open this address in a browser (Ctrl-C here stops it):\n');
    say(`  http://${at}/?tkn=${token}&folder=${encodeURIComponent(examples)}&payload=${open}\n`);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const signalAll = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // Nobody of the group is left.
    }
  };
  const stop = () => {
    signalAll('SIGTERM');
    setTimeout(signalAll, STOP_MS, 'SIGKILL').unref();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', stop);
  const code = await new Promise((resolve) => child.on('close', resolve));
  fs.rmSync(temporary, { recursive: true, force: true });
  if (!told) throw new Error(`VS Code's server did not start (code ${code}):\n${output}`);
}

async function main() {
  const problem = nodeProblem();
  if (problem !== undefined) throw new Error(problem);
  await installDependencies(say);
  await packageExtension(say);
  showVerdict('examples/heartbeat.bpf.c');
  showVerdict('examples/rejected/other_map.bpf.c');
  if (process.argv.includes('--no-open')) return;

  const code = onPath('code') ?? onPath('codium');
  if (code !== undefined && openInLocalCode(code)) {
    say('VS Code is open. Press F5 in heartbeat.bpf.c, with a breakpoint in on_beat().');
    return;
  }
  const noCode = code === undefined ? 'There is no `code` on PATH' : `${code} could not be used (see above)`;
  const why = hostProblem();
  if (why !== undefined) {
    say(`\n${noCode}, and ${why}.`);
    say(
      'Install VS Code (https://code.visualstudio.com), then run npm start again, or install the extension by hand:',
    );
    say(`  code --install-extension ${vsix}`);
    process.exitCode = 1;
    return;
  }
  if (!hostInstalled()) {
    say(`\n${noCode}. A VS Code server (code-server 4.139.1) can be installed into .cache/ of this folder;`);
    say('it takes some 670 MB on disk and about a minute.');
    if (!(await agreed('Install it?'))) {
      say('Nothing was installed. With VS Code on PATH as `code`, npm start uses that.');
      return;
    }
  }
  await serveHere(await installHost(say));
}

main().catch((error) => {
  process.stderr.write(`npm start: ${error.message}\n`);
  process.exitCode = 1;
});
