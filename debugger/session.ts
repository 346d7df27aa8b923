/**
 * The debug adapter's protocol session: dispatch of requests, the run pump, events. Requests themselves are in
 * `requests/`, everything about BPF in `runtime/debug`.
 *
 * The pump runs the machine in slices between which other requests are served, so pause always works. No request of a
 * client, however odd, ends the session: it gets one error response.
 */
import {
  DebugSession,
  ErrorDestination,
  Event,
  InitializedEvent,
  OutputEvent,
  StoppedEvent,
  TerminatedEvent,
} from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { DebugOutput, DebugStop } from '../runtime/debug/debugger';
import type { Debuggee } from '../runtime/debug/launch';
import { formatDuration } from '../runtime/debug/timeText';
import type { NoticeEvent, StateChangedEvent } from '../runtime/protocol/debugMessages';
import { StopHandles } from './handles';
import { checkLaunchArguments, type LaunchArguments } from './launchArguments';
import { prepareDebuggee } from './prepare';
import { breakpoints } from './requests/breakpoints';
import { checkArguments } from './requests/checks';
import { inspection } from './requests/inspection';
import { lifecycle } from './requests/lifecycle';
import { memory } from './requests/memory';
import { running, threadOf } from './requests/running';
import { views } from './requests/views';
import type { Handler, SessionState } from './state';
import { summaryOf } from './summary';
import { ToProto, type Counting } from './toProto';
import { UserError } from './userError';

const HANDLERS = {
  ...lifecycle,
  ...breakpoints,
  ...running,
  ...inspection,
  ...memory,
  ...views,
} as unknown as Readonly<Record<string, Handler | undefined>>;

/** Instructions per slice; as many slices as fit into the pump's turn are run before requests are served. */
const RUN_SLICE = 5_000;
const STEP_SLICE = 500;
const TURN_MS = 30;
/** Lines that one run without a stop may print; a console chokes on more, and nobody reads them. */
const PRINTS_MAX = 5_000;
/** Views are told of a running program's changes at most this often. */
const STATE_EVENT_PERIOD_MS = 200;

const USER_ERROR = 1000;
const INTERNAL_ERROR = 1001;

export class BpfDebugSession extends DebugSession implements SessionState {
  debuggee: Debuggee | undefined;
  launch: LaunchArguments | undefined;
  handles = new StopHandles();
  lastStop: DebugStop | undefined;
  toProto: ToProto;
  private counting: Counting = { linesFrom: 1, columnsFrom: 1 };
  private rawLaunch: Readonly<Record<string, unknown>> = {};
  private pumping = false;
  private ended = false;
  private configured = false;
  private lastStateEventMs = 0;
  private printed = 0;
  /** Counts launches, so that a pump of an earlier one stops. */
  private generation = 0;

  constructor() {
    super();
    this.toProto = new ToProto('', this.counting);
  }

  protected override dispatchRequest(request: DebugProtocol.Request): void {
    const response: DebugProtocol.Response = {
      seq: 0,
      type: 'response',
      request_seq: request.seq,
      command: request.command,
      success: true,
    };
    if (request.command === 'disconnect') {
      this.end();
      this.sendResponse(response);
      this.shutdown();
      return;
    }
    const handler = Object.hasOwn(HANDLERS, request.command) ? HANDLERS[request.command] : undefined;
    if (!handler) {
      this.sendErrorResponse(response, {
        id: USER_ERROR,
        format: `BPF Studio does not support the request '${request.command}'.`,
        showUser: false,
      });
      return;
    }
    void (async () => {
      try {
        checkArguments(request.command, request.arguments as unknown);
        const body = await handler(this, (request.arguments ?? {}) as never);
        if (body !== undefined) response.body = body;
        this.sendResponse(response);
        this.afterResponse(request.command);
      } catch (error) {
        this.respondError(response, error);
      }
    })();
  }

