/** The status bar item: what the verifier says of the active file, in a few characters; a click opens the actions. */
import * as vscode from 'vscode';
import { isBpfSource } from '../bpfFiles';
import type { ProgramVerdict } from '../../runtime/protocol/serverMessages';
import { summary, worstOf, type ProgramsView } from './programsView';

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
    this.item.tooltip = `BPF Studio\n${tooltip}`;
    this.item.accessibilityInformation = { label: `BPF Studio: ${tooltip}` };
    this.item.show();
  }
}

const WORST_ICON: Readonly<Record<ProgramVerdict['verdict'], string>> = {
  accepted: '$(pass)',
  rejected: '$(error)',
  error: '$(error)',
  unknown: '$(question)',
};

const MOST_LINES = 12;

/** `start: accepted by Linux 6.12`, refusals first: they are what one looks for. */
function verdictLines(programs: readonly ProgramVerdict[]): string[] {
  const names = [...new Set(programs.map((p) => p.program))];
  const lines = names.map((name) => {
    const own = programs.filter((p) => p.program === name);
    return { refused: own.some((p) => p.verdict !== 'accepted'), text: `${name}: ${summary(own)}` };
  });
  lines.sort((a, b) => Number(b.refused) - Number(a.refused));
  const shown = lines.slice(0, MOST_LINES).map((line) => line.text);
  if (lines.length > MOST_LINES) shown.push(`and ${lines.length - MOST_LINES} more`);
  return shown;
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
      if (file.programs.length === 0) {
        return file.state === 'stale'
          ? { text: '$(error) does not compile', tooltip: 'The text does not compile.' }
          : { text: '$(dash)', tooltip: file.message || 'no program found' };
      }
      const icon = file.state === 'stale' ? '$(history)' : WORST_ICON[worstOf(file.programs)];
      return {
        text: `${icon} ${accepted}/${file.programs.length}${kernels ? ` · ${kernels}` : ''}`,
        tooltip: [
          ...(file.state === 'stale' ? ['Stale: the text does not compile. The last verdicts:'] : []),
          ...verdictLines(file.programs),
          ...(file.message === '' || file.state === 'stale' ? [] : [file.message]),
        ].join('\n'),
      };
    }
  }
}
