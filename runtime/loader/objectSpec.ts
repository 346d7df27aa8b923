/**
 * What reading an object file yields: plain, deterministic data that says nothing about any running kernel
 * (beyond the target BTF that CO-RE relocations were resolved against).
 */
import type { Insn } from '../insn/insn';
import type { Btf } from '../btf/types';
import type { Problem } from '../util/problem';
import type { DwarfInfo } from '../dwarf/types';

export interface ObjectSpec {
  /** Path or label of the object, for messages. */
  readonly file: string;
  /** Bare programs: nothing is done for them that a loader does for an object's, such as trying again without types. */
  readonly bare?: true;
  readonly littleEndian: boolean;
  /** The `license` section's string, '' if absent. */
  readonly license: string;
  readonly programs: readonly ProgramSpec[];
  readonly maps: readonly MapSpec[];
  /** Operation tables (`.struct_ops`) that loading creates. */
  readonly operationTables?: readonly OperationTable[];
  /** The object's own BTF, absent when it has none. */
  readonly btf?: Btf;
  /** Raw bytes of the .BTF section (for tools that print sizes). */
  readonly externs: readonly ExternSpec[];
  readonly dwarf?: DwarfInfo;
  /** What libbpf would warn of; the object loads all the same. */
  readonly warnings: readonly Problem[];
}

/** A variable that implements an operations table of the kernel, and becomes a map of one element. */
export interface OperationTable {
  readonly name: string;
  /** Attached by a link, which not every kernel can. */
  readonly linked: boolean;
  /** The kernel's struct around the table; 0: unknown. */
  readonly valueSizeBytes: number;
}

/** What a relocated instruction stands for. Keyed by slot of the `lddw` or `call`. */
export type InsnReference =
  | { readonly kind: 'map'; readonly map: number }
  /** Address of a byte of a global-data map's (only) value. */
  | { readonly kind: 'mapValue'; readonly map: number; readonly offset: number }
  /** `lddw` of a static subprogram's address (callback) or a bpf-to-bpf call; `target` is a slot of this program. */
  | { readonly kind: 'subprog'; readonly target: number; readonly name: string }
  | { readonly kind: 'helper'; readonly id: number }
  /** Kernel function by name; `found` when the kernel BTF has it; a weak one that is missing became zero. */
  | { readonly kind: 'kfunc'; readonly name: string; readonly btfId: number; readonly weak: boolean }
  /** Kernel variable: typed (from kernel BTF) or typeless address from kallsyms. */
  | {
      readonly kind: 'ksym';
      readonly name: string;
      readonly btfId: number;
      readonly typed: boolean;
      readonly weak: boolean;
    }
  /** A relocation that cannot be satisfied poisons the instruction; reaching it is the verifier's error. */
  | { readonly kind: 'poisoned'; readonly reason: string };

export interface ProgramSpec {
  readonly name: string;
  /** ELF section, e.g. `xdp`, `fentry/do_unlinkat`. */
  readonly section: string;
  /** Name from the program-type table (`BPF_PROG_TYPE_XDP`). */
  readonly type: string;
  /** Name from the attach-type list, when the section implies one. */
  readonly attachType?: string;
  /** Kernel function, tracepoint, struct_ops member … that the section names. */
  readonly attachTo?: string;
  /** Id in the kernel's BTF of the function, tracepoint or hook that `attachTo` names; absent without kernel BTF. */
  readonly attachBtfId?: number;
  /** Programs of type struct_ops: index of the member that they implement in the struct that `attachBtfId` is. */
  readonly memberIndex?: number;
  readonly sleepable: boolean;
  /** XDP program that understands multi-buffer packets. */
  readonly xdpFrags?: boolean;
  /** False for `SEC("?…")`: not loaded unless asked for. */
  readonly autoload: boolean;
  /** Main program first, every subprogram that it reaches after it; slots. */
  readonly insns: readonly Insn[];
  readonly references: ReadonlyMap<number, InsnReference>;
  /** First slot of the main program (0) and of each subprogram, ascending. */
  readonly functions: readonly FunctionSpec[];
  /** Ascending by slot. A line holds until the next entry. */
  readonly lines: readonly LineEntry[];
  /** For DWARF: where each function's code came from. */
  readonly origins: readonly CodeOrigin[];
  /** Of programs that come without an object: what else the kernel is told. */
  readonly load?: LoadAttributes;
  /** Why the program cannot be handed to a kernel at all (libbpf refuses it); verdict `error`. */
  readonly problem?: Problem;
}

/** The attributes of a load as numbers, taken over without a loader's care. */
export interface LoadAttributes {
  /** Undefined: a number that no kernel knows as a program type. */
  readonly programType?: string;
  /** BPF_F_… of program loads. */
  readonly flags: number;
  /** `enum bpf_attach_type`. */
  readonly attachType: number;
  /** Id in the kernel's BTF, 0: none. */
  readonly attachBtfId: number;
  /** First slot and BTF id of every function, in the order given. */
  readonly functionRecords: readonly (readonly [insnIdx: number, typeId: number])[];
}

export interface FunctionSpec {
  readonly insnIdx: number;
  readonly name: string;
  /** BTF FUNC id in the object's BTF; 0 when there is no func_info. */
  readonly btfId: number;
  readonly linkage: 'static' | 'global' | 'extern';
}

export interface LineEntry {
  readonly insnIdx: number;
  readonly file: string;
  /** 1-based; 0 when unknown. */
  readonly line: number;
  /** 1-based; 0 when unknown. */
  readonly column: number;
  /** The source line's text as the compiler stored it, '' if none. */
  readonly text: string;
}

/** Maps slots of a linked program back to the object's sections, where DWARF addresses live. */
export interface CodeOrigin {
  readonly insnIdx: number;
  readonly insnCount: number;
  readonly section: string;
  /** Byte offset of the first instruction inside the section. */
  readonly sectionOffsetBytes: number;
}

export interface MapSpec {
  readonly name: string;
  /** Name from the map-type table (`BPF_MAP_TYPE_HASH`). */
  readonly type: string;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
  /** BPF_F_* as a number. */
  readonly flags: number;
  /** BTF ids in the object's BTF, 0 if unknown. For global data the value is the DATASEC. */
  readonly keyTypeId: number;
  readonly valueTypeId: number;
  /** Template of inner maps, for ARRAY_OF_MAPS and HASH_OF_MAPS. */
  readonly inner?: MapSpec;
  /** Static initialisers: index or position → map or program of this object, by name. */
  readonly initial: readonly {
    readonly index: number;
    readonly kind: 'map' | 'program';
    readonly name: string;
  }[];
  /** Initial bytes of the single value of a global-data map, or the variables of an arena; absent when they are too many zeroes to be made here. */
  readonly data?: Uint8Array;
  /** Global data: `.rodata`, `.data`, `.bss`, `.kconfig` or a custom section's name. */
  readonly section?: string;
  /** True when libbpf freezes it (read-only from both sides): the verifier may read constants from it. */
  readonly frozen: boolean;
  readonly pinning: 'none' | 'byName';
  readonly mapExtra: bigint;
  /** Array of instructions: the slot that each entry stands for. Absent: 0 everywhere. */
  readonly targets?: readonly number[];
  /** Made by the loader for the program of that name alone, when that one is loaded. */
  readonly ownedBy?: string;
}

export interface ExternSpec {
  readonly name: string;
  readonly kind: 'kconfig' | 'ksym' | 'kfunc';
  readonly weak: boolean;
  readonly typeId: number;
  /** Resolved value of a kconfig extern as stored in the `.kconfig` map. */
  readonly value?: bigint;
}
