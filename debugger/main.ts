/** Entry of the debug adapter process: `--stdio` (the default) or `--port N`. */
import { basename, dirname } from 'node:path';
import { servePort, serveStdio } from './serve';

export { servePort, serveStdio } from './serve';

export async function main(args: readonly string[]): Promise<void> {
  const at = args.findIndex((a) => a === '--port' || a.startsWith('--port='));
  if (at < 0) {
    serveStdio();
    return;
  }
  const text = args[at].includes('=') ? args[at].slice(7) : args[at + 1];
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    process.stderr.write(`--port needs a number from 0 to 65535, not '${text}'\n`);
    process.exitCode = 2;
    return;
  }
  try {
    const server = await servePort(port);
    process.stderr.write(`BPF Studio debug adapter listens on 127.0.0.1:${server.port}\n`);
  } catch (error) {
    process.stderr.write(
      `cannot listen on port ${port}: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    process.exitCode = 2;
  }
}

/**
 * Only the adapter's own bundle (or compiled file) starts by itself; other bundles may contain this file. Asked by name,
 * because VS Code's desktop starts adapters through a one-line script, so that none of our files is the main module.
 */
const started = process.argv[1] ?? '';
if (
  basename(started) === 'adapter.js' ||
  (basename(started) === 'main.js' && basename(dirname(started)) === 'debugger')
)
  void main(process.argv.slice(2));
