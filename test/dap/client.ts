/** A DAP client on an adapter in this process (or a child process), with the few moves that every test needs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { servePort } from '../../debugger/serve';
import { fixture } from '../support/paths';

export interface Adapter {
  readonly client: DebugClient;
  close(): Promise<void>;
}

/** Connects a client to an adapter on a port of its own. */
export async function connect(): Promise<Adapter> {
  const server = await servePort(0);
  const client = new DebugClient('node', '', 'bpf');
  await client.start(server.port);
  return {
    client,
    async close() {
      await client.stop();
      server.close();
    },
  };
}

export const initialise = (client: DebugClient): Promise<DebugProtocol.InitializeResponse> =>
  client.initializeRequest({
    adapterID: 'bpf',
    linesStartAt1: true,
    columnsStartAt1: true,
    pathFormat: 'path',
  });

/** Line of the first occurrence of `text` in a source file. */
export function lineOf(path: string, text: string): number {
  const index = readFileSync(path, 'utf8')
    .split('\n')
    .findIndex((l) => l.includes(text));
  assert.ok(index >= 0, `'${text}' in ${path}`);
  return index + 1;
}

export const fixtureSource = (name: string): string => fixture('debug', name);

/** initialize, launch, breakpoints, configurationDone. @returns the first stop (or termination). */
export async function start(
  client: DebugClient,
  launch: Record<string, unknown>,
  breakpoints: readonly {
    readonly path: string;
    readonly set: readonly DebugProtocol.SourceBreakpoint[];
  }[] = [],
): Promise<DebugProtocol.Breakpoint[]> {
  await initialise(client);
  const initialized = client.waitForEvent('initialized');
  await client.launchRequest(launch);
  await initialized;
  const all: DebugProtocol.Breakpoint[] = [];
  for (const { path, set } of breakpoints) {
    const response = await client.setBreakpointsRequest({ source: { path }, breakpoints: [...set] });
    all.push(...response.body.breakpoints);
  }
  return all;
}

export interface Stop {
  readonly thread: number;
  readonly reason: string;
  readonly text: string | undefined;
  readonly frames: readonly DebugProtocol.StackFrame[];
}

/** Does something and waits for the stop that follows. */
export async function stopAfter(client: DebugClient, act: () => Promise<unknown>): Promise<Stop> {
  const event = client.waitForEvent('stopped');
  await act();
  const { body } = (await event) as DebugProtocol.StoppedEvent;
  const thread = body.threadId ?? 0;
  const stack = await client.stackTraceRequest({ threadId: thread });
  return { thread, reason: body.reason, text: body.text, frames: stack.body.stackFrames };
}

/** Variables of a scope of a frame, by name. */
export async function scope(
  client: DebugClient,
  frameId: number,
  name: string,
): Promise<Map<string, DebugProtocol.Variable>> {
  const { scopes } = (await client.scopesRequest({ frameId })).body;
  const found = scopes.find((s) => s.name === name);
  assert.ok(found, `scope ${name}`);
  return children(client, found.variablesReference);
}

export async function children(
  client: DebugClient,
  variablesReference: number,
): Promise<Map<string, DebugProtocol.Variable>> {
  const { variables } = (await client.variablesRequest({ variablesReference })).body;
  return new Map(variables.map((v) => [v.name, v]));
}

/** What an event carried, collected until the client stops. */
export function collect<T>(client: DebugClient, event: string): T[] {
  const found: T[] = [];
  client.on(event, (e: { body: T }) => found.push(e.body));
  return found;
}
