/**
 * One simulated computer: the only place that constructs the parts (memory, maps, kernel, engine, contexts) and wires
 * them. It loads an object, runs its programs, lets virtual time pass, is copied and restored, and shows itself as
 * plain data (`types.ts`). Deterministic: same object, options and calls, same bytes.
 */
import { Kernel } from '../kernel/kernel';
import type { startOp } from '../kernel/activations';
import { countInnerMaps, freeUnusedMap } from '../kernel/lifetimes';
import type { Context, ContextKind, ReaderKind } from '../kernel/state';
import { mapWriteOp, needsSteps } from '../kernel/mapOps';
import { freeingOf, freeingOp } from '../kernel/timerFree';
import { asyncOffsets } from '../kernel/timerSlots';
import { clearStorage } from '../maps/cgroupStorage';
import type { CgroupStorageData } from '../maps/mapData';
import type { ProgramInfo, Watch } from '../kernel/services';
import type { MapRecord } from '../maps/mapFamily';
import { userDelete, userNextKey, userRead, userWrite } from '../maps/maps';
import { choose, lawful, randomU32, type SchedulerState } from '../sched/scheduler';
import { isMapOfMaps } from '../maps/mapInMap';
import { hasField } from '../maps/values';
import { has, type Profile } from '../spec/profile';
import { progTypeByName } from '../spec/progTypes';
import { ERRNO } from '../spec/errno';
import { bytesToHex } from '../util/hexText';
import { fail, ok, type Result } from '../util/problem';
import {
  CONTEXT_TAG,
  FUNCTION_TAG,
  functionOf,
  MAP_TAG,
  mapIdOf,
  MEMORY_TAG,
  memoryAddress,
  offsetOf,
  tagOf,
} from '../vm/addresses';
import { ARGUMENT_COUNT_BYTES } from '../helpers/tracedHelpers';
import { allocateBlock, initBlock, readDepth, writeRegister } from '../vm/calls';
import { readFrames } from '../vm/frames';
import type { Code } from '../vm/engine';
import { Interpreter } from '../vm/interpreter';
import { Memory } from '../vm/memory';
import type { ObjectSpec } from '../loader/objectSpec';
import { addressOfContext, contextBytes, Contexts, createContext, dropContext } from './contexts';
import { attach, detach } from './attachments';
import { choosePrograms, usedMaps } from './chosenPrograms';
import { freshKernelState } from './freshState';
import { Elsewhere } from './elsewhere';
import { addFlowKeys, flowKeysOf } from './flowKeys';
import { addSocket, dropSocketStorage } from './packetSocket';
import { createMaps, loadProgram, type LoadedProgram } from './load';
import { defaultPacket, hiddenHeaderBytes, packetContext, SKB_GIVEN } from './packets';
import { fillInitialMaps } from './initialMaps';
import { actOn, isLocal, possibleActions, type CpuAction } from './actions';
import { letTimePass, pushContext, run, step, type Parts, type RunOptions } from './runLoop';
import { Checkpoints, type Checkpoint } from './checkpoints';
import { Snapshots, type Snapshot } from './snapshot';
import type { MachineState, ProgramRun } from './state';
import type {
  ArmedStack,
  CodePlace,
  FrameView,
  MachineEvent,
  MachineStop,
  ReturnValue,
  TimeNs,
  TimerView,
} from './types';
import {
  framesOf,
  mapEntryViews,
  mapView,
  runsBpf,
  timerViews,
  type MapEntryView,
  type MapView,
} from './views';
import type { Btf } from '../btf/types';

export interface MachineOptions {
  readonly profile: Profile;
  /** Virtual CPUs; 2 if absent. */
  readonly cpus?: number;
  /** Feeds random helpers and random strategies; 1 if absent. */
  readonly seed?: number;
  /** Look up every memory access (debugging, unverified programs). */
  readonly checked?: boolean;
  /** Which programs to load, by name; all that the object loads by default if absent. */
  readonly programs?: readonly string[];
  readonly scheduler?: SchedulerState;
  /** Work without a pause before the run counts as endless: instructions, kernel steps, 100 for every timer interrupt, 4000 for one that comes again at once. */
  readonly budget?: number;
  readonly memoryLimitBytes?: number;
  /** Types of the kernel, for programs that look at its objects. */
  readonly kernelTypes?: () => Btf | undefined;
}

