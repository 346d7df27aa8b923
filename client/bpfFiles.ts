/**
 * Which documents are BPF programs, for commands, menus and F5. The language server decides for itself, with the same
 * setting, which files it verifies; this is the cheap answer that needs no server.
 */
import * as vscode from 'vscode';

export const BPF_GLOB = '**/*.bpf.c';

/** A C source that the setting `bpfStudio.files` names, or one with a `SEC("…")` in it. */
export function isBpfSource(document: vscode.TextDocument): boolean {
  if (document.uri.scheme !== 'file' && document.uri.scheme !== 'untitled') return false;
  if (document.fileName.endsWith('.bpf.c')) return true;
  if (document.languageId !== 'c') return false;
  const patterns = vscode.workspace.getConfiguration('bpfStudio', document.uri).get<string[]>('files', []);
  if (patterns.some((pattern) => vscode.languages.match({ pattern }, document) > 0)) return true;
  return /^\s*SEC\("/m.test(document.getText());
}

/** File to debug when the user names none: the active editor's, if it is a BPF source or an object file. */
export function activeBpfFile(): vscode.Uri | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor !== undefined && isBpfSource(editor.document)) return editor.document.uri;
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom) {
    if (input.uri.path.endsWith('.o')) return input.uri;
  }
  return undefined;
}
