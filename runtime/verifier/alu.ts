/**
 * What ALU instructions demand and do: reserved fields, moves, scalar arithmetic, pointer arithmetic. The messages and
 * the order of checks are the kernel's. Precision: a scalar added to a pointer, or deciding anything, must be exact.
 */
import { arenaOf } from './arenas';
import type { Insn } from '../insn/insn';
import { asS64 } from '../util/u64';
import {
  assign32Into64,
  repaired,
  setKnown,
  setSubregKnown,
  signExtend,
  subregIsConst,
  syncBounds,
  unbound32,
} from './bounds';
import { tnumAdd, tnumIsConst, tnumSub, tnumSubreg } from './tnum';
import { curFrame, hasFeature, immediateOf, newId, reject, type VerifierEnv } from './env';
import { EACCES, EINVAL } from './outcome';
import { markPrecise } from './precision';
import { checkRegArg } from './regArgs';
import {
  changed,
  unlinked,
  draft,
  type Draft,
  PTR_UNTRUSTED,
  ADD_CONST,
  ADD_CONST32,
  addFlag,
  isPacketPointer,
  isPointer,
  knownScalar,
  mayBeNull,
  S32_MAX,
  S32_MIN,
  UNKNOWN_SCALAR,
  type RegState,
} from './regState';
import { typeName } from './regText';
import { linkForCopy } from './stackAccess';
import { byteSwap, scalarAlu, type ScalarOp } from './scalarAlu';
import { pushBranch } from './branches';
import { S64_MAX, S64_MIN, U64_MAX } from '../util/u64';

const CLASS_ALU = 4;
const CLASS_ALU64 = 7;
const SRC_REG = 0x08;
/** Offsets of pointers stay below this in magnitude. */
const MAX_VAR_OFF = 1n << 29n;

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

/** Operators as the kernel's messages print them, by opcode bits 4–7. */
const SYMBOLS = [
  '+=',
  '-=',
  '*=',
  '/=',
  '|=',
  '&=',
  '<<=',
  '>>=',
  'neg',
  '%=',
  '^=',
  '=',
  's>>=',
  'endian',
  '?',
  '?',
];

const opOf = (op: number): ScalarOp =>
  op === OP_MOD ? 'mod' : op === OP_XOR ? 'xor' : op === OP_ARSH ? 'arsh' : OPS[op];

function structure(env: VerifierEnv, message: string, code = 'reserved-fields'): never {
  return reject(env, { code, category: 'Program Structure', errno: EINVAL, message });
}

function badPointer(
  env: VerifierEnv,
  code: string,
  message: string,
  registers: number[],
  errno = EACCES,
): never {
  return reject(env, { code, category: 'Register Type Safety', errno, message, registers });
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
  let d: Draft;
  if (source.type !== 'scalar') {
    d = draft(UNKNOWN_SCALAR);
  } else {
    // The link survives a narrowing move only when the value cannot change by it.
    const kept =
      insn.off === 0
        ? f.linkNarrowMoves && fitsUnsigned(source, 32)
        : source.umax < 1n << BigInt(insn.off - 1);
    if (kept) linkForCopy(env, frame, insn.src);
    d = draft(frame.regs[insn.src]);
    if (!kept) {
      d.id = 0;
      d.off = 0;
    }
    if (insn.off !== 0) signExtend(d, insn.off >> 3, is64 ? 8 : 4);
  }
  if (!is64) {
    d.bits = tnumSubreg(d.bits);
    assign32Into64(d);
    syncBounds(d, f);
  }
  frame.regs[insn.dst] = d;
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
  const d = draft(before);
  scalarAlu(d, src, opOf(op), !is64, env.features, insn.off === 1);
  const delta = d.id === 0 || (fromReg && insn.src === insn.dst) ? undefined : linkDelta(env, op, src, is64);
  if (delta !== undefined && addFlag(d.id) === 0) {
    d.id = (d.id | (is64 ? ADD_CONST : ADD_CONST32)) >>> 0;
    d.off = delta;
  } else {
    d.id = 0;
    d.off = 0;
  }
  aux.aluDst = before;
  aux.aluSrc = src;
  aux.aluResult = frame.regs[insn.dst] = repaired(d, env.features);
}

