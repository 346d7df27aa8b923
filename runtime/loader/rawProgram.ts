/**
 * Programs given as bare instructions, one JSON object each, with maps and BTF described beside them: the form in which
 * thousands of generated sequences are judged at once, here and on real kernels. Not for users' objects.
 *
 * Shape: `{id, type, insns: hex, maps?: [{type, key, value, max, flags, fields: [[kind, offset]] | btf: hex, key_type, value_type,
 * inner, freeze, targets}], funcs?: [[slot, argumentCount]] | btf: hex, func_info: [[slot, id]], license?, expected_attach_type?,
 * attach_btf_id?, flags?}`. `lddw` with source 1 or 2 holds an index into `maps`, with source 4 a callback, relative. Defaults are
 * those of the guest's loader: socket filter, array map, "GPL". What only says how to run or to log is not read.
 */
import { checkKernelFormat } from '../btf/kernelFormat';
import { parseBtf } from '../btf/readBtf';
import type { Btf } from '../btf/types';
import { decode, isWide } from '../insn/decode';
import type { Insn } from '../insn/insn';
import { ATTACH_TYPES } from '../spec/attachTypes';
import { ATTACH_RULES, PROGRAM_FLAGS } from '../spec/loadAttributes';
import { MAP_TYPES } from '../spec/mapTypes';
import { PROG_TYPES } from '../spec/progTypes';
import { hexToBytes } from '../util/hexText';
import { fail, FormatError, ok, type Problem, type Result } from '../util/problem';
import type {
  FunctionSpec,
  InsnReference,
  LoadAttributes,
  MapSpec,
  ObjectSpec,
  ProgramSpec,
} from './objectSpec';
import { BtfBuilder } from './rawTypes';

export interface RawMap {
  readonly type?: string | number;
  readonly key?: number;
  readonly value?: number;
  readonly max?: number;
  readonly flags?: number;
  /** Kernel objects inside the value: `["timer", 0]`. */
  readonly fields?: readonly (readonly [string, number])[];
  /** Instead of `fields`: BTF as hex, with the ids of key and value in it. */
  readonly btf?: string;
  readonly key_type?: number;
  readonly value_type?: number;
  readonly inner?: RawMap;
  readonly freeze?: boolean | number;
  /** Array of instructions: the slot that each entry stands for. */
  readonly targets?: readonly number[];
}

export interface RawProgram {
  readonly id?: string | number;
  readonly type?: string | number;
  readonly insns: string;
  readonly maps?: readonly RawMap[];
  readonly funcs?: readonly (readonly [number, number])[];
  /** Instead of `funcs`: BTF as hex, and for each function its first slot and the id of its FUNC. */
  readonly btf?: string;
  readonly func_info?: readonly (readonly [number, number])[];
  readonly license?: string;
  readonly expected_attach_type?: number;
  readonly attach_btf_id?: number;
  readonly flags?: number;
}

export interface RawOptions {
  /** Name of a type of the running kernel: what `attach_btf_id` stands for. */
  readonly kernelTypeName?: (btfId: number) => string | undefined;
}

/** CPUs of the guests that judge bare programs. */
export const GUEST_CPUS = 1;
const LARGEST_OFFSET = 1 << 20;
const INSN_BYTES = 8;
const LONGEST_LICENSE = 63;
const LDDW_MAP = 1;
const LDDW_MAP_VALUE = 2;
const LDDW_FUNCTION = 4;

const malformed = (message: string): never => {
  throw new FormatError('raw program', message);
};

/** The number of a field that may be missing; anything but a whole number is a mistake. */
function numberOf(value: unknown, name: string, missing: number): number {
  if (value === undefined) return missing;
  if (typeof value !== 'number' || !Number.isInteger(value))
    return malformed(`${name} is not a whole number`);
  return value;
}
/** The same as the kernel sees it: 32 bits without sign. */
const unsignedOf = (value: unknown, name: string, missing = 0): number =>
  numberOf(value, name, missing) >>> 0;

