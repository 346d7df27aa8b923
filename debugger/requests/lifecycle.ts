/** initialize, launch, configurationDone, restart, terminate, disconnect. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { SessionState } from '../state';
import { UserError } from '../userError';

export const CAPABILITIES: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsInstructionBreakpoints: true,
  supportsBreakpointLocationsRequest: true,
  supportsEvaluateForHovers: true,
  supportsClipboardContext: true,
  supportsValueFormattingOptions: true,
  supportsSteppingGranularity: true,
  supportsDisassembleRequest: true,
  supportsReadMemoryRequest: true,
  supportsSetVariable: true,
  supportsExceptionInfoRequest: true,
  supportsLoadedSourcesRequest: true,
  supportsTerminateRequest: true,
  supportsRestartRequest: true,
  exceptionBreakpointFilters: [
    {
      filter: 'helperError',
      label: 'Timer helper errors',
      description: 'Stop when a bpf_timer helper returns an error. The run is slower meanwhile.',
      default: false,
    },
  ],
};

export const lifecycle = {
  initialize(state: SessionState, args: DebugProtocol.InitializeRequestArguments) {
    state.initialise(args);
    return CAPABILITIES;
  },
  async launch(state: SessionState, args: Record<string, unknown>) {
    await state.launchProgram(args);
    return undefined;
  },
  attach(): undefined {
    throw new UserError(
      'Attaching is not possible: BPF Studio runs programs in its own model of the kernel. Use "request": "launch".',
      true,
    );
  },
  configurationDone(state: SessionState) {
    state.configurationDone();
    return undefined;
  },
  async restart(state: SessionState, args: { arguments?: Record<string, unknown> } | undefined) {
    await state.restart(args?.arguments);
    return undefined;
  },
  terminate(state: SessionState) {
    state.terminate();
    return undefined;
  },
};
