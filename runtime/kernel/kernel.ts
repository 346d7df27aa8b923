/**
 * The kernel model's hub: its state, the parts it works on (memory, maps, programs) and small services that operations
 * and helpers share. Everything here can be rebuilt around a restored state: the object itself remembers nothing.
 */
import { bytesToHex } from '../util/hexText';
import { assert } from '../util/assert';
import { has, type Profile } from '../spec/profile';
import type { MapEnv, MapRecord } from '../maps/mapFamily';
import { indexBytes } from '../maps/array';
import { familyOf } from '../maps/maps';
import type { Btf } from '../btf/types';
import type { Memory } from '../vm/memory';
import { readFrames, readPlaces } from '../vm/frames';
import type { Activation } from './activations';
import type { ArmedRecord, KernelEvent, PlaceRecord, TimerKeyRecord } from './events';
import { FreedTimer } from './freedTimer';
import { getProgram, putProgram } from './lifetimes';
import type { Choices, ProgramInfo, Touched, Watch } from './services';
import type { Context, CpuState, KernelState, MapReferences, TimerObject } from './state';
import { timerIn } from './timerTable';

/** Beyond this many events the older half is forgotten: a run may last for millions of expiries. */
const EVENTS_MAX = 200_000;
/** Armed stacks are chained through re-arms; a chain that reaches the first length is cut back to the second. */
const CHAIN_CUT = 48;
const CHAIN_KEPT = 16;

export class Kernel implements MapEnv {
  /** CPU on whose behalf the present step runs; set by the driver before every step. */
  cpu = 0;
  /**
   * Nobody looks at what happens on the way: only what programs print is remembered, and no stacks are kept. Nothing that
   * a program or a timer does depends on it. Set by searches, which play the one run that matters again with it off.
   */
  quiet = false;
  /** Who is told of accesses and of what orders them, if anybody is. */
  watch: Watch | undefined;
  /** What the step under way found to be wrong; the driver stops the run with it right after the step. */
  broken: string | undefined;
  /** Types of the kernel's own objects, if they are known. */
  kernelTypes: () => Btf | undefined = () => undefined;
  /** Stacks by their places: a cache, not state. */
  private readonly stacks = new Map<string, ArmedRecord['frames']>();

  constructor(
    readonly memory: Memory,
    readonly profile: Profile,
    public state: KernelState,
    public maps: Map<number, MapRecord>,
    readonly programs: readonly ProgramInfo[],
    readonly choices: Choices,
  ) {}

  get cpuCount(): number {
    return this.state.cpus.length;
  }

  /** Whether the kernel gets memory that it asks for now. */
  mayAllocate(): boolean {
    if (this.state.allocationsLeft < 0) return true;
    if (this.state.allocationsLeft === 0) return false;
    this.state.allocationsLeft--;
    return true;
  }

  currentCpu(): number {
    return this.cpu;
  }

  get here(): CpuState {
    return this.state.cpus[this.cpu];
  }

  /** The innermost context of the current CPU. */
  get context(): Context {
    const context = this.here.contexts.at(-1);
    assert(context, `cpu ${this.cpu} runs nothing`);
    return context;
  }

  get nowNs(): bigint {
    return this.here.timeNs;
  }

  copied(at: number, sizeBytes: number, write: boolean): void {
    this.watch?.copy(at, sizeBytes, write);
  }

  /** The step under way reads or changes something; see `TOUCHED`. */
  touch(what: Touched, id: number, write: boolean): void {
    this.watch?.touch(what, id, write);
  }

  copiedLocked(lock: number, at: number, sizeBytes: number): void {
    const { watch } = this;
    watch?.order({ kind: 'address', at: lock }, 'take');
    watch?.copy(at, sizeBytes, true);
    watch?.order({ kind: 'address', at: lock }, 'give');
  }

  renewed(at: number, sizeBytes: number): void {
    this.watch?.renew(at, sizeBytes);
  }

  /** Elements of arrays are always there: nothing that others do changes which. Finding an element of an LRU map marks it. */
  touched(map: MapRecord, write: boolean): void {
    if (map.data.kind !== 'array')
      this.watch?.touch('map', map.definition.id, write || map.data.kind === 'lru');
  }

  findMap(id: number): MapRecord | undefined {
    return this.maps.get(id);
  }

  map(id: number): MapRecord {
    const map = this.maps.get(id);
    assert(map, `no map ${id}`);
    return map;
  }

  timer(id: number): TimerObject {
    const timer = timerIn(this.state.timers, id);
    if (timer === undefined) throw new FreedTimer(id);
    return timer;
  }

  /** @param write they are changed. */
  mapReferences(id: number, write = false): MapReferences {
    const references = this.state.mapReferences.get(id);
    assert(references, `no references of map ${id}`);
    this.watch?.touch('references', id, write);
    return references;
  }

