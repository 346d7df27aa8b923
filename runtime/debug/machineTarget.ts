/**
 * The debugger's view of a machine, and the default scenario played on it: the programs run one after the other from
 * t = 0 on cpu 0, then virtual time passes. Reads machine state, changes it only where the user asks for a write.
 */
import { resolvedType, sizeOfType } from '../btf/query';
import type { Btf } from '../btf/types';
import type { ObjectSpec } from '../loader/objectSpec';
import { structOf } from '../machine/contexts';
import { noSuchProgram } from '../machine/chosenPrograms';
import { Machine, type MachineOptions, type LoadedProgram, type StartOptions } from '../machine/machine';
import { defaultPrograms, HOOK_CALL_TEXT, isHookCall } from '../machine/defaultPrograms';
import { Player, profileOf } from '../machine/player';
import type { Scenario, ScenarioStep } from '../machine/scenario';
import type { CodePlace, MachineEvent, MachineStop } from '../machine/types';
import { typedText } from '../machine/valueText';
import { mapEntryViews } from '../machine/views';
import type { Profile } from '../spec/profile';
import { SLEEP_SLACK_NS } from '../spec/timeCosts';
import { hexToBytes } from '../util/hexText';
import { fail, ok, type Result } from '../util/problem';
import {
  CONTEXT_TAG,
  FUNCTION_TAG,
  functionOf,
  mapIdOf,
  MAP_TAG,
  MEMORY_TAG,
  offsetOf,
  tagOf,
} from '../vm/addresses';
import { STACK_SIZE_BYTES } from '../vm/contextBlock';
import type { ContextInfo, DebugTarget, TargetMap, TargetMapEntry, TargetProgram } from './target';
import { allTimers } from '../kernel/timerTable';

export interface MachineTargetOptions {
  readonly object: ObjectSpec;
  readonly profile: Profile;
  readonly cpus: number;
  readonly seed: number;
  /** Names of the programs to run, in order; more than one: those that can be run by themselves. */
  readonly run: readonly string[];
  /** One run of each program for each packet; none: the default packet. */
  readonly packets: readonly Uint8Array[];
  readonly ctx?: Uint8Array;
  readonly checked: boolean;
  /** Played instead of the default scenario. */
  readonly scenario?: Scenario;
  readonly kernelTypes?: MachineOptions['kernelTypes'];
}

/** Entries of a hash that are looked through to name the element that an address lies in. */
const NAMED_ENTRIES_MAX = 512;

/** What the scenario still has to do. */
type Task =
  | { readonly kind: 'run'; readonly program: LoadedProgram; readonly start: StartOptions }
  | { readonly kind: 'advance'; readonly ns: bigint }
  /** What user space does at once. */
  | { readonly kind: 'user'; readonly step: ScenarioStep };

export function createMachineTarget(options: MachineTargetOptions): Result<MachineTarget> {
  const { object, cpus, seed, checked, scenario } = options;
  const wantedNames = scenario?.programs ?? options.run;
  // A program that the loader refuses does not keep the others from running.
  const programs = object.programs
    .filter((p) => (p.autoload || wantedNames.includes(p.name)) && !p.problem)
    .map((p) => p.name);
  const machine = Machine.load(object, {
    profile: scenario ? profileOf(scenario, options.profile) : options.profile,
    cpus: scenario?.cpus ?? cpus,
    seed: scenario?.seed ?? seed,
    checked,
    programs,
    ...(scenario?.budget !== undefined && { budget: scenario.budget }),
    ...(options.kernelTypes !== undefined && { kernelTypes: options.kernelTypes }),
  });
  if (!machine.ok) return machine;
  const tasks = scenario
    ? scenarioTasks(machine.value, scenario.steps)
    : defaultTasks(machine.value, options);
  if (!tasks.ok) return tasks;
  return ok(new MachineTarget(machine.value, object, tasks.value, scenario !== undefined));
}

function defaultTasks(machine: Machine, options: MachineTargetOptions): Result<Task[]> {
  const { object, run, packets, ctx } = options;
  const wanted = run.flatMap((name) => machine.findProgram(name) ?? []);
  const refused = object.programs.find((p) => p.problem && run.includes(p.name));
  if (wanted.length === 0 && refused?.problem) return fail(refused.problem);
  // A single program that was named is run whatever it is; of several, what can be run by itself.
  const runnable = wanted.length > 1 ? defaultPrograms(wanted) : wanted;
  if (runnable.length === 0)
    return fail({
      code: 'nothing-to-run',
      message: `${object.file}: none of its programs can be run by itself`,
      place: { file: object.file },
      remedy: `Name one ("bpfProgram") to run it with a zeroed context: ${wanted.map((p) => p.name).join(', ')}.`,
    });
  return ok(
    runnable.flatMap((program) =>
      (packets.length > 0 ? packets : [undefined]).map((packet): Task => ({
        kind: 'run',
        program,
        start: { ...(packet && { packet }), ...(ctx && { ctx }) },
      })),
    ),
  );
}

