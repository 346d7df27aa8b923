/**
 * States and instruction lines as the kernel's log prints them, in the words of the profile. One printer over the same
 * data that decisions are made from.
 */
import { typeById } from '../btf/query';
import { disassembleWithOpcode } from '../insn/disassemble';
import type { Insn } from '../insn/insn';
import { helperById } from '../spec/helpers';
import { asS64, asU64, S64_MAX, S64_MIN, U64_MAX } from '../util/u64';
import { dynptrKindWord } from './dynptrWords';
import type { VerifierEnv } from './env';
import type { FuncFrame } from './frame';
import {
  addFlag,
  draft,
  knownScalar,
  NON_OWN_REF,
  originId,
  S32_MAX,
  S32_MIN,
  U32_MAX,
  type RegState,
} from './regState';
import { argTypeName } from './typeText';
import { addDelta } from './scalarAlu';
import { hasSlot, type SlotSet } from './slotSet';
import { isNothing, isSpilled, SLOT_LETTERS, SLOT_SPILL, slotKind, type StackSlot } from './stackState';
import { tnumIsConst, tnumIsUnknown } from './tnum';
import { isUnprinted, nothingUnprinted } from './unprinted';
import type { VerifierState } from './verifierState';

const unsignedText = (x: bigint): string => (x <= 0xffffn ? x.toString() : '0x' + x.toString(16));
const signedText = (x: bigint): string =>
  x >= -0x8000n && x <= 0x7fffn ? x.toString() : '0x' + asU64(x).toString(16);

/** A bit pattern: constants plainly, the rest `(value; mask)`. */
export const bitsText = (env: VerifierEnv, reg: RegState): string => {
  const { value, mask } = reg.bits;
  if (mask === 0n && env.features.logNamesMaps) return unsignedText(value);
  const hex = (x: bigint): string => (x === 0n ? '0' : '0x' + x.toString(16));
  return env.features.logNamesMaps
    ? `(0x${value.toString(16)}; 0x${mask.toString(16)})`.replace('(0x0;', '(0x0;')
    : `(0x${value.toString(16)}; ${hex(mask)})`;
};

const MAP_TYPES: ReadonlySet<string> = new Set(['mapPtr', 'mapKey', 'mapValue']);

/** Ranges, each value once with all the names that share it. */
function rangesText(reg: RegState): string[] {
  const s32 = (x: number): bigint => (x >= -0x8000 && x <= 0x7fff ? BigInt(x) : BigInt(x >>> 0));
  const rows: { name: string; value: bigint; signed: boolean; omit: boolean }[] = [
    { name: 'smin', value: reg.smin, signed: true, omit: reg.smin === S64_MIN },
    { name: 'smax', value: reg.smax, signed: true, omit: reg.smax === S64_MAX },
    { name: 'umin', value: reg.umin, signed: false, omit: reg.umin === 0n },
    { name: 'umax', value: reg.umax, signed: false, omit: reg.umax === U64_MAX },
    { name: 'smin32', value: s32(reg.s32min), signed: true, omit: reg.s32min === S32_MIN },
    { name: 'smax32', value: s32(reg.s32max), signed: true, omit: reg.s32max === S32_MAX },
    { name: 'umin32', value: BigInt(reg.u32min), signed: false, omit: reg.u32min === 0 },
    { name: 'umax32', value: BigInt(reg.u32max), signed: false, omit: reg.u32max === U32_MAX },
  ];
  const out: string[] = [];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (row.omit) continue;
    const negative = row.signed && row.value < 0n;
    let names = `${row.name}=`;
    for (let j = i + 2; j < rows.length; j += 2) {
      const other = rows[j];
      if (other.omit || asU64(other.value) !== asU64(row.value)) continue;
      if ((other.signed && asS64(other.value) < 0n) !== negative) continue;
      other.omit = true;
      names += `${other.name}=`;
    }
    out.push(names + (row.signed ? signedText(asS64(row.value)) : unsignedText(row.value)));
  }
  return out;
}

function oldRangesText(reg: RegState): string[] {
  const out: string[] = [];
  if (reg.smin !== asS64(reg.umin) && reg.smin !== S64_MIN) out.push(`smin=${reg.smin}`);
  if (reg.smax !== asS64(reg.umax) && reg.smax !== S64_MAX) out.push(`smax=${reg.smax}`);
  if (reg.umin !== 0n) out.push(`umin=${reg.umin}`);
  if (reg.umax !== U64_MAX) out.push(`umax=${reg.umax}`);
  if (!tnumIsUnknown(reg.bits))
    out.push(`var_off=(0x${reg.bits.value.toString(16)}; 0x${reg.bits.mask.toString(16)})`);
  if (BigInt(reg.s32min) !== reg.smin && reg.s32min !== S32_MIN) out.push(`s32_min=${reg.s32min}`);
  if (BigInt(reg.s32max) !== reg.smax && reg.s32max !== S32_MAX) out.push(`s32_max=${reg.s32max}`);
  if (BigInt(reg.u32min) !== reg.umin && reg.u32min !== 0) out.push(`u32_min=${reg.u32min | 0}`);
  if (BigInt(reg.u32max) !== reg.umax && reg.u32max !== U32_MAX) out.push(`u32_max=${reg.u32max | 0}`);
  return out;
}

