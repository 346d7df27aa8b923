/**
 * Kernel structures read through typed pointers: tracing arguments, sockets, the map structure behind a map pointer.
 * Only scalar members of plain structs are judged; everything else answers `unknown` with what would be needed.
 */
import { findType, resolvedType, resolveModifiers } from '../btf/query';
import type { Btf } from '../btf/types';
import { bitsText } from './bitsText';
import { allocatedFields, fieldTypeName } from './allocated';
import { asS64, asU64 } from '../util/u64';
import { tnumAdd, tnumConst } from './tnum';
import { hasFeature, newId, reject, setReg, unknown, type VerifierEnv } from './env';
import { isGplCompatible } from './licences';
import { mapInfo } from './mapRules';
import { loadedScalar } from './memoryAccessBounds';
import { EACCES, EINVAL } from './outcome';
import {
  MAYBE_NULL,
  mayBeNull,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_USER,
  NON_OWN_REF,
  pointer,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  type RegState,
} from './regState';
import { regTypeName } from './regText';
import type { MemAccess } from './seams';
import { checkStructWrite } from './structOps';
import { walkData, type WalkRules } from './structWalk';

/** Plain data at an address that is not known to be good: any byte may be read, faults yield zero. */
export const UNTRUSTED_MEMORY: RegState = pointer('mem', { flags: MEM_RDONLY | PTR_UNTRUSTED });

/** The kernel's structure behind a map pointer: read as kernel structs are, never written. */
export function checkMapStructAccess(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  const struct = reg.map === null ? undefined : mapInfo(env, reg.map).row.kernelStruct;
  const off = access.off + reg.off;
  const btf = env.kernelBtf;
  const typeId = btf === undefined || struct === undefined ? 0 : findType(btf, struct, 'struct');
  if (struct === undefined || btf === undefined || (typeId === 0 && access.kind === 'read')) {
    return unknown(env, 'the kernel structure behind this map pointer');
  }
  if (off < 0 || access.kind === 'write') {
    return reject(env, {
      code: off < 0 ? 'kernel-struct-access' : 'write-to-map-pointer',
      category: off < 0 ? 'Memory Safety' : 'Register Type Safety',
      errno: EACCES,
      message:
        off < 0
          ? `R${access.regno} is ${struct} invalid negative access: off=${off}`
          : `only read from ${struct} is supported`,
      registers: [access.regno],
      facts: { map: reg.map?.name ?? '', struct, off },
    });
  }
  const step = walkData(btf, typeId, off, access.sizeBytes, {
    unionsUntrusted: hasFeature(env, 'trustedPointers'),
    openArrays: true,
  });
  if (step.kind === 'refused') {
    return reject(env, {
      code: 'kernel-struct-access',
      category: 'Memory Safety',
      errno: step.errno,
      message: step.message,
      registers: [access.regno],
      facts: { struct, off },
    });
  }
  if (access.valueRegno < 0) return;
  let loaded = loadedScalar(access.sizeBytes, access.signExtend);
  if (step.kind === 'pointer') {
    const kept = hasFeature(env, 'trustedPointers') ? step.flags : step.flags & (MEM_USER | MEM_PERCPU);
    loaded = pointer('btfId', { btfId: step.btfId, btfOf: 'kernel', flags: kept });
  } else if (step.kind === 'dataPointer' && hasFeature(env, 'untrustedMemory')) {
    loaded = UNTRUSTED_MEMORY;
  }
  setReg(env, access.valueRegno, loaded);
}

/** Whether the pointer's target is sure to live: owned, or trusted by its origin. */
export function isTrusted(reg: RegState): boolean {
  if (reg.refObjId !== 0) return true;
  const safe = PTR_TRUSTED | MEM_ALLOC | NON_OWN_REF;
  return (reg.flags & safe) !== 0 && (reg.flags & ~safe) === 0;
}

/** Whether RCU keeps objects alive here: an RCU section, a held lock, or a program that does not sleep. */
export const inRcuSection = (env: VerifierEnv): boolean =>
  env.cur.activeRcuLock || env.cur.activeLock !== null || !(env.cur.inSleepable || env.program.sleepable);

export const walkRules = (env: VerifierEnv, reg: RegState): WalkRules => ({
  unionsUntrusted: hasFeature(env, 'trustedPointers'),
  openArrays: (reg.flags & MEM_ALLOC) === 0,
});

