/**
 * Timers driven call by call: one helper call per run, on the map, key and CPU and in the context that a test names, and
 * callbacks that do what their element says. For the tests that go through the rows of the facts about timers.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { has, findProfile, type Profile } from '../../runtime/spec/profile';
import type { FeatureName } from '../../runtime/spec/features';
import { loadFor } from '../../runtime/host/loadFor';
import { Machine, type StartOptions } from '../../runtime/machine/machine';
import type { MachineStop, TimerView } from '../../runtime/machine/types';
import { fixture } from '../support/paths';
import { runProgram } from './objects';

export const EVERY_KERNEL = ['5.15', '6.1', '6.6', '6.12', '6.18', '7.2'] as const;
export const LOCKED_KERNELS = ['5.15', '6.1', '6.6', '6.12', '6.18'] as const;

export const EPERM = -1;
export const ENOENT = -2;
export const EBUSY = -16;
export const EINVAL = -22;
export const EDEADLK = -35;
export const EOPNOTSUPP = -95;
export const ECANCELED = -125;

export const US = 1_000n;
export const MS = 1_000_000n;

/** What a callback does; bits of the element's `todo`. */
export const DOES = {
  restart: 1,
  cancelSelf: 2,
  cancelOther: 4,
  swap: 8,
  init: 16,
  deleteSelf: 32,
  updateSelf: 64,
  spin: 128,
  lateRestart: 256,
  insertOther: 512,
} as const;

export type MapName = 'array' | 'hash' | 'malloced' | 'lru';

/** Places in `rc`. */
export const RC = {
  restart: 0,
  cancelSelf: 1,
  cancelOther: 2,
  cancelOtherOdd: 3,
  swapSet: 4,
  swapStart: 5,
  init: 6,
  deleteSelf: 7,
  updateSelf: 8,
  insertOther: 9,
  lateRestart: 10,
} as const;

export interface Element {
  readonly ns?: bigint;
  readonly todo?: number;
  readonly other?: number;
}

const keyBytes = (key: number): Uint8Array => Uint8Array.of(key, 0, 0, 0);

export class TimerRig {
  readonly machine: Machine;
  readonly profile: Profile;

  constructor(kernel = '6.12', options: { readonly without?: FeatureName; readonly cpus?: number } = {}) {
    const named = findProfile(kernel);
    assert.ok(named);
    this.profile = options.without === undefined ? named : { ...named, without: [options.without] };
    const file = fixture('machine/timerRows.o');
    const object = loadFor({ file, bytes: fs.readFileSync(file), relaxed: false, btf: {} }, this.profile);
    assert.ok(object.ok);
    const programs = object.value.programs
      .map((program) => program.name)
      .filter((name) => name !== 'cancel_async_array' || kernel === '7.2');
    const loaded = Machine.load(object.value, {
      profile: this.profile,
      cpus: options.cpus ?? 2,
      checked: true,
      programs,
    });
    assert.ok(loaded.ok, loaded.ok ? '' : loaded.problem.message);
    this.machine = loaded.value;
  }

  has(feature: FeatureName): boolean {
    return has(this.profile, feature);
  }

  /** Writes an element from user space; 0 or a positive errno. */
  put(map: MapName, key: number, element: Element = {}, flags = 0n): number {
    const bytes = new Uint8Array(48);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(24, element.ns ?? 0n, true);
    view.setUint32(32, element.todo ?? 0, true);
    view.setUint32(36, element.other ?? 0, true);
    return this.machine.update(this.record(map), keyBytes(key), [bytes], flags);
  }

  delete(map: MapName, key: number): number {
    return this.machine.delete(this.record(map), keyBytes(key));
  }

  record(map: MapName): NonNullable<ReturnType<Machine['findMap']>> {
    const record = this.machine.findMap(map);
    assert.ok(record);
    return record;
  }

  /** One helper call as a run of a program; its signed result. */
  call(
    program: string,
    key: number,
    args: { readonly ns?: bigint; readonly flags?: bigint; readonly second?: boolean } = {},
    on: Pick<StartOptions, 'cpu' | 'context'> = {},
  ): number {
    return runProgram(this.machine, program, { ctx: this.context(key, args), ...on }) | 0;
  }

