/**
 * Source lines ↔ program slots. BTF line info is the authority (the kernel keeps it and every object has it); DWARF
 * adds which addresses begin a statement, and scopes. Paths compare as written; `samePath` is what says "same file".
 */
import type { CodeOrigin, FunctionSpec, LineEntry, ProgramSpec } from '../loader/objectSpec';
import type { DwarfFunction, DwarfInfo, DwarfScope } from '../dwarf/types';
import type { TargetProgram } from './target';

export interface SourcePlace {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based; 0 unknown. */
  readonly column: number;
}

export interface Slot {
  readonly programId: number;
  readonly insnIdx: number;
}

export type InnerScope = DwarfScope['scopes'][number];

/** One line's code: where it begins. */
interface LineStart extends Slot {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly functionName: string;
}

export class SourceMap {
  private readonly programs = new Map<number, ProgramSpec>();
  /** `section:address` of rows that begin a statement. */
  private readonly statements = new Set<string>();
  private readonly hasStatements: boolean;
  private readonly starts: LineStart[] = [];

  constructor(
    programs: readonly TargetProgram[],
    readonly dwarf: DwarfInfo | undefined,
  ) {
    for (const program of programs) this.programs.set(program.id, program.spec);
    for (const line of dwarf?.lines ?? [])
      if (line.isStatement && !line.endSequence) this.statements.add(`${line.section}:${line.address}`);
    this.hasStatements = this.statements.size > 0;
    for (const program of programs) this.collectStarts(program);
  }

  private collectStarts({ id, spec }: TargetProgram): void {
    let previous: { file: string; line: number; fn: FunctionSpec | undefined } | undefined;
    for (const entry of spec.lines) {
      if (entry.line === 0) continue;
      const fn = functionAt(spec, entry.insnIdx);
      const fresh =
        !previous || previous.line !== entry.line || previous.file !== entry.file || previous.fn !== fn;
      previous = { file: entry.file, line: entry.line, fn };
      if (fresh && this.isStatement(id, entry.insnIdx))
        this.starts.push({
          programId: id,
          insnIdx: entry.insnIdx,
          file: entry.file,
          line: entry.line,
          column: entry.column,
          functionName: fn?.name ?? spec.name,
        });
    }
  }

  spec(programId: number): ProgramSpec | undefined {
    return this.programs.get(programId);
  }

  /** All source files that have code, as the compiler wrote them. */
  files(): string[] {
    return [...new Set(this.starts.map((s) => s.file))];
  }

  /** The file among ours that a path names, if any. */
  fileFor(path: string): string | undefined {
    const files = this.files();
    return (
      files.find((f) => f === path) ??
      files.find((f) => samePath(f, path)) ??
      files.find((f) => baseName(f) === baseName(path))
    );
  }

  /** Line-table entry that covers a slot; undefined when the compiler named no line. */
  entryAt(programId: number, insnIdx: number): LineEntry | undefined {
    const spec = this.programs.get(programId);
    if (!spec) return undefined;
    const at = lastAtOrBefore(spec.lines, insnIdx);
    const entry = spec.lines[at] as LineEntry | undefined;
    if (!entry) return undefined;
    // A line of the function before does not reach into this one.
    const fn = functionAt(spec, insnIdx);
    return fn && entry.insnIdx < fn.insnIdx ? undefined : entry;
  }

  /** Source of a slot. A compiler-made instruction (line 0) takes the last real line before it. */
  placeAt(programId: number, insnIdx: number): SourcePlace | undefined {
    const spec = this.programs.get(programId);
    if (!spec) return undefined;
    const first = functionAt(spec, insnIdx)?.insnIdx ?? 0;
    for (let i = lastAtOrBefore(spec.lines, insnIdx); i >= 0 && spec.lines[i].insnIdx >= first; i--) {
      const { file, line, column } = spec.lines[i];
      if (line > 0) return { file, line, column };
    }
    return undefined;
  }

  /** True when a line-table entry begins exactly here and DWARF (if there is any) calls it a statement. */
  isStatementStart(programId: number, insnIdx: number): boolean {
    const entry = this.entryAt(programId, insnIdx);
    return (
      entry !== undefined &&
      entry.insnIdx === insnIdx &&
      entry.line > 0 &&
      this.isStatement(programId, insnIdx)
    );
  }

  private isStatement(programId: number, insnIdx: number): boolean {
    if (!this.hasStatements) return true;
    const address = this.addressOf(programId, insnIdx);
    return address === undefined || this.statements.has(`${address.section}:${address.offset}`);
  }

