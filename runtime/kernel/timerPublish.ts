/**
 * Program and callback of a timer without lock: two words that are written one after the other, while another CPU may
 * write them too. Whoever wrote both looks whether both are still its own, and writes again if not; so that in the end
 * the callback belongs to the program on which the reference is held.
 *
 * Steps cost the same on all CPUs, so two that write in turns would for ever find the other's words. In hardware the
 * distances to the contended memory differ; so here a lost round costs each CPU another time.
 */
import { has } from '../spec/profile';
import { SPIN_NS } from '../spec/timeCosts';
import { doneWith, NEXT, startOp, type OpActivation, type StepResult } from './activations';
import type { Kernel } from './kernel';

/** @param program -1: neither program nor callback. */
export const publishOp = (timer: number, program: number, insnIdx: number): ReturnType<typeof startOp> =>
  startOp('timerPublish', { timer, program, insnIdx, previous: -1 });

export function publishStep(kernel: Kernel, op: OpActivation<'timerPublish'>): StepResult {
  const l = op.locals;
  const timer = kernel.timer(l.timer);
  switch (op.pc) {
    case 0:
      if (l.program >= 0) kernel.getProgram(l.program);
      l.previous = timer.program;
      timer.program = l.program;
      op.pc = 1;
      return NEXT;
    case 1:
      timer.callback = l.program < 0 ? undefined : { program: l.program, insnIdx: l.insnIdx };
      if (l.previous >= 0) kernel.putProgram(l.previous);
      op.pc = 2;
      return NEXT;
    default: {
      if (!has(kernel.profile, 'timerPublishLoop')) return doneWith(0);
      const { callback } = timer;
      const isOwn =
        timer.program === l.program &&
        (callback === undefined ? l.program < 0 : callback.program === l.program) &&
        (callback === undefined || callback.insnIdx === l.insnIdx);
      if (isOwn) return doneWith(0);
      kernel.here.timeNs += SPIN_NS * BigInt(kernel.cpu + 1);
      op.pc = 0;
      return NEXT;
    }
  }
}