/** Types in bytes that nobody put in order before a kernel gets them. */
function givenTypes(hexText: unknown): Btf {
  const bytes = bytesOf(hexText, 'btf');
  checkKernelFormat(bytes);
  return parseBtf(bytes);
}

function pairsOf<T>(value: unknown, name: string): readonly (readonly [T, number])[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || !value.every((pair) => Array.isArray(pair) && pair.length === 2))
    return malformed(`${name} is not a list of pairs`);
  return value as [T, number][];
}

function bytesOf(value: unknown, name: string): Uint8Array {
  if (typeof value !== 'string') return malformed(`${name} is not text`);
  // Half a byte at the end counts for nothing.
  const digits = value.replace(/^\s*0x/i, '').replace(/[\s:]/g, '');
  const bytes = hexToBytes(digits.slice(0, digits.length & ~1));
  return bytes.ok ? bytes.value : malformed(bytes.problem.message);
}

const TYPE_ALIASES: Readonly<Record<string, string>> = { tc: 'sched_cls', filter: 'socket_filter' };

/** Undefined: a number without a name. */
function typeName(
  rows: readonly { readonly id: number; readonly name: string }[],
  prefix: string,
  wanted: unknown,
): string | undefined {
  if (typeof wanted === 'number') return rows.find((row) => row.id === wanted)?.name;
  if (typeof wanted !== 'string') return malformed('a type is neither text nor a number');
  if (wanted === 'unspec') return undefined;
  const alias = Object.hasOwn(TYPE_ALIASES, wanted) ? TYPE_ALIASES[wanted] : wanted;
  const name = prefix + alias.toUpperCase();
  return rows.some((row) => row.name === name) ? name : malformed(`unknown type '${wanted}'`);
}

function mapTypes(raw: RawMap, builder: BtfBuilder): Pick<MapSpec, 'keyTypeId' | 'valueTypeId'> {
  const key = numberOf(raw.key, 'key', 4);
  const value = numberOf(raw.value, 'value', 8);
  if (raw.fields !== undefined) {
    if (value > LARGEST_OFFSET) malformed('value too large for typed fields');
    return {
      keyTypeId: key === 4 ? builder.int('int', 4, 'signed') : builder.bytes(key),
      valueTypeId: builder.value(value, pairsOf<string>(raw.fields, 'fields')),
    };
  }
  if (raw.btf === undefined) return { keyTypeId: 0, valueTypeId: 0 };
  const shift = builder.append(givenTypes(raw.btf));
  const at = (id: unknown, name: string): number => {
    const given = unsignedOf(id, name);
    if (given === 0) return 0;
    return given + shift < builder.types.length ? given + shift : malformed(`${name} is no type`);
  };
  return { keyTypeId: at(raw.key_type, 'key_type'), valueTypeId: at(raw.value_type, 'value_type') };
}

function targetsOf(given: unknown): number[] {
  if (!Array.isArray(given)) return malformed('targets is not a list');
  return given.map((slot: unknown) => unsignedOf(slot, 'a target'));
}

function mapSpec(raw: RawMap, builder: BtfBuilder): MapSpec {
  if (typeof raw !== 'object' || raw === null) return malformed('a map is not an object');
  const type = typeName(MAP_TYPES, 'BPF_MAP_TYPE_', raw.type ?? 'array');
  return {
    name: 'm',
    type: type ?? malformed(`a map of type ${raw.type} could not be created`),
    keySizeBytes: unsignedOf(raw.key, 'key', 4),
    valueSizeBytes: unsignedOf(raw.value, 'value', 8),
    maxEntries: unsignedOf(raw.max, 'max', 1),
    flags: unsignedOf(raw.flags, 'flags'),
    ...mapTypes(raw, builder),
    inner: raw.inner === undefined ? undefined : mapSpec(raw.inner, builder),
    initial: [],
    data: raw.freeze
      ? new Uint8Array(Math.min(unsignedOf(raw.value, 'value', 8), LARGEST_OFFSET))
      : undefined,
    frozen: Boolean(raw.freeze),
    pinning: 'none',
    mapExtra: 0n,
    ...(raw.targets !== undefined && { targets: targetsOf(raw.targets) }),
  };
}

