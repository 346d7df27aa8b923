/**
 * The program's context: which fields a program of this type may load or store, at which sizes, and what a load yields
 * (a number, a packet pointer, a socket, a typed kernel pointer). Facts come from `spec/ctxFields.ts`.
 */
import { CTX_RIGHTS, fieldAt, SYSCALL_CTX_MAX_BYTES, type CtxFieldKind } from '../spec/ctxFields';
import { progTypeByName } from '../spec/progTypes';
import { hasFeature, newId, reject, setReg, unknown, type VerifierEnv } from './env';
import { argumentAt } from './typedArguments';
import { loadedScalar } from './memoryAccessBounds';
import { EACCES } from './outcome';
import { MAYBE_NULL, pointer, type RegState } from './regState';
import { argTypeName } from './typeText';
import type { MemAccess } from './seams';
import { bitsText } from './bitsText';
import { tnumIsConst } from './tnum';

/** A pointer that may only be used as it came: no variable offset, and (unless `fixedOk`) no fixed one. */
export function checkUnmodifiedPointer(
  env: VerifierEnv,
  reg: RegState,
  regno: number,
  fixedOk: boolean,
): void {
  const word = argTypeName(env, reg);
  let message: string | undefined;
  if (reg.off < 0) message = `negative offset ${word} ptr R${regno} off=${reg.off} disallowed`;
  else if (!fixedOk && reg.off !== 0) {
    message = `dereference of modified ${word} ptr R${regno} off=${reg.off} disallowed`;
  } else if (!tnumIsConst(reg.bits) || reg.bits.value !== 0n) {
    message = `variable ${word} access var_off=${bitsText(env, reg.bits)} disallowed`;
  }
  if (message === undefined) return;
  reject(env, {
    code: 'modified-pointer',
    category: 'Register Type Safety',
    errno: EACCES,
    message,
    registers: [regno],
    facts: { type: word, off: reg.off },
  });
}

const invalid = (env: VerifierEnv, access: MemAccess, off: number, field: string): never =>
  reject(env, {
    code: 'context-access',
    category: 'Policy',
    errno: EACCES,
    message: `invalid bpf_context access off=${off} size=${access.sizeBytes}`,
    registers: [access.regno],
    facts: { off, sizeBytes: access.sizeBytes, field, kind: access.kind, programType: env.program.type },
  });

/** What a load of a field yields. */
const LOADED: Readonly<Record<CtxFieldKind, ((env: VerifierEnv) => RegState) | null>> = {
  scalar: null,
  packet: () => pointer('packet'),
  packetMeta: () => pointer('packetMeta'),
  packetEnd: () => pointer('packetEnd'),
  socket: (env) => pointer('sockCommon', { flags: MAYBE_NULL, id: newId(env) }),
  flowKeys: () => pointer('flowKeys'),
  padding: null,
};

function checkStructField(env: VerifierEnv, access: MemAccess, off: number): void {
  const rights = CTX_RIGHTS[env.program.type];
  const { sizeBytes } = access;
  if (rights === undefined) return unknown(env, `context of ${env.program.type}`);
  if (off < 0 || off >= rights.struct.sizeBytes || off % sizeBytes !== 0)
    return invalid(env, access, off, '');
  const field = fieldAt(rights.struct, off);
  if (field === undefined) return invalid(env, access, off, '');
  const needed = rights.onlyFor?.[field.name];
  if (needed !== undefined && env.program.attachType !== needed) return invalid(env, access, off, field.name);
  if (rights.hidden.includes(field.name)) return invalid(env, access, off, field.name);
  if (access.kind === 'write' && !rights.writable.includes(field.name))
    return invalid(env, access, off, field.name);
  const whole = off === field.offset && sizeBytes === field.sizeBytes;
  const inside = off + sizeBytes <= field.offset + field.sizeBytes;
  const sizeOk =
    field.access === 'words' ? inside : field.access === 'narrow' && access.kind === 'read' ? inside : whole;
  if (!sizeOk) return invalid(env, access, off, field.name);
  const isPointer = LOADED[field.kind] !== null;
  if (isPointer && access.signExtend && field.kind !== 'socket') return invalid(env, access, off, field.name);
  if (access.kind === 'write' || access.valueRegno < 0) return;
  const made = LOADED[field.kind];
  setReg(env, access.valueRegno, made === null ? loadedScalar(sizeBytes, access.signExtend) : made(env));
}

