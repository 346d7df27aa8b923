/**
 * The mechanics of the stack: spills, fills, partly known bytes, variable offsets, stretches that helpers read or
 * write. `access.off` is the instruction's offset; the pointer register's own offsets are added here.
 * Frame bounds (512 bytes) are checked here too. Privileged rules: uninitialised bytes may be read.
 */
import { signExtend, truncate } from './bounds';
import { curFrame, reject, type VerifierEnv } from './env';
import { noteFrameAccess } from './fastCalls';
import { growSlots, setSlot, type FuncFrame } from './frame';
import { noteStackAccess } from './history';
import { markSlotRead, markSlotWritten } from './liveness';
import { EACCES, EFAULT, EINVAL } from './outcome';
import { markPrecise } from './precision';
import {
  changed,
  unlinked,
  draft,
  addFlag,
  isNullConst,
  knownScalar,
  NOT_INIT,
  sameNumbers,
  setNumbers,
  UNKNOWN_SCALAR,
  type RegState,
} from './regState';
import { newId } from './env';
import type { MemAccess } from './seams';
import { addSlot } from './slotSet';
import { destroyDynptrIn } from './stackObjects';
import {
  allKinds,
  isNothing,
  isSpilled,
  isSpilledScalar,
  SLOT_DEAD,
  SLOT_DYNPTR,
  SLOT_INVALID,
  SLOT_IRQ,
  SLOT_ITER,
  SLOT_MISC,
  SLOT_SPILL,
  SLOT_ZERO,
  slotKind,
  slotOf,
  withKind,
  type SlotKind,
  type StackSlot,
} from './stackState';
import { tnumAdd, tnumConst, tnumIsConst, tnumText } from './tnum';
import { asS64, asU64 } from '../util/u64';

const MAX_STACK_BYTES = 512;
const MAX_VAR_OFF = 1n << 29n;

const SPILLABLE: ReadonlySet<string> = new Set([
  'mapValue',
  'stack',
  'ctx',
  'packet',
  'packetMeta',
  'packetEnd',
  'flowKeys',
  'mapPtr',
  'socket',
  'sockCommon',
  'tcpSock',
  'xdpSock',
  'btfId',
  'buf',
  'mem',
  'func',
  'mapKey',
  'arena',
]);

const memory = (
  env: VerifierEnv,
  code: string,
  message: string,
  registers: number[],
  errno = EACCES,
): never => reject(env, { code, category: 'Memory Safety', errno, message, registers });

type Source = 'helper' | 'direct';

/** Checks that the access stays in the frame; makes the slots exist. Returns the first and one-past-last offset. */
function stackBounds(
  env: VerifierEnv,
  regno: number,
  off: number,
  sizeBytes: number,
  source: Source,
  kind: 'read' | 'write',
): { min: number; max: number; exact: boolean } {
  const reg = curFrame(env).regs[regno];
  const frame = env.cur.frames[reg.frameNo];
  const indirect = source === 'helper' && !env.features.stackHelperPlainText;
  const extra = indirect ? ' indirect access to' : kind === 'read' ? ' read from' : ' write to';
  const exact = tnumIsConst(reg.bits);
  if (!exact && (reg.smax >= MAX_VAR_OFF || reg.smin <= -MAX_VAR_OFF)) {
    memory(env, 'stack-variable-offset', `invalid unbounded variable-offset${extra} stack R${regno}`, [
      regno,
    ]);
  }
  const min = Number(exact ? asS64(reg.bits.value) : reg.smin) + off;
  const max = Number(exact ? asS64(reg.bits.value) : reg.smax) + off + sizeBytes;
  let errno = 0;
  if (min < -MAX_STACK_BYTES || min > -1) errno = EACCES;
  else if (max > 0) errno = EINVAL;
  else if (sizeBytes < 0) errno = EFAULT;
  if (errno !== 0) {
    // where both are one number, the fixed offset is part of the variable one
    const folded = env.features.pointerOffsetFolded;
    const bits = folded ? tnumAdd(reg.bits, tnumConst(asU64(BigInt(reg.off)))) : reg.bits;
    const varOff = env.features.stackVarOffText ? ` off=${folded ? off - reg.off : off}` : '';
    memory(
      env,
      'stack-out-of-bounds',
      exact
        ? `invalid${extra} stack R${regno} off=${folded ? min : off} size=${sizeBytes}`
        : `invalid variable-offset${extra} stack R${regno} var_off=${tnumText(bits)}${varOff} size=${sizeBytes}`,
      [regno],
      errno,
    );
  }
  growStack(env, frame, -min);
  return { min, max, exact };
}

