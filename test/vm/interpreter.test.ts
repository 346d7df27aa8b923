import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { assemble } from '../../runtime/insn/assemble';
import { contextAddress, functionAddress, MEMORY_TAG, memoryAddress } from '../../runtime/vm/addresses';
import {
  allocateBlock,
  initBlock,
  popCallback,
  pushCallback,
  readFuel,
  readPc,
  readRegister,
  releaseBlock,
  tailCallTo,
  writeFuel,
  writeRegister,
} from '../../runtime/vm/calls';
import { FRAMES_MAX } from '../../runtime/vm/contextBlock';
import type { Code, ContextAccess, EngineStop } from '../../runtime/vm/engine';
import { readFrames } from '../../runtime/vm/frames';
import { Interpreter } from '../../runtime/vm/interpreter';
import { Memory, PAGE_SIZE_BYTES } from '../../runtime/vm/memory';

interface Rig {
  readonly memory: Memory;
  readonly block: number;
  readonly codes: Map<number, Code>;
  readonly engine: Interpreter;
  run(options?: { checked?: boolean; skipBreakpoint?: boolean; fuel?: number }): EngineStop;
  r(register: number): bigint;
}

function rig(programs: readonly string[], context?: ContextAccess): Rig {
  const memory = new Memory(1 << 22);
  const block = allocateBlock(memory, 'test');
  const codes = new Map(programs.map((text, id) => [id, { id, name: `p${id}`, insns: assemble(text) }]));
  const engine = new Interpreter(memory, codes, context ?? { load: () => undefined, store: () => false });
  initBlock(memory, block, 0, 0, []);
  return {
    memory,
    block,
    codes,
    engine,
    run(options = {}) {
      if (options.fuel !== undefined || readFuel(memory, block) === 0)
        writeFuel(memory, block, options.fuel ?? 100_000);
      return engine.run(block, {
        checked: options.checked ?? true,
        skipBreakpoint: options.skipBreakpoint ?? false,
      });
    },
    r: (register) => readRegister(memory, block, register),
  };
}

