/**
 * Programs given as bare instructions, one JSON object each, with maps and BTF described beside them: the form in which
 * thousands of generated sequences are judged at once, here and on real kernels. Not for users' objects.
 *
 * Shape: `{id, type, insns: hex, maps?: [{type, key, value, max, flags, fields: [[kind, offset]], inner, freeze}],
 * funcs?: [[slot, argumentCount]], license?, expected_attach_type?, flags?}`. `lddw` with source 1 or 2 holds an index into `maps`,
 * with source 4 a callback, relative. Defaults are those of the guest's loader: socket filter, array map, "GPL".
 */
import type { Btf, BtfMember, BtfType } from '../btf/types';
import { decode, isWide } from '../insn/decode';
import { ATTACH_TYPES } from '../spec/attachTypes';
import { MAP_TYPES } from '../spec/mapTypes';
import { PROG_TYPES } from '../spec/progTypes';
import { hexToBytes } from '../util/hexText';
import { fail, FormatError, ok, type Problem, type Result } from '../util/problem';
import type { FunctionSpec, InsnReference, MapSpec, ObjectSpec, ProgramSpec } from './objectSpec';

export interface RawMap {
  readonly type?: string | number;
  readonly key?: number;
  readonly value?: number;
  readonly max?: number;
  readonly flags?: number;
  /** Kernel objects inside the value: `["timer", 0]`. */
  readonly fields?: readonly (readonly [string, number])[];
  readonly inner?: RawMap;
  readonly freeze?: boolean | number;
}

export interface RawProgram {
  readonly id?: string | number;
  readonly type?: string | number;
  readonly insns: string;
  readonly maps?: readonly RawMap[];
  readonly funcs?: readonly (readonly [number, number])[];
  readonly license?: string;
  readonly expected_attach_type?: number;
  readonly attach_btf_id?: number;
  readonly flags?: number;
}

const FIELD_STRUCTS: Readonly<Record<string, readonly [name: string, sizeBytes: number]>> = {
  timer: ['bpf_timer', 16],
  spin_lock: ['bpf_spin_lock', 4],
  wq: ['bpf_wq', 16],
  list_head: ['bpf_list_head', 16],
  rb_root: ['bpf_rb_root', 16],
  refcount: ['bpf_refcount', 4],
};

const BPF_F_STRICT_ALIGNMENT = 1;
const BPF_F_SLEEPABLE = 16;
const LARGEST_OFFSET = 1 << 20;

class BtfBuilder {
  readonly types: BtfType[] = [{ kind: 'void', name: '' }];
  private add(type: BtfType): number {
    return this.types.push(type) - 1;
  }
  int(name: string, sizeBytes: number, encoding: 'signed' | 'unsigned'): number {
    const at = this.types.findIndex((t) => t.kind === 'int' && t.name === name);
    return at > 0
      ? at
      : this.add({ kind: 'int', name, sizeBytes, bits: 8 * sizeBytes, bitOffset: 0, encoding });
  }
  bytes(count: number): number {
    const indexType = this.int('int', 4, 'signed');
    return this.add({ kind: 'array', name: '', type: this.int('char', 1, 'signed'), indexType, count });
  }
  /** A value struct with kernel objects at the given offsets and padding between them. */
  value(sizeBytes: number, fields: readonly (readonly [string, number])[]): number {
    const members: BtfMember[] = [];
    let at = 0;
    const pad = (upTo: number): void => {
      if (upTo > at)
        members.push({
          name: `pad${at}`,
          type: this.bytes(upTo - at),
          offsetBits: at * 8,
          bitfieldSizeBits: 0,
        });
    };
    for (const [kind, offset] of [...fields].sort((a, b) => a[1] - b[1])) {
      const known = FIELD_STRUCTS[kind];
      if (!known) throw new FormatError('raw program', `unknown field kind '${kind}'`);
      const [name, size] = known;
      pad(offset);
      const opaque: BtfMember = { name: 'o', type: this.bytes(size), offsetBits: 0, bitfieldSizeBits: 0 };
      const inner = this.add({ kind: 'struct', name, sizeBytes: size, members: [opaque] });
      members.push({ name: `f${offset}`, type: inner, offsetBits: offset * 8, bitfieldSizeBits: 0 });
      at = offset + size;
    }
    pad(sizeBytes);
    return this.add({ kind: 'struct', name: `value${this.types.length}`, sizeBytes, members });
  }
  func(name: string, argumentCount: number, isStatic: boolean): number {
    const word = this.int('unsigned long', 8, 'unsigned');
    const pointer = this.add({ kind: 'ptr', name: '', type: 0 });
    const params = Array.from({ length: argumentCount }, (_, i) => ({
      name: `a${i}`,
      type: i === 0 ? pointer : word,
    }));
    const proto = this.add({ kind: 'funcProto', name: '', returnType: this.int('int', 4, 'signed'), params });
    return this.add({ kind: 'func', name, type: proto, linkage: isStatic ? 'static' : 'global' });
  }
}

const TYPE_ALIASES: Readonly<Record<string, string>> = { tc: 'sched_cls', filter: 'socket_filter' };

