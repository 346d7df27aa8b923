/**
 * The walk: one instruction of the current path at a time, paths put aside resumed last first, until none is left or
 * the program is refused. `step` runs a bounded number of instructions, so that callers can pause and cancel.
 */
import type { Insn } from '../insn/insn';
import { helperId } from '../spec/helpers';
import { LDDW_SRC, OPCODES } from '../spec/opcodes';
import { checkAlu } from './alu';
import {
  closeStackArguments,
  readStackArgument,
  stackArgumentAccess,
  writeStackArgument,
} from './stackArguments';
import { checkAtomic } from './atomics';
import { pushBranch } from './branches';
import { callSubprog, returnToCaller } from './callStack';
import { isHelperCall, isKfuncCall, isLocalCall, isTailCall } from './callKinds';
import { calleeOf, subprogAt } from './cfg';
import { repaired } from './bounds';
import { curFrame, newId, reject, unknown, type VerifierEnv } from './env';
import { isStateVisited } from './explored';
import { pushHistory } from './history';
import { checkUnmodifiedPointer } from './contextAccess';
import { checkConditionalJump } from './jumps';
import { checkIndirectJump, isIndirectJump } from './jumpTables';
import { endPath } from './loopEntry';
import { E2BIG, EACCES, EFAULT, EINVAL } from './outcome';
import { isThrow, mayCallUnderLock } from './kfuncModel';
import { checkRegArg, clearCallerSaved } from './regArgs';
import { changed, knownScalar, pointer, UNKNOWN_SCALAR, type RegState } from './regState';
import { regTypeName } from './regText';
import { RULES } from './rules';
import { kernelVariable, symbolAddress } from './kernelVariables';
import { hasSpinLock } from './specialMapFields';
import { frameText, logChanges, logInsn } from './stateText';
import { endsLocked } from './exitChecks';
import { printAll } from './unprinted';

const MAX_PROCESSED = 1_000_000;
const SPIN_UNLOCK = 94;
const KPTR_XCHG = helperId('bpf_kptr_xchg');

const structure = (env: VerifierEnv, message: string, code = 'reserved-fields', errno = EINVAL): never =>
  reject(env, { code, category: 'Program Structure', errno, message });

const SIZES = [4, 2, 1, 8] as const;
const sizeOf = (code: number): 1 | 2 | 4 | 8 => SIZES[(code >> 3) & 3];
const MODE_MEM = 0x60;
const MODE_MEMSX = 0x80;
const MODE_ATOMIC = 0xc0;

/** Where the walk stands between two slices. */
export interface WalkState {
  /** Instruction processed last on this path, -1 at the start of a function. */
  prevInsnIdx: number;
  /** The next instruction starts a resumed path: its state is printed whole. */
  printState: boolean;
  done: boolean;
}

export const newWalk = (): WalkState => ({ prevInsnIdx: -1, printState: false, done: false });

/** Walks up to `maxInsns` instructions; true when no path is left. */
export function walk(env: VerifierEnv, at: WalkState, maxInsns: number): boolean {
  for (let n = 0; n < maxInsns; n++) {
    if (at.done) return true;
    walkOne(env, at);
  }
  return at.done;
}

