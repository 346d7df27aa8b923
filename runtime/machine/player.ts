/**
 * Plays scenarios on a machine, step by step. Also the default scenario: hold the maps, run every program that can be
 * run once at time zero on cpu 0, let time pass.
 */
import { parseValue } from '../btf/valueText';
import { indexBytes } from '../maps/array';
import type { MapRecord } from '../maps/mapFamily';
import { isMapOfMaps } from '../maps/mapInMap';
import type { SchedulerState } from '../sched/scheduler';
import { DEFAULT_PROFILE, findProfile, type Profile } from '../spec/profile';
import { ERRNO, errnoName, type ErrnoName } from '../spec/errno';
import { SLEEP_SLACK_NS } from '../spec/timeCosts';
import type { FeatureName } from '../spec/features';
import { assert } from '../util/assert';
import { bytesToHex, hexToBytes } from '../util/hexText';
import { fail, ok, type Result } from '../util/problem';
import type { ObjectSpec } from '../loader/objectSpec';
import { defaultPrograms } from './defaultPrograms';
import { noSuchProgram } from './chosenPrograms';
import { Machine, type LoadedProgram, type MachineOptions, type StartOptions } from './machine';
import type { Expectation, Scenario, ScenarioStep } from './scenario';
import { interleave, Interleaving, type InterleaveOptions } from './interleave';
import type { MachineStop } from './types';

/** What one step gave. */
export interface StepOutcome {
  readonly step: ScenarioStep;
  /** r0 of a run. */
  readonly returned?: number;
  /** Of update, delete, lookup. */
  readonly errno?: number;
  /** Of lookup. */
  readonly valuesHex?: readonly string[];
  /** Of expect: what differs; empty when all is as expected. */
  readonly failures?: readonly string[];
}

export interface Played {
  readonly machine: Machine;
  readonly outcomes: readonly StepOutcome[];
  /** A stop that ended the run early: fault, exhausted. */
  readonly stopped?: MachineStop;
}

export interface PlayOptions {
  /** Overrides the scenario's. */
  readonly profile?: Profile;
  readonly checked?: boolean;
  /** Decides ties and random helpers instead of the lawful one over the scenario's seed. */
  readonly scheduler?: SchedulerState;
  /** Types of the kernel, for programs that look at its objects. */
  readonly kernelTypes?: MachineOptions['kernelTypes'];
}

/** The scenario's profile with its fix switches. */
export function profileOf(scenario: Scenario, given?: Profile): Profile {
  const base = given ?? findProfile(scenario.kernel ?? DEFAULT_PROFILE);
  assert(base, 'a checked scenario names a known profile');
  const switched = (wanted: 'on' | 'off'): FeatureName[] =>
    Object.entries(scenario.fixes).flatMap(([name, state]) =>
      state === wanted ? [name as FeatureName] : [],
    );
  const [on, off] = [switched('on'), switched('off')];
  if (on.length === 0 && off.length === 0) return base;
  const without = [...base.without, ...off].filter((name) => !on.includes(name));
  return { ...base, without, having: [...(base.having ?? []), ...on] };
}

/** Loads the object on a fresh machine and takes every step. */
export function playScenario(
  object: ObjectSpec,
  scenario: Scenario,
  options: PlayOptions = {},
): Result<Played> {
  const loaded = Machine.load(object, {
    profile: profileOf(scenario, options.profile),
    cpus: scenario.cpus,
    seed: scenario.seed,
    checked: options.checked ?? false,
    ...(options.scheduler === undefined ? {} : { scheduler: options.scheduler }),
    ...(options.kernelTypes === undefined ? {} : { kernelTypes: options.kernelTypes }),
    ...(scenario.programs === undefined ? {} : { programs: scenario.programs }),
    ...(scenario.budget === undefined ? {} : { budget: scenario.budget }),
  });
  if (!loaded.ok) return loaded;
  const player = new Player(loaded.value);
  for (const step of scenario.steps) {
    const taken = player.take(step);
    if (!taken.ok) return taken;
    if (player.stopped !== undefined) break;
  }
  return ok({
    machine: loaded.value,
    outcomes: player.outcomes,
    ...(player.stopped === undefined ? {} : { stopped: player.stopped }),
  });
}

