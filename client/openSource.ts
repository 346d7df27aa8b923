/** Opens a place in a source file: what clicks in our views do. */
import * as vscode from 'vscode';

/** `line` and `column` are 1-based; a file that does not exist gives one message. */
export async function openSource(path: string, line: number, column: number): Promise<void> {
  const at = new vscode.Position(Math.max(0, line - 1), Math.max(0, column - 1));
  try {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.file(path));
    await vscode.window.showTextDocument(document, { selection: new vscode.Range(at, at), preview: false });
  } catch {
    void vscode.window.showWarningMessage(`BPF Studio: cannot open ${path}.`);
  }
}
