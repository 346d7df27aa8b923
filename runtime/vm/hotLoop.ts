/**
 * The interpreter's inner loop: one dense operation per case, registers as int32 pairs in linear memory, nothing
 * allocated until it stops. What is rare (context fields, atomics, faults, checked mode) lives in the files beside it.
 *
 * Slots are translated to four int32: operation, operand a (mostly dst * 2), operand b (src * 2 or an immediate),
 * operand c (offset, or a jump's target * 4). Every case ends with `continue`, which pays one unit of fuel, or leaves.
 *
 * Stores write through the memory's own views and mark the same dirty bytes as its store methods do; they are spelt
 * out because V8 stops inlining calls in a function of this size (measured).
 */
import type { Code, EngineStop, Fault } from './engine';
import { Accesses } from './accesses';
import {
  arsh64,
  byteSwap,
  div32,
  div64,
  lsh64,
  mod32,
  mod64,
  mul64,
  neg64,
  rsh64,
  sdiv32,
  sdiv64,
  smod32,
  smod64,
  truncate,
} from './arithmetic';
import { FUNCTION_TAG, MEMORY_TAG } from './addresses';
import { runAtomic } from './atomics';
import { Operation } from './operation';
import { popCallFrame, pushCallFrame } from './calls';
import {
  BLOCK_BASE,
  BLOCK_DEPTH,
  BLOCK_FUEL,
  BLOCK_PC,
  BLOCK_PROGRAM,
  BLOCK_REGISTERS,
  BLOCK_STACKS,
  BLOCK_USED,
  FRAME_MAY_GOTO,
  FRAMES_MAX,
  frameOffset,
} from './contextBlock';
import { PAGE_SHIFT, type Memory } from './memory';
import type { ContextAccess } from './engine';

/** Kernel limit: BPF_MAX_LOOPS times round a `may_goto`. */
const MAY_GOTO_LIMIT = 8 * 1024 * 1024;
/** `ldabs`/`ldind` read the context from r6. */
const CONTEXT_REGISTER = 6;

const EXIT: EngineStop = { kind: 'exit' };
const FUEL: EngineStop = { kind: 'fuel' };

export abstract class HotLoop {
  protected readonly accesses: Accesses;
  /** The block that runs; set for the time of a run. */
  private block = 0;

  constructor(
    protected readonly memory: Memory,
    protected readonly codes: ReadonlyMap<number, Code>,
    protected readonly context: ContextAccess,
  ) {
    this.accesses = new Accesses(memory, context);
  }

  /** The translated slots of the block's current program; undefined when there is no such program. */
  protected abstract translated(code: Code, withBreakpoints: boolean): Int32Array;

  private currentCode(): Code | undefined {
    return this.codes.get(this.memory.i32[(this.block + BLOCK_PROGRAM) >> 2]);
  }

  private select(plain: boolean): Int32Array | undefined {
    const code = this.currentCode();
    if (code !== undefined) return this.translated(code, !plain);
    this.refuse({ kind: 'badCall', message: 'Control returns to a program that is no longer loaded.' });
    return undefined;
  }

  private refuse(fault: Omit<Fault, 'insnIdx'>, slot = this.memory.i32[(this.block + BLOCK_PC) >> 2]): void {
    this.accesses.fault = { ...fault, insnIdx: slot };
  }