/**
 * The offset of an access whose place is known and lies in the frame, without an object or big integers for it; NaN if
 * `stackBounds` has to look. Nearly all accesses are such ones.
 */
function plainOffset(env: VerifierEnv, reg: RegState, off: number, sizeBytes: number): number {
  const { value, mask } = reg.bits;
  if (mask !== 0n) return NaN;
  const min = value === 0n ? off : Number(asS64(value)) + off;
  if (min < -MAX_STACK_BYTES || min > -1 || sizeBytes < 0 || min + sizeBytes > 0) return NaN;
  growStack(env, env.cur.frames[reg.frameNo], -min);
  return min;
}

/** Makes the frame's stack reach `depthBytes` below the frame pointer. */
function growStack(env: VerifierEnv, frame: FuncFrame, depthBytes: number): void {
  const slots = (depthBytes + 7) >> 3;
  growSlots(frame, slots);
  const subprog = env.subprogs[frame.subprog];
  if (subprog.stackDepth < 8 * slots) subprog.stackDepth = 8 * slots;
}

/** The log is to show the slot. */
const scratch = (env: VerifierEnv, slot: number): void => addSlot(env.unprinted.slots, slot);

const isSpecial = (slot: StackSlot): boolean => {
  const kind = slotKind(slot, 7);
  return kind === SLOT_DYNPTR || kind === SLOT_ITER || kind === SLOT_IRQ;
};

/** Kinds of a slot that holds one whole register. */
const FULL_SPILL = allKinds(SLOT_SPILL);

/** Bytes known to hold (part of) a register become mere data. */
function scrubKinds(kinds: number): number {
  let out = kinds;
  for (let i = 0; i < 8; i++) {
    if (!isNothing(((kinds >>> (4 * i)) & 15) as SlotKind)) out = withKind(out, i, SLOT_MISC);
  }
  return out;
}

function spill(frame: FuncFrame, slotIndex: number, reg: RegState, sizeBytes: number): void {
  if (sizeBytes === 8) {
    setSlot(frame, slotIndex, { kinds: FULL_SPILL, spilled: reg });
    markSlotWritten(frame, slotIndex);
    return;
  }
  let kinds = frame.stack[slotIndex].kinds;
  for (let i = 7; i > 7 - sizeBytes; i--) kinds = withKind(kinds, i, SLOT_SPILL);
  for (let i = 7 - sizeBytes; i >= 0; i--) {
    // What a narrow spill leaves beside it: zero and never-written bytes stay what they are.
    const kind = ((kinds >>> (4 * i)) & 15) as SlotKind;
    if (!isNothing(kind) && kind !== SLOT_ZERO) kinds = withKind(kinds, i, SLOT_MISC);
  }
  setSlot(frame, slotIndex, { kinds, spilled: reg });
}

/** Older kernels do not keep the zero beside a narrow spill. */
function spillScrubbed(frame: FuncFrame, slotIndex: number, reg: RegState, sizeBytes: number): void {
  const before = frame.stack[slotIndex];
  setSlot(frame, slotIndex, { kinds: scrubKinds(before.kinds), spilled: before.spilled });
  spill(frame, slotIndex, reg, sizeBytes);
}

