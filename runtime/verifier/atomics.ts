/** Atomic operations: read-modify-write in memory, with or without fetching the old value. */
import type { Insn } from '../insn/insn';
import { curFrame, reject, unknown, type VerifierEnv } from './env';
import { EACCES, EINVAL } from './outcome';
import { checkRegArg } from './regArgs';
import { regTypeName } from './regText';
import { RULES } from './rules';

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
  if ((insn.imm === LOAD_ACQUIRE || insn.imm === STORE_RELEASE) && env.features.loadAcquire) {
    unknown(env, 'load-acquire and store-release');
  }
  const structure = (message: string, code: string): never =>
    reject(env, { code, category: 'Program Structure', errno: EINVAL, message });
  if (!OPERATIONS.has(insn.imm)) {
    const text = (insn.imm >>> 0).toString(16).padStart(2, '0');
    structure(`BPF_ATOMIC uses invalid atomic opcode ${text}`, 'invalid-opcode');
  }
  const sizeBytes = insn.code === 0xdb ? 8 : insn.code === 0xc3 ? 4 : 0;
  if (sizeBytes === 0) return structure('invalid atomic operand size', 'invalid-opcode');
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
  const access = {
    insnIdx: env.insnIdx,
    regno: insn.dst,
    off: insn.off,
    sizeBytes,
    signExtend: false,
    strictAlignment: true,
  } as const;
  RULES.checkMemAccess(env, { ...access, kind: 'read', valueRegno: -1 });
  if (loaded >= 0) RULES.checkMemAccess(env, { ...access, kind: 'read', valueRegno: loaded });
  RULES.checkMemAccess(env, { ...access, kind: 'write', valueRegno: -1 });
}
