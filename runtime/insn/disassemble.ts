/**
 * Instructions as text: the kernel verifier log's dialect to the letter, and llvm-objdump's. Broken instructions get
 * the text that the kernel's log gives them, so that a rejected program's log can be compared line by line.
 * Evidence: logs of the measured kernels.
 */
import { CALL_SRC, CLASS, classOf, OPCODES, opcodeOf, rowOf, type OpcodeRow } from '../spec/opcodes';
import { isWide, wideImmediate } from './decode';
import type { Insn } from './insn';

export interface DisassembleOptions {
  readonly dialect?: 'kernel' | 'llvm';
  /**
   * What stands between `call ` and the `#id` of a helper or kernel function (`bpf_map_lookup_elem`); for a local call
   * the whole target (`pc+3` otherwise). Undefined: the default.
   */
  callName?(insn: Insn, slot: number): string | undefined;
  /** The 64-bit constant of `lddw` as text, for what it refers to (a map's address, a symbol). */
  wideText?(insn: Insn, value: bigint, slot: number): string | undefined;
}

const signed = (n: number): string => (n < 0 ? `${n}` : `+${n}`);
const hex32 = (n: number): string => '0x' + (n >>> 0).toString(16);
const byte = (n: number): string => n.toString(16).padStart(2, '0');

const SIZE_BITS = [32, 16, 8, 64];
/** Bits of the memory access that the opcode byte's size field names. */
const accessBits = (code: number): number => SIZE_BITS[(code >> 3) & 3];
const MODE = { imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, memsx: 0x80, atomic: 0xc0 } as const;
const OP = { neg: 0x80, end: 0xd0, mov: 0xb0, call: 0x80, exit: 0x90, ja: 0x00 } as const;

/** Operators by operation nibble, from the instruction table; the kernel prints `(null)` where there is none. */
const aluSymbols: (string | undefined)[] = [];
const jumpSymbols: (string | undefined)[] = ['jmp'];
for (const row of Object.values(OPCODES) as OpcodeRow[]) {
  if (row.kind === 'alu' && row.off !== 1) aluSymbols[row.code >> 4] = row.symbol;
  if (row.kind === 'jump') jumpSymbols[row.code >> 4] = row.symbol;
}
aluSymbols[OP.neg >> 4] = 'neg';
aluSymbols[OP.end >> 4] = 'endian';
jumpSymbols[OP.call >> 4] = 'call';
jumpSymbols[OP.exit >> 4] = 'exit';

/**
 * Text of the instruction at `slot`, without the `(b7) ` that a log prints before it. The second slot of a wide
 * instruction has no text of its own; callers step over it.
 */
export function disassemble(insns: readonly Insn[], slot: number, options: DisassembleOptions = {}): string {
  const insn = insns[slot];
  const llvm = options.dialect === 'llvm';
  switch (classOf(insn.code)) {
    case CLASS.alu:
    case CLASS.alu64:
      return aluText(insn, llvm);
    case CLASS.ldx:
      return loadText(insn, llvm);
    case CLASS.st:
      if ((insn.code & 0xe0) === 0xc0) return 'nospec';
      if ((insn.code & 0xe0) !== MODE.mem) return `BUG_st_${byte(insn.code)}`;
      return `${memory('u', insn.code, insn.dst, insn.off, llvm)} = ${llvm ? hexSigned(insn.imm) : insn.imm}`;
    case CLASS.stx:
      return storeText(insn, llvm);
    case CLASS.ld:
      return ldText(insns, slot, options);
    default:
      return jumpText(insn, slot, options);
  }
}

/** `(b7) r1 = 0`, as a log line has it behind the instruction number. */
export const disassembleWithOpcode = (
  insns: readonly Insn[],
  slot: number,
  options: DisassembleOptions = {},
): string => `(${byte(insns[slot].code)}) ${disassemble(insns, slot, options)}`;

