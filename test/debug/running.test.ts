/** Run control on real objects in the machine: breakpoints, steps, stacks. */
import assert from 'node:assert/strict';
import { Session } from './support';

const tour = (object = 'tour.o', program = 'classify'): Session =>
  new Session(object, 'tour.bpf.c', { program });

describe('breakpoints', () => {
  for (const object of ['tour.o', 'tour-clang14.o', 'tour-clang16.o']) {
    it(`stop inside a timer callback at virtual time (${object})`, () => {
      const s = tour(object);
      const [b] = s.breakAt('expired');
      assert.equal(b.verified, true);
      assert.equal(b.line, s.line('expired'));
      const stop = s.continue();
      assert.equal(stop.reason, 'breakpoint');
      assert.deepEqual(
        stop.breakpoints.map((x) => x.id),
        [b.id],
      );
      assert.equal(s.where(), s.at('expired', 'expired'));
      const now = s.debug.target.nowNs();
      assert.ok(now >= 5_000_000n && now < 5_100_000n, `${now}`);
    });
  }

  it('hit once per execution of their line, and the run ends by itself', () => {
    const s = tour();
    s.breakAt('expired');
    const reasons: string[] = [];
    for (let i = 0; i < 4; i++) reasons.push(s.continue().reason);
    assert.deepEqual(reasons, ['breakpoint', 'breakpoint', 'breakpoint', 'ended']);
    assert.deepEqual(s.prints(), ['port 80', 'port 80', 'port 80']);
  });

  it('slide to the next line with code and say so', () => {
    const s = tour();
    const wanted = s.line('sum') + 3;
    const [b] = s.debug.breakpoints.setLines('/src/tour.bpf.c', [{ line: wanted }]);
    assert.equal(b.verified, true);
    assert.ok((b.line ?? 0) > wanted);
    assert.match(b.message ?? '', new RegExp(`No code on line ${wanted}; moved to line ${b.line}`));
  });

  it('behind the last code, or in a file that is not in the object, are refused with the reason', () => {
    const s = tour();
    const [last] = s.debug.breakpoints.setLines('/src/tour.bpf.c', [{ line: 9999 }]);
    assert.equal(last.verified, false);
    assert.match(last.message ?? '', /No code at or after line 9999/);
    const [other] = s.debug.breakpoints.setLines('/src/other.c', [{ line: 3 }]);
    assert.equal(other.verified, false);
    assert.match(other.message ?? '', /No code of this file/);
  });

  it('with a condition stop only when it holds', () => {
    const s = tour();
    s.breakAt({ mark: 'expired', condition: 'entry->count == 2' });
    assert.equal(s.continue().reason, 'breakpoint');
    assert.equal(s.value('entry->count'), '2');
    assert.equal(s.continue().reason, 'ended');
  });

  it('with a condition that cannot be evaluated stop and say why', () => {
    const s = tour();
    s.breakAt({ mark: 'expired', condition: 'nothing > 1' });
    const stop = s.continue();
    assert.equal(stop.reason, 'breakpoint');
    assert.match(stop.message ?? '', /no variable 'nothing' here/);
  });

  it('with a hit count skip the hits before it', () => {
    const s = tour();
    s.breakAt({ mark: 'expired', hitCondition: '>= 3' });
    assert.equal(s.continue().reason, 'breakpoint');
    assert.equal(s.value('entry->count'), '2');
  });

  it('with a malformed hit count are refused', () => {
    const [b] = tour().breakAt({ mark: 'expired', hitCondition: 'often' });
    assert.equal(b.verified, false);
    assert.match(b.message ?? '', /'often' is no hit count/);
  });

  it('with a log message print and go on', () => {
    const s = tour();
    s.breakAt({ mark: 'expired', logMessage: 'count {entry->count} port {key->port} {oops}' });
    assert.equal(s.continue().reason, 'ended');
    const logs = s.outputs.flatMap((o) => (o.kind === 'log' ? [o.text] : []));
    assert.deepEqual(
      logs,
      [0, 1, 2].map((n) => `count ${n} port 80 <no variable 'oops' here>`),
    );
  });

  it('can be set on functions and on instructions', () => {
    const s = tour();
    const [fn, none] = s.debug.breakpoints.setFunctions([{ name: 'sum' }, { name: 'missing' }]);
    assert.equal(fn.verified, true);
    assert.equal(none.verified, false);
    s.debug.breakpointsChanged();
    s.continue();
    assert.match(s.where(), /^sum:/);
    s.debug.breakpoints.setFunctions([]);
    const top = s.stack()[0];
    const [b] = s.debug.breakpoints.setInstructions([
      { slot: { programId: top.programId ?? 0, insnIdx: (top.insnIdx ?? 0) + 1 } },
    ]);
    assert.equal(b.verified, true);
    s.debug.breakpointsChanged();
    assert.equal(s.continue().reason, 'breakpoint');
    assert.equal(s.stack()[0].insnIdx, (top.insnIdx ?? 0) + 1);
  });
});