export const DEFAULT_BUDGET = 200_000_000;
const CPUS_MAX = 64;

export interface StartOptions {
  readonly cpu?: number;
  /** For programs that are run with a packet. */
  readonly packet?: Uint8Array;
  /** Context bytes: `struct xdp_md`, `struct __sk_buff`, or the plain context. */
  readonly ctx?: Uint8Array;
  readonly context?: ContextKind;
  /** Of a traced function: how many of the context's words are its arguments; its result follows them. */
  readonly argumentCount?: number;
  /** Number of an earlier run that kept its packet: this one goes on with it, as repeated test runs do. */
  readonly again?: number;
  /** Keep the packet and the context for another run. */
  readonly keep?: boolean;
}

/** What runs in a context, for views. */
export interface ContextInfo {
  readonly kind: ContextKind;
  readonly program: string;
  readonly programType: string;
  /** BPF address of the program's context, where it has one. */
  readonly contextAddress?: bigint;
  readonly packet?: { readonly address: bigint; readonly sizeBytes: number };
}

export type { LoadedProgram } from './load';
export type { MapEntryView, MapView } from './views';
export type { Snapshot } from './snapshot';
export type { RunOptions } from './runLoop';

export class Machine {
  private readonly parts: Parts;
  private readonly snapshots = new Snapshots();
  private readonly checkpoints: Checkpoints;
  private eventsTaken = 0;

  private constructor(
    readonly object: ObjectSpec,
    readonly profile: Profile,
    readonly memory: Memory,
    readonly kernel: Kernel,
    readonly programs: readonly LoadedProgram[],
    state: MachineState,
    checked: boolean,
  ) {
    const elsewhere = new Elsewhere(kernel, programs);
    const contexts = new Contexts(
      memory,
      () => this.state.contexts,
      (text) => kernel.event({ kind: 'note', atNs: kernel.nowNs, cpu: kernel.cpu, text }),
      elsewhere.find,
    );
    this.checkpoints = new Checkpoints(memory);
    const codes = new Map<number, Code>(programs.map((p) => [p.id, p.code]));
    this.parts = {
      kernel,
      contexts,
      elsewhere,
      programs,
      checked,
      state,
      interpreter: new Interpreter(memory, codes, contexts),
      ended: (number, result) => this.programEnded(number, result),
    };
  }

  /** Creates the maps and loads the programs; the user holds an fd of every map and of every program. */
  static load(object: ObjectSpec, options: MachineOptions): Result<Machine> {
    const { profile } = options;
    const cpuCount = options.cpus ?? 2;
    if (!(Number.isInteger(cpuCount) && cpuCount >= 1 && cpuCount <= CPUS_MAX))
      return fail({ code: 'bad-cpus', message: `a machine has 1 to ${CPUS_MAX} CPUs, not ${cpuCount}` });
    const chosen = choosePrograms(object, options.programs);
    if (!chosen.ok) return chosen;
    const memory = new Memory(options.memoryLimitBytes);
    const scheduler = options.scheduler ?? lawful(options.seed ?? 1);
    const state: MachineState = {
      kernel: freshKernelState(memory, cpuCount, scheduler, options.budget ?? DEFAULT_BUDGET),
      maps: new Map(),
      contexts: new Map(),
      runs: [],
      returnValues: [],
      ended: undefined,
      lastCpu: 0,
      idleSpins: 0,
    };
    const infos: ProgramInfo[] = [];
    // The scheduler is always reached through the state, so that a restored machine draws on the restored record.
    const kernel: Kernel = new Kernel(memory, profile, state.kernel, state.maps, infos, {
      choose: (kind, count, actors) => choose(kernel.state.scheduler as SchedulerState, kind, count, actors),
      randomU32: () => randomU32(kernel.state.scheduler as SchedulerState),
    });
    if (options.kernelTypes !== undefined) kernel.kernelTypes = options.kernelTypes;
    const made = createMaps(object, kernel, state.maps, chosen.value);
    if (!made.ok) return made;
    for (const id of state.maps.keys())
      state.kernel.mapReferences.set(id, {
        users: 1,
        pinned: false,
        open: true,
        programs: 0,
        outer: 0,
        freed: false,
      });
    const programs: LoadedProgram[] = [];
    for (const spec of chosen.value) {
      const loaded = loadProgram(object, kernel, state.maps, spec, programs.length);
      if (!loaded.ok) return loaded;
      programs.push(loaded.value);
      infos.push(loaded.value);
      state.kernel.programs.push({
        id: loaded.value.id,
        name: spec.name,
        maps: usedMaps(spec),
        references: 1,
        loaded: true,
        attached: false,
        freed: false,
      });
    }
    for (const program of state.kernel.programs)
      for (const map of program.maps) kernel.mapReferences(map).programs++;
    const problem = fillInitialMaps(object, kernel, made.value, programs);
    if (problem !== undefined) return fail(problem);
    countInnerMaps(kernel);
    return ok(new Machine(object, profile, memory, kernel, programs, state, options.checked ?? false));
  }

