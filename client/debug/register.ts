/** Wires the debugger into VS Code: configurations and the adapter process. */
import * as vscode from 'vscode';
import { LaunchResolver, WorkspaceConfigurations } from './configurations';

export function registerDebugger(context: vscode.ExtensionContext): void {
  const adapter = vscode.Uri.joinPath(context.extensionUri, 'dist', 'adapter.js').fsPath;
  context.subscriptions.push(
    vscode.debug.registerDebugConfigurationProvider('bpf', new LaunchResolver()),
    vscode.debug.registerDebugConfigurationProvider(
      'bpf',
      new WorkspaceConfigurations(),
      vscode.DebugConfigurationProviderTriggerKind.Dynamic,
    ),
    vscode.debug.registerDebugAdapterDescriptorFactory('bpf', {
      // The command `node` stands for VS Code's own Node: none needs to be installed.
      createDebugAdapterDescriptor: () =>
        new vscode.DebugAdapterExecutable('node', [adapter, '--stdio'], {
          env: { BPF_STUDIO_STORAGE: context.globalStorageUri.fsPath },
        }),
    }),
  );
}
