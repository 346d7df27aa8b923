/**
 * Translates a program's slots to the flat form that the hot loop switches on, once per program and set of breakpoints.
 * Nothing here is machine state: it can be thrown away and made again at any time.
 *
 * Behind the last slot stands a trap for running past the end, then one trap for every jump that leaves the program:
 * the loop needs no bounds check, and the fault still names the jump.
 */
import { isWide, wideImmediate } from '../insn/decode';
import type { Insn } from '../insn/insn';
import { opcodeOf, rowOf, type OpcodeName, type OpcodeRow } from '../spec/opcodes';
import { Operation } from './operation';

/** The operation that executes each instruction; a table row without one does not compile. */
const OPERATION_OF: { readonly [Name in OpcodeName]: Operation } = {
  add32Imm: Operation.add32Imm,
  add32Reg: Operation.add32Reg,
  add64Imm: Operation.add64Imm,
  add64Reg: Operation.add64Reg,
  sub32Imm: Operation.sub32Imm,
  sub32Reg: Operation.sub32Reg,
  sub64Imm: Operation.sub64Imm,
  sub64Reg: Operation.sub64Reg,
  mul32Imm: Operation.mul32Imm,
  mul32Reg: Operation.mul32Reg,
  mul64Imm: Operation.mul64Imm,
  mul64Reg: Operation.mul64Reg,
  div32Imm: Operation.div32Imm,
  div32Reg: Operation.div32Reg,
  div64Imm: Operation.div64Imm,
  div64Reg: Operation.div64Reg,
  or32Imm: Operation.or32Imm,
  or32Reg: Operation.or32Reg,
  or64Imm: Operation.or64Imm,
  or64Reg: Operation.or64Reg,
  and32Imm: Operation.and32Imm,
  and32Reg: Operation.and32Reg,
  and64Imm: Operation.and64Imm,
  and64Reg: Operation.and64Reg,
  lsh32Imm: Operation.lsh32Imm,
  lsh32Reg: Operation.lsh32Reg,
  lsh64Imm: Operation.lsh64Imm,
  lsh64Reg: Operation.lsh64Reg,
  rsh32Imm: Operation.rsh32Imm,
  rsh32Reg: Operation.rsh32Reg,
  rsh64Imm: Operation.rsh64Imm,
  rsh64Reg: Operation.rsh64Reg,
  mod32Imm: Operation.mod32Imm,
  mod32Reg: Operation.mod32Reg,
  mod64Imm: Operation.mod64Imm,
  mod64Reg: Operation.mod64Reg,
  xor32Imm: Operation.xor32Imm,
  xor32Reg: Operation.xor32Reg,
  xor64Imm: Operation.xor64Imm,
  xor64Reg: Operation.xor64Reg,
  mov32Imm: Operation.mov32Imm,
  mov32Reg: Operation.mov32Reg,
  mov64Imm: Operation.mov64Imm,
  mov64Reg: Operation.mov64Reg,
  arsh32Imm: Operation.arsh32Imm,
  arsh32Reg: Operation.arsh32Reg,
  arsh64Imm: Operation.arsh64Imm,
  arsh64Reg: Operation.arsh64Reg,
  sdiv32Imm: Operation.sdiv32Imm,
  sdiv32Reg: Operation.sdiv32Reg,
  sdiv64Imm: Operation.sdiv64Imm,
  sdiv64Reg: Operation.sdiv64Reg,
  smod32Imm: Operation.smod32Imm,
  smod32Reg: Operation.smod32Reg,
  smod64Imm: Operation.smod64Imm,
  smod64Reg: Operation.smod64Reg,
  neg32: Operation.neg32,
  neg64: Operation.neg64,
  movsx8To32: Operation.movsx8To32,
  movsx16To32: Operation.movsx16To32,
  movsx8To64: Operation.movsx8To64,
  movsx16To64: Operation.movsx16To64,
  movsx32To64: Operation.movsx32To64,
  le16: Operation.truncate,
  le32: Operation.truncate,
  le64: Operation.truncate,
  be16: Operation.byteSwap,
  be32: Operation.byteSwap,
  be64: Operation.byteSwap,
  bswap16: Operation.byteSwap,
  bswap32: Operation.byteSwap,
  bswap64: Operation.byteSwap,
  addrSpaceCast: Operation.castToUser,
  load8: Operation.load8,
  load16: Operation.load16,
  load32: Operation.load32,
  load64: Operation.load64,
  loadSigned8: Operation.loadSigned8,
  loadSigned16: Operation.loadSigned16,
  loadSigned32: Operation.loadSigned32,
  store8: Operation.store8,
  store16: Operation.store16,
  store32: Operation.store32,
  store64: Operation.store64,
  storeImm8: Operation.storeImm8,
  storeImm16: Operation.storeImm16,
  storeImm32: Operation.storeImm32,
  storeImm64: Operation.storeImm64,
  atomicAdd32: Operation.atomic,
  atomicFetchAdd32: Operation.atomic,
  atomicAdd64: Operation.atomic,
  atomicFetchAdd64: Operation.atomic,
  atomicOr32: Operation.atomic,
  atomicFetchOr32: Operation.atomic,
  atomicOr64: Operation.atomic,
  atomicFetchOr64: Operation.atomic,
  atomicAnd32: Operation.atomic,
  atomicFetchAnd32: Operation.atomic,
  atomicAnd64: Operation.atomic,
  atomicFetchAnd64: Operation.atomic,
  atomicXor32: Operation.atomic,
  atomicFetchXor32: Operation.atomic,
  atomicXor64: Operation.atomic,
  atomicFetchXor64: Operation.atomic,
  atomicXchg32: Operation.atomic,
  atomicCmpxchg32: Operation.atomic,
  atomicXchg64: Operation.atomic,
  atomicCmpxchg64: Operation.atomic,
  loadAcquire8: Operation.atomic,
  loadAcquire16: Operation.atomic,
  loadAcquire32: Operation.atomic,
  loadAcquire64: Operation.atomic,
  storeRelease8: Operation.atomic,
  storeRelease16: Operation.atomic,
  storeRelease32: Operation.atomic,
  storeRelease64: Operation.atomic,
  jeq32Imm: Operation.jeq32Imm,
  jeq32Reg: Operation.jeq32Reg,
  jeq64Imm: Operation.jeq64Imm,
  jeq64Reg: Operation.jeq64Reg,
  jgt32Imm: Operation.jgt32Imm,
  jgt32Reg: Operation.jgt32Reg,
  jgt64Imm: Operation.jgt64Imm,
  jgt64Reg: Operation.jgt64Reg,
  jge32Imm: Operation.jge32Imm,
  jge32Reg: Operation.jge32Reg,
  jge64Imm: Operation.jge64Imm,
  jge64Reg: Operation.jge64Reg,
  jset32Imm: Operation.jset32Imm,
  jset32Reg: Operation.jset32Reg,
  jset64Imm: Operation.jset64Imm,
  jset64Reg: Operation.jset64Reg,
  jne32Imm: Operation.jne32Imm,
  jne32Reg: Operation.jne32Reg,
  jne64Imm: Operation.jne64Imm,
  jne64Reg: Operation.jne64Reg,
  jsgt32Imm: Operation.jsgt32Imm,
  jsgt32Reg: Operation.jsgt32Reg,
  jsgt64Imm: Operation.jsgt64Imm,
  jsgt64Reg: Operation.jsgt64Reg,
  jsge32Imm: Operation.jsge32Imm,
  jsge32Reg: Operation.jsge32Reg,
  jsge64Imm: Operation.jsge64Imm,
  jsge64Reg: Operation.jsge64Reg,
  jlt32Imm: Operation.jlt32Imm,
  jlt32Reg: Operation.jlt32Reg,
  jlt64Imm: Operation.jlt64Imm,
  jlt64Reg: Operation.jlt64Reg,
  jle32Imm: Operation.jle32Imm,
  jle32Reg: Operation.jle32Reg,
  jle64Imm: Operation.jle64Imm,
  jle64Reg: Operation.jle64Reg,
  jslt32Imm: Operation.jslt32Imm,
  jslt32Reg: Operation.jslt32Reg,
  jslt64Imm: Operation.jslt64Imm,
  jslt64Reg: Operation.jslt64Reg,
  jsle32Imm: Operation.jsle32Imm,
  jsle32Reg: Operation.jsle32Reg,
  jsle64Imm: Operation.jsle64Imm,
  jsle64Reg: Operation.jsle64Reg,
  goto: Operation.goto,
  gotol: Operation.goto,
  gotox: Operation.gotox,
  mayGoto: Operation.mayGoto,
  callHelper: Operation.callHelper,
  callLocal: Operation.callLocal,
  callKfunc: Operation.callKfunc,
  callx: Operation.callx,
  exit: Operation.exit,
  lddw: Operation.lddw,
  loadAbs8: Operation.loadPacket,
  loadAbs16: Operation.loadPacket,
  loadAbs32: Operation.loadPacket,
  loadInd8: Operation.loadPacket,
  loadInd16: Operation.loadPacket,
  loadInd32: Operation.loadPacket,
};