/** The kernel marks fields whose targets live as long as their holder by companion structs with a suffix. */
function fieldListed(btf: Btf, holderId: number, field: string, target: number, suffix: string): boolean {
  const holder = btf.types[holderId];
  if (holder?.kind !== 'struct' && holder?.kind !== 'union') return false;
  const list = btf.types[findType(btf, `${holder.name}${suffix}`, holder.kind)];
  if (list?.kind !== 'struct' && list?.kind !== 'union') return false;
  return list.members.some((member) => {
    const type = btf.types[member.type];
    return member.name === field && type?.kind === 'ptr' && resolveModifiers(btf, type.type) === target;
  });
}

/** Flags of a pointer loaded through `reg`. */
function loadedFlags(
  env: VerifierEnv,
  btf: Btf,
  reg: RegState,
  step: { readonly btfId: number; readonly flags: number; readonly field: string },
): number {
  if (!hasFeature(env, 'trustedPointers')) {
    const kept = step.flags & (MEM_USER | MEM_PERCPU);
    return (reg.flags & PTR_UNTRUSTED) !== 0 ? kept | PTR_UNTRUSTED : kept;
  }
  if ((reg.flags & PTR_UNTRUSTED) !== 0) return PTR_UNTRUSTED;
  const plain = step.flags & ~(PTR_TRUSTED | MEM_ALLOC | NON_OWN_REF | MEM_RCU);
  if (!isTrusted(reg) && (reg.flags & MEM_RCU) === 0) return plain;
  const listed = (suffix: string): boolean => fieldListed(btf, reg.btfId, step.field, step.btfId, suffix);
  if (listed('__safe_trusted')) return step.flags | PTR_TRUSTED;
  if (listed('__safe_trusted_or_null')) return step.flags | PTR_TRUSTED | MAYBE_NULL;
  if (!inRcuSection(env) || mayBeNull(reg)) return PTR_UNTRUSTED;
  if (listed('__safe_rcu')) return step.flags | MEM_RCU;
  if (listed('__safe_rcu_or_null')) return (step.flags & ~PTR_UNTRUSTED) | MEM_RCU | MAYBE_NULL;
  if ((step.flags & MEM_RCU) !== 0) return step.flags | MAYBE_NULL;
  if ((step.flags & (MEM_PERCPU | MEM_USER)) !== 0) return step.flags;
  return plain;
}

/** Program types that may write some fields of some kernel structs. */
const WRITERS = new Set([
  'BPF_PROG_TYPE_SCHED_CLS',
  'BPF_PROG_TYPE_SCHED_ACT',
  'BPF_PROG_TYPE_XDP',
  'BPF_PROG_TYPE_STRUCT_OPS',
]);

/**
 * A load or store through a typed pointer: data becomes numbers, pointers to structs typed pointers again, as far to be
 * trusted as the pointer used and the field allow.
 */