/** A pointer with its fixed offset in bits and bounds, as newest kernels hold it. */
function withOffsetFolded(env: VerifierEnv, reg: RegState): RegState {
  if (!env.features.pointerOffsetFolded || reg.type === 'scalar' || reg.off === 0) return reg;
  const folded = draft(reg);
  addDelta(folded, knownScalar(BigInt(reg.off)), false, env.features);
  folded.off = 0;
  return folded;
}

/** Types whose reference older logs print. */
const OLDER_REFERENCES: ReadonlySet<string> = new Set(['socket', 'tcpSock', 'mem', 'btfId']);

/** Ids of a register: its own, with what was added to a linked scalar, and that of the object behind it. */
function idTexts(env: VerifierEnv, reg: RegState): string[] {
  const parts: string[] = [];
  const names = env.features.logNamesParents;
  const id = names && reg.id === 0 ? reg.refObjId : reg.id;
  if (id !== 0) {
    const delta = addFlag(id) !== 0 ? (reg.off < 0 ? `${reg.off}` : `+${reg.off}`) : '';
    parts.push(`id=${originId(id)}${delta}`);
  }
  if (names) {
    const parent = reg.refObjId !== id && reg.refObjId !== 0 ? reg.refObjId : reg.dynptrId;
    if (parent !== 0) parts.push(`parent_id=${parent}`);
  } else if (reg.refObjId !== 0 && (env.features.logNamesMaps || OLDER_REFERENCES.has(reg.type))) {
    parts.push(`ref_obj_id=${reg.refObjId}`);
  }
  if ((reg.flags & NON_OWN_REF) !== 0) parts.push('non_own_ref');
  return parts;
}

/** One register behind `R1=`. */
export function regText(env: VerifierEnv, frame: FuncFrame, given: RegState, precise: boolean): string {
  const reg = withOffsetFolded(env, given);
  const modern = env.features.logNamesMaps;
  const isScalar = reg.type === 'scalar';
  const prefix = isScalar && precise ? 'P' : '';
  if (isScalar && tnumIsConst(reg.bits)) {
    return prefix + (modern ? signedText(asS64(reg.bits.value)) : asS64(reg.bits.value).toString());
  }
  let name = argTypeName(env, reg);
  if (reg.type === 'stack') {
    if (modern && frame.frameNo !== reg.frameNo) name += `[${reg.frameNo}]`;
    if (tnumIsConst(reg.bits)) {
      const at = asS64(reg.bits.value) + BigInt(reg.off);
      return name + (modern ? signedText(at) : at.toString());
    }
  }
  if (reg.type === 'arena') return name;
  if (reg.type === 'btfId') {
    const btf = reg.btfOf === 'kernel' ? env.kernelBtf : env.object.btf;
    name += btf === undefined ? '' : typeById(btf, reg.btfId).name;
  }
  const parts = idTexts(env, reg);
  const sizes = (): string => `ks=${reg.map?.keySizeBytes ?? 0},vs=${reg.map?.valueSizeBytes ?? 0}`;
  if (modern) {
    if (MAP_TYPES.has(reg.type)) {
      // What is known of an inner map is its template, which has no name.
      const named = reg.map !== null && env.maps.includes(reg.map) && reg.map.name !== '';
      if (named) parts.push(`map=${reg.map.name.slice(0, 15)}`);
      parts.push(sizes());
    }
    if (!isScalar && reg.off !== 0) parts.push(`off=${signedText(BigInt(reg.off))}`);
  } else if (!isScalar) {
    parts.push(`off=${reg.off}`);
  }
  if (reg.type === 'packet' || reg.type === 'packetMeta')
    parts.push(`r=${modern ? unsignedText(asU64(BigInt(reg.range))) : reg.range}`);
  else if (!modern && MAP_TYPES.has(reg.type)) parts.push(sizes());
  if (modern && reg.type === 'mem') parts.push(`sz=${unsignedText(BigInt(reg.memSize))}`);
  if (modern && reg.type === 'dynptrPtr' && reg.object?.kind === 'dynptr')
    parts.push(`type=${dynptrKindWord(reg.object.of)}`);
  if (tnumIsConst(reg.bits)) {
    if (modern) {
      if (reg.bits.value !== 0n) parts.push(`imm=${signedText(asS64(reg.bits.value))}`);
    } else {
      parts.push(`imm=${reg.bits.value.toString(16)}`);
    }
  } else if (modern) {
    parts.push(...rangesText(reg));
    if (!tnumIsUnknown(reg.bits)) parts.push(`var_off=${bitsText(env, reg)}`);
  } else {
    parts.push(...oldRangesText(reg));
  }
  return `${prefix}${name}(${parts.join(',')})`;
}

