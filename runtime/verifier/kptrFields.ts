/**
 * Kernel pointers kept in map values and allocated objects (`__kptr`): what a load yields, what may be stored or exchanged
 * with bpf_kptr_xchg. Which structs maps may own: `spec/kptrTypes.ts`.
 * Evidence: recorded answers of 6.1, 6.12 and 7.2.
 */
import { findType } from '../btf/query';
import type { SpecialField } from '../btf/specialFields';
import { allocatedFields } from './allocated';
import { curFrame, hasFeature, newId, regOf, reject, setReg, unknown, type VerifierEnv } from './env';
import { inRcuSection, walkRules } from './memoryAccessKernel';
import { EACCES, EFAULT, EINVAL } from './outcome';
import {
  changed,
  isNullConst,
  MAYBE_NULL,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  NON_OWN_REF,
  pointer,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  UNKNOWN_SCALAR,
  type RegState,
} from './regState';
import { forEachReg } from './everyRegister';
import { markPrecise } from './precision';
import { dropReference } from './references';
import { kptrTypeByName } from '../spec/kptrTypes';
import { regTypeName } from './regText';
import type { MemAccess } from './seams';
import { checkUnmodifiedPointer } from './contextAccess';
import { kernelMapName } from './mapRules';
import { structMatches } from './structWalk';

interface Target {
  readonly of: 'kernel' | 'object';
  readonly typeId: number;
  readonly name: string;
  /** RCU keeps it alive. */
  readonly rcu: boolean;
}

/** What a field may hold: a struct of the kernel if it has one of that name, else one of the program's own. */
export function kptrTarget(env: VerifierEnv, field: SpecialField): Target {
  const { kptr } = field;
  if (kptr === undefined || env.kernelBtf === undefined) {
    return unknown(env, 'kernel type information (kptr)');
  }
  const name = env.object.btf?.types[kptr.typeId]?.name ?? '';
  const typeId = findType(env.kernelBtf, name, 'struct');
  if (typeId === 0) return { of: 'object', typeId: kptr.typeId, name, rcu: true };
  return { of: 'kernel', typeId, name, rcu: kptrTypeByName(env.profile, name)?.rcu === true };
}

/** Flags of a pointer loaded from the field. */
function loadedFlags(env: VerifierEnv, field: SpecialField, target: Target): number {
  const flavour = field.kptr?.flavour;
  const kept = flavour === 'percpu' || (flavour === 'referenced' && target.rcu);
  if (!kept || !hasFeature(env, 'kptrLoadsUnderRcu') || !inRcuSection(env)) {
    return MAYBE_NULL | PTR_UNTRUSTED;
  }
  if (flavour === 'percpu') return MAYBE_NULL | MEM_RCU | MEM_PERCPU;
  if (target.of === 'kernel') return MAYBE_NULL | MEM_RCU;
  const linked = allocatedFields(env, target.typeId).fields.some(
    ({ kind }) => kind === 'listNode' || kind === 'rbNode',
  );
  return MAYBE_NULL | MEM_RCU | MEM_ALLOC | (linked ? NON_OWN_REF : 0);
}

/** A load or store of the program at a kptr field of a map value. */
export function checkKptrAccess(
  env: VerifierEnv,
  access: MemAccess,
  off: bigint | undefined,
  field: SpecialField,
): void {
  const refuse = (message: string): never =>
    reject(env, {
      code: 'kptr-access',
      category: 'Memory Safety',
      errno: EACCES,
      message,
      registers: [access.regno],
    });
  if (off === undefined) return refuse('kptr access cannot have variable offset');
  if (off !== BigInt(field.offset)) refuse(`kptr access misaligned expected=${field.offset} off=${off}`);
  if (access.sizeBytes !== 8) refuse('kptr access size must be BPF_DW');
  const target = kptrTarget(env, field);
  if (access.strictAlignment || access.signExtend) {
    refuse('kptr in map can only be accessed using BPF_MEM instruction mode');
  }
  if (access.kind === 'write') {
    if (field.kptr?.flavour !== 'untrusted') refuse('store to referenced kptr disallowed');
    if (access.valueRegno >= 0) checkStored(env, access.valueRegno, field, target);
    else if (access.immediate !== 0)
      refuse(`BPF_ST imm must be 0 when storing to kptr at off=${field.offset}`);
    return;
  }
  if (access.valueRegno < 0) return;
  const flags = loadedFlags(env, field, target);
  setReg(
    env,
    access.valueRegno,
    pointer('btfId', { btfId: target.typeId, btfOf: target.of, flags, id: newId(env) }),
  );
}

/** A pointer written into a field that owns nothing: NULL, or a pointer to that struct, however weak. */
function checkStored(env: VerifierEnv, regno: number, field: SpecialField, target: Target): void {
  const reg = regOf(env, regno);
  if (isNullConst(reg)) {
    if (hasFeature(env, 'nullArgumentPrecise')) markPrecise(env, regno);
    return;
  }
  matchField(env, regno, reg, field, target);
}