describe('the interpreter', () => {
  it('stops when the fuel is used up and goes on where it stopped', () => {
    const t = rig(['r0 = 1\nr0 += 1\nr0 += 1\nexit']);
    assert.deepEqual(t.run({ fuel: 2 }), { kind: 'fuel' });
    assert.equal(readPc(t.memory, t.block), 2);
    assert.equal(t.r(0), 2n);
    assert.deepEqual(t.run({ fuel: 10 }), { kind: 'exit' });
    assert.equal(readFuel(t.memory, t.block), 8);
    assert.equal(t.r(0), 3n);
  });

  it('counts one instruction for a wide load, and none for the instruction that faults', () => {
    const t = rig(['r1 = 0x123456789a ll\nr0 = *(u8 *)(r1 +0)\nexit']);
    const stop = t.run({ fuel: 10 });
    assert.equal(stop.kind, 'fault');
    assert.equal(readFuel(t.memory, t.block), 9);
    assert.equal(readPc(t.memory, t.block), 2);
  });

  it('gives the same end whatever the slices', () => {
    const program = `
      r6 = 20
      r7 = 0
      loop:
      r1 = r6
      call square
      r7 += r0
      r6 += -1
      if r6 != 0 goto loop
      r0 = r7
      exit
      square:
      *(u64 *)(r10 -8) = r1
      r0 = *(u64 *)(r10 -8)
      r0 *= r1
      exit`;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (slices) => {
        const t = rig([program]);
        let stop: EngineStop = { kind: 'fuel' };
        for (let i = 0; stop.kind === 'fuel'; i++) stop = t.run({ fuel: slices[i % slices.length] });
        assert.equal(stop.kind, 'exit');
        assert.equal(t.r(0), 2870n);
      }),
      { numRuns: 30 },
    );
  });

  it('hands helper and kernel function calls to its driver, pc behind the call', () => {
    const t = rig(['r1 = 7\ncall 5\ncall kfunc#1234\nexit']);
    assert.deepEqual(t.run(), { kind: 'helper', id: 5, insnIdx: 1 });
    assert.equal(readPc(t.memory, t.block), 2);
    assert.equal(t.r(1), 7n);
    assert.deepEqual(t.run(), { kind: 'kfunc', btfId: 1234, insnIdx: 2 });
    writeRegister(t.memory, t.block, 0, -1n);
    assert.equal(t.run().kind, 'exit');
    assert.equal(t.r(0), 0xffff_ffff_ffff_ffffn);
  });

  it('stops before a breakpoint, passes it on demand, and stops there again', () => {
    const t = rig(['r0 = 0\nr0 += 1\nif r0 != 2 goto pc-2\nexit']);
    const code = t.codes.get(0);
    assert.ok(code);
    code.breakpoints = new Set([1]);
    assert.deepEqual(t.run(), { kind: 'breakpoint', insnIdx: 1 });
    assert.deepEqual(t.run(), { kind: 'breakpoint', insnIdx: 1 });
    assert.deepEqual(t.run({ skipBreakpoint: true }), { kind: 'breakpoint', insnIdx: 1 });
    assert.equal(t.r(0), 1n);
    code.breakpoints = new Set();
    assert.deepEqual(t.run(), { kind: 'exit' });
  });

  it('takes no fuel for a breakpoint and single-steps with a fuel of one', () => {
    const t = rig(['r0 = 1\nr0 += 1\nexit']);
    const code = t.codes.get(0);
    assert.ok(code);
    code.breakpoints = new Set([0, 1]);
    assert.equal(t.run({ fuel: 1 }).kind, 'breakpoint');
    assert.equal(readFuel(t.memory, t.block), 1);
    assert.deepEqual(t.run({ fuel: 1, skipBreakpoint: true }), { kind: 'fuel' });
    assert.equal(readPc(t.memory, t.block), 1);
  });

  it('runs a callback on top of a program that waits in a helper', () => {
    const t = rig([
      'r6 = 11\nr7 = 22\ncall 1\nr0 = r6\nr0 += r7\nexit\ncallback:\nr6 = 0\nr0 = r1\nr0 += r2\nexit',
    ]);
    assert.equal(t.run().kind, 'helper');
    assert.ok(pushCallback(t.memory, t.block, 0, 6, [3n, 4n]));
    const frames = readFrames(t.memory, t.block);
    assert.deepEqual(
      frames.map((f) => [f.index, f.insnIdx, f.isCallback]),
      [
        [1, 6, true],
        [0, 2, false],
      ],
    );
    assert.equal(frames[1].registers[6], 11n);
    assert.equal(frames[1].registers[1], undefined);
    assert.equal(frames[0].r10 - frames[1].r10, 512n);
    assert.equal(t.run().kind, 'exit');
    assert.equal(popCallback(t.memory, t.block), 7n);
    assert.equal(readPc(t.memory, t.block), 3);
    assert.equal(t.run().kind, 'exit');
    assert.equal(t.r(0), 33n);
  });

  it('nests callbacks and refuses one that no stack is left for', () => {
    const t = rig(['call 1\nexit\nr0 = 1\ncall 1\nr0 += 1\nexit']);
    t.run();
    for (let depth = 1; depth < FRAMES_MAX; depth++) {
      assert.ok(pushCallback(t.memory, t.block, 0, 2, []), `depth ${depth}`);
      assert.equal(t.run().kind, 'helper');
    }
    assert.equal(pushCallback(t.memory, t.block, 0, 2, []), false);
    for (let depth = FRAMES_MAX - 1; depth > 0; depth--) {
      assert.equal(t.run().kind, 'exit');
      popCallback(t.memory, t.block);
      writeRegister(t.memory, t.block, 0, 5n);
    }
    assert.equal(t.run().kind, 'exit');
    assert.equal(t.r(0), 5n);
    assert.throws(() => popCallback(t.memory, t.block), /no callback frame/);
  });

  it('returns to the caller of a subprogram that was replaced by a tail call', () => {
    const t = rig(['r6 = 1\ncall sub\nr0 += r6\nexit\nsub:\nr6 = 100\ncall 12\nexit', 'r0 = 40\nexit']);
    assert.equal(t.run().kind, 'helper');
    tailCallTo(t.memory, t.block, 1);
    assert.equal(t.run().kind, 'exit');
    assert.equal(t.r(0), 41n);
  });

  it('faults when control returns to a program that is gone', () => {
    const t = rig(['call sub\nexit\nsub:\ncall 12\nexit', 'r0 = 0\nexit']);
    t.run();
    tailCallTo(t.memory, t.block, 1);
    t.codes.delete(0);
    const stop = t.run();
    assert.ok(stop.kind === 'fault' && stop.fault.kind === 'badCall');
  });

  it('calls a function by its address', () => {
    const t = rig(['callx r1\nexit\nr0 = 5\nexit']);
    writeRegister(t.memory, t.block, 1, functionAddress(0, 2));
    assert.equal(t.run().kind, 'exit');
    assert.equal(t.r(0), 5n);
  });

  it('reads and writes context fields through their translator', () => {
    const stores: [number, number, bigint][] = [];
    const context: ContextAccess = {
      load: (offset, size) => (offset === 0x1004 && size === 4 ? 0xffff_fffen : undefined),
      store: (offset, size, value) => {
        stores.push([offset, size, value]);
        return offset === 0x1008;
      },
    };
    for (const checked of [true, false]) {
      const t = rig(
        [
          'r0 = *(u32 *)(r1 +4)\nr2 = -1\n*(u32 *)(r1 +8) = r2\n*(u16 *)(r1 +8) = 513\nr3 = *(u64 *)(r1 +4)\nexit',
        ],
        context,
      );
      writeRegister(t.memory, t.block, 1, contextAddress(0x1000));
      const stop = t.run({ checked });
      assert.equal(t.r(0), 0xffff_fffen);
      assert.ok(stop.kind === 'fault' && stop.fault.insnIdx === 4 && stop.fault.kind === 'badAccess');
      assert.match(stop.fault.message, /no such field/);
    }
    assert.deepEqual(stores.slice(0, 2), [
      [0x1008, 4, 0xffff_ffffn],
      [0x1008, 2, 513n],
    ]);
  });

  it('ends the program with zero when an skb load is beyond the packet', () => {
    const context: ContextAccess = {
      load: () => undefined,
      store: () => false,
      packet: (at, offset, size) => (at === 64 && offset + size <= 4 ? 0x80 + offset : undefined),
    };
    const t = rig(['r0 = *(u8 *)skb[2]\nr7 = r0\nr1 = 1\nr0 = *(u16 *)skb[r1 + 3]\nr0 = 77\nexit'], context);
    writeRegister(t.memory, t.block, 6, contextAddress(64));
    assert.equal(t.run().kind, 'exit');
    assert.equal(t.r(7), 0x82n);
    assert.equal(t.r(0), 0n);
  });

  it('stops at a program that does not exist and at a pc outside it', () => {
    const t = rig(['exit']);
    initBlock(t.memory, t.block, 9, 0, []);
    assert.equal(t.run().kind, 'fault');
    initBlock(t.memory, t.block, 0, 400_000, []);
    assert.equal(t.run().kind, 'fault');
  });

  it('never throws on arbitrary slots', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            code: fc.integer({ min: 0, max: 255 }),
            dst: fc.integer({ min: 0, max: 15 }),
            src: fc.integer({ min: 0, max: 15 }),
            off: fc.integer({ min: -20, max: 20 }),
            imm: fc.oneof(fc.integer({ min: -20, max: 20 }), fc.integer()),
          }),
          { minLength: 1, maxLength: 20 },
        ),
        fc.boolean(),
        (insns, checked) => {
          const t = rig(['exit']);
          t.codes.set(0, { id: 0, name: 'random', insns });
          writeRegister(t.memory, t.block, 1, memoryAddress(t.block + 2000));
          for (let i = 0; i < 20; i++) {
            const stop = t.run({ checked, fuel: 200 });
            if (stop.kind === 'exit' || stop.kind === 'fault') break;
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('memory checks', () => {
  function withValue(program: string, writable = true): Rig & { at: number } {
    const t = rig([program]);
    const at = t.memory.allocate(16);
    t.memory.addRegion('mapValue', at, 16, 'flows value', writable);
    writeRegister(t.memory, t.block, 1, memoryAddress(at));
    return { ...t, at };
  }

  it('name the freed object that a checked program touches', () => {
    const t = withValue('r0 = *(u64 *)(r1 +8)\nexit');
    t.memory.endRegion(t.at);
    const stop = t.run();
    assert.ok(stop.kind === 'fault');
    assert.equal(stop.fault.kind, 'useAfterFree');
    assert.equal(stop.fault.message, 'Read of 8 bytes at offset 8 of flows value, which has been freed.');
    assert.equal(stop.fault.address, memoryAddress(t.at + 8));
    assert.equal(t.run({ checked: false }).kind, 'exit');
  });

  it('refuse writes to read-only memory but not reads', () => {
    const t = withValue('r0 = *(u8 *)(r1 +0)\n*(u8 *)(r1 +0) = 1\nexit', false);
    const stop = t.run();
    assert.ok(stop.kind === 'fault' && stop.fault.kind === 'readOnly' && stop.fault.insnIdx === 1);
  });

  it('tell how far behind an object a stray access lies', () => {
    const t = withValue('r0 = *(u8 *)(r1 +20)\nexit');
    const stop = t.run();
    assert.ok(stop.kind === 'fault');
    assert.match(stop.fault.message, /4 bytes past the end of flows value/);
  });

  it('keep the registers of a block out of reach', () => {
    const t = withValue('*(u8 *)(r1 +0) = 1\nexit');
    writeRegister(t.memory, t.block, 1, memoryAddress(t.block));
    assert.equal(t.run().kind, 'fault');
  });

  it('see a stack pointer outlive its block', () => {
    const t = withValue('r0 = *(u8 *)(r1 +0)\nexit');
    const other = allocateBlock(t.memory, 'other');
    writeRegister(t.memory, t.block, 1, memoryAddress(other + 2000));
    assert.equal(t.run().kind, 'exit');
    releaseBlock(t.memory, other);
    initBlock(t.memory, t.block, 0, 0, [memoryAddress(other + 2000)]);
    const stop = t.run();
    assert.ok(stop.kind === 'fault' && stop.fault.kind === 'useAfterFree');
  });

  it('never let an unchecked program out of linear memory', () => {
    const t = rig(['r0 = *(u64 *)(r1 +0)\n*(u64 *)(r1 +0) = r0\nexit']);
    const end = t.memory.u8.length;
    for (const [low, fine] of [
      [end - 8, true],
      [end - 7, false],
      [end, false],
      [0xffff_fffc, false],
    ] as const) {
      initBlock(t.memory, t.block, 0, 0, [(BigInt(MEMORY_TAG >>> 0) << 32n) | BigInt(low)]);
      assert.equal(t.run({ checked: false }).kind, fine ? 'exit' : 'fault', `offset ${low}`);
    }
  });

  it('mark the pages of every store dirty, and no others', () => {
    for (const checked of [true, false]) {
      const t = rig(['*(u64 *)(r1 +0) = 7\nr2 = 1\nlock *(u32 *)(r3 +0) += r2\nexit']);
      const at = t.memory.allocate(8 * PAGE_SIZE_BYTES);
      t.memory.addRegion('scratch', at, 8 * PAGE_SIZE_BYTES, 'area');
      const page = Math.ceil(at / PAGE_SIZE_BYTES) + 1;
      initBlock(t.memory, t.block, 0, 0, [
        memoryAddress(page * PAGE_SIZE_BYTES - 4),
        0n,
        memoryAddress((page + 3) * PAGE_SIZE_BYTES),
      ]);
      t.memory.takeDirtyPages();
      assert.equal(t.run({ checked }).kind, 'exit');
      const dirty = t.memory.takeDirtyPages().filter((p) => p >= page - 1);
      assert.deepEqual(dirty, [page - 1, page, page + 3]);
    }
  });
});
