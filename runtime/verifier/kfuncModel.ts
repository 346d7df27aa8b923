/**
 * What the files about kernel-function calls share: the call under examination, how its arguments are named in messages,
 * how calls are refused. The call itself: `kfuncCalls.ts`.
 */
import type { Btf, BtfType } from '../btf/types';
import type { SpecialField } from '../btf/specialFields';
import { UNDER_LOCK, UNDER_LOCK_SINCE, type KfuncFlag, type KfuncRow } from '../spec/kfuncs';
import { progTypeByName } from '../spec/progTypes';
import { kfuncAt } from './callKinds';
import type { GivenDynptr } from './dynptrs';
import { hasFeature, reject, type VerifierEnv } from './env';
import type { AskedIterator } from './iterators';
import type { CalledMap } from './timers';
import { EINVAL } from './outcome';
export type Proto = Extract<BtfType, { kind: 'funcProto' }>;

/** A call while its arguments are checked. */
export interface KfuncCall {
  readonly row: KfuncRow;
  readonly btf: Btf;
  readonly proto: Proto;
  readonly insnIdx: number;
  /** Reference that an argument belongs to; register that is released. */
  refObjId: number;
  releaseRegno: number;
  /** Value of the `__k` argument. */
  constant: bigint | null;
  /** Allocated object among the arguments: its struct in the object's BTF. */
  objectType: number;
  /** The object argument is an owning reference. */
  owned: boolean;
  /** Iterator that the call asks or ends. */
  iterator: AskedIterator | null;
  /** Initialised dynptr among the arguments (the last one). */
  dynptr: GivenDynptr | null;
  /** List head or tree root that the call works on. */
  root: SpecialField | null;
  /** Map that an earlier argument was about. */
  map: CalledMap | null;
  /** Function given as callback; -1 none. */
  callback: number;
}

export const isThrow = (env: VerifierEnv, slot: number): boolean => kfuncAt(env, slot) === 'bpf_throw';
export const mayCallUnderLock = (env: VerifierEnv, slot: number): boolean =>
  UNDER_LOCK.has(kfuncAt(env, slot)) ||
  (env.features.moreCallsUnderLock && UNDER_LOCK_SINCE.has(kfuncAt(env, slot)));

export const has = (call: KfuncCall, flag: KfuncFlag): boolean => call.row.flags.includes(flag);

/** The C type behind the context of programs like this one. */
export const contextName = (env: VerifierEnv): string => progTypeByName(env.program.type)?.contextType ?? '';

/** Newer kernels number the register instead of the argument. */
export const argName = (env: VerifierEnv, i: number): string =>
  hasFeature(env, 'kfuncsTrustByDefault') ? `R${i + 1}` : `arg#${i}`;

/** As older kernels write it in some messages. */
export const argWord = (env: VerifierEnv, i: number): string =>
  hasFeature(env, 'kfuncsTrustByDefault') ? `R${i + 1}` : `arg${i}`;

export const argsName = (env: VerifierEnv, i: number): string =>
  hasFeature(env, 'kfuncsTrustByDefault') ? `R${i + 1}` : `args#${i}`;

export function refuse(
  env: VerifierEnv,
  message: string,
  errno = EINVAL,
  code = 'kfunc-argument',
  registers?: number[],
): never {
  return reject(env, { code, category: 'Call Type Safety', errno, message, registers });
}

export const refuseUse = (env: VerifierEnv, message: string, errno: number, code: string): never =>
  reject(env, { code, category: 'Execution Context Safety', errno, message });