/** The field that bpf_kptr_xchg's first argument points at. */
export function exchangedField(
  env: VerifierEnv,
  regno: number,
  reg: RegState,
  fields: readonly SpecialField[],
): SpecialField {
  const refuse = (message: string, errno: number): never =>
    reject(env, {
      code: 'kptr-argument',
      category: 'Call Type Safety',
      errno: hasFeature(env, 'timerArgErrnoInner') ? errno : EACCES,
      message,
      registers: [regno],
    });
  if (reg.bits.mask !== 0n)
    refuse(`R${regno} doesn't have constant offset. kptr has to be at the constant offset`, EINVAL);
  if (!fields.some((field) => field.kind === 'kptr')) {
    const { map } = reg;
    const old = !hasFeature(env, 'kptrLoadsUnderRcu') && map !== null;
    refuse(old ? `map '${kernelMapName(map)}' has no valid kptr` : `R${regno} has no valid kptr`, EINVAL);
  }
  const at = reg.off + Number(BigInt.asIntN(32, reg.bits.value));
  const field = fields.find((candidate) => candidate.kind === 'kptr' && candidate.offset === at);
  if (field === undefined) return refuse(`off=${at} doesn't point to kptr`, EACCES);
  if (field.kptr?.flavour === 'untrusted') refuse(`off=${at} kptr isn't referenced kptr`, EACCES);
  return field;
}

/** A pointer that is given away must have been tested. */
export function refuseMaybeNull(env: VerifierEnv, regno: number, reg: RegState): void {
  if ((reg.flags & MAYBE_NULL) !== 0) {
    // kernels do not expect this of an object of the program's own, and say so
    if ((reg.flags & MEM_ALLOC) !== 0) {
      reject(env, {
        code: 'maybe-null-argument',
        category: 'Call Type Safety',
        errno: EFAULT,
        message: `verifier ${hasFeature(env, 'kfuncsTrustByDefault') ? 'bug' : 'internal error'}: invalid PTR_TO_BTF_ID register for type match`,
        registers: [regno],
      });
    }
    reject(env, {
      code: 'maybe-null-argument',
      category: 'Call Type Safety',
      errno: EACCES,
      message: `Possibly NULL pointer passed to helper ${hasFeature(env, 'kfuncsTrustByDefault') ? 'R' : 'arg'}${regno}`,
      registers: [regno],
    });
  }
}

/** The pointer that goes into the field: NULL, or an owned pointer to exactly that struct. */
export function checkExchanged(env: VerifierEnv, regno: number, reg: RegState, field: SpecialField): void {
  const target = kptrTarget(env, field);
  if (!isNullConst(reg)) matchField(env, regno, reg, field, target);
}

/** The pointer is to the field's struct, and no weaker than the field allows. */
function matchField(
  env: VerifierEnv,
  regno: number,
  reg: RegState,
  field: SpecialField,
  target: Target,
): void {
  const flavour = field.kptr?.flavour;
  const old = !hasFeature(env, 'kptrLoadsUnderRcu');
  const weak = flavour === 'untrusted';
  const allowed = old
    ? MAYBE_NULL | (weak ? PTR_UNTRUSTED : 0)
    : reg.btfOf === 'kernel'
      ? MAYBE_NULL | PTR_TRUSTED | MEM_RCU | (weak ? PTR_UNTRUSTED : 0)
      : MAYBE_NULL | MEM_ALLOC | (flavour === 'percpu' ? MEM_PERCPU : 0);
  const flagsFit =
    reg.type === 'btfId' &&
    (reg.flags & ~allowed) === 0 &&
    (flavour === 'percpu') === ((reg.flags & MEM_PERCPU) !== 0);
  const btf = reg.btfOf === 'kernel' ? env.kernelBtf : env.object.btf;
  if (flagsFit) {
    checkUnmodifiedPointer(env, reg, regno, true);
    const same =
      btf !== undefined &&
      reg.btfOf === target.of &&
      structMatches(btf, reg.btfId, reg.off, target.typeId, !weak, walkRules(env, reg));
    if (same) return;
  }
  const have = flagsFit ? (btf?.types[reg.btfId]?.name ?? '') : '';
  const expected = `ptr_${target.name}${weak ? ` or untrusted_ptr_${target.name}` : ''}`;
  reject(env, {
    code: 'kptr-type',
    category: 'Call Type Safety',
    errno: EACCES,
    message: `invalid kptr access, R${regno} type=${regTypeName(reg)}${have} expected=${expected}`,
    registers: [regno],
  });
}

/**
 * The pointer's reference went into a map. A per-CPU object stays usable within an RCU section, all others are gone.
 * False when the frame does not hold the reference.
 */
export function giveToField(env: VerifierEnv, id: number): boolean {
  if (!dropReference(env, curFrame(env), id)) return false;
  const rcu = inRcuSection(env);
  forEachReg(env, env.cur, (reg) => {
    if (reg.refObjId !== id) return reg;
    const kept = rcu && (reg.flags & (MEM_ALLOC | MEM_PERCPU)) === (MEM_ALLOC | MEM_PERCPU);
    return kept ? changed(reg, { refObjId: 0, flags: (reg.flags & ~MEM_ALLOC) | MEM_RCU }) : UNKNOWN_SCALAR;
  });
  return true;
}

/** What the field held before; it belongs to the program now. */
export function formerPointer(env: VerifierEnv, field: SpecialField): RegState {
  const target = kptrTarget(env, field);
  return pointer('btfId', {
    btfId: target.typeId,
    btfOf: target.of,
    flags:
      MAYBE_NULL |
      (target.of === 'object' ? MEM_ALLOC : 0) |
      (target.of === 'object' && field.kptr?.flavour === 'percpu' ? MEM_PERCPU : 0),
  });
}
