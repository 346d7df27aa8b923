/**
 * What a run left behind, as the JSON that `bpf-studio run` prints (design: stable). 64-bit numbers and `…Ns` are decimal
 * strings, counts are numbers, bytes are hexadecimal. Deterministic: same machine, same text.
 */
import type { BtfValue } from '../btf/values';
import { bytesToHex } from '../util/hexText';
import type { Machine } from './machine';
import { readValue, untyped } from './valueText';
import type { ArmedStack, CodePlace, MachineEvent, TimerView } from './types';
import type { MapRecord } from '../maps/mapFamily';

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue };

export interface PlaceReport {
  readonly program: string;
  readonly function: string;
  readonly insn: number;
  readonly file?: string;
  readonly line?: number;
}

export interface TimerReport {
  readonly map: string;
  readonly key: JsonValue;
  readonly offset: number;
  readonly clock: string;
  readonly state: string;
  readonly expiresNs: string | null;
  readonly callback: string | null;
  readonly cpu: number;
  readonly flags: number;
  readonly fires: number;
  readonly armedAt: (PlaceReport & { readonly timeNs: string; readonly cpu: number }) | null;
}

export interface EntryReport {
  readonly key?: JsonValue;
  readonly value?: JsonValue;
  readonly keyHex?: string;
  readonly valueHex?: string;
  readonly valuesHex?: readonly string[];
}

export interface RunReport {
  readonly kernel: string;
  readonly timeNs: string;
  readonly returnValues: readonly {
    readonly program: string;
    readonly value: number;
    readonly packetHex?: string;
    readonly ctxHex?: string;
  }[];
  readonly timers: readonly TimerReport[];
  readonly maps: Readonly<Record<string, readonly EntryReport[]>>;
  readonly events: readonly Readonly<Record<string, JsonValue>>[];
  readonly output: readonly string[];
}

export interface ReportOptions {
  /** Most entries listed per map; 1000 if absent. */
  readonly maxEntries?: number;
  /** Most events listed, the last ones; all if absent. */
  readonly maxEvents?: number;
}

/** A typed value: numbers up to 32 bits as numbers, wider ones as decimal strings, structs as objects. */
export function toJson(value: BtfValue): JsonValue {
  if (value.value !== undefined) {
    if (/^[A-Za-z_]/.test(value.text)) return value.text;
    return value.sizeBytes > 4 ? value.value.toString() : Number(value.value);
  }
  if (value.children.length > 0) {
    if (value.children[0].name.startsWith('[')) return value.children.map(toJson);
    const members: { [name: string]: JsonValue } = {};
    for (const child of value.children) {
      const inner = toJson(child);
      // Members of an anonymous struct or union belong to the struct around it.
      if (child.name === '' && typeof inner === 'object' && inner !== null && !Array.isArray(inner))
        Object.assign(members, inner);
      else members[child.name] = inner;
    }
    return members;
  }
  // A struct without named members (a timer, a lock): nothing to show.
  if (value.text === '{}') return {};
  const quoted = /^"(.*)"$/s.exec(value.text);
  return quoted ? quoted[1] : value.text;
}

/** The value by its BTF type, hexadecimal without one. */
export function typedJson(map: MapRecord, part: 'key' | 'value', bytes: Uint8Array): JsonValue {
  const typed = readValue(map.definition, part, bytes);
  return typed === undefined ? untyped(map.definition, part, bytes) : toJson(typed);
}

/** Source line of a slot: the line entry that holds there. */
export function sourceOf(machine: Machine, place: CodePlace): { file: string; line: number } | undefined {
  let found: { file: string; line: number } | undefined;
  for (const entry of machine.programs[place.programId]?.spec.lines ?? []) {
    if (entry.insnIdx > place.insnIdx) break;
    if (entry.line > 0) found = { file: entry.file, line: entry.line };
  }
  return found;
}