/** The bits that the value needs fit into `sizeBytes` bytes. */
const fits = (reg: RegState, sizeBytes: number): boolean =>
  sizeBytes >= 8 || reg.umax <= (sizeBytes === 4 ? 0xffff_ffffn : sizeBytes === 2 ? 0xffffn : 0xffn);

const isUnbounded = (reg: RegState): boolean =>
  reg.smin === UNKNOWN_SCALAR.smin &&
  reg.smax === UNKNOWN_SCALAR.smax &&
  reg.umin === 0n &&
  reg.umax === UNKNOWN_SCALAR.umax &&
  reg.s32min === UNKNOWN_SCALAR.s32min &&
  reg.s32max === UNKNOWN_SCALAR.s32max &&
  reg.u32min === 0 &&
  reg.u32max === UNKNOWN_SCALAR.u32max;

/** A load through a stack pointer; sets access.valueRegno. */
export function readStack(env: VerifierEnv, access: MemAccess): void {
  const cur = curFrame(env);
  const reg = cur.regs[access.regno];
  const off = access.off + reg.off;
  const frame = env.cur.frames[reg.frameNo];
  const at = plainOffset(env, reg, off, access.sizeBytes);
  if (!Number.isNaN(at)) {
    readExact(env, frame, reg.frameNo, at, access);
  } else {
    const { min, max } = stackBounds(env, access.regno, off, access.sizeBytes, 'direct', 'read');
    if (access.valueRegno < 0) {
      memory(
        env,
        'stack-variable-offset',
        `variable offset stack pointer cannot be passed into helper function; var_off=${tnumText(reg.bits)} off=${off} size=${access.sizeBytes}`,
        [access.regno],
      );
    }
    checkStackRangeAt(env, access.regno, off, access.sizeBytes, {
      zeroAllowed: false,
      raw: false,
      source: 'direct',
      access: 'read',
      lent: false,
    });
    setFromBytes(env, frame, min, max, access.valueRegno);
    if (env.fastCalls !== null) noteFrameAccess(env, frame.subprog, min);
  }
  if (access.valueRegno < 0) return;
  const value = cur.regs[access.valueRegno];
  if (access.sizeBytes < 8 && value.type === 'scalar') {
    const aux = env.aux[access.insnIdx];
    const d = draft(value);
    // The same bytes of the same value as last time.
    if (aux.aluDst !== null && aux.aluResult !== null && sameNumbers(aux.aluDst, value))
      setNumbers(d, aux.aluResult);
    else if (access.signExtend) signExtend(d, access.sizeBytes, 8);
    else truncate(d, access.sizeBytes, env.features);
    if (
      access.signExtend &&
      env.features.signFillsUnlink &&
      value.umax >= 1n << BigInt(8 * access.sizeBytes - 1)
    ) {
      d.id = 0;
      d.off = 0;
    }
    aux.aluDst = value;
    aux.aluResult = cur.regs[access.valueRegno] = d;
  }
}

/** All bytes zero: the constant 0; else unknown. */
function setFromBytes(
  env: VerifierEnv,
  frame: FuncFrame,
  min: number,
  max: number,
  valueRegno: number,
): void {
  let zero = true;
  for (let at = min; at < max && zero; at++) {
    const slot = slotOf(at);
    if (env.features.logShowsFills) scratch(env, slot);
    zero = slotKind(frame.stack[slot], (-at - 1) & 7) === SLOT_ZERO;
  }
  const cur = curFrame(env);
  cur.regs[valueRegno] = zero ? knownScalar(0n) : UNKNOWN_SCALAR;
  cur.regWritten |= 1 << valueRegno;
  if (zero && env.features.zeroFillIsPrecise) cur.preciseRegs |= 1 << valueRegno;
  else cur.preciseRegs &= ~(1 << valueRegno);
}

