/**
 * What the verifier knows of a map besides its spec: special fields of its values as this kernel sees them, whether the
 * kernel has its BTF at all, what programs may do with it. Computed once per verification and map.
 * Evidence: fixtures `map-*`, `timer-*` of test/fixtures/verifier, measured on 6.1, 6.12, 7.2.
 *
 * Invariant: a map that libbpf created without BTF (because the kernel refused the BTF) has no special fields here.
 */
import {
  findSpecialFields,
  NO_SPECIAL_FIELDS,
  type SpecialField,
  type SpecialFieldKind,
  type SpecialFields,
} from '../btf/specialFields';
import { findType } from '../btf/query';
import type { MapSpec } from '../loader/objectSpec';
import type { HelperName } from '../spec/helpers';
import { kptrTypeByName } from '../spec/kptrTypes';
import { HELPER_MAP_TYPES, MAP_FLAGS, mapTypeByName, type MapTypeRow } from '../spec/mapTypes';
import { isSince } from '../spec/profile';
import { progTypeByName } from '../spec/progTypes';
import { hasFeature, reject, unknown, type VerifierEnv } from './env';
import { checkInsnArray, ENTRY_BYTES, isInsnArray } from './jumpTables';
import { E2BIG, EACCES, EBUSY, EINVAL, ENOTSUPP, ERANGE } from './outcome';

export interface MapInfo {
  readonly row: MapTypeRow;
  /** The kernel holds the value's BTF. */
  readonly hasBtf: boolean;
  readonly fields: SpecialFields;
  /** Values of this map may be written / read by programs. */
  readonly progWritable: boolean;
  readonly progReadable: boolean;
  /** Contents are constants: frozen, read-only for programs, and addressable. */
  readonly constant: boolean;
  /** Why the BTF was dropped, for explanations. */
  readonly btfLost?: string;
}

/** Map types whose BTF libbpf never hands to the kernel. */
const WITHOUT_BTF = new Set(['mapInMap', 'progArray', 'redirect', 'socket', 'events', 'ringbuf']);

/** The kernel makes their values read-only for programs, whatever the flags say: what they give away is the kernel's own. */
const HOLDS_KERNEL_DATA = new Set([
  'BPF_MAP_TYPE_DEVMAP',
  'BPF_MAP_TYPE_DEVMAP_HASH',
  'BPF_MAP_TYPE_INSN_ARRAY',
]);

const SPIN_LOCK_STORAGE = new Set(['BPF_MAP_TYPE_CGROUP_STORAGE']);

/** Map types whose values may hold kernel pointers, lists and trees (6.12). */
const KPTR_MAPS = new Set(
  ['HASH', 'LRU_HASH', 'PERCPU_HASH', 'LRU_PERCPU_HASH', 'ARRAY', 'PERCPU_ARRAY']
    .concat(['SK_STORAGE', 'INODE_STORAGE', 'TASK_STORAGE', 'CGRP_STORAGE'])
    .map((name) => `BPF_MAP_TYPE_${name}`),
);
const OLD_KPTR_MAPS = new Set(
  ['HASH', 'LRU_HASH', 'ARRAY', 'PERCPU_ARRAY'].map((name) => `BPF_MAP_TYPE_${name}`),
);
const GRAPH_MAPS = new Set(['BPF_MAP_TYPE_HASH', 'BPF_MAP_TYPE_LRU_HASH', 'BPF_MAP_TYPE_ARRAY']);

