/**
 * Kernel-managed fields inside map values (`struct bpf_timer`, `struct bpf_spin_lock` …), found in the value's BTF.
 * Read by the verifier (what may be touched how) and by maps (what copies must skip, what freeing must visit).
 *
 * Kernels with a field record give up on all fields when one is placed badly; older ones look for each kind on its own.
 * Evidence: measured on 6.1 and 6.12; rules of the fact sheet on timers.
 */
import { ERRNO } from '../spec/errno';
import { has, type Profile } from '../spec/profile';
import type { FeatureName } from '../spec/features';
import { declTagsOf, findType, resolveModifiers, typeById } from './query';
import type { Btf, BtfType } from './types';

export type SpecialFieldKind =
  | 'timer'
  | 'spinLock'
  | 'resSpinLock'
  | 'workqueue'
  | 'taskWork'
  | 'kptr'
  | 'listHead'
  | 'listNode'
  | 'rbRoot'
  | 'rbNode'
  | 'refcount';

export interface SpecialField {
  readonly kind: SpecialFieldKind;
  readonly offset: number;
  readonly sizeBytes: number;
  /** Member name, for views: `expiry`. Dotted when nested. */
  readonly name: string;
  /** Of a kptr: what it may hold and the id of the struct it points to, in the object's BTF. */
  readonly kptr?: { readonly flavour: 'referenced' | 'untrusted' | 'percpu'; readonly typeId: number };
  /** Of a list head or tree root: the struct whose member `node` it links, from its `contains:` tag. */
  readonly graph?: { readonly typeId: number; readonly node: string };
}

export interface SpecialFields {
  /** Ascending by offset. */
  readonly fields: readonly SpecialField[];
  /** Set when the layout is not acceptable (two timers, misaligned …): the map is created but has no valid field of that kind. */
  readonly problem?: {
    readonly kind: SpecialFieldKind;
    readonly what:
      'many' | 'misaligned' | 'notStruct' | 'inArray' | 'badTag' | 'noLock' | 'overlap' | 'notCounted';
  };
}

export const NO_SPECIAL_FIELDS: SpecialFields = { fields: [] };

interface FieldRow {
  readonly kind: SpecialFieldKind;
  /** Name of the struct; kptrs have none. */
  readonly struct: string;
  readonly sizeBytes: number;
  readonly alignBytes: number;
  /** One value holds at most one. */
  readonly single: boolean;
  readonly feature?: FeatureName;
}

const ROWS: readonly FieldRow[] = [
  { kind: 'spinLock', struct: 'bpf_spin_lock', sizeBytes: 4, alignBytes: 4, single: true },
  {
    kind: 'resSpinLock',
    struct: 'bpf_res_spin_lock',
    sizeBytes: 4,
    alignBytes: 4,
    single: true,
    feature: 'fieldResSpinLock',
  },
  { kind: 'timer', struct: 'bpf_timer', sizeBytes: 16, alignBytes: 8, single: true },
  {
    kind: 'workqueue',
    struct: 'bpf_wq',
    sizeBytes: 16,
    alignBytes: 8,
    single: true,
    feature: 'fieldWorkqueue',
  },
  {
    kind: 'taskWork',
    struct: 'bpf_task_work',
    sizeBytes: 8,
    alignBytes: 8,
    single: true,
    feature: 'fieldTaskWork',
  },
  {
    kind: 'listHead',
    struct: 'bpf_list_head',
    sizeBytes: 16,
    alignBytes: 8,
    single: false,
    feature: 'fieldListHead',
  },
  {
    kind: 'rbRoot',
    struct: 'bpf_rb_root',
    sizeBytes: 16,
    alignBytes: 8,
    single: false,
    feature: 'fieldListHead',
  },
  {
    kind: 'refcount',
    struct: 'bpf_refcount',
    sizeBytes: 4,
    alignBytes: 4,
    single: true,
    feature: 'fieldRefcount',
  },
];
/** Links inside objects that programs allocate; in map values they are ordinary bytes. */
const NODE_ROWS: readonly FieldRow[] = [
  {
    kind: 'listNode',
    struct: 'bpf_list_node',
    sizeBytes: 24,
    alignBytes: 8,
    single: false,
    feature: 'fieldListHead',
  },
  {
    kind: 'rbNode',
    struct: 'bpf_rb_node',
    sizeBytes: 32,
    alignBytes: 8,
    single: false,
    feature: 'fieldListHead',
  },
];
const KPTR_SIZE_BYTES = 8;
/** What the kernel's record has room for. */
const MAX_FIELDS = 11;
const MAX_NESTING = 32;

