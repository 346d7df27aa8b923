/**
 * The program's context: which fields a program of this type may load or store, at which sizes, and what a load yields
 * (a number, a packet pointer, a socket, a typed kernel pointer). Facts come from `spec/ctxFields.ts`.
 */
import { findType } from '../btf/query';
import { fieldAt, sizeFits, type CtxField, type CtxFieldKind } from '../spec/ctxField';
import { CTX_RIGHTS, SYSCALL_CTX_MAX_BYTES } from '../spec/ctxFields';
import { isSince } from '../spec/profile';
import { isContextAsItIs, progTypeByName } from '../spec/progTypes';
import { asS64, asU64 } from '../util/u64';
import { hasFeature, newId, reject, setReg, unknown, type VerifierEnv } from './env';
import { argumentAt } from './typedArguments';
import { checkRegionAccess, loadedScalar } from './memoryAccessBounds';
import { EACCES } from './outcome';
import { MAYBE_NULL, pointer, PTR_TRUSTED, type RegState } from './regState';
import { argTypeName } from './typeText';
import type { MemAccess } from './seams';
import { bitsText } from './bitsText';
import { tnumAdd, tnumConst, tnumIsConst } from './tnum';

/** A pointer that may only be used as it came: no variable offset, and (unless `fixedOk`) no fixed one. */
export function checkUnmodifiedPointer(
  env: VerifierEnv,
  reg: RegState,
  regno: number,
  fixedOk: boolean,
): void {
  const word = argTypeName(env, reg);
  let message: string | undefined;
  if (hasFeature(env, 'pointerOffsetFolded')) {
    const bits = tnumAdd(reg.bits, tnumConst(asU64(BigInt(reg.off))));
    const off = asS64(bits.value);
    if (!tnumIsConst(bits)) message = `variable ${word} access var_off=${bitsText(env, bits)} disallowed`;
    else if (off < 0n) message = `negative offset ${word} ptr R${regno} off=${off} disallowed`;
    else if (!fixedOk && off !== 0n)
      message = `dereference of modified ${word} ptr R${regno} off=${off} disallowed`;
  } else if (reg.off < 0) message = `negative offset ${word} ptr R${regno} off=${reg.off} disallowed`;
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

/** What a load of a field yields; null: a number. */
const LOADED: Readonly<Record<CtxFieldKind, ((env: VerifierEnv, field: CtxField) => RegState) | null>> = {
  scalar: null,
  packet: () => pointer('packet'),
  packetMeta: () => pointer('packetMeta'),
  packetEnd: () => pointer('packetEnd'),
  socket: (env) => pointer('sockCommon', { flags: MAYBE_NULL, id: newId(env) }),
  fullSocket: () => pointer('socket'),
  fullSocketOrNull: (env) => pointer('socket', { flags: MAYBE_NULL, id: newId(env) }),
  kernelStruct: trustedStruct,
  tracepointBuffer: () => pointer('tpBuffer'),
  flowKeys: () => pointer('flowKeys'),
  padding: null,
};

function trustedStruct(env: VerifierEnv, field: CtxField): RegState {
  const btf = env.kernelBtf;
  const btfId = btf === undefined ? 0 : findType(btf, field.struct ?? '', 'struct');
  if (btfId === 0) return unknown(env, `kernel type information (struct ${field.struct ?? ''})`);
  return pointer('btfId', { btfId, btfOf: 'kernel', flags: PTR_TRUSTED });
}

function checkStructField(env: VerifierEnv, access: MemAccess, off: number): void {
  const rights = CTX_RIGHTS[env.program.type];
  const { sizeBytes } = access;
  if (rights === undefined) return unknown(env, `context of ${env.program.type}`);
  if (off < 0 || off >= rights.struct.sizeBytes || off % sizeBytes !== 0)
    return invalid(env, access, off, '');
  const field = fieldAt(rights.struct, off);
  if (field === undefined) return invalid(env, access, off, '');
  const attachType = env.program.attachType ?? '';
  const { name } = field;
  const visible =
    isSince(env.profile, field.since) &&
    rights.onlyFor?.[name]?.includes(attachType) !== false &&
    !rights.hidden.includes(name);
  const allowed =
    access.kind === 'read' ||
    (rights.writable.includes(name) && rights.writableFor?.[name]?.includes(attachType) !== false);
  if (!visible || !allowed || !sizeFits(field, off, sizeBytes, access.kind))
    return invalid(env, access, off, name);
  const made = LOADED[field.kind];
  // loads of eight bytes have no sign to extend
  if (made !== null && access.signExtend && sizeBytes !== 8) return invalid(env, access, off, name);
  if (access.kind === 'write' || access.valueRegno < 0) return;
  setReg(
    env,
    access.valueRegno,
    made === null ? loadedScalar(sizeBytes, access.signExtend) : made(env, field),
  );
}

/** Plain bytes (`syscall` programs): any access below the limit, an aligned one before newest kernels. */
function checkBytes(env: VerifierEnv, access: MemAccess, off: number): void {
  const odd = off % access.sizeBytes !== 0 && !hasFeature(env, 'syscallCtxAnyOffset');
  if (off < 0 || off >= SYSCALL_CTX_MAX_BYTES || odd) invalid(env, access, off, '');
  if (access.kind === 'read' && access.valueRegno >= 0) {
    setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
  }
}

/** Untyped 64-bit words: tracepoint records (after the common header) and raw tracepoint arguments. */
function checkWords(env: VerifierEnv, access: MemAccess, off: number): void {
  const record = env.program.type === 'BPF_PROG_TYPE_TRACEPOINT';
  const [from, to] = record ? [8, 8192] : [0, 12 * 8];
  if (access.kind === 'write' || off < from || off >= to || off % access.sizeBytes !== 0)
    invalid(env, access, off, '');
  if (access.valueRegno >= 0)
    setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
}

export function checkContextAccess(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  const row = progTypeByName(env.program.type);
  const bytes = row?.context === 'bytes' && hasFeature(env, 'syscallCtxAnyOffset');
  if (bytes) return unknownOffsetBytes(env, access, reg);
  const movable = hasFeature(env, 'ctxFixedOffsets') && isContextAsItIs(env.program.type);
  checkUnmodifiedPointer(env, reg, access.regno, movable);
  const off = access.off + reg.off + Number(asS64(reg.bits.value));
  switch (row?.context) {
    case 'xdp_md':
    case '__sk_buff':
    case 'struct':
      return checkStructField(env, access, off);
    case 'bytes':
      return checkBytes(env, access, off);
    case 'words':
      return checkWords(env, access, off);
    case 'args':
      if (off < 0 || off >= 12 * 8 || off % access.sizeBytes !== 0) return invalid(env, access, off, '');
      if (access.kind === 'write') {
        if (row.contextWritable !== true) return invalid(env, access, off, '');
        argumentAt(env, off, access);
        return;
      }
      if (access.valueRegno >= 0) setReg(env, access.valueRegno, argumentAt(env, off, access));
      return;
    case 'registers':
      return checkRegisters(env, access, off);
    case 'other':
    case undefined:
      return unknown(env, `context of ${env.program.type}`);
  }
}

/** `struct pt_regs` of x86-64: 21 words. */
const PT_REGS_BYTES = 168;

/** The registers of a probe. */
function checkRegisters(env: VerifierEnv, access: MemAccess, off: number): void {
  const { sizeBytes } = access;
  const closed = access.kind === 'write' && !hasFeature(env, 'uprobeWrites');
  if (closed || off < 0 || off % sizeBytes !== 0 || off + sizeBytes > PT_REGS_BYTES) {
    invalid(env, access, off, '');
  }
  if (access.kind === 'read' && access.valueRegno >= 0)
    setReg(env, access.valueRegno, loadedScalar(sizeBytes, access.signExtend));
}

/** Kernels that let `syscall` programs use the context at any offset; the variable part must be bounded. */
function unknownOffsetBytes(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  const off = access.off + reg.off;
  checkRegionAccess(env, access.regno, off, access.sizeBytes, SYSCALL_CTX_MAX_BYTES, false);
  checkBytes(env, access, off + Number(BigInt.asIntN(64, reg.umax)));
}
