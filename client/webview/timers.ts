/**
 * The page of the Timers panel: a native table (screen readers know it), drawn from the rows that the view sends.
 * Everything is put in as text, never as HTML. Rows are reused, so that a refresh while running keeps the selection
 * and the scroll position. Narrow panels show each timer as a card (timers.css).
 */
import type { TimerRow } from '../../runtime/protocol/debugMessages';
import type { TimersPageMessage, TimersViewMessage } from './messages';

declare function acquireVsCodeApi(): { postMessage(message: TimersPageMessage): void };

const vscode = acquireVsCodeApi();

interface Column {
  readonly title: string;
  readonly hint: string;
  readonly className: string;
  readonly fill: (cell: HTMLTableCellElement, row: TimerRow) => void;
}

const text =
  (of: (row: TimerRow) => string) =>
  (cell: HTMLTableCellElement, row: TimerRow): void => {
    const value = of(row);
    if (cell.textContent !== value) cell.textContent = value;
  };

/** A link to a source place; plain text when the place is unknown. */
function fillLink(
  cell: HTMLTableCellElement,
  label: string,
  source: { path: string; line: number; column: number } | undefined,
): void {
  const old = cell.firstElementChild;
  if (source === undefined) {
    if (old !== null || cell.textContent !== label) cell.textContent = label;
    return;
  }
  let link: HTMLButtonElement;
  if (old instanceof HTMLButtonElement) link = old;
  else {
    link = document.createElement('button');
    link.type = 'button';
    link.className = 'link';
    cell.replaceChildren(link);
  }
  if (link.textContent !== label) link.textContent = label;
  link.title = `${source.path}:${source.line}`;
  link.onclick = () =>
    vscode.postMessage({ type: 'open', path: source.path, line: source.line, column: source.column });
}

/** A callback that is gone has no name but a dash. */
const nameOr = (name: string | undefined, otherwise: string): string =>
  name === undefined || /^[–—-]?$/.test(name) ? otherwise : name;

/** `map[key].field`: where room is short, the key is cut, not the field. */
function fillTimer(cell: HTMLTableCellElement, row: TimerRow): void {
  if (cell.title === row.label) return;
  const end = row.label.lastIndexOf(']');
  const cut = end < 0 ? row.label.length : end;
  const label = document.createElement('div');
  label.className = 'label';
  for (const [className, part] of [
    ['head', row.label.slice(0, cut)],
    ['tail', row.label.slice(cut)],
  ]) {
    const span = document.createElement('span');
    span.className = className;
    span.textContent = part;
    label.append(span);
  }
  cell.title = row.label;
  cell.replaceChildren(label);
}

const fileName = (path: string): string =>
  path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);

const COLUMNS: readonly Column[] = [
  {
    title: 'Timer',
    hint: 'Map, key and field that hold the timer',
    className: 'timer',
    fill: fillTimer,
  },
  {
    title: 'Callback',
    hint: 'Function that runs when the timer fires',
    className: 'callback',
    fill: (cell, row) => fillLink(cell, nameOr(row.callback?.name, '—'), row.callback?.source),
  },
  {
    title: 'State',
    hint: 'What the timer does now',
    className: 'state',
    fill: (cell, row) => {
      text((r) => r.state)(cell, row);
      cell.dataset.state = row.state.split(/[^a-z]/)[0];
    },
  },
  {
    title: 'Expires',
    hint: 'Time until it is due, in virtual time',
    className: 'expires',
    fill: text((row) => row.expiresIn || '—'),
  },
  {
    title: 'Clock',
    hint: 'Clock that the timer follows',
    className: 'clock',
    fill: text((row) => row.clock.replace(/^CLOCK_/, '')),
  },
  {
    title: 'CPU',
    hint: 'Virtual CPU whose queue holds it',
    className: 'number cpu',
    fill: text((row) => (row.cpu < 0 ? '—' : String(row.cpu))),
  },
  {
    title: 'Fires',
    hint: 'How often its callback has run',
    className: 'number fires',
    fill: text((row) => String(row.fires)),
  },
  {
    title: 'Flags',
    hint: 'Flags of bpf_timer_start',
    className: 'flags',
    fill: text((row) => row.flags || '—'),
  },
  {
    title: 'Armed at',
    hint: 'Where bpf_timer_start was called last',
    className: 'armed',
    fill: (cell, row) => {
      const armed = row.armedAt;
      if (armed === undefined) {
        fillLink(cell, '—', undefined);
        return;
      }
      const at = armed.source === undefined ? '' : `${fileName(armed.source.path)}:${armed.source.line}`;
      fillLink(
        cell,
        [at, armed.ago, `cpu${armed.cpu}`].filter((part) => part !== '').join(' · '),
        armed.source,
      );
    },
  },
];