function walkOne(env: VerifierEnv, at: WalkState): void {
  const { insns } = env;
  env.curHistory = null;
  env.prevInsnIdx = at.prevInsnIdx;
  if (env.insnIdx >= insns.length || env.insnIdx < 0) {
    structure(env, `invalid insn idx ${env.insnIdx} insn_cnt ${insns.length}`, 'falls-off-end', EFAULT);
  }
  const insn = insns[env.insnIdx];
  if (++env.processedInsns > MAX_PROCESSED) {
    reject(env, {
      code: 'too-complex',
      category: 'Policy',
      errno: E2BIG,
      message: `BPF program is too large. Processed ${env.processedInsns} insn`,
    });
  }
  const aux = env.aux[env.insnIdx];
  env.cur.lastInsnIdx = env.prevInsnIdx;
  const before = env.totalStates;
  if (aux.prunePoint && isStateVisited(env)) {
    if (env.log.level > 0) {
      env.log.message(
        at.printState ? `\nfrom ${env.prevInsnIdx} to ${env.insnIdx}: safe` : `${env.insnIdx}: safe`,
      );
    }
    finishPath(env, at);
    return;
  }
  // Older kernels remember a jump point only where no checkpoint was made.
  if (aux.jumpPoint && (env.features.longHistoryCheckpoint || env.totalStates === before)) pushHistory(env);

  const frame = curFrame(env);
  if (env.log.level > 0) {
    if (env.log.level === 2 && at.printState) {
      env.log.message(`\nfrom ${env.prevInsnIdx} to ${env.insnIdx}:${frameText(env, frame, true)}`);
      at.printState = false;
    }
    logInsn(env, frame);
  }
  aux.seen = true;
  at.prevInsnIdx = env.insnIdx;

  switch (insn.code & 7) {
    case 4:
    case 7:
      checkAlu(env, insn);
      env.insnIdx++;
      return;
    case 1:
      checkLoad(env, insn);
      env.insnIdx++;
      return;
    case 2:
    case 3:
      checkStore(env, insn);
      env.insnIdx++;
      return;
    case 0:
      checkWide(env, insn);
      return;
    default:
      env.jumpsProcessed++;
      checkJump(env, at, insn);
  }
}

/** The path is over; the last one put aside goes on. */
function finishPath(env: VerifierEnv, at: WalkState): void {
  env.cur.insnIdx = env.insnIdx;
  endPath(env, env.cur);
  const next = env.pending.pop();
  if (next === undefined) {
    at.done = true;
    return;
  }
  env.cur = next.state;
  env.insnIdx = next.insnIdx;
  at.prevInsnIdx = next.prevInsnIdx;
  printAll(env.unprinted);
  if (env.log.level === 1) env.log.cutTo(next.logPos);
  at.printState = true;
}

/** One instruction must always see the same kind of pointer where the kernel would rewrite it by kind. */
function rememberPointer(env: VerifierEnv, reg: RegState): void {
  const aux = env.aux[env.insnIdx];
  // The usual case, without making the name.
  if (aux.pointerFlags === reg.flags && aux.pointerClass === reg.type) return;
  const kind = regTypeName(reg);
  if (aux.pointerType === '') {
    aux.pointerType = kind;
    aux.pointerClass = reg.type;
    aux.pointerFlags = reg.flags;
    return;
  }
  if (aux.pointerType === kind) return;
  const strict = (type: string): boolean =>
    type === 'ctx' ||
    type === 'socket' ||
    type === 'sockCommon' ||
    type === 'tcpSock' ||
    type === 'xdpSock' ||
    type === 'btfId' ||
    type === 'arena';
  if (!strict(reg.type) && !strict(aux.pointerClass)) return;
  if (env.features.trustMismatchAllowed && reg.type === 'btfId' && aux.pointerClass === 'btfId') return;
  structure(env, 'same insn cannot be used with different pointers', 'mixed-pointers');
}

function checkLoad(env: VerifierEnv, insn: Insn): void {
  const mode = insn.code & 0xe0;
  if (mode !== MODE_MEM && !(mode === MODE_MEMSX && env.features.cpuV4)) {
    structure(env, `unknown opcode ${insn.code.toString(16).padStart(2, '0')}`, 'invalid-opcode');
  }
  if (env.features.stackArguments && stackArgumentAccess(insn) === 'read') {
    checkRegArg(env, insn.dst, 'dstNoMark');
    readStackArgument(env, insn);
    return;
  }
  checkRegArg(env, insn.src, 'src');
  checkRegArg(env, insn.dst, 'dstNoMark');
  const frame = curFrame(env);
  frame.preciseRegs &= ~(1 << insn.dst);
  const base = frame.regs[insn.src];
  RULES.checkMemAccess(env, {
    insnIdx: env.insnIdx,
    regno: insn.src,
    off: insn.off,
    sizeBytes: sizeOf(insn.code),
    kind: 'read',
    valueRegno: insn.dst,
    signExtend: mode === MODE_MEMSX,
    immediate: undefined,
    strictAlignment: false,
  });
  rememberPointer(env, base);
  frame.regs[insn.dst] = repaired(frame.regs[insn.dst], env.features);
}

