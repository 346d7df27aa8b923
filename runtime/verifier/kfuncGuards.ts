/**
 * Locks that may fail (`bpf_res_spin_lock`) and interrupts switched off (`bpf_local_irq_save`), or both at once: newest kernels.
 * Locks nest and are given back in reverse order; so are the flags of interrupts, which live in a stack slot and know
 * whether a lock or the program itself saved them. Taking a lock has two outcomes: held with 0, or not held with an error.
 * Not here: plain spin locks (`helperLocks.ts`), which exclude each other.
 * Evidence: programs of test/fixtures/rulebook/newest, measured on 7.2.
 */
import { resolvedType } from '../btf/query';
import { asS64, asU64 } from '../util/u64';
import { allocatedFields } from './allocated';
import { pushBranch } from './branches';
import { newId, unknown, type VerifierEnv } from './env';
import { forEachReg } from './everyRegister';
import { setSlot } from './frame';
import { inTreeCallback } from './kfuncGraph';
import { type KfuncCall, refuse } from './kfuncModel';
import { kernelMapName, mapInfo } from './mapRules';
import { EACCES, EFAULT, EINVAL } from './outcome';
import {
  knownScalar,
  MEM_ALLOC,
  NON_OWN_REF,
  NOT_INIT,
  pointer,
  UNKNOWN_SCALAR,
  type RegState,
} from './regState';
import { writeStack } from './stackAccess';
import { placeOf } from './stackObjects';
import { allKinds, EMPTY_SLOT, SLOT_IRQ, slotKind } from './stackState';
import { addSlot } from './slotSet';
import type { ActiveLock } from './verifierState';
import { U64_MAX } from '../util/u64';

const TAKES: ReadonlySet<string> = new Set(['bpf_res_spin_lock', 'bpf_res_spin_lock_irqsave']);

/** The call takes a lock and may fail. */
export const mayFailToLock = (name: string): boolean => TAKES.has(name);

/** Puts the outcome aside in which the lock was not taken. Asked before the arguments are. */
export function failToLock(env: VerifierEnv, insnIdx: number): void {
  const other = pushBranch(env, insnIdx + 1, insnIdx);
  const frame = other.frames[other.frames.length - 1];
  for (let n = 1; n <= 5; n++) frame.regs[n] = NOT_INIT;
  frame.preciseRegs &= ~0x3f;
  const LOWEST = -4095;
  frame.regs[0] = {
    ...UNKNOWN_SCALAR,
    s32min: LOWEST,
    s32max: -1,
    u32min: LOWEST >>> 0,
    u32max: 0xffff_ffff,
    smin: BigInt(LOWEST),
    smax: -1n,
    umin: BigInt.asUintN(64, BigInt(LOWEST)),
    umax: U64_MAX,
    bits: { value: ~0xfffn & U64_MAX, mask: 0xfffn },
  };
}

/** What the call returns on the path that holds the lock. */
export const LOCK_TAKEN: RegState = knownScalar(0n);

/** What a register's lock is in, after all checks of the pointer itself. */
function lockedThing(env: VerifierEnv, regno: number, reg: RegState): object | 'alloc' {
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'guard-argument', [regno]);
  const { map } = reg;
  if (reg.bits.mask !== 0n)
    wrong(`R${regno} doesn't have constant offset. bpf_res_spin_lock has to be at the constant offset`);
  const inMap = reg.type === 'mapValue' && map !== null;
  if (inMap && !mapInfo(env, map).hasBtf)
    wrong(`map '${kernelMapName(map)}' has to have BTF in order to use bpf_res_spin_lock`);
  const fields = inMap ? mapInfo(env, map).fields.fields : allocatedFields(env, reg.btfId).fields;
  const field = fields.find(({ kind }) => kind === 'resSpinLock');
  if (field === undefined)
    return wrong(`${inMap ? `map '${kernelMapName(map)}'` : "local 'kptr'"} has no valid bpf_res_spin_lock`);
  const at = asS64(asU64(reg.bits.value + BigInt(reg.off)));
  if (at !== BigInt(field.offset))
    wrong(`off ${at} doesn't point to 'struct bpf_res_spin_lock' that is at ${field.offset}`);
  return inMap ? map : 'alloc';
}

function heldLock(env: VerifierEnv, fits: (lock: ActiveLock) => boolean): ActiveLock | undefined {
  for (let lock = env.cur.activeLock; lock !== null; lock = lock.outer) if (fits(lock)) return lock;
  return undefined;
}

