import * as assert from 'node:assert/strict';
import Ajv from 'ajv';
import { Machine } from '../../runtime/machine/machine';
import { playDefault, playScenario } from '../../runtime/machine/player';
import { runReport } from '../../runtime/machine/runReport';
import { parseDuration, readScenario, type Scenario } from '../../runtime/machine/scenario';
import { SCENARIO_SCHEMA } from '../../runtime/machine/scenarioSchema';
import { machineOf, readObject } from './objects';

function scenario(data: unknown): Scenario {
  const read = readScenario('test', data);
  assert.ok(read.ok, read.ok ? '' : read.problem.message);
  return read.value;
}

const GOOD: readonly unknown[] = [
  { version: 1 },
  {
    version: 1,
    object: 'a.bpf.c',
    kernel: '6.12',
    cpus: 4,
    seed: 7,
    fixes: { timerMutualCancelCheck: 'off' },
    programs: ['start'],
    budget: 1000,
    steps: [
      { run: 'start', cpu: 1, packet: '00', ctx: '00', repeat: 2, context: 'task' },
      { advance: '10ms' },
      { update: 'beats', key: 0, value: '{.count = 3}', flags: 'exist' },
      { delete: 'beats', key: '0' },
      { lookup: 'beats', key: '0', cpu: 1 },
      { take: 'beats', key: '0' },
      { deleteBatch: 'beats', keys: ['0', 1] },
      { memory: 0 },
      { memory: 'enough' },
      { close: 'beats' },
      { pin: 'beats' },
      { unpin: 'beats' },
      { detach: 'start' },
      { unload: 'start' },
      { parallel: [[{ run: 'start' }], [{ advance: '1s' }]] },
      {
        expect: {
          returns: 2,
          errno: 'ENOENT',
          output: ['x'],
          maps: { beats: { '0': null } },
          timers: { a: { fires: 1 } },
        },
      },
    ],
  },
];
const BAD: readonly (readonly [unknown, RegExp])[] = [
  [[], /fields expected/],
  [{}, /version/],
  [{ version: 2 }, /version 1/],
  [{ version: 1, stepz: [] }, /unknown field 'stepz'/],
  [{ version: 1, kernel: '2.6' }, /no profile '2.6'.*6\.12/],
  [{ version: 1, cpus: 0 }, /cpus/],
  [{ version: 1, fixes: { gravity: 'off' } }, /unknown field 'gravity'/],
  [{ version: 1, steps: {} }, /steps: a list expected/],
  [{ version: 1, steps: [{ run: 'a', delete: 'b', key: 0 }] }, /steps\[0\].*exactly one/],
  [{ version: 1, steps: [{ update: 'a', key: 1 }] }, /steps\[0\]\.value/],
  [{ version: 1, steps: [{ memory: -1 }] }, /steps\[0\]\.memory/],
  [{ version: 1, steps: [{ deleteBatch: 'a' }] }, /steps\[0\]\.keys/],
  [{ version: 1, steps: [{ advance: 'soon' }] }, /'soon' is no duration/],
  [{ version: 1, steps: [{ run: 'a', context: 'dream' }] }, /task, softirq/],
  [{ version: 1, steps: [{ parallel: [[{ jump: 1 }]] }] }, /steps\[0\]\.parallel\[0\]\[0\]/],
  [{ version: 1, steps: [{ expect: { colour: 1 } }] }, /colour/],
];