function checkStore(env: VerifierEnv, insn: Insn): void {
  const mode = insn.code & 0xe0;
  const immediate = (insn.code & 7) === 2;
  if (!immediate && mode === MODE_ATOMIC) {
    const loads = env.features.loadAcquire && insn.imm === LOAD_ACQUIRE;
    const base = curFrame(env).regs[loads ? insn.src : insn.dst];
    checkAtomic(env, insn);
    if (loads || base?.type === 'arena') rememberPointer(env, base);
    return;
  }
  if (immediate) {
    if (mode !== MODE_MEM || insn.src !== 0) structure(env, 'BPF_ST uses reserved fields');
  } else {
    if (mode !== MODE_MEM || insn.imm !== 0) structure(env, 'BPF_STX uses reserved fields');
    checkRegArg(env, insn.src, 'src');
  }
  if (env.features.stackArguments && stackArgumentAccess(insn) === 'write') {
    writeStackArgument(env, insn);
    return;
  }
  checkRegArg(env, insn.dst, 'src');
  const base = curFrame(env).regs[insn.dst];
  if (immediate && base.type === 'ctx' && !env.features.ctxImmediateStores) {
    reject(env, {
      code: 'context-access',
      category: 'Memory Safety',
      errno: EACCES,
      message: `BPF_ST stores into R${insn.dst} ${regTypeName(base)} is not allowed`,
      registers: [insn.dst],
    });
  }
  RULES.checkMemAccess(env, {
    insnIdx: env.insnIdx,
    regno: insn.dst,
    off: insn.off,
    sizeBytes: sizeOf(insn.code),
    kind: 'write',
    valueRegno: immediate ? -1 : insn.src,
    signExtend: false,
    immediate: immediate ? insn.imm : undefined,
    strictAlignment: false,
  });
  rememberPointer(env, base);
}

const LDDW = 0x18;
const LOAD_ACQUIRE = 0x100;

/** 64-bit immediates, and the old packet loads. */
function checkWide(env: VerifierEnv, insn: Insn): void {
  const mode = insn.code & 0xe0;
  if (mode === 0x20 || mode === 0x40) {
    checkPacketLoad(env, insn);
    return;
  }
  if (mode !== 0) structure(env, 'invalid BPF_LD mode', 'invalid-opcode');
  if (insn.code !== LDDW) structure(env, 'invalid BPF_LD_IMM insn', 'invalid-opcode');
  if (insn.off !== 0) structure(env, 'BPF_LD_IMM64 uses reserved fields');
  checkRegArg(env, insn.dst, 'dstNoMark');
  const frame = curFrame(env);
  frame.preciseRegs &= ~(1 << insn.dst);
  frame.regs[insn.dst] = env.aux[env.insnIdx].immediate ?? wideValue(env, insn);
  env.insnIdx += 2;
}