  private respondError(response: DebugProtocol.Response, error: unknown): void {
    if (error instanceof UserError) {
      this.sendErrorResponse(response, {
        id: USER_ERROR,
        format: braced(error.message),
        showUser: error.show,
      });
      return;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.output('stderr', `BPF Studio: internal error in '${response.command}': ${text}\n`);
    this.sendErrorResponse(
      response,
      {
        id: INTERNAL_ERROR,
        format: braced(
          `Internal error in '${response.command}': ${error instanceof Error ? error.message : String(error)}`,
        ),
        showUser: response.command === 'launch',
      },
      undefined,
      undefined,
      ErrorDestination.Telemetry,
    );
  }

  private afterResponse(command: string): void {
    if (command === 'launch') this.sendEvent(new InitializedEvent());
    if (command === 'restart' && this.configured) this.configurationDone();
  }

  // --- SessionState ---

  initialise(args: DebugProtocol.InitializeRequestArguments): void {
    this.counting = {
      linesFrom: args.linesStartAt1 === false ? 0 : 1,
      columnsFrom: args.columnsStartAt1 === false ? 0 : 1,
    };
    this.toProto = new ToProto('', this.counting);
  }

  event(event: string, body?: object): void {
    this.sendEvent(new Event(event, body));
  }

  output(category: 'console' | 'stdout' | 'stderr', text: string, more: object = {}): void {
    const event: DebugProtocol.OutputEvent = new OutputEvent(text, category);
    Object.assign(event.body, more);
    this.sendEvent(event);
  }

  invalidate(): void {
    this.handles = new StopHandles();
  }

  async launchProgram(args: Readonly<Record<string, unknown>>): Promise<void> {
    const launch = checkLaunchArguments(args);
    const generation = ++this.generation;
    const { debuggee, notices, warnings } = await prepareDebuggee(launch);
    // Another launch or a disconnect may have overtaken a slow compiler.
    if (generation !== this.generation) throw new UserError('The launch was given up.');
    this.rawLaunch = args;
    this.launch = launch;
    this.debuggee = debuggee;
    this.toProto = new ToProto(launch.program, this.counting);
    this.ended = false;
    this.configured = false;
    this.lastStop = undefined;
    this.invalidate();
    for (const text of warnings) this.output('console', text + '\n');
    for (const notice of notices) {
      this.output('console', notice.message + '\n');
      const body: NoticeEvent = { version: 1, severity: notice.severity, message: notice.message };
      this.event('bpfNotice', body);
    }
  }

  async restart(args: Readonly<Record<string, unknown>> | undefined): Promise<void> {
    const old = this.debuggee;
    const configured = this.configured;
    await this.launchProgram(args ?? this.rawLaunch);
    this.configured = configured;
    const now = this.debuggee;
    if (old && now) {
      // The client does not send its breakpoints again: carry them over and say where they are now.
      for (const b of now.debug.breakpoints.adopt(old.debug.breakpoints))
        this.event('breakpoint', { reason: 'changed', breakpoint: this.toProto.breakpoint(b) });
      now.debug.breakpointsChanged();
      now.debug.stopOnHelperErrors = old.debug.stopOnHelperErrors;
    }
  }

  configurationDone(): void {
    this.configured = true;
    const { debuggee, launch } = this;
    if (!debuggee || !launch) return;
    if (launch.noDebug) debuggee.debug.breakpoints.disableAll();
    debuggee.debug.breakpointsChanged();
    if (launch.stopOnEntry && !launch.noDebug) debuggee.debug.runToEntry();
    else debuggee.debug.continue();
    this.resume();
  }

  resume(): void {
    this.invalidate();
    this.stateChanged('running', true);
    if (!this.pumping) this.pump(this.generation);
  }

  terminate(): void {
    this.end();
    this.terminated();
  }

  // --- running ---

  private pump(generation: number): void {
    const debug = this.debuggee?.debug;
    this.pumping = false;
    if (!debug?.running || this.ended || generation !== this.generation) return;
    let stop: DebugStop | undefined;
    try {
      const end = performance.now() + TURN_MS;
      do stop = debug.slice(debug.stepping ? STEP_SLICE : RUN_SLICE);
      while (!stop && performance.now() < end);
      this.flush(debug.takeOutputs());
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.output('stderr', `BPF Studio: internal error while running: ${text}\n`);
      this.end();
      this.terminated();
      return;
    }
    if (stop) {
      this.stoppedAt(stop);
      return;
    }
    this.stateChanged('running', false);
    this.pumping = true;
    setImmediate(() => this.pump(generation));
  }

  private stoppedAt(stop: DebugStop): void {
    this.invalidate();
    if (this.printed > PRINTS_MAX)
      this.output('console', `… and ${this.printed - PRINTS_MAX} more lines of output, not shown\n`);
    this.printed = 0;
    this.lastStop = stop;
    if (stop.reason === 'ended') {
      const { debuggee } = this;
      if (debuggee) this.output('console', summaryOf(debuggee, stop) + '\n');
      this.end();
      this.terminated();
      return;
    }
    if (this.debuggee && stop.reason !== 'entry') this.debuggee.everStopped = true;
    const exception = stop.reason === 'fault' || stop.reason === 'helperError';
    const reason = exception ? 'exception' : stop.reason;
    const event: DebugProtocol.StoppedEvent = new StoppedEvent(reason, threadOf(stop.cpu));
    event.body.allThreadsStopped = true;
    if (stop.breakpoints.length > 0) event.body.hitBreakpointIds = stop.breakpoints.map((b) => b.id);
    if (stop.message !== undefined) {
      event.body.text = stop.message;
      if (exception) event.body.description = stop.reason === 'fault' ? 'Fault' : 'Helper error';
      this.output('stderr', stop.message + '\n');
    }
    this.sendEvent(event);
    this.stateChanged('stopped', true);
  }

  private flush(outputs: readonly DebugOutput[]): void {
    const debug = this.debuggee?.debug;
    if (!debug) return;
    for (const output of outputs) {
      if (output.kind === 'log') {
        this.output('console', output.text + '\n', this.sourceOf(output.place));
        continue;
      }
      const { event } = output;
      const when = `[${formatDuration(event.atNs)} cpu${event.cpu}] `;
      if (event.kind === 'print' && ++this.printed > PRINTS_MAX) continue;
      if (event.kind === 'print')
        this.output('stdout', when + event.text.replace(/\n?$/, '\n'), this.sourceOf(event.place));
      else if (event.kind === 'note') this.output('console', when + event.text + '\n');
      else this.debuggee?.record(event);
    }
  }

  private sourceOf(place: { readonly programId: number; readonly insnIdx: number }): object {
    const source = this.debuggee?.debug.map.placeAt(place.programId, place.insnIdx);
    return source
      ? {
          source: this.toProto.source(source.file),
          line: this.toProto.line(source.line),
          column: this.toProto.column(source.column),
        }
      : {};
  }

  private stateChanged(reason: StateChangedEvent['reason'], always: boolean): void {
    const now = performance.now();
    if (!always && now - this.lastStateEventMs < STATE_EVENT_PERIOD_MS) return;
    this.lastStateEventMs = now;
    const body: StateChangedEvent = { version: 1, reason };
    this.event('bpfStateChanged', body);
  }

  private end(): void {
    this.ended = true;
    this.generation++;
  }

  private terminated(): void {
    this.stateChanged('ended', true);
    this.sendEvent(new TerminatedEvent());
  }
}

/** Messages are format strings to the client: a brace in them would start a variable. */
const braced = (text: string): string => text.replace(/[{]/g, '(').replace(/[}]/g, ')');