function liveText(env: VerifierEnv, read: boolean, written: boolean, done: boolean): string {
  if (env.features.staticLiveness || !(read || written || done)) return '';
  return '_' + (read ? 'r' : '') + (written ? 'w' : '') + (done ? 'D' : '');
}

function slotText(env: VerifierEnv, frame: FuncFrame, slot: StackSlot, precise: boolean): string {
  let kinds = '';
  for (let i = 0; i < 8; i++) kinds += SLOT_LETTERS[slotKind(slot, i)];
  if (!isSpilled(slot)) return kinds;
  if (!env.features.logNamesMaps) {
    const reg = slot.spilled;
    const isScalar = reg.type === 'scalar';
    return (
      (isScalar ? '' : argTypeName(env, reg)) +
      (isScalar && precise ? 'P' : '') +
      (isScalar && tnumIsConst(reg.bits) ? asS64(reg.bits.value).toString() : '')
    );
  }
  let other = 0;
  while (other < 8 && slotKind(slot, other) !== SLOT_SPILL) other++;
  return kinds.slice(0, other) + regText(env, frame, slot.spilled, precise);
}

/** A dynptr or iterator, printed at its first slot; undefined for its other slots, which are not printed. */
function objectText(env: VerifierEnv, slot: StackSlot): string | undefined {
  const { object, id, refObjId, dynptrId } = slot.spilled;
  if (object?.kind === 'dynptr') {
    if (!object.first) return undefined;
    const parts: string[] = [];
    if (id !== 0) parts.push(`id=${id}`);
    if (env.features.logNamesParents) {
      const parent = refObjId !== 0 ? refObjId : dynptrId;
      if (parent !== 0) parts.push(`parent_id=${parent}`);
    } else {
      if (refObjId !== 0) parts.push(`ref_id=${refObjId}`);
      // These kernels print a flag of the first slot, which lies where other registers have this id.
      parts.push('dynptr_id=1');
    }
    return `dynptr_${dynptrKindWord(object.of)}(${parts.join(',')})`;
  }
  if (object?.kind !== 'iter' || refObjId === 0 || env.kernelBtf === undefined) return undefined;
  const name = typeById(env.kernelBtf, object.typeId).name.slice('bpf_'.length);
  const word = env.features.logNamesParents ? 'id' : 'ref_id';
  return `${name}(${word}=${refObjId},state=${object.drained ? 'drained' : 'active'},depth=${object.depth})`;
}

/** Ids of what has to be given back; newest kernels count locks and saved interrupts among it. */
function heldIds(env: VerifierEnv, frame: FuncFrame): number[] {
  const ids = frame.refs.map((ref) => ref.id);
  if (!env.features.logNamesParents) return ids;
  const locks: number[] = [];
  for (let lock = env.cur.activeLock; lock !== null; lock = lock.outer) locks.unshift(lock.id);
  ids.push(...locks, ...env.cur.savedInterrupts.map((saved) => saved.id));
  return ids[0] === 0 ? [] : ids.filter((id) => id !== 0);
}

/** A frame's registers and stack, ` R1=ctx() R10=fp0`; without `all` only what changed since last printed. */
export function frameText(env: VerifierEnv, frame: FuncFrame, all: boolean): string {
  let text = frame.frameNo > 0 ? ` frame${frame.frameNo}:` : '';
  const { marks } = frame;
  const done = marks?.done ?? false;
  for (let n = 0; n < 11; n++) {
    const reg = frame.regs[n];
    if (reg.type === 'notInit') continue;
    if (!all && (env.unprinted.regs & (1 << n)) === 0) continue;
    const bit = 1 << n;
    const written = ((marks?.regsWritten ?? frame.regWritten) & bit) !== 0;
    const live = liveText(env, ((marks?.regsRead ?? 0) & bit) !== 0, written, done && n < 10);
    text += ` R${n}${live}=${regText(env, frame, reg, (frame.preciseRegs & (1 << n)) !== 0)}`;
  }
  for (let s = 0; s < frame.stack.length; s++) {
    const slot = frame.stack[s];
    if (!all && !hasSlot(env.unprinted.slots, s)) continue;
    let valid = false;
    for (let i = 0; i < 8; i++) valid ||= !isNothing(slotKind(slot, i));
    if (!valid) continue;
    const special = slot.spilled.object !== null && env.features.dynptrSlotsTracked;
    const object = special ? objectText(env, slot) : undefined;
    if (special && object === undefined) continue;
    const written = hasSlot(marks?.slotsWritten ?? frame.stackWritten, s);
    const live = liveText(env, marks !== null && hasSlot(marks.slotsRead, s), written, done);
    text += ` fp${-8 * (s + 1)}${live}=${object ?? slotText(env, frame, slot, hasSlot(frame.preciseSlots, s))}`;
  }
  const refs = heldIds(env, frame);
  if (refs.length > 0) text += ` refs=${refs.join(',')}`;
  if (frame.inCallback) text += ' cb';
  if (frame.inAsyncCallback) text += ' async_cb';
  return text;
}

