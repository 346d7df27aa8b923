/** What the steps of kernel operations do, for people who read a run: by operation, then by step. */
import type { OpActivation, OpName } from '../kernel/activations';
import { OPERATION_NAMES } from '../kernel/ops';

const LOCK = 'takes the lock of the timer';

const STEPS: { readonly [N in OpName]: readonly string[] } = {
  timerInit: [
    'tests its arguments',
    LOCK,
    'looks whether there is a timer already, and makes one',
    'writes the pointer to the timer into the value',
    'looks once more whether the map has a user, and ends',
    'has freed the timer again',
  ],
  timerSetCallback: ['tests its arguments', LOCK, 'stores callback and program', 'ends'],
  timerStart: [
    'tests its arguments',
    LOCK,
    'looks the timer up',
    'puts the timer on the queue, and ends',
    'goes on after the trace point, and ends',
  ],
  timerCancel: [
    'tests where it is called',
    LOCK,
    'looks the timer up',
    'removes the callback, and drops the reference on its program',
    'takes the timer off the queue',
    'ends',
  ],
  timerCancelAsync: ['looks the timer up', 'takes the timer off the queue if its callback does not run'],
  timerPublish: ['writes the program', 'writes the callback', 'looks whether both are still its own'],
  timerCommands: ['carries out the next command', 'goes on after the trace point'],
  workStart: ['queues the work'],
  workRun: ['calls the callback', 'ends'],
  freeValues: [
    'looks for the next timer, or ends',
    'looks the timer up, and locks it where it has a lock',
    'removes callback and pointer',
    'takes the timer off the queue, and lets its memory go',
  ],
  mapWrite: ['takes the lock of the bucket, and changes the map', 'frees what was evicted', 'ends'],
  deferredFrees: ['takes the next piece of work', 'ends'],
  softirq: ['begins', 'takes the first expired timer off the queue, or ends'],
  expiry: ['begins', 'reads the callback, and calls it', 'sees the callback end', 'ends'],
  loop: ['calls the callback', 'sees the callback end'],
  forEach: ['calls the callback', 'sees the callback end'],
  callOnce: ['calls the callback', 'sees the callback end'],
  rbtreeAdd: ['goes down the tree', 'sees the comparison end'],
  spinLock: ['takes the lock'],
};

/** `bpf_timer_init: takes the lock of the timer`. */
export function stepText({ op, pc }: OpActivation): string {
  const step = STEPS[op].at(pc);
  return step === undefined ? OPERATION_NAMES[op] : `${OPERATION_NAMES[op]}: ${step}`;
}