  get state(): MachineState {
    return this.parts.state;
  }

  // ---- Running -------------------------------------------------------------------------------------------------

  /** The latest time that any CPU has reached. */
  nowNs(): TimeNs {
    let now = 0n;
    for (const cpu of this.state.kernel.cpus) if (cpu.timeNs > now) now = cpu.timeNs;
    return now;
  }

  get cpuCount(): number {
    return this.state.kernel.cpus.length;
  }

  /** CPU that acted last. */
  currentCpu(): number {
    return this.state.lastCpu;
  }

  findProgram(name: string): LoadedProgram | undefined {
    return this.programs.find((p) => p.name === name);
  }

  /** Puts a program onto a CPU as test-run would; it runs when the machine runs. Its number identifies its result. */
  start(program: LoadedProgram, options: StartOptions = {}): Result<number> {
    const { memory, kernel } = this;
    const number = options.cpu ?? 0;
    const cpu = this.state.kernel.cpus[number];
    const bad = (code: string, message: string, remedy?: string): Result<number> =>
      fail({ code, message, ...(remedy === undefined ? {} : { remedy }) });
    if (cpu === undefined)
      return bad('bad-cpu', `there is no cpu ${number}: the machine has ${this.cpuCount}`);
    kernel.touch('program', program.id, false);
    if (this.state.kernel.programs[program.id].references === 0)
      return bad('program-unloaded', `program '${program.name}' was unloaded`);
    const type = progTypeByName(program.type);
    // A CPU that idled since its last work starts now, not then.
    if (cpu.contexts.length === 0) cpu.timeNs = maxBig(cpu.timeNs, this.nowNs());
    let argument = 0n;
    let contextAt = 0;
    const kept = this.state.contexts.get(this.state.runs[(options.again ?? 0) - 1]?.context ?? 0);
    if (kept !== undefined) {
      argument = addressOfContext(kept);
      contextAt = kept.start;
    } else if (type?.context === 'xdp_md' || type?.context === '__sk_buff') {
      const made = packetContext(
        this.profile,
        type.context,
        program.type,
        options.packet ?? defaultPacket(),
        program.type === 'BPF_PROG_TYPE_FLOW_DISSECTOR' ? undefined : options.ctx,
      );
      if (!made.ok) return made;
      const record = createContext(
        memory,
        type.context,
        made.value.packet,
        made.value.layout,
        made.value.fields,
      );
      this.state.contexts.set(record.start, record);
      if (program.type === 'BPF_PROG_TYPE_FLOW_DISSECTOR') addFlowKeys(memory, record, options.ctx);
      else if (type.context === '__sk_buff') addSocket(memory, record, options.packet ?? defaultPacket());
      argument = addressOfContext(record);
      contextAt = record.start;
    } else {
      const bytes = options.ctx ?? new Uint8Array(PLAIN_CONTEXT_BYTES);
      const at = memory.allocate(ARGUMENT_COUNT_BYTES + Math.max(8, bytes.length)) + ARGUMENT_COUNT_BYTES;
      memory.store64(at - ARGUMENT_COUNT_BYTES, BigInt(options.argumentCount ?? 0));
      memory.write(at, bytes);
      memory.addRegion('context', at, Math.max(8, bytes.length), `context of ${program.name}`);
      argument = memoryAddress(at);
    }
    for (const map of this.state.maps.values())
      if (map.data.kind === 'cgroupStorage') clearStorage(kernel, map as MapRecord<CgroupStorageData>);
    const record: ProgramRun = {
      number: this.state.runs.length + 1,
      programId: program.id,
      cpu: number,
      context: contextAt,
      plain: contextAt === 0 ? Number(argument & 0xffff_ffffn) : 0,
      plainSizeBytes: contextAt === 0 ? (options.ctx?.length ?? 0) : 0,
      keep: options.keep === true,
      ended: false,
      result: 0n,
    };
    this.state.runs.push(record);
    const kind = options.context ?? (type?.testRun === 'packet' ? 'softirq' : 'task');
    const reader = program.sleepable && kind === 'task' ? 'trace' : 'rcu';
    const first = { kind: 'bpf', role: 'program', run: record.number } as const;
    const context = pushContext(this.parts, cpu, kind, first, reader);
    initBlock(memory, context.block, program.id, 0, [argument]);
    kernel.cpu = number;
    kernel.event({ kind: 'programStart', atNs: cpu.timeNs, cpu: number, program: program.name });
    return ok(record.number);
  }

