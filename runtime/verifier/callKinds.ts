/** What a call calls, which calls take a callback, and whether it runs at once or later. */
import type { Insn } from '../insn/insn';
import { helperId } from '../spec/helpers';
import { ASYNC_CALLBACK_KFUNCS, SYNC_CALLBACK_KFUNCS } from '../spec/kfuncs';
import type { VerifierEnv } from './env';

const CALL = 0x85;
/** for_each_map_elem, find_vma, loop, user_ringbuf_drain. */
const SYNC_CALLBACK_HELPERS: ReadonlySet<number> = new Set([164, 180, 181, 209]);
const TIMER_SET_CALLBACK = 170;
const TAIL_CALL = helperId('bpf_tail_call');

export const isHelperCall = (insn: Insn): boolean => insn.code === CALL && insn.src === 0;
export const isLocalCall = (insn: Insn): boolean => insn.code === CALL && insn.src === 1;
export const isKfuncCall = (insn: Insn): boolean => insn.code === CALL && insn.src === 2;

export const isTailCall = (insn: Insn): boolean => isHelperCall(insn) && insn.imm === TAIL_CALL;

/** A helper call that runs a callback before it returns. */
export const isSyncCallbackHelper = (insn: Insn): boolean =>
  isHelperCall(insn) && SYNC_CALLBACK_HELPERS.has(insn.imm);

/** Name of the kernel function called at that slot, as the kernel knows it where it has it; empty when none is. */
export function kfuncAt(env: VerifierEnv, slot: number): string {
  const reference = env.program.references.get(slot);
  if (reference?.kind !== 'kfunc') return '';
  const func = reference.btfId > 0 ? env.kernelBtf?.types[reference.btfId] : undefined;
  return func?.kind === 'func' ? func.name : reference.name;
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
