/** The state of a kernel in which nothing has happened yet. */
import type { CpuState, KernelState } from '../kernel/state';
import { newTimerTable } from '../kernel/timerTable';
import type { SchedulerState } from '../sched/scheduler';
import { WALL_CLOCK_START_NS } from '../spec/timeCosts';
import { assert } from '../util/assert';
import type { Memory } from '../vm/memory';

export function freshKernelState(
  memory: Memory,
  cpuCount: number,
  scheduler: SchedulerState,
  budget: number,
): KernelState & { scheduler: SchedulerState } {
  const cpus: CpuState[] = [];
  for (let id = 0; id < cpuCount; id++) {
    const keyScratch = memory.allocate(16);
    memory.addRegion('scratch', keyScratch, 16, `callback key of cpu${id}`, false);
    cpus.push({
      id,
      timeNs: 0n,
      contexts: [],
      keyScratch,
      idleBlocks: [],
      runningTimer: 0,
      nextPassNs: 0n,
      irqsOff: 0,
      baseLockedBy: -1,
      irqWork: [],
      commandTimer: 0,
      queues: { monotonic: [], boottime: [] },
    });
  }
  assert(cpus.length > 0, 'a machine has a CPU');
  return {
    cpus,
    timers: newTimerTable(),
    nextTimerId: 1,
    nextOrder: 1,
    programs: [],
    mapReferences: new Map(),
    deferred: [],
    grace: [],
    bucketLocks: [],
    returned: [],
    attached: [],
    objects: [],
    nextContext: 1,
    suspendedNs: 0n,
    wallOffsetNs: WALL_CLOCK_START_NS,
    eventsDropped: 0,
    events: [],
    budget,
    budgetMax: budget,
    hurried: undefined,
    queueChanges: 0,
    scheduler,
    allocationsLeft: -1,
    current: { pid: 4242, tgid: 4242, uid: 0, gid: 0, comm: 'bpf-studio', cgroupId: 1n },
    executed: 0,
  };
}