/** Runs each program that can be run, or the one named, then lets `advanceNs` pass. */
export function playDefault(
  machine: Machine,
  options: { readonly program?: string; readonly start?: StartOptions; readonly advanceNs?: bigint },
): Result<Played> {
  const player = new Player(machine);
  let programs = defaultPrograms(machine.programs);
  if (options.program !== undefined) {
    const named = machine.findProgram(options.program);
    if (named === undefined)
      return fail(noSuchProgram(machine.object.file, machine.programs, options.program));
    programs = [named];
  }
  for (const program of programs) {
    const done = player.runProgram(program, options.start ?? {}, 1);
    if (!done.ok) return done;
    if (player.stopped !== undefined) break;
  }
  if (options.advanceNs !== undefined && player.stopped === undefined) player.advance(options.advanceNs);
  return ok({
    machine,
    outcomes: player.outcomes,
    ...(player.stopped === undefined ? {} : { stopped: player.stopped }),
  });
}

type ParallelStep = Extract<ScenarioStep, { kind: 'parallel' }>;

export interface PlayerPosition {
  readonly outcomes: number;
  readonly stopped: MachineStop | undefined;
  readonly lastReturn: number | undefined;
  readonly lastErrno: number | undefined;
}

/** Takes steps one after the other. */
export class Player {
  readonly outcomes: StepOutcome[] = [];
  stopped: MachineStop | undefined;
  private lastReturn: number | undefined;
  private lastErrno: number | undefined;

  /**
   * @param interleaving makes the CPUs of `parallel` steps take turns as the scheduler says, at every choice point;
   * without it they run side by side as the clocks say.
   */
  constructor(
    readonly machine: Machine,
    private readonly interleaving?: InterleaveOptions,
  ) {}

  /** Goes on where another player stands, with its results so far. */
  continueFrom(other: Player): void {
    this.outcomes.push(...other.outcomes);
    this.lastReturn = other.lastReturn;
    this.lastErrno = other.lastErrno;
    this.stopped = other.stopped;
  }

  /** For callers that run programs themselves (a debugger stops in between): what the last one returned. */
  noteReturn(value: number): void {
    this.lastReturn = value;
  }

  private note(stop: MachineStop): void {
    if (stop.kind === 'fault' || stop.kind === 'exhausted') this.stopped = stop;
  }

  /** Sleeps like a process: it wakes a little after the time is over. */
  advance(ns: bigint): void {
    this.pass(ns + SLEEP_SLACK_NS);
  }

  /** Lets so much time pass. */
  pass(ns: bigint): void {
    const untilNs = this.machine.nowNs() + ns;
    for (;;) {
      const stop = this.machine.run({ untilNs, budget: Number.MAX_SAFE_INTEGER });
      if (stop.kind === 'budget' || stop.kind === 'breakpoint') continue;
      this.note(stop);
      return;
    }
  }

  runProgram(program: LoadedProgram, start: StartOptions, repeat: number): Result<number> {
    let again: number | undefined;
    for (let i = 0; i < repeat; i++) {
      const started = this.machine.start(program, {
        ...start,
        ...(again === undefined ? {} : { again }),
        keep: i + 1 < repeat,
      });
      if (!started.ok) return started;
      again = started.value;
      const stop = this.machine.runToEnd();
      this.note(stop);
      if (this.stopped !== undefined) return ok(0);
    }
    this.lastReturn = this.machine.returnValues().at(-1)?.value ?? 0;
    return ok(this.lastReturn);
  }

  /** A problem means that the step itself is wrong (no such map, unreadable key). */
  take(step: ScenarioStep): Result<StepOutcome> {
    const outcome = this.outcomeOf(step);
    if (outcome.ok) this.outcomes.push(outcome.value);
    return outcome;
  }

  private outcomeOf(step: ScenarioStep): Result<StepOutcome> {
    const { machine } = this;
    switch (step.kind) {
      case 'run':
        return this.runStep(step);
      case 'advance':
        this.advance(step.ns);
        return ok({ step });
      case 'suspend':
        machine.suspend(step.ns);
        // What is due on the clock that went on fires at once.
        this.advance(0n);
        return ok({ step });
      case 'setClock':
        machine.setClock(step.ns);
        return ok({ step });
      case 'update':
      case 'delete':
      case 'lookup':
      case 'take':
        return this.mapStep(step);
      case 'deleteBatch':
        return this.deleteBatch(step);
      case 'memory':
        machine.limitMemory(step.allocations);
        return ok({ step });
      case 'close':
      case 'pin':
      case 'unpin': {
        const map = this.mapOf(step.map);
        if (!map.ok) return map;
        if (step.kind === 'close') machine.closeMap(map.value, step.cpu);
        else if (step.kind === 'pin') machine.pinMap(map.value);
        else machine.unpinMap(map.value, step.cpu);
        return ok({ step });
      }
      case 'attach':
      case 'detach':
      case 'unload': {
        const program = this.programOf(step.program);
        if (!program.ok) return program;
        // Detaching stops nothing but new runs: whatever the program armed goes on.
        if (step.kind === 'unload') machine.unloadProgram(program.value, step.cpu);
        else if (step.kind === 'detach') machine.detach(program.value);
        else {
          const attached = machine.attach(program.value);
          if (!attached.ok) return attached;
        }
        return ok({ step });
      }
      case 'parallel':
        return this.interleaving === undefined ? this.parallel(step) : this.interleaved(step);
      case 'expect': {
        const failures = this.check(step.expected);
        return failures.ok ? ok({ step, failures: failures.value }) : failures;
      }
    }
  }