/** Refuses a load of bytes that hold part of something; of a register it may be where `spillOk`. */
function checkBytes(
  env: VerifierEnv,
  access: MemAccess,
  slot: StackSlot,
  off: number,
  spillOk: boolean,
): void {
  for (let i = 0; i < access.sizeBytes; i++) {
    const kind = slotKind(slot, (-off - 1 - i) & 7);
    if (kind === SLOT_ZERO || kind === SLOT_MISC || kind === SLOT_INVALID) continue;
    if (kind === SLOT_SPILL && spillOk) continue;
    const where = `stack off ${off}+${i} size ${access.sizeBytes}`;
    if (kind === SLOT_DEAD) refuseDead(env, where, access.regno);
    memory(env, 'stack-uninitialized', `invalid read from ${where}`, [access.regno]);
  }
}

/** What the analysis before the walk took for read by nobody is read. */
const refuseDead = (env: VerifierEnv, where: string, regno: number): never =>
  memory(env, 'stack-uninitialized', `reading from ${where}, slot poisoned by dead code elimination`, [
    regno,
  ]);

function allBytesAre(kind: SlotKind, slot: StackSlot, off: number, sizeBytes: number): boolean {
  for (let i = 0; i < sizeBytes; i++) if (slotKind(slot, (-off - 1 - i) & 7) !== kind) return false;
  return true;
}

function readExact(
  env: VerifierEnv,
  frame: FuncFrame,
  frameNo: number,
  off: number,
  access: MemAccess,
): void {
  const f = env.features;
  const slotIndex = slotOf(off);
  const slot = frame.stack[slotIndex];
  const size = access.sizeBytes;
  const cur = curFrame(env);
  if (f.logShowsFills) scratch(env, slotIndex);
  if (env.fastCalls !== null) noteFrameAccess(env, cur.subprog, off);
  if (!isSpilled(slot)) {
    checkBytes(env, access, slot, off, false);
    markSlotRead(frame, slotIndex);
    if (access.valueRegno >= 0) setFromBytes(env, frame, off, off + size, access.valueRegno);
    return;
  }
  let value = slot.spilled;
  let spillSize = slot.kinds === FULL_SPILL ? 8 : 1;
  for (let i = 7; spillSize < 8 && i > 0 && slotKind(slot, i - 1) === SLOT_SPILL; i--) spillSize++;
  let restores = true;
  // A fill links register and slot, where it keeps the whole value.
  if (
    f.fillsLink &&
    access.valueRegno >= 0 &&
    value.type === 'scalar' &&
    (size === 8 ? spillSize === 8 : size === 4 && spillSize === 4 && fits(value, 4))
  ) {
    value = linked(env, value);
    if (value !== slot.spilled) setSlot(frame, slotIndex, { kinds: slot.kinds, spilled: value });
  }
  if (size !== 8 || spillSize !== 8) {
    if (value.type !== 'scalar') {
      reject(env, {
        code: 'partial-fill-of-pointer',
        category: 'Register Type Safety',
        errno: EACCES,
        message: 'invalid size of register fill',
        registers: [access.regno],
      });
    }
    markSlotRead(frame, slotIndex);
    if (access.valueRegno < 0) return;
    const narrowOk = f.narrowFills
      ? size <= spillSize && (off & 7) === 0
      : (off & 7) === 0 && size === spillSize;
    if (narrowOk) {
      cur.regs[access.valueRegno] = f.narrowFills && !fits(value, size) ? unlinked(value) : value;
    } else {
      checkBytes(env, access, slot, off, true);
      if (f.narrowFills && isNullConst(value) && allBytesAre(SLOT_SPILL, slot, off, size)) {
        cur.regs[access.valueRegno] = knownScalar(0n);
      } else {
        cur.regs[access.valueRegno] =
          f.narrowFills && allBytesAre(SLOT_ZERO, slot, off, size) ? knownScalar(0n) : UNKNOWN_SCALAR;
        restores = false;
      }
    }
    cur.regWritten |= 1 << access.valueRegno;
    cur.preciseRegs &= ~(1 << access.valueRegno);
  } else {
    if (access.valueRegno >= 0) {
      cur.regs[access.valueRegno] = value;
      cur.regWritten |= 1 << access.valueRegno;
      cur.preciseRegs &= ~(1 << access.valueRegno);
    }
    markSlotRead(frame, slotIndex);
  }
  if (restores && f.historyOfStack) noteStackAccess(env, frameNo, slotIndex);
}

