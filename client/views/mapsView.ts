/**
 * The Maps view in the debug side bar: maps, their entries and the entries' typed values as a tree. What changed since
 * the last stop is marked by icon, colour and word. Entries are fetched in pages, so that a large map costs no more
 * than what is looked at.
 */
import * as vscode from 'vscode';
import * as path from 'node:path';
import type { MapRow, ValueNode } from '../../runtime/protocol/debugMessages';
import type { BpfDebugSession } from '../debug/session';

const PAGE = 100;

export type MapsNode =
  | { readonly kind: 'map'; readonly map: MapRow }
  | { readonly kind: 'value'; readonly id: string; readonly value: ValueNode }
  | { readonly kind: 'more'; readonly map: MapRow; readonly shown: number; readonly total: number }
  | { readonly kind: 'empty'; readonly id: string; readonly text: string };

export class MapsView implements vscode.TreeDataProvider<MapsNode> {
  private readonly changed = new vscode.EventEmitter<MapsNode | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  /** How many entries of a map are shown, by map id. */
  private readonly shown = new Map<number, number>();

  constructor(private readonly session: BpfDebugSession) {}

  refresh(): void {
    if (!this.session.active) this.shown.clear();
    this.changed.fire(undefined);
  }

  showMore(mapId: number): void {
    this.shown.set(mapId, (this.shown.get(mapId) ?? PAGE) + PAGE);
    this.changed.fire(undefined);
  }

  /** Only maps are ever revealed. */
  getParent(): undefined {
    return undefined;
  }

  /**
   * Opens the view, which VS Code folds at first in its own side bars, with the first map unfolded. Once a session,
   * at its first stop, so that a user who folds it again has peace.
   */
  async show(tree: vscode.TreeView<MapsNode>): Promise<void> {
    const [first] = await this.getChildren();
    if (first !== undefined) await tree.reveal(first, { select: false, focus: false, expand: true });
  }

  getTreeItem(node: MapsNode): vscode.TreeItem {
    switch (node.kind) {
      case 'map':
        return mapItem(node.map);
      case 'value':
        return valueItem(node.id, node.value);
      case 'more': {
        const item = new vscode.TreeItem(`Show more (${node.shown} of ${node.total})`);
        item.id = `more:${node.map.id}`;
        item.command = {
          command: 'bpfStudio.showMoreMapEntries',
          title: 'Show more',
          arguments: [node.map.id],
        };
        return item;
      }
      case 'empty': {
        const item = new vscode.TreeItem('');
        item.id = node.id;
        item.description = node.text;
        return item;
      }
    }
  }

  async getChildren(node?: MapsNode): Promise<MapsNode[]> {
    if (node === undefined) {
      const answer = await this.session.maps();
      return answer?.maps.map((map) => ({ kind: 'map', map })) ?? [];
    }
    if (node.kind === 'map') return this.entries(node.map);
    if (node.kind === 'value') {
      return node.value.children.map((value, i) => ({
        kind: 'value',
        id: `${node.id}/${i}:${value.name}`,
        value,
      }));
    }
    return [];
  }

  private async entries(map: MapRow): Promise<MapsNode[]> {
    const shown = this.shown.get(map.id) ?? PAGE;
    const answer = await this.session.mapEntries(map.id, 0, shown);
    if (answer === undefined) return [];
    if (answer.entries.length === 0)
      return [{ kind: 'empty', id: `empty:${map.id}`, text: map.note ?? 'no entries' }];
    const nodes: MapsNode[] = answer.entries.map((value) => ({
      kind: 'value',
      id: `${map.id}:${value.name}`,
      value,
    }));
    if (answer.total > answer.entries.length) {
      nodes.push({ kind: 'more', map, shown: answer.entries.length, total: answer.total });
    }
    return nodes;
  }
}

const changedColor = new vscode.ThemeColor('charts.yellow');

function mapItem(map: MapRow): vscode.TreeItem {
  const item = new vscode.TreeItem(map.name, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `map:${map.id}`;
  const kind = map.type.replace(/^BPF_MAP_TYPE_/, '').toLowerCase();
  item.description = `${map.changed ? '● changed · ' : ''}${kind} · ${map.entryCount}/${map.maxEntries}`;
  item.iconPath = new vscode.ThemeIcon('table', map.changed ? changedColor : undefined);
  item.tooltip = new vscode.MarkdownString()
    .appendMarkdown(`**${escape(map.name)}** · ${escape(map.type)}\n\n`)
    .appendMarkdown(`- key: \`${map.keyType}\`\n- value: \`${map.valueType}\`\n`)
    .appendMarkdown(`- entries: ${map.entryCount} of ${map.maxEntries}\n`)
    .appendMarkdown(map.note === undefined ? '' : `\n${escape(map.note)}\n`);
  item.contextValue = 'bpfMap';
  item.accessibilityInformation = {
    label: `map ${map.name}, ${kind}, ${map.entryCount} entries${map.changed ? ', changed since the last stop' : ''}`,
  };
  return item;
}

function valueItem(id: string, value: ValueNode): vscode.TreeItem {
  const expandable = value.children.length > 0;
  const item = new vscode.TreeItem(
    value.name,
    expandable ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None,
  );
  item.id = id;
  item.description = `${value.changed ? '● ' : ''}${value.value}`;
  if (value.changed)
    item.iconPath = new vscode.ThemeIcon(expandable ? 'symbol-structure' : 'symbol-field', changedColor);
  item.tooltip = `${value.type} ${value.name} = ${value.value}${value.changed ? '\nchanged since the last stop' : ''}`;
  item.contextValue = 'bpfValue';
  item.accessibilityInformation = {
    label: `${value.name}: ${value.value}${value.changed ? ', changed since the last stop' : ''}`,
  };
  return item;
}

const escape = (text: string): string => text.replace(/[\\`*_{}[\]()#+.!|<>~-]/g, '\\$&');

/** Text that the command “Copy Value” puts on the clipboard. */
export const copyText = (node: MapsNode): string =>
  node.kind === 'value' ? node.value.value : node.kind === 'map' ? path.basename(node.map.name) : '';