/** Kept as the instruction's immediate where it is the same each time. */
function wideValue(env: VerifierEnv, insn: Insn): RegState {
  const always = (value: RegState): RegState => (env.aux[env.insnIdx].immediate = value);
  const reference = env.program.references.get(env.insnIdx);
  switch (reference?.kind) {
    case undefined:
      if (insn.src === 0) {
        const high = BigInt(env.insns[env.insnIdx + 1].imm >>> 0);
        return always(knownScalar((high << 32n) | BigInt(insn.imm >>> 0)));
      }
      if (insn.src === LDDW_SRC.btfId) return kernelVariable(env, `${insn.imm}`, insn.imm);
      if (insn.src === 4) return functionAddress(env);
      return unknown(env, `an lddw of kind ${insn.src} without a symbol`);
    case 'map':
      return always(pointer('mapPtr', { map: env.maps[reference.map] }));
    case 'mapValue': {
      const map = env.maps[reference.map];
      if (map.type === 'BPF_MAP_TYPE_ARENA') return UNKNOWN_SCALAR;
      const value = pointer('mapValue', { map, off: reference.offset });
      return !env.features.mapValueWithoutId && hasSpinLock(env, map)
        ? changed(value, { id: newId(env) })
        : always(value);
    }
    case 'subprog':
      return functionAddress(env);
    case 'ksym':
      if (!reference.typed) return symbolAddress(env, reference.name);
      if (reference.btfId === 0 && reference.weak) return knownScalar(0n);
      return kernelVariable(env, reference.name, reference.btfId);
    default:
      return unknown(env, `an lddw that refers to a ${reference?.kind ?? 'nothing'}`);
  }
}

function functionAddress(env: VerifierEnv): RegState {
  const subprog = subprogAt(env, calleeOf(env, env.insnIdx));
  const refuse = (code: string, message: string): never =>
    reject(env, { code, category: 'Call Type Safety', errno: EINVAL, message });
  if (subprog < 0) return unknown(env, 'the address of no function');
  if (env.subprogs.every((s) => s.btfId === 0)) refuse('callback-without-btf', 'missing btf func_info');
  if (env.subprogs[subprog].linkage !== 'static')
    refuse('callback-not-static', 'callback function not static');
  if (subprog === 0) refuse('callback-is-main', 'callback function cannot be the main program');
  return pointer('func', { subprog });
}

const LD_ABS_TYPES: ReadonlySet<string> = new Set([
  'BPF_PROG_TYPE_SOCKET_FILTER',
  'BPF_PROG_TYPE_SCHED_CLS',
  'BPF_PROG_TYPE_SCHED_ACT',
]);

/** LD_ABS and LD_IND: R6 is the context, the packet bytes come in R0; reading past the end leaves the function. */
function checkPacketLoad(env: VerifierEnv, insn: Insn): void {
  if (!LD_ABS_TYPES.has(env.program.type)) {
    structure(env, 'BPF_LD_[ABS|IND] instructions not allowed for this program type', 'packet-load');
  }
  const { frames } = env.cur;
  if (env.features.globalNamesInMessages && frames.some((f, n) => n > 0 && f.inCallback)) {
    structure(env, 'cannot use BPF_LD_[ABS|IND] within callback', 'packet-load');
  }
  const indirect = (insn.code & 0xe0) === 0x40;
  if (insn.dst !== 0 || insn.off !== 0 || sizeOf(insn.code) === 8 || (!indirect && insn.src !== 0)) {
    structure(env, 'BPF_LD_[ABS|IND] uses reserved fields');
  }
  checkRegArg(env, 6, 'src');
  endsLocked(env, 'packetLoad');
  const frame = curFrame(env);
  if (frame.regs[6].type !== 'ctx') {
    structure(env, 'at the time of BPF_LD_ABS|IND R6 != pointer to skb', 'packet-load');
  }
  if (indirect) checkRegArg(env, insn.src, 'src');
  checkUnmodifiedPointer(env, frame.regs[6], 6, false);
  clearCallerSaved(env);
  frame.regs[0] = UNKNOWN_SCALAR;
  if (frames.length > 1) {
    pushBranch(env, env.insnIdx + 1, env.insnIdx);
    frame.regs[0] = knownScalar(0n);
    env.insnIdx = returnToCaller(env);
    return;
  }
  env.insnIdx++;
}

const OP_JA = 0;
const OP_CALL = 8;
const OP_EXIT = 9;
const SRC_REG = 0x08;