/** A store through a stack pointer. */
export function writeStack(env: VerifierEnv, access: MemAccess): void {
  const reg = curFrame(env).regs[access.regno];
  const off = access.off + reg.off;
  const frame = env.cur.frames[reg.frameNo];
  const at = plainOffset(env, reg, off, access.sizeBytes);
  if (!Number.isNaN(at)) {
    writeExact(env, frame, reg.frameNo, at, access);
    return;
  }
  const { min, max } = stackBounds(env, access.regno, off, access.sizeBytes, 'direct', 'write');
  writeVariable(env, frame, min, max, access);
}

/** Bytes of one slot become mere data, or zero; what was spilled there is gone. */
function overwrite(
  frame: FuncFrame,
  slotIndex: number,
  off: number,
  sizeBytes: number,
  kind: SlotKind,
  narrowFills: boolean,
): void {
  const before = frame.stack[slotIndex];
  let slot = before;
  // Older kernels do not watch dynptrs: the bytes that are not written stay one's.
  const oldObject = !narrowFills && slot.spilled.object !== null;
  if (isSpilled(slot) || (narrowFills && isSpecial(slot)))
    slot = { kinds: scrubKinds(slot.kinds), spilled: NOT_INIT };
  let { kinds } = slot;
  for (let i = 0; i < sizeBytes; i++) kinds = withKind(kinds, (-off - 1 - i) & 7, kind);
  const spilled = oldObject ? slot.spilled : NOT_INIT;
  // Buffers are filled again and again.
  if (kinds !== before.kinds || spilled !== before.spilled) setSlot(frame, slotIndex, { kinds, spilled });
}

/**
 * A helper has filled `sizeBytes` bytes at the constant address in register `regno`, which `checkStackRange` has allowed. As
 * if each byte were written on its own: whole slots do not count as written.
 */
export function fillStack(env: VerifierEnv, regno: number, sizeBytes: number): void {
  const reg = curFrame(env).regs[regno];
  const frame = env.cur.frames[reg.frameNo];
  const min = Number(asS64(reg.bits.value)) + reg.off;
  if (env.fastCalls !== null) noteFrameAccess(env, frame.subprog, min);
  for (let at = min, end; at < min + sizeBytes; at = end) {
    const slotIndex = slotOf(at);
    end = Math.min(min + sizeBytes, -8 * slotIndex);
    destroyDynptrIn(env, frame, slotIndex);
    scratch(env, slotIndex);
    overwrite(frame, slotIndex, at, end - at, SLOT_MISC, env.features.narrowFills);
  }
}