type Problem = NonNullable<SpecialFields['problem']>;

/** The special fields of a map's value type (a struct, or the DATASEC of global data) in the given kernel's eyes. */
export function findSpecialFields(
  btf: Btf | undefined,
  valueTypeId: number,
  profile: Profile,
): SpecialFields {
  if (btf === undefined || valueTypeId === 0) return NO_SPECIAL_FIELDS;
  const type = typeById(btf, resolveModifiers(btf, valueTypeId));
  if (type.kind !== 'struct' && type.kind !== 'datasec') return NO_SPECIAL_FIELDS;
  return has(profile, 'timerFieldRecord')
    ? new RecordSearch(btf, profile, ROWS).run(type, resolveModifiers(btf, valueTypeId))
    : searchEachKind(btf, type, profile);
}

/** Kinds whose structs the kernel examines when BTF is loaded, whether a map uses them or not. */
const EXAMINED: ReadonlySet<SpecialFieldKind> = new Set([
  'spinLock',
  'listHead',
  'listNode',
  'rbRoot',
  'rbNode',
  'refcount',
]);

/**
 * Whether that kernel refuses the object's BTF as a whole because a struct in it holds kernel objects badly (two spin
 * locks, say). The loader then goes on without BTF, and every program of the object that needs it is refused.
 * @returns the struct at fault.
 */
export function structThatSpoilsBtf(
  btf: Btf,
  profile: Profile,
): { readonly typeId: number; readonly name: string; readonly errno: number } | undefined {
  if (!has(profile, 'timerFieldRecord')) return undefined;
  const rows = [...ROWS, ...NODE_ROWS].filter((row) => EXAMINED.has(row.kind));
  const special = new Set<number>();
  for (const row of rows) special.add(findType(btf, row.struct, 'struct'));
  special.delete(0);
  if (has(profile, 'timerFieldNested')) {
    btf.types.forEach((type, id) => {
      if (type.kind !== 'ptr' && type.kind !== 'volatile') return;
      const kptr = readKptr(btf, id, profile);
      if (kptr !== undefined && kptr !== 'badTag') special.add(id);
    });
  }
  if (special.size === 0) return undefined;
  for (let id = 1; id < btf.types.length; id++) {
    const type = btf.types[id];
    if (type.kind !== 'struct' || !type.members.some((member) => special.has(member.type))) continue;
    const found = new RecordSearch(btf, profile, rows).run(type, id);
    if (found.problem !== undefined || found.fields.length === 0)
      return { typeId: id, name: type.name, errno: refusalErrno(found.problem) };
  }
  return undefined;
}

/** With which number the kernel refuses the types. */
function refusalErrno(problem: Problem | undefined): number {
  if (problem === undefined) return ERRNO.EFAULT;
  if (problem.what === 'many') return ERRNO.E2BIG;
  return problem.what === 'overlap' ? ERRNO.EEXIST : ERRNO.EINVAL;
}

/** Special fields of a struct that programs allocate themselves: links and counts are fields there, too. */
export function findAllocatedFields(btf: Btf, typeId: number, profile: Profile): SpecialFields {
  const type = typeById(btf, typeId);
  if (type.kind !== 'struct' || !has(profile, 'fieldListHead')) return NO_SPECIAL_FIELDS;
  const rows = [...ROWS, ...NODE_ROWS].filter((row) => EXAMINED.has(row.kind));
  return new RecordSearch(btf, profile, rows).run(type, typeId);
}

interface Place {
  readonly name: string;
  readonly type: number;
  readonly offsetBits: number;
  /** Size that the section gives the variable; undefined for members. */
  readonly sizeBytes?: number;
  /** Whom a declaration tag on this place names, and which part of it. */
  readonly tagged: { readonly id: number; readonly index: number };
}

