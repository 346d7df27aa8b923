/**
 * A machine as the outside sees it: frames, registers, timers, maps, memory. Made on request from the state; nothing
 * here changes anything (but for the two writes that debuggers ask for).
 */
import type { Kernel } from '../kernel/kernel';
import type { Context, TimerObject } from '../kernel/state';
import { familyOf } from '../maps/maps';
import type { MapRecord } from '../maps/mapFamily';
import { typedText } from './valueText';
import { memoryAddress } from '../vm/addresses';
import { readFrames } from '../vm/frames';
import type { LoadedProgram } from './load';
import type { CodePlace, FrameView, MapContents, TimerState, TimerView } from './types';
import { allTimers } from '../kernel/timerTable';

export interface MapView extends MapContents {
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

/** One element: bytes as user space reads them; the address where values live in the machine. */
export interface MapEntryView {
  readonly key?: Uint8Array;
  readonly values: readonly { readonly bytes: Uint8Array; readonly address?: bigint }[];
}

const CLOCK_NAMES: Readonly<Record<number, TimerView['clock']>> = {
  0: 'CLOCK_REALTIME',
  1: 'CLOCK_MONOTONIC',
  7: 'CLOCK_BOOTTIME',
};

const place = (programs: readonly LoadedProgram[], programId: number, insnIdx: number): CodePlace => ({
  programId,
  program: programs[programId]?.name ?? '?',
  insnIdx,
});

/** Whether the block of a context holds BPF frames at the moment. */
export const runsBpf = (context: Context): boolean => context.activations.some((a) => a.kind === 'bpf');

/** Innermost first, of all contexts of the CPU from the innermost one down. */
export function framesOf(kernel: Kernel, programs: readonly LoadedProgram[], cpu: number): FrameView[] {
  const views: FrameView[] = [];
  const contexts = kernel.state.cpus[cpu].contexts;
  for (let contextIndex = contexts.length - 1; contextIndex >= 0; contextIndex--) {
    const context = contexts[contextIndex];
    if (!runsBpf(context)) continue;
    // Inside a helper's operation the pc already stands behind the call.
    const inHelper = context.activations.at(-1)?.kind === 'op';
    const frames = readFrames(kernel.memory, context.block);
    for (const [i, frame] of frames.entries()) {
      const insnIdx = i === 0 && inHelper ? frame.insnIdx - 1 : frame.insnIdx;
      const isEntry = frame.index === 0;
      views.push({
        cpu,
        contextIndex,
        contextKind: context.kind,
        frame: frame.index,
        place: place(programs, frame.programId, insnIdx),
        functionName: programs[frame.programId]?.functionAt(insnIdx) ?? '?',
        ...(isEntry && context.timer !== 0 ? { timer: kernel.timerKey(kernel.timer(context.timer)) } : {}),
      });
    }
  }
  return views;
}

function stateOf(timer: TimerObject): TimerState {
  if (timer.runningOn >= 0) return timer.queuedOn >= 0 ? 'running+armed' : 'running';
  if (timer.queuedOn >= 0) return 'armed';
  return timer.callback === undefined ? 'initialised' : 'ready';
}

/** `beats[0].timer`; keys as their BTF type shows them, else as bytes. */
export function timerLabel(map: MapRecord, key: Uint8Array, offset: number): string {
  const { definition } = map;
  const field = definition.fields.fields.find((f) => f.offset === offset);
  return `${definition.name}[${typedText(definition, 'key', key)}].${field?.name ?? `+${offset}`}`;
}

export function timerViews(kernel: Kernel, programs: readonly LoadedProgram[]): TimerView[] {
  const views: TimerView[] = [];
  for (const timer of allTimers(kernel.state.timers)) {
    if (timer.isWork) continue;
    if (timer.freed && timer.runningOn < 0) continue;
    const map = kernel.map(timer.map);
    views.push({
      ...kernel.timerKey(timer),
      label: timerLabel(map, kernel.keyBytes(map, timer.value), timer.offset),
      clock: CLOCK_NAMES[timer.clock],
      state: stateOf(timer),
      ...(timer.queuedOn >= 0 ? { expiresNs: timer.expiresNs } : {}),
      ...(timer.callback === undefined
        ? {}
        : {
            callback: {
              ...place(programs, timer.callback.program, timer.callback.insnIdx),
              functionName: programs[timer.callback.program].functionAt(timer.callback.insnIdx),
            },
          }),
      cpu: timer.runningOn >= 0 ? timer.runningOn : timer.cpu,
      flags: timer.flags,
      fires: timer.fires,
      ...(timer.armed === undefined ? {} : { armed: timer.armed }),
    });
  }
  return views;
}

export function mapView(kernel: Kernel, map: MapRecord): MapView {
  const { definition } = map;
  const family = familyOf(map);
  return {
    id: definition.id,
    name: definition.name,
    type: definition.type,
    keySizeBytes: definition.keySizeBytes,
    valueSizeBytes: definition.valueSizeBytes,
    maxEntries: definition.maxEntries,
    entryCount: family.entryCount(kernel, map),
    keyTypeId: definition.keyTypeId,
    valueTypeId: definition.valueTypeId,
    ...(family.note === undefined ? {} : { note: family.note }),
  };
}

export function mapEntryViews(
  kernel: Kernel,
  map: MapRecord,
  start: number,
  count: number,
): { total: number; entries: MapEntryView[] } {
  const family = familyOf(map);
  const entries = family.entries(kernel, map, start, count).map((entry): MapEntryView => {
    const addressed = entry.values.length === 1 && entry.valueRef !== 0;
    return {
      ...(entry.key === undefined ? {} : { key: entry.key }),
      values: entry.values.map((bytes) =>
        addressed ? { bytes, address: memoryAddress(entry.valueRef) } : { bytes },
      ),
    };
  });
  return { total: family.entryCount(kernel, map), entries };
}
