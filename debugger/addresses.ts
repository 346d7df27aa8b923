/**
 * Instruction addresses as the protocol shows them: `(program + 1) << 24 | slot * 8`, so that each program has a range
 * of its own and addresses advance by the size of an instruction, as disassembly views expect.
 */
import type { Slot } from '../runtime/debug/sourceMap';

const PROGRAM_SIZE = 0x100_0000;

export const slotAddress = (slot: Slot): number => (slot.programId + 1) * PROGRAM_SIZE + slot.insnIdx * 8;

export const slotReference = (slot: Slot): string => '0x' + slotAddress(slot).toString(16);

/** @returns undefined for text that is no such address. */
export function slotAt(reference: string, offsetBytes = 0): Slot | undefined {
  if (!/^0x[0-9a-fA-F]{1,13}$/.test(reference)) return undefined;
  const address = Number(reference) + offsetBytes;
  const programId = Math.floor(address / PROGRAM_SIZE) - 1;
  const inside = address % PROGRAM_SIZE;
  return programId < 0 || inside % 8 !== 0 ? undefined : { programId, insnIdx: inside / 8 };
}
