/** stackTrace, scopes, variables, setVariable, evaluate, exceptionInfo, loadedSources. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { ExpressionError } from '../../runtime/debug/expression';
import { evaluate } from '../../runtime/debug/evaluate';
import { scopesOf, valueNode, type Node } from '../../runtime/debug/tree';
import { formatValue } from '../../runtime/debug/values';
import { writeNode } from '../../runtime/debug/writing';
import type { Container } from '../handles';
import { launched, stopped, type SessionState } from '../state';
import { UserError } from '../userError';
import { cpuOf } from './running';

const PAGE_MAX = 2000;
const ALL = 1_000_000;

function toVariable(state: SessionState, node: Node, frame: number): DebugProtocol.Variable {
  const container: Container = { kind: 'node', node, frame };
  return {
    name: node.name,
    value: node.text,
    type: node.type,
    evaluateName: node.expression,
    variablesReference: node.childCount > 0 ? state.handles.addContainer(container) : 0,
    ...(node.childCount > 100 && node.indexed && { indexedVariables: node.childCount }),
    ...memoryReference(node),
  };
}

/** A pointer leads to what it points at, everything else to where it is. */
function memoryReference(node: Node): { memoryReference?: string } {
  const address = node.pointsAt ?? node.address;
  return address === undefined ? {} : { memoryReference: '0x' + address.toString(16) };
}

function container(state: SessionState, reference: number): Container {
  const found = state.handles.container(reference);
  if (!found) throw new UserError('These values belong to an earlier stop.');
  return found;
}

const childrenOf = (c: Container, start: number, count: number): readonly Node[] =>
  c.kind === 'scope' ? c.scope.children(start, count) : c.node.children(start, count);

/** C expressions that a hover may ask for although they are no values. */
const describe = (error: unknown): never => {
  if (error instanceof ExpressionError) throw new UserError(error.message);
  throw error;
};

export const inspection = {
  stackTrace(state: SessionState, args: DebugProtocol.StackTraceArguments) {
    const { debug } = stopped(state);
    const cpu = cpuOf(args.threadId);
    if (cpu < 0 || cpu >= debug.target.cpuCount) throw new UserError(`There is no thread ${args.threadId}.`);
    const ids = state.handles.stack(cpu, () => debug.stack(cpu));
    const start = Math.max(0, args.startFrame ?? 0);
    const count = args.levels === undefined || args.levels === 0 ? ids.length : args.levels;
    const stackFrames = ids.slice(start, start + count).flatMap((id) => {
      const frame = state.handles.frame(id);
      return frame ? [state.toProto.frame(id, frame)] : [];
    });
    return { stackFrames, totalFrames: ids.length };
  },

  scopes(state: SessionState, args: DebugProtocol.ScopesArguments) {
    const { debug } = stopped(state);
    const frame = state.handles.frame(args.frameId);
    // Armed frames are history: they show where, not what.
    if (!frame?.live) return { scopes: [] };
    const scopes = scopesOf(debug, frame.live, { hex: false }).map((scope): DebugProtocol.Scope => ({
      name: scope.name,
      expensive: scope.expensive,
      variablesReference: state.handles.addContainer({ kind: 'scope', scope, frame: args.frameId }),
      ...((scope.kind === 'arguments' || scope.kind === 'locals' || scope.kind === 'registers') && {
        presentationHint: scope.kind,
      }),
    }));
    return { scopes };
  },

  variables(state: SessionState, args: DebugProtocol.VariablesArguments) {
    stopped(state);
    const found = container(state, args.variablesReference);
    const hex = args.format?.hex === true;
    let source = found;
    if (hex && found.kind === 'scope') {
      const live = state.handles.frame(found.frame)?.live;
      const scope =
        live && scopesOf(launched(state).debug, live, { hex }).find((s) => s.kind === found.scope.kind);
      if (scope) source = { ...found, scope };
    }
    if (args.filter === 'named') return { variables: [] };
    const count = args.count === undefined || args.count === 0 ? ALL : args.count;
    const nodes = childrenOf(source, Math.max(0, args.start ?? 0), Math.min(Math.max(0, count), PAGE_MAX));
    return { variables: nodes.map((node) => toVariable(state, node, found.frame)) };
  },

  setVariable(state: SessionState, args: DebugProtocol.SetVariableArguments) {
    const { debug } = stopped(state);
    const found = container(state, args.variablesReference);
    const node = childrenOf(found, 0, ALL).find((n) => n.name === args.name);
    if (!node) throw new UserError(`There is no '${args.name}' here.`);
    const live = state.handles.frame(found.frame)?.live;
    try {
      const text = writeNode(debug, live, node, args.value);
      state.invalidate();
      state.event('invalidated', { areas: ['variables'] });
      state.event('bpfStateChanged', { version: 1, reason: 'stopped' });
      return { value: text };
    } catch (error) {
      return describe(error);
    }
  },

  evaluate(state: SessionState, args: DebugProtocol.EvaluateArguments) {
    const { debug } = stopped(state);
    const frame = state.handles.frame(args.frameId);
    try {
      const { value, format } = evaluate(debug.scope(frame?.live), args.expression);
      const options = { hex: format === 'x' || args.format?.hex === true };
      const node = valueNode(debug, { name: args.expression, value }, args.expression, options);
      const variable = toVariable(state, node, args.frameId ?? 0);
      return {
        result: formatValue(debug.target, value, options),
        type: node.type,
        variablesReference: variable.variablesReference,
        indexedVariables: variable.indexedVariables,
        memoryReference: variable.memoryReference,
      };
    } catch (error) {
      return describe(error);
    }
  },

  exceptionInfo(state: SessionState) {
    const stop = state.lastStop;
    if (stop?.reason !== 'fault' && stop?.reason !== 'helperError')
      throw new UserError('The program did not fault.');
    return {
      exceptionId: stop.reason === 'fault' ? 'fault' : 'helper error',
      description: stop.message,
      breakMode: 'always',
    };
  },

  loadedSources(state: SessionState) {
    const { debug } = launched(state);
    return { sources: debug.map.files().map((file) => state.toProto.source(file)) };
  },
};
