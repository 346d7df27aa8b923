/** The commands of the palette and of the views; each ends with a message when it can do nothing. */
import * as vscode from 'vscode';
import * as path from 'node:path';
import { BPF_GLOB } from './bpfFiles';
import type { CompilerOffer } from './compilerOffer';
import { configurationFor } from './debug/configurations';
import type { LanguageClientHandle } from './languageClient';
import { log } from './log';
import { copyText, type MapsNode, type MapsView } from './views/mapsView';
import type { ProgramsView } from './views/programsView';

export interface CommandParts {
  readonly context: vscode.ExtensionContext;
  readonly programs: ProgramsView;
  readonly maps: MapsView;
  readonly activeBpfFile: () => vscode.Uri | undefined;
  readonly startServer: () => Promise<LanguageClientHandle | undefined>;
  readonly restartServer: () => Promise<void>;
  readonly compiler: CompilerOffer;
}

const MOST_FILES = 500;

export function registerCommands(parts: CommandParts): vscode.Disposable[] {
  const { context, maps, activeBpfFile, startServer } = parts;
  const command = (name: string, run: (...args: never[]) => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(`bpfStudio.${name}`, run);

  const verify = async (uris: readonly vscode.Uri[]): Promise<void> => {
    const server = await startServer();
    if (server === undefined) {
      void vscode.window.showErrorMessage(
        'BPF Studio: the language server is not running; see the log “BPF Studio”.',
      );
      return;
    }
    await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Window, title: 'BPF Studio: verifying' },
      () => server.verify(uris.map((uri) => uri.toString())),
    );
  };

  return [
    command('verifyFile', async (uri?: vscode.Uri) => {
      const file = uri instanceof vscode.Uri ? uri : activeBpfFile();
      if (file === undefined) {
        void vscode.window.showInformationMessage('BPF Studio: open a BPF program (*.bpf.c) first.');
        return;
      }
      await verify([file]);
    }),
    command('verifyWorkspace', async () => {
      const files = await vscode.workspace.findFiles(BPF_GLOB, '**/node_modules/**', MOST_FILES);
      if (files.length === 0) {
        void vscode.window.showInformationMessage('BPF Studio: the workspace has no *.bpf.c file.');
        return;
      }
      await verify(files);
      await vscode.commands.executeCommand('bpfStudio.programs.focus');
    }),
    command('debugFile', async (uri?: vscode.Uri) => {
      const file = uri instanceof vscode.Uri ? uri : activeBpfFile();
      if (file === undefined) {
        void vscode.window.showInformationMessage(
          'BPF Studio: open a BPF program (*.bpf.c) or object file first.',
        );
        return;
      }
      const folder = vscode.workspace.getWorkspaceFolder(file);
      await vscode.debug.startDebugging(folder, configurationFor(file.fsPath));
    }),
    command('selectKernels', selectKernels),
    command('showTimers', () => vscode.commands.executeCommand('bpfStudio.timers.focus')),
    command('showMaps', () => vscode.commands.executeCommand('bpfStudio.maps.focus')),
    command('refreshMaps', () => maps.refresh()),
    command('showMoreMapEntries', (mapId: number) => maps.showMore(mapId)),
    command('copyMapValue', (node: MapsNode) => vscode.env.clipboard.writeText(copyText(node))),
    command('openProgram', async (uri: string, line: number) => {
      const at = new vscode.Position(line, 0);
      await vscode.window.showTextDocument(vscode.Uri.parse(uri), { selection: new vscode.Range(at, at) });
    }),
    command('openExamples', () => openExamples(context)),
    command('fetchCompiler', () => parts.compiler.fetch()),
    command('restartServer', () => parts.restartServer()),
    command('showLog', () => log().show()),
    command('menu', showMenu),
  ];
}

async function showMenu(): Promise<void> {
  const actions: (vscode.QuickPickItem & { command: string })[] = [
    { label: '$(verified) Verify This File', command: 'bpfStudio.verifyFile' },
    { label: '$(debug-alt) Debug This File', command: 'bpfStudio.debugFile' },
    { label: '$(settings) Choose Kernels to Verify For', command: 'bpfStudio.selectKernels' },
    { label: '$(list-tree) Show Programs and Verdicts', command: 'bpfStudio.programs.focus' },
    { label: '$(output) Show Log', command: 'bpfStudio.showLog' },
    { label: '$(refresh) Restart Language Server', command: 'bpfStudio.restartServer' },
  ];
  const picked = await vscode.window.showQuickPick(actions, { title: 'BPF Studio' });
  if (picked !== undefined) await vscode.commands.executeCommand(picked.command);
}

interface KernelSchema {
  readonly items: { readonly enum: readonly string[]; readonly enumDescriptions: readonly string[] };
}

/** Offers the kernels that the manifest lists, so that there is one list of them. */
async function selectKernels(): Promise<void> {
  const manifest = vscode.extensions.getExtension('bpf-studio.bpf-studio')?.packageJSON as
    { contributes: { configuration: { properties: Record<string, KernelSchema> } } } | undefined;
  const schema = manifest?.contributes.configuration.properties['bpfStudio.kernels'];
  if (schema === undefined) return;
  const resource = vscode.window.activeTextEditor?.document.uri;
  const settings = vscode.workspace.getConfiguration('bpfStudio', resource);
  const chosen = settings.get<string[]>('kernels', []);
  const picked = await vscode.window.showQuickPick(
    schema.items.enum.map((name, i) => ({
      label: name,
      description: schema.items.enumDescriptions[i],
      picked: chosen.includes(name),
    })),
    { title: 'Kernels to Verify For', canPickMany: true },
  );
  if (picked === undefined || picked.length === 0) return;
  const target =
    vscode.workspace.workspaceFolders === undefined
      ? vscode.ConfigurationTarget.Global
      : vscode.ConfigurationTarget.Workspace;
  await settings.update(
    'kernels',
    picked.map((item) => item.label),
    target,
  );
}

/** Copies the examples that come with the extension to a folder of the user's and opens it. */
async function openExamples(context: vscode.ExtensionContext): Promise<void> {
  const source = vscode.Uri.joinPath(context.extensionUri, 'examples');
  const target = vscode.Uri.joinPath(context.globalStorageUri, 'examples');
  try {
    await vscode.workspace.fs.copy(source, target, { overwrite: false });
  } catch (error) {
    // There already: the user's changes stay.
    if (!(error instanceof vscode.FileSystemError && error.code === 'FileExists')) {
      void vscode.window.showErrorMessage(`BPF Studio: the examples could not be copied: ${String(error)}`);
      return;
    }
  }
  const first = vscode.Uri.file(path.join(target.fsPath, 'heartbeat.bpf.c'));
  if (vscode.workspace.workspaceFolders === undefined) {
    await vscode.commands.executeCommand('vscode.openFolder', target);
  } else {
    await vscode.window.showTextDocument(first, { preview: false });
  }
}
