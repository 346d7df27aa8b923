/**
 * Kernel functions that the model implements, by name: exactly those of `spec/kfuncModel.ts`. Others are an explained
 * stop.
 */
import { startOp } from '../kernel/activations';
import type { ModelledKfunc } from '../spec/kfuncModel';
import { arenaKfuncs } from './arenaKfuncs';
import { connectionKfuncs } from './connectionKfuncs';
import { cpumaskKfuncs } from './cpumaskKfuncs';
import { dynptrKfuncs } from './dynptrHelpers';
import { iteratorKfuncs } from './iteratorKfuncs';
import { objectKfuncs } from './objectKfuncs';
import { memoryArg, type HelperHandler } from './protocol';
import { stringKfuncs } from './stringKfuncs';
import { systemKfuncs } from './systemKfuncs';
import { workKfuncs } from './timerHelpers';

const TIMER_SIZE_BYTES = 16;

const HANDLERS: Readonly<Record<ModelledKfunc, HelperHandler>> = {
  bpf_timer_cancel_async: (call) => ({
    kind: 'enter',
    op: startOp('timerCancelAsync', { slot: memoryArg(call, 0, TIMER_SIZE_BYTES), timer: 0 }),
  }),
  ...workKfuncs,
  ...dynptrKfuncs,
  ...objectKfuncs,
  ...iteratorKfuncs,
  ...cpumaskKfuncs,
  ...connectionKfuncs,
  ...arenaKfuncs,
  ...stringKfuncs,
  ...systemKfuncs,
};

export const KFUNC_HANDLERS: Readonly<Partial<Record<string, HelperHandler>>> = HANDLERS;