/** Every instruction of a program, one line each: `12: (b7) r1 = 0`. */
export function disassembleProgram(insns: readonly Insn[], options: DisassembleOptions = {}): string[] {
  const lines: string[] = [];
  for (let slot = 0; slot < insns.length; slot++) {
    lines.push(`${slot}: ${disassembleWithOpcode(insns, slot, options)}`);
    if (isWide(insns[slot])) slot++;
  }
  return lines;
}

const hexSigned = (n: number): string => (n < 0 ? `-0x${(-n).toString(16)}` : `0x${n.toString(16)}`);

/** `*(u32 *)(r1 +4)`; llvm writes `(r1 + 0x4)`. */
function memory(sign: 'u' | 's', code: number, base: number, off: number, llvm: boolean): string {
  return `*(${sign}${accessBits(code)} *)${place(base, off, llvm)}`;
}

function place(base: number, off: number, llvm: boolean): string {
  if (!llvm) return `(r${base} ${signed(off)})`;
  return `(r${base} ${off < 0 ? '-' : '+'} 0x${Math.abs(off).toString(16)})`;
}

function aluText(insn: Insn, llvm: boolean): string {
  const wide = classOf(insn.code) === CLASS.alu64;
  const letter = wide ? 'r' : 'w';
  const dst = `${letter}${insn.dst}`;
  const operation = insn.code & 0xf0;
  if (operation === OP.end) {
    const what = wide ? 'bswap' : (insn.code & 8) !== 0 ? 'be' : 'le';
    return `r${insn.dst} = ${what}${insn.imm} r${insn.dst}`;
  }
  if (operation === OP.neg) return `${dst} = -${dst}`;
  const name = opcodeOf(insn);
  const row = name === undefined ? undefined : rowOf(name);
  if (row?.kind === 'addrSpaceCast') {
    const [to, from] = [insn.imm >>> 16, insn.imm & 0xffff];
    return `${dst} = addr_space_cast(r${insn.src}, ${llvm ? hexSigned(to) : to}, ${llvm ? hexSigned(from) : from})`;
  }
  const symbol = row?.symbol ?? aluSymbols[insn.code >> 4] ?? '(null)';
  if ((insn.code & 8) === 0) return `${dst} ${symbol} ${llvm ? hexSigned(insn.imm) : insn.imm}`;
  const cast = row?.kind === 'movsx' ? `(s${row.fromWidth})` : '';
  // llvm names the source by its own width.
  const from = llvm && cast !== '' && row?.fromWidth === 32 ? 'w' : letter;
  return `${dst} ${symbol} ${cast}${from}${insn.src}`;
}

function loadText(insn: Insn, llvm: boolean): string {
  const mode = insn.code & 0xe0;
  if (mode !== MODE.mem && mode !== MODE.memsx) return `BUG_ldx_${byte(insn.code)}`;
  const narrow = llvm && mode === MODE.mem && accessBits(insn.code) < 64 ? 'w' : 'r';
  const sign = mode === MODE.mem ? 'u' : 's';
  return `${narrow}${insn.dst} = ${memory(sign, insn.code, insn.src, insn.off, llvm)}`;
}