/** Plain bytes (`syscall` programs): any aligned access below the limit. */
function checkBytes(env: VerifierEnv, access: MemAccess, off: number): void {
  if (off < 0 || off >= SYSCALL_CTX_MAX_BYTES || off % access.sizeBytes !== 0) invalid(env, access, off, '');
  if (access.kind === 'read' && access.valueRegno >= 0) {
    setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
  }
}

/** Untyped 64-bit words: tracepoint records (after the common header) and raw tracepoint arguments. */
function checkWords(env: VerifierEnv, access: MemAccess, off: number): void {
  if (env.program.type === 'BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE' && off === 0) {
    return unknown(env, 'writable tracepoint buffers');
  }
  const record = env.program.type === 'BPF_PROG_TYPE_TRACEPOINT';
  const [from, to] = record ? [8, 8192] : [0, 12 * 8];
  if (record && off >= 2048) unknown(env, 'tracepoint records of more than 2048 bytes');
  if (access.kind === 'write' || off < from || off >= to || off % access.sizeBytes !== 0)
    invalid(env, access, off, '');
  if (access.valueRegno >= 0)
    setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
}

export function checkContextAccess(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  const row = progTypeByName(env.program.type);
  const bytes = row?.context === 'bytes' && hasFeature(env, 'syscallCtxAnyOffset');
  if (bytes) return unknownOffsetBytes(env, access, reg);
  checkUnmodifiedPointer(env, reg, access.regno, false);
  const off = access.off + reg.off;
  switch (row?.context) {
    case 'xdp_md':
    case '__sk_buff':
      return checkStructField(env, access, off);
    case 'bytes':
      return checkBytes(env, access, off);
    case 'words':
      return checkWords(env, access, off);
    case 'args':
      if (off < 0 || off >= 12 * 8 || off % access.sizeBytes !== 0 || access.kind === 'write')
        return invalid(env, access, off, '');
      if (access.valueRegno >= 0) setReg(env, access.valueRegno, argumentAt(env, off, access));
      return;
    case 'other':
      return checkOther(env, access, off);
    case undefined:
      return unknown(env, `context of ${env.program.type}`);
  }
}

/** `struct pt_regs` of x86-64: 21 words. */
const PT_REGS_BYTES = 168;

/** Contexts without a field table: the registers of a probe are judged, the rest is not modelled. */
function checkOther(env: VerifierEnv, access: MemAccess, off: number): void {
  if (env.program.type !== 'BPF_PROG_TYPE_KPROBE') return unknown(env, `context of ${env.program.type}`);
  const { sizeBytes } = access;
  if (access.kind === 'write' && hasFeature(env, 'uprobeWrites'))
    return unknown(env, 'writes to the registers of a probe');
  if (access.kind === 'write' || off < 0 || off % sizeBytes !== 0 || off + sizeBytes > PT_REGS_BYTES) {
    invalid(env, access, off, '');
  }
  if (access.valueRegno >= 0) setReg(env, access.valueRegno, loadedScalar(sizeBytes, access.signExtend));
}

/** Kernels that let `syscall` programs use the context at any offset; the variable part must be bounded. */
function unknownOffsetBytes(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  if (!tnumIsConst(reg.bits)) return unknown(env, 'variable offsets into the context');
  checkBytes(env, access, access.off + reg.off + Number(BigInt.asIntN(64, reg.bits.value)));
}
