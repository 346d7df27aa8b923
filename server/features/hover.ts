/** Hover over a helper's name: what the spec tables know of it for the kernels of the settings. */
import type { Hover, Position } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { helperMarkdown, helperWordAt } from '../../runtime/ide/helperHover';
import type { Settings } from '../settings';

export function helperHover(document: TextDocument, position: Position, settings: Settings): Hover | null {
  const { line } = position;
  const text = document.getText({ start: { line, character: 0 }, end: { line: line + 1, character: 0 } });
  const word = helperWordAt(text, position.character);
  const value = word === undefined ? undefined : helperMarkdown(word.name, settings.kernels);
  if (word === undefined || value === undefined) return null;
  return {
    contents: { kind: 'markdown', value },
    range: { start: { line, character: word.start }, end: { line, character: word.end } },
  };
}
