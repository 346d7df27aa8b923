/** Many CPUs and interrupts on the same timers, on every kernel: nothing may break, wait for ever or be left behind. */
import * as assert from 'node:assert/strict';
import { allTimers } from '../../runtime/kernel/timerTable';
import { Machine } from '../../runtime/machine/machine';
import { playScenario } from '../../runtime/machine/player';
import { readScenario } from '../../runtime/machine/scenario';
import { lawful, randomly, type SchedulerState } from '../../runtime/sched/scheduler';
import { findProfile, has, type Profile } from '../../runtime/spec/profile';
import { readObjectFor, runProgram } from './objects';
import { EVERY_KERNEL, MS } from './timerRig';

const CPUS = 4;
const REPEATS = 25;
const SCHEDULERS: readonly (() => SchedulerState)[] = [() => lawful(1), () => randomly(1), () => randomly(2)];
/** Kernels that have `bpf_timer_cancel_async`. */
const WITH_ASYNC: readonly string[] = ['7.2'];

/** Offsets in `.bss`. */
const GLOBALS = { turns: 0, wrong: 16, called: 24 } as const;

interface Run {
  readonly run: string;
  readonly context?: 'softirq' | 'hardirq' | 'nmi';
}

function profileNamed(kernel: string): Profile {
  const profile = findProfile(kernel);
  assert.ok(profile);
  return profile;
}

/**
 * Plays one run on each CPU side by side, again and again; the whole must end by itself.
 * @returns undefined: a cancel went on with freed memory, as it may on kernels that free timers at once.
 */
function stress(
  kernel: string,
  runs: readonly Run[],
  scheduler: SchedulerState,
  after: readonly object[] = [],
): Machine | undefined {
  const scenario = readScenario('stress', {
    version: 1,
    kernel,
    cpus: runs.length,
    programs: [...new Set(runs.map(({ run }) => run))],
    // Some hundred times what these runs need.
    budget: 20_000_000,
    steps: [
      { parallel: runs.map((run) => [{ ...run, repeat: REPEATS }]) },
      { advance: '20ms' },
      ...after,
      { expect: {} },
    ],
  });
  assert.ok(scenario.ok);
  const played = playScenario(readObjectFor('timerStress', profileNamed(kernel)), scenario.value, {
    scheduler,
  });
  assert.ok(played.ok, played.ok ? '' : played.problem.message);
  const { stopped } = played.value;
  if (stopped?.kind === 'fault' && !has(profileNamed(kernel), 'timerRcuFree')) {
    assert.match(stopped.message, /use after free/);
    return undefined;
  }
  assert.equal(stopped, undefined, `${kernel} ${JSON.stringify(runs)}`);
  return played.value.machine;
}

function global(machine: Machine, name: keyof typeof GLOBALS): number {
  const section = machine.globalSection('.bss');
  assert.ok(section);
  const bytes = machine.readMemory(section.address, section.sizeBytes);
  assert.ok(bytes);
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(GLOBALS[name], true));
}

const leftOver = (machine: Machine): number => [...allTimers(machine.state.kernel.timers)].length;

const onAll = (run: string, context?: Run['context']): Run[] =>
  Array.from({ length: CPUS }, () => ({ run, ...(context === undefined ? {} : { context }) }));

