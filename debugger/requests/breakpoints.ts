/** setBreakpoints, setFunctionBreakpoints, setInstructionBreakpoints, breakpointLocations, setExceptionBreakpoints. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { slotAt } from '../addresses';
import { launched, type SessionState } from '../state';

export const breakpoints = {
  setBreakpoints(state: SessionState, args: DebugProtocol.SetBreakpointsArguments) {
    const { debug } = launched(state);
    const path = String(args.source.path ?? args.source.name ?? '');
    const wanted = (args.breakpoints ?? (args.lines ?? []).map((line) => ({ line }))).map(
      (b: DebugProtocol.SourceBreakpoint) => ({
        line: state.toProto.fromLine(b.line),
        condition: b.condition,
        hitCondition: b.hitCondition,
        logMessage: b.logMessage,
      }),
    );
    const set = debug.breakpoints.setLines(path, wanted);
    debug.breakpointsChanged();
    // The client knows the file by its own path; keep it, however the compiler spelled it.
    return { breakpoints: set.map((b) => ({ ...state.toProto.breakpoint(b), source: args.source })) };
  },
  setFunctionBreakpoints(state: SessionState, args: DebugProtocol.SetFunctionBreakpointsArguments) {
    const { debug } = launched(state);
    const set = debug.breakpoints.setFunctions(args.breakpoints);
    debug.breakpointsChanged();
    return { breakpoints: set.map((b) => state.toProto.breakpoint(b)) };
  },
  setInstructionBreakpoints(state: SessionState, args: DebugProtocol.SetInstructionBreakpointsArguments) {
    const { debug } = launched(state);
    const set = debug.breakpoints.setInstructions(
      args.breakpoints.map((b) => ({
        slot: slotAt(b.instructionReference, b.offset ?? 0),
        condition: b.condition,
        hitCondition: b.hitCondition,
      })),
    );
    debug.breakpointsChanged();
    return { breakpoints: set.map((b) => state.toProto.breakpoint(b)) };
  },
  breakpointLocations(state: SessionState, args: DebugProtocol.BreakpointLocationsArguments) {
    const { debug } = launched(state);
    const from = state.toProto.fromLine(args.line);
    const to = args.endLine === undefined ? from : state.toProto.fromLine(args.endLine);
    const lines = debug.map.linesWithCode(String(args.source.path ?? ''), from, to);
    return { breakpoints: lines.map(({ line }) => ({ line: state.toProto.line(line) })) };
  },
  setExceptionBreakpoints(state: SessionState, args: DebugProtocol.SetExceptionBreakpointsArguments) {
    launched(state).debug.stopOnHelperErrors = args.filters.includes('helperError');
    return undefined;
  },
};
