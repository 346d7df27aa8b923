/** disassemble, readMemory. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { instructionText } from '../../runtime/debug/disassembly';
import { slotAddress, slotAt } from '../addresses';
import { launched, stopped, type SessionState } from '../state';
import { UserError } from '../userError';

const READ_MAX_BYTES = 1 << 20;
const INSTRUCTIONS_MAX = 5000;

export const memory = {
  disassemble(state: SessionState, args: DebugProtocol.DisassembleArguments) {
    const { debug } = launched(state);
    const slot = slotAt(args.memoryReference, args.offset ?? 0);
    const spec = slot && debug.map.spec(slot.programId);
    if (!slot || !spec) throw new UserError(`There is no BPF code at ${args.memoryReference}.`);
    const first = slot.insnIdx + (args.instructionOffset ?? 0);
    const count = Math.max(0, Math.min(args.instructionCount, INSTRUCTIONS_MAX));
    let previous = '';
    const instructions: DebugProtocol.DisassembledInstruction[] = [];
    // Exactly as many as asked for: what lies outside the program is shown as such.
    for (let i = first; i < first + count; i++) {
      const address = '0x' + Math.max(0, slotAddress({ programId: slot.programId, insnIdx: i })).toString(16);
      if (i < 0 || i >= spec.insns.length) {
        instructions.push({ address, instruction: '(outside the program)', presentationHint: 'invalid' });
        continue;
      }
      const insn = instructionText(debug, slot.programId, i);
      const place = debug.map.placeAt(slot.programId, i);
      const where = place ? `${place.file}:${place.line}` : '';
      instructions.push({
        address,
        instruction: insn.text,
        instructionBytes: insn.bytes,
        ...(insn.symbol !== undefined && { symbol: insn.symbol }),
        ...(place &&
          where !== previous && {
            location: state.toProto.source(place.file),
            line: state.toProto.line(place.line),
          }),
      });
      previous = where;
    }
    return { instructions };
  },

  readMemory(state: SessionState, args: DebugProtocol.ReadMemoryArguments) {
    const { debug } = stopped(state);
    if (!/^0x[0-9a-fA-F]{1,16}$/.test(args.memoryReference))
      throw new UserError(`'${args.memoryReference}' is no address.`);
    const address = BigInt.asUintN(64, BigInt(args.memoryReference) + BigInt(args.offset ?? 0));
    const wanted = Math.max(0, Math.min(args.count, READ_MAX_BYTES));
    // The longest readable stretch from here on; what follows it is reported as unreadable.
    let size = 0;
    for (let step = 1 << 20; step >= 1; step >>= 1)
      while (size + step <= wanted && debug.target.readMemory(address, size + step)) size += step;
    const bytes = size > 0 ? debug.target.readMemory(address, size) : undefined;
    return {
      address: '0x' + address.toString(16),
      unreadableBytes: wanted - size,
      ...(bytes && { data: Buffer.from(bytes).toString('base64') }),
    };
  },
};