  run(options: RunOptions): MachineStop {
    return run(this.parts, options);
  }

  /** One instruction or one kernel step of the CPU that is due; undefined: nothing special happened. */
  stepInsn(untilNs?: TimeNs): MachineStop | undefined {
    return step(this.parts, untilNs);
  }

  /** Lets one CPU take one action, whatever the clocks say; for drivers that decide the order themselves. */
  actOn(cpu: number, action: CpuAction): MachineStop | undefined {
    return actOn(this.parts, cpu, action);
  }

  /** What a CPU could do next, apart from starting programs: a place in `COMBINATIONS`. */
  possibleActions(cpu: number, horizonNs: TimeNs): number {
    return possibleActions(this.parts, cpu, horizonNs);
  }

  /** Whether what the CPU does next can neither be seen by other CPUs nor depend on them. */
  isLocal(cpu: number): boolean {
    return isLocal(this.parts, cpu);
  }

  /** Choices from here on are this scheduler's. */
  setScheduler(scheduler: SchedulerState): void {
    this.state.kernel.scheduler = scheduler;
  }

  get scheduler(): SchedulerState {
    return this.state.kernel.scheduler;
  }

  /** Runs what was started to its end, whatever time that takes; timers that become due meanwhile fire. */
  runToEnd(): MachineStop {
    for (;;) {
      const stop = this.run({ budget: Number.MAX_SAFE_INTEGER, untilProgramsEnd: true });
      if (stop.kind !== 'budget' && stop.kind !== 'breakpoint') return stop;
    }
  }

  /** Moves idle CPUs' clocks on without running anything. */
  letTimePass(untilNs: TimeNs): void {
    letTimePass(this.parts, untilNs);
  }

  /** The machine sleeps: CLOCK_BOOTTIME goes on, everything else stands still. */
  suspend(ns: TimeNs): void {
    this.state.kernel.suspendedNs += ns;
    this.state.kernel.queueChanges++;
  }

  /** Sets the wall clock, to so much after the beginning of 1970. Timers on CLOCK_REALTIME run on the monotonic clock all the same. */
  setClock(ns: TimeNs): void {
    this.state.kernel.wallOffsetNs = ns - this.nowNs();
  }

  /** So many allocations of the kernel still succeed, then its memory is used up; undefined: there is enough again. */
  limitMemory(allocations: number | undefined): void {
    this.state.kernel.allocationsLeft = allocations ?? -1;
  }

  private programEnded(number: number, result: bigint): void {
    const run = this.state.runs[number - 1];
    const program = this.programs[run.programId];
    run.ended = true;
    run.result = result;
    const value: { -readonly [K in keyof ReturnValue]: ReturnValue[K] } = {
      program: program.name,
      value: Number(result & 0xffff_ffffn),
    };
    const context = this.state.contexts.get(run.context);
    if (context !== undefined) {
      const { meta, dataEnd } = context.packet;
      const hidden = context.struct === '__sk_buff' ? hiddenHeaderBytes(program.type) : 0;
      value.packetHex = '00'.repeat(hidden) + bytesToHex(this.memory.read(meta, dataEnd - meta));
      value.ctxHex = bytesToHex(contextBytes(context, context.struct === '__sk_buff' ? SKB_GIVEN : []));
      const keys = flowKeysOf(this.memory, context);
      if (keys !== undefined) value.packetHex = bytesToHex(keys);
      if (!run.keep) {
        dropSocketStorage(this.state.maps.values(), context);
        dropContext(this.memory, context);
        this.state.contexts.delete(run.context);
      }
    } else if (run.plain !== 0) {
      if (run.plainSizeBytes > 0) value.ctxHex = bytesToHex(this.memory.read(run.plain, run.plainSizeBytes));
      this.memory.endRegion(run.plain);
    }
    this.state.returnValues.push(Object.freeze(value));
    const { kernel } = this;
    kernel.event({
      kind: 'programEnd',
      atNs: kernel.nowNs,
      cpu: kernel.cpu,
      program: program.name,
      value: BigInt(value.value),
    });
  }

