/** Atomic operations: read-modify-write in memory, with or without fetching the old value. */
import type { Insn } from '../insn/insn';
import { curFrame, reject, type VerifierEnv } from './env';
import { EACCES, EINVAL } from './outcome';
import { checkRegArg } from './regArgs';
import { PTR_UNTRUSTED, type RegState } from './regState';
import { regTypeName } from './regText';
import { RULES } from './rules';
import type { MemAccess } from './seams';

const FETCH = 1;
const XCHG = 0xe1;
const CMPXCHG = 0xf1;
const OPERATIONS: ReadonlySet<number> = new Set([
  0x00,
  0x01,
  0x50,
  0x51,
  0x40,
  0x41,
  0xa0,
  0xa1,
  XCHG,
  CMPXCHG,
]);
/** Sizes that only ordered loads and stores have. */
const NARROW: Readonly<Record<number, 1 | 2>> = { 0xcb: 2, 0xd3: 1 };
const LOAD_ACQUIRE = 0x100;
const STORE_RELEASE = 0x110;

const NOT_ATOMIC: ReadonlySet<string> = new Set([
  'ctx',
  'packet',
  'packetMeta',
  'flowKeys',
  'socket',
  'sockCommon',
  'tcpSock',
  'xdpSock',
]);

/** The compiler for x86 has no code for these that catches faults: AND, OR, XOR that fetch. */
const NOT_IN_ARENA: ReadonlySet<number> = new Set([0x51, 0x41, 0xa1]);

export function checkAtomic(env: VerifierEnv, insn: Insn): void {
  const structure = (message: string, code: string): never =>
    reject(env, { code, category: 'Program Structure', errno: EINVAL, message });
  const ordered = (insn.imm === LOAD_ACQUIRE || insn.imm === STORE_RELEASE) && env.features.loadAcquire;
  if (!ordered && !OPERATIONS.has(insn.imm)) {
    const text = (insn.imm >>> 0).toString(16).padStart(2, '0');
    structure(`BPF_ATOMIC uses invalid atomic opcode ${text}`, 'invalid-opcode');
  }
  const sizeBytes = insn.code === 0xdb ? 8 : insn.code === 0xc3 ? 4 : ordered ? (NARROW[insn.code] ?? 0) : 0;
  if (sizeBytes === 0) return structure('invalid atomic operand size', 'invalid-opcode');
  if (insn.imm === LOAD_ACQUIRE) return loadAcquire(env, insn, sizeBytes);
  if (insn.imm === STORE_RELEASE) return storeRelease(env, insn, sizeBytes);
  checkRegArg(env, insn.src, 'src');
  checkRegArg(env, insn.dst, 'src');
  if (insn.imm === CMPXCHG) checkRegArg(env, 0, 'src');
  const base = curFrame(env).regs[insn.dst];
  if (NOT_ATOMIC.has(base.type) || (base.type === 'arena' && NOT_IN_ARENA.has(insn.imm))) {
    reject(env, {
      code: 'atomic-target',
      category: 'Memory Safety',
      errno: EACCES,
      message: `BPF_ATOMIC stores into R${insn.dst} ${regTypeName(base)} is not allowed`,
      registers: [insn.dst],
    });
  }
  const loaded = (insn.imm & FETCH) === 0 ? -1 : insn.imm === CMPXCHG ? 0 : insn.src;
  if (loaded >= 0) checkRegArg(env, loaded, 'dst');
  RULES.checkMemAccess(env, atomicAccess(env, insn, sizeBytes, insn.dst, 'read', -1));
  if (loaded >= 0) RULES.checkMemAccess(env, atomicAccess(env, insn, sizeBytes, insn.dst, 'read', loaded));
  RULES.checkMemAccess(env, atomicAccess(env, insn, sizeBytes, insn.dst, 'write', -1));
}

function refuseTarget(env: VerifierEnv, regno: number, verb: string, base: RegState): never {
  return reject(env, {
    code: 'atomic-target',
    category: 'Memory Safety',
    errno: EACCES,
    message: `BPF_ATOMIC ${verb} R${regno} ${regTypeName(base)} is not allowed`,
    registers: [regno],
  });
}

const atomicAccess = (
  env: VerifierEnv,
  insn: Insn,
  sizeBytes: 1 | 2 | 4 | 8,
  regno: number,
  kind: 'read' | 'write',
  valueRegno: number,
): MemAccess => ({
  insnIdx: env.insnIdx,
  regno,
  off: insn.off,
  sizeBytes,
  kind,
  valueRegno,
  signExtend: false,
  immediate: undefined,
  strictAlignment: true,
});

/** A load with which later accesses wait. */
function loadAcquire(env: VerifierEnv, insn: Insn, sizeBytes: 1 | 2 | 4 | 8): void {
  checkRegArg(env, insn.src, 'src');
  const base = curFrame(env).regs[insn.src];
  const plain = base.type === 'btfId' && base.flags === 0;
  if (NOT_ATOMIC.has(base.type) || plain || (base.flags & PTR_UNTRUSTED) !== 0)
    refuseTarget(env, insn.src, 'loads from', base);
  checkRegArg(env, insn.dst, 'dstNoMark');
  curFrame(env).preciseRegs &= ~(1 << insn.dst);
  RULES.checkMemAccess(env, atomicAccess(env, insn, sizeBytes, insn.src, 'read', insn.dst));
}

/** A store that waits for earlier accesses. */
function storeRelease(env: VerifierEnv, insn: Insn, sizeBytes: 1 | 2 | 4 | 8): void {
  checkRegArg(env, insn.src, 'src');
  checkRegArg(env, insn.dst, 'src');
  const base = curFrame(env).regs[insn.dst];
  RULES.checkMemAccess(env, atomicAccess(env, insn, sizeBytes, insn.dst, 'write', insn.src));
  if (NOT_ATOMIC.has(base.type)) refuseTarget(env, insn.dst, 'stores into', base);
}
