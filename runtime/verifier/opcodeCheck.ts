/** Instruction by instruction, before the program's flow is looked at: opcodes that the kernel does not know, maps that are named. */
import { resolveModifiers, sizeOfType } from '../btf/query';
import { CLASS, classOf, LDDW_SRC, OPCODES, type OpcodeRow } from '../spec/opcodes';
import { reject, type VerifierEnv } from './env';
import { checkFields, checkRegisterNumbers } from './fieldCheck';
import { EBADF, EINVAL, ENOENT, EPROTO } from './outcome';

const LDDW = OPCODES.lddw.code;
const MODE_MEM = 0x60;
const MODE_MEMSX = 0x80;

const rows: readonly OpcodeRow[] = Object.values(OPCODES);

/** Opcode bytes by the first kernel feature that brought them. */
function knownOpcodes(env: VerifierEnv): ReadonlySet<number> {
  const { features } = env;
  const known = new Set<number>();
  for (const row of rows) {
    if (row.kind === 'callx' || (row.kind === 'gotox' && !features.indirectJumps)) continue;
    if (row.kind === 'mayGoto' && !features.mayGoto) continue;
    if ((row.kind === 'loadAcquire' || row.kind === 'storeRelease') && !features.loadAcquire) continue;
    // Of version 4 these have opcode bytes of their own; the rest is told apart by other fields.
    const isNewByte = row.cpu === 4 && (row.kind === 'endian' || row.kind === 'loadSigned');
    if (isNewByte && !features.cpuV4) continue;
    known.add(row.code);
  }
  return known;
}

/** A wide load that names a map by a number of the loading process, for which the object has no symbol. */
function checkWideLoad(env: VerifierEnv, at: number): void {
  const { src, off, imm } = env.insns[at];
  const next = env.insns[at + 1];
  const refuse = (code: string, message: string, errno = EINVAL): never =>
    reject(env, { code, category: 'Program Structure', errno, message, insn: at });
  if (next === undefined || next.code !== 0 || next.dst !== 0 || next.src !== 0 || next.off !== 0) {
    refuse('invalid-wide-load', 'invalid bpf_ld_imm64 insn');
  }
  if (off !== 0 && env.features.fieldsCheckedFirst) {
    refuse('reserved-fields', 'BPF_LD_IMM64 uses reserved fields');
  }
  if (src > LDDW_SRC.mapIdxValue) refuse('invalid-wide-load', 'unrecognized bpf_ld_imm64 insn');
  if (src === LDDW_SRC.btfId) return checkKernelSymbol(env, at);
  const byIndex = src === LDDW_SRC.mapIdx || src === LDDW_SRC.mapIdxValue;
  const byDescriptor = src === LDDW_SRC.mapFd || src === LDDW_SRC.mapValue;
  if (env.program.references.has(at) || !(byIndex || byDescriptor)) return;
  const wholeMap = src === LDDW_SRC.mapFd || src === LDDW_SRC.mapIdx;
  if (wholeMap && next.imm !== 0) refuse('invalid-wide-load', 'unrecognized bpf_ld_imm64 insn');
  if (byIndex) refuse('map-without-object', 'fd_idx without fd_array is invalid', EPROTO);
  // Whatever else the loading process has open is no map of this object.
  refuse('map-without-object', `fd ${imm} is not pointing to valid bpf_map`, EBADF);
}

/** A wide load of the address of something in the kernel, by its number in the kernel's type information. */
function checkKernelSymbol(env: VerifierEnv, at: number): void {
  const { imm } = env.insns[at];
  const refuse = (message: string, errno = EINVAL): never =>
    reject(env, { code: 'kernel-symbol', category: 'Program Structure', errno, message, insn: at });
  // a bare program brings no modules along
  if (env.object.bare === true && env.insns[at + 1].imm !== 0)
    refuse('invalid module BTF object FD specified.');
  const btf = env.kernelBtf;
  if (btf === undefined) return;
  const symbol = env.object.bare === true && imm >= (btf.modulesFrom ?? imm + 1) ? undefined : btf.types[imm];
  if (symbol === undefined) return refuse(`ldimm64 insn specifies invalid btf_id ${imm}.`, ENOENT);
  const functions = env.features.functionAddresses;
  if (symbol.kind !== 'var' && !(functions && symbol.kind === 'func'))
    return refuse(`pseudo btf_id ${imm} in ldimm64 isn't KIND_VAR${functions ? ' or KIND_FUNC' : '.'}`);
  if (symbol.kind === 'func') return;
  const typeId = resolveModifiers(btf, symbol.type);
  if (sizeOfType(btf, typeId) === undefined)
    refuse(`ldimm64 unable to resolve the size of type '${btf.types[typeId].name}': -${EINVAL}`);
}

/** Line information may not point at the second half of a wide load, nor at anything else that is no instruction. */
export function checkLines(env: VerifierEnv): void {
  const at = env.program.lines.findIndex((line) => env.insns[line.insnIdx]?.code === 0);
  if (at < 0) return;
  reject(env, {
    code: 'line-without-instruction',
    category: 'Program Structure',
    errno: EINVAL,
    message: `Invalid insn code at line_info[${at}].insn_off`,
    insn: env.program.lines[at].insnIdx,
  });
}

export function checkOpcodes(env: VerifierEnv, checkNamedMap: (slot: number) => void): void {
  const known = knownOpcodes(env);
  const { insns } = env;
  const fieldsFirst = env.features.fieldsCheckedFirst;
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i];
    if (fieldsFirst) checkRegisterNumbers(env, i);
    else if (classOf(insn.code) === CLASS.ldx) checkLoad(env, i);
    if (insn.code === LDDW) {
      checkWideLoad(env, i);
      checkNamedMap(i);
      i++;
      continue;
    }
    if (!known.has(insn.code)) {
      reject(env, {
        code: 'invalid-opcode',
        category: 'Program Structure',
        errno: EINVAL,
        message: `unknown opcode ${insn.code.toString(16).padStart(2, '0')}`,
        insn: i,
      });
    }
    if (fieldsFirst) checkFields(env, i);
  }
}

/** Kernels that leave the other fields to the walk look at those of loads at once. */
function checkLoad(env: VerifierEnv, at: number): void {
  const insn = env.insns[at];
  const mode = insn.code & 0xe0;
  if ((mode === MODE_MEM || (mode === MODE_MEMSX && env.features.cpuV4)) && insn.imm === 0) return;
  reject(env, {
    code: 'reserved-fields',
    category: 'Program Structure',
    errno: EINVAL,
    message: 'BPF_LDX uses reserved fields',
    insn: at,
  });
}
