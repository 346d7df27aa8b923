/**
 * Fields that an instruction does not use must be zero. The newest kernels look at all instructions before anything else, reachable
 * or not, and at the numbers of registers with them; older ones ask the same when the walk comes to the instruction.
 *
 * Evidence: fixtures `shape` of test/fixtures/rulebook, measured on 6.1, 6.12 and 7.2.
 */
import type { Insn } from '../insn/insn';
import { CLASS, classOf } from '../spec/opcodes';
import { reject, type VerifierEnv } from './env';
import { EINVAL } from './outcome';
import { stackArgumentAccess } from './stackArguments';

const FROM_REGISTER = 0x08;
const MODE_IMM = 0;
const MODE_ABS = 1;
const MODE_IND = 2;
const MODE_MEM = 3;
const MODE_MEMSX = 4;
const MODE_ATOMIC = 6;
const SIZE_DOUBLE = 0x18;
const ADDRESS_SPACE_CAST = 1;
const OP_CALL = 8;
const OP_EXIT = 9;
const OP_NEG = 8;
const OP_MOV = 11;
const OP_END = 13;
const OP_MAY_GOTO = 14;
const OP_DIV = 3;
const OP_MOD = 9;
const KFUNC_CALL = 2;
/** Registers that exist; r11 names stack arguments, in whole loads and stores only. */
const REGISTERS = 11;

const modeOf = (insn: Insn): number => insn.code >> 5;
const opOf = (insn: Insn): number => insn.code >> 4;
const fromRegister = (insn: Insn): boolean => (insn.code & FROM_REGISTER) !== 0;

/** What is wrong with the fields of an arithmetic instruction: the kernel's words, or undefined. */
function arithmetic(insn: Insn): string | undefined {
  const { off, imm, src } = insn;
  const wide = classOf(insn.code) === CLASS.alu64;
  const op = opOf(insn);
  if (op === OP_NEG) {
    const clean = !fromRegister(insn) && src === 0 && off === 0 && imm === 0;
    return clean ? undefined : 'BPF_NEG uses reserved fields';
  }
  if (op === OP_END) {
    const clean = src === 0 && off === 0 && [16, 32, 64].includes(imm) && !(wide && fromRegister(insn));
    return clean ? undefined : 'BPF_END uses reserved fields';
  }
  if (op === OP_MOV) {
    if (wide && fromRegister(insn) && off === ADDRESS_SPACE_CAST) {
      return imm === 1 || imm === 1 << 16
        ? undefined
        : 'addr_space_cast insn can only convert between address space 1 and 0';
    }
    const widths = wide ? [0, 8, 16, 32] : [0, 8, 16];
    const clean = fromRegister(insn) ? widths.includes(off) && imm === 0 : src === 0 && off === 0;
    return clean ? undefined : 'BPF_MOV uses reserved fields';
  }
  const signed = off === 1 && (op === OP_DIV || op === OP_MOD);
  const clean = (off === 0 || signed) && (fromRegister(insn) ? imm === 0 : src === 0);
  return clean ? undefined : 'BPF_ALU uses reserved fields';
}

function jump(insn: Insn): string | undefined {
  const { off, imm, src, dst } = insn;
  const narrow = classOf(insn.code) === CLASS.jmp32;
  switch (opOf(insn)) {
    case OP_CALL: {
      const clean = !fromRegister(insn) && !narrow && dst === 0 && src <= KFUNC_CALL;
      return clean && (off === 0 || src === KFUNC_CALL) ? undefined : 'BPF_CALL uses reserved fields';
    }
    case OP_EXIT: {
      const clean = !fromRegister(insn) && !narrow && dst === 0 && src === 0 && imm === 0;
      return clean ? undefined : 'BPF_EXIT uses reserved fields';
    }
    case 0: {
      if (fromRegister(insn)) {
        return src === 0 && imm === 0 && off === 0 ? undefined : 'BPF_JA|BPF_X uses reserved fields';
      }
      const clean = src === 0 && dst === 0 && (narrow ? off : imm) === 0;
      return clean ? undefined : 'BPF_JA uses reserved fields';
    }
    case OP_MAY_GOTO: {
      const clean = !narrow && !fromRegister(insn) && src === 0 && dst === 0 && imm === 0;
      return clean ? undefined : `invalid may_goto imm ${imm}`;
    }
    default:
      return (fromRegister(insn) ? imm === 0 : src === 0) ? undefined : 'BPF_JMP/JMP32 uses reserved fields';
  }
}

function memory(insn: Insn): string | undefined {
  const { off, imm, src, dst } = insn;
  const mode = modeOf(insn);
  switch (classOf(insn.code)) {
    case CLASS.ldx:
      return (mode === MODE_MEM || mode === MODE_MEMSX) && imm === 0
        ? undefined
        : 'BPF_LDX uses reserved fields';
    case CLASS.stx:
      if (mode === MODE_ATOMIC) return undefined;
      return mode === MODE_MEM && imm === 0 ? undefined : 'BPF_STX uses reserved fields';
    case CLASS.st:
      return mode === MODE_MEM && src === 0 ? undefined : 'BPF_ST uses reserved fields';
    default: {
      if (mode === MODE_IMM) return undefined;
      const known = mode === MODE_ABS || mode === MODE_IND;
      if (!known) return 'invalid BPF_LD mode';
      const clean = dst === 0 && off === 0 && (insn.code & SIZE_DOUBLE) !== SIZE_DOUBLE;
      return clean && (mode === MODE_IND || src === 0) ? undefined : 'BPF_LD_[ABS|IND] uses reserved fields';
    }
  }
}

/** Refuses an instruction whose registers do not exist. */
export function checkRegisterNumbers(env: VerifierEnv, at: number): void {
  const insn = env.insns[at];
  for (const register of ['dst', 'src'] as const) {
    if (insn[register] < REGISTERS) continue;
    const named = stackArgumentAccess(insn);
    if (insn[register] === REGISTERS && named === (register === 'src' ? 'read' : 'write')) continue;
    reject(env, {
      code: 'invalid-register',
      category: 'Program Structure',
      errno: EINVAL,
      message: `R${insn[register]} is invalid`,
      insn: at,
    });
  }
}

/** Refuses an instruction that is no wide load for what its unused fields hold. */
export function checkFields(env: VerifierEnv, at: number): void {
  const insn = env.insns[at];
  const clazz = classOf(insn.code);
  const message =
    clazz === CLASS.alu || clazz === CLASS.alu64
      ? arithmetic(insn)
      : clazz === CLASS.jmp || clazz === CLASS.jmp32
        ? jump(insn)
        : memory(insn);
  if (message === undefined) return;
  reject(env, { code: 'reserved-fields', category: 'Program Structure', errno: EINVAL, message, insn: at });
}