function writeExact(
  env: VerifierEnv,
  frame: FuncFrame,
  frameNo: number,
  off: number,
  access: MemAccess,
): void {
  const f = env.features;
  const cur = curFrame(env);
  const slotIndex = slotOf(off);
  const size = access.sizeBytes;
  const aligned = (off & 7) === 0;
  const value = access.valueRegno >= 0 ? cur.regs[access.valueRegno] : null;
  const store = f.narrowFills ? spill : spillScrubbed;
  destroyDynptrIn(env, frame, slotIndex);
  scratch(env, slotIndex);
  if (env.fastCalls !== null) noteFrameAccess(env, frame.subprog, off);
  let spills = true;
  const spillsScalar = f.narrowFills
    ? value?.type === 'scalar'
    : value?.type === 'scalar' && !isUnbounded(value) && !isNullConst(value);
  if (value !== null && aligned && spillsScalar) {
    if (!f.historyOfStack && access.regno !== 10) markPrecise(env, access.valueRegno);
    let kept = value;
    if (f.narrowFills && fits(value, size)) {
      kept = linkForCopy(env, cur, access.valueRegno);
    }
    store(
      frame,
      slotIndex,
      fits(kept, size) ? kept : changed(kept, { id: 0, off: f.narrowFills ? kept.off : 0 }),
      size,
    );
  } else if (
    value === null &&
    aligned &&
    access.immediate !== undefined &&
    (f.narrowFills || access.immediate !== 0)
  ) {
    store(frame, slotIndex, knownScalar(BigInt(access.immediate)), size);
  } else if (value !== null && SPILLABLE.has(value.type)) {
    if (size !== 8) {
      reject(env, {
        code: 'partial-spill-of-pointer',
        category: 'Register Type Safety',
        errno: EACCES,
        message: 'invalid size of register spill',
        registers: [access.valueRegno],
      });
    }
    if (frame !== cur && value.type === 'stack') {
      reject(env, {
        code: 'stack-pointer-escapes',
        category: 'Memory Safety',
        errno: EINVAL,
        message: 'cannot spill pointers to stack into stack frame of the caller',
        registers: [access.valueRegno],
      });
    }
    store(frame, slotIndex, value, size);
  } else {
    if (size === 8) markSlotWritten(frame, slotIndex);
    const zero = (value !== null && isNullConst(value)) || (value === null && access.immediate === 0);
    if (zero && access.valueRegno >= 0) markPrecise(env, access.valueRegno);
    overwrite(frame, slotIndex, off, size, zero ? SLOT_ZERO : SLOT_MISC, f.narrowFills);
    spills = false;
  }
  if (spills && f.historyOfStack) noteStackAccess(env, frameNo, slotIndex);
}

/** The stored register and its copy on the stack share an id. */
export function linkForCopy(env: VerifierEnv, frame: FuncFrame, regno: number): RegState {
  const reg = frame.regs[regno];
  if (reg.type !== 'scalar') return reg;
  return (frame.regs[regno] = linked(env, reg));
}

/** A scalar that is about to get a copy: it needs an id of its own, unless it is a constant. */
function linked(env: VerifierEnv, scalar: RegState): RegState {
  let reg = scalar;
  if (env.features.linkedScalarDelta && addFlag(reg.id) !== 0) reg = unlinked(reg);
  if (reg.id === 0 && !(env.features.linkedScalarDelta && tnumIsConst(reg.bits))) {
    const d = draft(reg);
    d.id = newId(env);
    reg = d;
  }
  return reg;
}

function writeVariable(
  env: VerifierEnv,
  frame: FuncFrame,
  min: number,
  max: number,
  access: MemAccess,
): void {
  const f = env.features;
  const value = access.valueRegno >= 0 ? curFrame(env).regs[access.valueRegno] : null;
  const zero =
    (value !== null && isNullConst(value)) || (f.narrowFills && value === null && access.immediate === 0);
  let zeroUsed = false;
  for (let at = min; at < max; at++) destroyDynptrIn(env, frame, slotOf(at));
  if (env.fastCalls !== null) noteFrameAccess(env, frame.subprog, min);
  for (let at = min; at < max; at++) {
    const slotIndex = slotOf(at);
    const index = (-at - 1) & 7;
    let slot = frame.stack[slotIndex];
    scratch(env, slotIndex);
    const kind = slotKind(slot, index);
    if (f.narrowFills && zero && kind === SLOT_SPILL && isSpilledScalar(slot) && isNullConst(slot.spilled)) {
      zeroUsed = true;
      continue;
    }
    if (f.narrowFills && isSpilled(slot)) slot = { kinds: scrubKinds(slot.kinds), spilled: NOT_INIT };
    const keepsZero = zero && kind === SLOT_ZERO;
    zeroUsed ||= keepsZero;
    setSlot(frame, slotIndex, {
      kinds: withKind(slot.kinds, index, keepsZero ? SLOT_ZERO : SLOT_MISC),
      spilled: !f.narrowFills && slot.spilled.object !== null ? slot.spilled : NOT_INIT,
    });
  }
  if (zeroUsed && access.valueRegno >= 0) markPrecise(env, access.valueRegno);
}

