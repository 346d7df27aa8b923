/**
 * The call stack that a user sees: machine frames split into inlined calls, then, under a timer callback, a label and
 * the frames that armed the timer, chained through re-arms. Armed frames are history: they have a place, no registers.
 */
import type { ArmedStack, ContextKind, FrameView, TimerKey } from '../machine/types';
import type { FrameContext } from './locals';
import type { SourceMap, SourcePlace } from './sourceMap';
import type { DebugTarget } from './target';
import { formatDuration } from './timeText';

export interface StackFrame {
  readonly kind: 'live' | 'inlined' | 'armed' | 'label';
  readonly name: string;
  readonly source?: SourcePlace;
  readonly programId?: number;
  readonly insnIdx?: number;
  /** Only frames that still exist have one. */
  readonly live?: LiveFrame;
}

export interface LiveFrame extends FrameContext {
  readonly cpu: number;
  readonly contextIndex: number;
  readonly contextKind: ContextKind;
  /** Machine frame inside its context, 0 = entry. */
  readonly frame: number;
  /** Inlined calls deep: 0 is the function itself. */
  readonly inlineDepth: number;
}

/** How many re-arms back a stack is followed; a periodic timer's chain is as long as its life. */
const ARMED_CHAIN_MAX = 5;

/** All frames of a CPU, innermost first; empty when it idles. */
export function stackOf(target: DebugTarget, map: SourceMap, cpu: number): StackFrame[] {
  const result: StackFrame[] = [];
  const views = target.frames(cpu);
  let previous: FrameView | undefined;
  for (const view of views) {
    if (previous && previous.contextIndex !== view.contextIndex) {
      pushArmed(target, map, cpu, previous.contextIndex, result);
      result.push({ kind: 'label', name: `— ${contextText(previous.contextKind)} interrupted —` });
    }
    pushLive(target, map, view, result);
    previous = view;
  }
  if (previous) pushArmed(target, map, cpu, previous.contextIndex, result);
  return result;
}

const contextText = (kind: ContextKind): string =>
  kind === 'softirq'
    ? 'timer softirq'
    : kind === 'hardirq'
      ? 'hardware interrupt'
      : kind === 'nmi'
        ? 'NMI'
        : 'task';

function pushLive(target: DebugTarget, map: SourceMap, view: FrameView, result: StackFrame[]): void {
  const { programId, insnIdx } = view.place;
  const registers = target.registers(view.cpu, view.contextIndex, view.frame);
  const inlined = map.scopesAt(programId, insnIdx).filter((s) => s.inlinedFrom !== undefined);
  let source = map.placeAt(programId, insnIdx);
  for (let depth = inlined.length; depth >= 0; depth--) {
    const call = depth > 0 ? inlined[depth - 1].inlinedFrom : undefined;
    result.push({
      kind: depth > 0 ? 'inlined' : 'live',
      name: call?.name ?? view.functionName,
      source,
      programId,
      insnIdx,
      live: {
        programId,
        insnIdx,
        registers,
        cpu: view.cpu,
        contextIndex: view.contextIndex,
        contextKind: view.contextKind,
        frame: view.frame,
        inlineDepth: depth,
      },
    });
    if (call) source = { file: call.callFile, line: call.callLine, column: call.callColumn };
  }
}

function pushArmed(
  target: DebugTarget,
  map: SourceMap,
  cpu: number,
  contextIndex: number,
  result: StackFrame[],
): void {
  let stack: ArmedStack | undefined = target.armedStack(cpu, contextIndex);
  for (let i = 0; stack && i < ARMED_CHAIN_MAX; i++, stack = stack.parent) {
    const ago = formatDuration(target.nowNs() - stack.atNs);
    result.push({ kind: 'label', name: `— armed ${ago} ago on cpu${stack.cpu} —` });
    for (const { place, functionName } of stack.frames)
      result.push({
        kind: 'armed',
        name: functionName,
        source: map.placeAt(place.programId, place.insnIdx),
        programId: place.programId,
        insnIdx: place.insnIdx,
      });
  }
  if (stack) result.push({ kind: 'label', name: '— armed earlier by the same chain —' });
}

/** What a CPU is doing, for thread names: `cpu0`, `cpu0 · hrtimer on_beat`, `cpu1 · start`. */
export function threadName(target: DebugTarget, cpu: number): string {
  const views = target.frames(cpu);
  if (views.length === 0) return `cpu${cpu}`;
  const top = views[0].contextIndex;
  const own = views.filter((v) => v.contextIndex === top);
  const entry = own[own.length - 1];
  const timer: TimerKey | undefined = own.find((v) => v.timer)?.timer;
  return timer ? `cpu${cpu} · hrtimer ${entry.functionName}` : `cpu${cpu} · ${entry.functionName}`;
}
