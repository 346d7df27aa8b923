import * as assert from 'node:assert/strict';
import { machineOf, runProgram } from './objects';

const MS = 1_000_000n;

describe('contexts on a CPU', () => {
  it('a timer callback interrupts a program in task context, never one in softirq', () => {
    for (const [context, interrupted] of [
      ['task', true],
      ['softirq', false],
    ] as const) {
      const machine = machineOf('timers', { cpus: 1 });
      assert.equal(runProgram(machine, 'arm_all'), 0);
      const due = machine.timers()[0].expiresNs;
      assert.ok(due);
      machine.letTimePass(due - 200n);
      const program = machine.findProgram('codes');
      assert.ok(program);
      machine.start(program, { context });
      assert.equal(machine.runToEnd().kind, 'idle');
      const kinds = machine.events().map((e) => e.kind);
      assert.equal(
        kinds.indexOf('timerFire') >= 0 && kinds.indexOf('timerFire') < kinds.lastIndexOf('programEnd'),
        interrupted,
      );
    }
  });

  it('timer helpers are refused in NMI context until kernels became lock-free there', () => {
    for (const [kernel, code] of [
      ['6.1', -95],
      ['6.12', -95],
      ['7.2', 0],
    ] as const) {
      const machine = machineOf('timers', { kernel });
      assert.equal(runProgram(machine, 'init_only', { context: 'nmi' }) | 0, code, kernel);
    }
  });

  it('shows the frames of a callback on top of what it interrupted', () => {
    const machine = machineOf('timers', { cpus: 1 });
    assert.equal(runProgram(machine, 'arm_slow'), 0);
    const due = machine.timers()[0].expiresNs;
    assert.ok(due);
    machine.letTimePass(due - 60n);
    const program = machine.findProgram('codes');
    assert.ok(program);
    machine.start(program, { context: 'task' });
    machine.run({ untilNs: due + 1_000n, budget: 1_000_000 });
    const frames = machine.frames(0);
    assert.deepEqual(
      frames.map((f) => [f.functionName, f.contextKind, f.contextIndex]),
      [
        ['slow', 'softirq', 1],
        ['codes', 'task', 0],
      ],
    );
    assert.equal(frames[0].timer?.map, 'array');
    assert.equal(machine.armedStack(0, 1)?.frames[0].functionName, 'arm_slow');
    assert.equal(machine.armedStack(0, 0), undefined);
    assert.equal(machine.contextInfo(0, 0)?.programType, 'BPF_PROG_TYPE_SYSCALL');
  });

  it('CPUs advance side by side', () => {
    const machine = machineOf('timers', { cpus: 2 });
    assert.equal(runProgram(machine, 'arm_slow', { cpu: 0 }), 0);
    machine.run({ untilNs: machine.nowNs() + 11n * MS, budget: 1_000_000 });
    const done = machine.events().find((e) => e.kind === 'timerDone');
    assert.equal(done?.cpu, 0);
    const [cpu0, cpu1] = machine.state.kernel.cpus;
    assert.equal(cpu0.timeNs, cpu1.timeNs);
  });

  it('stops on breakpoints in callbacks and goes on from there', () => {
    const machine = machineOf('heartbeat');
    runProgram(machine, 'start');
    const callback = machine.timers()[0].callback;
    assert.ok(callback);
    machine.setBreakpoints([callback]);
    for (let i = 1; i <= 3; i++) {
      const stop = machine.run({ untilNs: 1_000n * MS, budget: 1_000_000, skipBreakpoint: i > 1 });
      assert.equal(stop.kind, 'breakpoint');
      assert.equal(stop.kind === 'breakpoint' && stop.place.insnIdx, callback.insnIdx);
      assert.equal(machine.timers()[0].state, 'running');
      assert.equal(machine.timers()[0].fires, i);
    }
    machine.setBreakpoints([]);
    assert.equal(
      machine.run({ untilNs: 1_000n * MS, budget: 1_000_000, skipBreakpoint: true }).kind,
      'timeLimit',
    );
  });
});
