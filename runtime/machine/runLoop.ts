/**
 * The law of time and of turns. Every CPU has its own virtual clock; the CPU that is furthest behind acts next, equal
 * clocks are a choice of the scheduler's. A CPU acts by one slice of BPF instructions or one step of a kernel operation;
 * a slice ends before anything else becomes due. Idle CPUs jump to their next timer.
 *
 * Softirqs interrupt what runs in task context with interrupts on; nothing else.
 */
import { stepOp } from '../kernel/ops';
import type { Activation, OpActivation, StepResult } from '../kernel/activations';
import { startOp } from '../kernel/activations';
import { nextInterrupt } from '../kernel/hrtimers';
import { nextWork } from '../kernel/workers';
import type { Kernel } from '../kernel/kernel';
import { readerEnded } from '../kernel/lifetimes';
import type { Context, ContextKind, CpuState, KernelState, ReaderKind, TimerObject } from '../kernel/state';
import { callHelper, callKfunc } from '../helpers/helpers';
import type { HelperResult } from '../helpers/protocol';
import { helperById } from '../spec/helpers';
import { INSN_NS, INTERRUPT_ENTRY_NS, KERNEL_STEP_NS, SPIN_NS } from '../spec/timeCosts';
import { assert } from '../util/assert';
import {
  allocateBlock,
  initBlock,
  jumpTo,
  leaveFrames,
  popCallback,
  pushCallback,
  readFuel,
  readPc,
  readProgram,
  readRegister,
  tailCallTo,
  writeFuel,
  writeRegister,
} from '../vm/calls';
import type { EngineStop } from '../vm/engine';
import type { Interpreter } from '../vm/interpreter';
import type { Contexts } from './contexts';
import type { Elsewhere } from './elsewhere';
import type { LoadedProgram } from './load';
import type { MachineState } from './state';
import type { CodePlace, MachineStop } from './types';
import { allTimers, peekTimer } from '../kernel/timerTable';

/** Parts that the loop drives; made by the machine. */
export interface Parts {
  readonly kernel: Kernel;
  readonly interpreter: Interpreter;
  readonly contexts: Contexts;
  readonly elsewhere: Elsewhere;
  readonly programs: readonly LoadedProgram[];
  readonly checked: boolean;
  state: MachineState;
  /** A program's run ended: its result is reported. */
  ended(run: number, result: bigint): void;
}

export interface RunOptions {
  /** Absolute virtual time; nothing that begins later is done. */
  readonly untilNs?: bigint;
  /** Most instructions and kernel steps of this call. */
  readonly budget: number;
  /** Stop when every program that was started has ended; timers that are due later stay. */
  readonly untilProgramsEnd?: boolean;
  /** Execute the instruction under the program counter of the CPU that acted last even if it has a breakpoint. */
  readonly skipBreakpoint?: boolean;
}

/** Waiting steps in a row, of all CPUs together, after which nobody can be waiting for anything that will happen. */
const SPINS_MAX = 200_000;
const SLICE_MAX = 1 << 20;
/** When all CPUs idle for this long, the run is not endless work, and its budget is full again. */
const PAUSE_NS = 10_000n;
/** What a timer interrupt, and the callback of a timer, take of the budget, in instructions. */
const INTERRUPT_WORK = 100;
/** The same for a callback that was asked for sooner than a CPU could be said to pause: it may be one that never lets it. */
const AT_ONCE_WORK = 4000;

export const top = (cpu: CpuState): Context | undefined => cpu.contexts[cpu.contexts.length - 1];

/** Whether timer callbacks may run on top of what the CPU does. */
export const isInterruptible = (cpu: CpuState): boolean =>
  cpu.irqsOff === 0 && cpu.contexts.every((context) => context.kind === 'task');

/** Whether an idle CPU has work for a worker. */
export const hasWork = (kernel: KernelState, cpu: CpuState): boolean =>
  cpu.contexts.length === 0 && kernel.deferred.length > 0 && nextWork(kernel, cpu) >= 0;