function scenarioTasks(machine: Machine, steps: readonly ScenarioStep[]): Result<Task[]> {
  const tasks: Task[] = [];
  for (const step of steps) {
    if (step.kind === 'advance') tasks.push({ kind: 'advance', ns: step.ns });
    else if (step.kind === 'parallel') {
      // One order of those that are possible: track after track.
      for (const track of step.tracks) {
        const inner = scenarioTasks(machine, track);
        if (!inner.ok) return inner;
        tasks.push(...inner.value);
      }
    } else if (step.kind === 'run') {
      const program = machine.findProgram(step.program);
      if (!program) return fail(noSuchProgram(machine.object.file, machine.programs, step.program));
      const packet = step.packet === undefined ? undefined : hexToBytes(step.packet);
      const ctx = step.ctx === undefined ? undefined : hexToBytes(step.ctx);
      if (packet?.ok === false) return packet;
      if (ctx?.ok === false) return ctx;
      const start: StartOptions = {
        cpu: step.cpu,
        ...(packet && { packet: packet.value }),
        ...(ctx && { ctx: ctx.value }),
        ...(step.context && { context: step.context }),
      };
      for (let i = 0; i < Math.min(step.repeat, REPEAT_MAX); i++) tasks.push({ kind: 'run', program, start });
    } else tasks.push({ kind: 'user', step });
  }
  return ok(tasks);
}

/** Runs of one step that a debugging session plays; a benchmark's millions are not for stepping. */
const REPEAT_MAX = 10_000;

export class MachineTarget implements DebugTarget {
  readonly programs: readonly TargetProgram[];
  readonly endText: string | undefined;
  private readonly player: Player;
  private next = 0;
  /** Number of the run that is on its way, 0 = none. */
  private current = 0;
  /** An advance of the scenario that is on its way. */
  private advanceUntilNs: bigint | undefined;
  /** The instruction under the program counter was reported as reached: running on must not report it again. */
  private reported = false;
  private notes: MachineEvent[] = [];

  constructor(
    readonly machine: Machine,
    readonly object: ObjectSpec,
    private readonly tasks: readonly Task[],
    private readonly isScenario: boolean,
  ) {
    this.programs = machine.programs.map((p) => ({ id: p.id, spec: p.spec }));
    this.player = new Player(machine);
    if (isScenario) this.endText = 'the scenario is at its end';
  }

  get cpuCount(): number {
    return this.machine.cpuCount;
  }

  currentCpu(): number {
    return this.machine.currentCpu();
  }

  nowNs(): bigint {
    return this.machine.nowNs();
  }

  // --- Running ---

  private programRuns(): boolean {
    const run = this.current > 0 ? this.machine.state.runs.at(this.current - 1) : undefined;
    return run !== undefined && !run.ended;
  }

  private note(text: string): void {
    this.notes.push({ kind: 'note', atNs: this.nowNs(), cpu: this.currentCpu(), text });
  }

  /** Begins the next task of the scenario. @returns false when there is none left. */
  private beginNext(): boolean {
    if (this.next >= this.tasks.length || this.machine.state.ended !== undefined) return false;
    const task = this.tasks[this.next++];
    switch (task.kind) {
      case 'run': {
        const started = this.machine.start(task.program, task.start);
        if (started.ok) {
          this.current = started.value;
          if (isHookCall(task.program) && task.start.ctx === undefined)
            this.note(`${task.program.name} is ${HOOK_CALL_TEXT}.`);
        } else this.note(`${task.program.name} cannot be run: ${started.problem.message}`);
        break;
      }
      case 'advance':
        this.advanceUntilNs = this.nowNs() + task.ns + SLEEP_SLACK_NS;
        break;
      case 'user': {
        const last = this.machine.returnValues().at(-1);
        if (last) this.player.noteReturn(last.value);
        const taken = this.player.take(task.step);
        if (!taken.ok) this.note(`scenario: ${taken.problem.message}`);
        else for (const failure of taken.value.failures ?? []) this.note(`expectation failed: ${failure}`);
      }
    }
    return true;
  }

