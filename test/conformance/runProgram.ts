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

const FUEL = 10_000_000;
const UNWIND = 5;
const noContext: ContextAccess = { load: () => undefined, store: () => false };

/** @param checked every access is looked up in the region table. */
export function runProgram(insns: readonly Insn[], input: Uint8Array, checked = true): Outcome {
  const memory = new Memory(1 << 24);
  const block = allocateBlock(memory, 'program');
  const at = memory.allocate(Math.max(8, input.length));
  memory.addRegion('packet', at, Math.max(1, input.length), 'memory');
  memory.write(at, input);
  const code: Code = { id: 1, name: 'program', insns };
  const engine = new Interpreter(memory, new Map([[1, code]]), noContext);
  const args = input.length > 0 ? [memoryAddress(at), BigInt(input.length)] : [0n, 0n];
  initBlock(memory, block, 1, 0, args);
  writeFuel(memory, block, FUEL);
  for (;;) {
    const stop = engine.run(block, { checked, skipBreakpoint: false });
    const r0 = readRegister(memory, block, 0);
    const after = memory.read(at, input.length);
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
