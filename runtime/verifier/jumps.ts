/**
 * Conditional jumps: reserved fields, whether the outcome is decided, what both outcomes learn (scalar ranges, NULL
 * or not, how much packet there is), and the path that is put aside. The walk goes on with the fall-through.
 */
import { OPCODES } from '../spec/opcodes';
import type { Insn } from '../insn/insn';
import { isEmptyRange, repaired } from './bounds';
import { pushBranch } from './branches';
import { curFrame, immediateOf, reject, type Comparison, type FeatureFlags, type VerifierEnv } from './env';
import { setSlot, type FuncFrame } from './frame';
import { earlierIteration } from './explored';
import { noteLinked, noteStackPointers } from './history';
import { widenScalars } from './stateEquality';
import { EINVAL } from './outcome';
import { markPrecise } from './precision';
import { isTrusted } from './memoryAccessKernel';
import { becomeNotNull } from './nullness';
import { forEachReg } from './everyRegister';
import { dropReference } from './references';
import { assume, assumeConst, decide, MIRROR, NEGATION, RELATIONS, type Relation } from './refine';
import { checkRegArg } from './regArgs';
import {
  ADD_CONST32,
  addFlag,
  AT_PKT_END,
  BEYOND_PKT_END,
  changed,
  draft,
  type Draft,
  isPacketPointer,
  isPointer,
  knownScalar,
  mayBeNull,
  originId,
  PTR_UNTRUSTED,
  type RegState,
  sameNumbers,
  setNumbers,
  UNKNOWN_SCALAR,
  unlinked,
} from './regState';
import { addDelta } from './scalarAlu';
import { addSlot } from './slotSet';
import { isSpilled } from './stackState';
import { holdsSpinLock } from './allocated';
import { subregIsConst } from './bounds';
import { tnumIsConst } from './tnum';
import type { LinkedPlace, VerifierState } from './verifierState';

const CLASS_JMP = 5;
const CLASS_JMP32 = 6;
const SRC_REG = 0x08;
const MAX_PACKET_OFF = 0xffffn;
/** So many linked places are remembered per jump. */
const MAX_LINKED = 6;
const MAX_VAR_OFF = 1n << 29n;

const structure = (env: VerifierEnv, message: string, code = 'reserved-fields'): never =>
  reject(env, { code, category: 'Program Structure', errno: EINVAL, message });

const isPacketAny = (reg: RegState): boolean => isPacketPointer(reg) || reg.type === 'packetEnd';

const NOT_NULL_TYPES: ReadonlySet<string> = new Set([
  'socket',
  'tcpSock',
  'mapValue',
  'mapKey',
  'sockCommon',
]);
const NOT_NULL_MORE: ReadonlySet<string> = new Set(['xdpSock', 'buf', 'mem', 'mapPtr']);

/** Whether the kernel counts on this pointer not being NULL. */
function surelyNotNull(env: VerifierEnv, reg: RegState): boolean {
  if (mayBeNull(reg)) return false;
  const newer = env.features.jumpRefineBoth;
  if (newer && (reg.smin <= -MAX_VAR_OFF || reg.smax >= MAX_VAR_OFF)) return false;
  if (NOT_NULL_TYPES.has(reg.type)) return true;
  if (!newer) return false;
  if (reg.type === 'mem' && (reg.flags & PTR_UNTRUSTED) !== 0) return false;
  return NOT_NULL_MORE.has(reg.type) || (reg.type === 'btfId' && isTrusted(reg));
}

/** A packet pointer compared with the packet's end whose outcome an earlier comparison decided. */
function decidePacket(dst: RegState, src: RegState, relation: Relation): boolean | undefined {
  let pkt: RegState;
  let r = relation;
  if (src.type === 'packetEnd') pkt = dst;
  else if (dst.type === 'packetEnd') {
    pkt = src;
    r = MIRROR[relation];
  } else return undefined;
  if (pkt.range >= 0) return undefined;
  if ((r === 'le' || r === 'gt') && pkt.range === BEYOND_PKT_END) return r === 'gt';
  if ((r === 'lt' || r === 'ge') && (pkt.range === BEYOND_PKT_END || pkt.range === AT_PKT_END))
    return r === 'ge';
  return undefined;
}

