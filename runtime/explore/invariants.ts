/**
 * What must hold after every execution, whatever the schedule: nothing freed was used, nobody waits for ever, nothing outlives
 * its map, the user's expectations. Faults (use after free, calls into programs that are gone) stop a run where they happen; the rest is
 * looked at when the last step is done.
 */
import type { Machine } from '../machine/machine';
import type { Player } from '../machine/player';
import { readTimerSlot } from '../kernel/timerSlots';

export type Invariant = 'fault' | 'deadlock' | 'leaked-timer' | 'expectation';

export interface Violation {
  readonly invariant: Invariant;
  readonly message: string;
}

/** Undefined: nothing is wrong, or the run was cut short before anything was. */
export function violationOf(machine: Machine, player: Player): Violation | undefined {
  const { stopped } = player;
  if (stopped?.kind === 'fault')
    return {
      invariant: stopped.message.startsWith('deadlock') ? 'deadlock' : 'fault',
      message: stopped.message,
    };
  if (stopped !== undefined) return undefined;
  const failures = player.outcomes.flatMap((outcome) => outcome.failures ?? []);
  if (failures.length > 0) return { invariant: 'expectation', message: failures.join('; ') };
  const leak = leakOf(machine);
  return leak === undefined ? undefined : { invariant: 'leaked-timer', message: leak };
}

function leakOf(machine: Machine): string | undefined {
  const { timers, mapReferences, cpus, deferred } = machine.state.kernel;
  // Where something is still under way (a timer armed for later, a worker), freeing may yet come.
  if (deferred.length > 0 || cpus.some((cpu) => cpu.contexts.length > 0)) return undefined;
  for (const timer of timers.values()) {
    const map = machine.state.maps.get(timer.map)?.definition.name ?? '?';
    const held =
      timer.program >= 0 && machine.programs[timer.program] !== undefined
        ? `, and it holds a reference on program ${machine.programs[timer.program].name}`
        : '';
    const armed = timer.queuedOn >= 0 ? ' and still armed' : '';
    if (timer.freed) return `a timer of map ${map} was freed, but its object is still there${armed}${held}`;
    if ((mapReferences.get(timer.map)?.users ?? 0) === 0)
      return `a timer of map ${map} is left over${armed}: the map has lost its last user reference, nothing will free it${held}`;
    if (readTimerSlot(machine.memory, timer.value + timer.offset) !== timer.id)
      return `a timer object of map ${map} is lost${armed}: no element points to it any more${held}`;
  }
  return undefined;
}