function placeReport(machine: Machine, place: CodePlace, functionName?: string): PlaceReport {
  const name = functionName ?? machine.programs[place.programId]?.functionAt(place.insnIdx) ?? '?';
  const source = sourceOf(machine, place);
  return {
    program: place.program,
    function: name,
    insn: place.insnIdx,
    ...(source === undefined ? {} : source),
  };
}

function armedReport(machine: Machine, armed: ArmedStack | undefined): TimerReport['armedAt'] {
  if (armed === undefined) return null;
  const [frame] = armed.frames;
  return {
    timeNs: armed.atNs.toString(),
    cpu: armed.cpu,
    ...placeReport(machine, frame.place, frame.functionName),
  };
}

function timerReport(machine: Machine, timer: TimerView): TimerReport {
  const map = machine.state.maps.get(timer.mapId);
  return {
    map: timer.map,
    key: map === undefined ? timer.keyHex : typedJson(map, 'key', hexBytes(timer.keyHex)),
    offset: timer.offset,
    clock: timer.clock,
    state: timer.state,
    expiresNs: timer.expiresNs === undefined ? null : timer.expiresNs.toString(),
    callback: timer.callback?.functionName ?? null,
    cpu: timer.cpu,
    flags: timer.flags,
    fires: timer.fires,
    armedAt: armedReport(machine, timer.armed),
  };
}

const hexBytes = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));

/** An event as JSON: bigints as strings, places with their source line. */
function eventReport(machine: Machine, event: MachineEvent): Record<string, JsonValue> {
  const report: Record<string, JsonValue> = {
    kind: event.kind,
    timeNs: event.atNs.toString(),
    cpu: event.cpu,
  };
  if ('program' in event) report.program = event.program;
  if ('value' in event && event.value !== undefined) report.value = Number(event.value);
  if ('timer' in event) {
    const map = machine.state.maps.get(event.timer.mapId);
    report.map = event.timer.map;
    report.key = map === undefined ? event.timer.keyHex : typedJson(map, 'key', hexBytes(event.timer.keyHex));
    report.offset = event.timer.offset;
  }
  if ('expiresNs' in event && event.expiresNs !== undefined) report.expiresNs = event.expiresNs.toString();
  if ('text' in event) report.text = event.text;
  if ('message' in event) report.message = event.message;
  if ('helper' in event) {
    report.helper = event.helper;
    report.errno = -event.error;
  }
  if ('place' in event && event.place !== undefined) report.at = { ...placeReport(machine, event.place) };
  return report;
}

/** The elements of one map, typed and in hexadecimal. */
export function entriesReport(machine: Machine, map: MapRecord, maxEntries: number): EntryReport[] {
  return machine.mapEntries(map.definition.id, 0, maxEntries).entries.map((entry) => {
    const report: { -readonly [K in keyof EntryReport]: EntryReport[K] } = {};
    if (entry.key !== undefined) {
      report.key = typedJson(map, 'key', entry.key);
      report.keyHex = bytesToHex(entry.key);
    }
    const values = entry.values.map((v) => typedJson(map, 'value', v.bytes));
    const hex = entry.values.map((v) => bytesToHex(v.bytes));
    if (values.length === 1) {
      report.value = values[0];
      report.valueHex = hex[0];
    } else {
      report.value = values;
      report.valuesHex = hex;
    }
    return report;
  });
}

export function runReport(machine: Machine, options: ReportOptions = {}): RunReport {
  const maps: Record<string, EntryReport[]> = {};
  for (const map of machine.state.maps.values())
    maps[map.definition.name] = entriesReport(machine, map, options.maxEntries ?? 1000);
  const events = machine.events();
  const shown = options.maxEvents === undefined ? events : events.slice(-options.maxEvents);
  return {
    kernel: machine.profile.name,
    timeNs: machine.nowNs().toString(),
    returnValues: machine.returnValues(),
    timers: machine.timers().map((timer) => timerReport(machine, timer)),
    maps,
    events: shown.map((event) => eventReport(machine, event)),
    output: events.flatMap((event) => (event.kind === 'print' ? [event.text] : [])),
  };
}