/** An idle CPU begins with what is next. Callbacks of work queues may sleep: they are readers as sleepable programs are. */
export function beginWork(parts: Parts, cpu: CpuState): void {
  const { kernel } = parts.state;
  parts.kernel.touch('readers', 0, true);
  const reader = kernel.deferred[nextWork(kernel, cpu)].kind === 'queued' ? 'trace' : 'none';
  pushContext(parts, cpu, 'task', startOp('deferredFrees', { timer: 0 }), reader);
}

/** Whether the CPU's interrupt worker has something to do and may come now. */
export const isIrqWorkDue = (cpu: CpuState): boolean =>
  cpu.irqWork.length > 0 &&
  cpu.irqsOff === 0 &&
  cpu.contexts.every((context) => context.kind !== 'hardirq' && context.kind !== 'nmi');

/** When the CPU next has something to do; undefined: never. */
function dueNs(parts: Parts, cpu: CpuState): bigint | undefined {
  const { kernel } = parts.state;
  if (cpu.contexts.length > 0 || cpu.irqWork.length > 0) return cpu.timeNs;
  const expiry = nextInterrupt(kernel, cpu);
  const work = hasWork(kernel, cpu) ? kernel.deferred[nextWork(kernel, cpu)].sinceNs : undefined;
  const due = work !== undefined && (expiry === undefined || work < expiry) ? work : expiry;
  return due === undefined || due > cpu.timeNs ? due : cpu.timeNs;
}

interface Turn {
  readonly cpu: CpuState;
  readonly atNs: bigint;
  /** When another CPU becomes due; undefined: none does. */
  readonly otherNs: bigint | undefined;
}

function nextTurn(parts: Parts): Turn | undefined {
  let best: { cpu: CpuState; atNs: bigint }[] = [];
  let otherNs: bigint | undefined;
  for (const cpu of parts.state.kernel.cpus) {
    const atNs = dueNs(parts, cpu);
    if (atNs === undefined) continue;
    if (best.length === 0 || atNs < best[0].atNs) {
      if (best.length > 0) otherNs = best[0].atNs;
      best = [{ cpu, atNs }];
    } else if (atNs === best[0].atNs) best.push({ cpu, atNs });
    else if (otherNs === undefined || atNs < otherNs) otherNs = atNs;
  }
  if (best.length === 0) return undefined;
  const chosen = best[parts.kernel.choices.choose('cpu', best.length)];
  return { ...chosen, otherNs: best.length > 1 ? chosen.atNs : otherNs };
}

/** Whether the CPU that acted last is still the one furthest behind, without asking the others again. */
const staysOn = (turn: Turn, deferred: number, untilNs: bigint | undefined): boolean =>
  turn.cpu.contexts.length > 0 &&
  deferred === 0 &&
  (turn.otherNs === undefined || turn.cpu.timeNs < turn.otherNs) &&
  (untilNs === undefined || turn.cpu.timeNs <= untilNs);

/** Pushes a fresh context; its block is reused from earlier ones. Interrupts are always readers for grace periods. */
export function pushContext(
  parts: Parts,
  cpu: CpuState,
  kind: ContextKind,
  first: Activation,
  reader: ReaderKind = kind === 'task' ? 'none' : 'rcu',
): Context {
  parts.kernel.touch('readers', 0, false);
  const block = cpu.idleBlocks.pop() ?? allocateBlock(parts.kernel.memory, `cpu${cpu.id}`);
  const serial = parts.state.kernel.nextContext++;
  const context: Context = { kind, serial, reader, block, activations: [first], timer: 0 };
  cpu.contexts.push(context);
  return context;
}

/** The CPU takes the interrupt of its interrupt worker. */
export function takeIrqWork(parts: Parts, cpu: CpuState): void {
  pushContext(parts, cpu, 'hardirq', startOp('timerCommands', {}));
  cpu.timeNs += INTERRUPT_ENTRY_NS;
}

function popContext(parts: Parts, cpu: CpuState): void {
  const context = cpu.contexts.pop();
  assert(context, 'a context ends that was there');
  cpu.idleBlocks.push(context.block);
  parts.kernel.touch('readers', 0, false);
  if (parts.state.kernel.grace.length > 0) readerEnded(parts.kernel, context.serial);
}

