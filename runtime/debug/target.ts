/**
 * What the debugger needs of whatever runs the programs. `machineTarget.ts` implements it over the machine; tests may
 * implement it by hand. Everything returned is plain data as of now.
 */
import type { ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import type {
  ArmedStack,
  CodePlace,
  ContextKind,
  FrameView,
  MachineEvent,
  MachineStop,
  MapContents,
  TimeNs,
  TimerView,
} from '../machine/types';

export interface TargetProgram {
  readonly id: number;
  readonly spec: ProgramSpec;
}

/** One element of a map as the debugger reads it: keys and values as bytes, values also by address where they have one. */
export interface TargetMapEntry {
  readonly key?: Uint8Array;
  readonly values: readonly { readonly bytes: Uint8Array; readonly address?: bigint }[];
}

export interface TargetMap extends MapContents {
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

export interface ContextInfo {
  readonly kind: ContextKind;
  readonly program: string;
  /** BPF_PROG_TYPE_… of the program that the context runs. */
  readonly programType: string;
  /** BPF address of the program context (`struct xdp_md` …), when there is one. */
  readonly contextAddress?: bigint;
  readonly packet?: { readonly address: bigint; readonly sizeBytes: number };
}

export interface DebugTarget {
  readonly object: ObjectSpec;
  readonly programs: readonly TargetProgram[];
  readonly cpuCount: number;
  /** What to say when the run ends because nothing is left to do; absent: it is idle or out of time. */
  readonly endText?: string | undefined;
  /** CPU that acted last, or acts next: the one a stop is about. */
  currentCpu(): number;
  nowNs(): TimeNs;
  /** Innermost first; empty when the CPU idles. */
  frames(cpu: number): readonly FrameView[];
  /** Stack captured when the timer was armed whose callback runs in that context. */
  armedStack(cpu: number, contextIndex: number): ArmedStack | undefined;
  /** r0–r10; undefined where the calling convention does not keep a caller's register. */
  registers(cpu: number, contextIndex: number, frame: number): readonly (bigint | undefined)[];
  context(cpu: number, contextIndex: number): ContextInfo | undefined;
  /** Undefined when those bytes are not memory that a program could read. */
  readMemory(address: bigint, sizeBytes: number): Uint8Array | undefined;
  /** One field of a program context; may be wider than the C field (packet pointers). */
  readContext(address: bigint, sizeBytes: number): bigint | undefined;
  /** False when the bytes cannot be written. */
  writeMemory(address: bigint, bytes: Uint8Array): boolean;
  writeRegister(cpu: number, contextIndex: number, frame: number, register: number, value: bigint): boolean;
  /** `beats[0].count`, `stack of frame 0`; undefined when nothing is known about the address. */
  describeAddress(address: bigint): string | undefined;
  timers(): readonly TimerView[];
  /** The timer whose `struct bpf_timer` stands at an address. */
  timerAt(address: bigint): TimerView | undefined;
  maps(): readonly TargetMap[];
  mapEntries(
    mapId: number,
    start: number,
    count: number,
  ): { total: number; entries: readonly TargetMapEntry[] };
  /** Address of a global-data section's map value, by section or map name. */
  globalSection(section: string): { readonly address: bigint; readonly sizeBytes: number } | undefined;
  /** Events since the last call. */
  takeEvents(): readonly MachineEvent[];
  setBreakpoints(places: readonly { readonly programId: number; readonly insnIdx: number }[]): void;
  /** Runs until something stops it. The instruction under the program counter runs even if it has a breakpoint. */
  run(options: { readonly untilNs?: TimeNs; readonly budget: number }): MachineStop;
  /** One instruction or one step of a kernel operation, on whichever CPU is due; honours no breakpoint. */
  step(untilNs?: TimeNs): MachineStop;
  /** The place where the CPU stands, if it runs BPF code right now. */
  place(cpu: number): CodePlace | undefined;
}
