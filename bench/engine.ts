/**
 * `npm run bench:engine -- FOLDER [--checked] [--rounds N]`: runs the engine benchmark programs of FOLDER (C sources,
 * compiled here with clang, or objects whose `.text` is the program) and prints million instructions per second.
 * Not a test, except that a wrong r0 is an error.
 *
 * Contract of the programs: r1 = 16 KiB context `{u64 iters, u64 seed, u8 data[]}`; helper 1 adds its two arguments.
 */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { decode } from '../runtime/insn/decode';
import type { Insn } from '../runtime/insn/insn';
import { memoryAddress } from '../runtime/vm/addresses';
import { allocateBlock, initBlock, readFuel, readRegister, writeFuel } from '../runtime/vm/calls';
import { registerOffset } from '../runtime/vm/contextBlock';
import type { Code } from '../runtime/vm/engine';
import { Interpreter } from '../runtime/vm/interpreter';
import { Memory } from '../runtime/vm/memory';

/** Name, iterations, expected r0 at the seed below. */
const PROGRAMS: readonly (readonly [name: string, iters: number, r0: bigint])[] = [
  ['xorshift64', 4_000_000, 0x38e6227f3be60f9n],
  ['alu32', 2_000_000, 0x4bda133c9d0eae88n],
  ['matmul', 30_000, 0x5ba0899415509n],
  ['hash', 8_000, 0xbf862ec836d693a6n],
  ['sieve', 24, 0x26550n],
  ['csum', 3_500, 0x6c7a922n],
  ['parse', 10_000, 0x86e72a6afd178540n],
  ['calls', 1_500_000, 0x90b5e1ad3c933a6n],
  ['divmod', 260_000, 0x3f79ffe36a9b2b3n],
  ['helper', 7_500_000, 0x9e377881803bc927n],
];
const SEED = 0x9e3779b97f4a7c15n;
const CONTEXT_SIZE_BYTES = 16384;
const SLICE = 2_000_000;

/** The `.text` of a little-endian ELF64 object. */
function textOf(file: string): Insn[] {
  const bytes = fs.readFileSync(file);
  const sections = Number(bytes.readBigUInt64LE(40));
  const entrySize = bytes.readUInt16LE(58);
  const nameSection = sections + entrySize * bytes.readUInt16LE(62);
  const names = Number(bytes.readBigUInt64LE(nameSection + 24));
  for (let i = 0; i < bytes.readUInt16LE(60); i++) {
    const at = sections + entrySize * i;
    const name = names + bytes.readUInt32LE(at);
    if (bytes.toString('latin1', name, name + 6) !== '.text\0') continue;
    const start = Number(bytes.readBigUInt64LE(at + 24));
    return decode(bytes.subarray(start, start + Number(bytes.readBigUInt64LE(at + 32))));
  }
  throw new Error(`${file}: no .text`);
}

function compile(folder: string, name: string, into: string): string {
  const object = path.join(folder, `${name}.o`);
  if (fs.existsSync(object)) return object;
  const output = path.join(into, `${name}.o`);
  const clang = process.env.CLANG ?? 'clang-19';
  const source = path.join(folder, `${name}.c`);
  execFileSync(clang, ['-O2', '-target', 'bpf', '-mcpu=v3', '-c', source, '-o', output]);
  return output;
}

class Bench {
  private readonly memory = new Memory(1 << 24);
  private readonly block = allocateBlock(this.memory, 'benchmark');
  private readonly contextAt = this.memory.allocate(CONTEXT_SIZE_BYTES);
  private readonly engine: Interpreter;

  constructor(
    insns: readonly Insn[],
    private readonly checked: boolean,
  ) {
    this.memory.addRegion('packet', this.contextAt, CONTEXT_SIZE_BYTES, 'context');
    const code: Code = { id: 1, name: 'entry', insns };
    this.engine = new Interpreter(this.memory, new Map([[1, code]]), {
      load: () => undefined,
      store: () => false,
    });
  }

  run(iters: number): { r0: bigint; executed: number; seconds: number } {
    const { memory, block } = this;
    memory.store64(this.contextAt, BigInt(iters));
    memory.store64(this.contextAt + 8, SEED);
    let x = 12345;
    for (let i = 16; i < CONTEXT_SIZE_BYTES; i++) {
      x = (Math.imul(x, 1664525) + 1013904223) | 0;
      memory.store8(this.contextAt + i, x >>> 24);
    }
    initBlock(memory, block, 1, 0, [memoryAddress(this.contextAt)]);
    const registers = registerOffset(block, 0) >> 2;
    const options = { checked: this.checked, skipBreakpoint: false };
    const started = process.hrtime.bigint();
    let executed = 0;
    for (;;) {
      writeFuel(memory, block, SLICE);
      let stop = this.engine.run(block, options);
      while (stop.kind === 'helper') {
        // On pairs, as a driver does for hot helpers.
        const { i32 } = memory;
        const low = (i32[registers + 2] + i32[registers + 4]) | 0;
        const carry = low >>> 0 < i32[registers + 4] >>> 0 ? 1 : 0;
        i32[registers + 1] = (i32[registers + 3] + i32[registers + 5] + carry) | 0;
        i32[registers] = low;
        stop = this.engine.run(block, options);
      }
      executed += SLICE - readFuel(memory, block);
      if (stop.kind === 'fuel') continue;
      if (stop.kind !== 'exit') throw new Error(`stopped: ${JSON.stringify(stop)}`);
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      return { r0: readRegister(memory, block, 0), executed, seconds };
    }
  }
}

function main(args: readonly string[]): number {
  const folder = args.find((arg) => !arg.startsWith('--'));
  if (folder === undefined || !fs.existsSync(folder)) {
    console.error('usage: npm run bench:engine -- FOLDER [--checked] [--rounds=N]');
    return 2;
  }
  const rounds = Number(args.find((arg) => arg.startsWith('--rounds='))?.slice(9) ?? 3);
  const only = args.find((arg) => arg.startsWith('--only='))?.slice(7);
  const checked = args.includes('--checked');
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  let wrong = 0;
  let product = 1;
  let count = 0;
  try {
    for (const [name, iters, expected] of PROGRAMS) {
      if (only !== undefined && only !== name) continue;
      const bench = new Bench(textOf(compile(folder, name, scratch)), checked);
      const { r0 } = bench.run(Math.ceil(iters / 20));
      void r0;
      const rates: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const result = bench.run(iters);
        if (result.r0 !== expected) {
          console.error(`${name}: r0 = 0x${result.r0.toString(16)}, expected 0x${expected.toString(16)}`);
          wrong++;
          break;
        }
        rates.push(result.executed / result.seconds / 1e6);
      }
      rates.sort((a, b) => a - b);
      const median = rates[rates.length >> 1] ?? 0;
      product *= median;
      count++;
      console.log(`${name.padEnd(12)} ${median.toFixed(0).padStart(6)} M insn/s`);
    }
  } finally {
    fs.rmSync(scratch, { recursive: true });
  }
  console.log(
    `${'geomean'.padEnd(12)} ${Math.pow(product, 1 / count)
      .toFixed(0)
      .padStart(6)} M insn/s`,
  );
  return wrong === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