  // ---- What user space does --------------------------------------------------------------------------------------

  findMap(name: string): MapRecord | undefined {
    for (const map of this.state.maps.values()) if (map.definition.name === name) return map;
    return undefined;
  }

  /** 0 or a positive errno. Frees what left the map before it returns. */
  update(map: MapRecord, key: Uint8Array, values: readonly Uint8Array[], flags = 0n, cpu = 0): number {
    return this.userOperation(cpu, map, key, { values, flags });
  }

  delete(map: MapRecord, key: Uint8Array, cpu = 0): number {
    return this.userOperation(cpu, map, key, undefined);
  }

  /** Reads an element and deletes it; the values, or a positive errno. */
  lookupAndDelete(map: MapRecord, key: Uint8Array, cpu = 0): Uint8Array[] | number {
    if (!TAKEN_FROM.test(map.definition.type)) return ERRNO.ENOTSUPP;
    const values = this.lookup(map, key, cpu);
    if (values === undefined) return ERRNO.ENOENT;
    const error = this.delete(map, key, cpu);
    return error === 0 ? values : error;
  }

  /** Deletes elements one after the other, up to the first that cannot be: how many, and why it ended there. */
  deleteBatch(map: MapRecord, keys: readonly Uint8Array[], cpu = 0): { done: number; errno: number } {
    if (!TAKEN_FROM.test(map.definition.type)) return { done: 0, errno: ERRNO.ENOTSUPP };
    for (const [done, key] of keys.entries()) {
      const errno = this.delete(map, key, cpu);
      if (errno !== 0) return { done, errno };
    }
    return { done: keys.length, errno: 0 };
  }

  /** Undefined: no such element. */
  lookup(map: MapRecord, key: Uint8Array, cpu = 0): Uint8Array[] | undefined {
    this.kernel.cpu = cpu;
    return userRead(this.kernel, map, key);
  }

  /** The key that user space walks to after `key`, or the first; undefined: there is none, or it may not walk. */
  nextKey(map: MapRecord, key: Uint8Array | undefined, cpu = 0): Uint8Array | undefined {
    this.kernel.cpu = cpu;
    return userNextKey(this.kernel, map, key);
  }

  /** As `update` and `delete`; what must be freed is left to the CPU, which has a context more until it is done. */
  beginUpdate(
    map: MapRecord,
    key: Uint8Array,
    values: readonly Uint8Array[],
    flags: bigint,
    cpu: number,
  ): number {
    return this.userOperation(cpu, map, key, { values, flags }, false);
  }

  beginDelete(map: MapRecord, key: Uint8Array, cpu: number): number {
    return this.userOperation(cpu, map, key, undefined, false);
  }

  private userOperation(
    cpu: number,
    map: MapRecord,
    key: Uint8Array,
    written: { readonly values: readonly Uint8Array[]; readonly flags: bigint } | undefined,
    wait = true,
  ): number {
    const { kernel } = this;
    kernel.cpu = cpu;
    const steps = this.writeInSteps(map, key, written);
    if (steps !== undefined) {
      this.userOp(cpu, steps, wait);
      // Begun only: its error is not known yet.
      return wait && steps.op === 'mapWrite' ? Math.abs(steps.locals.error) : 0;
    }
    const outcome =
      written === undefined
        ? userDelete(kernel, map, key)
        : userWrite(kernel, map, key, written.values, written.flags);
    if (outcome.error === 0 && isMapOfMaps(map.definition)) countInnerMaps(kernel);
    const op = freeingOf(kernel, map, outcome, 0n);
    if (op !== undefined) this.userOp(cpu, op, wait);
    return outcome.error === 0 ? 0 : -outcome.error;
  }

