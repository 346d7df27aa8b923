/**
 * The reference engine: runs one context block until it needs somebody else (see `engine.ts`). Slices, breakpoints and
 * the cache of translated programs are here, instructions in `hotLoop.ts`.
 *
 * An interpreter has no state of its own worth keeping: throw it away, make another over the same memory, go on.
 */
import { HotLoop } from './hotLoop';
import { readFuel, readPc, readProgram } from './calls';
import type { AccessWatch, Code, EngineOptions, EngineStop } from './engine';
import { translate, withBreakpoints } from './translate';

interface Translation {
  readonly plain: Int32Array;
  /** The breakpoints `patched` was made for; compared by identity, since they are replaced as a whole. */
  breakpoints: ReadonlySet<number> | undefined;
  patched: Int32Array;
}

/** Longest stretch between two looks at the fuel; keeps the loop's counter a small integer. */
const SLICE_MAX = 0x3fff_ffff;

const translations = new WeakMap<Code, Translation>();

export class Interpreter extends HotLoop {
  protected override translated(code: Code, breakpoints: boolean): Int32Array {
    let translation = translations.get(code);
    if (translation === undefined) {
      const plain = translate(code.insns);
      translation = { plain, breakpoints: undefined, patched: plain };
      translations.set(code, translation);
    }
    if (!breakpoints || code.breakpoints === undefined || code.breakpoints.size === 0)
      return translation.plain;
    if (translation.breakpoints !== code.breakpoints) {
      translation.breakpoints = code.breakpoints;
      translation.patched = withBreakpoints(translation.plain, code.breakpoints);
    }
    return translation.patched;
  }

  /** Who is told of accesses from now on, in checked mode. */
  setWatch(watch: AccessWatch | undefined): void {
    this.accesses.watch = watch;
  }

  /**
   * Runs the block from its pc until it stops; takes what it executes from the block's fuel (a call, an exit and an
   * `lddw` count one each; an instruction that faults and one with a breakpoint count nothing).
   */
  run(block: number, options: EngineOptions): EngineStop {
    let fuel = readFuel(this.memory, block) >>> 0;
    if (options.skipBreakpoint && fuel > 0 && this.onBreakpoint(block)) {
      const stop = this.execute(block, 1, fuel - 1, options.checked, true);
      if (stop.kind !== 'fuel') return stop;
      fuel--;
    }
    for (;;) {
      const slice = Math.min(fuel, SLICE_MAX);
      const stop = this.execute(block, slice, fuel - slice, options.checked, false);
      fuel -= slice;
      if (stop.kind !== 'fuel' || fuel === 0) return stop;
    }
  }

  private onBreakpoint(block: number): boolean {
    const code = this.codes.get(readProgram(this.memory, block));
    return code?.breakpoints?.has(readPc(this.memory, block)) === true;
  }
}