const main = document.getElementById('main')!;
const rowsById = new Map<number, HTMLTableRowElement>();
let table: HTMLTableElement | undefined;

function showText(title: string, detail: string): void {
  table = undefined;
  rowsById.clear();
  const box = document.createElement('div');
  box.className = 'empty';
  const head = document.createElement('p');
  head.textContent = title;
  const more = document.createElement('p');
  more.className = 'detail';
  more.textContent = detail;
  box.append(head, more);
  main.replaceChildren(box);
}

function makeTable(): HTMLTableElement {
  const made = document.createElement('table');
  made.setAttribute('aria-label', 'BPF timers');
  const head = made.createTHead().insertRow();
  for (const column of COLUMNS) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.textContent = column.title;
    cell.title = column.hint;
    cell.className = column.className;
    head.append(cell);
  }
  made.createTBody();
  main.replaceChildren(made);
  return made;
}

function makeRow(): HTMLTableRowElement {
  const row = document.createElement('tr');
  for (const column of COLUMNS) {
    const cell = row.insertCell();
    cell.className = column.className;
    cell.dataset.label = column.title;
  }
  return row;
}

/** A running callback first, then armed timers by expiry, then the others in their own order. */
function inOrder(timers: readonly TimerRow[]): TimerRow[] {
  const rank = (row: TimerRow): number => (isFiring(row) ? 0 : row.expiresNs !== undefined ? 1 : 2);
  const due = (row: TimerRow): bigint => BigInt(row.expiresNs ?? 0);
  return [...timers].sort((a, b) => {
    if (rank(a) !== rank(b)) return rank(a) - rank(b);
    const x = due(a);
    const y = due(b);
    return x < y ? -1 : x > y ? 1 : a.id - b.id;
  });
}

const isFiring = (row: TimerRow): boolean => /^(?:firing|running)/.test(row.state);

function showTimers(timers: readonly TimerRow[]): void {
  table ??= makeTable();
  const body = table.tBodies[0];
  const gone = new Set(rowsById.keys());
  inOrder(timers).forEach((timer, index) => {
    let row = rowsById.get(timer.id);
    if (row === undefined) {
      row = makeRow();
      rowsById.set(timer.id, row);
    }
    gone.delete(timer.id);
    const fires = String(timer.fires);
    row.classList.toggle('fired', row.dataset.fires !== undefined && row.dataset.fires !== fires);
    row.dataset.fires = fires;
    row.classList.toggle('armed-row', timer.expiresNs !== undefined);
    COLUMNS.forEach((column, i) => column.fill(row.cells[i], timer));
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
  });
  for (const id of gone) {
    rowsById.get(id)?.remove();
    rowsById.delete(id);
  }
}

window.addEventListener('message', (event: MessageEvent<TimersViewMessage>) => {
  const message = event.data;
  if (message.type === 'noSession') {
    showText(
      'No debug session.',
      'Open a BPF program and press F5: every bpf_timer of its maps appears here.',
    );
  } else if (message.timers.length === 0) {
    showText('No timers yet.', `No map holds an initialised bpf_timer at ${message.asOf.time}.`);
  } else {
    showTimers(message.timers);
  }
});

showText('No debug session.', 'Open a BPF program and press F5: every bpf_timer of its maps appears here.');
vscode.postMessage({ type: 'ready' });