describe('steps', () => {
  it('over go from line to line and never into a called function', () => {
    const s = tour();
    s.breakAt('expired');
    s.continue();
    const marks = ['call', 'print', 'rearm-condition'];
    for (const mark of marks) {
      assert.equal(s.step('over').reason, 'step');
      if (mark === 'rearm-condition') assert.equal(s.where(), `expired:${s.line('print') + 1}`);
      else assert.equal(s.where(), s.at('expired', mark));
    }
  });

  it('over bpf_timer_start do not enter the callback', () => {
    const s = tour();
    s.breakAt('arm');
    s.continue();
    s.step('over');
    assert.match(s.where(), /^classify:/);
    assert.ok(s.debug.target.nowNs() < 5_000_000n);
    assert.equal(s.debug.target.timers()[0].state, 'armed');
  });

  it('in enter a subprogram, out return to its caller', () => {
    const s = tour();
    s.breakAt('call');
    s.continue();
    let guard = 0;
    while (!s.where().startsWith('sum:') && guard++ < 5) s.step('in');
    assert.match(s.where(), /^sum:/);
    assert.deepEqual(
      s
        .stack()
        .filter((f) => f.kind === 'live')
        .map((f) => f.name),
      ['sum', 'expired'],
    );
    s.step('out');
    assert.match(s.where(), /^expired:/);
  });

  it('by instruction advance one slot', () => {
    const s = tour();
    s.breakAt('expired');
    s.continue();
    const before = s.stack()[0].insnIdx ?? 0;
    s.step('in', 'instruction');
    assert.equal(s.stack()[0].insnIdx, before + 1);
  });

  it('off the end of a program continue to the next timer callback', () => {
    const s = tour();
    s.breakAt('done');
    // The compiler has folded the return into the closing brace.
    s.continue();
    const until = ['over', 'over', 'over'] as const;
    for (const kind of until) {
      if (s.where().startsWith('expired:')) break;
      s.step(kind);
    }
    assert.match(s.where(), /^expired:/);
    assert.ok(s.debug.target.nowNs() >= 5_000_000n);
  });

  it('stop at a breakpoint on their way', () => {
    const s = tour();
    s.breakAt('call', 'sum');
    s.continue();
    const stop = s.step('over');
    assert.equal(stop.reason, 'breakpoint');
    assert.match(s.where(), /^(sum|twice):/);
  });

  it('over a whole run give the same stops twice', () => {
    const trail = (): string[] => {
      const s = tour();
      s.breakAt('entry');
      s.continue();
      const places: string[] = [];
      for (let i = 0; i < 60; i++) {
        if (s.step('in').reason === 'ended') break;
        places.push(`${s.where()}@${s.debug.target.nowNs()}`);
      }
      return places;
    };
    const first = trail();
    assert.ok(first.length > 20);
    assert.deepEqual(trail(), first);
  });
});

describe('the run', () => {
  it('stops on entry at the first instruction of the first program', () => {
    const s = tour();
    s.debug.runToEntry();
    const stop = s.wait();
    assert.equal(stop.reason, 'entry');
    assert.equal(s.stack()[0].insnIdx, 0);
    assert.equal(s.stack()[0].name, 'classify');
  });

  it('can be paused between slices and continued', () => {
    const s = new Session('heartbeat.o', 'heartbeat.bpf.c', { untilNs: 3_600_000_000_000n });
    s.debug.continue();
    assert.equal(s.debug.slice(1000), undefined);
    s.debug.pause();
    assert.equal(s.wait().reason, 'pause');
    const paused = s.debug.target.nowNs();
    s.debug.continue();
    assert.equal(s.debug.slice(1000), undefined);
    assert.ok(s.debug.target.nowNs() > paused);
  });

  it('without breakpoints ends at its time limit with every fire counted', () => {
    const s = new Session('heartbeat.o', 'heartbeat.bpf.c');
    assert.equal(s.continue().reason, 'ended');
    assert.equal(s.debug.target.nowNs(), 1_000_000_000n);
    assert.equal(s.debug.target.timers()[0].fires, 9);
    assert.equal(s.continue().reason, 'ended');
  });

  it('of a program that reads through NULL stops at the place with the reason', () => {
    const s = new Session('faulty.o', 'faulty.bpf.c');
    const stop = s.continue();
    assert.equal(stop.reason, 'fault');
    assert.match(stop.message ?? '', /NULL|null|0x0/);
    assert.equal(s.where(), s.at('unchecked', 'fault'));
    assert.equal(s.continue().reason, 'ended');
  });
});

