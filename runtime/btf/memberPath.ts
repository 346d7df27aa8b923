/** Where a member lies that is named by a path (`thread_info.flags`), through anonymous structs and unions. */
import { resolvedType, sizeOfType, typeById } from './query';
import type { Btf } from './types';

export interface MemberPlace {
  readonly offsetBits: number;
  readonly sizeBits: number;
}

/** Undefined: the struct has no such member. */
export function memberPlace(btf: Btf, structId: number, path: string): MemberPlace | undefined {
  let typeId = structId;
  let offsetBits = 0;
  let sizeBits = 0;
  for (const name of path.split('.')) {
    const found = memberNamed(btf, typeId, name);
    if (found === undefined) return undefined;
    offsetBits += found.offsetBits;
    sizeBits = found.bitfieldSizeBits > 0 ? found.bitfieldSizeBits : 8 * (sizeOfType(btf, found.type) ?? 0);
    typeId = found.type;
  }
  return { offsetBits, sizeBits };
}

function memberNamed(
  btf: Btf,
  structId: number,
  name: string,
): { readonly offsetBits: number; readonly bitfieldSizeBits: number; readonly type: number } | undefined {
  const type = resolvedType(btf, structId);
  if (type.kind !== 'struct' && type.kind !== 'union') return undefined;
  for (const member of type.members) {
    if (member.name === name) return member;
    if (member.name !== '' || typeById(btf, member.type).kind === 'ptr') continue;
    const inner = memberNamed(btf, member.type, name);
    if (inner !== undefined) return { ...inner, offsetBits: inner.offsetBits + member.offsetBits };
  }
  return undefined;
}