/** A scalar compared with itself. */
function decideAgainstItself(reg: RegState, relation: Relation, narrow: boolean): boolean | undefined {
  switch (relation) {
    case 'eq':
    case 'ge':
    case 'le':
    case 'sge':
    case 'sle':
      return true;
    case 'set':
    case 'notSet': {
      const known = narrow ? subregIsConst(reg.bits) : tnumIsConst(reg.bits);
      const someBit = narrow ? reg.s32min > 0 || reg.s32max < 0 : reg.smin > 0n || reg.smax < 0n;
      if (someBit) return relation === 'set';
      if (!known) return undefined;
      const value = narrow ? reg.bits.value & 0xffff_ffffn : reg.bits.value;
      return (value !== 0n) === (relation === 'set');
    }
    default:
      return false;
  }
}

function decideJump(
  env: VerifierEnv,
  dst: RegState,
  src: RegState,
  relation: Relation,
  narrow: boolean,
  byReg: boolean,
  same: boolean,
): boolean | undefined {
  if (isPacketAny(dst) && isPacketAny(src) && !narrow) return decidePacket(dst, src, relation);
  if (isPointer(dst) || isPointer(src)) {
    if (narrow && env.features.halfPointersMayBeZero) return undefined;
    let ptr = dst;
    let other = src;
    if (!(other.type === 'scalar' && tnumIsConst(other.bits))) {
      if (!env.features.jumpRefineBoth) return undefined;
      [ptr, other] = [other, ptr];
    }
    if (!(other.type === 'scalar' && tnumIsConst(other.bits)) || other.bits.value !== 0n) return undefined;
    if (!isPointer(ptr) || !surelyNotNull(env, ptr)) return undefined;
    return relation === 'eq' ? false : relation === 'ne' ? true : undefined;
  }
  if (same && env.features.sameRegisterJumps) return decideAgainstItself(dst, relation, narrow);
  // The same values as last time, when it was open.
  if (comparisonBefore(env, dst, src) !== null) return undefined;
  const decided = decide(dst, src, relation, narrow, env.features);
  if (decided !== undefined || !env.features.deadBranchBySimulation) return decided;
  // An outcome that leaves some range empty is impossible. If both are possible, what they tell is used next.
  const told = compare(dst, src, relation, narrow, env.features, byReg, false);
  if (!told.canFall) return true;
  if (!told.canJump) return false;
  env.aux[env.insnIdx].comparison = told;
  return undefined;
}

/** One conditional jump; returns whether the walk goes on at the target (else falls through). */
export function checkConditionalJump(env: VerifierEnv, insn: Insn): boolean {
  const opcode = insn.code >> 4;
  const f = env.features;
  if (opcode === 14 && f.mayGoto) return mayGoto(env, insn);
  const relation: Relation =
    RELATIONS[opcode] ??
    structure(env, `invalid BPF_JMP/JMP32 opcode ${(insn.code & 0xf0).toString(16)}`, 'invalid-opcode');
  const narrow = (insn.code & 7) === CLASS_JMP32;
  const byReg = (insn.code & SRC_REG) !== 0;
  const frame = curFrame(env);
  checkRegArg(env, insn.dst, 'src');
  if (byReg) {
    if (insn.imm !== 0) structure(env, 'BPF_JMP/JMP32 uses reserved fields');
    checkRegArg(env, insn.src, 'src');
  } else if (insn.src !== 0) {
    structure(env, 'BPF_JMP/JMP32 uses reserved fields');
  }
  const src = byReg ? frame.regs[insn.src] : immediateOf(env, insn);
  const dst = frame.regs[insn.dst];
  if (f.historyOfLinks && (dst.type === 'stack' || (byReg && src.type === 'stack'))) {
    noteStackPointers(env, byReg && src.type === 'stack', dst.type === 'stack');
  }

  const decided = decideJump(env, dst, src, relation, narrow, byReg, byReg && insn.src === insn.dst);
  if (decided !== undefined) {
    if (!isPointer(dst)) markPrecise(env, insn.dst);
    if (byReg && !isPointer(src)) markPrecise(env, insn.src);
    return decided;
  }

  const linked: LinkedPlace[] = [];
  if (f.historyOfLinks) {
    if (byReg && src.type === 'scalar' && src.id !== 0) collectLinked(env.cur, src.id, linked);
    if (dst.type === 'scalar' && dst.id !== 0) collectLinked(env.cur, dst.id, linked);
    if (linked.length > 1) noteLinked(env, linked);
  }

  const other = pushBranch(env, env.insnIdx + insn.off + 1, env.insnIdx);
  const otherFrame = other.frames[other.frames.length - 1];
  refineBoth(env, insn, relation, narrow, byReg, frame, otherFrame);
  spreadToLinked(env, insn, byReg, frame, env.cur, linked);
  spreadToLinked(env, insn, byReg, otherFrame, other, linked);

  const dstNow = frame.regs[insn.dst];
  if (
    f.jumpRefineBoth &&
    !narrow &&
    byReg &&
    isPointer(src) &&
    isPointer(dst) &&
    src.type !== 'btfId' &&
    dst.type !== 'btfId'
  ) {
    // Equal to a pointer that cannot be NULL: not NULL either.
    const equal = relation === 'eq' ? otherFrame : relation === 'ne' ? frame : null;
    if (equal) {
      if (surelyNotNull(env, dst) && mayBeNull(src))
        equal.regs[insn.src] = becomeNotNull(env, equal.regs[insn.src]);
      if (surelyNotNull(env, src) && mayBeNull(dst))
        equal.regs[insn.dst] = becomeNotNull(env, equal.regs[insn.dst]);
    }
  }
  if (!narrow && !byReg && insn.imm === 0 && (relation === 'eq' || relation === 'ne') && mayBeNull(dstNow)) {
    resolveNull(env, env.cur, insn.dst, relation === 'ne');
    resolveNull(env, other, insn.dst, relation === 'eq');
  } else if (byReg && !narrow && (insn.code & 7) === CLASS_JMP) {
    learnPacket(env, insn, relation, env.cur, other);
  }
  return false;
}