function placesOf(btf: Btf, type: BtfType, id: number): Place[] {
  if (type.kind === 'struct') {
    return type.members.map((member, index) => ({
      name: member.name,
      type: member.type,
      offsetBits: member.offsetBits,
      tagged: { id, index },
    }));
  }
  if (type.kind !== 'datasec') return [];
  return type.vars.map((entry) => {
    const variable = typeById(btf, entry.type);
    return {
      name: variable.name,
      type: variable.kind === 'var' ? variable.type : 0,
      offsetBits: entry.offset * 8,
      sizeBytes: entry.sizeBytes,
      tagged: { id: entry.type, index: -1 },
    };
  });
}

const KPTR_TAGS: Readonly<Record<string, 'referenced' | 'untrusted' | 'percpu'>> = {
  kptr: 'referenced',
  kptr_untrusted: 'untrusted',
  percpu_kptr: 'percpu',
};
const OLD_KPTR_TAGS: Readonly<Record<string, 'referenced' | 'untrusted' | 'percpu'>> = {
  kptr: 'untrusted',
  kptr_ref: 'referenced',
};

/** A tagged pointer; undefined when the type is an ordinary one. */
function readKptr(btf: Btf, typeId: number, profile: Profile): SpecialField['kptr'] | 'badTag' | undefined {
  let type = typeById(btf, typeId);
  if (type.kind === 'volatile' && has(profile, 'timerFieldRecord')) type = typeById(btf, type.type);
  if (type.kind !== 'ptr') return undefined;
  if (has(profile, 'kptrOtherTagsIgnored')) return readAnyTags(btf, type.type);
  const tag = typeById(btf, type.type);
  if (tag.kind !== 'typeTag') return undefined;
  const tags = has(profile, 'fieldKptrReferencedByDefault') ? KPTR_TAGS : OLD_KPTR_TAGS;
  const flavour = Object.hasOwn(tags, tag.name) ? tags[tag.name] : undefined;
  if (flavour === undefined || typeById(btf, tag.type).kind === 'typeTag') return 'badTag';
  if (flavour === 'percpu' && !has(profile, 'fieldKptrPercpu')) return 'badTag';
  const target = resolveModifiers(btf, tag.type);
  return typeById(btf, target).kind === 'struct' ? { flavour, typeId: target } : 'badTag';
}

/** Kernels that pass over tags which mean nothing here: one flavour among all tags and modifiers of the pointer. */
function readAnyTags(btf: Btf, pointee: number): SpecialField['kptr'] | 'badTag' | undefined {
  const flavours = new Set<'referenced' | 'untrusted' | 'percpu'>();
  let id = pointee;
  for (;;) {
    const type = typeById(btf, id);
    if (
      type.kind !== 'typeTag' &&
      type.kind !== 'const' &&
      type.kind !== 'volatile' &&
      type.kind !== 'typedef'
    )
      break;
    // Memory of user space is a field of another kind, which is not modelled.
    if (type.kind === 'typeTag' && type.name === 'uptr') return 'badTag';
    if (type.kind === 'typeTag' && Object.hasOwn(KPTR_TAGS, type.name)) flavours.add(KPTR_TAGS[type.name]);
    id = type.type;
  }
  const [flavour] = flavours;
  if (flavours.size === 0) return undefined;
  return flavours.size === 1 && typeById(btf, id).kind === 'struct' ? { flavour, typeId: id } : 'badTag';
}

/** Kernels with a field record: one search for all kinds; any mistake spoils the whole record. */
class RecordSearch {
  private readonly fields: SpecialField[] = [];
  private readonly seen = new Set<SpecialFieldKind>();
  private problem: Problem | undefined;
  private readonly nested: boolean;
  private readonly rows: readonly FieldRow[];
  /** Bounds the walk through structs without any special field. */
  private visits = 0;

  constructor(
    private readonly btf: Btf,
    private readonly profile: Profile,
    rows: readonly FieldRow[],
  ) {
    this.nested = has(profile, 'timerFieldNested');
    this.rows = rows.filter((row) => row.feature === undefined || has(profile, row.feature));
  }

  run(type: BtfType, id: number): SpecialFields {
    this.walk(type, id, 0, '', 0);
    this.fields.sort((a, b) => a.offset - b.offset);
    this.checkTogether();
    return this.problem === undefined ? { fields: this.fields } : { fields: [], problem: this.problem };
  }

  private fail(kind: SpecialFieldKind, what: Problem['what']): false {
    this.problem ??= { kind, what };
    return false;
  }