describe('the call stack', () => {
  it('of a callback ends with the frames that armed its timer, chained through re-arms', () => {
    const s = tour();
    s.breakAt('expired');
    s.continue();
    assert.deepEqual(
      s.stack().map((f) => [f.kind, f.name]),
      [
        ['live', 'expired'],
        ['label', '— armed 5 ms ago on cpu0 —'],
        ['armed', 'classify'],
      ],
    );
    assert.equal(s.stack()[2].source?.line, s.line('arm'));
    s.continue();
    assert.deepEqual(
      s.stack().map((f) => [f.kind, f.name, f.source?.line]),
      [
        ['live', 'expired', s.line('expired')],
        ['label', '— armed 1 ms ago on cpu0 —', undefined],
        ['armed', 'expired', s.line('rearm')],
        ['label', '— armed 6 ms ago on cpu0 —', undefined],
        ['armed', 'classify', s.line('arm')],
      ],
    );
  });

  it('shows inlined calls as frames of their own', () => {
    const s = tour();
    s.breakAt('inlined');
    s.continue();
    const [top, below] = s.stack();
    assert.deepEqual([top.kind, top.name, top.source?.line], ['inlined', 'twice', s.line('inlined')]);
    assert.deepEqual([below.kind, below.name, below.source?.line], ['live', 'sum', s.line('sum')]);
  });

  it('keeps only so many re-arms of a long chain', () => {
    const s = new Session('heartbeat.o', 'heartbeat.bpf.c', { untilNs: 10_000_000_000n });
    const [b] = s.debug.breakpoints.setFunctions([{ name: 'on_beat', hitCondition: '== 40' }]);
    assert.ok(b.verified);
    s.debug.breakpointsChanged();
    s.continue();
    const labels = s.stack().filter((f) => f.kind === 'label');
    assert.equal(labels.length, 6);
    assert.match(labels[5].name, /earlier/);
  });
});

describe('scenarios', () => {
  it('are played step by step, with their updates, and end when they are at their end', () => {
    const s = new Session('tour.o', 'tour.bpf.c', {
      scenario: {
        version: 1,
        cpus: 1,
        steps: [
          { run: 'classify' },
          { advance: '5500us' },
          { delete: 'table', key: '{80, 6}' },
          { advance: '10ms' },
          { run: 'packet' },
          { expect: { returns: 99 } },
        ],
      },
    });
    assert.equal(s.debug.target.cpuCount, 1);
    s.breakAt('expired', 'packet');
    assert.equal(s.continue().reason, 'breakpoint');
    assert.equal(s.where(), s.at('expired', 'expired'));
    // The element is deleted before its second expiry: next comes the packet program.
    s.breakAt('expired');
    const stop = s.continue();
    assert.equal(stop.reason, 'ended');
    assert.equal(stop.message, 'the scenario is at its end');
    const notes = s.outputs.flatMap((o) =>
      o.kind === 'event' && o.event.kind === 'note' ? [o.event.text] : [],
    );
    assert.deepEqual(notes, ['expectation failed: returned 2, expected 99']);
    assert.ok(s.debug.target.nowNs() >= 15_500_000n);
  });

  it('that are malformed are refused with the place', () => {
    assert.throws(
      () => new Session('tour.o', 'tour.bpf.c', { scenario: { version: 1, steps: [{ jump: 1 }] } }),
      /steps\[0\]: a step has exactly one of run/,
    );
  });

  it('run every program once for each packet', () => {
    const packet = new Uint8Array(64);
    packet[12] = 8;
    const s = new Session('tour.o', 'tour.bpf.c', {
      program: 'packet',
      packets: [packet, new Uint8Array(64)],
    });
    assert.equal(s.continue().reason, 'ended');
    const ends = s.outputs.flatMap((o) =>
      o.kind === 'event' && o.event.kind === 'programEnd' ? [o.event.value] : [],
    );
    assert.deepEqual(ends, [2n, 3n]);
  });
});

describe('helper errors', () => {
  const noisy = (): Session =>
    new Session('heartbeat.o', 'heartbeat.bpf.c', {
      scenario: { version: 1, steps: [{ run: 'start' }, { run: 'start' }] },
    });

  it('stop where the user asked for it, with the errno by name', () => {
    const s = noisy();
    s.debug.stopOnHelperErrors = true;
    const stop = s.continue();
    assert.equal(stop.reason, 'helperError');
    assert.equal(stop.message, 'bpf_timer_init returned -EBUSY (-16)');
    assert.match(s.where(), /^start:/);
    assert.equal(s.value('(int)$r0'), '-16');
    assert.equal(s.continue().reason, 'ended');
  });

  it('are passed otherwise', () => {
    assert.equal(noisy().continue().reason, 'ended');
  });

  it('do not keep breakpoints from being hit', () => {
    const s = noisy();
    s.debug.stopOnHelperErrors = true;
    const [b] = s.debug.breakpoints.setFunctions([{ name: 'start' }]);
    s.debug.breakpointsChanged();
    assert.deepEqual(
      s.continue().breakpoints.map((x) => x.id),
      [b.id],
    );
    assert.equal(s.continue().reason, 'breakpoint');
    assert.equal(s.continue().reason, 'helperError');
  });
});