  context(
    key: number,
    args: { readonly ns?: bigint; readonly flags?: bigint; readonly second?: boolean } = {},
  ): Uint8Array {
    const bytes = new Uint8Array(24);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, key, true);
    view.setUint32(4, args.second === true ? 1 : 0, true);
    view.setBigUint64(8, args.ns ?? 0n, true);
    view.setBigUint64(16, args.flags ?? 0n, true);
    return bytes;
  }

  init(map: MapName, key = 0, clock = 1n, on: Pick<StartOptions, 'cpu' | 'context'> = {}): number {
    return this.call(`init_${map}`, key, { flags: clock }, on);
  }

  set(map: MapName, key = 0, on: Pick<StartOptions, 'cpu' | 'context'> = {}): number {
    return this.call(`set_${map}`, key, {}, on);
  }

  start(
    map: MapName,
    ns: bigint,
    key = 0,
    flags = 0n,
    on: Pick<StartOptions, 'cpu' | 'context'> = {},
  ): number {
    return this.call(`start_${map}`, key, { ns, flags }, on);
  }

  cancel(map: MapName, key = 0, on: Pick<StartOptions, 'cpu' | 'context'> = {}): number {
    return this.call(`cancel_${map}`, key, {}, on);
  }

  /** An element with an armed timer. */
  arm(map: MapName, ns: bigint, key = 0, element: Element = {}, cpu = 0): void {
    assert.equal(this.put(map, key, element), 0);
    assert.deepEqual(
      [this.init(map, key), this.set(map, key), this.start(map, ns, key, 0n, { cpu })],
      [0, 0, 0],
    );
  }

  pass(ns: bigint): void {
    const stop = this.passTo(this.machine.nowNs() + ns);
    assert.ok(
      stop.kind === 'timeLimit' || stop.kind === 'idle',
      stop.kind === 'fault' ? stop.message : stop.kind,
    );
  }

  passTo(untilNs: bigint): MachineStop {
    return this.machine.run({ untilNs, budget: 50_000_000 });
  }

  /** Runs until the callback of the only armed timer is under way. */
  intoCallback(map: MapName): void {
    for (let i = 0; i < 1_000_000; i++) {
      const timer = this.timer(map);
      if (timer?.state.startsWith('running') === true && this.machine.frames(timer.cpu).length > 0) return;
      assert.equal(this.machine.stepInsn(), undefined);
    }
    assert.fail('no callback');
  }

  /** Starts a program without waiting for its end. */
  begin(program: string, key: number, on: Pick<StartOptions, 'cpu' | 'context'>, ns = 0n): number {
    const found = this.machine.findProgram(program);
    assert.ok(found);
    const started = this.machine.start(found, { ctx: this.context(key, { ns }), ...on });
    assert.ok(started.ok);
    return started.value;
  }

  /** Runs everything that was started to its end; the result of a run. */
  finish(run: number): number {
    assert.equal(this.machine.runToEnd().kind, 'idle');
    return Number(BigInt.asIntN(32, this.machine.state.runs[run - 1].result));
  }

  timer(map: MapName, key = 0): TimerView | undefined {
    const keyHex = `0${key}000000`;
    return this.machine.timers().find((t) => t.map === map && t.keyHex === keyHex);
  }

  objects(): number {
    return this.machine.state.kernel.timers.size;
  }

  /** A field of an element as user space reads it; undefined: no such element. */
  field(map: MapName, name: 'count' | 'cpu' | 'second', key = 0): number | undefined {
    const value = this.machine.lookup(this.record(map), keyBytes(key))?.[0];
    if (value === undefined) return undefined;
    const view = new DataView(value.buffer, value.byteOffset);
    return name === 'count'
      ? Number(view.getBigUint64(0, true))
      : view.getUint32(name === 'cpu' ? 40 : 44, true);
  }

  /** What a helper returned in a callback. */
  rc(place: number): number {
    const section = this.machine.globalSection('.bss');
    assert.ok(section);
    const bytes = this.machine.readMemory(section.address, section.sizeBytes);
    assert.ok(bytes);
    return new DataView(bytes.buffer, bytes.byteOffset).getInt32(4 * place, true);
  }
}
