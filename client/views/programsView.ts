/**
 * The Programs view: for each verified file its programs, and for each program the verdict of every kernel asked.
 * Fed by the server's `bpfStudio/verdicts` notifications; shows the last ones of each open file.
 */
import * as vscode from 'vscode';
import type { ProgramVerdict, VerdictsNotification } from '../../runtime/protocol/serverMessages';

export type ProgramsNode =
  | { readonly kind: 'file'; readonly uri: string }
  | { readonly kind: 'program'; readonly uri: string; readonly program: string }
  | { readonly kind: 'verdict'; readonly uri: string; readonly verdict: ProgramVerdict };

const STATE_TEXT: Readonly<Record<VerdictsNotification['state'], string>> = {
  fresh: '',
  stale: 'stale: does not compile',
  verifying: 'verifying…',
  noCompiler: 'no compiler found',
  untrusted: 'restricted mode',
  failed: 'failed',
};

const VERDICT_ICON: Readonly<Record<ProgramVerdict['verdict'], [icon: string, color: string]>> = {
  accepted: ['pass', 'testing.iconPassed'],
  rejected: ['error', 'testing.iconFailed'],
  error: ['circle-slash', 'testing.iconErrored'],
  unknown: ['question', 'testing.iconSkipped'],
};

/** The worst verdict of several, for the row above them. */
const WORST: readonly ProgramVerdict['verdict'][] = ['rejected', 'error', 'unknown', 'accepted'];
export const worstOf = (verdicts: readonly ProgramVerdict[]): ProgramVerdict['verdict'] =>
  WORST.find((worst) => verdicts.some((v) => v.verdict === worst)) ?? 'accepted';

const verdictIcon = (verdict: ProgramVerdict['verdict']): vscode.ThemeIcon => {
  const [icon, color] = VERDICT_ICON[verdict];
  return new vscode.ThemeIcon(icon, new vscode.ThemeColor(color));
};

export class ProgramsView implements vscode.TreeDataProvider<ProgramsNode> {
  private readonly changed = new vscode.EventEmitter<ProgramsNode | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly files = new Map<string, VerdictsNotification>();

  update(notification: VerdictsNotification): void {
    const before = this.files.get(notification.uri);
    // While verifying, the last verdicts stay.
    const programs =
      notification.state === 'verifying' && notification.programs.length === 0
        ? (before?.programs ?? [])
        : notification.programs;
    this.files.set(notification.uri, { ...notification, programs });
    this.changed.fire(undefined);
  }

  remove(uri: string): void {
    if (this.files.delete(uri)) this.changed.fire(undefined);
  }

  clear(): void {
    this.files.clear();
    this.changed.fire(undefined);
  }

  of(uri: string): VerdictsNotification | undefined {
    return this.files.get(uri);
  }

  getTreeItem(node: ProgramsNode): vscode.TreeItem {
    const file = this.files.get(node.uri);
    if (node.kind === 'file') {
      const item = new vscode.TreeItem(vscode.Uri.parse(node.uri), vscode.TreeItemCollapsibleState.Expanded);
      item.id = node.uri;
      item.iconPath = vscode.ThemeIcon.File;
      const state = file === undefined ? '' : STATE_TEXT[file.state];
      item.description = file === undefined ? '' : state || file.message;
      item.tooltip = [vscode.Uri.parse(node.uri).fsPath, state, file?.message].filter(Boolean).join('\n');
      return item;
    }
    if (node.kind === 'program') {
      const verdicts = this.verdictsOf(node.uri, node.program);
      const item = new vscode.TreeItem(node.program, vscode.TreeItemCollapsibleState.Collapsed);
      item.id = `${node.uri}#${node.program}`;
      item.iconPath =
        file?.state === 'verifying' ? new vscode.ThemeIcon('sync~spin') : verdictIcon(worstOf(verdicts));
      item.description = `${verdicts[0]?.section ?? ''} · ${summary(verdicts)}`;
      item.command = openCommand(node.uri, verdicts[0]);
      return item;
    }
    const { verdict } = node;
    const item = new vscode.TreeItem(`Linux ${verdict.kernel}`);
    item.id = `${node.uri}#${verdict.program}#${verdict.kernel}`;
    item.iconPath = verdictIcon(verdict.verdict);
    item.description =
      verdict.verdict === 'accepted'
        ? `accepted · ${verdict.processedInsns} insns`
        : `${verdict.verdict} · ${verdict.message}`;
    item.tooltip = `${verdict.verdict} by Linux ${verdict.kernel} (${verdict.basis === 'measured' ? 'measured' : 'by documented facts'})${verdict.message ? `\n${verdict.message}` : ''}`;
    item.command = openCommand(node.uri, verdict);
    return item;
  }

  getChildren(node?: ProgramsNode): ProgramsNode[] {
    if (node === undefined) return [...this.files.keys()].sort().map((uri) => ({ kind: 'file', uri }));
    const programs = this.files.get(node.uri)?.programs ?? [];
    if (node.kind === 'file') {
      return [...new Set(programs.map((p) => p.program))].map((program) => ({
        kind: 'program',
        uri: node.uri,
        program,
      }));
    }
    if (node.kind === 'program') {
      return this.verdictsOf(node.uri, node.program).map((verdict) => ({
        kind: 'verdict',
        uri: node.uri,
        verdict,
      }));
    }
    return [];
  }

  private verdictsOf(uri: string, program: string): ProgramVerdict[] {
    return (this.files.get(uri)?.programs ?? []).filter((p) => p.program === program);
  }
}

/** `accepted on 6.12, rejected on 6.1`; one word when all agree. */
export function summary(verdicts: readonly ProgramVerdict[]): string {
  const kinds = [...new Set(verdicts.map((v) => v.verdict))];
  if (kinds.length === 1) return `${kinds[0]} on ${verdicts.map((v) => v.kernel).join(', ')}`;
  return kinds
    .map(
      (kind) =>
        `${kind} on ${verdicts
          .filter((v) => v.verdict === kind)
          .map((v) => v.kernel)
          .join(', ')}`,
    )
    .join(', ');
}

function openCommand(uri: string, verdict: ProgramVerdict | undefined): vscode.Command | undefined {
  if (verdict?.line === undefined) return undefined;
  return { command: 'bpfStudio.openProgram', title: 'Go to Program', arguments: [uri, verdict.line] };
}