interface Functions {
  readonly records: LoadAttributes['functionRecords'];
  readonly linkage: (index: number) => FunctionSpec['linkage'];
  readonly name: (index: number) => string;
}

/** Records of functions, made up or given. */
function functionsOf(raw: RawProgram, builder: BtfBuilder): Functions | undefined {
  if (raw.funcs !== undefined) {
    const records = pairsOf<number>(raw.funcs, 'funcs').map(([start, count], i) => {
      if (numberOf(count, 'a number of arguments', 0) > 0xffff) malformed('too many arguments');
      return [unsignedOf(start, 'a slot'), builder.func(`f${i}`, count, i > 0)] as const;
    });
    if (records.length === 0) malformed('BTF refused');
    return { records, linkage: (i) => (i > 0 ? 'static' : 'global'), name: (i) => `f${i}` };
  }
  if (raw.btf === undefined) return undefined;
  const btf: Btf = givenTypes(raw.btf);
  if (btf.types.length < 2) malformed('BTF refused');
  const shift = builder.append(btf);
  const records = pairsOf<number>(raw.func_info, 'func_info').map(
    ([start, id]) => [unsignedOf(start, 'a slot'), id === 0 ? 0 : unsignedOf(id, 'a type') + shift] as const,
  );
  const linkage = (i: number): FunctionSpec['linkage'] => {
    const type = builder.types.at(records[i][1]);
    return type?.kind === 'func' ? type.linkage : 'static';
  };
  return { records, linkage, name: (i) => builder.types.at(records[i][1])?.name ?? '' };
}

/** What instructions stand for, and where functions begin. */
function referencesOf(
  insns: readonly Insn[],
  mapCount: number,
): { references: Map<number, InsnReference>; starts: number[] } {
  const references = new Map<number, InsnReference>();
  const starts = new Set<number>([0]);
  const functionAt = (i: number, target: number): void => {
    if (target < 0 || target >= insns.length) return;
    references.set(i, { kind: 'subprog', target, name: `f@${target}` });
    starts.add(target);
  };
  for (let i = 0; i < insns.length; i++) {
    const { code, src, imm } = insns[i];
    if (isWide(insns[i])) {
      const more = insns.at(i + 1)?.imm ?? 0;
      const known = imm >= 0 && imm < mapCount;
      if (src === LDDW_MAP && known && more === 0) references.set(i, { kind: 'map', map: imm });
      else if (src === LDDW_MAP_VALUE && known)
        references.set(i, { kind: 'mapValue', map: imm, offset: more });
      else if (src === LDDW_FUNCTION) functionAt(i, i + imm + 1);
      i++;
    } else if (code === 0x85) {
      if (src === 0) references.set(i, { kind: 'helper', id: imm });
      else if (src === 1) functionAt(i, i + imm + 1);
      else if (src === 2) references.set(i, { kind: 'kfunc', name: '', btfId: imm, weak: false });
    }
  }
  return { references, starts: [...starts].sort((a, b) => a - b) };
}

/** How programs of objects name the thing that they attach to. */
function attachName(
  raw: RawProgram,
  programType: string | undefined,
  attachType: string | undefined,
  options: RawOptions,
): string | undefined {
  if (!raw.attach_btf_id) return undefined;
  const name = options.kernelTypeName?.(raw.attach_btf_id);
  if (attachType === 'BPF_TRACE_RAW_TP') return name?.replace(/^btf_trace_/, '');
  if (attachType === 'BPF_TRACE_ITER') return name?.replace(/^bpf_iter_/, '');
  return programType === 'BPF_PROG_TYPE_LSM' ? name?.replace(/^bpf_lsm_/, '') : name;
}