  /**
   * Runs up to `slice` instructions of the block; `reserve` is fuel that the slice must leave alone.
   * @param plain ignore breakpoints.
   */
  protected execute(
    block: number,
    slice: number,
    reserve: number,
    checked: boolean,
    plain: boolean,
  ): EngineStop {
    this.block = block;
    const accesses = this.accesses;
    accesses.begin(block, checked, this.currentCode()?.nullReadsZero === true);
    const { i32, u8, view, dirty } = this.memory;
    const header = block >> 2;
    const registers = (block + BLOCK_REGISTERS) >> 2;
    // Offsets up to here can take any access without a closer look; none can in checked mode.
    const limit = checked ? -1 : u8.length - 8;
    let fuel = slice;
    let at = i32[header + BLOCK_PC / 4] << 2;
    const first = this.select(plain);
    if (first === undefined) return this.faulted(fuel + reserve);
    let code = first;
    let program = i32[header + BLOCK_PROGRAM / 4];
    if (at < 0 || at >= code.length) {
      this.refuse({ kind: 'badJump', message: `There is no instruction ${at >> 2} to run.` }, at >> 2);
      return this.faulted(fuel + reserve);
    }
    for (; fuel > 0; fuel--) {
      switch (code[at] as Operation) {
        case Operation.add64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          const sum = (i32[d] + imm) | 0;
          i32[d + 1] = (i32[d + 1] + (imm >> 31) + (sum >>> 0 < imm >>> 0 ? 1 : 0)) | 0;
          i32[d] = sum;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.add64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const low = i32[s];
          const sum = (i32[d] + low) | 0;
          i32[d + 1] = (i32[d + 1] + i32[s + 1] + (sum >>> 0 < low >>> 0 ? 1 : 0)) | 0;
          i32[d] = sum;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.sub64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          const low = i32[d];
          i32[d + 1] = (i32[d + 1] - (imm >> 31) - (low >>> 0 < imm >>> 0 ? 1 : 0)) | 0;
          i32[d] = (low - imm) | 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.sub64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const low = i32[d];
          const by = i32[s];
          i32[d + 1] = (i32[d + 1] - i32[s + 1] - (low >>> 0 < by >>> 0 ? 1 : 0)) | 0;
          i32[d] = (low - by) | 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.add32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = (i32[d] + code[at + 2]) | 0;
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.add32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = (i32[d] + i32[registers + code[at + 2]]) | 0;
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.sub32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = (i32[d] - code[at + 2]) | 0;
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.sub32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = (i32[d] - i32[registers + code[at + 2]]) | 0;
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.or64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          i32[d] |= imm;
          i32[d + 1] |= imm >> 31;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.or64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          i32[d] |= i32[s];
          i32[d + 1] |= i32[s + 1];
          at = (at + 4) | 0;
          continue;
        }
        case Operation.or32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] |= code[at + 2];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.or32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] |= i32[registers + code[at + 2]];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.and64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          i32[d] &= imm;
          i32[d + 1] &= imm >> 31;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.and64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          i32[d] &= i32[s];
          i32[d + 1] &= i32[s + 1];
          at = (at + 4) | 0;
          continue;
        }
        case Operation.and32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] &= code[at + 2];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.and32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] &= i32[registers + code[at + 2]];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.xor64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          i32[d] ^= imm;
          i32[d + 1] ^= imm >> 31;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.xor64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          i32[d] ^= i32[s];
          i32[d + 1] ^= i32[s + 1];
          at = (at + 4) | 0;
          continue;
        }
        case Operation.xor32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] ^= code[at + 2];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.xor32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] ^= i32[registers + code[at + 2]];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mov64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          i32[d] = imm;
          i32[d + 1] = imm >> 31;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mov64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          i32[d] = i32[s];
          i32[d + 1] = i32[s + 1];
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mov32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = code[at + 2];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mov32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = i32[registers + code[at + 2]];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.lsh64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const by = code[at + 2];
          const low = i32[d];
          if (by >= 32) {
            i32[d + 1] = low << (by - 32);
            i32[d] = 0;
          } else if (by !== 0) {
            i32[d + 1] = (i32[d + 1] << by) | (low >>> (32 - by));
            i32[d] = low << by;
          }
          at = (at + 4) | 0;
          continue;
        }
        case Operation.rsh64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const by = code[at + 2];
          const high = i32[d + 1];
          if (by >= 32) {
            i32[d] = high >>> (by - 32);
            i32[d + 1] = 0;
          } else if (by !== 0) {
            i32[d] = (i32[d] >>> by) | (high << (32 - by));
            i32[d + 1] = high >>> by;
          }
          at = (at + 4) | 0;
          continue;
        }
        case Operation.arsh64Imm: {
          arsh64(i32, registers + code[at + 1], code[at + 2]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.lsh64Reg: {
          lsh64(i32, registers + code[at + 1], i32[registers + code[at + 2]]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.lsh32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = i32[d] << code[at + 2];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.lsh32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = i32[d] << i32[registers + code[at + 2]];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.rsh64Reg: {
          rsh64(i32, registers + code[at + 1], i32[registers + code[at + 2]]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.rsh32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = i32[d] >>> code[at + 2];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.rsh32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = i32[d] >>> i32[registers + code[at + 2]];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.arsh64Reg: {
          arsh64(i32, registers + code[at + 1], i32[registers + code[at + 2]]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.arsh32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = i32[d] >> code[at + 2];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.arsh32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = i32[d] >> i32[registers + code[at + 2]];
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mul64Imm: {
          const imm = code[at + 2];
          mul64(i32, registers + code[at + 1], imm, imm >> 31);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mul64Reg: {
          const s = (registers + code[at + 2]) | 0;
          mul64(i32, registers + code[at + 1], i32[s], i32[s + 1]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mul32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = Math.imul(i32[d], code[at + 2]);
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mul32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = Math.imul(i32[d], i32[registers + code[at + 2]]);
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.div64Imm: {
          const imm = code[at + 2];
          div64(i32, registers + code[at + 1], imm, imm >> 31);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.div64Reg: {
          const s = (registers + code[at + 2]) | 0;
          div64(i32, registers + code[at + 1], i32[s], i32[s + 1]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.div32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = div32(i32[d], code[at + 2]);
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.div32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = div32(i32[d], i32[registers + code[at + 2]]);
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mod64Imm: {
          const imm = code[at + 2];
          mod64(i32, registers + code[at + 1], imm, imm >> 31);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mod64Reg: {
          const s = (registers + code[at + 2]) | 0;
          mod64(i32, registers + code[at + 1], i32[s], i32[s + 1]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mod32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = mod32(i32[d], code[at + 2]);
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.mod32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = mod32(i32[d], i32[registers + code[at + 2]]);
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.sdiv64Imm: {
          const imm = code[at + 2];
          sdiv64(i32, registers + code[at + 1], imm, imm >> 31);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.sdiv64Reg: {
          const s = (registers + code[at + 2]) | 0;
          sdiv64(i32, registers + code[at + 1], i32[s], i32[s + 1]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.sdiv32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = sdiv32(i32[d], code[at + 2]);
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.sdiv32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = sdiv32(i32[d], i32[registers + code[at + 2]]);
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.smod64Imm: {
          const imm = code[at + 2];
          smod64(i32, registers + code[at + 1], imm, imm >> 31);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.smod64Reg: {
          const s = (registers + code[at + 2]) | 0;
          smod64(i32, registers + code[at + 1], i32[s], i32[s + 1]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.smod32Imm: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = smod32(i32[d], code[at + 2]);
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.smod32Reg: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = smod32(i32[d], i32[registers + code[at + 2]]);
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.neg64: {
          neg64(i32, registers + code[at + 1]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.neg32: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = -i32[d] | 0;
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.movsx8To32: {
          const d = (registers + code[at + 1]) | 0;
          const low = (i32[registers + code[at + 2]] << 24) >> 24;
          i32[d] = low;
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.movsx16To32: {
          const d = (registers + code[at + 1]) | 0;
          const low = (i32[registers + code[at + 2]] << 16) >> 16;
          i32[d] = low;
          i32[d + 1] = 0;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.movsx8To64: {
          const d = (registers + code[at + 1]) | 0;
          const low = (i32[registers + code[at + 2]] << 24) >> 24;
          i32[d] = low;
          i32[d + 1] = low >> 31;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.movsx16To64: {
          const d = (registers + code[at + 1]) | 0;
          const low = (i32[registers + code[at + 2]] << 16) >> 16;
          i32[d] = low;
          i32[d + 1] = low >> 31;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.movsx32To64: {
          const d = (registers + code[at + 1]) | 0;
          const low = i32[registers + code[at + 2]];
          i32[d] = low;
          i32[d + 1] = low >> 31;
          at = (at + 4) | 0;
          continue;
        }
        case Operation.truncate: {
          truncate(i32, registers + code[at + 1], code[at + 2]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.byteSwap: {
          byteSwap(i32, registers + code[at + 1], code[at + 2]);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.lddw: {
          const d = (registers + code[at + 1]) | 0;
          i32[d] = code[at + 2];
          i32[d + 1] = code[at + 3];
          at += 8;
          continue;
        }
        case Operation.load8: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[s] + code[at + 3]) | 0;
          if (i32[s + 1] === MEMORY_TAG && (i32[s] | a) >= 0 && a <= limit) {
            const low = u8[a];
            i32[d] = low;
            i32[d + 1] = 0;
          } else if (!accesses.load(d, i32[s], i32[s + 1], code[at + 3], 1, false, at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.loadSigned8: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[s] + code[at + 3]) | 0;
          if (i32[s + 1] === MEMORY_TAG && (i32[s] | a) >= 0 && a <= limit) {
            const low = (u8[a] << 24) >> 24;
            i32[d] = low;
            i32[d + 1] = low >> 31;
          } else if (!accesses.load(d, i32[s], i32[s + 1], code[at + 3], 1, true, at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.load16: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[s] + code[at + 3]) | 0;
          if (i32[s + 1] === MEMORY_TAG && (i32[s] | a) >= 0 && a <= limit) {
            const low = u8[a] | (u8[a + 1] << 8);
            i32[d] = low;
            i32[d + 1] = 0;
          } else if (!accesses.load(d, i32[s], i32[s + 1], code[at + 3], 2, false, at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.loadSigned16: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[s] + code[at + 3]) | 0;
          if (i32[s + 1] === MEMORY_TAG && (i32[s] | a) >= 0 && a <= limit) {
            const low = ((u8[a] | (u8[a + 1] << 8)) << 16) >> 16;
            i32[d] = low;
            i32[d + 1] = low >> 31;
          } else if (!accesses.load(d, i32[s], i32[s + 1], code[at + 3], 2, true, at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.load32: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[s] + code[at + 3]) | 0;
          if (i32[s + 1] === MEMORY_TAG && (i32[s] | a) >= 0 && a <= limit) {
            const low = (a & 3) === 0 ? i32[a >> 2] : view.getInt32(a, true);
            i32[d] = low;
            i32[d + 1] = 0;
          } else if (!accesses.load(d, i32[s], i32[s + 1], code[at + 3], 4, false, at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.loadSigned32: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[s] + code[at + 3]) | 0;
          if (i32[s + 1] === MEMORY_TAG && (i32[s] | a) >= 0 && a <= limit) {
            const low = (a & 3) === 0 ? i32[a >> 2] : view.getInt32(a, true);
            i32[d] = low;
            i32[d + 1] = low >> 31;
          } else if (!accesses.load(d, i32[s], i32[s + 1], code[at + 3], 4, true, at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.load64: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[s] + code[at + 3]) | 0;
          if (i32[s + 1] === MEMORY_TAG && (i32[s] | a) >= 0 && a <= limit) {
            if ((a & 3) === 0) {
              i32[d] = i32[a >> 2];
              i32[d + 1] = i32[(a >> 2) + 1];
            } else {
              i32[d] = view.getInt32(a, true);
              i32[d + 1] = view.getInt32(a + 4, true);
            }
          } else if (!accesses.load(d, i32[s], i32[s + 1], code[at + 3], 8, false, at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.store8: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[d] + code[at + 3]) | 0;
          if (i32[d + 1] === MEMORY_TAG && (i32[d] | a) >= 0 && a <= limit) {
            u8[a] = i32[s];
            dirty[a >>> 12] = 1;
          } else if (!accesses.store(i32[d], i32[d + 1], code[at + 3], 1, i32[s], i32[s + 1], at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.storeImm8: {
          const d = (registers + code[at + 1]) | 0;
          const a = (i32[d] + code[at + 3]) | 0;
          if (i32[d + 1] === MEMORY_TAG && (i32[d] | a) >= 0 && a <= limit) {
            u8[a] = code[at + 2];
            dirty[a >>> 12] = 1;
          } else if (
            !accesses.store(i32[d], i32[d + 1], code[at + 3], 1, code[at + 2], code[at + 2] >> 31, at >> 2)
          )
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.store16: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[d] + code[at + 3]) | 0;
          if (i32[d + 1] === MEMORY_TAG && (i32[d] | a) >= 0 && a <= limit) {
            view.setInt16(a, i32[s], true);
            dirty[a >>> 12] = 1;
            dirty[(a + 1) >>> 12] = 1;
          } else if (!accesses.store(i32[d], i32[d + 1], code[at + 3], 2, i32[s], i32[s + 1], at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.storeImm16: {
          const d = (registers + code[at + 1]) | 0;
          const a = (i32[d] + code[at + 3]) | 0;
          if (i32[d + 1] === MEMORY_TAG && (i32[d] | a) >= 0 && a <= limit) {
            view.setInt16(a, code[at + 2], true);
            dirty[a >>> 12] = 1;
            dirty[(a + 1) >>> 12] = 1;
          } else if (
            !accesses.store(i32[d], i32[d + 1], code[at + 3], 2, code[at + 2], code[at + 2] >> 31, at >> 2)
          )
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.store32: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[d] + code[at + 3]) | 0;
          if (i32[d + 1] === MEMORY_TAG && (i32[d] | a) >= 0 && a <= limit) {
            if ((a & 3) === 0) i32[a >> 2] = i32[s];
            else view.setInt32(a, i32[s], true);
            dirty[a >>> 12] = 1;
            dirty[(a + 3) >>> 12] = 1;
          } else if (!accesses.store(i32[d], i32[d + 1], code[at + 3], 4, i32[s], i32[s + 1], at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.storeImm32: {
          const d = (registers + code[at + 1]) | 0;
          const a = (i32[d] + code[at + 3]) | 0;
          if (i32[d + 1] === MEMORY_TAG && (i32[d] | a) >= 0 && a <= limit) {
            if ((a & 3) === 0) i32[a >> 2] = code[at + 2];
            else view.setInt32(a, code[at + 2], true);
            dirty[a >>> 12] = 1;
            dirty[(a + 3) >>> 12] = 1;
          } else if (
            !accesses.store(i32[d], i32[d + 1], code[at + 3], 4, code[at + 2], code[at + 2] >> 31, at >> 2)
          )
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.store64: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const a = (i32[d] + code[at + 3]) | 0;
          if (i32[d + 1] === MEMORY_TAG && (i32[d] | a) >= 0 && a <= limit) {
            if ((a & 3) === 0) {
              i32[a >> 2] = i32[s];
              i32[(a >> 2) + 1] = i32[s + 1];
            } else {
              view.setInt32(a, i32[s], true);
              view.setInt32(a + 4, i32[s + 1], true);
            }
            dirty[a >>> 12] = 1;
            dirty[(a + 7) >>> 12] = 1;
          } else if (!accesses.store(i32[d], i32[d + 1], code[at + 3], 8, i32[s], i32[s + 1], at >> 2))
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.storeImm64: {
          const d = (registers + code[at + 1]) | 0;
          const a = (i32[d] + code[at + 3]) | 0;
          if (i32[d + 1] === MEMORY_TAG && (i32[d] | a) >= 0 && a <= limit) {
            if ((a & 3) === 0) {
              i32[a >> 2] = code[at + 2];
              i32[(a >> 2) + 1] = code[at + 2] >> 31;
            } else {
              view.setInt32(a, code[at + 2], true);
              view.setInt32(a + 4, code[at + 2] >> 31, true);
            }
            dirty[a >>> 12] = 1;
            dirty[(a + 7) >>> 12] = 1;
          } else if (
            !accesses.store(i32[d], i32[d + 1], code[at + 3], 8, code[at + 2], code[at + 2] >> 31, at >> 2)
          )
            return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.atomic: {
          if (!this.atomic(at >> 2, registers)) return this.faulted(fuel + reserve);
          at = (at + 4) | 0;
          continue;
        }
        case Operation.jeq64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] === imm && i32[d + 1] === imm >> 31 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jeq32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] === imm ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jeq64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] === i32[s] && i32[d + 1] === i32[s + 1] ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jeq32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] === i32[s] ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jne64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] !== imm || i32[d + 1] !== imm >> 31 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jne32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] !== imm ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jne64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] !== i32[s] || i32[d + 1] !== i32[s + 1] ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jne32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] !== i32[s] ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jgt64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          const high = i32[d + 1];
          const other = imm >> 31;
          at = (high === other ? i32[d] >>> 0 > imm >>> 0 : high >>> 0 > other >>> 0) ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jgt32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] >>> 0 > imm >>> 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jgt64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const high = i32[d + 1];
          const other = i32[s + 1];
          at = (high === other ? i32[d] >>> 0 > i32[s] >>> 0 : high >>> 0 > other >>> 0)
            ? code[at + 3]
            : at + 4;
          continue;
        }
        case Operation.jgt32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] >>> 0 > i32[s] >>> 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jge64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          const high = i32[d + 1];
          const other = imm >> 31;
          at = (high === other ? i32[d] >>> 0 >= imm >>> 0 : high >>> 0 > other >>> 0)
            ? code[at + 3]
            : at + 4;
          continue;
        }
        case Operation.jge32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] >>> 0 >= imm >>> 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jge64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const high = i32[d + 1];
          const other = i32[s + 1];
          at = (high === other ? i32[d] >>> 0 >= i32[s] >>> 0 : high >>> 0 > other >>> 0)
            ? code[at + 3]
            : at + 4;
          continue;
        }
        case Operation.jge32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] >>> 0 >= i32[s] >>> 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jlt64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          const high = i32[d + 1];
          const other = imm >> 31;
          at = (high === other ? i32[d] >>> 0 < imm >>> 0 : high >>> 0 < other >>> 0) ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jlt32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] >>> 0 < imm >>> 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jlt64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const high = i32[d + 1];
          const other = i32[s + 1];
          at = (high === other ? i32[d] >>> 0 < i32[s] >>> 0 : high >>> 0 < other >>> 0)
            ? code[at + 3]
            : at + 4;
          continue;
        }
        case Operation.jlt32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] >>> 0 < i32[s] >>> 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jle64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          const high = i32[d + 1];
          const other = imm >> 31;
          at = (high === other ? i32[d] >>> 0 <= imm >>> 0 : high >>> 0 < other >>> 0)
            ? code[at + 3]
            : at + 4;
          continue;
        }
        case Operation.jle32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] >>> 0 <= imm >>> 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jle64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const high = i32[d + 1];
          const other = i32[s + 1];
          at = (high === other ? i32[d] >>> 0 <= i32[s] >>> 0 : high >>> 0 < other >>> 0)
            ? code[at + 3]
            : at + 4;
          continue;
        }
        case Operation.jle32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] >>> 0 <= i32[s] >>> 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsgt64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          const high = i32[d + 1];
          const other = imm >> 31;
          at = (high === other ? i32[d] >>> 0 > imm >>> 0 : high > other) ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsgt32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] > imm ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsgt64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const high = i32[d + 1];
          const other = i32[s + 1];
          at = (high === other ? i32[d] >>> 0 > i32[s] >>> 0 : high > other) ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsgt32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] > i32[s] ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsge64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          const high = i32[d + 1];
          const other = imm >> 31;
          at = (high === other ? i32[d] >>> 0 >= imm >>> 0 : high > other) ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsge32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] >= imm ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsge64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const high = i32[d + 1];
          const other = i32[s + 1];
          at = (high === other ? i32[d] >>> 0 >= i32[s] >>> 0 : high > other) ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsge32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] >= i32[s] ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jslt64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          const high = i32[d + 1];
          const other = imm >> 31;
          at = (high === other ? i32[d] >>> 0 < imm >>> 0 : high < other) ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jslt32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] < imm ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jslt64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const high = i32[d + 1];
          const other = i32[s + 1];
          at = (high === other ? i32[d] >>> 0 < i32[s] >>> 0 : high < other) ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jslt32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] < i32[s] ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsle64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          const high = i32[d + 1];
          const other = imm >> 31;
          at = (high === other ? i32[d] >>> 0 <= imm >>> 0 : high < other) ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsle32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = i32[d] <= imm ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsle64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          const high = i32[d + 1];
          const other = i32[s + 1];
          at = (high === other ? i32[d] >>> 0 <= i32[s] >>> 0 : high < other) ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jsle32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = i32[d] <= i32[s] ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jset64Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = ((i32[d] & imm) | (i32[d + 1] & (imm >> 31))) !== 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jset32Imm: {
          const d = (registers + code[at + 1]) | 0;
          const imm = code[at + 2];
          at = (i32[d] & imm) !== 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jset64Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = ((i32[d] & i32[s]) | (i32[d + 1] & i32[s + 1])) !== 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.jset32Reg: {
          const d = (registers + code[at + 1]) | 0;
          const s = (registers + code[at + 2]) | 0;
          at = (i32[d] & i32[s]) !== 0 ? code[at + 3] : at + 4;
          continue;
        }
        case Operation.goto: {
          at = code[at + 3];
          continue;
        }
        case Operation.mayGoto: {
          {
            const frame = this.frameIndex();
            if (i32[frame + FRAME_MAY_GOTO / 4] >= MAY_GOTO_LIMIT) at = code[at + 3];
            else {
              if (i32[frame + FRAME_MAY_GOTO / 4]++ === 0) this.useFrame();
              at = (at + 4) | 0;
            }
            continue;
          }
        }
        case Operation.castToUser: {
          {
            const low = i32[registers + code[at + 2]];
            i32[registers + code[at + 1]] = low;
            i32[registers + code[at + 1] + 1] = low === 0 ? 0 : code[at + 3];
            at = (at + 4) | 0;
            continue;
          }
        }
        case Operation.gotox: {
          {
            const target = this.codeTarget(
              i32[registers + code[at + 1]],
              i32[registers + code[at + 1] + 1],
              at >> 2,
              'jump',
            );
            if (target < 0) return this.faulted(fuel + reserve);
            at = target << 2;
            continue;
          }
        }
        case Operation.callLocal: {
          if (!this.enter(at >> 2)) return this.faulted(fuel + reserve);
          at = code[at + 3];
          continue;
        }
        case Operation.callx: {
          {
            const lo = i32[registers + code[at + 1]];
            const hi = i32[registers + code[at + 1] + 1];
            if (hi === 0)
              return this.leave(at + 4, fuel - 1 + reserve, { kind: 'helper', id: lo, insnIdx: at >> 2 });
            const target = this.codeTarget(lo, hi, at >> 2, 'call');
            if (target < 0 || !this.enter(at >> 2)) return this.faulted(fuel + reserve);
            at = target << 2;
            continue;
          }
        }
        case Operation.callHelper: {
          return this.leave(at + 4, fuel - 1 + reserve, {
            kind: 'helper',
            id: code[at + 2],
            insnIdx: at >> 2,
          });
        }
        case Operation.callKfunc: {
          return this.leave(at + 4, fuel - 1 + reserve, {
            kind: 'kfunc',
            btfId: code[at + 2],
            insnIdx: at >> 2,
          });
        }
        case Operation.exit: {
          if (i32[header + BLOCK_DEPTH / 4] === i32[header + BLOCK_BASE / 4])
            return this.leave(at, fuel - 1 + reserve, EXIT);
          accesses.forgetStack();
          at = popCallFrame(this.memory, block) << 2;
          if (i32[header + BLOCK_PROGRAM / 4] !== program) {
            const back = this.select(plain);
            if (back === undefined) return this.faulted(fuel + reserve);
            code = back;
            program = i32[header + BLOCK_PROGRAM / 4];
          }
          continue;
        }
        case Operation.loadPacket: {
          {
            const outcome = this.loadPacket(at >> 2, registers);
            if (outcome < 0) return this.faulted(fuel + reserve);
            if (outcome > 0) {
              at = (at + 4) | 0;
              continue;
            }
            // The packet is too short: r0 = 0 and the frame ends, as `exit` would.
            i32[registers] = 0;
            i32[registers + 1] = 0;
            if (i32[header + BLOCK_DEPTH / 4] === i32[header + BLOCK_BASE / 4])
              return this.leave(at, fuel - 1 + reserve, EXIT);
            accesses.forgetStack();
            at = popCallFrame(this.memory, block) << 2;
            if (i32[header + BLOCK_PROGRAM / 4] !== program) {
              const back = this.select(plain);
              if (back === undefined) return this.faulted(fuel + reserve);
              code = back;
              program = i32[header + BLOCK_PROGRAM / 4];
            }
            continue;
          }
        }
        case Operation.breakpoint: {
          return this.leave(at, fuel + reserve, { kind: 'breakpoint', insnIdx: at >> 2 });
        }
        case Operation.bad: {
          this.explainBadSlot(at >> 2, code[at + 1]);
          return this.faulted(fuel + reserve);
        }
      }
    }
    return this.leave(at, reserve, FUEL);
  }

  /** Stores what the loop kept in locals and marks the block's own pages. */
  private leave(at: number, fuel: number, stop: EngineStop): EngineStop {
    const { i32, dirty } = this.memory;
    i32[(this.block + BLOCK_PC) >> 2] = at >> 2;
    i32[(this.block + BLOCK_FUEL) >> 2] = fuel;
    // Registers end before the stacks begin, frames at the deepest one.
    const { block } = this;
    dirty[block >>> PAGE_SHIFT] = 1;
    dirty[(block + BLOCK_STACKS - 1) >>> PAGE_SHIFT] = 1;
    const used = i32[(block + BLOCK_USED) >> 2];
    if (used > 0) {
      const last = (frameOffset(block, used) - 1) >>> PAGE_SHIFT;
      for (let page = frameOffset(block, 0) >>> PAGE_SHIFT; page <= last; page++) dirty[page] = 1;
    }
    return stop;
  }

  /** Leaves with the fault that was just recorded; pc stands on the instruction that caused it. */
  private faulted(fuel: number): EngineStop {
    const fault = this.accesses.takeFault();
    return this.leave(
      fault.insnIdx << 2,
      fuel,
      fault.kind === 'paused' ? { kind: 'paused' } : { kind: 'fault', fault },
    );
  }

  /** Linear index (int32) of the current frame's record. */
  private frameIndex(): number {
    return frameOffset(this.block, this.memory.i32[(this.block + BLOCK_DEPTH) >> 2]) >> 2;
  }

  /** The current frame's record holds something, even if nobody called it. */
  private useFrame(): void {
    const { i32 } = this.memory;
    const used = (this.block + BLOCK_USED) >> 2;
    const depth = i32[(this.block + BLOCK_DEPTH) >> 2];
    if (depth >= i32[used]) i32[used] = depth + 1;
  }

  private enter(slot: number): boolean {
    this.accesses.forgetStack();
    if (pushCallFrame(this.memory, this.block, slot + 1)) return true;
    this.refuse(
      {
        kind: 'stackOverflow',
        message: `The call would be the ${FRAMES_MAX + 1}th frame; the stacks hold ${FRAMES_MAX}.`,
      },
      slot,
    );
    return false;
  }

  /** Slot that a code address names in the running program, or -1 with a fault. */
  private codeTarget(lo: number, hi: number, slot: number, what: 'call' | 'jump'): number {
    const code = this.currentCode();
    if (
      code !== undefined &&
      hi === FUNCTION_TAG &&
      lo >>> 16 === code.id &&
      (lo & 0xffff) < code.insns.length
    )
      return lo & 0xffff;
    this.refuse(
      {
        kind: what === 'call' ? 'badCall' : 'badJump',
        address: (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0),
        message: `The ${what} goes to an address that is not code of this program.`,
      },
      slot,
    );
    return -1;
  }

  private atomic(slot: number, registers: number): boolean {
    const insn = this.currentCode()?.insns[slot];
    return insn !== undefined && runAtomic(this.accesses, insn, registers, slot);
  }

  /** `skb[…]` loads: 1 done, 0 beyond the packet, -1 fault. */
  private loadPacket(slot: number, registers: number): number {
    const insn = this.currentCode()?.insns[slot];
    if (insn === undefined || this.context.packet === undefined) {
      this.refuse({ kind: 'badInsn', message: 'This program type has no packet for an skb[…] load.' }, slot);
      return -1;
    }
    const { i32 } = this.memory;
    const indirect = (insn.code & 0xe0) === 0x40;
    const offset = (insn.imm + (indirect ? i32[registers + 2 * insn.src] : 0)) | 0;
    const size = insn.code & 0x10 ? 1 : insn.code & 0x08 ? 2 : 4;
    const value = this.context.packet(i32[registers + 2 * CONTEXT_REGISTER] >>> 0, offset, size);
    if (value === undefined) return 0;
    i32[registers] = value;
    i32[registers + 1] = 0;
    return 1;
  }

  /** A slot that is no instruction, or a trap that stands for a jump to nowhere. */
  private explainBadSlot(slot: number, culprit: number): void {
    const code = this.currentCode();
    const count = code?.insns.length ?? 0;
    if (slot > count) {
      this.refuse({ kind: 'badJump', message: 'The jump leaves the program.' }, culprit);
    } else if (slot === count) {
      this.refuse({ kind: 'badJump', message: 'Execution runs past the last instruction.' }, culprit);
    } else {
      const insn = code?.insns[slot];
      const opcode = (insn?.code ?? 0).toString(16).padStart(2, '0');
      this.refuse(
        insn?.code === 0x85 && insn.src === 1
          ? { kind: 'badCall', message: 'The call goes outside the program.' }
          : { kind: 'badInsn', message: `Opcode 0x${opcode} is not an instruction here.` },
        slot,
      );
    }
  }
}
