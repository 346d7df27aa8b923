/**
 * What is judged before the walk: program type, sleepability, what the program attaches to, every map that it mentions.
 */
import { resolvedType } from '../btf/query';
import { SLEEPABLE_ATTACH_TYPES, SLEEPABLE_TRACEPOINT_TYPE } from '../spec/loadAttributes';
import { progTypeByName, type ProgTypeRow } from '../spec/progTypes';
import { isSince } from '../spec/profile';
import { hasFeature, reject, unknown, type VerifierEnv } from './env';
import { checkArena } from './arenas';
import { checkAttachedFunction, isAttachTypeKnown } from './attachFunctions';
import { findSymbol } from './kernelVariables';
import { checkAttachTarget } from './loadAttributes';
import { checkDirectValue, mapChecker } from './mapRules';
import { EINVAL } from './outcome';
import { pointer, type RegState } from './regState';
import { checkStructOps } from './structOps';

/** Tracepoints may sleep on newest kernels. */
const SLEEPY_TRACEPOINTS = new Set(['BPF_PROG_TYPE_TRACEPOINT', 'BPF_PROG_TYPE_RAW_TRACEPOINT']);

/** Types whose rules are not written. */
const NOT_MODELLED = new Set(['BPF_PROG_TYPE_EXT']);

/** Asked of the load itself, before the program is looked at: does the kernel have the program type? */
export function checkProgramType(env: VerifierEnv): void {
  const row = progTypeByName(env.program.type);
  if (row === undefined) return unknown(env, `program type ${env.program.type}`);
  checkKernelHasType(env, row);
}

/** May the program sleep, and is what it attaches to there? Older kernels ask before they look at instructions, newer ones after. */
export function checkAttachment(env: VerifierEnv): void {
  const { program } = env;
  checkAddresses(env);
  checkSleepable(env, progTypeByName(program.type)?.sleepable);
  checkAttachTarget(env);
  if (NOT_MODELLED.has(program.type)) return unknown(env, `program type ${program.type}`);
  if (program.type === 'BPF_PROG_TYPE_STRUCT_OPS') checkStructOps(env);
  checkAttachedFunction(env);
}

/** The map that the wide load at `slot` names: does it go with the program? */
export type NamedMapCheck = (slot: number) => void;

export function namedMapCheck(env: VerifierEnv): NamedMapCheck {
  const checkMap = mapChecker(env);
  let arena: number | undefined;
  return (slot) => {
    const reference = env.program.references.get(slot);
    if (reference?.kind !== 'map' && reference?.kind !== 'mapValue') return;
    const map = env.maps[reference.map];
    const checkValue = (): void => {
      if (reference.kind === 'mapValue') checkDirectValue(env, slot, map, reference.offset >>> 0);
    };
    if (map.type === 'BPF_MAP_TYPE_ARENA' && reference.map !== arena) {
      // Older kernels look at the address before they take the map.
      if (!hasFeature(env, 'fieldsCheckedFirst')) checkValue();
      checkArena(env, arena !== undefined);
      arena = reference.map;
    }
    checkMap(reference.map);
    checkValue();
  };
}

/** A kernel that does not know the program type says so with an error number only. */
function checkKernelHasType(env: VerifierEnv, row: ProgTypeRow): void {
  const leftOut = row.notInCloudKernels === true;
  if (leftOut && env.profile.basis !== 'measured') return unknown(env, `program type ${row.name}`);
  if (!leftOut && isSince(env.profile, row.since)) return;
  reject(env, {
    code: 'program-type-missing',
    category: 'Policy',
    errno: EINVAL,
    message: '',
    insn: -1,
    facts: { programType: row.name },
  });
}

/**
 * Addresses of kernel symbols without a type come from the kernel's symbol table, of which we have a part only: a name that
 * is not there may be missing, and then the object cannot be loaded.
 */
function checkAddresses(env: VerifierEnv): void {
  const { btf } = env.object;
  if (env.kernelBtf === undefined || btf === undefined) return;
  for (const { name, kind, weak, typeId } of env.object.externs) {
    if (kind !== 'ksym' || weak || resolvedType(btf, typeId).kind !== 'void') continue;
    if (findSymbol(env, name) === undefined) return unknown(env, `whether the kernel has a symbol ${name}`);
  }
}

const refuseAttach = (env: VerifierEnv, code: string, message: string): never =>
  reject(env, {
    code,
    category: 'Policy',
    errno: EINVAL,
    message,
    insn: -1,
    facts: { target: env.program.attachTo ?? '' },
  });

function checkSleepable(env: VerifierEnv, rule: 'may' | 'always' | undefined): void {
  const { program } = env;
  if (rule === 'always' && !program.sleepable) {
    reject(env, {
      code: 'program-must-sleep',
      category: 'Policy',
      errno: EINVAL,
      message: 'Syscall programs can only be sleepable',
      insn: -1,
    });
  }
  if (!program.sleepable || rule === 'always') return;
  const cgroupHook = program.attachType === 'BPF_LSM_CGROUP' && program.type === 'BPF_PROG_TYPE_LSM';
  if (maySleep(env, rule) && !cgroupHook) return;
  const oldText = cgroupHook
    ? 'BPF_LSM_CGROUP programs cannot be sleepable'
    : 'Only fentry/fexit/fmod_ret, lsm, and kprobe/uprobe programs can be sleepable';
  const listText = sleepDependsOnAttachType(env)
    ? 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable'
    : oldText;
  const short = hasFeature(env, 'sleepableProgramsShortText');
  refuseAttach(env, 'program-may-not-sleep', short ? 'Program of this type cannot be sleepable' : listText);
}

const sleepDependsOnAttachType = (env: VerifierEnv): boolean =>
  hasFeature(env, 'sleepableProgramsText') || hasFeature(env, 'sleepableProgramsShortText');

/** By program type, and on all but the oldest kernels by attach type. */
function maySleep(env: VerifierEnv, rule: 'may' | undefined): boolean {
  const { type, attachType } = env.program;
  const tracepoints = hasFeature(env, 'sleepInTracepoints');
  if (tracepoints && SLEEPY_TRACEPOINTS.has(type)) return true;
  if (type === 'BPF_PROG_TYPE_STRUCT_OPS') return hasFeature(env, 'structOpsSleep');
  if (rule === undefined) return false;
  const listed = Object.hasOwn(SLEEPABLE_ATTACH_TYPES, type) ? SLEEPABLE_ATTACH_TYPES[type] : undefined;
  if (listed === undefined || !sleepDependsOnAttachType(env)) return true;
  if (!isAttachTypeKnown(env)) return false;
  return listed.includes(attachType ?? '') || (tracepoints && attachType === SLEEPABLE_TRACEPOINT_TYPE);
}

/** R1 at entry of the main program. */
export const contextRegister = (): RegState => pointer('ctx');
