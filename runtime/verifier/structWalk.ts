/**
 * What stands at some bytes of a kernel (or object) struct, by its BTF: plain data, a pointer to another struct, or nothing that a
 * program may read. Not here: what follows for the pointer that was used (`memoryAccessKernel.ts`).
 * Evidence: recorded answers of 6.1, 6.12 and 7.2.
 */
import { resolvedType, resolveModifiers, sizeOfType } from '../btf/query';
import type { Btf, BtfMember, BtfType } from '../btf/types';
import { EACCES, EINVAL } from './outcome';
import { MEM_PERCPU, MEM_RCU, MEM_USER, PTR_UNTRUSTED } from './regState';

export type WalkStep =
  | { readonly kind: 'data' }
  /** A pointer to struct `btfId`, found in member `field`; flags: MEM_USER, MEM_PERCPU, MEM_RCU, PTR_UNTRUSTED. */
  | { readonly kind: 'pointer'; readonly btfId: number; readonly flags: number; readonly field: string }
  /** A pointer to something other than a struct. */
  | { readonly kind: 'dataPointer'; readonly untrusted: boolean }
  /** A struct begins exactly here. */
  | { readonly kind: 'struct'; readonly btfId: number; readonly flags: number }
  | { readonly kind: 'refused'; readonly message: string; readonly errno: number };

export interface WalkRules {
  /** Members of unions yield untrusted pointers. */
  readonly unionsUntrusted: boolean;
  /** An array without a length at the end of a struct may be read at any index. */
  readonly openArrays: boolean;
}

const TAG_FLAGS: Readonly<Record<string, number>> = { user: MEM_USER, percpu: MEM_PERCPU, rcu: MEM_RCU };

/** Structs without a name have one in messages. */
const nameOf = (type: { readonly name: string }): string => (type.name === '' ? '(anon)' : type.name);

type StructType = Extract<BtfType, { kind: 'struct' | 'union' }>;
const isStruct = (type: BtfType): type is StructType => type.kind === 'struct' || type.kind === 'union';

/** A member with arrays unrolled: its element and where all elements end. */
interface Place {
  readonly start: number;
  readonly end: number;
  readonly elementId: number;
  readonly elementSize: number;
}

function placeOf(btf: Btf, member: BtfMember): Place | undefined {
  const start = Math.floor(member.offsetBits / 8);
  let id = resolveModifiers(btf, member.type);
  let count = 1;
  for (let type = btf.types[id]; type?.kind === 'array'; type = btf.types[id]) {
    count *= type.count;
    id = resolveModifiers(btf, type.type);
  }
  const elementSize = sizeOfType(btf, id);
  if (elementSize === undefined) return undefined;
  return { start, end: start + count * elementSize, elementId: id, elementSize };
}

const refused = (message: string, errno = EACCES): WalkStep => ({ kind: 'refused', message, errno });

/**
 * One step: stops where a struct begins, so that callers can compare it; `walkData` goes on to the data.
 */
export function walkStruct(
  btf: Btf,
  typeId: number,
  offset: number,
  sizeBytes: number,
  rules: WalkRules,
  startFlags = 0,
): WalkStep {
  let id = resolveModifiers(btf, typeId);
  let off = offset;
  let flags = startFlags;
  for (let depth = 0; depth < 32; depth++) {
    const type = btf.types[id];
    if (type === undefined || !isStruct(type))
      return refused(`Type '${type?.name ?? ''}' is not a struct`, EINVAL);
    if (rules.unionsUntrusted && type.kind === 'union' && type.members.length !== 1) flags |= PTR_UNTRUSTED;
    if (off + sizeBytes > type.sizeBytes) {
      const beyond = refused(`access beyond struct ${nameOf(type)} at off ${off} size ${sizeBytes}`);
      const last = type.members[type.members.length - 1];
      const array = last === undefined ? undefined : resolvedType(btf, last.type);
      if (!rules.openArrays || array?.kind !== 'array' || array.count !== 0) return beyond;
      const start = Math.floor(last.offsetBits / 8);
      if (off < start) return beyond;
      const element = resolvedType(btf, array.type);
      if (element.kind === 'int') return { kind: 'data' };
      if (!isStruct(element) || element.sizeBytes === 0) return beyond;
      off = (off - start) % element.sizeBytes;
      id = resolveModifiers(btf, array.type);
      continue;
    }
    const step = memberStep(btf, type, off, sizeBytes, flags);
    if (step.kind !== 'inside') return step;
    id = step.btfId;
    off = step.offset;
  }
  return refused('', EINVAL);
}