/** By how much a sum or difference moves away from its linked origin; undefined: it is linked no more. */
function linkDelta(env: VerifierEnv, op: number, src: RegState, is64: boolean): number | undefined {
  const f = env.features;
  if (!f.linkedScalarWidths) {
    const small = tnumIsConst(src.bits) && src.bits.value <= 0x7fff_ffffn;
    return f.linkedScalarDelta && op === 0 && is64 && small ? Number(src.bits.value) : undefined;
  }
  if (op !== 0 && op !== 1) return undefined;
  if (is64 ? !tnumIsConst(src.bits) : !subregIsConst(src.bits)) return undefined;
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

const ARITHMETIC_TYPES: ReadonlySet<string> = new Set([
  'ctx',
  'mapValue',
  'mapKey',
  'stack',
  'packetMeta',
  'packet',
  'tpBuffer',
  'btfId',
  'mem',
  'buf',
  'func',
  'dynptrPtr',
]);

function checkSaneOffset(env: VerifierEnv, reg: RegState, name: string, registers: number[]): void {
  const fail = (message: string): never =>
    badPointer(env, 'pointer-offset-range', message, registers, EINVAL);
  const value = asS64(reg.bits.value);
  if (tnumIsConst(reg.bits) && (value >= MAX_VAR_OFF || value <= -MAX_VAR_OFF)) {
    fail(`math between ${name} pointer and ${value} is not allowed`);
  }
  const off = BigInt(reg.off);
  if (off >= MAX_VAR_OFF || off <= -MAX_VAR_OFF) fail(`${name} pointer offset ${reg.off} is not allowed`);
  if (reg.smin === S64_MIN) {
    fail(`math between ${name} pointer and register with unbounded min value is not allowed`);
  }
  if (reg.smin >= MAX_VAR_OFF || reg.smin <= -MAX_VAR_OFF) {
    fail(`value ${reg.smin} makes ${name} pointer be out of bounds`);
  }
}

/** Before and after the sum. Kernels that fold the fixed offset into the bounds look at where the pointer may be. */
function checkSanePointer(env: VerifierEnv, reg: RegState, name: string, registers: number[]): void {
  if (!hasFeature(env, 'pointerOffsetFolded')) return checkSaneOffset(env, reg, name, registers);
  const least = reg.smin + BigInt(reg.off);
  if (least < MAX_VAR_OFF && least > -MAX_VAR_OFF) return;
  badPointer(
    env,
    'pointer-offset-range',
    `${name} pointer offset ${least} is not allowed`,
    registers,
    EINVAL,
  );
}

const fitsS64 = (x: bigint): boolean => x >= S64_MIN && x <= S64_MAX;
const fitsS32 = (x: bigint): boolean => x >= -0x8000_0000n && x <= 0x7fff_ffffn;

/** Pointer plus or minus scalar: a constant moves the fixed offset, anything else the variable one. */
function pointerAlu(
  env: VerifierEnv,
  insn: Insn,
  op: number,
  ptr: RegState,
  offset: RegState,
  swapped: boolean,
): RegState {
  const dst = insn.dst;
  const known = tnumIsConst(offset.bits);
  if (
    (known && (offset.smin !== offset.smax || offset.umin !== offset.umax)) ||
    offset.smin > offset.smax ||
    offset.umin > offset.umax
  ) {
    return UNKNOWN_SCALAR; // contradictory bounds of a dead branch
  }
  if ((insn.code & 7) === CLASS_ALU) {
    if (op === 1) return UNKNOWN_SCALAR;
    badPointer(env, 'pointer-arithmetic', `R${dst} 32-bit pointer arithmetic prohibited`, [dst]);
  }
  const name = typeName(ptr.type, ptr.flags);
  if (mayBeNull(ptr)) {
    badPointer(
      env,
      'pointer-may-be-null',
      `R${dst} pointer arithmetic on ${name} prohibited, null-check it first`,
      [dst],
    );
  }
  // where memory that is not trusted is read does not matter
  if (ptr.type === 'mem' && (ptr.flags & PTR_UNTRUSTED) !== 0) return swapped ? offset : ptr;
  const allowed =
    ARITHMETIC_TYPES.has(ptr.type) ||
    (ptr.type === 'flowKeys' && known) ||
    ((ptr.type === 'mapPtr' || ptr.type === 'flowKeys') && known && offset.smin === 0n && op === 0);
  if (!allowed) {
    badPointer(env, 'pointer-arithmetic', `R${dst} pointer arithmetic on ${name} prohibited`, [dst]);
  }
  const operands = (insn.code & SRC_REG) !== 0 ? [insn.dst, insn.src] : [dst];
  checkSaneOffset(env, offset, name, operands);
  checkSanePointer(env, ptr, name, operands);

  const d = draft(ptr);
  if (swapped) {
    // The scalar register takes the pointer's identity, but nothing of its own.
    d.origin = -1;
  }
  unbound32(d);
  if (op === 0) {
    const moved = BigInt(ptr.off) + offset.smin;
    if (known && fitsS32(moved)) {
      d.off = Number(moved);
    } else {
      const smin = ptr.smin + offset.smin;
      const smax = ptr.smax + offset.smax;
      const fitsSigned = fitsS64(smin) && fitsS64(smax);
      d.smin = fitsSigned ? smin : S64_MIN;
      d.smax = fitsSigned ? smax : S64_MAX;
      const umax = ptr.umax + offset.umax;
      d.umin = umax > U64_MAX ? 0n : ptr.umin + offset.umin;
      d.umax = umax > U64_MAX ? U64_MAX : umax;
      d.bits = tnumAdd(ptr.bits, offset.bits);
      if (isPacketPointer(ptr)) {
        d.id = newId(env);
        d.range = 0;
      }
    }
  } else if (op === 1) {
    if (swapped) {
      badPointer(env, 'pointer-arithmetic', `R${dst} tried to subtract pointer from scalar`, [dst]);
    }
    if (ptr.type === 'stack') {
      badPointer(env, 'pointer-arithmetic', `R${dst} subtraction from stack pointer prohibited`, [dst]);
    }
    const moved = BigInt(ptr.off) - offset.smin;
    if (known && fitsS32(moved)) {
      d.off = Number(moved);
    } else {
      const smin = ptr.smin - offset.smax;
      const smax = ptr.smax - offset.smin;
      const fitsSigned = fitsS64(smin) && fitsS64(smax);
      d.smin = fitsSigned ? smin : S64_MIN;
      d.smax = fitsSigned ? smax : S64_MAX;
      const wraps = ptr.umin < offset.umax;
      d.umin = wraps ? 0n : ptr.umin - offset.umax;
      d.umax = wraps ? U64_MAX : ptr.umax - offset.umin;
      d.bits = tnumSub(ptr.bits, offset.bits);
      if (isPacketPointer(ptr)) {
        d.id = newId(env);
        if (offset.smin < 0n) d.range = 0;
      }
    }
  } else if (op === OP_AND || op === OP_OR || op === OP_XOR) {
    badPointer(env, 'pointer-arithmetic', `R${dst} bitwise operator ${SYMBOLS[op]} on pointer prohibited`, [
      dst,
    ]);
  } else {
    badPointer(
      env,
      'pointer-arithmetic',
      `R${dst} pointer arithmetic with ${SYMBOLS[op]} operator prohibited`,
      [dst],
    );
  }
  checkSanePointer(env, d, name, operands);
  syncBounds(d, env.features);
  return d;
}
