/** Instructions as text, with what their operands stand for: helpers, maps, functions. */
import { disassemble } from '../insn/disassemble';
import { encode } from '../insn/encode';
import type { Debugger } from './debugger';

export interface InstructionText {
  readonly text: string;
  /** `bf 36 00 …` */
  readonly bytes: string;
  /** Name of the function that begins here. */
  readonly symbol?: string;
}

export function instructionText(debug: Debugger, programId: number, insnIdx: number): InstructionText {
  const spec = debug.map.spec(programId);
  const insn = spec?.insns[insnIdx];
  if (!spec || !insn) return { text: '(outside the program)', bytes: '' };
  const bytes = [...encode([insn])].map((b) => b.toString(16).padStart(2, '0')).join(' ');
  if (insnIdx > 0 && spec.insns[insnIdx - 1].code === 0x18) return { text: '(second half)', bytes };
  const reference = spec.references.get(insnIdx);
  const note =
    reference?.kind === 'map' || reference?.kind === 'mapValue'
      ? debug.target.object.maps[reference.map].name
      : reference?.kind === 'subprog'
        ? reference.name
        : undefined;
  const fn = debug.map.function(programId, insnIdx);
  return {
    text: disassemble(spec.insns, insnIdx) + (note !== undefined ? `   ; ${note}` : ''),
    bytes,
    symbol: fn?.insnIdx === insnIdx ? fn.name : undefined,
  };
}
