/** Which calls take a callback, and whether it runs at once or later. */
import type { Insn } from '../insn/insn';
import { ASYNC_CALLBACK_KFUNCS, SYNC_CALLBACK_KFUNCS } from '../spec/kfuncs';
import type { VerifierEnv } from './env';

const CALL = 0x85;
/** for_each_map_elem, find_vma, loop, user_ringbuf_drain. */
const SYNC_CALLBACK_HELPERS: ReadonlySet<number> = new Set([164, 180, 181, 209]);
const TIMER_SET_CALLBACK = 170;

export const isHelperCall = (insn: Insn): boolean => insn.code === CALL && insn.src === 0;
export const isLocalCall = (insn: Insn): boolean => insn.code === CALL && insn.src === 1;
export const isKfuncCall = (insn: Insn): boolean => insn.code === CALL && insn.src === 2;

/** A helper call that runs a callback before it returns. */
export const isSyncCallbackHelper = (insn: Insn): boolean =>
  isHelperCall(insn) && SYNC_CALLBACK_HELPERS.has(insn.imm);

/**
 * Name of the kernel function called at that slot, without what libbpf takes for a flavour; empty when none is. Bare programs
 * give the number only.
 */
export function kfuncAt(env: VerifierEnv, slot: number): string {
  const reference = env.program.references.get(slot);
  if (reference?.kind !== 'kfunc') return '';
  if (reference.name !== '') return reference.name.replace(/___.*$/, '');
  const func = env.kernelBtf?.types[reference.btfId];
  return func?.kind === 'func' ? func.name : '';
}

/** The call at that slot registers a callback that runs some time later. */
export function isAsyncCallbackCall(env: VerifierEnv, slot: number): boolean {
  const insn = env.insns[slot];
  if (isHelperCall(insn)) return insn.imm === TIMER_SET_CALLBACK;
  return isKfuncCall(insn) && ASYNC_CALLBACK_KFUNCS.has(kfuncAt(env, slot));
}

/** The call at that slot runs a callback before it returns. */
export function isSyncCallbackCall(env: VerifierEnv, slot: number): boolean {
  const insn = env.insns[slot];
  if (isHelperCall(insn)) return isSyncCallbackHelper(insn);
  return isKfuncCall(insn) && SYNC_CALLBACK_KFUNCS.has(kfuncAt(env, slot));
}
