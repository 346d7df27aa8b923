/**
 * Starts the language server (dist/server.js, a process of its own) and passes its verdicts on. A bundle of its own,
 * loaded on demand. Settings travel as the section `bpfStudio`; trust travels as an initialization option, and the
 * server is started anew when the workspace becomes trusted.
 */
import * as vscode from 'vscode';
import {
  LanguageClient,
  TransportKind,
  type LanguageClientOptions,
  type ServerOptions,
} from 'vscode-languageclient/node';
import type { VerdictsNotification } from '../runtime/protocol/serverMessages';
import { log } from './log';

export interface LanguageClientHandle {
  /** Asks the server to verify the files now; resolves when it has. */
  verify(uris: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export async function startLanguageClient(
  context: vscode.ExtensionContext,
  onVerdicts: (notification: VerdictsNotification) => void,
): Promise<LanguageClientHandle> {
  const module = vscode.Uri.joinPath(context.extensionUri, 'dist', 'server.js').fsPath;
  const serverOptions: ServerOptions = {
    run: { module, transport: TransportKind.ipc },
    debug: { module, transport: TransportKind.ipc, options: { execArgv: ['--nolazy', '--inspect=6010'] } },
  };
  const clientOptions: LanguageClientOptions = {
    // Which of them are BPF programs the server decides, by setting and content.
    documentSelector: [
      { scheme: 'file', language: 'c' },
      { scheme: 'file', pattern: BPF_PATTERN },
    ],
    diagnosticCollectionName: 'bpf-studio',
    outputChannel: log(),
    synchronize: {
      configurationSection: 'bpfStudio',
      fileEvents: [
        vscode.workspace.createFileSystemWatcher('**/*.{h,bpf.c,bpf.o}'),
        vscode.workspace.createFileSystemWatcher('**/compile_commands.json'),
      ],
    },
    initializationOptions: {
      trusted: vscode.workspace.isTrusted,
      offersCompiler: true,
      storage: context.globalStorageUri.fsPath,
      settings: vscode.workspace.getConfiguration('bpfStudio'),
    },
  };
  const client = new LanguageClient('bpfStudio', 'BPF Studio', serverOptions, clientOptions);
  client.onNotification('bpfStudio/verdicts', onVerdicts);
  await client.start();
  const trust = vscode.workspace.onDidGrantWorkspaceTrust(() => {
    void client.sendNotification('bpfStudio/trusted');
  });
  return {
    verify: (uris) => client.sendRequest('bpfStudio/verify', { uris }),
    stop: async () => {
      trust.dispose();
      await client.dispose();
    },
  };
}

const BPF_PATTERN = '**/*.bpf.c';
