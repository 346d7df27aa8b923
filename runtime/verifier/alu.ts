/**
 * What ALU instructions demand and do: reserved fields, moves, scalar arithmetic; pointers' is in `pointerAlu.ts`. The messages and
 * the order of checks are the kernel's. Precision: a scalar added to a pointer, or deciding anything, must be exact.
 */
import { arenaOf } from './arenas';
import type { Insn } from '../insn/insn';
import {
  assign32Into64,
  repaired,
  setKnown,
  setSubregKnown,
  signExtend,
  subregIsConst,
  syncBounds,
} from './bounds';
import { tnumIsConst, tnumSubreg } from './tnum';
import { curFrame, immediateOf, reject, type FeatureFlags, type VerifierEnv } from './env';
import { EINVAL } from './outcome';
import { badPointer, pointerAlu, SYMBOLS } from './pointerAlu';
import { markPrecise } from './precision';
import { checkRegArg } from './regArgs';
import {
  changed,
  unlinked,
  draft,
  type Draft,
  ADD_CONST,
  ADD_CONST32,
  addFlag,
  isPointer,
  knownScalar,
  sameNumbers,
  setNumbers,
  S32_MAX,
  S32_MIN,
  UNKNOWN_SCALAR,
  type RegState,
} from './regState';
import { linkForCopy } from './stackAccess';
import { byteSwap, scalarAlu, type ScalarOp } from './scalarAlu';
import { pushBranch } from './branches';

const CLASS_ALU64 = 7;
const SRC_REG = 0x08;
const OPS: readonly ScalarOp[] = [
  'add',
  'sub',
  'mul',
  'div',
  'or',
  'and',
  'lsh',
  'rsh',
  'mod',
  'mod',
  'xor',
  'mod',
  'arsh',
];
const OP_DIV = 3;
const OP_OR = 4;
const OP_AND = 5;
const OP_LSH = 6;
const OP_RSH = 7;
const OP_NEG = 8;
const OP_MOD = 9;
const OP_XOR = 10;
const OP_MOV = 11;
const OP_ARSH = 12;
const OP_END = 13;

const opOf = (op: number): ScalarOp =>
  op === OP_MOD ? 'mod' : op === OP_XOR ? 'xor' : op === OP_ARSH ? 'arsh' : OPS[op];

function structure(env: VerifierEnv, message: string, code = 'reserved-fields'): never {
  return reject(env, { code, category: 'Program Structure', errno: EINVAL, message });
}

/** One ALU instruction. */
export function checkAlu(env: VerifierEnv, insn: Insn): void {
  const op = insn.code >> 4;
  if (op === OP_END || op === OP_NEG) checkUnary(env, insn, op);
  else if (op === OP_MOV) checkMove(env, insn);
  else if (op > OP_END)
    structure(env, `invalid BPF_ALU opcode ${(insn.code & 0xf0).toString(16)}`, 'invalid-opcode');
  else {
    checkBinary(env, insn, op);
    return;
  }
  const frame = curFrame(env);
  frame.regs[insn.dst] = repaired(frame.regs[insn.dst], env.features);
}

function checkUnary(env: VerifierEnv, insn: Insn, op: number): void {
  const is64 = (insn.code & 7) === CLASS_ALU64;
  if (op === OP_NEG) {
    if ((insn.code & SRC_REG) !== 0 || insn.src !== 0 || insn.off !== 0 || insn.imm !== 0) {
      structure(env, 'BPF_NEG uses reserved fields');
    }
  } else if (
    insn.src !== 0 ||
    insn.off !== 0 ||
    (insn.imm !== 16 && insn.imm !== 32 && insn.imm !== 64) ||
    (is64 && ((insn.code & SRC_REG) !== 0 || !env.features.cpuV4))
  ) {
    structure(env, 'BPF_END uses reserved fields');
  }
  checkRegArg(env, insn.dst, 'src');
  const before = curFrame(env).regs[insn.dst];
  checkRegArg(env, insn.dst, 'dst');
  if (env.features.negRange && op === OP_NEG && before.type === 'scalar') {
    const d = draft(knownScalar(0n));
    scalarAlu(d, before, 'sub', !is64, env.features);
    curFrame(env).regs[insn.dst] = d;
  } else if (env.features.byteSwapBits && op === OP_END && before.type === 'scalar') {
    const d = draft(unlinked(before));
    // Little-endian order is the machine's own: only the upper bytes go.
    byteSwap(d, insn.imm as 16 | 32 | 64, is64 || (insn.code & SRC_REG) !== 0, env.features);
    curFrame(env).regs[insn.dst] = d;
  }
}

/** How many low bits the largest value needs. */
const fitsUnsigned = (reg: RegState, bits: number): boolean => reg.umax >> BigInt(bits) === 0n;

/** Immediates of casts: a user's address becomes one of the arena, and the other way round. */
const TO_ARENA = 1;
const FROM_ARENA = 1 << 16;