/** Immediate shifts are masked here, so that the loop need not. */
const isShift = (row: OpcodeRow): boolean =>
  row.kind === 'alu' && (row.symbol === '<<=' || row.symbol === '>>=' || row.symbol === 's>>=');

export function translate(insns: readonly Insn[]): Int32Array {
  const count = insns.length;
  const flat: number[] = new Array<number>(4 * (count + 1)).fill(0);
  const put = (slot: number, operation: Operation, a = 0, b = 0, c = 0): void => {
    flat[4 * slot] = operation;
    flat[4 * slot + 1] = a;
    flat[4 * slot + 2] = b;
    flat[4 * slot + 3] = c;
  };
  put(count, Operation.bad, count - 1);
  /** The jump's target times four, or a trap that names the jump. */
  const target = (from: number, distance: number): number => {
    const to = from + 1 + distance;
    if (to >= 0 && to < count) return 4 * to;
    const trap = flat.length / 4;
    flat.push(Operation.bad, from, 0, 0);
    return 4 * trap;
  };

  for (let slot = 0; slot < count; slot++) {
    const insn = insns[slot];
    const name = opcodeOf(insn);
    // r11 … r15 can be encoded but do not exist.
    if (name === undefined || insn.dst > 10 || (insn.src > 10 && rowOf(name).kind !== 'lddw')) {
      put(slot, Operation.bad, slot);
      continue;
    }
    const row = rowOf(name);
    const operation = OPERATION_OF[name];
    const dst = 2 * insn.dst;
    const src = 2 * insn.src;
    switch (row.kind) {
      case 'alu': {
        const shift = row.width === 64 ? insn.imm & 63 : insn.imm & 31;
        put(slot, operation, dst, row.source === 'reg' ? src : isShift(row) ? shift : insn.imm);
        break;
      }
      case 'neg':
      case 'movsx':
      case 'gotox':
      case 'callx':
        put(slot, operation, dst, src);
        break;
      case 'endian':
        put(slot, operation, dst, insn.imm);
        break;
      case 'load':
      case 'loadSigned':
      case 'store':
        put(slot, operation, dst, src, insn.off);
        break;
      case 'storeImm':
        put(slot, operation, dst, insn.imm, insn.off);
        break;
      case 'jump':
        put(slot, operation, dst, row.source === 'reg' ? src : insn.imm, target(slot, insn.off));
        break;
      case 'goto':
        put(slot, operation, 0, 0, target(slot, row.distance === 'imm' ? insn.imm : insn.off));
        break;
      case 'mayGoto':
        put(slot, operation, 0, 0, target(slot, insn.off));
        break;
      case 'call': {
        const to = slot + 1 + insn.imm;
        if (name !== 'callLocal') put(slot, operation, 0, insn.imm);
        else if (to >= 0 && to < count) put(slot, operation, 0, 0, 4 * to);
        else put(slot, Operation.bad, slot);
        break;
      }
      case 'lddw': {
        if (slot + 1 >= count) {
          put(slot, Operation.bad, slot);
          break;
        }
        const value = wideImmediate(insns, slot);
        put(slot, operation, dst, insn.imm, Number(BigInt.asIntN(32, value >> 32n)));
        break;
      }
      case 'addrSpaceCast':
        put(slot, operation, dst, src, insn.imm);
        break;
      case 'atomic':
      case 'atomicFetch':
      case 'atomicXchg':
      case 'atomicCmpxchg':
      case 'loadAcquire':
      case 'storeRelease':
      case 'exit':
      case 'loadAbs':
      case 'loadInd':
        put(slot, operation, slot);
        break;
    }
    // The second slot of a wide instruction stays `bad`: jumping into it is a fault.
    if (isWide(insn) && slot + 1 < count) {
      put(slot + 1, Operation.bad, slot + 1);
      slot++;
    }
  }
  return Int32Array.from(flat);
}

/** A copy of `flat` that stops before each of `slots`. */
export function withBreakpoints(flat: Int32Array, slots: ReadonlySet<number>): Int32Array {
  const patched = flat.slice();
  for (const slot of slots) if (4 * slot < patched.length) patched[4 * slot] = Operation.breakpoint;
  return patched;
}
