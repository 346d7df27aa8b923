/** Engine data → protocol data. No decisions here beyond how things are spelled on the wire. */
import { isAbsolute, resolve, dirname, basename } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Breakpoint } from '../runtime/debug/breakpoints';
import type { Debugger } from '../runtime/debug/debugger';
import type { StackFrame } from '../runtime/debug/frames';
import { entryTree, keyTypeText, valueTypeText } from '../runtime/debug/mapValues';
import { isGlobalData } from '../runtime/debug/names';
import type { SourcePlace } from '../runtime/debug/sourceMap';
import { expiresIn, flagsText } from '../runtime/debug/timers';
import { formatDuration } from '../runtime/debug/timeText';
import type {
  AsOf,
  MapEntriesResponse,
  MapRow,
  MapsResponse,
  SourceRef,
  TimerRow,
  TimersResponse,
} from '../runtime/protocol/debugMessages';
import { slotReference } from './addresses';

/** Where the client counts lines and columns from. */
export interface Counting {
  readonly linesFrom: 0 | 1;
  readonly columnsFrom: 0 | 1;
}

export class ToProto {
  /** @param program the launched file: relative paths in debug information are taken from its folder. */
  constructor(
    private readonly program: string,
    private readonly counting: Counting,
  ) {}

  path(file: string): string {
    if (isAbsolute(file) || /^[A-Za-z]:[\\/]/.test(file)) return file;
    return basename(file) === basename(this.program) ? this.program : resolve(dirname(this.program), file);
  }

  source(file: string): DebugProtocol.Source {
    const path = this.path(file);
    return { name: basename(path), path };
  }

  line = (line: number): number => line - 1 + this.counting.linesFrom;
  fromLine = (line: number): number => line + 1 - this.counting.linesFrom;
  column = (column: number): number => Math.max(column, 1) - 1 + this.counting.columnsFrom;

  sourceRef(place: SourcePlace | undefined): SourceRef | undefined {
    return place && { path: this.path(place.file), line: place.line, column: Math.max(1, place.column) };
  }

  frame(id: number, frame: StackFrame): DebugProtocol.StackFrame {
    const base = { id, name: frame.name, line: 0, column: 0 };
    if (frame.kind === 'label') return { ...base, presentationHint: 'label' };
    const { source, programId, insnIdx } = frame;
    return {
      ...base,
      ...(source && {
        source: this.source(source.file),
        line: this.line(source.line),
        column: this.column(source.column),
      }),
      name: frame.kind === 'inlined' ? `${frame.name} (inlined)` : frame.name,
      ...(frame.kind === 'armed' && { presentationHint: 'subtle' as const }),
      ...(programId !== undefined &&
        insnIdx !== undefined && { instructionPointerReference: slotReference({ programId, insnIdx }) }),
    };
  }

  breakpoint(b: Breakpoint): DebugProtocol.Breakpoint {
    return {
      id: b.id,
      verified: b.verified,
      message: b.message,
      ...(b.line !== undefined && { line: this.line(b.line) }),
      ...(b.file !== undefined && { source: this.source(b.file) }),
      ...(b.slots.length > 0 && { instructionReference: slotReference(b.slots[0]) }),
    };
  }

  asOf(debug: Debugger): AsOf {
    const now = debug.target.nowNs();
    return { timeNs: String(now), time: formatDuration(now), running: debug.running };
  }

  timers(debug: Debugger): TimersResponse {
    const now = debug.target.nowNs();
    const timers = debug.target.timers().map((t): TimerRow => {
      const armedFrame = t.armed?.frames[0];
      return {
        id: t.id,
        label: t.label,
        map: t.map,
        callback: t.callback && {
          name: t.callback.functionName,
          source: this.sourceRef(debug.map.placeAt(t.callback.programId, t.callback.insnIdx)),
        },
        state: t.state,
        clock: t.clock,
        ...(t.expiresNs !== undefined && { expiresNs: String(t.expiresNs) }),
        expiresIn: expiresIn(now, t),
        cpu: t.cpu,
        flags: flagsText(t.flags),
        fires: t.fires,
        ...(t.armed && {
          armedAt: {
            source:
              armedFrame &&
              this.sourceRef(debug.map.placeAt(armedFrame.place.programId, armedFrame.place.insnIdx)),
            ago: `${formatDuration(now - t.armed.atNs)} ago`,
            cpu: t.armed.cpu,
          },
        }),
      };
    });
    return { version: 1, asOf: this.asOf(debug), timers };
  }

  maps(debug: Debugger): MapsResponse {
    const maps = debug.target.maps().map((m): MapRow => ({
      id: m.id,
      name: m.name,
      type: m.type.replace(/^BPF_MAP_TYPE_/, '').toLowerCase(),
      keyType: isGlobalData(m) ? '' : keyTypeText(debug, m),
      valueType: isGlobalData(m) ? 'global variables' : valueTypeText(debug, m),
      entryCount: m.entryCount,
      maxEntries: m.maxEntries,
      changed: debug.mapTracker.mapChanged(m.id),
      ...(m.note !== undefined && { note: m.note }),
    }));
    return { version: 1, asOf: this.asOf(debug), maps };
  }

  mapEntries(debug: Debugger, mapId: number, start: number, count: number): MapEntriesResponse | undefined {
    const map = debug.target.maps().find((m) => m.id === mapId);
    if (!map) return undefined;
    const { total, entries } = debug.target.mapEntries(mapId, start, count);
    return { version: 1, total, entries: entries.map((e, i) => entryTree(debug, map, e, start + i)) };
  }
}
