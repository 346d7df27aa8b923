/**
 * Kernel structures read through typed pointers: tracing arguments, sockets, the map structure behind a map pointer.
 * Only scalar members of plain structs are judged; everything else answers `unknown` with what would be needed.
 */
import { findType, resolvedType, resolveModifiers, sizeOfType } from '../btf/query';
import type { Btf } from '../btf/types';
import { bitsText } from './bitsText';
import { hasFeature, reject, setReg, unknown, type VerifierEnv } from './env';
import { isGplCompatible } from './licences';
import { mapInfo } from './mapRules';
import { loadedScalar } from './memoryAccessBounds';
import { EACCES, EINVAL } from './outcome';
import { pointer, type RegState } from './regState';
import { regTypeName } from './regText';
import type { MemAccess } from './seams';

/** `struct bpf_sock` as programs see it: offset → size; members are read whole or (32-bit ones) narrower. */
const SOCK_WORDS = 80;

export function checkSocketAccess(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  if (access.kind === 'write') {
    reject(env, {
      code: 'write-to-read-only',
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${access.regno} cannot write into ${regTypeName(reg)}`,
      registers: [access.regno],
      facts: { type: regTypeName(reg) },
    });
  }
  const off = access.off + reg.off;
  if (reg.type !== 'socket' && reg.type !== 'sockCommon') unknown(env, `fields of ${regTypeName(reg)}`);
  // bpf_sock: sixteen 32-bit words and one state word; common sockets show the first four words only
  if (off < 0 || off >= SOCK_WORDS || off % access.sizeBytes !== 0 || access.sizeBytes > 4) {
    unknown(env, `this access to ${regTypeName(reg)}`);
  }
  if (reg.type === 'sockCommon' && off >= 16) unknown(env, `this access to ${regTypeName(reg)}`);
  if (off >= 44 && off < 52) unknown(env, 'port fields of sockets');
  if (access.sizeBytes !== 4) unknown(env, `narrow access to ${regTypeName(reg)}`);
  if (access.valueRegno >= 0)
    setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
}

/** The kernel's structure behind a map pointer: never writable; what it holds is not modelled. */
export function checkMapStructAccess(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  const struct = reg.map === null ? undefined : mapInfo(env, reg.map).row.kernelStruct;
  const off = access.off + reg.off;
  if (struct === undefined || access.kind === 'read') {
    return unknown(env, 'reading the kernel structure behind a map pointer');
  }
  reject(env, {
    code: 'write-to-map-pointer',
    category: 'Register Type Safety',
    errno: EACCES,
    message:
      off < 0
        ? `R${access.regno} is ${struct} invalid negative access: off=${off}`
        : `only read from ${struct} is supported`,
    registers: [access.regno],
    facts: { map: reg.map?.name ?? '' },
  });
}

/**
 * A load through a typed kernel pointer: integers become numbers, pointers to structs typed pointers again. Pointers whose
 * trust the kernel tracks (trusted, RCU) are followed to numbers only.
 */
export function checkKernelStructAccess(env: VerifierEnv, access: MemAccess, reg: RegState): void {
  const btf = env.kernelBtf;
  if (btf === undefined || reg.btfOf !== 'kernel') return unknown(env, 'kernel type information');
  const type = resolvedType(btf, reg.btfId);
  const name = type.name;
  if (hasFeature(env, 'kernelStructNeedsGpl') && !isGplCompatible(env.object.license)) {
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
  const refuse = (message: string): never =>
    reject(env, {
      code: 'kernel-struct-access',
      category: 'Memory Safety',
      errno: EACCES,
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
  if (access.kind === 'write') return unknown(env, `writes to kernel struct ${name}`);
  if (type.kind !== 'struct' || off + access.sizeBytes > type.sizeBytes) {
    return unknown(env, `accesses outside of struct ${name}`);
  }
  const found = memberAt(btf, reg.btfId, off, access.sizeBytes);
  if (found === 'number') {
    if (access.valueRegno >= 0)
      setReg(env, access.valueRegno, loadedScalar(access.sizeBytes, access.signExtend));
    return;
  }
  if (found === 'unclear' || reg.flags !== 0) return unknown(env, `pointers inside kernel struct ${name}`);
  if (access.valueRegno >= 0) {
    setReg(env, access.valueRegno, pointer('btfId', { btfId: found, btfOf: 'kernel' }));
  }
}

/** What a program finds at some bytes of a type: a number, a pointer to a struct (its id), or something not modelled. */
function memberAt(btf: Btf, typeId: number, off: number, sizeBytes: number): 'number' | 'unclear' | number {
  const type = resolvedType(btf, typeId);
  switch (type.kind) {
    case 'int':
    case 'enum':
      return off >= 0 && off + sizeBytes <= type.sizeBytes ? 'number' : 'unclear';
    case 'ptr': {
      if (off !== 0 || sizeBytes !== 8) return 'unclear';
      // tags on pointers (user, per-CPU, RCU) change what may be done with them
      const direct = btf.types[type.type];
      if (direct?.kind === 'typeTag') return 'unclear';
      const pointee = resolvedType(btf, type.type);
      if (pointee.kind === 'struct') return resolveModifiers(btf, type.type);
      return pointee.kind === 'int' || pointee.kind === 'void' || pointee.kind === 'funcProto'
        ? 'number'
        : 'unclear';
    }
    case 'array': {
      const element = sizeOfType(btf, type.type);
      return element !== undefined && element > 0 && off + sizeBytes <= element * type.count
        ? memberAt(btf, type.type, off % element, sizeBytes)
        : 'unclear';
    }
    case 'struct':
      for (const member of type.members) {
        if (member.bitfieldSizeBits !== 0 || member.offsetBits % 8 !== 0) continue;
        const start = member.offsetBits / 8;
        const size = sizeOfType(btf, member.type);
        if (size !== undefined && off >= start && off + sizeBytes <= start + size) {
          return memberAt(btf, member.type, off - start, sizeBytes);
        }
      }
      return 'unclear';
    default:
      return 'unclear';
  }
}

/**
 * The register that a tracing program gets from its argument array at `off`: numbers for integers, typed pointers for
 * struct pointers.
 */
export function argumentAt(env: VerifierEnv, off: number, access: MemAccess): RegState {
  const btf = env.kernelBtf;
  const target = env.program.attachTo ?? '';
  if (btf === undefined) return unknown(env, 'kernel type information (arguments of the traced function)');
  if (env.program.type !== 'BPF_PROG_TYPE_TRACING') return unknown(env, `arguments of ${env.program.type}`);
  const attach = env.program.attachType;
  if (attach !== 'BPF_TRACE_FENTRY' && attach !== 'BPF_TRACE_FEXIT') {
    return unknown(env, `arguments of ${attach ?? 'this attach type'}`);
  }
  const func = btf.types[findType(btf, target, 'func')];
  const proto = func?.kind === 'func' ? btf.types[func.type] : undefined;
  if (proto?.kind !== 'funcProto') return unknown(env, `kernel function ${target}`);
  const index = off >> 3;
  const typeId =
    index < proto.params.length
      ? proto.params[index].type
      : index === proto.params.length && attach === 'BPF_TRACE_FEXIT'
        ? proto.returnType
        : -1;
  if (typeId <= 0) return unknown(env, `argument ${index + 1} of ${target}`);
  const type = resolvedType(btf, typeId);
  if (type.kind === 'int' || type.kind === 'enum') return loadedScalar(access.sizeBytes, access.signExtend);
  if (access.sizeBytes !== 8) return unknown(env, 'narrow loads of pointer arguments');
  if (type.kind !== 'ptr') return unknown(env, `argument ${index + 1} of ${target}`);
  if (btf.types[type.type]?.kind === 'typeTag')
    return unknown(env, `tags on argument ${index + 1} of ${target}`);
  const pointee = resolvedType(btf, type.type);
  if (pointee.kind === 'void' || pointee.kind === 'int') return loadedScalar(8, false);
  if (pointee.kind !== 'struct') return unknown(env, `argument ${index + 1} of ${target}`);
  if (index >= proto.params.length) return unknown(env, 'pointers that the traced function returns');
  return pointer('btfId', { btfId: resolveModifiers(btf, type.type), btfOf: 'kernel' });
}
