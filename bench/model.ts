/**
 * `npm run bench:model [-- --seconds N] [--timers N,N,…] [--strict]`: how fast the kernel model runs. Prints arms and fires
 * per second for growing numbers of timers, what copies of a machine cost then, and complete executions per second of the
 * search over interleavings: with and without reduction, with and without the loading of the object. Runs that were left
 * before their end (`left`) do not count. Not a test; `--strict` fails where a limit is missed.
 *
 * Seconds are processor time of the process, the garbage collector's threads included.
 */
import * as path from 'node:path';
import { Executor } from '../runtime/explore/executor';
import { exploreWith, type Exploration } from '../runtime/explore/explore';
import { loadFor } from '../runtime/host/loadFor';
import { objectOf } from '../runtime/host/verifyFiles';
import type { ObjectSpec } from '../runtime/loader/objectSpec';
import { Machine } from '../runtime/machine/machine';
import { readScenario, type Scenario } from '../runtime/machine/scenario';
import { findProfile, type Profile } from '../runtime/spec/profile';

const KERNEL = '6.12';
/** Complete executions per second of processor time, R20 with two CPUs. */
const LIMIT_EXECUTIONS = 50_000;
/** The lesson's own bound, and larger ones. */
const PREEMPTIONS = [2, 4, 8];
const TIMERS = [1_000, 10_000, 100_000, 1_000_000];

interface Settings {
  readonly seconds: number;
  readonly timers: readonly number[];
  readonly strict: boolean;
  readonly print: (line: string) => void;
}

function readSettings(argv: readonly string[]): Settings {
  const settings = {
    seconds: 5,
    timers: TIMERS as readonly number[],
    strict: false,
    print: (line: string): void => console.log(line),
  };
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--strict') settings.strict = true;
    else if (argv[i] === '--seconds') settings.seconds = Number(argv[++i]);
    else if (argv[i] === '--timers') settings.timers = argv[++i].split(',').map(Number);
    else throw new Error(`unknown option ${argv[i]}`);
  }
  if (!(settings.seconds > 0) || settings.timers.some((n) => !(n >= 1 && n <= 1 << 20)))
    throw new Error('--seconds and --timers take positive numbers, at most 1048576 timers');
  return settings;
}

const root = path.join(__dirname, '..', '..');

async function load(file: string, profile: Profile): Promise<ObjectSpec> {
  const name = path.join(root, file);
  const compiled = await objectOf(name, undefined, {
    kernels: [profile.name],
    btf: {},
    zigFolders: [root],
  });
  if (!compiled.ok) throw new Error(compiled.problem.message);
  const object = loadFor({ file: name, bytes: compiled.value.bytes, relaxed: false, btf: {} }, profile);
  if (!object.ok) throw new Error(object.problem.message);
  return object.value;
}

/** Processor seconds that `work` takes. */
function secondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const perSecond = (count: number, seconds: number): string =>
  Math.round(count / seconds).toLocaleString('en');
const ms = (seconds: number): string => `${(seconds * 1000).toFixed(seconds < 0.01 ? 3 : 1)} ms`;
const mebibytes = (): string => `${Math.round(process.memoryUsage().rss / (1 << 20))} MiB`;

function fail(message: string): never {
  throw new Error(message);
}

function fresh(object: ObjectSpec, profile: Profile): Machine {
  const made = Machine.load(object, { profile, cpus: 2 });
  return made.ok ? made.value : fail(made.problem.message);
}

/** Arms `count` timers in one program run and lets all of them fire. */
function benchTimers(object: ObjectSpec, profile: Profile, count: number, print: Settings['print']): void {
  const machine = fresh(object, profile);
  const program = machine.findProgram('arm') ?? fail('no program arm');
  const started = machine.start(program, { ctx: new Uint8Array(Uint32Array.of(count).buffer) });
  if (!started.ok) fail(started.problem.message);
  const arming = secondsOf(() => {
    const stop = machine.runToEnd();
    if (stop.kind !== 'idle') fail(JSON.stringify(stop));
  });
  const copies = benchCopies(machine);
  const firing = secondsOf(() => {
    for (;;) {
      const stop = machine.run({
        budget: Number.MAX_SAFE_INTEGER,
        untilNs: machine.nowNs() + 2_000_000_000n,
      });
      if (stop.kind === 'idle') return;
      if (stop.kind !== 'budget' && stop.kind !== 'timeLimit') fail(JSON.stringify(stop));
    }
  });
  const globals = machine.globalSection('.bss') ?? fail('no .bss');
  const counted = (at: number): number =>
    Number(new DataView((machine.readMemory(globals.address, 16) ?? fail('')).buffer).getBigUint64(at, true));
  const counts = [counted(0), counted(8)].join();
  if (counts !== `${count},${count}`) fail(`${count} timers: armed and fired are ${counts}`);
  print(
    row(
      String(count),
      [perSecond(count, arming + firing), perSecond(count, arming), perSecond(count, firing)],
      copies,
    ),
  );
}

/** Copies of a machine with little memory, before any timer is there. */
function benchMemory(object: ObjectSpec, profile: Profile, print: Settings['print']): void {
  const machine = fresh(object, profile);
  const started = machine.start(machine.programs[0]);
  if (!started.ok) fail(started.problem.message);
  benchCopies(machine);
  print(row('1 MiB', ['', '', ''], benchCopies(machine)));
}

