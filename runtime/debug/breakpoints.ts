/**
 * Breakpoints as the user set them and the slots that they became. Conditions, hit counts and log messages are judged
 * when a slot is reached; a condition that cannot be evaluated stops and says why, because silence would hide a bug.
 */
import { ExpressionError } from './expression';
import { evaluateCondition, formatLogMessage, type NameScope } from './evaluate';
import type { Slot, SourceMap } from './sourceMap';

export interface BreakpointOptions {
  readonly condition?: string;
  /** `5`, `>= 5`, `% 10`. */
  readonly hitCondition?: string;
  readonly logMessage?: string;
}

export interface Breakpoint extends BreakpointOptions {
  readonly id: number;
  readonly kind: 'line' | 'function' | 'instruction';
  readonly slots: readonly Slot[];
  readonly verified: boolean;
  readonly file?: string;
  readonly line?: number;
  /** Name that a function breakpoint was asked for. */
  readonly name?: string;
  /** What the user should know: it moved, or why it cannot be set. */
  readonly message?: string;
  hits: number;
}

export interface Hit {
  readonly breakpoints: readonly Breakpoint[];
  /** Texts of logpoints that were passed. */
  readonly logs: readonly { readonly text: string; readonly breakpoint: Breakpoint }[];
  /** Why a condition could not be judged. */
  readonly complaint?: string;
}

export class Breakpoints {
  private nextId = 1;
  private readonly lines = new Map<string, Breakpoint[]>();
  private functions: Breakpoint[] = [];
  private instructions: Breakpoint[] = [];

  constructor(private readonly map: SourceMap) {}

  /** Replaces all breakpoints of a file. */
  setLines(path: string, wanted: readonly (BreakpointOptions & { readonly line: number })[]): Breakpoint[] {
    const set = wanted.map((w): Breakpoint => {
      const found = this.map.resolveLine(path, w.line);
      const common = { id: this.nextId++, kind: 'line' as const, ...optionsOf(w), hits: 0 };
      const bad = w.hitCondition === undefined ? undefined : hitProblem(w.hitCondition);
      if (bad !== undefined) return { ...common, slots: [], verified: false, line: w.line, message: bad };
      if (!found) {
        const known = this.map.fileFor(path) !== undefined;
        return {
          ...common,
          slots: [],
          verified: false,
          line: w.line,
          message: known
            ? `No code at or after line ${w.line}: nothing of it was compiled into a BPF program.`
            : 'No code of this file is in the debugged object.',
        };
      }
      return {
        ...common,
        slots: found.slots,
        verified: true,
        file: found.file,
        line: found.line,
        ...(found.line !== w.line && {
          message: `No code on line ${w.line}; moved to line ${found.line}, the next that has some.`,
        }),
      };
    });
    this.lines.set(path, set);
    return set;
  }

  setFunctions(wanted: readonly (BreakpointOptions & { readonly name: string })[]): Breakpoint[] {
    this.functions = wanted.map((w) => {
      const slots = this.map.functionStarts(w.name);
      const place = slots.length > 0 ? this.map.placeAt(slots[0].programId, slots[0].insnIdx) : undefined;
      return {
        id: this.nextId++,
        kind: 'function',
        name: w.name,
        ...optionsOf(w),
        slots,
        verified: slots.length > 0,
        file: place?.file,
        line: place?.line,
        message: slots.length > 0 ? undefined : `No program, subprogram or callback is named '${w.name}'.`,
        hits: 0,
      };
    });
    return this.functions;
  }

  setInstructions(
    wanted: readonly (BreakpointOptions & { readonly slot: Slot | undefined })[],
  ): Breakpoint[] {
    this.instructions = wanted.map((w) => {
      const spec = w.slot && this.map.spec(w.slot.programId);
      const insn = w.slot && spec?.insns[w.slot.insnIdx];
      const secondHalf =
        w.slot !== undefined && w.slot.insnIdx > 0 && spec?.insns[w.slot.insnIdx - 1]?.code === 0x18;
      const verified = insn !== undefined && !secondHalf;
      return {
        id: this.nextId++,
        kind: 'instruction',
        ...optionsOf(w),
        slots: w.slot && verified ? [w.slot] : [],
        verified,
        message: verified
          ? undefined
          : secondHalf
            ? 'This is the second half of a 64-bit load: it never executes by itself.'
            : 'There is no instruction at this address.',
        hits: 0,
      };
    });
    return this.instructions;
  }

