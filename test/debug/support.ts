/** A debugger on a fixture, and short ways to drive it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Debugger, DebugOutput, DebugStop, StepKind } from '../../runtime/debug/debugger';
import { evaluate } from '../../runtime/debug/evaluate';
import type { StackFrame } from '../../runtime/debug/frames';
import { createDebuggee, type Launched } from '../../runtime/debug/launch';
import { scopesOf, type Node, type ScopeKind } from '../../runtime/debug/tree';
import { formatValue } from '../../runtime/debug/values';
import { findProfile } from '../../runtime/spec/profile';
import { fixture } from '../support/paths';

export interface SessionOptions {
  readonly program?: string;
  readonly untilNs?: bigint;
  readonly cpus?: number;
  readonly packets?: readonly Uint8Array[];
  readonly scenario?: unknown;
}

export function launch(object: string, options: SessionOptions = {}): Launched {
  const profile = findProfile('6.12');
  assert.ok(profile);
  const launched = createDebuggee({
    file: object,
    bytes: readFileSync(fixture('debug', object)),
    profile,
    kernelBtf: () => undefined,
    kconfig: () => undefined,
    program: options.program,
    cpus: options.cpus ?? 2,
    seed: 0,
    packets: options.packets ?? [],
    scenario: options.scenario === undefined ? undefined : { file: 'scenario', data: options.scenario },
    untilNs: options.untilNs ?? 1_000_000_000n,
  });
  assert.ok(launched.ok, launched.ok ? '' : launched.problem.message);
  return launched.value;
}

/** Line of a fixture's source on which a `stop: name` comment stands. */
export function markedLine(source: string, mark: string): number {
  const lines = readFileSync(fixture('debug', source), 'utf8').split('\n');
  const index = lines.findIndex((l) => l.includes(`/* stop: ${mark} */`));
  assert.ok(index >= 0, `mark ${mark} in ${source}`);
  return index + 1;
}

/** One debugged fixture with its source. */
export class Session {
  readonly debug: Debugger;
  readonly outputs: DebugOutput[] = [];

  constructor(
    object: string,
    readonly source: string,
    options: SessionOptions = {},
  ) {
    this.debug = launch(object, options).debuggee.debug;
  }

  line(mark: string): number {
    return markedLine(this.source, mark);
  }

  breakAt(
    ...marks: readonly (
      string | { readonly mark: string; condition?: string; hitCondition?: string; logMessage?: string }
    )[]
  ) {
    const set = this.debug.breakpoints.setLines(
      `/src/${this.source}`,
      marks.map((m) => (typeof m === 'string' ? { line: this.line(m) } : { ...m, line: this.line(m.mark) })),
    );
    this.debug.breakpointsChanged();
    return set;
  }

  wait(): DebugStop {
    for (let i = 0; i < 10_000; i++) {
      const stop = this.debug.slice(10_000);
      this.outputs.push(...this.debug.takeOutputs());
      if (stop) return stop;
    }
    throw new Error('the debuggee never stopped');
  }

  continue(): DebugStop {
    this.debug.continue();
    return this.wait();
  }

  step(kind: StepKind, granularity: 'statement' | 'instruction' = 'statement'): DebugStop {
    this.debug.step(this.debug.target.currentCpu(), kind, granularity);
    return this.wait();
  }

  stack(): StackFrame[] {
    return this.debug.stack(this.debug.target.currentCpu());
  }

  /** `function:line` of the innermost frame. */
  where(): string {
    const top = this.stack().at(0);
    return top ? `${top.name}:${top.source?.line}` : 'nowhere';
  }

  /** The same with the line given by its mark. */
  at(name: string, mark: string): string {
    return `${name}:${this.line(mark)}`;
  }

  value(expression: string, frame = 0): string {
    const { value, format } = evaluate(this.debug.scope(this.stack().at(frame)?.live), expression);
    return formatValue(this.debug.target, value, { hex: format === 'x' });
  }

  scope(kind: ScopeKind, frame = 0): readonly Node[] {
    const live = this.stack().at(frame)?.live;
    assert.ok(live, 'a live frame');
    const scope = scopesOf(this.debug, live, { hex: false }).find((s) => s.kind === kind);
    return scope ? scope.children(0, 1000) : [];
  }

  texts(kind: ScopeKind, frame = 0): Record<string, string> {
    return Object.fromEntries(this.scope(kind, frame).map((n) => [n.name, n.text]));
  }

  prints(): string[] {
    return this.outputs.flatMap((o) =>
      o.kind === 'event' && o.event.kind === 'print' ? [o.event.text] : [],
    );
  }
}
