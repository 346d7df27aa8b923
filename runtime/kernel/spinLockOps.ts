/**
 * bpf_spin_lock: the word is 0, or the number of the CPU that holds it plus one. Interrupts are off while it is held, so that
 * who finds it held by the own CPU came as an NMI, or locks twice: it would spin for ever.
 */
import { doneWith, WAIT, type OpActivation, type StepResult } from './activations';
import type { Kernel } from './kernel';

/** CPU that holds the lock, -1 = nobody. */
export const spinLockHolder = (kernel: Kernel, at: number): number => kernel.memory.load32(at) - 1;

export function spinLockStep(kernel: Kernel, op: OpActivation<'spinLock'>): StepResult {
  const { at } = op.locals;
  const holder = spinLockHolder(kernel, at);
  if (holder === kernel.cpu)
    return {
      kind: 'fault',
      message:
        'deadlock: this bpf_spin_lock is held by the same CPU already: the kernel would spin here for ever',
    };
  if (holder >= 0) return WAIT;
  kernel.memory.store32(at, kernel.cpu + 1);
  kernel.here.irqsOff++;
  kernel.watch?.order({ kind: 'address', at }, 'take');
  return doneWith(0);
}

/** False: nobody holds it. */
export function spinUnlock(kernel: Kernel, at: number): boolean {
  if (spinLockHolder(kernel, at) < 0) return false;
  kernel.watch?.order({ kind: 'address', at }, 'give');
  kernel.memory.store32(at, 0);
  kernel.here.irqsOff--;
  return true;
}
