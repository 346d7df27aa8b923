/**
 * Kernel pointers kept in map values (`__kptr`): what a load yields, what may be exchanged with bpf_kptr_xchg.
 * Not modelled (`unknown`): kernels before 6.12, per-CPU kptrs, kptrs inside allocated objects, stores of untrusted kptrs.
 * Evidence: recorded answers of 6.12 and 7.2.
 */
import { findType } from '../btf/query';
import type { SpecialField } from '../btf/specialFields';
import { allocatedFields } from './allocated';
import { hasFeature, newId, reject, setReg, unknown, type VerifierEnv } from './env';
import { inRcuSection, walkRules } from './memoryAccessKernel';
import { EACCES, EINVAL } from './outcome';
import {
  isNullConst,
  MAYBE_NULL,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  NON_OWN_REF,
  pointer,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  type RegState,
} from './regState';
import { regTypeName } from './regText';
import type { MemAccess } from './seams';
import { checkUnmodifiedPointer } from './contextAccess';
import { structMatches } from './structWalk';

/** Structs that RCU keeps alive; those among them and others that the kernel knows how to release. */
const RCU_STRUCTS = new Set(['cgroup', 'bpf_cpumask', 'task_struct', 'bpf_crypto_ctx']);

interface Target {
  readonly of: 'kernel' | 'object';
  readonly typeId: number;
  readonly name: string;
}

/** What a field may hold: a struct of the kernel if it has one of that name, else one of the program's own. */
export function kptrTarget(env: VerifierEnv, field: SpecialField): Target {
  const { kptr } = field;
  if (kptr === undefined || !hasFeature(env, 'kfuncTable') || kptr.flavour === 'percpu') {
    return unknown(env, 'kernel pointers in maps (kptr)');
  }
  const name = env.object.btf?.types[kptr.typeId]?.name ?? '';
  if (env.kernelBtf === undefined) return unknown(env, 'kernel type information (kptr)');
  const typeId = findType(env.kernelBtf, name, 'struct');
  if (typeId === 0) return { of: 'object', typeId: kptr.typeId, name };
  if (kptr.flavour === 'referenced' && !RCU_STRUCTS.has(name))
    return unknown(env, `kernel pointers to struct ${name} in maps`);
  return { of: 'kernel', typeId, name };
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
  if (access.strictAlignment === true || access.signExtend) {
    refuse('kptr in map can only be accessed using BPF_MEM instruction mode');
  }
  if (access.kind === 'write') {
    if (field.kptr?.flavour === 'referenced') refuse('store to referenced kptr disallowed');
    return unknown(env, 'stores of kernel pointers into maps');
  }
  if (access.valueRegno < 0) return;
  let flags = MAYBE_NULL;
  const rcuSafe =
    field.kptr?.flavour === 'referenced' && (target.of === 'object' || RCU_STRUCTS.has(target.name));
  if (rcuSafe && inRcuSection(env)) {
    flags |= MEM_RCU;
    if (target.of === 'object') {
      flags |= MEM_ALLOC;
      const fields = allocatedFields(env, target.typeId).fields;
      if (fields.some(({ kind }) => kind === 'listNode' || kind === 'rbNode')) flags |= NON_OWN_REF;
    }
  } else flags |= PTR_UNTRUSTED;
  setReg(
    env,
    access.valueRegno,
    pointer('btfId', { btfId: target.typeId, btfOf: target.of, flags, id: newId(env) }),
  );
}

/** The field that bpf_kptr_xchg's first argument points at. */
export function exchangedField(
  env: VerifierEnv,
  regno: number,
  reg: RegState,
  fields: readonly SpecialField[],
): SpecialField {
  const refuse = (message: string, errno: number): never =>
    reject(env, { code: 'kptr-argument', category: 'Call Type Safety', errno, message, registers: [regno] });
  if (reg.bits.mask !== 0n)
    refuse(`R${regno} doesn't have constant offset. kptr has to be at the constant offset`, EINVAL);
  if (!fields.some((field) => field.kind === 'kptr')) refuse(`R${regno} has no valid kptr`, EINVAL);
  const at = reg.off + Number(BigInt.asIntN(32, reg.bits.value));
  const field = fields.find((candidate) => candidate.kind === 'kptr' && candidate.offset === at);
  if (field === undefined) return refuse(`off=${at} doesn't point to kptr`, EACCES);
  if (field.kptr?.flavour === 'untrusted') refuse(`off=${at} kptr isn't referenced kptr`, EACCES);
  return field;
}

/** A pointer that is given away must have been tested. */
export function refuseMaybeNull(env: VerifierEnv, regno: number, reg: RegState): void {
  if ((reg.flags & MEM_PERCPU) !== 0) return unknown(env, 'per-CPU kernel pointers');
  if ((reg.flags & MAYBE_NULL) !== 0) {
    if ((reg.flags & MEM_ALLOC) !== 0) return unknown(env, 'objects that may be NULL given to bpf_kptr_xchg');
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
  if (isNullConst(reg)) return;
  const btf = reg.btfOf === 'kernel' ? env.kernelBtf : env.object.btf;
  const allowed = reg.btfOf === 'kernel' ? MAYBE_NULL | PTR_TRUSTED | MEM_RCU : MAYBE_NULL | MEM_ALLOC;
  const flagsFit = (reg.flags & ~allowed) === 0;
  if (flagsFit) checkUnmodifiedPointer(env, reg, regno, true);
  if (
    flagsFit &&
    btf !== undefined &&
    reg.btfOf === target.of &&
    structMatches(btf, reg.btfId, reg.off, target.typeId, true, walkRules(env, reg))
  ) {
    return;
  }
  const have = flagsFit ? (btf?.types[reg.btfId]?.name ?? '') : '';
  reject(env, {
    code: 'kptr-type',
    category: 'Call Type Safety',
    errno: EACCES,
    message: `invalid kptr access, R${regno} type=${regTypeName(reg)}${have} expected=ptr_${target.name}`,
    registers: [regno],
  });
}

/** What the field held before; it belongs to the program now. */
export function formerPointer(env: VerifierEnv, field: SpecialField): RegState {
  const target = kptrTarget(env, field);
  return pointer('btfId', {
    btfId: target.typeId,
    btfOf: target.of,
    flags: MAYBE_NULL | (target.of === 'object' ? MEM_ALLOC : 0),
  });
}