const placeOf = (parts: Parts, block: number): CodePlace => {
  const { memory } = parts.kernel;
  const programId = readProgram(memory, block);
  return { programId, program: parts.programs[programId]?.name ?? '?', insnIdx: readPc(memory, block) };
};

function stopWithFault(parts: Parts, cpu: CpuState, message: string, place?: CodePlace): MachineStop {
  const stop: MachineStop = {
    kind: 'fault',
    cpu: cpu.id,
    message,
    ...(place === undefined ? {} : { place }),
  };
  parts.kernel.event({ ...stop, atNs: cpu.timeNs });
  parts.state.ended = stop;
  return stop;
}

/** Hands the value of something that ended to what lies beneath it. */
function deliver(parts: Parts, cpu: CpuState, context: Context, value: bigint): void {
  const below = context.activations.at(-1);
  if (below === undefined) popContext(parts, cpu);
  else if (below.kind === 'op') below.result = value;
  else writeRegister(parts.kernel.memory, context.block, 0, value);
}

function noteHelperError(parts: Parts, context: Context, id: number, value: bigint): void {
  const error = Number(BigInt.asIntN(64, value));
  const row = helperById(id);
  if (row === undefined || !row.name.startsWith('bpf_timer_') || error >= 0 || error < -4095) return;
  const { kernel } = parts;
  const at = placeOf(parts, context.block);
  kernel.event({
    kind: 'helperError',
    atNs: kernel.nowNs,
    cpu: kernel.cpu,
    helper: row.name,
    error,
    place: { ...at, insnIdx: at.insnIdx - 1 },
  });
}

/** The helper id of the call instruction before pc. */
function callAt(parts: Parts, context: Context): number {
  const { programId, insnIdx } = placeOf(parts, context.block);
  return parts.programs[programId].code.insns[insnIdx - 1]?.imm ?? 0;
}

function callBpf(
  parts: Parts,
  cpu: CpuState,
  context: Context,
  call: Extract<StepResult, { kind: 'callBpf' }>,
): MachineStop | undefined {
  const { memory } = parts.kernel;
  const nested = context.activations.some((a) => a.kind === 'bpf');
  if (!nested) initBlock(memory, context.block, call.program, call.insnIdx, call.args);
  else if (!pushCallback(memory, context.block, call.program, call.insnIdx, call.args))
    return stopWithFault(parts, cpu, 'the stacks of this context are full: too many nested calls');
  context.activations.push({ kind: 'bpf', role: 'callback', run: 0 });
  return undefined;
}

export function stepKernel(
  parts: Parts,
  cpu: CpuState,
  context: Context,
  op: OpActivation,
): MachineStop | undefined {
  const { watch } = parts.kernel;
  watch?.step(op, true);
  const result = stepOp(parts.kernel, op);
  watch?.step(op, false);
  const broken = parts.kernel.takeBroken();
  if (broken !== undefined) return stopWithFault(parts, cpu, broken, placeIfBpf(parts, context));
  if (result.kind === 'wait') {
    cpu.timeNs += SPIN_NS;
    if (++parts.state.idleSpins < SPINS_MAX) return undefined;
    return stopWithFault(
      parts,
      cpu,
      `deadlock: ${op.op} on cpu${cpu.id} waits for something that can never happen`,
      context.activations.some((a) => a.kind === 'bpf') ? placeOf(parts, context.block) : undefined,
    );
  }
  parts.state.idleSpins = 0;
  cpu.timeNs += KERNEL_STEP_NS;
  switch (result.kind) {
    case 'next':
      return undefined;
    case 'done': {
      context.activations.pop();
      if (context.activations.at(-1)?.kind === 'bpf')
        noteHelperError(parts, context, callAt(parts, context), result.value);
      deliver(parts, cpu, context, result.value);
      return undefined;
    }
    case 'enter':
      context.activations.push(result.op);
      return undefined;
    case 'callBpf':
      return callBpf(parts, cpu, context, result);
    case 'fault':
      return stopWithFault(parts, cpu, result.message, placeIfBpf(parts, context));
  }
}