  /** The operation for an update or deletion that cannot be done at once, its bytes in scratch memory. */
  private writeInSteps(
    map: MapRecord,
    key: Uint8Array,
    written: { readonly values: readonly Uint8Array[]; readonly flags: bigint } | undefined,
  ): ReturnType<typeof startOp> | undefined {
    if (asyncOffsets(map.definition).length === 0 && !hasField(map.definition, 'spinLock')) return undefined;
    const { memory, kernel } = this;
    const keyBytes = Math.ceil(key.length / 8) * 8;
    const scratchBytes = keyBytes + (written?.values[0]?.length ?? 0);
    const at = memory.allocate(scratchBytes);
    memory.write(at, key);
    const what = written === undefined ? 'delete' : 'update';
    if (!needsSteps(kernel, map, at, what, written?.flags ?? 0n)) {
      memory.release(at, scratchBytes);
      return undefined;
    }
    if (written !== undefined) memory.write(at + keyBytes, written.values[0]);
    return mapWriteOp(map, what, {
      key: at,
      value: at + keyBytes,
      flags: written?.flags ?? 0n,
      scratchBytes,
    });
  }

  /** A kernel operation on behalf of user space, in a task context of its own; waits as the kernel would. */
  private userOp(
    cpu: number,
    op: ReturnType<typeof startOp>,
    wait: boolean,
    reader: ReaderKind = 'rcu',
  ): void {
    const state = this.state.kernel.cpus[cpu];
    if (state.contexts.length === 0) state.timeNs = maxBig(state.timeNs, this.nowNs());
    const depth = state.contexts.length;
    pushContext(this.parts, state, 'task', op, reader);
    if (wait) this.runWhile(() => state.contexts.length > depth);
  }

  private runWhile(condition: () => boolean): void {
    while (condition() && this.state.ended === undefined) this.stepInsn();
  }

  /** The user closes the map's fd; at the last user reference every timer in it is freed. */
  closeMap(map: MapRecord, cpu = 0, wait = true): void {
    const references = this.kernel.mapReferences(map.definition.id, true);
    if (!references.open) return;
    references.open = false;
    this.dropUser(map, cpu, wait);
  }

  pinMap(map: MapRecord): void {
    const references = this.kernel.mapReferences(map.definition.id, true);
    if (references.pinned) return;
    references.pinned = true;
    references.users++;
  }

  unpinMap(map: MapRecord, cpu = 0, wait = true): void {
    const references = this.kernel.mapReferences(map.definition.id, true);
    if (!references.pinned) return;
    references.pinned = false;
    this.dropUser(map, cpu, wait);
  }

  private dropUser(map: MapRecord, cpu: number, wait: boolean): void {
    const { kernel } = this;
    const { id } = map.definition;
    kernel.cpu = cpu;
    if (--kernel.mapReferences(id, true).users > 0) return;
    const walks = has(this.profile, 'timerReleaseWalk') && has(this.profile, 'timerOwnedByMap');
    kernel.touch('map', id, false);
    const values = walks && asyncOffsets(map.definition).length > 0 ? kernel.valuesOf(id) : [];
    const reader = has(this.profile, 'timerReleaseRcu') ? 'rcu' : 'none';
    if (values.length > 0) this.userOp(cpu, freeingOp(id, values, [], 0n, true), wait, reader);
    else freeUnusedMap(kernel, id);
  }

  /** The user lets go of a program; timers whose callback it holds keep it alive. */
  unloadProgram(program: LoadedProgram, cpu = 0): number {
    const record = this.state.kernel.programs[program.id];
    if (!record.loaded) return ERRNO.ENOENT;
    record.loaded = false;
    this.kernel.cpu = cpu;
    this.kernel.putProgram(program.id);
    return 0;
  }

  /**
   * Attaches a program to a place that the model has; 0 or a problem for those that it does not have.
   * @param anywhere attaches to any place; the program is never called there.
   */
  attach(program: LoadedProgram, anywhere = false): Result<void> {
    this.kernel.touch('everything', 0, true);
    return attach(this.kernel, program, anywhere);
  }

  /** The program is not called any more; its timers go on. */
  detach(program: LoadedProgram): void {
    this.kernel.touch('everything', 0, true);
    detach(this.kernel, program);
  }

  // ---- Copies ------------------------------------------------------------------------------------------------------

  snapshot(): Snapshot {
    return this.snapshots.take(this.memory, this.state);
  }

