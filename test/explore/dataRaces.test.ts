/**
 * Data races on map values: what nothing orders is found in the first run, with the stacks of both sides; what atomics, locks,
 * publication and timers order is not.
 */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { main } from '../../cli/main';
import { fixture } from '../support/paths';

interface Report {
  found: {
    invariant: string;
    message: string;
    stacks: { cpu: number; when: string; doing: string; frames: { function: string; line?: number }[] }[];
  }[];
  complete: boolean;
}

async function run(...argv: string[]): Promise<{ status: number; out: string }> {
  let out = '';
  const status = await main(argv, { out: (text) => (out += text), error: (line) => (out += line) });
  return { status, out };
}

describe('data races', function () {
  this.timeout(60_000);
  let dir: string;
  before(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-data-races-'));
  });
  after(() => fs.rmSync(dir, { recursive: true }));

  const explore = async (
    tracks: readonly (readonly object[])[],
    extra: object = {},
    after: readonly object[] = [],
    source = 'counters',
  ): Promise<{ status: number; out: string; report: Report; schedule: string }> => {
    const file = path.join(dir, 'scenario.bpf.yaml');
    const schedule = path.join(dir, 'found.bpfschedule');
    const object = fixture('explore', `${source}.bpf.c`);
    const steps = [{ parallel: tracks }, ...after];
    fs.writeFileSync(file, JSON.stringify({ version: 1, object, cpus: 2, steps, ...extra }));
    const { status, out } = await run('explore', file, '--format', 'json', '--out', schedule);
    return { status, out, report: JSON.parse(out) as Report, schedule };
  };
  const programs = (...names: string[]): object[][] => names.map((name) => [{ run: name }]);

  const races: [string, object[][], RegExp][] = [
    ['two plain increments', programs('add_plain', 'add_plain'), /items\[0\] \+8.*cpu0 writes.*cpu1 reads/],
    [
      'a plain increment and a read',
      programs('add_plain', 'read_plain'),
      /writes it in add_plain.*reads it in read_plain/,
    ],
    [
      'a helper that overwrites a value and a read',
      programs('overwrite', 'read_plain'),
      /writes it in overwrite/,
    ],
    [
      'a read that its own CPU’s timer interrupt may come before',
      programs('look_after', 'read_plain'),
      /cpu0 reads.*cpu0 \(softirq\) writes it in on_expiry/,
    ],
    [
      'user space that overwrites a value and a read',
      [[{ update: 'items', key: '0', value: '{}' }], [{ run: 'read_plain' }]],
      /cpu0 writes it from user space/,
    ],
  ];
  for (const [name, tracks, message] of races)
    it(`are found: ${name}`, async () => {
      const { status, report, schedule } = await explore(tracks);
      assert.equal(status, 1);
      assert.deepEqual(
        report.found.map((f) => f.invariant),
        ['data-race'],
      );
      assert.match(report.found[0].message, message);
      const { stacks } = report.found[0];
      assert.equal(stacks.length, 2);
      assert.ok(stacks.every((stack) => stack.when === 'atAccess'));
      const replayed = await run('replay', schedule);
      assert.equal(replayed.status, 1);
      assert.ok(replayed.out.includes(report.found[0].message));
      assert.equal((await run('replay', schedule)).out, replayed.out);
    });

  const ordered: [string, object[][]][] = [
    ['two reads', programs('read_plain', 'read_plain')],
    ['two atomic additions', programs('add_atomic', 'add_atomic')],
    ['what a spin lock protects', programs('add_locked', 'add_locked')],
    [
      'what is written before a timer is armed and touched by its callback',
      programs('hand_over', 'read_plain'),
    ],
    ['an element that is written before it is published', programs('publish', 'find')],
    ['different bytes of a value', programs('add_plain', 'add_atomic')],
    ['one program after another', [[{ run: 'add_plain' }, { run: 'add_plain' }], []]],
  ];
  for (const [name, tracks] of ordered)
    it(`are not seen in ${name}`, async () => {
      const { status, report } = await explore(tracks);
      assert.equal(status, 0, JSON.stringify(report.found));
      assert.equal(report.complete, true);
    });

  // One row for what orders two accesses and one for what does not; the first program gives, the second takes.
  const litmus: [string, object[][], RegExp | undefined][] = [
    ['an exchange orders', programs('give_exchange', 'take_fetch'), undefined],
    [
      'an addition that fetches nothing does not',
      programs('give_addition', 'take_fetch'),
      /cpu0 writes it in give_addition, cpu1 reads it in take_fetch/,
    ],
    [
      'finding an element does not order what was written elsewhere',
      programs('give_element', 'take_element'),
      /writes it in give_element, cpu1 reads it in take_element/,
    ],
    [
      'a ring buffer does not',
      programs('give_ring', 'take_ring'),
      /in give_ring, cpu1 reads it in take_ring/,
    ],
    ['a compare-and-exchange that succeeds orders', programs('own_lock', 'own_lock'), undefined],
    ['one that fails does not', programs('no_lock', 'no_lock'), /in no_lock/],
    [
      'an update with BPF_F_LOCK takes the lock of the value',
      programs('change_both', 'overwrite_locked'),
      undefined,
    ],
    [
      'and so does one from user space',
      [[{ run: 'change_both' }], [{ update: 'cells', key: '0', value: '{.data = 9}', flags: 4 }]],
      undefined,
    ],
    [
      'an update without it does not',
      programs('change_both', 'overwrite_unlocked'),
      /in change_both, cpu1 writes it in overwrite_unlocked/,
    ],
    ['counters kept by atomic additions are fine', programs('count', 'count'), undefined],
    ['so is reading one', programs('count', 'read_count'), undefined],
    ['and from user space', [[{ run: 'count' }], [{ lookup: 'cells', key: '0' }]], undefined],
    ['writing one is not', programs('count', 'reset_count'), /atomically changes it in count/],
    ['the first bytes of an element are nobody’s race', programs('put_element', 'read_element'), undefined],
    [
      'a new element in the place of an old one has its own bytes',
      [[{ run: 'put_element' }, { run: 'put_element' }], [{ run: 'read_element' }]],
      undefined,
    ],
    [
      'bytes of an element that is found are like any others',
      [[{ run: 'put_element' }, { run: 'change_element' }], [{ run: 'read_element' }]],
      /writes it in change_element, cpu1 reads it in read_element/,
    ],
    [
      'steps of one track are ordered, on whichever CPU',
      [[{ run: 'reset_count' }, { run: 'reset_count', cpu: 1 }], []],
      undefined,
    ],
  ];
  for (const [name, tracks, message] of litmus)
    it(`litmus: ${name}`, async () => {
      const { status, report } = await explore(tracks, {}, [], 'litmus');
      if (message === undefined) assert.equal(report.complete, true, JSON.stringify(report.found));
      else assert.match(report.found[0]?.message ?? 'nothing found', message);
      assert.equal(status, message === undefined ? 0 : 1);
    });

  it('are named with the lines of both sides', async () => {
    const { report } = await explore(programs('add_plain', 'read_plain'));
    const lines = report.found[0].stacks.map((stack) => stack.frames.at(0)?.line);
    assert.ok(lines.every((line) => typeof line === 'number'));
    assert.notEqual(lines[0], lines[1]);
  });

  it('can be left alone; every access is then a place where the search switches', async () => {
    const expected = [{ expect: { maps: { items: { '0': '{.plain = 2}' } } } }];
    const off = { check: { dataRace: 'off' } };
    const lost = await explore(programs('add_plain', 'add_plain'), off, expected);
    assert.equal(lost.status, 1);
    assert.equal(lost.report.found[0].invariant, 'expectation');
    const replayed = await run('replay', lost.schedule);
    assert.equal(replayed.status, 1);
    const alone = await explore(programs('add_plain', 'add_plain'), off);
    assert.equal(alone.status, 0);
    assert.equal(alone.report.complete, true);
  });

  it('do not hide what goes wrong besides', async () => {
    const expected = [{ expect: { maps: { items: { '0': '{.atomic = 1}' } } } }];
    const { report } = await explore(
      [
        [{ run: 'claim' }, { run: 'add_plain' }],
        [{ run: 'claim' }, { run: 'read_plain' }],
      ],
      {},
      expected,
    );
    assert.ok(report.found.length >= 1);
    assert.ok(report.found.some((f) => f.invariant === 'data-race'));
  });

  it('between atomic accesses other CPUs get their turn', async () => {
    const expected = [{ expect: { maps: { items: { '0': '{.atomic = 1}' } } } }];
    const { report } = await explore(programs('claim', 'claim'), {}, expected);
    assert.deepEqual(
      report.found.map((f) => f.invariant),
      ['expectation'],
    );
  });
});