  /** ELF place of a slot. */
  addressOf(programId: number, insnIdx: number): { section: string; offset: number } | undefined {
    const spec = this.programs.get(programId);
    const origin: CodeOrigin | undefined = spec?.origins.find(
      (o) => insnIdx >= o.insnIdx && insnIdx < o.insnIdx + o.insnCount,
    );
    return (
      origin && {
        section: origin.section,
        offset: origin.sectionOffsetBytes + 8 * (insnIdx - origin.insnIdx),
      }
    );
  }

  functionName(programId: number, insnIdx: number): string {
    const spec = this.programs.get(programId);
    return (spec && functionAt(spec, insnIdx)?.name) ?? spec?.name ?? '?';
  }

  function(programId: number, insnIdx: number): FunctionSpec | undefined {
    const spec = this.programs.get(programId);
    return spec && functionAt(spec, insnIdx);
  }

  /** Slots where functions of that name begin. */
  functionStarts(name: string): Slot[] {
    const found: Slot[] = [];
    for (const [programId, spec] of this.programs)
      for (const fn of spec.functions)
        if (fn.name === name || (fn.insnIdx === 0 && spec.name === name))
          found.push({ programId, insnIdx: fn.insnIdx });
    return found;
  }

  /**
   * Where a breakpoint on a line goes: every place where code of that line begins, or of the next line that has code.
   * @returns undefined when no line of the file at or after it has code.
   */
  resolveLine(path: string, line: number): { line: number; file: string; slots: Slot[] } | undefined {
    const file = this.fileFor(path);
    if (file === undefined) return undefined;
    let best = Infinity;
    for (const s of this.starts) if (s.file === file && s.line >= line && s.line < best) best = s.line;
    if (best === Infinity) return undefined;
    return {
      line: best,
      file,
      slots: this.starts
        .filter((s) => s.file === file && s.line === best)
        .map(({ programId, insnIdx }) => ({ programId, insnIdx })),
    };
  }

  /** Lines of a file with code, ascending, with the columns at which statements begin. */
  linesWithCode(path: string, from: number, to: number): { line: number; column: number }[] {
    const file = this.fileFor(path);
    const lines = new Map<number, number>();
    for (const s of this.starts)
      if (s.file === file && s.line >= from && s.line <= to && !lines.has(s.line))
        lines.set(s.line, s.column);
    return [...lines].sort((a, b) => a[0] - b[0]).map(([line, column]) => ({ line, column }));
  }

  /** DWARF function of a slot. */
  dwarfFunction(programId: number, insnIdx: number): DwarfFunction | undefined {
    const address = this.addressOf(programId, insnIdx);
    if (!address) return undefined;
    return this.dwarf?.functions.find(
      (f) => f.section === address.section && covers(f.ranges, address.offset),
    );
  }

  /** Blocks and inlined calls that a slot lies in, outermost first. */
  scopesAt(programId: number, insnIdx: number): InnerScope[] {
    const address = this.addressOf(programId, insnIdx);
    const chain: InnerScope[] = [];
    let scope: DwarfScope | undefined = this.dwarfFunction(programId, insnIdx);
    while (scope && address) {
      const inner: InnerScope | undefined = scope.scopes.find((s) => covers(s.ranges, address.offset));
      if (inner) chain.push(inner);
      scope = inner;
    }
    return chain;
  }
}

export const covers = (ranges: readonly { low: number; high: number }[], offset: number): boolean =>
  ranges.some((r) => offset >= r.low && offset < r.high);

export function functionAt(spec: ProgramSpec, insnIdx: number): FunctionSpec | undefined {
  return spec.functions[lastAtOrBefore(spec.functions, insnIdx)];
}

/** Index of the last element whose slot is at or before `insnIdx`; -1 if none. */
function lastAtOrBefore(list: readonly { readonly insnIdx: number }[], insnIdx: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle].insnIdx <= insnIdx) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export const baseName = (path: string): string =>
  path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);

/** Same file although written differently: `./x.c`, back slashes, drive letters' case, a relative tail of the other. */
export function samePath(a: string, b: string): boolean {
  const left = normalise(a);
  const right = normalise(b);
  if (left === right) return true;
  const [short, long] = left.length < right.length ? [left, right] : [right, left];
  return !short.startsWith('/') && !/^[a-z]:/.test(short) && long.endsWith('/' + short);
}

function normalise(path: string): string {
  const parts: string[] = [];
  for (const part of path.replace(/\\/g, '/').split('/')) {
    if (part === '.' || (part === '' && parts.length > 0)) continue;
    if (
      part === '..' &&
      parts.length > 0 &&
      parts[parts.length - 1] !== '..' &&
      parts[parts.length - 1] !== ''
    )
      parts.pop();
    else parts.push(part);
  }
  return parts.join('/').replace(/^([A-Z]):/, (_, drive: string) => drive.toLowerCase() + ':');
}