  restore(snapshot: Snapshot): void {
    this.takeOver(this.snapshots.restore(this.memory, snapshot));
  }

  /** Who is told of accesses to values and of what orders them; accesses of programs only on a checked machine. */
  setWatch(watch: Watch | undefined): void {
    this.kernel.watch = watch;
    this.parts.interpreter.setWatch(watch);
  }

  /** Makes room for so many contexts on every CPU, so that beginning one allocates nothing. */
  reserveContexts(count: number): void {
    for (const cpu of this.state.kernel.cpus)
      while (cpu.contexts.length + cpu.idleBlocks.length < count)
        cpu.idleBlocks.unshift(allocateBlock(this.memory, `cpu${cpu.id}`));
  }

  /** Puts the present state on a stack of states, for searches; not together with `snapshot`. */
  checkpoint(): Checkpoint {
    return this.checkpoints.push(this.state);
  }

  /** Goes back to a state of the stack and drops those above it. @param last drops this one too. */
  rewind(checkpoint: Checkpoint, last = false): void {
    this.takeOver(this.checkpoints.rewind(checkpoint, last));
  }

  private takeOver(state: MachineState): void {
    this.parts.state = state;
    this.kernel.state = state.kernel;
    this.kernel.maps = state.maps;
    this.eventsTaken = Math.min(this.eventsTaken, state.kernel.eventsDropped + state.kernel.events.length);
  }

  // ---- Views -------------------------------------------------------------------------------------------------------

  events(): readonly MachineEvent[] {
    return this.state.kernel.events;
  }

  /** Events since the last call. */
  takeEvents(): readonly MachineEvent[] {
    const { events, eventsDropped } = this.state.kernel;
    const fresh = events.slice(Math.max(0, this.eventsTaken - eventsDropped));
    this.eventsTaken = eventsDropped + events.length;
    return fresh;
  }

  returnValues(): readonly ReturnValue[] {
    return this.state.returnValues;
  }

  /** Innermost first, over all contexts of the CPU; empty when it idles or runs kernel work only. */
  frames(cpu: number): readonly FrameView[] {
    return framesOf(this.kernel, this.programs, cpu);
  }

  /** Where the CPU stands, if it runs BPF code. */
  place(cpu: number): CodePlace | undefined {
    return this.frames(cpu)[0]?.place;
  }

  private context(cpu: number, contextIndex: number): Context | undefined {
    const context = this.state.kernel.cpus[cpu]?.contexts[contextIndex];
    return context !== undefined && runsBpf(context) ? context : undefined;
  }

  /** The stack that armed the timer whose callback runs in that context. */
  armedStack(cpu: number, contextIndex: number): ArmedStack | undefined {
    const timer = this.context(cpu, contextIndex)?.timer ?? 0;
    return timer === 0 ? undefined : this.kernel.timer(timer).firedFrom;
  }

  /** r0–r10 of a frame; undefined where callers' registers are gone. */
  registers(cpu: number, contextIndex: number, frame: number): readonly (bigint | undefined)[] {
    const context = this.context(cpu, contextIndex);
    if (context === undefined) return [];
    return readFrames(this.memory, context.block).find((f) => f.index === frame)?.registers ?? [];
  }

  /** Writes a register of a context's innermost frame; false: not possible there. */
  writeRegister(cpu: number, contextIndex: number, frame: number, register: number, value: bigint): boolean {
    const context = this.context(cpu, contextIndex);
    if (context === undefined || register < 0 || register > 9) return false;
    if (frame !== readDepth(this.memory, context.block)) return false;
    writeRegister(this.memory, context.block, register, value);
    return true;
  }

  /** What a context runs: its entry program, and the program's own context and packet. */
  contextInfo(cpu: number, contextIndex: number): ContextInfo | undefined {
    const context = this.context(cpu, contextIndex);
    if (context === undefined) return undefined;
    const entry = readFrames(this.memory, context.block).at(-1);
    const program = this.programs[entry?.programId ?? 0];
    const activation = context.activations[0];
    const run =
      activation?.kind === 'bpf' && activation.role === 'program'
        ? this.state.runs[activation.run - 1]
        : undefined;
    const info = { kind: context.kind, program: program.name, programType: program.type };
    const record = run && this.state.contexts.get(run.context);
    if (record !== undefined)
      return {
        ...info,
        contextAddress: addressOfContext(record),
        packet: {
          address: memoryAddress(record.packet.data),
          sizeBytes: record.packet.dataEnd - record.packet.data,
        },
      };
    return run !== undefined && run.plain !== 0
      ? { ...info, contextAddress: memoryAddress(run.plain) }
      : info;
  }