function memberStep(
  btf: Btf,
  type: StructType,
  off: number,
  sizeBytes: number,
  flags: number,
): WalkStep | { readonly kind: 'inside'; readonly btfId: number; readonly offset: number } {
  const untrusted = (flags & PTR_UNTRUSTED) !== 0;
  for (const member of type.members) {
    const from = Math.floor(member.offsetBits / 8);
    if (off + sizeBytes <= from) break;
    if (member.bitfieldSizeBits !== 0) {
      const endBytes = Math.ceil((member.offsetBits + member.bitfieldSizeBits) / 8);
      if (off <= from && endBytes <= off + sizeBytes) return { kind: 'data' };
      continue;
    }
    if (off < from) break;
    const place = placeOf(btf, member);
    if (place === undefined) return refused(`field ${member.name} doesn't have size`, 14);
    if (off >= place.end) continue;
    const index = place.elementSize === 0 ? 0 : Math.floor((off - from) / place.elementSize);
    const start = from + index * place.elementSize;
    const element = btf.types[place.elementId];
    if (isStruct(element)) {
      if (off === start) return { kind: 'struct', btfId: place.elementId, flags };
      return { kind: 'inside', btfId: place.elementId, offset: off - start };
    }
    if (element.kind === 'ptr') {
      if (sizeBytes !== place.elementSize || off !== start) {
        return refused(
          `cannot access ptr member ${member.name} with moff ${start} in struct ${nameOf(type)} with off ${off} size ${sizeBytes}`,
        );
      }
      const tag = btf.types[element.type];
      const pointeeId = resolveModifiers(btf, element.type);
      if (isStruct(btf.types[pointeeId])) {
        const tagged = tag?.kind === 'typeTag' ? (TAG_FLAGS[tag.name] ?? 0) : 0;
        return { kind: 'pointer', btfId: pointeeId, flags: flags | tagged, field: member.name };
      }
      return { kind: 'dataPointer', untrusted };
    }
    if (off + sizeBytes > place.end && !untrusted) {
      return refused(
        `access beyond the end of member ${member.name} (mend:${place.end}) in struct ${nameOf(type)} with off ${off} size ${sizeBytes}`,
      );
    }
    return { kind: 'data' };
  }
  return refused(`struct ${nameOf(type)} doesn't have field at offset ${off}`, EINVAL);
}

/** Goes into structs that begin at the offset until data, a pointer or a refusal is found. */
export function walkData(
  btf: Btf,
  typeId: number,
  offset: number,
  sizeBytes: number,
  rules: WalkRules,
): Exclude<WalkStep, { kind: 'struct' }> {
  let step = walkStruct(btf, typeId, offset, sizeBytes, rules);
  for (let depth = 0; step.kind === 'struct' && depth < 64; depth++) {
    step = walkStruct(btf, step.btfId, 0, sizeBytes, rules, step.flags);
  }
  return step.kind === 'struct' ? { kind: 'refused', message: '', errno: EINVAL } : step;
}

/**
 * Whether a pointer to struct `have` (plus `off`) may be used where `want` is expected: the same struct, or one that begins
 * exactly there.
 */
export function structMatches(
  btf: Btf,
  have: number,
  off: number,
  want: number,
  strict: boolean,
  rules: WalkRules,
): boolean {
  let id = resolveModifiers(btf, have);
  const wanted = resolveModifiers(btf, want);
  if (off === 0 && id === wanted) return true;
  if (strict) return false;
  let at = off;
  for (let depth = 0; depth < 64; depth++) {
    const step = walkStruct(btf, id, at, 1, rules);
    if (step.kind !== 'struct') return false;
    if (step.btfId === wanted) return true;
    id = step.btfId;
    at = 0;
  }
  return false;
}
