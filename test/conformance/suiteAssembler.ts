/**
 * Reads the assembler dialect of the bpf_conformance suite (`mov32 %r0, 1`, `ldxdw %r0, [%r1+2]`, labels, `lock fetch
 * add [%r10-8], %r1`). A third dialect beside the kernel log's and llvm's, known to tests only.
 */
import type { Insn } from '../../runtime/insn/insn';
import { OPCODES, type OpcodeName, type OpcodeRow } from '../../runtime/spec/opcodes';

export class SuiteSyntaxError extends Error {}

interface Pending {
  readonly row: OpcodeRow;
  dst: number;
  src: number;
  off: number;
  imm: number;
  /** A jump's or call's target, resolved when all labels are known. */
  target?: { text: string; field: 'off' | 'imm' };
  line: string;
}

const ALU = [
  'add',
  'sub',
  'mul',
  'div',
  'or',
  'and',
  'lsh',
  'rsh',
  'mod',
  'xor',
  'mov',
  'arsh',
  'sdiv',
  'smod',
];
const SIZES: Record<string, number> = { b: 8, h: 16, w: 32, dw: 64 };

function row(name: string): OpcodeRow {
  const found = (OPCODES as Record<string, OpcodeRow>)[name as OpcodeName];
  if (found === undefined) throw new SuiteSyntaxError(`no instruction ${name}`);
  return found;
}

const isRegister = (text: string): boolean => /^%?r\d+$/.test(text);

function register(text: string): number {
  const found = /^%?r(\d+)$/.exec(text);
  if (found === null || Number(found[1]) > 10) throw new SuiteSyntaxError(`'${text}' is not a register`);
  return Number(found[1]);
}