  event(event: KernelEvent): void {
    const { events } = this.state;
    if (this.quiet) {
      if (event.kind === 'print') events.push(Object.freeze(event));
      return;
    }
    if (events.length >= EVENTS_MAX) {
      events.splice(0, EVENTS_MAX / 2);
      this.state.eventsDropped += EVENTS_MAX / 2;
    }
    events.push(Object.freeze(event));
  }

  timerEvent(
    kind: 'timerInit' | 'timerArm' | 'timerFire' | 'timerDone' | 'timerCancel' | 'timerFree',
    timer: TimerObject,
    expiresNs?: bigint,
  ): void {
    if (this.quiet) return;
    if (timer.isWork) return;
    const key = this.timerKey(timer);
    this.event(
      expiresNs === undefined
        ? { kind, atNs: this.nowNs, cpu: this.cpu, timer: key }
        : { kind, atNs: this.nowNs, cpu: this.cpu, timer: key, expiresNs },
    );
  }

  timerKey(timer: TimerObject): TimerKeyRecord {
    const map = this.map(timer.map);
    return Object.freeze({
      id: timer.id,
      map: map.definition.name,
      mapId: timer.map,
      keyHex: bytesToHex(this.keyBytes(map, timer.value)),
      offset: timer.offset,
    });
  }

  /** The key bytes that belong to a value: computed for arrays, in the element for hashes. */
  keyBytes(map: MapRecord, value: number): Uint8Array {
    const family = familyOf(map);
    const offset = family.keyOffset(map, value);
    if (offset !== 0) return this.memory.read(offset, map.definition.keySizeBytes);
    return indexBytes(family.indexOf?.(map, value) ?? 0);
  }

  place(programId: number, insnIdx: number): PlaceRecord {
    return { programId, program: this.programs[programId]?.name ?? '?', insnIdx };
  }

  /** The call instruction of the innermost BPF frame of the current context. */
  callPlace(): PlaceRecord {
    const frame = readFrames(this.memory, this.context.block)[0];
    return this.place(frame.programId, frame.insnIdx - 1);
  }

  /** The program whose code the current context runs. */
  currentProgram(): number {
    return readFrames(this.memory, this.context.block)[0].programId;
  }

  /** The stack of the current context, for a timer armed now. */
  captureStack(): ArmedRecord | undefined {
    if (this.quiet) return undefined;
    const context = this.context;
    const frames = this.framesAt(readPlaces(this.memory, context.block));
    const parent = context.timer === 0 ? undefined : this.timer(context.timer).firedFrom;
    const at = { atNs: this.nowNs, cpu: this.cpu, frames };
    return Object.freeze(parent === undefined ? at : { ...at, parent: shorten(parent) });
  }

  /** A million timers are armed from a handful of places, so equal stacks are one record. */
  private framesAt(places: readonly number[]): ArmedRecord['frames'] {
    const key = places.join();
    let frames = this.stacks.get(key);
    if (frames !== undefined) return frames;
    const made: ArmedRecord['frames'][number][] = [];
    for (let i = 0; i < places.length; i += 2) {
      const programId = places[i];
      const insnIdx = i === 0 ? places[1] - 1 : places[i + 1];
      const functionName = this.programs[programId].functionAt(insnIdx);
      made.push(Object.freeze({ place: this.place(programId, insnIdx), functionName }));
    }
    frames = Object.freeze(made);
    this.stacks.set(key, frames);
    return frames;
  }

  push(activation: Activation): void {
    this.context.activations.push(activation);
  }

  /** Takes a reference on a program; false when its last one is gone. */
  getProgram(id: number): boolean {
    return getProgram(this, id);
  }

  putProgram(id: number): void {
    putProgram(this, id);
  }

  /** Every place of a map that may hold a timer, in the order in which the release walk comes to them. */
  valuesOf(mapId: number): number[] {
    const map = this.map(mapId);
    const values = familyOf(map)
      .slots(this, map)
      .map((slot) => slot.value);
    // Preallocated hash maps have more slots than entries: every CPU has a spare one.
    return has(this.profile, 'timerReleaseSpares') ? values : values.slice(0, map.definition.maxEntries);
  }

  /** Takes note of what went wrong in the step under way, if anything did. */
  takeBroken(): string | undefined {
    const { broken } = this;
    this.broken = undefined;
    return broken;
  }
}

function shorten(record: ArmedRecord): ArmedRecord {
  const chain: ArmedRecord[] = [];
  for (let r: ArmedRecord | undefined = record; r !== undefined && chain.length <= CHAIN_CUT; r = r.parent)
    chain.push(r);
  if (chain.length <= CHAIN_CUT) return record;
  let kept: ArmedRecord | undefined;
  for (let i = CHAIN_KEPT - 1; i >= 0; i--) {
    const { atNs, cpu, frames } = chain[i];
    kept = Object.freeze(kept === undefined ? { atNs, cpu, frames } : { atNs, cpu, frames, parent: kept });
  }
  assert(kept, 'a chain has a first link');
  return kept;
}
