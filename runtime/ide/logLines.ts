/** Lines of a log, freed of stamps, colours and quotes that something around the kernel or the loader added. */

/** What precedes log lines when something (a journal, a container) stamped every line; digits stand for any. */
function linePrefix(lines: readonly string[]): RegExp | undefined {
  const shapes = new Map<string, number>();
  let steps = 0;
  for (const line of lines) {
    const at = /^(.{0,200}?)\d+: \([0-9a-f]{2}\) [^\s]/.exec(line);
    if (at === null || / before $/.test(at[1])) continue;
    if (++steps > 2000) break;
    const shape = at[1].replace(/\d+/g, '#').replace(/ +/g, ' ');
    shapes.set(shape, (shapes.get(shape) ?? 0) + 1);
  }
  let best = '';
  for (const [shape, count] of shapes) if (count > (shapes.get(best) ?? 0)) best = shape;
  // One line alone may be a loader's own sentence around an instruction.
  if (steps === 0) return prefixOfStatistics(lines);
  if (best.trim() === '' || steps < 2 || (shapes.get(best) ?? 0) * 2 <= steps) return undefined;
  return patternOf(best);
}

/** Of a log at level 4 (statistics only), whose lines are few: what its statistics and another line have before them. */
function prefixOfStatistics(lines: readonly string[]): RegExp | undefined {
  for (const line of lines) {
    const before = /^(.{1,200}?)processed \d+ insns \(limit /.exec(line)?.[1];
    if (before === undefined || before.trim() === '') continue;
    const prefix = patternOf(before.replace(/\d+/g, '#').replace(/ +/g, ' '));
    if (lines.filter((other) => prefix.test(other)).length > 1) return prefix;
  }
  return undefined;
}

function patternOf(shape: string): RegExp {
  const pattern = shape
    .split('#')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('\\d+');
  // Kernel and container stamps are padded to a width.
  return new RegExp(`^${pattern.replace(/ $/, '').replace(/ /g, ' +')} ?`);
}

const TERMINAL = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, 'g');

const HAS_LOG = /\n\s*\d+: \([0-9a-f]{2}\)|^\s*processed \d+ insns \(limit /m;
const WRITTEN_OUT = /\\n\s*(?:\\t)*(?:\d+: \([0-9a-f]{2}\)|processed \d+ insns \(limit )/;

/** @returns the lines of a log without what a journal, a terminal or a quoted field put around each of them. */
export function linesOf(text: string): string[] {
  let whole = text.replace(TERMINAL, '');
  // A log inside one quoted field: its line ends are written out.
  if (!HAS_LOG.test(whole) && WRITTEN_OUT.test(whole)) {
    whole = whole
      .replace(/^[^\n]*?="/gm, '')
      .replace(/\\n/g, '\n')
      .replace(/\\t/g, '\t')
      .replace(/\\"/g, '"');
  }
  const lines = whole.split(/\r?\n/);
  const prefix = linePrefix(lines);
  return lines.map((line) => (prefix === undefined ? line : line.replace(prefix, '')).trim());
}
