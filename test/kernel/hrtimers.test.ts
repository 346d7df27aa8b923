import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { addTimer, newTimerTable, timerIn } from '../../runtime/kernel/timerTable';
import { dequeue, enqueue, nextExpiry, TIME_MAX_NS } from '../../runtime/kernel/hrtimers';
import type { CpuState, KernelState, TimerObject } from '../../runtime/kernel/state';
import { expiryOf } from '../../runtime/kernel/timerOps';
import { findProfile, type Profile } from '../../runtime/spec/profile';

function kernel(name: string): {
  state: KernelState;
  profile: Profile;
  timer: (id: number, clock?: number) => TimerObject;
} {
  const profile = findProfile(name);
  assert.ok(profile);
  const cpu = (id: number): CpuState => ({
    id,
    timeNs: 0n,
    contexts: [],
    keyScratch: 0,
    idleBlocks: [],
    runningTimer: 0,
    nextPassNs: 0n,
    irqsOff: 0,
    baseLockedBy: -1,
    irqWork: [],
    commandTimer: 0,
    queues: { monotonic: [], boottime: [] },
  });
  const timers = newTimerTable();
  const state = { cpus: [cpu(0), cpu(1)], timers, nextOrder: 1 } as unknown as KernelState;
  const timer = (id: number, clock = 1): TimerObject => {
    const object = { id, clock, queuedOn: -1, expiresNs: 0n, order: 0, cpu: 0 } as unknown as TimerObject;
    addTimer(timers, object);
    return object;
  };
  return { state, profile, timer };
}

describe('timer queues', () => {
  it('are ordered by expiry, then by arming', () => {
    const { state, profile, timer } = kernel('6.12');
    for (const [id, at] of [
      [1, 30n],
      [2, 10n],
      [3, 30n],
      [4, 20n],
      [5, 10n],
    ] as const)
      enqueue(state, profile, timer(id), 0, at);
    assert.deepEqual(state.cpus[0].queues.monotonic.flat(), [2, 5, 4, 1, 3]);
    assert.equal(nextExpiry(state, state.cpus[0]), 10n);
    assert.equal(nextExpiry(state, state.cpus[1]), undefined);
  });

  it('put a timer re-armed to its successor’s expiry behind it, since 7.1 leave it in front', () => {
    for (const [name, order] of [
      ['6.12', [2, 1, 3]],
      ['7.2', [1, 2, 3]],
    ] as const) {
      const { state, profile, timer } = kernel(name);
      const first = timer(1);
      enqueue(state, profile, first, 0, 10n);
      enqueue(state, profile, timer(2), 0, 20n);
      enqueue(state, profile, timer(3), 0, 30n);
      enqueue(state, profile, first, 0, 20n);
      assert.deepEqual(state.cpus[0].queues.monotonic.flat(), order, name);
      enqueue(state, profile, first, 1, 40n);
      assert.deepEqual(
        [state.cpus[0].queues.monotonic.flat(), state.cpus[1].queues.monotonic.flat()],
        [[2, 3], [1]],
      );
      dequeue(state, first);
      assert.equal(first.queuedOn, -1);
    }
  });

  it('keep the clocks apart; CLOCK_REALTIME runs on the monotonic one', () => {
    const { state, profile, timer } = kernel('6.12');
    enqueue(state, profile, timer(1, 0), 0, 5n);
    enqueue(state, profile, timer(2, 1), 0, 5n);
    enqueue(state, profile, timer(3, 7), 0, 4n);
    assert.deepEqual(state.cpus[0].queues, { monotonic: [[1, 2]], boottime: [[3]] });
  });

  it('keep their order through many insertions and removals, however long they get', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(900), fc.bigInt(0n, 40n)), { minLength: 700, maxLength: 2000 }),
        (steps) => {
          const { state, profile, timer } = kernel('6.12');
          let wanted: TimerObject[] = [];
          for (const [n, at] of steps) {
            const object = timerIn(state.timers, n + 1) ?? timer(n + 1);
            wanted = wanted.filter((other) => other !== object);
            if (object.queuedOn >= 0 && at > 35n) dequeue(state, object);
            else {
              enqueue(state, profile, object, 0, at);
              const behind = wanted.findIndex((other) => other.expiresNs > at);
              wanted.splice(behind < 0 ? wanted.length : behind, 0, object);
            }
          }
          assert.deepEqual(
            state.cpus[0].queues.monotonic.flat(),
            wanted.map(({ id }) => id),
          );
        },
      ),
      { numRuns: 20 },
    );
  });

  it('never fire what lies at the end of time', () => {
    const { state, profile, timer } = kernel('6.12');
    enqueue(state, profile, timer(1), 0, TIME_MAX_NS);
    assert.equal(nextExpiry(state, state.cpus[0]), undefined);
  });

  it('compute expiries as the kernel does', () => {
    assert.equal(expiryOf(100n, 50n, 0), 150n);
    assert.equal(expiryOf(100n, 50n, 1), 50n);
    assert.equal(expiryOf(100n, 2n ** 63n - 1n, 0), TIME_MAX_NS);
    assert.equal(expiryOf(100n, 2n ** 64n - 1n, 0), TIME_MAX_NS);
    assert.equal(expiryOf(100n, 2n ** 63n, 1), 0n, 'negative absolute times have passed');
  });
});
