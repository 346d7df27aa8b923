/**
 * One load or store: which rule applies follows from what the address register points at. Stack mechanics are the
 * engine's; packets, contexts and map values have files of their own.
 * Evidence: fixtures `access-*` of test/fixtures/verifier.
 */
import { hasFeature, regOf, reject, setReg, type VerifierEnv } from './env';
import { checkContextAccess } from './contextAccess';
import {
  checkBufferAccess,
  checkKernelStructAccess,
  checkMapStructAccess,
  checkTracepointBuffer,
} from './memoryAccessKernel';
import { checkFlowKeysAccess, checkSocketAccess } from './socketAccess';
import { isInsnArray } from './jumpTables';
import { checkMapValueAccess } from './memoryAccessMap';
import { checkRegionAccess, loadedScalar } from './memoryAccessBounds';
import { EACCES } from './outcome';
import { checkPacketLoadStore } from './packetAccess';
import { MAYBE_NULL, MEM_RDONLY, mayBeNull, PTR_UNTRUSTED, type RegState, type RegType } from './regState';
import { regTypeName } from './regText';
import { argTypeName } from './typeText';
import type { MemAccess } from './seams';
import { readStack, writeStack } from './stackAccess';
import { bitsText } from './bitsText';
import { tnumAdd, tnumConst, tnumIsAligned, tnumIsZero } from './tnum';

type AccessRule = (env: VerifierEnv, access: MemAccess, reg: RegState) => void;

const ALIGN_WORDS: Readonly<Partial<Record<RegType, string>>> = {
  flowKeys: 'flow keys ',
  mapKey: 'key ',
  mapValue: 'value ',
  ctx: 'context ',
  stack: 'stack ',
  socket: 'sock ',
  sockCommon: 'sock_common ',
  tcpSock: 'tcp_sock ',
  xdpSock: 'xdp_sock ',
};

/** Alignment: stack accesses always, everything when the program asks for strict alignment or the access is atomic. */
export function checkAlignment(
  env: VerifierEnv,
  regno: number,
  off: number,
  sizeBytes: number,
  strict: boolean,
): void {
  const reg = regOf(env, regno);
  if (sizeBytes === 1 || reg.type === 'arena') return;
  const entry = reg.type === 'mapValue' && reg.map !== null && isInsnArray(reg.map);
  if (!(strict || env.strictAlignment || reg.type === 'stack' || entry)) return;
  // The usual place, which needs no big integers.
  if (reg.type === 'stack' && tnumIsZero(reg.bits) && ((reg.off + off) & (sizeBytes - 1)) === 0) return;
  const packet = reg.type === 'packet' || reg.type === 'packetMeta';
  // Ethernet frames start two bytes off alignment
  const base = packet ? 2 : 0;
  const folded = hasFeature(env, 'pointerOffsetFolded');
  // a number's offset is its distance from another number; older kernels take it for a pointer's
  const own = folded && reg.type === 'scalar' ? 0 : reg.off;
  const total = tnumAdd(reg.bits, tnumConst(BigInt.asUintN(64, BigInt(base + own + off))));
  if (tnumIsAligned(total, sizeBytes)) return;
  const place = folded
    ? `${bitsText(env, tnumAdd(reg.bits, tnumConst(BigInt.asUintN(64, BigInt(own)))))}+${off}`
    : `${bitsText(env, reg.bits)}+${reg.off}+${off}`;
  reject(env, {
    code: 'misaligned-access',
    category: 'Memory Safety',
    errno: EACCES,
    message: packet
      ? `misaligned packet access off 2+${place} size ${sizeBytes}`
      : `misaligned ${(reg.flags & MAYBE_NULL) === 0 ? (ALIGN_WORDS[reg.type] ?? '') : ''}access off ${place} size ${sizeBytes}`,
    registers: [regno],
    facts: { sizeBytes, off: reg.off + off },
  });
}