/** The lock argument of the four functions. */
export function checkGuard(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): false {
  const regno = i + 1;
  const { name } = call.row;
  const wrong = (message: string): never => refuse(env, message, EINVAL, 'guard-order', [regno]);
  if (inTreeCallback(env))
    refuse(env, "can't res_spin_{lock,unlock} in rbtree cb", EACCES, 'guard-order', [regno]);
  const held = reg.type === 'mapValue' ? reg.flags === 0 : reg.type === 'btfId' && reg.flags === MEM_ALLOC;
  if (!held)
    refuse(env, `R${regno} doesn't point to map value or allocated object`, EINVAL, 'guard-argument', [
      regno,
    ]);
  const of = lockedThing(env, regno, reg);
  const kind = name.includes('_irq') ? 'resIrq' : 'res';
  const { cur } = env;
  if (mayFailToLock(name)) {
    if (heldLock(env, (lock) => lock.kind !== 'spin' && lock.id === reg.id && lock.of === of) !== undefined)
      wrong('Acquiring the same lock again, AA deadlock detected');
    cur.activeLock = { id: reg.id, of, kind, outer: cur.activeLock };
    return false;
  }
  const inner = cur.activeLock;
  if (inner === null) return wrong('bpf_res_spin_unlock without taking a lock');
  if (heldLock(env, (lock) => lock.kind === kind && lock.id === reg.id && lock.of === of) === undefined)
    wrong('bpf_res_spin_unlock of different lock');
  if (inner.id !== reg.id || inner.of !== of) wrong('bpf_res_spin_unlock cannot be out of order');
  cur.activeLock = inner.outer;
  forEachReg(env, cur, (seen) => ((seen.flags & NON_OWN_REF) !== 0 ? UNKNOWN_SCALAR : seen));
  return false;
}

/** The flags argument: a stack slot that a saving call fills and a restoring one empties. */
export function checkInterruptFlags(env: VerifierEnv, call: KfuncCall, i: number, reg: RegState): false {
  const regno = i + 1;
  const { name } = call.row;
  const wrong = (message: string, errno = EINVAL): never =>
    refuse(env, message, errno, 'interrupt-flags', [regno]);
  if (reg.type !== 'stack') return wrong(`R${regno} doesn't point to an irq flag on stack`);
  const saver = name.startsWith('bpf_res_') ? 'lock' : 'native';
  const frame = env.cur.frames[reg.frameNo];
  const place = placeOf(env, reg, 'irq_flag', 1);
  if (name === 'bpf_local_irq_save' || name === 'bpf_res_spin_lock_irqsave') {
    const taken =
      typeof place === 'number' &&
      [0, 1, 2, 3, 4, 5, 6, 7].some((byte) => slotKind(frame.stack[place], byte) === SLOT_IRQ);
    if (place === 'refused' || taken) wrong(`expected uninitialized irq flag as R${regno}`);
    writeStack(env, {
      insnIdx: call.insnIdx,
      regno,
      off: 0,
      sizeBytes: 8,
      kind: 'write',
      valueRegno: -1,
      signExtend: false,
      immediate: undefined,
      strictAlignment: false,
    });
    const at = placeOf(env, reg, 'irq_flag', 1);
    if (typeof at !== 'number') return unknown(env, 'where the flags of interrupts are kept');
    const id = newId(env);
    env.cur.savedInterrupts = [...env.cur.savedInterrupts, { id, insnIdx: call.insnIdx }];
    const spilled = pointer('stack', { refObjId: id, object: { kind: 'irq', saver } });
    setSlot(frame, at, { kinds: allKinds(SLOT_IRQ), spilled });
    addSlot(env.unprinted.slots, at);
    return false;
  }
  const slot = typeof place === 'number' ? frame.stack[place] : EMPTY_SLOT;
  const { object, refObjId } = slot.spilled;
  if (typeof place !== 'number' || object?.kind !== 'irq' || slot.kinds !== allKinds(SLOT_IRQ))
    return wrong(`expected an initialized irq flag as R${regno}`);
  if (object.saver !== saver)
    wrong(`irq flag acquired by ${object.saver} kfuncs cannot be restored with ${saver} kfuncs`);
  const saved = env.cur.savedInterrupts;
  const last = saved[saved.length - 1];
  if (last.id !== refObjId)
    wrong(
      `cannot restore irq state out of order, expected id=${last.id} acquired at insn_idx=${last.insnIdx}`,
      EACCES,
    );
  env.cur.savedInterrupts = saved.slice(0, -1);
  setSlot(frame, place, EMPTY_SLOT);
  addSlot(env.unprinted.slots, place);
  return false;
}

/** Whether parameter `i` is where the flags of interrupts are kept. */
export const keepsFlags = (call: KfuncCall, i: number): boolean =>
  call.proto.params[i].name.endsWith('__irq_flag') &&
  resolvedType(call.btf, call.proto.params[i].type).kind === 'ptr';

/** The compiler's mark for what it found to be nonsense. */
export function refuseTrap(env: VerifierEnv): never {
  return refuse(env, 'unexpected __bpf_trap() due to uninitialized variable?', EFAULT, 'compiler-trap');
}