  /** How far time may go for what is on its way; a program that was started runs to its end. */
  private limit(untilNs: bigint | undefined): bigint | undefined {
    if (this.programRuns()) return undefined;
    return this.advanceUntilNs ?? untilNs;
  }

  /** Whether a stop only ends what is on its way. */
  private taskEnded(stop: MachineStop): boolean {
    if (stop.kind !== 'idle' && stop.kind !== 'timeLimit') return false;
    if (this.current > 0) {
      this.current = 0;
      return true;
    }
    if (this.advanceUntilNs === undefined) return false;
    this.advanceUntilNs = undefined;
    return true;
  }

  run({ untilNs, budget }: { readonly untilNs?: bigint; readonly budget: number }): MachineStop {
    let left = budget;
    while (left > 0) {
      const busy = this.programRuns() || this.advanceUntilNs !== undefined;
      if (!busy && this.beginNext()) {
        left--;
        this.reported = false;
        continue;
      }
      if (!busy && this.isScenario) return this.machine.state.ended ?? { kind: 'idle' };
      const skipBreakpoint = this.reported;
      this.reported = false;
      const before = this.machine.state.kernel.executed;
      const stop = this.machine.run({
        untilNs: this.limit(untilNs),
        budget: left,
        skipBreakpoint,
        untilProgramsEnd: this.programRuns(),
      });
      this.reported = stop.kind === 'breakpoint';
      if (!this.taskEnded(stop)) return stop;
      left -= Math.max(1, this.machine.state.kernel.executed - before);
    }
    return { kind: 'budget' };
  }

  step(untilNs?: bigint): MachineStop {
    this.reported = true;
    const busy = this.programRuns() || this.advanceUntilNs !== undefined;
    if (!busy && this.beginNext()) return { kind: 'budget' };
    if (!busy && this.isScenario) return this.machine.state.ended ?? { kind: 'idle' };
    const stop = this.machine.stepInsn(this.limit(untilNs)) ?? { kind: 'budget' };
    return this.taskEnded(stop) ? { kind: 'budget' } : stop;
  }

  setBreakpoints(places: readonly { readonly programId: number; readonly insnIdx: number }[]): void {
    this.machine.setBreakpoints(places);
  }

  takeEvents(): readonly MachineEvent[] {
    const notes = this.notes;
    this.notes = [];
    return [...this.machine.takeEvents(), ...notes];
  }

  // --- Views: the machine's own, as of now ---

  frames(cpu: number) {
    return this.machine.frames(cpu);
  }
  place(cpu: number): CodePlace | undefined {
    return this.machine.place(cpu);
  }
  armedStack(cpu: number, contextIndex: number) {
    return this.machine.armedStack(cpu, contextIndex);
  }
  registers(cpu: number, contextIndex: number, frame: number) {
    return this.machine.registers(cpu, contextIndex, frame);
  }
  writeRegister(cpu: number, contextIndex: number, frame: number, register: number, value: bigint): boolean {
    return this.machine.writeRegister(cpu, contextIndex, frame, register, value);
  }
  context(cpu: number, contextIndex: number): ContextInfo | undefined {
    return this.machine.contextInfo(cpu, contextIndex);
  }
  readMemory(address: bigint, sizeBytes: number): Uint8Array | undefined {
    return this.machine.readMemory(address, sizeBytes);
  }
  readContext(address: bigint, sizeBytes: number): bigint | undefined {
    return this.machine.readContext(address, sizeBytes);
  }
  writeMemory(address: bigint, bytes: Uint8Array): boolean {
    return this.machine.writeMemory(address, bytes);
  }
  timers() {
    return this.machine.timers();
  }
  timerAt(address: bigint) {
    if (tagOf(address) !== MEMORY_TAG) return undefined;
    for (const timer of allTimers(this.machine.state.kernel.timers))
      if (timer.value + timer.offset === offsetOf(address) && !timer.freed)
        return this.machine.timers().find((t) => t.id === timer.id);
    return undefined;
  }
  maps(): readonly TargetMap[] {
    return this.machine.maps();
  }
  mapEntries(
    mapId: number,
    start: number,
    count: number,
  ): { total: number; entries: readonly TargetMapEntry[] } {
    return this.machine.mapEntries(mapId, start, count);
  }
  globalSection(section: string): { readonly address: bigint; readonly sizeBytes: number } | undefined {
    return this.machine.globalSection(section);
  }