/** A jump that is taken sooner or later: taken now, or once more not taken. */
function mayGoto(env: VerifierEnv, insn: Insn): true {
  if (
    insn.code !== OPCODES.mayGoto.code ||
    insn.src !== 0 ||
    insn.dst !== 0 ||
    insn.imm !== 0 ||
    (insn.off === 0 && !env.features.mayGotoNowhere)
  ) {
    structure(env, `invalid may_goto off ${insn.off} imm ${insn.imm}`);
  }
  const { parent } = env.cur;
  const earlier = parent === null ? null : earlierIteration(env, parent, env.insnIdx);
  const again = pushBranch(env, env.insnIdx + 1, env.insnIdx);
  again.mayGotoDepth++;
  if (earlier !== null) widenScalars(env, earlier, again);
  return true;
}

/** What this jump told of operands of the same values the last time, if it was open then. */
function comparisonBefore(env: VerifierEnv, dst: RegState, src: RegState): Comparison | null {
  const { comparison } = env.aux[env.insnIdx];
  return comparison !== null && sameNumbers(comparison.dst, dst) && sameNumbers(comparison.src, src)
    ? comparison
    : null;
}

/** Stands for an operand that nobody looks at afterwards: an immediate. */
const PASSING = draft(UNKNOWN_SCALAR);

function passing(reg: RegState): Draft {
  setNumbers(PASSING, reg);
  return PASSING;
}

/** What an open comparison tells of its operands; of an immediate (not `byReg`) nothing is kept. */
function compare(
  dst: RegState,
  src: RegState,
  relation: Relation,
  narrow: boolean,
  f: FeatureFlags,
  byReg: boolean,
  same: boolean,
): Comparison {
  const needsSrc = byReg || f.deadBranchBySimulation;
  const falls = draft(dst);
  const fallsSrc = same ? falls : byReg ? draft(src) : passing(src);
  assume(falls, fallsSrc, NEGATION[relation], narrow, f, needsSrc);
  const canFall = !isEmptyRange(falls) && !isEmptyRange(fallsSrc);
  const jumps = draft(dst);
  const jumpsSrc = same ? jumps : byReg ? draft(src) : passing(src);
  assume(jumps, jumpsSrc, relation, narrow, f, needsSrc);
  const canJump = !isEmptyRange(jumps) && !isEmptyRange(jumpsSrc);
  return {
    dst,
    src,
    canFall,
    canJump,
    fallsDst: repaired(falls, f),
    fallsSrc: byReg ? repaired(fallsSrc, f) : src,
    jumpsDst: repaired(jumps, f),
    jumpsSrc: byReg ? repaired(jumpsSrc, f) : src,
  };
}

/** `reg` after a comparison in which `operand`, of the same value, became `result`. */
function learned(reg: RegState, operand: RegState, result: RegState): RegState {
  if (reg === operand) return result;
  const d = draft(reg);
  setNumbers(d, result);
  return d;
}

