/**
 * Arithmetic on a pointer and a scalar: what is refused, and where the pointer may point then. Older kernels keep a fixed offset
 * beside the bounds of a variable one; newer ones add both into one number (`foldedOffset`).
 */
import type { Insn } from '../insn/insn';
import { asS64, S64_MAX, S64_MIN, U64_MAX } from '../util/u64';
import { arc64Of, setArc64 } from './arcEnds';
import { arcNegated, arcSum } from './arcs';
import { syncBounds, unbound32 } from './bounds';
import { hasFeature, newId, reject, type VerifierEnv } from './env';
import { EACCES, EINVAL } from './outcome';
import {
  changed,
  draft,
  type Draft,
  isPacketPointer,
  mayBeNull,
  PTR_UNTRUSTED,
  type RegState,
  UNKNOWN_SCALAR,
  withConst,
} from './regState';
import { argTypeName } from './typeText';
import { tnumAdd, tnumIsConst, tnumSub } from './tnum';

const CLASS_ALU = 4;
const SRC_REG = 0x08;
const OP_ADD = 0;
const OP_SUB = 1;
const OP_OR = 4;
const OP_AND = 5;
const OP_XOR = 10;
/** Offsets of pointers stay below this in magnitude. */
const MAX_VAR_OFF = 1n << 29n;

/** Operators as the kernel's messages print them, by opcode bits 4–7. */
export const SYMBOLS = [
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

export function badPointer(
  env: VerifierEnv,
  code: string,
  message: string,
  registers: number[],
  errno = EACCES,
): never {
  return reject(env, { code, category: 'Register Type Safety', errno, message, registers });
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
  // Of a scalar this is the distance from what it was copied from.
  const off = hasFeature(env, 'pointerOffsetFolded') ? 0n : BigInt(reg.off);
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
export function pointerAlu(
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
  const name = argTypeName(env, ptr);
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
  // The scalar register takes the pointer's identity, but nothing of its own.
  if (swapped) d.origin = -1;
  unbound32(d);
  // That a comparison with the packet's end was lost told of the pointer before it moved.
  if (env.features.packetEndForgotten && isPacketPointer(ptr) && d.range < 0) d.range = 0;
  if (op === OP_ADD) {
    addOffset(env, d, ptr, offset, known);
  } else if (op === OP_SUB) {
    if (swapped) {
      badPointer(env, 'pointer-arithmetic', `R${dst} tried to subtract pointer from scalar`, [dst]);
    }
    if (ptr.type === 'stack') {
      badPointer(env, 'pointer-arithmetic', `R${dst} subtraction from stack pointer prohibited`, [dst]);
    }
    subtractOffset(env, d, ptr, offset, known);
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

/**
 * The pointer with all of its offset in the bounds. Where these hold a variable part, newer kernels keep nothing beside them
 * (`addOffset`), so only a constant has to move.
 */
export const foldedOffset = (reg: RegState): RegState =>
  reg.off === 0 ? reg : changed(withConst(reg, asS64(reg.bits.value) + BigInt(reg.off)), { off: 0 });

/** Whether the fixed offset alone moves by a known number. */
const movesFixed = (env: VerifierEnv, ptr: RegState, known: boolean, moved: bigint): boolean =>
  known && fitsS32(moved) && (!env.features.pointerOffsetFolded || tnumIsConst(ptr.bits));

function addOffset(env: VerifierEnv, d: Draft, ptr: RegState, offset: RegState, known: boolean): void {
  const moved = BigInt(ptr.off) + offset.smin;
  if (movesFixed(env, ptr, known, moved)) {
    d.off = Number(moved);
    return;
  }
  if (env.features.pointerOffsetFolded) {
    const from = foldedOffset(ptr);
    d.off = 0;
    setArc64(d, arcSum(arc64Of(from), arc64Of(offset)));
    d.bits = tnumAdd(from.bits, offset.bits);
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
  }
  if (isPacketPointer(ptr) && !(known && env.features.pointerOffsetFolded)) {
    d.id = newId(env);
    d.range = 0;
  }
}

function subtractOffset(env: VerifierEnv, d: Draft, ptr: RegState, offset: RegState, known: boolean): void {
  const moved = BigInt(ptr.off) - offset.smin;
  if (movesFixed(env, ptr, known, moved)) {
    d.off = Number(moved);
    return;
  }
  if (env.features.pointerOffsetFolded) {
    const from = foldedOffset(ptr);
    d.off = 0;
    setArc64(d, arcSum(arc64Of(from), arcNegated(arc64Of(offset))));
    d.bits = tnumSub(from.bits, offset.bits);
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
  }
  if (isPacketPointer(ptr) && !(known && env.features.pointerOffsetFolded)) {
    d.id = newId(env);
    if (offset.smin < 0n) d.range = 0;
  }
}