function wide(text: string): bigint {
  const found = /^([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(text);
  if (found === null) throw new SuiteSyntaxError(`'${text}' is not a number`);
  const magnitude = BigInt(found[2]);
  return found[1] === '-' ? -magnitude : magnitude;
}

const number32 = (text: string): number => {
  const value = wide(text);
  if (value < -0x8000_0000n || value > 0xffff_ffffn)
    throw new SuiteSyntaxError(`${text} needs more than 32 bits`);
  return Number(BigInt.asIntN(32, value));
};

function place(text: string): { base: number; off: number } {
  const found = /^\[(%?r\d+)\s*(?:([+-])\s*(0x[0-9a-f]+|\d+))?\]$/i.exec(text);
  if (found === null) throw new SuiteSyntaxError(`'${text}' is not a memory operand with an offset`);
  const off = found[3] === undefined ? 0 : Number(found[3]) * (found[2] === '-' ? -1 : 1);
  if (off < -0x8000 || off > 0x7fff) throw new SuiteSyntaxError(`offset ${off} needs more than 16 bits`);
  return { base: register(found[1]), off };
}

function readInsn(line: string): Pending {
  const space = line.search(/\s/);
  const word = (space < 0 ? line : line.slice(0, space)).toLowerCase();
  let rest = space < 0 ? '' : line.slice(space).trim();
  const insn = (name: string, fields: Partial<Pending> = {}): Pending => {
    const found = row(name);
    return {
      dst: 0,
      off: found.off ?? 0,
      imm: found.imm ?? 0,
      line,
      src: found.src ?? 0,
      ...fields,
      row: found,
    };
  };
  if (word === 'lock') {
    const found = /^(fetch\s+)?(\w+?)(32)?\s+(\[.*\])\s*,\s*(\S+)$/.exec(rest);
    if (found === null) throw new SuiteSyntaxError(`atomic operation not understood: ${line}`);
    const operation = found[2][0].toUpperCase() + found[2].slice(1);
    const { base, off } = place(found[4]);
    const fetch = found[1] !== undefined ? 'Fetch' : '';
    return insn(`atomic${fetch}${operation}${found[3] ?? '64'}`, { dst: base, off, src: register(found[5]) });
  }
  if (word === 'call') {
    const local = /^local\s+(.*)$/.exec(rest);
    if (local !== null) return insn('callLocal', { target: { text: local[1], field: 'imm' } });
    return isRegister(rest)
      ? insn('callx', { dst: register(rest) })
      : insn('callHelper', { imm: number32(rest) });
  }
  rest = rest.trim();
  const operands = rest === '' ? [] : rest.split(/\s*,\s*/);
  const alu = /^(\w+?)(32|64)?$/.exec(word);
  if (alu !== null && ALU.includes(alu[1]) && operands.length === 2) {
    const [dst, other] = operands;
    return isRegister(other)
      ? insn(`${alu[1]}${alu[2] ?? '64'}Reg`, { dst: register(dst), src: register(other) })
      : insn(`${alu[1]}${alu[2] ?? '64'}Imm`, { dst: register(dst), imm: number32(other) });
  }
  if (alu !== null && alu[1] === 'neg') return insn(`neg${alu[2] ?? '64'}`, { dst: register(operands[0]) });
  const movsx = /^movsx(8|16|32)(32|64)$/.exec(word);
  if (movsx !== null)
    return insn(`movsx${movsx[1]}To${movsx[2]}`, { dst: register(operands[0]), src: register(operands[1]) });
  const end = /^(le|be|bswap|swap)(16|32|64)$/.exec(word);
  if (end !== null)
    return insn(`${end[1] === 'swap' ? 'bswap' : end[1]}${end[2]}`, { dst: register(operands[0]) });
  const load = /^ldx(s?)(b|h|w|dw)$/.exec(word);
  if (load !== null) {
    const { base, off } = place(operands[1]);
    return insn(`load${load[1] === 's' ? 'Signed' : ''}${SIZES[load[2]]}`, {
      dst: register(operands[0]),
      src: base,
      off,
    });
  }
  const store = /^st(x?)(b|h|w|dw)$/.exec(word);
  if (store !== null) {
    const { base, off } = place(operands[0]);
    return store[1] === 'x'
      ? insn(`store${SIZES[store[2]]}`, { dst: base, off, src: register(operands[1]) })
      : insn(`storeImm${SIZES[store[2]]}`, { dst: base, off, imm: number32(operands[1]) });
  }
  if (word === 'lddw') return insn('lddw', { dst: register(operands[0]) });
  if (word === 'exit') return insn('exit');
  if (word === 'ja') return insn('goto', { target: { text: operands[0], field: 'off' } });
  if (word === 'ja32') return insn('gotol', { target: { text: operands[0], field: 'imm' } });
  const jump = /^(j\w+?)(32)?$/.exec(word);
  if (jump !== null && operands.length === 3) {
    const [dst, other, to] = operands;
    const target = { text: to, field: 'off' as const };
    return isRegister(other)
      ? insn(`${jump[1]}${jump[2] ?? '64'}Reg`, { dst: register(dst), src: register(other), target })
      : insn(`${jump[1]}${jump[2] ?? '64'}Imm`, { dst: register(dst), imm: number32(other), target });
  }
  throw new SuiteSyntaxError(`instruction not understood: ${line}`);
}

/** @throws SuiteSyntaxError naming the line. */
export function assembleSuite(text: string): Insn[] {
  const slots: (Pending | Insn)[] = [];
  const labels = new Map<string, number>();
  for (const raw of text.split('\n')) {
    const line = raw.replace(/#.*/, '').trim();
    if (line === '') continue;
    const label = /^(\w+):$/.exec(line);
    if (label !== null) {
      labels.set(label[1], slots.length);
      continue;
    }
    const insn = readInsn(line);
    // The first exit instruction is a jump target by its own name.
    if (insn.row === OPCODES.exit && !labels.has('exit')) labels.set('exit', slots.length);
    slots.push(insn);
    if (insn.row === OPCODES.lddw) {
      const value = wide(line.slice(line.indexOf(',') + 1).trim());
      insn.imm = Number(BigInt.asIntN(32, value));
      slots.push({ code: 0, dst: 0, src: 0, off: 0, imm: Number(BigInt.asIntN(32, value >> 32n)) });
    }
  }
  return slots.map((slot, index) => {
    if (!('row' in slot)) return slot;
    if (slot.target !== undefined) {
      const { text: name, field } = slot.target;
      const at = labels.get(name);
      if (at === undefined && !/^[+-]/.test(name))
        throw new SuiteSyntaxError(`no label ${name}: ${slot.line}`);
      slot[field] = at === undefined ? number32(name) : at - index - 1;
    }
    return { code: slot.row.code, dst: slot.dst, src: slot.src, off: slot.off, imm: slot.imm };
  });
}