function refineBoth(
  env: VerifierEnv,
  insn: Insn,
  relation: Relation,
  narrow: boolean,
  byReg: boolean,
  frame: FuncFrame,
  otherFrame: FuncFrame,
): void {
  const f = env.features;
  const dst = frame.regs[insn.dst];
  const src = byReg ? frame.regs[insn.src] : immediateOf(env, insn);
  if (dst.type !== 'scalar' || src.type !== 'scalar') return;
  if (f.jumpRefineBoth) {
    const same = byReg && insn.src === insn.dst;
    const told = (env.aux[env.insnIdx].comparison =
      comparisonBefore(env, dst, src) ?? compare(dst, src, relation, narrow, f, byReg, same));
    frame.regs[insn.dst] = learned(dst, told.dst, told.fallsDst);
    otherFrame.regs[insn.dst] = learned(dst, told.dst, told.jumpsDst);
    if (!byReg || same) return;
    frame.regs[insn.src] = learned(src, told.src, told.fallsSrc);
    otherFrame.regs[insn.src] = learned(src, told.src, told.jumpsSrc);
    return;
  }
  const apply = (target: FuncFrame, holds: Relation): void => {
    const a = draft(target.regs[insn.dst]);
    const b = byReg ? (insn.src === insn.dst ? a : draft(target.regs[insn.src])) : draft(src);
    if (tnumIsConst(src.bits) || (narrow && subregIsConst(src.bits))) {
      assumeConst(a, src.bits.value, holds, narrow, f);
      target.regs[insn.dst] = a;
    } else if (tnumIsConst(dst.bits) || (narrow && subregIsConst(dst.bits))) {
      // Older kernels have no mirrored form of the bit test, they learn nothing there… but do for the rest.
      assumeConst(b, dst.bits.value, MIRROR[holds], narrow, f);
      target.regs[insn.src] = b;
    } else if (!narrow && holds === 'eq') {
      assume(a, b, 'eq', false, f);
      target.regs[insn.dst] = a;
      target.regs[insn.src] = b;
    }
  };
  apply(frame, NEGATION[relation]);
  apply(otherFrame, relation);
}

/** Places whose scalar shares `id` (with or without a delta), innermost frame first. */
function collectLinked(state: VerifierState, id: number, linked: LinkedPlace[]): void {
  const base = originId(id);
  for (let n = state.frames.length - 1; n >= 0; n--) {
    const frame = state.frames[n];
    for (let r = 0; r < 10; r++) {
      const reg = frame.regs[r];
      if (reg.type !== 'scalar' || originId(reg.id) !== base) continue;
      if (linked.length < MAX_LINKED) linked.push({ frameNo: n, index: r, isSlot: false });
      else frame.regs[r] = unlinked(reg);
    }
    for (let s = 0; s < frame.stack.length; s++) {
      const { kinds, spilled } = frame.stack[s];
      if (spilled.type !== 'scalar' || originId(spilled.id) !== base || !isSpilled(frame.stack[s])) continue;
      if (linked.length < MAX_LINKED) linked.push({ frameNo: n, index: s, isSlot: true });
      else setSlot(frame, s, { kinds, spilled: unlinked(spilled) });
    }
  }
}

/** What the operands of a comparison learned holds for their copies, too. */
function spreadToLinked(
  env: VerifierEnv,
  insn: Insn,
  byReg: boolean,
  frame: FuncFrame,
  state: VerifierState,
  linked: readonly LinkedPlace[],
): void {
  const bothScalar =
    !byReg || (frame.regs[insn.dst].type === 'scalar' && frame.regs[insn.src].type === 'scalar');
  if (byReg && (env.features.historyOfLinks || bothScalar)) spread(env, frame.regs[insn.src], state, linked);
  spread(env, frame.regs[insn.dst], state, linked);
}

function spread(
  env: VerifierEnv,
  known: RegState,
  state: VerifierState,
  linked: readonly LinkedPlace[],
): void {
  if (known.type !== 'scalar' || known.id === 0) return;
  if (!env.features.historyOfLinks) {
    forEachReg(env, state, (reg) => (reg.type === 'scalar' && reg.id === known.id ? known : reg));
    return;
  }
  for (const place of linked) {
    const holder = state.frames[place.frameNo];
    const reg = place.isSlot ? holder.stack[place.index].spilled : holder.regs[place.index];
    if (reg.type !== 'scalar' || reg === known || originId(reg.id) !== originId(known.id)) continue;
    // Sums of different widths tell nothing of each other.
    if (addFlag(reg.id) !== 0 && addFlag(known.id) !== 0 && addFlag(reg.id) !== addFlag(known.id)) continue;
    const updated = learnedFrom(known, reg, env.features);
    if (place.isSlot) {
      setSlot(holder, place.index, { kinds: holder.stack[place.index].kinds, spilled: updated });
      if (env.features.logShowsLinks) addSlot(env.unprinted.slots, place.index);
    } else {
      holder.regs[place.index] = updated;
      if (env.features.logShowsLinks) env.unprinted.regs |= 1 << place.index;
    }
  }
}