  /** Sets what another debuggee had set, where the code is now. @returns the breakpoints under their old ids. */
  adopt(old: Breakpoints): Breakpoint[] {
    this.nextId = old.nextId;
    const renumber = (list: readonly Breakpoint[], before: readonly Breakpoint[]): Breakpoint[] =>
      list.map((b, i) => ({ ...b, id: before[i].id }));
    for (const [path, list] of old.lines) {
      const wanted = list.flatMap((b) => (b.line === undefined ? [] : [{ ...optionsOf(b), line: b.line }]));
      this.lines.set(path, renumber(this.setLines(path, wanted), list));
    }
    const names = old.functions.map((b) => ({ ...optionsOf(b), name: b.name ?? '' }));
    this.functions = renumber(this.setFunctions(names), old.functions);
    const slots = old.instructions.map((b) => ({ ...optionsOf(b), slot: b.slots.at(0) }));
    this.instructions = renumber(this.setInstructions(slots), old.instructions);
    return [...this.all()];
  }

  /** A run without debugging passes everything. */
  disableAll(): void {
    this.lines.clear();
    this.functions = [];
    this.instructions = [];
  }

  private *all(): Iterable<Breakpoint> {
    for (const list of this.lines.values()) yield* list;
    yield* this.functions;
    yield* this.instructions;
  }

  /** Every slot at which the machine must stop. */
  slots(): Slot[] {
    const found = new Map<string, Slot>();
    for (const b of this.all()) for (const s of b.slots) found.set(`${s.programId}:${s.insnIdx}`, s);
    return [...found.values()];
  }

  /** Judges what stands at a slot that was just reached; counts hits. Undefined: nothing to stop or log for. */
  reached(slot: Slot, scope: () => NameScope): Hit | undefined {
    const breakpoints: Breakpoint[] = [];
    const logs: { text: string; breakpoint: Breakpoint }[] = [];
    let complaint: string | undefined;
    for (const b of this.all()) {
      if (!b.slots.some((s) => s.programId === slot.programId && s.insnIdx === slot.insnIdx)) continue;
      if (b.condition !== undefined && b.condition.trim() !== '') {
        try {
          if (!evaluateCondition(scope(), b.condition)) continue;
        } catch (error) {
          if (!(error instanceof ExpressionError)) throw error;
          complaint = `Condition '${b.condition}' cannot be evaluated: ${error.message}.`;
        }
      }
      b.hits++;
      if (b.hitCondition !== undefined && !hitCountSatisfied(b.hitCondition, b.hits)) continue;
      if (b.logMessage !== undefined && b.logMessage !== '')
        logs.push({ text: formatLogMessage(scope(), b.logMessage), breakpoint: b });
      else breakpoints.push(b);
    }
    if (breakpoints.length === 0 && logs.length === 0) return undefined;
    return { breakpoints, logs, complaint };
  }
}

const optionsOf = (w: BreakpointOptions): BreakpointOptions => ({
  condition: w.condition,
  hitCondition: w.hitCondition,
  logMessage: w.logMessage,
});

const HIT = /^\s*(>=|>|==|=|<=|<|%)?\s*(\d{1,9})\s*$/;

function hitProblem(text: string): string | undefined {
  if (text.trim() === '') return undefined;
  const m = HIT.exec(text);
  if (!m || (m[1] === '%' && Number(m[2]) === 0))
    return `'${text}' is no hit count: write a number, or '>= 3', or '% 10' for every tenth.`;
  return undefined;
}

/** A bare number means "from the n-th time on", as most debuggers take it. */
export function hitCountSatisfied(text: string, hits: number): boolean {
  const m = HIT.exec(text);
  if (!m) return true;
  const n = Number(m[2]);
  switch (m[1] as string | undefined) {
    case '>':
      return hits > n;
    case '==':
    case '=':
      return hits === n;
    case '<':
      return hits < n;
    case '<=':
      return hits <= n;
    case '%':
      return n > 0 && hits % n === 0;
    default:
      return hits >= n;
  }
}