/** The register cannot be dereferenced at all. */
export function rejectDereference(env: VerifierEnv, regno: number): never {
  const reg = regOf(env, regno);
  return reject(env, {
    code: mayBeNull(reg) ? 'null-dereference' : 'not-a-pointer',
    category: mayBeNull(reg) ? 'Memory Safety' : 'Register Type Safety',
    errno: EACCES,
    message: `R${regno} invalid mem access '${argTypeName(env, reg)}'`,
    registers: [regno],
    facts: { type: regTypeName(reg), map: reg.map?.name ?? '' },
  });
}

function rejectWrite(env: VerifierEnv, regno: number): never {
  const reg = regOf(env, regno);
  return reject(env, {
    code: 'write-to-read-only',
    category: 'Memory Safety',
    errno: EACCES,
    message: `R${regno} cannot write into ${regTypeName(reg)}`,
    registers: [regno],
    facts: { type: regTypeName(reg) },
  });
}

/** After an allowed load of plain data: the destination is a number of that size. */
function setLoaded(env: VerifierEnv, access: MemAccess): void {
  if (access.kind === 'read' && access.valueRegno >= 0) {
    setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
  }
}

const RULE_BY_TYPE: Readonly<Record<RegType, AccessRule>> = {
  notInit: (env, access) => rejectDereference(env, access.regno),
  scalar: (env, access) => rejectDereference(env, access.regno),
  packetEnd: (env, access) => rejectDereference(env, access.regno),
  func: (env, access) => rejectDereference(env, access.regno),
  insn: (env, access) => rejectDereference(env, access.regno),
  dynptrPtr: (env, access) => rejectDereference(env, access.regno),
  mapKey: (env, access, reg) => {
    if (access.kind === 'write') {
      reject(env, {
        code: 'write-to-map-key',
        category: 'Memory Safety',
        errno: EACCES,
        message: `write to change key R${access.regno} not allowed`,
        registers: [access.regno],
        facts: { map: reg.map?.name ?? '' },
      });
    }
    checkRegionAccess(
      env,
      access.regno,
      access.off + reg.off,
      access.sizeBytes,
      reg.map?.keySizeBytes ?? 0,
      false,
    );
    setLoaded(env, access);
  },
  mapValue: checkMapValueAccess,
  ctx: checkContextAccess,
  stack: (env, access) => {
    if (access.kind === 'read') readStack(env, access);
    else writeStack(env, access);
  },
  packet: checkPacketLoadStore,
  packetMeta: checkPacketLoadStore,
  mem: (env, access, reg) => {
    if (access.kind === 'write' && (reg.flags & MEM_RDONLY) !== 0) rejectWrite(env, access.regno);
    // what is not trusted is read with care, wherever it points
    if ((reg.flags & PTR_UNTRUSTED) === 0)
      checkRegionAccess(env, access.regno, access.off + reg.off, access.sizeBytes, reg.memSize, false);
    setLoaded(env, access);
  },
  socket: checkSocketAccess,
  sockCommon: checkSocketAccess,
  tcpSock: checkSocketAccess,
  xdpSock: checkSocketAccess,
  mapPtr: checkMapStructAccess,
  btfId: checkKernelStructAccess,
  flowKeys: checkFlowKeysAccess,
  tpBuffer: checkTracepointBuffer,
  buf: checkBufferAccess,
  // the kernel maps all that such a pointer can reach: faults are caught
  arena: (env, access) => {
    if (access.kind === 'read' && access.valueRegno >= 0)
      setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
  },
};

/** The kernel's rules that apply whatever the pointer: alignment first, then NULL, then the type's own. */
export function checkMemAccess(env: VerifierEnv, access: MemAccess): void {
  const reg = regOf(env, access.regno);
  checkAlignment(env, access.regno, access.off, access.sizeBytes, access.strictAlignment);
  if (mayBeNull(reg)) rejectDereference(env, access.regno);
  RULE_BY_TYPE[reg.type](env, access, reg);
}