  /** False when the search is over because of a mistake. */
  private walk(type: BtfType, id: number, base: number, prefix: string, depth: number): boolean {
    if (depth >= MAX_NESTING || this.visits++ > 10_000) return false;
    for (const place of placesOf(this.btf, type, id)) {
      // A bit-field that does not begin at a byte spoils the search, too; only hand-made BTF has it without a size.
      if (!this.visit(place, base + Math.floor(place.offsetBits / 8), prefix, depth)) return false;
    }
    return true;
  }

  private visit(place: Place, offset: number, prefix: string, depth: number): boolean {
    const { btf } = this;
    let typeId = place.type;
    let count = 1;
    if (this.nested) {
      for (let type = typeById(btf, typeId); type.kind === 'array'; type = typeById(btf, typeId)) {
        count *= type.count;
        typeId = type.type;
      }
    }
    if (count === 0) return true;
    const type = typeById(btf, typeId);
    const name = prefix === '' ? place.name : place.name === '' ? prefix : `${prefix}.${place.name}`;
    const row = this.rows.find((candidate) => candidate.struct === type.name);
    if (row !== undefined) return this.found(row, type, place, offset, name, count);
    if (type.kind === 'struct') return this.visitStruct(type, typeId, place, offset, name, count, depth);
    return this.visitPointer(typeId, place, offset, name, count);
  }

  private found(
    row: FieldRow,
    type: BtfType,
    place: Place,
    offset: number,
    name: string,
    count: number,
  ): boolean {
    const { kind, sizeBytes } = row;
    if (row.single) {
      // The name alone counts, before anything else is looked at.
      if (this.seen.has(kind)) return this.fail(kind, 'many');
      this.seen.add(kind);
    }
    if (place.sizeBytes !== undefined && place.sizeBytes !== sizeBytes * count) return true;
    if (offset % row.alignBytes !== 0) {
      // Newer kernels overlook the field, older ones refuse the layout; the program is refused either way.
      if (!this.nested) return this.fail(kind, 'misaligned');
      return true;
    }
    if (type.kind !== 'struct' || type.sizeBytes !== sizeBytes) return true;
    let graph: SpecialField['graph'];
    if (kind === 'listHead' || kind === 'rbRoot') {
      graph = this.readGraph(place, kind === 'listHead' ? 'listNode' : 'rbNode');
      if (graph === undefined) return this.fail(kind, 'badTag');
    }
    if (count > 1 && row.single) return this.fail(kind, 'inArray');
    return this.add({ kind, offset, sizeBytes, name, graph }, count);
  }

  private visitStruct(
    type: Extract<BtfType, { kind: 'struct' | 'union' }>,
    typeId: number,
    place: Place,
    offset: number,
    name: string,
    count: number,
    depth: number,
  ): boolean {
    if (!this.nested) return true;
    if (place.sizeBytes !== undefined && place.sizeBytes !== type.sizeBytes * count) return true;
    const before = this.fields.length;
    if (!this.walk(type, typeId, offset, name, depth + 1)) return false;
    if (count === 1) return true;
    const inside = this.fields.slice(before);
    const single = inside.find((field) => ROWS.some((row) => row.kind === field.kind && row.single));
    if (single !== undefined) return this.fail(single.kind, 'inArray');
    for (let i = 1; i < count && inside.length > 0; i++) {
      for (const field of inside) {
        if (!this.add({ ...field, offset: field.offset + i * type.sizeBytes }, 1)) return false;
      }
    }
    return true;
  }

  private visitPointer(typeId: number, place: Place, offset: number, name: string, count: number): boolean {
    if (!has(this.profile, 'fieldKptr')) return true;
    const kptr = readKptr(this.btf, typeId, this.profile);
    if (kptr === undefined) return true;
    if (place.sizeBytes !== undefined && place.sizeBytes !== KPTR_SIZE_BYTES * count) return true;
    if (offset % 8 !== 0) return this.nested ? true : this.fail('kptr', 'misaligned');
    if (kptr === 'badTag') return this.fail('kptr', 'badTag');
    return this.add({ kind: 'kptr', offset, sizeBytes: KPTR_SIZE_BYTES, name, kptr }, count);
  }

