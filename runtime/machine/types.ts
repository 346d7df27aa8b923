/**
 * What the outside (debugger, command line, explorer, tests) sees of a machine. Everything here is plain data made on
 * request; the machine's own state is private to `runtime/machine` and the floors below.
 */

/** 64-bit nanoseconds of virtual time since the machine started. */
export type TimeNs = bigint;

export type ContextKind = 'task' | 'softirq' | 'hardirq' | 'nmi';

/** A place in loaded code. */
export interface CodePlace {
  /** Index into the machine's loaded programs. */
  readonly programId: number;
  readonly program: string;
  readonly insnIdx: number;
}

/** One BPF stack frame, innermost first in lists. */
export interface FrameView {
  readonly cpu: number;
  /** Index of the context on the CPU's context stack; 0 is the interrupted one. */
  readonly contextIndex: number;
  readonly contextKind: ContextKind;
  /** Frame number inside the context, 0 = entry. */
  readonly frame: number;
  /** For the innermost frame: the next instruction. For callers: the call instruction. */
  readonly place: CodePlace;
  readonly functionName: string;
  /** Set on the first frame of a callback: which timer runs here. */
  readonly timer?: TimerKey;
}

/** A stack captured when a timer was armed, chained through re-arms. */
export interface ArmedStack {
  readonly atNs: TimeNs;
  readonly cpu: number;
  readonly frames: readonly { readonly place: CodePlace; readonly functionName: string }[];
  /** When the arming code itself ran in a timer callback: where that timer was armed. */
  readonly parent?: ArmedStack;
}

export interface TimerKey {
  /** Timer object id, unique in the run. */
  readonly id: number;
  readonly map: string;
  readonly mapId: number;
  readonly keyHex: string;
  /** Byte offset of the timer in the value. */
  readonly offset: number;
}

export type TimerState = 'initialised' | 'ready' | 'armed' | 'running' | 'running+armed';

export interface TimerView extends TimerKey {
  /** `flows[{src: 1, …}].expiry` */
  readonly label: string;
  readonly clock: 'CLOCK_MONOTONIC' | 'CLOCK_REALTIME' | 'CLOCK_BOOTTIME';
  readonly state: TimerState;
  /** Absolute, on the timer's clock; undefined when not armed. */
  readonly expiresNs?: TimeNs;
  readonly callback?: CodePlace & { readonly functionName: string };
  readonly cpu: number;
  readonly flags: number;
  readonly fires: number;
  readonly armed?: ArmedStack;
}

export type MachineEvent =
  | {
      readonly kind: 'programStart' | 'programEnd';
      readonly atNs: TimeNs;
      readonly cpu: number;
      readonly program: string;
      readonly value?: bigint;
    }
  | {
      readonly kind: 'timerInit' | 'timerArm' | 'timerFire' | 'timerDone' | 'timerCancel' | 'timerFree';
      readonly atNs: TimeNs;
      readonly cpu: number;
      readonly timer: TimerKey;
      readonly expiresNs?: TimeNs;
    }
  | {
      readonly kind: 'print';
      readonly atNs: TimeNs;
      readonly cpu: number;
      readonly text: string;
      readonly place: CodePlace;
    }
  | {
      readonly kind: 'helperError';
      readonly atNs: TimeNs;
      readonly cpu: number;
      readonly helper: string;
      readonly error: number;
      readonly place: CodePlace;
    }
  | {
      readonly kind: 'fault';
      readonly atNs: TimeNs;
      readonly cpu: number;
      readonly message: string;
      readonly place?: CodePlace;
    }
  | { readonly kind: 'note'; readonly atNs: TimeNs; readonly cpu: number; readonly text: string };

export interface ReturnValue {
  readonly program: string;
  /** r0 as the kernel's test-run reports it (unsigned 32-bit for most types). */
  readonly value: number;
  readonly packetHex?: string;
  readonly ctxHex?: string;
}

/** A map as views and `run` show it. */
export interface MapContents {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
  readonly entryCount: number;
  /** Why its contents cannot be listed, if so (prog array handles, …). */
  readonly note?: string;
}

/** Why `Machine.run` came back. */
export type MachineStop =
  /** Nothing left to do before the time limit: all programs ran, no timer due. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'timeLimit' }
  /** Step budget of this call used up; call again. */
  | { readonly kind: 'budget' }
  | { readonly kind: 'breakpoint'; readonly cpu: number; readonly place: CodePlace }
  /** The scenario's own limit (endless re-arm at zero delay, …): the run is over and says why. */
  | { readonly kind: 'exhausted'; readonly message: string }
  | { readonly kind: 'fault'; readonly cpu: number; readonly message: string; readonly place?: CodePlace };
