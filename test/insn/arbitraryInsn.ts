/** Random well-formed instructions, one generator for every row of the instruction table. */
import * as fc from 'fast-check';
import type { Insn } from '../../runtime/insn/insn';
import { OPCODES, type OpcodeName, type OpcodeRow } from '../../runtime/spec/opcodes';

const register = fc.integer({ min: 0, max: 10 });
const off = fc.integer({ min: -0x8000, max: 0x7fff });
const imm = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const none = fc.constant(0);

/** Fields that instructions of the kind use; the others must be zero. */
function fieldsOf(row: OpcodeRow): ('dst' | 'src' | 'off' | 'imm')[] {
  switch (row.kind) {
    case 'alu':
      return row.source === 'reg' ? ['dst', 'src'] : ['dst', 'imm'];
    case 'movsx':
      return ['dst', 'src'];
    case 'addrSpaceCast':
      return ['dst', 'src', 'imm'];
    case 'load':
    case 'loadSigned':
    case 'store':
    case 'atomic':
    case 'atomicFetch':
    case 'atomicXchg':
    case 'atomicCmpxchg':
    case 'loadAcquire':
    case 'storeRelease':
      return ['dst', 'src', 'off'];
    case 'storeImm':
      return ['dst', 'off', 'imm'];
    case 'jump':
      return row.source === 'reg' ? ['dst', 'src', 'off'] : ['dst', 'imm', 'off'];
    case 'goto':
      return row.distance === 'imm' ? ['imm'] : ['off'];
    case 'mayGoto':
      return ['off'];
    case 'neg':
    case 'endian':
    case 'gotox':
    case 'callx':
      return ['dst'];
    case 'call':
    case 'loadAbs':
      return ['imm'];
    case 'loadInd':
      return ['src', 'imm'];
    case 'lddw':
      return ['dst', 'imm'];
    case 'exit':
      return [];
  }
}

/** One or, for the wide load, two slots. */
export function arbitraryInsn(name: OpcodeName): fc.Arbitrary<Insn[]> {
  const row: OpcodeRow = OPCODES[name];
  const uses = fieldsOf(row);
  return fc
    .record({
      dst: uses.includes('dst') ? register : none,
      src: row.src !== undefined ? fc.constant(row.src) : uses.includes('src') ? register : none,
      off: row.off !== undefined ? fc.constant(row.off) : uses.includes('off') ? off : none,
      imm: row.imm !== undefined ? fc.constant(row.imm) : uses.includes('imm') ? imm : none,
      high: imm,
    })
    .map(({ high, ...fields }) => {
      const insn = { code: row.code, ...fields };
      return row.kind === 'lddw' ? [insn, { code: 0, dst: 0, src: 0, off: 0, imm: high }] : [insn];
    });
}

export const opcodeNames = Object.keys(OPCODES) as OpcodeName[];

export const arbitraryProgram: fc.Arbitrary<Insn[]> = fc
  .array(
    fc.constantFrom(...opcodeNames).chain((name) => arbitraryInsn(name)),
    { maxLength: 30 },
  )
  .map((parts) => parts.flat());