const placeIfBpf = (parts: Parts, context: Context): CodePlace | undefined => {
  if (!context.activations.some((a) => a.kind === 'bpf')) return undefined;
  const at = placeOf(parts, context.block);
  return { ...at, insnIdx: Math.max(0, at.insnIdx - 1) };
};

function afterHelper(
  parts: Parts,
  cpu: CpuState,
  context: Context,
  id: number,
  result: HelperResult,
): MachineStop | undefined {
  switch (result.kind) {
    case 'done':
      noteHelperError(parts, context, id, result.value);
      writeRegister(parts.kernel.memory, context.block, 0, result.value);
      return undefined;
    case 'enter':
      context.activations.push(result.op);
      return undefined;
    case 'tailCall':
      tailCallTo(parts.kernel.memory, context.block, result.program);
      return undefined;
    case 'throw':
      throwException(parts, cpu, context, result.cookie);
      return undefined;
    case 'fault':
      return stopWithFault(parts, cpu, result.message, placeIfBpf(parts, context));
  }
}

/** Leaves every frame, callback and walk of the context's program; its exception callback or the thrown number ends it. */
function throwException(parts: Parts, cpu: CpuState, context: Context, cookie: bigint): void {
  const { memory } = parts.kernel;
  const bottom = context.activations.findIndex((a) => a.kind === 'bpf');
  context.activations.splice(bottom + 1);
  const program = leaveFrames(memory, context.block);
  const catcher = parts.programs[program].exceptionCallback;
  writeRegister(memory, context.block, catcher === undefined ? 0 : 1, cookie);
  if (catcher === undefined) exitBpf(parts, cpu, context);
  else jumpTo(memory, context.block, program, catcher);
}

function exitBpf(parts: Parts, cpu: CpuState, context: Context): void {
  const { memory } = parts.kernel;
  parts.kernel.watch?.ended();
  const ended = context.activations.pop();
  assert(ended?.kind === 'bpf', 'BPF code ends');
  const nested = context.activations.some((a) => a.kind === 'bpf');
  const value = nested ? popCallback(memory, context.block) : readRegister(memory, context.block, 0);
  if (ended.role === 'program') parts.ended(ended.run, value);
  deliver(parts, cpu, context, value);
}

export function afterEngine(
  parts: Parts,
  cpu: CpuState,
  context: Context,
  stop: EngineStop,
): MachineStop | undefined {
  switch (stop.kind) {
    case 'paused':
      parts.elsewhere.serve();
      return undefined;
    case 'fuel':
      return undefined;
    case 'exit':
      exitBpf(parts, cpu, context);
      return undefined;
    case 'helper':
      return afterHelper(
        parts,
        cpu,
        context,
        stop.id,
        callHelper(parts.kernel, parts.contexts, context.block, stop.id),
      );
    case 'kfunc': {
      const at = placeOf(parts, context.block);
      const reference = parts.programs[at.programId].spec.references.get(stop.insnIdx);
      const name = reference?.kind === 'kfunc' ? reference.name : `number ${stop.btfId}`;
      return afterHelper(
        parts,
        cpu,
        context,
        0,
        callKfunc(parts.kernel, parts.contexts, context.block, name),
      );
    }
    case 'breakpoint':
      return { kind: 'breakpoint', cpu: cpu.id, place: placeOf(parts, context.block) };
    case 'fault':
      return stopWithFault(parts, cpu, stop.fault.message, placeOf(parts, context.block));
  }
}

/** Instructions that may run before the clock, another CPU or the limit has a say. */
function sliceOf(parts: Parts, turn: Turn, budget: number, untilNs: bigint | undefined): number {
  const { cpu } = turn;
  let limit = Math.min(budget, SLICE_MAX);
  const cap = (atNs: bigint): void => {
    const left = (atNs - cpu.timeNs) / INSN_NS;
    if (left < BigInt(limit)) limit = Math.max(1, Number(left));
  };
  if (turn.otherNs !== undefined) cap(turn.otherNs + 1n);
  if (untilNs !== undefined) cap(untilNs + 1n);
  if (isInterruptible(cpu)) {
    const expiry = nextInterrupt(parts.state.kernel, cpu);
    if (expiry !== undefined) cap(expiry);
  }
  return limit;
}

