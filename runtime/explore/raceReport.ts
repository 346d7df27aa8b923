/** A data race as people and tools read it: what both sides did to which bytes, and where. */
import type { Machine } from '../machine/machine';
import { memoryAddress } from '../vm/addresses';
import type { DataRace, RaceAccess } from './dataRaces';
import type { Violation } from './invariants';
import type { CpuStack } from './trace';

const CONTEXT_TEXTS = { task: '', softirq: ' (softirq)', hardirq: ' (hardirq)', nmi: ' (NMI)' } as const;

const who = ({ cpu, context }: RaceAccess): string => `cpu${cpu}${CONTEXT_TEXTS[context]}`;

const verb = ({ write, atomic }: RaceAccess): string =>
  atomic ? (write ? 'atomically changes' : 'atomically reads') : write ? 'writes' : 'reads';

function place(machine: Machine, { program, insn }: RaceAccess): string {
  const loaded = program === undefined ? undefined : machine.programs[program];
  return loaded === undefined ? 'from user space' : `in ${loaded.functionAt(insn)}`;
}

export function raceViolation(machine: Machine, { first, second }: DataRace): Violation {
  const where = machine.describeAddress(memoryAddress(second.at)) ?? 'a value';
  return {
    invariant: 'data-race',
    message:
      `data race on ${where} (${second.sizeBytes} bytes): ${who(first)} ${verb(first)} it ${place(machine, first)}, ` +
      `${who(second)} ${verb(second)} it ${place(machine, second)}, and nothing orders the two`,
  };
}

/** The stacks of the two accesses, in the order in which they came. */
export function raceStacks({ first, second }: DataRace): CpuStack[] {
  return [first, second].map((access) => {
    const stack = access.stack as CpuStack | undefined;
    const doing = `${verb(access)} ${access.sizeBytes} bytes${access.context === 'task' ? '' : `, in ${access.context} context`}`;
    return { cpu: access.cpu, when: 'atAccess', doing, frames: stack?.frames ?? [] };
  });
}
