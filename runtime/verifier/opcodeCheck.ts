/** Opcodes that the profile's kernel does not know at all, found before anything else is said about the program. */
import { CLASS, classOf, OPCODES, type OpcodeRow } from '../spec/opcodes';
import { reject, type VerifierEnv } from './env';
import { EINVAL } from './outcome';

const LDDW = OPCODES.lddw.code;
const MODE_MEM = 0x60;
const MODE_MEMSX = 0x80;

const rows: readonly OpcodeRow[] = Object.values(OPCODES);

/** Opcode bytes by the first kernel feature that brought them. */
function knownOpcodes(env: VerifierEnv): ReadonlySet<number> {
  const { features } = env;
  const known = new Set<number>();
  for (const row of rows) {
    if (row.kind === 'callx' || row.kind === 'gotox') continue;
    if (row.kind === 'mayGoto' && !features.mayGoto) continue;
    if ((row.kind === 'loadAcquire' || row.kind === 'storeRelease') && !features.loadAcquire) continue;
    // Of version 4 these have opcode bytes of their own; the rest is told apart by other fields.
    const isNewByte = row.cpu === 4 && (row.kind === 'endian' || row.kind === 'loadSigned');
    if (isNewByte && !features.cpuV4) continue;
    known.add(row.code);
  }
  return known;
}

export function checkOpcodes(env: VerifierEnv): void {
  const known = knownOpcodes(env);
  const refuse = (insn: number, code: string, message: string): never =>
    reject(env, { code, category: 'Program Structure', errno: EINVAL, message, insn });
  const { insns } = env;
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i];
    if (classOf(insn.code) === CLASS.ldx) {
      const mode = insn.code & 0xe0;
      if ((mode !== MODE_MEM && !(mode === MODE_MEMSX && env.features.cpuV4)) || insn.imm !== 0) {
        refuse(i, 'reserved-fields', 'BPF_LDX uses reserved fields');
      }
    }
    if (insn.code === LDDW) {
      const next = insns[i + 1];
      if (next === undefined || next.code !== 0 || next.dst !== 0 || next.src !== 0 || next.off !== 0) {
        refuse(i, 'invalid-wide-load', 'invalid bpf_ld_imm64 insn');
      }
      if (insn.src > 6) refuse(i, 'invalid-wide-load', 'unrecognized bpf_ld_imm64 insn');
      i++;
      continue;
    }
    if (!known.has(insn.code)) {
      refuse(i, 'invalid-opcode', `unknown opcode ${insn.code.toString(16).padStart(2, '0')}`);
    }
  }
}