  private add(field: SpecialField, count: number): boolean {
    for (let i = 0; i < count; i++) {
      if (this.fields.length >= MAX_FIELDS) return this.fail(field.kind, 'many');
      this.fields.push({ ...field, offset: field.offset + i * field.sizeBytes });
    }
    return true;
  }

  /** The struct and member that the tag on a root names, provided that the member is a node of that kind. */
  private readGraph(place: Place, nodeKind: 'listNode' | 'rbNode'): SpecialField['graph'] {
    const tags = declTagsOf(this.btf, place.tagged.id, place.tagged.index).filter((tag) =>
      tag.startsWith('contains:'),
    );
    const parts = /^contains:([^:]*):(.+)$/.exec(tags[0] ?? '');
    if (tags.length !== 1 || parts === null) return undefined;
    const typeId = findType(this.btf, parts[1], 'struct');
    const type = typeId === 0 ? undefined : typeById(this.btf, typeId);
    if (type?.kind !== 'struct') return undefined;
    const row = NODE_ROWS.find((candidate) => candidate.kind === nodeKind);
    const nodes = type.members.filter((member) => member.name === parts[2]);
    const fits = nodes.every((member) => {
      const node = typeById(this.btf, member.type);
      return (
        node.kind === 'struct' && node.name === row?.struct && member.offsetBits % (8 * row.alignBytes) === 0
      );
    });
    return nodes.length === 1 && fits ? { typeId, node: parts[2] } : undefined;
  }

  private checkTogether(): void {
    let end = 0;
    for (const field of this.fields) {
      if (field.offset < end) this.fail(field.kind, 'overlap');
      end = field.offset + field.sizeBytes;
    }
    const linked = this.fields.find((field) => field.kind === 'listHead' || field.kind === 'rbRoot');
    const locked = this.fields.some((field) => field.kind === 'spinLock' || field.kind === 'resSpinLock');
    if (linked !== undefined && !locked) this.fail(linked.kind, 'noLock');
    const holds = (kind: SpecialFieldKind): boolean => this.fields.some((field) => field.kind === kind);
    // A node in a list and a tree at once needs to be counted.
    if (holds('listNode') && holds('rbNode') && !holds('refcount')) this.fail('rbNode', 'notCounted');
  }
}

/** Older kernels: top-level members only, each kind on its own. */
function searchEachKind(btf: Btf, type: BtfType, profile: Profile): SpecialFields {
  const fields: SpecialField[] = [];
  let problem: Problem | undefined;
  const places = placesOf(btf, type, 0);
  for (const row of ROWS.filter((candidate) => candidate.kind === 'timer' || candidate.kind === 'spinLock')) {
    const found: SpecialField[] = [];
    let bad: Problem['what'] | undefined;
    for (const place of places) {
      const placed = typeById(btf, place.type);
      if (placed.name !== row.struct) continue;
      if (place.sizeBytes !== undefined && place.sizeBytes !== row.sizeBytes) continue;
      if (place.offsetBits % (8 * row.alignBytes) !== 0) bad ??= 'misaligned';
      if (placed.kind !== 'struct' || placed.sizeBytes !== row.sizeBytes) continue;
      if (found.length === 1) bad ??= 'many';
      found.push({
        kind: row.kind,
        offset: place.offsetBits / 8,
        sizeBytes: row.sizeBytes,
        name: place.name,
      });
    }
    if (bad === undefined) fields.push(...found);
    else if (problem === undefined || row.kind === 'timer') problem = { kind: row.kind, what: bad };
  }
  if (has(profile, 'fieldKptr')) {
    const found: SpecialField[] = [];
    let bad: Problem['what'] | undefined;
    for (const place of places) {
      const kptr = readKptr(btf, place.type, profile);
      if (kptr === undefined) continue;
      if (kptr === 'badTag') bad ??= 'badTag';
      else if (place.offsetBits % 64 !== 0) bad ??= 'misaligned';
      else
        found.push({
          kind: 'kptr',
          offset: place.offsetBits / 8,
          sizeBytes: KPTR_SIZE_BYTES,
          name: place.name,
          kptr,
        });
    }
    if (bad === undefined) fields.push(...found);
    else problem ??= { kind: 'kptr', what: bad };
  }
  fields.sort((a, b) => a.offset - b.offset);
  return problem === undefined ? { fields } : { fields, problem };
}