function checkAddressCast(env: VerifierEnv, insn: Insn): void {
  if (insn.imm !== TO_ARENA && insn.imm !== FROM_ARENA)
    structure(env, 'addr_space_cast insn can only convert between address space 1 and 0');
  if (arenaOf(env) === undefined) {
    structure(
      env,
      'addr_space_cast insn can only be used in a program that has an associated arena',
      'cast-without-arena',
    );
  }
}

function checkMove(env: VerifierEnv, insn: Insn): void {
  const is64 = (insn.code & 7) === CLASS_ALU64;
  const fromReg = (insn.code & SRC_REG) !== 0;
  const f = env.features;
  if (fromReg) {
    const widths = !f.cpuV4
      ? insn.off === 0
      : insn.off === 0 || insn.off === 8 || insn.off === 16 || (is64 && insn.off === 32);
    const cast = is64 && insn.off === 1 && f.mayGoto;
    if (cast) checkAddressCast(env, insn);
    else if (!widths || insn.imm !== 0) structure(env, 'BPF_MOV uses reserved fields');
    checkRegArg(env, insn.src, 'src');
  } else if (insn.src !== 0 || insn.off !== 0) {
    structure(env, 'BPF_MOV uses reserved fields');
  }
  checkRegArg(env, insn.dst, 'dstNoMark');
  const frame = curFrame(env);
  const bit = 1 << insn.dst;
  if (fromReg && (frame.preciseRegs & (1 << insn.src)) !== 0) frame.preciseRegs |= bit;
  else frame.preciseRegs &= ~bit;
  if (!fromReg) {
    frame.regs[insn.dst] =
      is64 || insn.imm >= 0 ? immediateOf(env, insn) : knownScalar(BigInt(insn.imm >>> 0));
    return;
  }
  const source = frame.regs[insn.src];
  if (is64 && insn.imm !== 0) {
    frame.preciseRegs &= ~bit;
    frame.regs[insn.dst] =
      insn.imm === TO_ARENA ? changed(UNKNOWN_SCALAR, { type: 'arena' }) : UNKNOWN_SCALAR;
    return;
  }
  if (is64 && insn.off === 0) {
    frame.regs[insn.dst] = linkForCopy(env, frame, insn.src);
    return;
  }
  if (source.type !== 'scalar') {
    const d = draft(UNKNOWN_SCALAR);
    if (!is64) zeroHighHalf(d, f);
    frame.regs[insn.dst] = d;
    return;
  }
  // The link survives a narrowing move only when the value cannot change by it.
  const kept =
    insn.off === 0 ? f.linkNarrowMoves && fitsUnsigned(source, 32) : source.umax < 1n << BigInt(insn.off - 1);
  if (kept) linkForCopy(env, frame, insn.src);
  const d = draft(frame.regs[insn.src]);
  if (!kept) {
    d.id = 0;
    d.off = 0;
  }
  moveLowBytes(env, insn, source, d, is64);
  frame.regs[insn.dst] = d;
}

function zeroHighHalf(d: Draft, f: FeatureFlags): void {
  d.bits = tnumSubreg(d.bits);
  assign32Into64(d);
  syncBounds(d, f);
}

/** What a move of some low bytes makes of the value of `source`, which `d` is a copy of; remembered by value. */
function moveLowBytes(env: VerifierEnv, insn: Insn, source: RegState, d: Draft, is64: boolean): void {
  const aux = env.aux[env.insnIdx];
  if (aux.aluDst !== null && aux.aluResult !== null && sameNumbers(aux.aluDst, source)) {
    setNumbers(d, aux.aluResult);
    return;
  }
  if (insn.off !== 0) signExtend(d, insn.off >> 3, is64 ? 8 : 4);
  if (!is64) zeroHighHalf(d, env.features);
  aux.aluDst = source;
  aux.aluResult = d;
}