describe('four CPUs on one timer', () => {
  for (const [run, kernels] of [
    ['race', EVERY_KERNEL],
    ['race_update', EVERY_KERNEL],
    ['race_async', WITH_ASYNC],
    ['race_cancel', WITH_ASYNC],
  ] as const)
    it(`every run of ${run} ends`, () => {
      for (const kernel of kernels) {
        const ended = SCHEDULERS.map((scheduler) => stress(kernel, onAll(run), scheduler()));
        for (const machine of ended) {
          if (machine === undefined) continue;
          assert.equal(global(machine, 'turns'), CPUS * REPEATS, kernel);
          assert.ok(machine.returnValues().every(({ value }) => value === 0));
          // A callback whose element another CPU renewed meanwhile finds another timer there, so it is no `wrong` of that one.
          if (run !== 'race_cancel') assert.equal(global(machine, 'wrong'), 0, kernel);
        }
        if (run === 'race_update' || run === 'race_cancel')
          assert.ok(ended.some((machine) => machine && global(machine, 'called') > 0));
      }
    });

  it('and of programs that do different things to it', () => {
    const runs = [{ run: 'race' }, { run: 'race_update' }, { run: 'race' }, { run: 'race_update' }];
    for (const kernel of EVERY_KERNEL)
      for (const scheduler of SCHEDULERS) {
        const machine = stress(kernel, runs, scheduler());
        if (machine !== undefined) assert.equal(global(machine, 'turns'), CPUS * REPEATS, kernel);
      }
  });

  it('and in interrupts; in an NMI timers are refused until there are no locks', () => {
    for (const kernel of EVERY_KERNEL) {
      const allowed = !has(profileNamed(kernel), 'timerNmiRefused');
      for (const scheduler of SCHEDULERS) {
        const inNmi = stress(kernel, onAll('race', 'nmi'), scheduler());
        assert.ok(inNmi, kernel);
        assert.equal(global(inNmi, 'turns'), allowed ? CPUS * REPEATS : 0, kernel);
        assert.equal(leftOver(inNmi) > 0, allowed, kernel);
        const runs: Run[] = [
          { run: 'race' },
          { run: 'race', context: 'softirq' },
          { run: 'race', context: 'hardirq' },
          { run: 'race', context: 'nmi' },
        ];
        const machine = stress(kernel, runs, scheduler());
        if (machine !== undefined)
          assert.equal(global(machine, 'turns'), (allowed ? CPUS : CPUS - 1) * REPEATS, kernel);
      }
    }
  });
});

describe('two CPUs that start and two that delete the same element', () => {
  const runs = ['start_element', 'delete_element', 'start_element', 'delete_element'].map((run) => ({ run }));
  const deleted = [{ delete: 'many', key: 1 }, { advance: '20ms' }];
  const closed = [...deleted, { close: 'many' }, { advance: '20ms' }];

  /** A start that comes after the delete arms a timer of an element that nobody can find; it goes with the map. */
  it('leave no timer when the map loses its last user, and may leave one until then', () => {
    for (const kernel of EVERY_KERNEL) {
      let late = 0;
      for (const scheduler of SCHEDULERS) {
        const open = stress(kernel, runs, scheduler(), deleted);
        const machine = stress(kernel, runs, scheduler(), closed);
        if (open === undefined || machine === undefined) continue;
        late += leftOver(open);
        assert.ok(global(machine, 'turns') > 0, kernel);
        assert.equal(leftOver(machine), 0, kernel);
        const called = global(machine, 'called');
        machine.run({ untilNs: machine.nowNs() + 100n * MS, budget: 1_000_000 });
        assert.equal(global(machine, 'called'), called, kernel);
      }
      assert.ok(late > 0, `${kernel}: some start came after the delete`);
    }
  });
});

describe('the callback of a timer that a task started', () => {
  it('is a softirq on top of what the CPU runs, with nothing else between', () => {
    for (const kernel of EVERY_KERNEL) {
      const profile = profileNamed(kernel);
      const programs = ['traced_start'];
      const loaded = Machine.load(readObjectFor('timerStress', profile), {
        profile,
        checked: true,
        programs,
      });
      assert.ok(loaded.ok, loaded.ok ? '' : loaded.problem.message);
      const machine = loaded.value;
      assert.equal(runProgram(machine, 'traced_start'), 0);
      const [timer] = machine.timers();
      assert.ok(timer.callback, kernel);
      machine.setBreakpoints([timer.callback]);
      const stop = machine.run({ untilNs: machine.nowNs() + MS, budget: 1_000_000 });
      assert.equal(stop.kind, 'breakpoint', kernel);
      const contexts = machine.state.kernel.cpus.map((cpu) => cpu.contexts.map(({ kind }) => kind));
      assert.deepEqual(contexts.flat(), ['softirq'], kernel);
      assert.equal(global(machine, 'wrong'), 0, kernel);
    }
  });
});
