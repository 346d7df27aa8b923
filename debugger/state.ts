/**
 * One debug session's state, as the requests see it: the debuggee when there is one, the handles of the current stop,
 * and how to talk to the client. The protocol machinery itself is in `session.ts`.
 */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Debuggee } from '../runtime/debug/launch';
import type { DebugStop } from '../runtime/debug/debugger';
import type { StopHandles } from './handles';
import type { LaunchArguments } from './launchArguments';
import type { ToProto } from './toProto';
import { UserError } from './userError';

export interface SessionState {
  readonly debuggee: Debuggee | undefined;
  readonly launch: LaunchArguments | undefined;
  readonly toProto: ToProto;
  readonly handles: StopHandles;
  readonly lastStop: DebugStop | undefined;
  event(event: string, body?: object): void;
  output(category: 'console' | 'stdout' | 'stderr', text: string, more?: object): void;
  /** Starts the pump after `Debugger` was told to run. */
  resume(): void;
  /** New handles: what the client knows of variables and frames is out of date. */
  invalidate(): void;
  launchProgram(args: Readonly<Record<string, unknown>>): Promise<void>;
  restart(args: Readonly<Record<string, unknown>> | undefined): Promise<void>;
  configurationDone(): void;
  terminate(): void;
  initialise(args: DebugProtocol.InitializeRequestArguments): void;
}

/** The debuggee, or an error for requests that make no sense without one. */
export function launched(state: SessionState): Debuggee {
  if (!state.debuggee) throw new UserError('Nothing is being debugged yet.');
  return state.debuggee;
}

/** The debuggee while it stands still. */
export function stopped(state: SessionState): Debuggee {
  const debuggee = launched(state);
  if (debuggee.debug.running) throw new UserError('The program is running: pause it first.');
  return debuggee;
}

export type Handler = (state: SessionState, args: never) => object | undefined | Promise<object | undefined>;
