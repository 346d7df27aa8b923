/**
 * Scenarios, version 1, as plain data: what to load and the steps to take. `readScenario` checks data that came from
 * YAML or JSON (whose parsing is the caller's) and names the place of the first mistake. Playing is in `player.ts`, the
 * JSON schema for editors in `scenarioSchema.ts`.
 */
import { FEATURES, type FeatureName } from '../spec/features';
import { findProfile, PROFILES } from '../spec/profile';
import { fail, FormatError, ok, type Result } from '../util/problem';
import type { ContextKind } from './types';

export interface Scenario {
  readonly version: 1;
  /** C source or object, relative to the scenario's file. Absent when the caller supplies the object. */
  readonly object?: string;
  readonly kernel?: string;
  readonly cpus: number;
  readonly seed: number;
  /** Fix switches of the profile: `off` takes a fix away. */
  readonly fixes: Readonly<Partial<Record<FeatureName, 'on' | 'off'>>>;
  /** Programs to load; all if absent. */
  readonly programs?: readonly string[];
  /** Instructions and kernel steps of the whole run. */
  readonly budget?: number;
  readonly steps: readonly ScenarioStep[];
  /** What a search looks for besides what is always wrong. */
  readonly check?: { readonly dataRace?: 'on' | 'off' };
}

interface On {
  readonly cpu: number;
}

export type ScenarioStep =
  | (On & {
      readonly kind: 'run';
      readonly program: string;
      readonly packet?: string;
      readonly ctx?: string;
      readonly repeat: number;
      readonly context?: ContextKind;
    })
  | { readonly kind: 'advance' | 'suspend' | 'setClock'; readonly ns: bigint }
  | (On & {
      readonly kind: 'update';
      readonly map: string;
      readonly key: string;
      readonly value: string;
      readonly flags: bigint;
    })
  | (On & { readonly kind: 'delete' | 'lookup' | 'take'; readonly map: string; readonly key: string })
  | (On & { readonly kind: 'deleteBatch'; readonly map: string; readonly keys: readonly string[] })
  /** So many allocations still succeed; absent: there is enough memory again. */
  | { readonly kind: 'memory'; readonly allocations?: number }
  | (On & { readonly kind: 'close' | 'pin' | 'unpin'; readonly map: string })
  | (On & { readonly kind: 'attach' | 'detach' | 'unload'; readonly program: string })
  | { readonly kind: 'parallel'; readonly tracks: readonly (readonly ScenarioStep[])[] }
  | { readonly kind: 'expect'; readonly expected: Expectation };

export interface Expectation {
  /** Of the last run. */
  readonly returns?: number;
  /** Of the last update, delete or lookup: 0 or a name such as ENOENT. */
  readonly errno?: number | string;
  /** Map → key → value, all as text by type or in hexadecimal; null: no such element. */
  readonly maps?: Readonly<Record<string, Readonly<Record<string, string | null>>>>;
  /** Timer label (`beats[0].timer`) → what is expected of it. */
  readonly timers?: Readonly<
    Record<string, { readonly state?: string; readonly fires?: number; readonly callback?: string }>
  >;
  /** Lines of bpf_printk, in order, complete. */
  readonly output?: readonly string[];
}

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  min: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** `10ms`, `1.5s`, `250us`, `2m`, `100` (nanoseconds) → nanoseconds; undefined when it is none. */
export function parseDuration(text: string): bigint | undefined {
  const match = /^\s*(\d{1,12})(?:\.(\d{1,9}))?\s*(ns|us|µs|ms|s|min|m|h)?\s*$/.exec(text);
  if (match === null) return undefined;
  const unit = UNITS[match[3] ?? 'ns'];
  const fraction = match[2] ?? '';
  return BigInt(match[1]) * unit + (BigInt(fraction || '0') * unit) / 10n ** BigInt(fraction.length);
}

const STEP_KINDS = [
  'run',
  'advance',
  'suspend',
  'setClock',
  'update',
  'delete',
  'lookup',
  'take',
  'deleteBatch',
  'memory',
  'close',
  'pin',
  'unpin',
  'attach',
  'detach',
  'unload',
  'parallel',
  'expect',
] as const;
type StepKind = (typeof STEP_KINDS)[number];

/** Keys that go beside the key that names the step. */
const BESIDE: Readonly<Record<StepKind, readonly string[]>> = {
  run: ['cpu', 'packet', 'ctx', 'repeat', 'context'],
  advance: [],
  suspend: [],
  setClock: [],
  update: ['cpu', 'key', 'value', 'flags'],
  delete: ['cpu', 'key'],
  lookup: ['cpu', 'key'],
  take: ['cpu', 'key'],
  deleteBatch: ['cpu', 'keys'],
  memory: [],
  close: ['cpu'],
  pin: ['cpu'],
  unpin: ['cpu'],
  attach: ['cpu'],
  detach: ['cpu'],
  unload: ['cpu'],
  parallel: [],
  expect: [],
};