/** What `known` tells of `reg`, a copy of it that may differ by a constant. */
function learnedFrom(known: RegState, reg: RegState, f: FeatureFlags): RegState {
  if ((addFlag(reg.id) === 0 && addFlag(known.id) === 0) || reg.off === known.off) return known;
  const d = draft(known);
  d.off = reg.off;
  d.id = reg.id;
  const narrowSum = addFlag(reg.id) === ADD_CONST32 || addFlag(known.id) === ADD_CONST32;
  addDelta(d, knownScalar(BigInt(reg.off - known.off)), narrowSum, f);
  return d;
}

/** All copies of a nullable pointer become NULL or surely not NULL. */
function resolveNull(env: VerifierEnv, state: VerifierState, regno: number, isNull: boolean): void {
  const frame = state.frames[state.frames.length - 1];
  const { id, refObjId } = frame.regs[regno];
  if (isNull && refObjId !== 0 && refObjId === id) dropReference(env, frame, refObjId);
  forEachReg(env, state, (reg) => {
    if (!mayBeNull(reg) || reg.id !== id) return reg;
    if (isNull) return NULL_VALUE;
    const sure = becomeNotNull(env, reg);
    // The id stays where it tells locks apart, or where it names the reference.
    const kept = env.features.nullCheckKeepsId && sure.refObjId !== sure.id;
    return kept || holdsSpinLock(env, sure) ? sure : changed(sure, { id: 0 });
  });
}

const NULL_VALUE = knownScalar(0n);

/** After comparing packet pointer and end: how many bytes behind every copy of the pointer are there for sure. */
function learnPacket(
  env: VerifierEnv,
  insn: Insn,
  relation: Relation,
  here: VerifierState,
  there: VerifierState,
): void {
  const frame = here.frames[here.frames.length - 1];
  const dst = frame.regs[insn.dst];
  const src = frame.regs[insn.src];
  const isStart = (reg: RegState): boolean =>
    reg.type === 'packet' && reg.id === 0 && reg.off === 0 && tnumIsConst(reg.bits) && reg.bits.value === 0n;
  const bounded = (pkt: RegState, end: RegState): boolean =>
    (pkt.type === 'packet' && end.type === 'packetEnd') || (pkt.type === 'packetMeta' && isStart(end));
  let regno: number;
  let r = relation;
  if (bounded(dst, src)) regno = insn.dst;
  else if (bounded(src, dst)) {
    regno = insn.src;
    r = MIRROR[relation];
  } else return;
  // Now the relation reads "packet pointer r end": `there` is where it holds, `here` where it does not.
  switch (r) {
    case 'gt':
      extendRange(env, here, frame.regs[regno], false);
      markEnd(there, regno, true);
      break;
    case 'lt':
      extendRange(env, there, frame.regs[regno], true);
      markEnd(here, regno, false);
      break;
    case 'ge':
      extendRange(env, here, frame.regs[regno], true);
      markEnd(there, regno, false);
      break;
    case 'le':
      extendRange(env, there, frame.regs[regno], false);
      markEnd(here, regno, true);
      break;
    default:
  }
}

function extendRange(env: VerifierEnv, state: VerifierState, pkt: RegState, strict: boolean): void {
  const most = pkt.umax + BigInt(pkt.off);
  const proven = env.features.pointerOffsetFolded ? Number(most) : pkt.off;
  if (proven < 0 || (proven === 0 && strict)) return;
  if (pkt.umax > MAX_PACKET_OFF || most > MAX_PACKET_OFF) return;
  const range = strict ? proven + 1 : proven;
  forEachReg(env, state, (reg) =>
    reg.type === pkt.type && reg.id === pkt.id && reg.range < range ? changed(reg, { range }) : reg,
  );
}

function markEnd(state: VerifierState, regno: number, beyond: boolean): void {
  const frame = state.frames[state.frames.length - 1];
  const reg = frame.regs[regno];
  if (reg.type !== 'packet') return;
  frame.regs[regno] = changed(reg, { range: beyond ? BEYOND_PKT_END : AT_PKT_END });
}