/** What the next step of an operation takes of the budget: more where it calls a callback, which is noted. */
function workOf(parts: Parts, op: Extract<Activation, { kind: 'op' }>): number {
  if (op.op !== 'expiry' && op.op !== 'workRun') return 1;
  if (op.pc !== (op.op === 'expiry' ? 1 : 0)) return 1;
  const { kernel } = parts.state;
  const timer = peekTimer(kernel.timers, op.locals.timer);
  if (timer?.callback === undefined) return 1;
  if (!timer.isWork && timer.delayNs >= PAUSE_NS) return INTERRUPT_WORK;
  kernel.hurried = { count: (kernel.hurried?.count ?? 0) + 1, ...timer.callback };
  return AT_ONCE_WORK;
}

/** Lets one CPU act. Returns what it used of the budget, and why everything must stop, if so. */
function act(
  parts: Parts,
  turn: Turn,
  budget: number,
  untilNs: bigint | undefined,
  breakpoints: 'honour' | 'skip' | 'skipOnce',
): { used: number; stop: MachineStop | undefined } {
  const { cpu } = turn;
  const { kernel, state } = parts;
  kernel.cpu = cpu.id;
  state.lastCpu = cpu.id;
  if (cpu.timeNs < turn.atNs) {
    const pausedNs = turn.atNs - cpu.timeNs;
    cpu.timeNs = turn.atNs;
    if (pausedNs >= PAUSE_NS && state.kernel.cpus.every((c) => c.contexts.length === 0)) fillBudget(parts);
  }
  if (isIrqWorkDue(cpu)) {
    takeIrqWork(parts, cpu);
    return { used: 1, stop: undefined };
  }
  const expiry = isInterruptible(cpu) ? nextInterrupt(state.kernel, cpu) : undefined;
  if (expiry !== undefined && expiry <= cpu.timeNs) {
    pushContext(parts, cpu, 'softirq', startOp('softirq', { nowNs: 0n, clock: 0, timer: 0 }));
    cpu.timeNs += INTERRUPT_ENTRY_NS;
    return { used: INTERRUPT_WORK, stop: undefined };
  }
  if (cpu.contexts.length === 0) {
    beginWork(parts, cpu);
    return { used: 1, stop: undefined };
  }
  const context = top(cpu);
  const activation = context?.activations.at(-1);
  assert(context && activation, 'a context on the stack runs something');
  if (activation.kind === 'op') {
    const used = workOf(parts, activation);
    return { used, stop: stepKernel(parts, cpu, context, activation) };
  }
  const fuel = breakpoints === 'skip' ? 1 : sliceOf(parts, turn, budget, untilNs);
  writeFuel(kernel.memory, context.block, fuel);
  const stop = parts.interpreter.run(context.block, {
    checked: parts.checked,
    skipBreakpoint: breakpoints !== 'honour',
  });
  const used = fuel - readFuel(kernel.memory, context.block);
  cpu.timeNs += BigInt(used) * INSN_NS;
  state.kernel.executed += used;
  if (used > 0) state.idleSpins = 0;
  return { used: Math.max(1, used), stop: afterEngine(parts, cpu, context, stop) };
}

/** What kept the run busy, as far as can be seen. */
function busyCause(parts: Parts): string {
  const { kernel } = parts.state;
  const causes: string[] = [];
  if (kernel.hurried !== undefined) {
    const { count, program, insnIdx } = kernel.hurried;
    const called = parts.programs[program];
    causes.push(
      `${count} callbacks that were asked for at once and let no CPU pause, the last of them ${called.functionAt(insnIdx)} of program ${called.name}`,
    );
  }
  let busiest: TimerObject | undefined;
  for (const timer of allTimers(kernel.timers)) if (timer.fires > (busiest?.fires ?? 1)) busiest = timer;
  if (busiest !== undefined) {
    const { map, keyHex } = parts.kernel.timerKey(busiest);
    const what = busiest.isWork ? 'the work queue' : 'the timer';
    causes.push(`${what} in ${map}[${keyHex}], which has fired ${busiest.fires} times`);
  }
  return causes.length === 0
    ? 'a program that does not end'
    : `${causes.join('; most often ')}. If that is on purpose, use a longer delay, advance less or give a scenario a larger budget`;
}

