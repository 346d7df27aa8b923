/**
 * Every race lesson, both ways: without its fix the search finds it, says what it is supposed to say, and its schedule replays to
 * the same bytes; with the fix the bounded space is exhausted and nothing is found.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { main } from '../../cli/main';
import { example } from '../support/paths';

interface Expected {
  readonly fix: string;
  readonly invariant: string;
  readonly message: RegExp;
}

const RACES: Readonly<Record<string, Expected>> = {
  'two-inits': { fix: 'timerHelperLock', invariant: 'leaked-timer', message: /is lost/ },
  'free-in-own-callback': { fix: 'timerSelfCheck', invariant: 'deadlock', message: /which runs on cpu0/ },
  'init-after-last-user': { fix: 'timerUserCountTest', invariant: 'leaked-timer', message: /last user/ },
  'wait-under-lock': { fix: 'timerWaitOutsideLock', invariant: 'deadlock', message: /waiting for the lock/ },
  'fire-after-cancel': { fix: 'timerHandlerNullTest', invariant: 'fault', message: /null pointer/ },
  'init-against-close': { fix: 'timerUserCountRecheck', invariant: 'leaked-timer', message: /last user/ },
  'cancel-against-delete': { fix: 'timerRcuFree', invariant: 'fault', message: /use after free/ },
  'mutual-cancel': { fix: 'timerMutualCancelCheck', invariant: 'deadlock', message: /cpu0.*cpu1/ },
  'rearm-then-delete': { fix: 'timerDeferredFree', invariant: 'fault', message: /freed memory/ },
  'mutual-delete': { fix: 'timerDeferredFree', invariant: 'deadlock', message: /cpu0.*cpu1/ },
  'start-against-delete': { fix: 'timerStartReference', invariant: 'fault', message: /use after free/ },
  'release-with-timer': { fix: 'timerReleaseWalk', invariant: 'leaked-timer', message: /items is gone/ },
  'start-against-callback-end': {
    fix: 'timerProgramHeldByCallback',
    invariant: 'fault',
    message: /whose program is gone/,
  },
  'map-outlived-by-timer': { fix: 'timerOwnedByMap', invariant: 'fault', message: /whose map first is gone/ },
  'nmi-in-helper': { fix: 'timerNmiRefused', invariant: 'deadlock', message: /waiting for the lock/ },
  'walk-against-delete': { fix: 'timerReleaseRcu', invariant: 'fault', message: /use after free: the walk/ },
  'put-with-interrupts-off': {
    fix: 'programPutDeferred',
    invariant: 'fault',
    message: /sleeping while atomic/,
  },
  'timer-overwritten': { fix: 'timerLockCopy', invariant: 'fault', message: /overwritten bytes/ },
  'stale-bytes': { fix: 'timerFieldsZeroed', invariant: 'fault', message: /overwritten bytes/ },
  'lock-cleared-by-reuse': { fix: 'timerReuseKeepsFields', invariant: 'leaked-timer', message: /is lost/ },
  'spare-slots-forgotten': { fix: 'timerReleaseSpares', invariant: 'leaked-timer', message: /last user/ },
  'evict-with-timer': { fix: 'timerFreedOnEviction', invariant: 'expectation', message: /items\[1\] is/ },
  'wait-under-bucket-lock': {
    fix: 'hashFreeAfterUnlock',
    invariant: 'deadlock',
    message: /lock of a bucket of items, which cpu1 holds/,
  },
  'trace-inside-start': {
    fix: 'timerDeferIrqsOff',
    invariant: 'deadlock',
    message: /lock of a timer queue, which cpu0 holds/,
  },
  'mixed-callbacks': { fix: 'timerPublishLoop', invariant: 'fault', message: /whose program is gone/ },
  'init-after-walk': { fix: 'timerUserCountTest', invariant: 'leaked-timer', message: /items is gone/ },
};

interface Report {
  found: {
    invariant: string;
    message: string;
    schedule: string;
    preemptions: number;
    stacks: { cpu: number; doing: string; frames: { function: string; line?: number }[] }[];
  }[];
  complete: boolean;
  executions: number;
  incompleteBecause?: string;
}

async function run(...argv: string[]): Promise<{ status: number; out: string; errors: string[] }> {
  let out = '';
  const errors: string[] = [];
  const status = await main(argv, { out: (text) => (out += text), error: (line) => errors.push(line) });
  return { status, out, errors };
}

const scenario = (name: string): string => example(`races/${name}.bpf.yaml`);
const reportOf = (text: string): Report => JSON.parse(text) as Report;

describe('the search over interleavings', function () {
  this.timeout(60_000);
  let dir: string;
  before(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-races-'));
  });
  after(() => fs.rmSync(dir, { recursive: true }));
  const explore = (name: string, ...more: string[]): ReturnType<typeof run> =>
    run(
      'explore',
      scenario(name),
      '--format',
      'json',
      '--out',
      path.join(dir, `${name}.bpfschedule`),
      ...more,
    );

  it('has an expectation for every lesson', () => {
    const lessons = fs.readdirSync(example('races')).flatMap((f) => /^(.*)\.bpf\.yaml$/.exec(f)?.[1] ?? []);
    assert.deepEqual(lessons.sort(), Object.keys(RACES).sort());
  });

  for (const [name, expected] of Object.entries(RACES)) {
    it(`finds ${name} without its fix, and its schedule replays to the same bytes`, async () => {
      const { status, out, errors } = await explore(name);
      assert.equal(status, 1, errors.join('\n'));
      const { found, complete } = reportOf(out);
      assert.equal(complete, false);
      assert.equal(found.length, 1);
      assert.equal(found[0].invariant, expected.invariant);
      assert.match(found[0].message, expected.message);
      assert.ok(found[0].stacks.length >= 1);
      const schedule = path.join(dir, `${name}.bpfschedule`);
      const first = await run('replay', schedule);
      const second = await run('replay', schedule);
      assert.equal(first.status, 1, first.errors.join('\n'));
      assert.ok(first.out.includes(found[0].message));
      assert.equal(second.out, first.out);
      assert.equal((await explore(name)).out, out);
    });

    it(`exhausts the bounded space of ${name} with its fix, and finds nothing`, async () => {
      const { status, out, errors } = await explore(name, '--fix', `${expected.fix}=on`);
      assert.equal(status, 0, errors.join('\n') + out);
      const { found, complete, incompleteBecause } = reportOf(out);
      assert.deepEqual(found, []);
      assert.equal(complete, true, incompleteBecause);
    });
  }

  it('prints the stacks of both sides of a deadlock', async () => {
    const { found } = reportOf((await explore('mutual-cancel')).out);
    assert.equal(found[0].preemptions, 1);
    assert.deepEqual(
      found[0].stacks.map((s) => [s.cpu, s.frames[0]?.function, /bpf_timer_cancel, waiting/.test(s.doing)]),
      [
        [0, 'on_expiry', true],
        [1, 'on_expiry', true],
      ],
    );
  });

  it('needs the preemptions that a race needs', async () => {
    const { status, out } = await explore('mutual-cancel', '--preemptions', '0');
    assert.equal(status, 0);
    assert.equal(reportOf(out).complete, true);
  });

  it('never calls a spent budget clean', async () => {
    const { out } = await explore('mutual-cancel', '--fix', 'timerMutualCancelCheck=on', '--budget', '10');
    const report = reportOf(out);
    assert.equal(report.complete, false);
    assert.equal(report.incompleteBecause, 'budget');
    assert.equal(report.executions, 10);
  });

  for (const strategy of ['random', 'pct']) {
    it(`by ${strategy} finds races too, and never claims to be complete`, async () => {
      for (const name of ['mutual-cancel', 'init-against-close', 'cancel-against-delete']) {
        const off = await explore(name, '--strategy', strategy);
        assert.equal(off.status, 1, name);
        assert.match(reportOf(off.out).found[0].message, RACES[name].message);
        const on = await explore(
          name,
          '--strategy',
          strategy,
          '--budget',
          '300',
          '--fix',
          `${RACES[name].fix}=on`,
        );
        assert.equal(on.status, 0, on.out);
        assert.equal(reportOf(on.out).complete, false);
      }
    });
  }

  it('split into shares runs every schedule once', async () => {
    const fix = ['--fix', 'timerUserCountRecheck=on', '--preemptions', '1'];
    const whole = reportOf((await explore('init-against-close', ...fix)).out).executions;
    const shares = await Promise.all(
      [1, 2, 3].map(async (i) =>
        reportOf((await explore('init-against-close', ...fix, '--shard', `${i}/3`)).out),
      ),
    );
    assert.ok(shares.every((share) => share.complete));
    const sum = shares.reduce((all, share) => all + share.executions, 0);
    assert.equal(sum, whole);
  });

  it('refuses schedules of another object or build, and files that are none', async () => {
    const name = 'cancel-against-delete';
    await explore(name);
    const file = path.join(dir, `${name}.bpfschedule`);
    const data = JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>;
    const cases: [string, RegExp][] = [
      [JSON.stringify({ ...data, objectHash: '00' }), /its hash differs/],
      [JSON.stringify({ ...data, build: '0.0.1' }), /written by version 0\.0\.1/],
      [JSON.stringify({ ...data, schedule: 'nonsense' }), /no part of a schedule/],
      [JSON.stringify({ ...data, scenario: { version: 2 } }), /version/],
      ['{}', /is no schedule file/],
      ['[', /is no schedule file/],
    ];
    for (const [text, wanted] of cases) {
      fs.writeFileSync(file, text);
      const { status, errors, out } = await run('replay', file);
      assert.equal(status, 2);
      assert.equal(out, '');
      assert.equal(errors.length, 1);
      assert.match(errors[0], wanted);
    }
  });

  it('names the step of a track that is impossible', async () => {
    const file = path.join(dir, 'impossible.bpf.yaml');
    const cases: [object, RegExp][] = [
      [{ close: 'itemz' }, /parallel, track 2, step 1: there is no map 'itemz'.*items/],
      [{ update: 'items', key: 'hex:00 01', value: '{}' }, /track 2, step 1: 2 bytes given.*has 4/],
      [{ run: 'nothing' }, /track 2, step 1: there is no program 'nothing'.*setup/],
      [{ run: 'setup', cpu: 9 }, /track 2, step 1: there is no cpu 9: the machine has 2/],
      [{ advance: '3ms' }, /track 2, step 1: .*cannot hold 'advance'.*before or after/],
    ];
    for (const [step, wanted] of cases) {
      const object = example('races/two-inits.bpf.c');
      const steps = [{ parallel: [[{ run: 'setup' }], [step]] }];
      fs.writeFileSync(file, JSON.stringify({ version: 1, object, cpus: 2, steps }));
      const { status, errors } = await run('explore', file);
      assert.equal(status, 2);
      assert.equal(errors.length, 1);
      assert.match(errors[0], wanted);
    }
  });

  it('refuses a schedule whose choices are not those of this build', async () => {
    const name = 'cancel-against-delete';
    await explore(name);
    const file = path.join(dir, `${name}.bpfschedule`);
    const data = JSON.parse(fs.readFileSync(file, 'utf8')) as { shape: string };
    fs.writeFileSync(file, JSON.stringify({ ...data, shape: '7-00000000' }));
    const { status, errors } = await run('replay', file);
    assert.equal(status, 2);
    assert.match(errors.join(), /does not fit.*other choices/);
  });

  it('says what PCT promises', async () => {
    const { out } = await run(
      'explore',
      scenario('mutual-cancel'),
      '--fix',
      'timerMutualCancelCheck=on',
      '--strategy',
      'pct',
      '--budget',
      '50',
    );
    assert.match(
      out,
      /depth 3\) is found by one run with a probability of at least 1 in [\d,]+ \(\d+ actors, \d+ choices\), and missed by all 50/,
    );
  });

  it('tells what everyone did, step by step', async () => {
    const { out } = await run('explore', scenario('cancel-against-delete'), '--out', path.join(dir, 'told'));
    assert.match(out, /cpu0 +calls bpf_map_lookup_elem +cancel at cancel-against-delete\.bpf\.c:\d+/);
    assert.match(out, /cpu0 +bpf_timer_cancel: removes the callback.* cancel at cancel-against-delete/);
    assert.match(out, /cpu1 ! begins delete items/);
    assert.match(out, /cpu1 +freeing timers of a map: looks the timer up/);
  });

  it('refuses what cannot be explored in one clear line', async () => {
    const cases: [string[], RegExp][] = [
      [[example('flow_expiry.bpf.yaml')], /no parallel step/],
      [[scenario('two-inits'), '--fix', 'nothing=on'], /no fix "nothing"/],
      [[scenario('two-inits'), '--fix', 'timerRcuFree'], /NAME=on/],
      [[scenario('two-inits'), '--strategy', 'luck'], /no strategy "luck"/],
    ];
    for (const [argv, wanted] of cases) {
      const { status, errors } = await run('explore', ...argv);
      assert.equal(status, 2);
      assert.equal(errors.length, 1);
      assert.match(errors[0], wanted);
    }
  });
});
