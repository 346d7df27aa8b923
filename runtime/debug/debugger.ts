/**
 * Run control: continue, stepping by line and by instruction, pause, stops. Free of any protocol and of time: a run is a
 * series of `slice` calls that the owner makes, so it can be paused between any two and never blocks.
 *
 * A step belongs to one context of one CPU. What interrupts it (timers, other CPUs) runs through; when the context ends
 * under the step, the step goes on to whatever BPF code runs next.
 */
import type { Btf } from '../btf/types';
import type { CodePlace, FrameView, MachineEvent, MachineStop, TimeNs } from '../machine/types';
import { Breakpoints, type Breakpoint } from './breakpoints';
import { btfOfDwarf } from './dwarfTypes';
import type { NameScope } from './evaluate';
import { stackOf, type LiveFrame, type StackFrame } from './frames';
import { MapTracker } from './mapTracker';
import { scopeFor } from './names';
import { SourceMap } from './sourceMap';
import { errnoName } from '../spec/errno';
import type { DebugTarget } from './target';
import type { DwarfInfo } from '../dwarf/types';

export type StopReason = 'entry' | 'breakpoint' | 'step' | 'pause' | 'helperError' | 'fault' | 'ended';

export interface DebugStop {
  readonly reason: StopReason;
  readonly cpu: number;
  /** For people: the fault, why a condition failed, why the run ended. */
  readonly message?: string;
  readonly breakpoints: readonly Breakpoint[];
}

export type Granularity = 'statement' | 'line' | 'instruction';
export type StepKind = 'in' | 'over' | 'out';

/** What the debugger has to tell besides stops. */
export type DebugOutput =
  | { readonly kind: 'event'; readonly event: MachineEvent }
  | { readonly kind: 'log'; readonly text: string; readonly place: CodePlace };

interface StepOrigin {
  readonly cpu: number;
  readonly contextIndex: number;
  readonly programId: number;
  readonly timerId: number;
  readonly frame: number;
  readonly inlineDepth: number;
  readonly file: string;
  readonly line: number;
}

type Mode =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'continue' }
  | { readonly kind: 'entry' }
  | {
      readonly kind: 'step';
      readonly step: StepKind;
      readonly byInstruction: boolean;
      origin: StepOrigin | undefined;
    };

export class Debugger {
  readonly map: SourceMap;
  readonly breakpoints: Breakpoints;
  readonly mapTracker: MapTracker;
  /** Types of variables, from DWARF. */
  readonly types: Btf;
  /** Stop where a timer helper returns an error. Costs speed: every instruction is then looked at. */
  stopOnHelperErrors = false;
  private mode: Mode = { kind: 'stopped' };
  private pauseWanted = false;
  private outputs: DebugOutput[] = [];
  private over: DebugStop | undefined;

  /** @param untilNs the run ends when virtual time passes this. */
  constructor(
    readonly target: DebugTarget,
    readonly dwarf: DwarfInfo | undefined,
    private untilNs: TimeNs,
  ) {
    this.map = new SourceMap(target.programs, dwarf);
    this.breakpoints = new Breakpoints(this.map);
    this.mapTracker = new MapTracker(target);
    this.types = dwarf ? btfOfDwarf(dwarf) : { types: [{ kind: 'void', name: '' }] };
  }

  get running(): boolean {
    return this.mode.kind !== 'stopped';
  }

  /** Steps are slower than runs: every instruction is looked at. */
  get stepping(): boolean {
    return (
      this.mode.kind === 'step' ||
      this.mode.kind === 'entry' ||
      (this.mode.kind === 'continue' && this.stopOnHelperErrors)
    );
  }

  /** The run cannot go on: it ended or the program faulted. */
  get finished(): DebugStop | undefined {
    return this.over;
  }

  breakpointsChanged(): void {
    this.target.setBreakpoints(this.breakpoints.slots());
  }

  continue(): void {
    this.begin({ kind: 'continue' });
  }

  /** Runs to the first BPF instruction. */
  runToEntry(): void {
    this.begin({ kind: 'entry' });
  }

  step(cpu: number, step: StepKind, granularity: Granularity): void {
    const byInstruction = granularity === 'instruction';
    this.begin({ kind: 'step', step, byInstruction, origin: this.originOn(cpu) });
  }

  pause(): void {
    if (this.running) this.pauseWanted = true;
  }

  private begin(mode: Mode): void {
    this.mode = mode;
    this.pauseWanted = false;
    if (this.stepping) {
      this.seen = [];
      for (let cpu = 0; cpu < this.target.cpuCount; cpu++) {
        const seen = new Map<number, string>();
        // Innermost first: the first frame of each context is where it stands.
        for (const f of this.target.frames(cpu))
          if (!seen.has(f.contextIndex))
            seen.set(f.contextIndex, `${f.frame}:${f.place.programId}:${f.place.insnIdx}`);
        this.seen.push(seen);
      }
    }
  }

