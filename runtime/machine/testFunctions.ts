/**
 * A test run of a tracing program: the kernel calls its test functions, and with them whatever is attached there.
 */
import { attachedTo } from './attachments';
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import {
  ENTRY_FUNCTIONS,
  MODIFY_FUNCTIONS,
  type TestArgument,
  type TestFunction,
} from '../spec/testFunctions';
import { ok, type Result } from '../util/problem';
import { memoryAddress } from '../vm/addresses';
import type { Machine, StartOptions } from './machine';
import type { Player } from './player';

const INTEGER_BITS = 32;
/** Offsets in `struct pt_regs` of the registers that hold arguments, in their order, and of the one that holds the result. */
const ARGUMENT_REGISTERS = [112, 104, 96, 88, 72, 64];
const RESULT_REGISTER = 80;
const REGISTERS_BYTES = 168;

/** The functions' memory, and what their pointers point to. */
class Calls {
  private readonly zeros: number;
  private readonly two: number;

  constructor(
    private readonly machine: Machine,
    private readonly player: Player,
  ) {
    const { memory } = machine;
    this.zeros = memory.allocate(8);
    this.two = memory.allocate(8);
    memory.addRegion('context', this.zeros, 8, 'argument of a test function', false);
    memory.addRegion('context', this.two, 8, 'argument of a test function', false);
    memory.store64(this.zeros, 0n);
  }

  private argument(given: TestArgument): bigint {
    if (typeof given === 'bigint') return given;
    return memoryAddress(given === 'zeros' ? this.zeros : this.two);
  }

  /** The function's result as its caller sees it, and whether it was run at all. */
  call(f: TestFunction): Result<{ readonly result: bigint; readonly ran: boolean }> {
    const { memory } = this.machine;
    memory.store64(this.two, 2n);
    const args = f.args.map((given) => this.argument(given));
    for (const point of ['kprobe', 'fentry']) {
      const done = this.attached(`${point}/${f.name}`, args, 0n);
      if (!done.ok) return done;
    }
    const modified = this.attached(`fmod_ret/${f.name}`, args, 0n, true);
    if (!modified.ok) return modified;
    const ran = modified.value === 0n;
    if (ran && f.args.includes('two')) memory.store64(this.two, 3n);
    const result = ran ? f.result : modified.value;
    for (const point of ['kretprobe', 'fexit']) {
      const done = this.attached(`${point}/${f.name}`, args, result);
      if (!done.ok) return done;
    }
    return ok({ result, ran });
  }

  /** Runs what is attached to a point; the last result that is not zero ends it where results count. */
  private attached(point: string, args: readonly bigint[], result: bigint, counts = false): Result<bigint> {
    let last = result;
    for (const id of attachedTo(this.machine.kernel, point)) {
      const program = this.machine.programs[id];
      const probe = program.type === 'BPF_PROG_TYPE_KPROBE';
      const ctx = probe
        ? registers(args, result)
        : words(point.startsWith('fentry') ? args : [...args, last]);
      const start: StartOptions = probe ? { ctx } : { ctx, argumentCount: args.length };
      const done = this.player.runProgram(program, start, 1);
      if (!done.ok) return done;
      if (!counts) continue;
      last = BigInt.asUintN(64, BigInt(done.value | 0));
      if (last !== 0n) break;
    }
    return ok(last);
  }
}

function words(values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setBigUint64(i * 8, value, true);
  return bytes;
}

function registers(args: readonly bigint[], result: bigint): Uint8Array {
  const bytes = new Uint8Array(REGISTERS_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, offset] of ARGUMENT_REGISTERS.entries())
    if (i < args.length) view.setBigUint64(offset, args[i], true);
  view.setBigUint64(RESULT_REGISTER, result, true);
  return bytes;
}

const present = (machine: Machine, f: TestFunction): boolean =>
  f.feature === undefined || has(machine.profile, f.feature);

/** Calls the functions for programs that look on; 0, or the errno of a result that is not as it should be. */
export function callEntryFunctions(machine: Machine, player: Player): Result<number> {
  const calls = new Calls(machine, player);
  for (const f of ENTRY_FUNCTIONS) {
    if (!present(machine, f)) continue;
    const called = calls.call(f);
    if (!called.ok) return called;
    if (BigInt.asIntN(INTEGER_BITS, called.value.result) !== f.result) return ok(ERRNO.EFAULT);
  }
  return ok(0);
}

/** Calls those for programs that change results: what they gave together, and above it how many were really run. */
export function callModifyFunctions(machine: Machine, player: Player): Result<number> {
  const calls = new Calls(machine, player);
  let sum = 0;
  let ran = 0;
  for (const f of MODIFY_FUNCTIONS) {
    if (!present(machine, f)) continue;
    const called = calls.call(f);
    if (!called.ok) return called;
    sum += Number(BigInt.asIntN(INTEGER_BITS, called.value.result));
    if (called.value.ran) ran++;
  }
  return ok((ran << 16) | (sum & 0xffff));
}
