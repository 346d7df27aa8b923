/**
 * bpf_spin_lock and bpf_spin_unlock: the argument must be the one lock of a map value, one lock at a time, unlocked
 * through the value that was locked.
 * Evidence: fixtures `lock-*`. Kernels before 6.2 remember only the id of the locked value, and values that need no
 * NULL check (callback arguments) have id 0, which there means "no lock": measured on 6.1, kept here on purpose.
 */
import type { MapSpec } from '../loader/objectSpec';
import { asS64, asU64 } from '../util/u64';
import { hasFeature, reject, unknown, type VerifierEnv } from './env';
import { allocatedFields } from './allocated';
import { forEachReg } from './everyRegister';
import { inTreeCallback } from './kfuncGraph';
import { fieldOf, kernelMapName, mapInfo } from './mapRules';
import { EACCES, EINVAL, type RejectionData } from './outcome';
import { NON_OWN_REF, UNKNOWN_SCALAR, type RegState } from './regState';
import { noFieldMessage } from './timers';

function refuse(env: VerifierEnv, data: Omit<RejectionData, 'category' | 'errno'>): never {
  const errno = hasFeature(env, 'timerArgErrnoInner') ? EINVAL : EACCES;
  return reject(env, { category: 'Resource Lifetime Safety', errno, ...data });
}

/** The lock's map, after all checks of the pointer itself. */
function lockedMap(env: VerifierEnv, regno: number, reg: RegState): MapSpec {
  const { map } = reg;
  if (reg.type !== 'mapValue' || map === null) return unknown(env, 'locks in kernel objects');
  const facts = { map: map.name };
  if (reg.bits.mask !== 0n) {
    refuse(env, {
      code: 'lock-offset-not-constant',
      message: `R${regno} doesn't have constant offset. bpf_spin_lock has to be at the constant offset`,
      registers: [regno],
      facts,
    });
  }
  const info = mapInfo(env, map);
  if (!info.hasBtf) {
    refuse(env, {
      code: 'lock-map-without-btf',
      message: `map '${kernelMapName(map)}' has to have BTF in order to use bpf_spin_lock`,
      registers: [regno],
      facts,
    });
  }
  const field = fieldOf(env, map, 'spinLock');
  if (field === undefined) {
    const problem = info.fields.problem?.kind === 'spinLock' ? info.fields.problem : undefined;
    refuse(env, {
      code: 'lock-missing-in-value',
      message: noFieldMessage(env, map, 'bpf_spin_lock', problem),
      registers: [regno],
      facts,
    });
  }
  const at = asS64(asU64(reg.bits.value + BigInt(reg.off)));
  if (at !== BigInt(field.offset)) {
    const where = hasFeature(env, 'timerFieldRecord') ? ` that is at ${field.offset}` : '';
    refuse(env, {
      code: 'lock-wrong-offset',
      message: `off ${at} doesn't point to 'struct bpf_spin_lock'${where}`,
      registers: [regno],
      facts: { ...facts, at: Number(at), fieldOffset: field.offset, field: field.name },
    });
  }
  return map;
}

/** What the lock is in: the map, or (for all objects that programs allocate) the object's BTF. */
function lockedThing(env: VerifierEnv, regno: number, reg: RegState): { of: object | 'alloc'; name: string } {
  if (reg.type !== 'btfId' || reg.btfOf !== 'object') {
    const map = lockedMap(env, regno, reg);
    return { of: map, name: map.name };
  }
  if (reg.bits.mask !== 0n) {
    refuse(env, {
      code: 'lock-offset-not-constant',
      message: `R${regno} doesn't have constant offset. bpf_spin_lock has to be at the constant offset`,
      registers: [regno],
    });
  }
  const field = allocatedFields(env, reg.btfId).fields.find((candidate) => candidate.kind === 'spinLock');
  if (field === undefined) {
    return refuse(env, {
      code: 'lock-missing-in-value',
      message: "local 'kptr' has no valid bpf_spin_lock",
      registers: [regno],
    });
  }
  const at = BigInt(reg.off) + asS64(reg.bits.value);
  if (at !== BigInt(field.offset)) {
    refuse(env, {
      code: 'lock-wrong-offset',
      message: `off ${at} doesn't point to 'struct bpf_spin_lock' that is at ${field.offset}`,
      registers: [regno],
      facts: { at: Number(at), fieldOffset: field.offset, field: field.name },
    });
  }
  return { of: 'alloc', name: 'an allocated object' };
}

export function checkSpinLock(env: VerifierEnv, regno: number, reg: RegState, locking: boolean): void {
  if (inTreeCallback(env)) {
    reject(env, {
      code: 'lock-in-tree-callback',
      category: 'Execution Context Safety',
      errno: EACCES,
      message: "can't spin_{lock,unlock} in rbtree cb",
      registers: [regno],
    });
  }
  const { of: map, name } = lockedThing(env, regno, reg);
  const { activeLock } = env.cur;
  const facts = { map: name };
  if (locking) {
    if (activeLock !== null && activeLock.kind !== 'spin') unknown(env, 'plain locks within others');
    if (activeLock !== null) {
      refuse(env, {
        code: 'two-locks',
        message: 'Locking two bpf_spin_locks are not allowed',
        registers: [regno],
        facts,
      });
    }
    env.cur.activeLock =
      !hasFeature(env, 'timerFieldRecord') && reg.id === 0
        ? null
        : { id: reg.id, of: map, kind: 'spin', outer: env.cur.activeLock };
    return;
  }
  if (activeLock === null) {
    refuse(env, {
      code: 'unlock-without-lock',
      message: 'bpf_spin_unlock without taking a lock',
      registers: [regno],
      facts,
    });
  }
  if (activeLock.kind !== 'spin') unknown(env, 'plain locks around others');
  const sameMap = activeLock.of === map || !hasFeature(env, 'timerFieldRecord');
  if (!sameMap || activeLock.id !== reg.id) {
    refuse(env, {
      code: 'unlock-of-other-lock',
      message: 'bpf_spin_unlock of different lock',
      registers: [regno],
      facts,
    });
  }
  env.cur.activeLock = activeLock.outer;
  // what was linked under the lock may be gone once it is released
  forEachReg(env, env.cur, (held) => ((held.flags & NON_OWN_REF) !== 0 ? UNKNOWN_SCALAR : held));
}