  /** Undefined when the bytes are not memory that a program could read. */
  readMemory(address: bigint, sizeBytes: number): Uint8Array | undefined {
    const offset = this.programMemory(address, sizeBytes);
    return offset === undefined ? undefined : this.memory.read(offset, sizeBytes);
  }

  /** False when the bytes cannot be written. */
  writeMemory(address: bigint, bytes: Uint8Array): boolean {
    const offset = this.programMemory(address, bytes.length);
    if (offset === undefined) return false;
    this.memory.write(offset, bytes);
    return true;
  }

  private programMemory(address: bigint, sizeBytes: number): number | undefined {
    if (tagOf(address) !== MEMORY_TAG) return undefined;
    const offset = offsetOf(address);
    const region = this.memory.findRegion(offset);
    if (region === undefined || region.kind === 'registers' || !region.live) return undefined;
    return offset + sizeBytes <= region.start + region.sizeBytes ? offset : undefined;
  }

  /** One field of a program context; packet pointers are 64 bits wide. */
  readContext(address: bigint, sizeBytes: number): bigint | undefined {
    return tagOf(address) === CONTEXT_TAG
      ? this.parts.contexts.load(offsetOf(address), sizeBytes)
      : undefined;
  }

  /** `value of flows slot 3 +8`, `packet +14`; undefined when nothing is known of the address. */
  describeAddress(address: bigint): string | undefined {
    const tag = tagOf(address);
    if (tag === MAP_TAG) {
      const map = this.state.maps.get(mapIdOf(address));
      return map === undefined ? undefined : `map ${map.definition.name}`;
    }
    if (tag === FUNCTION_TAG) {
      const { programId, insnIdx } = functionOf(address);
      return this.programs[programId] && `function ${this.programs[programId].functionAt(insnIdx)}`;
    }
    if (tag === CONTEXT_TAG || tag === MEMORY_TAG) {
      const region = this.memory.findRegion(offsetOf(address));
      if (region === undefined) return undefined;
      const at = offsetOf(address) - region.start;
      const gone = region.live ? '' : ' (gone)';
      return `${region.label}${at === 0 ? '' : ` +${at}`}${gone}`;
    }
    return undefined;
  }

  timers(): readonly TimerView[] {
    return timerViews(this.kernel, this.programs);
  }

  maps(): readonly MapView[] {
    return [...this.state.maps.values()].map((map) => mapView(this.kernel, map));
  }

  /** Elements `start` … of a map in iteration order, at most `count`. */
  mapEntries(
    mapId: number,
    start: number,
    count: number,
  ): { total: number; entries: readonly MapEntryView[] } {
    const map = this.state.maps.get(mapId);
    return map === undefined ? { total: 0, entries: [] } : mapEntryViews(this.kernel, map, start, count);
  }

  /** The value of a global-data map, by its section (`.data`) or map name. */
  globalSection(section: string): { readonly address: bigint; readonly sizeBytes: number } | undefined {
    const index = this.object.maps.findIndex(
      (m) => m.section === section || (m.section !== undefined && m.name === section),
    );
    const map = index < 0 ? undefined : this.state.maps.get(index + 1);
    if (map === undefined || map.data.kind !== 'array') return undefined;
    return { address: memoryAddress(map.data.base), sizeBytes: map.definition.valueSizeBytes };
  }

  /** Replaces all breakpoints: slots by program id. */
  setBreakpoints(places: readonly { readonly programId: number; readonly insnIdx: number }[]): void {
    for (const program of this.programs) {
      const slots = places.filter((p) => p.programId === program.id).map((p) => p.insnIdx);
      program.code.breakpoints = slots.length === 0 ? undefined : new Set(slots);
    }
  }
}

/** Maps whose elements user space can read and delete at once, or delete many at a time. */
const TAKEN_FROM = /_HASH$|_TYPE_HASH$/;
/** Zeroes that stand for a context: enough for registers, events and arguments of any hook. */
const PLAIN_CONTEXT_BYTES = 1024;
const maxBig = (a: bigint, b: bigint): bigint => (a > b ? a : b);