export function checkKernelStructAccess(
  env: VerifierEnv,
  access: Omit<MemAccess, 'sizeBytes'> & { readonly sizeBytes: number },
  reg: RegState,
): void {
  const allocated = reg.btfOf === 'object';
  const btf = allocated ? env.object.btf : env.kernelBtf;
  if (btf === undefined) return unknown(env, 'kernel type information');
  const type = resolvedType(btf, reg.btfId);
  const name = type.name;
  if (!allocated && hasFeature(env, 'kernelStructNeedsGpl') && !isGplCompatible(env.object.license)) {
    reject(env, {
      code: 'kernel-struct-needs-gpl',
      category: 'Policy',
      errno: EINVAL,
      message: `Cannot access kernel 'struct ${name}' from non-GPL compatible program`,
      registers: [access.regno],
      facts: { struct: name, license: env.object.license },
    });
  }
  const off = access.off + reg.off;
  const refuse = (message: string, errno = EACCES): never =>
    reject(env, {
      code: 'kernel-struct-access',
      category: 'Memory Safety',
      errno,
      message,
      registers: [access.regno],
      facts: { struct: name, off },
    });
  if (off < 0) refuse(`R${access.regno} is ptr_${name} invalid negative access: off=${off}`);
  if (reg.bits.mask !== 0n || reg.bits.value !== 0n) {
    refuse(
      `R${access.regno} is ptr_${name} invalid variable offset: off=${off}, var_off=${bitsText(env, reg.bits)}`,
    );
  }
  if ((reg.flags & MEM_USER) !== 0) refuse(`R${access.regno} is ptr_${name} access user memory: off=${off}`);
  if ((reg.flags & MEM_PERCPU) !== 0)
    refuse(`R${access.regno} is ptr_${name} access percpu memory: off=${off}`);
  if (access.kind === 'write' && (reg.flags & PTR_UNTRUSTED) !== 0) refuse('only read is supported');
  if (access.kind === 'write' && !allocated) {
    if (!WRITERS.has(env.program.type)) refuse('only read is supported');
    return checkStructWrite(env, access, reg, name, off);
  }
  if (allocated) {
    const field = allocatedFields(env, reg.btfId).fields.find(
      (f) => off < f.offset + f.sizeBytes && f.offset < off + access.sizeBytes,
    );
    if (field !== undefined) refuse(`direct access to ${fieldTypeName(field.kind)} is disallowed`);
  }
  const step = walkData(btf, reg.btfId, off, access.sizeBytes, walkRules(env, reg));
  if (step.kind === 'refused') return refuse(step.message, step.errno);
  if (access.kind === 'write' || access.valueRegno < 0) return;
  if (step.kind === 'dataPointer' && hasFeature(env, 'untrustedMemory')) {
    setReg(env, access.valueRegno, UNTRUSTED_MEMORY);
    return;
  }
  if (step.kind !== 'pointer' || allocated) {
    const size = access.sizeBytes as MemAccess['sizeBytes'];
    setReg(env, access.valueRegno, loadedScalar(size, access.signExtend));
    return;
  }
  const flags = loadedFlags(env, btf, reg, step);
  setReg(
    env,
    access.valueRegno,
    pointer('btfId', {
      btfId: step.btfId,
      btfOf: 'kernel',
      flags,
      id: (flags & MAYBE_NULL) !== 0 ? newId(env) : 0,
    }),
  );
}

/** Iterators' key and value buffers: as large as the program needs, which is checked when it is attached. */
export function checkBufferAccess(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  if (access.kind === 'write' && (reg.flags & MEM_RDONLY) !== 0) {
    reject(env, {
      code: 'write-to-read-only',
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${access.regno} cannot write into ${regTypeName(reg)}`,
      registers: [access.regno],
      facts: { type: regTypeName(reg) },
    });
  }
  checkBufferRange(env, access.regno, reg, access.off, access.sizeBytes);
  if (access.kind === 'read' && access.valueRegno >= 0) {
    setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
  }
}

/** The same for the writable buffer of a raw tracepoint. */
export function checkTracepointBuffer(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  checkBufferRange(env, access.regno, reg, access.off, access.sizeBytes, 'tracepoint');
  if (access.kind === 'read' && access.valueRegno >= 0) {
    setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
  }
}

/** `off` is the access's own offset; `what` is how messages call the buffer. */
export function checkBufferRange(
  env: VerifierEnv,
  regno: number,
  reg: RegState,
  off: number,
  sizeBytes: number,
  what = (reg.flags & MEM_RDONLY) !== 0 ? 'rdonly' : 'rdwr',
): void {
  const refuse = (message: string): never =>
    reject(env, {
      code: 'buffer-access',
      category: 'Memory Safety',
      errno: EACCES,
      message,
      registers: [regno],
    });
  if (hasFeature(env, 'pointerOffsetFolded')) {
    const bits = tnumAdd(reg.bits, tnumConst(asU64(BigInt(reg.off))));
    if (bits.mask !== 0n)
      refuse(`R${regno} invalid variable buffer offset: off=${off}, var_off=${bitsText(env, bits)}`);
    const moved = asS64(bits.value);
    if (moved + BigInt(off) < 0n)
      refuse(`R${regno} invalid negative ${what} buffer offset: off=${off}, var_off=${moved}`);
    return;
  }
  const at = off + reg.off;
  if (at < 0) refuse(`R${regno} invalid ${what} buffer access: off=${at}, size=${sizeBytes}`);
  if (reg.bits.mask !== 0n || reg.bits.value !== 0n) {
    refuse(`R${regno} invalid variable buffer offset: off=${at}, var_off=${bitsText(env, reg.bits)}`);
  }
}