const CONTEXT_KINDS: readonly ContextKind[] = ['task', 'softirq', 'hardirq', 'nmi'];
const MAX_REPEAT = 10_000_000;
const UPDATE_FLAGS: Readonly<Record<string, bigint>> = { any: 0n, noexist: 1n, exist: 2n, lock: 4n };

type Fields = Readonly<Record<string, unknown>>;

/** Reads plain data, remembering where in the scenario it is. */
class Reader {
  fail(where: string, message: string): never {
    throw new FormatError('scenario', `${where}: ${message}`);
  }

  fields(value: unknown, where: string, known: readonly string[]): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      this.fail(where, 'fields expected');
    const fields = value as Fields;
    for (const name of Object.keys(fields))
      if (!known.includes(name)) this.fail(where, `unknown field '${name}' (known: ${known.join(', ')})`);
    return fields;
  }

  onOff(value: unknown, where: string): 'on' | 'off' {
    // YAML 1.1 readers take on and off for booleans.
    const word = value === true ? 'on' : value === false ? 'off' : value;
    return word === 'on' || word === 'off' ? word : this.fail(where, 'on or off expected');
  }

  text(value: unknown, where: string): string {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'bigint') return String(value);
    return this.fail(where, 'text expected');
  }

  integer(value: unknown, where: string, min: number, max: number): number {
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < min || number > max)
      return this.fail(where, `a whole number from ${min} to ${max} expected`);
    return number;
  }

  list(value: unknown, where: string): readonly unknown[] {
    return Array.isArray(value) ? (value as unknown[]) : this.fail(where, 'a list expected');
  }

  steps(value: unknown, where: string, cpu: number): ScenarioStep[] {
    return this.list(value, where).map((step, i) => this.step(step, `${where}[${i}]`, cpu));
  }

  private step(value: unknown, where: string, cpu: number): ScenarioStep {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.fail(where, 'a step expected');
    const kinds = STEP_KINDS.filter((kind) => kind in value);
    const [kind] = kinds;
    if (kinds.length !== 1) return this.fail(where, `a step has exactly one of ${STEP_KINDS.join(', ')}`);
    const fields = this.fields(value, where, [kind, ...BESIDE[kind]]);
    const main = fields[kind];
    const at = `${where}.${kind}`;
    const on = { cpu: fields.cpu === undefined ? cpu : this.integer(fields.cpu, `${where}.cpu`, 0, 63) };
    const key = (): string => this.text(fields.key, `${where}.key`);
    switch (kind) {
      case 'run':
        return this.runStep(fields, where, on);
      case 'advance':
      case 'suspend':
      case 'setClock': {
        const ns = parseDuration(this.text(main, at));
        return ns === undefined
          ? this.fail(at, `'${String(main)}' is no duration; write 10ms, 2s, 500us`)
          : { kind, ns };
      }
      case 'update':
        return {
          kind,
          ...on,
          map: this.text(main, at),
          key: key(),
          value: this.text(fields.value, `${where}.value`),
          flags: this.flags(fields.flags, `${where}.flags`),
        };
      case 'delete':
      case 'lookup':
      case 'take':
        return { kind, ...on, map: this.text(main, at), key: key() };
      case 'deleteBatch':
        return {
          kind,
          ...on,
          map: this.text(main, at),
          keys: this.list(fields.keys, `${where}.keys`).map((k, i) => this.text(k, `${where}.keys[${i}]`)),
        };
      case 'memory':
        return main === 'enough'
          ? { kind }
          : { kind, allocations: this.integer(main, at, 0, Number.MAX_SAFE_INTEGER) };
      case 'close':
      case 'pin':
      case 'unpin':
        return { kind, ...on, map: this.text(main, at) };
      case 'attach':
      case 'detach':
      case 'unload':
        return { kind, ...on, program: this.text(main, at) };
      case 'parallel':
        return { kind, tracks: this.list(main, at).map((track, i) => this.steps(track, `${at}[${i}]`, i)) };
      case 'expect':
        return { kind, expected: this.expectation(main, at) };
    }
  }

  private runStep(fields: Fields, where: string, on: On): ScenarioStep {
    const { context } = fields;
    if (context !== undefined && !CONTEXT_KINDS.includes(context as ContextKind))
      this.fail(`${where}.context`, `one of ${CONTEXT_KINDS.join(', ')} expected`);
    return {
      kind: 'run',
      ...on,
      program: this.text(fields.run, `${where}.run`),
      ...(fields.packet === undefined ? {} : { packet: this.text(fields.packet, `${where}.packet`) }),
      ...(fields.ctx === undefined ? {} : { ctx: this.text(fields.ctx, `${where}.ctx`) }),
      repeat: fields.repeat === undefined ? 1 : this.integer(fields.repeat, `${where}.repeat`, 1, MAX_REPEAT),
      ...(context === undefined ? {} : { context: context as ContextKind }),
    };
  }

  private flags(value: unknown, where: string): bigint {
    if (value === undefined) return 0n;
    if (typeof value === 'number') return BigInt(this.integer(value, where, 0, Number.MAX_SAFE_INTEGER));
    let flags = 0n;
    for (const word of this.text(value, where).split(/[|\s]+/)) {
      const flag = UPDATE_FLAGS[word.toLowerCase().replace(/^bpf_(f_)?/, '')];
      if (flag === undefined)
        this.fail(where, `'${word}' is none of ${Object.keys(UPDATE_FLAGS).join(', ')}`);
      flags |= flag;
    }
    return flags;
  }

  private expectation(value: unknown, where: string): Expectation {
    const fields = this.fields(value, where, ['returns', 'errno', 'maps', 'timers', 'output']);
    const expected: { -readonly [K in keyof Expectation]: Expectation[K] } = {};
    if (fields.returns !== undefined)
      expected.returns = this.integer(fields.returns, `${where}.returns`, -0x8000_0000, 0xffff_ffff);
    if (fields.errno !== undefined)
      expected.errno =
        typeof fields.errno === 'string'
          ? fields.errno
          : this.integer(fields.errno, `${where}.errno`, 0, 4095);
    if (fields.output !== undefined)
      expected.output = this.list(fields.output, `${where}.output`).map((line, i) =>
        this.text(line, `${where}.output[${i}]`),
      );
    if (fields.maps !== undefined) {
      const maps: Record<string, Record<string, string | null>> = {};
      for (const [map, entries] of this.entriesOf(fields.maps, `${where}.maps`)) {
        maps[map] = {};
        for (const [key, entry] of this.entriesOf(entries, `${where}.maps.${map}`))
          maps[map][key] = entry === null ? null : this.text(entry, `${where}.maps.${map}.${key}`);
      }
      expected.maps = maps;
    }
    if (fields.timers !== undefined) {
      const timers: Record<string, { state?: string; fires?: number; callback?: string }> = {};
      for (const [label, wanted] of this.entriesOf(fields.timers, `${where}.timers`)) {
        const at = `${where}.timers.${label}`;
        const { state, fires, callback } = this.fields(wanted, at, ['state', 'fires', 'callback']);
        timers[label] = {
          ...(state === undefined ? {} : { state: this.text(state, `${at}.state`) }),
          ...(fires === undefined
            ? {}
            : { fires: this.integer(fires, `${at}.fires`, 0, Number.MAX_SAFE_INTEGER) }),
          ...(callback === undefined ? {} : { callback: this.text(callback, `${at}.callback`) }),
        };
      }
      expected.timers = timers;
    }
    return expected;
  }

  private entriesOf(value: unknown, where: string): [string, unknown][] {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.fail(where, 'fields expected');
    return Object.entries(value);
  }
}

