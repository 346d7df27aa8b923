/** Schedules as text, and the strategies that answer choices. */
import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { scheduleFromText, scheduleToText } from '../../runtime/sched/scheduleText';
import { choose, pct, replaying } from '../../runtime/sched/scheduler';

describe('a schedule as text', () => {
  it('reads back as the same choices, less the first options at its end', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(130), { maxLength: 60 }), (choices) => {
        const read = scheduleFromText(scheduleToText(choices));
        assert.ok(read.ok);
        const length = choices.findLastIndex((c) => c > 0) + 1;
        assert.deepEqual(read.value, choices.slice(0, length));
      }),
    );
  });

  it('is refused when it is anything else, without allocating what it claims', () => {
    for (const text of ['', 'x', '1', '1.', '1.1,2.2', '999999.1 999999.1', '-1.2', '1.2345'])
      assert.equal(scheduleFromText(text).ok, false, text);
  });
});

describe('a scheduler', () => {
  it('records what it was asked and answered, and replays it', () => {
    const state = { ...replaying([1, 5], 1), record: [] };
    assert.deepEqual(
      [
        choose(state, 'cpu', 2, [0, 2]),
        choose(state, 'preempt', 3, [0, 2, 3]),
        choose(state, 'cpu', 2, [0, 2]),
      ],
      [1, 2, 0],
    );
    assert.deepEqual(state.record, [
      { kind: 'cpu', count: 2, chosen: 1 },
      { kind: 'preempt', count: 3, chosen: 2 },
      { kind: 'cpu', count: 2, chosen: 0 },
    ]);
  });

  it('leaves ties of the clocks alone while searching', () => {
    const state = { ...replaying([1], 1), isSearch: true, record: [] };
    assert.equal(choose(state, 'cpu', 2), 0);
    assert.equal(choose(state, 'cpu', 2, [0, 2]), 1);
    assert.equal(state.used, 1);
  });

  it('by rank lets one actor run until it is demoted', () => {
    const state = pct(1, 7, 2, 1);
    const first = choose(state, 'preempt', 2, [0, 2]);
    const second = choose(state, 'preempt', 2, [0, 2]);
    assert.equal(second, first, 'demoted at the first choice, the other runs from there on');
    assert.equal(state.pct?.lowest, -1);
  });
});
