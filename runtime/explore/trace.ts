/** One execution as people and tools read it: who did what in which order, and where everyone stood when it ended. */
import { activityOf, type ObservedAction } from '../machine/interleave';
import type { Machine } from '../machine/machine';
import { sourceOf } from '../machine/runReport';
import type { ScenarioStep } from '../machine/scenario';
import type { FrameView } from '../machine/types';

export interface TraceFrame {
  readonly function: string;
  readonly program: string;
  readonly insn: number;
  readonly file?: string;
  readonly line?: number;
}

/** Where a CPU stood. */
export interface CpuStack {
  readonly cpu: number;
  /** `atAccess`: at its side of a data race; `atStop`: when the run ended; `atSwitch`: when another CPU got its turn last; `lastAction`: before its last action. */
  readonly when: 'atStop' | 'atSwitch' | 'lastAction' | 'atAccess';
  /** What it was doing: BPF code, a kernel operation, a step of the scenario. */
  readonly doing: string;
  /** Innermost first. */
  readonly frames: readonly TraceFrame[];
}

export interface TraceLine {
  readonly cpu: number;
  readonly doing: string;
  readonly line?: number;
  /** It interrupts a CPU that could have gone on. */
  readonly preempts: boolean;
}

export interface TracedRun {
  readonly stacks: readonly CpuStack[];
  readonly actions: readonly TraceLine[];
}

export const stepText = (step: ScenarioStep): string =>
  'map' in step ? `${step.kind} ${step.map}` : 'program' in step ? `${step.kind} ${step.program}` : step.kind;

export class Tracer {
  private readonly actions: TraceLine[] = [];
  private readonly atSwitch = new Map<number, CpuStack>();
  private readonly lastAction = new Map<number, CpuStack>();
  /** The step of the scenario that a CPU is at. */
  private readonly steps = new Map<number, string>();

  constructor(private readonly machine: Machine) {}

  private stack(cpu: number, when: CpuStack['when']): CpuStack | undefined {
    const activity = activityOf(this.machine, cpu);
    if (activity === undefined) return undefined;
    const step = this.steps.get(cpu);
    const frames = this.machine.frames(cpu).map((frame, i) => {
      // The innermost frame stands behind the call that it is in.
      const isInCall = i === 0 && activity !== 'BPF code';
      return this.frameOf(frame, isInCall ? frame.place.insnIdx - 1 : undefined);
    });
    const isUser = frames.length === 0 && step !== undefined;
    return { cpu, when, doing: isUser ? `${step}: ${activity}` : activity, frames };
  }

  /** Where a CPU stands as it accesses a value: pc of the instruction, undefined outside programs. */
  stackAt(cpu: number, insn: number | undefined): CpuStack {
    const step = this.steps.get(cpu) ?? 'user space';
    if (insn === undefined) return { cpu, when: 'atAccess', doing: step, frames: [] };
    const frames = this.machine
      .frames(cpu)
      .map((frame, i) => this.frameOf(frame, i === 0 ? insn : undefined));
    return { cpu, when: 'atAccess', doing: step, frames };
  }

  private frameOf(frame: FrameView, insn?: number): TraceFrame {
    const insnIdx = insn ?? frame.place.insnIdx;
    const source = sourceOf(this.machine, { ...frame.place, insnIdx });
    return {
      function: frame.functionName,
      program: frame.place.program,
      insn: insnIdx,
      ...(source === undefined ? {} : { file: source.file, line: source.line }),
    };
  }

  observe(action: ObservedAction): void {
    if (action.before !== undefined && action.before !== action.cpu) {
      const left = this.stack(action.before, 'atSwitch');
      if (left !== undefined) this.atSwitch.set(action.before, left);
    }
    if (action.step !== undefined) this.steps.set(action.cpu, stepText(action.step));
    const now = this.stack(action.cpu, 'lastAction');
    const begun = action.step === undefined ? undefined : `begins ${stepText(action.step)}`;
    const doing =
      begun ?? (action.action === 'interrupt' ? 'takes the timer interrupt' : (now?.doing ?? action.action));
    if (now !== undefined) this.lastAction.set(action.cpu, now);
    else this.lastAction.set(action.cpu, { cpu: action.cpu, when: 'lastAction', doing, frames: [] });
    const line = now?.frames.at(0)?.line;
    this.actions.push({
      cpu: action.cpu,
      doing,
      preempts: action.preempts,
      ...(line === undefined || action.action !== 'run' ? {} : { line }),
    });
  }

  finish(): TracedRun {
    const stacks: CpuStack[] = [];
    for (let cpu = 0; cpu < this.machine.cpuCount; cpu++) {
      const stack = this.stack(cpu, 'atStop') ?? this.atSwitch.get(cpu) ?? this.lastAction.get(cpu);
      if (stack !== undefined) stacks.push(stack);
    }
    return { stacks, actions: this.actions };
  }
}
