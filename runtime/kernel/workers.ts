/**
 * Workers: what is done later in task context, on an idle CPU. Work that any CPU may do is done by the first that idles;
 * a `bpf_wq` runs on the CPU that queued it, never twice at the same time.
 */
import { mapAddress, memoryAddress } from '../vm/addresses';
import { ERRNO } from '../spec/errno';
import { familyOf } from '../maps/maps';
import { doneWith, type OpActivation, type StepResult } from './activations';
import type { Kernel } from './kernel';
import type { CpuState, DeferredWork, KernelState } from './state';
import { nmiRefused, reap } from './timerOps';
import { readTimerSlot } from './timerSlots';
import { peekTimer, timerIn } from './timerTable';

/** Place in the list of the first work that an idle CPU, or its worker, could do now; -1 = none. */
export function nextWork(state: KernelState, cpu: CpuState): number {
  const { deferred, cpus, timers } = state;
  if (deferred.length === 0) return -1;
  const isFirst = cpu.contexts.length > 0 || cpus.find((c) => c.contexts.length === 0) === cpu;
  return deferred.findIndex((work) =>
    work.kind === 'queued'
      ? work.cpu === cpu.id && (peekTimer(timers, work.timer)?.runningOn ?? -1) < 0
      : isFirst,
  );
}

/** Leaves work to a worker. */
export const defer = (kernel: Kernel, work: DeferredWork): void => {
  kernel.touch('readers', 0, true);
  kernel.state.deferred.push({ ...work, sinceNs: kernel.here.timeNs });
};

/** `bpf_wq_start`: queues the work once, however often it is started before it runs. */
export function workStartStep(kernel: Kernel, op: OpActivation<'workStart'>): StepResult {
  const { slot, flags } = op.locals;
  if (nmiRefused(kernel)) return doneWith(-ERRNO.EOPNOTSUPP);
  if (flags !== 0n) return doneWith(-ERRNO.EINVAL);
  const id = readTimerSlot(kernel.memory, slot);
  const work = peekTimer(kernel.state.timers, id);
  if (work === undefined || work.program < 0) return doneWith(-ERRNO.EINVAL);
  const { deferred } = kernel.state;
  if (!deferred.some((d) => d.kind === 'queued' && d.timer === id))
    defer(kernel, { kind: 'queued', timer: id, cpu: kernel.cpu });
  return doneWith(0);
}

/** One invocation of a `bpf_wq`. pc 1: its callback has ended. */
export function workRunStep(kernel: Kernel, op: OpActivation<'workRun'>): StepResult {
  const work = timerIn(kernel.state.timers, op.locals.timer);
  if (work === undefined) return doneWith(0);
  if (op.pc === 1) {
    work.runningOn = -1;
    reap(kernel, work);
    return doneWith(0);
  }
  const { callback } = work;
  if (callback === undefined) return doneWith(0);
  work.runningOn = kernel.cpu;
  work.fires++;
  op.pc = 1;
  const map = kernel.map(work.map);
  const family = familyOf(map);
  let key = family.keyOffset(map, work.value);
  if (key === 0) {
    key = kernel.here.keyScratch;
    kernel.memory.store32(key, family.indexOf?.(map, work.value) ?? 0);
  }
  return {
    kind: 'callBpf',
    program: callback.program,
    insnIdx: callback.insnIdx,
    args: [mapAddress(work.map), memoryAddress(key), memoryAddress(work.value), 0n, 0n],
  };
}