  private runStep(step: Extract<ScenarioStep, { kind: 'run' }>): Result<StepOutcome> {
    const program = this.programOf(step.program);
    if (!program.ok) return program;
    const start = startOptions(step);
    if (!start.ok) return start;
    const done = this.runProgram(program.value, start.value, step.repeat);
    return done.ok ? ok({ step, returned: done.value }) : done;
  }

  /**
   * Tracks run side by side in virtual time: every track starts its next program as soon as its last one ended. Other
   * steps are taken at once by the track whose turn it is. Searching other orders is the explorer's job.
   */
  private parallel(step: Extract<ScenarioStep, { kind: 'parallel' }>): Result<StepOutcome> {
    const { machine } = this;
    const tracks = step.tracks.map((steps) => ({ steps: steps.flatMap(unfold), next: 0, run: 0 }));
    const isBusy = (run: number): boolean => run !== 0 && !machine.state.runs[run - 1].ended;
    for (;;) {
      for (const track of tracks) {
        while (!isBusy(track.run) && track.next < track.steps.length && this.stopped === undefined) {
          const inner = track.steps[track.next++];
          if (inner.kind === 'run') {
            const started = this.startOf(inner);
            if (!started.ok) return started;
            track.run = started.value;
          } else {
            const taken = this.take(inner);
            if (!taken.ok) return taken;
          }
        }
      }
      const busy = tracks.filter((track) => isBusy(track.run));
      if (busy.length === 0 || this.stopped !== undefined) return ok({ step });
      while (busy.every((track) => isBusy(track.run)) && this.stopped === undefined) {
        const stop = machine.stepInsn();
        if (stop !== undefined) this.note(stop);
      }
    }
  }

  private interleaved(step: ParallelStep): Result<StepOutcome> {
    const stop = interleave(this.machine, this.openParallel(step));
    if (!stop.ok) return stop;
    this.closeParallel(stop.value);
    return ok({ step });
  }

  /** For drivers that take the choices of a parallel step themselves; `closeParallel` ends it. */
  openParallel(step: ParallelStep): Interleaving {
    this.machine.kernel.watch?.beginParallel();
    return new Interleaving(
      this.machine,
      step.tracks.map((steps) => steps.flatMap(unfold)),
      (inner) => this.begin(inner),
      this.interleaving?.observe,
    );
  }

  /** @param stop why the step ended early, if it did. */
  closeParallel(stop: MachineStop | undefined): void {
    if (stop !== undefined) this.note(stop);
    this.lastReturn = this.machine.returnValues().at(-1)?.value ?? this.lastReturn;
  }

  /** What this player knows, as plain data; outcomes are cut back to their number. */
  position(): PlayerPosition {
    const { stopped, lastReturn, lastErrno } = this;
    return { outcomes: this.outcomes.length, stopped, lastReturn, lastErrno };
  }

  goTo(position: PlayerPosition): void {
    this.outcomes.length = position.outcomes;
    this.stopped = position.stopped;
    this.lastReturn = position.lastReturn;
    this.lastErrno = position.lastErrno;
  }

