/** `lsp` and `dap`: the protocol servers for editors that start them by a command line. */
import { EXIT, type ExitStatus } from './output';
import { wholeNumber } from './options';

const forEver = new Promise<ExitStatus>(() => undefined);

/** Runs until the editor ends the process. */
export async function languageServer(): Promise<ExitStatus> {
  // The connection reads its transport from the arguments.
  if (!process.argv.includes('--stdio')) process.argv.push('--stdio');
  const { main } = await import('../server/main');
  main();
  return forEver;
}

export async function debugAdapter(options: { readonly port?: string }): Promise<ExitStatus> {
  const port = options.port === undefined ? undefined : wholeNumber(options.port, '--port', 1, 65535);
  const { main } = await import('../debugger/main');
  await main(port === undefined ? [] : ['--port', String(port)]);
  return process.exitCode === EXIT.usage ? EXIT.usage : forEver;
}
