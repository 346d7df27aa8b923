/**
 * The extension's entry: registers views, commands and the debugger at once (cheap), and loads the language client
 * only when a BPF file is there. Keeps no state beyond what the views show.
 */
import * as vscode from 'vscode';
import { activeBpfFile, BPF_GLOB, isBpfSource } from './bpfFiles';
import { registerCommands } from './commands';
import { CompilerOffer } from './compilerOffer';
import { registerDebugger } from './debug/register';
import { BpfDebugSession } from './debug/session';
import type { LanguageClientHandle } from './languageClient';
import { disposeLog, log } from './log';
import { MapsView } from './views/mapsView';
import { ProgramsView } from './views/programsView';
import { StatusItem } from './views/statusItem';
import { TimersView } from './views/timersView';

let server: Promise<LanguageClientHandle | undefined> | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const session = new BpfDebugSession();
  const timers = new TimersView(context.extensionUri, session);
  const maps = new MapsView(session);
  const programs = new ProgramsView();
  const status = new StatusItem(programs);
  const compiler = new CompilerOffer(context, () => void restartServer());
  let mapsShown = false;
  const programsTree = vscode.window.createTreeView('bpfStudio.programs', { treeDataProvider: programs });
  const mapsTree = vscode.window.createTreeView('bpfStudio.maps', {
    treeDataProvider: maps,
    showCollapseAll: true,
  });

  const startServer = (): Promise<LanguageClientHandle | undefined> => {
    server ??= import('./languageClient')
      .then(({ startLanguageClient }) =>
        startLanguageClient(context, (notification) => {
          programs.update(notification);
          status.update();
          if (notification.state === 'noCompiler') void compiler.offer(notification.message);
        }),
      )
      .catch((error: unknown) => {
        log().error(`the language server could not be started: ${String(error)}`);
        return undefined;
      });
    return server;
  };
  const startServerFor = (document: vscode.TextDocument): void => {
    if (isBpfSource(document)) void startServer();
  };

  context.subscriptions.push(
    session,
    status,
    programsTree,
    mapsTree,
    vscode.window.registerWebviewViewProvider('bpfStudio.timers', timers, {
      webviewOptions: { retainContextWhenHidden: true },
    }),
    session.onDidChange((reason) => {
      void timers.refresh();
      maps.refresh();
      if (reason === 'stopped' && !mapsShown) {
        mapsShown = true;
        void showDebugViews();
      } else if (reason === 'ended') mapsShown = false;
    }),
    vscode.window.onDidChangeActiveTextEditor(() => status.update()),
    vscode.workspace.onDidOpenTextDocument((document) => {
      startServerFor(document);
      status.update();
    }),
    vscode.workspace.onDidCloseTextDocument((document) => programs.remove(document.uri.toString())),
    ...registerCommands({ context, programs, maps, activeBpfFile, startServer, restartServer, compiler }),
    { dispose: disposeLog },
  );
  registerDebugger(context);
  void vscode.commands.executeCommand('setContext', 'bpfStudio.enabled', true);

  vscode.workspace.textDocuments.forEach(startServerFor);
  status.update();
  if (
    server === undefined &&
    (await vscode.workspace.findFiles(BPF_GLOB, '**/node_modules/**', 1)).length > 0
  ) {
    void startServer();
  }

  /**
   * Unfolds the Maps view and the call stack at a session's first stop. VS Code folds views of extensions at first, and
   * leaves the call stack folded where there are several CPUs, because its view did not exist yet when the frame got
   * the focus; moving the focus and back unfolds it. Its views come up while this runs, so that it may need some tries.
   */
  async function showDebugViews(): Promise<void> {
    for (let attempt = 0; attempt < 10 && session.active; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      try {
        await maps.show(mapsTree);
      } catch (error) {
        log().debug(`the Maps view is not ready: ${String(error)}`);
      }
      if (mapsTree.visible) break;
    }
    if (!session.active) return;
    await vscode.commands.executeCommand('workbench.action.debug.callStackBottom');
    await vscode.commands.executeCommand('workbench.action.debug.callStackTop');
  }

  async function restartServer(): Promise<void> {
    const old = await server;
    server = undefined;
    await old?.stop();
    programs.clear();
    await startServer();
  }
}

export async function deactivate(): Promise<void> {
  await (await server)?.stop();
}
