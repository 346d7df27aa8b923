/**
 * Open-coded iterators: bpf_iter_<type>_new makes one in the stack, _next asks it for an element until it has none, _destroy
 * ends it. A `next` has two outcomes: drained (NULL) goes on at once, another element is put aside; loops over it end
 * because states at the call are compared with earlier rounds' (`explored.ts`).
 * Evidence: fixtures `iter-*`, recorded on 6.12 and 7.2.
 */
import { resolvedType, resolveModifiers } from '../btf/query';
import { pushBranch } from './branches';
import { curFrame, hasFeature, regOf, reject, type VerifierEnv } from './env';
import { earlierIteration } from './explored';
import type { KfuncCall } from './kfuncModel';
import { EINVAL, EPROTO } from './outcome';
import { changed, knownScalar, MEM_RCU, PTR_UNTRUSTED, type RegState } from './regState';
import { inRcuSection } from './memoryAccessKernel';
import { becomeNotNull } from './nullness';
import { addSlot } from './slotSet';
import { writeStack } from './stackAccess';
import {
  changeIterator,
  dropIterator,
  iteratorAt,
  placeOf,
  putIterator,
  readSlots,
  touchesIterator,
} from './stackObjects';
import { widenScalars } from './stateEquality';
import { assert } from '../util/assert';

/** The iterator that a `next` call asks. */
export interface AskedIterator {
  readonly frameNo: number;
  readonly slot: number;
  readonly refObjId: number;
  /** Its elements are RCU-protected (else trusted). */
  readonly rcu: boolean;
}

export const isIteratorCall = (call: KfuncCall): boolean =>
  call.row.flags.some((flag) => flag === 'iterNew' || flag === 'iterNext' || flag === 'iterDestroy');

const refuse = (env: VerifierEnv, regno: number, code: string, message: string, errno = EINVAL): never =>
  reject(env, { code, category: 'Resource Lifetime Safety', errno, message, registers: [regno] });

/** Argument `i` of the call must be an iterator in the right state; returns the one that exists already. */
export function checkIterator(env: VerifierEnv, call: KfuncCall, i: number): AskedIterator | null {
  const regno = i + 1;
  const reg = regOf(env, regno);
  const byRegister = hasFeature(env, 'objectsNamedByRegister');
  const where = byRegister ? `R${regno}` : `arg #${i}`;
  if (reg.type !== 'stack') {
    const word = byRegister ? `R${regno}` : `arg#${i}`;
    return refuse(env, regno, 'iterator-argument', `${word} expected pointer to an iterator on stack`);
  }
  const parameter = resolvedType(call.btf, call.proto.params[i].type);
  const typeId = parameter.kind === 'ptr' ? resolveModifiers(call.btf, parameter.type) : 0;
  const type = call.btf.types[typeId];
  if (
    type?.kind !== 'struct' ||
    !type.name.startsWith('bpf_iter_') ||
    type.sizeBytes % 8 !== 0 ||
    type.sizeBytes === 0
  )
    return refuse(env, regno, 'iterator-argument', `expected valid iter pointer as ${where}`);
  const name = `iter_${type.name.slice('bpf_iter_'.length)}`;
  const slots = type.sizeBytes / 8;
  const frame = env.cur.frames[reg.frameNo];
  const place = placeOf(env, reg, 'iter', slots);
  if (call.row.flags.includes('iterNew')) {
    if (place === 'refused' || (place !== 'beyond' && touchesIterator(frame, place, slots)))
      refuse(env, regno, 'iterator-not-uninitialized', `expected uninitialized ${name} as ${where}`);
    create(env, call, regno, reg, typeId, slots);
    return null;
  }
  const found = typeof place === 'number' ? iteratorAt(frame, place, slots, typeId) : null;
  if (found === 'rcu')
    return refuse(
      env,
      regno,
      'iterator-outside-rcu',
      `expected an RCU CS when using ${call.row.name}`,
      EPROTO,
    );
  if (found === null || typeof place !== 'number')
    return refuse(env, regno, 'iterator-not-initialized', `expected an initialized ${name} as ${where}`);
  readSlots(frame, place, slots);
  for (let i = 0; i < slots; i++) addSlot(env.unprinted.slots, place - i);
  const asked: AskedIterator = {
    frameNo: reg.frameNo,
    slot: place,
    refObjId: found.refObjId,
    rcu: (found.flags & MEM_RCU) !== 0,
  };
  if (call.row.flags.includes('iterDestroy')) dropIterator(env, frame, place, slots);
  return asked;
}

function create(
  env: VerifierEnv,
  call: KfuncCall,
  regno: number,
  reg: RegState,
  typeId: number,
  slots: number,
): void {
  const { insnIdx } = call;
  for (let off = 0; off < 8 * slots; off += 8) {
    writeStack(env, {
      insnIdx,
      regno,
      off,
      sizeBytes: 8,
      kind: 'write',
      valueRegno: -1,
      signExtend: false,
      immediate: undefined,
      strictAlignment: false,
    });
  }
  const place = placeOf(env, reg, 'iter', slots);
  assert(typeof place === 'number', 'the iterator was just written');
  const protectedByRcu = call.row.flags.includes('rcuProtected');
  const flags = protectedByRcu ? (inRcuSection(env) ? MEM_RCU : PTR_UNTRUSTED) : 0;
  putIterator(env, env.cur.frames[reg.frameNo], place, slots, typeId, flags, insnIdx);
}

/** R0 holds the element of a `next` call: the path with one is put aside, this one goes on with none. */
export function splitNext(env: VerifierEnv, insnIdx: number, asked: AskedIterator): void {
  const frame = env.cur.frames[asked.frameNo];
  const { object } = frame.stack[asked.slot].spilled;
  assert(object?.kind === 'iter', 'an iterator was asked');
  if (!object.drained) {
    const { parent } = env.cur;
    const earlier = parent === null ? null : earlierIteration(env, parent, insnIdx);
    const again = pushBranch(env, insnIdx + 1, insnIdx);
    changeIterator(again.frames[asked.frameNo], asked.slot, { depth: object.depth + 1 });
    if (earlier !== null) widenScalars(env, earlier, again);
    const inner = again.frames[again.frames.length - 1];
    inner.regs[0] = becomeNotNull(env, inner.regs[0]);
    changeIterator(frame, asked.slot, { drained: true });
  }
  const inner = curFrame(env);
  inner.regs[0] = changed(knownScalar(0n), { origin: insnIdx });
  inner.preciseRegs &= ~1;
}
