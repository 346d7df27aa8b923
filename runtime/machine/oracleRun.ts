/**
 * Plays the run scenarios of the test bench that asks real kernels, and answers in its shape less times and ids, so that
 * the two can be compared line by line. Elements come in the model's order: hash maps are compared as sets.
 */
import { findFamily } from '../maps/maps';
import { STANDARD_STREAMS } from '../maps/opaque';
import type { MapDefinition } from '../maps/bpfMap';
import { round8, type MapRecord } from '../maps/mapFamily';
import type { Btf } from '../btf/types';
import { ERRNO } from '../spec/errno';
import type { Profile } from '../spec/profile';
import { bytesToHex, hexToBytes } from '../util/hexText';
import { fail, ok, type Problem, type Result } from '../util/problem';
import type { ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import { attachErrno, type KernelPoints } from './attachments';
import { BENCH_STEP_NS } from '../spec/timeCosts';
import { Machine, type LoadedProgram, type StartOptions } from './machine';
import { refusedErrno } from './packets';
import { Player } from './player';
import { FLOW_KEYS_BYTES } from './contexts';
import { callEntryFunctions, callModifyFunctions } from './testFunctions';
import { judgeTestRun } from './testRun';

/** One step of the bench's scenarios; exactly one of the verbs is there. */
export interface OracleStep {
  readonly run?: string;
  readonly data?: string;
  readonly ctx?: string;
  readonly repeat?: number;
  readonly flags?: number;
  readonly cpu?: number;
  readonly sleep_ms?: number;
  readonly update?: string;
  readonly delete?: string;
  readonly key?: string;
  readonly value?: string;
  readonly attach?: string;
  readonly dump?: number;
}

export interface OracleScenario {
  readonly object: string;
  readonly name: string;
  readonly only?: readonly string[];
  readonly steps: readonly OracleStep[];
}

export interface OracleMap {
  readonly type: string;
  readonly key_size: number;
  readonly value_size: number;
  readonly max_entries: number;
  readonly entries?: readonly {
    readonly key?: string;
    readonly value?: string;
    readonly values?: readonly string[];
    /** Why the element under this key cannot be read. */
    readonly errno?: number;
  }[];
  readonly records?: readonly string[];
}

export interface OracleAnswer {
  readonly scenario: string;
  readonly kernel: string;
  readonly load: 'ok' | 'fail';
  /** Why it was not loaded, our words. */
  readonly error?: string;
  readonly steps: readonly Readonly<Record<string, unknown>>[];
  readonly maps: Readonly<Record<string, OracleMap>>;
}

/** Checks that plain data is a list of such scenarios. */
export function readOracleScenarios(file: string, data: unknown): Result<readonly OracleScenario[]> {
  const bad = (message: string): Result<readonly OracleScenario[]> =>
    fail({ code: 'bad-scenario', message, place: { file } });
  if (!Array.isArray(data)) return bad('a list of scenarios expected');
  for (const [i, item] of (data as unknown[]).entries()) {
    const scenario = item as Partial<OracleScenario> | null;
    if (typeof scenario !== 'object' || scenario === null || typeof scenario.object !== 'string')
      return bad(`scenario ${i}: no object`);
    if (!Array.isArray(scenario.steps)) return bad(`scenario ${i}: no steps`);
  }
  return ok(
    (data as OracleScenario[]).map((scenario, i) => ({ ...scenario, name: scenario.name ?? String(i) })),
  );
}

const hexOf = (text: string | undefined): Result<Uint8Array | undefined> =>
  text === undefined ? ok(undefined) : hexToBytes(text);

/** Names of map types as libbpf prints them: `hash`, `lru_hash`. */
const typeWord = (type: string): string => type.replace(/^BPF_MAP_TYPE_/, '').toLowerCase();

/** The bench reads at most so many elements of a map. */
const ENTRIES_MAX = 65536;
/** Why user space cannot read an element that is not there. */
function readErrno({ type, valueSizeBytes }: MapDefinition): number {
  switch (type) {
    case 'BPF_MAP_TYPE_SOCKMAP':
    case 'BPF_MAP_TYPE_SOCKHASH':
    case 'BPF_MAP_TYPE_REUSEPORT_SOCKARRAY':
      // Sockets are read as 64-bit cookies.
      return valueSizeBytes === 8 ? ERRNO.ENOENT : ERRNO.ENOSPC;
    case 'BPF_MAP_TYPE_XSKMAP':
      return ERRNO.EOPNOTSUPP;
    case 'BPF_MAP_TYPE_CGROUP_ARRAY':
    case 'BPF_MAP_TYPE_PERF_EVENT_ARRAY':
      return ERRNO.ENOTSUPP;
    default:
      return ERRNO.ENOENT;
  }
}

/** What the bench reads of a map: key by key as user space walks it; queues are emptied. */
function dumpEntries(machine: Machine, map: MapRecord): OracleMap['entries'] {
  const { definition } = map;
  const family = findFamily(definition.type);
  if (family?.drained !== undefined) {
    const { entries } = machine.mapEntries(definition.id, 0, ENTRIES_MAX);
    family.drained(machine.kernel, map);
    return entries.map((entry) => ({ value: bytesToHex(entry.values[0].bytes) }));
  }
  const perCpu = /PERCPU/.test(definition.type);
  const found: { key: string; value?: string; values?: string[]; errno?: number }[] = [];
  let key = machine.nextKey(map, undefined);
  while (key !== undefined && found.length < ENTRIES_MAX) {
    const values = machine.lookup(map, key);
    const hex = { key: bytesToHex(key) };
    if (values === undefined) found.push({ ...hex, errno: readErrno(definition) });
    else if (perCpu) found.push({ ...hex, values: values.map(bytesToHex) });
    else found.push({ ...hex, value: bytesToHex(values[0]) });
    key = machine.nextKey(map, key);
  }
  return found;
}

/** Dumps every map, ring buffers and queues by emptying them. */
export function dumpMaps(machine: Machine): Record<string, OracleMap> {
  const maps: Record<string, OracleMap> = {};
  for (const map of machine.state.maps.values()) {
    const { definition } = map;
    const head = {
      type: typeWord(definition.type),
      key_size: definition.keySizeBytes,
      value_size: definition.valueSizeBytes,
      max_entries: definition.maxEntries,
    };
    if (definition.type === 'BPF_MAP_TYPE_RINGBUF') {
      const { entries } = machine.mapEntries(definition.id, 0, ENTRIES_MAX);
      findFamily(definition.type)?.drained?.(machine.kernel, map);
      maps[definition.name] = { ...head, records: entries.map((e) => bytesToHex(e.values[0].bytes)) };
    } else maps[definition.name] = { ...head, entries: dumpEntries(machine, map) };
  }
  // Nobody has registered them: user space reads zeros.
  for (const { name, valueSizeBytes } of machine.object.operationTables ?? [])
    maps[name] = {
      type: 'struct_ops',
      key_size: 4,
      value_size: valueSizeBytes,
      max_entries: 1,
      entries: [{ key: '00000000', value: '00'.repeat(valueSizeBytes) }],
    };
  return maps;
}

/** The answer where the object or one of its programs is not taken at all. */
export const loadFailed = (scenario: OracleScenario, profile: Profile, problem: Problem): OracleAnswer => ({
  ...head(scenario, profile),
  load: 'fail',
  error: problem.message,
  steps: [],
  maps: {},
});

/** The bench writes names without blanks. */
const head = (scenario: OracleScenario, profile: Profile): { scenario: string; kernel: string } => ({
  scenario: scenario.name.replaceAll(' ', '_'),
  kernel: profile.name,
});

/** A loader gives up on a program array whose initialiser names a program that is not loaded. */
function unfilledSlot(object: ObjectSpec, only: readonly string[] | undefined): Problem | undefined {
  const loaded = only ?? object.programs.filter((p) => p.autoload).map((p) => p.name);
  for (const map of object.maps)
    for (const { kind, name, index } of map.initial)
      if (kind === 'program' && !loaded.includes(name))
        return {
          code: 'map-initialiser-refused',
          message: `map '${map.name}': failed to initialize slot [${index}] to prog '${name}', which is not loaded`,
          place: { file: object.file },
        };
  return undefined;
}

/** The bench loads no functions that no section names a program type for. */
const isRun = (program: ProgramSpec, name: string): boolean =>
  program.name === name && program.section !== '.text';

/** Programs that a verifier took end: loops that ask whether they may go on do so after eight million rounds. */
const BENCH_BUDGET = 1_000_000_000;

/** What the bench says of a step with a program that the object does not have, or that was not to be loaded. */
const NOT_LOADED = 'no such program loaded';

export interface OracleOptions {
  /** 1 if absent. */
  readonly cpus?: number;
  /** What the kernel has to attach to; everything if absent. */
  readonly points?: KernelPoints;
  readonly kernelTypes?: () => Btf | undefined;
}

interface OracleRun {
  readonly machine: Machine;
  readonly player: Player;
  readonly points: KernelPoints | undefined;
}

/** @param object the scenario's object, loaded. */
export function playOracle(
  object: ObjectSpec,
  scenario: OracleScenario,
  profile: Profile,
  { cpus = 1, points, kernelTypes }: OracleOptions = {},
): Result<OracleAnswer> {
  const unfilled = unfilledSlot(object, scenario.only);
  if (unfilled !== undefined) return ok(loadFailed(scenario, profile, unfilled));
  const loaded = Machine.load(object, {
    profile,
    cpus,
    budget: BENCH_BUDGET,
    ...(kernelTypes === undefined ? {} : { kernelTypes }),
    ...(scenario.only === undefined
      ? {}
      : { programs: scenario.only.filter((name) => object.programs.some((p) => isRun(p, name))) }),
  });
  if (!loaded.ok) return ok(loadFailed(scenario, profile, loaded.problem));
  const machine = loaded.value;
  // The bench opens no perf buffers.
  for (const { data } of machine.state.maps.values()) if (data.kind === 'opaque') data.readers = false;
  const run: OracleRun = { machine, player: new Player(machine), points };
  const steps: Record<string, unknown>[] = [];
  for (const step of scenario.steps) {
    const taken = takeStep(run, step);
    if (!taken.ok) return taken;
    steps.push(taken.value);
    run.player.pass(BENCH_STEP_NS);
  }
  return ok({ ...head(scenario, profile), load: 'ok', steps, maps: dumpMaps(machine) });
}

function takeStep(run: OracleRun, step: OracleStep): Result<Record<string, unknown>> {
  const { machine, player } = run;
  if (step.sleep_ms !== undefined) {
    player.advance(BigInt(Math.round(step.sleep_ms * 1_000_000)));
    return ok({ sleep_ms: step.sleep_ms });
  }
  if (step.run !== undefined) return runStep(run, step);
  if (step.update !== undefined || step.delete !== undefined) return mapStep(machine, step);
  if (step.attach !== undefined) return ok(attachStep(run, step.attach));
  return ok({ maps: dumpMaps(machine) });
}

function attachStep(run: OracleRun, name: string): Record<string, unknown> {
  const { machine, points } = run;
  const program = machine.findProgram(name);
  if (program === undefined) return { attach: name, error: NOT_LOADED };
  const errno = attachErrno(machine.kernel, program, points);
  if (errno === 0) machine.attach(program, true);
  return { attach: name, errno };
}

/** A flow dissector's context comes back as it was given, in its full size; a lookup's in its full size. */
function contextOut(type: string, given: string, out: string): string {
  if (type === 'BPF_PROG_TYPE_FLOW_DISSECTOR')
    return given.padEnd(2 * FLOW_KEYS_BYTES, '0').slice(0, 2 * FLOW_KEYS_BYTES);
  return type === 'BPF_PROG_TYPE_SK_LOOKUP' ? out.padEnd(2 * SOCKET_LOOKUP_BYTES, '0') : out;
}

/** `struct bpf_sk_lookup`. */
const SOCKET_LOOKUP_BYTES = 72;
/** The idle task of the bench's second CPU. */
const IDLE_TASK = { pid: 0, tgid: 0, comm: 'swapper/1' };

/** Runs the program as often as the step says. */
function play(
  { machine, player }: OracleRun,
  program: LoadedProgram,
  start: StartOptions,
  step: OracleStep,
): Result<number> {
  const repeat = Math.max(1, step.repeat ?? 1);
  const { kernel } = machine.state;
  const { current } = kernel;
  // On another CPU it interrupts whatever runs there.
  if ((start.cpu ?? 0) !== 0) kernel.current = { ...current, ...IDLE_TASK };
  // A flow dissector begins every round with fresh keys.
  const afresh = program.type === 'BPF_PROG_TYPE_FLOW_DISSECTOR';
  let done = player.runProgram(program, start, afresh ? 1 : repeat);
  for (let i = 1; afresh && i < repeat && done.ok; i++) done = player.runProgram(program, start, 1);
  kernel.current = current;
  return done;
}

function runStep(run: OracleRun, step: OracleStep): Result<Record<string, unknown>> {
  const { machine, player } = run;
  const name = step.run ?? '';
  const program = machine.findProgram(name);
  if (program === undefined) return ok({ run: name, error: NOT_LOADED });
  const packet = hexOf(step.data);
  if (!packet.ok) return packet;
  const ctx = hexOf(step.ctx);
  if (!ctx.ok) return ctx;
  const start: { -readonly [K in keyof StartOptions]: StartOptions[K] } = {};
  if (step.cpu !== undefined && step.cpu < machine.cpuCount) start.cpu = step.cpu;
  if (packet.value !== undefined) start.packet = packet.value;
  if (ctx.value !== undefined) start.ctx = ctx.value;
  const verdict = judgeTestRun(
    program.spec,
    {
      packet: packet.value,
      ctx: ctx.value,
      repeat: step.repeat ?? 0,
      flags: step.flags ?? 0,
      cpu: step.cpu ?? 0,
    },
    machine,
  );
  if (verdict.kind === 'refused') return ok({ run: name, errno: verdict.errno });
  if (verdict.kind === 'entryFunctions') {
    const called = callEntryFunctions(machine, player);
    if (!called.ok) return ok({ run: name, error: called.problem.message });
    return ok(called.value === 0 ? { run: name, errno: 0, retval: 0 } : { run: name, errno: called.value });
  }
  if (verdict.kind === 'modifyFunctions') {
    const called = callModifyFunctions(machine, player);
    if (!called.ok) return ok({ run: name, error: called.problem.message });
    return ok({ run: name, errno: 0, retval: called.value });
  }
  const done = play(run, program, start, step);
  if (!done.ok) {
    const errno = refusedErrno(done.problem);
    return ok({ run: name, ...(errno === undefined ? {} : { errno }), error: done.problem.message });
  }
  if (player.stopped !== undefined && 'message' in player.stopped)
    return ok({ run: name, error: player.stopped.message });
  const result = machine.returnValues().at(-1);
  return ok({
    run: name,
    errno: 0,
    retval: done.value | 0,
    ...(step.data === undefined ? {} : { data_out: result?.packetHex ?? '' }),
    ...(step.ctx === undefined ? {} : { ctx_out: contextOut(program.type, step.ctx, result?.ctxHex ?? '') }),
  });
}

/** Maps that user space fills with file descriptors; others of the bench are unknown here. */
const DESCRIPTORS = ['BPF_MAP_TYPE_ARRAY_OF_MAPS', 'BPF_MAP_TYPE_HASH_OF_MAPS', 'BPF_MAP_TYPE_PROG_ARRAY'];
const NO_DESCRIPTOR = Uint8Array.of(255, 255, 255, 255);

/** A value as user space hands it over: per-CPU maps get one for every CPU, each on a multiple of eight bytes. */
function splitValue(machine: Machine, map: MapRecord, bytes: Uint8Array | undefined): Uint8Array[] {
  const { type, valueSizeBytes } = map.definition;
  const count = /PERCPU/.test(type) ? machine.cpuCount : 1;
  const strideBytes = round8(valueSizeBytes);
  return Array.from({ length: count }, (_, i) => {
    const value = new Uint8Array(valueSizeBytes);
    value.set((bytes ?? value).subarray(i * strideBytes, i * strideBytes + valueSizeBytes));
    return value;
  });
}

function mapStep(machine: Machine, step: OracleStep): Result<Record<string, unknown>> {
  const verb = step.update !== undefined ? 'update' : 'delete';
  const name = step.update ?? step.delete ?? '';
  const map = machine.findMap(name);
  if (map === undefined) return ok({ [verb]: name, error: 'no such map' });
  const key = hexOf(step.key ?? '');
  if (!key.ok) return key;
  const value = hexOf(step.value ?? '');
  if (!value.ok) return value;
  const { keySizeBytes, type } = map.definition;
  // An update without a key passes none, a delete always passes one.
  const keyed = verb === 'delete' || (key.value?.length ?? 0) > 0;
  if (keyed !== keySizeBytes > 0)
    return ok({ [verb]: name, key: step.key ?? '', errno: keyed ? ERRNO.EINVAL : ERRNO.EFAULT });
  const sized = (bytes: Uint8Array | undefined, size: number): Uint8Array => {
    const out = new Uint8Array(size);
    out.set((bytes ?? out).subarray(0, size));
    return out;
  };
  const keyBytes = sized(key.value, keySizeBytes);
  const values = DESCRIPTORS.includes(type) ? [NO_DESCRIPTOR] : splitValue(machine, map, value.value);
  const errno =
    verb === 'delete'
      ? machine.delete(map, keyBytes)
      : machine.update(map, keyBytes, values, BigInt(step.flags ?? 0));
  // A standard stream is open, but neither a map nor a program.
  const stream = DESCRIPTORS.includes(type) && isStandardStream(value.value);
  return ok({
    [verb]: name,
    key: step.key ?? '',
    errno: errno === ERRNO.EBADF && stream ? ERRNO.EINVAL : errno,
  });
}

function isStandardStream(bytes: Uint8Array | undefined): boolean {
  return (
    bytes !== undefined &&
    bytes.length >= 4 &&
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) < STANDARD_STREAMS
  );
}