function row(name: string, rates: readonly string[], copies: ReturnType<typeof benchCopies>): string {
  return [
    name.padStart(9),
    ...rates.map((text) => text.padStart(12)),
    ms(copies.first).padStart(12),
    ms(copies.next).padStart(12),
    ms(copies.restore).padStart(12),
    ms(copies.back).padStart(14),
    mebibytes().padStart(9),
  ].join('');
}

/** Copies of the machine as it stands; a few pages are written in between. */
function benchCopies(machine: Machine): { first: number; next: number; restore: number; back: number } {
  const touch = (): void => {
    machine.stepInsn();
  };
  let copy: ReturnType<Machine['snapshot']> | undefined;
  const first = secondsOf(() => (copy = machine.snapshot()));
  touch();
  const next = secondsOf(() => (copy = machine.snapshot()));
  touch();
  const restore = secondsOf(() => {
    machine.restore(copy ?? fail('no copy'));
  });
  copy = undefined;
  let checkpoint = machine.checkpoint();
  const back = secondsOf(() => {
    touch();
    machine.rewind(checkpoint, true);
    checkpoint = machine.checkpoint();
  });
  machine.rewind(checkpoint, true);
  return { first, next, restore, back };
}

function scenarioOf(steps: readonly unknown[], fixes: Readonly<Record<string, string>> = {}): Scenario {
  const read = readScenario('bench', { version: 1, kernel: KERNEL, cpus: 2, fixes, steps });
  return read.ok ? read.value : fail(read.problem.message);
}

interface SearchRate {
  /** Complete executions a second of searching, and with loading the object for every search. */
  readonly searching: number;
  readonly withLoading: number;
}

/** Searches the bounded space again and again for the given time, loading the object anew for every search; the last half counts. */
function benchSearch(
  object: ObjectSpec,
  scenario: Scenario,
  options: { preemptions: number; reduce: boolean; seconds: number; print: Settings['print'] },
): SearchRate {
  const counted = { executions: 0, searching: 0, loading: 0, searches: 0 };
  let seconds = 0;
  let last: Exploration | undefined;
  for (let searches = 0; seconds < options.seconds || searches < 2; searches++) {
    let executor: Executor | undefined;
    const loading = secondsOf(() => {
      const made = Executor.create(object, scenario, { checked: true });
      if (!made.ok) fail(made.problem.message);
      executor = made.value;
    });
    const searching = secondsOf(() => {
      const result = exploreWith(executor ?? fail(''), {
        strategy: 'dfs',
        preemptions: options.preemptions,
        budget: 1e9,
        reduce: options.reduce,
      });
      if (!result.ok) fail(result.problem.message);
      if (!result.value.complete) fail('not complete');
      last = result.value;
    });
    seconds += loading + searching;
    if (seconds <= options.seconds / 2 && searches === 0) continue;
    counted.executions += last?.executions ?? 0;
    counted.searching += searching;
    counted.loading += loading;
    counted.searches++;
  }
  const { executions, equivalent } = last ?? fail('nothing was searched');
  options.print(
    [
      `${options.preemptions}${options.reduce ? '' : ', all'}`.padStart(11),
      String(executions).padStart(12),
      String(equivalent).padStart(8),
      perSecond(counted.executions, counted.searching).padStart(13),
      perSecond(counted.executions, counted.searching + counted.loading).padStart(13),
      ms(counted.loading / counted.searches).padStart(12),
      ms(counted.searching / counted.searches).padStart(12),
    ].join(''),
  );
  return {
    searching: counted.executions / counted.searching,
    withLoading: counted.executions / (counted.searching + counted.loading),
  };
}

/** @returns the limits that were missed. */
export async function benchModel(settings: Settings): Promise<readonly string[]> {
  const { seconds, print } = settings;
  const profile = findProfile(KERNEL) ?? fail(`no profile ${KERNEL}`);
  const timers = await load('bench/timers.bpf.c', profile);
  print(
    'timers'.padStart(9) +
      ['arm+fire/s', 'arms/s', 'fires/s', 'snapshot', 'next one', 'restore']
        .map((t) => t.padStart(12))
        .join('') +
      'check+rewind'.padStart(14) +
      'memory'.padStart(9),
  );
  benchMemory(await load('examples/races/init-against-close.bpf.c', profile), profile, print);
  for (const count of settings.timers) benchTimers(timers, profile, count, print);
  const [name, steps] = ['init-against-close', [{ parallel: [[{ run: 'setup' }], [{ close: 'items' }]] }]];
  print(`\nsearch of ${name}, complete executions a second`);
  print(
    'preemptions'.padStart(11) +
      'executions'.padStart(12) +
      'left'.padStart(8) +
      ['searching', 'with loading'].map((t) => t.padStart(13)).join('') +
      ['load', 'search'].map((t) => t.padStart(12)).join(''),
  );
  const missed: string[] = [];
  const object = await load(`examples/races/${name}.bpf.c`, profile);
  for (const reduce of [true, false])
    for (const preemptions of PREEMPTIONS) {
      const { searching } = benchSearch(object, scenarioOf(steps), { preemptions, reduce, seconds, print });
      // With reduction fewer runs share less of their beginnings: what counts there is the time of the whole search.
      if (!reduce && preemptions === PREEMPTIONS.at(-1) && searching < LIMIT_EXECUTIONS)
        missed.push(
          `${preemptions} preemptions: ${Math.round(searching)} complete executions a second, wanted ${LIMIT_EXECUTIONS}`,
        );
    }
  return missed;
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  const missed = await benchModel(settings);
  for (const sentence of missed) console.log(`limit missed: ${sentence}`);
  if (settings.strict && missed.length > 0) process.exitCode = 1;
}

if (require.main === module) void main();
