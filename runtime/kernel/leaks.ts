/**
 * What is left over when everything has come to rest: timers that nothing will ever free, and references that nobody
 * will ever drop. Not looked at while anything is under way, since freeing may yet come.
 */
import type { Kernel } from './kernel';
import type { TimerObject } from './state';
import { readTimerSlot } from './timerSlots';
import { allTimers } from './timerTable';

export interface Leak {
  readonly kind: 'leaked-timer' | 'leaked-reference';
  readonly message: string;
}

/** Undefined: nothing is left over, or something is still under way. */
export function leakOf(kernel: Kernel): Leak | undefined {
  const { timers, cpus, deferred, grace } = kernel.state;
  const isBusy = cpus.some((cpu) => cpu.contexts.length > 0 || cpu.irqWork.length > 0);
  if (isBusy || deferred.length > 0 || grace.length > 0) return undefined;
  for (const timer of allTimers(timers)) {
    const message = leakedTimer(kernel, timer);
    if (message !== undefined) return { kind: 'leaked-timer', message };
  }
  return leakedReference(kernel);
}

function leakedTimer(kernel: Kernel, timer: Readonly<TimerObject>): string | undefined {
  const map = kernel.map(timer.map).definition.name;
  const program = kernel.state.programs[timer.program];
  const held = program === undefined ? '' : `, and it holds a reference on program ${program.name}`;
  const armed = timer.queuedOn >= 0 ? ' and still armed' : '';
  if (timer.freed) return `a timer of map ${map} was freed, but its object is still there${armed}${held}`;
  const { users, freed } = kernel.mapReferences(timer.map);
  if (freed) return `map ${map} is gone, and a timer in it was never freed${armed}${held}`;
  if (users === 0)
    return `a timer of map ${map} is left over${armed}: the map has lost its last user reference, nothing will free it${held}`;
  if (readTimerSlot(kernel.memory, timer.value + timer.offset) !== timer.id)
    return `a timer object of map ${map} is lost${armed}: no element points to it any more${held}`;
  return undefined;
}

/** Programs are held by the user, by their attachments, and by timers; a count above that never falls to zero. */
function leakedReference(kernel: Kernel): Leak | undefined {
  for (const program of kernel.state.programs) {
    let holders = (program.loaded ? 1 : 0) + (program.attached ? 1 : 0);
    for (const timer of allTimers(kernel.state.timers)) if (timer.program === program.id) holders++;
    if (program.references !== holders)
      return {
        kind: 'leaked-reference',
        message: `program ${program.name} has ${program.references} references, but only ${holders} ${holders === 1 ? 'holder' : 'holders'}: it is never freed`,
      };
  }
  return undefined;
}