/** Why the kernel refuses to create the map with its BTF, or undefined. libbpf then creates it without. */
function btfRefused(
  env: VerifierEnv,
  map: MapSpec,
  row: MapTypeRow,
  fields: SpecialFields,
): string | undefined {
  if (fields.fields.length === 0) return undefined;
  if ((map.flags & MAP_FLAGS.BPF_F_RDONLY_PROG) !== 0) return 'its values are read-only for programs';
  if ((map.flags & MAP_FLAGS.BPF_F_WRONLY_PROG) !== 0 && hasFeature(env, 'timerFieldRecord')) {
    return 'its values are write-only for programs';
  }
  const has = (kind: SpecialFieldKind): boolean => fields.fields.some((field) => field.kind === kind);
  if ((has('timer') || has('workqueue')) && row.timers !== true) {
    return `${row.name} cannot hold a struct bpf_timer`;
  }
  if (has('kptr') && !hasFeature(env, 'fieldKptrReferencedByDefault')) {
    if ((map.flags & MAP_FLAGS.BPF_F_WRONLY_PROG) !== 0) return 'its values are write-only for programs';
    if (!OLD_KPTR_MAPS.has(row.name)) return `${row.name} cannot hold kernel pointers`;
  }
  if (hasFeature(env, 'mapFieldRules')) {
    if (has('kptr') && !KPTR_MAPS.has(row.name)) return `${row.name} cannot hold kernel pointers`;
    const stray = fields.fields.find((field) => !isKnownKptr(env, field));
    if (stray !== undefined) return `the kernel cannot give back what '${stray.name}' would hold`;
    if ((has('listHead') || has('rbRoot')) && !GRAPH_MAPS.has(row.name))
      return `${row.name} cannot hold lists`;
  }
  if (has('spinLock') && row.spinLocks !== true && !SPIN_LOCK_STORAGE.has(row.name)) {
    return `${row.name} cannot hold a struct bpf_spin_lock`;
  }
  return undefined;
}

/**
 * Whether the kernel can tell what a kernel pointer in a map points at: newer ones take any struct of the program's own
 * besides, all of them must know how to give an owned one back.
 */
function isKnownKptr(env: VerifierEnv, field: SpecialField): boolean {
  const { kptr } = field;
  const { kernelBtf } = env;
  if (kptr === undefined || kernelBtf === undefined) return true;
  const name = env.object.btf?.types[kptr.typeId]?.name ?? '';
  if (findType(kernelBtf, name, 'struct') === 0) return hasFeature(env, 'fieldKptrReferencedByDefault');
  return kptr.flavour !== 'referenced' || kptrTypeByName(env.profile, name) !== undefined;
}

/** Older kernels forget all kernel pointers of a value when one is not theirs, and create the map all the same. */
function withoutStrayKptrs(env: VerifierEnv, found: SpecialFields): SpecialFields {
  if (hasFeature(env, 'fieldKptrReferencedByDefault')) return found;
  if (found.fields.every((field) => isKnownKptr(env, field))) return found;
  return { ...found, fields: found.fields.filter((field) => field.kind !== 'kptr') };
}

function makeInfo(env: VerifierEnv, map: MapSpec): MapInfo {
  const row = mapTypeByName(map.type);
  if (row === undefined) return unknown(env, `map type ${map.type}`);
  const declared =
    env.object.btf !== undefined &&
    map.valueTypeId !== 0 &&
    !WITHOUT_BTF.has(row.family) &&
    map.type !== 'BPF_MAP_TYPE_STACK_TRACE';
  const found =
    declared && env.object.btf !== undefined
      ? withoutStrayKptrs(env, findSpecialFields(env.object.btf, map.valueTypeId, env.profile))
      : NO_SPECIAL_FIELDS;
  const btfLost = btfRefused(env, map, row, found);
  const progWritable = (map.flags & MAP_FLAGS.BPF_F_RDONLY_PROG) === 0 && !HOLDS_KERNEL_DATA.has(row.name);
  return {
    row,
    hasBtf: declared && btfLost === undefined,
    fields: btfLost === undefined ? found : NO_SPECIAL_FIELDS,
    progWritable,
    progReadable: (map.flags & MAP_FLAGS.BPF_F_WRONLY_PROG) === 0,
    constant: !progWritable && map.frozen && row.directValue === true,
    btfLost,
  };
}

/** Facts about a map of the object (or the template of an inner map). */
export function mapInfo(env: VerifierEnv, map: MapSpec): MapInfo {
  let info = env.mapInfos.get(map);
  if (info === undefined) env.mapInfos.set(map, (info = makeInfo(env, map)));
  return info;
}

/** The valid special field of a kind, if the map's values have one. */
export function fieldOf(env: VerifierEnv, map: MapSpec, kind: SpecialFieldKind): SpecialField | undefined {
  return mapInfo(env, map).fields.fields.find((field) => field.kind === kind);
}