const TOP_FIELDS = [
  'version',
  'object',
  'kernel',
  'cpus',
  'seed',
  'fixes',
  'check',
  'programs',
  'budget',
  'steps',
];

/** @param file names the scenario in problems. */
export function readScenario(file: string, data: unknown): Result<Scenario> {
  const reader = new Reader();
  try {
    const fields = reader.fields(data, 'scenario', TOP_FIELDS);
    if (fields.version !== 1) reader.fail('version', 'this program knows version 1');
    const kernel = fields.kernel === undefined ? undefined : reader.text(fields.kernel, 'kernel');
    if (kernel !== undefined && findProfile(kernel) === undefined)
      reader.fail(
        'kernel',
        `there is no profile '${kernel}' (known: ${PROFILES.map((p) => p.name).join(', ')})`,
      );
    const fixes: Partial<Record<FeatureName, 'on' | 'off'>> = {};
    if (fields.fixes !== undefined)
      for (const [name, state] of Object.entries(
        reader.fields(fields.fixes, 'fixes', Object.keys(FEATURES)),
      )) {
        fixes[name as FeatureName] = reader.onOff(state, `fixes.${name}`);
      }
    const check = fields.check === undefined ? {} : reader.fields(fields.check, 'check', ['dataRace']);
    return ok({
      version: 1,
      ...(fields.object === undefined ? {} : { object: reader.text(fields.object, 'object') }),
      ...(kernel === undefined ? {} : { kernel }),
      cpus: fields.cpus === undefined ? 2 : reader.integer(fields.cpus, 'cpus', 1, 64),
      seed: fields.seed === undefined ? 1 : reader.integer(fields.seed, 'seed', 0, 0xffff_ffff),
      fixes,
      ...(check.dataRace === undefined
        ? {}
        : { check: { dataRace: reader.onOff(check.dataRace, 'check.dataRace') } }),
      ...(fields.programs === undefined
        ? {}
        : {
            programs: reader
              .list(fields.programs, 'programs')
              .map((p, i) => reader.text(p, `programs[${i}]`)),
          }),
      ...(fields.budget === undefined
        ? {}
        : { budget: reader.integer(fields.budget, 'budget', 1, Number.MAX_SAFE_INTEGER) }),
      steps: fields.steps === undefined ? [] : reader.steps(fields.steps, 'steps', 0),
    });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return fail({
      code: 'bad-scenario',
      message: error.message,
      place: { file },
      remedy: 'See the scenario reference in docs/scenarios.md.',
    });
  }
}