function exhausted(parts: Parts): MachineStop {
  const stop: MachineStop = {
    kind: 'exhausted',
    message: `the run does not come to rest; the likely cause is ${busyCause(parts)}`,
  };
  parts.kernel.event({
    kind: 'note',
    atNs: parts.state.kernel.cpus[parts.state.lastCpu].timeNs,
    cpu: parts.state.lastCpu,
    text: stop.message,
  });
  parts.state.ended = stop;
  return stop;
}

/** Nothing runs: what comes is no part of endless work. */
function fillBudget({ state: { kernel } }: Parts): void {
  kernel.budget = kernel.budgetMax;
  kernel.hurried = undefined;
}

/** CPUs with nothing to do before `untilNs` wait until then. */
export function letTimePass(parts: Parts, untilNs: bigint): void {
  const { cpus } = parts.state.kernel;
  if (cpus.every((cpu) => cpu.contexts.length === 0 && untilNs - cpu.timeNs >= PAUSE_NS)) fillBudget(parts);
  for (const cpu of parts.state.kernel.cpus)
    if (cpu.contexts.length === 0 && cpu.timeNs < untilNs) cpu.timeNs = untilNs;
}

const programsRun = (state: MachineState): boolean => state.runs.some((run) => !run.ended);

export function run(parts: Parts, options: RunOptions): MachineStop {
  const { state } = parts;
  let left = options.budget;
  let skip = options.skipBreakpoint === true;
  let turn: Turn | undefined;
  let queueChanges = -1;
  for (;;) {
    if (state.ended !== undefined) return state.ended;
    if (options.untilProgramsEnd === true && !programsRun(state)) return { kind: 'idle' };
    if (left <= 0) return { kind: 'budget' };
    if (
      turn === undefined ||
      queueChanges !== state.kernel.queueChanges ||
      !staysOn(turn, state.kernel.deferred.length, options.untilNs)
    ) {
      turn = nextTurn(parts);
      queueChanges = state.kernel.queueChanges;
    }
    if (turn === undefined) {
      if (options.untilNs !== undefined) letTimePass(parts, options.untilNs);
      return { kind: 'idle' };
    }
    if (options.untilNs !== undefined && turn.atNs > options.untilNs) {
      letTimePass(parts, options.untilNs);
      return { kind: 'timeLimit' };
    }
    if (state.kernel.budget <= 0) return exhausted(parts);
    const skipNow = skip && turn.cpu.id === state.lastCpu;
    const { used, stop } = act(
      parts,
      turn,
      Math.min(left, state.kernel.budget),
      options.untilNs,
      skipNow ? 'skipOnce' : 'honour',
    );
    skip = false;
    left -= used;
    state.kernel.budget -= used;
    if (stop !== undefined) return stop;
  }
}

/** One instruction or one kernel step of whichever CPU is due; undefined: done, nothing special. */
export function step(parts: Parts, untilNs: bigint | undefined): MachineStop | undefined {
  const { state } = parts;
  if (state.ended !== undefined) return state.ended;
  const turn = nextTurn(parts);
  if (turn === undefined) {
    if (untilNs !== undefined) letTimePass(parts, untilNs);
    return { kind: 'idle' };
  }
  if (untilNs !== undefined && turn.atNs > untilNs) {
    letTimePass(parts, untilNs);
    return { kind: 'timeLimit' };
  }
  if (state.kernel.budget <= 0) return exhausted(parts);
  const { used, stop } = act(parts, turn, 1, untilNs, 'skip');
  state.kernel.budget -= used;
  return stop;
}