  /** Outputs since the last call, in the order in which they happened. */
  takeOutputs(): readonly DebugOutput[] {
    this.collectEvents();
    const taken = this.outputs;
    this.outputs = [];
    return taken;
  }

  private collectEvents(): void {
    for (const event of this.target.takeEvents()) this.outputs.push({ kind: 'event', event });
  }

  /** The error that the last step's helper returned, if it did. */
  private newHelperError(): DebugStop | undefined {
    const from = this.outputs.length;
    this.collectEvents();
    for (const output of this.outputs.slice(from)) {
      if (output.kind !== 'event' || output.event.kind !== 'helperError') continue;
      const { helper, error, cpu } = output.event;
      const name = errnoName(error);
      const message = `${helper} returned ${name === undefined ? error : `-${name} (${error})`}`;
      return this.finish({ reason: 'helperError', cpu, message, breakpoints: [] });
    }
    return undefined;
  }

  /** Runs about `budget` instructions. @returns the stop, or undefined when there is more to run. */
  slice(budget: number): DebugStop | undefined {
    if (this.over) return this.finish(this.over);
    if (this.mode.kind === 'stopped') return undefined;
    if (this.pauseWanted) return this.stop('pause');
    return this.stepping ? this.sliceSteps(budget) : this.sliceContinue(budget);
  }

  private sliceContinue(budget: number): DebugStop | undefined {
    const machine = this.target.run({ untilNs: this.untilNs, budget });
    this.collectEvents();
    switch (machine.kind) {
      case 'budget':
        return undefined;
      case 'breakpoint':
        return this.atBreakpoint(machine.place, machine.cpu);
      default:
        return this.atEnd(machine);
    }
  }

  /** @returns undefined when nothing set there wants to stop. */
  private atBreakpoint(place: CodePlace, cpu: number): DebugStop | undefined {
    const hit = this.breakpoints.reached(place, () => this.scopeAtTop(cpu));
    if (!hit) return undefined;
    for (const log of hit.logs) this.outputs.push({ kind: 'log', text: log.text, place });
    if (hit.breakpoints.length === 0) return undefined;
    return this.finish({ reason: 'breakpoint', cpu, message: hit.complaint, breakpoints: hit.breakpoints });
  }

  private atEnd(machine: MachineStop): DebugStop {
    let stop: DebugStop;
    if (machine.kind === 'fault')
      stop = { reason: 'fault', cpu: machine.cpu, message: machine.message, breakpoints: [] };
    else if (machine.kind === 'exhausted')
      stop = { reason: 'fault', cpu: this.target.currentCpu(), message: machine.message, breakpoints: [] };
    else
      stop = {
        reason: 'ended',
        cpu: this.target.currentCpu(),
        message:
          this.target.endText ??
          (machine.kind === 'idle'
            ? 'nothing is left to run: all programs returned and no timer is armed'
            : 'the time limit of the run is reached'),
        breakpoints: [],
      };
    // A fault is shown at its place first; whatever is asked next ends the run.
    this.over = stop.reason === 'fault' ? { ...stop, reason: 'ended', message: stop.message } : stop;
    return this.finish(stop);
  }

  private stop(reason: StopReason): DebugStop {
    return this.finish({ reason, cpu: this.target.currentCpu(), breakpoints: [] });
  }

  private finish(stop: DebugStop): DebugStop {
    this.mode = { kind: 'stopped' };
    this.pauseWanted = false;
    this.collectEvents();
    this.mapTracker.stopped();
    return stop;
  }

  private sliceSteps(budget: number): DebugStop | undefined {
    for (let i = 0; i < budget; i++) {
      const machine = this.target.step(this.untilNs);
      if (machine.kind !== 'budget') {
        if (machine.kind === 'breakpoint') return this.atBreakpoint(machine.place, machine.cpu);
        return this.atEnd(machine);
      }
      const stop = (this.stopOnHelperErrors ? this.newHelperError() : undefined) ?? this.afterStep();
      if (stop) return stop;
    }
    this.collectEvents();
    return undefined;
  }

  /**
   * Where each context stood when it was last looked at. A context that was interrupted stands where it stood: coming
   * back to it is no arrival.
   */
  private seen: Map<number, string>[] = [];

