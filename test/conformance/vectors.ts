/**
 * Our own conformance vectors: every row of the instruction table on edge operands, with expected values from the
 * bigint oracle (`oracle.ts`), and the hand-calculated ones of `test/fixtures/conformance/vectors.txt`.
 */
import * as fs from 'node:fs';
import { assemble } from '../../runtime/insn/assemble';
import type { Insn } from '../../runtime/insn/insn';
import { OPCODES, type OpcodeName, type OpcodeRow } from '../../runtime/spec/opcodes';
import { FormatError } from '../../runtime/util/problem';
import { bytesToHex, hexToBytes } from '../../runtime/util/hexText';
import { fixture } from '../support/paths';
import * as oracle from './oracle';
import { runProgram } from './runProgram';

export interface Vector {
  readonly name: string;
  /** The row it exercises, when it is generated. */
  readonly opcode?: OpcodeName;
  readonly insns: readonly Insn[];
  readonly memory: Uint8Array;
  /** Expected r0; undefined with `fault`. */
  readonly r0?: bigint;
  readonly memoryAfter?: Uint8Array;
  /** Expected fault kind. */
  readonly fault?: string;
}

const EDGES: readonly bigint[] = [
  0n,
  1n,
  2n,
  7n,
  0x1fn,
  0x20n,
  0x3fn,
  0x40n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x10000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1_0000_0001n,
  0x1122_3344_5566_7788n,
  0x20_0000_0000_0000n,
  0x7fff_ffff_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0x8000_0000_0000_0001n,
  0x8877_6655_4433_2211n,
  0xffff_ffff_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_ffff_ff80n,
  0xffff_ffff_ffff_fffen,
  0xffff_ffff_ffff_ffffn,
];
const EDGE_IMMEDIATES = [
  0, 1, 2, 7, 31, 32, 63, 64, 127, -128, 0x7fff, 65536, 0x7fffffff, -0x80000000, -2, -1,
];

const insn = (row: OpcodeRow, fields: Partial<Insn> = {}): Insn => ({
  code: row.code,
  dst: 0,
  src: row.src ?? 0,
  off: row.off ?? 0,
  imm: row.imm ?? 0,
  ...fields,
});

const lddw = (dst: number, value: bigint): Insn[] => [
  insn(OPCODES.lddw, { dst, imm: Number(BigInt.asIntN(32, value)) }),
  { code: 0, dst: 0, src: 0, off: 0, imm: Number(BigInt.asIntN(32, value >> 32n)) },
];
const move = (dst: number, src: number): Insn => insn(OPCODES.mov64Reg, { dst, src });
const exit = insn(OPCODES.exit);
const none = new Uint8Array();
const text = (value: bigint | number): string =>
  typeof value === 'number' ? String(value) : '0x' + value.toString(16);

/** dst = r3, src = r4; the result goes to r0. */
function binary(opcode: OpcodeName, row: OpcodeRow, expect: (a: bigint, b: bigint) => bigint): Vector[] {
  const vectors: Vector[] = [];
  const others: readonly (bigint | number)[] = row.source === 'reg' ? EDGES : EDGE_IMMEDIATES;
  for (const a of EDGES)
    for (const other of others) {
      const wide = typeof other === 'bigint';
      const b = wide ? other : oracle.immediate(other);
      const operation = wide ? insn(row, { dst: 3, src: 4 }) : insn(row, { dst: 3, imm: other });
      vectors.push({
        name: `${opcode} ${text(a)}, ${text(other)}`,
        opcode,
        insns: [...lddw(3, a), ...lddw(4, wide ? b : 0x5a5an), operation, move(0, 3), exit],
        memory: none,
        r0: expect(a, b),
      });
    }
  return vectors;
}

function unary(opcode: OpcodeName, operation: Insn, expect: (value: bigint) => bigint): Vector[] {
  return EDGES.map((value) => ({
    name: `${opcode} ${text(value)}`,
    opcode,
    insns: [...lddw(3, value), ...lddw(4, value), operation, move(0, 3), exit],
    memory: none,
    r0: expect(value),
  }));
}

function jump(opcode: OpcodeName, row: OpcodeRow, width: 32 | 64): Vector[] {
  return binary(opcode, row, (a, b) => (oracle.compare(row.symbol ?? '', width, a, b) ? 1n : 2n)).map((v) => {
    const [operation] = v.insns.slice(4);
    const body = [
      { ...operation, off: 2 },
      insn(OPCODES.mov64Imm, { imm: 2 }),
      exit,
      insn(OPCODES.mov64Imm, { imm: 1 }),
      exit,
    ];
    return { ...v, insns: [...v.insns.slice(0, 4), ...body] };
  });
}

