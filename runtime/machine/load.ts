/**
 * From an object to what a machine runs: maps created, references of instructions turned into addresses, programs with
 * their code. Problems are the user's, told once with the remedy.
 */
import { declTagsOf, findType } from '../btf/query';
import { findSpecialFields, NO_SPECIAL_FIELDS } from '../btf/specialFields';
import { isInsnArray, setAddresses, setSlots } from '../maps/insnArray';
import {
  arenaTag,
  BPF_F_NO_USER_CONV,
  fillVariables,
  isArena,
  variableAddress as arenaVariableAddress,
} from '../maps/arena';
import { functionByName, symbolAddress, variableAddress } from '../helpers/kernelObjects';
import type { Kernel } from '../kernel/kernel';
import { kernelSymbol } from '../spec/kernelSymbols';
import { createMap, findFamily, familyOf } from '../maps/maps';
import type { MapDefinition } from '../maps/bpfMap';
import type { MapEnv, MapRecord } from '../maps/mapFamily';
import { errnoName } from '../spec/errno';
import { helperByName } from '../spec/helpers';
import { OPCODES, opcodeOf } from '../spec/opcodes';
import { progTypeByName } from '../spec/progTypes';
import type { Profile } from '../spec/profile';
import { fail, ok, type Problem, type Result } from '../util/problem';
import { hiHalf, loHalf } from '../util/u64';
import { functionAddress, mapAddress, memoryAddress } from '../vm/addresses';
import type { Code } from '../vm/engine';
import { OutOfMemory } from '../vm/memory';
import type { Insn } from '../insn/insn';
import type { InsnReference, MapSpec, ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import type { ProgramInfo } from '../kernel/services';
import { isWide } from '../insn/decode';

export interface LoadedProgram extends ProgramInfo {
  readonly spec: ProgramSpec;
  readonly code: Code;
  /** Slot of the function that gets what bpf_throw throws; absent: it becomes the program's result. */
  readonly exceptionCallback?: number;
  /** Map id of the arena that it uses. */
  readonly arena?: number;
}

/** Immediate of a cast from address space 1, an arena's, to 0. */
const CAST_TO_KERNEL = 1;
type KernelSymbol = Extract<InsnReference, { kind: 'ksym' }>;

/** Slots that a function address can name. */
const SLOTS_MAX = 0x10000;

const problem = (object: ObjectSpec, code: string, message: string, remedy?: string): Problem => ({
  code,
  message,
  place: { file: object.file },
  ...(remedy === undefined ? {} : { remedy }),
});

/** The definition of a map spec under an id. */
export function defineMap(object: ObjectSpec, spec: MapSpec, id: number, profile: Profile): MapDefinition {
  const inner = spec.inner && defineMap(object, spec.inner, 0, profile);
  return {
    id,
    name: spec.name,
    type: spec.type,
    keySizeBytes: spec.keySizeBytes,
    valueSizeBytes: spec.valueSizeBytes,
    maxEntries: spec.maxEntries,
    flags: spec.flags,
    mapExtra: spec.mapExtra,
    ...(object.btf === undefined ? {} : { btf: object.btf }),
    keyTypeId: spec.keyTypeId,
    valueTypeId: spec.valueTypeId,
    fields: findSpecialFields(object.btf, spec.valueTypeId, profile),
    frozen: spec.frozen,
    ...(inner === undefined ? {} : { innerTemplate: inner }),
  };
}

/**
 * Loaders give a perf array without a size one entry for each CPU. Users' own loaders give stack traces their size, which
 * means nothing where no stacks are kept.
 */
function onThisMachine(definition: MapDefinition, env: MapEnv): MapDefinition {
  if (definition.maxEntries !== 0) return definition;
  if (definition.type === 'BPF_MAP_TYPE_PERF_EVENT_ARRAY') return { ...definition, maxEntries: env.cpuCount };
  return definition.type === 'BPF_MAP_TYPE_STACK_TRACE' ? { ...definition, maxEntries: 1 } : definition;
}

/** Creates every map of the object that the programs do not do without, ids 1, 2, … in the object's order. */
export function createMaps(
  object: ObjectSpec,
  env: MapEnv,
  maps: Map<number, MapRecord>,
  programs: readonly ProgramSpec[],
): Result<ReadonlyMap<string, number>> {
  const ids = new Map<string, number>();
  for (const [index, spec] of object.maps.entries()) {
    if (spec.ownedBy !== undefined && !programs.some(({ name }) => name === spec.ownedBy)) continue;
    const definition = onThisMachine(defineMap(object, spec, index + 1, env.profile), env);
    if (findFamily(definition.type) === undefined)
      return fail(
        problem(
          object,
          'map-type-not-modelled',
          `map '${spec.name}': ${spec.type} is not modelled`,
          'The verifier still judges the program; running it needs a map type that the model has.',
        ),
      );
    let record: MapRecord | number | undefined;
    try {
      record = createMap(env, definition);
      // Refused with its types (a timer where none may be …), a loader asks again without: the map then has no special
      // fields. The types stay known here, for views.
      if (typeof record === 'number' && definition.fields.fields.length > 0)
        record = createMap(env, { ...definition, fields: NO_SPECIAL_FIELDS });
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      return fail(
        problem(
          object,
          'map-too-large',
          `map '${spec.name}' does not fit into the machine's memory: ${error.message}`,
          'Give it fewer entries (max_entries) for the run.',
        ),
      );
    }
    if (record === undefined || typeof record === 'number')
      return fail(
        problem(
          object,
          'map-refused',
          `map '${spec.name}': the kernel refuses to create it with -${errnoName(record ?? 0) ?? String(record)}`,
          spec.maxEntries === 0
            ? 'It has no size: give it one with __uint(max_entries, …), even where a loader of yours sets it later.'
            : undefined,
        ),
      );
    maps.set(definition.id, record);
    ids.set(spec.name, definition.id);
    if (spec.data !== undefined && record.data.kind === 'array')
      env.memory.write(record.data.base, spec.data);
    if (spec.data !== undefined && isArena(record)) fillVariables(env, record, spec.data);
    if (isInsnArray(record)) setSlots(env, record, spec.targets ?? []);
  }
  return ok(ids);
}

/** Address of a byte of a global-data map's value, or of an array of addresses. */
function valueAddress(env: MapEnv, map: MapRecord, offset: number): bigint {
  if (isInsnArray(map)) return memoryAddress(map.data.addresses + offset);
  const key = env.memory.allocate(8);
  const value = familyOf(map).lookup(env, map, key);
  env.memory.release(key, 8);
  return memoryAddress(value + offset);
}

/** Addresses of the instructions that an array's entries stand for. */
function entryAddresses(env: MapEnv, map: MapRecord, programId: number): bigint[] {
  const { maxEntries } = map.definition;
  return familyOf(map)
    .entries(env, map, 0, maxEntries)
    .map(({ valueRef }) => functionAddress(programId, env.memory.load32(valueRef)));
}

/** Id of the arena that the program uses: there is one at most. */
function arenaOf(maps: ReadonlyMap<number, MapRecord>, program: ProgramSpec): number | undefined {
  for (const reference of program.references.values()) {
    const map = 'map' in reference ? maps.get(reference.map + 1) : undefined;
    if (map !== undefined && isArena(map)) return map.definition.id;
  }
  return undefined;
}

/** Casts between address spaces as what they do: to the kernel's, the lower half is left; to user space's, both halves. */
function resolveCasts(insns: Insn[], map: MapRecord | undefined): void {
  if (map === undefined || !isArena(map)) return;
  const keepsLow = (map.definition.flags & BPF_F_NO_USER_CONV) !== 0;
  for (const [slot, insn] of insns.entries()) {
    if (opcodeOf(insn) !== 'addrSpaceCast') continue;
    insns[slot] =
      keepsLow || insn.imm === CAST_TO_KERNEL
        ? { ...insn, code: OPCODES.mov32Reg.code, off: 0, imm: 0 }
        : { ...insn, imm: arenaTag(map) };
  }
}

/** A weak symbol that the kernel does not have is 0. */
function symbolOf(kernel: Kernel, object: ObjectSpec, reference: KernelSymbol): bigint {
  const { name, typed, btfId } = reference;
  if (typed) return variableAddress(kernel, name, btfId);
  const known = kernelSymbol(kernel.profile, name);
  const btf = known === undefined ? kernel.kernelTypes() : undefined;
  const isThere = btf === undefined ? known === 'address' : findType(btf, name, 'func', 'var') !== 0;
  if (!isThere) return 0n;
  const asFunction = functionByName(kernel, name);
  return asFunction !== 0n
    ? asFunction
    : symbolAddress(object.externs.findIndex((extern) => extern.name === name));
}

/** The program's slots with every reference resolved to a final address. */
export function resolve(
  env: Kernel,
  object: ObjectSpec,
  maps: ReadonlyMap<number, MapRecord>,
  program: ProgramSpec,
  programId: number,
): Insn[] {
  const insns = [...program.insns];
  resolveCasts(insns, maps.get(arenaOf(maps, program) ?? 0));
  const setWide = (slot: number, address: bigint): void => {
    insns[slot] = { ...insns[slot], src: 0, imm: loHalf(address) };
    if (slot + 1 < insns.length) insns[slot + 1] = { ...insns[slot + 1], imm: hiHalf(address) };
  };
  for (const [slot, reference] of program.references) {
    const map = 'map' in reference ? maps.get(reference.map + 1) : undefined;
    if (map !== undefined && isInsnArray(map)) setAddresses(env, map, entryAddresses(env, map, programId));
    if (reference.kind === 'map') setWide(slot, mapAddress(reference.map + 1));
    else if (reference.kind === 'mapValue' && map !== undefined) {
      const sizeBytes = object.maps[reference.map].data?.length ?? 0;
      const address = isArena(map)
        ? arenaVariableAddress(env, map, reference.offset, sizeBytes)
        : valueAddress(env, map, reference.offset);
      setWide(slot, address);
    } else if (reference.kind === 'subprog' && isWide(insns[slot]))
      setWide(slot, functionAddress(programId, reference.target));
    else if (reference.kind === 'ksym' && isWide(insns[slot]))
      setWide(slot, symbolOf(env, object, reference));
  }
  return insns;
}

const CURRENT_TASK = helperByName('bpf_get_current_task_btf')?.id;

/** Kernel functions that give such pointers. */
const GIVE_KERNEL_OBJECTS = [
  'bpf_cast_to_kern_ctx',
  'bpf_rdonly_cast',
  'bpf_task_from_pid',
  'bpf_task_from_vpid',
];

/** Whether the program gets typed pointers to the kernel's own objects, which may be followed untested. */
const followsKernelObjects = (spec: ProgramSpec): boolean =>
  progTypeByName(spec.type)?.context === 'args' ||
  spec.type === 'BPF_PROG_TYPE_NETFILTER' ||
  [...spec.references.values()].some(
    (r) => (r.kind === 'ksym' && r.typed) || (r.kind === 'kfunc' && GIVE_KERNEL_OBJECTS.includes(r.name)),
  ) ||
  spec.insns.some(
    (insn) => insn.code === OPCODES.callHelper.code && insn.src === 0 && insn.imm === CURRENT_TASK,
  );

/** Slot of the function that catches the program's exceptions, named by a tag of its entry function. */
function exceptionCallback(object: ObjectSpec, spec: ProgramSpec): number | undefined {
  const entry = spec.functions.find((f) => f.insnIdx === 0);
  if (object.btf === undefined || entry === undefined || entry.btfId === 0) return undefined;
  const prefix = 'exception_callback:';
  const tag = declTagsOf(object.btf, entry.btfId).find((candidate) => candidate.startsWith(prefix));
  return tag === undefined
    ? undefined
    : spec.functions.find((f) => f.name === tag.slice(prefix.length))?.insnIdx;
}

/** A loaded program; `id` is its index among the loaded ones. */
export function loadProgram(
  object: ObjectSpec,
  env: Kernel,
  maps: ReadonlyMap<number, MapRecord>,
  spec: ProgramSpec,
  id: number,
): Result<LoadedProgram> {
  if (spec.problem !== undefined) return fail(spec.problem);
  if (!object.littleEndian)
    return fail(
      problem(
        object,
        'big-endian-run',
        'a big-endian object cannot be run: the modelled machine is little-endian',
        'Compile with -target bpfel.',
      ),
    );
  if (spec.insns.length > SLOTS_MAX)
    return fail(
      problem(object, 'program-too-long', `program '${spec.name}' has more than ${SLOTS_MAX} instructions`),
    );
  const { functions } = spec;
  const catcher = exceptionCallback(object, spec);
  const arena = arenaOf(maps, spec);
  return ok({
    id,
    name: spec.name,
    type: spec.type,
    sleepable: spec.sleepable,
    ...(spec.attachTo === undefined ? {} : { attachTo: spec.attachTo }),
    ...(object.btf === undefined ? {} : { btf: object.btf }),
    spec,
    ...(catcher === undefined ? {} : { exceptionCallback: catcher }),
    ...(arena === undefined ? {} : { arena }),
    code: {
      id,
      name: spec.name,
      insns: resolve(env, object, maps, spec, id),
      nullReadsZero: followsKernelObjects(spec),
    },
    functionAt: (insnIdx) => {
      let name = spec.name;
      for (const f of functions) if (f.insnIdx <= insnIdx) name = f.name;
      return name;
    },
  });
}
