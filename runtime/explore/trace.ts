/** One execution as people and tools read it: who did what in which order, and where everyone stood when it ended. */
import type { Activation } from '../kernel/activations';
import { activityOf, type ObservedAction } from '../machine/interleave';
import type { Machine } from '../machine/machine';
import { sourceOf } from '../machine/runReport';
import type { ScenarioStep } from '../machine/scenario';
import type { FrameView } from '../machine/types';
import { helperById } from '../spec/helpers';
import { stepText } from './stepTexts';

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
  /** The function whose code runs, or whose call is under way, and where. */
  readonly function?: string;
  readonly file?: string;
  readonly line?: number;
  /** It interrupts a CPU that could have gone on. */
  readonly preempts: boolean;
}

export interface TracedRun {
  readonly stacks: readonly CpuStack[];
  readonly actions: readonly TraceLine[];
}

export const scenarioStepText = (step: ScenarioStep): string =>
  'map' in step ? `${step.kind} ${step.map}` : 'program' in step ? `${step.kind} ${step.program}` : step.kind;

const CALL = 0x85;

const INTERRUPTS: Readonly<Partial<Record<ObservedAction['action'], string>>> = {
  interrupt: 'takes the timer interrupt',
  worker: 'begins with work that was left to a worker',
  irqWork: 'takes the interrupt of its interrupt worker',
};

const placeOf = (
  frame: TraceFrame | undefined,
): { readonly function?: string; readonly file?: string; readonly line?: number } =>
  frame === undefined
    ? {}
    : {
        function: frame.function,
        ...(frame.file === undefined ? {} : { file: frame.file }),
        ...(frame.line === undefined ? {} : { line: frame.line }),
      };

export class Tracer {
  private readonly actions: TraceLine[] = [];
  private readonly atSwitch = new Map<number, CpuStack>();
  private readonly lastAction = new Map<number, CpuStack>();
  /** The step of the scenario that a CPU is at. */
  private readonly steps = new Map<number, string>();
  /** The last action was a program's; contexts, and activations in the innermost, before it. */
  private isProgram = false;
  private depth: readonly [number, number] = [0, 0];

  constructor(private readonly machine: Machine) {}

  private stack(cpu: number, when: CpuStack['when']): CpuStack | undefined {
    const activity = activityOf(this.machine, cpu);
    if (activity === undefined) return undefined;
    const step = this.steps.get(cpu);
    const frames = this.machine.frames(cpu).map((frame) => this.frameOf(frame));
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
    this.programDone();
    if (action.before !== undefined && action.before !== action.cpu) {
      const left = this.stack(action.before, 'atSwitch');
      if (left !== undefined) this.atSwitch.set(action.before, left);
    }
    if (action.step !== undefined) this.steps.set(action.cpu, scenarioStepText(action.step));
    const now = this.stack(action.cpu, 'lastAction');
    const begun = action.step === undefined ? undefined : `begins ${scenarioStepText(action.step)}`;
    const doing = begun ?? INTERRUPTS[action.action] ?? now?.doing ?? action.action;
    if (now !== undefined) this.lastAction.set(action.cpu, now);
    else this.lastAction.set(action.cpu, { cpu: action.cpu, when: 'lastAction', doing, frames: [] });
    this.actions.push({
      cpu: action.cpu,
      doing: this.nextStep(action) ?? doing,
      preempts: action.preempts,
      ...(action.action === 'run' ? placeOf(now?.frames.at(0)) : {}),
    });
    this.depth = this.depthOf(action.cpu);
    this.isProgram = action.action === 'run' && this.top(action.cpu)?.kind === 'bpf';
  }

  private depthOf(cpu: number): readonly [number, number] {
    const contexts = this.machine.state.kernel.cpus[cpu]?.contexts ?? [];
    return [contexts.length, contexts.at(-1)?.activations.length ?? 0];
  }

  private top(cpu: number): Activation | undefined {
    return this.machine.state.kernel.cpus[cpu]?.contexts.at(-1)?.activations.at(-1);
  }

  private nextStep(action: ObservedAction): string | undefined {
    const top = action.action === 'run' ? this.top(action.cpu) : undefined;
    return top?.kind === 'op' ? stepText(top) : undefined;
  }

  /** What a program did is known when it has done it: the call that it came to, an access that others can see, its end. */
  private programDone(): void {
    const last = this.actions.at(-1);
    if (last === undefined || !this.isProgram) return;
    this.isProgram = false;
    const { machine } = this;
    const [contexts, activations] = this.depthOf(last.cpu);
    const frame = machine.frames(last.cpu).at(0);
    let doing = 'ends';
    let place = {};
    if (contexts === this.depth[0] && activations < this.depth[1]) doing = 'the callback ends';
    else if (contexts >= this.depth[0] && frame !== undefined) {
      const { programId, insnIdx } = frame.place;
      // Frames stand on the call while a kernel operation runs for it, and behind it when it is done.
      const at = this.top(last.cpu)?.kind === 'op' ? insnIdx : Math.max(0, insnIdx - 1);
      const call = machine.programs[programId].code.insns.at(at);
      const helper =
        call === undefined || call.code !== CALL || call.src !== 0 ? undefined : helperById(call.imm);
      doing = helper === undefined ? 'comes to an access that others can see' : `calls ${helper.name}`;
      place = placeOf(this.frameOf(frame, helper === undefined ? insnIdx : at));
    }
    this.actions[this.actions.length - 1] = {
      cpu: last.cpu,
      doing,
      ...(last.function === undefined ? {} : { function: last.function }),
      ...(last.file === undefined ? {} : { file: last.file }),
      ...(last.line === undefined ? {} : { line: last.line }),
      ...place,
      preempts: last.preempts,
    };
  }

  finish(): TracedRun {
    this.programDone();
    const stacks: CpuStack[] = [];
    for (let cpu = 0; cpu < this.machine.cpuCount; cpu++) {
      const stack = this.stack(cpu, 'atStop') ?? this.atSwitch.get(cpu) ?? this.lastAction.get(cpu);
      if (stack !== undefined) stacks.push(stack);
    }
    return { stacks, actions: this.actions };
  }
}
