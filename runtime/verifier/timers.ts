/**
 * The timer argument of bpf_timer_init, _set_callback, _start and _cancel: a map value at the constant offset of the
 * map's one timer; and that init names the very map that holds it.
 * Evidence: fixtures `timer-*`, measured on 6.1, 6.12 and 7.2.
 */
import type { SpecialFields } from '../btf/specialFields';
import type { MapSpec } from '../loader/objectSpec';
import { asS64, asU64 } from '../util/u64';
import { assert } from '../util/assert';
import { hasFeature, reject, type VerifierEnv } from './env';
import { fieldOf, kernelMapName, mapInfo } from './mapRules';
import { EACCES, EINVAL, EOPNOTSUPP } from './outcome';
import type { RegState } from './regState';

/** The map that a helper's earlier arguments named, and which of several inner maps it is. */
export interface CalledMap {
  readonly map: MapSpec;
  readonly uid: number;
}

/** Old kernels wrap every refusal of a timer pointer into one error number. */
const argErrno = (env: VerifierEnv): number => (hasFeature(env, 'timerArgErrnoInner') ? EINVAL : EACCES);

/** Why the map has no usable field of that struct, in the words of this kernel. */
export function noFieldMessage(
  env: VerifierEnv,
  map: MapSpec,
  struct: string,
  problem: SpecialFields['problem'],
): string {
  const name = kernelMapName(map);
  if (hasFeature(env, 'timerFieldRecord')) return `map '${name}' has no valid ${struct}`;
  if (problem?.what === 'many') return `map '${name}' has more than one 'struct ${struct}'`;
  if (problem === undefined) return `map '${name}' doesn't have 'struct ${struct}'`;
  return `map '${name}' is not a struct type or ${struct} is mangled`;
}

/** Checks the timer in register `regno` and returns the map that holds it. */
export function checkTimerArgument(env: VerifierEnv, regno: number, reg: RegState): CalledMap {
  const { map } = reg;
  assert(map !== null, 'a map value has a map');
  const info = mapInfo(env, map);
  const field = fieldOf(env, map, 'timer');
  const facts = { map: map.name, helperArgument: 'timer' };
  if (env.profile.preemptRt && hasFeature(env, 'timerRefusedOnRt')) {
    reject(env, {
      code: 'timer-on-rt',
      category: 'Execution Context Safety',
      errno: EOPNOTSUPP,
      message: 'bpf_timer cannot be used for PREEMPT_RT.',
      registers: [regno],
      facts,
    });
  }
  if (reg.bits.mask !== 0n) {
    reject(env, {
      code: 'timer-offset-not-constant',
      category: 'Call Type Safety',
      errno: argErrno(env),
      message: `R${regno} doesn't have constant offset. bpf_timer has to be at the constant offset`,
      registers: [regno],
      facts,
    });
  }
  if (!info.hasBtf) {
    reject(env, {
      code: 'timer-map-without-btf',
      category: 'Call Type Safety',
      errno: argErrno(env),
      message: `map '${kernelMapName(map)}' has to have BTF in order to use bpf_timer`,
      registers: [regno],
      facts: { ...facts, why: info.btfLost ?? '' },
    });
  }
  if (field === undefined) {
    const problem = info.fields.problem;
    reject(env, {
      code:
        problem === undefined
          ? 'timer-missing-in-value'
          : problem.what === 'many'
            ? 'timer-many-in-value'
            : 'timer-mangled-in-value',
      category: 'Call Type Safety',
      errno: argErrno(env),
      message: noFieldMessage(env, map, 'bpf_timer', problem),
      registers: [regno],
      facts,
    });
  }
  const at = asS64(asU64(reg.bits.value + BigInt(reg.off)));
  if (at !== BigInt(field.offset)) {
    reject(env, {
      code: 'timer-wrong-offset',
      category: 'Call Type Safety',
      errno: argErrno(env),
      message: `off ${at} doesn't point to 'struct bpf_timer' that is at ${field.offset}`,
      registers: [regno],
      facts: { ...facts, at: Number(at), field: field.name, fieldOffset: field.offset },
    });
  }
  return { map, uid: reg.mapUid };
}

/** The map argument of init must be the very map that the timer's value came from. */
export function checkSameMap(env: VerifierEnv, timer: CalledMap, regno: number, reg: RegState): void {
  if (timer.map === reg.map && timer.uid === reg.mapUid) return;
  reject(env, {
    code: 'timer-map-mismatch',
    category: 'Call Type Safety',
    errno: EINVAL,
    message: `timer pointer in R1 map_uid=${timer.uid} doesn't match map pointer in R2 map_uid=${reg.mapUid}`,
    registers: [1, regno],
    facts: {
      timerMap: timer.map.name,
      map: reg.map?.name ?? '',
      inner: timer.uid !== 0 || reg.mapUid !== 0 ? 1 : 0,
    },
  });
}
