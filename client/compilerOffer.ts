/**
 * For machines without a compiler: offers, once a session, to fetch the pinned one into the extension's own storage.
 * Nothing is fetched without a click. npm checks every package against the lockfile that comes with the extension and
 * runs no install scripts.
 */
import * as vscode from 'vscode';
import { spawn } from 'node:child_process';
import { log } from './log';

export class CompilerOffer {
  private offered = false;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly installed: () => void,
  ) {}

  /** Shows the server's words with what can be done; only the first time. */
  async offer(message: string): Promise<void> {
    if (this.offered || !vscode.workspace.isTrusted) return;
    this.offered = true;
    const fetchIt = 'Fetch a Compiler (zig, 360 MB on disk)';
    const settings = 'Open Settings';
    const picked = await vscode.window.showWarningMessage(`BPF Studio: ${message}`, fetchIt, settings);
    if (picked === settings) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'bpfStudio.compiler.path');
    } else if (picked === fetchIt) await this.fetch();
  }

  /** Fetches the compiler; tells the outcome. */
  async fetch(): Promise<void> {
    const folder = this.context.globalStorageUri;
    const source = vscode.Uri.joinPath(this.context.extensionUri, 'client', 'media', 'compiler');
    try {
      await vscode.workspace.fs.createDirectory(folder);
      for (const file of ['package.json', 'package-lock.json']) {
        await vscode.workspace.fs.copy(vscode.Uri.joinPath(source, file), vscode.Uri.joinPath(folder, file), {
          overwrite: true,
        });
      }
      await vscode.window.withProgress(
        {
          location: vscode.ProgressLocation.Notification,
          title: 'BPF Studio: fetching the compiler',
          cancellable: true,
        },
        (_progress, token) => npmInstall(folder.fsPath, token),
      );
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      log().error(text);
      void vscode.window.showErrorMessage(
        `BPF Studio: the compiler could not be fetched: ${text.split('\n')[0]} Install clang 12 or newer instead.`,
      );
      return;
    }
    this.installed();
  }
}

function npmInstall(folder: string, token: vscode.CancellationToken): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const child = spawn('npm', args, { cwd: folder, shell: process.platform === 'win32' });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    token.onCancellationRequested(() => child.kill());
    child.on('error', () => reject(new Error('npm is not on PATH.')));
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ended with code ${code}.\n${output.slice(-2000)}`)),
    );
  });
}
