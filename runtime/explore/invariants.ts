/**
 * What must hold after every execution, whatever the schedule: nothing freed was used, nobody waits for ever, nothing outlives
 * its map, the user's expectations. Faults (use after free, calls into programs that are gone) stop a run where they happen; the rest is
 * looked at when the last step is done.
 */
import type { Machine } from '../machine/machine';
import type { Player } from '../machine/player';
import { leakOf } from '../kernel/leaks';

export const INVARIANTS = [
  'fault',
  'deadlock',
  'leaked-timer',
  'leaked-reference',
  'expectation',
  'data-race',
] as const;
export type Invariant = (typeof INVARIANTS)[number];

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
  const leak = leakOf(machine.kernel);
  return leak === undefined ? undefined : { invariant: leak.kind, message: leak.message };
}
