/**
 * What happened, in order: frozen records for the run report, the debugger's console and tests. The shapes are those of
 * `machine/types` (MachineEvent, ArmedStack), which this floor may not import.
 */
export interface PlaceRecord {
  readonly programId: number;
  readonly program: string;
  readonly insnIdx: number;
}

export interface ArmedRecord {
  readonly atNs: bigint;
  readonly cpu: number;
  readonly frames: readonly { readonly place: PlaceRecord; readonly functionName: string }[];
  readonly parent?: ArmedRecord;
}

export interface TimerKeyRecord {
  readonly id: number;
  readonly map: string;
  readonly mapId: number;
  readonly keyHex: string;
  readonly offset: number;
}

interface At {
  readonly atNs: bigint;
  readonly cpu: number;
}

export type KernelEvent =
  | (At & {
      readonly kind: 'programStart' | 'programEnd';
      readonly program: string;
      readonly value?: bigint;
    })
  | (At & {
      readonly kind: 'timerInit' | 'timerArm' | 'timerFire' | 'timerDone' | 'timerCancel' | 'timerFree';
      readonly timer: TimerKeyRecord;
      readonly expiresNs?: bigint;
    })
  | (At & { readonly kind: 'print'; readonly text: string; readonly place: PlaceRecord })
  | (At & {
      readonly kind: 'helperError';
      readonly helper: string;
      readonly error: number;
      readonly place: PlaceRecord;
    })
  | (At & { readonly kind: 'fault'; readonly message: string; readonly place?: PlaceRecord })
  | (At & { readonly kind: 'note'; readonly text: string });