  describeAddress(address: bigint): string | undefined {
    switch (tagOf(address)) {
      case FUNCTION_TAG: {
        const { programId, insnIdx } = functionOf(address);
        return this.machine.programs.at(programId)?.functionAt(insnIdx);
      }
      case MAP_TAG: {
        const map = this.machine.state.maps.get(mapIdOf(address));
        return map && `&${map.definition.name}`;
      }
      case CONTEXT_TAG: {
        for (const record of this.machine.state.contexts.values()) {
          const at = offsetOf(address) - record.start;
          if (at >= 0 && at < structOf(record).sizeBytes)
            return at === 0 ? `struct ${record.struct}` : `struct ${record.struct} + ${at}`;
        }
        return undefined;
      }
      case MEMORY_TAG:
        return this.describeMemory(offsetOf(address));
      default:
        return undefined;
    }
  }

  private describeMemory(offset: number): string | undefined {
    const region = this.machine.memory.findRegion(offset) ?? this.endOfRegion(offset);
    if (!region) return undefined;
    const at = offset - region.start;
    if (!region.live) return `freed memory (was ${region.label})`;
    if (region.kind === 'mapValue' || region.kind === 'mapPool')
      return this.describeMapValue(offset) ?? region.label;
    if (region.kind === 'stack') {
      // Frame i owns [i*512, (i+1)*512); an address at a boundary is the r10 of the lower frame.
      const frame = Math.max(0, Math.ceil(at / STACK_SIZE_BYTES) - 1);
      const below = (frame + 1) * STACK_SIZE_BYTES - at;
      return below === 0 ? `top of stack frame ${frame}` : `stack frame ${frame}, r10-${below}`;
    }
    return at === 0 ? region.label : `${region.label} + ${at}`;
  }

  /** One past the end counts as belonging to it (r10, data_end). */
  private endOfRegion(offset: number) {
    const region = offset > 0 ? this.machine.memory.findRegion(offset - 1) : undefined;
    return region && offset === region.start + region.sizeBytes ? region : undefined;
  }

  private describeMapValue(offset: number): string | undefined {
    for (const map of this.machine.state.maps.values()) {
      const { definition } = map;
      const { entries } = mapEntryViews(this.machine.kernel, map, 0, NAMED_ENTRIES_MAX);
      for (const entry of entries) {
        const address = entry.values.at(0)?.address;
        const at = address === undefined ? -1 : offset - offsetOf(address);
        if (at < 0 || at >= definition.valueSizeBytes) continue;
        const { btf } = this.object;
        if (definition.name.includes('.') && btf)
          return pathAt(btf, definition.valueTypeId, at) || definition.name;
        const key = entry.key ? typedText(definition, 'key', entry.key) : '';
        const path = btf ? pathAt(btf, definition.valueTypeId, at) : at === 0 ? '' : ` + ${at}`;
        return `${definition.name}[${key}]${path}`;
      }
    }
    return undefined;
  }
}

/** C path of a byte inside a type: `.timer`, `.arr[2]`; a variable's name for global data. */
export function pathAt(types: Btf, id: number, offset: number): string {
  let path = '';
  for (let depth = 0; depth < 16; depth++) {
    const type = resolvedType(types, id);
    if (type.kind === 'datasec') {
      const variable = type.vars.find((v) => offset >= v.offset && offset < v.offset + v.sizeBytes);
      const named = variable && types.types[variable.type];
      if (named?.kind !== 'var') return path;
      path += named.name;
      id = named.type;
      offset -= variable?.offset ?? 0;
    } else if (type.kind === 'struct' || type.kind === 'union') {
      if (offset === 0 && depth > 0) return path;
      const member = type.members.find((m) => {
        const size = sizeOfType(types, m.type) ?? 0;
        return m.offsetBits / 8 <= offset && offset < m.offsetBits / 8 + size;
      });
      // The start of the whole is the whole, not its first member.
      if (!member || (offset === 0 && depth === 0)) return offset === 0 ? path : `${path} + ${offset}`;
      path += member.name === '' ? '' : `.${member.name}`;
      id = member.type;
      offset -= Math.floor(member.offsetBits / 8);
    } else if (type.kind === 'array') {
      const size = sizeOfType(types, type.type) ?? 0;
      if (size === 0) return path;
      path += `[${Math.floor(offset / size)}]`;
      id = type.type;
      offset %= size;
    } else return offset === 0 ? path : `${path} + ${offset}`;
  }
  return path;
}