function typeName(
  rows: readonly { readonly id: number; readonly name: string }[],
  prefix: string,
  wanted: string | number,
): string {
  const name = prefix + (TYPE_ALIASES[String(wanted)] ?? String(wanted)).toUpperCase();
  const row = rows.find((r) => (typeof wanted === 'number' ? r.id === wanted : r.name === name));
  if (!row) throw new FormatError('raw program', `unknown type '${wanted}'`);
  return row.name;
}

function mapSpec(raw: RawMap, builder: BtfBuilder): MapSpec {
  const keySizeBytes = raw.key ?? 4;
  const valueSizeBytes = raw.value ?? 8;
  const typed = raw.fields !== undefined;
  if (typed && valueSizeBytes > LARGEST_OFFSET)
    throw new FormatError('raw program', 'value too large for typed fields');
  return {
    name: 'm',
    type: typeName(MAP_TYPES, 'BPF_MAP_TYPE_', raw.type ?? 'array'),
    keySizeBytes,
    valueSizeBytes,
    maxEntries: raw.max ?? 1,
    flags: raw.flags ?? 0,
    keyTypeId: typed
      ? keySizeBytes === 4
        ? builder.int('int', 4, 'signed')
        : builder.bytes(keySizeBytes)
      : 0,
    valueTypeId: raw.fields ? builder.value(valueSizeBytes, raw.fields) : 0,
    inner: raw.inner ? mapSpec(raw.inner, builder) : undefined,
    initial: [],
    frozen: Boolean(raw.freeze),
    pinning: 'none',
    mapExtra: 0n,
  };
}

/** One raw program as an object that holds just it. A malformed description is a problem, never an exception. */
export function rawObject(raw: RawProgram): Result<{ object: ObjectSpec; program: ProgramSpec }> {
  const label = `raw program ${raw.id ?? ''}`.trim();
  const refuse = (message: string): Result<never> =>
    fail({ code: 'malformed-raw-program', message: `${label}: ${message}` } satisfies Problem);
  if (typeof raw.insns !== 'string') return refuse('insns is not text');
  const bytes = hexToBytes(raw.insns);
  if (!bytes.ok) return bytes;
  try {
    const insns = decode(bytes.value);
    const builder = new BtfBuilder();
    const maps = (raw.maps ?? []).map((m) => mapSpec(m, builder));
    const functions: FunctionSpec[] = (raw.funcs ?? []).map(([insnIdx, count], i) => ({
      insnIdx,
      name: `f${i}`,
      btfId: builder.func(`f${i}`, count, i > 0),
      linkage: i > 0 ? ('static' as const) : ('global' as const),
    }));
    const references = new Map<number, InsnReference>();
    const targets = new Set<number>([0]);
    for (let i = 0; i < insns.length; i++) {
      const { code, src, imm } = insns[i];
      if (isWide(insns[i])) {
        if ((src === 1 || src === 2) && imm >= 0 && imm < maps.length) {
          references.set(
            i,
            src === 1
              ? { kind: 'map', map: imm }
              : { kind: 'mapValue', map: imm, offset: insns[i + 1]?.imm ?? 0 },
          );
        } else if (src === 4)
          references.set(i, { kind: 'subprog', target: i + imm + 1, name: `f@${i + imm + 1}` });
        i++;
      } else if (code === 0x85) {
        if (src === 0) references.set(i, { kind: 'helper', id: imm });
        else if (src === 1)
          references.set(i, { kind: 'subprog', target: i + imm + 1, name: `f@${i + imm + 1}` });
        else if (src === 2) references.set(i, { kind: 'kfunc', name: '', btfId: imm, weak: false });
      }
    }
    for (const r of references.values())
      if (r.kind === 'subprog' && r.target >= 0 && r.target < insns.length) targets.add(r.target);
    if (functions.length === 0) {
      for (const insnIdx of [...targets].sort((a, b) => a - b))
        functions.push({ insnIdx, name: '', btfId: 0, linkage: 'static' });
    }
    const type = typeName(PROG_TYPES, 'BPF_PROG_TYPE_', raw.type ?? 'socket_filter');
    const program: ProgramSpec = {
      name: label,
      section: '',
      type,
      attachBtfId: raw.attach_btf_id,
      ...(type === 'BPF_PROG_TYPE_STRUCT_OPS' && { memberIndex: raw.expected_attach_type ?? 0 }),
      strictAlignment: ((raw.flags ?? 0) & BPF_F_STRICT_ALIGNMENT) !== 0,
      attachType:
        raw.expected_attach_type === undefined || type === 'BPF_PROG_TYPE_STRUCT_OPS'
          ? undefined
          : ATTACH_TYPES.find((a) => a.id === raw.expected_attach_type)?.name,
      sleepable: ((raw.flags ?? 0) & BPF_F_SLEEPABLE) !== 0,
      autoload: true,
      insns,
      references,
      functions,
      lines: [],
      origins: [],
    };
    const typed = (raw.funcs?.length ?? 0) > 0 || (raw.maps ?? []).some((m) => m.fields ?? m.inner?.fields);
    const btf: Btf | undefined = typed ? { types: builder.types } : undefined;
    return ok({
      object: {
        file: label,
        littleEndian: true,
        license: raw.license ?? 'GPL',
        programs: [program],
        maps,
        btf,
        externs: [],
        warnings: [],
      },
      program,
    });
  } catch (error) {
    if (error instanceof FormatError) return refuse(error.message);
    throw error;
  }
}
