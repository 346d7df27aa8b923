/**
 * When a type of the object and a type of the kernel count as the same for CO-RE: three relations, from "a field of this
 * type may be read as that" to "is the same declaration". Names are compared without their flavour (`task___old`).
 *
 * Evidence: documented behaviour of libbpf's bpf_core_field_*, bpf_core_type_exists and bpf_core_type_matches.
 */
import { resolvedType, resolveModifiers, typeById, type BtfStruct } from '../btf/query';
import type { Btf, BtfType } from '../btf/types';

const MAX_DEPTH = 32;

/** The name without a flavour: what stands before the last `___` that has something on both sides. */
export function essentialName(name: string): string {
  for (let at = name.length - 4; at > 0; at--) {
    if (name.startsWith('___', at) && name[at - 1] !== '_' && name[at + 3] !== '_') return name.slice(0, at);
  }
  return name;
}

/** Same kind of thing (the two enum kinds of BTF are one here). */
export const sameKind = (a: BtfType, b: BtfType): boolean => a.kind === b.kind;

const isComposite = (type: BtfType): type is BtfStruct => type.kind === 'struct' || type.kind === 'union';

const wholeInt = (type: BtfType): boolean => type.kind === 'int' && type.bitOffset === 0;

/** Whether a member of type `localId` may be relocated to a member of type `targetId`. */
export function fieldsCompatible(local: Btf, localId: number, target: Btf, targetId: number): boolean {
  for (let depth = 0; depth < MAX_DEPTH * 8; depth++) {
    const a = resolvedType(local, localId);
    const b = resolvedType(target, targetId);
    if (isComposite(a) && isComposite(b)) return true;
    if (!sameKind(a, b)) return false;
    switch (a.kind) {
      case 'ptr':
      case 'float':
        return true;
      case 'int':
        return wholeInt(a) && wholeInt(b);
      case 'fwd':
      case 'enum':
        return a.name === '' || b.name === '' || essentialName(a.name) === essentialName(b.name);
      case 'array':
        localId = a.type;
        targetId = (b as typeof a).type;
        break;
      default:
        return false;
    }
  }
  return false;
}

/** Whether a type "exists": same kind all the way through pointers, arrays and prototypes; members do not matter. */
export function typesCompatible(local: Btf, localId: number, target: Btf, targetId: number): boolean {
  // The outermost names were compared by the candidate search; kinds are compared before typedefs are followed.
  if (!sameKind(typeById(local, localId), typeById(target, targetId))) return false;
  return compatibleInside(local, localId, target, targetId, MAX_DEPTH);
}

function compatibleInside(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  depth: number,
): boolean {
  if (depth <= 0) return false;
  const a = resolvedType(local, localId);
  const b = resolvedType(target, targetId);
  if (!sameKind(a, b)) return false;
  switch (a.kind) {
    case 'void':
    case 'struct':
    case 'union':
    case 'enum':
    case 'fwd':
      return true;
    case 'int':
      return wholeInt(a) && wholeInt(b);
    case 'ptr':
    case 'array':
      return compatibleInside(local, a.type, target, (b as typeof a).type, depth - 1);
    case 'funcProto': {
      const other = b as typeof a;
      return (
        a.params.length === other.params.length &&
        a.params.every((param, i) =>
          compatibleInside(local, param.type, target, other.params[i].type, depth - 1),
        ) &&
        compatibleInside(local, a.returnType, target, other.returnType, depth - 1)
      );
    }
    default:
      return false;
  }
}

/** Whether the kernel's declaration has everything that the local one has, with the same types. */
export function typesMatch(local: Btf, localId: number, target: Btf, targetId: number): boolean {
  return new Matcher(local, target).match(localId, targetId, false, MAX_DEPTH);
}

class Matcher {
  /** Each pair is decided once; without this, two hostile types could be compared exponentially often. */
  private readonly known = new Map<string, boolean>();

  constructor(
    private readonly local: Btf,
    private readonly target: Btf,
  ) {}

  match(localId: number, targetId: number, behindPointer: boolean, depth: number): boolean {
    if (depth <= 0) return false;
    const a = resolveModifiers(this.local, localId);
    const b = resolveModifiers(this.target, targetId);
    const key = `${a} ${b} ${behindPointer ? 1 : 0}`;
    let result = this.known.get(key);
    if (result === undefined) {
      result = this.decide(typeById(this.local, a), typeById(this.target, b), behindPointer, depth);
      this.known.set(key, result);
    }
    return result;
  }

  private decide(a: BtfType, b: BtfType, behindPointer: boolean, depth: number): boolean {
    if (essentialName(a.name) !== essentialName(b.name)) return false;
    switch (a.kind) {
      case 'void':
        return b.kind === 'void';
      case 'fwd':
        if (b.kind === 'fwd') return a.of === b.of;
        return behindPointer && b.kind === a.of;
      case 'enum':
        return (
          b.kind === 'enum' &&
          a.sizeBytes === b.sizeBytes &&
          a.values.every((x) => b.values.some((y) => essentialName(x.name) === essentialName(y.name)))
        );
      case 'struct':
      case 'union':
        if (behindPointer) return b.kind === a.kind || (b.kind === 'fwd' && b.of === a.kind);
        return b.kind === a.kind && this.membersMatch(a, b, depth);
      case 'int':
        return (
          b.kind === 'int' &&
          a.sizeBytes === b.sizeBytes &&
          (a.encoding === 'signed') === (b.encoding === 'signed')
        );
      case 'ptr':
        return b.kind === 'ptr' && this.match(a.type, b.type, true, depth - 1);
      case 'array':
        return (
          b.kind === 'array' && a.count === b.count && this.match(a.type, b.type, behindPointer, depth - 1)
        );
      case 'funcProto':
        return (
          b.kind === 'funcProto' &&
          a.params.length === b.params.length &&
          a.params.every((param, i) => this.match(param.type, b.params[i].type, behindPointer, depth - 1)) &&
          this.match(a.returnType, b.returnType, behindPointer, depth - 1)
        );
      default:
        return false;
    }
  }

  private membersMatch(a: BtfStruct, b: BtfStruct, depth: number): boolean {
    if (a.members.length > b.members.length) return false;
    const byName = new Map<string, number[]>();
    for (const member of b.members) {
      const name = essentialName(member.name);
      byName.set(name, [...(byName.get(name) ?? []), member.type]);
    }
    return a.members.every((member) =>
      (byName.get(essentialName(member.name)) ?? []).some((type) =>
        this.match(member.type, type, false, depth - 1),
      ),
    );
  }
}