function checkJump(env: VerifierEnv, at: WalkState, insn: Insn): void {
  const narrow = (insn.code & 7) === 6;
  const byReg = (insn.code & SRC_REG) !== 0;
  switch (insn.code >> 4) {
    case OP_CALL:
      checkCall(env, at, insn, narrow || byReg);
      return;
    case OP_JA:
      if (env.features.indirectJumps && isIndirectJump(insn)) {
        checkIndirectJump(env, insn);
        return;
      }
      if (byReg || insn.src !== 0 || insn.dst !== 0 || (narrow ? insn.off !== 0 : insn.imm !== 0)) {
        structure(env, 'BPF_JA uses reserved fields');
      }
      env.insnIdx += 1 + (narrow ? insn.imm : insn.off);
      return;
    case OP_EXIT:
      if (byReg || insn.imm !== 0 || insn.src !== 0 || insn.dst !== 0 || narrow) {
        structure(env, 'BPF_EXIT uses reserved fields');
      }
      checkExit(env, at);
      return;
    default: {
      const taken = checkConditionalJump(env, insn);
      if (env.log.level > 0 && insn.code !== OPCODES.mayGoto.code) logChanges(env, curFrame(env));
      env.insnIdx += taken ? 1 + insn.off : 1;
    }
  }
}

function checkCall(env: VerifierEnv, at: WalkState, insn: Insn, malformed: boolean): void {
  if (malformed || insn.src > 2 || insn.dst !== 0 || (insn.src !== 2 && insn.off !== 0)) {
    structure(env, 'BPF_CALL uses reserved fields');
  }
  if (env.cur.activeLock !== null) {
    const allowed =
      (isHelperCall(insn) && insn.imm === SPIN_UNLOCK) ||
      (isHelperCall(insn) && insn.imm === KPTR_XCHG && env.features.moreCallsUnderLock) ||
      (isLocalCall(insn) && env.features.callsUnderLock) ||
      (isKfuncCall(insn) && mayCallUnderLock(env, env.insnIdx));
    if (!allowed) {
      reject(env, {
        code: 'call-under-lock',
        category: 'Execution Context Safety',
        errno: EINVAL,
        message: 'function calls are not allowed while holding a lock',
      });
    }
  }
  closeStackArguments(env);
  if (isLocalCall(insn)) {
    env.insnIdx = callSubprog(env, env.insnIdx);
    env.unprinted.regs |= 1;
    return;
  }
  env.enterAfterCall = null;
  if (isKfuncCall(insn)) {
    RULES.checkKfuncCall(env, env.insnIdx, insn);
    if (isThrow(env, env.insnIdx)) {
      endsLocked(env, 'throw');
      finishPath(env, at);
      return;
    }
  } else RULES.checkHelperCall(env, env.insnIdx, insn);
  if (env.features.logShowsKfuncs || isHelperCall(insn)) env.unprinted.regs |= 1;
  if (isTailCall(insn) && env.cur.frames.length > 1) {
    if (env.features.tailCallEndsFunction) {
      leaveByTailCall(env);
      return;
    }
  }
  if (env.enterAfterCall !== null) {
    const callee: ReturnType<typeof curFrame> = env.enterAfterCall;
    env.cur.frames.push(callee);
    env.enterAfterCall = null;
    env.insnIdx = env.subprogs[callee.subprog].start;
    return;
  }
  env.insnIdx++;
}

/** A tail call that succeeds ends its function: the other program's result, some number, is what the caller gets. */
function leaveByTailCall(env: VerifierEnv): void {
  pushBranch(env, env.insnIdx + 1, env.insnIdx);
  curFrame(env).regs[0] = UNKNOWN_SCALAR;
  env.insnIdx = returnToCaller(env);
}

function checkExit(env: VerifierEnv, at: WalkState): void {
  endsLocked(env, 'exit');
  if (env.cur.frames.length > 1) {
    env.insnIdx = returnToCaller(env);
    at.printState = true;
    return;
  }
  RULES.checkReturnValue(env, curFrame(env), 0);
  finishPath(env, at);
}