  /** Takes a step as far as it goes at once; what remains is left to its CPU. */
  private begin(step: ScenarioStep): Result<void> {
    const { machine } = this;
    switch (step.kind) {
      case 'run': {
        const started = this.startOf(step);
        return started.ok ? ok(undefined) : started;
      }
      case 'update':
      case 'delete': {
        const map = this.mapOf(step.map);
        if (!map.ok) return map;
        const key = bytesOf(map.value, 'key', step.key);
        if (!key.ok) return key;
        if (step.kind !== 'update') {
          this.lastErrno = machine.beginDelete(map.value, key.value, step.cpu);
          return ok(undefined);
        }
        const value = this.valueOf(map.value, step.value);
        if (!value.ok) return value;
        this.lastErrno = machine.beginUpdate(map.value, key.value, [value.value], step.flags, step.cpu);
        return ok(undefined);
      }
      case 'close':
      case 'unpin': {
        const map = this.mapOf(step.map);
        if (!map.ok) return map;
        if (step.kind === 'close') machine.closeMap(map.value, step.cpu, false);
        else machine.unpinMap(map.value, step.cpu, false);
        return ok(undefined);
      }
      case 'advance':
      case 'suspend':
      case 'setClock':
      case 'expect':
      case 'parallel':
        return fail({
          code: 'bad-scenario',
          message: `a track of a parallel step cannot hold '${step.kind}'`,
          remedy: 'Put it before or after the parallel step.',
        });
      default: {
        const taken = this.take(step);
        return taken.ok ? ok(undefined) : taken;
      }
    }
  }

  /** Starts the program of a run step; the number of the run. */
  private startOf(step: Extract<ScenarioStep, { kind: 'run' }>): Result<number> {
    const program = this.programOf(step.program);
    if (!program.ok) return program;
    const options = startOptions(step);
    return options.ok ? this.machine.start(program.value, options.value) : options;
  }

  private mapStep(
    step: Extract<ScenarioStep, { kind: 'update' | 'delete' | 'lookup' | 'take' }>,
  ): Result<StepOutcome> {
    const { machine } = this;
    const map = this.mapOf(step.map);
    if (!map.ok) return map;
    const key = bytesOf(map.value, 'key', step.key);
    if (!key.ok) return key;
    if (step.kind === 'update') {
      const value = this.valueOf(map.value, step.value);
      if (!value.ok) return value;
      this.lastErrno = machine.update(map.value, key.value, [value.value], step.flags, step.cpu);
    } else if (step.kind === 'delete') {
      this.lastErrno = machine.delete(map.value, key.value, step.cpu);
    } else if (step.kind === 'take') {
      const taken = machine.lookupAndDelete(map.value, key.value, step.cpu);
      this.lastErrno = typeof taken === 'number' ? taken : 0;
      if (machine.state.ended !== undefined) this.note(machine.state.ended);
      return ok({
        step,
        errno: this.lastErrno,
        ...(typeof taken === 'number' ? {} : { valuesHex: taken.map(bytesToHex) }),
      });
    } else {
      const values = machine.lookup(map.value, key.value, step.cpu);
      this.lastErrno = values === undefined ? ERRNO.ENOENT : 0;
      return ok({
        step,
        errno: this.lastErrno,
        ...(values === undefined ? {} : { valuesHex: values.map(bytesToHex) }),
      });
    }
    if (machine.state.ended !== undefined) this.note(machine.state.ended);
    return ok({ step, errno: this.lastErrno });
  }

  private deleteBatch(step: Extract<ScenarioStep, { kind: 'deleteBatch' }>): Result<StepOutcome> {
    const map = this.mapOf(step.map);
    if (!map.ok) return map;
    const keys: Uint8Array[] = [];
    for (const text of step.keys) {
      const key = bytesOf(map.value, 'key', text);
      if (!key.ok) return key;
      keys.push(key.value);
    }
    this.lastErrno = this.machine.deleteBatch(map.value, keys, step.cpu).errno;
    if (this.machine.state.ended !== undefined) this.note(this.machine.state.ended);
    return ok({ step, errno: this.lastErrno });
  }

  /** A value as text; for a map of maps the name of the inner map. */
  private valueOf(map: MapRecord, text: string): Result<Uint8Array> {
    if (!isMapOfMaps(map.definition)) return bytesOf(map, 'value', text);
    const inner = this.mapOf(text);
    return inner.ok ? ok(indexBytes(inner.value.definition.id)) : inner;
  }

  private mapOf(name: string): Result<MapRecord> {
    const map = this.machine.findMap(name);
    if (map !== undefined) return ok(map);
    const have = this.machine
      .maps()
      .map((m) => m.name)
      .join(', ');
    return fail({
      code: 'no-such-map',
      message: `there is no map '${name}'`,
      place: { file: this.machine.object.file },
      remedy: have === '' ? 'The object has no maps.' : `Maps of the object: ${have}.`,
    });
  }

