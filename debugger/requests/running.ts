/** continue, next, stepIn, stepOut, pause, threads. A thread is a virtual CPU; its id is the CPU's number plus one. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Granularity, StepKind } from '../../runtime/debug/debugger';
import { threadName } from '../../runtime/debug/frames';
import { launched, stopped, type SessionState } from '../state';
import { UserError } from '../userError';

export const threadOf = (cpu: number): number => cpu + 1;
export const cpuOf = (thread: number): number => thread - 1;

interface StepArguments {
  readonly threadId: number;
  readonly granularity?: Granularity;
}

function step(state: SessionState, kind: StepKind, args: StepArguments): undefined {
  const { debug } = stopped(state);
  const cpu = cpuOf(args.threadId);
  if (cpu < 0 || cpu >= debug.target.cpuCount) throw new UserError(`There is no thread ${args.threadId}.`);
  debug.step(cpu, kind, args.granularity ?? 'statement');
  state.resume();
  return undefined;
}

export const running = {
  continue(state: SessionState) {
    stopped(state).debug.continue();
    state.resume();
    // All CPUs stop and run together: virtual time is one.
    return { allThreadsContinued: true };
  },
  next: (state: SessionState, args: StepArguments) => step(state, 'over', args),
  stepIn: (state: SessionState, args: StepArguments) => step(state, 'in', args),
  stepOut: (state: SessionState, args: StepArguments) => step(state, 'out', args),
  pause(state: SessionState) {
    launched(state).debug.pause();
    return undefined;
  },
  threads(state: SessionState) {
    const debuggee = state.debuggee;
    if (!debuggee) return { threads: [{ id: 1, name: 'cpu0' }] };
    const { target } = debuggee.debug;
    const threads: DebugProtocol.Thread[] = [];
    for (let cpu = 0; cpu < target.cpuCount; cpu++)
      threads.push({ id: threadOf(cpu), name: threadName(target, cpu) });
    return { threads };
  },
};