function checkBinary(env: VerifierEnv, insn: Insn, op: number): void {
  const is64 = (insn.code & 7) === CLASS_ALU64;
  const fromReg = (insn.code & SRC_REG) !== 0;
  const offOk = insn.off === 0 || (env.features.cpuV4 && insn.off === 1 && (op === OP_DIV || op === OP_MOD));
  if (fromReg) {
    if (insn.imm !== 0 || !offOk) structure(env, 'BPF_ALU uses reserved fields');
    checkRegArg(env, insn.src, 'src');
  } else if (insn.src !== 0 || !offOk) {
    structure(env, 'BPF_ALU uses reserved fields');
  }
  checkRegArg(env, insn.dst, 'src');
  if ((op === OP_MOD || op === OP_DIV) && !fromReg && insn.imm === 0) {
    structure(env, 'div by zero', 'division-by-zero');
  }
  if ((op === OP_LSH || op === OP_RSH || op === OP_ARSH) && !fromReg) {
    if (insn.imm < 0 || insn.imm >= (is64 ? 64 : 32)) {
      structure(env, `invalid shift ${insn.imm}`, 'invalid-shift');
    }
  }
  checkRegArg(env, insn.dst, 'dstNoMark');

  const frame = curFrame(env);
  const dst = frame.regs[insn.dst];
  const src = fromReg ? frame.regs[insn.src] : immediateOf(env, insn);
  // whatever is computed with an address in an arena, the outcome is used as one
  if (dst.type === 'arena' || src.type === 'arena') {
    if (dst.type !== 'arena') frame.regs[insn.dst] = src;
    return;
  }
  if (isPointer(dst) || isPointer(src)) {
    if (isPointer(dst) && isPointer(src)) {
      if (op === 1) {
        frame.regs[insn.dst] = UNKNOWN_SCALAR;
        return;
      }
      badPointer(env, 'pointer-arithmetic', `R${insn.dst} pointer ${SYMBOLS[op]} pointer prohibited`, [
        insn.dst,
      ]);
    }
    if (isPointer(src)) markPrecise(env, insn.dst);
    else if (fromReg) markPrecise(env, insn.src);
    // Marking may replace register objects in the frame; read them again.
    const ptr = isPointer(src) ? src : dst;
    const offset = isPointer(src) ? dst : src;
    frame.regs[insn.dst] = repaired(pointerAlu(env, insn, op, ptr, offset, isPointer(src)), env.features);
    return;
  }
  // Only older kernels' zero loads make a register of the current state precise.
  if (fromReg && (frame.preciseRegs & (1 << insn.dst)) !== 0) markPrecise(env, insn.src);
  if (env.features.forkOnSignMask && (op === OP_AND || op === OP_OR) && tnumIsConst(src.bits)) {
    forkOnSignMask(env, insn.dst);
  }
  const before = frame.regs[insn.dst];
  const aux = env.aux[env.insnIdx];
  if (aux.aluResult !== null && aux.aluDst === before && aux.aluSrc === src) {
    frame.regs[insn.dst] = aux.aluResult;
    return;
  }
  const { aluDst, aluSrc, aluResult } = aux;
  const isKnown =
    aluResult !== null &&
    aluDst !== null &&
    aluSrc !== null &&
    sameNumbers(aluDst, before) &&
    sameNumbers(aluSrc, src);
  const d = draft(before);
  if (isKnown) setNumbers(d, aluResult);
  else scalarAlu(d, src, opOf(op), !is64, env.features, insn.off === 1);
  const delta =
    d.id === 0 || (fromReg && insn.src === insn.dst) ? undefined : linkDelta(env, op, before, src, is64);
  if (delta !== undefined && addFlag(d.id) === 0) {
    d.id |= is64 ? ADD_CONST : ADD_CONST32;
    d.off = delta;
  } else {
    d.id = 0;
    d.off = 0;
  }
  aux.aluDst = before;
  aux.aluSrc = src;
  aux.aluResult = frame.regs[insn.dst] = isKnown ? d : repaired(d, env.features);
}

/** By how much a sum or difference moves away from its linked origin; undefined: it is linked no more. */
function linkDelta(
  env: VerifierEnv,
  op: number,
  dst: RegState,
  src: RegState,
  is64: boolean,
): number | undefined {
  const f = env.features;
  if (!f.linkedScalarWidths) {
    const small = tnumIsConst(src.bits) && src.bits.value <= 0x7fff_ffffn;
    return f.linkedScalarDelta && op === 0 && is64 && small ? Number(src.bits.value) : undefined;
  }
  if (op !== 0 && op !== 1) return undefined;
  // A sum of 32 bits loses the upper half: the origin must not have had any.
  if (is64 ? !tnumIsConst(src.bits) : !subregIsConst(src.bits) || dst.umax > 0xffff_ffffn) return undefined;
  const value = BigInt.asIntN(is64 ? 64 : 32, src.bits.value);
  const delta = op === 0 ? value : -value;
  return value === BigInt(S32_MIN) && op === 1
    ? undefined
    : delta >= BigInt(S32_MIN) && delta <= BigInt(S32_MAX)
      ? Number(delta)
      : undefined;
}

/**
 * A value known to be 0 or -1 (an arithmetic shift's outcome used as a mask): both are explored apart, the path goes
 * on with -1 and 0 is put aside to execute this instruction again.
 */
function forkOnSignMask(env: VerifierEnv, regno: number): void {
  const frame = curFrame(env);
  const reg = frame.regs[regno];
  const wide = reg.smin === -1n && reg.smax === 0n;
  if (!wide && !(reg.s32min === -1 && reg.s32max === 0)) return;
  const set = (value: number): RegState => {
    const d = draft(reg);
    if (wide) setKnown(d, BigInt(value));
    else setSubregKnown(d, value);
    return d;
  };
  const other = pushBranch(env, env.insnIdx, env.insnIdx);
  other.frames[other.frames.length - 1].regs[regno] = set(0);
  frame.regs[regno] = set(-1);
}
