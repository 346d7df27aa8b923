/**
 * Custom DAP messages between our debug adapter and views (ours or anyone's). Version 1.
 * 64-bit numbers are decimal strings. Requests are answered while stopped and while running (state as of `asOf`).
 */
export const DEBUG_PROTOCOL_VERSION = 1;

/** Request `bpfTimers`, no arguments. */
export interface TimersResponse {
  readonly version: 1;
  readonly asOf: AsOf;
  readonly timers: readonly TimerRow[];
}

/** When a snapshot was taken, for "as of" labels. */
export interface AsOf {
  readonly timeNs: string;
  /** e.g. `1.25 ms`. */
  readonly time: string;
  readonly running: boolean;
}

export interface TimerRow {
  readonly id: number;
  /** `beats[0].timer` */
  readonly label: string;
  readonly map: string;
  readonly callback?: { readonly name: string; readonly source?: SourceRef };
  readonly state: string;
  readonly clock: string;
  /** Absolute, absent when not armed. */
  readonly expiresNs?: string;
  /** e.g. `in 93.2 ms`, `due`, ''. */
  readonly expiresIn: string;
  readonly cpu: number;
  /** e.g. `ABS|CPU_PIN`, ''. */
  readonly flags: string;
  readonly fires: number;
  readonly armedAt?: { readonly source?: SourceRef; readonly ago: string; readonly cpu: number };
}

export interface SourceRef {
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
}

/** Request `bpfMaps`, no arguments: every map, without contents. */
export interface MapsResponse {
  readonly version: 1;
  readonly asOf: AsOf;
  readonly maps: readonly MapRow[];
}

export interface MapRow {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly keyType: string;
  readonly valueType: string;
  readonly entryCount: number;
  readonly maxEntries: number;
  /** True when any entry differs from the last stop. */
  readonly changed: boolean;
  readonly note?: string;
}

/** Request `bpfMapEntries`. */
export interface MapEntriesArguments {
  readonly mapId: number;
  readonly start: number;
  readonly count: number;
}

export interface MapEntriesResponse {
  readonly version: 1;
  readonly total: number;
  readonly entries: readonly ValueNode[];
}

/** A typed value as a tree. The top node of an entry has the key as its name. */
export interface ValueNode {
  readonly name: string;
  readonly value: string;
  readonly type: string;
  readonly changed: boolean;
  readonly children: readonly ValueNode[];
}

/** Event `bpfStateChanged`: views should ask again. Sent at every stop and, throttled, while running. */
export interface StateChangedEvent {
  readonly version: 1;
  readonly reason: 'stopped' | 'running' | 'ended';
}

/** Event `bpfNotice`: something the user should know once, e.g. that a rejected program is being debugged. */
export interface NoticeEvent {
  readonly version: 1;
  readonly severity: 'info' | 'warning' | 'error';
  readonly message: string;
}