/** The map's name as the kernel has it: 15 characters at most, odd characters replaced by libbpf. */
export function kernelMapName(map: MapSpec): string {
  return map.name.slice(0, 15);
}

/** Program types that trace, which old kernels keep away from locks and timers. */
const isTracing = (env: VerifierEnv): boolean => progTypeByName(env.program.type)?.tracing === true;

function refuse(env: VerifierEnv, map: MapSpec, code: string, message: string): never {
  return reject(env, {
    code,
    category: 'Execution Context Safety',
    errno: EINVAL,
    message,
    insn: -1,
    facts: { map: map.name, programType: env.program.type },
  });
}

const maySleep = (env: VerifierEnv, { sleepable }: MapTypeRow): boolean =>
  sleepable === true || (sleepable !== undefined && isSince(env.profile, sleepable));

/** Whether the program may use the map at all. Asked before the walk, for every map that it mentions. */
function checkMapWithProgram(env: VerifierEnv, map: MapSpec): void {
  const info = mapInfo(env, map);
  const has = (kind: SpecialFieldKind): boolean => info.fields.fields.some((field) => field.kind === kind);
  const tracing = isTracing(env);
  if ((has('listHead') || has('rbRoot')) && tracing) {
    refuse(env, map, 'tracing-program-uses-graph', 'tracing progs cannot use bpf_{list_head,rb_root} yet');
  }
  if (has('spinLock')) {
    if (env.program.type === 'BPF_PROG_TYPE_SOCKET_FILTER') {
      refuse(env, map, 'socket-filter-uses-lock', 'socket filter progs cannot use bpf_spin_lock yet');
    }
    if (tracing) refuse(env, map, 'tracing-program-uses-lock', 'tracing progs cannot use bpf_spin_lock yet');
    if (env.program.sleepable && !hasFeature(env, 'sleepableSpinLock')) {
      refuse(env, map, 'sleepable-program-uses-lock', 'sleepable progs cannot use bpf_spin_lock yet');
    }
  }
  if (has('timer') && tracing && !hasFeature(env, 'timerInTracing')) {
    refuse(env, map, 'tracing-program-uses-timer', 'tracing progs cannot use bpf_timer yet');
  }
  if (has('workqueue') && tracing && !hasFeature(env, 'timerInTracing')) {
    refuse(env, map, 'tracing-program-uses-workqueue', 'tracing progs cannot use bpf_wq yet');
  }
  if (map.type === 'BPF_MAP_TYPE_STRUCT_OPS') {
    refuse(env, map, 'struct-ops-map', 'bpf_struct_ops map cannot be used in prog');
  }
  if (env.program.sleepable && !maySleep(env, info.row)) {
    refuse(
      env,
      map,
      'map-in-sleepable-program',
      hasFeature(env, 'sleepableMapsText')
        ? 'Sleepable programs can only use array, hash, ringbuf and local storage maps'
        : 'Sleepable programs can only use array, hash, and ringbuf maps',
    );
  }
}

const LARGEST_OFFSET = 1 << 29;

/** Whether the address of byte `offset` of the map's value may stand in an instruction. */
export function checkDirectValue(env: VerifierEnv, insn: number, map: MapSpec, offset: number): void {
  const refuseValue = (message: string, errno: number): never =>
    reject(env, {
      code: 'direct-value',
      category: 'Program Structure',
      errno,
      message,
      insn,
      facts: { map: map.name, offset },
    });
  if (offset >= LARGEST_OFFSET && !hasFeature(env, 'fieldsCheckedFirst')) {
    refuseValue(`direct value offset of ${offset} is not allowed`, EINVAL);
  }
  const { row } = mapInfo(env, map);
  const outside = `invalid access to map value pointer, value_size=${map.valueSizeBytes} off=${offset}`;
  if (row.directValue !== true) {
    // Loaders give an arena its place in user space.
    if (map.type === 'BPF_MAP_TYPE_ARENA') {
      if (env.object.bare === true && offset > 0) refuseValue(outside, ERANGE);
      return;
    }
    if (!isInsnArray(map)) refuseValue('no direct value access support for this map type', EINVAL);
  }
  if (isInsnArray(map)) {
    if (offset % ENTRY_BYTES !== 0 || offset / ENTRY_BYTES >= map.maxEntries) refuseValue(outside, EACCES);
    return;
  }
  if (map.maxEntries !== 1) refuseValue(outside, ENOTSUPP);
  if (offset >= map.valueSizeBytes) refuseValue(outside, EINVAL);
}

