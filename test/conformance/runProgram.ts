/**
 * Runs bare instructions on the interpreter as the conformance suites expect: r1 = a piece of memory, r2 = its length,
 * no maps, one helper (number 5, `unwind`: ends the program when its argument is 0).
 */
import type { Insn } from '../../runtime/insn/insn';
import { memoryAddress } from '../../runtime/vm/addresses';
import { allocateBlock, initBlock, readRegister, writeFuel, writeRegister } from '../../runtime/vm/calls';
import type { Code, ContextAccess, Fault } from '../../runtime/vm/engine';
import { Interpreter } from '../../runtime/vm/interpreter';
import { Memory } from '../../runtime/vm/memory';

export interface Outcome {
  readonly r0: bigint;
  readonly fault?: Fault;
  readonly memory: Uint8Array;
}

const FUEL = 50_000_000;
const UNWIND = 5;
const noContext: ContextAccess = { load: () => undefined, store: () => false };

/** Largest input memory. */
const INPUT_MAX_BYTES = 65536;

// One memory for all runs: making one costs a hundred times what a vector's few instructions cost.
const memory = new Memory(1 << 24);
const block = allocateBlock(memory, 'program');
memory.allocate(64); // a gap that belongs to nothing
const inputAt = memory.allocate(INPUT_MAX_BYTES);
memory.addRegion('packet', inputAt, 1, 'memory');
const codes = new Map<number, Code>();
const engine = new Interpreter(memory, codes, noContext);

/** @param checked every access is looked up in the region table. */
export function runProgram(insns: readonly Insn[], input: Uint8Array, checked = true): Outcome {
  if (input.length > INPUT_MAX_BYTES) throw new Error(`memory of ${input.length} bytes is too large`);
  memory.endRegion(inputAt);
  memory.addRegion('packet', inputAt, Math.max(1, input.length), 'memory');
  memory.write(inputAt, input);
  codes.set(1, { id: 1, name: 'program', insns });
  const args = input.length > 0 ? [memoryAddress(inputAt), BigInt(input.length)] : [0n, 0n];
  initBlock(memory, block, 1, 0, args);
  writeFuel(memory, block, FUEL);
  for (;;) {
    const stop = engine.run(block, { checked, skipBreakpoint: false });
    const r0 = readRegister(memory, block, 0);
    const after = memory.read(inputAt, input.length);
    if (stop.kind === 'exit') return { r0, memory: after };
    if (stop.kind === 'fault') return { r0, fault: stop.fault, memory: after };
    if (stop.kind === 'helper' && stop.id === UNWIND) {
      const value = readRegister(memory, block, 1);
      writeRegister(memory, block, 0, value);
      if (value === 0n) return { r0: value, memory: after };
      continue;
    }
    const message = stop.kind === 'fuel' ? `no end after ${FUEL} instructions` : `stopped: ${stop.kind}`;
    return { r0, fault: { kind: 'badInsn', insnIdx: 0, message }, memory: after };
  }
}
