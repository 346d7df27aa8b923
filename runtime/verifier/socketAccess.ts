/**
 * Loads through socket pointers and flow keys: the structs are those of `spec/ctxStructs.ts`, which the kernel translates field by field.
 * Not here: sockets as typed kernel pointers (`memoryAccessKernel.ts`).
 * Evidence: fixtures `sockets-*` and `contexts-*` of test/fixtures/verifier.
 */
import { fieldAt, sizeFits } from '../spec/ctxField';
import { BPF_SOCK, BPF_TCP_SOCK, BPF_XDP_SOCK, FULL_SOCKET_FIELDS } from '../spec/ctxStructs';
import { hasFeature, reject, setReg, type VerifierEnv } from './env';
import { loadedScalar } from './memoryAccessBounds';
import { EACCES, EFAULT, EINVAL } from './outcome';
import type { RegState } from './regState';
import { regTypeName } from './regText';
import type { MemAccess } from './seams';

const STRUCTS = {
  socket: BPF_SOCK,
  sockCommon: BPF_SOCK,
  tcpSock: BPF_TCP_SOCK,
  xdpSock: BPF_XDP_SOCK,
} as const;

/** Accesses that pass the walk, but that the kernel cannot translate afterwards: the first of them refuses the program. */
export function checkTranslation(env: VerifierEnv): void {
  if (env.untranslatable !== null) reject(env, env.untranslatable);
}

export function checkSocketAccess(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  const { regno, sizeBytes } = access;
  const refuse = (code: string, message: string): never =>
    reject(env, {
      code,
      category: 'Memory Safety',
      errno: EACCES,
      message,
      registers: [regno],
      facts: { type: regTypeName(reg), off: access.off + reg.off, sizeBytes },
    });
  if (access.kind === 'write') {
    refuse('write-to-read-only', `R${regno} cannot write into ${regTypeName(reg)}`);
  }
  if (reg.smin < 0n) {
    refuse(
      'negative-offset',
      `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`,
    );
  }
  const off = access.off + reg.off;
  const struct = STRUCTS[reg.type as keyof typeof STRUCTS];
  const field = off < 0 || off % sizeBytes !== 0 ? undefined : fieldAt(struct, off);
  const hidden =
    field === undefined ||
    field.kind === 'padding' ||
    (reg.type === 'sockCommon' && FULL_SOCKET_FIELDS.has(field.name));
  if (hidden || !sizeFits(field, off, sizeBytes, 'read')) {
    refuse('socket-access', `R${regno} invalid ${regTypeName(reg)} access off=${off} size=${sizeBytes}`);
  }
  if (field?.access === 'highHalf' && off !== field.offset) {
    const newText = hasFeature(env, 'translationBugText');
    const fault = {
      code: 'socket-access',
      category: 'Memory Safety',
      errno: newText ? EFAULT : EINVAL,
      message: newText
        ? 'verifier bug: error during ctx access conversion (0)'
        : 'bpf verifier is misconfigured',
      registers: [regno],
      facts: { type: regTypeName(reg), off, sizeBytes },
      insn: env.insnIdx,
    } as const;
    if (env.untranslatable === null || env.insnIdx < env.untranslatable.insn) env.untranslatable = fault;
  }
  if (access.valueRegno >= 0) setReg(env, access.valueRegno, loadedScalar(sizeBytes, access.signExtend));
}

/** Bytes of `struct bpf_flow_keys`, all of which may be read and written. */
const FLOW_KEYS_BYTES = 56;

export function checkFlowKeysAccess(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  const off = access.off + reg.off;
  if (off < 0 || off + access.sizeBytes > FLOW_KEYS_BYTES) {
    reject(env, {
      code: 'flow-keys-access',
      category: 'Memory Safety',
      errno: EACCES,
      message: `invalid access to flow keys off=${off} size=${access.sizeBytes}`,
      registers: [access.regno],
      facts: { off, sizeBytes: access.sizeBytes },
    });
  }
  if (access.kind === 'read' && access.valueRegno >= 0) {
    setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
  }
}
