/**
 * Single actions of one CPU, for drivers that decide the order of CPUs themselves (the explorer) instead of leaving it to
 * the clocks. An action is BPF code up to and including its next helper call or its end, or one step of a kernel
 * operation, or the delivery of a timer interrupt. Clocks still count costs; they no longer decide who acts.
 */
import { startOp } from '../kernel/activations';
import { nextInterrupt } from '../kernel/hrtimers';
import { waitOf } from '../kernel/waits';
import { has } from '../spec/profile';
import { INSN_NS, INTERRUPT_ENTRY_NS } from '../spec/timeCosts';
import { assert } from '../util/assert';
import {
  afterEngine,
  beginWork,
  hasWork,
  isInterruptible,
  isIrqWorkDue,
  takeIrqWork,
  pushContext,
  stepKernel,
  top,
  type Parts,
} from './runLoop';
import { readFuel, readPc, writeFuel } from '../vm/calls';
import { BLOCK_PC } from '../vm/contextBlock';
import type { MachineStop } from './types';

/** `run`: go on; `interrupt`: take the timer interrupt; `worker`: begin the deferred frees; `irqWork`: the interrupt worker. */
export type CpuAction = 'run' | 'interrupt' | 'worker' | 'irqWork';

/** Instructions of one action; a program that computes for longer gives others a turn meanwhile. */
const ACTION_INSNS = 100_000;

/** What `possibleActions` counts: 1 run, 2 worker, 4 interrupt; 3: an interrupt is pending that comes before anything else. */
export const COMBINATIONS: readonly (readonly CpuAction[])[] = [
  [],
  ['run'],
  ['worker'],
  ['irqWork'],
  ['interrupt'],
  ['run', 'interrupt'],
  ['worker', 'interrupt'],
];
const IRQ_WORK = 3;

/** What the CPU could do now, as a place in `COMBINATIONS`. Timers that expire until `horizonNs` may fire at any moment. */
export function possibleActions(parts: Parts, cpuId: number, horizonNs: bigint): number {
  const { kernel } = parts;
  const cpu = parts.state.kernel.cpus[cpuId];
  const activation = top(cpu)?.activations.at(-1);
  if (isIrqWorkDue(cpu)) return IRQ_WORK;
  let possible = 0;
  if (activation !== undefined) {
    if (activation.kind === 'bpf' || waitOf(kernel, cpuId, activation) === undefined) possible = 1;
  } else if (hasWork(parts.state.kernel, cpu)) possible = 2;
  if (isInterruptible(cpu)) {
    const dueNs = nextInterrupt(parts.state.kernel, cpu);
    if (dueNs !== undefined && dueNs <= horizonNs) possible |= 4;
  }
  return possible;
}

/** Undefined: nothing special happened. */
export function actOn(parts: Parts, cpuId: number, action: CpuAction): MachineStop | undefined {
  const { kernel, state } = parts;
  const cpu = state.kernel.cpus[cpuId];
  kernel.cpu = cpuId;
  state.lastCpu = cpuId;
  if (action === 'interrupt') {
    const dueNs = nextInterrupt(state.kernel, cpu);
    assert(dueNs !== undefined, 'an interrupt is taken that is due');
    if (cpu.timeNs < dueNs) cpu.timeNs = dueNs;
    pushContext(parts, cpu, 'softirq', startOp('softirq', { nowNs: 0n, clock: 0, timer: 0 }));
    cpu.timeNs += INTERRUPT_ENTRY_NS;
    return undefined;
  }
  if (action === 'irqWork') {
    takeIrqWork(parts, cpu);
    return undefined;
  }
  if (action === 'worker') {
    beginWork(parts, cpu);
    return undefined;
  }
  const context = top(cpu);
  const activation = context?.activations.at(-1);
  assert(context && activation, 'a context on the stack runs something');
  if (activation.kind === 'op') return stepKernel(parts, cpu, context, activation);
  writeFuel(kernel.memory, context.block, ACTION_INSNS);
  const stop = parts.interpreter.run(context.block, { checked: parts.checked, skipBreakpoint: true });
  const used = ACTION_INSNS - readFuel(kernel.memory, context.block);
  cpu.timeNs += BigInt(used) * INSN_NS;
  state.kernel.executed += used;
  state.kernel.budget -= used;
  if (
    stop.kind !== 'fuel' &&
    stop.kind !== 'paused' &&
    stop.kind !== 'fault' &&
    kernel.watch?.pauses() === true
  ) {
    // The call, or the end, is an action of its own: it comes when the program goes on.
    if (stop.kind === 'helper' || stop.kind === 'kfunc') memoryPcBack(parts, context.block);
    return undefined;
  }
  return afterEngine(parts, cpu, context, stop);
}

/** Puts pc back to the call that stopped the engine. */
const memoryPcBack = ({ kernel: { memory } }: Parts, block: number): void =>
  memory.store32(block + BLOCK_PC, readPc(memory, block) - 1);

/** Steps that look only at arguments, or at what belongs to this CPU alone. */
export function isLocal(parts: Parts, cpuId: number): boolean {
  const activation = top(parts.state.kernel.cpus[cpuId])?.activations.at(-1);
  if (activation?.kind !== 'op') return false;
  switch (activation.op) {
    case 'timerInit':
    case 'timerSetCallback':
    case 'timerStart':
    case 'timerCancel':
      return activation.pc === 0 || (activation.pc === 1 && has(parts.kernel.profile, 'timerLockFree'));
    case 'softirq':
      return activation.pc === 0;
    case 'loop':
    case 'forEach':
    case 'callOnce':
      return true;
    // Steps through a tree that only the holder of its lock may touch.
    case 'rbtreeAdd':
      return true;
    case 'expiry':
      return activation.pc === 0 || activation.pc === 2;
    default:
      return false;
  }
}