const pattern = Uint8Array.from({ length: 24 }, (_, i) => (0x83 + 0x1d * i) & 0xff);

function bytesAt(memory: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(memory[at + i]);
  return value;
}

function withBytes(memory: Uint8Array, at: number, size: number, value: bigint): Uint8Array {
  const copy = memory.slice();
  for (let i = 0; i < size; i++) copy[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return copy;
}

/** r5 points into the middle of the memory; offsets of both signs, aligned and not. */
const OFFSETS = [-8, -5, -1, 0, 1, 3, 8];
const MIDDLE = 8;
const toMiddle = [move(5, 1), insn(OPCODES.add64Imm, { dst: 5, imm: MIDDLE })];

function loads(opcode: OpcodeName, row: OpcodeRow, width: number): Vector[] {
  const signed = row.kind === 'loadSigned';
  return OFFSETS.map((off) => {
    const raw = bytesAt(pattern, MIDDLE + off, width / 8);
    return {
      name: `${opcode} at ${off}`,
      opcode,
      insns: [...lddw(3, ~0n), ...toMiddle, insn(row, { dst: 3, src: 5, off }), move(0, 3), exit],
      memory: pattern,
      r0: signed ? oracle.movsx(width, 64, raw) : raw,
      memoryAfter: pattern,
    };
  });
}

function stores(opcode: OpcodeName, row: OpcodeRow, width: number): Vector[] {
  const vectors: Vector[] = [];
  for (const off of OFFSETS)
    for (const value of row.kind === 'storeImm' ? EDGE_IMMEDIATES : EDGES) {
      const imm = typeof value === 'number';
      const stored = imm ? oracle.immediate(value) : value;
      vectors.push({
        name: `${opcode} ${text(value)} at ${off}`,
        opcode,
        insns: [
          ...lddw(4, imm ? 0n : value),
          ...toMiddle,
          insn(row, imm ? { dst: 5, off, imm: value } : { dst: 5, off, src: 4 }),
          move(0, 5),
          insn(OPCODES.sub64Reg, { src: 1 }),
          exit,
        ],
        memory: pattern,
        r0: BigInt(MIDDLE),
        memoryAfter: withBytes(pattern, MIDDLE + off, width / 8, stored),
      });
    }
  return vectors;
}

function atomics(opcode: OpcodeName, row: OpcodeRow, width: 32 | 64): Vector[] {
  const symbols: Record<string, string> = { add: '+=', or: '|=', and: '&=', xor: '^=' };
  const vectors: Vector[] = [];
  const size = width / 8;
  for (const old of EDGES)
    for (const operand of EDGES) {
      const memory = withBytes(pattern, MIDDLE, 8, old);
      const before = BigInt.asUintN(width, old);
      const fetches = row.kind !== 'atomic';
      const exchange = row.kind === 'atomicXchg';
      const after = exchange
        ? operand
        : oracle.atomic(symbols[row.symbol ?? ''] ?? row.symbol ?? '', width, old, operand);
      vectors.push({
        name: `${opcode} ${text(old)}, ${text(operand)}`,
        opcode,
        insns: [...lddw(4, operand), ...toMiddle, insn(row, { dst: 5, src: 4 }), move(0, 4), exit],
        memory,
        r0: fetches ? before : operand,
        memoryAfter: withBytes(memory, MIDDLE, size, after),
      });
    }
  return vectors;
}

function compareExchange(opcode: OpcodeName, row: OpcodeRow, width: 32 | 64): Vector[] {
  const vectors: Vector[] = [];
  for (const old of EDGES)
    for (const expected of new Set([old, old ^ 1n, old ^ 0x1_0000_0000n])) {
      const memory = withBytes(pattern, MIDDLE, 8, old);
      const hit = BigInt.asUintN(width, old) === BigInt.asUintN(width, expected);
      const operand = 0x0102_0304_0506_0708n;
      vectors.push({
        name: `${opcode} ${text(old)} expecting ${text(expected)}`,
        opcode,
        insns: [
          ...lddw(0, BigInt.asUintN(64, expected)),
          ...lddw(4, operand),
          ...toMiddle,
          insn(row, { dst: 5, src: 4 }),
          exit,
        ],
        memory,
        r0: BigInt.asUintN(width, old),
        memoryAfter: hit ? withBytes(memory, MIDDLE, width / 8, operand) : memory,
      });
    }
  return vectors;
}

/** Vectors for one row; the rows that need a program around them are in the hand-written file. */
function generate(opcode: OpcodeName): Vector[] {
  const row: OpcodeRow = OPCODES[opcode];
  const width = row.width ?? 64;
  const word = width === 32 ? 32 : 64;
  switch (row.kind) {
    case 'alu':
      return binary(opcode, row, (a, b) => oracle.alu(row.symbol ?? '', word, a, b));
    case 'neg':
      return unary(opcode, insn(row, { dst: 3 }), (value) => oracle.neg(width, value));
    case 'movsx':
      return unary(opcode, insn(row, { dst: 3, src: 4 }), (value) =>
        oracle.movsx(row.fromWidth ?? 64, width, value),
      );
    case 'endian':
      return unary(opcode, insn(row, { dst: 3 }), (value) => oracle.endian(row.symbol ?? '', width, value));
    case 'jump':
      return jump(opcode, row, word);
    case 'load':
    case 'loadSigned':
    case 'loadAcquire':
      return loads(opcode, row, width);
    case 'store':
    case 'storeImm':
    case 'storeRelease':
      return stores(opcode, row, width);
    case 'atomic':
    case 'atomicFetch':
    case 'atomicXchg':
      return atomics(opcode, row, word);
    case 'atomicCmpxchg':
      return compareExchange(opcode, row, word);
    case 'addrSpaceCast':
    case 'goto':
    case 'gotox':
    case 'mayGoto':
    case 'call':
    case 'callx':
    case 'exit':
    case 'lddw':
    case 'loadAbs':
    case 'loadInd':
      return [];
  }
}

/**
 * Blocks separated by blank lines: `# name`, instructions, `mem: HEX` (optional), `r0: VALUE` or `fault: KIND`,
 * `after: HEX` (optional).
 */
function readHandWritten(): Vector[] {
  const file = fixture('conformance', 'vectors.txt');
  const vectors: Vector[] = [];
  for (const block of fs.readFileSync(file, 'utf8').split(/\n\s*\n/)) {
    const lines = block.split('\n').filter((line) => line.trim() !== '');
    const name = /^# (.*)/.exec(lines[0] ?? '')?.[1];
    if (name === undefined || lines.length < 2) continue;
    const field = (key: string): string | undefined =>
      lines
        .find((line) => line.startsWith(`${key}:`))
        ?.slice(key.length + 1)
        .trim();
    const bytes = (hex: string | undefined): Uint8Array | undefined => {
      if (hex === undefined) return undefined;
      const result = hexToBytes(hex);
      if (!result.ok) throw new Error(`${name}: ${result.problem.message}`);
      return result.value;
    };
    const code = lines.slice(1).filter((line) => !/^(mem|r0|fault|after):/.test(line));
    const r0 = field('r0');
    let insns: Insn[];
    try {
      insns = assemble(code.join('\n'));
    } catch (error) {
      if (error instanceof FormatError) throw new Error(`${name}: ${error.message}`);
      throw error;
    }
    vectors.push({
      name,
      insns,
      memory: bytes(field('mem')) ?? none,
      r0: r0 === undefined ? undefined : BigInt.asUintN(64, BigInt(r0)),
      memoryAfter: bytes(field('after')),
      fault: field('fault'),
    });
  }
  return vectors;
}

export const generatedVectors = (): Vector[] => (Object.keys(OPCODES) as OpcodeName[]).flatMap(generate);
export const handWrittenVectors = readHandWritten;
export const allVectors = (): Vector[] => [...generatedVectors(), ...handWrittenVectors()];

/** Undefined when the interpreter gives what is expected, in both modes; else what it gave instead. */
export function checkVector(vector: Vector): string | undefined {
  for (const checked of [true, false]) {
    const outcome = runProgram(vector.insns, vector.memory, checked);
    if (vector.fault !== undefined) {
      // What only checked mode can see may pass otherwise.
      if (checked && outcome.fault?.kind !== vector.fault)
        return `fault ${vector.fault} expected, got ${outcome.fault?.message ?? `r0 = ${text(outcome.r0)}`}`;
      continue;
    }
    if (outcome.fault !== undefined) return `insn ${outcome.fault.insnIdx}: ${outcome.fault.message}`;
    if (outcome.r0 !== vector.r0) return `r0 = ${text(outcome.r0)}, expected ${text(vector.r0 ?? 0n)}`;
    if (vector.memoryAfter !== undefined && bytesToHex(outcome.memory) !== bytesToHex(vector.memoryAfter))
      return `memory = ${bytesToHex(outcome.memory)}, expected ${bytesToHex(vector.memoryAfter)}`;
  }
  return undefined;
}
