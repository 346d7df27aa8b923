/**
 * The whole state of a machine apart from the bytes of linear memory, and its copying. Plain data all through: what is
 * frozen is shared between copies, everything else is cloned.
 */
import type { KernelState } from '../kernel/state';
import type { MapRecord } from '../maps/mapFamily';
import type { SchedulerState } from '../sched/scheduler';
import type { ContextRecord } from './contexts';
import type { MachineStop, ReturnValue } from './types';

/** One run of a program: started by the user, ended by its exit. */
export interface ProgramRun {
  readonly number: number;
  readonly programId: number;
  readonly cpu: number;
  /** Start offset of its context record, 0 = none. */
  readonly context: number;
  /** Linear offset of a plain context (syscall programs …), 0 = none; bytes of it that the user gave. */
  readonly plain: number;
  readonly plainSizeBytes: number;
  /** Its packet and context stay for another run. */
  readonly keep: boolean;
  ended: boolean;
  /** r0, unsigned. */
  result: bigint;
}

export interface MachineState {
  readonly kernel: KernelState & { scheduler: SchedulerState };
  readonly maps: Map<number, MapRecord>;
  /** Program contexts by linear offset. */
  readonly contexts: Map<number, ContextRecord>;
  readonly runs: ProgramRun[];
  readonly returnValues: ReturnValue[];
  /** Set when the run is over for good. */
  ended: MachineStop | undefined;
  /** CPU that acted last. */
  lastCpu: number;
  /** Waiting steps since the last step that changed anything. */
  idleSpins: number;
}

/** A deep copy of plain data; frozen records are shared. */
export function cloneState<T>(value: T): T {
  return typeof value === 'object' && value !== null ? copyRecord(value) : value;
}

/** The shape is taken over at once, which is quicker than field by field; then what a field holds is copied. */
function copyRecord<T extends object>(value: T): T {
  if (Object.isFrozen(value)) return value;
  if (Array.isArray(value)) {
    const items = value.slice() as unknown[];
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (typeof item === 'object' && item !== null) items[i] = copyRecord(item);
    }
    return items as T;
  }
  if (value instanceof Map) {
    const copy = new Map<unknown, unknown>();
    for (const [key, item] of value as Map<unknown, unknown>)
      copy.set(key, typeof item === 'object' && item !== null ? copyRecord(item) : item);
    return copy as unknown as T;
  }
  if (value instanceof Uint8Array) return value.slice() as unknown as T;
  const copy = { ...value } as Record<string, unknown>;
  for (const key in copy) {
    const item = copy[key];
    if (typeof item === 'object' && item !== null) copy[key] = copyRecord(item);
  }
  return copy as T;
}
