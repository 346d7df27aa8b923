/** Which calls take a callback, and whether it runs at once or later. */
import type { Insn } from '../insn/insn';

const CALL = 0x85;
/** for_each_map_elem, find_vma, loop, user_ringbuf_drain. */
const SYNC_CALLBACK_HELPERS: ReadonlySet<number> = new Set([164, 180, 181, 209]);
const TIMER_SET_CALLBACK = 170;

export const isHelperCall = (insn: Insn): boolean => insn.code === CALL && insn.src === 0;
export const isLocalCall = (insn: Insn): boolean => insn.code === CALL && insn.src === 1;
export const isKfuncCall = (insn: Insn): boolean => insn.code === CALL && insn.src === 2;
export const isAsyncCallbackCall = (insn: Insn): boolean =>
  isHelperCall(insn) && insn.imm === TIMER_SET_CALLBACK;
export const isSyncCallbackCall = (insn: Insn): boolean =>
  isHelperCall(insn) && SYNC_CALLBACK_HELPERS.has(insn.imm);