const GROUP_STORAGE = new Set(['BPF_MAP_TYPE_CGROUP_STORAGE', 'BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE']);
const MOST_MAPS = 64;

/** Rules about all maps of a program together, in the order in which it names them. */
export function mapChecker(env: VerifierEnv): (index: number) => void {
  const seen = new Set<number>();
  const storage = new Set<string>();
  return (index) => {
    if (seen.has(index)) return;
    const map = env.maps[index];
    if (seen.size === MOST_MAPS) {
      reject(env, {
        code: 'too-many-maps',
        category: 'Program Structure',
        errno: E2BIG,
        message: hasFeature(env, 'manyMapsText')
          ? `The total number of maps per program has reached the limit of ${MOST_MAPS}`
          : '',
        insn: -1,
      });
    }
    seen.add(index);
    checkMapWithProgram(env, map);
    if (isInsnArray(map)) checkInsnArray(env, map);
    if (!GROUP_STORAGE.has(map.type)) return;
    if (storage.has(map.type)) {
      reject(env, {
        code: 'two-group-storages',
        category: 'Policy',
        errno: EBUSY,
        message: 'only one cgroup storage of each type is allowed',
        insn: -1,
        facts: { map: map.name },
      });
    }
    storage.add(map.type);
  };
}

/** Contexts in which no socket lock is held, so that socket maps may be changed with the plain helpers. */
const SOCKET_MAP_CHANGERS = new Set([
  'BPF_PROG_TYPE_SOCKET_FILTER',
  'BPF_PROG_TYPE_SCHED_CLS',
  'BPF_PROG_TYPE_SCHED_ACT',
  'BPF_PROG_TYPE_XDP',
  'BPF_PROG_TYPE_SK_REUSEPORT',
  'BPF_PROG_TYPE_FLOW_DISSECTOR',
  'BPF_PROG_TYPE_SK_LOOKUP',
]);

function mayChangeSocketMap(env: VerifierEnv, row: MapTypeRow, name: HelperName): boolean {
  const removes = name === 'bpf_map_delete_elem';
  if (row.lookup !== 'socket' || !(removes || name === 'bpf_map_update_elem')) return false;
  if (removes && !hasFeature(env, 'sockmapDeleteChecked')) return true;
  if (env.program.type === 'BPF_PROG_TYPE_TRACING' && env.program.attachType === 'BPF_TRACE_ITER')
    return true;
  if (removes && env.program.type === 'BPF_PROG_TYPE_SOCK_OPS') return true;
  if (SOCKET_MAP_CHANGERS.has(env.program.type)) return true;
  env.log.message('cannot update sockmap in this context');
  return false;
}

/** Whether a helper takes a map of that type. The kernel asks after the call's effects on registers. */
export function checkMapWithHelper(env: VerifierEnv, map: MapSpec, name: HelperName, id: number): void {
  const { row } = mapInfo(env, map);
  const kept = HELPER_MAP_TYPES[name];
  const list = row.helpers;
  const storageXchg = name === 'bpf_kptr_xchg' && !hasFeature(env, 'timerFieldRecord');
  const taken =
    (list === undefined || (list.includes(name) && !storageXchg)) &&
    (kept === undefined || kept.includes(row.name));
  if (taken) return;
  if (mayChangeSocketMap(env, row, name)) return;
  const socketMap = row.name === 'BPF_MAP_TYPE_SOCKMAP' || row.name === 'BPF_MAP_TYPE_SOCKHASH';
  const asked = name === 'bpf_map_peek_elem' || name === 'bpf_map_pop_elem';
  reject(env, {
    code: 'map-type-for-helper',
    category: 'Call Type Safety',
    errno: EINVAL,
    message:
      socketMap && asked
        ? 'invalid arg_type for sockmap/sockhash'
        : `cannot pass map_type ${row.id} into func ${name}#${id}`,
    registers: [1],
    facts: { map: map.name, mapType: row.name, helper: name },
  });
}
