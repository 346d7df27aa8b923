/**
 * The Timers panel: every bpf_timer of the session as a table, as of the last stop or, while running, of a moment ago.
 * This side fetches rows and opens sources; the page (webview/timers.ts) draws them. Rows travel as data: no HTML is
 * made here, and the page's policy allows our own script and styles only.
 */
import * as vscode from 'vscode';
import { randomBytes } from 'node:crypto';
import type { TimersPageMessage, TimersViewMessage } from '../webview/messages';
import type { BpfDebugSession } from '../debug/session';
import { openSource } from '../openSource';

export class TimersView implements vscode.WebviewViewProvider {
  private view: vscode.WebviewView | undefined;
  private asked = 0;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly session: BpfDebugSession,
  ) {}

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    const folder = (name: string): vscode.Uri => vscode.Uri.joinPath(this.extensionUri, name);
    const media = vscode.Uri.joinPath(this.extensionUri, 'client', 'media');
    view.webview.options = { enableScripts: true, localResourceRoots: [folder('dist'), media] };
    view.webview.html = page(view.webview, folder('dist'), media);
    view.webview.onDidReceiveMessage((message: TimersPageMessage) => {
      if (message.type === 'ready') void this.refresh();
      else if (message.type === 'open') void openSource(message.path, message.line, message.column);
    });
    view.onDidChangeVisibility(() => {
      if (view.visible) void this.refresh();
    });
    view.onDidDispose(() => {
      this.view = undefined;
    });
  }

  async refresh(): Promise<void> {
    const view = this.view;
    if (view === undefined || !view.visible) {
      if (view !== undefined && !this.session.active) view.badge = undefined;
      return;
    }
    const question = ++this.asked;
    const answer = await this.session.timers();
    if (question !== this.asked) return;
    const armed = answer?.timers.filter((timer) => timer.expiresNs !== undefined).length ?? 0;
    view.badge =
      armed === 0 ? undefined : { value: armed, tooltip: `${armed} armed timer${armed === 1 ? '' : 's'}` };
    view.description =
      answer === undefined
        ? undefined
        : `as of ${answer.asOf.time}${answer.asOf.running ? ' (running)' : ''}`;
    const message: TimersViewMessage =
      answer === undefined
        ? { type: 'noSession' }
        : { type: 'timers', asOf: answer.asOf, timers: [...answer.timers] };
    await view.webview.postMessage(message);
  }
}

function page(webview: vscode.Webview, dist: vscode.Uri, media: vscode.Uri): string {
  const nonce = randomBytes(16).toString('hex');
  const uri = (base: vscode.Uri, file: string): string =>
    webview.asWebviewUri(vscode.Uri.joinPath(base, file)).toString();
  const policy = [
    "default-src 'none'",
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    `script-src 'nonce-${nonce}'`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${uri(media, 'timers.css')}">
<title>BPF Timers</title>
</head>
<body>
<main id="main" aria-live="off"></main>
<script nonce="${nonce}" src="${uri(dist, 'timersView.js')}"></script>
</body>
</html>`;
}