function storeText(insn: Insn, llvm: boolean): string {
  const mode = insn.code & 0xe0;
  const bits = accessBits(insn.code);
  const src = `${llvm && bits < 64 ? 'w' : 'r'}${insn.src}`;
  const target = memory('u', insn.code, insn.dst, insn.off, llvm);
  if (mode === MODE.mem) return `${target} = ${src}`;
  const name = opcodeOf(insn);
  const row = name === undefined ? undefined : rowOf(name);
  const pointer = `(u${bits} *)${place(insn.dst, insn.off, llvm)}`;
  const wide = bits === 64 ? '64' : llvm ? '32' : '';
  switch (row?.kind) {
    case 'atomic':
      return `lock ${target} ${row.symbol} ${src}`;
    case 'atomicFetch':
      return llvm
        ? `${src} = atomic_fetch_${row.symbol}(${pointer}, ${src})`
        : `${src} = atomic${wide}_fetch_${row.symbol}(${pointer}, ${src})`;
    case 'atomicXchg':
      return `${src} = ${llvm ? 'xchg' : 'atomic'}${llvm ? `${wide === '64' ? '_64' : '32_32'}` : `${wide}_xchg`}(${pointer}, ${src})`;
    case 'atomicCmpxchg': {
      const zero = llvm && bits < 64 ? 'w0' : 'r0';
      const what = llvm ? (wide === '64' ? 'cmpxchg_64' : 'cmpxchg32_32') : `atomic${wide}_cmpxchg`;
      return `${zero} = ${what}(${pointer}, ${zero}, ${src})`;
    }
    case 'loadAcquire':
      return `${llvm && bits < 64 ? 'w' : 'r'}${insn.dst} = load_acquire((u${bits} *)${place(insn.src, insn.off, llvm)})`;
    case 'storeRelease':
      return `store_release(${pointer}, ${src})`;
    default:
      return `BUG_${byte(insn.code)}`;
  }
}

function ldText(insns: readonly Insn[], slot: number, options: DisassembleOptions): string {
  const insn = insns[slot];
  const llvm = options.dialect === 'llvm';
  const mode = insn.code & 0xe0;
  const access = `r0 = *(u${accessBits(insn.code)} *)skb`;
  if (mode === MODE.abs) return `${access}[${llvm ? hexSigned(insn.imm) : insn.imm}]`;
  if (mode === MODE.ind) return llvm ? `${access}[r${insn.src}]` : `${access}[r${insn.src} + ${insn.imm}]`;
  if (!isWide(insn)) return `BUG_ld_${byte(insn.code)}`;
  const value = wideImmediate(insns, slot);
  const text = options.wideText?.(insn, value, slot) ?? `0x${value.toString(16)}`;
  return `r${insn.dst} = ${text}${llvm ? ' ll' : ''}`;
}

function jumpText(insn: Insn, slot: number, options: DisassembleOptions): string {
  const llvm = options.dialect === 'llvm';
  const narrow = classOf(insn.code) === CLASS.jmp32;
  const to = (distance: number): string =>
    llvm ? `${distance < 0 ? '-' : '+'}0x${Math.abs(distance).toString(16)}` : `pc${signed(distance)}`;
  const operation = insn.code & 0xf0;
  if (insn.code === OPCODES.callx.code && llvm) return `callx r${insn.dst}`;
  if (operation === OP.call) return callText(insn, slot, options);
  const name = opcodeOf(insn);
  const kind = name === undefined ? undefined : rowOf(name).kind;
  if (kind === 'goto') return narrow ? `gotol ${to(insn.imm)}` : `goto ${to(insn.off)}`;
  if (kind === 'mayGoto') return `may_goto ${to(insn.off)}`;
  if (kind === 'gotox') return `gotox r${insn.dst}`;
  if (kind === 'exit') return 'exit';
  const letter = narrow ? 'w' : 'r';
  const symbol = jumpSymbols[insn.code >> 4] ?? '(null)';
  const other = (insn.code & 8) !== 0 ? `${letter}${insn.src}` : llvm ? hexSigned(insn.imm) : hex32(insn.imm);
  return `if ${letter}${insn.dst} ${symbol} ${other} goto ${to(insn.off)}`;
}

function callText(insn: Insn, slot: number, options: DisassembleOptions): string {
  const name = options.callName?.(insn, slot);
  if (insn.src === CALL_SRC.local && insn.code === OPCODES.callLocal.code)
    return `call ${name ?? (options.dialect === 'llvm' ? insn.imm : `pc${signed(insn.imm)}`)}`;
  if (options.dialect === 'llvm') return `call ${name ?? hexSigned(insn.imm)}`;
  const fallback = insn.src === CALL_SRC.kfunc ? 'kernel-function' : 'unknown';
  return `call ${name ?? fallback}#${insn.imm}`;
}
