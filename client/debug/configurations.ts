/**
 * Launch configurations: F5 without a launch.json debugs the active BPF file with the default scenario, and every BPF
 * file of the workspace is offered in the picker. Settings that the adapter needs (compiler, flags, kernel BTF) are
 * added here, so that the adapter asks nothing of VS Code.
 */
import * as vscode from 'vscode';
import * as path from 'node:path';
import { activeBpfFile, BPF_GLOB } from '../bpfFiles';

const OFFERED_FILES = 50;

export const configurationFor = (program: string): vscode.DebugConfiguration => ({
  type: 'bpf',
  request: 'launch',
  name: `Debug ${path.basename(program)}`,
  program,
});

/** Fills what a configuration leaves out. */
export class LaunchResolver implements vscode.DebugConfigurationProvider {
  provideDebugConfigurations(): vscode.DebugConfiguration[] {
    const file = activeBpfFile();
    return [file === undefined ? configurationFor('${file}') : configurationFor(workspaceRelative(file))];
  }

  resolveDebugConfiguration(
    _folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): vscode.DebugConfiguration | undefined {
    if (configuration.type !== undefined && configuration.program !== undefined)
      return quietConsole(configuration);
    const file = activeBpfFile();
    if (file === undefined) {
      void vscode.window.showErrorMessage(
        'BPF Studio: there is no BPF program to debug. Open a *.bpf.c file or a BPF object file, or name one as "program" in launch.json.',
      );
      return undefined;
    }
    return quietConsole({
      ...configurationFor(file.fsPath),
      ...withoutUndefined(configuration),
      type: 'bpf',
      program: file.fsPath,
    });
  }

  resolveDebugConfigurationWithSubstitutedVariables(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): vscode.DebugConfiguration {
    const program = String(configuration.program);
    const absolute =
      path.isAbsolute(program) || folder === undefined ? program : path.join(folder.uri.fsPath, program);
    const settings = vscode.workspace.getConfiguration('bpfStudio', vscode.Uri.file(absolute));
    const own = Array.isArray(configuration.compilerFlags) ? (configuration.compilerFlags as string[]) : [];
    return {
      kernel: settings.get<string[]>('kernels', []).at(-1) ?? '6.12',
      ...configuration,
      program: absolute,
      compilerPath: (configuration.compilerPath as unknown) ?? settings.get<string>('compiler.path', ''),
      compilerFlags: [...settings.get<string[]>('compiler.flags', []), ...own],
      kernelBtf: (configuration.kernelBtf as unknown) ?? settings.get<string>('btf', ''),
    };
  }
}

/** What the picker of F5 offers: one configuration for each BPF file of the workspace. */
export class WorkspaceConfigurations implements vscode.DebugConfigurationProvider {
  async provideDebugConfigurations(
    folder: vscode.WorkspaceFolder | undefined,
    token?: vscode.CancellationToken,
  ): Promise<vscode.DebugConfiguration[]> {
    const pattern = folder === undefined ? BPF_GLOB : new vscode.RelativePattern(folder, BPF_GLOB);
    const files = await vscode.workspace.findFiles(pattern, '**/node_modules/**', OFFERED_FILES, token);
    return files
      .map((file) => configurationFor(workspaceRelative(file)))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }
}

function workspaceRelative(file: vscode.Uri): string {
  const folder = vscode.workspace.getWorkspaceFolder(file);
  if (folder === undefined) return file.fsPath;
  return `\${workspaceFolder}/${path.relative(folder.uri.fsPath, file.fsPath).split(path.sep).join('/')}`;
}

/** The Debug Console would take the place of the Timers panel, which the session shows. */
const quietConsole = (configuration: vscode.DebugConfiguration): vscode.DebugConfiguration => ({
  internalConsoleOptions: 'neverOpen',
  ...configuration,
});

const withoutUndefined = (configuration: vscode.DebugConfiguration): Partial<vscode.DebugConfiguration> =>
  Object.fromEntries(
    Object.entries(configuration).filter(([, value]) => value !== undefined && value !== ''),
  );