function attributesOf(raw: RawProgram, options: RawOptions) {
  const programType = typeName(PROG_TYPES, 'BPF_PROG_TYPE_', raw.type ?? 'socket_filter');
  const attachNumber = unsignedOf(raw.expected_attach_type, 'expected_attach_type');
  const zeroIs = Object.hasOwn(ATTACH_RULES, programType ?? '')
    ? ATTACH_RULES[programType ?? ''].zeroIs
    : undefined;
  const given = raw.expected_attach_type !== undefined && programType !== 'BPF_PROG_TYPE_STRUCT_OPS';
  const named = given ? ATTACH_TYPES.find((row) => row.id === attachNumber)?.name : undefined;
  const attachType = attachNumber === 0 && zeroIs !== undefined ? zeroIs : named;
  const attachBtfId = unsignedOf(raw.attach_btf_id, 'attach_btf_id');
  return {
    type: programType ?? 'BPF_PROG_TYPE_UNSPEC',
    attachType,
    attachTo: attachName(raw, programType, attachType, options),
    ...(attachBtfId > 0 && { attachBtfId }),
    ...(programType === 'BPF_PROG_TYPE_STRUCT_OPS' && { memberIndex: attachNumber }),
    load: { programType, flags: unsignedOf(raw.flags, 'flags'), attachType: attachNumber, attachBtfId },
  };
}

/** One raw program as an object that holds just it. A malformed description is a problem, never an exception. */
export function rawObject(
  raw: RawProgram,
  options: RawOptions = {},
): Result<{ object: ObjectSpec; program: ProgramSpec }> {
  const label = `raw program ${raw.id ?? ''}`.trim();
  try {
    const bytes = bytesOf(raw.insns, 'insns');
    const insns = decode(bytes.subarray(0, bytes.length - (bytes.length % INSN_BYTES)));
    const builder = new BtfBuilder();
    if (!Array.isArray(raw.maps ?? [])) malformed('maps is not a list');
    const maps = (raw.maps ?? ([] as readonly RawMap[])).map((m: RawMap) => mapSpec(m, builder));
    const described = functionsOf(raw, builder);
    const { references, starts } = referencesOf(insns, maps.length);
    const functions: FunctionSpec[] = starts.map((insnIdx) => {
      const at = described?.records.findIndex(([start]) => start === insnIdx) ?? -1;
      return described === undefined || at < 0
        ? { insnIdx, name: '', btfId: 0, linkage: 'static' }
        : {
            insnIdx,
            name: described.name(at),
            btfId: described.records[at][1],
            linkage: described.linkage(at),
          };
    });
    const { load, ...attributes } = attributesOf(raw, options);
    if (raw.license !== undefined && typeof raw.license !== 'string') malformed('license is not text');
    const program: ProgramSpec = {
      name: label,
      section: '',
      ...attributes,
      sleepable: (load.flags & PROGRAM_FLAGS.sleepable) !== 0,
      autoload: true,
      insns,
      references,
      functions,
      lines: [],
      origins: [],
      load: { ...load, functionRecords: described?.records ?? [] },
    };
    // The guest's loader reads its lines word by word.
    const license = (raw.license ?? 'GPL').split(/\s/)[0].slice(0, LONGEST_LICENSE);
    const object: ObjectSpec = {
      file: label,
      bare: true,
      littleEndian: true,
      license,
      programs: [program],
      maps,
      btf: builder.types.length > 1 ? { types: builder.types } : undefined,
      externs: [],
      warnings: [],
    };
    return ok({ object, program });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const message = `${label}: ${error.message}`;
    return fail({ code: 'malformed-raw-program', message } satisfies Problem);
  }
}