/** The innermost frame of a state, whole. */
export const printWholeState = (env: VerifierEnv, state: VerifierState): string =>
  frameText(env, state.frames[state.frames.length - 1], true);

/** Prints a frame whole on a line of its own. */
export function logState(env: VerifierEnv, frame: FuncFrame): void {
  if (env.log.level > 0) env.log.message(frameText(env, frame, true));
}

/** The frames on both sides of a call, whole. */
export function logEntry(env: VerifierEnv, caller: FuncFrame, callee: FuncFrame): void {
  if (env.log.level === 0) return;
  env.log.message('caller:');
  logState(env, caller);
  env.log.message('callee:');
  logState(env, callee);
}

/** Prints what changed: beside the instruction just printed if nothing came between, else on a line of its own. */
export function logChanges(env: VerifierEnv, frame: FuncFrame): void {
  const { log } = env;
  if (log.insnEnd === log.length) {
    log.cutTo(log.length - 1);
    const width = log.insnWidth;
    const column = Math.ceil(Math.max(width + 4, 40) / 8) * 8;
    log.write(' '.repeat(Math.max(column - width - 1, 1)) + ';');
  } else {
    log.write(`${env.insnIdx}:`);
  }
  log.message(frameText(env, frame, false));
  nothingUnprinted(env.unprinted);
}

/** The source line of the instruction, once per change. */
function logSource(env: VerifierEnv): void {
  const { lines } = env.program;
  let found = -1;
  for (let low = 0, high = lines.length - 1; low <= high;) {
    const mid = (low + high) >> 1;
    if (lines[mid].insnIdx <= env.insnIdx) {
      found = mid;
      low = mid + 1;
    } else {
      high = mid - 1;
    }
  }
  if (found < 0 || found === env.lastLine) return;
  const line = lines[found];
  const last = env.lastLine >= 0 ? lines[env.lastLine] : undefined;
  env.lastLine = found;
  // Newer kernels do not repeat a line that several instructions in a row came from.
  if (
    env.features.logSourcePlace &&
    last?.line === line.line &&
    last.file === line.file &&
    last.text === line.text
  )
    return;
  const base = line.file.slice(line.file.lastIndexOf('/') + 1);
  env.log.message(
    `; ${line.text.trimStart()}${env.features.logSourcePlace ? ` @ ${base}:${line.line}` : ''}`,
  );
}

/** `12: (b7) r1 = 0` after the source line it belongs to. */
export function logInsn(env: VerifierEnv, frame: FuncFrame): void {
  const { log } = env;
  if (isUnprinted(env.unprinted)) logChanges(env, frame);
  logSource(env);
  const before = log.length;
  log.message(`${env.insnIdx}: ${insnText(env, env.insnIdx)}`);
  log.insnEnd = log.length;
  log.insnWidth = log.length - before;
}

const KFUNC_CALL = 2;

const callNames = (env: VerifierEnv): { callName: (insn: Insn) => string | undefined } => ({
  callName: (insn) => {
    if (insn.src === 0) return helperById(insn.imm)?.name;
    return insn.src === KFUNC_CALL ? env.kernelBtf?.types[insn.imm]?.name : undefined;
  },
});

/** An instruction as in a log line, behind its number. */
export const insnText = (env: VerifierEnv, at: number): string =>
  disassembleWithOpcode(env.insns, at, callNames(env));

/** Names of the registers in a bit mask: `r1,r6`. */
export function regMaskText(mask: number): string {
  const names: string[] = [];
  for (let n = 0; n < 11; n++) if ((mask & (1 << n)) !== 0) names.push(`r${n}`);
  return names.join(',');
}

/** Offsets of the slots in a set: `-8,-16`. */
export function slotSetText(slots: SlotSet): string {
  const names: string[] = [];
  for (let s = 0; s < 64; s++) if (hasSlot(slots, s)) names.push(`${-8 * (s + 1)}`);
  return names.join(',');
}

/** A set of slots as the hexadecimal mask that older logs print. */
export const slotSetHex = (slots: SlotSet): string =>
  ((BigInt(slots.hi >>> 0) << 32n) | BigInt(slots.lo >>> 0)).toString(16);
