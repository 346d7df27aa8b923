/**
 * Atomic instructions (RFC 9669 §5.3, and load-acquire/store-release). One context runs at a time, so every instruction
 * is atomic by construction; what is left is the arithmetic.
 */
import { opcodeOf, rowOf } from '../spec/opcodes';
import type { Insn } from '../insn/insn';
import { FAULTED, IN_CONTEXT, type Accesses } from './accesses';

const FETCH = 0x01;
const OPERATION = 0xf0;

/** Executes `insn` on the registers at int32 index `registers`. @returns false with a fault recorded in `accesses`. */
export function runAtomic(accesses: Accesses, insn: Insn, registers: number, slot: number): boolean {
  const done = perform(accesses, insn, registers, slot);
  accesses.order = 'plain';
  return done;
}

function perform(accesses: Accesses, insn: Insn, registers: number, slot: number): boolean {
  const name = opcodeOf(insn);
  const row = name === undefined ? undefined : rowOf(name);
  const size = (row?.width ?? 64) / 8;
  const { i32 } = accesses.memory;
  const d = registers + 2 * insn.dst;
  const s = registers + 2 * insn.src;
  if (row?.kind === 'loadAcquire') {
    accesses.order = 'acquire';
    return accesses.load(d, i32[s], i32[s + 1], insn.off, size, false, slot);
  }
  if (row?.kind === 'storeRelease') {
    accesses.order = 'release';
    return accesses.store(i32[d], i32[d + 1], insn.off, size, i32[s], i32[s + 1], slot);
  }

  const at = accesses.resolve(i32[d], i32[d + 1], insn.off, size, true, slot);
  if (at === IN_CONTEXT) {
    accesses.fault = {
      kind: 'badAccess',
      insnIdx: slot,
      sizeBytes: size,
      message: 'Atomic operations on a program context are not possible.',
    };
    return false;
  }
  if (at === FAULTED) return false;

  const wide = size === 8;
  const memory = accesses.memory;
  const oldLo = memory.view.getInt32(at, true);
  const oldHi = wide ? memory.view.getInt32(at + 4, true) : 0;
  const lo = i32[s];
  const hi = i32[s + 1];
  const isEqual = oldLo === i32[registers] && (!wide || oldHi === i32[registers + 1]);
  if (accesses.watch !== undefined) {
    const fetches = row?.kind === 'atomicCmpxchg' ? isEqual : (insn.imm & FETCH) !== 0;
    accesses.order = fetches ? 'full' : 'relaxed';
    if (!accesses.mayAccess(at, size, true, slot)) return false;
  }
  let newLo = lo;
  let newHi = hi;
  if (row?.kind === 'atomicCmpxchg') {
    i32[registers] = oldLo;
    i32[registers + 1] = oldHi;
    if (!isEqual) return true;
  } else if (row?.kind === 'atomicXchg') {
    i32[s] = oldLo;
    i32[s + 1] = oldHi;
  } else {
    switch (insn.imm & OPERATION) {
      case 0x00:
        newLo = (oldLo + lo) | 0;
        newHi = (oldHi + hi + (newLo >>> 0 < lo >>> 0 ? 1 : 0)) | 0;
        break;
      case 0x40:
        newLo = oldLo | lo;
        newHi = oldHi | hi;
        break;
      case 0x50:
        newLo = oldLo & lo;
        newHi = oldHi & hi;
        break;
      default:
        newLo = oldLo ^ lo;
        newHi = oldHi ^ hi;
    }
    if ((insn.imm & FETCH) !== 0) {
      i32[s] = oldLo;
      i32[s + 1] = oldHi;
    }
  }
  memory.store32(at, newLo);
  if (wide) memory.store32(at + 4, newHi);
  return true;
}