  private programOf(name: string): Result<LoadedProgram> {
    const program = this.machine.findProgram(name);
    return program === undefined
      ? fail(noSuchProgram(this.machine.object.file, this.machine.programs, name))
      : ok(program);
  }

  private check(expected: Expectation): Result<string[]> {
    const failures: string[] = [];
    const { machine } = this;
    if (expected.returns !== undefined && (this.lastReturn ?? -1) >>> 0 !== expected.returns >>> 0)
      failures.push(`returned ${this.lastReturn ?? 'nothing'}, expected ${expected.returns}`);
    if (expected.errno !== undefined) {
      const wanted =
        typeof expected.errno === 'number' ? expected.errno : (ERRNO[expected.errno as ErrnoName] ?? -1);
      if (wanted !== this.lastErrno)
        failures.push(
          `errno ${this.lastErrno ?? 'none'} (${errnoName(this.lastErrno ?? 0) ?? 'ok'}), expected ${expected.errno}`,
        );
    }
    if (expected.output !== undefined) {
      const output = machine.events().flatMap((e) => (e.kind === 'print' ? [e.text] : []));
      if (JSON.stringify(output) !== JSON.stringify(expected.output))
        failures.push(`output ${JSON.stringify(output)}, expected ${JSON.stringify(expected.output)}`);
    }
    for (const [name, entries] of Object.entries(expected.maps ?? {})) {
      const map = this.mapOf(name);
      if (!map.ok) return map;
      for (const [keyText, valueText] of Object.entries(entries)) {
        const key = bytesOf(map.value, 'key', keyText);
        if (!key.ok) return key;
        const got = machine.lookup(map.value, key.value);
        if (valueText === null) {
          if (got !== undefined) failures.push(`${name}[${keyText}] is there, expected none`);
          continue;
        }
        const value = bytesOf(map.value, 'value', valueText);
        if (!value.ok) return value;
        for (const field of map.value.definition.fields.fields)
          value.value.fill(0, field.offset, field.offset + field.sizeBytes);
        const wanted = bytesToHex(value.value);
        const have = got === undefined ? 'nothing' : bytesToHex(got[0]);
        if (have !== wanted) failures.push(`${name}[${keyText}] is ${have}, expected ${wanted}`);
      }
    }
    for (const [label, wanted] of Object.entries(expected.timers ?? {})) {
      const timer = machine.timers().find((t) => t.label === label);
      if (timer === undefined) {
        failures.push(`there is no timer ${label}`);
        continue;
      }
      const have = { state: timer.state, fires: timer.fires, callback: timer.callback?.functionName ?? '' };
      for (const field of ['state', 'fires', 'callback'] as const)
        if (wanted[field] !== undefined && wanted[field] !== have[field])
          failures.push(`${label}: ${field} ${have[field]}, expected ${wanted[field]}`);
    }
    return ok(failures);
  }
}

/** A repeated run as single ones. */
const unfold = (step: ScenarioStep): ScenarioStep[] =>
  step.kind === 'run' ? Array.from({ length: step.repeat }, () => ({ ...step, repeat: 1 })) : [step];

function startOptions(step: Extract<ScenarioStep, { kind: 'run' }>): Result<StartOptions> {
  const start: { -readonly [K in keyof StartOptions]: StartOptions[K] } = { cpu: step.cpu };
  if (step.context !== undefined) start.context = step.context;
  for (const field of ['packet', 'ctx'] as const) {
    const text = step[field];
    if (text === undefined) continue;
    const bytes = hexToBytes(text);
    if (!bytes.ok) return bytes;
    start[field] = bytes.value;
  }
  return ok(start);
}

/** Bytes of a key or value from text: a C initialiser by type, or hexadecimal. */
export function bytesOf(map: MapRecord, part: 'key' | 'value', text: string): Result<Uint8Array> {
  const { definition } = map;
  const typeId = part === 'key' ? definition.keyTypeId : definition.valueTypeId;
  const size = part === 'key' ? definition.keySizeBytes : definition.valueSizeBytes;
  if (definition.btf !== undefined && typeId !== 0) return parseValue(definition.btf, typeId, text);
  const bytes = hexToBytes(text.replace(/^hex:/i, ''));
  if (!bytes.ok) return bytes;
  if (bytes.value.length !== size)
    return fail({
      code: 'bad-value',
      message: `${part} of map '${definition.name}' has ${size} bytes, not ${bytes.value.length}`,
      remedy: `Write ${size} bytes in hexadecimal.`,
    });
  return bytes;
}
