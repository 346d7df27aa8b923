/**
 * The table of helper implementations, by the names of the fact table, and the call itself. A helper without an entry
 * is an explained stop, never a guess. What is implemented how well stands in `spec/helperModel.ts`.
 */
import { helperById, type HelperName } from '../spec/helpers';
import { kfuncByName } from '../spec/kfuncs';
import { HELPER_MODEL, type ModelledHelper } from '../spec/helperModel';
import { HELPER_TOUCHES, KFUNC_TOUCHES, type HelperTouch } from '../spec/helperTouches';
import { HELPER_COSTS_NS, HELPER_NS } from '../spec/timeCosts';
import type { Kernel } from '../kernel/kernel';
import { mapIdOf } from '../vm/addresses';
import { readRegister } from '../vm/calls';
import { absentHelpers } from './absentHelpers';
import { basicHelpers } from './basicHelpers';
import { dynptrHelpers } from './dynptrHelpers';
import { KFUNC_HANDLERS } from './kfuncs';
import { mapHelpers } from './mapHelpers';
import { memoryHelpers } from './memoryHelpers';
import { packetHelpers } from './packetHelpers';
import { printHelpers } from './printHelpers';
import { ringbufHelpers } from './ringbufHelpers';
import { skbHelpers } from './skbHelpers';
import { storageHelpers } from './storageHelpers';
import { tailCallHelpers } from './tailCall';
import { timerHelpers } from './timerHelpers';
import { tracedHelpers } from './tracedHelpers';
import { HelperFault, type HelperHandler, type HelperResult, type PacketServices } from './protocol';

const HANDLERS: Readonly<Record<ModelledHelper, HelperHandler>> = {
  ...mapHelpers,
  ...timerHelpers,
  ...basicHelpers,
  ...absentHelpers,
  ...memoryHelpers,
  ...packetHelpers,
  ...skbHelpers,
  ...printHelpers,
  ...ringbufHelpers,
  ...dynptrHelpers,
  ...storageHelpers,
  ...tailCallHelpers,
  ...tracedHelpers,
};

export const HELPER_HANDLERS: Readonly<Partial<Record<HelperName, HelperHandler>>> = HANDLERS;

/** Tells a search what the call reads and changes. */
function touch(kernel: Kernel, how: HelperTouch | undefined, args: readonly bigint[]): void {
  switch (how) {
    case undefined:
      return kernel.touch('everything', 0, true);
    case 'itself':
      return;
    case 'readsMap':
    case 'changesMap': {
      const map = kernel.maps.get(mapIdOf(args[0]));
      if (map !== undefined) kernel.touched(map, how === 'changesMap');
      return;
    }
    default:
      return kernel.touch(how, 0, true);
  }
}

function perform(
  kernel: Kernel,
  packets: PacketServices,
  block: number,
  name: string,
  handler: HelperHandler,
  touches: HelperTouch | undefined,
): HelperResult {
  const args = [1, 2, 3, 4, 5].map((r) => readRegister(kernel.memory, block, r));
  try {
    if (kernel.watch !== undefined) touch(kernel, touches, args);
    return handler({ kernel, name, args, packets });
  } catch (error) {
    if (!(error instanceof HelperFault)) throw error;
    return { kind: 'fault', message: error.message };
  }
}

/** Performs a kernel function by name. */
export function callKfunc(
  kernel: Kernel,
  packets: PacketServices,
  block: number,
  name: string,
): HelperResult {
  kernel.here.timeNs += HELPER_NS;
  const handler = KFUNC_HANDLERS[name];
  if (handler === undefined) return { kind: 'fault', message: `kernel function ${name} is not modelled` };
  if (kfuncByName(kernel.profile, name) === undefined)
    return { kind: 'fault', message: `kernel function ${name} is not there on ${kernel.profile.name}` };
  return perform(kernel, packets, block, name, handler, KFUNC_TOUCHES[name]);
}

/** Performs the helper that the block's registers ask for, and takes its time. */
export function callHelper(kernel: Kernel, packets: PacketServices, block: number, id: number): HelperResult {
  const row = helperById(id);
  const name = (row?.name ?? '') as HelperName;
  const handler = HELPER_HANDLERS[name];
  kernel.here.timeNs += HELPER_COSTS_NS[name] ?? HELPER_NS;
  if (handler === undefined) {
    const what = row === undefined ? `helper number ${id}, which no known kernel has` : `helper ${row.name}`;
    const why = HELPER_MODEL[name]?.note;
    if (row === undefined) return { kind: 'fault', message: what };
    return { kind: 'fault', message: `${what} is not modelled${why === undefined ? '' : `: ${why}`}` };
  }
  return perform(kernel, packets, block, name, handler, HELPER_TOUCHES[name]);
}