interface RangeOptions {
  readonly zeroAllowed: boolean;
  /** The helper fills the memory, its contents may be uninitialised. */
  readonly raw: boolean;
  readonly source: Source;
  /** What a helper does with it, for the wording. */
  readonly access: 'read' | 'write';
  /** To a function that may do with it what it likes. */
  readonly lent: boolean;
}

/**
 * A helper reads (`read`) or fills (`write`) `sizeBytes` bytes at register `regno` plus `off`. With `raw` the bytes may be
 * uninitialised and the caller must mark them written after the call by byte-wise `writeStack`.
 * With `zeroAllowed` a size of 0 is fine.
 */
export function checkStackRange(
  env: VerifierEnv,
  regno: number,
  off: number,
  sizeBytes: number,
  options: Omit<RangeOptions, 'source'>,
): void {
  checkStackRangeAt(env, regno, off + curFrame(env).regs[regno].off, sizeBytes, {
    ...options,
    source: 'helper',
  });
}

function checkStackRangeAt(
  env: VerifierEnv,
  regno: number,
  off: number,
  sizeBytes: number,
  options: RangeOptions,
): void {
  const reg = curFrame(env).regs[regno];
  const frame = env.cur.frames[reg.frameNo];
  if (sizeBytes === 0 && !options.zeroAllowed) {
    memory(env, 'zero-size', 'invalid zero-sized read', [regno]);
  }
  // Older kernels take it that a helper may write what it was given to read.
  const clobber =
    options.source === 'helper' && (options.access === 'write' || !env.features.helperReadsKeepStack);
  const { min, max, exact } = stackBounds(env, regno, off, sizeBytes, options.source, options.access);
  if (exact && options.raw) {
    if (env.features.dynptrSlotsTracked) refuseDynptrFill(env, frame, min, max, regno);
    return;
  }
  for (let at = min; at < max; at++) {
    const slotIndex = slotOf(at);
    const slot = frame.stack[slotIndex];
    const index = (-at - 1) & 7;
    const kind = slotKind(slot, index);
    if (kind === SLOT_ZERO || kind === SLOT_INVALID) {
      // Helpers may write what they were given to read.
      if (clobber)
        setSlot(frame, slotIndex, { kinds: withKind(slot.kinds, index, SLOT_MISC), spilled: slot.spilled });
    } else if (kind !== SLOT_MISC) {
      if (isSpilled(slot)) {
        if (clobber) setSlot(frame, slotIndex, { kinds: scrubKinds(slot.kinds), spilled: UNKNOWN_SCALAR });
      } else if (kind === SLOT_DEAD) {
        // A function that is lent memory need not read all of it.
        if (!clobber && !options.lent)
          refuseDead(env, `stack R${regno} off ${min}+${at - min} size ${sizeBytes}`, regno);
      } else {
        const extra = options.source === 'helper' && !env.features.stackHelperPlainText ? ' indirect' : '';
        memory(
          env,
          'stack-uninitialized',
          exact
            ? `invalid${extra} read from stack R${regno} off ${min}+${at - min} size ${sizeBytes}`
            : `invalid${extra} read from stack R${regno} var_off ${tnumText(reg.bits)}+${at - min} size ${sizeBytes}`,
          [regno],
        );
      }
    }
    markSlotRead(frame, slotIndex);
  }
}

/** What a helper fills must not hold a dynptr: it may be one that the same call uses. */
function refuseDynptrFill(env: VerifierEnv, frame: FuncFrame, min: number, max: number, regno: number): void {
  for (let at = min; at < max; at++) {
    if (slotKind(frame.stack[slotOf(at)], (-at - 1) & 7) !== SLOT_DYNPTR) continue;
    memory(env, 'dynptr-overwritten', `potential write to dynptr at off=${at} disallowed`, [regno]);
  }
}