describe('scenarios', () => {
  it('are read as written, and the schema agrees', () => {
    const valid = new Ajv({ allowUnionTypes: true }).compile(SCENARIO_SCHEMA);
    for (const data of GOOD) {
      scenario(data);
      assert.ok(valid(data), JSON.stringify(valid.errors));
    }
    for (const [data, message] of BAD) {
      const read = readScenario('test', data);
      assert.ok(!read.ok, JSON.stringify(data));
      assert.match(read.problem.message, message);
      assert.equal(read.problem.place?.file, 'test');
      // What the schema cannot say is the text of durations.
      if (!/duration/.test(message.source)) assert.equal(valid(data), false, JSON.stringify(data));
    }
  });

  it('know durations', () => {
    const cases: readonly (readonly [string, bigint | undefined])[] = [
      ['10ms', 10_000_000n],
      ['1.5s', 1_500_000_000n],
      ['250us', 250_000n],
      ['2m', 120_000_000_000n],
      ['100', 100n],
      ['0.000000001s', 1n],
      ['-1s', undefined],
      ['1 fortnight', undefined],
      ['', undefined],
    ];
    for (const [text, ns] of cases) assert.equal(parseDuration(text), ns, text);
  });

  it('play steps and check expectations', () => {
    const played = playScenario(
      readObject('heartbeat'),
      scenario({
        version: 1,
        steps: [
          { run: 'start' },
          {
            expect: {
              returns: 2,
              timers: { 'beats[0].timer': { state: 'armed', fires: 0, callback: 'on_beat' } },
            },
          },
          { advance: '300ms' },
          { expect: { output: ['beat 1', 'beat 2', 'beat 3'], maps: { beats: { '0': '{.count = 3}' } } } },
          { update: 'beats', key: 0, value: '{.count = 40}' },
          { expect: { errno: 0, maps: { beats: { '0': '{.count = 40}' } } } },
          { delete: 'beats', key: 0 },
          { expect: { errno: 'EINVAL' } },
          { lookup: 'beats', key: 1 },
          { expect: { errno: 'ENOENT', maps: { beats: { '1': null } } } },
          { run: 'start' },
          { close: 'beats' },
          { advance: '1s' },
          { expect: { maps: { beats: { '0': '{.count = 40}' } } } },
        ],
      }),
    );
    assert.ok(played.ok, played.ok ? '' : played.problem.message);
    assert.deepEqual(
      played.value.outcomes.flatMap((o) => o.failures ?? []),
      [],
    );
    assert.equal(played.value.stopped, undefined);
  });

  it('say what differs from an expectation', () => {
    const played = playScenario(
      readObject('heartbeat'),
      scenario({
        version: 1,
        steps: [
          { run: 'start' },
          {
            expect: {
              returns: 1,
              output: ['beat 1'],
              maps: { beats: { '0': '{.count = 9}', '5': '{}' } },
              timers: { 'beats[0].timer': { fires: 3 }, 'beats[9].timer': {} },
            },
          },
        ],
      }),
    );
    assert.ok(played.ok);
    const failures = played.value.outcomes.flatMap((o) => o.failures ?? []);
    assert.equal(failures.length, 6);
    assert.match(failures.join('\n'), /returned 2, expected 1/);
    assert.match(failures.join('\n'), /fires 0, expected 3/);
    assert.match(failures.join('\n'), /no timer beats\[9\]\.timer/);
  });

  it('stop with one clear problem for names that do not exist', () => {
    for (const [step, message] of [
      [{ run: 'nothing' }, /no program 'nothing'/],
      [{ delete: 'nothing', key: 0 }, /no map 'nothing'/],
      [{ update: 'beats', key: '{', value: '0' }, /\{/],
      [{ run: 'start', packet: 'xyz' }, /hexadecimal/],
      [{ run: 'start', packet: '0011' }, /-EINVAL/],
      [{ run: 'start', cpu: 9 }, /no cpu 9/],
    ] as const) {
      const played = playScenario(readObject('heartbeat'), scenario({ version: 1, steps: [step] }));
      assert.ok(!played.ok, JSON.stringify(step));
      assert.match(played.problem.message, message);
    }
  });

  it('run the tracks of a parallel step side by side', () => {
    const played = playScenario(
      readObject('timers'),
      scenario({
        version: 1,
        steps: [
          { run: 'arm_slow' },
          {
            parallel: [
              [{ advance: '10ms' }, { run: 'init_only' }],
              [{ run: 'codes', repeat: 2 }, { run: 'cancel_slow' }],
            ],
          },
        ],
      }),
    );
    assert.ok(played.ok, played.ok ? '' : played.problem.message);
    const marks = played.value.machine
      .events()
      .flatMap((e) =>
        e.kind === 'programStart' || e.kind === 'programEnd' ? [`${e.kind} ${e.program} ${e.cpu}`] : [],
      );
    assert.deepEqual(marks.slice(2, 4), ['programStart init_only 0', 'programStart codes 1']);
    assert.equal(marks.filter((m) => m.endsWith('codes 1')).length, 4);
    assert.equal(marks.at(-1), 'programEnd cancel_slow 1');
  });

  it('end at the budget and say so', () => {
    const played = playScenario(
      readObject('timers'),
      scenario({
        version: 1,
        budget: 50_000,
        steps: [{ run: 'endless' }, { advance: '1h' }, { run: 'codes' }],
      }),
    );
    assert.ok(played.ok);
    assert.equal(played.value.stopped?.kind, 'exhausted');
    assert.equal(played.value.outcomes.length, 2, 'nothing is run after the end');
  });
});

describe('the report of a run', () => {
  const report = (): string => {
    const machine = machineOf('heartbeat');
    const played = playDefault(machine, { advanceNs: 1_000_000_000n });
    assert.ok(played.ok);
    return JSON.stringify(runReport(machine), undefined, 1);
  };

  it('is the same text twice', () => {
    assert.equal(report(), report());
  });

  it('has the promised shape', () => {
    const parsed = JSON.parse(report()) as ReturnType<typeof runReport>;
    assert.deepEqual(Object.keys(parsed), [
      'kernel',
      'timeNs',
      'returnValues',
      'timers',
      'maps',
      'events',
      'output',
    ]);
    assert.equal(parsed.kernel, '6.12');
    assert.equal(parsed.timeNs.length, '1000050000'.length);
    assert.equal(parsed.returnValues[0].value, 2);
    assert.equal(parsed.returnValues[0].packetHex?.length, 128);
    const [timer] = parsed.timers;
    assert.deepEqual(
      [
        timer.map,
        timer.key,
        timer.offset,
        timer.clock,
        timer.state,
        timer.callback,
        timer.cpu,
        timer.flags,
        timer.fires,
      ],
      ['beats', 0, 8, 'CLOCK_MONOTONIC', 'armed', 'on_beat', 0, 0, 10],
    );
    assert.equal(typeof timer.expiresNs, 'string');
    assert.equal(timer.armedAt?.function, 'on_beat');
    assert.ok(timer.armedAt?.line);
    assert.deepEqual(parsed.maps.beats[0].value, { count: '10', timer: {} });
    assert.equal(parsed.maps.beats[0].keyHex, '00000000');
    assert.equal(parsed.output.length, 10);
    assert.equal(parsed.events.filter((e) => e.kind === 'timerFire').length, 10);
  });

  it('runs only the program that was named', () => {
    const machine = machineOf('timers');
    assert.ok(playDefault(machine, { program: 'flags' }).ok);
    assert.deepEqual(
      machine.returnValues().map((r) => r.program),
      ['flags'],
    );
    assert.equal(playDefault(machine, { program: 'none' }).ok, false);
  });
});

describe('loading an object onto a machine', () => {
  it('refuses what cannot run, with the reason', () => {
    const object = readObject('heartbeat');
    const profile = machineOf('heartbeat').profile;
    const refuse = (changed: typeof object, pattern: RegExp, options = {}): void => {
      const machine = Machine.load(changed, { profile, ...options });
      assert.ok(!machine.ok);
      assert.match(machine.problem.message, pattern);
    };
    const [map] = object.maps;
    refuse(
      { ...object, maps: [{ ...map, type: 'BPF_MAP_TYPE_STRUCT_OPS' }] },
      /'beats'.*STRUCT_OPS is not modelled/,
    );
    refuse({ ...object, maps: [{ ...map, maxEntries: 0 }] }, /-EINVAL/);
    refuse({ ...object, maps: [{ ...map, maxEntries: 0x7fff_ffff }] }, /does not fit/);
    refuse({ ...object, littleEndian: false }, /big-endian/);
    refuse(object, /no program 'x'/, { programs: ['x'] });
    refuse(object, /1 to 64 CPUs/, { cpus: 0 });
  });
});
