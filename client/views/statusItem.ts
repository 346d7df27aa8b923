/** The status bar item: what the verifier says of the active file, in a few characters; a click opens the actions. */
import * as vscode from 'vscode';
import { isBpfSource } from '../bpfFiles';
import type { ProgramsView } from './programsView';

export class StatusItem implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;

  constructor(private readonly programs: ProgramsView) {
    this.item = vscode.window.createStatusBarItem('bpfStudio.status', vscode.StatusBarAlignment.Left, 10);
    this.item.name = 'BPF Studio';
    this.item.command = 'bpfStudio.menu';
  }

  dispose(): void {
    this.item.dispose();
  }

  update(): void {
    const document = vscode.window.activeTextEditor?.document;
    const isBpf = document !== undefined && isBpfSource(document);
    void vscode.commands.executeCommand('setContext', 'bpfStudio.activeEditorIsBpf', isBpf);
    if (!isBpf) {
      this.item.hide();
      return;
    }
    const file = this.programs.of(document.uri.toString());
    const { text, tooltip } = describe(file);
    this.item.text = `BPF ${text}`;
    this.item.tooltip = tooltip;
    this.item.accessibilityInformation = { label: `BPF Studio: ${tooltip}` };
    this.item.show();
  }
}

function describe(file: ReturnType<ProgramsView['of']>): { text: string; tooltip: string } {
  if (file === undefined) return { text: '$(dash)', tooltip: 'not verified yet' };
  switch (file.state) {
    case 'verifying':
      return { text: '$(sync~spin)', tooltip: 'compiling and verifying' };
    case 'noCompiler':
      return { text: '$(warning) no compiler', tooltip: file.message };
    case 'untrusted':
      return { text: '$(workspace-untrusted) restricted', tooltip: file.message };
    case 'failed':
      return { text: '$(warning)', tooltip: file.message };
    case 'fresh':
    case 'stale': {
      const accepted = file.programs.filter((p) => p.verdict === 'accepted').length;
      const kernels = [...new Set(file.programs.map((p) => p.kernel))].join(' ');
      const icon =
        file.state === 'stale' ? '$(history)' : accepted === file.programs.length ? '$(pass)' : '$(error)';
      const stale = file.state === 'stale' ? ' (stale: the text does not compile)' : '';
      return {
        text: `${icon} ${accepted}/${file.programs.length}${kernels ? ` · ${kernels}` : ''}`,
        tooltip: `${accepted} of ${file.programs.length} verdicts: accepted${stale}`,
      };
    }
  }
}
