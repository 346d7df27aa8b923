/**
 * Entry of the language server: `node dist/server.js --stdio` (any editor) or over Node's IPC (VS Code). Also called by
 * `bpf-studio lsp --stdio`. An exception that nobody caught is logged and survived: open documents are worth more.
 */
import * as path from 'node:path';
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { packageVersion } from '../runtime/host/resources';
import { serve } from './dispatch';
import { HostAnalyzer } from './hostAnalyzer';

export function main(): void {
  const connection = createConnection(ProposedFeatures.all);
  const survive = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    connection.console.error(`internal error: ${text}`);
  };
  process.on('uncaughtException', survive);
  process.on('unhandledRejection', survive);
  serve(connection, (options) => new HostAnalyzer(options), packageVersion());
}

/** Only the server's own bundle (or compiled file) starts by itself; other bundles contain this file, too. */
const started = process.argv[1] ?? '';
if (
  path.basename(started) === 'server.js' ||
  (path.basename(started) === 'main.js' && path.basename(path.dirname(started)) === 'server')
)
  main();