  /** CPUs whose innermost BPF frame has moved since the last call, with the place that it moved to. */
  private arrivals(): { cpu: number; place: CodePlace }[] {
    const moved: { cpu: number; place: CodePlace }[] = [];
    for (let cpu = 0; cpu < this.target.cpuCount; cpu++) {
      const seen = (this.seen[cpu] ??= new Map<number, string>());
      const top = this.target.frames(cpu)[0] as FrameView | undefined;
      for (const index of seen.keys()) if (!top || index > top.contextIndex) seen.delete(index);
      if (!top) continue;
      const key = `${top.frame}:${top.place.programId}:${top.place.insnIdx}`;
      if (seen.get(top.contextIndex) === key) continue;
      seen.set(top.contextIndex, key);
      moved.push({ cpu, place: top.place });
    }
    return moved;
  }

  private afterStep(): DebugStop | undefined {
    for (const { cpu, place } of this.arrivals()) {
      const stop = this.atBreakpoint(place, cpu) ?? this.stepArrival(place, cpu);
      if (stop) return stop;
    }
    // The step's own CPU may have left BPF code without arriving anywhere.
    if (this.mode.kind === 'step' && this.mode.origin && !this.sameContext(this.mode.origin))
      this.mode.origin = undefined;
    return undefined;
  }

  private stepArrival(place: CodePlace, cpu: number): DebugStop | undefined {
    const { mode } = this;
    const stopHere = (reason: StopReason): DebugStop => this.finish({ reason, cpu, breakpoints: [] });
    const atStatement = this.map.isStatementStart(place.programId, place.insnIdx);
    if (mode.kind === 'entry') return stopHere('entry');
    if (mode.kind !== 'step') return undefined;
    const { origin } = mode;
    if (origin && !this.sameContext(origin)) mode.origin = undefined;
    if (!mode.origin || !origin) return atStatement || mode.byInstruction ? stopHere('step') : undefined;
    if (cpu !== origin.cpu) return undefined;
    const top = this.target.frames(cpu)[0] as FrameView | undefined;
    if (!top || top.contextIndex !== origin.contextIndex) return undefined;
    if (top.frame < origin.frame) return stopHere('step');
    if (mode.byInstruction)
      return mode.step === 'in' || (mode.step === 'over' && top.frame === origin.frame)
        ? stopHere('step')
        : undefined;
    if (!atStatement) return undefined;
    const inlineDepth = this.inlineDepth(place);
    const source = this.map.placeAt(place.programId, place.insnIdx);
    const moved = source?.line !== origin.line || source.file !== origin.file;
    switch (mode.step) {
      case 'in':
        return top.frame > origin.frame || moved ? stopHere('step') : undefined;
      case 'over':
        return top.frame === origin.frame && inlineDepth <= origin.inlineDepth && moved
          ? stopHere('step')
          : undefined;
      case 'out':
        return top.frame === origin.frame && inlineDepth < origin.inlineDepth ? stopHere('step') : undefined;
    }
  }

  private inlineDepth(place: CodePlace): number {
    return this.map.scopesAt(place.programId, place.insnIdx).filter((s) => s.inlinedFrom).length;
  }

  private originOn(cpu: number): StepOrigin | undefined {
    const top = this.target.frames(cpu)[0] as FrameView | undefined;
    if (!top) return undefined;
    const source = this.map.placeAt(top.place.programId, top.place.insnIdx);
    return {
      cpu,
      contextIndex: top.contextIndex,
      programId: this.entryProgram(cpu, top.contextIndex),
      timerId: this.timerIn(cpu, top.contextIndex),
      frame: top.frame,
      inlineDepth: this.inlineDepth(top.place),
      file: source?.file ?? '',
      line: source?.line ?? 0,
    };
  }

  /** Whether the context that the step began in is still there (it may be interrupted). */
  private sameContext(origin: StepOrigin): boolean {
    return (
      this.target.frames(origin.cpu).some((f) => f.contextIndex === origin.contextIndex) &&
      this.entryProgram(origin.cpu, origin.contextIndex) === origin.programId &&
      this.timerIn(origin.cpu, origin.contextIndex) === origin.timerId
    );
  }

  private entryProgram(cpu: number, contextIndex: number): number {
    const frames = this.target.frames(cpu).filter((f) => f.contextIndex === contextIndex);
    return frames.at(-1)?.place.programId ?? -1;
  }

  private timerIn(cpu: number, contextIndex: number): number {
    return this.target.frames(cpu).find((f) => f.contextIndex === contextIndex && f.timer)?.timer?.id ?? 0;
  }

  /** The stack of a CPU, innermost first. */
  stack(cpu: number): StackFrame[] {
    return stackOf(this.target, this.map, cpu);
  }

  /** Names as seen from a frame; without one only globals, maps and types are known. */
  scope(frame: LiveFrame | undefined): NameScope {
    return scopeFor(this, frame);
  }

  private scopeAtTop(cpu: number): NameScope {
    return this.scope(this.stack(cpu).find((f) => f.live)?.live);
  }
}
